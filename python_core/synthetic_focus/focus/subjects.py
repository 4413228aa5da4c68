"""The subjects of a shot's targets, each followed as far as it is asked for, and never twice."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synthetic_focus.focus.puller import HORIZON, Aim, FocusCurve, PullOptions, pull_window
from synthetic_focus.focus.targets import FocusTarget
from synthetic_focus.focus.track_record import (
    Glance,
    Shelf,
    TrackRecord,
    dump,
    glance,
    load,
    name_of,
)
from synthetic_focus.focus.tracking import (
    Box,
    Follower,
    Sight,
    Track,
    TrackerKind,
    View,
    joined,
)
from synthetic_focus.scene.cuts import find_cuts, thumbnail

_KEPT_AT_ONCE = 32  # frames of a subject that are new before it is written again
_AHEAD = 4  # frames that are asked for at once in each direction of time

ViewOf = Callable[[int], View | None]


class Span(NamedTuple):
    """Where a subject must be known, within the frames between its target's neighbours."""

    begin: int
    end: int
    earliest: int
    latest: int


@dataclass(frozen=True)
class Plan:
    """The targets of a shot and how the focus goes between them.

    Attributes:
        targets: in the order of time.
        first, last: the frames of the shot, both included. Targets beyond them use its ends.
        options: of the pulls.
    """

    targets: tuple[FocusTarget, ...]
    first: int
    last: int
    options: PullOptions

    def frame_of(self, target: FocusTarget) -> int:
        """The frame in which a target's subject is looked for."""
        return min(max(round(target.frame), self.first), self.last)

    def spans(self, time: float | None, cuts: Sequence[int]) -> list[tuple[FocusTarget, Span]]:
        """Which subjects must be known in which frames for the focus at a time, or at all times."""
        targets = self.targets
        frames = [self.frame_of(target) for target in targets]
        before, after = [self.first, *frames[:-1]], [*frames[1:], self.last]
        limits = list(zip(before, after, strict=True))
        if time is None:
            return [
                (target, Span(*limit, *limit))
                for target, limit in zip(targets, limits, strict=True)
            ]
        now = bisect_right([target.frame for target in targets], time) - 1
        low, high = math.floor(time) - HORIZON, math.ceil(time) + HORIZON
        found = []
        for i in range(max(now, 0), min(now + 2, len(targets))):
            begin = min(max(low, before[i]), frames[i])
            end = max(min(high, after[i]), frames[i])
            weak = targets[now].hold == "weak" if now >= 0 else False
            if i == now and weak:
                end = after[i]  # whether and when it is lost decides when the next pull begins
            if 0 <= now < i and not weak:
                leave, _ = pull_window(targets[now], targets[i], self.options)
                cut = any(frames[now] < cut <= time for cut in cuts)
                if time < leave and not cut:
                    continue  # not in use yet
            found.append((targets[i], Span(begin, end, *limits[i])))
        return found


@dataclass
class _Subject:
    """What is known of a subject, in both directions from its target's frame, which is in both.

    Attributes:
        frame: the target's.
        backward, forward: each sight is one frame further.
        followers: what goes on from there; None: it was on disk, and whatever is beyond needs
            followers that begin anew.
        record: what was on disk.
        kept: the frames that are on disk.
        name: under which they are.
        checked: frames that were compared with the record's.
    """

    frame: int
    backward: Sequence[Sight]
    forward: Sequence[Sight]
    followers: tuple[Follower, Follower] | None
    record: TrackRecord | None
    kept: range
    name: str
    checked: set[int] = field(default_factory=set)

    @property
    def first(self) -> int:
        return self.frame - len(self.backward) + 1

    @property
    def last(self) -> int:
        return self.frame + len(self.forward) - 1

    @property
    def frames(self) -> range:
        return range(self.first, self.last + 1)


@dataclass
class Subjects:
    """Follows the subjects of targets through frames as they become available.

    Hosts give frames when they are asked, one render after the other; files give them at once. So
    this asks nobody: `advance` says which frames it lacks, and goes on from there when it is called
    again. A target that moved is a new subject; all others stay as they are.

    Attributes:
        kind: the tracker.
        shelf: where subjects are kept beyond this session; None: nowhere.
        source: what tells the shot from others that begin alike, or "" where nothing does: then
            frames are compared with those that were seen when they are given.
    """

    kind: TrackerKind = "kcf"
    shelf: Shelf | None = None
    source: str = ""
    _subjects: dict[tuple[float, float, int], _Subject] = field(default_factory=dict)
    _thumbnails: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict)
    _glances: dict[int, Glance] = field(default_factory=dict)
    _kept_cuts: set[int] = field(default_factory=set)
    _stale: set[str] = field(default_factory=set)
    _cuts: tuple[int, ...] = ()
    _cuts_of: int = -1

    def advance(self, plan: Plan, view_of: ViewOf, time: float | None = None) -> tuple[int, ...]:
        """Follow the subjects as far as it is needed and there are views.

        Args:
            plan: the shot's targets.
            view_of: frame -> its view, or None where it is not to be had yet.
            time: of the frame whose focus is wanted; None: that of the whole shot.

        Returns:
            The frames that are needed next; none when everything is covered.

        Raises:
            FocusTargetError: there is no depth at a target.
        """
        while True:
            cuts = self.cuts()
            lacking: list[int] = []
            spans = plan.spans(time, cuts)
            for target, span in spans:
                subject = self._subject(plan, target, view_of)
                if subject is not None and target.follow and self._falls_short(subject, span):
                    subject = self._subject(plan, target, view_of, anew=True)
                if subject is None:
                    lacking.append(plan.frame_of(target))
                elif target.follow:
                    lacking += self._cover(subject, span, view_of)
            # A cut that came to light on the way may bring the next subject into use.
            known = time is None or self._check(round(time), view_of)
            if known and (lacking or cuts == self.cuts()):
                break
        if not lacking:
            for target, span in spans:
                self._keep(plan, target, span)
        return tuple(dict.fromkeys(lacking))

    def track(self, plan: Plan, target: FocusTarget) -> Track:
        """What is known of the subject of a target of the plan, once `advance` has been there."""
        subject = self._subjects[(target.x, target.y, plan.frame_of(target))]
        return joined(subject.frame, subject.backward, subject.forward)

    def box(self, plan: Plan, target: FocusTarget, frame: int) -> Box | None:
        """The box around a target's subject in a frame, as in `Track`; None: not followed there."""
        subject = self._subjects.get((target.x, target.y, plan.frame_of(target)))
        if subject is None or not subject.first <= frame <= subject.last:
            return None
        step = frame - subject.frame
        sights = subject.forward if step > 0 else subject.backward
        return sights[abs(step)].box

    def curve(self, plan: Plan, time: float | None = None) -> FocusCurve:
        """The focus over time, when `advance` lacks nothing any more.

        With a time it is the curve of the targets around it, and right at that time only, where it
        is the same number whatever else has been followed.
        """
        aims = []
        for target, span in plan.spans(time, self.cuts()):
            track = self.track(plan, target)
            # Nothing that was followed for another plan.
            begin = max(track.first, span.earliest)
            own = slice(begin - track.first, span.latest + 1 - track.first)
            aims.append(Aim(target, begin, track.disparity[own], track.lost[own]))
        return FocusCurve(aims, plan.options, self.cuts())

    def cuts(self) -> tuple[int, ...]:
        """The first frames of new scenes, as far as frames have been seen."""
        if self._cuts_of != len(self._thumbnails):
            self._cuts = self._find_cuts()
            self._cuts_of = len(self._thumbnails)
        return self._cuts

    def _find_cuts(self) -> tuple[int, ...]:
        frames = sorted(self._thumbnails)
        breaks = [i for i in range(1, len(frames)) if frames[i] != frames[i - 1] + 1]
        cuts: list[int] = []
        for begin, end in pairwise([0, *breaks, len(frames)]):
            run = [self._thumbnails[frame] for frame in frames[begin:end]]
            cuts += [frames[begin] + cut for cut in find_cuts(run)]
        return tuple(sorted(self._kept_cuts.union(cuts)))

    def _subject(
        self, plan: Plan, target: FocusTarget, view_of: ViewOf, *, anew: bool = False
    ) -> _Subject | None:
        """A target's subject, from memory, from disk, or just begun; None: its frame is lacking."""
        frame = plan.frame_of(target)
        key = (target.x, target.y, frame)
        if anew or key not in self._subjects:
            view = self._seen(frame, view_of)
            if view is None:
                return None
            name = name_of(view, target.x, target.y, self.kind, self.source)
            record = None
            if self.shelf is not None and not anew and name not in self._stale:
                record = load(self.shelf.read_json(name))
            if record is not None:
                sights, followers = (record.backward, record.forward), None
                self._kept_cuts.update(frame + cut for cut in record.cuts)
                self._cuts_of = -1
            else:
                followers = (
                    Follower(view, target.x, target.y, self.kind),
                    Follower(view, target.x, target.y, self.kind),
                )
                sights = followers[0].sights, followers[1].sights
            subject = _Subject(frame, *sights, followers, record, range(0), name)
            if record is not None:
                subject.kept = subject.frames
            elif anew:
                subject.kept = self._subjects[key].kept
            self._subjects[key] = subject
        return self._subjects[key]

    def _check(self, frame: int, view_of: ViewOf) -> bool:
        """Forget the subjects from disk that were seen in another frame than this; False: some."""
        doubtful = [
            (key, subject)
            for key, subject in self._subjects.items()
            if subject.record is not None and frame not in subject.checked
        ]
        view = view_of(frame) if doubtful else None
        if view is None:
            return True
        known = True
        for key, subject in doubtful:
            subject.checked.add(frame)
            if subject.record and not subject.record.shows(frame - subject.frame, view):
                self._kept_cuts.difference_update(subject.frames)
                self._cuts_of = -1
                self._stale.add(subject.name)
                del self._subjects[key]
                known = False
        return known

    @staticmethod
    def _falls_short(subject: _Subject, span: Span) -> bool:
        """Whether more must be known of a subject than was on disk."""
        if subject.followers is not None:
            return False
        unsure = subject.backward[-1].lost and subject.first > span.earliest
        return span.begin < subject.first or subject.last < span.end or unsure

    def _keep(self, plan: Plan, target: FocusTarget, span: Span) -> None:
        """Write a subject to disk, when there is enough that is new."""
        subject = self._subjects[(target.x, target.y, plan.frame_of(target))]
        frames, kept = subject.frames, subject.kept
        if self.shelf is None or not target.follow or frames == kept:
            return
        if kept and not (kept[0] in frames and kept[-1] in frames):
            return  # what is on disk knows more
        whole = span.earliest in frames and span.latest in frames
        if not whole and len(frames) - len(kept) < _KEPT_AT_ONCE:
            return
        record = TrackRecord(
            subject.backward,
            subject.forward,
            [cut - subject.frame for cut in self.cuts() if cut in frames],
            np.stack([self._glances[frame] for frame in frames]),
        )
        self.shelf.write_json(subject.name, dump(record))
        subject.kept = frames

    def _cover(self, subject: _Subject, span: Span, view_of: ViewOf) -> list[int]:
        if subject.followers is None:
            return []  # all of it was on disk
        backward, forward = subject.followers
        lacking = self._walk(forward, range(subject.last + 1, span.end + 1), view_of)
        back = range(subject.first - 1, span.begin - 1, -1)
        lacking += self._walk(backward, back, view_of)
        # What was held before a loss is known only where the subject was last seen.
        while subject.backward[-1].lost and subject.first > span.earliest and not lacking:
            before = subject.first - 1
            lacking += self._walk(backward, range(before, before - 1, -1), view_of)
        return lacking

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
            self._glances[frame] = glance(view)
        return view
