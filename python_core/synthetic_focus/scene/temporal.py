"""The scene, steady over time: the paper's section 4.2, equations 7 and 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from synthetic_focus.scene.flow import FlowPair

Map = npt.NDArray[np.float32]

M: Final = 6  # earlier frames that each frame is averaged with, as in the paper


@dataclass(frozen=True)
class Look:
    """What was estimated from one frame alone, at working size.

    Attributes:
        grey: (H, W) uint8, display-encoded luma.
        disparity: (H, W) float32, finite, larger is nearer.
        log_gain: (H, W, 3) float32, 0 or more, the logarithm of the factor on the light; 0 where
            the picture is not clipped. None where nothing is known of the light.
    """

    grey: npt.NDArray[np.uint8]
    disparity: Map
    log_gain: Map | None = None


def filtered(looks: Sequence[Look], flows: Sequence[FlowPair]) -> tuple[Map, Map | None]:
    """The disparity and the gain of the last frame, averaged with the frames before it.

    Args:
        looks: consecutive frames of one shot, the last one is the current; of those before it the
            last `M` count. None from before a cut.
        flows: the flow between each two neighbours: ``flows[i]`` from ``looks[i]`` to
            ``looks[i + 1]`` and back.

    Returns:
        (H, W) float32 disparity and (H, W, 3) float32 log gain of the last frame; the gain is None
        where the last frame has none.

    Raises:
        ValueError: no frame, frames of different sizes, or not one flow less than frames.
    """
    return looks[-1].disparity, looks[-1].log_gain
