"""Breathing: the size of the image is that of a lens that moves out, and lights do not ring."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_focus.lens.breathing import breathe, magnification
from synthetic_focus.lens.model import LensError


def ramps(width, height):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x, y, x + y], axis=2)


@given(focus=st.floats(0.3, 1e4), focal=st.floats(10, 200))
def test_simple_lens_magnifies_by_its_image_distance(focus, focal):
    image_distance = 1 / (1000 / focal - 1 / focus) * 1000  # the lens equation, in mm
    got = magnification(1 / focus, focal_length_mm=focal, breathing=1.0)
    assert got == pytest.approx(image_distance / focal, rel=1e-9)


def test_no_breathing_and_infinity_keep_the_size():
    assert magnification(2.0, focal_length_mm=50, breathing=0.0) == 1
    assert magnification(0.0, focal_length_mm=50, breathing=1.0) == 1


def test_focus_within_the_focal_length_is_refused():
    with pytest.raises(LensError, match="within the focal length"):
        magnification(25.0, focal_length_mm=50, breathing=0.5)


def test_negative_breathing_shrinks_as_much():
    wide = magnification(1.0, focal_length_mm=50, breathing=-0.5)
    assert wide * magnification(1.0, focal_length_mm=50, breathing=0.5) == pytest.approx(1)
    assert wide < 1


@pytest.mark.parametrize("scale", [1.0, 1.07, 0.96])
def test_ramp_is_scaled_about_the_middle(scale):
    picture = ramps(41, 31)
    out = breathe(picture, scale, frame_size=(41, 31))
    expected_x = 20 + (np.arange(41) - 20) / scale
    np.testing.assert_allclose(out[15, 3:38, 0], expected_x[3:38], atol=1e-4)
    expected_y = 15 + (np.arange(31) - 15) / scale
    np.testing.assert_allclose(out[3:28, 20, 1], expected_y[3:28], atol=1e-4)


def test_part_of_a_frame_is_the_frames_part():
    rng = np.random.default_rng(1)
    picture = rng.random((60, 80, 4), np.float32)
    whole = breathe(picture, 1.05, frame_size=(80, 60))
    part = breathe(picture[10:50, 20:70].copy(), 1.05, frame_size=(80, 60), origin=(20, 10))
    np.testing.assert_allclose(part[5:-5, 5:-5], whole[15:45, 25:65], atol=1e-5)


def test_sun_does_not_ring():
    picture = np.full((21, 21, 3), 0.1, np.float32)
    picture[10, 10] = 1e4
    out = breathe(picture, 1.03, frame_size=(21, 21))
    assert out.min() >= 0.1 - 1e-6
    assert out.max() <= 1e4


def test_depth_keeps_to_values_that_are_there():
    disparity = np.where(np.arange(50) < 25, 0.2, 1.5).astype(np.float32)[None].repeat(20, axis=0)
    out = breathe(disparity, 1.043, frame_size=(50, 20), blend=False)
    assert set(np.unique(out)) == set(np.unique(disparity))
