"""What defocus does with input that is wrong, odd or huge."""

import threading
import time

import numpy as np
import pytest

from synthetic_focus import Aperture, _native, defocus
from synthetic_focus.lens.aperture import ApertureError
from synthetic_focus.render import Aborted, DefocusError


def picture(height: int = 8, width: int = 9, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(1).random((height, width, channels), np.float32)


@pytest.mark.parametrize(
    ("image", "coc", "says"),
    [
        (np.zeros((4, 5), np.float32), np.zeros((4, 5), np.float32), r"\(4, 5\).*\(H, W, 3\)"),
        (np.zeros((4, 5, 2), np.float32), np.zeros((4, 5), np.float32), r"\(4, 5, 2\)"),
        (picture(), np.zeros((9, 8), np.float32), r"\(9, 8\).*\(8, 9\)"),
        (np.zeros((0, 5, 3), np.float32), np.zeros((0, 5), np.float32), "no pixel"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.float32), "uint8.*floating point"),
        (picture(), np.zeros((8, 9), np.int32), "coc has type int32"),
        (picture(), np.zeros((8, 9), np.complex64), "complex64"),
    ],
)
def test_wrong_shapes_and_types_are_named(image, coc, says):
    with pytest.raises(DefocusError, match=says):
        defocus(image, coc)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_a_number_is_found_and_its_place_named(bad):
    image, coc = picture(), np.full((8, 9), 2, np.float32)
    image[3, 7, 1] = bad
    with pytest.raises(DefocusError, match=r"image is .* at x=7, y=3"):
        defocus(image, coc)
    coc[5, 2] = bad
    with pytest.raises(DefocusError, match=r"coc is .* at x=2, y=5"):
        defocus(picture(), coc)


@pytest.mark.parametrize(
    "arguments",
    [
        {"backend": "gpu"},
        {"quality": "high"},
        {"threads": 0},
        {"frame_size": (0, 5)},
    ],
)
def test_wrong_arguments_are_named(arguments):
    with pytest.raises(DefocusError, match=next(iter(arguments))):
        defocus(picture(), np.zeros((8, 9), np.float32), **arguments)


@pytest.mark.parametrize(
    "fields",
    [
        {"blades": 2},
        {"blades": 17},
        {"blades": 5.5},
        {"squeeze": 0.0},
        {"cat_eye": float("nan")},
        {"ring": 1.0},
        {"kernel": np.zeros((3, 3))},
        {"kernel": np.ones(3)},
        {"kernel": np.ones((3, 3)), "blades": 5},
    ],
)
def test_impossible_apertures_are_refused(fields):
    with pytest.raises(ApertureError, match=next(iter(fields))):
        Aperture(**fields)


def test_absurd_radii_mean_the_largest_radius():
    image = picture(12, 12)
    largest = np.full((12, 12), _native.MAX_RADIUS, np.float32)
    np.testing.assert_array_equal(
        defocus(image, np.full((12, 12), 1e9, np.float32)), defocus(image, largest)
    )


def test_negative_light_is_blurred_like_any_other():
    image, coc = picture(30, 40), np.full((30, 40), 3.3, np.float32)
    np.testing.assert_allclose(defocus(-image, coc), -defocus(image, coc), atol=1e-6)


def test_memory_layout_and_float_type_do_not_matter():
    image, coc = picture(20, 30, 4), np.full((20, 30), -3.7, np.float32)
    expected = defocus(image, coc)
    read_only = image.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(defocus(read_only, coc), expected)
    np.testing.assert_array_equal(defocus(np.asfortranarray(image), coc.T.copy().T), expected)
    np.testing.assert_array_equal(defocus(image[::-1][::-1], coc.astype(np.float64)), expected)


@pytest.mark.parametrize("channels", [3, 4])
def test_the_result_goes_where_it_is_wanted(channels):
    image, coc = picture(20, 30, channels), np.full((20, 30), -3.7, np.float32)
    out = np.full_like(image, np.nan)
    assert defocus(image, coc, out=out) is out
    np.testing.assert_array_equal(out, defocus(image, coc))


IMAGE, COC = picture(), np.ones((8, 9), np.float32)


@pytest.mark.parametrize(
    ("out", "says"),
    [
        (picture(8, 9, 4), r"\(8, 9, 4\), it must be float32 of shape \(8, 9, 3\)"),
        (picture().astype(np.float64), "float64"),
        (np.asfortranarray(picture()), "C-contiguous"),
        (np.broadcast_to(np.float32(0), (8, 9, 3)), "writable"),
        (IMAGE, "shares memory"),
    ],
)
def test_a_place_that_cannot_take_the_result_is_refused(out, says):
    with pytest.raises(DefocusError, match=says):
        defocus(IMAGE, COC, out=out)


@pytest.mark.parametrize("size", [1, 7, (1 << 18) + 1, 3 << 18])
def test_a_value_that_is_no_finite_number_is_found_wherever_it_is(size):
    values = np.full(size, np.finfo(np.float32).max)
    values[::2] *= -1
    assert _native.all_finite(values)
    for place in {0, size // 2, size - 1}:
        for bad in (np.nan, np.inf, -np.inf):
            kept, values[place] = values[place], bad
            assert not _native.all_finite(values)
            values[place] = kept


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 3)])
def test_tiny_pictures_are_pictures(shape):
    image = np.full((*shape, 4), 0.25, np.float32)
    for radius in (0.0, 0.7, 50.0, -50.0):
        result = defocus(image, np.full(shape, radius, np.float32))
        np.testing.assert_allclose(result, image, rtol=1e-6)


def test_abort_stops_a_long_render_at_once():
    image, coc = picture(1000, 1000), np.full((1000, 1000), 300, np.float32)
    abort = _native.AbortFlag()
    timer = threading.Timer(0.1, abort.set)
    timer.start()
    started = time.perf_counter()
    with pytest.raises(Aborted):
        defocus(image, coc, Aperture(kernel=np.ones((9, 9))), abort=abort)
    # The render would take half a minute; generous, for a loaded machine.
    assert time.perf_counter() - started < 5
