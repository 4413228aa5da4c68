"""Where cameras stand and what they look at, and light for large rooms; shared by styles."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from synthetic_focus.training.scenes import fixtures
from synthetic_focus.training.scenes.props import Point, Rng, point
from synthetic_focus.training.scenes.world import Builder, Light, View


def between(rng: Rng, low: float, high: float) -> float:
    """A number whose logarithm is evenly spread."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def aim(
    rng: Rng,
    place: ArrayLike,
    target: ArrayLike,
    focal: tuple[float, float] = (24, 70),
    roll: float = 3.0,
    least: float = 1.0,
) -> View:
    """A camera at `place` that has `target` anywhere in the middle half of its picture.

    Its lens shows `least` metres at the target or more; `focal` in millimetres, `roll` in degrees.
    """
    start = np.asarray(place, np.float64)
    way = np.asarray(target, np.float64) - start
    length = max(20.0, min(between(rng, *focal), 36 * float(np.linalg.norm(way)) / least))
    across, rise = np.degrees(np.arctan([18 / length, 12 / length]))
    yaw = np.degrees(np.arctan2(-way[0], -way[2])) + rng.uniform(-0.5, 0.5) * across
    pitch = np.degrees(np.arctan2(way[1], np.hypot(way[0], way[2])))
    pitch = float(np.clip(pitch + rng.uniform(-0.5, 0.5) * rise, -89, 89))
    x, y, z = map(float, start)
    return View((x, y, z), float(yaw), pitch, float(rng.normal(0, roll)), length)


Solid = tuple[Point, float]  # where a camera cannot stand: a spot on the ground, a radius (m)


def near(rng: Rng, target: ArrayLike, reach: float, height: float) -> Point:
    """A place `reach` metres from a target, in any direction, at a height above y = 0."""
    angle = rng.uniform(0, 2 * np.pi)
    spot = np.asarray(target, np.float64) + point(np.sin(angle), 0, np.cos(angle)) * reach
    return point(spot[0], height, spot[2])


def inside(spot: Point, size: Point) -> Point:
    """The place within a room (see `places.room`) that is nearest to `spot`."""
    half = point(size[0] / 2 - 0.3, 0, size[2] / 2 - 0.3)
    return np.asarray(np.clip(spot, [-half[0], 0.15, -half[2]], [half[0], size[1] - 0.2, half[2]]))


def stand(
    rng: Rng,
    target: Point,
    reach: tuple[float, float],
    height: float,
    solids: list[Solid],
    size: Point | None = None,
) -> Point:
    """A place `reach` metres from a target (in a room of that size) that is in nothing solid.

    Large solids do not hide the target either, if such a place is found by a few trials.
    """
    flat = point(1, 0, 1)
    eye = target
    for _ in range(12):
        eye = near(rng, target, between(rng, *reach), height)
        if size is not None:
            eye = inside(eye, size)
        if np.linalg.norm(eye - target) < reach[0] * 0.8:
            continue
        for spot, radius in solids:
            line = eye + np.linspace(0, 0.7 if radius > 0.7 else 0.05, 5)[:, None] * (target - eye)
            if np.linalg.norm((line - spot) * flat, axis=1).min() < radius + 0.15:
                break
        else:
            break
    return eye


def eye_height(rng: Rng, tallest: float = 3.0) -> float:
    """A camera's height: at the eye, near the floor, or anywhere up to `tallest`."""
    kind = rng.random()
    if kind < 0.45:
        return min(float(rng.uniform(1.2, 1.8)), tallest)
    return float(rng.uniform(0.15, 0.7) if kind < 0.65 else rng.uniform(0.4, tallest))


def framed(b: Builder, rng: Rng, views: list[View], share: float) -> list[View]:
    """The views; in that share of worlds the first has something near before it, or the first two.

    More would be strange in the other views.
    """
    if rng.random() < share:
        for view in views[: int(rng.integers(1, 3))]:
            fixtures.before(b, rng, view)
    return views


def lit(rng: Rng, light: Light, level: float) -> Light:
    """A large room's light: more of it comes from where the tracer does not look."""
    return replace(
        light, ambient=light.ambient + level * rng.uniform(0.5, 1.5) * point(1, 0.95, 0.9)
    )
