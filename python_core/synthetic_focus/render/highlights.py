"""Highlight recovery: a guess at the light that a camera clipped, so that blurred lights glow."""

from typing import Any

import numpy as np
import numpy.typing as npt

# From the threshold to this much above it a highlight counts more and more.
_RAMP = 1.25
# Blur radius in pixels that gets all of it; what is in focus stays as the camera saw it.
_FULL_BLUR = 1.5
_IN_FOCUS = 0.5
# What fills a neighbourhood of this part of the picture's width is a window or the sky, no lamp.
_LAMP = 1 / 40


def recover_highlights(
    light: npt.NDArray[np.float32],
    coc: npt.NDArray[np.float32],
    *,
    stops: float,
    threshold: float,
) -> npt.NDArray[np.float32]:
    """Return a picture with its blurred highlights brightened.

    A lamp that the camera clipped at white spreads into a dull grey disc, since the disc shares out
    white and not the lamp's light. Here whatever is brighter than the threshold, small and out of
    focus is multiplied, all of its colours alike, by up to 2 to the power of `stops`. Large bright
    things are spared: their blur is as bright as they are.

    Args:
        light: (H, W, 3 or 4) scene-linear.
        coc: (H, W) signed blur radius in pixels.
        stops: how much brighter the brightest get.
        threshold: the brightest colour's value where this begins; 1.25 times as bright gets all.

    Returns:
        `light` itself where nothing is that bright, else a new array; alpha as it was.
    """
    peak = light[..., :3].max(axis=2)
    rows, columns = np.nonzero((peak > threshold) & (np.abs(coc) > _IN_FOCUS))
    if not rows.size:
        return light
    excess = (peak[rows, columns] / threshold - 1) / (_RAMP - 1)
    blur = (np.abs(coc[rows, columns]) - _IN_FOCUS) / (_FULL_BLUR - _IN_FOCUS)
    share = _smooth(excess) * _smooth(blur) * _smallness(peak > threshold)[rows, columns]
    recovered = light.copy()
    recovered[rows, columns, :3] *= np.exp2(stops * share)[:, None]
    return recovered


def brighten(
    light: npt.NDArray[np.float32],
    coc: npt.NDArray[np.float32],
    log_gain: npt.NDArray[np.float32],
    clipped: npt.NDArray[np.bool_],
    *,
    amount: float,
) -> npt.NDArray[np.float32]:
    """Return a picture with the light that was estimated for its clipped pixels, where it blurs.

    What is in focus stays as the camera saw it, as in `recover_highlights`.

    Args:
        light: (H, W, 3 or 4) scene-linear.
        coc: (H, W) signed blur radius in pixels.
        log_gain: (H, W, 3) natural logarithm of the factor.
        clipped: (H, W), the pixels that it is for; all others stay as they are.
        amount: what the logarithm is multiplied by.

    Returns:
        A new array; alpha as it was.
    """
    rows, columns = np.nonzero(clipped & (np.abs(coc) > _IN_FOCUS))
    blur = (np.abs(coc[rows, columns]) - _IN_FOCUS) / (_FULL_BLUR - _IN_FOCUS)
    brightened = light.copy()
    share = amount * _smooth(blur)[:, None]
    brightened[rows, columns, :3] *= np.exp(log_gain[rows, columns] * share)
    return brightened


def _smallness(bright: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """1 for a point, 0 for what fills its neighbourhood."""
    import cv2

    side = 2 * round(bright.shape[1] * _LAMP / 2) + 1
    filled = cv2.blur(bright.astype(np.float32), (side, side))
    # A point of its own is no part of what surrounds it.
    around = (filled * side * side - 1) / max(side * side - 1, 1)
    return np.asarray(np.clip(1 - around, 0, 1) ** 2, np.float32)


def _smooth(t: npt.NDArray[Any]) -> npt.NDArray[Any]:
    t = np.clip(t, 0, 1)
    t *= t * (3 - 2 * t)
    return t
