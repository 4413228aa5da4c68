"""Conversions of pixels, against other libraries and by their meaning."""

from mmap import mmap

import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.worker import pixels
from synthetic_focus.worker.protocol import Picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_survives_the_way_to_float_and_back(dtype: type[np.unsignedinteger]) -> None:
    every = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 1, 1)
    light = pixels.to_float(every)
    assert light.dtype == np.float32
    assert (light.min(), light.max()) == (0, 1)
    out = np.empty_like(every)
    pixels.store(light, out)
    np.testing.assert_array_equal(out, every)


def test_half_is_what_openimageio_reads() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(1, -1, 1)
    buffer = oiio.ImageBuf(oiio.ImageSpec(1 << 16, 1, 1, "half"))
    buffer.set_pixels(oiio.ROI(0, 1 << 16, 0, 1), every)
    expected = np.asarray(buffer.get_pixels("float")).reshape(every.shape)
    np.testing.assert_array_equal(pixels.to_float(every), expected)
    out = np.empty_like(every)
    pixels.store(pixels.to_float(every), out)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(every))
    known = ~np.isnan(every)
    np.testing.assert_array_equal(out[known].view(np.uint16), every[known].view(np.uint16))


def test_float_stays_in_place() -> None:
    light = np.ones((2, 3, 4), np.float32)
    assert pixels.to_float(light) is light


def test_integers_are_rounded_and_clipped() -> None:
    light = np.array([-1, 0, 0.5, 1, 7, np.nan, np.inf, -np.inf], np.float32).reshape(1, -1, 1)
    out = np.empty(light.shape, np.uint8)
    pixels.store(light, out)
    assert out.ravel().tolist() == [0, 0, 128, 255, 255, 0, 255, 0]


def test_half_keeps_highlights_and_infinity() -> None:
    light = np.array([1e6, -1e6, np.inf, 900.0], np.float32).reshape(1, -1, 1)
    out = np.empty(light.shape, np.float16)
    pixels.store(light, out)
    assert out.ravel().tolist() == [65504, -65504, np.inf, 900]


def test_channels_are_made_and_left_out() -> None:
    rgba = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
    np.testing.assert_array_equal(pixels.with_channels(rgba, 3), rgba[..., :3])
    np.testing.assert_array_equal(pixels.with_channels(rgba, 1), rgba[..., 3:])
    rgb = rgba[..., :3]
    np.testing.assert_array_equal(pixels.with_channels(rgb, 4)[..., 3], 1)
    grey = rgba[..., 3:]
    np.testing.assert_array_equal(pixels.with_channels(grey, 3), np.repeat(grey, 3, 2))


def test_premultiplication_is_undone_but_for_empty_pixels() -> None:
    straight = np.array([[[0.5, 1.0, 2.0, 0.5], [1.0, 1.0, 1.0, 0.0]]], np.float32)
    pre, un = "OfxImagePreMultiplied", "OfxImageUnPreMultiplied"
    multiplied = pixels.with_premultiplication(straight, un, pre)
    np.testing.assert_array_equal(multiplied, [[[0.25, 0.5, 1.0, 0.5], [0, 0, 0, 0]]])
    back = pixels.with_premultiplication(multiplied, pre, un)
    np.testing.assert_array_equal(back[0, 0], straight[0, 0])
    assert pixels.with_premultiplication(straight, "OfxImageOpaque", pre) is straight


@pytest.mark.parametrize("size", [(0, 0), (0, 3), (1, 1), (5, 3)])
def test_view_is_of_the_memory_itself(size: tuple[int, int]) -> None:
    memory = mmap(-1, 8192)
    bounds = (7, -2, 7 + size[0], -2 + size[1])
    picture = Picture(bounds, "short", "RGB", "OfxImageOpaque", 1, 4096)
    view = pixels.view(memory, picture)
    assert view.shape == (size[1], size[0], 3)
    view[...] = 0x0102
    assert memory[4096 : 4096 + picture.size] == b"\x02\x01" * (picture.size // 2)
    assert not any(memory[:4096])
