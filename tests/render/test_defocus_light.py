"""Proofs from analysis: what must hold for every lens and every radius."""

import itertools

import numpy as np
import pytest

from synthetic_focus import Aperture, defocus


def lone_light(radius: float, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    side = 2 * int(abs(radius) + 2) + 1
    image = np.zeros((side, side, channels), np.float32)
    image[side // 2, side // 2] = 1e6
    return image, np.full((side, side), radius, np.float32)


def rasterised_disc(radius: float, side: int, fine: int = 32) -> np.ndarray:
    """Area coverage of every pixel by a disc, by counting points."""
    axis = (np.arange(side * fine) + 0.5) / fine - side / 2
    inside = axis[:, None] ** 2 + axis**2 <= radius**2
    return inside.reshape(side, fine, side, fine).mean(axis=(1, 3))


@pytest.mark.parametrize("radius", [0.0, 0.3, 0.9, 1.0, 2.5, 7.31, 33.33, 64.7, 128.05, 200.0])
@pytest.mark.parametrize("side", [1, -1])
def test_a_lone_light_keeps_its_energy_at_any_radius(radius, side):
    image, coc = lone_light(side * radius)
    result = defocus(image, coc)
    assert result.sum(dtype=np.float64) == pytest.approx(3e6, rel=1e-4)


@pytest.mark.parametrize("radius", [1.5, 4.0, 10.3, 31.7])
def test_a_patch_is_the_rasterised_disc(radius):
    image, coc = lone_light(radius)
    # A pixel is a square of light already: its variance, 1/12 each way, is taken off the lens's.
    radius = np.sqrt(radius**2 - 1 / 3)
    result = defocus(image, coc, quality="best")[..., 1] * (np.pi * radius**2 / 1e6)
    expected = rasterised_disc(radius, coc.shape[0])
    assert np.abs(result - expected).max() < 0.1
    assert np.abs(result - expected).mean() < 0.003


def test_a_uniform_picture_stays_uniform_to_its_borders():
    image = np.full((120, 160, 4), 0.5, np.float32)
    image[..., 3] = 0.7
    for coc in (
        np.full((120, 160), 12.3),
        np.broadcast_to(np.linspace(-20, 25, 160), (120, 160)),
        np.random.default_rng(2).uniform(-9, 9, (120, 160)),
    ):
        np.testing.assert_allclose(defocus(image, coc), image, rtol=1e-6)


def test_shifting_the_picture_shifts_the_result():
    rng = np.random.default_rng(3)
    image = rng.random((60, 80, 3), np.float32)
    coc = rng.uniform(-6, 6, (60, 80)).astype(np.float32)
    one = defocus(image, coc)
    other = defocus(np.roll(image, 1, axis=1), np.roll(coc, 1, axis=1))
    np.testing.assert_allclose(other[:, 21:60], one[:, 20:59], atol=1e-6)


def test_a_growing_radius_changes_the_picture_steadily():
    image, _ = lone_light(5.0)
    side = image.shape[0]
    radii = np.arange(4.0, 5.0001, 0.05)
    results = [defocus(image, np.full((side, side), r, np.float32))[..., 0] for r in radii]
    middle = np.array([r[side // 2, side // 2] for r in results])
    assert (np.diff(middle) < 0).all()
    steps = np.array([np.abs(b - a).sum() for a, b in itertools.pairwise(results)])
    assert steps.min() > 0
    assert steps.max() < 2 * np.median(steps)


def test_a_sun_leaves_no_streak():
    image = np.full((61, 200, 3), 1e-3, np.float32)
    image[30, 60] = 1e6
    coc = np.full((61, 200), 10.0, np.float32)
    result = defocus(image, coc)
    outside = np.hypot(*np.mgrid[-30:31, -60:140]) > 12
    assert np.abs(result[outside] - 1e-3).max() < 1e-4 * 1e-3


def test_a_point_in_focus_is_untouched_and_the_sharp_foreground_keeps_its_edge():
    rng = np.random.default_rng(4)
    image = rng.random((50, 80, 3), np.float32)
    coc = np.full((50, 80), 8.0, np.float32)
    coc[:, :40] = 0.0
    result = defocus(image, coc, refine_edges=False)
    np.testing.assert_array_equal(result[:, :40], image[:, :40])


def test_alpha_is_defocused_with_the_colour():
    image = np.zeros((41, 41, 4), np.float32)
    image[20, 20] = (8, 4, 2, 1)
    result = defocus(image, np.full((41, 41), 6.5, np.float32))
    np.testing.assert_allclose(result[..., 0], 8 * result[..., 3], atol=1e-6)
    assert result[..., 3].sum() == pytest.approx(1, rel=1e-5)


def test_a_patch_behind_is_upright_and_one_in_front_turned_round():
    triangle = Aperture(blades=3, curvature=0.0, rotation_deg=90.0)
    for radius, side in ((20.0, 1), (-20.0, -1)):
        image, coc = lone_light(radius)
        light = defocus(image, coc, triangle)[..., 0]
        rows = np.arange(light.shape[0]) - light.shape[0] // 2
        profile = light.sum(axis=1)
        assert side * profile[rows == -9][0] < side * profile[rows == 9][0]
