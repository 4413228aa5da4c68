"""The thin lens against its textbook formula and against rays traced through an ideal lens."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_focus.lens.model import CLOSED_F_STOP, LensError, blur_per_dioptre, closed, coc_map

LENS = {"focal_length_mm": 50.0, "f_stop": 2.0, "sensor_width_mm": 36.0, "width_px": 1920}


def traced_radius_px(z: float, focus: float, focal: float, f_stop: float, px_per_m: float) -> float:
    """Blur radius of a point on the axis, by tracing the ray through the top of the pupil.

    Everything in metres. Behind the focus the ray has crossed the axis before the sensor.
    """
    sensor = 1 / (1 / focal - 1 / focus)
    pupil = focal / f_stop / 2
    slope = pupil / z - pupil / focal  # an ideal lens bends by height over focal length
    return -(pupil + slope * sensor) * px_per_m


distances = st.floats(0.4, 1e5)


@given(
    z=distances,
    focus=distances,
    focal=st.floats(4.0, 300.0),
    f_stop=st.floats(0.7, 64.0),
    sensor=st.floats(4.0, 70.0),
    width=st.integers(1, 8192),
)
def test_radius_is_that_of_a_traced_ray(z, focus, focal, f_stop, sensor, width):
    coc = coc_map(
        np.full((1, 1), 1 / z),
        1 / focus,
        focal_length_mm=focal,
        f_stop=f_stop,
        sensor_width_mm=sensor,
        width_px=width,
    )
    expected = traced_radius_px(z, focus, focal / 1000, f_stop, width / sensor * 1000)
    scale = blur_per_dioptre(
        1 / focus, focal_length_mm=focal, f_stop=f_stop, sensor_width_mm=sensor, width_px=width
    )
    # float32 disparities carry a relative error of 2^-24 into the difference.
    assert coc[0, 0] == pytest.approx(expected, rel=1e-6, abs=scale * (1 / z + 1 / focus) * 2e-7)


def test_radius_is_the_textbooks():
    z, focus, f, n = 8.0, 2.0, 0.05, 2.0
    metres = f**2 / (2 * n) * abs(z - focus) / (z * (focus - f))
    coc = coc_map(np.array([[1 / z]]), 1 / focus, **LENS)
    assert coc[0, 0] == pytest.approx(metres * 1920 / 0.036, rel=1e-6)
    assert coc[0, 0] == pytest.approx(12.82, abs=0.01)


def test_sign_is_positive_behind_and_negative_in_front():
    coc = coc_map(np.array([[1 / 4, 1 / 2, 1 / 1]], np.float32), 1 / 2, **LENS)
    assert coc[0, 0] > 0
    assert coc[0, 1] == 0
    assert coc[0, 2] < 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_focal_plane_is_exactly_sharp(dtype):
    disparity = np.full((2, 3), 0.3, dtype)
    assert not coc_map(disparity, float(disparity[0, 0]), **LENS).any()


def test_focus_at_infinity_keeps_infinity_sharp():
    coc = coc_map(np.array([[0.0, 0.5]]), 0.0, **LENS)
    assert coc[0, 0] == 0
    assert coc[0, 1] == pytest.approx(-(0.05**2) / 4 * 0.5 * 1920 / 0.036, rel=1e-6)


def test_blur_scale_multiplies_and_the_map_is_float32():
    disparity = np.linspace(0, 2, 12).reshape(3, 4)
    once, thrice = coc_map(disparity, 0.7, **LENS), coc_map(disparity, 0.7, **LENS, blur_scale=3.0)
    assert once.dtype == np.float32
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-6)


def test_within_the_focus_range_all_is_sharp_and_blur_begins_at_its_ends():
    disparity = np.linspace(0, 2, 41)[None]
    focus, half = 0.7, 0.301
    ranged = coc_map(disparity, focus, **LENS, focus_range=half)
    within = np.abs(disparity - focus) <= half
    assert not ranged[within].any()
    nearer = coc_map(disparity - half, focus, **LENS)
    farther = coc_map(disparity + half, focus, **LENS)
    expected = np.where(disparity > focus, nearer, farther)
    np.testing.assert_allclose(ranged[~within], expected[~within], rtol=1e-5)


@pytest.mark.parametrize("half", [-0.1, math.nan, math.inf])
def test_a_focus_range_that_is_none_is_refused(half):
    with pytest.raises(LensError, match=r"focus_range is .* 0 or more"):
        coc_map(np.ones((2, 2)), 1.0, **LENS, focus_range=half)


def test_input_stays_as_it_was_and_may_be_strided_or_read_only():
    whole = np.linspace(0, 2, 64, dtype=np.float32).reshape(8, 8)
    whole.flags.writeable = False
    np.testing.assert_array_equal(
        coc_map(whole[::2, 1::3], 1.0, **LENS), coc_map(whole[::2, 1::3].copy(), 1.0, **LENS)
    )
    assert whole[7, 7] == 2.0


def test_empty_picture_gives_an_empty_map():
    assert coc_map(np.zeros((0, 5), np.float32), 1.0, **LENS).shape == (0, 5)


@pytest.mark.parametrize("half", [0.0, 0.5])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e38])
def test_disparity_without_a_blur_is_named_with_its_place(bad, half):
    disparity = np.ones((3, 4), np.float64)
    disparity[1, 2] = bad
    with pytest.raises(LensError, match=r"1 values .* row 1, column 2"):
        coc_map(disparity, 1.0, **LENS, focus_range=half)


def test_a_large_map_is_that_of_each_of_its_values():
    """Large ones are made by several threads."""
    disparity = np.random.default_rng(0).random((701, 803), np.float32)
    one_by_one = np.vstack([coc_map(row[None], 0.5, **LENS) for row in disparity])
    np.testing.assert_array_equal(coc_map(disparity, 0.5, **LENS), one_by_one)
    disparity[700, 802] = math.nan
    with pytest.raises(LensError, match="row 700, column 802"):
        coc_map(disparity, 0.5, **LENS)


def test_infinities_that_cancel_are_found():
    with pytest.raises(LensError, match="2 values"):
        coc_map(np.array([[math.inf, -math.inf]]), 1.0, **LENS)


def test_values_whose_sum_overflows_are_allowed():
    disparity = np.full((4, 4), 1e35, np.float32)
    assert np.isfinite(coc_map(disparity, 1.0, **LENS, blur_scale=0.1)).all()


@pytest.mark.parametrize(
    "shape_or_array",
    [np.zeros(3), np.zeros((2, 2, 1)), np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.complex64)],
)
def test_what_is_not_a_disparity_map_is_refused(shape_or_array):
    with pytest.raises(LensError, match=r"floating point of shape \(H, W\)"):
        coc_map(shape_or_array, 1.0, **LENS)


@pytest.mark.parametrize("name", [*LENS, "blur_scale", "focus_disparity"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_impossible_figure_is_named(name, value):
    arguments = {"focus_disparity": 1.0, **LENS, name: value}
    with pytest.raises(LensError, match=name):
        coc_map(np.ones((2, 2)), **arguments)


def test_focus_within_the_focal_length_is_refused():
    with pytest.raises(LensError, match=r"focus is at 50 mm, within the focal length of 50 mm"):
        coc_map(np.ones((2, 2)), 20.0, **LENS)


def test_aperture_is_closed_at_the_end_of_the_control_or_without_blur():
    assert closed(CLOSED_F_STOP, 1.0)
    assert closed(1.4, 0.0)
    assert not closed(CLOSED_F_STOP - 1, 1.0)
