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


def slow(looks, flows, now):
    """Equations 7 and 8, pixel by pixel, both ways."""
    current = looks[now]
    spread = max(np.ptp(np.percentile(k.disparity[::4, ::4], (2, 98))) for k in looks)
    scale = temporal.DISPARITY_SCALE * spread
    height, width = current.disparity.shape
    disparity = np.zeros((height, width))
    gains = np.zeros((height, width, 3))
    counts = [(now + 1 + k) * (len(looks) - now - k) for k in range(-now, len(looks) - now)]
    # To each other frame from its neighbour: there, and back.
    ways = (
        [(i, flows[i].backward, flows[i].forward) for i in range(now - 1, -1, -1)],
        [(i, flows[i - 1].forward, flows[i - 1].backward) for i in range(now + 1, len(looks))],
    )
    for row in range(height):
        for column in range(width):
            first = counts[now]
            values, weights = [float(current.disparity[row, column])], [first]
            light = [([float(g)], [first]) for g in current.log_gain[row, column]]
            for way in ways:
                x, y, match = float(column), float(row), 1.0
                for i, there, back in way:
                    step = bilinear(there, x, y)[0]
                    x, y = x + step[0], y + step[1]
                    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                        break
                    mismatch = np.linalg.norm(step + bilinear(back, x, y)[0])
                    match *= max(0.0, 1 - (mismatch / temporal.MISMATCH) ** 2)
                    change = bilinear(looks[i].grey, x, y)[0] - float(current.grey[row, column])
                    weight = counts[i] * match * max(0.0, 1 - (change / temporal.CHANGE) ** 2)
                    if not weight:
                        continue
                    value, (corners, shares) = bilinear(looks[i].disparity, x, y)
                    if np.ptp(corners) > scale:
                        value = corners.flat[np.argmax(shares)]
                    values.append(float(value))
                    weights.append(weight)
                    for channel in range(3):
                        _, (corners, shares) = bilinear(looks[i].log_gain[..., channel], x, y)
                        shares = shares * (corners > 0)
                        if shares.sum() > 0:
                            light[channel][0].append((shares * corners).sum() / shares.sum())
                            light[channel][1].append(weight)
            disparity[row, column] = weighted(values, weights, scale)
            for channel in range(3):
                if current.log_gain[row, column, channel] > 0:
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


@pytest.mark.parametrize("now", [0, 1, 3, 4])
def test_it_is_what_the_equations_say_pixel_by_pixel(now):
    _, _, looks = noisy_looks(5)
    flows = wavy_flows(4)

    disparity, gain = filtered(looks, flows, now)

    expected, expected_gain = slow(looks, flows, now)
    assert np.abs(expected - looks[now].disparity).max() > 0.01  # there is something to compare
    np.testing.assert_allclose(disparity, expected, atol=2e-5)
    np.testing.assert_allclose(gain, expected_gain, atol=2e-5)


@pytest.mark.parametrize(("before", "after"), [(M, M), (M, 0), (0, M), (2, M)])
def test_noise_on_a_still_scene_falls_as_the_weights_say(before, after):
    """And flicker by more, since from one frame to the next the weights hardly change."""
    size = (120, 160)
    # Where the window is not full it grows with the next frame.
    count = before + after + 2
    truth, lamp, looks = noisy_looks(count, size=size, noise=0.003)
    flows = [still(size)] * (count - 1)
    offset = np.arange(-before, after + 1)
    counts = np.polyval([-1, after - before, (before + 1) * (after + 1)], offset)
    assert counts.min() > 0
    shares = counts / counts.sum()

    disparity, gain = filtered(looks[:-1], flows[:-1], before)

    error, raw = disparity - truth, looks[before].disparity - truth
    assert error.var() / raw.var() == pytest.approx(np.square(shares).sum(), rel=0.1)
    assert abs(error.mean()) < 1e-3
    clipped = lamp > 0
    assert (gain - lamp)[clipped].std() < 0.6 * (looks[before].log_gain - lamp)[clipped].std()
    if before == M:
        following, _ = filtered(looks[1:], flows[1:], before)
        flicker = looks[before + 1].disparity - looks[before].disparity
        change = np.diff(shares, prepend=0, append=0)
        expected = np.square(change).sum() / 2
        assert (following - disparity).var() / flicker.var() == pytest.approx(expected, rel=0.15)


def test_a_drift_is_left_as_it_is_by_a_mean_with_as_much_after_as_before():
    """A mean of the frames before is late by three of them."""
    truth, _, _ = noisy_looks(1)
    grey = np.full(SIZE, 100, np.uint8)
    drift = np.float32(0.001)
    looks = [Look(grey, truth + drift * i) for i in range(2 * M + 1)]
    flows = [still()] * (2 * M)

    centred, _ = filtered(looks, flows, M)
    late, _ = filtered(looks[: M + 1], flows[:M], M)
    early, _ = filtered(looks[M:], flows[M:], 0)

    np.testing.assert_allclose(centred, looks[M].disparity, atol=2e-6)
    np.testing.assert_allclose(late, looks[M].disparity - 3 * drift, atol=2e-4)
    np.testing.assert_allclose(early, looks[M].disparity + 3 * drift, atol=2e-4)


def test_the_window_opens_and_closes_at_a_shots_ends_without_a_jump():
    """Of one wrong frame, whatever the frame: its share changes little from frame to frame."""
    count = 20
    for odd in range(count):
        shares = []
        for now in range(count):
            first, last = max(0, now - M), min(count - 1, now + M)
            weights = temporal.shares(now - first, last - now)
            inside = first <= odd <= last
            shares.append(weights[odd - first] / sum(weights) if inside else 0.0)
        assert np.abs(np.diff(shares)).max() < 0.085  # one seventh with equal weights
        assert max(shares) < 0.2


def test_a_constant_stays_exactly_what_it_is():
    size = (40, 50)
    grey = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    value = np.full(size, 0.3, np.float32)
    gain = np.full((*size, 3), 0.7, np.float32)

    disparity, light = filtered([Look(grey, value, gain)] * 5, wavy_flows(4, size), 2)

    assert np.array_equal(disparity, value)
    assert np.array_equal(light, gain)


def test_one_frame_alone_stays_as_it_is():
    _, _, (look,) = noisy_looks(1)

    disparity, gain = filtered([look], [], 0)

    assert np.array_equal(disparity, look.disparity)
    assert np.array_equal(gain, look.log_gain)


@pytest.mark.parametrize("odd", [0, 3, M, M + 2, 2 * M])
def test_a_frame_unlike_the_others_is_rejected_wherever_it_is(odd):
    truth, _, looks = noisy_looks(2 * M + 1, noise=0.002)
    wrong = Look(looks[odd].grey, looks[odd].disparity + np.float32(0.5), looks[odd].log_gain)
    looks[odd] = wrong

    for first, last in ((0, M), (0, 2 * M), (M, 2 * M)):
        flows = [still()] * (last - first)
        disparity, _ = filtered(looks[first : last + 1], flows, M - first)

        assert np.abs(disparity - truth).max() < 0.01


@pytest.mark.parametrize("now", [0, 3, M])
def test_unclipped_pixels_keep_no_gain_and_clipped_ones_do_not_learn_from_unclipped(now):
    _, lamp, looks = noisy_looks(M + 1)
    dark = (1, 2, 4)
    for i in dark:
        looks[i] = Look(looks[i].grey, looks[i].disparity, looks[i].log_gain * np.float32(0))

    _, gain = filtered(looks, [still()] * M, now)

    assert np.array_equal(gain == 0, lamp == 0)
    assert np.abs(gain[lamp > 0] - lamp[lamp > 0]).max() < 0.25


def test_a_frame_without_light_gives_none_and_is_passed_over():
    _, lamp, looks = noisy_looks(4)
    blind = [Look(k.grey, k.disparity) for k in looks]

    for now in (0, 3):
        seen = [*looks[:now], blind[now], *looks[now + 1 :]]
        assert filtered(seen, [still()] * 3, now)[1] is None
    for now, seen in ((3, [*blind[:2], *looks[2:]]), (0, [*looks[:2], *blind[2:]])):
        _, gain = filtered(seen, [still()] * 3, now)
        assert np.abs(gain[lamp > 0] - lamp[lamp > 0]).max() < 0.35


def test_only_the_nearest_frames_count_so_any_frame_first_gives_what_all_in_order_give():
    _, _, looks = noisy_looks(16)
    flows = wavy_flows(15)

    for i in (15, 3, 8, 7, 0):
        whole, whole_gain = filtered(looks, flows, i)
        first, end = max(0, i - M), min(16, i + M + 1)
        disparity, gain = filtered(looks[first:end], flows[first : end - 1], i - first)
        assert np.array_equal(disparity, whole)
        assert np.array_equal(gain, whole_gain)


def test_what_left_or_came_into_the_picture_is_not_averaged():
    _, _, looks = noisy_looks(3, size=SIZE)
    pan = FlowPair(np.full((*SIZE, 2), 0, np.float32), np.full((*SIZE, 2), 0, np.float32))
    pan.forward[..., 0], pan.backward[..., 0] = -8, 8  # the last 8 columns are new, the first leave

    came, _ = filtered(looks[:2], [pan], 1)
    leaves, _ = filtered(looks[1:], [pan], 0)

    now = looks[1].disparity
    assert np.array_equal(came[:, -8:], now[:, -8:])
    assert not np.array_equal(came[:, :-8], now[:, :-8])
    assert np.array_equal(leaves[:, :8], now[:, :8])
    assert not np.array_equal(leaves[:, 8:], now[:, 8:])


def test_a_moving_subject_leaves_no_trail_and_sends_no_ghost_ahead():
    shot = focus_shots.crossing()
    frames = range(40 - M, 40 + M + 1)
    greys = [cv2.cvtColor(shot.images[i], cv2.COLOR_BGR2GRAY) for i in frames]
    looks = [Look(grey, shot.disparity[i]) for grey, i in zip(greys, frames, strict=True)]
    flow = DisFlow()
    flows = [both_ways(flow, a, b) for a, b in pairwise(greys)]

    disparity, _ = filtered(looks, flows, M)

    now = looks[M].disparity
    wrong = np.abs(disparity - now) > 0.1
    for other, side in ((looks[0], looks[: M + 1]), (looks[-1], looks[M:])):
        elsewhere = (other.disparity > now + 0.2).astype(np.uint8)
        beside = cv2.erode(elsewhere, np.ones((3, 3))) > 0
        assert beside.sum() > 500
        assert wrong[beside].mean() < 0.05
        blind = np.mean([look.disparity for look in side], axis=0)
        assert (np.abs(blind - now) > 0.1)[beside].mean() > 0.8


@pytest.mark.parametrize(
    ("looks", "flows", "now"),
    [
        ([], [], 0),
        (noisy_looks(3)[2], [still()], 0),
        (noisy_looks(2)[2], [still((24, 31))], 0),
        (noisy_looks(2)[2], [still()], 2),
        (noisy_looks(2)[2], [still()], -1),
    ],
)
def test_frames_and_flows_that_do_not_fit_are_refused(looks, flows, now):
    with pytest.raises(ValueError, match="frames"):
        filtered(looks, flows, now)


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
