"""The styles of training worlds, each a function of chance: rooms, streets, people, tables, ...

The layout comes first: everything stands on something, in the size that it has in life, before
walls or a horizon; then clutter, materials and light.
"""

from collections.abc import Callable

import numpy as np

from synthetic_focus.training.scenes import displays, gatherings, layouts, places, props, yards
from synthetic_focus.training.scenes.props import Rng, colour, point, stuff
from synthetic_focus.training.scenes.world import Builder, Light, View, World, turned


def room(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A furnished room by day or night, sometimes with somebody in it."""
    size = places.room_size(rng)
    light, _ = places.room(b, rng, size)
    for _ in range(int(rng.choice([0, 0, 0, 1, 2]))):
        spot = point(rng.uniform(-0.35, 0.35) * size[0], 0, rng.uniform(-0.35, 0.35) * size[2])
        props.person(b, rng, spot, rng.uniform(0, 360), sitting=bool(rng.random() < 0.3))
    return light, places.room_views(rng, size), 0.35


def street(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A street by day."""
    return (
        places.outdoor_light(rng),
        places.street_views(rng, places.street(b, rng, night=False)),
        0.5,
    )


def night_street(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A street by night: lamps, lit windows, neon, wet ground."""
    road = places.street(b, rng, night=True)
    way, _ = props.sunlight(rng, "night")
    dome = props.sky(rng, "night", way)
    ambient = colour(rng) * 0.2 + 0.1
    fog = (np.zeros(3), 0.0)
    if rng.random() < 0.3:
        fog = (point(0.06, 0.05, 0.045), float(rng.uniform(0.003, 0.02)))
    light = Light(dome, way, np.zeros(3), ambient, fog, False)
    return light, places.street_views(rng, road), 0.5


def landscape(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Open ground, a park, hills; sometimes people or animals in it."""
    places.park(b, rng)
    for _ in range(int(rng.choice([0, 1, 1, 3]))):
        spot = (rng.uniform(-6, 6), 0, -rng.uniform(3, 25))
        (props.person if rng.random() < 0.6 else props.animal)(b, rng, spot, rng.uniform(0, 360))
    views = []
    for _ in range(places.VIEWS):
        place = point(
            rng.uniform(-1, 1),
            rng.choice([rng.uniform(1.2, 1.8), rng.uniform(0.25, 3)]),
            rng.uniform(-1, 1),
        )
        angle = rng.uniform(0, 2 * np.pi)
        target = point(np.sin(angle) * 15, rng.uniform(-1, 3), np.cos(angle) * 15)
        views.append(places.look(rng, place, target))
    return places.outdoor_light(rng), views, 0.3


def portrait(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """One or two people large in front of any background."""
    light, clear = places.backdrop(b, rng)
    spot = point(rng.normal(0, 0.3), 0, rng.normal(0, 0.3))
    facing = rng.uniform(0, 360)
    face = props.person(b, rng, spot, facing, sitting=False)
    rotation = turned(facing)
    if rng.random() < 0.3:
        beside = spot + rotation @ point(
            rng.choice([-1, 1]) * rng.uniform(0.45, 0.6), 0, rng.normal(0, 0.2)
        )
        props.person(b, rng, beside, facing + rng.normal(0, 25))
    for _ in range(int(rng.choice([0, 0, 1, 3]))):
        away = rotation @ point(rng.normal(0, 1.2), 0, rng.uniform(1.2, max(1.5, clear)))
        props.person(b, rng, spot + away, rng.uniform(0, 360))
    places.fill(b, rng, face)
    views = []
    for _ in range(places.VIEWS):
        reach = min(float(np.exp(rng.uniform(np.log(0.55), np.log(2.8)))), max(0.8, clear))
        side = turned(facing + rng.normal(0, 35))
        place = face + side @ point(0, rng.normal(0, 0.12), -reach)
        place[1] = max(place[1], 0.25)
        target = face - point(0, rng.uniform(0.0, 0.3) * reach, 0)
        view = places.look(
            rng, place, target, float(rng.uniform(24, 85) if reach > 1.2 else rng.uniform(20, 50))
        )
        views.append(view)
    return light, views, 0.25


def people(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Several people at several distances."""
    light, clear = places.backdrop(b, rng)
    for _ in range(int(rng.integers(2, 8))):
        reach, angle = rng.uniform(0, clear), rng.uniform(0, 2 * np.pi)
        spot = (np.sin(angle) * reach, 0, np.cos(angle) * reach)
        props.person(b, rng, spot, rng.uniform(0, 360), sitting=False)
    views = []
    for _ in range(places.VIEWS):
        angle, reach = rng.uniform(0, 2 * np.pi), clear * rng.uniform(0.6, 1)
        place = point(np.sin(angle) * reach, rng.uniform(0.8, 1.8), np.cos(angle) * reach)
        views.append(
            places.look(
                rng,
                place,
                point(rng.normal(0, 0.5), 1.2, rng.normal(0, 0.5)),
                float(rng.uniform(22, 60)),
            )
        )
    return light, views, 0.4


def tabletop(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Things on a table from near by."""
    size = places.room_size(rng)
    light, _ = places.room(b, rng, size, furnished=0.6)
    wide, long = rng.uniform(0.8, 1.4), rng.uniform(0.8, 2.0)
    high = props.table(b, rng, (0, 0, 0), 0, (wide, 0.75, long))
    cloth = stuff(b, rng, str(rng.choice(["cloth", "wood", "stone", "floor"])))
    b.box((0, high, 0), (wide, 0.003, long), cloth)
    top = point(0, high + 0.003, 0)
    for _ in range(int(rng.integers(0, 4))):
        spot = top + point(rng.uniform(-0.35, 0.35) * wide, 0, rng.uniform(-0.35, 0.35) * long)
        b.lathe(
            spot,
            np.array([[0, 0], [0.08, 0], [0.13, 0.02], [0.127, 0.023], [0.08, 0.006], [0, 0.005]]),
            stuff(b, rng, "ceramic"),
            24,
        )
        for _ in range(int(rng.integers(1, 12))):
            radius = rng.uniform(0.01, 0.04)
            place = spot + point(rng.normal(0, 0.03), radius + 0.005, rng.normal(0, 0.03))
            b.ellipsoid(
                place, radius * rng.uniform(0.7, 1.4, 3), stuff(b, rng, "food"), None, 0.1, rng, 7
            )
    props.clutter(b, rng, top, (0.44 * wide, 0.44 * long), int(rng.integers(3, 22)), 0.14)
    for _ in range(int(rng.integers(0, 4))):
        spot = top + point(rng.uniform(-0.3, 0.3), 0.004, rng.uniform(-0.3, 0.3))
        turn = turned(rng.uniform(0, 360))
        b.tube([spot, spot + turn @ point(0.2, 0, 0)], [0.004, 0.009], stuff(b, rng, "metal"), 6)
    if rng.random() < 0.35:
        props.person(b, rng, (0, 0, -long / 2 - 0.3), 180, sitting=True)
    places.fill(b, rng, top)
    views = []
    for _ in range(places.VIEWS):
        pitch, angle = np.radians(rng.uniform(12, 70)), rng.normal(0, 0.7)
        reach = float(np.exp(rng.uniform(np.log(0.3), np.log(1.2))))
        place = top + reach * point(
            np.sin(angle) * np.cos(pitch), np.sin(pitch), np.cos(angle) * np.cos(pitch)
        )
        target = top + point(rng.normal(0, 0.1), 0.03, rng.normal(0, 0.1))
        views.append(places.look(rng, place, target, float(rng.uniform(24, 60))))
    return light, views, 0.1


def foliage(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Twigs and leaves before or behind what is looked at."""
    light, clear = places.backdrop(b, rng)
    if rng.random() < 0.7:
        props.person(b, rng, (rng.normal(0, 0.3), 0, -rng.uniform(0, 0.5)), rng.normal(180, 40))
    eye = point(0, rng.uniform(0.9, 1.7), min(rng.uniform(1.8, 3.5), max(clear, 1.2)))
    leaf = stuff(b, rng, "leaf")
    for _ in range(int(rng.integers(2, 8))):
        reach = float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))
        side = rng.choice([-1, 1])
        start = eye + point(side * reach * 0.7, rng.uniform(-0.5, 0.6) * reach, -reach)
        way = point(-side, rng.normal(0.2, 0.5), rng.normal(0, 0.3))
        twigs_leaf = leaf if rng.random() < 0.75 else None
        props.twigs(
            b,
            rng,
            start,
            way,
            reach * rng.uniform(0.5, 1.1),
            0.008 * reach + 0.002,
            int(rng.choice([2, 2, 3])),
            twigs_leaf,
        )
    if rng.random() < 0.3:
        bars = stuff(b, rng, "metal")
        for x in np.arange(-2, 2, rng.uniform(0.1, 0.3)):
            b.tube([eye + point(x, -eye[1], -0.8), eye + point(x, 1.0, -0.8)], 0.01, bars, 5)
    views = [
        places.look(rng, eye + rng.normal(0, 0.12, 3), point(0, 1.2, 0), float(rng.uniform(24, 60)))
        for _ in range(places.VIEWS)
    ]
    return light, views, 0.2


def workshop(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A garage or a workshop: machines, wheels, pipes, shelves full of parts."""
    size = point(rng.uniform(3.5, 8), rng.uniform(2.5, 4), rng.uniform(4, 10))
    light, _ = places.room(b, rng, size, furnished=0.7)
    for _ in range(int(rng.integers(3, 9))):
        spot = point(rng.uniform(-0.4, 0.4) * size[0], 0, rng.uniform(-0.4, 0.4) * size[2])
        props.machine(b, rng, spot, rng.uniform(0.4, 1.5))
    tyre, rim = b.material(colour(rng, "dark")), stuff(b, rng, "metal")
    for _ in range(int(rng.integers(0, 5))):
        spot = point(rng.uniform(-0.4, 0.4) * size[0], 0, rng.uniform(-0.4, 0.4) * size[2])
        yaw, gap = rng.uniform(0, 180), rng.uniform(0.9, 1.4)
        for end in (-0.5, 0.5):  # two wheels and a frame between them
            hub = spot + turned(yaw) @ point(0, 0.32, end * gap)
            props.wheel(b, rng, hub, 0.32, rng.uniform(0.04, 0.16), yaw, rim, tyre)
        path = [
            turned(yaw) @ point(0, y, z * gap) + spot
            for y, z in ((0.32, -0.5), (0.7, -0.2), (0.45, 0.1), (0.75, 0.3), (0.32, 0.5))
        ]
        b.tube(path, rng.uniform(0.02, 0.06), stuff(b, rng, "paint"))
        b.ellipsoid(
            path[1] + point(0, 0.1, 0), (0.12, 0.12, 0.25), stuff(b, rng, "paint"), turned(yaw)
        )
        bar = turned(yaw) @ point(0.3, 0.9, -0.3 * gap)
        b.tube([spot + bar, spot + turned(yaw) @ point(-0.3, 0.9, -0.3 * gap)], 0.015, rim, 6)
    for _ in range(int(rng.integers(0, 6))):
        high, z = rng.uniform(1.8, size[1] - 0.1), rng.uniform(-0.45, 0.45) * size[2]
        b.tube(
            [(-size[0] / 2, high, z), (size[0] / 2, high, z)],
            rng.uniform(0.02, 0.09),
            stuff(b, rng, "metal"),
        )
    return light, places.room_views(rng, size), 0.3


def animals(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Animals close by, indoors and out."""
    light, clear = places.backdrop(b, rng)
    for _ in range(int(rng.integers(1, 5))):
        spot = (rng.normal(0, 0.7), 0, rng.normal(0, 0.7))
        props.animal(b, rng, spot, rng.uniform(0, 360))
    views = []
    for _ in range(places.VIEWS):
        angle, reach = rng.uniform(0, 2 * np.pi), min(rng.uniform(1.0, 3.5), max(clear, 1.0))
        place = point(np.sin(angle) * reach, rng.uniform(0.2, 1.6), np.cos(angle) * reach)
        views.append(places.look(rng, place, point(0, 0.4, 0), float(rng.uniform(24, 70))))
    return light, views, 0.3


def corridor(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Held out: a long corridor with doors, columns or a flight of stairs."""
    wide, tall, deep = rng.uniform(1.6, 4), rng.uniform(2.3, 3.5), rng.uniform(10, 30)
    size = point(wide, tall, deep)
    light, _ = places.room(b, rng, size, furnished=0.3)
    what, tread = stuff(b, rng, "stone"), stuff(b, rng, "floor")
    if rng.random() < 0.5:
        step = rng.uniform(0.26, 0.32)
        for level in range(int(rng.integers(5, 12))):
            b.box((0, 0, -0.5 - level * step), (wide, 0.17 * (level + 1), step), tread)
        rail = stuff(b, rng, "metal")
        for side in (-0.46, 0.46):
            b.tube(
                [(side * wide, 0.9, -0.3), (side * wide, 0.9 + 0.17 * 9, -0.3 - 9 * step)],
                0.025,
                rail,
            )
    else:
        for z in np.arange(-deep / 2 + 1, deep / 2, rng.uniform(2, 4)):
            for side in (-1, 1):
                b.lathe(
                    (side * wide * 0.42, 0, z),
                    [[0.2, 0], [0.15, 0.15], [0.13, tall - 0.2], [0.2, tall]],
                    what,
                )
    for _ in range(int(rng.integers(0, 3))):
        spot = (rng.uniform(-0.3, 0.3) * wide, 0, rng.uniform(0, 0.3) * deep)
        props.person(b, rng, spot, rng.choice([0, 180]) + rng.normal(0, 20))
    views = []
    for _ in range(places.VIEWS):
        place = point(
            rng.uniform(-0.3, 0.3) * wide, rng.uniform(1, 1.8), deep * rng.uniform(0.2, 0.46)
        )
        views.append(
            places.look(
                rng,
                place,
                point(rng.normal(0, 0.2), rng.uniform(0.7, 1.6), -deep / 3),
                float(rng.uniform(20, 45)),
            )
        )
    return light, views, 0.35


def market(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Held out: market stalls under awnings, heaped with goods, and people between them."""
    props.ground(b, rng, stuff(b, rng, "stone"), 300)
    for side in (-1, 1):
        for z in np.arange(4, -24, -rng.uniform(2.6, 3.4)):
            spot = point(side * rng.uniform(1.8, 2.4), 0, z)
            high = props.table(b, rng, spot, 90, (2.2, rng.uniform(0.7, 0.95), 1.1))
            poles, cloth = stuff(b, rng, "metal"), stuff(b, rng, "cloth")
            for x in (-0.6, 0.6):
                for dz in (-1.1, 1.1):
                    b.tube([spot + point(x, 0, dz), spot + point(x, 2.3, dz)], 0.025, poles, 5)
            b.quad(
                [
                    spot + point(*p)
                    for p in (
                        (-0.9, 2.3, 1.2),
                        (0.9, 2.3, 1.2),
                        (0.9, 2.3, -1.2),
                        (-0.9, 2.3, -1.2),
                    )
                ],
                cloth,
            )
            edge = spot - point(side * 0.9, 0, 0)
            b.quad(
                [
                    edge + point(0, y, dz)
                    for y, dz in ((2.3, 1.2), (2.3, -1.2), (2.0, -1.2), (2.0, 1.2))
                ],
                cloth,
            )
            for dz in np.arange(-0.9, 0.9, 0.45):
                fruit, crate = stuff(b, rng, "food"), stuff(b, rng, "wood")
                b.box(spot + point(0, high, dz), (0.8, 0.12, 0.4), crate)
                radius = rng.uniform(0.03, 0.07)
                for _ in range(14):
                    place = spot + point(
                        rng.uniform(-0.35, 0.35),
                        high + 0.12 + radius * rng.uniform(0, 1.5),
                        dz + rng.uniform(-0.15, 0.15),
                    )
                    b.ellipsoid(place, (radius,) * 3, fruit, rows=5)
            if rng.random() < 0.5:
                props.sign(b, rng, spot + point(-side * 0.5, 1.7, 0), -side * 90.0)
            if rng.random() < 0.6:
                props.person(b, rng, spot + point(side * 0.9, 0, 0), -side * 90.0)
    for _ in range(int(rng.integers(1, 8))):
        spot = point(rng.uniform(-0.9, 0.9), 0, rng.uniform(-18, 1))
        props.person(b, rng, spot, rng.choice([0, 180]) + rng.normal(0, 30))
    for _ in range(6):
        b.box(
            (rng.uniform(-40, 40), 0, -rng.uniform(40, 70)),
            rng.uniform(8, 18, 3),
            stuff(b, rng, "facade"),
        )
    views = []
    for _ in range(places.VIEWS):
        place = point(rng.uniform(-0.8, 0.8), rng.uniform(1.2, 1.8), rng.uniform(2, 5))
        views.append(
            places.look(
                rng,
                place,
                point(rng.uniform(-1.5, 1.5), 1.1, -rng.uniform(2, 8)),
                float(rng.uniform(22, 50)),
            )
        )
    return places.outdoor_light(rng), views, 0.4


Style = Callable[[Builder, Rng], tuple[Light, list[View], float]]

_FIRST: dict[str, tuple[Style, float]] = {
    "room": (room, 5),
    "street": (street, 3),
    "night-street": (night_street, 2.5),
    "landscape": (landscape, 2.5),
    "portrait": (portrait, 5),
    "people": (people, 3),
    "tabletop": (tabletop, 3.5),
    "foliage": (foliage, 2),
    "workshop": (workshop, 2.5),
    "animals": (animals, 2),
}

TRAINING: dict[str, tuple[Style, float]] = _FIRST | {
    "hall": (layouts.hall, 3),
    "storehouse": (layouts.storehouse, 3),
    "square": (layouts.square, 3),
    "parking": (layouts.parking, 3),
    "lumber": (layouts.lumber, 4),
    "outlook": (layouts.outlook, 2),
    "neon": (layouts.neon, 3),
    "shore": (layouts.shore, 2),
    "thicket": (layouts.thicket, 3),
    "spread": (layouts.spread, 4),
    "showroom": (displays.showroom, 5),
    "carriage": (displays.carriage, 3),
    "desk": (displays.desk, 4),
    "garden": (displays.garden, 3),
    "pet": (displays.pet, 3),
    "ravine": (displays.ravine, 2),
    "heap": (displays.heap, 3),
    "interview": (gatherings.interview, 5),
    "crowd": (gatherings.crowd, 4),
    "stage": (gatherings.stage, 3),
    "dinner": (gatherings.dinner, 4),
    "kitchen": (gatherings.kitchen, 3),
    "playground": (gatherings.playground, 3),
    "garage": (yards.garage, 5),
    "kerb": (yards.kerb, 5),
}
"""The styles that are trained on, with how often each comes."""

HELD_OUT: dict[str, tuple[Style, float]] = _FIRST | {
    "corridor": (corridor, 6),
    "market": (market, 6),
}
"""What is tested on: other seeds of some of those styles, and styles never trained on.

It does not grow with `TRAINING`, so that figures of different days compare.
"""


def make(split: str, seed: int, number: int, attempt: int = 0) -> World:
    """A world of a seed; those of the split "held-out" differ from all of "train"."""
    rng = np.random.default_rng([seed, number, attempt, int(split == "held-out")])
    styles = HELD_OUT if split == "held-out" else TRAINING
    names = list(styles)
    odds = np.array([styles[name][1] for name in names], np.float64)
    name = names[int(rng.choice(len(names), p=odds / odds.sum()))]
    builder = Builder()
    light, views, nearest = styles[name][0](builder, rng)
    return builder.world(name, light, views, nearest)
