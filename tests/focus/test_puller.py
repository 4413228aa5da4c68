"""The focus puller against what a focus puller on a set would do, written out by hand."""

import math

import numpy as np
import pytest

from synthetic_focus.focus import Aim, FocusCurve, FocusTarget, FocusTargetError, PullOptions


def still(frame: float, disparity: float, **options: object) -> Aim:
    return Aim.still(FocusTarget(0.5, 0.5, frame, **options), disparity)


def test_pull_is_linear_and_settled_three_frames_before_its_target():
    curve = FocusCurve([still(0, 1.0), still(60, 0.2)])
    assert curve.at(46).disparity == 1.0
    assert curve.at(47).disparity == 1.0
    assert curve.at(52).disparity == pytest.approx(0.6)
    assert curve.at(54.5).disparity == pytest.approx(0.4)
    for frame in (57, 58, 60, 1000):
        assert curve.at(frame).disparity == pytest.approx(0.2, abs=1e-12)
    assert [curve.at(f).state for f in (46, 52, 57)] == ["locked", "pulling", "locked"]
    assert [curve.at(f).target for f in (46, 52, 57)] == [0, 1, 1]


def test_before_the_first_target_its_focus_holds():
    assert FocusCurve([still(10, 0.7), still(60, 0.2)]).at(-500.25).disparity == 0.7


def test_targets_closer_than_a_pull_shorten_it_and_both_stay_sharp_at_their_own_frame():
    curve = FocusCurve([still(0, 1.0), still(6.5, 0.0)])
    assert curve.at(0).disparity == 1.0
    assert curve.pulls == ((0.0, pytest.approx(5.0)),)
    assert curve.at(6.5).disparity == pytest.approx(0.0, abs=1e-12)


def test_no_target_is_late_however_dense_they_are():
    rng = np.random.default_rng(0)
    frames = np.unique(rng.uniform(0, 300, 60))
    aims = [still(f, d) for f, d in zip(frames, rng.uniform(0, 1, len(frames)), strict=True)]
    curve = FocusCurve(aims)
    for aim in aims:
        assert curve.at(aim.target.frame).disparity == pytest.approx(aim.disparity[0])


def test_pull_goes_between_two_moving_subjects():
    near = Aim(FocusTarget(0, 0, 0), 0, np.linspace(0.9, 0.7, 101))
    far = Aim(FocusTarget(0, 0, 100), 0, np.linspace(0.1, 0.3, 101))
    curve = FocusCurve([near, far])
    assert curve.at(92).disparity == pytest.approx((0.716 + 0.284) / 2, abs=1e-6)


def test_smoothing_takes_noise_off_without_lag():
    rng = np.random.default_rng(1)
    truth = 0.4 + 0.004 * np.arange(120)
    seen = truth + rng.normal(scale=0.02, size=120)
    curve = FocusCurve([Aim(FocusTarget(0, 0, 0), 0, seen)])
    error = np.array([curve.at(f).disparity for f in range(120)]) - truth
    assert abs(error.mean()) < 0.004
    assert error.std() < 0.6 * 0.02
    ramp = FocusCurve([Aim(FocusTarget(0, 0, 0), 0, truth)])
    assert max(abs(ramp.at(f).disparity - truth[f]) for f in range(120)) < 1e-9


def test_a_lost_subject_is_held_and_the_focus_is_back_when_it_is():
    seen = np.r_[np.full(40, 0.5), np.full(30, 0.5), np.full(50, 0.8)]
    lost = np.zeros(120, bool)
    lost[40:70] = True
    curve = FocusCurve([Aim(FocusTarget(0, 0, 0), 0, seen, lost)])
    assert curve.at(55).disparity == pytest.approx(0.5)
    assert curve.at(55).state == "lost"
    assert curve.at(70).disparity == pytest.approx(0.8)
    assert 0.5 < curve.at(65).disparity < 0.8
    assert curve.at(71).state == "locked"


def test_weak_hold_leaves_a_lost_subject_early_and_strong_hold_does_not():
    lost = np.zeros(100, bool)
    lost[30:] = True
    for hold, start in (("strong", 77), ("weak", 30)):
        aim = Aim(FocusTarget(0, 0, 0, hold=hold), 0, np.full(100, 0.9), lost)
        assert FocusCurve([aim, still(90, 0.1)]).pulls[0] == (start, start + 10)


def test_a_target_that_does_not_follow_keeps_its_distance():
    seen = np.linspace(0, 1, 101)
    curve = FocusCurve([Aim(FocusTarget(0, 0, 50, follow=False), 0, seen)])
    assert curve.at(0).disparity == curve.at(100).disparity == pytest.approx(0.5)


def test_focus_changes_at_a_cut_between_two_targets():
    curve = FocusCurve([still(0, 1.0), still(60, 0.2)], cuts=[58])
    assert curve.at(57.99).disparity == 1.0
    assert curve.at(58).disparity == 0.2


def test_ease_starts_and_ends_at_rest_and_meets_the_same_ends():
    curve = FocusCurve([still(0, 0.0), still(60, 1.0)], PullOptions(ease=1.0))
    step = curve.at(47.1).disparity - curve.at(47).disparity
    assert 0 <= step < 0.001
    assert curve.at(52).disparity == pytest.approx(0.5)


def test_own_pull_duration_of_a_target_wins():
    curve = FocusCurve([still(0, 1.0), still(60, 0.2, pull_frames=40)])
    assert curve.pulls == ((17, 57),)
    cut = FocusCurve([still(0, 1.0), still(60, 0.2, pull_frames=0)])
    assert cut.at(56.9).disparity == 1.0
    assert cut.at(57).disparity == pytest.approx(0.2)


@pytest.mark.parametrize(
    "bad",
    [
        {"x": 1.2, "y": 0.5, "frame": 0},
        {"x": 0.5, "y": -0.1, "frame": 0},
        {"x": math.nan, "y": 0.5, "frame": 0},
        {"x": 0.5, "y": 0.5, "frame": math.inf},
        {"x": 0.5, "y": 0.5, "frame": 0, "pull_frames": -1},
        {"x": 0.5, "y": 0.5, "frame": 0, "hold": "firm"},
    ],
)
def test_targets_that_mean_nothing_are_refused(bad):
    with pytest.raises(FocusTargetError):
        FocusTarget(**bad)


def test_two_targets_at_one_frame_are_refused():
    with pytest.raises(FocusTargetError, match="two focus targets are at frame 7"):
        FocusCurve([still(7, 0.1), still(7, 0.9)])


def test_no_target_is_refused():
    with pytest.raises(FocusTargetError, match="no focus target"):
        FocusCurve([])


def test_thousands_of_targets_answer_at_once():
    curve = FocusCurve([still(f, (f % 7) / 7) for f in range(5000)])
    assert curve.at(4999).disparity == pytest.approx((4999 % 7) / 7)
