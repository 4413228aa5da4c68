"""The optimizer against singular values, and against itself with the gradients put together."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
import torch

from synthetic_focus.scene.rgbd_hdr import Architecture, Network, channels_last
from synthetic_focus.training.optimizer import MatrixOptimizer

_RATE = 1e-3
_LARGEST = 1e9  # a norm that no gradient here has


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def _network() -> Network:
    torch.manual_seed(0)
    return channels_last(Network(Architecture((8, 8, 16, 16, 24), (0, 1, 1, 1, 1), 4)))


def _twins() -> list[Network]:
    """Two networks of the same memory."""
    first, second = _network(), _network()
    for theirs, ours in zip(second.parameters(), first.parameters(), strict=True):
        theirs.data = ours.data
    return [first, second]


def _give_gradients(network: Network, seed: int) -> None:
    torch.manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)


def _stepped(
    network: Network, pool: Executor, largest: float = _LARGEST
) -> dict[str, torch.Tensor]:
    """How far a first step moves each weight."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    MatrixOptimizer([network], weight_decay=0).step(_RATE, largest, pool)
    return {name: value - before[name] for name, value in network.state_dict().items()}


def test_a_step_moves_features_alike_along_all_directions_of_a_matrix(pool: Executor) -> None:
    """Newton and Schulz's five rounds take all singular values to about 1."""
    network = _network()
    _give_gradients(network, 1)
    gradient = network.decoder[2].block.first.weight.grad
    assert isinstance(gradient, torch.Tensor)
    moved = _stepped(network, pool)["decoder.2.block.first.weight"]
    matrix = moved.permute(0, 2, 3, 1).flatten(1)
    values = torch.linalg.svdvals(matrix / (_RATE * 0.2 * max(matrix.shape) ** 0.5))
    assert values.min() > 0.6
    assert values.max() < 1.3
    wide = gradient.permute(0, 2, 3, 1).flatten(1)
    left, _, right = torch.linalg.svd(wide, full_matrices=False)
    alike = torch.nn.functional.cosine_similarity(-matrix.flatten(), (left @ right).flatten(), 0)
    assert alike > 0.95


def test_ends_and_biases_take_a_step_of_adamw(pool: Executor) -> None:
    """Whose first step is the learning rate, against the gradient's sign."""
    network = _network()
    _give_gradients(network, 1)
    signs = {name: -value.grad.sign() for name, value in network.named_parameters()}
    moved = _stepped(network, pool)
    for name in ("stem.weight", "last.weight", "encoder.1.down.bias"):
        torch.testing.assert_close(moved[name], _RATE * signs[name], rtol=1e-2, atol=1e-6)


def test_networks_of_one_memory_step_along_the_mean_of_their_gradients(pool: Executor) -> None:
    both, alone = _twins(), _network()
    for number, network in enumerate(both):
        _give_gradients(network, number)
    for ours, one, other in zip(
        alone.parameters(), both[0].parameters(), both[1].parameters(), strict=True
    ):
        ours.grad = (one.grad + other.grad) / 2
    MatrixOptimizer(both, weight_decay=0.01).step(_RATE, _LARGEST, pool)
    MatrixOptimizer([alone], weight_decay=0.01).step(_RATE, _LARGEST, pool)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(both[1].state_dict()[name], value, rtol=0, atol=1e-6)


def test_a_large_gradient_is_scaled_down_to_the_largest(pool: Executor) -> None:
    network = _network()
    _give_gradients(network, 1)
    _stepped(network, pool, largest=0.5)
    norm = sum(float(p.grad.square().sum()) for p in network.parameters() if p.grad is not None)
    assert norm**0.5 == pytest.approx(0.5, rel=1e-4)
