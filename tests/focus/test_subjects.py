"""Subjects followed bit by bit, as hosts give frames, against the same shot followed in one go."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from synthetic_focus.evaluation import focus_shots
from synthetic_focus.focus import FocusTarget, PullOptions
from synthetic_focus.focus.subjects import Plan, Subjects
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


def plan(*targets, **options):
    return Plan(tuple(sorted(targets, key=lambda t: t.frame)), FIRST, LAST, PullOptions(**options))


class Host:
    """Gives a frame only after it has been asked for, and remembers what it was asked."""

    def __init__(self, view_of=view):
        self.given, self.asked, self._view_of = set(), [], view_of

    def view(self, frame):
        return self._view_of(frame) if frame in self.given else None

    def run(self, subjects, plan, time=None):
        while lacking := subjects.advance(plan, self.view, time):
            assert len(lacking) <= 16
            assert not self.given & set(lacking)
            self.asked += lacking
            self.given |= set(lacking)


def curve_of(subjects, plan):
    curve = subjects.curve(plan)
    return np.array([curve.at(frame).disparity for frame in range(FIRST, LAST + 1)])


def test_bit_by_bit_gives_what_one_go_gives():
    host, subjects, both = Host(), Subjects(), plan(*targets_of_shot())
    host.run(subjects, both)

    class Frames:
        def image(self, frame):
            return shot().images[frame]

        def disparity(self, frame):
            return shot().disparity[frame]

    for target in both.targets:
        found = subjects.track(both, target)
        last = found.first + len(found) - 1
        whole = track(Frames(), target.x, target.y, target.frame, first=found.first, last=last)
        np.testing.assert_array_equal(found.disparity, whole.disparity)


def test_moving_one_key_follows_only_that_subject_anew():
    host, subjects = Host(), Subjects()
    near, far = targets_of_shot()
    host.run(subjects, plan(near, far))
    asked = []

    def watch(frame):
        asked.append(frame)
        return view(frame)

    assert subjects.advance(plan(near, far), watch) == ()
    assert asked == []
    moved = FocusTarget(far.x + 0.01, far.y, far.frame)
    assert subjects.advance(plan(near, moved), watch) == ()
    assert len(asked) == LAST - FIRST + 1


@pytest.mark.parametrize("hold", ["strong", "weak"])
def test_any_frame_first_gives_the_focus_that_the_whole_shot_gives(hold):
    """With half a subject gone in the middle, so that losses and returns are among what is seen."""
    blind = np.zeros((270, 480), np.float32)

    def view_of(frame):
        seen = view(frame)
        return View(seen.colour, blind) if 8 <= frame < 14 else seen

    near, far = targets_of_shot()
    both = plan(replace(near, hold=hold), far)
    whole = Subjects()
    Host(view_of).run(whole, both)
    truth = curve_of(whole, both)
    assert whole.track(both, both.targets[0]).lost[8:14].all()
    subjects, host = Subjects(), Host(view_of)
    for frame in np.random.default_rng(0).permutation(range(FIRST, LAST + 1)):
        host.run(subjects, both, float(frame))
        found = subjects.curve(both, float(frame)).at(frame)
        assert found.disparity == pytest.approx(truth[frame], abs=1e-9)


def test_one_frame_asks_only_for_the_frames_around_it_and_its_target():
    host, subjects = Host(), Subjects()
    near = FocusTarget(*shot().subjects[0].center[2], 2)
    host.run(subjects, plan(near), 3.0)
    assert max(host.asked) <= 3 + 16
    assert len(host.asked) == len(set(host.asked))


def test_after_a_cut_the_next_subject_is_in_focus_long_before_its_pull():
    cut_shot = focus_shots.cut()
    scene = [View.of(*pair) for pair in zip(cut_shot.images, cut_shot.disparity, strict=True)]
    first, second = (subject.center for subject in cut_shot.subjects)
    both = Plan((FocusTarget(*first[50], 50), FocusTarget(*second[95], 95)), 45, 99, PullOptions())
    subjects = Subjects()
    Host(lambda frame: scene[frame]).run(subjects, both, 66.0)
    assert subjects.curve(both, 66.0).at(66).disparity == pytest.approx(0.4, abs=0.01)
    assert subjects.cuts() == (60,)


def test_a_target_that_stays_needs_only_its_own_frame():
    host, subjects = Host(), Subjects()
    stays = plan(FocusTarget(*shot().subjects[0].center[30], 30, follow=False))
    host.run(subjects, stays)
    assert host.asked == [30]
    truth = shot().subjects[0].disparity[30]
    assert curve_of(subjects, stays) == pytest.approx(truth, abs=0.01)


def test_targets_beyond_the_shot_use_its_ends():
    host, subjects = Host(), Subjects()
    late = plan(FocusTarget(*shot().subjects[0].center[LAST], 500.5))
    host.run(subjects, late)
    truth = shot().subjects[0].disparity[LAST]
    assert curve_of(subjects, late)[-1] == pytest.approx(truth, abs=0.01)
