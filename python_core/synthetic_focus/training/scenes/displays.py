"""Styles in which one thing fills the frame, or things stand where none of the others has them.

Vehicles and machines before shelves, seats of a carriage, a desk from where one sits, beds of a
garden, pets, rough ground, and heaps of plain bodies that follow no rule but perspective.
"""

import numpy as np

from synthetic_focus.training.scenes import fixtures, places, props, vehicles
from synthetic_focus.training.scenes.props import Point, Rng, colour, point, stamp, stuff
from synthetic_focus.training.scenes.viewpoints import (
    aim,
    between,
    framed,
    inside,
    lit,
    near,
    stand,
)
from synthetic_focus.training.scenes.world import Builder, Light, View, turned


def _exhibit(b: Builder, rng: Rng, at: Point, yaw: float) -> float:
    """A large thing of many parts; returns about how high it is (m)."""
    kind = int(rng.integers(8))
    match kind:
        case 0 | 1 | 2:
            return vehicles.cycle(b, rng, at, yaw)
        case 3:
            props.car(b, rng, at, yaw)
            return 1.5
        case 4:
            size = between(rng, 0.6, 1.8)
            props.machine(b, rng, at, size)
            return 0.8 * size
        case 5:
            return _frame(b, rng, at, yaw)
        case 6:
            props.sofa(b, rng, at, yaw)
            props.small_thing(b, rng, at + point(0, 0.45, 0), 0.5)
            return 0.9
        case _:
            load = point(rng.uniform(0.6, 1.6), rng.uniform(0.5, 1.4), rng.uniform(0.5, 1.2))
            fixtures.goods(b, rng, at, yaw, load)
            props.small_thing(b, rng, at + point(0, load[1], 0), 0.5)
            return float(load[1]) + 0.3


def _frame(b: Builder, rng: Rng, at: Point, yaw: float) -> float:
    """A cart, a loom or a sculpture: tubes between knots, some filled by plates, some on wheels."""
    rotation, tall = turned(yaw), rng.uniform(0.7, 1.9)
    half = point(rng.uniform(0.3, 0.9), 0, rng.uniform(0.2, 0.8))
    metal, plate = (
        stuff(b, rng, str(rng.choice(["metal", "paint", "wood"]))),
        stuff(b, rng, "paint"),
    )
    tyre = b.material(colour(rng, "dark"))
    knots = [
        at + rotation @ point(x * half[0], y * tall, z * half[2])
        for x in (-1, 1)
        for y in (0.15, rng.uniform(0.4, 0.7), 1)
        for z in (-1, 1)
    ]
    thick = rng.uniform(0.012, 0.04)
    for first, one in enumerate(knots):
        for two in knots[first + 1 :]:
            if rng.random() < 0.28:
                b.tube([one, two], thick, metal, 6)
    for _ in range(int(rng.integers(1, 4))):
        chosen = [knots[i] for i in rng.choice(len(knots), 3, replace=False)]
        b.quad([*chosen, chosen[0] + chosen[2] - chosen[1]], plate)
    for x in (-1, 1):
        for z in (-1, 1):
            spot = at + rotation @ point(x * half[0], 0, z * half[2])
            if rng.random() < 0.5:
                radius = rng.uniform(0.06, 0.3)
                props.wheel(b, rng, spot + point(0, radius, 0), radius, 0.05, yaw, metal, tyre)
            else:
                b.tube([spot, spot + point(0, 0.2 * tall, 0)], thick, metal, 6)
    return tall


def showroom(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """One large thing near by, a vehicle, a machine or furniture, before shelves or a wall."""
    indoors = rng.random() < 0.7
    size = point(rng.uniform(3.5, 9), rng.uniform(2.3, 4), rng.uniform(4, 10))
    if indoors:
        light, _ = places.room(b, rng, size, furnished=0.15 * float(rng.random() < 0.5))
        light = lit(rng, light, 0.08)
    else:
        light = places.outdoor_light(rng)
        props.ground(
            b, rng, stuff(b, rng, str(rng.choice(["stone", "asphalt", "field", "grass"]))), 300
        )
        for _ in range(int(rng.integers(1, 7))):
            spot = near(rng, (0, 0, 0), between(rng, 9, 60), 0)
            if rng.random() < 0.6:
                b.box(spot, rng.uniform(4, 14, 3), stuff(b, rng, "facade"), rng.uniform(0, 90))
            else:
                props.tree(b, rng, spot, rng.uniform(3, 8), 220)
    wall = float(rng.choice([0, 90, 180, 270]))
    rotation = turned(wall)
    reach = (size[2] if wall % 180 == 0 else size[0]) / 2
    wide = size[0] if wall % 180 == 0 else size[2]
    back = rotation @ point(0, 0, reach - 0.3)
    fixtures.stores(b, rng, back, wall, wide - 0.4)
    if not indoors and rng.random() < 0.7:
        b.box(
            back + rotation @ point(0, 0, 0.5),
            (12, rng.uniform(1.5, 6), 0.4),
            stuff(b, rng, "brick"),
            wall,
        )
    if rng.random() < 0.3:
        at = rotation @ point(-wide / 2 + 0.4, 0, 0)
        fixtures.stores(b, rng, at, wall - 90, 2 * reach - 1.2)
    things = list[Point]()
    for number in range(int(rng.integers(1, 4))):
        x = rng.uniform(-0.25, 0.25) * wide if number == 0 else rng.uniform(-0.4, 0.4) * wide
        spot = rotation @ point(x, 0, reach - rng.uniform(1.2, max(1.4, 2 * reach - 2.2)))
        if any(np.linalg.norm(spot - place * point(1, 0, 1)) < 1.4 for place in things):
            continue
        # Most stand along the wall, as one shows them
        yaw = wall + float(rng.choice([90, -90])) + rng.normal(0, 25)
        high = _exhibit(b, rng, spot, yaw if rng.random() < 0.7 else rng.uniform(0, 360))
        things.append(spot + point(0, rng.uniform(0.3, 0.7) * high, 0))
    props.clutter(b, rng, (0, 0, 0), (0.4 * size[0], 0.4 * size[2]), int(rng.integers(0, 7)), 0.4)
    if rng.random() < 0.35:
        spot = rotation @ point(rng.uniform(-0.4, 0.4) * wide, 0, reach - rng.uniform(0.8, 2))
        props.person(b, rng, spot, wall + 180 + rng.normal(0, 60))
    for _ in range(int(rng.integers(0, 4)) if indoors else 0):
        hook = rotation @ point(
            rng.uniform(-0.4, 0.4) * wide, size[1], rng.uniform(-0.5, 0.5) * reach
        )
        fixtures.hanging(b, rng, hook, rng.uniform(0.2, size[1] - 1.7), rng.uniform(5, 30))
    views = []
    for _ in range(places.VIEWS):
        target = things[rng.integers(len(things))]
        # From the open side more often than from behind
        angle = np.radians(wall + 180 + rng.normal(0, 45))
        away = between(rng, 1.3, 4.5)
        eye = target + point(np.sin(angle), 0, np.cos(angle)) * away
        eye[1] = rng.choice([rng.uniform(0.25, 0.9), rng.uniform(0.9, 1.9)])
        views.append(aim(rng, inside(eye, size) if indoors else eye, target, (24, 65)))
    return light, framed(b, rng, views, 0.2), 0.35


def carriage(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Inside a bus, a train or an aeroplane: rows of seats, poles, bags, and passengers."""
    wide, tall, long = rng.uniform(2.2, 3.4), rng.uniform(1.95, 2.4), rng.uniform(7, 16)
    wall, seat, second = stuff(b, rng, "plastic"), stuff(b, rng, "cloth"), stuff(b, rng, "plastic")
    metal = stuff(b, rng, str(rng.choice(["metal", "paint"])))
    night = rng.random() < 0.3
    way, sun = props.sunlight(rng, "night" if night else "clear")
    dome = props.sky(rng, "night" if night else str(rng.choice(["clear", "cloudy"])), way)
    z = long / 2
    b.quad(
        [[-wide / 2, 0, z], [wide / 2, 0, z], [wide / 2, 0, -z], [-wide / 2, 0, -z]],
        stuff(b, rng, "floor"),
    )
    b.quad(
        [[-wide / 2, tall, z], [wide / 2, tall, z], [wide / 2, tall, -z], [-wide / 2, tall, -z]],
        wall,
    )
    low, high = rng.uniform(0.75, 0.95), rng.uniform(1.5, tall - 0.25)
    pane = rng.uniform(0.9, 2.0)
    day = dome[128:].mean((0, 1)).astype(np.float64)
    glass = None
    if night or rng.random() < 0.4:
        glass = b.material(
            (0.03,) * 3, pattern=1, glow=0.02 + day * rng.uniform(0.5, 2), gloss=0.05
        )
    for side in (-1, 1):
        x = side * wide / 2
        for bottom, top in ((0.0, low), (high, tall)):
            b.quad([[x, bottom, z], [x, bottom, -z], [x, top, -z], [x, top, z]], wall)
        for at in np.arange(-z, z, pane):
            b.box((x, low, at), (0.05, high - low, rng.uniform(0.1, 0.25)), wall)
        if glass is not None:
            b.quad([[x, low, z], [x, low, -z], [x, high, -z], [x, high, z]], glass)
        if rng.random() < 0.6:
            shelf = x - side * 0.22
            b.box((shelf, high + 0.02, 0), (0.42, 0.04, long), metal)
            for at in np.arange(-z + 0.5, z - 0.5, rng.uniform(0.7, 2)):
                if rng.random() < 0.5:
                    fixtures.goods(
                        b, rng, (shelf, high + 0.06, at), 90, (0.5, tall - high - 0.1, 0.35)
                    )
    for end in (-1, 1):
        b.quad(
            [
                [-wide / 2, 0, end * z],
                [wide / 2, 0, end * z],
                [wide / 2, tall, end * z],
                [-wide / 2, tall, end * z],
            ],
            wall,
        )
        b.box((0, 0, end * (z - 0.02)), (0.8, 1.9, 0.05), second)
    gap, aisle = rng.uniform(0.75, 1.1), rng.uniform(0.5, 0.8)
    bench = (wide - aisle) / 2
    sideways = rng.random() < 0.25
    heads, eyes = list[Point](), list[Point]()
    facing = float(rng.choice([0, 180]))
    for row in np.arange(-z + 0.8, z - 0.6, gap):
        turn = facing if rng.random() < 0.85 else facing + 180
        for side in (-1, 1):
            middle = point(side * (aisle + bench) / 2, 0, row)
            yaw = -side * 90.0 if sideways else turn
            if sideways:
                middle[0] = side * (wide / 2 - 0.3)
            span = gap if sideways else bench * 0.95
            ahead = turned(yaw) @ point(0, 0, -1)
            b.box(middle + point(0, 0.32, 0), (span, 0.13, 0.48), seat, yaw)
            back = middle - ahead * 0.26
            tall_back = rng.uniform(0.62, 0.68) if not sideways else 0.5
            b.box(back + point(0, 0.4, 0), (span, tall_back, 0.1), seat, yaw)
            b.box(
                back + point(0, 0.1, 0) - ahead * 0.055, (span, tall_back + 0.2, 0.015), second, yaw
            )
            if not sideways:
                for x in (-span / 4, span / 4):
                    spot = back + turned(yaw) @ point(x, 0.4 + tall_back, 0)
                    b.box(spot, (0.26, 0.2, 0.09), seat, yaw)
            for x in (-span / 4, span / 4):
                if rng.random() < 0.35:
                    spot = middle + turned(yaw) @ point(x, -0.03, 0)
                    props.person(b, rng, spot, yaw + rng.normal(0, 12), sitting=True)
                    heads.append(spot + point(0, 1.1, 0))
                else:
                    eyes.append(middle + turned(yaw) @ point(x, rng.uniform(1.0, 1.25), 0.05))
    for row in np.arange(-z + 0.6, z, rng.uniform(1.2, 2.5)):
        side = rng.choice([-1, 1]) * aisle / 2
        b.tube([(side, 0, row), (side, tall, row)], 0.018, metal, 6)
    if rng.random() < 0.6:
        for side in (-1, 1):
            x = side * aisle / 2
            b.tube([(x, tall - 0.2, -z), (x, tall - 0.2, z)], 0.016, metal, 6)
            strap = stuff(b, rng, "plastic")
            for row in np.arange(-z + 0.5, z, rng.uniform(0.3, 0.8)):
                t = np.linspace(0, 2 * np.pi, 13)
                ring = np.stack(
                    [x + 0.06 * np.sin(t), tall - 0.42 + 0.06 * np.cos(t), row + 0 * t], 1
                )
                b.tube([(x, tall - 0.2, row), (x, tall - 0.36, row)], 0.008, strap, 4)
                b.tube(ring, 0.009, strap, 5)
    for _ in range(int(rng.integers(0, 5))):
        spot = point(rng.uniform(-0.3, 0.3) * aisle, 0, rng.uniform(-0.9, 0.9) * z)
        props.person(b, rng, spot, rng.uniform(0, 360))
        heads.append(spot + point(0, 1.4, 0))
    for _ in range(6):
        eyes.append(
            point(rng.uniform(-0.3, 0.3) * aisle, rng.uniform(1.0, 1.7), rng.uniform(-0.9, 0.9) * z)
        )
    warm = point(1, rng.uniform(0.85, 1), rng.uniform(0.6, 1)) * between(rng, 1, 12)
    glow = b.material((0.8,) * 3, pattern=1, glow=warm)
    for at in np.arange(-z + 0.6, z, rng.uniform(0.8, 1.6)):
        b.box((0, tall - 0.03, at), (0.15, 0.03, 0.7), glow)
    field = stuff(b, rng, str(rng.choice(["meadow", "field", "asphalt"])))
    b.quad([[-300, -1.2, 300], [300, -1.2, 300], [300, -1.2, -300], [-300, -1.2, -300]], field)
    for _ in range(int(rng.integers(2, 12))):
        spot = near(rng, (0, -1.2, 0), between(rng, 6, 60), -1.2)
        if rng.random() < 0.5:
            props.tree(b, rng, spot, rng.uniform(3, 8), 200)
        else:
            b.box(spot, rng.uniform(4, 12, 3), stuff(b, rng, "facade"), rng.uniform(0, 90))
    ambient = (day * 0.25 + warm * 0.02) * rng.uniform(0.4, 0.9) + 0.01
    light = Light(dome, way, sun, np.asarray(ambient), sun_visible=False)
    views = []
    for _ in range(places.VIEWS):
        eye = eyes[rng.integers(len(eyes))]
        target = point(rng.uniform(-0.4, 0.4) * wide, rng.uniform(0.7, 1.5), rng.uniform(-1, 1) * z)
        if heads and rng.random() < 0.6:
            target = heads[rng.integers(len(heads))]
        views.append(aim(rng, eye, target, (18, 45)))
    return light, views, 0.22


def desk(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A desk or a bench from where one sits or stands: screens, lamps, books, what is behind."""
    size = places.room_size(rng)
    light, _ = places.room(b, rng, size, furnished=float(rng.uniform(0.3, 1)))
    wall = float(rng.choice([0, 90, 180, 270]))
    against = rng.random() < 0.6
    reach = (size[2] if wall % 180 == 0 else size[0]) / 2
    rotation = turned(wall)
    wide, level, deep = rng.uniform(1.0, 2.2), rng.uniform(0.68, 0.95), rng.uniform(0.55, 0.9)
    foot = rotation @ point(rng.uniform(-0.5, 0.5), 0, reach - deep / 2 - 0.05 if against else 0)
    props.table(b, rng, foot, wall, (wide, level, deep))
    top = foot + point(0, level, 0)
    targets = [top + point(0, 0.1, 0)]

    def on(x: float, z: float) -> Point:
        return np.asarray(top + rotation @ point(x * wide, 0, z * deep))

    dark = b.material(colour(rng, "dark"), gloss=0.04)
    for x in rng.permutation([-0.27, 0.05, 0.33])[: int(rng.integers(0, 4))]:
        w = rng.uniform(0.3, 0.7)
        t, yaw = w * rng.uniform(0.55, 0.7), wall + rng.normal(0, 18)
        spot = on(float(x), rng.uniform(0.1, 0.4))
        back = turned(yaw)
        lift = rng.uniform(0.02, 0.16)
        b.box(spot, (0.22, 0.012, 0.18), dark, yaw)
        b.tube([spot, spot + point(0, lift + t / 2, 0)], 0.02, dark, 6)
        face = spot + back @ point(0, lift, -0.03)
        b.box(face, (w, t, 0.03), dark, yaw)
        shown = stamp(
            b,
            rng,
            str(rng.choice(["picture", "text", "poster"])),
            w * 0.96,
            t * 0.93,
            between(rng, 0.05, 2),
        )
        b.box(face + back @ point(0, 0.035 * t, -0.017), (w * 0.96, t * 0.93, 0.004), shown, yaw)
        targets.append(face + point(0, t / 2, 0))
        if rng.random() < 0.7:
            keys = on(float(x), -0.25)
            b.box(keys, (w * 0.8, 0.02, 0.14), stuff(b, rng, "plastic"), yaw)
            b.ellipsoid(
                keys + rotation @ point(w * 0.6, 0.015, 0), (0.03, 0.018, 0.05), dark, rotation
            )
    for _ in range(int(rng.integers(0, 3))):
        # A lamp on an arm
        spot = on(rng.uniform(-0.45, 0.45), rng.uniform(-0.1, 0.4))
        metal = stuff(b, rng, "paint")
        elbow = spot + point(rng.normal(0, 0.1), rng.uniform(0.25, 0.45), rng.normal(0, 0.1))
        head = elbow + rotation @ point(rng.normal(0, 0.2), rng.uniform(-0.05, 0.25), -0.2)
        b.lathe(spot, [[0.09, 0], [0.09, 0.02], [0, 0.03]], metal)
        b.tube([spot, elbow, head], 0.01, metal, 6)
        b.lathe(head - point(0, 0.1, 0), [[0.1, 0], [0.04, 0.12]], metal)
        shine = b.material((0.8,) * 3, pattern=1, glow=point(1, 0.85, 0.6) * between(rng, 3, 40))
        b.ellipsoid(head - point(0, 0.05, 0), (0.035,) * 3, shine, rows=6)
        targets.append(head)
    for _ in range(int(rng.integers(2, 14))):
        spot = on(rng.uniform(-0.48, 0.48), rng.uniform(-0.48, 0.48))
        props.small_thing(b, rng, spot, between(rng, 0.06, 0.4))
        targets.append(spot + point(0, 0.08, 0))
    for _ in range(int(rng.integers(0, 8))):
        sheet = (rng.uniform(0.1, 0.25), 0.002, rng.uniform(0.15, 0.3))
        b.box(
            on(rng.uniform(-0.45, 0.45), rng.uniform(-0.4, 0.3)),
            sheet,
            stuff(b, rng, "paper"),
            rng.uniform(0, 90),
        )
    if rng.random() < 0.5:
        spot = on(rng.uniform(-0.2, 0.2), 0.3) + point(0, rng.uniform(0.4, 0.7), 0)
        b.box(spot, (wide * 0.8, 0.025, 0.25), stuff(b, rng, "wood"), wall)
        props.clutter(
            b,
            rng,
            spot + point(0, 0.025, 0),
            (wide * 0.36, 0.08),
            int(rng.integers(2, 9)),
            0.25,
            wall,
        )
    if not against and rng.random() < 0.7:
        spot = foot + rotation @ point(rng.normal(0, 0.3), 0, deep / 2 + 0.2)
        props.person(b, rng, spot, wall, sitting=True)
        targets += [spot + point(0, 1.15, 0)] * 3
    if rng.random() < 0.5:
        props.chair(
            b, rng, foot + rotation @ point(rng.normal(0, 0.3), 0, -deep / 2 - 0.3), wall + 180
        )
    views = []
    for _ in range(places.VIEWS):
        target = targets[rng.integers(len(targets))]
        angle, away = np.radians(wall + 180 + rng.normal(0, 35)), between(rng, 0.45, 1.8)
        eye = target + point(np.sin(angle), 0, np.cos(angle)) * away
        eye[1] = level + rng.choice([rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.9)])
        views.append(aim(rng, inside(eye, size), target, (22, 60), 3.0, 0.4))
    return light, framed(b, rng, views, 0.25), 0.15


def garden(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Beds, hedges, pots, a path, a fence, a house's wall, garden furniture."""
    props.ground(b, rng, stuff(b, rng, str(rng.choice(["grass", "meadow", "soil"]))), 300)
    base = rng.uniform(0, 360)
    rotation = turned(base)
    leaves = [stuff(b, rng, "leaf") for _ in range(3)]
    things, solids = list[Point](), list[tuple[Point, float]]()

    def at(x: float, z: float) -> Point:
        return np.asarray(rotation @ point(x, 0, z))

    house = rng.uniform(3, 9)
    b.box(
        at(0, house + 3), (rng.uniform(6, 14), rng.uniform(3, 7), 6), stuff(b, rng, "brick"), base
    )
    for x in np.arange(-4, 4.1, rng.uniform(1.5, 3)):
        pane = b.material((0.03,) * 3, gloss=0.1, roughness=0.02)
        low = float(rng.choice([0.02, 0.8]))
        b.box(at(x, house) + point(0, low, 0), (1.0, 2.0 - low, 0.06), pane, base)
    path = stuff(b, rng, "stone")
    for z in np.arange(-10, house, rng.uniform(0.45, 0.8)):
        aside = 0.6 * np.sin(z * rng.uniform(0.28, 0.32))
        b.box(at(aside, z), (rng.uniform(0.5, 1.0), 0.03, 0.4), path, base + rng.normal(0, 8))
    for side in (-1, 1):
        reach = rng.uniform(2, 6)
        match int(rng.integers(3)):
            case 0:
                # A hedge
                long, high = rng.uniform(4, 14), rng.uniform(0.4, 2)
                count = int(min(1600, 220 * long * high))
                spots = rng.uniform(-0.5, 0.5, (count, 3)) * [0.7, high, long] + [0, high / 2, 0]
                middle = at(side * reach, -2)
                b.cards(middle + spots @ rotation.T, 0.12, leaves[0], rng)
                b.box(middle, (0.4, high * 0.9, long), leaves[1], base)
            case 1:
                ends = [at(side * reach, -12), at(side * reach, house)]
                fixtures.railing(b, rng, ends[0], ends[1])
            case _:
                b.box(
                    at(side * reach, -2),
                    (0.25, rng.uniform(0.5, 2.2), 16),
                    stuff(b, rng, "brick"),
                    base,
                )
        # A bed with flowers
        for _ in range(int(rng.integers(0, 3))):
            middle = at(side * rng.uniform(0.9, reach), rng.uniform(-8, house - 1))
            shape = point(rng.uniform(0.5, 1.4), 0.12, rng.uniform(0.8, 3))
            b.box(middle, shape, stuff(b, rng, "soil"), base)
            petal = b.material(colour(rng, "bright"))
            tall = between(rng, 0.15, 0.9)
            count = int(rng.integers(40, 300))
            spots = middle + (rng.uniform(-0.5, 0.5, (count, 3)) * shape * [1, 0, 1]) @ rotation.T
            spots[:, 1] += rng.uniform(0.15, 0.9, count) * tall
            b.cards(spots, 0.22 * tall + 0.04, leaves, rng)
            blooms = spots[: count // 4] + point(0, 0.15 * tall, 0)
            b.cards(blooms, 0.1 * tall + 0.03, petal, rng)
            things.append(middle + point(0, 0.5 * tall, 0))
    for _ in range(int(rng.integers(1, 9))):
        spot, tall = at(rng.uniform(-4, 4), rng.uniform(-9, house - 0.4)), between(rng, 0.2, 1.1)
        b.lathe(
            spot,
            np.array([[0, 0], [0.28, 0], [0.38, 0.5], [0.33, 0.5], [0, 0.45]]) * tall,
            stuff(b, rng, "ceramic"),
        )
        b.cards(
            spot + point(0, 0.8 * tall, 0) + rng.normal(0, 0.22, (70, 3)) * tall,
            0.28 * tall,
            leaves[2],
            rng,
        )
        things.append(spot + point(0, 0.6 * tall, 0))
        solids.append((spot, 0.3))
    for _ in range(int(rng.integers(0, 4))):
        spot = at(rng.uniform(-4, 4), rng.uniform(-9, house - 1))
        match int(rng.integers(4)):
            case 0:
                high = props.table(b, rng, spot, base, (0.8, 0.72, 0.8))
                props.clutter(b, rng, spot + point(0, high, 0), (0.3, 0.3), 4, 0.2)
                props.chair(b, rng, spot + point(0.8, 0, 0), 90)
            case 1:
                vehicles.cycle(b, rng, spot, rng.uniform(0, 360))
            case 2:
                props.animal(b, rng, spot, rng.uniform(0, 360))
            case _:
                props.person(b, rng, spot, rng.uniform(0, 360))
        things += [spot + point(0, 0.7, 0)] * 2
    if rng.random() < 0.4:
        # A pergola that is overgrown
        wood, high = stuff(b, rng, "wood"), rng.uniform(2.1, 2.6)
        for z in np.arange(-6, 2, 1.6):
            for side in (-1, 1):
                b.box(at(side * 1.1, z), (0.1, high, 0.1), wood, base)
            b.box(at(0, z) + point(0, high, 0), (2.6, 0.12, 0.08), wood, base)
        spots = rng.uniform(-1, 1, (500, 3)) * [1.3, 0.2, 4] + [0, high, -2]
        b.cards(spots @ rotation.T, 0.16, leaves, rng)
    for _ in range(int(rng.integers(1, 7))):
        spot = at(rng.choice([-1, 1]) * rng.uniform(5, 25), rng.uniform(-25, 12))
        props.tree(b, rng, spot, rng.uniform(3, 10), 260)
    views = []
    for _ in range(places.VIEWS):
        target = things[rng.integers(len(things))] if things else point(0, 1, 0)
        eye = stand(rng, target, (0.7, 6), min(1.9, between(rng, 0.2, 2.5)), solids)
        views.append(aim(rng, eye, target, (22, 75)))
    return places.outdoor_light(rng), framed(b, rng, views, 0.35), 0.3


def pet(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """An animal close by, on the floor, a sofa, a table or grass: it fills much of the frame."""
    indoors = rng.random() < 0.65
    size = places.room_size(rng)
    if indoors:
        light, _ = places.room(b, rng, size)
        foot = point(rng.uniform(-0.2, 0.2) * size[0], 0, rng.uniform(-0.2, 0.2) * size[2])
        if rng.random() < 0.6:
            high = rng.uniform(0.3, 0.8)
            kind = str(rng.choice(["cloth", "wood", "floor"]))
            yaw = rng.uniform(0, 90)
            b.box(foot, (rng.uniform(0.8, 2), high, rng.uniform(0.8, 2)), stuff(b, rng, kind), yaw)
            for _ in range(int(rng.integers(0, 4))):
                pillow = foot + point(rng.normal(0, 0.4), high + 0.08, rng.normal(0, 0.4))
                cloth = stuff(b, rng, "cloth")
                b.ellipsoid(pillow, (0.25, 0.1, 0.2), cloth, turned(rng.uniform(0, 90)), 0.05, rng)
            foot = foot + point(0, high, 0)
    else:
        light = places.outdoor_light(rng)
        props.ground(
            b, rng, stuff(b, rng, str(rng.choice(["grass", "meadow", "stone", "soil"]))), 300
        )
        foot = point(0, 0, 0)
        for _ in range(int(rng.integers(2, 12))):
            spot = near(rng, foot, between(rng, 2, 40), 0)
            (props.bush if rng.random() < 0.5 else props.tree)(
                b, rng, spot, rng.uniform(0.5, 5), 200
            )
        if rng.random() < 0.6:
            leaf = [stuff(b, rng, "leaf") for _ in range(2)]
            spots = rng.normal(0, 1.2, (900, 3)) * [1, 0, 1] + [0, 0.04, 0]
            b.cards(spots, 0.12, leaf, rng)
    heads = list[Point]()
    for number in range(int(rng.choice([1, 1, 1, 2, 3]))):
        spot = foot + point(rng.normal(0, 0.5), 0, rng.normal(0, 0.5)) * float(number > 0)
        tall = between(rng, 0.22, 0.6)
        heads.append(_creature(b, rng, spot, rng.uniform(0, 360), tall))
    if rng.random() < 0.5:
        props.clutter(b, rng, foot, (0.7, 0.7), int(rng.integers(1, 6)), 0.2)
    if rng.random() < 0.3:
        props.person(
            b, rng, near(rng, foot, rng.uniform(0.7, 2), 0), rng.uniform(0, 360), sitting=True
        )
    views = []
    for _ in range(places.VIEWS):
        target = heads[rng.integers(len(heads))]
        eye = near(rng, target, between(rng, 0.3, 1.6), 0)
        eye[1] = max(target[1] + rng.uniform(-0.15, 0.6), foot[1] + 0.06)
        views.append(aim(rng, inside(eye, size) if indoors else eye, target, (28, 80), 5.0, 0.25))
    return light, framed(b, rng, views, 0.15), 0.14


def _creature(b: Builder, rng: Rng, at: Point, yaw: float, tall: float) -> Point:
    """A furry animal or a soft toy that sits, lies or stands; returns its head's middle."""
    rotation = turned(yaw)
    fur, second = stuff(b, rng, "fur"), stuff(b, rng, "fur")
    dark = b.material(colour(rng, "dark"), gloss=0.1)
    iris = b.material(colour(rng, "bright"), gloss=0.15)

    def place(x: float, y: float, z: float) -> Point:
        return np.asarray(at + rotation @ (point(x, y, -z) * tall))

    pose = int(rng.integers(3))  # sits, lies, stands
    low = (0.36, 0.2, 0.55)[pose]
    lean = (0.55, 0.0, 0.0)[pose]
    body = np.array([0.22, 0.21, 0.42]) * tall * rng.uniform(0.85, 1.25, 3)
    tilted = rotation @ turned(0, 90 * lean)
    b.ellipsoid(place(0, low, 0), body, fur, tilted, 0.06, rng, 14)
    neck = place(0, (0.68, 0.3, 0.68)[pose], (0.14, 0.36, 0.36)[pose])
    skull = place(rng.normal(0, 0.04), (0.86, 0.42, 0.82)[pose], (0.2, 0.5, 0.5)[pose])
    b.tube(
        [place(0, low + 0.1, 0.1), neck, skull], [0.19 * tall, 0.16 * tall, 0.12 * tall], fur, 12
    )
    head = rotation @ turned(rng.normal(0, 35), rng.normal(-5, 14))
    wide = rng.uniform(0.17, 0.25) * tall
    long = rng.uniform(0.3, 1.0)
    b.ellipsoid(skull, (wide, wide * 0.9, wide), fur, head, 0.03, rng, 14)
    for side in (-1, 1):
        b.ellipsoid(
            skull + head @ point(0.45 * side, -0.2, -0.7) * wide,
            np.array([0.4, 0.35, 0.45]) * wide,
            second,
            head,
        )
        ear = skull + head @ point(0.6 * side, 0.8, 0.1) * wide
        if rng.random() < 0.6:
            tip = ear + head @ point(0.25 * side, rng.uniform(0.3, 1.2), 0) * wide
            b.tube([ear, (ear + tip) / 2, tip], [0.35 * wide, 0.25 * wide, 0.03 * wide], second, 8)
        else:
            b.ellipsoid(ear, np.array([0.4, 0.4, 0.12]) * wide, second, head)
        eye = skull + head @ point(0.42 * side, 0.15, -0.84) * wide
        b.ellipsoid(eye, np.full(3, 0.17 * wide), iris, rows=6)
        b.ellipsoid(eye + head @ point(0, 0, -0.08) * wide, np.full(3, 0.11 * wide), dark, rows=6)
        for z in (0.3, -0.3):
            paw = place(0.16 * side, 0.04, z * 1.2 + (0.12 if pose == 0 else 0))
            if pose == 1:
                paw = place(0.2 * side, 0.05, z * 1.6)
            b.tube([place(0.15 * side, low, z), paw], [0.09 * tall, 0.06 * tall], fur)
            b.ellipsoid(
                paw + rotation @ point(0, 0, -0.04) * tall,
                np.array([0.07, 0.05, 0.1]) * tall,
                second,
                rotation,
            )
    b.ellipsoid(
        skull + head @ point(0, -0.25, -0.9 - 0.3 * long) * wide,
        np.array([0.4, 0.32, 0.2 + 0.4 * long]) * wide,
        second,
        head,
    )
    b.ellipsoid(
        skull + head @ point(0, -0.1, -1.1 - 0.65 * long) * wide,
        np.array([0.14, 0.1, 0.1]) * wide,
        dark,
        head,
        rows=6,
    )
    hair = b.material(np.full(3, rng.uniform(0.2, 0.8)))
    for _ in range(int(rng.integers(0, 12))):
        start = skull + head @ point(rng.normal(0, 0.3), -0.3, -1.0 - 0.4 * long) * wide
        end = (
            start
            + head
            @ point(rng.choice([-1, 1]) * rng.uniform(0.6, 1.6), rng.normal(0, 0.4), -0.1)
            * wide
        )
        b.tube([start, end], 0.0006, hair, 3)
    t = np.linspace(0, 1, 7)[:, None]
    tail = place(0, low, -0.35) + t * (
        rotation @ point(rng.normal(0, 0.5), rng.uniform(-0.3, 0.7), 0.7) * tall
    )
    b.tube(tail, np.linspace(0.05, 0.02, 7) * tall, fur)
    return np.asarray(skull)


def ravine(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Ground that is not level: slopes, steps of rock, boulders, a path, hikers, far ridges."""
    side, cells = 60.0, 90
    axis = np.sign(np.linspace(-1, 1, cells)) * np.abs(np.linspace(-1, 1, cells)) ** 1.7 * side
    x, z = np.meshgrid(axis, axis)
    steep, turn = rng.uniform(0.1, 0.9), rng.uniform(0, 2 * np.pi)
    sharp = rng.uniform(0.6, 2.0)

    valley = 0.5 * float(rng.choice([1, -1], p=[0.75, 0.25]))
    tilt = rng.normal(0, 0.12)
    terrace = float(rng.choice([0, 0, 0, rng.uniform(0.3, 1.2)]))
    along, across = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
    y = valley * steep * np.maximum(np.abs(across) - 1.0, 0) ** sharp + tilt * along
    for _ in range(10):
        frequency, way = between(rng, 0.05, 1.2), rng.uniform(0, 2 * np.pi)
        wave = np.sin(frequency * (x * np.cos(way) + z * np.sin(way)) + rng.uniform(0, 6))
        y = y + between(rng, 0.02, 0.6) * min(1.0, 0.4 / frequency) * wave
    if terrace:
        y = np.floor(y / terrace) * terrace
    points = np.stack([x, y, z], -1)
    cover = stuff(b, rng, str(rng.choice(["stone", "grass", "soil", "field", "meadow"])))
    b.mesh(points[::-1], np.stack([x, z], -1)[::-1], cover)

    def ground(spot: Point) -> Point:
        at = (
            np.array([np.interp(spot[i], axis, np.arange(cells)) for i in (0, 2)])
            .round()
            .astype(int)
        )
        return point(spot[0], float(y[at[1], at[0]]), spot[2])

    rock, leaves = stuff(b, rng, "stone"), [stuff(b, rng, "leaf") for _ in range(3)]
    things = list[Point]()
    for _ in range(int(rng.integers(5, 40))):
        spot, radius = (
            ground(near(rng, (0, 0, 0), between(rng, 1.2, 30), 0)),
            between(rng, 0.1, 1.6),
        )
        shape = radius * rng.uniform(0.6, 1.3, 3)
        b.ellipsoid(spot, shape, rock, turned(rng.uniform(0, 360)), 0.18, rng, 8)
        things.append(spot + point(0, 0.4 * radius, 0))
    for _ in range(int(rng.integers(0, 15))):
        spot = ground(near(rng, (0, 0, 0), between(rng, 3, 45), 0))
        (props.tree if rng.random() < 0.6 else props.bush)(b, rng, spot, rng.uniform(0.6, 6), 220)
    for _ in range(int(rng.integers(1, 7))):
        spot = ground(near(rng, (0, 0, 0), between(rng, 1.2, 18), 0))
        (props.person if rng.random() < 0.75 else props.animal)(b, rng, spot, rng.uniform(0, 360))
        things += [spot + point(0, 1.1, 0)] * 4
    count = int(rng.integers(0, 1500))
    spots = np.array(
        [ground(near(rng, (0, 0, 0), between(rng, 0.6, 14), 0)) for _ in range(count // 5)]
    )
    if len(spots):
        b.cards(spots + point(0, 0.08, 0), between(rng, 0.1, 0.5), leaves, rng)
    for _ in range(int(rng.integers(0, 6))):
        # Far ridges
        angle, reach = rng.uniform(0, 2 * np.pi), between(rng, 150, 2500)
        spot = point(np.sin(angle) * reach, -0.1 * reach, np.cos(angle) * reach)
        b.ellipsoid(spot, reach * rng.uniform(0.1, 0.6, 3), cover, None, 0.25, rng, 12)
    views = []
    for _ in range(places.VIEWS):
        target = things[rng.integers(len(things))]
        eye = ground(near(rng, target, between(rng, 1.2, 9), 0))
        eye[1] += rng.choice([rng.uniform(1.2, 1.8), rng.uniform(0.2, 1.0)])
        views.append(aim(rng, eye, target, (22, 75), 4.0))
    return places.outdoor_light(rng), framed(b, rng, views, 0.25), 0.35


def heap(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Bodies of all sizes that hang, lie and lean anywhere: what is near follows no rule."""
    size = point(rng.uniform(4, 9), rng.uniform(3, 6), rng.uniform(4, 9))
    if rng.random() < 0.6:
        light, _ = places.room(b, rng, size, furnished=0.0)
        light = lit(rng, light, 0.1)
    else:
        light = places.outdoor_light(rng)
        if rng.random() < 0.5:
            props.ground(b, rng, stuff(b, rng, str(rng.choice(["stone", "meadow", "field"]))), 400)
    kinds = [
        "wood",
        "plastic",
        "paint",
        "cloth",
        "paper",
        "stone",
        "metal",
        "food",
        "ceramic",
        "wall",
    ]
    spots = list[Point]()
    scale = between(rng, 0.6, 1.4)
    for _ in range(int(rng.integers(30, 140))):
        spot = rng.uniform(-0.45, 0.45, 3) * size + [0, size[1] / 2, 0]
        part, what = between(rng, 0.12, 1.1) * scale, stuff(b, rng, str(rng.choice(kinds)))
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        match int(rng.integers(6)):
            case 0 | 1:
                b.box(
                    spot, part * between(rng, 0.3, 1.5) * rng.uniform(0.1, 1.3, 3), what, turn=turn
                )
            case 2:
                b.ellipsoid(
                    spot,
                    part * rng.uniform(0.2, 0.8, 3),
                    what,
                    turn,
                    0.1 * float(rng.random() < 0.5),
                    rng,
                    10,
                )
            case 3:
                path = spot + np.cumsum(rng.normal(0, 0.4, (int(rng.integers(2, 7)), 3)), 0) * part
                b.tube(path, between(rng, 0.01, 0.15) * part, what, 7)
            case 4:
                corner = [spot, spot + turn[0] * part, spot + turn[0] * part + turn[1] * part]
                b.quad([*corner, spot + turn[1] * part], what)
            case _:
                outline = np.stack([rng.uniform(0.1, 0.5, 6), np.linspace(0, 1, 6)], 1) * part
                b.lathe(spot, outline, what, 14, turn)
        spots.append(spot)
    views = []
    for _ in range(places.VIEWS):
        target = spots[rng.integers(len(spots))]
        eye = inside(target + rng.normal(0, 1, 3) * between(rng, 0.6, 2.5), size)
        views.append(aim(rng, eye, target, (20, 60), 10.0, 0.5))
    return light, views, 0.25
