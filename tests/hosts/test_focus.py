"""The focus in a host: subjects keyed on the timeline, followed, pulled, baked and unbaked.

The shot is one whose subjects' disparities are known; the focus is read off the depth that is in
focus, in the view that marks it.
"""

import functools
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from synthetic_focus import installed
from synthetic_focus.evaluation import focus_shots
from synthetic_focus.ofx_host import ActionError, Behaviour, Host, Instance, Project

LAST = 39
SIZE = (focus_shots.WIDTH, focus_shots.HEIGHT)
NEAR, FAR = 0, 1
TOLERANCE = 0.02 * 0.9  # of the shot's disparity range


@functools.cache
def shot() -> focus_shots.RenderedShot:
    return focus_shots.crossing()


def picture(time: float) -> np.ndarray:
    rgb = shot().images[round(time)][..., ::-1].astype(np.float32) / 255
    return np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])


def depth(time: float) -> np.ndarray:
    """As the effect reads it with near at 1 m and far at 10 m."""
    share = (shot().disparity[round(time)] - 0.1) / 0.9
    return np.dstack([share] * 3 + [np.ones_like(share)]).astype(np.float32)


def point(subject: int, frame: int) -> tuple[float, float]:
    x, y = shot().subjects[subject].center[frame]
    return float(x), 1 - float(y)


def focus_of(effect: Instance, time: float) -> float:
    """The disparity that is in focus: the mean of what the focal plane view marks."""
    view = effect.render(time=time).pixels
    marked = (view[..., 0] - view[..., 2] > 0.35) & (shot().disparity[round(time)] > 0.3)
    return float(np.median(shot().disparity[round(time)][marked]))


@pytest.fixture
def effect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", sys.executable)
    behaviour = getattr(request, "param", Behaviour())
    project = Project(region=(0, 0, *SIZE), frames=(0, LAST))
    with (
        Host(behaviour) as host,
        host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle").create(
            project=project, clips={"Source": picture, "Depth": depth}
        ) as instance,
    ):
        instance["depth_source"].set("Depth Input")
        instance["far_distance"].set(10.0)
        instance["f_stop"].set(1.0)
        instance["focal_length"].set(85.0)
        instance["view"].set("Depth and Focal Plane")
        instance["focus_point"].set_key(0, point(NEAR, 0))
        instance["focus_point"].set_key(25, point(FAR, 25))
        yield instance
        assert host.violations == []


def test_the_focus_holds_a_moving_subject_and_arrives_before_the_next_ones_key(
    effect: Instance,
) -> None:
    near, far = (subject.disparity for subject in shot().subjects)
    for frame in (0, 8, 12):
        assert focus_of(effect, frame) == pytest.approx(near[frame], abs=TOLERANCE)
    for frame in (22, 25, 31):
        assert focus_of(effect, frame) == pytest.approx(far[frame], abs=TOLERANCE)


def test_moving_adding_and_deleting_a_key_changes_the_focus_at_once(effect: Instance) -> None:
    near, far = (subject.disparity for subject in shot().subjects)
    assert focus_of(effect, 22) == pytest.approx(far[22], abs=TOLERANCE)
    effect["focus_point"].delete_key(25)
    assert focus_of(effect, 22) == pytest.approx(near[22], abs=TOLERANCE)
    effect["focus_point"].set_key(18, point(FAR, 18))
    assert focus_of(effect, 16) == pytest.approx(far[16], abs=TOLERANCE)
    effect.undo()
    assert focus_of(effect, 16) == pytest.approx(near[16], abs=TOLERANCE)


def test_any_order_and_many_threads_give_the_frames_of_one_after_the_other(
    effect: Instance,
) -> None:
    effect["view"].set("Result")
    frames = list(range(0, LAST + 1, 3))
    shuffled = [int(f) for f in np.random.default_rng(2).permutation(frames)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda frame: effect.render(time=frame).pixels, shuffled))
    effect.purge()
    for frame in frames:
        expected = effect.render(time=frame).pixels
        np.testing.assert_array_equal(found[shuffled.index(frame)], expected)


def coloured(effect: Instance, time: float) -> list[Any]:
    """The lines that the overlay draws, without their dark rims."""
    return [s for s in effect.overlay.strokes(time, SIZE) if s.width == 2]


def boxes(effect: Instance, time: float) -> list[Any]:
    """What of them are closed rectangles."""
    lines = coloured(effect, time)
    return [s for s in lines if len(s.points) == 5 and s.points[0] == s.points[-1]]


def test_the_overlay_shows_the_box_of_the_subject_in_the_colour_of_the_focus_state(
    effect: Instance,
) -> None:
    colours = {}
    for time, subject in ((8, NEAR), (17, FAR), (30, FAR)):
        effect.render(time=time)
        (box,) = boxes(effect, time)
        corners = np.array(box.points[:-1])
        centre = corners.mean(axis=0) / SIZE
        assert centre == pytest.approx(point(subject, time), abs=0.06)
        assert np.ptp(corners, axis=0)[1] > 40
        colours[time] = box.colour
    assert colours[8] == colours[30] != colours[17]


def test_a_lost_subject_is_shown_as_lost_where_it_was_seen_last(effect: Instance) -> None:
    def hidden(time: float) -> np.ndarray:
        return np.full_like(picture(0), 0.5) if 4 <= time < 9 else picture(time)

    def hidden_depth(time: float) -> np.ndarray:
        return np.ones_like(depth(0)) if 4 <= time < 9 else depth(time)

    effect["focus_point"].delete_key(25)
    effect.clips["Source"].connect(hidden)
    effect.clips["Depth"].connect(hidden_depth)
    effect.render(time=2)
    locked = boxes(effect, 2)[0].colour
    effect.render(time=6)
    assert boxes(effect, 6) == []
    corners = [s for s in coloured(effect, 6) if len(s.points) == 3 and s.colour != locked]
    middle = np.mean([s.points[1] for s in corners if s.colour == corners[0].colour][:4], axis=0)
    assert middle / SIZE == pytest.approx(point(NEAR, 3), abs=0.06)


def test_the_overlay_forgets_a_box_that_a_change_has_made_untrue(effect: Instance) -> None:
    effect.render(time=8)
    assert boxes(effect, 8)
    effect["focus_point"].set_key(0, point(FAR, 0))
    assert boxes(effect, 8) == []
    effect.render(time=8)
    (box,) = boxes(effect, 8)
    centre = np.mean(box.points[:-1], axis=0) / SIZE
    assert centre == pytest.approx(point(FAR, 8), abs=0.06)


def test_bake_writes_few_keys_that_keep_the_focus_and_unbake_goes_back(effect: Instance) -> None:
    before = [effect.render(time=frame).pixels for frame in (5, 17, 30)]
    targets = effect["focus_point"].keys
    effect["bake"].press()
    keys = effect["focus_distance"].keys
    assert 3 <= len(keys) <= 8
    assert effect["focus_mode"].value == 1
    truth = np.concatenate(
        [shot().subjects[NEAR].disparity[:12], shot().subjects[FAR].disparity[22:40]]
    )
    frames = [*range(12), *range(22, 40)]
    baked = [0.1 + 0.9 * effect["focus_distance"].at(frame) for frame in frames]
    np.testing.assert_allclose(baked, truth, atol=TOLERANCE)
    for frame, old in zip((5, 17, 30), before, strict=True):
        new = effect.render(time=frame).pixels
        assert np.abs(new - old).mean() < 0.02
    effect["unbake"].press()
    assert effect["focus_mode"].value == 0
    assert effect["focus_point"].keys == targets
    for frame, old in zip((5, 17, 30), before, strict=True):
        np.testing.assert_array_equal(effect.render(time=frame).pixels, old)


def test_bake_is_one_step_to_undo(effect: Instance) -> None:
    effect["bake"].press()
    assert effect["focus_distance"].keys
    effect.undo()
    assert effect["focus_distance"].keys == []
    assert effect["focus_mode"].value == 0


def test_a_finer_tolerance_makes_more_keys(effect: Instance) -> None:
    counts = []
    for tolerance in (0.05, 0.0005):
        effect["bake_tolerance"].set(tolerance)
        effect["bake"].press()
        counts.append(len(effect["focus_distance"].keys))
        effect["unbake"].press()
    assert counts[0] < counts[1]


def test_a_subject_that_is_not_followed_keeps_the_distance_of_its_key(effect: Instance) -> None:
    effect["target_follow"].set(0)
    assert focus_of(effect, 35) == pytest.approx(shot().subjects[FAR].disparity[25], abs=TOLERANCE)


def test_a_pull_lasts_as_long_as_pull_duration_says_at_its_own_key(effect: Instance) -> None:
    near, far = (subject.disparity for subject in shot().subjects)
    effect["pull_frames"].set_key(0, 4.0)
    effect["pull_frames"].set_key(25, 16.0)
    # From 6 to 22, whatever the value is meanwhile.
    for frame, share in ((6, 0), (10, 0.25), (14, 0.5), (22, 1)):
        expected = (1 - share) * near[frame] + share * far[frame]
        assert focus_of(effect, frame) == pytest.approx(expected, abs=TOLERANCE)


def test_a_saved_project_gives_the_same_picture(effect: Instance) -> None:
    effect["view"].set("Result")
    effect["target_hold"].set("Weak")
    expected = effect.render(time=30).pixels
    project = Project(region=(0, 0, *SIZE), frames=(0, LAST))
    with effect.plugin.create(
        project=project, clips={"Source": picture, "Depth": depth}, saved=effect.save()
    ) as opened:
        assert opened["focus_point"].keys == effect["focus_point"].keys
        np.testing.assert_array_equal(opened.render(time=30).pixels, expected)


def test_another_session_finds_the_subjects_that_were_followed_before(effect: Instance) -> None:
    effect["bake"].press()
    effect["unbake"].press()
    expected = effect.render(time=12).pixels
    asked: list[float] = []

    def watched(time: float) -> np.ndarray:
        asked.append(time)
        return picture(time)

    project = Project(region=(0, 0, *SIZE), frames=(0, LAST))
    with effect.plugin.create(
        project=project, clips={"Source": watched, "Depth": depth}, saved=effect.save()
    ) as opened:
        np.testing.assert_array_equal(opened.render(time=12).pixels, expected)
    assert set(asked) <= {0, 12, 25}


def test_thousands_of_keys_are_no_burden(effect: Instance) -> None:
    expected = effect.render(time=12).pixels
    saved = effect.save()
    for key in range(3000):
        saved["parameters"]["focus_point"]["keys"].append([100 + key, [0.5, 0.5]])
    project = Project(region=(0, 0, *SIZE), frames=(0, LAST))
    with effect.plugin.create(
        project=project, clips={"Source": picture, "Depth": depth}, saved=saved
    ) as opened:
        assert len(opened["focus_point"].keys) == 3002
        for _ in range(20):
            np.testing.assert_array_equal(opened.render(time=12).pixels, expected)


@pytest.mark.parametrize("effect", [Behaviour(other_times="refused")], indirect=True)
def test_a_host_without_other_times_focuses_on_what_is_at_the_point_now(effect: Instance) -> None:
    here = point(NEAR, 0)
    effect["focus_point"].set(here)
    found = focus_of(effect, 2)
    assert found == pytest.approx(shot().subjects[NEAR].disparity[2], abs=TOLERANCE)
    effect["focus_point"].set_key(0, here)
    effect.render(time=2)
    with pytest.raises(ActionError, match="cannot be baked here"):
        effect["bake"].press()


@pytest.mark.parametrize("effect", [Behaviour(keys="hidden")], indirect=True)
def test_a_host_that_hides_its_keys_focuses_on_the_point_that_it_gives(effect: Instance) -> None:
    effect["focus_point"].set(point(NEAR, 4))
    found = focus_of(effect, 4)
    assert found == pytest.approx(shot().subjects[NEAR].disparity[4], abs=TOLERANCE)


def test_baking_where_there_is_no_target_mode_says_so(effect: Instance) -> None:
    effect["focus_mode"].set("Distance")
    with pytest.raises(ActionError, match="nothing to bake"):
        effect["bake"].press()


def test_a_target_without_depth_is_named(effect: Instance) -> None:
    effect.clips["Depth"].connect(lambda time: np.full_like(depth(time), np.nan))
    with pytest.raises(ActionError, match="no known value"):
        effect.render(time=0)


def test_targets_outside_the_shot_and_fractional_times_render(effect: Instance) -> None:
    effect["focus_point"].set_key(-20.5, point(NEAR, 0))
    effect["focus_point"].set_key(900.25, point(FAR, LAST))
    effect.render(time=0)
    effect.render(time=LAST)


def test_a_retimed_clip_with_keys_between_frames_keeps_the_focus(effect: Instance) -> None:
    """At times that no frame has, as a clip at 40 % speed is asked for."""
    near, far = (subject.disparity for subject in shot().subjects)
    for key in (0, 25):
        effect["focus_point"].delete_key(key)
    effect["focus_point"].set_key(0.4, point(NEAR, 0))
    effect["focus_point"].set_key(25.3, point(FAR, 25))
    for time in (0.4, 6.8, 11.6):
        assert focus_of(effect, time) == pytest.approx(near[round(time)], abs=TOLERANCE)
    for time in (22.4, 25.3, 33.2):
        assert focus_of(effect, time) == pytest.approx(far[round(time)], abs=TOLERANCE)
    half = 22.3 - 5  # of the pull, which has settled three frames before its key
    between = (np.interp(half, range(120), near) + np.interp(half, range(120), far)) / 2
    assert focus_of(effect, half) == pytest.approx(between, abs=TOLERANCE)
