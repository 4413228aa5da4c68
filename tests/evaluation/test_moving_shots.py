"""The moving shots' truth: flow against projective geometry, and a tiny shot made and read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from synthetic_focus.evaluation import moving_shots
from synthetic_focus.evaluation.moving_shots import MovingShot, motion
from synthetic_focus.evaluation.scenes.mitsuba_tracer import RayTracerMissingError
from synthetic_focus.evaluation.truth import TruthMissingError
from synthetic_focus.training.scenes.world import Builder, Light, View

SIZE = (48, 27)
STILL = np.zeros((27, 48, 3), np.float32)
AHEAD = View((0.0, 0.0, 0.0), 0.0, 0.0, 0.0, 36)  # a pixel's slope is 1/48


def test_a_camera_that_shifts_moves_the_picture_by_the_disparity() -> None:
    disparity = np.linspace(0, 1, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE[::-1])
    flow, _ = motion(disparity, STILL, AHEAD, replace(AHEAD, position=(0.1, -0.2, 0.0)), SIZE)
    np.testing.assert_allclose(flow[..., 0], -0.1 * 48 * disparity, atol=1e-3)
    np.testing.assert_allclose(flow[..., 1], -0.2 * 48 * disparity, atol=1e-3)


def test_a_camera_that_turns_moves_the_sky_by_the_tangent() -> None:
    sky = np.zeros(SIZE[::-1], np.float32)
    flow, _ = motion(sky, STILL, AHEAD, replace(AHEAD, yaw=2.0), SIZE)
    # A turn to the left moves the picture to the right
    x = (np.arange(48) + 0.5 - 24) / 48
    expected = 48 * (np.tan(np.arctan(x) + np.radians(2.0)) - x)
    np.testing.assert_allclose(flow[13, :, 0], expected, atol=1e-3)


def test_a_surface_that_shifts_moves_by_its_own_disparity() -> None:
    shift = STILL.copy()
    shift[:, :, 0], shift[:, :, 2] = 0.3, -1.0
    flow, points = motion(np.full(SIZE[::-1], 0.5, np.float32), shift, AHEAD, AHEAD, SIZE)
    x = (np.arange(48) + 0.5 - 24) / 48
    np.testing.assert_allclose(flow[0, :, 0], 48 * ((2 * x + 0.3) / 3 - x), atol=1e-3)
    np.testing.assert_allclose(points[..., 2], -3.0, atol=1e-5)


def plan() -> moving_shots._Plan:
    """A box that passes before a wall, seen by a camera that shifts."""
    sky = np.ones((256, 512, 3), np.float32)
    light = Light(sky, np.array([0.0, 1, 0]), np.zeros(3), np.full(3, 0.3))
    wall, thing = Builder(), Builder()
    grey = wall.material((0.5,) * 3)
    wall.quad([[-40, -40, -6], [40, -40, -6], [40, 40, -6], [-40, 40, -6]], grey)
    thing.box((0, -0.5, 0), (1, 1, 0.2), thing.material((0.2, 0.6, 0.2)))
    shifts = np.array([[-0.6, 0, -3], [-0.2, 0, -3]], np.float64)
    views = (AHEAD, replace(AHEAD, position=(0.2, 0.0, 0.0)))
    return moving_shots._Plan(
        "a test",
        wall.world("wall", light, (), 0.1),
        thing.world("box", light, (), 0.1),
        shifts,
        views,
    )


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> MovingShot:
    folder = tmp_path_factory.mktemp("shots")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving_shots, "FRAMES", 2)
        patch.setattr(moving_shots, "SIZE", SIZE)
        patch.setattr(moving_shots, "_RAYS", 8)
        patch.setitem(moving_shots.SHOTS, "test", plan)
        try:
            moving_shots.make("test", folder)
        except RayTracerMissingError as error:
            pytest.skip(str(error))
    return moving_shots.load(folder / "test")


def test_the_subject_is_marked_where_it_is(shot: MovingShot) -> None:
    moving: NDArray[np.bool_] = shot.moving
    # Its front is 2.9 m away: a metre there is 48 / 2.9 pixels
    left = 24 + 48 / 2.9 * np.array([-1.1, -0.7 - 0.2])
    for frame in range(2):
        row = np.flatnonzero(moving[frame, 13])
        assert row[0] == pytest.approx(left[frame], abs=1)
        assert len(row) == pytest.approx(48 / 2.9, abs=1.5)
    np.testing.assert_allclose(shot.disparity[moving], 1 / 2.9, rtol=1e-4)
    np.testing.assert_allclose(shot.disparity[~moving], 1 / 6, rtol=1e-4)


def test_flow_is_the_subjects_and_the_cameras_motion(shot: MovingShot) -> None:
    first, second = shot.moving
    np.testing.assert_allclose(shot.forward[0][first, 0], 48 * 0.2 / 2.9, atol=1e-3)
    np.testing.assert_allclose(shot.forward[0][~first, 0], 48 * -0.2 / 6, atol=1e-3)
    np.testing.assert_allclose(shot.backward[0][second, 0], 48 * -0.2 / 2.9, atol=1e-3)
    np.testing.assert_allclose(shot.forward[..., 1], 0, atol=1e-3)


def test_what_the_subject_comes_to_hide_is_not_seen_again(shot: MovingShot) -> None:
    row, column = np.mgrid[: SIZE[1], : SIZE[0]]
    for flow, seen, here, there in (
        (shot.forward[0], shot.seen_forward[0], *shot.moving),
        (shot.backward[0], shot.seen_backward[0], *shot.moving[::-1]),
    ):
        x = column + 0.5 + flow[..., 0]
        inside = (x > 0) & (x < SIZE[0])
        # The subject's edge may lie between a place and its pixel's centre
        beside = [there[row, np.clip((x + n).astype(int), 0, SIZE[0] - 1)] for n in (-1, 0, 1)]
        hidden, clear = np.all(beside, axis=0), ~np.any(beside, axis=0)
        assert np.count_nonzero(~here & hidden & inside) > 20
        assert not seen[~here & hidden & inside].any()
        assert seen[~here & clear & inside].all()
        assert seen[here & inside].all()
        assert not seen[~inside].any()


def test_a_shot_that_is_not_there_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(TruthMissingError, match=r"moving_shots --to"):
        moving_shots.load(tmp_path / "dolly")
