"""Details of one disparity map at the distances of another.

A network that sees a picture small knows best what is before what; seen larger, it knows best where
things end. This takes each for what it knows.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from synthetic_focus.scene.providers import Map

_WINDOW: Final = 0.03  # standard deviation, as a share of the long side
_EVENNESS: Final = 0.01  # variance of disparity below which there is nothing to fit
_SIDE: Final = 128  # pixels of the long side at which windows' means are taken


def detailed(layout: Map, detail: Map) -> Map:
    """`detail`, moved and stretched to lie where `layout` has it.

    In each window `layout` is taken for a linear function of `detail`, as a guided filter does (He,
    Sun and Tang, "Guided Image Filtering", 2013), and at the subsampled cost of their "Fast Guided
    Filter" (2015). But where both are even the slope goes to one, not to zero: what only `detail`
    has stays.

    Args:
        layout: (H, W) float32 disparity, about 0 to 1.
        detail: (H, W) float32, of the same frame.

    Returns:
        (H, W) float32.
    """
    height, width = layout.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))

    def blurred(values: Map) -> Map:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), _WINDOW * max(size)), np.float32)

    def mean(values: Map) -> Map:
        small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
        return blurred(np.asarray(small, np.float32))

    def whole(values: Map) -> Map:
        enlarged = cv2.resize(blurred(values), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(enlarged, np.float32)

    mean_layout, mean_detail = mean(layout), mean(detail)
    variance = mean(detail * detail) - mean_detail * mean_detail
    covariance = mean(layout * detail) - mean_layout * mean_detail
    slope = ((covariance + _EVENNESS) / (variance + _EVENNESS)).astype(np.float32)
    return whole(slope) * detail + whole(mean_layout - slope * mean_detail)
