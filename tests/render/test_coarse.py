"""What is much blurred is drawn on coarser grids: nobody may tell."""

import itertools

import numpy as np
import pytest
from scipy.signal import fftconvolve

from synthetic_focus import Aperture, defocus
from synthetic_focus.evaluation.metrics import display
from synthetic_focus.lens.aperture import nested_profile


def street(size=(150, 190), level=0.3) -> np.ndarray:
    """Fine texture, a bright strip, and dots of 2 to 32 times the light around."""
    rng = np.random.default_rng(3)
    image = (level * rng.uniform(0.5, 1.5, (*size, 3))).astype(np.float32)
    image[:, 90:93] = 2 * level
    for row, contrast in zip(range(15, size[0], 25), (2, 4, 8, 16, 32), strict=False):
        image[row + 5, 30 + row // 5] = contrast * level
        image[row : row + 3, 150:152] = contrast * level / 2
    return image


def plain_scatter(image: np.ndarray, radius: float, aperture: Aperture) -> np.ndarray:
    """Each pixel spread over the patch of a lone light, which is drawn finely; mirrors beyond."""
    side = 2 * int(abs(radius) + 3) + 1
    point = np.zeros((side, side, 3), np.float32)
    point[side // 2, side // 2] = 1
    coc = np.full((side, side), radius, np.float32)
    patch = defocus(point, coc, aperture)[..., 0].astype(float)
    wide = np.pad(image, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)), mode="symmetric")
    return np.asarray(fftconvolve(wide, patch[..., None] / patch.sum(), "valid", axes=(0, 1)))


SHAPES = [
    Aperture(),
    Aperture(blades=5, curvature=0.2, rotation_deg=10),
    Aperture(squeeze=1.8),
    Aperture(ring=0.5),
    Aperture(rim=0.6),
    Aperture(fade=0.8),
]


@pytest.mark.parametrize("aperture", SHAPES, ids=str)
@pytest.mark.parametrize("radius", [9.0, 11.5, -14.3, 22.0, 30.6, -47.0])
def test_a_surface_is_the_plain_scatter_of_its_pixels(aperture, radius):
    image = street()
    result = defocus(image, np.full(image.shape[:2], radius, np.float32), aperture)
    # Mirrors turn shapes without symmetry, which the plain scatter does not know.
    reach = 0 if aperture.blades == 0 else int(abs(radius)) + 2
    inside = (slice(reach, 150 - reach), slice(reach, 190 - reach))
    error = np.abs(display(result) - display(plain_scatter(image, radius, aperture)))[inside]
    # In steps of 8 bits a seventh; of rings, whose rims are more and steeper, a third, and two
    # at the rim of a dot.
    rings = aperture.ring or aperture.rim or aperture.fade
    assert error.max() < (0.008 if rings else 0.006)
    assert np.sqrt(np.mean(error**2)) < (0.0014 if rings else 0.00055)


def test_a_slanted_surface_is_the_plain_scatter_of_its_pixels(oracle):
    image = street((100, 190))
    coc = np.broadcast_to(np.linspace(6, 30, 190, dtype=np.float32), (100, 190))
    expected = oracle(image, np.round(np.sqrt(coc**2 - 1 / 3), 1))
    inside = (slice(31, -31), slice(31, -31))
    assert np.abs(defocus(image, coc) - expected)[inside].max() < 0.01


@pytest.mark.parametrize("radii", [np.arange(7.5, 12.6, 0.125), np.arange(15.5, 24.6, 0.25)])
def test_nothing_pops_as_a_radius_grows(radii):
    image = street()
    sweep = [defocus(image, np.full(image.shape[:2], r, np.float32)) for r in radii]
    steps = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(sweep)])
    assert steps.max() < 2 * np.median(steps)
    # The middle of the patch of a dot of eight times the light around it grows darker.
    image[...] = 0.3
    image[75, 95] = 2.4
    middles = [defocus(image, np.full(image.shape[:2], r, np.float32))[75, 95, 1] for r in radii]
    assert (np.diff(middles) < 0).all()


def test_nothing_pops_as_a_light_grows():
    image = np.full((90, 110, 3), 0.3, np.float32)
    coc = np.full((90, 110), 14.0, np.float32)

    def with_light(contrast):
        image[45, 55] = 0.3 * contrast
        return defocus(image, coc)

    for contrast in np.geomspace(2, 40, 60):
        jump = np.abs(with_light(contrast * 1.001) - with_light(contrast)).max()
        assert jump < 1e-4


def test_nothing_pops_as_a_surface_parts_in_two():
    image = street()

    def parted(step):
        coc = np.full(image.shape[:2], 20.0, np.float32)
        coc[:, 100:] += step
        return defocus(image, coc)

    for step in np.arange(0.4, 1.1, 0.02):
        assert np.abs(parted(step + 1e-3) - parted(step)).max() < 1e-3


@pytest.mark.parametrize(
    "aperture",
    [Aperture(), Aperture(cat_eye=0.6, swirl=0.3), Aperture(cat_eye=0.6, rim=0.6, chromatic=0.05)],
    ids=str,
)
@pytest.mark.parametrize("origin", [(19, 33), (18, 35)])
def test_a_tile_equals_the_same_part_of_the_frame(aperture, origin):
    image = np.tile(street(), (2, 2, 1))
    height, width = image.shape[:2]
    image[140, 170] = 500
    coc = np.broadcast_to(np.linspace(14, 26, width, dtype=np.float32), (height, width)).copy()
    coc[120:180, 150:240] = -17
    whole = defocus(image, coc, aperture)
    x, y = origin
    tile = (slice(y, y + 240), slice(x, x + 320))
    part = defocus(image[tile], coc[tile], aperture, frame_size=(width, height), origin=origin)
    inside = (slice(80, -80), slice(80, -80))
    np.testing.assert_allclose(part[inside], whole[tile][inside], atol=2e-6)


@pytest.mark.parametrize("aperture", [Aperture(rim=0.6), Aperture(onion=0.8), Aperture(ring=0.6)])
def test_a_lamp_before_a_wall_has_all_its_rings(aperture):
    radius, lamp = 60.0, 1e4
    image = np.full((181, 181, 3), 0.1, np.float32)
    image[90, 90] += lamp
    patch = defocus(image, np.full((181, 181), radius, np.float32), aperture)[..., 0] - 0.1
    distance = np.hypot(*np.indices((181, 181)) - 90.0) / radius
    level, light = 0.0, 0.0
    rings = nested_profile(aperture, behind=True)
    levels = []
    for (outer, weight), (inner, _) in itertools.pairwise([*rings, (0.0, 0.0)]):
        level += weight
        light += level * (outer**2 - inner**2)
        levels.append((outer, inner, level))
    for outer, inner, level in levels:
        within = (distance < outer - 1 / radius) & (distance > inner + 1 / radius)
        expected = level / light * lamp / (np.pi * radius**2)
        assert patch[within].mean() == pytest.approx(
            expected, rel=0.03, abs=0.02 * float(patch.max())
        )


def test_a_foreground_ends_where_its_patches_end():
    rng = np.random.default_rng(4)
    image = rng.random((120, 200, 3), np.float32)
    coc = np.zeros((120, 200), np.float32)
    coc[:, :90] = -30
    result = defocus(image, coc)
    np.testing.assert_array_equal(result[:, 122:], image[:, 122:])


def test_a_lamp_is_evenly_bright_beside_a_surface_just_before_it():
    """It shows in what the wall's patches leave open: half a percent, which must be right."""
    image = np.full((160, 220, 3), 0.007, np.float32)
    coc = np.full((160, 220), 25.5, np.float32)
    coc[:, :90] = 23.9
    image[79:82, 120:123] = 300
    light = defocus(image, coc)[..., 1]
    y, x = np.mgrid[:160, :220]
    inside = np.hypot(y - 80, x - 121) < 22
    assert np.ptp(light[inside & (x > 115)]) < 0.006 * np.median(light[inside])


@pytest.mark.parametrize(("aperture", "error"), [(Aperture(), 1e-3), (Aperture(rim=0.7), 5e-3)])
@pytest.mark.parametrize("radius", [10.1, 13.3, 17.2, 25.1, 64.7])
def test_a_light_on_a_wall_keeps_its_energy(radius, aperture, error):
    side = 2 * int(radius + 2) + 1
    image = np.ones((side, side, 3), np.float32)
    image[side // 2, side // 2] = 1e5
    result = defocus(image, np.full((side, side), radius, np.float32), aperture)
    assert (result.astype(float) - 1).sum() == pytest.approx(3e5 - 3, rel=error)


@pytest.mark.parametrize("factor", [0.01, 50])
def test_exposure_commutes_with_the_lens(factor):
    image = street()
    coc = np.full(image.shape[:2], 18.0, np.float32)
    brighter = defocus(image * np.float32(factor), coc)
    np.testing.assert_allclose(brighter / np.float32(factor), defocus(image, coc), rtol=1e-5)
