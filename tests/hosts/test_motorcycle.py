"""A photograph with measured depth through plug-in, host and worker.

The Middlebury 2014 motorcycle (Scharstein et al., GCPR 2014), which scikit-image carries. What must
come out is worked out here from the thin lens and a plain convolution, without the project's code.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import ndimage, signal
from skimage import data

from synthetic_focus import installed
from synthetic_focus.ofx_host import Host, Instance

# Of the picture as scikit-image has it, by its documentation.
FOCAL_LENGTH_PX = 994.978
BASELINE_M = 0.193001
PRINCIPAL_POINTS_PX = 31.086

ENGINE = (0.5, 0.55)  # from the top left
FOCAL_LENGTH, F_STOP, SENSOR_WIDTH, BLUR_SCALE = 0.050, 1.2, 0.036, 4.0  # metres


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    """(500, 741, 4) uint8."""
    left = data.stereo_motorcycle()[0]
    return np.dstack([left, np.full(left.shape[:2], 255, np.uint8)])


@pytest.fixture(scope="module")
def metres() -> np.ndarray:
    """(500, 741) float32 distance, 0 where nothing was measured."""
    shift = data.stereo_motorcycle()[2]
    with np.errstate(invalid="ignore"):
        distance = BASELINE_M * FOCAL_LENGTH_PX / (shift + PRINCIPAL_POINTS_PX)
    return np.where(np.isfinite(shift), distance, 0).astype(np.float32)


@pytest.fixture(scope="module")
def coc(metres: np.ndarray) -> np.ndarray:
    """Blur radius in pixels by the thin lens, not a number where nothing was measured."""
    height, width = metres.shape
    column, row = int(ENGINE[0] * width), int(ENGINE[1] * height)
    focus = np.median(metres[row - 3 : row + 4, column - 3 : column + 4])
    with np.errstate(divide="ignore"):
        radius = FOCAL_LENGTH**2 / (2 * F_STOP) * (1 - focus / metres) / (focus - FOCAL_LENGTH)
    radius = np.where(metres > 0, radius, np.nan)
    return radius * BLUR_SCALE * width / SENSOR_WIDTH


@pytest.fixture(scope="module")
def effect(photograph: np.ndarray, metres: np.ndarray) -> Iterator[Instance]:
    with pytest.MonkeyPatch.context() as patch, Host() as host:
        patch.setenv("SYNTHETIC_FOCUS_PYTHON", sys.executable)
        plugin = host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle")
        with plugin.create(context="General") as instance:
            instance.clips["Source"].connect(photograph)
            instance.clips["Depth"].connect(np.repeat(metres[..., None], 4, axis=2))
            instance["depth_source"].set("Depth Input")
            labels = instance["depth_convention"].options
            instance["depth_convention"].set(labels.index("Distance in metres"))
            instance["focus_point"].set((ENGINE[0], 1 - ENGINE[1]))
            instance["focal_length"].set(FOCAL_LENGTH * 1000)
            instance["sensor_width"].set(SENSOR_WIDTH * 1000)
            instance["f_stop"].set(F_STOP)
            instance["blur_scale"].set(BLUR_SCALE)
            yield instance
        assert not host.violations


@pytest.fixture(scope="module")
def result(effect: Instance) -> np.ndarray:
    return effect.render(time=0).pixels


def reached_by_blur(coc: np.ndarray) -> np.ndarray:
    """Pixels that something blurred in front of the focus may lie over, generously."""
    unknown_or_in_front = ~(coc > -0.5)
    reach = int(np.ceil(-np.nanmin(coc))) + 2
    return ndimage.binary_dilation(unknown_or_in_front, iterations=reach)


def test_the_engine_keeps_every_bit(
    photograph: np.ndarray, result: np.ndarray, coc: np.ndarray
) -> None:
    sharp = (np.abs(coc) < 0.45) & ~reached_by_blur(coc)
    assert sharp.sum() > 2000
    np.testing.assert_array_equal(result[sharp], photograph[sharp])


def test_the_shelves_lose_their_detail(
    photograph: np.ndarray, result: np.ndarray, coc: np.ndarray
) -> None:
    def detail(picture: np.ndarray, where: np.ndarray) -> float:
        return float(ndimage.laplace(picture[..., 1].astype(np.float64))[where].std())

    behind = ndimage.binary_erosion(coc > 6, iterations=4)  # away from the sharp subject's edge
    assert behind.mean() > 0.2
    assert detail(result, behind) < 0.1 * detail(photograph, behind)
    sharp = np.abs(coc) < 0.4
    assert detail(result, sharp) > 0.7 * detail(photograph, sharp)


def test_the_front_wheel_is_blurred_by_its_own_radius(
    photograph: np.ndarray, result: np.ndarray, coc: np.ndarray
) -> None:
    near = coc < -2
    assert near.sum() > 2000
    assert (result[near] != photograph[near]).any(axis=1).mean() > 0.9


def test_the_wall_is_what_a_disc_of_its_blur_makes_of_it(
    photograph: np.ndarray, result: np.ndarray, coc: np.ndarray
) -> None:
    wall = (slice(15, 75), slice(195, 285))
    around = (slice(0, 105), slice(165, 315))
    radius = float(np.nanmedian(coc[around]))
    assert np.nanmax(np.abs(coc[around] - radius)) < 0.12 * radius
    light = (photograph[..., :3] / 255.0) ** 2.4
    fine = (np.arange(51 * 8) - 51 * 4 + 0.5) / 8  # eight samples across a pixel, for the rim
    disc = (fine[:, None] ** 2 + fine[None] ** 2 <= radius**2).astype(np.float64)
    disc = disc.reshape(51, 8, 51, 8).mean(axis=(1, 3))
    disc /= disc.sum()
    blurred = signal.fftconvolve(light, disc[..., None], mode="same", axes=(0, 1))
    expected = 255 * blurred.clip(0) ** (1 / 2.4)
    difference = np.abs(result[wall][..., :3] - expected[wall])
    assert difference.mean() < 0.4
    assert np.abs(photograph[wall][..., :3] - expected[wall]).mean() > 2


def test_no_light_is_lost(photograph: np.ndarray, result: np.ndarray) -> None:
    before, after = ((picture[..., :3] / 255.0) ** 2.4 for picture in (photograph, result))
    np.testing.assert_allclose(after.mean(axis=(0, 1)), before.mean(axis=(0, 1)), rtol=0.02)
    np.testing.assert_array_equal(result[..., 3], 255)


def test_the_view_of_the_blur_has_the_lens_signs(
    effect: Instance, result: np.ndarray, coc: np.ndarray, photograph: np.ndarray
) -> None:
    effect["view"].set(2)
    view = effect.render(time=0).pixels.astype(int)
    effect["view"].set(0)
    red, blue = view[..., 0], view[..., 2]
    assert (blue[coc > 6] > red[coc > 6]).mean() > 0.99
    assert (red[coc < -3] > blue[coc < -3]).mean() > 0.99
    sharp = np.abs(coc) < 0.9
    np.testing.assert_array_equal(view[sharp], photograph[sharp])
