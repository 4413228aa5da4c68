"""Follows a subject from a focus target through the shot, and reads its disparity in every frame.

The paper follows the subject with a KCF tracker (section 5.1). A correlation tracker alone glides
onto the background when its subject is covered, so every step is checked against disparity: the
subject's own pixels must still be in the box, at a disparity that it can have reached since it was
last seen, or that the map now gives to all of it. A subject that fails the check is lost: its last
focus is held and flagged, and it is looked for until it is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_focus.focus.targets import disparity_at

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, width, height

TrackerKind = Literal["kcf", "csrt"]

VERSION = 4  # goes up when a track comes out differently: those on disk are then made anew
WORKING_HEIGHT = 270  # at most; finer detail costs time and holds no subject better
_SMALLEST_BOX = 16.0  # px; below this a correlation filter has nothing to hold
_LARGEST_BOX = 0.6  # share of the picture's height
_USUAL_BOX = 0.16  # the same, where depth does not tell where the subject ends
_RIM = 5  # px around a subject in which its depth must have ended
_APART = 0.5  # share of the rim that must be at other depths
# How far a subject's own pixels may be apart, and how far it can get from one frame to the next: at
# most a share of the disparity range and, as a person fills less of it the farther she is, at most
# one of her own disparity over the farthest; but never less than the map's noise.
_TOLERANCE = (0.05, 0.08)
_REACH = (0.03, 0.06)
_LEAST = 0.01  # share of the disparity range that estimates waver by from frame to frame
_NOISE = 4.0  # deviations of the map's noise
_HELD = 0.35  # share of the subject's own pixels that must be in the box
_ALIKE = 0.55  # correlation with the subject's look, to go on
_TURNED = 0.3  # the same, where most of its points are found again
_FOUND = 0.65  # the same, to call a lost subject found
_SURE = 0.7  # the same, to believe it rather than the map
_JUMP = 3.0  # slacks that a map may jump by
_POSSIBLE = 0.25  # correlation of all that is in a box with what was, to look closer
_CANDIDATES = 5  # places that get a closer look
_LEARN = 0.05  # how fast its look is relearnt while it is well seen
_SCALES = (0.8, 1.0, 1.25)
_RUN = 0.06  # of the picture's width, how far a lost subject gets in a frame
_SLIP = 0.15  # of a box's size by which flow may differ from a tracker that slips
_MARGIN = 32  # px around a box in which it is looked for
_POINTS = 100  # whose motion says how a subject grows
_FEWEST = 10  # of them that must be found again
_ASTRAY = 0.5  # px that a point's motion there and back may miss it by
_FOUND_AGAIN = 0.5  # share of a subject's points with which it is surely still in sight
_CHANGED_ALIKE = 0.5  # share of those by which a change of the map is told from a loss
_CHANGED_MOST = 3.0  # times that a map's disparity rises or falls at once; more is no depth at all
_GROWTH = 1.1  # from frame to frame, at most
_RESTART = 1.12  # change of size at which a tracker that keeps its size begins anew
_LOOK = (24, 32)  # px, width and height of what is kept of a subject


class Frames(Protocol):
    """What a tracker sees of a shot; frames are numbered as on the timeline."""

    def image(self, frame: int) -> Image:
        """(H, W, 3) uint8, display-encoded BGR, of any size."""

    def disparity(self, frame: int) -> Map:
        """(H, W) float32, larger is nearer, of any size."""


@dataclass(frozen=True)
class Sight:
    """The subject in one frame: its box as in `Track`, its disparity, and whether it is lost."""

    box: Box
    disparity: float
    lost: bool


@dataclass(frozen=True)
class Track:
    """A subject through the frames ``first`` … ``first + len - 1``.

    Attributes:
        first: the timeline's number of the first entry.
        box: (n, 4) float32: left, top, width, height as fractions of the picture, from the top
            left.
        disparity: (n,) float32, of the subject's own pixels; held where it is lost.
        lost: (n,) bool, true where the subject could not be seen.
    """

    first: int
    box: npt.NDArray[np.float32]
    disparity: npt.NDArray[np.float32]
    lost: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.disparity)


@dataclass(frozen=True)
class View:
    """One frame at the tracker's working size, at most 270 lines; 0.9 MB where it is 16:9.

    Attributes:
        colour: (H, W, 3) uint8, display-encoded.
        disparity: (H, W) float32, larger is nearer.
    """

    colour: Image
    disparity: Map

    @classmethod
    def of(
        cls, image: npt.NDArray[np.uint8 | np.float32], disparity: Map, *, linear: bool = False
    ) -> View:
        """A picture and its disparity, each of any size, brought to working size.

        Args:
            image: (H, W, 3 or more) uint8, or float where white is 1.
            disparity: (H, W) float32, larger is nearer.
            linear: whether the picture is scene-linear; otherwise it is display-encoded, or log.
        """
        height = min(WORKING_HEIGHT, image.shape[0])
        size = (max(1, round(image.shape[1] * height / image.shape[0])), height)
        colour = image[..., :3]
        if colour.shape[1::-1] != size:
            colour = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        if colour.dtype != np.uint8:
            light = np.clip(np.nan_to_num(colour), 0, 1)
            # A tracker sees shapes in the shadows too, if they are encoded as for an eye.
            colour = (255 * (light ** (1 / 2.2) if linear else light) + 0.5).astype(np.uint8)
        if disparity.shape[1::-1] != size:
            # Nearest: a mean across a silhouette is the disparity of nothing.
            disparity = np.asarray(
                cv2.resize(disparity, size, interpolation=cv2.INTER_NEAREST), np.float32
            )
        return cls(np.ascontiguousarray(colour, np.uint8), disparity)

    def window(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns of a box in pixels, as far as it lies in the picture."""
        height, width = self.disparity.shape
        x0, y0 = max(0, round(box[0])), max(0, round(box[1]))
        x1, y1 = min(width, round(box[0] + box[2])), min(height, round(box[1] + box[3]))
        return slice(y0, max(y1, y0)), slice(x0, max(x1, x0))


@dataclass(frozen=True)
class _Band:
    """How disparities differ on one subject.

    Attributes:
        tolerance: of its own pixels, at most.
        reach: of the subject from one frame to the next, at most.
    """

    tolerance: float
    reach: float

    @classmethod
    def of(cls, disparity: Map, level: float) -> _Band:
        """The band of a subject at `level` in this map."""
        low, high = np.percentile(disparity[np.isfinite(disparity)], (2, 98))
        spread = max(float(high - low), 1e-6)
        above = max(level - float(low), 0.0)
        least = max(_LEAST * spread, _NOISE * _noise(disparity))

        def within(of_spread: float, of_level: float) -> float:
            return min(of_spread * spread, max(of_level * above, least))

        return cls(within(*_TOLERANCE), within(*_REACH))


def _noise(disparity: Map) -> float:
    """The deviation of a map's error, of which a sensor's differs from pixel to pixel and an
    estimate's from thing to thing.
    """
    found = 0.0
    for lag in (1, max(1, disparity.shape[0] // 16)):
        # Of differences along a row the median leaves out all that is an edge.
        step = np.abs(disparity[:, lag:] - disparity[:, :-lag])
        known = step[np.isfinite(step)]
        if known.size:
            found = max(found, float(np.median(known)) / (0.6745 * np.sqrt(2)))
    return found


def _subject_box(view: View, x: float, y: float, level: float, tolerance: float) -> Box:
    """The box around the connected pixels at the point's disparity, `level`.

    Where a soft map has no edge around them, one of usual size around the point.
    """
    height, width = view.disparity.shape
    cx, cy = min(int(x * width), width - 1), min(int(y * height), height - 1)
    alike = (np.abs(view.disparity - level) < tolerance).astype(np.uint8)
    alike = cv2.morphologyEx(alike, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(np.uint8)
    reach = int(_LARGEST_BOX * height / 2)
    top, left = max(cy - reach, 0), max(cx - reach, 0)
    near = np.s_[top : cy + reach + 1, left : cx + reach + 1]
    _, labels = cv2.connectedComponents(alike[near])
    label = labels[cy - top, cx - left]
    if label == 0:
        x0, x1, y0, y1 = cx, cx + 1, cy, cy + 1
    else:
        subject = (labels == label).astype(np.uint8)
        rim = cv2.dilate(subject, np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > subject
        other = np.abs(view.disparity[near][rim] - level) > 2 * tolerance
        if not other.size or other.mean() < _APART:
            side = max(_USUAL_BOX * height, _SMALLEST_BOX)
            return (cx + 0.5 - side / 2, cy + 0.5 - side / 2, side, side)
        ys, xs = np.nonzero(subject)
        # The 2nd percentiles: a thread of floor at the subject's distance must not widen the box.
        x0, x1 = (left + int(v) for v in np.percentile(xs, (2, 98)))
        y0, y1 = (top + int(v) for v in np.percentile(ys, (2, 98)))
    w, h = max(x1 - x0 + 1.0, _SMALLEST_BOX), max(y1 - y0 + 1.0, _SMALLEST_BOX)
    return ((x0 + x1 + 1 - w) / 2, (y0 + y1 + 1 - h) / 2, w, h)


class _Matches(NamedTuple):
    """Points of a subject that were found again in the next view.

    Attributes:
        before, after: (n, 2) float32, x and y in pixels.
        share: of the points that were looked for.
    """

    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]
    share: float


def _matches(before: View, after: View, box: Box, own: npt.NDArray[np.bool_]) -> _Matches | None:
    """Where a box's `own` pixels went from one view to the next, if enough are found again."""
    # Only what is around the box: pyramids of whole pictures would take most of the time.
    margin = max(_MARGIN, box[2] / 2, box[3] / 2)
    around = (box[0] - margin, box[1] - margin, box[2] + 2 * margin, box[3] + 2 * margin)
    rows, columns = before.window(around)
    near = [view.colour[rows, columns] for view in (before, after)]
    if min(near[0].shape[:2]) < _MARGIN:
        return None
    first, second = (cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY) for colour in near)
    ys, xs = np.nonzero(own)
    few = np.s_[:: max(1, len(ys) // _POINTS)]
    shares = (xs[few] + 0.5) / own.shape[1], (ys[few] + 0.5) / own.shape[0]
    start = np.array([columns.start, rows.start], np.float32)
    points = np.stack([box[i] + share * box[i + 2] for i, share in enumerate(shares)], -1) - start
    points = points.astype(np.float32)[:, None]
    moved, there, _ = cv2.calcOpticalFlowPyrLK(first, second, points, None)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(second, first, moved, None)  # type: ignore[call-overload]
    astray = np.abs(back - points).max(axis=(1, 2))
    good = (there[:, 0] > 0) & (again[:, 0] > 0) & (astray < _ASTRAY)
    if good.sum() < _FEWEST:
        return None
    return _Matches(points[good, 0] + start, moved[good, 0] + start, float(good.mean()))


def _motion(matches: _Matches, box: Box) -> tuple[float, float, float] | None:
    """How the box went along: the median shift of its centre in x and y, in pixels, and the median
    growth over pairs of points (Kalal, Mikolajczyk and Matas 2010, section 3).
    """
    one, other = np.triu_indices(len(matches.before), 1)
    apart = np.linalg.norm(matches.before[one] - matches.before[other], axis=1)
    far = apart > max(box[2], box[3]) / 4
    if not far.any():
        return None
    now = np.linalg.norm(matches.after[one] - matches.after[other], axis=1)
    growth = float(np.clip(np.median(now[far] / apart[far]), 1 / _GROWTH, _GROWTH))
    # The shift of the box's centre: its points may lie to one side of it.
    middle = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
    shift = matches.after - middle - growth * (matches.before - middle)
    dx, dy = np.median(shift, axis=0)
    return float(dx), float(dy), growth


def _change(before: View, after: View, matches: _Matches, tolerance: float) -> float:
    """By how much the map of a subject changed, whose points were found again; 0 where most of them
    did not change alike, or where the map has lost them.

    An estimated map changes its mind, of one thing and not of the next, by more than things move.
    What comes before a subject changes it too, but covers its points, and those are not found.
    """
    levels = []
    for view, points in ((before, matches.before), (after, matches.after)):
        height, width = view.disparity.shape
        x, y = np.clip(points.astype(np.intp), 0, (width - 1, height - 1)).T
        levels.append(view.disparity[y, x])
    change = levels[1] - levels[0]
    known = np.isfinite(change)
    if not known.any():
        return 0.0
    old, new = (float(np.median(level[known])) for level in levels)
    if not old / _CHANGED_MOST < new < old * _CHANGED_MOST:
        return 0.0
    change = change[known]
    middle = float(np.median(change))
    alike = float((np.abs(change - middle) < max(2 * tolerance, abs(middle) / 2)).mean())
    return middle if alike > _CHANGED_ALIKE else 0.0


def _patch(map_: Image | Map, view: View, box: Box, interpolation: int) -> npt.NDArray[np.float32]:
    """A box's content at the size in which looks are compared; beyond the picture its edge."""
    ys, xs = view.window(box)
    left, top = round(box[0]), round(box[1])
    right, bottom = round(box[0] + box[2]), round(box[1] + box[3])
    margins = (ys.start - top, bottom - ys.stop, xs.start - left, right - xs.stop)
    content = map_[ys, xs]
    if any(margins):
        content = cv2.copyMakeBorder(content, *margins, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    return np.asarray(cv2.resize(content, _LOOK, interpolation=interpolation), np.float32)


class _Subject:
    """What is known of the subject: its disparity, its look, and which pixels of a box are its own.

    The disparity is that of the target's point for good: what a pixel differed from it in the
    target's frame is taken off what the same place of the box shows later. So a subject with relief
    is read where it was pointed at, and what shows behind it is left out (a mean over the box
    rests behind a subject that has depth).
    """

    def __init__(self, view: View, box: Box, level: float, band: _Band) -> None:
        self.disparity = level
        self.band = band
        self.box = box
        self.unseen = 0
        self.look = self._look(view, box)
        self.relief = _patch(view.disparity, view, box, cv2.INTER_NEAREST) - np.float32(level)
        self.own = np.abs(self.relief) < band.tolerance
        if not self.own.any():  # a subject of a few pixels
            self.own = np.isfinite(self.relief)

    @property
    def slack(self) -> float:
        """How far from its last disparity the subject can be."""
        return self.band.tolerance + self.band.reach * (1 + 0.5 * self.unseen)

    def _levels(self, view: View, box: Box) -> npt.NDArray[np.float32]:
        """What its own pixels, if they are in the box, say that its disparity is."""
        seen = _patch(view.disparity, view, box, cv2.INTER_NEAREST)
        levels: npt.NDArray[np.float32] = (seen - self.relief)[self.own]
        return levels

    @staticmethod
    def _look(view: View, box: Box) -> npt.NDArray[np.float32]:
        return _patch(view.colour, view, box, cv2.INTER_AREA)

    def alike(self, view: View, box: Box) -> float:
        """Correlation of its own pixels, as the box has them, with its look, -1..1."""
        ys, xs = view.window(box)
        if ys.stop - ys.start < 2 or xs.stop - xs.start < 2:
            return -1.0
        look, known = self._look(view, box)[self.own], self.look[self.own]
        a, b = look - look.mean(0), known - known.mean(0)
        norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return float((a * b).sum()) / norm if norm > 0 else 0.0

    def accepts(self, view: View, box: Box, alike: float, *, followed: bool = False) -> bool:
        """Whether the subject can be in the box.

        Args:
            view: the frame.
            box: in question.
            alike: how much it must look alike.
            followed: whether most of its points were found again, so that it is still in sight.
        """
        ys, xs = view.window(box)
        if (ys.stop - ys.start) * (xs.stop - xs.start) < 0.4 * box[2] * box[3]:
            return False
        look = self.alike(view, box)
        if look <= alike:
            return False
        levels = self._levels(view, box)
        if self._share(levels, self.disparity, self.slack) > _HELD:
            return True
        # The map may have jumped rather than the subject: that it is this is beyond doubt, and all
        # of it is at one other disparity.
        level = float(np.median(levels))
        astray = abs(level - self.disparity) > _JUMP * self.slack
        within = self.slack if followed else self.band.tolerance
        held = self._share(levels, level, within) > _HELD
        return (followed or look > _SURE) and held and not astray

    @staticmethod
    def _share(levels: npt.NDArray[np.float32], level: float, slack: float) -> float:
        return float((np.abs(levels - level) < slack).mean())

    def see(self, view: View, box: Box, *, followed: bool) -> None:
        """Take what is in the box as the subject.

        Args:
            view: the frame.
            box: where it is.
            followed: whether it has been followed there point by point.
        """
        levels = self._levels(view, box)
        if self._share(levels, self.disparity, self.slack) <= _HELD:
            self.disparity = float(np.median(levels))
        for slack in (self.slack, self.band.tolerance):
            near = levels[np.abs(levels - self.disparity) < slack]
            if near.size:
                self.disparity = float(np.median(near))
        self.box = box
        self.unseen = 0
        height, width = view.disparity.shape
        whole = min(box[:2]) >= 0 and box[0] + box[2] <= width and box[1] + box[3] <= height
        if (followed and whole) or self.alike(view, box) > _FOUND:
            self.look += np.float32(_LEARN) * (self._look(view, box) - self.look)

    def search(self, view: View) -> Box | None:
        """The most alike place in the picture at a disparity that the subject can have reached."""
        best, place = _FOUND, None
        possible = (np.abs(view.disparity - self.disparity) < self.slack).astype(np.uint8)
        least = _HELD * float(self.own.mean())
        run = _RUN * possible.shape[1] * (1 + self.unseen)
        grey, look = (cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) for one in (view.colour, self.look))
        for scale in _SCALES:
            w, h = round(self.box[2] * scale), round(self.box[3] * scale)
            if w >= grey.shape[1] or h >= grey.shape[0]:
                continue
            template = cv2.resize(look, (w, h), interpolation=cv2.INTER_LINEAR)
            match = cv2.matchTemplate(grey, template.astype(np.uint8), cv2.TM_CCOEFF_NORMED)
            share = cv2.boxFilter(possible, cv2.CV_32F, (w, h), anchor=(0, 0))
            match[share[: match.shape[0], : match.shape[1]] < least] = -1
            x0, y0 = (self.box[i] + (self.box[i + 2] - size) / 2 for i, size in enumerate((w, h)))
            match[np.abs(np.arange(match.shape[0]) - y0) > run] = -1
            match[:, np.abs(np.arange(match.shape[1]) - x0) > run] = -1
            # What surrounds it is in the match too, and may be new: several places get a look.
            for _ in range(_CANDIDATES):
                _, value, _, (x, y) = cv2.minMaxLoc(match)
                if value < _POSSIBLE:
                    break
                box = (float(x), float(y), float(w), float(h))
                if self.accepts(view, box, best):
                    best, place = self.alike(view, box), box
                match[max(y - h // 4, 0) : y + h // 4 + 1, max(x - w // 4, 0) : x + w // 4 + 1] = -1
        return place


class Follower:
    """Follows one subject in one direction of time, a frame after the other.

    Args:
        view: the frame in which the subject is at (x, y).
        x, y: the point, 0..1 from the top left.
        kind: KCF (Henriques et al. 2014, the paper's) or CSRT (Lukezic et al. 2017), which is
            slower and follows changes of size.

    Raises:
        FocusTargetError: there is no depth at that point.
    """

    def __init__(self, view: View, x: float, y: float, kind: TrackerKind = "kcf") -> None:
        level = disparity_at(view.disparity, x, y)
        band = _Band.of(view.disparity, level)
        box = _subject_box(view, x, y, level, band.tolerance)
        self._kind = kind
        self._subject = _Subject(view, box, level, band)
        self._view = view
        self._tracker: cv2.Tracker | None = None
        self._begin(view)
        self.sights = [self._sight(view, lost=False)]

    def step(self, view: View) -> None:
        """Find the subject in the next frame, and append what was seen to `sights`."""
        subject = self._subject
        last = subject.disparity
        box = seen = None
        followed = False
        if self._tracker is not None:
            matches = _matches(self._view, view, subject.box, subject.own)
            if matches is not None and matches.share > _FOUND_AGAIN:
                followed = True
                subject.disparity += _change(self._view, view, matches, subject.band.tolerance)
            box = self._tracked(view, matches)
            if box is not None and subject.accepts(view, box, _ALIKE, followed=followed):
                seen = box
        if seen is None:
            seen = subject.search(view)
            # What is followed but looks otherwise has turned, if its own look is nowhere else.
            if seen is None and followed and box is not None:
                seen = box if subject.accepts(view, box, _TURNED, followed=True) else None
            if seen is not box or seen is None:
                self._tracker = None
        if seen is None:
            subject.disparity = last
            subject.unseen += 1
        else:
            subject.see(view, seen, followed=followed and self._tracker is not None)
            if self._tracker is None or self._outgrown(seen):
                self._begin(view)
        self._view = view
        self.sights.append(self._sight(view, lost=seen is None))

    def _begin(self, view: View) -> None:
        """Let a tracker begin at the subject's box."""
        make = cv2.TrackerKCF.create if self._kind == "kcf" else cv2.TrackerCSRT.create
        self._tracker = make()
        x, y, w, h = self._subject.box
        ys, xs = view.window(self._subject.box)
        start = (xs.start, ys.start, xs.stop - xs.start, ys.stop - ys.start)
        self._tracker.init(view.colour, start)
        self._size = w
        # A tracker's boxes are of whole pixels.
        self._offset = (x + w / 2 - start[0] - start[2] / 2, y + h / 2 - start[1] - start[3] / 2)

    def _outgrown(self, box: Box) -> bool:
        return self._kind == "kcf" and not 1 / _RESTART < box[2] / self._size < _RESTART

    def _tracked(self, view: View, matches: _Matches | None) -> Box | None:
        """Where the tracker has the subject."""
        assert self._tracker is not None
        held, (x, y, w, h) = self._tracker.update(view.colour)
        if not held:
            return None
        if self._kind == "csrt":
            return (float(x), float(y), float(w), float(h))
        # KCF keeps its box's size, and its places are whole pixels, so that it slips off.
        cx, cy = x + w / 2 + self._offset[0], y + h / 2 + self._offset[1]
        left, top, width, height = self._subject.box
        motion = None if matches is None else _motion(matches, self._subject.box)
        if motion is not None:
            dx, dy, growth = motion
            fx, fy = left + width / 2 + dx, top + height / 2 + dy
            if _SMALLEST_BOX / 2 < min(width, height) * growth < view.disparity.shape[0]:
                width, height = width * growth, height * growth
            if np.hypot(fx - cx, fy - cy) < _SLIP * min(width, height):
                cx, cy = fx, fy
        return (cx - width / 2, cy - height / 2, width, height)

    def _sight(self, view: View, *, lost: bool) -> Sight:
        height, width = view.disparity.shape
        x, y, w, h = self._subject.box
        box = (x / width, y / height, w / width, h / height)
        return Sight(box, self._subject.disparity, lost)


def joined(frame: int, backward: Sequence[Sight], forward: Sequence[Sight]) -> Track:
    """The track from what two followers saw that both began at `frame`."""
    sights = [*reversed(backward[1:]), *forward]
    return Track(
        first=frame - len(backward) + 1,
        box=np.array([sight.box for sight in sights], np.float32),
        disparity=np.array([sight.disparity for sight in sights], np.float32),
        lost=np.array([sight.lost for sight in sights], bool),
    )


def track(
    frames: Frames,
    x: float,
    y: float,
    frame: int,
    *,
    first: int,
    last: int,
    kind: TrackerKind = "kcf",
) -> Track:
    """Follow what is at (x, y) in `frame` back to `first` and on to `last`, both included.

    Both directions at once, each in its own thread. See `Follower` for the arguments.

    Raises:
        ValueError: `frame` is not within `first` … `last`.
        FocusTargetError: there is no depth at that point.
    """
    if not first <= frame <= last:
        raise ValueError(f"the target's frame {frame} is not within {first} … {last}")
    start = View.of(frames.image(frame), frames.disparity(frame))

    def follow(numbers: range) -> list[Sight]:
        follower = Follower(start, x, y, kind)
        for number in numbers:
            follower.step(View.of(frames.image(number), frames.disparity(number)))
        return follower.sights

    with ThreadPoolExecutor(2, "track") as pool:
        backward = pool.submit(follow, range(frame - 1, first - 1, -1))
        forward = pool.submit(follow, range(frame + 1, last + 1))
        return joined(frame, backward.result(), forward.result())
