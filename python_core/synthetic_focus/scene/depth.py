"""From a picture of depth, by whatever convention it was made, to disparity.

Disparity is inverse distance in dioptres (1/m) everywhere inside: blur is linear in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from synthetic_focus import _native
from synthetic_focus.errors import SyntheticFocusError

Map = npt.NDArray[np.float32]

Convention = Literal[
    "disparity_near_bright",
    "disparity_far_bright",
    "distance_far_bright",
    "distance_near_bright",
    "metres",
]

# Depth and picture may differ by the rounding of a proxy's size, not in shape.
_ASPECT_TOLERANCE: Final = 0.02
# Between neighbours farther apart than this share of the map's range lies an edge, and a mean of
# the two would be the disparity of nothing.
_EDGE: Final = 0.05


class DepthError(SyntheticFocusError, ValueError):
    """A picture of depth that says nothing, or not about this picture."""


@dataclass(frozen=True)
class DepthReading:
    """How the values of a picture of depth are to be read.

    Attributes:
        convention: what they are proportional to. For all but "metres", `low` … `high` run from the
            one distance to the other; for "metres" they are distances, whatever the others say.
        near_m, far_m: the distances that the nearest and the farthest value stand for, in metres.
        low, high: the values that stand for them, the darkest first.
    """

    convention: Convention = "disparity_near_bright"
    near_m: float = 1.0
    far_m: float = 100.0
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.convention not in get_args(Convention):
            raise DepthError(
                f"the depth convention is {self.convention!r}; it must be one of"
                f" {', '.join(get_args(Convention))}"
            )
        if not (0 < self.near_m < self.far_m < math.inf):
            raise DepthError(
                f"depth runs from {self.near_m:g} m to {self.far_m:g} m; the near distance must be"
                " above 0 and below the far one"
            )
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise DepthError(
                f"depth values run from {self.low:g} to {self.high:g}; the first must be the lower"
            )

    @property
    def nearest(self) -> float:
        """The disparity of the near distance, in dioptres."""
        return 1 / self.near_m

    @property
    def farthest(self) -> float:
        """The disparity of the far distance, in dioptres."""
        return 1 / self.far_m

    @property
    def span(self) -> float:
        """From the far distance to the near one, in dioptres."""
        return self.nearest - self.farthest

    def at(self, share: float) -> float:
        """The disparity at `share` of the way from the far distance (0) to the near one (1)."""
        return self.farthest + share * self.span


def disparity(depth: npt.NDArray[np.floating], reading: DepthReading) -> Map:
    """Disparity in dioptres from a picture of depth.

    Values beyond `low` … `high` are read along the same line, but nothing is farther than infinity
    or nearer than a millimetre. What is unknown (not a number; for "metres" also 0 and less) is
    filled from its row, from the farther of its two neighbours: holes of measured depth lie behind
    edges, on the background. Infinite metres are infinitely far, every other infinity is unknown.

    Args:
        depth: (H, W) or (H, W, C) floating point; of several channels the first is read.
        reading: how.

    Returns:
        (H, W) float32, finite, 0 or more.

    Raises:
        DepthError: no picture, or nothing in it is known.
    """
    values = depth[..., 0] if depth.ndim == 3 and depth.shape[2] > 0 else depth
    if values.ndim != 2 or values.size == 0 or not np.issubdtype(values.dtype, np.floating):
        raise DepthError(
            f"the depth picture is {depth.dtype} of shape {depth.shape}; it must be floating point"
            " of shape (H, W) or (H, W, C), with a pixel at least"
        )
    result, known = _native.read_depth(
        values.astype(np.float32, copy=False),
        line=_line(reading),
        distance=reading.convention.startswith("distance"),
    )
    return result if known else _filled(result)


def _line(reading: DepthReading) -> tuple[float, float, float] | None:
    """The value that stands for `start`, the way from there per value, and `start`: of disparity
    or distance. None: values are metres.
    """
    if reading.convention == "metres":
        return None
    first, last = reading.low, reading.high
    if reading.convention in ("disparity_far_bright", "distance_near_bright"):
        first, last = last, first
    if reading.convention.startswith("disparity"):
        start, end = reading.farthest, reading.nearest
    else:
        start, end = reading.near_m, reading.far_m
    return first, (end - start) / (last - first), start


def _filled(disparities: Map) -> Map:
    known = np.isfinite(disparities)
    if not known.any():
        raise DepthError("the depth picture has no known value: it is NaN, or 0 m, throughout")
    filled = _filled_along_rows(disparities, known)
    if not np.isfinite(filled).all():  # rows without any known value
        filled = _filled_along_rows(filled.T, np.isfinite(filled.T)).T
    return np.ascontiguousarray(filled)


def _filled_along_rows(values: Map, known: npt.NDArray[np.bool_]) -> Map:
    """Each unknown from its nearest known neighbours in the row, the farther of the two."""
    count = values.shape[1]
    places = np.arange(count)
    before = np.maximum.accumulate(np.where(known, places, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, places, count)[:, ::-1], axis=1)[:, ::-1]
    left = np.take_along_axis(values, np.maximum(before, 0), 1)
    right = np.take_along_axis(values, np.minimum(after, count - 1), 1)
    left = np.where(before >= 0, left, np.nan)
    right = np.where(after < count, right, np.nan)
    return np.where(known, values, np.fmin(left, right)).astype(np.float32)


def extent(disparities: Map) -> float:
    """The range of a map, from the 2nd percentile of every fourth pixel's disparity to the 98th.

    Args:
        disparities: (H, W), finite.
    """
    return float(np.ptp(np.percentile(disparities[::4, ::4], (2, 98))))


def fitted(disparities: Map, size: tuple[int, int]) -> Map:
    """The map at another size: smooth on surfaces, hard at edges.

    Args:
        disparities: (H, W) float32, finite.
        size: (width, height) of the picture that it belongs to.

    Raises:
        DepthError: the two have different shapes, so that they cannot show the same.
    """
    height, width = disparities.shape
    if (width, height) == size:
        return disparities
    if abs(math.log(width * size[1] / (height * size[0]))) > max(
        _ASPECT_TOLERANCE, 1 / min(width, height, *size)
    ):
        raise DepthError(
            f"the depth picture is {width}x{height} and the picture {size[0]}x{size[1]}: their"
            " shapes differ, so they do not belong together"
        )
    return resized(disparities, size)


def resized(disparities: Map, size: tuple[int, int]) -> Map:
    """The map stretched to a size of any shape: smooth on surfaces, hard at edges.

    Args:
        disparities: (H, W) float32, finite.
        size: (width, height).
    """
    height, width = disparities.shape
    x, left, right = _taps(width, size[0])
    y, top, bottom = _taps(height, size[1])
    # One axis after the other: a third of the work of four corners at once.
    rows = disparities[top]
    rows += (disparities[bottom] - rows) * y[:, None]
    smooth = rows[:, left]
    smooth += (rows[:, right] - smooth) * x
    row, column = np.nonzero(_edges(disparities)[np.ix_(top, left)])
    nearest_row, nearest_column = np.where(y < 0.5, top, bottom), np.where(x < 0.5, left, right)
    smooth[row, column] = disparities[nearest_row[row], nearest_column[column]]
    return smooth


def _edges(disparities: Map) -> npt.NDArray[np.bool_]:
    """Whether an edge lies between each pixel and the next to its right, below and across."""
    below = np.vstack([disparities[1:], disparities[-1:]])
    high, low = np.maximum(disparities, below), np.minimum(disparities, below)
    high = np.maximum(high, np.hstack([high[:, 1:], high[:, -1:]]))
    low = np.minimum(low, np.hstack([low[:, 1:], low[:, -1:]]))
    span = float(disparities.max() - disparities.min())
    return np.asarray(high - low > np.float32(_EDGE * span))


def _taps(old: int, new: int) -> tuple[Map, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Weights of the second of two neighbours, and both, for pixel centres that stay in place."""
    place = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    first = np.floor(place).astype(np.intp)
    return (place - first).astype(np.float32), first, np.minimum(first + 1, old - 1)
