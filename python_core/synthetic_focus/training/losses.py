"""What the estimator is trained to make small.

Equations are those of Zhang et al., "Synthetic Defocus and Look-Ahead Autofocus for Casual
Videography", section 4.1. Every loss is a mean, so that it does not depend on the picture's size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from synthetic_focus.render.forward import forward_model, hdr
from synthetic_focus.scene.rgbd_hdr import CLIPPED, Prediction, clipped_share
from synthetic_focus.training.batches import LensShot, PhotographedShot
from synthetic_focus.training.features import Extractor, log_encoded
from synthetic_focus.training.gauge import blur_radii

_LEAST_SPREAD = 0.1
_FARTHEST = 0.02
_WIDEST_BLUR = 24.0


def normalised(disparity: Tensor) -> Tensor:
    """Without shift and scale: less the median, over the mean absolute deviation from it.

    After Ranftl et al., "Towards Robust Monocular Depth Estimation", equation 5.

    Args:
        disparity: (B, 1, H, W); of each picture by itself.
    """
    flat = disparity.flatten(1)
    shift = flat.median(dim=1, keepdim=True).values
    centred = flat - shift
    spread = centred.abs().mean(dim=1, keepdim=True).clamp_min(_LEAST_SPREAD)
    return (centred / spread).view_as(disparity)


def invariant_disparity(predicted: Tensor, true: Tensor, scales: int = 4) -> tuple[Tensor, Tensor]:
    """How far two disparities differ beyond scale and shift, and how far their gradients do.

    The second is the multi-scale gradient matching of Li and Snavely, "MegaDepth", on the same
    normalised maps: it wants edges where the truth has them.

    Args:
        predicted, true: (B, 1, H, W).
        scales: each of half the size of the one before.

    Returns:
        two scalars, 0 or more.
    """
    residual = normalised(predicted) - normalised(true)
    gradient = residual.new_zeros(())
    for scale in range(scales):
        part = residual[..., :: 2**scale, :: 2**scale]
        gradient = gradient + _differences(part)
    return residual.abs().mean(), gradient


def _differences(values: Tensor) -> Tensor:
    total = values.new_zeros(())
    for axis in (-1, -2):
        if values.shape[axis] > 1:
            total = total + values.diff(dim=axis).abs().mean()
    return total


def calibration(predicted: Tensor, true: Tensor) -> Tensor:
    """How far disparity is from the truth in the estimator's own units (`augment.relative`)."""
    return functional.smooth_l1_loss(predicted, true, beta=0.1)


def lost_light(log_gain: Tensor, true: Tensor, picture: Tensor) -> Tensor:
    """Mean square error of log light over clipped pixels, large errors linearly (Huber, at 2).

    Each picture that has any counts the same, as in `evaluate scene`: a lamp at night is a few
    pixels, and a window many.

    Args:
        log_gain, true: (B, 3, H, W), natural logarithms.
        picture: (B, 3, H, W), display-encoded, which says where light was clipped.
    """
    clipped = (picture.amax(dim=1, keepdim=True) >= CLIPPED).to(log_gain)
    error = functional.smooth_l1_loss(log_gain, true, beta=2.0, reduction="none")
    # One pixel more, of no error: a single one, which may be noise, does not count as a picture.
    count = clipped.sum(dim=(1, 2, 3))
    means = (error * clipped).sum(dim=(1, 2, 3)) / (3 * (count + 1))
    return means.sum() / (count > 0).sum().clamp_min(1)


def edge_aware_smoothness(disparity: Tensor, picture: Tensor) -> Tensor:
    """L_smooth: gradients of disparity, weighed less across the picture's edges.

    Args:
        disparity: (B, 1, H, W).
        picture: (B, 3, H, W) I^S in 0..1; the edges are those of the mean of its channels, in
            steps of 8-bit code values over 16.
    """
    grey = picture.mean(dim=1, keepdim=True) * (255 / 16)
    total = disparity.new_zeros(())
    for axis in (-1, -2):
        weight = torch.exp(-grey.diff(dim=axis).abs())
        total = total + (disparity.diff(dim=axis).abs() * weight).mean()
    return total


def scale_and_shift(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift that take a prediction to true disparity, by least squares, per picture.

    Args:
        predicted, true: (B, 1, H, W).

    Returns:
        (B, 1, 1, 1) each.
    """
    x, y = predicted.flatten(1), true.flatten(1)
    x_mean, y_mean = x.mean(1, keepdim=True), y.mean(1, keepdim=True)
    variance = (x - x_mean).square().mean(1, keepdim=True)
    covariance = ((x - x_mean) * (y - y_mean)).mean(1, keepdim=True)
    # A prediction that runs the wrong way must not be turned round: then nothing is learnt.
    scale = (covariance / (variance + 1e-6)).clamp_min(0)
    shift = y_mean - scale * x_mean
    return scale[..., None, None], shift[..., None, None]


def relative_depth(predicted: Tensor, true: Tensor) -> Tensor:
    """AbsRel: mean of |z - z*| / z* after alignment, nearly as `evaluate scene` has it.

    Beyond twice the true depth an error counts by its logarithm, so that a few far pixels do not
    outweigh the rest. Pixels farther than fifty times the nearest thing are left out.

    Args:
        predicted, true: (B, 1, H, W), the truth in the calibration of `augment.relative`.
    """
    scale, shift = scale_and_shift(predicted, true)
    counted = (true >= _FARTHEST).to(true)
    floor = torch.where(true >= _FARTHEST, true, 1).amin((2, 3), keepdim=True)
    ratio = true / torch.maximum(scale * predicted + shift, floor)  # z / z*
    error = torch.where(ratio > 2, 1 + 2 * (ratio / 2).clamp_min(1).log(), (ratio - 1).abs())
    return (error * counted).sum() / counted.sum().clamp_min(1)


def rendering(
    prediction: Prediction, shot: LensShot | PhotographedShot, extractor: Extractor
) -> tuple[Tensor, Tensor]:
    """L_rend of the shallow picture, and L_adjust_rend of a triplet's third (equations 5 and 6).

    The prediction is taken to blur radii by the camera's data where they are known. For the
    triplet's third this is F(I, alpha D + beta, E) with alpha = slope' / slope, and beta from the
    change of focus. Of photographs nothing is known, and `gauge` finds all of these. Pixels are
    compared in `log_encoded` light.

    Args:
        prediction: of `shot.picture`.
        shot: a pair or a triplet.
        extractor: the features.

    Returns:
        two scalars; the second is the first again for a pair, which doubles its weight as the
        paper does.
    """
    light = hdr(decoded(shot.picture), prediction.exposure * clipped_share(shot.picture))
    if isinstance(shot, LensShot):
        radii = _known_radii(prediction.disparity, shot)
    else:
        radii = blur_radii(prediction.disparity, light.detach(), shot.targets, shot.kind)
    losses = []
    for target, radius in zip(shot.targets, radii, strict=True):
        radius = radius.clamp(-_WIDEST_BLUR, _WIDEST_BLUR)
        blurred = _without_gaps(light, radius)
        if isinstance(shot, PhotographedShot):  # its camera has clipped it too
            blurred = blurred.clamp_max(target.amax())
        rendered, wanted = log_encoded(blurred), log_encoded(target)
        loss = (rendered - wanted).abs().mean()
        for ours, theirs in zip(extractor(rendered), extractor(wanted), strict=True):
            loss = loss + (ours - theirs).abs().mean()
        losses.append(loss)
    return losses[0], losses[-1]


def _without_gaps(light: Tensor, radius: Tensor) -> Tensor:
    """The forward model, divided by what it makes of white.

    Its mattes do not add up to 1, and take an eighth of the light: more than most of what blur
    changes, so that maps that are all whole radii would win over true ones.
    """
    whole = forward_model(torch.cat([light, torch.ones_like(light[:, :1])], dim=1), radius)
    return whole[:, :3] / whole[:, 3:].clamp_min(0.1)


def _known_radii(disparity: Tensor, shot: LensShot) -> list[Tensor]:
    """The blur radius of each target, where the true disparity gives scale and shift."""
    scale, shift = (x.detach() for x in scale_and_shift(disparity, shot.dioptres))
    dioptres = scale * disparity + shift
    settings = zip(shot.slopes, shot.focuses, strict=True)
    return [slope * (focus - dioptres) for slope, focus in settings]


def decoded(picture: Tensor) -> Tensor:
    """Scene-linear light of a display-encoded picture: the inverse of the sRGB curve."""
    return torch.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
