"""Styles whose layout teaches more than that what is low in the frame is near.

Cameras look steeply up and down, along slanted walls and out of windows; near things hang from
above and stand at the sides; what is looked at is not always in the middle.
"""

import numpy as np

from synthetic_focus.training.scenes import fixtures, places, props, vehicles
from synthetic_focus.training.scenes.patterns import PATTERNS
from synthetic_focus.training.scenes.props import Point, Rng, colour, point, stamp, stuff
from synthetic_focus.training.scenes.viewpoints import (
    Solid,
    aim,
    between,
    eye_height,
    framed,
    inside,
    lit,
    near,
    stand,
)
from synthetic_focus.training.scenes.world import Builder, Light, View, turned


def hall(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A hall or a stairwell: columns, galleries, stairs, people on all levels, hanging things."""
    size = point(rng.uniform(6, 15), rng.uniform(4.5, 9), rng.uniform(7, 18))
    light, _ = places.room(b, rng, size, furnished=0.25)
    wide, tall, deep = size
    level = rng.uniform(2.3, min(tall - 1.8, 4.2))
    slab, post = stuff(b, rng, "stone"), stuff(b, rng, str(rng.choice(["stone", "wall", "paint"])))
    eyes, things = [], []  # where cameras may stand, what they may look at
    for side in rng.choice(4, int(rng.integers(1, 4)), replace=False):
        length, reach = (wide, deep / 2) if side % 2 == 0 else (deep, wide / 2)
        yaw = 90.0 * float(side)
        rotation, broad = turned(yaw), rng.uniform(1.4, 2.5)
        middle = rotation @ point(0, level - 0.25, reach - broad / 2)
        b.box(middle, (length, 0.25, broad), slab, yaw)
        ends = [rotation @ point(s * length / 2, level, reach - broad) for s in (-1, 1)]
        fixtures.railing(b, rng, ends[0], ends[1])
        for x in np.arange(-length / 2 + 1, length / 2, rng.uniform(2.5, 5)):
            fixtures.column(b, rng, rotation @ point(x, 0, reach - broad), level - 0.25, post)
        for _ in range(int(rng.integers(0, 3))):
            spot = rotation @ point(rng.uniform(-0.4, 0.4) * length, level, reach - broad * 0.5)
            props.person(b, rng, spot, rng.uniform(0, 360))
            things.append(spot + point(0, 1.4, 0))
        if rng.random() < 0.4:
            spot = rotation @ point(rng.uniform(-0.3, 0.3) * length, level, reach - 0.22)
            props.shelf(b, rng, spot, yaw, 2.0, 1.8)
        for _ in range(3):
            x = rng.uniform(-0.45, 0.45) * length
            eyes.append(rotation @ point(x, level + rng.uniform(0.9, 1.8), reach - broad + 0.15))
    for _ in range(int(rng.integers(1, 3))):
        foot = point(rng.uniform(-0.3, 0.3) * wide, 0, rng.uniform(-0.3, 0.3) * deep)
        steps = int(rng.integers(5, 18))
        yaw = float(rng.choice([0, 90, 180, 270])) + float(rng.choice([0, rng.normal(0, 20)]))
        top = fixtures.stairs(b, rng, foot, yaw, rng.uniform(1, 3), steps)
        b.box(top - point(0, 0.2, 0) + turned(yaw) @ point(0, 0, -1), (2.5, 0.2, 2), slab, yaw)
        props.person(b, rng, top + turned(yaw) @ point(0, 0, -0.8), rng.uniform(0, 360))
        things += [top, foot + point(0, 1, 0)]
        eyes.append(inside(top + point(0, 1.6, 0), size))
        eyes.append(inside(foot + turned(yaw) @ point(0, 0, 2) + point(0, 0.8, 0), size))
    if rng.random() < 0.6:
        for x in np.arange(-wide / 2 + 1.5, wide / 2 - 1, rng.uniform(2.5, 5)):
            for z in np.arange(-deep / 2 + 1.5, deep / 2 - 1, rng.uniform(3, 6)):
                fixtures.column(b, rng, (x, 0, z), tall, post)
    for _ in range(int(rng.integers(2, 12))):
        spot = point(rng.uniform(-0.45, 0.45) * wide, tall, rng.uniform(-0.45, 0.45) * deep)
        fixtures.hanging(b, rng, spot, rng.uniform(0.5, tall - 1.9), rng.uniform(5, 40))
        things.append(spot - point(0, 1, 0))
    for _ in range(int(rng.integers(1, 8))):
        spot = point(rng.uniform(-0.4, 0.4) * wide, 0, rng.uniform(-0.4, 0.4) * deep)
        props.person(b, rng, spot, rng.uniform(0, 360))
        things += [spot + point(0, 1.3, 0)] * 2
    if rng.random() < 0.5:
        spot = point(rng.uniform(-0.2, 0.2) * wide, 0, rng.uniform(-0.2, 0.2) * deep)
        b.box(spot, (1.2, 0.6, 1.2), slab)
        props.machine(b, rng, spot + point(0, 0.6, 0), rng.uniform(0.8, 2.0))
        things.append(spot + point(0, 1, 0))
    for _ in range(places.VIEWS):
        spot = point(rng.uniform(-0.45, 0.45) * wide, 0, rng.uniform(-0.45, 0.45) * deep)
        eyes.append(spot + point(0, eye_height(rng, 2.5), 0))
    views = []
    for _ in range(places.VIEWS):
        eye, target = eyes[rng.integers(len(eyes))], things[rng.integers(len(things))]
        views.append(aim(rng, eye, target, (20, 60)))
    return lit(rng, light, 0.08), framed(b, rng, views, 0.6), 0.4


def storehouse(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A warehouse, a library or a cellar: racks and shelves seen at any slant, from near by."""
    size = point(rng.uniform(5, 12), rng.uniform(2.6, 6.5), rng.uniform(6, 14))
    light, _ = places.room(b, rng, size, furnished=0.0)
    wide, tall, deep = size
    base, gap = rng.uniform(0, 90), rng.uniform(1.9, 3.4)
    along, metal = turned(base), stuff(b, rng, str(rng.choice(["paint", "metal", "wood"])))
    books = rng.random() < 0.35
    high, depth = rng.uniform(1.6, min(tall - 0.3, 4.0)), rng.uniform(0.4, 1.1)
    fronts: list[tuple[Point, Point]] = []
    solids: list[Solid] = []
    span, full = rng.uniform(1.2, 2.6), rng.uniform(0.4, 0.95)
    for row in np.arange(-7, 7.1, gap) + rng.uniform(-0.5, 0.5):
        for x in np.arange(-8, 8, span + rng.choice([0.0, 0.1, 0.8])):
            spot = along @ point(x, 0, row)
            if (
                abs(spot[0]) > wide / 2 - 0.8
                or abs(spot[2]) > deep / 2 - 0.8
                or rng.random() < 0.25
            ):
                continue
            if len(fronts) > 16:
                break
            yaw = base + float(rng.choice([0, 180])) + rng.normal(0, 3)
            if books:
                props.shelf(b, rng, spot, yaw, span, high)
            else:
                fixtures.rack(b, rng, spot, yaw, (span, high, depth), metal, full)
            fronts.append((spot, turned(yaw) @ point(0, 0, -1)))
            solids += [(spot + along @ point(x_, 0, 0), depth / 2) for x_ in (-span / 3, span / 3)]
    for _ in range(int(rng.integers(2, 9))):
        spot = point(rng.uniform(-0.42, 0.42) * wide, 0, rng.uniform(-0.42, 0.42) * deep)
        for level in np.arange(int(rng.integers(1, 4))) * 0.5:
            load = (rng.uniform(0.4, 1.1), 0.48, rng.uniform(0.4, 0.9))
            fixtures.goods(b, rng, spot + point(0, level, 0), rng.uniform(0, 180), load)
        if rng.random() < 0.3:
            fixtures.leaning(b, rng, spot + point(0.6, 0, 0), rng.uniform(0, 360))
    people = []
    for _ in range(int(rng.integers(0, 4))):
        spot = point(rng.uniform(-0.42, 0.42) * wide, 0, rng.uniform(-0.42, 0.42) * deep)
        props.person(b, rng, spot, rng.uniform(0, 360))
        people.append(spot + point(0, 1.3, 0))
    for _ in range(int(rng.integers(1, 6))):
        spot = point(rng.uniform(-0.4, 0.4) * wide, tall, rng.uniform(-0.4, 0.4) * deep)
        fixtures.hanging(b, rng, spot, rng.uniform(0.3, max(0.4, tall - 2)), rng.uniform(5, 40))
    fronts = fronts or [(point(0, 0, 0), point(0, 0, -1))]
    views = []
    for _ in range(places.VIEWS):
        # From any side: a wall of goods that recedes sideways
        spot, way = fronts[rng.integers(len(fronts))]
        eye = stand(rng, spot + 0.3 * way, (0.9, 4), eye_height(rng, 2.8), solids, size)
        target = spot + point(0, rng.uniform(0.1, 0.9) * high, 0)
        if people and rng.random() < 0.25:
            target = people[rng.integers(len(people))]
        elif rng.random() < 0.3:
            target = target + along @ point(rng.normal(0, 3), 0, 0)
        views.append(aim(rng, eye, target, (22, 60)))
    return lit(rng, light, 0.06), framed(b, rng, views, 0.55), 0.35


def square(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A square or a courtyard: low walls, steps, benches, cycles, people at all distances."""
    props.ground(b, rng, stuff(b, rng, str(rng.choice(["stone", "asphalt", "field"]))), 400)
    yard = between(rng, 6, 45)
    count, first = int(rng.integers(4, 9)), rng.uniform(0, 360)
    for index in range(count):
        yaw = first + index * 360 / count
        if rng.random() < 0.85:
            high = between(rng, 4, 25)
            shape = point(2 * yard * np.tan(np.pi / count) * rng.uniform(0.6, 1), high, 8)
            middle = turned(yaw) @ point(rng.normal(0, 2), 0, yard + 4)
            b.box(middle, shape, stuff(b, rng, "facade"), yaw)
            door = turned(yaw) @ point(rng.uniform(-2, 2), 0, yard - 0.02)
            b.box(door, (1.2, 2.2, 0.1), stuff(b, rng, "wood"), yaw)
            if rng.random() < 0.4:
                board = stamp(b, rng, "text", 3, 0.6)
                b.box(door + point(0, 2.6, 0), (3, 0.6, 0.15), board, yaw)
    for _ in range(6):
        spot = near(rng, (0, 0, 0), yard * rng.uniform(2, 5) + 15, 0)
        b.box(spot, rng.uniform(8, 30, 3), stuff(b, rng, "facade"), rng.uniform(0, 90))

    def somewhere() -> Point:
        return near(rng, (0, 0, 0), between(rng, 0.8, max(yard - 1, 2)), 0)

    things = []
    stone = stuff(b, rng, "stone")
    for _ in range(int(rng.integers(0, 3))):
        spot, yaw = somewhere(), rng.uniform(0, 90)
        wide, steps = rng.uniform(1.5, 6), int(rng.integers(2, 6))
        for step in range(steps):
            side = wide - 0.6 * step
            if side > 0.5:
                b.box(spot + point(0, 0.16 * step, 0), (side, 0.16, side), stone, yaw)
        props.person(b, rng, spot + point(0, 0.16 * steps, 0), rng.uniform(0, 360))
        things.append(spot + point(0, 1, 0))
    for _ in range(int(rng.integers(1, 7))):
        spot, yaw = somewhere(), rng.uniform(0, 180)
        shape = point(rng.uniform(1, 6), rng.uniform(0.35, 1.1), rng.uniform(0.25, 0.6))
        b.box(spot, shape, stone, yaw)
        top = spot + point(0, shape[1], 0)
        match int(rng.integers(4)):
            case 0:
                x = turned(yaw) @ point(rng.uniform(-0.4, 0.4) * shape[0], 0, 0)
                props.person(b, rng, top + x - point(0, 0.42, 0), yaw, sitting=True)
            case 1:
                b.cards(
                    top
                    + turned(yaw)
                    .dot(
                        rng.uniform(-0.5, 0.5, (3, 90)) * np.array([[shape[0]], [0.5], [shape[2]]])
                    )
                    .T,
                    0.16,
                    stuff(b, rng, "leaf"),
                    rng,
                )
            case 2:
                props.clutter(b, rng, top, (shape[0] * 0.4, 0.05), 3, 0.3, yaw)
            case _:
                ends = [top + turned(yaw) @ point(s * shape[0] / 2, 0, 0) for s in (-1, 1)]
                fixtures.railing(b, rng, ends[0], ends[1])
        things.append(top)
    for _ in range(int(rng.integers(0, 6))):
        spot = somewhere()
        high = props.table(b, rng, spot, rng.uniform(0, 90), (0.7, 0.74, 0.7))
        props.clutter(b, rng, spot + point(0, high, 0), (0.25, 0.25), 3, 0.18)
        for _ in range(int(rng.integers(1, 4))):
            turn = rng.uniform(0, 360)
            props.chair(b, rng, spot + turned(turn) @ point(0, 0, 0.6), turn)
        if rng.random() < 0.5:
            _parasol(b, rng, spot)
        things.append(spot + point(0, 0.8, 0))
    for _ in range(int(rng.integers(0, 5))):
        spot = somewhere()
        vehicles.cycle(b, rng, spot, rng.uniform(0, 360))
        things.append(spot + point(0, 0.6, 0))
    for _ in range(int(rng.integers(0, 6))):
        props.tree(b, rng, somewhere(), rng.uniform(3, 9), 260)
    for _ in range(int(rng.integers(0, 4))):
        props.lamp_post(b, rng, somewhere(), rng.uniform(0, 360), 0.0)
        props.sign(b, rng, somewhere(), rng.uniform(0, 360))
    for _ in range(int(rng.integers(3, 13))):
        spot = somewhere()
        props.person(b, rng, spot, rng.uniform(0, 360))
        things += [spot + point(0, 1.3, 0)] * 2
    if rng.random() < 0.3:
        # Bunting, wires, cloths over the square
        for _ in range(int(rng.integers(2, 6))):
            ends = [near(rng, (0, 0, 0), yard * 0.9, rng.uniform(3, 6)) for _ in range(2)]
            t = np.linspace(0, 1, 24)[:, None]
            line = ends[0] + t * (ends[1] - ends[0]) - point(0, 4, 0) * t * (1 - t) * 0.5
            b.tube(line, 0.012, stone, 4)
            flags = [stuff(b, rng, "cloth") for _ in range(3)]
            b.cards(line[1:-1] - point(0, 0.15, 0), 0.35, flags, rng)
    views = []
    for _ in range(places.VIEWS):
        target = things[rng.integers(len(things))]
        height = rng.uniform(4, 9) if rng.random() < 0.2 else eye_height(rng)
        eye = stand(rng, target, (1.2, 12), height, [(thing, 0.5) for thing in things])
        views.append(aim(rng, eye, target, (22, 85)))
    return places.outdoor_light(rng), framed(b, rng, views, 0.6), 0.45


def _parasol(b: Builder, rng: Rng, at: Point) -> None:
    wide, high = rng.uniform(0.9, 1.6), rng.uniform(1.9, 2.4)
    b.tube([at, at + point(0, high + 0.4, 0)], 0.025, stuff(b, rng, "wood"), 6)
    b.lathe(at + point(0, high, 0), [[wide, 0], [0.02, 0.45]], stuff(b, rng, "cloth"), 10)


def parking(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Cars, motorbikes and bicycles close by, in a low garage or in the open."""
    indoors, base = rng.random() < 0.4, rng.uniform(0, 90)
    along, things, solids = turned(base), list[Point](), list[Solid]()
    size = point(rng.uniform(10, 20), rng.uniform(2.4, 3.4), rng.uniform(12, 24))
    if indoors:
        light, _ = places.room(b, rng, size, furnished=0.0)
        light = lit(rng, light, 0.08)
        what, metal = stuff(b, rng, "stone"), stuff(b, rng, "metal")
        glow = b.material((0.8,) * 3, pattern=1, glow=point(1, 1, 0.9) * between(rng, 4, 30))
        for x in np.arange(-size[0] / 2 + 2, size[0] / 2, rng.uniform(4, 6)):
            for z in np.arange(-size[2] / 2 + 2, size[2] / 2, rng.uniform(4, 7)):
                fixtures.column(b, rng, (x, 0, z), size[1], what)
                solids.append((point(x, 0, z), 0.5))
                b.box((x + 1.5, size[1] - 0.1, z), (0.12, 0.06, 1.3), glow)
        for _ in range(int(rng.integers(2, 8))):
            high, x = size[1] - rng.uniform(0.1, 0.5), rng.uniform(-0.5, 0.5) * size[0]
            ends = [(x, high, -size[2] / 2), (x, high, size[2] / 2)]
            b.tube(ends, rng.uniform(0.03, 0.15), metal)
    else:
        light = places.outdoor_light(rng)
        props.ground(b, rng, stuff(b, rng, str(rng.choice(["asphalt", "field", "stone"]))), 500)
        for _ in range(int(rng.integers(3, 12))):
            spot = near(rng, (0, 0, 0), between(rng, 16, 90), 0)
            if rng.random() < 0.6:
                shape = (rng.uniform(6, 25), between(rng, 3, 25), rng.uniform(6, 15))
                b.box(spot, shape, stuff(b, rng, "facade"), rng.uniform(0, 90))
            else:
                props.tree(b, rng, spot, rng.uniform(3, 9), 220)
        for _ in range(int(rng.integers(0, 4))):
            props.lamp_post(b, rng, near(rng, (0, 0, 0), rng.uniform(3, 14), 0), base, 0.0)

    def fits(spot: Point) -> bool:
        half = size / 2 - 1.6
        return not indoors or bool(abs(spot[0]) < half[0] and abs(spot[2]) < half[2])

    for row in np.arange(int(rng.integers(1, 4))) * rng.uniform(6, 9) - 4:
        for x in np.arange(-9, 9, rng.uniform(2.6, 3.4)):
            spot = along @ point(x, 0, row)
            if not fits(spot) or len(things) > 11:
                continue
            yaw = base + float(rng.choice([0, 180])) + rng.normal(0, 3)
            if rng.random() < 0.5:
                props.car(b, rng, spot, yaw)
                things.append(spot + point(0, 0.9, 0))
                solids += [(spot + turned(yaw) @ point(0, 0, z), 1.0) for z in (-1.4, 0, 1.4)]
            elif rng.random() < 0.6:
                for aside in np.arange(int(rng.integers(1, 4))) * 0.7:
                    vehicles.cycle(b, rng, spot + along @ point(aside, 0, 0), yaw)
                things.append(spot + point(0, 0.6, 0))
    for _ in range(int(rng.integers(1, 6))):
        spot = along @ point(rng.uniform(-6, 6), 0, rng.uniform(-7, 7))
        if fits(spot):
            props.person(b, rng, spot, rng.uniform(0, 360))
            things.append(spot + point(0, 1.2, 0))
    for _ in range(int(rng.integers(0, 6))):
        spot = along @ point(rng.uniform(-6, 6), 0, rng.uniform(-7, 7))
        if fits(spot):
            match int(rng.integers(3)):
                case 0:
                    b.lathe(
                        spot,
                        [[0.22, 0], [0.2, 0.03], [0.14, 0.04], [0.02, 0.7]],
                        stuff(b, rng, "plastic"),
                    )
                case 1:
                    fixtures.goods(b, rng, spot, base, (0.8, 0.7, 0.6))
                case _:
                    end = spot + along @ point(rng.uniform(2, 5), 0, 0)
                    fixtures.railing(b, rng, spot, end)
    things = things or [point(0, 0.8, 0)]
    views = []
    for _ in range(places.VIEWS):
        target = things[rng.integers(len(things))]
        around = [*solids, *((thing, 0.4) for thing in things)]
        room = size if indoors else None
        eye = stand(rng, target, (1.3, 7), eye_height(rng, 2.2), around, room)
        views.append(aim(rng, eye, target + rng.normal(0, 0.3, 3), (22, 70), least=1.6))
    return light, framed(b, rng, views, 0.55), 0.35


def lumber(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A corner of a garage or a shed, crammed: large things overlap at one to four metres."""
    size = point(rng.uniform(2.6, 5.5), rng.uniform(2.2, 3.2), rng.uniform(3, 6))
    light, _ = places.room(b, rng, size, furnished=float(rng.choice([0.0, 0.5])))
    wide, tall, deep = size
    heap = point(rng.uniform(-0.15, 0.15) * wide, 0, -deep * rng.uniform(0.05, 0.25))
    metal = stuff(b, rng, "metal")
    things = []

    def around(spread: float) -> Point:
        spot = heap + rng.normal(0, spread, 3) * [1, 0, 1]
        return point(
            *np.clip(
                spot, [-wide / 2 + 0.4, 0, -deep / 2 + 0.4], [wide / 2 - 0.4, 0, deep / 2 - 0.4]
            )
        )

    for _ in range(int(rng.integers(0, 4))):
        spot = around(0.8)
        vehicles.cycle(b, rng, spot, rng.uniform(0, 360))
        things.append(spot + point(0, 0.6, 0))
    for _ in range(int(rng.integers(1, 5))):
        spot, yaw = around(1.0), rng.uniform(0, 180)
        high, long = rng.uniform(0.5, 0.95), rng.uniform(0.7, 2.0)
        props.table(b, rng, spot, yaw, (0.6, high, long))
        top = spot + point(0, high, 0)
        for _ in range(int(rng.integers(1, 6))):
            place = top + turned(yaw) @ point(rng.normal(0, 0.12), 0, rng.normal(0, 0.3) * long)
            match int(rng.integers(3)):
                case 0:
                    props.machine(b, rng, place, rng.uniform(0.2, 0.5))
                case 1:
                    load = rng.uniform(0.15, 0.5, 3)
                    fixtures.goods(b, rng, place, rng.uniform(0, 180), load)
                case _:
                    props.small_thing(b, rng, place, rng.uniform(0.15, 0.5))
        things.append(top + point(0, 0.15, 0))
    for _ in range(int(rng.integers(3, 12))):
        spot = around(1.1)
        match int(rng.integers(6)):
            case 0:
                props.machine(b, rng, spot, rng.uniform(0.4, 1.1))
            case 1:
                tyre, level = b.material(colour(rng, "dark")), 0.0
                for _ in range(int(rng.integers(1, 5))):
                    t = np.linspace(0, 2 * np.pi, 19)
                    ring = np.stack([0.26 * np.cos(t), 0 * t + level + 0.1, 0.26 * np.sin(t)], 1)
                    b.tube(spot + ring + rng.normal(0, 0.02, 3), 0.1, tyre)
                    level += 0.19
            case 2:
                props.chair(b, rng, spot, rng.uniform(0, 360))
            case 3:
                fixtures.leaning(b, rng, spot, rng.uniform(0, 360))
            case _:
                for layer in range(int(rng.integers(1, 4))):
                    load = point(rng.uniform(0.3, 0.8), 0.4, rng.uniform(0.3, 0.6))
                    base = spot + point(0, 0.4 * layer, 0)
                    fixtures.goods(b, rng, base, rng.uniform(0, 180), load)
        things.append(spot + point(0, 0.5, 0))
    for side in range(4):
        rotation, reach = turned(90.0 * side), (deep if side % 2 == 0 else wide) / 2
        length = wide if side % 2 == 0 else deep
        match int(rng.integers(4)):
            case 0:
                shape = (length * 0.6, rng.uniform(1.2, tall - 0.2), 0.45)
                fixtures.rack(
                    b, rng, rotation @ point(0, 0, reach - 0.3), 90.0 * side, shape, metal, 0.8
                )
            case 1:
                for _ in range(int(rng.integers(5, 20))):  # tools on the wall
                    x, y = rng.uniform(-0.45, 0.45) * length, rng.uniform(1.0, tall - 0.3)
                    spot = rotation @ point(x, y, reach - 0.05)
                    long, tilt = rng.uniform(0.15, 0.5), turned(90.0 * side, 0, rng.normal(0, 8))
                    b.box(spot, (0.04, long, 0.03), stuff(b, rng, "plastic"), turn=tilt)
                    b.box(spot, (rng.uniform(0.05, 0.2), 0.07, 0.05), metal, turn=tilt)
            case 2:
                level = rng.uniform(1.2, 1.9)
                spot = rotation @ point(0, level, reach - 0.15)
                b.box(spot, (length * 0.7, 0.03, 0.28), stuff(b, rng, "wood"), 90.0 * side)
                for x in np.arange(-0.3, 0.3, rng.uniform(0.05, 0.15)) * length:
                    place = spot + rotation @ point(x, 0.03, 0)
                    props.small_thing(b, rng, place, rng.uniform(0.15, 0.4))
            case _:
                pass
    for _ in range(int(rng.integers(1, 8))):
        spot = around(1.0) + point(0, tall, 0)
        fixtures.hanging(b, rng, spot, rng.uniform(0.3, tall - 1.0), rng.uniform(5, 30))
        things.append(spot - point(0, 0.6, 0))
    if rng.random() < 0.25:
        spot = around(1.2)
        props.person(b, rng, spot, rng.uniform(0, 360))
        things.append(spot + point(0, 1.3, 0))
    places.fill(b, rng, heap + point(0, 1, 0))
    views = []
    for _ in range(places.VIEWS):
        target = things[rng.integers(len(things))]
        solids = [(thing, 0.45) for thing in things if thing[1] < tall - 0.7]
        eye = stand(rng, target, (1.0, 3.8), eye_height(rng, tall - 0.3), solids, size)
        views.append(aim(rng, eye, target, (22, 55), least=1.2))
    return lit(rng, light, 0.04), framed(b, rng, views, 0.55), 0.3


def outlook(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Out of a window or from a balcony: a near frame, and far houses below and beyond."""
    above = between(rng, 2, 45)
    props.ground(b, rng, stuff(b, rng, str(rng.choice(["stone", "meadow", "asphalt"]))), 1500)
    for _ in range(int(rng.integers(15, 60))):
        reach = between(rng, 9, 400)
        spot = point(rng.uniform(-1, 1) * reach * 0.9, 0, -reach)
        shape = (rng.uniform(6, 22), between(rng, 4, 15 + 0.15 * reach), rng.uniform(6, 22))
        b.box(spot - point(0, 0, shape[2] / 2), shape, stuff(b, rng, "facade"), rng.normal(0, 25))
    for _ in range(int(rng.integers(0, 12))):
        reach = between(rng, 5, 40)
        spot = point(rng.uniform(-1, 1) * reach, 0, -reach)
        if rng.random() < 0.5:
            props.tree(b, rng, spot, rng.uniform(3, 14), 240)
        elif rng.random() < 0.6:
            props.car(b, rng, spot, rng.uniform(0, 360))
        else:
            props.person(b, rng, spot, rng.uniform(0, 360))
    wide, tall, deep = rng.uniform(2, 5), rng.uniform(2.3, 2.9), rng.uniform(1.2, 3.5)
    wall, floor = stuff(b, rng, "wall"), stuff(b, rng, "floor")
    base = point(0, above, 0)
    front = -deep / 2

    def at(x: float, y: float, z: float) -> Point:
        return base + point(x, y, z)

    h = wide / 2
    b.box(at(0, -0.25, 0), (wide, 0.25, deep), floor)
    roofed = rng.random() < 0.7
    if roofed:
        b.box(at(0, tall, 0), (wide, 0.2, deep), wall)
    for side in (-1, 1):
        if rng.random() < 0.6:
            b.box(at(side * h, 0, 0), (0.1, tall, deep), wall)
    balcony = rng.random() < 0.5
    if balcony:
        fixtures.railing(b, rng, at(-h, 0, front), at(h, 0, front))
        for side in (-1, 1):
            fixtures.railing(b, rng, at(side * h, 0, front), at(side * h, 0, -front))
    else:
        low, edge = float(rng.choice([0.05, rng.uniform(0.6, 1.0)])), rng.uniform(0.2, 0.8) * h
        top = rng.uniform(1.9, tall - 0.1)
        frame = stuff(b, rng, str(rng.choice(["wood", "paint"])))
        for side in (-1, 1):
            b.box(at(side * (h + edge) / 2, 0, front), (h - edge, tall, 0.15), wall)
            b.box(at(side * edge, low, front), (0.08, top - low, 0.12), frame)
        b.box(at(0, 0, front), (2 * edge, low, 0.25), wall)
        b.box(at(0, top, front), (2 * edge, tall - top, 0.15), wall)
        for x in np.linspace(-edge, edge, int(rng.integers(2, 5)))[1:-1]:
            b.box(at(x, low, front), (0.05, top - low, 0.07), frame)
        if rng.random() < 0.5:
            b.box(at(0, (low + top) / 2, front), (2 * edge, 0.05, 0.07), frame)
        if low > 0.5:
            props.clutter(
                b, rng, at(0, low, front), (edge * 0.8, 0.06), int(rng.integers(0, 5)), 0.25
            )
        if rng.random() < 0.5:
            u = np.linspace(0, 0.4, 15)
            for side in (-1, 1):
                fold = 0.1 + 0.04 * np.sin(u * rng.uniform(30, 80))
                rows = [
                    np.stack([side * (edge + 0.1 - u), 0 * u + y, front + fold], 1) + base
                    for y in (0.05, tall - 0.1)
                ]
                b.mesh(
                    np.stack(rows), np.stack(np.meshgrid(u, [0, tall]), -1), stuff(b, rng, "cloth")
                )
    for _ in range(int(rng.integers(0, 5))):
        spot = at(rng.uniform(-0.9, 0.9) * h, 0, front + rng.uniform(0.25, 0.8))
        match int(rng.integers(3)):
            case 0:
                props.chair(b, rng, spot, rng.uniform(0, 360))
            case 1:
                props.small_thing(b, rng, spot, rng.uniform(0.3, 1.1))
            case _:
                high = props.table(b, rng, spot, rng.uniform(0, 90), (0.5, 0.7, 0.6)) - above
                props.clutter(b, rng, spot + point(0, high, 0), (0.2, 0.2), 4, 0.22)
    if roofed:
        for _ in range(int(rng.integers(0, 4))):
            spot = at(rng.uniform(-0.9, 0.9) * h, tall, front + rng.uniform(-0.1, 0.6))
            fixtures.hanging(b, rng, spot, rng.uniform(0.2, 1.2), rng.uniform(2, 20))
    if rng.random() < 0.4:
        spot = at(rng.uniform(-0.7, 0.7) * h, 0, front + rng.uniform(0.3, 0.7))
        props.person(b, rng, spot, rng.uniform(0, 360))
    views = []
    for _ in range(places.VIEWS):
        eye = at(rng.uniform(-0.8, 0.8) * h, rng.uniform(0.9, 1.9), rng.uniform(-0.1, 0.5) * deep)
        reach = between(rng, 4, 150)
        target = point(rng.uniform(-0.6, 0.6) * reach, rng.uniform(0, above + 5), -reach)
        if rng.random() < 0.4:
            target = at(rng.uniform(-1, 1) * h, rng.uniform(0.3, 2), front)
        view = aim(rng, eye, target, (20, 60))
        if rng.random() < 0.2:
            fixtures.before(b, rng, view, above)
        views.append(view)
    light = places.outdoor_light(rng)
    return light, views, 0.3


def neon(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """People before shop fronts and glowing signs by night, in an alley or an underpass."""
    half, covered = between(rng, 1.3, 5), rng.random() < 0.3
    tone = colour(rng, "dark")
    wet = rng.random() < 0.6
    family = str(rng.choice(["asphalt", "tiles", "bricks", "mottled"]))
    surface = b.material(
        tone,
        tone * rng.uniform(1, 3),
        tone * 0.5,
        pattern=int(rng.choice(PATTERNS[family])),
        scale=0.4,
        gloss=0.15 if wet else 0.0,
        roughness=float(rng.uniform(0.03, 0.2)),
    )
    b.quad([[-60, 0, 60], [60, 0, 60], [60, 0, -90], [-60, 0, -90]], surface)
    ceiling = rng.uniform(2.6, 4)
    if covered:
        b.box((0, ceiling, -12), (2 * half, 0.3, 36), stuff(b, rng, "stone"))
        glow = b.material(
            (0.8,) * 3,
            pattern=1,
            glow=point(1, rng.uniform(0.8, 1), rng.uniform(0.5, 1)) * between(rng, 5, 60),
        )
        for z in np.arange(4, -28, -rng.uniform(2, 5)):
            b.box((rng.choice([-0.5, 0, 0.5]) * half, ceiling - 0.06, z), (0.12, 0.05, 1.2), glow)

    def shine(low: float, high: float) -> float:
        return between(rng, low, high)

    boards = []
    for side in (-1.0, 1.0):
        z = 7.0
        while z > -32:
            span = rng.uniform(2, 6)
            middle, yaw = point(side * half, 0, z - span / 2), -90.0 * side
            inward = point(-side, 0, 0)
            high = ceiling if covered else between(rng, 3.5, 18)
            b.box(
                middle - inward * 2,
                (4, high, span),
                stuff(b, rng, str(rng.choice(["wall", "stone", "brick"]))),
            )
            z -= span + float(rng.choice([0, 0, 0.8]))
            broad = span * rng.uniform(0.5, 0.95)
            kind = int(rng.integers(5))
            if kind < 2:
                pane = stamp(
                    b,
                    rng,
                    str(rng.choice(["poster", "picture", "lit_windows"])),
                    broad,
                    2.0,
                    shine(0.3, 4),
                )
                b.box(middle + inward * 0.03 + point(0, 0.4, 0), (broad, 2.0, 0.06), pane, yaw)
            elif kind == 2:
                b.box(middle + inward * 0.02, (broad, 2.3, 0.05), stuff(b, rng, "paint"), yaw)
            elif kind == 3:
                for x in np.arange(-broad / 2, broad / 2 - 0.4, 1.0):
                    front = stamp(b, rng, "poster", 0.9, 1.8, shine(0.5, 6))
                    spot = middle + inward * 0.35 + point(0, 0, x + 0.5)
                    b.box(spot, (0.95, 1.85, 0.6), stuff(b, rng, "plastic"), yaw)
                    b.box(spot + inward * 0.31, (0.8, 1.6, 0.03), front, yaw)
            else:
                props.clutter(b, rng, middle + inward * 0.3, (0.2, broad * 0.4), 5, 0.7)
            for _ in range(int(rng.integers(0, 4))):
                w, t = rng.uniform(0.4, broad), rng.uniform(0.3, 1.2)
                level = min(rng.uniform(2.3, 5), high - t)
                board = stamp(b, rng, "neon", w, t, shine(1, 25))
                out = rng.uniform(0.05, 0.3)
                b.box(
                    middle + inward * out + point(0, level, rng.uniform(-0.2, 0.2) * span),
                    (w, t, 0.1),
                    board,
                    yaw,
                )
            if rng.random() < 0.6:
                # A board that stands out from the wall, seen from along it
                w, t = rng.uniform(0.4, 0.9), rng.uniform(0.5, 2.2)
                level = min(rng.uniform(2.1, 4), max(high - t, 1.9))
                board = stamp(b, rng, "neon", w, t, shine(1, 25))
                spot = middle + inward * (w / 2 + 0.1) + point(0, level, rng.uniform(-1, 1))
                b.box(spot, (w, t, 0.15), board, 0.0)
            boards.append(middle + point(0, rng.uniform(1, 3), 0))
            if rng.random() < 0.25:
                spot = middle + inward * rng.uniform(0.4, 0.7)
                vehicles.cycle(b, rng, spot, rng.choice([0, 180]) + rng.normal(0, 12))
    board = stamp(b, rng, "neon", 2 * half, 4, shine(0.5, 8))
    b.box((0, 0, -36), (30, 14, 1), stuff(b, rng, "facade"))
    b.box((0, 2.5, -35), (2 * half, 4, 0.3), board)
    for _ in range(int(rng.integers(0, 7))):
        z, high = rng.uniform(-14, 5), ceiling - 0.1 if covered else rng.uniform(2.8, 4)
        if not covered:
            u = np.linspace(-1, 1, 16)
            b.tube(np.stack([half * u, high - 0.3 * (1 - u**2), 0 * u + z], 1), 0.012, surface, 4)
        for x in np.arange(-0.8, 0.81, rng.uniform(0.4, 0.8)) * half:
            warm = point(1, rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.5))
            spot = point(x, high - 0.45, z)
            if rng.random() < 0.5:
                glow = b.material(warm * 0.6, pattern=1, glow=warm * shine(1, 12))
                b.ellipsoid(spot, (0.16, 0.2, 0.16), glow, rows=7)
            else:
                b.lamp(spot, 0.05, warm * shine(40, 400))
    people = []
    for _ in range(int(rng.integers(2, 9))):
        spot = point(rng.uniform(-0.8, 0.8) * half, 0, rng.uniform(-13, 5))
        props.person(b, rng, spot, rng.uniform(0, 360))
        people.append(spot + point(0, rng.uniform(1.0, 1.6), 0))
    way, _ = props.sunlight(rng, "night")
    fog = (np.zeros(3), 0.0)
    if rng.random() < 0.3:
        fog = (point(0.08, 0.06, 0.07) * rng.uniform(0.5, 2), float(rng.uniform(0.01, 0.05)))
    ambient = colour(rng) * between(rng, 0.02, 0.3) + 0.02
    light = Light(props.sky(rng, "night", way), way, np.zeros(3), ambient, fog, False)
    views = []
    for _ in range(places.VIEWS):
        target = people[rng.integers(len(people))]
        if rng.random() < 0.15:
            target = boards[rng.integers(len(boards))]
        street = point(2 * half, 9, 100)
        eye = stand(rng, target, (1.5, 8), eye_height(rng, 2.4), [(p, 0.4) for p in people], street)
        views.append(aim(rng, eye, target, (24, 85)))
    return light, framed(b, rng, views, 0.5), 0.45


def shore(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A beach or a lawn under a wide sky, with people who stand, sit and lie."""
    beach = rng.random() < 0.6
    props.ground(
        b, rng, stuff(b, rng, "field" if beach else "meadow"), 900, float(rng.choice([0, 0, 1]))
    )
    turn = turned(rng.uniform(0, 360))
    if beach:
        edge = between(rng, 3, 40)
        water = b.material(
            point(0.05, 0.15, 0.2) * rng.uniform(0.3, 2),
            point(0.3, 0.4, 0.45),
            pattern=int(rng.choice(PATTERNS["mottled"])),
            scale=(0.02, 0.2),
            gloss=0.1,
            roughness=0.15,
        )
        corners = [(-2000, -edge), (2000, -edge), (2000, -6000), (-2000, -6000)]
        b.quad([turn @ point(x, 0.04, z) for x, z in corners], water)
        for _ in range(int(rng.integers(0, 5))):
            reach = between(rng, 30, 300)
            spot = turn @ point(rng.normal(0, 0.4) * reach, 0, -edge - reach)
            b.box(spot, (rng.uniform(3, 20), rng.uniform(1, 4), 3), stuff(b, rng, "paint"))
            b.tube([spot, spot + point(0, rng.uniform(4, 14), 0)], 0.12, stuff(b, rng, "wood"), 5)
    for _ in range(int(rng.integers(0, 8))):
        spot = turn @ point(rng.uniform(-60, 60), 0, rng.uniform(15, 80))
        if rng.random() < 0.5:
            props.tree(b, rng, spot, rng.uniform(4, 12), 260)
        else:
            b.box(spot, rng.uniform(5, 25, 3), stuff(b, rng, "facade"), rng.uniform(0, 90))
    things = []
    for _ in range(int(rng.integers(3, 15))):
        spot = near(rng, (0, 0, 0), between(rng, 0.8, 30), 0)
        match int(rng.integers(8)):
            case 0 | 1 | 2 | 3:
                props.person(b, rng, spot, rng.uniform(0, 360))
                things.append(spot + point(0, 1.2, 0))
            case 4:
                props.person(b, rng, spot - point(0, 0.36, 0), rng.uniform(0, 360), sitting=True)
                things.append(spot + point(0, 0.5, 0))
            case 5:
                _parasol(b, rng, spot)
                yaw = rng.uniform(0, 360)
                b.box(spot + point(0.4, 0, 0), (0.8, 0.015, 1.8), stuff(b, rng, "cloth"), yaw)
                b.box(spot + point(-0.9, 0.28, 0), (0.6, 0.06, 1.7), stuff(b, rng, "cloth"), yaw)
                things.append(spot + point(0, 1, 0))
            case 6:
                props.clutter(b, rng, spot, (0.7, 0.7), 5, 0.3)
                things.append(spot + point(0, 0.2, 0))
            case _:
                radius = between(rng, 0.08, 0.3)
                ball = spot + point(0, rng.choice([radius, rng.uniform(0.5, 3)]), 0)
                b.ellipsoid(ball, (radius,) * 3, stuff(b, rng, "plastic"), rows=12)
                things.append(ball)
    for _ in range(int(rng.integers(0, 5))):
        # Kites, gulls, flags: things in the air
        spot = near(rng, (0, 0, 0), between(rng, 2, 30), rng.uniform(2.5, 10))
        b.cards(spot[None], between(rng, 0.3, 1.5), stuff(b, rng, "cloth"), rng)
    if rng.random() < 0.5:
        count = int(rng.integers(200, 1500))
        away, angle = np.exp(rng.uniform(-0.7, 2.7, count)), rng.uniform(0, 2 * np.pi, count)
        high = rng.uniform(0.05, 0.4)
        spots = np.stack([np.sin(angle) * away, np.full(count, high * 0.4), np.cos(angle) * away])
        b.cards(spots.T, high, [stuff(b, rng, "leaf") for _ in range(2)], rng)
    views = []
    for _ in range(places.VIEWS):
        target = things[rng.integers(len(things))]
        eye = stand(rng, target, (0.9, 10), eye_height(rng), [(thing, 0.4) for thing in things])
        views.append(aim(rng, eye, target, (24, 85)))
    return places.outdoor_light(rng), framed(b, rng, views, 0.55), 0.4


def thicket(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Leaves, trunks and stalks at all depths, seen from among them, from below and from above."""
    cover = stuff(b, rng, str(rng.choice(["grass", "soil", "meadow", "field"])))
    props.ground(b, rng, cover, 300, float(rng.choice([0, 1, 3])))
    leaves = [stuff(b, rng, "leaf") for _ in range(4)]
    eye = point(0, rng.uniform(0.25, 1.8), 0)
    for _ in range(int(rng.integers(3, 18))):
        props.tree(
            b, rng, near(rng, (0, 0, 0), between(rng, 1.5, 40), 0), rng.uniform(2.5, 14), 260
        )
    for _ in range(int(rng.integers(2, 10))):
        props.bush(
            b, rng, near(rng, (0, 0, 0), between(rng, 1.2, 14), 0), rng.uniform(0.4, 1.6), 200
        )
    for _ in range(int(rng.integers(2, 9))):
        reach = between(rng, 0.6, 6)
        start = eye + turned(rng.uniform(0, 360), rng.uniform(-30, 80)) @ point(0, 0, -reach)
        start[1] = max(start[1], 0.1)
        way = rng.normal(0, 1, 3) * [1, 0.6, 1]
        props.twigs(
            b,
            rng,
            start,
            way,
            reach * rng.uniform(0.3, 0.8),
            0.006 * reach + 0.002,
            int(rng.choice([2, 2, 3])),
            leaves[rng.integers(4)],
        )
    for _ in range(int(rng.integers(1, 9))):
        # A tall plant: a stalk with leaves along it, and perhaps a flower
        foot = near(rng, (0, 0, 0), between(rng, 0.5, 7), 0)
        tall = rng.uniform(0.4, 2.2)
        top = foot + point(rng.normal(0, 0.12), 1, rng.normal(0, 0.12)) * tall
        b.tube(
            [foot, (foot + top) / 2 + rng.normal(0, 0.03, 3), top],
            0.008 * tall + 0.002,
            leaves[0],
            5,
        )
        spots = foot + rng.uniform(0.1, 1, (24, 1)) * (top - foot) + rng.normal(0, 0.09, (24, 3))
        b.cards(spots, tall * rng.uniform(0.1, 0.22), leaves[rng.integers(4)], rng)
        if rng.random() < 0.5:
            petal = b.material(colour(rng, "bright"))
            b.cards(top + rng.normal(0, 0.035, (16, 3)), 0.11, petal, rng)
    count = int(rng.integers(500, 3000))
    away, angle = np.exp(rng.uniform(-0.9, 2.7, count)), rng.uniform(0, 2 * np.pi, count)
    high = between(rng, 0.05, 0.6)
    level = rng.uniform(0.1, 0.8, count) * high
    b.cards(np.stack([np.sin(angle) * away, level, np.cos(angle) * away], 1), high, leaves, rng)
    if rng.random() < 0.5:
        # The canopy overhead
        count = int(rng.integers(200, 1500))
        low = rng.uniform(2.2, 5)
        spots = np.stack(
            [rng.normal(0, 4, count), rng.uniform(low, low + 4, count), rng.normal(0, 4, count)], 1
        )
        b.cards(spots, rng.uniform(0.1, 0.3), leaves, rng)
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        spot = near(rng, (0, 0, 0), between(rng, 1.2, 6), 0)
        (props.person if rng.random() < 0.6 else props.animal)(b, rng, spot, rng.uniform(0, 360))
    views = []
    for _ in range(places.VIEWS):
        pitch = float(rng.choice([rng.normal(0, 10), rng.uniform(-45, -12), rng.uniform(15, 80)]))
        target = eye + turned(rng.uniform(0, 360), pitch) @ point(0, 0, -3)
        place = eye + rng.normal(0, 0.4, 3)
        place[1] = max(place[1], 0.2)
        views.append(aim(rng, place, target, (22, 70), 8.0, 0.4))
    return places.outdoor_light(rng), views, 0.25


def spread(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Many things on a table or a counter, seen from any side, level, or straight from above."""
    size = places.room_size(rng) + point(1, 0, 1)
    light, _ = places.room(b, rng, size, furnished=0.6)
    wide, long, yaw = rng.uniform(0.7, 1.6), rng.uniform(0.8, 2.6), rng.uniform(0, 180)
    level = rng.uniform(0.4, 1.0)
    rotation, foot = turned(yaw), point(rng.normal(0, 0.3), 0, rng.normal(0, 0.3))
    props.table(b, rng, foot, yaw, (wide, level, long))
    top = foot + point(0, level + 0.003, 0)
    b.box(
        top - point(0, 0.003, 0),
        (wide, 0.003, long),
        stuff(b, rng, str(rng.choice(["cloth", "wood", "stone", "floor", "plastic"]))),
        yaw,
    )

    spots: list[Point] = []

    def on_top(share: float = 0.45) -> Point:
        x, z = rng.uniform(-share, share, 2) * [wide, long]
        spots.append(np.asarray(top + rotation @ point(x, 0, z)))
        return spots[-1]

    for _ in range(int(rng.integers(0, 5))):
        # A tray, a board or a box with things on it
        spot, high = on_top(0.35), float(rng.choice([0.01, 0.03, rng.uniform(0.05, 0.3)]))
        shape = (rng.uniform(0.2, 0.45), high, rng.uniform(0.2, 0.5))
        b.box(
            spot,
            shape,
            stuff(b, rng, str(rng.choice(["wood", "plastic", "paper", "metal"]))),
            rng.uniform(0, 180),
        )
        props.clutter(b, rng, spot + point(0, high, 0), (0.1, 0.12), int(rng.integers(1, 6)), 0.12)
    for _ in range(int(rng.integers(2, 6))):
        props.clutter(b, rng, on_top(0.35), (0.2, 0.2), int(rng.integers(2, 9)), 0.15)
    for _ in range(int(rng.integers(0, 3))):
        props.machine(b, rng, on_top(), rng.uniform(0.12, 0.35))
    for _ in range(int(rng.integers(0, 4))):
        props.small_thing(b, rng, on_top(), rng.uniform(0.3, 0.6))
    for _ in range(int(rng.integers(0, 12))):
        # Tools, pens, cutlery, cables lie about
        spot, what = on_top() + point(0, 0.006, 0), stuff(b, rng, "plastic")
        if rng.random() < 0.6:
            turn = turned(rng.uniform(0, 360))
            b.tube(
                [spot, spot + turn @ point(rng.uniform(0.1, 0.3), 0, 0)], [0.004, 0.009], what, 6
            )
        else:
            path = np.cumsum(rng.normal(0, 0.06, (9, 3)) * [1, 0, 1], 0)
            b.tube(spot + path, 0.004, what, 5)
    for _ in range(int(rng.integers(0, 4))):
        turn = yaw + rng.choice([0, 90, 180, 270])
        reach = long / 2 if (turn - yaw) % 180 == 0 else wide / 2
        spot = foot + turned(turn) @ point(rng.normal(0, 0.2), 0, reach + 0.25)
        if rng.random() < 0.6:
            props.chair(b, rng, spot, turn)
        else:
            props.person(b, rng, spot, turn, sitting=True)
    for _ in range(int(rng.integers(0, 4))):
        spot = point(*on_top()) * [1, 0, 1] + point(0, size[1], 0)
        fixtures.hanging(b, rng, spot, rng.uniform(0.3, size[1] - level - 0.6), rng.uniform(5, 30))
    places.fill(b, rng, top)
    views = []
    for _ in range(places.VIEWS):
        pitch = np.radians(
            rng.choice([rng.uniform(2, 30), rng.uniform(20, 60), rng.uniform(60, 89)])
        )
        angle, reach = rng.uniform(0, 2 * np.pi), between(rng, 0.35, 2.0)
        way = point(np.sin(angle) * np.cos(pitch), np.sin(pitch), np.cos(angle) * np.cos(pitch))
        target = spots[rng.integers(len(spots))] + point(0, 0.04, 0)
        eye = inside(target + reach * way, size)
        # Seen from above there is no upright: any side of the picture may be the near one
        views.append(aim(rng, eye, target, (24, 60), 60.0 if pitch > 1 else 4.0, 0.4))
    return light, framed(b, rng, views, 0.3), 0.12
