"""How well focus is kept on what was wanted, on shots of which the truth is known.

``synthetic-focus evaluate focus`` prints the table. The measures are the paper's (section 6, tables
1 and 2): the error in disparity over all frames and in time over all focus targets, here outside of
pulls and against the true disparity of the subject; and whether what could not be seen was said to
be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from synthetic_focus.evaluation.focus_shots import (
    SHOTS,
    Image,
    Map,
    RenderedShot,
)
from synthetic_focus.focus import Aim, FocusCurve, FocusTarget, disparity_at
from synthetic_focus.focus.tracking import TrackerKind, track
from synthetic_focus.scene.cuts import find_cuts, thumbnail

_SEEN = 0.3  # share of a subject that must be visible for its focus to count
_GONE = 0.05  # at most this much of it is visible: it must be flagged as lost
_NOTICE = 3  # frames; a shorter absence need not be noticed
_SHARP = 0.02  # of the disparity range: nearer than that to its subject, the focus has arrived


@dataclass(frozen=True)
class Score:
    """One method on one shot.

    Attributes:
        error: mean |Δd| in per cent of the disparity range, over the frames outside of pulls in
            which the wanted subject can be seen.
        worst: the largest such error.
        late: over all targets, by how many frames the focus arrived after its target's frame (the
            largest); infinite where it never arrived.
        unflagged: spans in which the subject was gone and no frame was flagged as lost; None: the
            method says nothing about it.
        false_alarms: share of the frames flagged as lost although at least half of the subject was
            seen.
    """

    shot: str
    method: str
    error: float
    worst: float
    late: float
    unflagged: int | None
    false_alarms: float | None


class _Frames:
    """A rendered shot as the tracker sees it."""

    def __init__(self, shot: RenderedShot) -> None:
        self._shot = shot

    def image(self, frame: int) -> Image:
        return self._shot.images[frame]

    def disparity(self, frame: int) -> Map:
        return self._shot.disparity[frame]


def _tracked(shot: RenderedShot, target: FocusTarget, kind: TrackerKind) -> Aim:
    last = len(shot.images) - 1
    found = track(
        _Frames(shot), target.x, target.y, int(target.frame), first=0, last=last, kind=kind
    )
    return Aim(target, 0, found.disparity, found.lost)


def _at_the_point(shot: RenderedShot, target: FocusTarget) -> Aim:
    """What is at the clicked point in each frame, whatever it is."""
    return Aim(target, 0, [disparity_at(d, target.x, target.y) for d in shot.disparity])


def _untracked(shot: RenderedShot, target: FocusTarget) -> Aim:
    """The disparity that the subject had at the target's frame, for ever."""
    there = shot.disparity[int(target.frame)]
    return Aim.still(target, disparity_at(there, target.x, target.y))


METHODS: dict[str, Callable[[RenderedShot, FocusTarget], Aim]] = {
    "KCF, disparity-checked": partial(_tracked, kind="kcf"),
    "CSRT, disparity-checked": partial(_tracked, kind="csrt"),
    "depth at the clicked point": _at_the_point,
    "no tracking": _untracked,
}


def _spans(mask: npt.NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def score(shot: RenderedShot, method: str) -> Score:
    """Measure one of ``METHODS`` on a shot."""
    aims = [METHODS[method](shot, target) for target in shot.targets]
    cuts = find_cuts([thumbnail(image) for image in shot.images])
    curve = FocusCurve(aims, cuts=cuts)
    frames = range(len(shot.images))
    foci = [curve.at(frame) for frame in frames]
    wanted = [shot.subjects[shot.wanted[focus.target]] for focus in foci]
    spread = shot.range[1] - shot.range[0]
    truth = np.array([subject.disparity[f] for f, subject in zip(frames, wanted, strict=True)])
    visible = np.array([subject.visible[f] for f, subject in zip(frames, wanted, strict=True)])
    error = np.abs(np.array([focus.disparity for focus in foci]) - truth) / spread
    counts = np.array([focus.state != "pulling" for focus in foci]) & (visible > _SEEN)
    late = 0.0
    for i, target in enumerate(curve.targets):
        mine = np.array([focus.target == i for focus in foci])
        arrived = np.flatnonzero(mine & (np.arange(len(error)) >= target.frame) & (error < _SHARP))
        late = max(late, arrived[0] - target.frame if len(arrived) else np.inf)
    unflagged = false_alarms = None
    if any(aim.lost is not None for aim in aims):
        unflagged, alarms = 0, []
        for aim, who in zip(aims, shot.wanted, strict=True):
            assert aim.lost is not None
            seen = shot.subjects[who].visible
            gone = [s for s in _spans(seen <= _GONE) if s.stop - s.start >= _NOTICE]
            unflagged += sum(not aim.lost[span].any() for span in gone)
            alarms.append((aim.lost & (seen >= 0.5)).mean())
        false_alarms = float(np.mean(alarms))
    return Score(
        shot=shot.name,
        method=method,
        error=float(100 * error[counts].mean()),
        worst=float(100 * error[counts].max()),
        late=float(late),
        unflagged=unflagged,
        false_alarms=false_alarms,
    )


def scores() -> Iterator[Score]:
    """Every method on every shot, one after the other."""
    for make in SHOTS:
        shot = make()
        for method in METHODS:
            yield score(shot, method)


def table(results: Sequence[Score]) -> str:
    """The scores as a table in Markdown."""
    lines = [
        "| shot | method | mean Δd | worst Δd | late | lost spans missed | false alarms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for s in results:
        missed = "-" if s.unflagged is None else str(s.unflagged)
        alarms = "-" if s.false_alarms is None else f"{100 * s.false_alarms:.0f} %"
        late = "never" if np.isinf(s.late) else f"{s.late:.0f}"
        lines.append(
            f"| {s.shot} | {s.method} | {s.error:.2f} % | {s.worst:.1f} % | {late} | {missed} |"
            f" {alarms} |"
        )
    return "\n".join(lines)
