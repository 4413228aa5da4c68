"""What a rendered picture is compared by, besides its pixels.

The paper compares layers of VGG-19. Its weights are another project's and are not in this one, so
the default is a fixed bank of filters; whatever maps a picture to maps of features can take its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

Extractor = Callable[[Tensor], Sequence[Tensor]]
"""From pictures (B, 3, H, W), encoded by `log_encoded`, to feature maps (B, C, h, w)."""

_BRIGHTNESS = 10.0
_SIGMA = 1.0


def log_encoded(light: Tensor) -> Tensor:
    """Scene-linear light as log(1 + 10 x) / log(11): 0 at 0, 1 at 1; bokeh does not dominate."""
    encoded: Tensor = torch.log1p(_BRIGHTNESS * light.clamp_min(0)) / torch.log1p(
        light.new_tensor(_BRIGHTNESS)
    )
    return encoded


@lru_cache(maxsize=1)
def _bank() -> Tensor:
    """First and second derivatives of a Gaussian, (5, 1, 7, 7), each of absolute sum 1.

    They steer: a filter of any direction is a weighted sum of them (Freeman and Adelson 1991).
    """
    axis = torch.arange(-3, 4, dtype=torch.float32)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    gaussian = torch.exp(-(x * x + y * y) / (2 * _SIGMA**2))
    bank = torch.stack(
        [
            x * gaussian,
            y * gaussian,
            (x * x / _SIGMA**2 - 1) * gaussian,
            (y * y / _SIGMA**2 - 1) * gaussian,
            x * y * gaussian,
        ]
    )
    bank = bank - bank.mean(dim=(1, 2), keepdim=True)
    return (bank / bank.abs().sum(dim=(1, 2), keepdim=True))[:, None]


def steerable(picture: Tensor, scales: int = 3) -> list[Tensor]:
    """Edges and lines of every channel, at full, half … size: (B, 15, h, w) each."""
    found = []
    bank = _bank().to(picture)
    for scale in range(scales):
        if scale:
            picture = functional.avg_pool2d(picture, 2)
        planes = functional.pad(picture, (3,) * 4, mode="replicate").flatten(0, 1)[:, None]
        maps = functional.conv2d(planes, bank)
        found.append(maps.view(picture.shape[0], -1, *picture.shape[-2:]))
    return found
