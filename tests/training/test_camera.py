"""The simulated camera, and scenes made from scenes."""

import numpy as np
import pytest

from synthetic_focus.training import augment
from synthetic_focus.training.augment import View
from synthetic_focus.training.camera import encoded, photograph

from .conftest import scene


def _view(seed: int) -> View:
    sample = scene(seed)
    assert sample.disparity is not None
    return View(sample.deep, sample.disparity)


def test_the_clean_curve_is_srgb() -> None:
    light = np.array([-1, 0, 0.0031308, 0.18, 1, 9], np.float32)
    assert encoded(light) == pytest.approx([0, 0, 0.04045, 0.4614, 1, 1], abs=1e-4)


@pytest.mark.parametrize("seed", range(40))
def test_every_camera_gives_a_picture_and_what_it_lost(seed: int) -> None:
    light = scene(seed).deep
    taken = photograph(light, np.random.default_rng(seed))
    for map_ in (taken.picture, taken.log_gain):
        assert map_.shape == light.shape
        assert map_.dtype == np.float32
        assert np.isfinite(map_).all()
    assert taken.picture.min() >= 0
    assert taken.picture.max() <= 1
    assert taken.log_gain.min() >= 0
    assert taken.picture.std() > 0.02


def test_one_seed_is_one_camera() -> None:
    light = scene(1).deep
    first, again = (photograph(light, np.random.default_rng(5)) for _ in range(2))
    other = photograph(light, np.random.default_rng(6))
    assert np.array_equal(first.picture, again.picture)
    assert not np.array_equal(first.picture, other.picture)


def test_brighter_lights_have_lost_more() -> None:
    """Two lights that look alike, one 4 times as bright: the logarithms differ by log 4."""
    light = np.full((64, 64, 3), 0.1, np.float32)
    light[10:20, 10:20], light[40:50, 40:50] = 20, 80
    differences = []
    for seed in range(20):
        gain = photograph(light, np.random.default_rng(seed)).log_gain
        differences.append(float(np.median(gain[44:46, 44:46]) - np.median(gain[14:16, 14:16])))
    assert np.median(differences) == pytest.approx(np.log(4), abs=0.1)


def test_framing_moves_light_and_disparity_together() -> None:
    """Light that is a function of disparity is the same function afterwards, off the edges."""
    rows = np.linspace(0.1, 1, 80, dtype=np.float32)[:, None].repeat(120, 1)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        view = augment.framed(View(np.stack([rows] * 3, 2), rows), (64, 48), rng)
        assert view.radiance.shape == (48, 64, 3)
        assert view.disparity.shape == (48, 64)
        error = np.abs(view.radiance[..., 0] - view.disparity)[6:-6, 6:-6]
        assert error.max() < 0.012  # a pixel of the original


def test_framing_mirrors_left_and_right_and_never_up_and_down() -> None:
    y, x = np.mgrid[0:80, 0:120].astype(np.float32)
    directions = []
    for seed in range(20):
        for number, ramp in enumerate((x, y)):
            view = augment.framed(
                View(np.stack([ramp] * 3, 2), ramp), (60, 40), np.random.default_rng(seed)
            )
            step = np.diff(view.disparity, axis=1 - number).mean()
            directions.append((number, bool(step > 0)))
    assert {(0, True), (0, False), (1, True)} == set(directions)


def test_of_two_scenes_the_nearer_is_seen() -> None:
    first, second = _view(1), _view(2)
    both = augment.merged(first, second)
    assert np.array_equal(both.disparity, np.maximum(first.disparity, second.disparity))
    of_first = both.disparity > second.disparity
    assert np.array_equal(both.radiance[of_first], first.radiance[of_first])
    assert np.array_equal(
        both.radiance[second.disparity > first.disparity],
        second.radiance[second.disparity > first.disparity],
    )


def test_other_pigments_keep_white_and_the_sum_of_all_channels() -> None:
    radiance, white = _view(3).radiance, np.full((4, 4, 3), 2.5, np.float32)
    changes = []
    for seed in range(12):
        other = augment.recoloured(radiance, np.random.default_rng(seed))
        np.testing.assert_allclose(other.sum(axis=2), radiance.sum(axis=2), rtol=1e-4)
        changes.append(float(np.abs(other - radiance).mean()))
        of_white = augment.recoloured(white, np.random.default_rng(seed))
        np.testing.assert_allclose(of_white, white, rtol=1e-6)
    assert max(changes) > 0.02


def test_things_stand_before_what_is_farther_and_behind_what_is_nearer() -> None:
    view, changed = _view(3), 0
    for seed in range(30):
        after = augment.with_standing(view, _view(4).radiance, np.random.default_rng(seed))
        new = after.disparity != view.disparity
        assert np.unique(after.disparity[new]).size <= 1
        assert (after.disparity >= view.disparity * 0.979).all()
        changed += bool(new.any())
    assert changed > 10


def test_relative_disparity_ends_near_1_and_keeps_infinity_at_0() -> None:
    disparity = np.linspace(0, 4, 10000, dtype=np.float32).reshape(100, 100)
    relative = augment.relative(disparity)
    assert relative[0, 0] == 0
    assert relative.max() == pytest.approx(1 / 0.98, rel=0.02)
    assert np.allclose(relative, augment.relative(disparity * 7), atol=1e-6)
    assert (augment.relative(disparity * 0) == 0).all()
