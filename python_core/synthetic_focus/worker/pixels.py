"""Between the pixels of hosts, in shared memory, and the float32 arrays of the effect."""

import math
from collections.abc import Iterator
from mmap import mmap
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_focus.worker.protocol import Picture, Premultiplication

Pixels = npt.NDArray[np.float32]

_TYPES: Final = {"byte": np.uint8, "short": np.uint16, "half": np.float16, "float": np.float32}
_WHITE: Final = {"byte": 255, "short": 65535}
_LARGEST_HALF: Final = np.float32(65504)
_BAND_VALUES: Final = 1 << 16


def view(memory: mmap, picture: Picture) -> npt.NDArray[np.generic]:
    """The picture's pixels in place, (H, W, C) of the host's own type.

    The caller has checked that the picture lies within the memory.
    """
    shape = (picture.height, picture.width, picture.channels)
    dtype = _TYPES[picture.type]
    if picture.size == 0:
        return np.empty(shape, dtype)
    count = picture.size // np.dtype(dtype).itemsize
    return np.frombuffer(memory, dtype, count, picture.offset).reshape(shape)


def to_float(pixels: npt.NDArray[np.generic]) -> Pixels:
    """Pixels of any type as float32, white being 1; float32 comes back as it is, not copied."""
    if pixels.dtype == np.float32:
        return pixels  # type: ignore[return-value]  # checked just now
    result = np.empty(pixels.shape, np.float32)
    for rows in _bands(pixels):
        np.copyto(result[rows], pixels[rows], casting="unsafe")
        if pixels.dtype == np.uint8:
            result[rows] /= _WHITE["byte"]
        elif pixels.dtype == np.uint16:
            result[rows] /= _WHITE["short"]
    return result


def store(pixels: npt.NDArray[np.generic], out: npt.NDArray[np.generic]) -> None:
    """Put pixels into a picture of as many channels: float32 into any type, others into their own.

    Integers are rounded to the nearest and clipped, and NaN is 0 there. Half floats are clipped at
    65504; infinity stays what it is.
    """
    if out.dtype == pixels.dtype:
        np.copyto(out, pixels)
        return
    for rows in _bands(pixels):
        if out.dtype == np.float16:
            _store_half(pixels[rows], out[rows])
        else:
            white = np.float32(_WHITE["byte" if out.dtype == np.uint8 else "short"])
            # fmax and fmin leave a NaN for the number that they are given.
            scaled = np.fmax(pixels[rows], np.float32(0))
            np.fmin(scaled, np.float32(1), out=scaled)
            scaled *= white
            scaled += np.float32(0.5)
            np.copyto(out[rows], scaled, casting="unsafe")


def _store_half(pixels: npt.NDArray[np.generic], out: npt.NDArray[np.generic]) -> None:
    clipped = np.clip(pixels, -_LARGEST_HALF, _LARGEST_HALF)
    infinite = np.isinf(pixels)
    if infinite.any():
        clipped[infinite] = pixels[infinite]
    np.copyto(out, clipped, casting="same_kind")


def _bands(pixels: npt.NDArray[np.generic]) -> Iterator[slice]:
    """Rows that stay in the processor's cache from one step to the next."""
    height, *row = pixels.shape
    rows = max(1, _BAND_VALUES // max(1, math.prod(row)))
    return (slice(top, top + rows) for top in range(0, height, rows))


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """RGB, RGBA or a single channel as another of them.

    One channel becomes equal red, green and blue; an alpha that is missing is 1; one channel of
    several is the alpha, or else the first.
    """
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if channels == 1:
        return pixels[..., 3:] if have == 4 else pixels[..., :1]
    colour = np.repeat(pixels[..., :1], 3, axis=2) if have == 1 else pixels[..., :3]
    if channels == 3:
        return colour
    return np.dstack([colour, np.ones(pixels.shape[:2], np.float32)])


def with_premultiplication(
    pixels: Pixels, have: Premultiplication, want: Premultiplication
) -> Pixels:
    """Pixels whose colour is multiplied by alpha as `want` says.

    Where the alpha is 0 the colour stays as it is. Opaque pictures are both at once.
    """
    if pixels.shape[2] != 4 or have == want or "OfxImageOpaque" in (have, want):
        return pixels
    alpha = pixels[..., 3:]
    result = pixels.copy()
    if want == "OfxImagePreMultiplied":
        result[..., :3] *= alpha
    else:
        np.divide(result[..., :3], alpha, out=result[..., :3], where=alpha > 0)
    return result
