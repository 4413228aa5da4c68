"""The built-in estimator: disparity and recovered light from one picture, with the shipped weights.

torch is imported by the first estimate, not before.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from synthetic_focus import color
from synthetic_focus.scene.expansion import raised_by_night
from synthetic_focus.scene.providers import Estimate, ModelError, Picture

if TYPE_CHECKING:
    from torch import Tensor

    from synthetic_focus.scene.rgbd_hdr import Network

WEIGHTS: Final = Path(__file__).with_name("rgbd_hdr.safetensors")

_VERSION: Final = 5
"""Of everything here that changes the result besides the weights."""

_LAYOUT_SIDES: Final = (224, 288)
"""Long sides, in pixels, at which the network tells best how far things are. It was trained on up
to 192. The mean of both is nearer to the truth than either; light is that of the last."""

_DETAIL_SIDE: Final = 384
"""At this one it tells best where they end, and sees heads and hands that are a few pixels wide at
the others, but it is less sure of what is before what."""

_MOST_PIXELS: Final = 1 << 24


class EmbeddedEstimator:
    """The RGBD-HDR network as a provider (`providers.Provider`)."""

    metric = False
    calibrated = True
    soft_outlines = True

    def __init__(self, weights: Path = WEIGHTS) -> None:
        """Loads nothing yet."""
        self._path = weights
        self._lock = threading.Lock()

    @cached_property
    def _content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"the estimator's weights {self._path} cannot be read ({error.strerror}); install"
                " Synthetic Focus again"
            ) from error

    @cached_property
    def identity(self) -> str:
        """The kind of estimator, its settings and the SHA-256 of its weights.

        Raises:
            ModelError: the weights cannot be read.
        """
        digest = hashlib.sha256(self._content).hexdigest()
        return f"rgbd-hdr/{_VERSION} weights {digest}"

    @cached_property
    def _network(self) -> Network:
        from synthetic_focus.scene.rgbd_hdr import read_weights

        return read_weights(self._content, str(self._path))

    def estimate(self, picture: Picture) -> Estimate:
        """Disparity and lost light of one picture.

        Args:
            picture: (H, W, 3) float32, display-encoded, 0..1; what is outside is clipped. Larger
                than about 960 pixels costs time and gives no more.

        Raises:
            ValueError: the picture has another shape or type, is not finite, or has more than
                16 million pixels.
            ModelError: the weights are missing or damaged.
        """
        _check(picture)
        with self._lock:
            network = self._network
        return _estimate(network, np.clip(picture, 0, 1))


def _check(picture: Picture) -> None:
    if picture.dtype != np.float32 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(
            f"the picture is {picture.dtype} of shape {picture.shape}; it must be float32 of shape"
            " (H, W, 3)"
        )
    if not 0 < picture.size <= 3 * _MOST_PIXELS:
        raise ValueError(
            f"the picture is {picture.shape[1]}x{picture.shape[0]}; it must have a pixel at least"
            f" and {_MOST_PIXELS} at most: make it smaller, 960 pixels are enough"
        )
    if not np.isfinite(picture).all():
        raise ValueError("the picture has values that are not finite; replace them first")


def _seen_size(width: int, height: int, side: int, multiple: int) -> tuple[int, int]:
    """What the network sees: of about the picture's shape, in whole cells of its coarsest layer."""
    scale = side / max(width, height)
    sides = (max(1, round(length * scale / multiple)) * multiple for length in (width, height))
    return next(sides), next(sides)


def _coefficients(network: Network, picture: Picture, side: int) -> Tensor:
    """The mean of what the network says of the picture and of its mirror image: (1, 3 + N, h, w).

    Neither side is right more often, and their errors differ.
    """
    import cv2
    import torch

    from synthetic_focus.scene.rgbd_hdr import STRIDE

    height, width = picture.shape[:2]
    size = _seen_size(width, height, side, STRIDE)
    shrinks = size[0] <= width and size[1] <= height
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    seen = torch.from_numpy(cv2.resize(picture, size, interpolation=interpolation))
    both = network.coefficients(torch.stack([seen, seen.flip(1)]).permute(0, 3, 1, 2))
    return (both[:1] + both[1:].flip(3)) / 2


def _estimate(network: Network, picture: Picture) -> Estimate:
    import torch

    from synthetic_focus.scene.detail import detailed
    from synthetic_focus.scene.rgbd_hdr import (
        HDR_SCALE,
        clipped_share,
        disparity_of,
        exposure_of,
        luma,
    )

    with torch.inference_mode():
        whole = torch.from_numpy(picture)[None].permute(0, 3, 1, 2).contiguous()
        guide = luma(whole)
        *seen, finest = (
            _coefficients(network, picture, side) for side in (*_LAYOUT_SIDES, _DETAIL_SIDE)
        )
        layout = torch.stack([disparity_of(one, guide)[0, 0] for one in seen]).mean(0).numpy()
        detail = disparity_of(finest, guide)[0, 0].numpy()
        exposure = exposure_of(seen[-1], picture.shape[:2])
        log_gain = HDR_SCALE * exposure * clipped_share(whole)
        learnt = np.ascontiguousarray(log_gain[0].permute(1, 2, 0).numpy())
    light = color.to_linear(picture, "sRGB Encoded Rec.709 (sRGB)")
    disparity = np.maximum(detailed(layout, detail), 0)
    return Estimate(disparity, raised_by_night(learnt, light))
