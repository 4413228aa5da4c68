"""How bright clipped light was, from what is around it: no network, no training.

A camera shows a lamp, a window and a white wall at the same white. What tells them apart is how far
the clipped region reaches, how near to white all of its colours are, and how much light glows about
it. All of these are soft means, not sizes of connected regions: a lamp that grows by a pixel,
touches another or crosses the threshold from one frame to the next does not jump.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Map = npt.NDArray[np.float32]

# Scene-linear: 250 of 255 and more, where video compression leaves what was clipped.
THRESHOLD = 0.95

# Natural logarithms of the gain of a point without glow, fitted to the radiance of the training
# samples: of a clipped colour, and more where all colours are near white.
_COLOUR, _WHITE = 0.1, 2.2
_NEARLY = 0.75  # from this level on a colour begins to be white
# How much of it is left for what fills its surroundings: a window, the sky, a wall.
_FILLING = 0.3
# Share without glow, and added where all around is white.
_DARK, _GLOW = 0.6, 0.7
_REACHES = (1 / 320, 1 / 160, 1 / 80, 1 / 40, 1 / 20, 1 / 10)  # of the long side
_RIM = 1 / 60
_HUE = 0.4  # how much of the rim's colour is believed
_LEAST = 1e-3  # of what is clipped at all: the temporal filter tells clipped pixels by their gain

# Where it is night: the mean light around, over this share of the long side, from all to none.
_NIGHT_REACH = 1 / 8
_NIGHT, _DAY = 0.2, 0.5


def expand(light: npt.NDArray[np.floating], *, threshold: float = THRESHOLD) -> Map:
    """The gain that takes clipped light to what it may have been.

    Args:
        light: (H, W, 3) scene-linear, white is 1.
        threshold: a pixel is clipped if one of its colours has this value or more.

    Returns:
        (H, W, 3) float32, natural logarithms: above 0 in clipped pixels, exactly 0 in all others.
    """
    shown = np.clip(light, 0, 1).astype(np.float32)
    highest = _highest(shown)
    gain = np.zeros(shown.shape, np.float32)
    clipped = np.nonzero(highest >= np.float32(threshold))
    if not clipped[0].size:
        return gain
    bright = _ramp(highest, threshold, threshold + (1 - threshold) / 2)
    filled = np.mean([_around(bright, reach)[clipped] for reach in _REACHES], axis=0)
    # The rim: what is around, as far as it is not clipped itself, the brightest of it most.
    unclipped = np.square(highest) * (1 - bright)
    rim = _around(np.dstack([shown * unclipped[..., None], unclipped]), _RIM)[clipped]
    glow = np.sqrt(rim[:, 3] / np.maximum(_around(1 - bright, _RIM)[clipped], 1e-4))
    colour = rim[:, :3] / np.maximum(rim[:, 3:4], 1e-6)
    tint = np.log(np.maximum(colour / np.maximum(colour.max(axis=1, keepdims=True), 1e-6), 0.1))

    own = shown[clipped]
    white = _ramp(own.min(axis=1), _NEARLY, 1)
    peak = _COLOUR + _WHITE * white
    peak *= 1 + (_FILLING - 1) * filled
    peak *= (_DARK + _GLOW * glow) * bright[clipped]
    # The light has the rim's colour, as far as its own is lost.
    light_gain = peak[:, None] * np.exp(_HUE * tint * white[:, None])
    # Of a clipped light all colours near white alike: a camera rolls off towards white, and a gain
    # of the one colour that touches it would paint the light. A colour far from white is true.
    light_gain *= _ramp(own, _NEARLY, 1)
    gain[clipped] = np.maximum(light_gain, _LEAST)
    return gain


def raised_by_night(log_gain: Map, light: npt.NDArray[np.floating]) -> Map:
    """An estimated gain, but not less than the expansion's where all around is dark.

    What is least wrong on average is too little for a lamp: most of what is clipped by day hardly
    is. By night the two are nearer to known light together than either alone, and by day the
    estimate is (docs/developer/temporal.md).

    Args:
        log_gain: (H, W, 3) float32, of an estimator.
        light: (H, W, 3) scene-linear, white is 1.

    Returns:
        (H, W, 3) float32; above 0 in clipped pixels only, if the estimate is.
    """
    shown = np.clip(light, 0, 1).astype(np.float32)
    highest = _highest(shown)
    night = 1 - _ramp(_around(highest, _NIGHT_REACH), _NIGHT, _DAY)
    if not night[highest >= np.float32(THRESHOLD)].any():
        return log_gain
    return np.asarray(np.maximum(log_gain, night[..., None] * expand(light)), np.float32)


def _highest(shown: Map) -> Map:
    # Channel by channel: several times as fast as over the short last axis.
    red, green, blue = np.moveaxis(shown, 2, 0)
    return np.asarray(np.maximum(np.maximum(red, green), blue), np.float32)


def _ramp(value: Map, low: float, high: float) -> Map:
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _around(planes: Map, reach: float) -> Map:
    """Gaussian means over a share of the long side, of up to four planes."""
    import cv2

    height, width = planes.shape[:2]
    sigma = reach * max(height, width)
    # Wide ones from a smaller picture: a tenth of the time, and nothing to see.
    shrink = max(1, int(sigma / 3))
    size = (max(1, width // shrink), max(1, height // shrink))
    small = cv2.resize(planes, size, interpolation=cv2.INTER_AREA) if shrink > 1 else planes
    small = cv2.GaussianBlur(
        small, (0, 0), max(sigma / shrink, 0.3), borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(small, (width, height)) if shrink > 1 else small, np.float32)
