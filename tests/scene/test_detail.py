"""Details of one map at the distances of another."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthetic_focus.scene.detail import detailed

Map = NDArray[np.float32]


def _scene(height: int = 270, width: int = 480) -> Map:
    """A ground that comes nearer, and somebody on it whose head is 12 pixels wide."""
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    scene = np.broadcast_to(np.maximum(0.1, rows - 0.4), (height, width)).copy()
    scene[90:220, 200:240] = 0.5
    scene[66:90, 214:226] = 0.5
    return scene


def _error(found: Map, truth: Map) -> float:
    return float(np.abs(found - truth).mean())


def test_what_is_the_layout_already_stays() -> None:
    scene = _scene()
    np.testing.assert_allclose(detailed(scene, scene), scene, atol=2e-4)


@pytest.mark.parametrize(("slope", "offset"), [(0.7, 0.0), (1.3, -0.02), (1.0, 0.2)])
def test_details_come_to_lie_at_the_distances_of_the_layout(slope: float, offset: float) -> None:
    scene = _scene()
    wrong = (slope * scene + offset).astype(np.float32)
    found = detailed(scene, wrong)
    assert _error(found, scene) < 0.25 * _error(wrong, scene)


def test_a_head_that_the_layout_does_not_see_comes_from_the_details() -> None:
    scene = _scene()
    layout = gaussian_filter(scene, 9).astype(np.float32)
    detail = (0.8 * scene + 0.1).astype(np.float32)
    found = detailed(layout, detail)
    head, body = found[72:86, 216:224].mean(), found[110:200, 205:235].mean()
    assert layout[72:86, 216:224].mean() < 0.7 * layout[110:200, 205:235].mean()
    assert head > 0.8 * body
    assert found[78, 214] - found[78, 213] > 0.2  # its outline is as sharp as the details'
    around = np.s_[60:95, 200:240]
    assert _error(found[around], scene[around]) < 0.6 * _error(layout[around], scene[around])
    assert _error(found, scene) < min(_error(layout, scene), _error(detail, scene))


def test_there_is_no_rim_around_things() -> None:
    scene = _scene()
    far = np.where(scene > 0.4, 0.5, 0.1).astype(np.float32)
    found = detailed(gaussian_filter(far, 6).astype(np.float32), far)
    beside = found[120:180, 242:300]
    assert beside.min() > 0.05
    assert np.ptp(beside) < 0.06


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3, 2), (37, 53)])
def test_any_size(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    layout, detail = rng.random((2, *size), dtype=np.float32)
    found = detailed(layout, detail)
    assert found.shape == size
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
