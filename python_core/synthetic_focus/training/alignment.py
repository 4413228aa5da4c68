"""Lays one photograph over another of the same scene: Evangelidis and Psarakis 2008 (ECC).

The enhanced correlation coefficient does not change with the contrast and brightness of either
picture, so that exposures may differ; the paper aligns its pairs in this way (section 4.1).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.geometry import Floats

Warp = NDArray[np.float32]

_SMALLEST_SIDE = 48  # pixels of the coarsest level
_ROUNDS, _STEP = 50, 1e-5
_SMOOTHING = 5  # pixels: the pictures differ in sharpness
_LEAST_CORRELATION = 0.7
_LEAST_COMMON_SIDE = 0.7  # of the picture's


class AlignmentError(SyntheticFocusError):
    """Two pictures do not show the same from nearly the same place."""


def find_warp(template: Floats, picture: Floats) -> Warp:
    """The homography (3, 3) from places in `template` to those in `picture`, both (H, W) grey.

    Found coarse to fine; at the coarsest level a shift and then an affine map come first.

    Raises:
        AlignmentError: the search does not converge, or what it finds does not fit.
    """
    import cv2

    levels = [(template, picture)]
    while min(levels[-1][0].shape) >= 2 * _SMALLEST_SIDE:
        one, other = (np.asarray(cv2.pyrDown(p), np.float32) for p in levels[-1])
        levels.append((one, other))
    warp = np.eye(3, dtype=np.float32)
    # A level's pixel centres lie at twice the finer one's coordinates
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ROUNDS, _STEP)
    correlation = 0.0
    for level in range(len(levels) - 1, -1, -1):
        coarsest = level == len(levels) - 1
        kinds = [cv2.MOTION_TRANSLATION, cv2.MOTION_AFFINE] if coarsest else []
        for kind in [*kinds, cv2.MOTION_HOMOGRAPHY]:
            rows = 3 if kind == cv2.MOTION_HOMOGRAPHY else 2
            try:
                everywhere = np.ones(levels[level][1].shape, np.uint8)
                correlation, found = cv2.findTransformECC(
                    *levels[level], warp[:rows].copy(), kind, stop, everywhere, _SMOOTHING
                )
            except cv2.error as error:
                raise AlignmentError(f"the search fails ({_reason(error)})") from error
            warp = np.vstack([found, [[0, 0, 1]]])[:3].astype(np.float32)
        if level:
            warp[:2, 2] *= 2
            warp[2, :2] /= 2
    if correlation < _LEAST_CORRELATION:
        raise AlignmentError(
            f"the best fit correlates by {correlation:.2f}, and {_LEAST_CORRELATION} is the least"
        )
    return warp


def _reason(error: Any) -> str:
    text = str(getattr(error, "err", error)).strip()
    return text.splitlines()[0] if text else "no reason given"


def laid_over(picture: Floats, warp: Warp) -> tuple[Floats, NDArray[np.bool_]]:
    """A picture (H, W, 3) seen through a warp, and where it is known (H, W)."""
    import cv2

    height, width = picture.shape[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(picture, warp, (width, height), flags=flags)
    inside = np.zeros((height, width), np.float32)
    inside[1:-1, 1:-1] = 1
    known = cv2.warpPerspective(
        inside, warp, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.maximum(moved, 0), known > 0.999


def common_window(known: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of a rectangle within which everything is known.

    Raises:
        AlignmentError: too little is.
    """
    height, width = known.shape
    top, bottom, left, right = 0, height, 0, width
    while top < bottom and left < right and not (part := known[top:bottom, left:right]).all():
        missing = {
            "top": 1 - part[0].mean(),
            "bottom": 1 - part[-1].mean(),
            "left": 1 - part[:, 0].mean(),
            "right": 1 - part[:, -1].mean(),
        }
        worst = max(missing, key=lambda side: missing[side])
        top, bottom = top + (worst == "top"), bottom - (worst == "bottom")
        left, right = left + (worst == "left"), right - (worst == "right")
    if min((bottom - top) / height, (right - left) / width) < _LEAST_COMMON_SIDE:
        raise AlignmentError(
            f"only {right - left}x{bottom - top} of {width}x{height} pixels are common to both"
        )
    return slice(top, bottom), slice(left, right)
