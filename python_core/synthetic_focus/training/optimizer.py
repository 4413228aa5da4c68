"""What takes a step along the gradients: Muon for the network's matrices, AdamW for the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from synthetic_focus.scene.rgbd_hdr import Network

_THREADS = 2


@dataclass(frozen=True)
class _Share:
    """What one thread steps: the same weights in each of the networks, which share their memory.

    Attributes:
        weights: of the first network, and those of the others in the same order.
        stepped: what `optimizer` knows them as.
    """

    weights: tuple[list[nn.Parameter], ...]
    stepped: list[Tensor]
    optimizer: Optimizer


class MatrixOptimizer:
    """Muon where a layer maps features to features, AdamW for its biases, the first and the last.

    Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); a convolution
    counts as the matrix from all of its window to its outputs. Steps are scaled as by Liu et al.,
    "Muon is Scalable for LLM Training", section 2.2, so that one learning rate serves both.

    Making matrices orthogonal costs too much for one thread: they are shared out to two.
    """

    def __init__(self, networks: Sequence[Network], weight_decay: float) -> None:
        """Of networks that share their weights' memory, in `channels_last` order, and have
        gradients of their own."""
        first = networks[0]
        ends = {*first.stem.parameters(), *first.last.parameters()}
        everything = list(zip(*(network.parameters() for network in networks), strict=True))
        hidden = [same for same in everything if same[0].ndim > 1 and same[0] not in ends]
        rest = [same for same in everything if same[0].ndim == 1 or same[0] in ends]
        flat = [same[0] for same in rest]
        self._shares = [
            _Share(_by_network(rest), flat, AdamW(flat, weight_decay=weight_decay, fused=True))
        ]
        for some in _shared_out(hidden, _THREADS):
            matrices = [_matrix(same[0].data) for same in some]
            muon = Muon(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
            self._shares.append(_Share(_by_network(some), matrices, muon))

    def step(self, rate: float, largest: float, pool: Executor) -> None:
        """Takes a step along the mean of the networks' gradients.

        Args:
            rate: the learning rate.
            largest: norm of the gradient; a larger one is scaled down to it.
            pool: threads.
        """
        squares = pool.map(_average_gradients, self._shares)
        norm = math.sqrt(sum(squares))
        scale = min(1.0, largest / max(norm, 1e-12))
        for task in [pool.submit(_step, share, rate, scale) for share in self._shares]:
            task.result()

    def state_dict(self) -> dict[str, Any]:
        """What the next step depends on besides weights and gradients."""
        return {str(n): share.optimizer.state_dict() for n, share in enumerate(self._shares)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from another's `state_dict`."""
        for number, share in enumerate(self._shares):
            share.optimizer.load_state_dict(state[str(number)])


def _average_gradients(share: _Share) -> float:
    """The mean of the networks' gradients, into the first's; its squared norm."""
    mean, *others = ([_gradient(weight) for weight in weights] for weights in share.weights)
    for other in others:
        torch._foreach_add_(mean, other)
    torch._foreach_div_(mean, float(len(share.weights)))
    return float(torch.stack(torch._foreach_norm(mean)).square().sum())


def _gradient(weight: nn.Parameter) -> Tensor:
    assert weight.grad is not None
    return weight.grad


def _step(share: _Share, rate: float, scale: float) -> None:
    for weight, stepped in zip(share.weights[0], share.stepped, strict=True):
        gradient = _gradient(weight)
        if scale < 1:
            gradient *= scale
        if stepped is not weight:
            stepped.grad = _matrix(gradient)
    for group in share.optimizer.param_groups:
        group["lr"] = rate
    share.optimizer.step()


def _by_network(weights: Sequence[tuple[nn.Parameter, ...]]) -> tuple[list[nn.Parameter], ...]:
    return tuple(list(network) for network in zip(*weights, strict=True))


def _matrix(weight: Tensor) -> Tensor:
    """(outputs, window) of a layer's weight, in the same memory if that is in order."""
    if weight.ndim == 4:
        weight = weight.permute(0, 2, 3, 1)
    return weight.reshape(weight.shape[0], -1)


def _shared_out(
    weights: Sequence[tuple[nn.Parameter, ...]], count: int
) -> list[list[tuple[nn.Parameter, ...]]]:
    """Lists of weights that cost Muon about the same."""

    def cost(same: tuple[nn.Parameter, ...]) -> int:
        outputs = same[0].shape[0]
        return min(outputs, same[0].numel() // outputs) * same[0].numel()

    shares: list[list[tuple[nn.Parameter, ...]]] = [[] for _ in range(count)]
    totals = [0] * count
    for same in sorted(weights, key=cost, reverse=True):
        lightest = totals.index(min(totals))
        shares[lightest].append(same)
        totals[lightest] += cost(same)
    return shares
