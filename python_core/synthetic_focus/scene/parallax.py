"""What a moving camera says of depth: parallax, fused with an estimated disparity.

Where the camera translates, near things move more than far ones. From the flow back to an earlier
frame the camera's motion is found, and along the epipolar lines of that motion every pixel's
inverse distance up to one scale (Hartley and Zisserman, "Multiple view geometry", 9 and 12).
Scale and shift come from the estimated disparity, and so does everything that moves by itself, that
lies about the point the camera moves to, or that hardly shifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_focus.scene.flow import Field, FlowPair

Map = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_GRID = 320  # points along the longer side: what is learnt here is smooth between edges
# Focal length in long sides that is taken for the unknown one: 36 mm on full frame. One that is
# a third off bends the parallax less than the flow's noise does, and cannot be told from it.
_FOCAL = 1.0
_MATCHES = 2500  # that the motion is found from
_LEAST_MATCHES = 100
_TRIALS, _PICKED = 100, 7  # at first from so many of them, so many times
_MISMATCH = 1.0  # px by which the way there and back may miss
_COVERAGE = 0.6  # of the picture that must be seen in the earlier frame
_NOISE = 0.35  # px of flow, its usual error
_OFF_LINE = 1.0  # px that a match of a still scene lies off its epipolar line at most
# Median px that remain where one plane, or a camera that only turns, would leave none: below the
# first nothing is said, from the second on all of it counts.
_PARALLAX = (0.6, 1.4)
_AGREEMENT = (0.38, 0.5)  # the same of the estimate's variance that parallax explains
_STILL = (0.15, 0.4)  # the same, falling, of the share of the picture that does not move
_STILL_PIXELS = 0.5  # px of motion over the whole way that is none
# Of the disparity's range: what parallax says so much else of than the estimate, or in the end than
# of what is around it, moves by itself.
_CONTRADICTIONS = (0.6, 0.3, 0.15)
_PRECISE = 0.02  # of the disparity's range: an error that costs half of the weight
# Of the correction: the estimate and parallax err about alike, and not together.
_SHARE = 0.5
_SETTLED = 6  # frames after a shot's first in which the correction comes in
_REACH = 1 / 20  # of the long side: over this the correction is smooth
_DOUBT = 0.02  # mean weight in reach at which half of the correction is made


@dataclass(frozen=True)
class _Track:
    """Where a grid of points of the current frame was in an earlier one.

    Attributes:
        here, there: (h, w, 2) float32, x and y in pixels.
        match: (h, w) float32, 0 where it cannot be followed, 1 where that is certain.
    """

    here: Field
    there: Field
    match: Map


@dataclass(frozen=True)
class _Motion:
    """A camera's motion from the current frame to an earlier one, translation of length 1."""

    rotation: Floats  # (3, 3)
    translation: Floats  # (3,), of either sign
    focal: float  # px, assumed
    centre: Floats  # (2,), px


def fused(disparity: Map, flows: Sequence[FlowPair]) -> Map:
    """A frame's disparity, corrected by the parallax between it and the frames before.

    Args:
        disparity: (H, W) float32, finite, larger is nearer, in any unit: of the current frame,
            estimated and filtered.
        flows: the flow between each two neighbours of the frames up to the current one, in order,
            of one shot; the longest usable way back is taken.

    Returns:
        (H, W) float32 in the calibration of `disparity`; that array itself where parallax says
        nothing: a still or merely turning camera, a flat scene, flow that cannot be followed, a
        motion that contradicts the estimate.
    """
    spread = float(np.ptp(np.percentile(disparity[::4, ::4], (2, 98))))
    track = _followed(flows, disparity.shape)
    if track is None or spread <= 0:
        return disparity
    # From the first frame of a shot on it grows: what it mends must not come at once.
    trust = _SHARE * _moves(track) * min(1.0, len(flows) / _SETTLED)
    if not trust > 0:
        return disparity
    estimate = _sampled(disparity, track.here)
    motion = _motion(track, estimate, disparity.shape)
    inverse, off_line, step = _triangulated(track, motion)
    weight = track.match * np.exp(-np.square(off_line / _OFF_LINE))
    weight[inverse < -2 * _NOISE / np.maximum(step, 1e-6)] = 0  # behind the camera

    scale, shift, agreement = _aligned(inverse, estimate, weight * np.square(step), spread)
    trust *= _depth_shown(track, inverse * step) * _ramp(agreement, _AGREEMENT)
    if not (trust > 0 and scale > 0):
        return disparity
    residual = scale * inverse + shift - estimate
    error = scale * _NOISE / np.maximum(step, 1e-6)
    weight /= 1 + np.square(error / (_PRECISE * spread))
    correction = _correction(disparity, estimate, residual, weight, spread)
    return np.asarray(disparity + np.float32(trust) * correction, np.float32)


def _ramp(value: float, limits: tuple[float, float]) -> float:
    """0 up to the first limit, 1 from the second on, smooth between."""
    t = min(max((value - limits[0]) / (limits[1] - limits[0]), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _sampled(plane: npt.NDArray[np.float32], at: Field) -> npt.NDArray[np.float32]:
    import cv2

    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    return np.asarray(cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _followed(flows: Sequence[FlowPair], shape: tuple[int, ...]) -> _Track | None:
    """The grid's way back to the earliest frame in which most of it can be seen."""
    height, width = shape
    spacing = max(1.0, max(height, width) / _GRID)
    columns, rows = max(2, round(width / spacing)), max(2, round(height / spacing))
    x = (np.arange(columns, dtype=np.float32) + 0.5) * (width / columns) - 0.5
    y = (np.arange(rows, dtype=np.float32) + 0.5) * (height / rows) - 0.5
    here = np.stack(np.meshgrid(x, y), axis=-1)
    there, match = here, np.ones((rows, columns), np.float32)
    track = None
    for pair in reversed(flows):
        step = _sampled(pair.backward, there)
        there = there + step
        inside = np.all((there >= 0) & (there <= (width - 1, height - 1)), axis=-1)
        back = np.square(step + _sampled(pair.forward, there)).sum(axis=-1)
        match = match * inside * np.maximum(0, 1 - back / _MISMATCH**2)
        if (match > 0).mean() < _COVERAGE:
            break
        track = _Track(here, there, match)
    return track


def _moves(track: _Track) -> float:
    """From 0 (on a tripod, whatever passes) to 1 (everything moves)."""
    seen = track.match > 0.5
    if seen.sum() < _LEAST_MATCHES:
        return 0.0
    moved = np.linalg.norm(track.there - track.here, axis=-1)[seen]
    return 1 - _ramp(float((moved < _STILL_PIXELS).mean()), _STILL)


def _depth_shown(track: _Track, parallax: Map) -> float:
    """From 0 (one plane would do, or a camera that only turns) to 1.

    Args:
        track: see there.
        parallax: (h, w) px along the epipolar lines.
    """
    seen = track.match > 0.5
    place = np.concatenate([track.here[seen], np.ones((int(seen.sum()), 1))], axis=1)
    plane = np.linalg.lstsq(place, parallax[seen], rcond=None)[0]
    return _ramp(float(np.median(np.abs(parallax[seen] - place @ plane))), _PARALLAX)


def _motion(track: _Track, estimate: Map, shape: tuple[int, ...]) -> _Motion:
    """The camera's motion: first as the estimate suggests, then from the epipolar lines alone.

    From matches alone a motion that explains a person who walks by and misses everything else by
    half a pixel is as good as the true one. The estimate tells the two apart, however bent.
    """
    height, width = shape
    focal, centre = _FOCAL * max(height, width), np.array(((width - 1) / 2, (height - 1) / 2))
    seen = np.flatnonzero(track.match > 0.5)
    chosen = seen[np.linspace(0, len(seen) - 1, min(_MATCHES, len(seen))).astype(int)]
    here = (track.here.reshape(-1, 2)[chosen] - centre).astype(np.float64)
    there = (track.there.reshape(-1, 2)[chosen] - centre).astype(np.float64)
    start, likely = _suggested(here / focal, there / focal, estimate.reshape(-1)[chosen])
    vector = _refined(start, here, there, likely, focal)
    return _Motion(_turn(vector), vector[3:], focal, centre)


def _suggested(here: Floats, there: Floats, estimate: Map) -> tuple[Floats, Floats]:
    """The motion by which a scene with the estimate's disparities best moves as the matches do.

    The motion field of a small step is linear in turn and translation (Longuet-Higgins and Prazdny,
    Proc. R. Soc. B, 1980); that of a disparity with an unknown shift has a second translation.

    Returns:
        (6,) as `_refined` takes it, and the weight of each match, small where it contradicts.
    """
    x, y, one, none = here[:, 0], here[:, 1], np.ones(len(here)), np.zeros(len(here))
    across = np.stack([-x * y, 1 + x * x, -y, one, none, -x], axis=1)
    down = np.stack([-1 - y * y, x * y, x, none, one, -y], axis=1)
    near = (estimate - estimate.mean(dtype=np.float64)) / max(float(estimate.std()), 1e-9)
    design = np.stack(
        [np.hstack([rows, near[:, None] * rows[:, 3:]]) for rows in (across, down)], axis=1
    )
    flow = there - here

    def errors(solution: Floats) -> Floats:
        return np.asarray(np.linalg.norm(flow - design @ solution, axis=-1))

    # Least median of squares: a subject that fills a third of the picture can lead a mean astray.
    picks = np.random.default_rng(0).integers(0, len(here), (_TRIALS, _PICKED))
    trials = np.linalg.pinv(design[picks].reshape(_TRIALS, -1, 9)) @ flow[picks].reshape(
        _TRIALS, -1, 1
    )
    solution = min(trials[..., 0], key=lambda trial: float(np.median(errors(trial)[::5])))
    weight = one
    for _ in range(10):
        error = errors(solution)
        usual = max(float(np.median(error)), 1e-9)
        weight = 1 / np.square(1 + np.square(error / (2 * usual)))
        weighted = design * weight[:, None, None]
        normal = np.einsum("nki,nkj->ij", weighted, design)
        normal[np.diag_indices(9)] += 1e-9 * np.trace(normal)
        solution = np.linalg.solve(normal, np.einsum("nki,nk->i", weighted, flow))
    translation = solution[6:9] / max(float(np.linalg.norm(solution[6:9])), 1e-12)
    return np.concatenate([solution[:3], translation]), weight


def _refined(start: Floats, here: Floats, there: Floats, likely: Floats, focal: float) -> Floats:
    """Rotation vector and translation, (6,), by least squares.

    Gauss-Newton with Cauchy weights, from loose to strict, on the distances from the epipolar
    lines.
    """
    vector = start
    for looseness in (8, 4, 2, 1, 1, 1):
        residual = _off_epipolar(vector, here, there, focal)
        weight = likely / (1 + np.square(residual / (looseness * _NOISE)))
        columns = []
        for i in range(6):
            nudged = vector.copy()
            nudged[i] += 1e-5
            columns.append((_off_epipolar(nudged, here, there, focal) - residual) / 1e-5)
        jacobian = np.stack(columns, axis=1)
        normal = jacobian.T @ (weight[:, None] * jacobian)
        # The translation's length is free, and near a degenerate motion more than that.
        normal[np.diag_indices(6)] += 1e-6 * np.trace(normal) / 6
        vector = vector - np.linalg.solve(normal, jacobian.T @ (weight * residual))
        vector[3:] /= np.linalg.norm(vector[3:])
    return vector


def _off_epipolar(vector: Floats, here: Floats, there: Floats, focal: float) -> Floats:
    """Signed distances in px of `there` from the epipolar lines of `here`."""
    ray = np.concatenate([here / focal, np.ones((len(here), 1))], axis=1) @ _turn(vector).T
    line = np.cross(vector[3:], ray)
    seen = there / focal
    reach = np.hypot(line[:, 0], line[:, 1])
    distance = line[:, 0] * seen[:, 0] + line[:, 1] * seen[:, 1] + line[:, 2]
    return np.asarray(focal * distance / np.maximum(reach, 1e-9))


def _turn(vector: Floats) -> Floats:
    import cv2

    return np.asarray(cv2.Rodrigues(vector[:3])[0], np.float64)


def _triangulated(track: _Track, motion: _Motion) -> tuple[Map, Map, Map]:
    """Of every point of the grid the inverse distance along the optical axis, in 1/translation; the
    px it lies off its epipolar line; and the px it would shift for a change of 1 of the first.
    """
    ray = np.concatenate(
        [(track.here - motion.centre) / motion.focal, np.ones((*track.here.shape[:2], 1))], axis=-1
    )
    ray = ray @ motion.rotation.T
    seen = (track.there - motion.centre) / motion.focal
    # seen = (ray + inverse * translation), divided by its third component
    along = motion.translation[:2] - seen * motion.translation[2]
    shift = seen * ray[..., 2:] - ray[..., :2]
    reach = np.square(along).sum(axis=-1)
    inverse = (along * shift).sum(axis=-1) / np.maximum(reach, 1e-12)
    across = along[..., 0] * shift[..., 1] - along[..., 1] * shift[..., 0]
    step = motion.focal * np.sqrt(reach)
    off_line = motion.focal * across / np.maximum(np.sqrt(reach), 1e-6)
    if np.median(inverse[track.match > 0]) < 0:
        inverse = -inverse
    return inverse.astype(np.float32), off_line.astype(np.float32), step.astype(np.float32)


def _aligned(inverse: Map, estimate: Map, weight: Map, spread: float) -> tuple[float, float, float]:
    """Scale and shift from inverse distance to the estimate, and the share of its variance that
    they explain.
    """
    x, y = inverse.ravel().astype(np.float64), estimate.ravel().astype(np.float64)
    prior = weight.ravel().astype(np.float64)
    robust = prior
    scale = shift = 0.0
    error = np.zeros_like(y)
    for _ in range(15):
        total = robust.sum()
        if not total > 0:
            return 0.0, 0.0, 0.0
        mean_x, mean_y = (robust * x).sum() / total, (robust * y).sum() / total
        variance = (robust * np.square(x - mean_x)).sum()
        if not variance > 0:
            return 0.0, 0.0, 0.0
        scale = float((robust * (x - mean_x) * (y - mean_y)).sum() / variance)
        shift = float(mean_y - scale * mean_x)
        error = scale * x + shift - y
        robust = prior / np.square(1 + np.square(error / (_CONTRADICTIONS[-1] * spread)))
    # What moves by itself must not outweigh the rest.
    most = _CONTRADICTIONS[1] * spread
    around = np.minimum(np.abs(y - (prior * y).sum() / prior.sum()), most)
    unexplained = (prior * np.square(np.minimum(np.abs(error), most))).sum()
    return scale, shift, float(1 - unexplained / max((prior * np.square(around)).sum(), 1e-30))


def _correction(disparity: Map, estimate: Map, residual: Map, weight: Map, spread: float) -> Map:
    """What is to be added to the disparity: smooth in place but for the disparity's own edges.

    About every point the residual is fitted by a line over the estimate, so that what lies in front
    of something else gets a correction of its own (He et al., "Guided image filtering", 2010, with
    weights). An estimate errs smoothly; what stands out of the fit moves by itself, and is left
    out of the next one.
    """
    import cv2

    height, width = estimate.shape
    side = 2 * round(_REACH * max(height, width)) + 1
    ridge = np.float32((_PRECISE * spread) ** 2)

    def near(values: npt.NDArray[np.floating]) -> Map:
        return np.asarray(cv2.boxFilter(values, cv2.CV_32F, (side, side)), np.float32)

    fit: Map = np.zeros_like(estimate)
    line: list[Map] = []
    for contradiction in _CONTRADICTIONS:
        apart = np.square((residual - fit) / np.float32(contradiction * spread))
        robust: Map = weight * np.square(np.maximum(0, 1 - apart))
        total = near(robust)
        safe = np.maximum(total, np.float32(1e-9))
        mean, offset = near(robust * estimate) / safe, near(robust * residual) / safe
        variance = np.maximum(near(robust * np.square(estimate)) / safe - np.square(mean), 0)
        slope = near(robust * estimate * residual) / safe - mean * offset
        # Order is kept: what was nearer stays nearer.
        slope = np.maximum(slope / (variance + ridge), np.float32(-0.9))
        sure = total / (total + np.float32(_DOUBT))
        around = np.maximum(near(total), np.float32(1e-9))
        line = [
            np.asarray(near(total * values) / around, np.float32)
            for values in (slope * sure, mean, offset * sure, np.sqrt(variance))
        ]
        fit = _on_line(line, estimate)
    size = disparity.shape[1::-1]
    return _on_line([np.asarray(cv2.resize(v, size), np.float32) for v in line], disparity)


def _on_line(line: list[Map], estimate: Map) -> Map:
    """Slope, the mean estimate, the residual there, and the deviation: beyond two of the last from
    what was seen in reach the line is not to be trusted.
    """
    slope, mean, offset, deviation = line
    within = np.clip(estimate - mean, -2 * deviation, 2 * deviation)
    return np.asarray(offset + slope * within, np.float32)
