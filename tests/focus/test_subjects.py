"""Subjects followed bit by bit, as hosts give frames, against the same shot followed in one go."""

import functools

import numpy as np
import pytest

from synthetic_focus.evaluation import focus_shots
from synthetic_focus.focus import FocusTarget, FocusTargetError, PullOptions
from synthetic_focus.focus.subjects import Subjects
from synthetic_focus.focus.tracking import View, track

FIRST, LAST = 0, 39


@functools.cache
def shot():
    return focus_shots.crossing()


@functools.cache
def view(frame):
    return View.of(shot().images[frame], shot().disparity[frame])


@functools.cache
def targets_of_shot():
    near, far = shot().subjects
    return FocusTarget(*near.center[0], 0), FocusTarget(*far.center[25], 25)


class Host:
    """Gives a frame only after it has been asked for, and remembers what it was asked."""

    def __init__(self):
        self.given, self.asked = set(), []

    def view(self, frame):
        return view(frame) if frame in self.given else None

    def run(self, subjects, targets):
        while lacking := subjects.advance(targets, FIRST, LAST, self.view):
            assert len(lacking) <= 16
            self.asked += lacking
            self.given |= set(lacking)


def curve_of(subjects, targets):
    curve = subjects.curve(targets, FIRST, LAST, PullOptions())
    return np.array([curve.at(frame).disparity for frame in range(FIRST, LAST + 1)])


def test_bit_by_bit_gives_what_one_go_gives_and_asks_for_no_frame_twice():
    host, subjects = Host(), Subjects()
    host.run(subjects, targets_of_shot())
    assert len(host.asked) == len(set(host.asked))

    class Frames:
        def image(self, frame):
            return shot().images[frame]

        def disparity(self, frame):
            return shot().disparity[frame]

    near, far = targets_of_shot()
    for target in (near, far):
        found = subjects.track(target, FIRST, LAST)
        whole = track(
            Frames(),
            target.x,
            target.y,
            target.frame,
            first=found.first,
            last=found.first + len(found) - 1,
        )
        np.testing.assert_array_equal(found.disparity, whole.disparity)


def test_moving_one_key_follows_only_that_subject_anew():
    host, subjects = Host(), Subjects()
    host.run(subjects, targets_of_shot())
    near, far = targets_of_shot()
    asked = []

    def watch(frame):
        asked.append(frame)
        return view(frame)

    assert subjects.advance((near, far), FIRST, LAST, watch) == ()
    assert asked == []
    moved = FocusTarget(far.x + 0.01, far.y, far.frame)
    assert subjects.advance((near, moved), FIRST, LAST, watch) == ()
    assert len(asked) == LAST - FIRST + 1


def test_the_curve_does_not_depend_on_what_was_followed_before():
    targets = targets_of_shot()
    fresh = Subjects()
    Host().run(fresh, targets)
    used = Subjects()
    Host().run(used, targets[:1])
    Host().run(used, targets[1:])
    Host().run(used, targets)
    np.testing.assert_array_equal(curve_of(used, targets), curve_of(fresh, targets))


def test_a_target_that_stays_needs_only_its_own_frame():
    host, subjects = Host(), Subjects()
    stays = FocusTarget(*shot().subjects[0].center[30], 30, follow=False)
    host.run(subjects, [stays])
    assert host.asked == [30]
    assert curve_of(subjects, [stays]) == pytest.approx(shot().subjects[0].disparity[30], abs=0.01)


def test_targets_beyond_the_shot_use_its_ends():
    host, subjects = Host(), Subjects()
    late = FocusTarget(*shot().subjects[0].center[LAST], 500.5)
    host.run(subjects, [late])
    assert curve_of(subjects, [late])[-1] == pytest.approx(
        shot().subjects[0].disparity[LAST], abs=0.01
    )


def test_no_target_is_refused():
    with pytest.raises(FocusTargetError, match="no focus target"):
        Subjects().advance([], FIRST, LAST, view)
