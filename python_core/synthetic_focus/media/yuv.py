"""Y'CbCr as movies store it, to R'G'B' and back, in float32 and with the exact matrices.

Chroma of subsampled pictures is interpolated linearly between the places where its samples sit:
in the horizontal direction on every second column (the left siting of MPEG-2, H.264, HEVC) or in
the middle between two (JPEG), in the vertical direction in the middle between two rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]
Float = npt.NDArray[np.float32]

# Weights of red and blue in luma, by the matrix codes of ITU-T H.273, table 4.
LUMA_WEIGHTS: Final = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020, non-constant luminance
}


# A band of a few megabytes stays in the cache from one step to the next.
_BAND_ROWS: Final = 32


@dataclass(frozen=True)
class Encoding:
    """How planes of Y'CbCr hold a picture.

    bits: of a sample. full: the range is 0 ... 2^bits - 1 instead of 16 ... 235 (240 for chroma)
    times 2^(bits - 8). matrix: a key of LUMA_WEIGHTS. shift_x, shift_y: log2 of how many luma
    samples share one of chroma. left: chroma sits on every second column, not between two.
    """

    bits: int = 8
    full: bool = False
    matrix: int = 1
    shift_x: int = 1
    shift_y: int = 1
    left: bool = True

    @property
    def luma_range(self) -> tuple[float, float]:
        """Black, and how far white is from it, in code values."""
        if self.full:
            return 0.0, 2.0**self.bits - 1
        return 16.0 * 2 ** (self.bits - 8), 219.0 * 2 ** (self.bits - 8)

    @property
    def chroma_range(self) -> tuple[float, float]:
        """Grey, and how far chroma of -0.5 is from that of 0.5, in code values."""
        middle = 2.0 ** (self.bits - 1)
        return middle, 2.0**self.bits - 1 if self.full else 224.0 * 2 ** (self.bits - 8)


def to_rgb(luma: Plane, cb: Plane, cr: Plane, encoding: Encoding, out: Float) -> None:
    """Writes planes of Y'CbCr as R'G'B' into `out`.

    Args:
        luma: (H, W) code values; cb and cr: (ceil(H / 2^shift_y), ceil(W / 2^shift_x)).
        encoding: what the code values mean.
        out: float32 (H, W, 3 or more). Black is 0 and white 1; code values outside the range
            give values below 0 and above 1.
    """
    height = luma.shape[0]
    for top in range(0, height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height)
        # Interpolation looks one row of chroma up and down.
        above = top >> encoding.shift_y
        below = -(-bottom >> encoding.shift_y)
        first = max(0, above - 1)
        skipped = top - (first << encoding.shift_y)
        rows = slice(first, below + 1)
        shape = (skipped + bottom - top, luma.shape[1])
        _band_to_rgb(
            luma[top:bottom],
            _enlarged(cb[rows], shape, encoding)[skipped:],
            _enlarged(cr[rows], shape, encoding)[skipped:],
            encoding,
            out[top:bottom],
        )


def _band_to_rgb(luma: Plane, blue: Float, red: Float, encoding: Encoding, out: Float) -> None:
    kr, kb = LUMA_WEIGHTS[encoding.matrix]
    kg = 1 - kr - kb
    black, white = encoding.luma_range
    grey, chroma = encoding.chroma_range
    y = luma.astype(np.float32)
    y -= np.float32(black)
    y *= np.float32(1 / white)
    blue -= np.float32(grey)
    blue *= np.float32(2 * (1 - kb) / chroma)
    red -= np.float32(grey)
    red *= np.float32(2 * (1 - kr) / chroma)
    np.add(y, red, out=out[..., 0])
    np.add(y, blue, out=out[..., 2])
    red *= np.float32(-kr / kg)
    blue *= np.float32(-kb / kg)
    y += red
    np.add(y, blue, out=out[..., 1])


def from_rgb(rgb: Float, encoding: Encoding) -> tuple[Plane, Plane, Plane]:
    """Returns float32 R'G'B' (H, W, 3) as planes of Y'CbCr, rounded to the nearest code value.

    NaN becomes 0; what does not fit the code values is clipped. Undoes `to_rgb` but for chroma's
    resolution.
    """
    kr, kb = LUMA_WEIGHTS[encoding.matrix]
    kg = 1 - kr - kb
    # Far outside every code, and far from overflow.
    red, green, blue = (np.clip(np.nan_to_num(rgb[..., c]), -1e4, 1e4) for c in range(3))
    y = np.float32(kr) * red
    y += np.float32(kg) * green
    y += np.float32(kb) * blue
    black, white = encoding.luma_range
    grey, chroma = encoding.chroma_range
    blue -= y
    blue *= np.float32(0.5 / (1 - kb) * chroma)
    red -= y
    red *= np.float32(0.5 / (1 - kr) * chroma)
    y *= np.float32(white)
    return (
        _code_values(y, black, encoding.bits),
        _code_values(_reduced(blue, encoding), grey, encoding.bits),
        _code_values(_reduced(red, encoding), grey, encoding.bits),
    )


def _code_values(values: Float, offset: float, bits: int) -> Plane:
    values = values + np.float32(offset)
    np.rint(values, out=values)
    np.clip(values, 0, 2**bits - 1, out=values)
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def _enlarged(plane: Plane, shape: tuple[int, ...], encoding: Encoding) -> Float:
    result = plane.astype(np.float32)
    for _ in range(encoding.shift_y):
        result = _between(result)
    for _ in range(encoding.shift_x):
        columns = result.T
        result = (_beside(columns) if encoding.left else _between(columns)).T
    return result[: shape[0], : shape[1]]


def _between(rows: Float) -> Float:
    """Twice as many rows; the old ones lie in the middle between pairs of new ones."""
    result = np.empty((2 * rows.shape[0], rows.shape[1]), np.float32)
    near = np.float32(0.75) * rows
    far = np.float32(0.25) * rows
    result[::2] = near
    result[2::2] += far[:-1]
    result[0] += far[0]
    result[1::2] = near
    result[1:-1:2] += far[1:]
    result[-1] += far[-1]
    return result


def _beside(rows: Float) -> Float:
    """Twice as many rows; the even ones are the old ones."""
    result = np.empty((2 * rows.shape[0], rows.shape[1]), np.float32)
    result[::2] = rows
    np.add(rows[:-1], rows[1:], out=result[1:-1:2])
    result[1:-1:2] *= np.float32(0.5)
    result[-1] = rows[-1]
    return result


def _reduced(plane: Float, encoding: Encoding) -> Float:
    for _ in range(encoding.shift_y):
        plane = _mean_of_pairs(plane)
    for _ in range(encoding.shift_x):
        columns = plane.T
        plane = (_mean_around_even(columns) if encoding.left else _mean_of_pairs(columns)).T
    return plane


def _mean_of_pairs(rows: Float) -> Float:
    if rows.shape[0] % 2:
        rows = np.concatenate([rows, rows[-1:]])
    return np.float32(0.5) * (rows[::2] + rows[1::2])


def _mean_around_even(rows: Float) -> Float:
    """A quarter, a half and a quarter of the rows around each even one."""
    even = rows[::2]
    odd = rows[1::2]
    result = np.float32(0.5) * even
    quarter = np.float32(0.25) * odd
    result[: odd.shape[0]] += quarter
    result[1:] += quarter[: even.shape[0] - 1]
    result[0] += np.float32(0.25) * even[0]
    if even.shape[0] > odd.shape[0]:
        result[-1] += np.float32(0.25) * even[-1]
    return result
