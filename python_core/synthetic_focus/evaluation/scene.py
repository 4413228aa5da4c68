"""`synthetic-focus evaluate scene`: the estimator beside simple guesses, against known depth.

Disparity from one picture has no scale of its own, so each guess is first aligned to the truth of
the frame: scale and shift by least squares in disparity, as Ranftl et al. do in "Towards Robust
Monocular Depth Estimation". The figures:

- AbsRel: mean of |z - z*| / z*, in depth, over pixels not farther than 100 m. Before it becomes
  depth, aligned disparity is held to the least that the frame has there, as MiDaS caps depth at the
  farthest of a data set: these frames reach from a table's end to the horizon.
- delta1: share of these pixels for which max(z / z*, z* / z) is below 1.25.
- RMS: root mean square error of disparity, in dioptres, over all pixels (paper, figure 7A).
- boundary F1: of the places where disparity jumps by more than 10 % of the frame's range within 4
  pixels, found within 3 pixels, at a long side of 288.
- HDR log-MSE: mean square error of the natural logarithm of light, over clipped pixels (paper,
  figure 7B, after Eilertsen et al.). The truth is radiance; the picture what `camera` made of it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic_focus.evaluation.metrics import Mask, display
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.scene.providers import Provider
from synthetic_focus.training import samples
from synthetic_focus.training.camera import photograph

Bytes = NDArray[np.uint8]

FARTHEST_M: Final = 100.0
_DELTA: Final = 1.25
_JUMP: Final = 0.1
_JUMP_REACH: Final = 2
_BOUNDARY_TOLERANCE: Final = 3
_BOUNDARY_SIDE: Final = 288
CLIPPED: Final = 0.98

GUESSES: Final = ("estimator", "constant", "vertical ramp")
LIGHTS: Final = ("estimator", "none", "not learnt")


@dataclass(frozen=True)
class Frame:
    """A picture whose depth is known, and its light if `log_gain` is there.

    picture: (H, W, 3) float32, display-encoded. disparity: (H, W) dioptres, NaN where unknown.
    log_gain: (H, W, 3) of what clipping has lost.
    """

    group: str
    name: str
    picture: Floats
    disparity: Floats
    log_gain: Floats | None = None


@dataclass(frozen=True)
class DisparityScore:
    """One guess at one frame's disparity; boundary F1 is NaN where the truth has no boundary."""

    abs_rel: float
    delta1: float
    rms: float
    boundary_f1: float


@dataclass(frozen=True)
class Score:
    """One frame: disparity by guess, and log-MSE of light by guess where light is clipped."""

    group: str
    name: str
    disparity: Mapping[str, DisparityScore]
    light: Mapping[str, float]


def held_out(folder: Path) -> Iterator[Frame]:
    """The held-out samples of a folder of generated ones, as a random but fixed camera sees them.

    Raises:
        SampleError: one is damaged, or there are none.
    """
    found = False
    for place in samples.places(folder):
        sample = samples.load(place)
        if sample.split != "held-out" or sample.disparity is None:
            continue
        found = True
        taken = photograph(sample.deep, np.random.default_rng([sample.seed or 0, 77]))
        yield Frame(sample.style or "", place.name, taken.picture, sample.disparity, taken.log_gain)
    if not found:
        raise samples.SampleError(
            f"{folder} has no held-out samples; `python -m synthetic_focus.training.generate`"
            " makes some"
        )


def motorcycle() -> Frame:
    """The left picture of Middlebury 2014's Motorcycle, a quarter of its size (scikit-image)."""
    from skimage import data

    left, _, pixels = data.stereo_motorcycle()  # type: ignore[no-untyped-call]
    # Focal length in pixels, baseline, and the principal points' offset: skimage's documentation.
    focal, baseline_m, offset = 994.978, 0.193001, 31.086
    disparity = (np.where(np.isfinite(pixels), pixels, np.nan) + offset) / (focal * baseline_m)
    return Frame(
        "motorcycle (photograph)",
        "motorcycle",
        np.asarray(left, np.float32) / np.float32(255),
        np.asarray(disparity, np.float32),
    )


def aligned(guess: Floats, true: Floats, where: Mask) -> Floats:
    """The guess scaled and shifted to the truth by least squares over `where`; all (H, W)."""
    x, y = guess[where].astype(np.float64), true[where].astype(np.float64)
    centred = x - x.mean()
    variance = float(np.mean(centred * centred))
    scale = float(np.mean(centred * (y - y.mean()))) / variance if variance > 1e-12 else 0.0
    return np.asarray(scale * (guess - x.mean()) + y.mean(), np.float32)


def disparity_score(guess: Floats, true: Floats) -> DisparityScore:
    """Scores a disparity (H, W) of any scale and shift against dioptres (H, W), NaN unknown."""
    known = np.isfinite(true)
    fitted = aligned(guess, true, known)
    rms = float(np.sqrt(np.mean(np.square(fitted[known] - true[known], dtype=np.float64))))
    counted = known & (np.nan_to_num(true) >= 1 / FARTHEST_M)
    if not counted.any():
        return DisparityScore(float("nan"), float("nan"), rms, float("nan"))
    ratio = true[counted] / np.maximum(fitted[counted], true[counted].min())  # z / z*
    return DisparityScore(
        float(np.mean(np.abs(ratio - 1))),
        float(np.mean(np.maximum(ratio, 1 / ratio) < _DELTA)),
        rms,
        boundary_f1(fitted, true),
    )


def boundary_f1(disparity: Floats, true: Floats) -> float:
    """F1 of depth boundaries (see the module); NaN where the truth has none."""
    scale = _BOUNDARY_SIDE / max(true.shape)
    if scale < 1:
        size = (round(true.shape[1] * scale), round(true.shape[0] * scale))
        disparity = _resized(disparity, size, cv2.INTER_AREA)
        true = _resized(true, size, cv2.INTER_NEAREST)
    known = np.isfinite(true)
    low, high = np.percentile(true[known], (2, 98))
    step = max(_JUMP * float(high - low), 1e-6)
    # Of unknown places (occluded in the other view) nothing is counted, nor right beside them.
    sure = cv2.erode(known.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    wanted = _jumps(np.where(known, true, 0), step) & sure
    found = _jumps(disparity, step) & sure
    if not wanted.any():
        return float("nan")
    if not found.any():
        return 0.0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _BOUNDARY_TOLERANCE + 1,) * 2)
    precision = float((cv2.dilate(wanted.astype(np.uint8), disc) > 0)[found].mean())
    recall = float((cv2.dilate(found.astype(np.uint8), disc) > 0)[wanted].mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _resized(pixels: Floats, size: tuple[int, int], interpolation: int) -> Floats:
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.float32)


def _jumps(disparity: Floats, step: float) -> Mask:
    """Where disparity changes by more than `step` between the pixels 2 before and 2 after."""
    reach = _JUMP_REACH
    result = np.zeros(disparity.shape, bool)
    result[:, reach:-reach] |= np.abs(disparity[:, 2 * reach :] - disparity[:, : -2 * reach]) > step
    result[reach:-reach] |= np.abs(disparity[2 * reach :] - disparity[: -2 * reach]) > step
    return result


def log_mse(log_gain: Floats, true: Floats, picture: Floats) -> float:
    """Mean square error of log light over the clipped pixels of `picture`; NaN without any."""
    clipped = picture.max(axis=2) >= CLIPPED
    if not clipped.any():
        return float("nan")
    return float(np.mean(np.square(log_gain[clipped] - true[clipped], dtype=np.float64)))


def score(frame: Frame, provider: Provider) -> Score:
    """Scores the provider and the simple guesses on one frame."""
    from synthetic_focus.scene.expansion import expand

    estimate = provider.estimate(frame.picture)
    height, width = frame.disparity.shape
    rows = np.broadcast_to(np.linspace(0, 1, height, dtype=np.float32)[:, None], (height, width))
    guesses = (estimate.disparity, np.zeros((height, width), np.float32), rows)
    disparity = {
        name: disparity_score(guess, frame.disparity)
        for name, guess in zip(GUESSES, guesses, strict=True)
    }
    light: dict[str, float] = {}
    if frame.log_gain is not None and (frame.picture.max(axis=2) >= CLIPPED).any():
        nothing = np.zeros_like(frame.log_gain)
        not_learnt = expand(decoded(frame.picture))
        gains = (nothing if estimate.log_gain is None else estimate.log_gain, nothing, not_learnt)
        light = {
            name: log_mse(gain, frame.log_gain, frame.picture)
            for name, gain in zip(LIGHTS, gains, strict=True)
        }
    return Score(frame.group, frame.name, disparity, light)


def decoded(picture: Floats) -> Floats:
    """Scene-linear light of a display-encoded picture: the inverse of the sRGB curve."""
    low, high = picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4
    return np.where(picture <= 0.04045, low, high).astype(np.float32)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def gain_over(scores: Sequence[Score], guess: str) -> float:
    """How much lower, as a share, the estimator's mean AbsRel is than a guess's."""
    ours = _mean([s.disparity["estimator"].abs_rel for s in scores])
    return 1 - ours / _mean([s.disparity[guess].abs_rel for s in scores])


def by_group(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """Scores by the frames' group, and all of several generated groups together."""
    groups: dict[str, list[Score]] = {}
    for one in scores:
        groups.setdefault(one.group, []).append(one)
    return groups


def table(scores: Sequence[Score]) -> str:
    """Means by group: the estimator beside the guesses, and by how much it beats them."""
    lines = []
    for group, mine in by_group(scores).items():
        lines.append(f"{group}: {len(mine)} frame{'s' if len(mine) > 1 else ''}")
        lines.append(f"  {'':16}{'AbsRel':>8}{'delta1':>8}{'RMS':>8}{'edge F1':>9}")
        for guess in GUESSES:
            columns = zip(*(asdict(s.disparity[guess]).values() for s in mine), strict=True)
            a, d, r, f = (_mean(column) for column in columns)
            lines.append(f"  {guess:16}{a:8.3f}{d:8.3f}{r:8.3f}{f:9.3f}")
        gains = ", ".join(f"{100 * gain_over(mine, g):.0f} % than the {g}" for g in GUESSES[1:])
        lines.append(f"  AbsRel is lower by {gains}")
        lights = [s.light for s in mine if s.light]
        if lights:
            cells = ", ".join(f"{n} {_mean([x[n] for x in lights]):.3f}" for n in LIGHTS)
            lines.append(f"  HDR log-MSE over {len(lights)} frames: {cells}")
    return "\n".join(lines)


def write_json(path: Path, scores: Sequence[Score], identity: str, commit: str | None) -> None:
    """Every score, with what was measured where."""
    facts = {
        "provider": identity,
        "machine": platform.platform(),
        "commit": commit,
        "scores": [asdict(s) for s in scores],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def photographs() -> dict[str, Floats]:
    """Pictures without known depth that are looked at, by name (scikit-image)."""
    from skimage import data

    names = ("astronaut", "coffee", "chelsea")
    pictures = {name: getattr(data, name)() for name in names}
    return {
        name: np.asarray(picture, np.float32) / np.float32(255)
        for name, picture in pictures.items()
    } | {"motorcycle": motorcycle().picture}


def movie_frames(path: Path, numbers: Sequence[int]) -> dict[str, Floats]:
    """Some frames of a movie, by number, those after its end left out."""
    from synthetic_focus import color
    from synthetic_focus.media import open_reader

    with open_reader(path) as reader:
        return {
            f"{path.stem} {number}": display(
                color.to_rec709(reader.read(number)[..., :3], reader.colour_space)
            )
            for number in numbers
            if number < len(reader)
        }


_TILE: Final = (320, 240)


def sheet(pictures: Mapping[str, Floats], provider: Provider) -> Bytes:
    """Pictures above their disparity, four a row, as bytes (H, W, 3) BGR.

    Bright is near: disparity 0 is black and 1 is the colour map's end, the same for all.
    """
    tiles = []
    for name, picture in pictures.items():
        disparity = provider.estimate(picture).disparity
        shown = (np.clip(disparity, 0, 1) * 255 + 0.5).astype(np.uint8)
        colours = cv2.applyColorMap(shown, cv2.COLORMAP_INFERNO)
        above = (np.clip(picture[..., ::-1], 0, 1) * 255 + 0.5).astype(np.uint8)
        tile = np.vstack([_boxed(above), _boxed(colours)])
        cv2.putText(tile, name, (8, 20), 0, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(tile, name, (8, 20), 0, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 4)
    return np.vstack([np.hstack(tiles[i : i + 4]) for i in range(0, len(tiles), 4)])


def _boxed(picture: Any) -> Bytes:
    """The picture within a tile, its shape kept."""
    height, width = picture.shape[:2]
    scale = min(_TILE[0] / width, _TILE[1] / height)
    size = (round(width * scale), round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    canvas = np.zeros((_TILE[1], _TILE[0], 3), np.uint8)
    top, left = (_TILE[1] - size[1]) // 2, (_TILE[0] - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas
