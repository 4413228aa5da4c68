"""The light that the camera clipped: from estimates at analysis size to the pixels of a picture."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_focus import color
from synthetic_focus.scene.expansion import THRESHOLD

Light = npt.NDArray[np.float32]

# Cameras record whites of up to 109 %, which are clipped a little above 1. Light beyond this was
# not clipped at white.
_HIGHEST_WHITE: Final = 1.5


def clips_at_white(space: str) -> bool:
    """Whether full code values of a colour space are white, and not light many times brighter."""
    return _light_of_full_code(space) <= _HIGHEST_WHITE


def log_gain_of_pixels(light: Light, log_gain: Light) -> Light | None:
    """The logarithm of the gain of each pixel of a picture; exactly 0 where it is not clipped.

    What is below the threshold the camera saw, and it stays as it is.

    Args:
        light: (H, W, 3 or 4) scene-linear, premultiplied.
        log_gain: (h, w, 3) of the same picture at any size, 0 or more.

    Returns:
        (H, W, 3) float32; None: there is no gain. There is none in a picture that holds light
        beyond white: it was not clipped there.
    """
    peak = light[..., :3].max(axis=2)
    clipped = peak >= np.float32(THRESHOLD)
    if not clipped.any() or peak.max() > _HIGHEST_WHITE or not log_gain.any():
        return None
    of_pixels = fitted_log_gain(log_gain, (light.shape[1], light.shape[0])).copy()
    of_pixels[~clipped] = 0
    return of_pixels


def fitted_log_gain(log_gain: Light, size: tuple[int, int]) -> Light:
    """The gain at another size (width, height)."""
    if log_gain.shape[1::-1] == size:
        return log_gain
    import cv2

    return np.asarray(cv2.resize(log_gain, size, interpolation=cv2.INTER_LINEAR), np.float32)


@functools.cache
def _light_of_full_code(space: str) -> float:
    return float(color.to_linear(np.ones((1, 1, 3), np.float32), space).max())
