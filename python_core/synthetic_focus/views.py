"""What an editor looks at to judge focus: pictures about the picture.

All take and return (H, W, 3) or (H, W, 4) float32 in the encoding of the source, opaque.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_focus.scene.depth import DepthReading

Pixels = npt.NDArray[np.float32]
Map = npt.NDArray[np.float32]

_IN_FOCUS: Final = 1.0  # px; smaller circles of confusion are shown as sharp
_STRONG: Final = 16.0  # px; this and more is shown in full colour
_BEHIND: Final = np.array((0.05, 0.25, 1.0), np.float32)
_IN_FRONT: Final = np.array((1.0, 0.12, 0.05), np.float32)
_PLANE: Final = np.array((1.0, 0.65, 0.0), np.float32)
_PEAK: Final = np.array((0.1, 1.0, 0.2), np.float32)
# Of an edge, relative to the light there, to be a peak; and the light below which noise is no edge.
_PEAK_CONTRAST: Final = 0.12
_PEAK_LIGHT: Final = 0.08


def depth_view(source: Pixels, disparity: Map, depth: DepthReading) -> Pixels:
    """The disparity that is used, from black at the far distance to white at the near one."""
    share = _share(disparity, depth)
    return _picture(source, lambda channel: share)


def focal_plane_view(source: Pixels, disparity: Map, depth: DepthReading, coc: Map) -> Pixels:
    """The depth view with what is in focus in orange, as if the focal plane cut through it."""
    share = _share(disparity, depth)
    sharp = np.abs(coc) < _IN_FOCUS
    share[sharp] *= np.float32(0.4)
    marked = sharp.astype(np.float32)
    return _picture(source, lambda channel: share + 0.6 * _PLANE[channel] * marked)


def coc_view(source: Pixels, coc: Map) -> Pixels:
    """The picture in grey, blue where it is behind the focus and red in front; sharp in colour."""
    size = np.abs(coc)
    sharp, behind = size < _IN_FOCUS, coc > 0
    strength = np.clip((size - _IN_FOCUS) / (_STRONG - _IN_FOCUS), 0, 1)
    grey = _grey(source) * (1 - np.float32(0.8) * strength)
    strength = np.float32(0.15) + np.float32(0.65) * strength

    def channel_of(channel: int) -> Map:
        tinted = grey + strength * np.where(behind, _BEHIND[channel], _IN_FRONT[channel])
        return np.where(sharp, _finite(source, channel), tinted)

    return _picture(source, channel_of)


def peaking_view(source: Pixels, coc: Map) -> Pixels:
    """The picture in grey with the edges that are in focus in green, as a camera's finder shows."""
    grey = _grey(source)
    gradient = np.zeros_like(grey)
    np.abs(np.diff(grey, axis=0), out=gradient[:-1])
    np.maximum(gradient[:, :-1], np.abs(np.diff(grey, axis=1)), out=gradient[:, :-1])
    # Relative: a dark coat before bright lights has edges too.
    peak = (gradient > _PEAK_CONTRAST * (grey + _PEAK_LIGHT)) & (np.abs(coc) < _IN_FOCUS)
    return _picture(source, lambda channel: np.where(peak, _PEAK[channel], grey))


def wipe(before: Pixels, after: Pixels, position: float, left: int, width: int) -> Pixels:
    """`before` on the left and `after` on the right of a line.

    Args:
        before, after: the two pictures.
        position: of the line, 0 at the left edge of the whole picture and 1 at its right one.
        left: column of the whole picture that the pictures begin at.
        width: of the whole picture.
    """
    line = round(position * width) - left
    view = after.copy()
    view[:, : max(line, 0)] = before[:, : max(line, 0)]
    if 0 < line < view.shape[1]:
        view[:, line, :3] = 1.0
    return view


def _share(disparity: Map, depth: DepthReading) -> Map:
    """From 0 at the far distance to 1 at the near one; a new array."""
    share = disparity - np.float32(depth.farthest)
    share /= np.float32(depth.span)
    return np.clip(share, 0, 1, out=share)


def _finite(source: Pixels, channel: int) -> Map:
    return np.nan_to_num(source[..., channel], nan=0.0, posinf=1.0, neginf=0.0)


def _grey(source: Pixels) -> Map:
    return (_finite(source, 0) + _finite(source, 1) + _finite(source, 2)) / np.float32(3)


def _picture(source: Pixels, channel_of: Callable[[int], Map]) -> Pixels:
    """A picture like `source`, opaque, channel by channel: in half the time of whole pixels."""
    view = np.empty_like(source)
    for channel in range(3):
        view[..., channel] = channel_of(channel)
    view[..., 3:] = 1
    return view
