"""How blurred a photograph through a lens is, where nobody wrote down how the lens was set.

The paper's networks say signed blur radii themselves, and alpha and beta take them to a triplet's
third picture: F(I, alpha D + beta, E). The estimator here says relative disparity d, so a pair
leaves two unknowns open: the blur radius is affine in it, r = far + (near - far) t, where t is d
from 0 at its 2nd to 1 at its 98th percentile. A triplet adds one: alpha, the apertures' ratio,
or beta, the change of focus. They are found anew for every prediction, by trying all: the deep
picture is blurred by every radius, and it is counted how far each is from the photograph at each
place (a plane sweep, as in depth from defocus). So nothing has to be remembered between steps.

A pair does not tell what is in front of the focus from what is behind. `near` is at least a pixel
below `far`, so a prediction that runs the wrong way is not turned round, and is taught.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from synthetic_focus.render.forward import disc
from synthetic_focus.training.features import log_encoded
from synthetic_focus.training.samples import Kind

_WIDEST = 12  # px of blur radius
_STEP = 0.5  # px between radii that are tried
_LEAST_SLOPE = 1.0  # px between the far and the near
_CELLS = 16  # of disparity, of as many pixels each
_LIKELY = 64  # fits of the first picture that the second is asked about
_REACH = 3  # px: what is around a pixel helps to tell how blurred it is
_APERTURES = torch.exp2(torch.arange(-4, 4.01, 0.25))  # alpha, f/22 over f/2 is less


def blur_radii(
    disparity: Tensor, light: Tensor, targets: tuple[Tensor, ...], kind: Kind
) -> list[Tensor]:
    """The blur radii with which the targets look most as if `disparity` were true.

    Args:
        disparity: (1, 1, H, W) relative; larger is nearer.
        light: (1, 3, H, W) the deep picture, scene-linear, recovered light included.
        targets: (1, 3, H, W) scene-linear pictures through the lens: one, or a triplet's two.
        kind: of the sample.

    Returns:
        (1, 1, H, W) for each target: signed radii in pixels, positive behind the focus. They are
        affine in `disparity`, whose gradient goes through; none goes through the factors.
    """
    with torch.no_grad():
        flat = disparity.flatten()
        low, high = torch.quantile(flat, flat.new_tensor([0.02, 0.98]))
        span = (high - low).clamp_min(1e-4)
        shares = (flat - low) / span
        order = shares.argsort(stable=True).chunk(_CELLS)
        places = torch.stack([shares[cell].mean() for cell in order])
        costs = [
            torch.stack([cost[:, cell].sum(dim=1) for cell in order])
            for cost in (_cost(light, target).flatten(1) for target in targets)
        ]
        grid = torch.arange(-_WIDEST, _WIDEST + _STEP / 2, _STEP, device=flat.device)
        far, near = (x.flatten() for x in torch.meshgrid(grid, grid, indexing="ij"))
        far, near = (x[far - near >= _LEAST_SLOPE] for x in (far, near))
        radii = far[:, None] + (near - far)[:, None] * places
        alphas, betas = (values.to(flat) for values in _adjustments(kind))
        total, likely = _read(costs[0], radii).topk(_LIKELY, largest=False)
        total = total[:, None].expand(-1, len(alphas))
        if len(costs) > 1:
            adjusted = radii[likely][:, None] * alphas[:, None] + betas[:, None]
            total = total + _read(costs[1], adjusted)
        first, second = divmod(int(total.argmin()), len(alphas))
        slope = (near - far)[likely[first]] / span
        shift = far[likely[first]] - slope * low
    radius = slope * disparity + shift
    return [radius, alphas[second] * radius + betas[second]][: len(targets)]


def _adjustments(kind: Kind) -> tuple[Tensor, Tensor]:
    """alpha and beta of the triplet's third picture that are tried, pair by pair."""
    if kind == "aperture_triplet":
        return _APERTURES, torch.zeros_like(_APERTURES)
    if kind == "focal_triplet":
        betas = torch.arange(-2.0 * _WIDEST, 2 * _WIDEST + _STEP / 2, _STEP)
        return torch.ones_like(betas), betas
    return torch.ones(1), torch.zeros(1)


def _cost(light: Tensor, target: Tensor) -> Tensor:
    """How far the target is from the deep picture blurred by 0, 1, 2 … px: (radii, H, W)."""
    white, wanted = target.amax(), log_encoded(target)
    planes, found = light.transpose(0, 1), []
    for radius in range(_WIDEST + 1):
        padded = functional.pad(planes, (radius,) * 4, mode="replicate")
        blurred = functional.conv2d(padded, disc(radius).to(planes)[None, None]).transpose(0, 1)
        error = (log_encoded(blurred.clamp_max(white)) - wanted).abs().mean(dim=1, keepdim=True)
        around = functional.avg_pool2d(error, 2 * _REACH + 1, 1, _REACH, count_include_pad=False)
        found.append(around[0, 0])
    return torch.stack(found)


def _read(cost: Tensor, radii: Tensor) -> Tensor:
    """The sum over the cells of their cost at their radius.

    Args:
        cost: (cells, radii) at 0, 1, 2 … px.
        radii: (..., cells) signed; those beyond the widest count as it.
    """
    sizes = radii.abs().clamp_max(_WIDEST)
    whole = sizes.floor().clamp_max(_WIDEST - 1).long()
    cells = torch.arange(cost.shape[0], device=cost.device)
    below, above = cost[cells, whole], cost[cells, whole + 1]
    return (below + (sizes - whole) * (above - below)).sum(dim=-1)
