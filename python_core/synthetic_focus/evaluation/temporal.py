"""How steady estimated depth, light and blur are on rendered shots, and how true.

``synthetic-focus evaluate temporal`` prints the table. Every shot's pictures, as an 8-bit camera
would have recorded them, are estimated frame by frame; then three things are measured of the raw
estimates, of the filtered ones (the paper's equations 7 and 8), and of those mended by parallax:

flicker: how much disparity differs between a frame and the one before along the true flow, where
    both see a thing that does not move, in per cent of the range. Smoothing alone can cheat it, so
    beside it stand
alignment error: the same of the disparity's error against the truth, and
AbsRel: mean |z - z*| / z* of distance, after one scale and shift for the whole shot.
bokeh: how much of the blurred picture's change is the maps' doing, in levels of 255: a frame as it
    is rendered, beside itself rendered with the errors of the frame before, carried along the true
    flow; where it is blurred. A map that is wrong and steady has none. (To follow the rendered
    picture itself along the flow, or its error, does not do: blur goes with what is behind an
    edge, and a light of one pixel changes with every part of a pixel that it moves.) Details below
    two pixels are left out.
lights: how bright the blurred lights are, as a share of the true ones, and without their gain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic_focus.evaluation.metrics import display
from synthetic_focus.evaluation.moving_shots import MovingShot
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.render import defocus
from synthetic_focus.scene.expansion import THRESHOLD, expand
from synthetic_focus.scene.flow import DisFlow, FlowPair, both_ways
from synthetic_focus.scene.parallax import fused
from synthetic_focus.scene.providers import Estimate, Provider
from synthetic_focus.scene.temporal import Look, M, steadied

STAGES: Final = ("raw", "filtered", "with parallax")

_NOISE = 1.5  # levels of 255, of the simulated camera
_RADIUS = 0.03  # of the width: the largest blur of the farthest thing
_BLURRED = 0.2  # of that radius: from there on flicker of the bokeh counts
_SEEN = 2.0  # px, deviation of the mean over which the bokeh is compared
_FARTHEST_M = 100.0  # AbsRel counts up to there
_STEP = 0.05  # of the range: what changes more between two frames is an edge, not one surface
_BRIGHTEST = 0.5  # per cent of the picture that the lights' brightness is taken from

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """One stage on one shot.

    Attributes:
        shot, stage: which.
        abs_rel: see the module.
        flicker, alignment, bokeh: a value for every frame but the first, see the module.
        lights, without_gain: brightness of the blurred lights, a value a frame, as a share of the
            truth's: of the brightest half per cent of the truth; with the gain, and without.
    """

    shot: str
    stage: str
    abs_rel: float
    flicker: list[float]
    alignment: list[float]
    bokeh: list[float]
    lights: list[float]
    without_gain: list[float]


@dataclass(frozen=True)
class Maps:
    """A frame's disparity (H, W) and log gain (H, W, 3)."""

    disparity: Floats
    log_gain: Floats


@dataclass(frozen=True)
class Result:
    """One shot's scores, by stage; and of its last frame the true picture sharp and blurred, then a
    disparity and a rendered picture a stage.
    """

    shot: str
    scores: list[Score]
    sheet: list[Floats]


class Degraded:
    """A stand-in for a network: the truth, bent smoothly, unsteady in scale, noisy and soft.

    It has the faults that a network has, in known amounts, so it shows what the filter does
    whatever the network.
    """

    identity: Final = "degraded truth"

    def __init__(self, shot: MovingShot) -> None:
        """Of one shot; its pictures must be asked for in order."""
        self._truth = iter(shot.disparity)
        self._range = float(np.percentile(shot.disparity, 98))
        self._rng = np.random.default_rng(0)
        self._bend = self._field(shot.disparity.shape[1:], 0.3, 5)

    def _field(self, size: tuple[int, ...], deviation: float, cells: int) -> Floats:
        coarse = self._rng.normal(scale=deviation, size=(cells, 2 * cells)).astype(np.float32)
        return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC), np.float32)

    def estimate(self, picture: Floats) -> Estimate:
        """The next frame's."""
        size = picture.shape[:2]
        relative = next(self._truth) / self._range
        soft = cv2.GaussianBlur(relative * np.exp(self._bend), (0, 0), 1)
        scale, shift = 1 + self._rng.normal(scale=0.04), self._rng.normal(scale=0.01)
        wobble = self._field(size, 0.02, 6) + self._field(size, 0.02, 60)
        return Estimate(np.asarray(scale * soft + shift + wobble, np.float32))


def recorded(shot: MovingShot) -> list[NDArray[np.uint8]]:
    """The pictures (H, W, 3) as an 8-bit camera records them: clipped, sRGB, noisy."""
    rng = np.random.default_rng(1)
    pictures = []
    for light in shot.pictures:
        noise = rng.normal(scale=_NOISE, size=light.shape).astype(np.float32)
        levels = display(light) * 255 + noise
        pictures.append(np.clip(levels + 0.5, 0, 255).astype(np.uint8))
    return pictures


def stages(looks: Sequence[Look], flows: Sequence[FlowPair]) -> dict[str, list[Maps]]:
    """The maps of every frame, by `STAGES`, as an analysed shot has them."""
    result: dict[str, list[Maps]] = {stage: [] for stage in STAGES}
    for i, look in enumerate(looks):
        disparity, gain = steadied(looks, flows, i)
        assert look.log_gain is not None
        assert gain is not None
        result[STAGES[0]].append(Maps(look.disparity, look.log_gain))
        result[STAGES[1]].append(Maps(disparity, gain))
        around = flows[max(0, i - M) : i + M]
        result[STAGES[2]].append(Maps(fused(disparity, around, min(i, M)), gain))
    return result


def evaluate(shot: MovingShot, provider: Provider | Degraded) -> Result:
    """Scores all stages on one shot."""
    pictures = recorded(shot)
    light = [_decoded(picture) for picture in pictures]
    looks = []
    for picture, seen in zip(pictures, light, strict=True):
        estimate = provider.estimate(picture.astype(np.float32) / np.float32(255))
        gain = expand(seen) if estimate.log_gain is None else estimate.log_gain
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        looks.append(Look(grey, estimate.disparity, gain))
    flow = DisFlow()
    flows = [both_ways(flow, before.grey, now.grey) for before, now in pairwise(looks)]
    # As recorded but for what was clipped: the camera's noise is no fault of the estimate.
    true_light = [
        np.where(seen.max(axis=2, keepdims=True) >= THRESHOLD, true, seen)
        for true, seen in zip(shot.pictures, light, strict=True)
    ]
    truth = _Truth(shot, true_light)
    scores, sheet = [], [shot.pictures[-1], truth.rendered[-1]]
    for stage, maps in stages(looks, flows).items():
        disparity = np.stack([one.disparity for one in maps])
        gains = [one.log_gain for one in maps]
        score, last = _score(shot, truth, stage, disparity, gains, light)
        scores.append(score)
        sheet += [disparity[-1], last]
    return Result(shot.name, scores, sheet)


def _score(
    shot: MovingShot,
    truth: _Truth,
    stage: str,
    disparity: Floats,
    gains: Sequence[Floats],
    light: Sequence[Floats],
) -> tuple[Score, Floats]:
    fit = _aligned(disparity, shot.disparity)
    pairs = list(zip(fit, light, gains, strict=True))
    rendered = [truth.render(d, seen * np.exp(gain)) for d, seen, gain in pairs]
    plain = [truth.render(d, seen) for d, seen, _ in pairs]
    bokeh = []
    for i in range(1, len(rendered)):
        held = truth.render(
            shot.disparity[i] + truth.carried(fit - shot.disparity, i),
            light[i] * np.exp(truth.carried_gain(gains, i)),
        )
        change = cv2.GaussianBlur(display(rendered[i]) - display(held), (0, 0), _SEEN)
        counted = np.abs(change)[truth.blurred(i)]
        bokeh.append(255 * float(counted.mean()) if counted.size else float("nan"))
    return Score(
        shot.name,
        stage,
        _abs_rel(fit, shot.disparity),
        [100 * v / spread(disparity) for v in truth.changes(disparity)],
        [100 * v / spread(shot.disparity) for v in truth.changes(fit - shot.disparity)],
        bokeh,
        truth.brightness(rendered),
        truth.brightness(plain),
    ), rendered[-1]


class _Truth:
    """A shot's truth: what it looks like blurred, and where its frames can be compared."""

    def __init__(self, shot: MovingShot, light: Sequence[Floats]) -> None:
        """With the true light."""
        self._shot = shot
        near, far = np.percentile(shot.disparity, (98, 2))
        self._focus = float(near)
        self._scale = _RADIUS * shot.disparity.shape[2] / max(float(near - far), 1e-6)
        self.rendered = [self.render(d, p) for d, p in zip(shot.disparity, light, strict=True)]
        self._still = [self._comparable(i) for i in range(1, len(shot.disparity))]

    def _coc(self, disparity: Floats) -> Floats:
        # Focus on the nearest, so that everything else is blurred. Linear, as through any lens.
        return np.asarray(self._scale * (self._focus - disparity), np.float32)

    def render(self, disparity: Floats, light: Floats) -> Floats:
        """The picture (H, W, 3), blurred; disparity in dioptres."""
        return defocus(light, self._coc(disparity))

    def _comparable(self, i: int) -> Mask:
        """Where frame i and the one before show the same still surface."""
        shot = self._shot
        before = _taken_back(shot.disparity[i - 1], shot.backward[i - 1])
        moving = _taken_back(shot.moving[i - 1].astype(np.float32), shot.backward[i - 1]) > 0
        edge = np.abs(before - shot.disparity[i]) > _STEP * spread(shot.disparity)
        return np.asarray(shot.seen_backward[i - 1] & ~shot.moving[i] & ~moving & ~edge, bool)

    def changes(self, frames: Floats) -> list[float]:
        """Mean absolute change from frame to frame, of every frame but the first."""
        result = []
        for i, where in enumerate(self._still, start=1):
            before = _taken_back(frames[i - 1], self._shot.backward[i - 1])
            change = np.abs(frames[i] - before)[where]
            result.append(float(change.mean()) if change.size else float("nan"))
        return result

    def carried(self, errors: Floats, i: int) -> Floats:
        """The errors (N, H, W) of the frame before, at frame i; its own where that saw nothing."""
        before = _taken_back(errors[i - 1], self._shot.backward[i - 1])
        return np.where(self._still[i - 1], before, errors[i])

    def carried_gain(self, gains: Sequence[Floats], i: int) -> Floats:
        """The log gain (H, W, 3) of the frame before, at frame i; its own where that had none."""
        clipped = (gains[i - 1] > 0).astype(np.float32)
        before, share = (
            _taken_back(planes, self._shot.backward[i - 1]) for planes in (gains[i - 1], clipped)
        )
        known = self._still[i - 1][..., None] & (gains[i] > 0) & (share > 0)
        return np.where(known, before / np.maximum(share, 1e-6), gains[i])

    def blurred(self, i: int) -> Mask:
        """Where frame i can be compared and is blurred, beyond the blur of what moves."""
        most = _RADIUS * self._shot.disparity.shape[2]
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(most) + 1,) * 2)
        moving = cv2.dilate(
            np.asarray(self._shot.moving[i - 1 : i + 1].max(axis=0), np.uint8), disc
        )
        far = self._coc(self._shot.disparity[i]) > _BLURRED * most
        return np.asarray(self._still[i - 1] & far & (moving == 0))

    def brightness(self, rendered: Sequence[Floats]) -> list[float]:
        """Mean light of each frame where the truth is brightest, as a share of the truth's."""
        result = []
        for mine, true in zip(rendered, self.rendered, strict=True):
            light = true.mean(axis=2)
            lights = light >= np.percentile(light, 100 - _BRIGHTEST)
            result.append(float(mine.mean(axis=2)[lights].mean() / light[lights].mean()))
        return result


def spread(disparity: Floats) -> float:
    """The range of a shot's disparity, but for one pixel in fifty at each end."""
    return float(np.ptp(np.percentile(disparity[:, ::4, ::4], (2, 98))))


def _taken_back(frame: Floats, backward: Floats) -> Floats:
    """The frame before, as this one sees it."""
    height, width = backward.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(
        cv2.remap(
            frame,
            x + backward[..., 0],
            y + backward[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )


def _decoded(picture: NDArray[np.uint8]) -> Floats:
    """Scene-linear light of an sRGB picture."""
    levels = np.arange(256, dtype=np.float64) / 255
    curve = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return np.asarray(curve[picture], np.float32)


def _aligned(disparity: Floats, truth: Floats) -> Floats:
    """All frames of a shot with one scale and shift, by least squares."""
    x, y = disparity.astype(np.float64), truth.astype(np.float64)
    variance = x.var()
    scale = ((x - x.mean()) * (y - y.mean())).mean() / variance if variance > 0 else 0.0
    return np.asarray(scale * (x - x.mean()) + y.mean(), np.float32)


def _abs_rel(fit: Floats, truth: Floats) -> float:
    known = truth >= 1 / _FARTHEST_M
    ratio = truth[known] / np.maximum(fit[known], 1 / _FARTHEST_M)
    return float(np.abs(ratio - 1).mean())


def table(results: Sequence[Result]) -> str:
    """The means over all frames, as Markdown: at a shot's ends too, where the window is shorter."""
    lines = [
        "| shot | stage | AbsRel | flicker % | alignment % | bokeh | lights | without gain |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        raw = result.scores[0]
        for score in result.scores:
            cells = [f"{score.abs_rel:.3f}"]
            for measure in ("flicker", "alignment", "bokeh"):
                mine, first = (_mean(getattr(one, measure)) for one in (score, raw))
                lower = f" ({100 * (mine / first - 1):+.0f} %)" if score is not raw else ""
                cells.append(f"{mine:.2f}{lower}")
            cells += [f"{_mean(score.lights):.2f}", f"{_mean(score.without_gain):.2f}"]
            lines.append(f"| {' | '.join([score.shot, score.stage, *cells])} |")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    """Over the frames that can be compared; NaN without any."""
    known = np.asarray(values)[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def write_json(path: Path, results: Sequence[Result], provider: str, commit: str | None) -> None:
    """All scores, frame by frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scores = [asdict(score) for result in results for score in result.scores]
    facts = {"provider": provider, "commit": commit, "scores": scores}
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def write_plot(path: Path, results: Sequence[Result]) -> None:
    """Flicker of disparity and of bokeh over time: an SVG."""
    from matplotlib.figure import Figure

    path.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(3 * len(results), 5), layout="constrained")
    axes = figure.subplots(2, len(results), squeeze=False, sharex=True)
    for column, result in zip(axes.T, results, strict=True):
        for score, colour in zip(result.scores, ("#d43d2a", "#2c6fbb", "#3a9a5b"), strict=True):
            for axis, values in zip(column, (score.flicker, score.bokeh), strict=True):
                axis.plot(range(1, len(values) + 1), values, colour, label=score.stage)
                axis.set_ylim(bottom=0)
        column[0].set_title(result.shot)
        column[1].set_xlabel("frame")
    axes[0, 0].set_ylabel("disparity changes, % of range")
    axes[1, 0].set_ylabel("bokeh changes, levels")
    axes[0, 0].legend()
    figure.savefig(path)


def write_sheet(path: Path, result: Result) -> None:
    """The last frame: sharp and as the truth is rendered, then a row of map and render a stage."""
    path.parent.mkdir(parents=True, exist_ok=True)
    low, high = np.percentile(np.stack(result.sheet[2::2]), (1, 99))
    cells = []
    for cell in result.sheet:
        if cell.ndim == 3:
            cells.append(display(cell)[..., ::-1])
        else:
            level = np.clip((cell - low) / max(high - low, 1e-6), 0, 1)
            cells.append(np.repeat(level[..., None], 3, axis=2))
    rows = [np.hstack(cells[i : i + 2]) for i in range(0, len(cells), 2)]
    cv2.imwrite(str(path), (np.vstack(rows) * 255 + 0.5).astype(np.uint8))
