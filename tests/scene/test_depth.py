"""Every convention against the distances that it stands for."""

from typing import get_args

import numpy as np
import pytest

from synthetic_focus.scene.depth import Convention, DepthError, DepthReading, disparity, fitted

METRES = np.array([[1.0, 2.0, 4.0, 10.0]])


@pytest.mark.parametrize(
    ("convention", "picture"),
    [
        ("disparity_near_bright", (1 / METRES - 0.1) / 0.9),
        ("disparity_far_bright", 1 - (1 / METRES - 0.1) / 0.9),
        ("distance_far_bright", (METRES - 1) / 9),
        ("distance_near_bright", 1 - (METRES - 1) / 9),
        ("metres", METRES),
    ],
)
def test_every_convention_gives_the_disparity_of_the_true_distance(convention, picture):
    found = disparity(picture, DepthReading(convention, near_m=1.0, far_m=10.0))
    np.testing.assert_allclose(found, 1 / METRES, rtol=1e-5)
    assert found.dtype == np.float32


def test_values_that_do_not_run_from_0_to_1_are_read_in_their_range():
    found = disparity(np.array([[20.0, 70.0]]), DepthReading(near_m=0.5, far_m=5, low=20, high=70))
    np.testing.assert_allclose(found, [[0.2, 2.0]], rtol=1e-6)


def test_the_first_of_several_channels_is_read():
    picture = np.dstack([np.full((2, 3), 0.5), np.zeros((2, 3)), np.ones((2, 3))])
    np.testing.assert_array_equal(
        disparity(picture, DepthReading()), disparity(picture[..., 0], DepthReading())
    )


@pytest.mark.parametrize("convention", get_args(Convention))
def test_a_large_picture_in_any_memory_is_read_as_each_of_its_values(convention):
    """Large ones are read by several threads."""
    reading = DepthReading(convention, near_m=2.0, far_m=50.0, low=0.1, high=0.7)
    whole = np.random.default_rng(0).uniform(0.09, 0.71, (700, 802, 3)).astype(np.float32)
    found = disparity(whole[::-1, 1::2], reading)
    values = whole[::-1, 1::2, 0].astype(np.float64)
    share = (values - 0.1) / 0.6
    if convention in ("disparity_far_bright", "distance_near_bright"):
        share = 1 - share
    of_disparity = convention.startswith("disparity")
    expected = 0.02 + 0.48 * share if of_disparity else 1 / (2 + 48 * share)
    if convention == "metres":
        expected = 1 / values
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("row", [0, 699])
@pytest.mark.parametrize("convention", ["disparity_near_bright", "distance_far_bright", "metres"])
def test_one_hole_in_a_large_picture_is_filled(convention, row):
    picture = np.full((700, 802), 0.25, np.float32)
    picture[row, 801] = np.nan
    found = disparity(picture, DepthReading(convention))
    assert found[row, 801] == found[row, 0]


def test_a_range_too_narrow_for_floats_stays_finite():
    picture = np.array([[0.0, 1e-45, 0.5, 1.0]], np.float32)
    assert np.isfinite(disparity(picture, DepthReading(low=0.0, high=5e-324))).all()


def test_a_hole_is_filled_from_the_farther_side():
    picture = np.array([[0.9, np.nan, np.nan, 0.2, np.nan]])
    found = disparity(picture, DepthReading())
    assert found[0, 1] == found[0, 2] == found[0, 3] == found[0, 4]
    assert found[0, 0] > found[0, 3]


def test_a_row_without_depth_is_filled_from_the_rows_around_it():
    picture = np.array([[0.8, 0.8], [np.nan, np.inf], [0.3, 0.3]])
    found = disparity(picture, DepthReading())
    np.testing.assert_array_equal(found[1], found[2])


def test_infinite_metres_are_infinitely_far_and_zero_metres_unknown():
    found = disparity(np.array([[2.0, np.inf, 0.0, -1.0]]), DepthReading("metres"))
    np.testing.assert_array_equal(found, [[0.5, 0.0, 0.0, 0.0]])


def test_light_beyond_the_range_stays_finite_and_positive():
    picture = np.array([[-1e30, -5.0, 5.0, 1e30]])
    for convention in ("disparity_near_bright", "distance_far_bright", "distance_near_bright"):
        found = disparity(picture, DepthReading(convention))
        assert np.isfinite(found).all()
        assert (found >= 0).all()


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((0, 4)), "a pixel at least"),
        (np.zeros((4, 4), np.uint8), "floating point"),
        (np.zeros(5), "shape"),
        (np.full((3, 3), np.nan), "no known value"),
    ],
)
def test_a_picture_that_says_nothing_is_refused(picture, message):
    with pytest.raises(DepthError, match=message):
        disparity(picture, DepthReading())


@pytest.mark.parametrize(
    "bad",
    [
        {"near_m": 5, "far_m": 2},
        {"near_m": 0},
        {"low": 1, "high": 1},
        {"low": float("nan")},
        {"convention": "brightness"},
    ],
)
def test_a_reading_that_means_nothing_is_refused(bad):
    with pytest.raises(DepthError):
        DepthReading(**bad)


def test_a_plane_keeps_its_slope_and_an_edge_stays_hard_at_another_size():
    width, height = 48, 27
    x = (np.arange(width) + 0.5) / width
    plane = np.tile(0.2 + 0.2 * x, (height, 1)).astype(np.float32)
    edge = plane.copy()
    edge[:, width // 2 :] += 0.5
    large = fitted(edge, (width * 4, height * 4))
    truth = 0.2 + 0.2 * (np.arange(width * 4) + 0.5) / (width * 4)
    truth[width * 2 :] += 0.5
    assert np.abs(large - truth)[:, 2:-2].max() < 0.005
    between = (large > 0.32) & (large < 0.78)
    assert not between.any()


def test_the_same_size_is_the_same_map():
    depth = np.random.default_rng(0).random((5, 7), dtype=np.float32)
    assert fitted(depth, (7, 5)) is depth


def test_another_shape_is_refused_with_both_sizes():
    with pytest.raises(DepthError, match="640x480 and the picture 1920x1080"):
        fitted(np.zeros((480, 640), np.float32), (1920, 1080))


def test_one_pixel_fits_anything_of_its_shape():
    np.testing.assert_array_equal(
        fitted(np.full((1, 1), 0.5, np.float32), (3, 3)), np.full((3, 3), 0.5)
    )
