"""Clipped light is expanded: lamps much, walls little, what is not clipped not at all."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_focus.evaluation.truth import read_exr
from synthetic_focus.scene.expansion import THRESHOLD, expand, raised_by_night

SIZE = (180, 320)


def scene(*discs, ground=0.05):
    """Scene-linear light: antialiased discs of (x, y, radius, colour) on a dark ground."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    light = np.full((*SIZE, 3), ground, np.float32)
    for cx, cy, radius, colour in discs:
        cover = np.clip(radius + 0.5 - np.hypot(x - cx, y - cy), 0, 1)[..., None]
        light = light * (1 - cover) + cover * np.asarray(colour, np.float32)
    return light


def clip(light):
    return np.minimum(light, 1)


def test_only_clipped_pixels_have_a_gain_and_all_of_them_do():
    light = clip(scene((80, 60, 5, 20), (200, 90, 40, (3, 2, 0.2)), (280, 150, 10, 0.9)))

    gain = expand(light)

    clipped = light.max(axis=2) >= THRESHOLD
    assert gain.dtype == np.float32
    assert (gain[clipped] > 0).all()
    assert (gain[~clipped] == 0).all()


def test_a_picture_without_clipping_has_no_gain():
    assert not expand(scene((80, 60, 30, 0.9))).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (7, 3), (271, 481), (360, 640), (540, 961)])
def test_a_picture_of_any_size_is_expanded(size):
    light = np.full((*size, 3), 0.2, np.float32)
    light[size[0] // 2, size[1] // 2] = 1

    gain = expand(light)

    assert np.array_equal(gain > 0, light == 1)


def test_a_lamp_gets_stops_and_a_wall_little():
    lamp = expand(clip(scene((160, 90, 2, 50))))[90, 160]
    window = expand(clip(scene((160, 90, 20, 50))))[90, 160]
    wall = expand(np.ones((*SIZE, 3), np.float32))[90, 160]

    assert lamp.min() > np.log(2**1.5)
    assert lamp.min() > 1.3 * window.max()
    assert window.min() > 1.3 * wall.max()


def test_a_glow_tells_a_brighter_lamp_and_its_colour():
    bare = clip(scene((160, 90, 4, 50)))
    glow = cv2.GaussianBlur(scene((160, 90, 4, (30, 15, 4)), ground=0), (0, 0), 5)
    glowing = clip(bare + glow / glow.max() * np.float32((1.2, 0.6, 0.2)) * (bare < 1))

    lamp, red = expand(bare)[90, 160], expand(glowing)[90, 160]

    assert red.max() > lamp.max()
    assert red[0] > red[1] > red[2]
    assert lamp[0] == pytest.approx(lamp[2])


def test_a_light_that_touches_white_with_one_colour_keeps_its_hue():
    gain = expand(scene((160, 90, 4, (0.95, 0.96, 1.0))))[90, 160]

    assert gain.min() > 0.8 * gain.max() > 0.3


def test_a_colour_far_from_white_is_left_as_it_is():
    gain = expand(clip(scene((160, 90, 4, (5, 0.2, 0.1)))))[90, 160]

    assert gain[1:].max() < 0.01
    assert gain[0] < 0.2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([(160, 90, 4, 9)], [(160.5, 90, 4.5, 9)]),
        ([(156, 90, 4, 9), (165.5, 90, 4, 9)], [(156.5, 90, 4, 9), (164.5, 90, 4, 9)]),
    ],
    ids=["grows", "two touch"],
)
def test_a_lamp_that_changes_a_little_does_not_jump(before, after):
    first, second = clip(scene(*before)), clip(scene(*after))
    a, b = expand(first), expand(second)
    inside = (first.min(axis=2) == 1) & (second.min(axis=2) == 1)

    assert inside.sum() > 30
    assert np.abs(a - b)[inside].max() < 0.15 * a[inside].mean()


def test_a_lamp_that_crosses_the_threshold_does_not_jump():
    below, above = (
        expand(scene((160, 90, 4, THRESHOLD + step)))[90, 160] for step in (-1e-3, 2e-3)
    )

    assert below.max() == 0
    assert 0 < above.max() < 0.1


def test_traced_lights_come_out_nearer_to_their_radiance_than_clipped():
    truth = read_exr(Path(__file__).parents[1] / "evaluation/truth/street/deep.exr")[..., :3]
    shown = clip(truth)
    clipped = shown.max(axis=2) >= THRESHOLD
    missing = np.log(truth[clipped] / shown[clipped])

    error = expand(shown)[clipped] - missing

    assert np.square(error).mean() < 0.75 * np.square(missing).mean()


def test_an_estimated_gain_is_raised_to_the_expansion_by_night_and_kept_by_day():
    lamp = (160, 90, 4, 50)
    small = np.float32(0.2)
    for ground, raised in ((0.05, True), (0.75, False)):
        light = clip(scene(lamp, ground=ground))
        clipped = light >= THRESHOLD
        estimated = np.where(clipped, small, 0).astype(np.float32)
        result = raised_by_night(estimated, light)
        expected = np.maximum(estimated, expand(light)) if raised else estimated
        np.testing.assert_allclose(result, expected, rtol=1e-6)
        assert (result[90, 160] > 2 * small).all() == raised
        assert not result[~clipped].any()


def test_an_estimate_that_is_larger_than_the_expansion_stays():
    light = clip(scene((160, 90, 4, 50)))
    estimated = np.where(light >= THRESHOLD, np.float32(5), 0).astype(np.float32)
    np.testing.assert_array_equal(raised_by_night(estimated, light), estimated)
