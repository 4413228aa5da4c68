"""What the worker remembers of the subjects in the shots of a host."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from synthetic_focus.focus.bake import bake
from synthetic_focus.focus.puller import Focus
from synthetic_focus.focus.subjects import Plan, Subjects
from synthetic_focus.focus.track_record import usual_shelf
from synthetic_focus.focus.tracking import Box, View
from synthetic_focus.locks import held

_KEPT_VIEWS: Final = 48  # 44 MB; what the host is asked for at once is a sixth of it


class LackingError(Exception):
    """Frames of the shot that must be fetched from the host first."""

    def __init__(self, frames: tuple[int, ...]) -> None:
        super().__init__(frames)
        self.frames = frames


class FollowedShot:
    """The subjects of one shot, followed with the frames that the host gives. Safe in threads.

    Attributes:
        alone: the host gives no frame but the one that it renders, so nothing can be followed.
    """

    def __init__(self) -> None:
        self.alone = False
        self._lock = threading.Lock()
        self._subjects = Subjects(shelf=usual_shelf())
        self._views: OrderedDict[int, View] = OrderedDict()

    def focus(
        self,
        plan: Plan,
        time: float,
        given: Callable[[int], View | None],
        stop: Callable[[], None],
    ) -> tuple[Focus, Box | None]:
        """The focus at a time, and the box of its subject as in `Track`.

        Args:
            plan: the shot's targets.
            time: of the frame to render.
            given: frame -> its view, if the host has given it.
            stop: called before each frame that is looked at; may raise to stop. What was followed
                until then is kept.

        Raises:
            LackingError: frames that must be given first.
            FocusTargetError: there is no depth at a target.
        """
        with held(self._lock, stop):
            self._advance(plan, given, stop, time)
            curve = self._subjects.curve(plan, time)
            focus = curve.at(time)
            box = self._subjects.box(plan, curve.targets[focus.target], round(time))
            return focus, box

    def bake(
        self,
        plan: Plan,
        tolerance: float,
        given: Callable[[int], View | None],
        stop: Callable[[], None],
    ) -> tuple[tuple[int, float], ...]:
        """The fewest keys of the focus over the whole shot; see `focus` and `focus.bake`."""
        with held(self._lock, stop):
            self._advance(plan, given, stop, None)
            return bake(self._subjects.curve(plan), plan.first, plan.last, tolerance)

    def _advance(
        self,
        plan: Plan,
        given: Callable[[int], View | None],
        stop: Callable[[], None],
        time: float | None,
    ) -> None:
        def view_of(frame: int) -> View | None:
            stop()
            if frame not in self._views:
                view = given(frame)
                if view is None:
                    return None
                self._views[frame] = view
                while len(self._views) > _KEPT_VIEWS:
                    self._views.popitem(last=False)
            return self._views[frame]

        lacking = self._subjects.advance(plan, view_of, time)
        if lacking:
            raise LackingError(lacking)
