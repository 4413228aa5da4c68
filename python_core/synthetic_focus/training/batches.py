"""Batches for training: samples held in memory, made into new photographs beside the training."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.lens.model import blur_per_dioptre
from synthetic_focus.training import augment, samples
from synthetic_focus.training.camera import encoded, photograph
from synthetic_focus.training.samples import Exposure, Kind, SampleCamera

Halves = NDArray[np.float16]

_BRIGHTEST = 60000.0
_RECOLOURED = 0.25  # of the pictures
_PHOTOGRAPHED_SIDE = 144  # pixels of the long side, as that of a generated sample's `LensShot`


class DataError(SyntheticFocusError):
    """Training data that nothing can be learnt from."""


@dataclass(frozen=True)
class Stored:
    """A sample in memory: pictures (H, W, 3) and disparity (H, W), as halves."""

    kind: Kind
    deep: Halves
    disparity: Halves
    shallow: Halves | None = None
    adjusted: Halves | None = None
    camera: SampleCamera | None = None
    exposures: dict[str, Exposure] | None = None


def read_folder(folder: Path, split: str = "train") -> list[Stored]:
    """All whole generated samples of that split in `folder`, by name.

    Raises:
        DataError: there are none, or one is damaged.
    """
    if not folder.is_dir():
        raise DataError(
            f"there is no folder {folder}; `python -m synthetic_focus.training.generate` makes one"
        )
    with ThreadPoolExecutor(2) as pool:
        try:
            loaded = pool.map(lambda place: _stored(place, split), samples.places(folder))
            chosen = [stored for stored in loaded if stored is not None]
        except samples.SampleError as error:
            raise DataError(f"{error}; remove that folder, or generate it again") from error
    if not chosen:
        raise DataError(
            f"{folder} has no sample of the split {split!r};"
            " `python -m synthetic_focus.training.generate` makes some"
        )
    return chosen


def _stored(place: Path, split: str) -> Stored | None:
    sample = samples.load(place)
    if sample.split != split:
        return None
    assert sample.disparity is not None
    for name in ("deep", "shallow", "adjusted", "disparity"):
        pixels = getattr(sample, name)
        if pixels is not None and not np.isfinite(pixels).all():
            raise DataError(f"{place}: {name} is not finite; remove that folder")
    return Stored(
        sample.kind,
        _half(sample.deep),
        _half(sample.disparity),
        None if sample.shallow is None else _half(sample.shallow),
        None if sample.adjusted is None else _half(sample.adjusted),
        sample.camera,
        None if sample.exposures is None else dict(sample.exposures),
    )


@dataclass(frozen=True)
class Photographed:
    """A photographed pair or triplet in memory: pictures (H, W, 3) as halves, aligned.

    Scene-linear, and clipped where the camera clipped. How far anything is is not known, nor how
    the lens was set.
    """

    kind: Kind
    deep: Halves
    shallow: Halves
    adjusted: Halves | None = None


def read_photographs(folder: Path) -> list[Photographed]:
    """All pairs and triplets of photographs in `folder`, by name (`samples.load_photographs`).

    Raises:
        DataError: there are none, or one cannot be used.
    """
    found = sorted(p for p in folder.glob("*") if p.is_dir() and not p.name.startswith("."))
    if not found:
        raise DataError(
            f"{folder} has no folders of photographs: each holds deep.jpg, shallow.jpg and, for a"
            " triplet, adjusted.jpg (or .png, .tif, .exr)"
        )
    with ThreadPoolExecutor(2) as pool:
        try:
            return list(pool.map(_photographed, found))
        except samples.SampleError as error:
            raise DataError(str(error)) from error


def _photographed(place: Path) -> Photographed:
    sample = samples.load_photographs(place)
    assert sample.shallow is not None
    height, width = sample.deep.shape[:2]
    scale = min(1.0, _PHOTOGRAPHED_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))

    def small(pixels: Floats) -> Halves:
        return _half(np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)))

    adjusted = None if sample.adjusted is None else small(sample.adjusted)
    return Photographed(sample.kind, small(sample.deep), small(sample.shallow), adjusted)


def _half(pixels: Floats) -> Halves:
    return np.clip(pixels, 0, _BRIGHTEST).astype(np.float16)


class Batch(NamedTuple):
    """Photographs and what is true of them, all float32.

    Attributes:
        picture: (B, 3, H, W), display-encoded, 0..1.
        disparity: (B, 1, H, W) in the estimator's calibration (`augment.relative`).
        log_gain: (B, 3, H, W) of the light that clipping has lost.
    """

    picture: Tensor
    disparity: Tensor
    log_gain: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on that device."""
        return Batch(*(part.to(device, non_blocking=True) for part in self))


@dataclass(frozen=True)
class LensShot:
    """A sample with lens blur, for the rendering losses; one frame.

    At half the sample's size: the cost of rendering grows with the area and with the blur.

    Attributes:
        picture: (1, 3, H, W) the deep picture, display-encoded and clipped.
        dioptres: (1, 1, H, W) true disparity in 1/m.
        targets: (1, 3, H, W) scene-linear pictures through the lens, one, or a triplet's two.
        slopes, focuses: of each target: the blur radius in pixels for a dioptre out of focus,
            and the focus in dioptres. Signed blur radius = slope (focus - disparity).
    """

    picture: Tensor
    dioptres: Tensor
    targets: tuple[Tensor, ...]
    slopes: tuple[float, ...]
    focuses: tuple[float, ...]

    def to(self, device: torch.device) -> LensShot:
        """The same on that device."""
        return replace(
            self,
            picture=self.picture.to(device),
            dioptres=self.dioptres.to(device),
            targets=tuple(target.to(device) for target in self.targets),
        )


@dataclass(frozen=True)
class PhotographedShot:
    """A photographed pair or triplet, for the rendering losses; one frame.

    Attributes:
        kind: of the sample.
        picture: (1, 3, H, W) the deep picture, display-encoded and clipped.
        targets: (1, 3, H, W) scene-linear pictures through the lens, one, or a triplet's two.
    """

    kind: Kind
    picture: Tensor
    targets: tuple[Tensor, ...]

    def to(self, device: torch.device) -> PhotographedShot:
        """The same on that device."""
        return replace(
            self,
            picture=self.picture.to(device),
            targets=tuple(target.to(device) for target in self.targets),
        )


def blur_slope(camera: SampleCamera, exposure: Exposure, width: int) -> float:
    """Pixels of blur radius for a dioptre out of focus, in a picture `width` pixels wide."""
    return blur_per_dioptre(
        1 / exposure.focus_distance_m,
        focal_length_mm=camera.focal_length_mm,
        f_stop=exposure.f_stop,
        sensor_width_mm=camera.sensor_width_mm,
        width_px=width,
    )


class Batches(Dataset[Batch]):
    """The batch of each step of a run; batch n depends on the seed and n only."""

    def __init__(
        self,
        data: Sequence[Stored],
        *,
        seed: int,
        size: int,
        frames: Sequence[tuple[int, int]],
        merging: float,
        standing: float,
    ) -> None:
        """Keeps what it is told.

        Args:
            data: samples.
            seed: of the run.
            size: pictures a batch.
            frames: (width, height) to choose from, one a batch.
            merging, standing: how often two scenes are merged, and things are put into one.
        """
        self._data = data
        self._seed, self._size, self._frames = seed, size, tuple(frames)
        self._merging, self._standing = merging, standing

    def __getitem__(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self._seed, step])
        frame = self._frames[int(rng.integers(len(self._frames)))]
        shots = [self._one(frame, rng) for _ in range(self._size)]
        picture, disparity, log_gain = (np.stack(part) for part in zip(*shots, strict=True))
        return Batch(
            _channels_first(picture), torch.from_numpy(disparity)[:, None],
            _channels_first(log_gain),
        )  # fmt: skip

    def _one(self, frame: tuple[int, int], rng: np.random.Generator) -> tuple[Floats, ...]:
        view = self._view(frame, rng)
        if rng.random() < self._merging:
            view = augment.merged(view, self._view(frame, rng))
        if rng.random() < self._standing:
            texture = self._view(frame, rng).radiance
            for _ in range(int(rng.integers(1, 4))):
                view = augment.with_standing(view, texture, rng)
        radiance = view.radiance
        if rng.random() < _RECOLOURED:
            radiance = augment.recoloured(radiance, rng)
        taken = photograph(radiance, rng)
        return taken.picture, augment.relative(view.disparity), taken.log_gain

    def _view(self, frame: tuple[int, int], rng: np.random.Generator) -> augment.View:
        stored = self._data[int(rng.integers(len(self._data)))]
        whole = augment.View(stored.deep.astype(np.float32), stored.disparity.astype(np.float32))
        return augment.framed(whole, frame, rng)


def made_beside(
    batches: Batches, steps: range, device: torch.device
) -> Generator[Batch, None, None]:
    """The batches of consecutive steps, made while those before are learnt from.

    A thread is enough beside a training that needs the processor itself. A graphics card is fed
    by processes, which leave two cores to the one that trains; batches come in pinned memory.
    """
    if device.type == "cpu":
        with ThreadPoolExecutor(1) as thread:
            tasks = (thread.submit(batches.__getitem__, step) for step in steps)
            following = next(tasks, None)
            while following is not None:
                batch, following = following.result(), next(tasks, None)
                yield batch
        return
    # By fork, so that the processes share the samples. What OpenCV's own threads would do in a
    # fork is not defined, and there are processes enough.
    cv2.setNumThreads(1)
    yield from DataLoader(
        batches,
        batch_size=None,
        sampler=steps,
        num_workers=max(1, (os.cpu_count() or 1) - 2),
        multiprocessing_context="fork",
        pin_memory=True,
    )


def lens_shots(data: Sequence[Stored]) -> list[Stored]:
    """The samples that `lens_shot` can use."""
    return [s for s in data if s.shallow is not None and s.camera and s.exposures]


def lens_shot(stored: Stored, rng: np.random.Generator) -> LensShot:
    """One of `lens_shots`, exposed at random and perhaps mirrored."""
    assert stored.camera is not None
    assert stored.exposures is not None
    height, width = (max(1, side // 2) for side in stored.disparity.shape)
    mirrored = rng.random() < 0.5
    gain = np.float32(2 ** rng.uniform(-0.5, 0.7))

    def half(pixels: Halves, interpolation: int = cv2.INTER_AREA) -> Floats:
        small = cv2.resize(pixels.astype(np.float32), (width, height), interpolation=interpolation)
        return np.ascontiguousarray(small[:, ::-1] if mirrored else small, np.float32)

    taken = {name: getattr(stored, name) for name in ("shallow", "adjusted")}
    names = [name for name, pixels in taken.items() if pixels is not None]
    settings = [stored.exposures[name] for name in names]
    return LensShot(
        _channels_first(encoded(half(stored.deep) * gain)[None]),
        torch.from_numpy(half(stored.disparity, cv2.INTER_NEAREST))[None, None],
        tuple(_channels_first(half(taken[name])[None] * gain) for name in names),
        tuple(blur_slope(stored.camera, one, width) for one in settings),
        tuple(1 / one.focus_distance_m for one in settings),
    )


def photographed_shot(taken: Photographed, rng: np.random.Generator) -> PhotographedShot:
    """One of `read_photographs`, perhaps mirrored. It has been exposed, so it is left so."""
    step = -1 if rng.random() < 0.5 else 1

    def light(pixels: Halves) -> Floats:
        return np.asarray(pixels[None, :, ::step], np.float32)

    targets = [pixels for pixels in (taken.shallow, taken.adjusted) if pixels is not None]
    return PhotographedShot(
        taken.kind,
        _channels_first(encoded(light(taken.deep)[0])[None]),
        tuple(_channels_first(light(pixels)) for pixels in targets),
    )


def _channels_first(pixels: Floats) -> Tensor:
    """(B, H, W, C) as a (B, C, H, W) view, which is the memory order that convolutions like."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
