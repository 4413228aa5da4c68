"""The light that the camera clipped: from estimates at analysis size to the pixels of a picture."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_focus import color
from synthetic_focus.scene.expansion import THRESHOLD

Light = npt.NDArray[np.float32]

# Cameras record whites of up to 109 %, so what they clipped has a luminance of up to 1.25. Light
# beyond this was not clipped at white. One colour alone says nothing: in the neon of a video that
# was compressed red may reach 2.
_HIGHEST_WHITE: Final = 1.5
_LUMINANCE: Final = tuple(map(np.float32, (0.2126, 0.7152, 0.0722)))  # Rec.709


def clips_at_white(space: str) -> bool:
    """Whether full code values of a colour space are white, and not light many times brighter."""
    return _light_of_full_code(space) <= _HIGHEST_WHITE


def clipped_pixels(light: Light) -> npt.NDArray[np.bool_]:
    """Where a picture is clipped at white. What is below that the camera saw, so it stays as it is.

    Args:
        light: (H, W, 3 or 4) scene-linear, premultiplied.

    Returns:
        (H, W); nowhere in a picture that holds light beyond white: it was not clipped there.
    """
    # Channel by channel: ten times as fast as over the short last axis.
    red, green, blue = light[..., 0], light[..., 1], light[..., 2]
    peak = np.maximum(np.maximum(red, green), blue)
    if peak.max() > _HIGHEST_WHITE:
        luminance = _LUMINANCE[0] * red + _LUMINANCE[1] * green + _LUMINANCE[2] * blue
        if luminance.max() > _HIGHEST_WHITE:
            return np.zeros(peak.shape, np.bool_)
    return np.asarray(peak >= np.float32(THRESHOLD))


def fitted_log_gain(log_gain: Light, size: tuple[int, int]) -> Light:
    """An estimated gain, (h, w, 3), at another size (width, height)."""
    if log_gain.shape[1::-1] == size:
        return log_gain
    import cv2

    return np.asarray(cv2.resize(log_gain, size, interpolation=cv2.INTER_LINEAR), np.float32)


@functools.cache
def _light_of_full_code(space: str) -> float:
    return float(color.to_linear(np.ones((1, 1, 3), np.float32), space).max())
