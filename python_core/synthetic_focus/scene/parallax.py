"""What a moving camera says of depth: parallax, fused with an estimated disparity.

Where the camera translates, near things move more than far ones. From the flow to another frame,
an earlier or a later one, the camera's motion is found, and along the epipolar lines of that motion
every pixel's inverse distance up to one scale (Hartley and Zisserman, "Multiple view geometry", 9
and 12).
Scale and shift come from the estimated disparity, and so does everything that moves by itself, that
lies about the point the camera moves to, or that hardly shifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_focus.scene.depth import extent
from synthetic_focus.scene.flow import Field, FlowPair

Map = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_GRID = 320  # points along the longer side: what is learnt here is smooth between edges
# Focal length in long sides that is taken for the unknown one: 36 mm on full frame. One that is
# a third off bends the parallax less than the flow's noise does, and cannot be told from it.
_FOCAL = 1.0
_MATCHES = 2500  # that the motion is found from
_LEAST_MATCHES = 100
# Directions of translation that are tried, on every so many-th match; how many of them are refined,
# and the cosine from which on two are one.
_DIRECTIONS, _SPARSE, _BEST, _NEIGHBOURS = 48, 8, 3, 0.85
_CONTRADICTED = 0.3  # mean log error that a motion may have less if the estimate contradicts it
_BASELINES = 3  # of the longest ones, that are triangulated over
_MISMATCH = 1.0  # px by which the way there and back may miss
_COVERAGE = 0.6  # of the picture that must be seen in the earlier frame
_NOISE = 0.35  # px of flow, its usual error
_OFF_LINE = 1.0  # px that a match of a still scene lies off its epipolar line at most
# Median px that remain where one plane, or a camera that only turns, would leave none: below the
# first nothing is said, from the second on all of it counts.
_PARALLAX = (0.4, 0.9)
_AGREEMENT = (0.1, 0.25)  # the same of the estimate's variance that parallax explains
_STILL = (0.15, 0.4)  # the same, falling, of the share of the picture that does not move
_STILL_PIXELS = 0.5  # px of motion over the whole way that is none
# Of the disparity's range: what parallax says so much else of than the estimate, or in the end than
# of what is around it, moves by itself.
_CONTRADICTIONS = (0.6, 0.3, 0.15)
_PRECISE = 0.01  # of the disparity's range: an error that costs half of the weight
_RIDGE = 0.02  # of the same: what the disparity varies less is no edge
_SETTLED = 6  # other frames, from which on the correction is made in full
_REACH = 1 / 20  # of the long side: over this the correction is smooth
# Mean weight in reach at which half of the correction is made: flow errs alike over a region, so
# that many points there are not as sure as so many independent ones.
_DOUBT = 0.06


@dataclass(frozen=True)
class _Track:
    """Where a grid of points of the current frame is in another one.

    Attributes:
        here, there: (h, w, 2) float32, x and y in pixels.
        match: (h, w) float32, 0 where it cannot be followed, 1 where that is certain.
    """

    here: Field
    there: Field
    match: Map


@dataclass(frozen=True)
class _Lens:
    """The camera's lens: focal length and the axis's place (2,), in px."""

    focal: float
    centre: Floats

    @classmethod
    def assumed(cls, shape: tuple[int, ...]) -> _Lens:
        """Of a camera that nothing is known of, whose pictures are (height, width)."""
        height, width = shape
        centre = np.array(((width - 1) / 2, (height - 1) / 2))
        return cls(_FOCAL * max(height, width), centre)


@dataclass(frozen=True)
class _Reading:
    """What parallax over one baseline says of the grid's points.

    Attributes:
        shift: (h, w) px along the epipolar lines.
        residual: (h, w) what it says less what is estimated, in the estimate's unit.
        weight: (h, w) of it, 0 to 1.
        agreement: share of the estimate's variance that it explains; 0 if it runs against it.
    """

    shift: Map
    residual: Map
    weight: Map
    agreement: float


def fused(disparity: Map, flows: Sequence[FlowPair], now: int) -> Map:
    """A frame's disparity, corrected by the parallax between it and the frames before and after.

    Args:
        disparity: (H, W) float32, finite, larger is nearer, in any unit: of the current frame,
            estimated and filtered.
        flows: the flow between each two neighbours of the frames around the current one, in order,
            of one shot; on either side the longest usable ways are taken.
        now: how many of them are before the current frame.

    Returns:
        (H, W) float32 in the calibration of `disparity`; that array itself where parallax says
        nothing: a still or merely turning camera, a flat scene, flow that cannot be followed, a
        motion that contradicts the estimate.
    """
    spread = extent(disparity)
    if spread <= 0:
        return disparity
    here = _grid(disparity.shape)
    estimate = _sampled(disparity, here)
    readings: list[_Reading] = []
    counts: list[float] = []
    # Each side counts by its frames: one that grows or ends, with a shot, must not do so at once.
    for way in (flows[:now], [FlowPair(f.backward, f.forward) for f in reversed(flows[now:])]):
        found, trust = _readings(_followed(way, here, disparity.shape), disparity, estimate, spread)
        share = trust * len(way) / max(len(flows), _SETTLED)
        readings += found
        counts += [share / len(found) for _ in found]
    trust = sum(counts)
    if not trust > 0:
        return disparity
    weights = [np.float32(count) * one.weight for one, count in zip(readings, counts, strict=True)]
    total = np.sum(weights, axis=0)
    said = np.sum([w * one.residual for w, one in zip(weights, readings, strict=True)], axis=0)
    residual = said / np.maximum(total, np.float32(1e-9))
    correction = _correction(disparity, estimate, residual, total / np.float32(trust), spread)
    mended = np.asarray(disparity + np.float32(trust) * correction, np.float32)
    return _in_calibration_of(disparity, mended)


def _readings(
    tracks: Sequence[_Track], disparity: Map, estimate: Map, spread: float
) -> tuple[list[_Reading], float]:
    """What parallax on one side says, and how far that is trusted, from 0 to 1; nothing if not.

    Args:
        tracks: to the frames of that side, the farthest first.
        disparity: (H, W) of the current frame.
        estimate: (h, w) the same at the grid's points.
        spread: its range.
    """
    trust = _moves(tracks[0]) if tracks else 0.0
    if not trust > 0:
        return [], 0.0
    lens = _Lens.assumed(disparity.shape)
    vector = _motion(tracks[0], estimate, lens, spread)
    longest = _read(tracks[0], vector, lens, estimate, spread)
    trust *= _depth_shown(tracks[0], longest.shift) * _ramp(longest.agreement, _AGREEMENT)
    if not trust > 0:
        return [], 0.0
    # Over several baselines the flow errs less, and what it errs comes and goes gradually.
    readings = [longest]
    for track in tracks[1:_BASELINES]:
        vector = _refined(vector, *_matches(track, lens), lens.focal)
        readings.append(_read(track, vector, lens, estimate, spread))
    return readings, trust


def _in_calibration_of(disparity: Map, mended: Map) -> Map:
    """With the scale and shift by which a map is least apart from the one that it came from.

    Neither can be told from parallax: what it says is believed of shape alone. Where only a part of
    the picture is mended the two would else change with that part.
    """
    x, y = (plane[::4, ::4].astype(np.float64) for plane in (mended, disparity))
    scale = ((x - x.mean()) * (y - y.mean())).mean() / max(float(x.var()), 1e-30)
    moved = np.float32(scale) * (mended - np.float32(x.mean())) + np.float32(y.mean())
    return np.asarray(moved, np.float32)


def _ramp(value: float, limits: tuple[float, float]) -> float:
    """0 up to the first limit, 1 from the second on, smooth between."""
    t = min(max((value - limits[0]) / (limits[1] - limits[0]), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _sampled(plane: npt.NDArray[np.float32], at: Field) -> npt.NDArray[np.float32]:
    import cv2

    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    return np.asarray(cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _grid(shape: tuple[int, ...]) -> Field:
    """Points (h, w, 2) all over a picture of (height, width), x and y in pixels."""
    height, width = shape
    spacing = max(1.0, max(height, width) / _GRID)
    columns, rows = max(2, round(width / spacing)), max(2, round(height / spacing))
    x = (np.arange(columns, dtype=np.float32) + 0.5) * (width / columns) - 0.5
    y = (np.arange(rows, dtype=np.float32) + 0.5) * (height / rows) - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1)


def _followed(flows: Sequence[FlowPair], here: Field, shape: tuple[int, ...]) -> list[_Track]:
    """The points' ways back to the frames in which most of them can be seen, the farthest first."""
    height, width = shape
    there, match = here, np.ones(here.shape[:2], np.float32)
    tracks: list[_Track] = []
    for pair in reversed(flows):
        step = _sampled(pair.backward, there)
        there = there + step
        inside = np.all((there >= 0) & (there <= (width - 1, height - 1)), axis=-1)
        back = np.square(step + _sampled(pair.forward, there)).sum(axis=-1)
        match = match * inside * np.maximum(0, 1 - back / _MISMATCH**2)
        if (match > 0).mean() < _COVERAGE:
            break
        tracks.insert(0, _Track(here, there, match))
    return tracks


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
    seen = np.flatnonzero(track.match > 0.5)[::_SPARSE]
    place = np.concatenate([track.here.reshape(-1, 2)[seen], np.ones((len(seen), 1))], axis=1)
    shift = parallax.ravel()[seen].astype(np.float64)
    least = np.inf
    # From a plane that whoever walks by may tilt, and from one far away, as a turn shows it.
    for apart in (np.zeros_like(shift), np.abs(shift - np.median(shift))):
        for _ in range(8):
            usual = max(float(np.median(apart)), 2 * _NOISE)
            weighted = place / np.square(1 + np.square(apart / usual))[:, None]
            plane = np.linalg.solve(weighted.T @ place, weighted.T @ shift)
            apart = np.abs(shift - place @ plane)
        least = min(least, float(np.median(apart)))
    return _ramp(least, _PARALLAX)


def _matches(track: _Track, lens: _Lens) -> tuple[Floats, Floats]:
    """Some of the points that can be followed, here and there: (n, 2) each, px from the axis."""
    seen = np.flatnonzero(track.match > 0.5)
    chosen = seen[np.linspace(0, len(seen) - 1, min(_MATCHES, len(seen))).astype(int)]
    here, there = (
        (points.reshape(-1, 2)[chosen] - lens.centre).astype(np.float64)
        for points in (track.here, track.there)
    )
    return here, there


def _motion(track: _Track, estimate: Map, lens: _Lens, spread: float) -> Floats:
    """The camera's motion to the earlier frame: rotation vector and translation, (6,).

    The translation has length 1 and either sign. The errors have several minima that are nearly as
    deep: a turn passes for a step aside, and a motion that explains a person who walks by misses
    everything else by half a pixel. So the deepest are refined, and what the estimate contradicts
    must be the better by as much.
    """
    here, there = _matches(track, lens)
    coarse = _Track(*(plane[::2, ::2] for plane in (track.here, track.there, track.match)))
    best, least = np.zeros(6), np.inf
    for start in _searched(here[::_SPARSE], there[::_SPARSE], lens.focal):
        vector = _refined(start, here, there, lens.focal)
        error = np.square(_off_epipolar(vector, here, there, lens.focal) / _NOISE)
        agreement = _read(coarse, vector, lens, estimate[::2, ::2], spread).agreement
        cost = float(np.log1p(error).mean()) + _CONTRADICTED * (1 - agreement)
        if cost < least:
            best, least = vector, cost
    return best


def _searched(here: Floats, there: Floats, focal: float) -> list[Floats]:
    """Motions near the least of the errors, from all over the sphere of translations.

    For a given translation the epipolar constraint is linear in a small turn (Heeger and Jepson,
    "Subspace methods for recovering rigid motion", 1992).

    Args:
        here, there: (n, 2) px from the axis.
        focal: px.

    Returns:
        Up to `_BEST` starts for `_refined`, the best first, no two of them neighbours.
    """
    ray = np.concatenate([here / focal, np.ones((len(here), 1))], axis=1)
    seen = np.concatenate([there / focal, np.ones((len(there), 1))], axis=1)
    # Evenly over the half of a sphere, along a spiral.
    height = (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS
    angle = np.pi * (1 + 5**0.5) * np.arange(_DIRECTIONS)
    across = np.sqrt(1 - np.square(height))
    directions = np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)

    line = np.cross(directions[:, None], ray)
    scale = focal / np.maximum(np.hypot(line[..., 0], line[..., 1]), 1e-2)
    constant = scale * (line * seen).sum(axis=-1)
    # seen . (translation x (turn x ray)) = turn . (seen (translation . ray)
    #     - translation (seen . ray))
    along, both = directions @ ray.T, (seen * ray).sum(axis=1)
    linear = along[..., None] * seen - both[:, None] * directions[:, None]
    linear *= scale[..., None]
    weight = np.ones_like(constant)
    turn, error = np.zeros_like(directions), constant
    for looseness in (16, 8, 4, 2, 2):
        weighted = linear * weight[..., None]
        normal = weighted.transpose(0, 2, 1) @ linear
        normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
        turn = -np.linalg.solve(normal, weighted.transpose(0, 2, 1) @ constant[..., None])[..., 0]
        error = (linear @ turn[..., None])[..., 0] + constant
        weight = 1 / (1 + np.square(error / (looseness * _NOISE)))
    order = np.argsort(np.log1p(np.square(error / _NOISE)).mean(axis=1))
    chosen: list[int] = []
    for i in order:
        if len(chosen) < _BEST and all(
            abs(directions[i] @ directions[other]) < _NEIGHBOURS for other in chosen
        ):
            chosen.append(int(i))
    return [np.concatenate([turn[i], directions[i]]) for i in chosen]


def _refined(start: Floats, here: Floats, there: Floats, focal: float) -> Floats:
    """Rotation vector and translation, (6,), by least squares.

    Gauss-Newton with Cauchy weights, from loose to strict, on the distances from the epipolar
    lines.
    """
    vector = start
    for looseness in (8, 4, 2, 1, 1, 1, 1, 1):
        residual = _off_epipolar(vector, here, there, focal)
        weight = 1 / (1 + np.square(residual / (looseness * _NOISE)))
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
    x, y, z = vector[3:]
    essential = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0))) @ _turn(vector)
    line = here @ (essential[:, :2].T / focal) + essential[:, 2]
    seen = there / focal
    reach = np.hypot(line[:, 0], line[:, 1])
    distance = line[:, 0] * seen[:, 0] + line[:, 1] * seen[:, 1] + line[:, 2]
    return np.asarray(focal * distance / np.maximum(reach, 1e-9))


def _turn(vector: Floats) -> Floats:
    import cv2

    return np.asarray(cv2.Rodrigues(vector[:3])[0], np.float64)


def _read(track: _Track, vector: Floats, lens: _Lens, estimate: Map, spread: float) -> _Reading:
    """Parallax over a baseline, if that is the camera's motion.

    Args:
        track: to the other end of the baseline.
        vector: (6,) the motion, as `_refined` gives it.
        lens: the camera's.
        estimate: (h, w) disparity of the grid's points.
        spread: the range of the estimate.
    """
    inverse, off_line, step = _triangulated(track, vector, lens)
    weight = track.match * np.exp(-np.square(off_line / _OFF_LINE))
    weight[inverse < -2 * _NOISE / np.maximum(step, 1e-6)] = 0  # behind the camera
    scale, shift, agreement = _aligned(inverse, estimate, weight * np.square(step), spread)
    if not scale > 0:
        scale, agreement = 0.0, 0.0
        weight = np.zeros_like(weight)
    error = scale * _NOISE / np.maximum(step, 1e-6)
    weight /= 1 + np.square(error / (_PRECISE * spread))
    residual = np.asarray(scale * inverse + shift - estimate, np.float32)
    return _Reading(inverse * step, residual, weight, agreement)


def _triangulated(track: _Track, vector: Floats, lens: _Lens) -> tuple[Map, Map, Map]:
    """Of every point of the grid the inverse distance along the optical axis, in 1/translation; the
    px it lies off its epipolar line; and the px it would shift for a change of 1 of the first.
    """
    ray = np.concatenate(
        [(track.here - lens.centre) / lens.focal, np.ones((*track.here.shape[:2], 1))], axis=-1
    )
    ray = ray @ _turn(vector).T
    seen = (track.there - lens.centre) / lens.focal
    translation = vector[3:]
    # seen = (ray + inverse * translation), divided by its third component
    along = translation[:2] - seen * translation[2]
    shift = seen * ray[..., 2:] - ray[..., :2]
    reach = np.square(along).sum(axis=-1)
    inverse = (along * shift).sum(axis=-1) / np.maximum(reach, 1e-12)
    across = along[..., 0] * shift[..., 1] - along[..., 1] * shift[..., 0]
    step = lens.focal * np.sqrt(reach)
    off_line = lens.focal * across / np.maximum(np.sqrt(reach), 1e-6)
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
    ridge = np.float32((_RIDGE * spread) ** 2)

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
