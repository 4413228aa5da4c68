"""Subjects that were followed before are found on disk, and are the ones that were followed."""

import functools

import numpy as np
import pytest

from synthetic_focus.evaluation import focus_shots
from synthetic_focus.focus import FocusTarget, PullOptions
from synthetic_focus.focus.subjects import Plan, Subjects
from synthetic_focus.focus.tracking import View
from synthetic_focus.scene.cache import Cache, ShotCache

FIRST, LAST = 48, 76


@functools.cache
def shot() -> focus_shots.RenderedShot:
    return focus_shots.cut()


@functools.cache
def view(frame: int) -> View:
    return View.of(shot().images[frame], shot().disparity[frame])


@pytest.fixture
def shelf(tmp_path) -> ShotCache:
    return Cache(tmp_path).shot("subjects", (480, 270), "test")


def plan(first: int = FIRST, last: int = LAST) -> Plan:
    before, after = (subject.center for subject in shot().subjects)
    targets = (FocusTarget(*before[50], 50), FocusTarget(*after[70], 70))
    return Plan(targets, first, last, PullOptions())


class Watched:
    """Gives views, and remembers of which frames."""

    def __init__(self, view_of=view) -> None:
        self.asked: list[int] = []
        self._view_of = view_of

    def __call__(self, frame: int) -> View:
        self.asked.append(frame)
        return self._view_of(frame)


def foci(subjects: Subjects, of: Plan) -> list[float]:
    curve = subjects.curve(of)
    return [curve.at(frame).disparity for frame in range(of.first, of.last + 1)]


def test_what_was_followed_once_is_the_same_from_disk_without_looking_at_its_frames(shelf):
    first = Subjects(shelf=shelf)
    assert first.advance(plan(), view) == ()
    again, watched = Subjects(shelf=shelf), Watched()
    assert again.advance(plan(), watched) == ()
    assert set(watched.asked) == {50, 70}
    assert foci(again, plan()) == foci(first, plan())
    assert again.cuts() == first.cuts() == (60,)
    for target in plan().targets:
        before, after = first.track(plan(), target), again.track(plan(), target)
        np.testing.assert_array_equal(before.box, after.box)
        np.testing.assert_array_equal(before.lost, after.lost)


def test_frames_beyond_what_is_on_disk_give_what_following_all_gives(shelf):
    Subjects(shelf=shelf).advance(plan(FIRST, 73), view)
    longer, fresh = Subjects(shelf=shelf), Subjects()
    assert longer.advance(plan(), view) == fresh.advance(plan(), view) == ()
    assert foci(longer, plan()) == foci(fresh, plan())
    watched = Watched()
    Subjects(shelf=shelf).advance(plan(), watched)
    assert set(watched.asked) == {50, 70}


def test_another_shot_that_begins_alike_is_followed_anew_as_soon_as_it_differs(shelf):
    Subjects(shelf=shelf).advance(plan(), view)

    def changed(frame: int) -> View:
        seen = view(frame)
        if frame < 72:
            return seen
        return View(255 - seen.colour, seen.disparity + np.float32(0.2))

    found, fresh = Subjects(shelf=shelf), Subjects()
    for time in (66.0, 74.0):
        assert found.advance(plan(), changed, time) == fresh.advance(plan(), changed, time) == ()
    expected = fresh.curve(plan(), 74.0).at(74)
    assert found.curve(plan(), 74.0).at(74).disparity == pytest.approx(expected.disparity)


def test_a_proxy_of_the_shot_does_not_make_it_another(shelf):
    Subjects(shelf=shelf).advance(plan(), view)
    subjects = Subjects(shelf=shelf)
    subjects.advance(plan(), view, 60.0)

    def proxy(frame: int) -> View:
        return View.of(shot().images[frame][::2, ::2], shot().disparity[frame][::2, ::2])

    watched = Watched(proxy)
    assert subjects.advance(plan(), watched, 65.0) == ()
    assert set(watched.asked) == {65}


@pytest.mark.parametrize("change", ["kind", "source", "point", "depth"])
def test_whatever_tells_subjects_apart_is_in_the_name(shelf, change):
    Subjects(shelf=shelf).advance(plan(), view)
    of, view_of, options = plan(), view, {"shelf": shelf}
    match change:
        case "kind":
            options["kind"] = "csrt"
        case "source":
            options["source"] = "another"
        case "point":
            targets = tuple(FocusTarget(t.x + 0.01, t.y, t.frame) for t in of.targets)
            of = Plan(targets, of.first, of.last, of.options)
        case "depth":

            def view_of(frame: int) -> View:
                return View(view(frame).colour, 2 * view(frame).disparity)

    watched = Watched(view_of)
    Subjects(**options).advance(of, watched)
    assert set(range(50, 60)) <= set(watched.asked)


def test_a_damaged_record_is_followed_anew(shelf, tmp_path):
    Subjects(shelf=shelf).advance(plan(), view)
    files = list(tmp_path.rglob("subject-*.json"))
    assert len(files) == 2
    for file in files:
        file.write_text(file.read_text().replace("false", "true").replace("0.7", "0.9"))
    subjects, fresh = Subjects(shelf=shelf), Subjects()
    subjects.advance(plan(), view)
    fresh.advance(plan(), view)
    assert foci(subjects, plan()) == foci(fresh, plan())


def test_a_long_subject_is_on_disk_before_all_of_it_is_known(shelf, tmp_path):
    long = Plan(plan().targets[:1], 0, 119, PullOptions())
    Subjects(shelf=shelf).advance(long, view, 70.0)
    watched = Watched()
    Subjects(shelf=shelf).advance(long, watched, 70.0)
    assert set(watched.asked) == {50, 70}
