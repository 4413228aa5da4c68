"""Y'CbCr against the standards' equations."""

import numpy as np
import pytest

from synthetic_focus.media import yuv

MATRICES = {1: (0.2126, 0.7152, 0.0722), 6: (0.299, 0.587, 0.114), 9: (0.2627, 0.6780, 0.0593)}


def standard_equations(rgb: np.ndarray, matrix: int, bits: int, full: bool) -> np.ndarray:
    """BT.709 section 3 and BT.2020 table 5, written as they are there, in float64."""
    kr, kg, kb = MATRICES[matrix]
    red, green, blue = np.moveaxis(rgb.astype(np.float64), -1, 0)
    luma = kr * red + kg * green + kb * blue
    cb, cr = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    if full:
        top = 2**bits - 1
        codes = (top * luma, top * cb + 2 ** (bits - 1), top * cr + 2 ** (bits - 1))
    else:
        scale = 2 ** (bits - 8)
        codes = ((219 * luma + 16) * scale, (224 * cb + 128) * scale, (224 * cr + 128) * scale)
    return np.stack(codes)


@pytest.mark.parametrize("matrix", sorted(MATRICES))
@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("full", [False, True])
def test_both_ways_are_the_standards_equations(matrix, bits, full):
    rgb = np.random.default_rng(bits).random((40, 50, 3), np.float32)
    encoding = yuv.Encoding(bits, full, matrix, 0, 0)
    expected = standard_equations(rgb, matrix, bits, full)
    planes = yuv.from_rgb(rgb, encoding)
    for plane, exact in zip(planes, expected, strict=True):
        assert plane.dtype == (np.uint8 if bits == 8 else np.uint16)
        assert np.abs(plane - np.clip(exact, 0, 2**bits - 1)).max() <= 0.5 + 1e-2
    # Codes that are integers exactly come back as colours exactly.
    back = np.empty_like(rgb)
    yuv.to_rgb(*planes, encoding, back)
    codes = standard_equations(back, matrix, bits, full)
    np.testing.assert_allclose(codes, np.stack(planes).astype(float), atol=2e-3 * 2 ** (bits - 8))


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
def test_every_grey_keeps_its_code_value(bits, full):
    codes = np.arange(2**bits).reshape(-1, 2**bits)
    luma = np.repeat(codes, 4, 0).astype(np.uint16 if bits > 8 else np.uint8)
    grey = np.full((2, 2 ** (bits - 1)), 2 ** (bits - 1), luma.dtype)
    encoding = yuv.Encoding(bits, full)
    rgb = np.empty((*luma.shape, 3), np.float32)
    yuv.to_rgb(luma, grey, grey, encoding, rgb)
    result = yuv.from_rgb(rgb, encoding)
    np.testing.assert_array_equal(result[0], luma)
    np.testing.assert_array_equal(result[1], grey)


@pytest.mark.parametrize(
    ("shift_x", "shift_y", "left", "slope_x", "slope_y", "offset_x", "offset_y"),
    [
        (1, 1, True, 2, 2, 0.0, 0.5),
        (1, 1, False, 2, 2, 0.5, 0.5),
        (1, 0, True, 2, 1, 0.0, 0.0),
        (0, 1, True, 1, 2, 0.0, 0.5),
        (2, 0, True, 4, 1, 0.0, 0.0),
    ],
)
def test_chroma_ramps_stay_where_they_are(
    shift_x, shift_y, left, slope_x, slope_y, offset_x, offset_y
):
    """A sample of chroma at column k sits at the picture's column slope * k + offset."""
    encoding = yuv.Encoding(16, True, 1, shift_x, shift_y, left)
    height, width = 80, 96
    x = slope_x * np.arange(width // slope_x) + offset_x
    y = slope_y * np.arange(height // slope_y) + offset_y
    ramp = (32768 + 100 * x[None, :] + 60 * y[:, None]).astype(np.uint16)
    luma = np.zeros((height, width), np.uint16)
    grey = np.full_like(ramp, 32768)
    rgb = np.empty((height, width, 3), np.float32)
    yuv.to_rgb(luma, ramp, grey, encoding, rgb)
    cb = rgb[..., 2] / (2 * (1 - 0.0722)) * 65535
    columns, rows = np.arange(width), np.arange(height)
    expected = 100 * columns[None, :] + 60 * rows[:, None]
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(cb[inner], np.broadcast_to(expected, cb.shape)[inner], atol=0.6)
    back = yuv.from_rgb(rgb, encoding)
    inner = (slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(back[1][inner], ramp[inner], atol=1)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (33, 7), (64, 2)])
def test_odd_sizes_work(height, width):
    encoding = yuv.Encoding()
    rgb = np.random.default_rng(0).random((height, width, 3), np.float32)
    luma, cb, cr = yuv.from_rgb(rgb, encoding)
    assert luma.shape == (height, width)
    assert cb.shape == cr.shape == ((height + 1) // 2, (width + 1) // 2)
    out = np.empty_like(rgb)
    yuv.to_rgb(luma, cb, cr, encoding, out)
    assert np.isfinite(out).all()


def test_what_no_code_value_stands_for_is_clipped():
    rgb = np.array([[[np.nan] * 3, [np.inf] * 3, [-np.inf] * 3, [5.0] * 3]], np.float32)
    luma, _, _ = yuv.from_rgb(np.repeat(rgb, 2, 0), yuv.Encoding(8, False, 1, 0, 0))
    np.testing.assert_array_equal(luma[0], [16, 255, 0, 255])
