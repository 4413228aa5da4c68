"""Parallax mends an estimate where the camera moves, and nowhere else."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from synthetic_focus.scene.flow import FlowPair
from synthetic_focus.scene.parallax import fused

WIDTH, HEIGHT = 320, 180
FOCAL = 1.25 * WIDTH  # not what the code assumes


@dataclass
class Ball:
    center: tuple[float, float, float]
    radius: float
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)


BALLS = (
    Ball((-0.9, 0.2, 3.0), 0.6),
    Ball((1.1, -0.2, 5.0), 0.9),
    Ball((0.2, 0.5, 7.0), 0.6),
    Ball((-2.5, 0.0, 8.0), 1.0),
)


def cast(rotation, position, balls, time, focal):
    """Per pixel the thing that is seen (-2 ground, -1 wall, else the ball) and its place."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    ray = np.stack(
        [(x - (WIDTH - 1) / 2) / focal, (y - (HEIGHT - 1) / 2) / focal, np.ones_like(x)], -1
    )
    ray = ray @ rotation  # from the camera's axes to the world's
    position = np.asarray(position, float)
    with np.errstate(divide="ignore"):
        ground = np.where(ray[..., 1] > 0, (1.2 - position[1]) / ray[..., 1], np.inf)
    wall = (12 - position[2]) / ray[..., 2]
    distance = np.minimum(ground, wall)
    thing = np.where(ground < wall, -2, -1)
    for i, ball in enumerate(balls):
        to = position - np.add(ball.center, np.multiply(time, ball.velocity))
        a, b = (ray**2).sum(-1), (ray * to).sum(-1)
        root = b * b - a * (to @ to - ball.radius**2)
        hit = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
        nearer = (hit > 0) & (hit < distance)
        distance = np.where(nearer, hit, distance)
        thing = np.where(nearer, i, thing)
    return thing, position + distance[..., None] * ray


def project(points, rotation, position, focal):
    seen = (points - position) @ rotation.T
    return np.stack(
        [
            focal * seen[..., 0] / seen[..., 2] + (WIDTH - 1) / 2,
            focal * seen[..., 1] / seen[..., 2] + (HEIGHT - 1) / 2,
        ],
        -1,
    ), seen[..., 2]


def shot(path, balls=BALLS, count=7, noise=0.15, focal=FOCAL, now=None):
    """True disparity of a frame, what it shows, and all flows, as good as DIS.

    path: frame -> (rotation vector, position).
    now: the frame; the last one where None.
    """
    rng = np.random.default_rng(0)
    poses = [path(i) for i in range(count)]
    poses = [(cv2.Rodrigues(np.asarray(r, float))[0], np.asarray(p, float)) for r, p in poses]
    seen = [cast(r, p, balls, i, focal) for i, (r, p) in enumerate(poses)]
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)

    def flow(i, j):
        thing, points = seen[i]
        points = points.copy()
        for k, ball in enumerate(balls):
            points[thing == k] += np.multiply(j - i, ball.velocity)
        place, _ = project(points, *poses[j], focal)
        wobble = cv2.resize(rng.normal(scale=noise, size=(24, 40, 2)), (WIDTH, HEIGHT))
        return (place - np.stack([x, y], -1) + wobble).astype(np.float32)

    flows = [FlowPair(flow(i, i + 1), flow(i + 1, i)) for i in range(count - 1)]
    now = count - 1 if now is None else now
    thing, points = seen[now]
    return (1 / project(points, *poses[now], focal)[1]).astype(np.float32), thing, flows


def estimated(truth, seed=0):
    """As a network estimates: in its own scale, and bent smoothly."""
    rng = np.random.default_rng(seed)
    bend = cv2.resize(rng.normal(scale=0.35, size=(4, 6)), (WIDTH, HEIGHT), interpolation=2)
    return (0.1 + 2 * truth * np.exp(bend)).astype(np.float32)


def absrel(disparity, truth):
    """Mean relative error after the best scale and shift."""
    ones = np.ones_like(truth)
    design = np.stack([disparity.ravel(), ones.ravel()], -1)
    weight = 1 / truth.ravel()
    fit = np.linalg.lstsq(design * weight[:, None], truth.ravel() * weight, rcond=None)[0]
    return np.abs(design @ fit - truth.ravel()).mean() / truth.mean()


def sideways(i):
    return (0, 0.004 * i, 0.001 * i), (0.06 * i, 0.01 * i, 0)


def forwards(i):
    return (0.002 * i, -0.003 * i, 0), (0.01 * i, 0, 0.12 * i)


@pytest.mark.parametrize("path", [sideways, forwards])
@pytest.mark.parametrize("focal", [0.7, 1.0, 1.5])
def test_a_moving_camera_mends_the_estimate_whatever_its_focal_length(path, focal):
    truth, _, flows = shot(path, focal=focal * WIDTH)
    estimate = estimated(truth)

    disparity = fused(estimate, flows, len(flows))

    assert absrel(disparity, truth) < 0.5 * absrel(estimate, truth)


@pytest.mark.parametrize("path", [sideways, forwards])
@pytest.mark.parametrize("now", [0, 3, 6])
def test_the_frames_after_mend_it_as_those_before_do(path, now):
    """So that a shot's first frame is mended as its last one is."""
    truth, _, flows = shot(path, now=now)
    estimate = estimated(truth)

    disparity = fused(estimate, flows, now)

    assert absrel(disparity, truth) < 0.6 * absrel(estimate, truth)


@pytest.mark.parametrize("path", [sideways, forwards])
def test_with_few_frames_little_is_mended_so_that_it_does_not_come_at_once(path):
    """As in a host that gives no later frames, at a shot's beginning."""
    truth, _, flows = shot(path)
    estimate = estimated(truth)

    first, whole = (
        np.abs(fused(estimate, flows[6 - count :], count) - estimate).mean() for count in (1, 6)
    )

    assert 0 < first < 0.15 * whole


def test_a_shot_played_backwards_is_mended_alike():
    truth, _, flows = shot(forwards, count=9, now=3)
    estimate = estimated(truth)
    turned = [FlowPair(pair.backward, pair.forward) for pair in reversed(flows)]

    np.testing.assert_allclose(fused(estimate, flows, 3), fused(estimate, turned, 5), atol=1e-5)


@pytest.mark.parametrize("seed", range(1, 3))
def test_a_step_aside_is_not_taken_for_a_turn_however_the_estimate_is_bent(seed):
    truth, _, flows = shot(sideways)
    estimate = estimated(truth, seed)

    assert absrel(fused(estimate, flows, len(flows)), truth) < 0.6 * absrel(estimate, truth)


def test_scale_and_shift_stay_the_estimates():
    truth, _, flows = shot(forwards)
    estimate = 0.3 + 5 * estimated(truth)

    disparity = fused(estimate, flows, len(flows))

    assert np.abs(disparity - estimate).max() > 0.1
    scale, shift = np.polyfit(disparity.ravel(), estimate.ravel(), 1)
    assert scale == pytest.approx(1, abs=0.01)
    assert shift == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    "path",
    [
        lambda i: ((0, 0, 0), (0, 0, 0)),
        lambda i: ((0.004 * i, 0.01 * i, 0.003 * i), (0, 0, 0)),
    ],
    ids=["tripod", "pan"],
)
@pytest.mark.parametrize("walks", [False, True])
def test_a_camera_that_stays_in_place_changes_nothing(path, walks):
    balls = (Ball((-0.9, 0.2, 3.0), 0.6, (0.05 * walks, 0, 0)), *BALLS[1:])
    truth, _, flows = shot(path, balls)
    estimate = estimated(truth)

    assert fused(estimate, flows, len(flows)) is estimate


def test_one_plane_changes_nothing():
    truth, _, flows = shot(lambda i: ((0, 0, 0), (0.06 * i, -20, 0)), ())
    estimate = estimated(truth)

    assert fused(estimate, flows, len(flows)) is estimate


def test_the_first_frame_and_a_flat_estimate_change_nothing():
    truth, _, flows = shot(sideways)
    flat = np.full_like(truth, 0.5)

    assert fused(truth, [], 0) is truth
    assert fused(flat, flows, 6) is flat


def test_an_estimate_that_the_parallax_contradicts_is_kept():
    _, _, flows = shot(sideways)
    wrong = np.random.default_rng(0).normal(size=(6, 10))
    estimate = cv2.resize(wrong, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)

    assert fused(estimate, flows, len(flows)) is estimate


@pytest.mark.parametrize("velocity", [(0.05, 0.0, 0.0), (-0.06, 0.0, 0.0), (0.0, -0.05, 0.0)])
def test_what_moves_by_itself_is_left_to_the_estimate(velocity):
    balls = (Ball((-0.3, 0.2, 3.5), 0.6, velocity), *BALLS[1:])
    truth, thing, flows = shot(sideways, balls)
    estimate = (0.1 + 2 * truth).astype(np.float32)  # right, so that every change is an error

    disparity = fused(estimate, flows, len(flows))

    assert not np.array_equal(disparity, estimate)
    spread = np.ptp(np.percentile(estimate, (2, 98)))
    assert np.abs(disparity - estimate)[thing == 0].max() < 0.1 * spread
