"""The RGBD-HDR network: from a display-encoded picture to disparity and recovered light.

Zhang et al., "Synthetic Defocus and Look-Ahead Autofocus for Casual Videography", section 4.1: a
U-Net with leaky ReLUs whose last layer gives three HDR channels, and a bilateral grid over luma
that is sliced into one channel of disparity.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthetic_focus.scene.providers import ModelError

STRIDE: Final = 32
"""How many pixels of the picture the coarsest layer sees as one."""

HDR_SCALE: Final = 50.0
"""k of equation 4: the factor on light is exp(k E)."""

CLIPPED: Final = 0.98
"""A pixel whose brightest channel shows more than this is taken to have lost light."""

_SLOPE: Final = 0.2
_LUMA: Final = (0.2126, 0.7152, 0.0722)


class Prediction(NamedTuple):
    """What the network says about a batch of pictures, all of the pictures' size.

    Attributes:
        disparity: (B, 1, H, W), about 0 (farthest) to 1 (nearest).
        exposure: (B, 3, H, W) E of equation 4, 0 or more, before it is restricted to clipped light.
    """

    disparity: Tensor
    exposure: Tensor


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network.

    Attributes:
        widths: channels at a half, a quarter, an eighth … of the picture's size, five of them.
        blocks: residual blocks of the encoder at each of these sizes.
        bins: N, the cells of the bilateral grid over luma.
    """

    widths: tuple[int, ...] = (32, 64, 128, 192, 256)
    blocks: tuple[int, ...] = (0, 1, 4, 5, 4)
    bins: int = 8


def luma(picture: Tensor) -> Tensor:
    """Rec.709 luma (B, 1, H, W) of a display-encoded picture (B, 3, H, W)."""
    return (picture * picture.new_tensor(_LUMA)[:, None, None]).sum(dim=1, keepdim=True)


def clipped_share(picture: Tensor) -> Tensor:
    """How far each pixel counts as clipped, (B, 1, H, W): 0 up to CLIPPED, 1 for full white.

    Rising from 0 within the clipped region, so that recovered light has no hard rim.
    """
    return ((picture.amax(dim=1, keepdim=True) - CLIPPED) / (1 - CLIPPED)).clamp(0, 1)


def slice_grid(grid: Tensor, guide: Tensor) -> Tensor:
    """The bilateral grid read at each pixel's place and luma (Chen, Paris and Durand 2007).

    Linear between the centres of the grid's cells in all three directions; the first bin is luma 0
    and the last is luma 1.

    Args:
        grid: (B, N, h, w), N >= 2.
        guide: (B, 1, H, W) luma, 0..1; what is outside counts as the nearer end.

    Returns:
        (B, 1, H, W)
    """
    bins = grid.shape[1]
    if bins < 2 or guide.shape[1] != 1:
        raise ValueError(
            f"a grid of {bins} bins and a guide of {guide.shape[1]} channels: the grid needs two"
            " bins or more, the guide one channel"
        )
    fine = functional.interpolate(grid, guide.shape[-2:], mode="bilinear", align_corners=False)
    place = guide.clamp(0, 1) * (bins - 1)
    result = torch.zeros_like(guide)
    for number in range(bins):
        tent = (1 - (place - number).abs()).clamp_min(0)
        result = torch.addcmul(result, tent, fine[:, number : number + 1])
    return result


def _convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """One that keeps the variance of what passes it and a leaky ReLU (He et al. 2015).

    There is no normalisation: batches are small, and a network without it computes the same for a
    picture whatever is trained beside it.
    """
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2)
    nn.init.kaiming_normal_(layer.weight, _SLOPE)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class _Block(nn.Module):
    """A residual block, at first the identity: depth costs nothing until it helps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = _convolution(width, width)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return _leaky(x + self.second(_leaky(self.first(x))))


class _Step(nn.Module):
    """To half the size, then residual blocks."""

    def __init__(self, inputs: int, width: int, blocks: int) -> None:
        super().__init__()
        self.down = _convolution(inputs, width, stride=2)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.blocks(_leaky(self.down(x)))
        return result


class _Rise(nn.Module):
    """To twice the size, joined with what the encoder saw there."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.reduce = _convolution(inputs, width, 1)
        self.block = _Block(width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        coarse = self.reduce(x)
        fine = functional.interpolate(coarse, skip.shape[-2:], mode="bilinear", align_corners=False)
        result: Tensor = self.block(_leaky(fine + skip))
        return result


class Network(nn.Module):
    """The U-Net."""

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = shape = architecture or Architecture()
        widths = shape.widths
        self.stem = _convolution(12, widths[0])
        self.start = nn.Sequential(*(_Block(widths[0]) for _ in range(shape.blocks[0])))
        self.encoder = nn.ModuleList(
            _Step(before, width, blocks)
            for before, width, blocks in zip(widths, widths[1:], shape.blocks[1:], strict=False)
        )
        # The layout of the whole frame, which no window of convolutions sees at once.
        self.whole = nn.Sequential(
            nn.Linear(widths[-1], widths[-1]),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(widths[-1], widths[-1]),
        )
        self.decoder = nn.ModuleList(
            _Rise(before, width) for width, before in itertools.pairwise(widths)
        )
        self.last = nn.Conv2d(widths[0], 3 + shape.bins, 3, 1, 1)

    def coefficients(self, picture: Tensor) -> Tensor:
        """The last layer: 3 + N channels (B, 3 + N, H / 2, W / 2), HDR first.

        Args:
            picture: (B, 3, H, W), display-encoded, 0..1; H and W are multiples of STRIDE.
        """
        x = functional.pixel_unshuffle((picture - 0.45) * 4, 2)
        x = self.start(_leaky(self.stem(x)))
        skips = [x]
        for step in self.encoder:
            x = step(x)
            skips.append(x)
        x = x + self.whole(x.mean(dim=(2, 3)))[:, :, None, None]
        for rise, skip in zip(reversed(self.decoder), reversed(skips[:-1]), strict=True):
            x = rise(x, skip)
        result: Tensor = self.last(x)
        return result

    def forward(self, picture: Tensor) -> Prediction:
        """Disparity and exposure at the picture's own size, which can be any.

        Args:
            picture: (B, 3, H, W), display-encoded, 0..1.
        """
        height, width = picture.shape[-2:]
        below, right = -height % STRIDE, -width % STRIDE
        padded = functional.pad(picture, (0, right, 0, below), mode="replicate")
        output = self.coefficients(padded).float()
        whole = read(output, padded)
        return Prediction(*(part[..., :height, :width] for part in whole))


def read(coefficients: Tensor, picture: Tensor) -> Prediction:
    """Disparity and exposure at the size of `picture`, whose luma guides the slicing.

    Args:
        coefficients: (B, 3 + N, h, w) of `Network.coefficients`, for the same frame at any size.
        picture: (B, 3, H, W), display-encoded, 0..1.
    """
    return Prediction(
        disparity_of(coefficients, luma(picture)), exposure_of(coefficients, picture.shape[-2:])
    )


def disparity_of(coefficients: Tensor, guide: Tensor) -> Tensor:
    """Disparity (B, 1, H, W) of `read`; guide: (B, 1, H, W) `luma`."""
    return slice_grid(coefficients[:, 3:], guide)


def exposure_of(coefficients: Tensor, size: Sequence[int]) -> Tensor:
    """Exposure (B, 3, H, W) of `read`; size: (H, W)."""
    # Divided by k, so that the network's own unit is the natural logarithm of light.
    exposure = functional.softplus(coefficients[:, :3]) / HDR_SCALE
    return functional.interpolate(exposure, tuple(size), mode="bilinear", align_corners=False)


def write_weights(network: Network, path: Path) -> None:
    """Writes a network as safetensors, in halves, its architecture in the header.

    Raises:
        WriteError: the file cannot be written.
    """
    from safetensors.torch import save

    from synthetic_focus.media.atomic import replacing

    halves = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    content = save(halves, {"architecture": json.dumps(asdict(network.architecture))})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_weights(content: bytes, name: str) -> Network:
    """The network of `write_weights`, ready to be used.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        ModelError: it is damaged or of something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        weights = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        facts = json.loads(header["__metadata__"]["architecture"])
        architecture = Architecture(
            tuple(map(int, facts["widths"])), tuple(map(int, facts["blocks"])), int(facts["bins"])
        )
        network = Network(architecture)
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError(
            f"{name} is damaged or holds no estimator ({error}); install Synthetic Focus again"
        ) from error
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if found != expected:
        wrong = sorted(dict(found.items() ^ expected.items()))
        raise ModelError(
            f"{name} does not hold the weights of its architecture: {len(wrong)} differ, the first"
            f" is {wrong[0]} (found {found.get(wrong[0])}, expected {expected.get(wrong[0])})"
        )
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise ModelError(f"{name} has weights that are not finite; install Synthetic Focus again")
    network.load_state_dict({key: value.float() for key, value in weights.items()})
    return channels_last(network.eval())


def channels_last(network: Network) -> Network:
    """The network with its weights in the memory order in which convolutions are fastest."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, _SLOPE)
