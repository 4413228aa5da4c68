"""Lens breathing: the field of view follows the focus."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_focus.lens.model import extension


def magnification(focus_disparity: float, *, focal_length_mm: float, breathing: float) -> float:
    """How much larger than at infinity a lens shows the picture when it focuses nearer.

    A simple lens focuses by moving out: its image distance, and with it the size of the image,
    grows from f to ``f F/(F - f)``. Most lenses keep a part of that, some turn it round.

    Args:
        focus_disparity: of the focal plane, in dioptres.
        focal_length_mm: of the lens.
        breathing: the part of a simple lens's breathing, 1 all of it; below 0 the picture shrinks.

    Raises:
        LensError: the focus is within the focal length.
    """
    return float(extension(focus_disparity, focal_length_mm=focal_length_mm) ** breathing)


def breathe(
    picture: npt.NDArray[np.float32],
    scale: float,
    *,
    frame_size: tuple[int, int],
    origin: tuple[int, int] = (0, 0),
    blend: bool = True,
) -> npt.NDArray[np.float32]:
    """Return a picture scaled about the middle of its frame; what is beyond its edge is mirrored.

    Args:
        picture: (H, W) or (H, W, C) float32, all of the frame or a part.
        scale: above 1 enlarges.
        frame_size: (width, height) of the whole frame.
        origin: (x, y) of the picture's top left pixel in the frame.
        blend: between pixels, by cubic interpolation without new extremes; else each pixel is the
            nearest one, as depth wants, where a mean of two surfaces is neither.
    """
    rows = _taps(picture.shape[0], scale, frame_size[1] / 2 - origin[1])
    columns = _taps(picture.shape[1], scale, frame_size[0] / 2 - origin[0])
    if not blend:
        nearest = (
            _mirrored(np.rint(taps.at).astype(np.intp), taps.size) for taps in (rows, columns)
        )
        return picture[np.ix_(*nearest)]
    result = np.empty_like(picture)
    for top in range(0, picture.shape[0], _BAND):
        band = slice(top, top + _BAND)
        result[band] = _between(_between(picture, 0, rows, band), 1, columns, slice(None))
    return result


_BAND = 32  # rows; their two passes stay in the cache


@dataclass(frozen=True, slots=True)
class _Taps:
    """Where along one axis of a picture the pixels of the scaled one come from."""

    size: int
    at: npt.NDArray[np.float64]


def _taps(size: int, scale: float, middle: float) -> _Taps:
    return _Taps(size, (np.arange(size, dtype=np.float64) + 0.5 - middle) / scale + middle - 0.5)


def _mirrored(index: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    index = np.mod(index, 2 * size)
    return np.minimum(index, 2 * size - 1 - index)


def _between(
    picture: npt.NDArray[np.float32], axis: int, taps: _Taps, part: slice
) -> npt.NDArray[np.float32]:
    """Interpolate along one axis by Catmull and Rom's cubic, kept between the two nearest pixels.

    Unlimited it rings around a light by a tenth of it, which is a lot of a sun.
    """
    at = taps.at[part]
    first = np.floor(at).astype(np.intp)
    t = (at - first).astype(np.float32)
    t = t.reshape((-1, *(1,) * (picture.ndim - 1 - axis)))
    weights = (
        t * (-0.5 + t * (1 - 0.5 * t)),
        1 + t * t * (-2.5 + 1.5 * t),
        t * (0.5 + t * (2 - 1.5 * t)),
        t * t * (-0.5 + 0.5 * t),
    )
    near = [np.take(picture, _mirrored(first + k, taps.size), axis) for k in (-1, 0, 1, 2)]
    low, high = np.minimum(near[1], near[2]), np.maximum(near[1], near[2])
    for pixels, weight in zip(near, weights, strict=True):
        pixels *= weight
    near[0] += near[1]
    near[2] += near[3]
    near[0] += near[2]
    return np.clip(near[0], low, high, out=near[0])
