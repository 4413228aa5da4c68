"""What an editor looks at to judge focus: pictures about the picture.

All take and return (H, W, 3) or (H, W, 4) float32 in the encoding of the source, opaque.
"""

from __future__ import annotations

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
_PEAK_CONTRAST: Final = 4.0  # of an edge, in means of the picture's gradient, to be a peak


def depth_view(source: Pixels, disparity: Map, depth: DepthReading) -> Pixels:
    """The disparity that is used, from black at the far distance to white at the near one."""
    share = (disparity - np.float32(depth.farthest)) / np.float32(depth.nearest - depth.farthest)
    return _like(source, np.repeat(np.clip(share, 0, 1)[..., None], 3, axis=2))


def focal_plane_view(source: Pixels, disparity: Map, depth: DepthReading, coc: Map) -> Pixels:
    """The depth view with what is in focus in orange, as if the focal plane cut through it."""
    view = depth_view(source, disparity, depth)
    sharp = (np.abs(coc) < _IN_FOCUS)[..., None]
    view[..., :3] = np.where(sharp, 0.4 * view[..., :3] + 0.6 * _PLANE, view[..., :3])
    return view


def coc_view(source: Pixels, coc: Map) -> Pixels:
    """The picture in grey, blue where it is behind the focus and red in front; sharp in colour."""
    colour = _finite(source)
    grey = colour.mean(axis=2, keepdims=True)
    strength = np.clip((np.abs(coc) - _IN_FOCUS) / (_STRONG - _IN_FOCUS), 0, 1)[..., None]
    side = np.where(coc[..., None] > 0, _BEHIND, _IN_FRONT)
    tinted = grey * (1 - 0.8 * strength) + side * (0.15 + 0.65 * strength)
    return _like(source, np.where(np.abs(coc)[..., None] < _IN_FOCUS, colour, tinted))


def peaking_view(source: Pixels, coc: Map) -> Pixels:
    """The picture in grey with the edges that are in focus in green, as a camera's finder shows."""
    grey = _finite(source).mean(axis=2)
    down = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    across = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    gradient = np.maximum(down, across)
    peak = (gradient > _PEAK_CONTRAST * gradient.mean()) & (np.abs(coc) < _IN_FOCUS)
    return _like(source, np.where(peak[..., None], _PEAK, np.repeat(grey[..., None], 3, axis=2)))


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


def _finite(source: Pixels) -> Pixels:
    return np.nan_to_num(source[..., :3], nan=0.0, posinf=1.0, neginf=0.0)


def _like(source: Pixels, colour: Pixels) -> Pixels:
    """`colour` with an opaque alpha if `source` has one."""
    if source.shape[2] == 3:
        return colour
    return np.dstack([colour, np.ones(source.shape[:2], np.float32)])
