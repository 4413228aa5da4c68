"""How near a picture is to the truth, where a viewer looks."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from synthetic_focus.evaluation.scenes.geometry import Floats

Mask = NDArray[np.bool_]

IN_FOCUS_RADIUS = 0.5
"""Pixels whose blur radius is below this (in pixels) count as in focus."""

EDGE_STEP = 2.0
"""A depth edge: neighbouring pixels whose signed blur radii differ by more than this."""


def display(linear: Floats) -> Floats:
    """Scene-linear Rec.709 as a display shows it: clipped to 0..1, then the sRGB curve."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055).astype(np.float32)


def psnr(picture: Floats, truth: Floats, where: Mask | None = None) -> float:
    """Peak signal to noise ratio of two scene-linear pictures (H, W, 3) in display space, in dB.

    Infinite for equal pictures, NaN where no pixel is asked for. A picture that is not finite
    counts as wrong by the full range there.
    """
    error = np.abs(display(picture) - display(truth))
    error = np.where(np.isfinite(error), error, 1.0)
    if where is not None:
        error = error[where]
    if error.size == 0:
        return float("nan")
    mean = float(np.mean(np.square(error, dtype=np.float64)))
    return float("inf") if mean == 0 else float(-10 * np.log10(mean))


def noise_floor(first: Floats, second: Floats) -> float:
    """The PSNR of the mean of two independent renderings against the noiseless picture, in dB."""
    variance = float(np.mean(np.square(display(first) - display(second), dtype=np.float64))) / 4
    return float("inf") if variance == 0 else float(-10 * np.log10(variance))


@dataclass(frozen=True)
class Regions:
    """Where the picture is measured; each (H, W)."""

    edges: Mask
    in_focus: Mask


def regions(coc: Floats) -> Regions:
    """The parts of a frame from its true signed blur radii (H, W) in pixels.

    edges: within a blur radius of a depth edge, the larger radius of the edge's two sides, which
    is as far as one side's blur reaches over the other. in_focus: below IN_FOCUS_RADIUS.
    """
    reach = np.zeros_like(coc)
    for axis in (0, 1):
        one = np.abs(np.diff(coc, axis=axis)) > EDGE_STEP
        near = np.abs(coc)
        first, second = [slice(None)] * 2, [slice(None)] * 2
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        larger = np.maximum(near[tuple(first)], near[tuple(second)]) * one
        for side in (first, second):
            reach[tuple(side)] = np.maximum(reach[tuple(side)], larger)
    edges = np.zeros(coc.shape, bool)
    # One exact distance transform for each whole radius: an edge reaches as far as its own radius
    steps = np.ceil(reach).astype(int)
    for radius in np.unique(steps[steps > 0]):
        away = cv2.distanceTransform((steps != radius).astype(np.uint8), cv2.DIST_L2, 5)
        edges |= away <= radius
    return Regions(edges, np.abs(coc) < IN_FOCUS_RADIUS)
