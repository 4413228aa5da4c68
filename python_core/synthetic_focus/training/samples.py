"""Training samples on disk: a folder a sample, generated or photographed.

A generated sample holds::

    sample.json    {"format": "synthetic-focus/sample", "version": 1, "kind": ..., "seed": ...,
                    "style": ..., "split": "train" | "held-out",
                    "camera": {"focal_length_mm": ..., "sensor_width_mm": ...},
                    "pictures": {"deep": {"f_stop": ..., "focus_distance_m": ...}, ...}}
    deep.exr       half RGB, scene-linear Rec.709 radiance, exposed so that white is about 1
    shallow.exr    through a wider aperture, exposed alike          (pairs and triplets)
    adjusted.exr   through the triplet's third aperture or focus    (triplets)
    disparity.exr  float, dioptres (1/m) at pixel centres, 0 where infinitely far

The kinds, after the paper's section 4.1: "pair" (deep, shallow), "aperture_triplet" (adjusted has
another aperture than shallow), "focal_triplet" (adjusted has another focus), and "deep" (no lens
blur to learn from: radiance and disparity only).

A folder of photographs holds deep, shallow and, for a triplet, adjusted, as JPEG, PNG, TIFF or EXR
files of those names; `load_photographs` aligns them. A triplet's kind is said by a sample.json
that needs no more than {"kind": "aperture_triplet"} or {"kind": "focal_triplet"}.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.evaluation.truth import TruthMissingError, read_exr, write_exr
from synthetic_focus.training.alignment import (
    AlignmentError,
    common_window,
    find_warp,
    laid_over,
)

Kind = Literal["pair", "aperture_triplet", "focal_triplet", "deep"]
Split = Literal["train", "held-out"]

PICTURES: dict[Kind, tuple[str, ...]] = {
    "deep": ("deep",),
    "pair": ("deep", "shallow"),
    "aperture_triplet": ("deep", "shallow", "adjusted"),
    "focal_triplet": ("deep", "shallow", "adjusted"),
}
_FORMAT, _VERSION = "synthetic-focus/sample", 1
_BRIGHTEST_HALF = 65504.0


class SampleError(SyntheticFocusError):
    """A training sample that is not there, not whole, or not what it says."""


@dataclass(frozen=True)
class SampleCamera:
    """The body that took all of a sample's pictures; the sensor's width is the picture's."""

    focal_length_mm: float
    sensor_width_mm: float


@dataclass(frozen=True)
class Exposure:
    """How the lens was set for one picture."""

    f_stop: float
    focus_distance_m: float


@dataclass(frozen=True)
class Sample:
    """A deep picture and what is known besides.

    deep, shallow, adjusted: (H, W, 3) float32, scene-linear, display white about 1. disparity:
    (H, W) float32, dioptres, 0 infinitely far. camera and exposures are known for every generated
    sample; `exposures` has the names of the pictures as its keys.
    """

    kind: Kind
    deep: Floats
    shallow: Floats | None = None
    adjusted: Floats | None = None
    disparity: Floats | None = None
    camera: SampleCamera | None = None
    exposures: Mapping[str, Exposure] | None = None
    seed: int | None = None
    style: str | None = None
    split: Split | None = None


def places(folder: Path) -> list[Path]:
    """The folders of all whole samples in `folder`, by name; those still being written are left."""
    found = sorted(p.parent for p in folder.glob("*/sample.json"))
    return [place for place in found if not place.name.startswith(".")]


def save(sample: Sample, place: Path) -> None:
    """Writes a generated sample as the folder `place`, which is there whole or not at all.

    Raises:
        SampleError: `place` exists, or the sample lacks what its kind needs.
        OSError: it cannot be written.
    """
    if place.exists():
        raise SampleError(f"{place} is already there; remove it to write the sample again")
    if sample.disparity is None or sample.camera is None or sample.exposures is None:
        raise SampleError(f"{place}: a generated sample has a disparity, a camera and exposures")
    partial = place.with_name(f".{place.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for name in PICTURES[sample.kind]:
            pixels: Floats | None = getattr(sample, name)
            if pixels is None:
                raise SampleError(f"{place}: the kind {sample.kind} needs the picture {name!r}")
            write_exr(partial / f"{name}.exr", np.minimum(pixels, _BRIGHTEST_HALF))
        write_exr(partial / "disparity.exr", sample.disparity, "float")
        facts = {
            "format": _FORMAT,
            "version": _VERSION,
            "kind": sample.kind,
            "seed": sample.seed,
            "style": sample.style,
            "split": sample.split,
            "camera": asdict(sample.camera),
            "pictures": {name: asdict(sample.exposures[name]) for name in PICTURES[sample.kind]},
        }
        (partial / "sample.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _facts(place: Path) -> dict[str, Any]:
    try:
        facts = json.loads((place / "sample.json").read_text(encoding="utf-8"))
        if facts["format"] != _FORMAT or facts["version"] != _VERSION:
            raise ValueError(f"it is {facts['format']} {facts['version']}")
        if facts["kind"] not in get_args(Kind):
            raise ValueError(f"the kind is {facts['kind']!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SampleError(
            f"{place}/sample.json is missing or no {_FORMAT} {_VERSION}: {error}"
        ) from error
    return dict(facts)


def load(place: Path) -> Sample:
    """Reads a generated sample's folder.

    Raises:
        SampleError: it is not whole, or its pictures differ in size.
    """
    facts = _facts(place)
    kind: Kind = facts["kind"]
    try:
        pictures = {name: read_exr(place / f"{name}.exr") for name in PICTURES[kind]}
        disparity = read_exr(place / "disparity.exr")
        camera = SampleCamera(**facts["camera"])
        exposures = {name: Exposure(**facts["pictures"][name]) for name in PICTURES[kind]}
        seed, style, split = facts["seed"], facts["style"], facts["split"]
    except (TruthMissingError, KeyError, TypeError) as error:
        raise SampleError(f"{place} is not a whole sample: {error}") from error
    sizes = {name: picture.shape for name, picture in pictures.items()}
    if any(shape != (*disparity.shape, 3) for shape in sizes.values()):
        raise SampleError(f"{place}: pictures {sizes} and disparity {disparity.shape} differ")
    return Sample(
        kind,
        **pictures,
        disparity=disparity,
        camera=camera,
        exposures=exposures,
        seed=seed,
        style=style,
        split=split,
    )


_PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".exr")
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def _photographs(place: Path) -> dict[str, Path]:
    """The files of a folder's pictures by name, deep first."""
    found: dict[str, Path] = {}
    for name in PICTURES["aperture_triplet"]:
        paths = [p for p in sorted(place.glob(f"{name}.*")) if p.suffix.lower() in _PHOTOGRAPHS]
        if len(paths) > 1:
            raise SampleError(f"{place} has {paths[0].name} and {paths[1].name}; keep one of them")
        if paths:
            found[name] = paths[0]
        elif name != "adjusted":
            suffixes = ", ".join(_PHOTOGRAPHS)
            raise SampleError(f"{place} has no picture {name!r} (with a suffix of {suffixes})")
    return found


def _read_photograph(path: Path) -> Floats:
    """A photograph as scene-linear Rec.709 (H, W, 3), upright."""
    from synthetic_focus import color
    from synthetic_focus.media.images import ImageReader

    with ImageReader(path, {0: path}) as reader:
        pixels = np.ascontiguousarray(reader.read(0)[..., :3], np.float32)
        light = color.to_linear(pixels, reader.colour_space, out=pixels)
        return np.maximum(color.to_rec709(light, reader.colour_space), 0)


def _photographed_kind(place: Path, names: Mapping[str, Path]) -> Kind:
    if "adjusted" not in names:
        return "pair"
    try:
        kind = json.loads((place / "sample.json").read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = None
    if kind not in ("aperture_triplet", "focal_triplet"):
        raise SampleError(
            f"{place} is a triplet of which sort? Write there a sample.json with "
            '{"kind": "aperture_triplet"} or {"kind": "focal_triplet"}'
        )
    triplet: Kind = kind
    return triplet


def _same_exposure(picture: Floats, deep: Floats, known: NDArray[np.bool_]) -> Floats:
    """A picture scaled to the exposure of `deep`: another aperture seldom gets the same light."""
    import cv2

    ours, theirs = (cv2.GaussianBlur(p @ _LUMA, (0, 0), p.shape[1] / 60) for p in (picture, deep))
    fair = known & (theirs > 0.02) & (theirs < 0.7) & (ours > 0.005) & (ours < 0.7)
    if not fair.any():
        return picture
    return np.asarray(picture * np.median(theirs[fair] / ours[fair]), np.float32)


def load_photographs(place: Path) -> Sample:
    """Reads a folder of a photographed pair or triplet, aligned with its deep picture.

    The other pictures are laid over the deep one by a homography (see `alignment`), scaled to its
    exposure, and all are cut to what they have in common. No disparity, camera or exposures.

    Raises:
        SampleError: a picture is missing, there twice, not readable or of another size, the kind
            of a triplet is not said, or the pictures cannot be aligned.
    """
    from synthetic_focus import color

    files = _photographs(place)
    kind = _photographed_kind(place, files)
    try:
        pictures = {name: _read_photograph(path) for name, path in files.items()}
    except SyntheticFocusError as error:
        raise SampleError(f"{place} has a picture that cannot be read: {error}") from error
    deep = pictures.pop("deep")

    def grey(light: Floats) -> Floats:
        # As seen: in linear light the brightest places would decide alone
        shown = color.from_linear(np.clip(light, 0, 1), "sRGB Encoded Rec.709 (sRGB)")
        return np.asarray(shown @ _LUMA, np.float32)

    moved: dict[str, Floats] = {}
    common = np.ones(deep.shape[:2], np.bool_)
    for name, picture in pictures.items():
        if picture.shape != deep.shape:
            sizes = [f"{p.shape[1]}x{p.shape[0]}" for p in (picture, deep)]
            raise SampleError(f"{place}: {name} is {sizes[0]}, but deep is {sizes[1]}")
        try:
            over, known = laid_over(picture, find_warp(grey(deep), grey(picture)))
            common &= known
            common_window(common)
        except AlignmentError as error:
            raise SampleError(
                f"{place}: {name} cannot be aligned with deep: {error}; take both from one place "
                "and of a still scene, or remove the folder"
            ) from error
        moved[name] = _same_exposure(over, deep, known)
    window = common_window(common)
    cut = {name: np.ascontiguousarray(over[window]) for name, over in moved.items()}
    return Sample(kind, np.ascontiguousarray(deep[window]), cut["shallow"], cut.get("adjusted"))
