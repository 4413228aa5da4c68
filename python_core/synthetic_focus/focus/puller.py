"""The focus puller: from tracked subjects to the focus disparity at any time.

A pull to a target ends a few frames before the target's own, so that the eye has settled when the
action begins, and is linear in disparity, which is linear in blur (paper, section 5.1 and figure
4). The curve is a pure function of its arguments: the same in whatever order frames are rendered.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.focus.targets import FocusTarget, in_order

Disparities = npt.NDArray[np.float64]
State = Literal["locked", "pulling", "lost"]

_SMOOTHING = 2.0  # frames, deviation of the window that takes the noise off a tracked disparity
_RETURN = 10  # frames, how long the focus takes back to a subject that comes into sight again


HORIZON = math.ceil(3 * _SMOOTHING) + _RETURN
"""How many frames around a time say what the focus on a subject is at that time."""


class PullOptionsError(SyntheticFocusError):
    """An option of the focus puller that is out of range."""


@dataclass(frozen=True)
class PullOptions:
    """How the focus goes from one subject to the next.

    Attributes:
        pull_frames: how long a pull takes.
        settle_frames: how long before its target a pull has ended.
        ease: 0: linear in disparity, as in the paper; 1: starts and ends at rest.
    """

    pull_frames: float = 10.0
    settle_frames: float = 3.0
    ease: float = 0.0

    def __post_init__(self) -> None:
        for name in ("pull_frames", "settle_frames"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise PullOptionsError(f"{name} is {value}; it must be 0 or more frames")
        if not 0 <= self.ease <= 1:
            raise PullOptionsError(f"ease is {self.ease}; it must be from 0 to 1")


@dataclass(frozen=True)
class Aim:
    """A target with what its subject's disparity was seen to be.

    Attributes:
        target: the target.
        first: the frame of the first entry of ``disparity``.
        disparity: (n,) of the subject in consecutive frames; outside of them the ends hold.
        lost: (n,) bool, true where ``disparity`` is held because the subject could not be seen;
            None: it was seen throughout.
    """

    target: FocusTarget
    first: float
    disparity: Sequence[float] | npt.NDArray[np.floating]
    lost: npt.NDArray[np.bool_] | None = None

    @classmethod
    def still(cls, target: FocusTarget, disparity: float) -> Aim:
        """A subject that keeps its distance."""
        return cls(target, target.frame, (disparity,))


@dataclass(frozen=True)
class Focus:
    """Where the focus is at one time.

    Attributes:
        disparity: of the focal plane.
        state: "pulling" between two subjects, "lost" while the subject cannot be seen, else
            "locked".
        target: index of the target that is held or pulled to, in the order of time.
    """

    disparity: float
    state: State
    target: int


@dataclass(frozen=True)
class _Pull:
    start: float
    end: float


class FocusCurve:
    """The focus over time.

    Args:
        aims: the targets with their subjects' disparities, in any order.
        options: how pulls go.
        cuts: first frames of new scenes. Between two targets with cuts between them the focus
            changes at the last of those cuts, unseen.

    Raises:
        FocusTargetError: no target, or two at one frame.
    """

    def __init__(
        self, aims: Sequence[Aim], options: PullOptions | None = None, cuts: Sequence[float] = ()
    ) -> None:
        options = PullOptions() if options is None else options
        by_frame = {aim.target.frame: aim for aim in aims}
        in_order(aim.target for aim in aims)
        self._aims = [by_frame[frame] for frame in sorted(by_frame)]
        self._levels = [_steady(aim) for aim in self._aims]
        self._pulls = [
            _pull_between(before, after, options, cuts) for before, after in pairwise(self._aims)
        ]
        self._starts = [pull.start for pull in self._pulls]
        self._ease = options.ease

    @property
    def targets(self) -> tuple[FocusTarget, ...]:
        """The targets in the order of time."""
        return tuple(aim.target for aim in self._aims)

    @property
    def pulls(self) -> tuple[tuple[float, float], ...]:
        """First and last frame of the pull to each target but the first."""
        return tuple((pull.start, pull.end) for pull in self._pulls)

    def at(self, frame: float) -> Focus:
        """The focus at a frame, which may be fractional and outside of the shot."""
        index = bisect_right(self._starts, frame)
        there = self._level(index, frame)
        if index > 0:
            pull = self._pulls[index - 1]
            if frame < pull.end:
                u = (frame - pull.start) / (pull.end - pull.start)
                u += self._ease * (u * u * (3 - 2 * u) - u)
                here = self._level(index - 1, frame)
                return Focus(here + u * (there - here), "pulling", index)
        return Focus(there, "lost" if self._is_lost(index, frame) else "locked", index)

    def _level(self, index: int, frame: float) -> float:
        levels = self._levels[index]
        return float(np.interp(frame - self._aims[index].first, np.arange(len(levels)), levels))

    def _is_lost(self, index: int, frame: float) -> bool:
        aim = self._aims[index]
        if aim.lost is None:
            return False
        entry = round(frame - aim.first)
        return bool(aim.lost[min(max(entry, 0), len(aim.lost) - 1)])


def pull_window(
    before: FocusTarget, after: FocusTarget, options: PullOptions
) -> tuple[float, float]:
    """First and last frame of the pull from one target to the next, if neither cut nor loss is
    there.

    Targets closer to each other than a pull and its rest shorten both alike.
    """
    span = after.frame - before.frame
    duration = options.pull_frames if after.pull_frames is None else after.pull_frames
    squeeze = min(1.0, span / max(duration + options.settle_frames, 1e-9))
    end = after.frame - squeeze * options.settle_frames
    return end - squeeze * duration, end


def _pull_between(before: Aim, after: Aim, options: PullOptions, cuts: Sequence[float]) -> _Pull:
    leave, arrive = before.target.frame, after.target.frame
    between = [cut for cut in cuts if leave < cut <= arrive]
    if between:
        return _Pull(min(between), min(between))
    start, end = pull_window(before.target, after.target, options)
    if before.target.hold == "weak":
        gone = _lost_for_good(before, start)
        if gone is not None and gone < start:
            early = max(gone, leave)
            return _Pull(early, early + end - start)
    return _Pull(start, end)


def _lost_for_good(aim: Aim, until: float) -> float | None:
    """The frame since which the subject has been lost at the frame ``until``; None: it is seen
    then.
    """
    if aim.lost is None:
        return None
    entry = min(max(math.floor(until - aim.first), 0), len(aim.lost) - 1)
    if not aim.lost[entry]:
        return None
    while entry > 0 and aim.lost[entry - 1]:
        entry -= 1
    return aim.first + entry


def _steady(aim: Aim) -> Disparities:
    """The subject's disparity without its noise and without lag, the focus back before the subject
    is.
    """
    raw = np.asarray(aim.disparity, np.float64)
    lost = np.zeros(len(raw), bool) if aim.lost is None else np.asarray(aim.lost, bool)
    if not aim.target.follow:
        entry = min(max(round(aim.target.frame - aim.first), 0), len(raw) - 1)
        return np.full(1, raw[entry])
    steady = raw.copy()
    edges = np.flatnonzero(np.diff(np.r_[True, lost, True].astype(np.int8)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        steady[start:stop] = _smooth(raw[start:stop])
    for start, stop in zip(edges[1::2], edges[2::2], strict=False):
        # A lost span between two sights: hold what was last seen, and be back when the subject is.
        held, found = steady[start - 1], steady[stop]
        back = min(_RETURN, stop - start)
        steady[start:stop] = held
        steady[stop - back : stop] = held + (found - held) * np.arange(1, back + 1) / (back + 1)
    if len(edges) and edges[0] > 0:
        steady[: edges[0]] = steady[edges[0]]
    if len(edges) and edges[-1] < len(raw):
        steady[edges[-1] :] = steady[edges[-1] - 1]
    return steady


def _smooth(values: Disparities) -> Disparities:
    """Local linear regression under a Gaussian window.

    It has no lag, and no bias on a moving subject, at the ends neither (Fan and Gijbels 1996,
    section 2.3).
    """
    reach = math.ceil(3 * _SMOOTHING)
    offset = np.arange(-reach, reach + 1, dtype=np.float64)
    weight = np.exp(-0.5 * (offset / _SMOOTHING) ** 2)

    def moment(power: int, of: Disparities) -> Disparities:
        # Convolution turns its kernel round, hence the sign of the offset.
        return np.convolve(of, weight * (-offset) ** power, "full")[reach : reach + len(of)]

    ones = np.ones(len(values))
    s0, s1, s2 = (moment(power, ones) for power in range(3))
    t0, t1 = (moment(power, values) for power in range(2))
    determinant = s0 * s2 - s1 * s1
    one_sample = determinant <= 0
    smooth = (s2 * t0 - s1 * t1) / np.where(one_sample, 1, determinant)
    return np.asarray(np.where(one_sample, values, smooth), np.float64)
