"""The scene, steady over time: the paper's section 4.2, equations 7 and 8.

Every frame's disparity and gain become a weighted mean over that frame and those before and after
it, each pixel followed along the optical flow. A pure function of what was estimated from each
frame alone, so that any frame first gives what the whole shot in order gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_focus import _native
from synthetic_focus.scene.depth import extent
from synthetic_focus.scene.flow import FlowPair

Map = npt.NDArray[np.float32]

M: Final = 6  # frames before it, and after it, that each frame is averaged with at most

# Equation 7's delta in pixels. A match counts in full where the way there and back closes, and less
# and less up to there: a hard limit would let pixels blink in and out of the mean. A lower one
# steadies less, a higher one leaves a trail; nine tenths of night footage close within 0.27.
MISMATCH: Final = 0.7
# Levels of 255 by which a pixel may change on its way: flow that is wrong both ways alike passes
# equation 7, and shows in the picture. Nine tenths of real night footage change by 7 at most.
CHANGE: Final = 20.0
# What divides the distance from the median in the exponent of an outlier's weight. The paper names
# none; its disparity has units in which 1 is large. As a share of the map's range, and in stops.
DISPARITY_SCALE: Final = 0.05
GAIN_SCALE: Final = 0.5 * float(np.log(2))

# What `coherent` takes for a surface: this share of the map's long side, and this of its range.
# What the mean does beyond that is kept up to about a share of the range, evened out over a smaller
# part of the long side; of a single pixel, up to the last share.
_SURFACE: Final = 24 / 960
_SURFACE_DEPTH: Final = 0.05
_ALONE: Final = 0.1
_PATCH: Final = 6 / 960
_NOISE: Final = 0.015


@dataclass(frozen=True)
class Look:
    """What was estimated from one frame alone, at working size.

    Attributes:
        grey: (H, W) uint8, display-encoded luma.
        disparity: (H, W) float32, finite, larger is nearer.
        log_gain: (H, W, 3) float32, 0 or more, the logarithm of the factor on the light; above 0
            exactly where the picture is clipped. None where nothing is known of the light.
    """

    grey: npt.NDArray[np.uint8]
    disparity: Map
    log_gain: Map | None = None


def shares(before: int, after: int) -> list[float]:
    """What each frame counts in equation 8, in order; the paper's all count alike.

    From one frame's mean to the next one's every frame of the window moves by one place, and of all
    weights those of a parabola change least by it: what comes into the window and leaves it hardly
    shows. With as many frames after as before, their centre is the frame itself.

    Args:
        before, after: how many frames there are before and after the current one.
    """
    return [float((before + 1 + k) * (after + 1 - k)) for k in range(-before, after + 1)]


def filtered(
    looks: Sequence[Look], flows: Sequence[FlowPair], now: int, *, threads: int | None = None
) -> tuple[Map, Map | None]:
    """The disparity and the gain of a frame, averaged with the frames before and after it.

    A pixel is followed from frame to frame, back and forth, until a step has no match (equation 7:
    something came in front of it, or it left the picture). Of what is found there, values far from
    most others count little (the median weights), and the rest is averaged (equation 8). Of gains
    only those of clipped pixels are averaged: what is not clipped says nothing of a light that is.

    Args:
        looks: consecutive frames of one shot, without a cut between them.
        flows: the flow between each two neighbours: ``flows[i]`` from ``looks[i]`` to
            ``looks[i + 1]`` and back.
        now: which of the frames is the current one; of those before and of those after it the
            nearest `M` count.
        threads: how many to use; default: as many as the process may run on.

    Returns:
        (H, W) float32 disparity and (H, W, 3) float32 log gain of the current frame; exactly 0
        where that frame's own gain is. The gain is None where the current frame has none.

    Raises:
        ValueError: no such frame, frames of different sizes, or not one flow less than frames.
    """
    if not 0 <= now < len(looks) or len(flows) != len(looks) - 1:
        raise ValueError(
            f"there are {len(looks)} frames and {len(flows)} flows, and frame {now} is asked for;"
            " there must be that frame, and one flow less than frames"
        )
    first, end = max(0, now - M), now + M + 1
    looks, flows = looks[first:end], flows[first : end - 1]
    now -= first
    spread = float(np.max([extent(look.disparity) for look in looks]))
    return _native.average_over_time(
        [look.grey for look in looks],
        [look.disparity for look in looks],
        [look.log_gain for look in looks],
        [pair.forward for pair in flows],
        [pair.backward for pair in flows],
        current=now,
        shares=shares(now, len(looks) - 1 - now),
        largest_mismatch=MISMATCH,
        largest_change=CHANGE,
        value_scale=max(DISPARITY_SCALE * spread, 1e-6),
        gain_scale=GAIN_SCALE,
        threads=threads or 0,
    )


def steadied(
    looks: Sequence[Look], flows: Sequence[FlowPair], now: int, *, threads: int | None = None
) -> tuple[Map, Map | None]:
    """`filtered`, with disparity made `coherent`: what is kept of a frame."""
    averaged, log_gain = filtered(looks, flows, now, threads=threads)
    return coherent(looks[now].disparity, averaged), log_gain


def coherent(current: Map, averaged: Map) -> Map:
    """A frame's averaged disparity, where one surface has been changed as one.

    `filtered` decides for each pixel which frames to believe. Where an estimate has moved by more
    than it believes, some pixels of a surface take the old level and their neighbours, which could
    not be followed, the new one: patches. So what was done to a pixel is what was done to its
    surface: a linear function of the current disparity (He, Sun and Tang 2013), and as much of what
    differs from that as noise may be.

    Args:
        current: (H, W) float32, the frame's own estimate.
        averaged: (H, W) float32, of `filtered`.

    Returns:
        (H, W) float32.
    """
    change = averaged - current
    spread = np.float32(extent(current))
    if not spread > 0:
        return averaged
    whole = _as_surfaces(change, current, _SURFACE, spread)
    # What is left of a patch has an edge that no surface has: it is evened out in the same way, and
    # only what is as small as noise stays with its pixel.
    whole += _as_surfaces(_limited(change - whole, _ALONE, spread), current, _PATCH, spread)
    return current + whole + _limited(change - whole, _NOISE, spread)


def _as_surfaces(change: Map, current: Map, reach: float, spread: np.float32) -> Map:
    """The change as a linear function of the map, over windows of that share of its long side."""
    middle, usual = _mean(current, reach), _mean(change, reach)
    variance = _mean(np.square(current), reach) - np.square(middle)
    slope = _mean(current * change, reach) - middle * usual
    slope /= variance + np.square(np.float32(_SURFACE_DEPTH) * spread)
    return _mean(slope, reach) * current + _mean(usual - slope * middle, reach)


def _limited(change: Map, most: float, spread: np.float32) -> Map:
    """What is within about that share of the map's range, the rest faded out."""
    return np.asarray(change * np.exp(-np.square(change / (np.float32(most) * spread))), np.float32)


def _mean(values: npt.NDArray[np.floating], reach: float) -> Map:
    """Over windows that reach that share of the map's long side."""
    import cv2

    side = 2 * max(1, round(reach * max(values.shape))) + 1
    return np.asarray(cv2.blur(values, (side, side)), np.float32)
