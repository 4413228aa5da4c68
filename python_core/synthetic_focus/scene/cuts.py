"""Where a shot is cut: a filter or a tracker must not look across."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

THUMBNAIL = (64, 36)  # width, height
_NEIGHBOURS = 4  # frames on each side that say how much the picture changes anyway
_LEAST = 0.08  # mean change, of the whole range, below which no change is a cut
_ALIKE = 0.7  # correlation from which two pictures show one scene, in whatever light
_SPIKE = 3.0  # how often a cut changes more than its neighbours do


def thumbnail(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What the cut detector keeps of a frame, of every frame: 7 kB.

    Args:
        image: (H, W, 3) uint8, display-encoded.

    Returns:
        (36, 64, 3) uint8.
    """
    return np.asarray(cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)


def is_cut(before: npt.NDArray[np.uint8], now: npt.NDArray[np.uint8]) -> bool:
    """Whether two consecutive frames show different scenes, as far as they alone can tell.

    A flash is no cut: it leaves the picture's structure. A whip pan may pass for one here, where
    the frames after it are not known: a filter that starts anew loses nothing, since no pixel can
    be followed through one.

    Args:
        before, now: (36, 64, 3), thumbnails.
    """
    if _change(before, now) < _LEAST:
        return False
    pictures = (_shown(thumb) for thumb in (before, now))
    first, second = (picture - picture.mean((0, 1)) for picture in pictures)
    scale = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float((first * second).sum()) < _ALIKE * scale or scale == 0


def _change(before: npt.NDArray[np.uint8], now: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(_shown(now) - _shown(before)).mean())


def _shown(thumb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.asarray(thumb, np.float32) / np.float32(255)


def find_cuts(thumbnails: Sequence[npt.NDArray[np.uint8]]) -> tuple[int, ...]:
    """The indices of the first frames of new scenes.

    A cut is one change that stands out from the changes around it; a whip pan changes the picture
    as much, but for several frames in a row, and a flash changes it twice, there and back. With
    the frames around it this says more than `is_cut`, and finds no cut that `is_cut` does not.

    Args:
        thumbnails: (36, 64, 3) each, of consecutive frames.
    """
    count = len(thumbnails)
    change = np.zeros(count)
    for i in range(1, count):
        change[i] = _change(thumbnails[i - 1], thumbnails[i])
    cuts = []
    for i in range(1, count):
        if not is_cut(thumbnails[i - 1], thumbnails[i]):
            continue
        near = np.r_[change[max(1, i - _NEIGHBOURS) : i], change[i + 1 : i + 1 + _NEIGHBOURS]]
        if len(near) and change[i] < _SPIKE * np.sort(near)[-2:].mean():
            continue
        after = thumbnails[min(i + 1, count - 1)]
        flash = i + 1 < count and _change(thumbnails[i - 1], after) < change[i] / 2
        if not flash:
            cuts.append(i)
    return tuple(cuts)
