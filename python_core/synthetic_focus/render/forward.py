"""The paper's differentiable forward model in torch: for training, and as `backend="torch"`.

Zhang et al., "Synthetic Defocus and Look-Ahead Autofocus for Casual Videography", section 4.1.
As a final renderer it has known flaws (mattes that do not add up to 1, whole radii); the native
renderer has none of them.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

LAMBDA = 2.8
"""Falloff of a matte over neighbouring disparity levels (equation 2)."""

HDR_SCALE = 50.0
"""k of equation 4."""


def matte(disparity: Tensor, level: float) -> Tensor:
    """How much of each pixel belongs to a disparity level: exp(-2.8 (D - d)^2), equation 2.

    Args:
        disparity: (B, 1, H, W), in pixels of blur radius, 0 in the focal plane.
        level: d.
    """
    return torch.exp(-LAMBDA * (disparity - level) ** 2)


def hdr(image: Tensor, gain: Tensor) -> Tensor:
    """The picture with its clipped light recovered: I exp(50 E), equation 4.

    Args:
        image: (B, C, H, W), scene-linear.
        gain: E, broadcastable to `image`; 0 leaves a pixel as it is.
    """
    return image * torch.exp(HDR_SCALE * gain)


@lru_cache(maxsize=256)
def disc(radius: int) -> Tensor:
    """A disc of that many pixels' radius, (2 r + 1, 2 r + 1), adding up to 1."""
    axis = torch.arange(-radius, radius + 1, dtype=torch.float32)
    inside = (axis[:, None] ** 2 + axis**2 <= (radius + 0.5) ** 2).to(torch.float32)
    return inside / inside.sum()


def forward_model(image: Tensor, disparity: Tensor, levels: range | None = None) -> Tensor:
    """Renders shallow depth of field, back to front over disparity levels: equation 3.

    ``I_d = I_(d-1) (1 - M(D, d)) + (I^S M(D, d)) * K(|d|)``, from the farthest level to the
    nearest. Differentiable in both arguments; put `hdr` before it for equation 4.

    Args:
        image: (B, C, H, W) I^S, scene-linear.
        disparity: (B, 1, H, W) D, signed blur radius in pixels: positive behind the focal plane,
            0 in it. Scale it for another aperture, shift it for another focus.
        levels: The whole levels d to composite; default: all that `disparity` spans.

    Returns:
        (B, C, H, W) the shallow picture.
    """
    if levels is None:
        low, high = disparity.detach().aminmax()
        levels = range(math.floor(float(low)), math.ceil(float(high)) + 1)
    result = torch.zeros_like(image)
    for level in sorted(levels, reverse=True):
        weight = matte(disparity, level)
        result = result * (1 - weight) + _blurred(image * weight, abs(level))
    return result


def _blurred(image: Tensor, radius: int) -> Tensor:
    if radius == 0:
        return image
    height, width = image.shape[-2:]
    padded = functional.pad(image, (radius,) * 4, mode="replicate")
    kernel = disc(radius).to(image)
    if radius <= 4:
        stacked = padded.flatten(0, 1)[:, None]
        convolved: Tensor = functional.conv2d(stacked, kernel[None, None])
        return convolved.view(image.shape)
    size = padded.shape[-2:]
    product = torch.fft.rfft2(padded) * torch.fft.rfft2(kernel, s=size)
    whole: Tensor = torch.fft.irfft2(product, s=size)
    return whole[..., 2 * radius : 2 * radius + height, 2 * radius : 2 * radius + width]
