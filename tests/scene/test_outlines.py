"""Outlines that are known, against those that are found in a soft map and a picture."""

import cv2
import numpy as np
import pytest

from synthetic_focus import _native
from synthetic_focus.scene.outlines import aligned

SIZE = (270, 480)
NEAR, FAR = 0.6, 0.2
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
CELL = 5  # px that a network of the built-in one's kind would see as one


def figure():
    """A head on a body with two legs: (H, W) bool."""
    shape = np.zeros(SIZE, np.uint8)
    cv2.ellipse(shape, (240, 70), (16, 20), 0, 0, 360, 1, -1)
    cv2.ellipse(shape, (240, 150), (34, 66), 0, 0, 360, 1, -1)
    cv2.rectangle(shape, (218, 200), (230, 262), 1, -1)
    cv2.rectangle(shape, (248, 200), (260, 262), 1, -1)
    return shape.view(bool)


def street(shape, contrast=1.0, seed=0):
    """Dark clothes before signs of all colours, with a camera's noise: (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    signs = cv2.resize(rng.uniform(0, 1, (27, 48, 3)), SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    signs = 0.15 + contrast * (0.25 + 0.6 * signs)
    clothes = cv2.resize(rng.uniform(0.05, 0.17, (54, 96, 3)), SIZE[::-1])
    picture = np.where(shape[..., None], clothes, signs)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7) + rng.normal(0, 0.008, picture.shape)
    return np.uint8(np.clip(picture * 255 + 0.5, 0, 255))


def soft(truth, shift=(0, 0)):
    """What a network that sees a small picture makes of a map, some pixels off."""
    small = cv2.resize(truth, (SIZE[1] // CELL, SIZE[0] // CELL), interpolation=cv2.INTER_AREA)
    large = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.7), SIZE[::-1])
    return cv2.warpAffine(
        large,
        np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]),
        SIZE[::-1],
        borderMode=cv2.BORDER_REPLICATE,
    )


def levels(shape):
    rows = np.linspace(0, 0.05, SIZE[0], dtype=np.float32)[:, None]
    return np.where(shape, np.float32(NEAR), np.float32(FAR) + rows).astype(np.float32)


def wrong(map_, shape):
    return (map_ > (NEAR + FAR) / 2) != shape


@pytest.mark.parametrize("contrast", [1.0, 0.3])
@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (-2, 3)])
def test_an_outline_that_is_soft_and_off_comes_to_lie_on_the_things_own(shift, contrast):
    shape = figure()
    map_ = soft(levels(shape), shift)
    found = aligned(map_, street(shape, contrast))
    # The pixels that show something of both are the nearer one's.
    whole = cv2.dilate(shape.view(np.uint8), CROSS).view(bool)
    before, after = wrong(map_, whole), wrong(found, whole)
    assert after.sum() < 0.35 * before.sum()
    assert wrong(found, shape)[shape].sum() < 0.1 * before.sum()
    # What is left is beside the outline, but for hair and hems that are hardly seen.
    rim = cv2.morphologyEx(shape.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    assert (after & (rim == 0)).sum() < 0.002 * shape.sum()


def test_it_is_hard_and_of_the_levels_beside_it():
    shape = figure()
    found = aligned(soft(levels(shape)), street(shape))
    body = cv2.erode(shape.view(np.uint8), np.ones((5, 5), np.uint8)).view(bool)
    behind = cv2.dilate(shape.view(np.uint8), np.ones((5, 5), np.uint8)) == 0
    assert np.abs(found - levels(shape))[body & (np.arange(SIZE[0]) < 200)[:, None]].max() < 0.05
    assert np.abs(found - levels(shape))[behind].mean() < 0.003
    between = (found > FAR + 0.12) & (found < NEAR - 0.12)
    assert between.mean() < 0.0005


def test_there_are_no_specks():
    """Studs on clothes and dark gaps in signs, beside the outline, are no holes and no islands."""
    shape = figure()
    picture = street(shape)
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        for share, shade in ((0.87, 230), (1.16, 20)):
            x, y = 240 + 34 * share * np.cos(angle), 150 + 66 * share * np.sin(angle)
            cv2.circle(picture, (round(x), round(y)), 2, (shade,) * 3, -1)
    found = aligned(soft(levels(shape), (2, 1)), picture) > (NEAR + FAR) / 2
    for side in (found, ~found):
        _, _, stats, _ = cv2.connectedComponentsWithStats(side.view(np.uint8), connectivity=4)
        assert stats[1:, cv2.CC_STAT_AREA].min() > 40


def test_where_the_picture_shows_nothing_the_maps_outline_stays_in_place():
    shape = np.zeros(SIZE, bool)
    shape[:, 200:] = True
    found = aligned(soft(levels(shape)), np.full((*SIZE, 3), 90, np.uint8))
    assert np.abs((found > (NEAR + FAR) / 2).sum(axis=1) - 280).max() <= 1


def test_a_map_that_is_hard_by_itself_is_the_same():
    shape = figure()
    sharp = np.where(shape, np.float32(NEAR), np.float32(FAR))
    np.testing.assert_array_equal(aligned(sharp, street(~shape)), sharp)


def test_a_slope_and_low_steps_are_the_same_map():
    slope = np.tile(np.linspace(0, 1, SIZE[0], dtype=np.float32)[:, None], (1, SIZE[1]))
    slope[:, 240:] += 0.05
    assert aligned(slope, street(figure())) is slope


def test_a_constant_map_is_the_same_map():
    flat = np.full(SIZE, 0.3, np.float32)
    assert aligned(flat, street(figure())) is flat


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 1)])
def test_maps_of_a_few_pixels_are_taken(size):
    map_ = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size)
    found = aligned(map_, np.zeros((*size, 3), np.uint8))
    assert found.shape == size
    assert np.isfinite(found).all()


def test_relaxed_values_are_the_solution_of_the_linear_equations():
    rng = np.random.default_rng(3)
    height, width = 7, 9
    values, prior = rng.uniform(0, 1, (2, height, width)).astype(np.float32)
    across, down = rng.uniform(0, 1, (2, height, width)).astype(np.float32)
    free = rng.uniform(0, 1, (height, width)) < 0.7
    pull = 0.05
    matrix, right = np.zeros((height * width,) * 2), np.zeros(height * width)
    for y in range(height):
        for x in range(width):
            i = y * width + x
            if not free[y, x]:
                matrix[i, i], right[i] = 1, values[y, x]
                continue
            matrix[i, i], right[i] = pull, pull * prior[y, x]
            for v, u, tie in (
                (y, x - 1, across[y, x - 1] if x else 0),
                (y, x + 1, across[y, x]),
                (y - 1, x, down[y - 1, x] if y else 0),
                (y + 1, x, down[y, x]),
            ):
                if 0 <= v < height and 0 <= u < width:
                    matrix[i, i] += tie
                    matrix[i, v * width + u] -= tie
    found = _native.relaxed(
        values, free.view(np.uint8), across=across, down=down, prior=prior, pull=pull, sweeps=60
    )
    expected = np.linalg.solve(matrix, right).reshape(height, width)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found[~free], values[~free])
