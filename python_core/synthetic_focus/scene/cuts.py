"""Where a shot is cut: a filter or a tracker must not look across."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

THUMBNAIL = (64, 36)  # width, height
_NEIGHBOURS = 4  # frames on each side that say how much the picture changes anyway
_LEAST = 0.08  # mean change, of the whole range, below which no change is a cut
_SPIKE = 3.0  # how often a cut changes more than its neighbours do


def thumbnail(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What the cut detector keeps of a frame.

    Args:
        image: (H, W, 3) uint8, display-encoded.

    Returns:
        (36, 64, 3) float32 in 0..1.
    """
    small = cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def find_cuts(thumbnails: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """The indices of the first frames of new scenes.

    A cut is one change that stands out from the changes around it; a whip pan changes the picture
    as much, but for several frames in a row, and a flash changes it twice, there and back.

    Args:
        thumbnails: (n, 36, 64, 3), of consecutive frames.
    """
    count = len(thumbnails)
    change = np.zeros(count)
    for i in range(1, count):
        change[i] = np.abs(thumbnails[i] - thumbnails[i - 1]).mean()
    cuts = []
    for i in range(1, count):
        if change[i] < _LEAST:
            continue
        near = np.r_[change[max(1, i - _NEIGHBOURS) : i], change[i + 1 : i + 1 + _NEIGHBOURS]]
        if len(near) and change[i] < _SPIKE * np.sort(near)[-2:].mean():
            continue
        after = thumbnails[min(i + 1, count - 1)]
        flash = i + 1 < count and np.abs(after - thumbnails[i - 1]).mean() < change[i] / 2
        if not flash:
            cuts.append(i)
    return tuple(cuts)
