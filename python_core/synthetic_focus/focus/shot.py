"""The focus of a whole shot whose frames can be had in any order: a file's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synthetic_focus.focus.puller import PullOptions
from synthetic_focus.focus.subjects import Plan, Subjects
from synthetic_focus.focus.targets import FocusTarget, in_order
from synthetic_focus.focus.track_record import Shelf
from synthetic_focus.focus.tracking import Frames, TrackerKind, View

_CHUNK = 24  # frames that are read in a row, for movies are slow to read backward
# 90 MB, and almost half as much again of free memory that lies between them. Frames between targets
# that are farther apart are read twice, but estimated once.
_KEPT_CHUNKS = 4

Progress = Callable[[int, int], None]


class Shot(Frames, Protocol):
    """A shot with frames 0 … len - 1."""

    def __len__(self) -> int: ...


def follow(
    frames: Frames,
    plan: Plan,
    *,
    kind: TrackerKind = "kcf",
    shelf: Shelf | None = None,
    source: str = "",
    progress: Progress | None = None,
) -> Subjects:
    """Follow all subjects of a plan.

    Args:
        frames: of the shot, by the numbers of the plan.
        plan: the targets.
        kind: the tracker.
        shelf, source: where subjects are kept, and what tells the shot from others; see `Subjects`.
        progress: called with how many frames have been seen and how many there are.

    Raises:
        FocusTargetError: there is no depth at a target.
    """
    chunks: OrderedDict[int, dict[int, View]] = OrderedDict()
    seen: set[int] = set()

    def view_of(frame: int) -> View:
        number = (frame - plan.first) // _CHUNK
        if number not in chunks:
            begin = plan.first + number * _CHUNK
            wanted = range(begin, min(begin + _CHUNK, plan.last + 1))
            chunks[number] = {}
            for one in wanted:
                chunks[number][one] = View.of(frames.image(one), frames.disparity(one))
                seen.add(one)
                if progress:
                    progress(len(seen), plan.last - plan.first + 1)
            while len(chunks) > _KEPT_CHUNKS:
                chunks.popitem(last=False)
        chunks.move_to_end(number)
        return chunks[number][frame]

    subjects = Subjects(kind, shelf, source)
    subjects.advance(plan, view_of)
    return subjects


def focus_curve(
    shot: Shot,
    targets: Iterable[FocusTarget],
    *,
    pull_frames: float = 10.0,
    settle_frames: float = 3.0,
    ease: float = 0.0,
    kind: TrackerKind = "kcf",
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """The focus over a shot: on each target's subject as it moves, pulled from one to the next.

    Args:
        shot: with `image(frame)`, `disparity(frame)` and a length; see `Frames`.
        targets: what is to be sharp, and when.
        pull_frames, settle_frames, ease: see `PullOptions`.
        kind: the tracker, "kcf" (the paper's, section 5.1) or "csrt".
        progress: called with how many frames have been seen and how many there are.

    Returns:
        (len(shot),) float32, the disparity in focus in each frame, in the unit of the shot's.

    Raises:
        FocusTargetError: no target, two at one frame, or one without depth.
        PullOptionsError: an option is out of range.
    """
    options = PullOptions(pull_frames, settle_frames, ease)
    plan = Plan(in_order(targets), 0, len(shot) - 1, options)
    curve = follow(shot, plan, kind=kind, progress=progress).curve(plan)
    return np.array([curve.at(frame).disparity for frame in range(len(shot))], np.float32)
