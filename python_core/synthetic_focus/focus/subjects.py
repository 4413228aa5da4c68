"""The subjects of a shot's targets, each followed as far as it is asked for, and never twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthetic_focus.focus.puller import Aim, FocusCurve, PullOptions
from synthetic_focus.focus.targets import FocusTarget, in_order
from synthetic_focus.focus.tracking import Follower, Track, TrackerKind, View, joined
from synthetic_focus.scene.cuts import find_cuts, thumbnail

_AHEAD = 4  # frames that are asked for at once in each direction of time

ViewOf = Callable[[int], View | None]


@dataclass
class _Subject:
    """Two followers that began in the target's frame; each sight is one frame further."""

    frame: int
    backward: Follower
    forward: Follower

    @property
    def first(self) -> int:
        return self.frame - len(self.backward.sights) + 1

    @property
    def last(self) -> int:
        return self.frame + len(self.forward.sights) - 1


@dataclass
class Subjects:
    """Follows the subjects of targets through frames as they become available.

    Hosts give frames when they are asked, one render after the other; files give them at once. So
    this asks nobody: `advance` says which frames it lacks, and goes on from there when it is called
    again. A target that moved is a new subject; all others stay as they are.

    Attributes:
        kind: the tracker.
    """

    kind: TrackerKind = "kcf"
    _subjects: dict[tuple[float, float, int], _Subject] = field(default_factory=dict)
    _thumbnails: dict[int, np.ndarray] = field(default_factory=dict)

    def advance(
        self, targets: Sequence[FocusTarget], first: int, last: int, view_of: ViewOf
    ) -> tuple[int, ...]:
        """Follow every target that needs it as far as there are views.

        Args:
            targets: of the shot. One that follows is covered from the target before it to the one
                after.
            first, last: the frames of the shot, both included.
            view_of: frame -> its view, or None where it is not to be had yet.

        Returns:
            The frames that are needed next; none when everything is covered.

        Raises:
            FocusTargetError: there is no depth at a target; or no target, or two at one frame.
        """
        lacking: list[int] = []
        for target, (begin, end) in zip(
            in_order(targets), _spans(targets, first, last), strict=True
        ):
            frame = _frame_of(target, first, last)
            key = (target.x, target.y, frame)
            subject = self._subjects.get(key)
            if subject is None:
                view = self._seen(frame, view_of)
                if view is None:
                    lacking.append(frame)
                    continue
                subject = _Subject(
                    frame,
                    Follower(view, target.x, target.y, self.kind),
                    Follower(view, target.x, target.y, self.kind),
                )
                self._subjects[key] = subject
            if not target.follow:
                continue
            lacking += self._walk(subject.forward, range(subject.last + 1, end + 1), view_of)
            lacking += self._walk(
                subject.backward, range(subject.first - 1, begin - 1, -1), view_of
            )
        return tuple(dict.fromkeys(lacking))

    def track(self, target: FocusTarget, first: int, last: int) -> Track:
        """What is known of a target's subject.

        Args:
            target: one that `advance` has covered.
            first, last: the frames of the shot.
        """
        subject = self._subjects[(target.x, target.y, _frame_of(target, first, last))]
        return joined(subject.frame, subject.backward.sights, subject.forward.sights)

    def curve(
        self, targets: Sequence[FocusTarget], first: int, last: int, options: PullOptions
    ) -> FocusCurve:
        """The focus over time, when `advance` lacks nothing any more."""
        aims = []
        for target, (begin, end) in zip(
            in_order(targets), _spans(targets, first, last), strict=True
        ):
            track = self.track(target, first, last)
            if not target.follow:
                begin = end = _frame_of(target, first, last)
            # Only its own span, whatever was followed for other targets: the same for any history.
            span = slice(begin - track.first, end + 1 - track.first)
            aims.append(Aim(target, begin, track.disparity[span], track.lost[span]))
        return FocusCurve(aims, options, self.cuts())

    def cuts(self) -> tuple[int, ...]:
        """The first frames of new scenes, as far as frames have been seen."""
        cuts: list[int] = []
        frames = sorted(self._thumbnails)
        breaks = [0, *(i for i in range(1, len(frames)) if frames[i] != frames[i - 1] + 1)]
        for begin, end in zip(breaks, [*breaks[1:], len(frames)], strict=True):
            run = frames[begin:end]
            if run:
                found = find_cuts(np.stack([self._thumbnails[frame] for frame in run]))
                cuts += [run[0] + cut for cut in found]
        return tuple(cuts)

    def _walk(self, follower: Follower, frames: range, view_of: ViewOf) -> list[int]:
        """Step through the frames while there are views; the next that are lacking."""
        for place, frame in enumerate(frames):
            view = self._seen(frame, view_of)
            if view is None:
                return [lack for lack in frames[place : place + _AHEAD] if view_of(lack) is None]
            follower.step(view)
        return []

    def _seen(self, frame: int, view_of: ViewOf) -> View | None:
        view = view_of(frame)
        if view is not None and frame not in self._thumbnails:
            self._thumbnails[frame] = thumbnail(view.colour)
        return view


def _frame_of(target: FocusTarget, first: int, last: int) -> int:
    """The frame in which a target's subject is looked for; targets beyond the shot use its ends."""
    return min(max(round(target.frame), first), last)


def _spans(targets: Sequence[FocusTarget], first: int, last: int) -> list[tuple[int, int]]:
    """For each target in order, the frames between the target before it and the one after it."""
    frames = [_frame_of(target, first, last) for target in in_order(targets)]
    before, after = [first, *frames[:-1]], [*frames[1:], last]
    return list(zip(before, after, strict=True))
