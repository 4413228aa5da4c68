"""What gives places depth in every direction: stairs, racks, stores, and what hangs or is near.

As in `props`, every function takes the builder, chance, and where the thing stands (or hangs from).
"""

import numpy as np
from numpy.typing import ArrayLike

from synthetic_focus.training.scenes import props
from synthetic_focus.training.scenes.props import Point, Rng, colour, point, stamp, stuff
from synthetic_focus.training.scenes.world import Builder, View, turned


def railing(b: Builder, rng: Rng, start: ArrayLike, end: ArrayLike) -> None:
    """A railing of posts and bars, of panels or of a low wall, from `start` to `end`."""
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    tall, up = rng.uniform(0.85, 1.1), point(0, 1, 0)
    frame = stuff(b, rng, str(rng.choice(["metal", "wood", "paint"])))
    if rng.random() < 0.2:
        b.quad([first, last, last + up * tall, first + up * tall], stuff(b, rng, "stone"))
    else:
        length = float(np.linalg.norm(last - first))
        thick = rng.uniform(0.006, 0.02)
        for share in np.linspace(0, 1, int(length / rng.uniform(0.12, 0.5)) + 2):
            foot = first + (last - first) * share
            b.tube([foot, foot + up * tall], thick, frame, 5)
        if rng.random() < 0.4:
            for level in np.arange(0.15, tall - 0.1, rng.uniform(0.12, 0.3)):
                b.tube([first + up * level, last + up * level], 0.008, frame, 5)
    b.tube([first + up * tall, last + up * tall], rng.uniform(0.02, 0.05), frame, 6)


def stairs(b: Builder, rng: Rng, at: ArrayLike, yaw: float, wide: float, count: int) -> Point:
    """A flight of stairs that climbs towards `yaw`; returns the middle of its upper edge."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    tread = stuff(b, rng, str(rng.choice(["stone", "wood", "floor"])))
    rise, run = rng.uniform(0.15, 0.18), rng.uniform(0.26, 0.32)
    solid = rng.random() < 0.6
    for step in range(count):
        low = 0.0 if solid else rise * (step + 1) - 0.05
        spot = foot + rotation @ point(0, low, -(step + 0.5) * run)
        b.box(spot, (wide, rise * (step + 1) - low, run), tread, yaw)
    top = foot + rotation @ point(0, rise * count, -run * count)
    for side in (-1, 1):
        if rng.random() < 0.7:
            edge = rotation @ point(side * wide * 0.48, 0, 0)
            railing(b, rng, foot + edge, top + edge)
    return np.asarray(top)


def column(b: Builder, rng: Rng, at: ArrayLike, tall: float, what: int) -> None:
    """A round or square column from floor to ceiling."""
    radius = rng.uniform(0.12, 0.4)
    if rng.random() < 0.5:
        b.box(at, (2 * radius, tall, 2 * radius), what, float(rng.choice([0, rng.uniform(0, 90)])))
    else:
        shape = [[1.4, 0], [1.4, 0.2], [1, 0.3], [0.9, tall - 0.3], [1.4, tall - 0.1], [1.4, tall]]
        b.lathe(at, np.array(shape) * [radius, 1], what)


def goods(b: Builder, rng: Rng, at: ArrayLike, yaw: float, size: ArrayLike) -> None:
    """A load of about that size (width, height, depth): boxes, crates, drums, sacks, rolls."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    wide, tall, deep = np.asarray(size, np.float64)
    kind = int(rng.integers(5))
    what = stuff(b, rng, ("wood", "plastic", "paint", "cloth", "paper")[kind])
    match kind:
        case 0 | 4:
            rows, columns = int(rng.integers(1, 4)), int(rng.integers(1, 4))
            part = np.array([wide / columns, tall / rows, deep])
            for column_ in range(columns):
                for row in range(int(rng.integers(1, rows + 1))):
                    middle = point((column_ + 0.5 - columns / 2) * part[0], row * part[1], 0)
                    shape = part * rng.uniform(0.88, 0.98, 3)
                    b.box(foot + rotation @ middle, shape, what, yaw + rng.normal(0, 2))
        case 1:
            b.box(foot, (wide, tall * rng.uniform(0.4, 1), deep), what, yaw + rng.normal(0, 5))
            if rng.random() < 0.5:
                label = stamp(b, rng, "text", wide * 0.6, tall * 0.25)
                front = foot + rotation @ point(0, 0.05 * tall, deep / 2 + 0.004)
                b.box(front, (wide * 0.6, tall * 0.25, 0.01), label, yaw)
        case 2:
            radius = min(wide, deep) * 0.45
            for x in np.arange(radius, wide, 2.1 * radius) - wide / 2:
                outline = np.array([[0, 0], [1, 0], [1, 0.48], [1.04, 0.5], [1, 0.52], [1, 1]])
                outline = np.array([*outline, [0, 1]]) * [radius, tall * 0.95]
                b.lathe(foot + rotation @ point(x, 0, 0), outline, what)
        case _:
            thick = tall / 3
            for layer in range(int(rng.integers(1, 4))):
                spot = foot + point(0, thick * (layer + 0.5), 0) + rng.normal(0, 0.03, 3)
                radii = np.array([wide * 0.48, thick * 0.62, deep * 0.5])
                b.ellipsoid(spot, radii, what, rotation, 0.06, rng, 8)


def rack(
    b: Builder, rng: Rng, at: ArrayLike, yaw: float, size: ArrayLike, metal: int, full: float
) -> None:
    """Shelves without a back that show what is behind; full: the share of places with a load."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    wide, tall, deep = np.asarray(size, np.float64)
    for x in (-1, 1):
        for z in (-1, 1):
            post = rotation @ point(x * wide / 2, 0, z * deep / 2)
            b.box(foot + post, (0.06, tall, 0.06), metal, yaw)
    board = stuff(b, rng, "wood") if rng.random() < 0.5 else metal
    level, gap = rng.uniform(0.05, 0.3), rng.uniform(0.45, 0.9)
    while level < tall - 0.2:
        b.box(foot + point(0, level, 0), (wide, 0.03, deep), board, yaw)
        for z in (-1, 1):
            beam = rotation @ point(0, level - 0.06, z * deep / 2)
            b.box(foot + beam, (wide, 0.09, 0.03), metal, yaw)
        x = -wide / 2
        while x < wide / 2 - 0.2:
            span = min(float(rng.uniform(0.25, 1.0)), wide / 2 - x)
            if rng.random() < full:
                spot = foot + rotation @ point(x + span / 2, level + 0.03, rng.normal(0, 0.05))
                high = gap * rng.uniform(0.4, 0.85)
                goods(b, rng, spot, yaw, (span * 0.9, high, deep * rng.uniform(0.5, 0.95)))
            x += span + 0.05
        level += gap


def leaning(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> None:
    """A ladder, planks, a roll or a tool, which leans back against what is behind `at`."""
    foot, what = np.asarray(at, np.float64), stuff(b, rng, str(rng.choice(["wood", "metal"])))
    rotation = turned(yaw, 0, 0) @ turned(0, -rng.uniform(8, 25), 0)
    tall = rng.uniform(1.2, 2.6)
    if rng.random() < 0.4:
        for x in (-0.2, 0.2):
            path = [foot + rotation @ point(x, y, 0) for y in (0, tall)]
            b.tube(path, 0.025, what, 6)
        for y in np.arange(0.25, tall, 0.28):
            b.tube([foot + rotation @ point(x, y, 0) for x in (-0.2, 0.2)], 0.016, what, 5)
        return
    for x in np.arange(int(rng.integers(1, 6))) * rng.uniform(0.06, 0.2):
        shape = (rng.uniform(0.03, 0.2), tall * rng.uniform(0.6, 1), 0.03)
        b.box(foot + rotation @ point(x, 0, 0), shape, what, turn=rotation)


def stores(b: Builder, rng: Rng, at: ArrayLike, yaw: float, wide: float) -> None:
    """Shelves, benches, goods and tools along `wide` metres of a wall, facing `yaw`."""
    foot, rotation, x = np.asarray(at, np.float64), turned(yaw), -wide / 2
    metal = stuff(b, rng, str(rng.choice(["metal", "wood", "paint"])))
    while x < wide / 2:
        span = float(rng.uniform(0.6, 1.8))
        spot = foot + rotation @ point(x + span / 2, 0, 0)
        tall = rng.uniform(1.0, 2.3)
        match int(rng.integers(8)):
            case 0 | 1:
                rack(b, rng, spot, yaw, (span, tall, 0.45), metal, rng.uniform(0.4, 0.95))
            case 2:
                props.shelf(b, rng, spot, yaw, span, tall)
            case 3:
                high = props.table(b, rng, spot, yaw, (span, 0.85, 0.55))
                things = int(rng.integers(1, 8))
                props.clutter(b, rng, spot + point(0, high, 0), (span * 0.4, 0.2), things, 0.3, yaw)
            case 4:
                for level in np.arange(int(rng.integers(1, 4))) * 0.45:
                    load = (span * 0.9, 0.43, 0.5)
                    goods(b, rng, spot + point(0, level, 0), yaw + rng.normal(0, 6), load)
            case 5:
                for _ in range(int(rng.integers(1, 4))):
                    aside = rotation @ point(rng.uniform(-0.5, 0.5) * span, 0, 0)
                    leaning(b, rng, spot + aside, yaw)
            case 6:
                # Tools on a board
                b.box(spot + point(0, 0.9, 0), (span, 1.1, 0.03), stuff(b, rng, "wood"), yaw)
                for _ in range(int(rng.integers(4, 16))):
                    place = point(rng.uniform(-0.45, 0.45) * span, rng.uniform(1.1, 1.9), -0.05)
                    way = turned(rng.normal(0, 20)) @ point(0, -rng.uniform(0.1, 0.35), 0)
                    ends = [spot + rotation @ place, spot + rotation @ (place + way)]
                    b.tube(ends, [0.012, rng.uniform(0.01, 0.04)], stuff(b, rng, "metal"), 6)
            case _:
                pass
        x += span + rng.uniform(0, 0.4)


def hanging(b: Builder, rng: Rng, at: ArrayLike, drop: float, shine: float = 0.0) -> None:
    """A thing that hangs `drop` metres below `at`; shine: the radiance of lamps among them."""
    hook = np.asarray(at, np.float64)
    end = hook - point(0, drop, 0)
    cord = b.material(colour(rng, "dark"))
    kind = int(rng.integers(7))
    if kind not in (1, 4):
        b.tube([hook, end], rng.uniform(0.004, 0.012), cord, 4)
    match kind:
        case 0:
            radius = rng.uniform(0.1, 0.3)
            b.lathe(
                end - point(0, 0.2, 0),
                np.array([[1, 0], [0.3, 1.1]]) * radius,
                stuff(b, rng, "paint"),
            )
            glow = b.material((0.8,) * 3, pattern=1, glow=point(1, 0.85, 0.6) * max(shine, 0.2))
            b.ellipsoid(end - point(0, 0.14, 0), (0.06,) * 3, glow, rows=6)
        case 1:
            wide, turn = rng.uniform(0.3, 1.2), turned(rng.uniform(0, 360))
            x = np.linspace(-wide / 2, wide / 2, 13)
            fold = 0.05 * np.sin(x * rng.uniform(5, 30) + rng.uniform(0, 6))
            line = np.stack([x, 0 * x, fold], 1) @ turn.T
            rows = np.stack([line + end, line + hook])
            b.mesh(rows, np.stack(np.meshgrid(x, [0, drop]), -1), stuff(b, rng, "cloth"))
        case 2:
            pot, size = stuff(b, rng, "ceramic"), rng.uniform(0.12, 0.3)
            b.lathe(
                end - point(0, size, 0), np.array([[0, 0], [0.6, 0], [1, 1], [0, 0.9]]) * size, pot
            )
            leaf = stuff(b, rng, "leaf")
            spots = end + rng.normal(0, 1, (60, 3)) * [size, size * 1.3, size]
            b.cards(spots, 0.6 * size, leaf, rng)
        case 3:
            props.sign(
                b,
                rng,
                end - point(0, 0.5, 0) + point(0, max(0, 1.6 - end[1]), 0),
                rng.uniform(0, 360),
                0.2 * shine,
            )
        case 4:
            loops, what = int(rng.integers(1, 4)), stuff(b, rng, "plastic")
            turn = turned(rng.uniform(0, 360))
            t = np.linspace(0, 2 * np.pi, 19)
            for _ in range(loops):
                wide = rng.uniform(0.1, 0.3)
                path = np.stack([wide * np.sin(t), drop / 2 * (np.cos(t) - 1), 0.03 * t], 1)
                b.tube(hook + path @ turn.T, rng.uniform(0.006, 0.02), what, 5)
        case 5:
            size = rng.uniform(0.12, 0.4)
            props.small_thing(b, rng, end - point(0, size, 0), size)
        case _:
            what, size = stuff(b, rng, "plastic"), rng.uniform(0.1, 0.35)
            b.ellipsoid(end - point(0, size, 0), size * rng.uniform(0.7, 1.2, 3), what)


def before(b: Builder, rng: Rng, view: View, floor: float | None = 0.0) -> None:
    """Something near that reaches into a view from above, from a side or, seldom, from below.

    floor: the height of what people and posts stand on; None where nobody can stand.
    """
    eye, axes = np.asarray(view.position), view.rotation
    across, rise = 18 / view.focal_length_mm, 12 / view.focal_length_mm
    depth = float(np.exp(rng.uniform(np.log(0.5), np.log(2.2))))
    side = float(rng.choice([-1, 1]))

    def place(x: float, y: float, z: float = 1.0) -> Point:
        """Shares of the half picture to the right and up, at shares of the depth."""
        return np.asarray(eye + axes @ (point(x * across, y * rise, -1) * depth * z))

    edge = rng.uniform(0.55, 0.95)
    kind = int(rng.integers(8))
    if kind == 0 and floor is not None and eye[1] > floor + 0.4:
        spot = place(side * (edge + 0.2), 0)
        props.person(b, rng, (spot[0], floor, spot[2]), rng.uniform(0, 360))
    elif kind in (0, 1):
        # A post, a trunk or the edge of a wall, from below the picture to above it
        width = depth * across * rng.uniform(0.1, 0.5)
        what = stuff(b, rng, str(rng.choice(["wood", "wall", "metal", "bark", "stone"])))
        x = side * (edge + 0.2)
        tilt = rng.normal(0, 0.1)
        ends = [place(x - tilt, -1.6), place(x + tilt, 1.6)]
        if rng.random() < 0.5:
            b.tube(ends, 0.4 * width, what)
        else:
            height = float(np.linalg.norm(ends[1] - ends[0]))
            b.box(ends[0], (width, height, width), what, turn=axes @ turned(rng.uniform(0, 90)))
    elif kind == 2:
        # A beam, a lintel or the edge of an awning along the picture's upper edge
        what = stuff(b, rng, str(rng.choice(["wood", "cloth", "paint", "stone"])))
        tilt = rng.normal(0, 0.2)
        near, far = rng.uniform(0.6, 1), rng.uniform(1, 1.8)
        b.quad(
            [
                place(-1.6, edge - tilt, near),
                place(1.6, edge + tilt, near),
                place(1.6, edge + tilt + 0.5, far),
                place(-1.6, edge - tilt + 0.5, far),
            ],
            what,
        )
        b.quad(
            [
                place(-1.6, edge - tilt, near),
                place(1.6, edge + tilt, near),
                place(1.6, edge + tilt + 1.5, near),
                place(-1.6, edge - tilt + 1.5, near),
            ],
            what,
        )
    elif kind in (3, 4):
        leaf = stuff(b, rng, "leaf")
        for _ in range(int(rng.integers(1, 4))):
            start = place(side * rng.uniform(0.2, 1.2), 1.2, rng.uniform(0.8, 1.5))
            way = axes @ point(-side * rng.uniform(0, 1), -rng.uniform(0.2, 1), rng.normal(0, 0.4))
            props.twigs(
                b,
                rng,
                start,
                way,
                depth * rise * rng.uniform(0.6, 1.3),
                0.006 * depth + 0.002,
                2,
                leaf,
            )
    elif kind == 5:
        # A curtain, a cloth or a screen that stands at a slant at one side
        u = np.linspace(0, 1, 15)
        bend = 0.03 * np.sin(u * rng.uniform(3, 40))
        far = rng.uniform(0.8, 2.5)
        top = np.stack(
            [
                place(side * (edge + 0.6 * t), 1.7, 1 + (far - 1) * t + w)
                for t, w in zip(u, bend, strict=True)
            ]
        )
        low = np.stack(
            [
                place(side * (edge + 0.6 * t), -1.7, 1 + (far - 1) * t + w)
                for t, w in zip(u, bend, strict=True)
            ]
        )
        uv = np.stack(np.meshgrid(u * depth, [0, 3 * rise * depth]), -1)
        b.mesh(np.stack([low, top]), uv, stuff(b, rng, "cloth"))
    elif kind == 6:
        for _ in range(int(rng.integers(1, 4))):
            spot = place(rng.uniform(-0.9, 0.9), 1.5, rng.uniform(0.8, 1.6))
            hanging(b, rng, spot, depth * rise * rng.uniform(0.5, 1.2))
    else:
        spot = place(side * rng.uniform(0.5, 1), -rng.uniform(0.7, 1.1))
        for _ in range(int(rng.integers(1, 4))):
            props.small_thing(b, rng, spot + rng.normal(0, 0.1, 3), depth * rise * 0.7)
