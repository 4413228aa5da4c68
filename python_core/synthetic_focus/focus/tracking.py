"""Follows a subject from a focus target through the shot, and reads its disparity in every frame.

The paper follows the subject with a KCF tracker (section 5.1). A correlation tracker alone glides
onto the background when its subject is covered, so every step is checked against disparity: the
subject's own pixels must still be in the box, at a disparity that it can have reached since it was
last seen. A subject that fails the check is lost: its last focus is held and flagged, and it is
looked for until it is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_focus.focus.targets import disparity_at

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, width, height

TrackerKind = Literal["kcf", "csrt"]

WORKING_HEIGHT = 270  # at most; finer detail costs time and holds no subject better
_SMALLEST_BOX = 16.0  # px; below this a correlation filter has nothing to hold
_LARGEST_BOX = 0.6  # share of the picture's height
_TOLERANCE = 0.05  # share of the disparity range that a subject's own pixels may be apart
_REACH = 0.03  # share of the disparity range that a subject can cross from one frame to the next
_HELD = 0.35  # share of the subject's usual pixels that must be in the box
_ALIKE = 0.55  # correlation with the subject's look, to go on
_FOUND = 0.65  # the same, to call a lost subject found
_LEARN = 0.05  # how fast its look is relearnt while it is well seen
_SCALES = (0.8, 1.0, 1.25)


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
    """One frame at the tracker's working size, at most 270 lines; 650 kB.

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


def _spread(disparity: Map) -> float:
    """The shot's disparity range, robustly, never zero."""
    known = disparity
    low, high = np.percentile(known[np.isfinite(known)], (2, 98))
    return float(max(high - low, 1e-6))


def _subject_box(view: View, x: float, y: float, tolerance: float) -> Box:
    """The box around the connected pixels at the point's disparity."""
    height, width = view.disparity.shape
    cx, cy = min(int(x * width), width - 1), min(int(y * height), height - 1)
    level = disparity_at(view.disparity, x, y)
    alike = (np.abs(view.disparity - level) < tolerance).astype(np.uint8)
    alike = cv2.morphologyEx(alike, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).astype(np.uint8)
    reach = int(_LARGEST_BOX * height / 2)
    top, left = max(cy - reach, 0), max(cx - reach, 0)
    near = alike[top : cy + reach + 1, left : cx + reach + 1]
    _, labels = cv2.connectedComponents(near)
    label = labels[cy - top, cx - left]
    if label == 0:
        x0, x1, y0, y1 = cx, cx + 1, cy, cy + 1
    else:
        ys, xs = np.nonzero(labels == label)
        # The 2nd percentiles: a thread of floor at the subject's distance must not widen the box.
        x0, x1 = (left + int(v) for v in np.percentile(xs, (2, 98)))
        y0, y1 = (top + int(v) for v in np.percentile(ys, (2, 98)))
    w, h = max(x1 - x0 + 1.0, _SMALLEST_BOX), max(y1 - y0 + 1.0, _SMALLEST_BOX)
    return ((x0 + x1 + 1 - w) / 2, (y0 + y1 + 1 - h) / 2, w, h)


def _start(kind: TrackerKind, view: View, box: Box) -> cv2.Tracker:
    make = cv2.TrackerKCF.create if kind == "kcf" else cv2.TrackerCSRT.create
    tracker = make()
    ys, xs = view.window(box)
    tracker.init(view.colour, (xs.start, ys.start, xs.stop - xs.start, ys.stop - ys.start))
    return tracker


class _Subject:
    """What is known of the subject: its disparity, its look, and how much of a box it fills."""

    def __init__(self, view: View, box: Box, level: float, tolerance: float, reach: float) -> None:
        self.disparity = level
        self.tolerance = tolerance
        self.reach = reach
        self.box = box
        self.unseen = 0
        self.fill = max(self._share(view, box), 0.05)
        self.look = self._look(view, box)

    def _band(self, view: View, box: Box) -> npt.NDArray[np.bool_]:
        slack = self.tolerance + self.reach * (1 + 0.5 * self.unseen)
        band: npt.NDArray[np.bool_] = (
            np.abs(view.disparity[view.window(box)] - self.disparity) < slack
        )
        return band

    def _share(self, view: View, box: Box) -> float:
        return float(self._band(view, box).sum()) / max(box[2] * box[3], 1.0)

    @staticmethod
    def _look(view: View, box: Box) -> npt.NDArray[np.float32]:
        patch = view.colour[view.window(box)]
        return cv2.resize(patch, (24, 32), interpolation=cv2.INTER_AREA).astype(np.float32)

    def alike(self, view: View, box: Box) -> float:
        """Correlation of the box's content with the subject's look, -1..1."""
        ys, xs = view.window(box)
        if ys.stop - ys.start < 2 or xs.stop - xs.start < 2:
            return -1.0
        look = self._look(view, box)
        a, b = look - look.mean((0, 1)), self.look - self.look.mean((0, 1))
        norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return float((a * b).sum()) / norm if norm > 0 else 0.0

    def accepts(self, view: View, box: Box, alike: float) -> bool:
        ys, xs = view.window(box)
        if (ys.stop - ys.start) * (xs.stop - xs.start) < 0.4 * box[2] * box[3]:
            return False
        return self._share(view, box) > _HELD * self.fill and self.alike(view, box) > alike

    def see(self, view: View, box: Box) -> None:
        """Take what is in the box as the subject."""
        pixels = view.disparity[view.window(box)][self._band(view, box)]
        self.disparity = float(np.median(pixels))
        self.box = box
        self.unseen = 0
        if self.alike(view, box) > _FOUND:
            self.fill += _LEARN * (self._share(view, box) - self.fill)
            self.look += np.float32(_LEARN) * (self._look(view, box) - self.look)

    def search(self, view: View) -> Box | None:
        """The most alike place in the picture at a disparity that the subject can have reached."""
        best, place = _FOUND, None
        slack = self.tolerance + self.reach * (1 + 0.5 * self.unseen)
        possible = (np.abs(view.disparity - self.disparity) < slack).astype(np.uint8)
        for scale in _SCALES:
            w, h = round(self.box[2] * scale), round(self.box[3] * scale)
            if w >= view.colour.shape[1] or h >= view.colour.shape[0]:
                continue
            template = cv2.resize(self.look, (w, h), interpolation=cv2.INTER_LINEAR)
            match = cv2.matchTemplate(view.colour, template.astype(np.uint8), cv2.TM_CCOEFF_NORMED)
            share = cv2.boxFilter(possible, cv2.CV_32F, (w, h), anchor=(0, 0))
            match[share[: match.shape[0], : match.shape[1]] < _HELD * self.fill] = -1
            _, value, _, (x, y) = cv2.minMaxLoc(match)
            box = (float(x), float(y), float(w), float(h))
            if value > best and self.accepts(view, box, _ALIKE):
                best, place = value, box
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
        spread = _spread(view.disparity)
        tolerance = _TOLERANCE * spread
        box = _subject_box(view, x, y, tolerance)
        self._kind = kind
        self._subject = _Subject(view, box, level, tolerance, _REACH * spread)
        self._subject.see(view, box)
        self._tracker: cv2.Tracker | None = _start(kind, view, box)
        self.sights = [self._sight(view, lost=False)]

    def step(self, view: View) -> None:
        """Find the subject in the next frame, and append what was seen to `sights`."""
        seen: Box | None = None
        if self._tracker is not None:
            held, rectangle = self._tracker.update(view.colour)
            x0, y0, w, h = map(float, rectangle)
            if held and self._subject.accepts(view, (x0, y0, w, h), _ALIKE):
                seen = (x0, y0, w, h)
        if seen is None:
            seen = self._subject.search(view)
            self._tracker = None if seen is None else _start(self._kind, view, seen)
        if seen is None:
            self._subject.unseen += 1
        else:
            self._subject.see(view, seen)
        self.sights.append(self._sight(view, lost=seen is None))

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
