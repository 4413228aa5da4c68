"""Tracks against shots whose subjects' positions and disparities are known."""

import functools

import cv2
import numpy as np
import pytest

from synthetic_focus.evaluation import focus_shots
from synthetic_focus.evaluation.focus import METHODS, score
from synthetic_focus.focus import disparity_at
from synthetic_focus.focus.tracking import track


class Frames:
    def __init__(self, shot):
        self.shot = shot

    def image(self, frame):
        return self.shot.images[frame]

    def disparity(self, frame):
        return self.shot.disparity[frame]


@functools.cache
def shot(name):
    return getattr(focus_shots, name)()


@pytest.mark.parametrize("name", ["crossing", "occluded", "leaving", "fast", "relief", "very_deep"])
def test_focus_stays_on_the_subject_and_what_is_gone_is_flagged(name):
    result = score(shot(name), "KCF, disparity-checked")
    assert result.error < 2.0
    assert result.late == 0
    assert result.unflagged == 0
    assert result.false_alarms < 0.05


def test_the_point_without_tracking_is_what_the_tracker_is_better_than():
    assert score(shot("crossing"), "depth at the clicked point").error > 20
    assert "no tracking" in METHODS


@pytest.mark.parametrize("name", ["relief", "very_deep", "tiny"])
def test_at_its_own_frame_a_subject_is_as_far_away_as_what_is_at_the_target(name):
    seen = shot(name)
    for target in seen.targets:
        frame = int(target.frame)
        found = track(Frames(seen), target.x, target.y, frame, first=frame, last=frame + 1)
        assert found.disparity[0] == np.float32(
            disparity_at(seen.disparity[frame], target.x, target.y)
        )


def test_a_far_subject_in_a_deep_shot_is_told_from_the_wall_behind_it():
    """They are apart by less than 4 % of the shot's range, and the focus must not rest between."""
    seen = shot("very_deep")
    wall, person = (subject.disparity[60] for subject in seen.subjects[:2])
    target = seen.targets[1]
    found = track(Frames(seen), target.x, target.y, 60, first=20, last=110)
    error = found.disparity - seen.subjects[1].disparity[20:111]
    assert np.abs(error).max() < 0.15 * (person - wall)


def test_box_lies_on_the_subject():
    seen = shot("crossing")
    near = track(Frames(seen), *seen.subjects[0].center[0], 0, first=0, last=60)
    centre = near.box[:, :2] + near.box[:, 2:] / 2
    assert np.hypot(*(centre - seen.subjects[0].center[:61]).T).max() < 0.06


def test_a_track_is_the_same_from_the_target_on_whatever_span_was_asked_for():
    seen = shot("crossing")
    x, y = seen.subjects[1].center[95]
    whole = track(Frames(seen), x, y, 95, first=70, last=110)
    part = track(Frames(seen), x, y, 95, first=90, last=100)
    np.testing.assert_array_equal(whole.disparity[20:31], part.disparity)


def test_a_shot_of_one_frame_is_a_track_of_one():
    seen = shot("crossing")
    only = track(Frames(seen), 0.15, 0.6, 0, first=0, last=0)
    assert len(only) == 1
    assert only.disparity[0] == pytest.approx(0.8, abs=0.01)
    assert not only.lost[0]


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0)])
def test_a_target_in_the_very_corner_is_followed(x, y):
    assert len(track(Frames(shot("crossing")), x, y, 3, first=0, last=5)) == 6


def test_a_target_on_holes_in_the_depth_is_refused_with_its_place():
    seen = shot("crossing")

    class Holes(Frames):
        def disparity(self, frame):
            return np.full_like(self.shot.disparity[frame], np.nan)

    with pytest.raises(Exception, match="no depth at"):
        track(Holes(seen), 0.5, 0.5, 0, first=0, last=1)


def test_the_frame_of_the_target_must_be_in_the_span():
    with pytest.raises(ValueError, match="not within 5 … 9"):
        track(Frames(shot("crossing")), 0.5, 0.5, 4, first=5, last=9)


def test_the_box_grows_with_the_subject_and_does_not_slip_off_it():
    """A correlation tracker's box keeps its size, and slips by half a pixel now and then."""
    seen = shot("relief")
    subject, target = seen.subjects[0], seen.targets[0]
    found = track(Frames(seen), target.x, target.y, 20, first=0, last=119)
    centre = found.box[:, :2] + found.box[:, 2:] / 2
    size = (focus_shots.WIDTH, focus_shots.HEIGHT)
    assert np.abs((centre - subject.center) * size).max() < 1.0
    growth = found.box[:, 3] / found.box[20, 3]
    np.testing.assert_allclose(growth, subject.disparity / subject.disparity[20], rtol=0.05)


class Soft(Frames):
    """Depth as a poor estimate has it: no edges, a wrong slope, a level that wavers and jumps."""

    def disparity(self, frame):
        true = cv2.GaussianBlur(self.shot.disparity[frame], (0, 0), 24)
        slope = np.linspace(0, 0.2, true.shape[1], dtype=np.float32)
        waver = 0.02 * np.sin(frame / 5) + (0.06 if frame % 20 > 15 else 0.0)
        return (true + slope + np.float32(waver)).astype(np.float32)


def test_a_subject_that_a_poor_map_hardly_shows_is_followed():
    seen = shot("crossing")
    subject = seen.subjects[0]
    found = track(Soft(seen), *subject.center[0], 0, first=0, last=90)
    centre = found.box[:, :2] + found.box[:, 2:] / 2
    assert np.hypot(*(centre - subject.center[:91]).T).max() < 0.02
    assert found.lost.mean() < 0.1


class Wavering(Frames):
    """Depth as the built-in estimate has it of people: their level, and nobody else's, wanders by
    20 % within a second and a half, and jumps by twice that now and then.
    """

    def disparity(self, frame):
        true = self.shot.disparity[frame]
        level = self.shot.subjects[0].disparity[frame]
        x, y = self.shot.subjects[0].center[frame]
        rows, columns = np.mgrid[0 : true.shape[0], 0 : true.shape[1]].astype(np.float32)
        size = level * self.shot.disparity[frame].shape[0]
        apart = ((columns - x * true.shape[1]) / size) ** 2 + (
            (rows - y * true.shape[0]) / size
        ) ** 2
        bias = 0.2 * np.sin(frame * 2 * np.pi / 36) + 0.4 * (frame % 14 >= 7)
        return (true * (1 + np.float32(bias) * np.exp(-8 * apart**2))).astype(np.float32)


@pytest.mark.parametrize("kind", ["kcf", "csrt"])
def test_a_subject_whose_depth_wavers_by_itself_is_not_lost(kind):
    seen = shot("crossing")
    found = track(Wavering(seen), *seen.subjects[0].center[0], 0, first=0, last=100, kind=kind)
    centre = found.box[:, :2] + found.box[:, 2:] / 2
    assert found.lost.mean() <= 0.03
    assert np.hypot(*(centre - seen.subjects[0].center[:101]).T).max() < 0.03
    at_centre = [
        disparity_at(Wavering(seen).disparity(frame), *seen.subjects[0].center[frame])
        for frame in range(101)
    ]
    assert np.median(np.abs(found.disparity - at_centre)) < 0.02


def test_a_subject_that_is_hidden_while_its_depth_wavers_is_lost():
    seen = shot("occluded")
    visible = seen.subjects[0].visible
    found = track(Wavering(seen), *seen.subjects[0].center[0], 0, first=0, last=119)
    assert found.lost[visible < 0.05].all()
    assert found.lost[visible > 0.9].mean() < 0.05
    # Nothing of what hides it is taken for it.
    blocker = seen.subjects[1].disparity[0]
    assert np.abs(found.disparity - blocker).min() > 0.15


def test_what_looks_like_a_lost_subject_and_is_out_of_its_reach_is_another():
    rng = np.random.default_rng(3)
    street = rng.integers(60, 120, (270, 480, 3), np.uint8)
    thing = cv2.resize(rng.integers(0, 255, (8, 8, 3), np.uint8), (60, 60))

    class Twins:
        def image(self, frame):
            picture = street.copy()
            for left in (40, 380)[int(frame == 3) :]:
                picture[100:160, left : left + 60] = thing
            return picture

        def disparity(self, frame):
            depth = np.full((270, 480), 0.2, np.float32)
            for left in (40, 380)[int(frame == 3) :]:
                depth[100:160, left : left + 60] = 0.8
            return depth

    found = track(Twins(), 70 / 480, 130 / 270, 0, first=0, last=6)
    assert found.lost.tolist() == [frame == 3 for frame in range(7)]
    assert np.ptp(found.box[:, 0]) < 0.01
