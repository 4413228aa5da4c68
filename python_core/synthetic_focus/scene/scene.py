"""What one picture shows: how near things are, and the light that the camera clipped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_focus import color
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.scene import providers
from synthetic_focus.scene.depth import fitted
from synthetic_focus.scene.light import clipped_pixels, fitted_log_gain
from synthetic_focus.scene.providers import BUILT_IN, Map, Map3


class SceneError(SyntheticFocusError, ValueError):
    """A picture that nothing can be estimated of."""


@dataclass(frozen=True)
class Scene:
    """What was estimated of a picture, at its size.

    Attributes:
        disparity: (H, W) float32, larger is nearer: about 0 (far) to 1 (near), or dioptres from a
            model that knows distances.
        gain: (H, W, 3) float32, 1 or more: by how much the light is brighter than the clipped
            pixels show; exactly 1 where they are not clipped.
    """

    disparity: Map
    gain: Map3


def estimate(image: npt.NDArray[np.float32], *, model: str = BUILT_IN) -> Scene:
    """Estimates disparity and clipped light from one picture alone.

    For a shot use `analyze`, which is steady over time and remembers.

    Args:
        image: (H, W, 3) float32 scene-linear Rec.709; white is 1.
        model: "built-in", or an installed network.

    Raises:
        SceneError: the image is no picture.
        ModelError: there is no such model, or it cannot be used.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0 or image.dtype != np.float32:
        raise SceneError(
            f"the picture is {image.dtype} of shape {image.shape}; it must be float32 of shape"
            " (H, W, 3), with a pixel at least"
        )
    from synthetic_focus.scene.analysis import analysis_picture
    from synthetic_focus.scene.outlines import aligned

    levels = analysis_picture(image, color.REC709_LINEAR)
    picture = levels.astype(np.float32) / np.float32(255)
    estimator = providers.provider(model)
    found = estimator.estimate(picture)
    disparity = found.disparity
    if estimator.soft_outlines:
        disparity = aligned(disparity, levels)
    height, width = image.shape[:2]
    gain = np.ones(image.shape, np.float32)
    if found.log_gain is not None:
        clipped = clipped_pixels(image)
        gain[clipped] = np.exp(fitted_log_gain(found.log_gain, (width, height))[clipped])
    return Scene(fitted(disparity, (width, height)), gain)
