"""Styles in which vehicles stand near by: garages and sheds, kerbs, pavements and yards."""

import numpy as np

from synthetic_focus.training.scenes import fixtures, places, props, vehicles
from synthetic_focus.training.scenes.props import Point, Rng, colour, point, stamp, stuff
from synthetic_focus.training.scenes.viewpoints import aim, between, framed, inside, lit
from synthetic_focus.training.scenes.world import Builder, Light, View, turned

_Thing = tuple[Point, float]  # the foot of what is looked at, its height (m)


def _parked(
    b: Builder, rng: Rng, things: list[_Thing], spot: Point, yaw: float, gap: float = 0.9
) -> None:
    """Adds a vehicle that heads towards `yaw`, unless another is nearer than `gap` metres."""
    if any(np.linalg.norm(spot - other) < gap for other, _ in things):
        return
    things.append((spot, vehicles.any_vehicle(b, rng, spot, yaw)))


def _views(rng: Rng, things: list[_Thing], open_side: float, size: Point | None) -> list[View]:
    """Cameras on the side that `open_side` (degrees) is on, from near by to across the place."""
    views = []
    for _ in range(places.VIEWS):
        foot, high = things[int(rng.integers(len(things)))]
        target = foot + point(0, rng.uniform(0.15, 0.85) * high, 0)
        for _ in range(12):
            way = turned(open_side + rng.normal(0, 40)) @ point(0, 0, between(rng, 1.5, 6))
            eye = foot + way
            eye[1] = rng.choice([rng.uniform(1.1, 1.8), rng.uniform(0.3, 1.1)], p=[0.65, 0.35])
            if size is not None:
                eye = inside(eye, size - point(0.5, 0, 0.5))
            if all(np.linalg.norm((eye - other) * [1, 0, 1]) > 1.1 for other, _ in things):
                break
        views.append(aim(rng, eye, target, (25.7, 57)))
    return views


def garage(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A garage, a shed or a cellar: vehicles before shelves, benches, boxes and tools."""
    size = point(rng.uniform(3.6, 8), rng.uniform(2.2, 3.6), rng.uniform(4, 10))
    light, _ = places.room(b, rng, size, furnished=0.1 * float(rng.random() < 0.5))
    light = lit(rng, light, 0.08)
    if rng.random() < 0.6:
        slab = stuff(b, rng, str(rng.choice(["stone", "asphalt", "wood"])))
        b.box((0, 0, 0), (size[0], 0.004, size[2]), slab)
    wall = float(rng.choice([0, 90, 180, 270]))
    rotation = turned(wall)
    along = wall % 180 == 0
    wide, reach = (size[0], size[2] / 2) if along else (size[2], size[0] / 2)
    fixtures.stores(b, rng, rotation @ point(0, 0, reach - 0.3), wall, wide - 0.4)
    for side in (-1, 1):
        if rng.random() < 0.4:
            at = rotation @ point(side * (wide / 2 - 0.35), 0, -0.3)
            fixtures.stores(b, rng, at, wall + 90 * side, 2 * reach - 1.6)
    things: list[_Thing] = []
    heading = wall + float(rng.choice([90, -90, 0, 180])) + rng.normal(0, 12)
    for _ in range(int(rng.choice([1, 1, 2, 3, 4, 6]))):
        x, z = rng.uniform(-0.38, 0.38) * wide, reach - rng.uniform(1.1, max(1.3, 2 * reach - 2.4))
        yaw = heading + rng.normal(0, 15) if rng.random() < 0.7 else rng.uniform(0, 360)
        _parked(b, rng, things, rotation @ point(x, 0, z), yaw)
    if rng.random() < 0.12 and min(wide, 2 * reach) > 5:
        props.car(b, rng, rotation @ point(wide * rng.choice([-0.28, 0.28]), 0, 0), wall)
    half = (0.42 * size[0], 0.42 * size[2])
    props.clutter(b, rng, (0, 0, 0), half, int(rng.integers(0, 9)), 0.35)
    for _ in range(int(rng.integers(0, 4))):
        spot = rotation @ point(rng.uniform(-0.4, 0.4) * wide, 0, reach - rng.uniform(0.7, 1.2))
        fixtures.goods(b, rng, spot, wall + rng.normal(0, 15), rng.uniform(0.3, 0.8, 3))
    if rng.random() < 0.3:
        spot = rotation @ point(rng.uniform(-0.4, 0.4) * wide, 0, reach - rng.uniform(0.8, 2.5))
        props.person(b, rng, spot, wall + 180 + rng.normal(0, 80))
    for _ in range(int(rng.integers(0, 4))):
        hook = rotation @ point(
            rng.uniform(-0.4, 0.4) * wide, size[1], rng.uniform(-0.6, 0.6) * reach
        )
        fixtures.hanging(b, rng, hook, rng.uniform(0.2, size[1] - 1.7), rng.uniform(5, 30))
    return light, framed(b, rng, _views(rng, things, wall + 180, size), 0.12), 0.4


def _behind(b: Builder, rng: Rng, deep: float, night: bool) -> None:
    """What is at the back of a pavement, along x at z = -deep: a wall, a hedge, a fence, shops."""
    kind = int(rng.integers(6))
    long, tall = 40.0, rng.uniform(0.9, 3.5)
    match kind:
        case 0:
            what = stuff(b, rng, str(rng.choice(["brick", "wall", "stone", "wood"])))
            b.box((0, 0, -deep - 0.15), (long, tall, 0.3), what)
            if rng.random() < 0.4:
                b.box((0, tall, -deep - 0.15), (long, 0.08, 0.4), stuff(b, rng, "stone"))
        case 1:
            body = b.material(colour(rng, "foliage") * 0.4)
            b.box((0, 0, -deep - 0.5), (long, tall, 0.8), body)
            count = 2600
            spots = rng.uniform([-7, 0, -0.95], [7, tall + 0.1, 0.05], (count, 3))
            outer = rng.random(count) < 0.7
            spots[outer, 2] = rng.uniform(-0.12, 0.08, int(outer.sum()))
            leaves = [stuff(b, rng, "leaf") for _ in range(2)]
            b.cards(spots - point(0, 0, deep), rng.uniform(0.05, 0.12), leaves, rng)
        case 2:
            fixtures.railing(b, rng, (-long / 2, 0, -deep), (long / 2, 0, -deep))
            for _ in range(int(rng.integers(3, 14))):
                spot = point(rng.uniform(-9, 9), 0, -deep - rng.uniform(0.6, 5))
                props.bush(b, rng, spot, rng.uniform(0.4, 1.6), 140)
        case 3:
            plank, gap = stuff(b, rng, "wood"), rng.uniform(0.1, 0.22)
            for x in np.arange(-8, 8, gap):
                b.box((x, 0.05, -deep), (gap * rng.uniform(0.6, 0.98), tall * 0.7, 0.03), plank)
            for y in (0.25, 0.5 * tall):
                b.box((0, y, -deep - 0.05), (long, 0.08, 0.05), plank)
        case _:
            # House fronts: doors, panes and boards
            x = -14.0
            while x < 14:
                span, high = rng.uniform(2.5, 7), rng.uniform(3, 9)
                front = str(rng.choice(["wall", "brick", "stone", "facade"]))
                b.box((x + span / 2, 0, -deep - 2), (span, high, 4), stuff(b, rng, front))
                shape = (rng.uniform(0.8, span - 0.4), rng.uniform(1.2, 2.3))
                low = rng.uniform(0.05, 0.9)
                glow = between(rng, 0.3, 8) if night else 0.0
                pane = stamp(b, rng, str(rng.choice(["poster", "picture", "neon"])), *shape, glow)
                b.box((x + span / 2, low, -deep - 0.02), (*shape, 0.06), pane)
                if rng.random() < 0.5:
                    door = (x + rng.uniform(0.6, span - 0.6), 0, -deep + 0.02)
                    b.box(door, (0.95, 2.1, 0.08), stuff(b, rng, "wood"))
                if rng.random() < 0.4:
                    board = stamp(b, rng, "neon" if night else "text", span * 0.8, 0.5, 2 * glow)
                    b.box((x + span / 2, 2.5, -deep + 0.05), (span * 0.8, 0.5, 0.12), board)
                x += span
    for x in np.arange(-30, 30, rng.uniform(6, 14)) if kind < 4 else ():
        spot = point(x + rng.normal(0, 1), 0, -deep - between(rng, 4, 25))
        if rng.random() < 0.5:
            b.box(spot, (rng.uniform(5, 12), rng.uniform(3, 12), 6), stuff(b, rng, "facade"))
        else:
            props.tree(b, rng, spot, rng.uniform(3, 9), 220)


def kerb(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Vehicles at a kerb, on a pavement or in a yard, before a wall, a hedge, a fence or shops."""
    night = bool(rng.random() < 0.2)
    light = places.outdoor_light(rng)
    if night:
        way, _ = props.sunlight(rng, "night")
        ambient = colour(rng) * 0.2 + 0.1
        light = Light(props.sky(rng, "night", way), way, np.zeros(3), ambient, sun_visible=False)
    deep, road = between(rng, 0.8, 5), rng.uniform(4, 9)
    level = float(rng.choice([0.0, 0.06, 0.13]))
    cover = str(rng.choice(["asphalt", "asphalt", "stone", "field", "grass"]))
    props.ground(b, rng, stuff(b, rng, cover), 300)
    paving = stuff(b, rng, str(rng.choice(["stone", "asphalt", "brick", "soil"])))
    b.box((0, 0, -deep / 2), (60, level + 0.01, deep), paving)
    if level:
        b.box((0, 0, 0.06), (60, level + 0.015, 0.12), stuff(b, rng, "stone"))
        if rng.random() < 0.4:
            paint = b.material((0.75, 0.75, 0.7) if rng.random() < 0.7 else (0.7, 0.55, 0.05))
            b.box((0, 0, rng.uniform(0.3, 2.5)), (60, 0.015, 0.1), paint)
    _behind(b, rng, deep, night)
    for x in np.arange(-40, 40, rng.uniform(7, 14)):
        # Over the road: seen along it, and behind whoever looks back
        spot = point(x, 0, road + rng.uniform(4, 7))
        if rng.random() < 0.7:
            b.box(spot, (rng.uniform(5, 10), between(rng, 3, 14), 6), stuff(b, rng, "facade"))
        else:
            props.tree(b, rng, spot, rng.uniform(3, 8), 200)
    things: list[_Thing] = []
    rank = float(rng.choice([0, 90])) + rng.normal(0, 8)  # along the kerb, or nose to it
    on_road = rng.random() < 0.5
    turn = float(rng.choice([90, -90]))
    for _ in range(int(rng.choice([1, 1, 2, 3, 5, 8]))):
        x = rng.uniform(-1, 1) * rng.choice([1.2, 3.5])
        z = rng.uniform(0.4, 1.2) if on_road else -rng.uniform(0.35, max(0.4, deep - 0.45))
        yaw = turn + rank + rng.normal(0, 8) if rng.random() < 0.8 else rng.uniform(0, 360)
        _parked(b, rng, things, point(x, 0 if on_road else level, z), yaw, 0.75)
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        x = rng.choice([-1, 1]) * rng.uniform(4.2, 8)
        props.car(b, rng, (x, 0, 1.2), turn + rng.normal(0, 3), 200.0 * night * rng.integers(2))
    for _ in range(int(rng.choice([0, 0, 1, 2, 4]))):
        spot = point(rng.uniform(-5, 5), level, -rng.uniform(0.3, max(0.5, deep)))
        props.person(b, rng, spot, rng.uniform(0, 360))
    for _ in range(int(rng.integers(0, 6))):
        spot = point(rng.uniform(-6, 6), level, -rng.uniform(0.2, 0.5))
        match int(rng.integers(5)):
            case 0:
                props.tree(b, rng, spot, rng.uniform(2.5, 6), 200)
            case 1:
                props.lamp_post(b, rng, spot, 180, between(rng, 60, 400) if night else 0.0)
            case 2:
                props.sign(b, rng, spot, rng.uniform(0, 360))
            case 3:
                bin_ = np.array([[0.2, 0], [0.24, 0.8], [0.2, 0.95], [0, 1.0]])
                b.lathe(spot, bin_ * rng.uniform(0.6, 1.1), stuff(b, rng, "plastic"))
            case _:
                for step in range(int(rng.integers(2, 6))):
                    post = spot + point(1.3 * step, 0, 0)
                    b.lathe(post, [[0.05, 0], [0.05, 0.8], [0, 0.85]], stuff(b, rng, "metal"))
    # From the road, seldom from the wall's side
    side = 0.0 if rng.random() < 0.85 or deep < 2.5 else 180.0
    views = _views(rng, things, side, None)
    return light, framed(b, rng, views, 0.15), 0.4
