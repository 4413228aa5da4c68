"""The network and its slicing, without any trained weights."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from synthetic_focus.scene.rgbd_hdr import (
    Architecture,
    Network,
    clipped_share,
    luma,
    slice_grid,
)

SMALL = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), 5)


@pytest.fixture(autouse=True)
def _same_weights_each_time() -> None:
    torch.manual_seed(0)


def _lively(network: Network) -> Network:
    """With blocks that are not the identity any more, as after training."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            torch.nn.init.kaiming_normal_(parameter, 0.2)
    return network


def _sliced(grid: NDArray[np.float32], guide: NDArray[np.float32]) -> NDArray[np.float64]:
    """Each pixel by itself, from the eight cells around it."""
    bins, h, w = grid.shape
    height, width = guide.shape
    result = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            y = np.clip((row + 0.5) * h / height - 0.5, 0, h - 1)
            x = np.clip((column + 0.5) * w / width - 0.5, 0, w - 1)
            z = np.clip(guide[row, column], 0, 1) * (bins - 1)
            for k in range(bins):
                for i in range(h):
                    for j in range(w):
                        near = [max(0.0, 1 - abs(a - b)) for a, b in ((y, i), (x, j), (z, k))]
                        result[row, column] += np.prod(near) * grid[k, i, j]
    return result


@pytest.mark.parametrize("bins", [2, 5])
def test_slicing_reads_the_grid_as_a_loop_over_pixels_does(bins: int) -> None:
    rng = np.random.default_rng(bins)
    grid = rng.normal(size=(bins, 3, 4)).astype(np.float32)
    guide = rng.uniform(-0.1, 1.1, (10, 13)).astype(np.float32)
    guide[0, :3] = (0, 0.5, 1)
    ours = slice_grid(torch.from_numpy(grid)[None], torch.from_numpy(guide)[None, None])
    assert np.allclose(ours[0, 0].numpy(), _sliced(grid, guide), atol=1e-5)


def test_slicing_refuses_what_has_no_luma_direction() -> None:
    with pytest.raises(ValueError, match="two bins"):
        slice_grid(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="one channel"):
        slice_grid(torch.zeros(1, 4, 2, 2), torch.zeros(1, 3, 4, 4))


def test_luma_is_rec_709() -> None:
    primaries = torch.eye(3)[:, :, None, None]
    assert luma(primaries).flatten().tolist() == pytest.approx([0.2126, 0.7152, 0.0722])


def test_only_clipped_pixels_count_as_clipped() -> None:
    brightest = torch.tensor([0.5, 0.98, 0.99, 1.0])
    picture = torch.zeros(1, 3, 1, 4)
    picture[:, 1] = brightest
    assert clipped_share(picture).flatten().tolist() == pytest.approx([0, 0, 0.5, 1], abs=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (31, 33), (64, 96), (5, 200)])
def test_any_size_gives_maps_of_that_size(size: tuple[int, int]) -> None:
    prediction = _lively(Network(SMALL))(torch.rand(2, 3, *size))
    assert prediction.disparity.shape == (2, 1, *size)
    assert prediction.exposure.shape == (2, 3, *size)
    assert (prediction.exposure >= 0).all()
    assert torch.isfinite(prediction.disparity).all()


def test_what_moves_by_a_cell_moves_in_the_prediction() -> None:
    """Shifted by the coarsest stride, but for what the far borders still add: 2 % at most."""
    network = _lively(Network(SMALL))
    for parameter in network.whole.parameters():  # sees the whole frame, wherever it is
        parameter.data.zero_()
    tile = torch.zeros(1, 3, 640, 640)
    tile[..., 288:352, 288:352] = torch.rand(1, 3, 64, 64)
    moved = torch.roll(tile, (32, -32), (2, 3))
    with torch.no_grad():
        still, ours = network(tile).disparity, network(moved).disparity
    inside = slice(256, 384)
    expected = torch.roll(still, (32, -32), (2, 3))[..., inside, inside]
    assert expected.std() > 1e-3
    assert (ours[..., inside, inside] - expected).abs().max() < 0.02 * expected.abs().max()


def test_every_pixel_can_depend_on_every_other() -> None:
    network = _lively(Network(SMALL))
    picture = torch.rand(1, 3, 192, 288, requires_grad=True)
    network(picture).disparity[0, 0, 2, 3].backward()
    assert picture.grad is not None
    assert (picture.grad[..., 180:, 280:] != 0).any()
