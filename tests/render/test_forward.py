"""The paper's forward model, against its equations."""

import numpy as np
import pytest

from synthetic_focus import Aperture, defocus
from synthetic_focus.render import DefocusError

torch = pytest.importorskip("torch")
forward = pytest.importorskip("synthetic_focus.render.forward")


def test_it_is_equation_3_written_out():
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 12, 14, generator=generator, dtype=torch.float64)
    disparity = torch.rand(2, 1, 12, 14, generator=generator, dtype=torch.float64) * 4 - 2
    expected = np.zeros((2, 3, 12, 14))
    for level in (2, 1, 0, -1, -2):
        matte = np.exp(-2.8 * (disparity.numpy() - level) ** 2)
        r = abs(level)
        padded = np.pad(image.numpy() * matte, ((0, 0), (0, 0), (r, r), (r, r)), mode="edge")
        kernel = forward.disc(r).numpy()
        blurred = sum(
            kernel[v, u] * padded[..., v : v + 12, u : u + 14]
            for v in range(2 * r + 1)
            for u in range(2 * r + 1)
        )
        expected = expected * (1 - matte) + blurred
    result = forward.forward_model(image, disparity, range(-2, 3))
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-6)


def test_large_radii_through_fourier_space_equal_the_plain_convolution():
    image = torch.rand(1, 2, 20, 24, generator=torch.Generator().manual_seed(2))
    padded = torch.nn.functional.pad(image, (6, 6, 6, 6), mode="replicate")
    plain = torch.nn.functional.conv2d(padded.flatten(0, 1)[:, None], forward.disc(6)[None, None])
    expected = plain.view(image.shape)
    torch.testing.assert_close(forward._blurred(image, 6), expected, atol=1e-6, rtol=1e-5)


def test_gradients_reach_disparity_and_hdr():
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(1, 3, 6, 7, generator=generator, dtype=torch.float64)
    disparity = torch.rand(1, 1, 6, 7, generator=generator, dtype=torch.float64) * 3 - 1.5
    gain = 0.01 * torch.rand(1, 3, 6, 7, generator=generator, dtype=torch.float64)

    def render(d, e):
        return forward.forward_model(forward.hdr(image, e), d, range(-2, 3))

    assert torch.autograd.gradcheck(
        render, (disparity.requires_grad_(), gain.requires_grad_()), eps=1e-6, atol=1e-5
    )


def test_the_torch_backend_blurs_about_as_much_as_the_native_one():
    image = np.zeros((41, 41, 3), np.float32)
    image[20, 20] = 1
    coc = np.full((41, 41), 6, np.float32)
    native, paper = defocus(image, coc), defocus(image, coc, backend="torch")
    assert paper.shape == native.shape
    assert paper.dtype == np.float32
    assert np.abs(paper[20, 16:25] / native[20, 16:25] - 1).max() < 0.25
    out = np.empty_like(image)
    assert defocus(image, coc, backend="torch", out=out) is out
    np.testing.assert_array_equal(out, paper)


def test_the_torch_backend_has_the_papers_disc_only():
    with pytest.raises(DefocusError, match="disc"):
        defocus(np.ones((4, 4, 3)), np.ones((4, 4)), Aperture(blades=5), backend="torch")
