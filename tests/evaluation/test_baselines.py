"""The published methods against slow, obvious versions of their own formulas."""

import numpy as np
import pytest

from synthetic_focus.evaluation.baselines import (
    BaselineError,
    classical_scatter,
    layered_fft,
    no_blur,
    paper_equation_3,
)
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.lens.aperture import Aperture

DISC = Aperture()


def _picture(height: int = 20, width: int = 26) -> Floats:
    return np.random.default_rng(0).uniform(0, 4, (height, width, 3)).astype(np.float32)


def _mirrored(index: int, size: int) -> int:
    return -index - 1 if index < 0 else 2 * size - index - 1 if index >= size else index


def test_scatter_equals_scattering_pixel_by_pixel() -> None:
    """Radii on the ladder, so that the split over two rungs plays no part."""
    picture = _picture()
    coc = np.random.default_rng(1).integers(-8, 9, picture.shape[:2]).astype(np.float32) / 2
    height, width = coc.shape
    total, weights = np.zeros(picture.shape), np.zeros((height, width, 1))
    reach = 7
    for row in range(-reach, height + reach):
        for column in range(-reach, width + reach):
            source = _mirrored(row, height), _mirrored(column, width)
            radius = abs(float(coc[source]))
            for y in range(max(0, row - reach), min(height, row + reach + 1)):
                for x in range(max(0, column - reach), min(width, column + reach + 1)):
                    away = np.hypot(y - row, x - column)
                    weight = (0.5 + 0.5 * np.tanh(4 * (radius - away))) / (radius**2 + 0.2)
                    total[y, x] += weight * picture[source]
                    weights[y, x] += weight
    assert classical_scatter(picture, coc, DISC) == pytest.approx(total / weights, rel=1e-4)


def test_equation_3_equals_the_paper_level_by_level() -> None:
    picture = _picture(14, 18)
    disparity = np.random.default_rng(2).uniform(-2.4, 3.3, (14, 18)).astype(np.float32)
    result = np.zeros(picture.shape)
    for level in range(4, -4, -1):
        matte = np.exp(-2.8 * (disparity.astype(float) - level) ** 2)[..., None]
        radius = abs(level)
        padded = np.pad(picture * matte, ((radius, radius), (radius, radius), (0, 0)), "symmetric")
        spread, count = np.zeros(picture.shape), 0
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                if dy * dy + dx * dx <= radius * radius:
                    spread += padded[radius + dy :, radius + dx :][:14, :18]
                    count += 1
        result = result * (1 - matte) + spread / count
    assert paper_equation_3(picture, disparity, DISC) == pytest.approx(result, abs=1e-5)


@pytest.mark.parametrize("layers", [16, 32])
def test_one_layer_is_the_plain_convolution(layers: int) -> None:
    """The light of a lone point: a flat patch with all of its energy."""
    picture = np.zeros((41, 41, 3), np.float32)
    picture[20, 20] = 1000
    blurred = layered_fft(picture, np.full((41, 41), 9.0, np.float32), DISC, layers=layers)
    assert blurred.sum(axis=(0, 1)) == pytest.approx([1000] * 3, rel=1e-5)
    y, x = np.mgrid[-20:21, -20:21]
    inside = blurred[np.hypot(y, x) < 8]
    assert inside == pytest.approx(1000 / (np.pi * 81), rel=5e-3)
    assert np.abs(blurred[np.hypot(y, x) > 10.5]).max() < 1e-6


@pytest.mark.parametrize("method", [classical_scatter, layered_fft, no_blur])
def test_an_even_picture_stays_even(method) -> None:
    even = np.full((24, 30, 3), 0.7, np.float32)
    coc = np.random.default_rng(3).uniform(-6, 6, (24, 30)).astype(np.float32)
    assert method(even, coc, DISC) == pytest.approx(0.7, rel=1e-5)


def test_layers_hide_what_is_behind_them() -> None:
    """A sharp foreground half keeps its colour before a blurred, much brighter background."""
    picture = np.full((30, 40, 3), 0.1, np.float32)
    picture[:, 20:] = 5
    coc = np.zeros((30, 40), np.float32)
    coc[:, 20:] = 8
    assert layered_fft(picture, coc, DISC)[:, :20] == pytest.approx(0.1, rel=1e-4)
    assert classical_scatter(picture, coc, DISC)[:, 18].max() > 0.12


@pytest.mark.parametrize("method", [layered_fft, classical_scatter, paper_equation_3])
def test_a_bladed_opening_shows_upright_behind_and_turned_in_front(method) -> None:
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 1
    three = Aperture(blades=3, curvature=0.0)
    for sign in (1, -1):
        blurred = method(point, np.full((41, 41), 12.0 * sign, np.float32), three)[..., 0]
        columns = np.flatnonzero(blurred[20] > 1e-4) - 20
        # A corner at 12 to one side, a side's middle at half of that to the other
        far, near = (columns.max(), -columns.min())[::sign]
        assert 10 <= far <= 12.5
        assert 5 <= near <= 7


def test_a_squeezed_opening_is_an_upright_oval() -> None:
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 1
    blurred = layered_fft(point, np.full((41, 41), 12.0, np.float32), Aperture(squeeze=2.0))
    assert np.count_nonzero(blurred[20, :, 0] > 1e-4) == 13
    assert np.count_nonzero(blurred[:, 20, 0] > 1e-4) == 25


def test_an_opening_that_they_cannot_draw_is_refused() -> None:
    with pytest.raises(BaselineError, match="straight blades only"):
        layered_fft(_picture(), np.full((20, 26), 3.0, np.float32), Aperture(cat_eye=0.5))
