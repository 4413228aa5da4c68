"""The filter does what equations 7 and 8 say, and leaves no trail."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from synthetic_focus.evaluation import focus_shots
from synthetic_focus.scene import temporal
from synthetic_focus.scene.flow import DisFlow, FlowPair, both_ways
from synthetic_focus.scene.temporal import Look, M, filtered

SIZE = (24, 32)


def still(size=SIZE):
    return FlowPair(np.zeros((*size, 2), np.float32), np.zeros((*size, 2), np.float32))


def noisy_looks(count, size=SIZE, noise=0.01, gains=True, seed=0):
    """A slope with a box before it and a lamp on it, each frame with noise of its own."""
    rng = np.random.default_rng(seed)
    truth = np.tile(np.linspace(0, 1, size[1], dtype=np.float32), (size[0], 1))
    truth[5:15, 8:14] = 1.2
    lamp = np.zeros((*size, 3), np.float32)
    lamp[2:6, 20:25] = (1.0, 0.7, 0.0)
    looks = []
    for _ in range(count):
        disparity = truth + rng.normal(scale=noise, size=size).astype(np.float32)
        gain = lamp * np.exp(rng.normal(scale=0.1, size=(*size, 1))).astype(np.float32)
        grey = rng.integers(100, 110, size).astype(np.uint8)
        looks.append(Look(grey, disparity.astype(np.float32), gain if gains else None))
    return truth, lamp, looks


def bilinear(plane, x, y):
    x0, y0 = min(int(x), plane.shape[1] - 2), min(int(y), plane.shape[0] - 2)
    u, v = x - x0, y - y0
    corners = plane[y0 : y0 + 2, x0 : x0 + 2].astype(np.float64)
    return np.tensordot([[(1 - u) * (1 - v), u * (1 - v)], [(1 - u) * v, u * v]], corners, 2), (
        corners,
        np.array([[(1 - u) * (1 - v), u * (1 - v)], [(1 - u) * v, u * v]]),
    )


def weighted(values, weights, scale):
    values, weights = np.array(values), np.array(weights)
    outlier = [np.exp(-np.median(np.abs(values - value)) / scale) for value in values]
    weights = weights * outlier
    return (weights * values).sum() / weights.sum()


def slow(looks, flows):
    """Equations 7 and 8, pixel by pixel."""
    last = looks[-1]
    spread = max(np.ptp(np.percentile(k.disparity[::4, ::4], (2, 98))) for k in looks)
    scale = temporal.DISPARITY_SCALE * spread
    height, width = last.disparity.shape
    disparity = np.zeros((height, width))
    gains = np.zeros((height, width, 3))
    for row in range(height):
        for column in range(width):
            first = temporal.AGES[0]
            values, weights = [float(last.disparity[row, column])], [first]
            light = [([float(g)], [first]) for g in last.log_gain[row, column]]
            x, y, match = float(column), float(row), 1.0
            past = zip(looks[-2::-1], flows[::-1], temporal.AGES[1 : len(looks)], strict=True)
            for look, pair, age in past:
                step = bilinear(pair.backward, x, y)[0]
                x, y = x + step[0], y + step[1]
                if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                    break
                mismatch = np.linalg.norm(step + bilinear(pair.forward, x, y)[0])
                match *= max(0.0, 1 - (mismatch / temporal.MISMATCH) ** 2)
                change = bilinear(look.grey, x, y)[0] - float(last.grey[row, column])
                weight = age * match * max(0.0, 1 - (change / temporal.CHANGE) ** 2)
                if not weight:
                    continue
                value, (corners, shares) = bilinear(look.disparity, x, y)
                if np.ptp(corners) > scale:
                    value = corners.flat[np.argmax(shares)]
                values.append(float(value))
                weights.append(weight)
                for channel in range(3):
                    _, (corners, shares) = bilinear(look.log_gain[..., channel], x, y)
                    shares = shares * (corners > 0)
                    if shares.sum() > 0:
                        light[channel][0].append((shares * corners).sum() / shares.sum())
                        light[channel][1].append(weight)
            disparity[row, column] = weighted(values, weights, scale)
            for channel in range(3):
                if last.log_gain[row, column, channel] > 0:
                    gains[row, column, channel] = weighted(*light[channel], temporal.GAIN_SCALE)
    return disparity, gains


def wavy_flows(count, size=SIZE, seed=1):
    """Flows of a few pixels that close within and beyond the largest mismatch."""
    rng = np.random.default_rng(seed)
    flows = []
    for _ in range(count):
        coarse = rng.normal(scale=2, size=(4, 5, 2)).astype(np.float32)
        backward = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
        error = cv2.resize(rng.normal(scale=0.3, size=(4, 5, 2)).astype(np.float32), size[::-1])
        flows.append(FlowPair(-backward + error, backward))
    return flows


def test_it_is_what_the_equations_say_pixel_by_pixel():
    _, _, looks = noisy_looks(5)
    flows = wavy_flows(4)

    disparity, gain = filtered(looks, flows)

    expected, expected_gain = slow(looks, flows)
    assert np.abs(expected - looks[-1].disparity).max() > 0.01  # there is something to compare
    np.testing.assert_allclose(disparity, expected, atol=2e-5)
    np.testing.assert_allclose(gain, expected_gain, atol=2e-5)


def test_noise_on_a_still_scene_falls_as_the_number_of_frames():
    """And flicker by more: its variance to 1/84 with a parabola, to 1/49 with equal weights."""
    truth, lamp, looks = noisy_looks(M + 2, size=(120, 160))
    before, _ = filtered(looks[:-1], [still((120, 160))] * M)
    looks = looks[1:]

    disparity, gain = filtered(looks, [still((120, 160))] * M)

    error, raw = disparity - truth, looks[-1].disparity - truth
    assert error.var() / raw.var() == pytest.approx(0.155, rel=0.15)
    flicker = looks[-1].disparity - looks[-2].disparity
    assert (disparity - before).var() / flicker.var() == pytest.approx(168 / 84**2 / 2, rel=0.15)
    assert abs(error.mean()) < 1e-3
    clipped = lamp > 0
    assert (gain - lamp)[clipped].std() < 0.6 * (looks[-1].log_gain - lamp)[clipped].std()


def test_a_constant_stays_exactly_what_it_is():
    size = (40, 50)
    grey = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    value = np.full(size, 0.3, np.float32)
    gain = np.full((*size, 3), 0.7, np.float32)

    disparity, light = filtered([Look(grey, value, gain)] * 5, wavy_flows(4, size))

    assert np.array_equal(disparity, value)
    assert np.array_equal(light, gain)


def test_one_frame_alone_stays_as_it_is():
    _, _, (look,) = noisy_looks(1)

    disparity, gain = filtered([look], [])

    assert np.array_equal(disparity, look.disparity)
    assert np.array_equal(gain, look.log_gain)


def test_a_frame_unlike_the_others_is_rejected_whether_past_or_current():
    truth, _, looks = noisy_looks(M + 1, noise=0.002)
    for odd in (3, M):
        wrong = Look(looks[odd].grey, looks[odd].disparity + np.float32(0.5), looks[odd].log_gain)
        disparity, _ = filtered([*looks[:odd], wrong, *looks[odd + 1 :]], [still()] * M)

        assert np.abs(disparity - truth).max() < 0.01


def test_unclipped_pixels_keep_no_gain_and_clipped_ones_do_not_learn_from_unclipped():
    _, lamp, looks = noisy_looks(M + 1)
    dark = [Look(k.grey, k.disparity, k.log_gain * np.float32(0)) for k in looks[:3]]

    _, gain = filtered([*dark, *looks[3:]], [still()] * M)

    assert np.array_equal(gain == 0, lamp == 0)
    assert np.abs(gain[lamp > 0] - lamp[lamp > 0]).max() < 0.25


def test_a_frame_without_light_gives_none_and_is_passed_over():
    _, lamp, looks = noisy_looks(4)
    blind = [Look(k.grey, k.disparity) for k in looks]

    assert filtered([*looks[:3], blind[3]], [still()] * 3)[1] is None
    _, gain = filtered([blind[0], blind[1], *looks[2:]], [still()] * 3)
    assert np.abs(gain[lamp > 0] - lamp[lamp > 0]).max() < 0.35


def test_only_the_last_frames_count_so_any_frame_first_gives_what_all_in_order_give():
    _, _, looks = noisy_looks(12)
    flows = wavy_flows(11)

    whole = [filtered(looks[: i + 1], flows[:i]) for i in range(12)]

    for i in (11, 3, 7, 0):
        first = max(0, i - M)
        disparity, gain = filtered(looks[first : i + 1], flows[first:i])
        assert np.array_equal(disparity, whole[i][0])
        assert np.array_equal(gain, whole[i][1])


def test_what_left_or_came_into_the_picture_is_not_averaged():
    _, _, looks = noisy_looks(2, size=SIZE)
    pan = FlowPair(np.full((*SIZE, 2), 0, np.float32), np.full((*SIZE, 2), 0, np.float32))
    pan.forward[..., 0], pan.backward[..., 0] = -8, 8  # the last 8 columns are new

    disparity, _ = filtered(looks, [pan])

    assert np.array_equal(disparity[:, -8:], looks[1].disparity[:, -8:])
    assert not np.array_equal(disparity[:, :-8], looks[1].disparity[:, :-8])


def test_a_moving_subject_leaves_no_trail():
    shot = focus_shots.crossing()
    frames = range(40, 40 + M + 1)
    greys = [cv2.cvtColor(shot.images[i], cv2.COLOR_BGR2GRAY) for i in frames]
    looks = [Look(grey, shot.disparity[i]) for grey, i in zip(greys, frames, strict=True)]
    flow = DisFlow()
    flows = [both_ways(flow, a, b) for a, b in pairwise(greys)]

    disparity, _ = filtered(looks, flows)

    now, before = looks[-1].disparity, looks[0].disparity
    uncovered = cv2.erode((before > now + 0.2).astype(np.uint8), np.ones((3, 3))) > 0
    assert uncovered.sum() > 500
    wrong = np.abs(disparity - now) > 0.1
    assert wrong[uncovered].mean() < 0.05
    blind = np.mean([look.disparity for look in looks], axis=0)
    assert (np.abs(blind - now) > 0.1)[uncovered].mean() > 0.8


@pytest.mark.parametrize(
    ("looks", "flows"),
    [([], []), (noisy_looks(3)[2], [still()]), (noisy_looks(2)[2], [still((24, 31))])],
)
def test_frames_and_flows_that_do_not_fit_are_refused(looks, flows):
    with pytest.raises(ValueError, match="frames"):
        filtered(looks, flows)


def surface_and_floor(size=(120, 200)):
    """A thing at 0.5 before a floor from 0.1 to 0.3, and where the thing is."""
    thing = np.zeros(size, bool)
    thing[30:90, 80:130] = True
    floor = np.tile(np.linspace(0.1, 0.3, size[0], dtype=np.float32)[:, None], (1, size[1]))
    return np.where(thing, np.float32(0.5), floor), thing


def test_a_surface_that_was_averaged_in_patches_becomes_one_again():
    current, thing = surface_and_floor()
    averaged = np.where(thing, current - np.float32(0.1), current)
    patch = np.zeros_like(thing)
    patch[50:54, 100:106] = True
    averaged[patch] = current[patch]  # could not be followed, and keeps the new level
    found = temporal.coherent(current, averaged)
    assert np.abs(found[patch] - found[thing & ~patch].mean()).max() < 0.02
    assert np.abs(found - averaged)[~thing].max() < 0.01


def test_a_patch_that_the_mean_left_on_a_surface_has_no_edge():
    """A step within a surface is a crack when a wide lens looks at it."""
    rows = np.linspace(0, 1, 360, dtype=np.float32)
    current = np.repeat(rows[:, None], 640, axis=1)
    patch = np.zeros(current.shape, bool)
    patch[100:260, 200:420] = True
    averaged = (current + np.float32(0.04) * patch).astype(np.float32)
    change = temporal.coherent(current, averaged) - current
    steps = [float(np.abs(np.diff(change, axis=axis)).max()) for axis in (0, 1)]
    assert max(steps) < 0.4 * 0.04


def test_noise_that_was_averaged_away_stays_away():
    truth, _ = surface_and_floor()
    rng = np.random.default_rng(0)
    noisy = (truth + rng.normal(0, 0.001, truth.shape)).astype(np.float32)
    found = temporal.coherent(noisy, truth)
    assert np.abs(found - truth).mean() < 0.15 * np.abs(noisy - truth).mean()


def test_what_was_not_changed_is_the_same_bits():
    current, _ = surface_and_floor()
    np.testing.assert_array_equal(temporal.coherent(current, current.copy()), current)
    flat = np.full((9, 9), 0.3, np.float32)
    np.testing.assert_array_equal(temporal.coherent(flat, flat + 1), flat + 1)
