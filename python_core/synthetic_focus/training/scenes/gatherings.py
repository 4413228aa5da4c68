"""Styles with people in them: close by, in crowds, on stages, at table, at work and at play.

By night heads are dark before bright signs, and lit before the dark.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from synthetic_focus.training.scenes import fixtures, places, props
from synthetic_focus.training.scenes.patterns import PATTERNS
from synthetic_focus.training.scenes.props import Point, Rng, colour, point, stamp, stuff
from synthetic_focus.training.scenes.viewpoints import between
from synthetic_focus.training.scenes.world import Builder, Light, View, turned


def _night(rng: Rng, level: float) -> Light:
    """A night with an ambient light of about that level, now and then with haze."""
    way, _ = props.sunlight(rng, "night")
    fog = (np.zeros(3), 0.0)
    if rng.random() < 0.2:
        fog = (point(0.07, 0.06, 0.06) * rng.uniform(0.3, 1.5), between(rng, 0.004, 0.04))
    ambient = (colour(rng) + 0.15) * level
    return Light(props.sky(rng, "night", way), way, np.zeros(3), ambient, fog, False)


def _floor(b: Builder, rng: Rng, reach: float = 80, level: float = 0.0) -> None:
    """A dark ground, sometimes wet."""
    tone = colour(rng, "dark")
    family = str(rng.choice(["asphalt", "tiles", "bricks", "mottled", "flat"]))
    ground = b.material(
        tone,
        tone * rng.uniform(1, 3),
        tone * 0.5,
        pattern=int(rng.choice(PATTERNS[family])),
        scale=0.4,
        gloss=float(rng.choice([0.0, 0.12])),
        roughness=float(rng.uniform(0.03, 0.2)),
    )
    corners = [(-1, 1), (1, 1), (1, -1), (-1, -1)]
    b.quad([[x * reach, level, z * reach] for x, z in corners], ground)


def _board(
    b: Builder, rng: Rng, at: ArrayLike, yaw: float, size: tuple[float, float], shine: float
) -> None:
    """A sign, a screen or a shop window of that width and height that glows."""
    family = str(rng.choice(["neon", "neon", "poster", "picture", "lit_windows", "text"]))
    what = stamp(b, rng, family, *size, shine)
    if rng.random() < 0.1:  # one even light
        tone = np.minimum(colour(rng, "bright") * rng.uniform(0.3, 1) + rng.uniform(0, 0.6), 0.9)
        what = b.material(tone, pattern=PATTERNS["glow"][0], glow=tone * shine)
    b.box(at, (*size, 0.12), what, yaw)


def _signs(b: Builder, rng: Rng, nearest: float, count: int) -> None:
    """Lit signs, shop windows, lamps and dark walls beyond `nearest` metres along -z."""
    bright = between(rng, 0.4, 3)
    for _ in range(int(rng.integers(3, 9))):
        away = between(rng, nearest + 1, 45)
        spot = point(rng.normal(0, 0.7) * away, 0, -away - 2)
        shape = point(rng.uniform(2, 9), between(rng, 3, 16), 3)
        kind = str(rng.choice(["wall", "brick", "paint", "facade"]))
        b.box(spot, shape, stuff(b, rng, kind), rng.normal(0, 8))
    for _ in range(count):
        away = between(rng, nearest, 40)
        wide = between(rng, 0.3, 3.5)
        high = float(np.clip(wide * between(rng, 0.25, 3), 0.25, 4))
        spot = point(rng.normal(0, 0.35) * (away + 1), rng.uniform(0, 2.2 + 0.25 * away), -away)
        yaw = float(rng.choice([0, rng.normal(0, 30), rng.choice([-90, 90])])) + 180
        _board(b, rng, spot, yaw, (wide, high), bright * between(rng, 0.3, 8))
    for _ in range(int(rng.integers(0, 12))):
        away = between(rng, max(nearest, 2), 45)
        spot = point(rng.normal(0, 0.5) * away, rng.uniform(1.5, 2 + 0.3 * away), -away)
        warm = point(1, rng.uniform(0.3, 1), rng.uniform(0.1, 1))
        b.lamp(spot, between(rng, 0.04, 0.15), warm * between(rng, 20, 500))


def _apart(others: Sequence[Point], spots: ArrayLike, gap: float = 0.6) -> Point | None:
    """The first of the spots (N, 3) that is farther than `gap` from all others, on the ground."""
    taken = np.array(others).reshape(-1, 3)
    for spot in np.asarray(spots, np.float64):
        if not len(taken) or np.hypot(*(taken - spot)[:, [0, 2]].T).min() > gap:
            return point(*spot)
    return None


def _around(rng: Rng, target: Point, nearest: float, farthest: float) -> Point:
    """Sixteen places (16, 3) at the target's height, in any direction from it."""
    angle = rng.uniform(0, 2 * np.pi, 16)
    away = np.exp(rng.uniform(np.log(nearest), np.log(farthest), 16))
    return np.asarray(target + np.stack([np.sin(angle) * away, 0 * angle, np.cos(angle) * away], 1))


def interview(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """One or two people so close that they fill much of the picture, before anything."""
    clear, way = 4.0, rng.uniform(0, 360)
    match int(rng.integers(6)):
        case 0:
            light, clear = places.backdrop(b, rng)
        case 1:
            size = places.room_size(rng) + point(1, 0, 1)
            light, _ = places.room(b, rng, size, furnished=1.0)
            clear = 0.5 * float(min(size[0], size[2])) - 0.5
        case 2:
            # Before a wall, a shelf or a bright window
            away, way = rng.uniform(0.5, 3), 180.0
            _floor(b, rng)
            wall = stuff(b, rng, str(rng.choice(["wall", "brick", "stone", "wood"])))
            b.box((0, 0, -away - 0.3), (14, 3.2, 0.2), wall)
            for x in np.arange(-4, 4, rng.uniform(0.9, 2.4)):
                spot = point(x, rng.uniform(0.8, 1.6), -away - 0.15)
                match int(rng.integers(4)):
                    case 0:
                        props.shelf(b, rng, spot * [1, 0, 1], 180, 0.85, rng.uniform(1.5, 2.3))
                    case 1:
                        shape = (rng.uniform(0.6, 1.2), rng.uniform(0.6, 1.4))
                        _board(b, rng, spot, 180, shape, between(rng, 0.5, 8))
                    case 2:
                        props.picture_on_wall(b, rng, spot + point(0, 0.2, 0), 180)
                    case _:
                        props.bush(b, rng, spot * [1, 0, 1], rng.uniform(0.6, 1.4), 120)
            dark = rng.random() < 0.4
            light = _night(rng, 0.25) if dark else places.outdoor_light(rng)
        case _:
            _floor(b, rng)
            away, way = between(rng, 0.9, 7), 180.0
            _signs(b, rng, away, int(rng.integers(10, 45)))
            light = _night(rng, between(rng, 0.03, 0.4))
    sitting = bool(rng.random() < 0.25)
    facing = way + rng.choice([rng.normal(0, 30), rng.uniform(0, 360)], p=[0.65, 0.35])
    if sitting:
        props.chair(b, rng, (0, 0, 0), facing)
    faces = [props.person(b, rng, (0, 0, 0), facing, sitting=sitting)]
    if rng.random() < 0.45:
        side = turned(way + rng.normal(0, 40)) @ point(rng.choice([-1, 1]), 0, 0)
        spot = side * between(rng, 0.5, 1.2)
        faces.append(props.person(b, rng, spot, facing + rng.normal(0, 60), sitting=sitting))
    for _ in range(int(rng.choice([0, 0, 1, 2, 5]))):
        # Behind, seen from where the camera is
        spot = turned(way) @ point(rng.normal(0, 1.2), 0, rng.uniform(1.2, max(1.5, clear)))
        props.person(b, rng, spot, rng.uniform(0, 360))
    places.fill(b, rng, faces[0])
    over = rng.random() < 0.35
    angle = way + rng.normal(0, 22)
    views = []
    for index in range(places.VIEWS):
        face = faces[int(rng.integers(len(faces)))] if not over else faces[0]
        seen = between(rng, 0.38, 1.7)  # metres across the short side of the picture
        if not over:
            angle = way + rng.normal(0, 28)
        focal = between(rng, 24, 85)
        reach = float(np.clip(seen * focal / 24, 1.2 if over else 0.5, max(clear - 0.3, 1.3)))
        aside = turned(angle) @ point(0, 0, -reach)
        eye = face + aside + point(0, rng.normal(0, 0.1) + 0.1 * rng.normal() * reach, 0)
        eye[1] = max(eye[1], 0.3)
        if over and index == 0:
            # Somebody's shoulder and head before the camera, at one side
            right = turned(angle) @ point(rng.choice([-1, 1]) * rng.uniform(0.2, 0.34), 0, 0)
            spot = (face + aside * rng.uniform(0.5, 0.7) + right) * [1, 0, 1]
            props.person(b, rng, spot, angle + 180 + rng.normal(0, 15), sitting=sitting)
        target = face - point(0, rng.uniform(0, 0.35) * seen, 0)
        focal = float(np.clip(24 * reach / seen, 18, 100))
        views.append(places.look(rng, eye, target, focal))
    return light, views, 0.3


def _platform(b: Builder, rng: Rng, night: bool) -> float:
    """A railway platform with a train along z; returns half its width."""
    half, level = rng.uniform(2, 4.5), -1.1
    _floor(b, rng, 150, level)
    stone = stuff(b, rng, str(rng.choice(["stone", "asphalt"])))
    b.box((0, level, -25), (2 * half, -level, 90), stone)
    for side in (-1, 1):
        b.box((side * (half - 0.5), 0.0, -25), (0.3, 0.006, 90), b.material((0.7, 0.55, 0.05)))
    post, roof = stuff(b, rng, "paint"), rng.uniform(3, 4.5)
    if rng.random() < 0.75:
        b.box((0, roof, -25), (2 * half, 0.15, 90), stuff(b, rng, "paint"))
        tone = point(1, rng.uniform(0.8, 1), rng.uniform(0.6, 1))
        tube = b.material((0.8,) * 3, pattern=1, glow=tone * between(rng, 4, 40))
        x = rng.uniform(-0.6, 0.6) * half
        for z in np.arange(8, -50, -rng.uniform(3, 6)):
            b.box((x, roof - 0.1, z), (0.12, 0.05, 1.3), tube)
    x = rng.choice([0, rng.uniform(-0.7, 0.7)]) * half
    for z in np.arange(6, -60, -rng.uniform(4, 9)):
        fixtures.column(b, rng, (x, 0, z), roof, post)
        if rng.random() < 0.6:
            spot = point(rng.uniform(-0.4, 0.4) * half, 2.3, z + 1)
            _board(b, rng, spot, float(rng.choice([0, 90])), (1.6, 0.45), between(rng, 1, 12))
    for side in (-1, 1):
        if rng.random() < 0.6:
            body, z = stuff(b, rng, "paint"), rng.uniform(-30, -10)
            glow = point(1, 0.9, 0.75) * (between(rng, 0.5, 6) if night else 0.3)
            pane = b.material(
                colour(rng, "dark"),
                colour(rng, "dark"),
                (0.6, 0.6, 0.5),
                pattern=int(rng.choice(PATTERNS["lit_windows"])),
                scale=(0.12, 1.0),
                glow=glow,
                gloss=0.06,
            )
            b.box((side * (half + 1.5), -0.9, z), (2.8, 3.6, 55), body)
            b.box((side * (half + 0.09), 0.85, z), (0.02, 0.9, 55), pane)
        else:
            wall = stuff(b, rng, str(rng.choice(["brick", "facade", "wall"])))
            b.box((side * (half + 6), level, -25), (1, between(rng, 3, 12), 110), wall)
    return half


def crowd(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Many people from one to forty metres away, in a street, on a square or on a platform."""
    night = bool(rng.random() < 0.55)
    walk = 0.0
    match int(rng.integers(4)):
        case 0:
            half = _platform(b, rng, night)
        case 1:
            walk = places.street(b, rng, night=night)
            half = walk + 1.2
        case _:
            half = between(rng, 2.5, 12)
            _floor(b, rng, 200)
            for side in (-1, 1):
                z = 12.0
                while z > -45:
                    span, high = rng.uniform(4, 12), between(rng, 3.5, 25)
                    kind = str(rng.choice(["facade", "facade", "wall", "brick", "stone"]))
                    spot = point(side * (half + 3.5), 0, z - span / 2)
                    b.box(spot, (6, high, span), stuff(b, rng, kind))
                    for _ in range(int(rng.integers(0, 4))):
                        low = rng.choice([0.3, rng.uniform(2.3, max(2.4, high - 2))])
                        shape = (rng.uniform(0.5, 0.9) * span, rng.uniform(0.5, 2.2))
                        shine = between(rng, 0.5, 20) if night else between(rng, 0.1, 1)
                        front = point(side * (half + 0.45), low, z - span / 2)
                        _board(b, rng, front, 90.0 * side, shape, shine)
                    z -= span
            if night:
                _signs(b, rng, 12, int(rng.integers(4, 16)))
            else:
                b.box((0, 0, -60), (60, between(rng, 4, 30), 4), stuff(b, rng, "facade"))
            for _ in range(int(rng.integers(0, 5))):
                spot = point(rng.uniform(-0.8, 0.8) * half, 0, -between(rng, 2, 30))
                lit = between(rng, 40, 300) if night else 0.0
                props.lamp_post(b, rng, spot, rng.uniform(0, 360), lit)
    people: list[Point] = []

    def spots(count: int) -> Point:
        away = np.exp(rng.uniform(np.log(1.0), np.log(38), count)) - 2
        x = rng.uniform(-0.9, 0.9, count) * np.minimum(half, 1.2 + 0.5 * away + 1.2)
        return np.stack([x, 0.13 * ((walk > 0) & (abs(x) > walk)), -away], 1)

    for _ in range(int(rng.integers(6, 11))):
        found = _apart(people, spots(8))
        if found is None:
            continue
        spot = found
        first = b.parts
        along = rng.choice([0, 180]) + rng.normal(0, 20)
        yaw = float(along if rng.random() < 0.8 else rng.uniform(0, 360))
        props.person(b, rng, spot, yaw)
        people.append(spot)
        made = range(first, b.parts)
        for _ in range(int(rng.integers(0, 4))):
            copy = _apart(people, spots(6) * [1, 1, 1.2] - point(0, 0, 3))
            if copy is not None:
                turn = float(rng.choice([0, 180]) + rng.normal(0, 25))
                b.repeat(made, spot, copy, turn)
                people.append(copy)
    views = []
    for _ in range(places.VIEWS):
        height = float(
            rng.choice([rng.uniform(1.35, 1.8), rng.uniform(0.5, 1.1), rng.uniform(2.2, 5.5)])
        )
        eyes = np.stack(
            [rng.uniform(-0.8, 0.8, 16) * half, np.zeros(16), rng.uniform(-16, 6, 16)], 1
        )
        clear = _apart(people, eyes, 0.9 if height < 2 else 0.2)
        eye = (eyes[0] if clear is None else clear) + point(0, height, 0)
        target = people[int(rng.integers(len(people)))] + point(0, rng.uniform(0.8, 1.6), 0)
        if rng.random() < 0.4:
            target = point(rng.uniform(-0.5, 0.5) * half, 1.3, eye[2] - rng.uniform(6, 30))
        views.append(places.look(rng, eye, target, between(rng, 22, 85)))
    return _night(rng, 0.2) if night else places.outdoor_light(rng), views, 0.45


def stage(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """Performers under lamps before a bright or dark screen, an audience before them."""
    wide, tall = rng.uniform(6, 16), rng.uniform(4, 9)
    _floor(b, rng, 40)
    wall = b.material(colour(rng, "dark") * rng.uniform(0.5, 2), scale=0.4)
    for side in (-1, 1):
        b.box((side * wide / 2, 0, 0), (0.3, tall, 60), wall)
    b.box((0, tall, 0), (wide, 0.2, 60), wall)
    b.box((0, 0, 16), (wide, tall, 0.3), stuff(b, rng, "wall"))
    level, front = float(rng.choice([0.15, rng.uniform(0.5, 1.3)])), -rng.uniform(1.5, 4)
    back = front - rng.uniform(3, 8)
    b.box((0, 0, (front + back) / 2), (wide, level, front - back), stuff(b, rng, "wood"))
    b.box((0, 0, back - 0.4), (wide, tall, 0.3), wall)
    shine = between(rng, 0.2, 5)
    if rng.random() < 0.75:
        for x in np.linspace(-0.3, 0.3, int(rng.choice([1, 1, 2, 3]))) * wide:
            shape = (wide * rng.uniform(0.25, 0.8), tall * rng.uniform(0.3, 0.6))
            low = level + rng.uniform(0.1, 1.2)
            _board(b, rng, (x, low, back - rng.uniform(0, 0.2)), 180, shape, shine)
    else:
        u = np.linspace(-0.5, 0.5, 90)
        fold = 0.15 * np.sin(u * rng.uniform(60, 200))
        rows = [np.stack([u * wide, 0 * u + y, back + 0.3 + fold], 1) for y in (level, tall)]
        uv = np.stack(np.meshgrid(u * wide, [0, tall]), -1)
        b.mesh(np.stack(rows), uv, stuff(b, rng, "cloth"))
    metal = stuff(b, rng, "metal")
    for z in (front - 0.3, 0.5 * (front + back)):
        high = tall - rng.uniform(0.3, 1)
        for drop in (0, 0.25):
            b.tube([(-wide / 2, high + drop, z), (wide / 2, high + drop, z)], 0.025, metal, 5)
        for x in np.linspace(-0.45, 0.45, int(rng.integers(2, 9))) * wide:
            b.lathe((x, high - 0.3, z), [[0.12, 0], [0.1, 0.3], [0, 0.32]], wall, 10)
            tone = colour(rng, "bright") * 1.2 + rng.choice([0.0, 0.4])
            b.lamp((x, high - 0.33, z), 0.09, tone * between(rng, 30, 600))
    players: list[Point] = []
    for _ in range(int(rng.integers(1, 6))):
        x, z = rng.uniform(-0.35, 0.35) * wide, rng.uniform(back + 0.7, front - 0.5)
        spot = point(x, level, z)
        if _apart(players, [spot]) is None:
            continue
        facing = 180 + rng.normal(0, 35)
        sitting = bool(rng.random() < 0.2)
        if sitting:
            props.chair(b, rng, spot, facing)
        props.person(b, rng, spot, facing, sitting=sitting)
        players.append(spot)
        match int(rng.integers(5)):
            case 0:
                stand = spot + point(rng.normal(0, 0.1), 0, 0.4)
                b.tube(
                    [stand, stand + point(0, 1.4, 0), stand + point(0, 1.5, -0.15)], 0.012, metal
                )
            case 1:
                high = props.table(b, rng, spot + point(0, 0, 0.7), 0, (1.4, 0.85, 0.6))
                props.clutter(b, rng, spot + point(0, high, 0.7), (0.5, 0.2), 5, 0.3)
            case 2:
                props.machine(b, rng, spot + point(rng.choice([-1, 1]) * 0.9, 0, 0), 0.8)
            case _:
                pass
    for side in (-1, 1):
        if rng.random() < 0.7:
            for y in np.arange(int(rng.integers(1, 4))) * 0.7:
                stack = (side * wide * 0.42, level + y, front - 0.5)
                b.box(stack, (0.7, 0.68, 0.6), b.material(colour(rng, "dark")))
    seated = bool(rng.random() < 0.5)
    heads: list[Point] = []
    crowd_: list[tuple[range, Point]] = []
    for _ in range(int(rng.integers(3, 8))):
        spot = point(rng.uniform(-0.42, 0.42) * wide, 0, rng.uniform(front + 1.2, 9))
        if _apart(heads, [spot]) is None:
            continue
        first = b.parts
        if seated:
            props.chair(b, rng, spot, 0)
        props.person(b, rng, spot, rng.normal(0, 20), sitting=seated)
        heads.append(spot)
        crowd_.append((range(first, b.parts), spot))
    gap = rng.uniform(0.65, 1.0)
    for z in np.arange(front + 1.3, 8, rng.uniform(0.8, 1.3)):
        for x in np.arange(-0.42 * wide, 0.42 * wide, gap) + rng.normal(0, 0.1):
            spot = point(x, 0, z) + rng.normal(0, 0.06, 3) * [1, 0, 1]
            if len(heads) < 30 and rng.random() < 0.45 and _apart(heads, [spot]) is not None:
                made, foot = crowd_[int(rng.integers(len(crowd_)))]
                b.repeat(made, foot, spot, rng.normal(0, 15))
                heads.append(spot)
    views = []
    for _ in range(places.VIEWS):
        eyes = np.stack(
            [rng.uniform(-0.42, 0.42, 16) * wide, np.zeros(16), rng.uniform(front + 0.8, 12, 16)], 1
        )
        clear = _apart(heads, eyes, 0.5)
        eye = eyes[0] if clear is None else clear
        low = 1.0 if seated else 1.4
        eye = eye + point(0, rng.choice([rng.uniform(low, 1.8), rng.uniform(2, 3.5)]), 0)
        target = players[int(rng.integers(len(players)))] + point(0, rng.uniform(0.6, 1.6), 0)
        kind = rng.random()
        if kind < 0.2 and heads:  # from the stage
            eye = point(rng.uniform(-0.3, 0.3) * wide, level + 1.5, front - rng.uniform(0.2, 2))
            target = heads[int(rng.integers(len(heads)))] + point(0, 1.1, 0)
        elif kind < 0.4:  # near a performer
            eye = target + turned(rng.normal(0, 50)) @ point(0, 0, rng.uniform(1.2, 3))
        views.append(places.look(rng, eye, target, between(rng, 22, 85)))
    light = _night(rng, between(rng, 0.02, 0.3))
    return light, views, 0.4


def _set_place(b: Builder, rng: Rng, at: Point) -> None:
    """A plate with food and what lies beside it."""
    plate = np.array([[0, 0], [0.08, 0], [0.13, 0.02], [0.127, 0.024], [0.08, 0.006], [0, 0.005]])
    b.lathe(at, plate * rng.uniform(0.8, 1.1), stuff(b, rng, "ceramic"), 20)
    for _ in range(int(rng.integers(0, 5))):
        radius = rng.uniform(0.015, 0.04)
        spot = at + point(rng.normal(0, 0.03), radius, rng.normal(0, 0.03))
        b.ellipsoid(spot, radius * rng.uniform(0.6, 1.3, 3), stuff(b, rng, "food"), rows=6)
    props.small_thing(b, rng, at + point(rng.normal(0, 0.08), 0, rng.normal(0, 0.2)), 0.16)
    turn, spot = turned(rng.uniform(0, 360)), at + point(0.16, 0.005, 0)
    b.tube([spot, spot + turn @ point(0, 0, 0.18)], [0.004, 0.009], stuff(b, rng, "metal"), 5)


def dinner(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """People around a laid table with lamps above, seen from a seat or by somebody who stands."""
    outside = rng.random() < 0.3
    tall = rng.uniform(2.3, 3.2)
    if outside:
        light, _ = places.backdrop(b, rng)
    else:
        size = point(rng.uniform(4.2, 9), tall, rng.uniform(5, 10))
        light, _ = places.room(b, rng, size, furnished=0.6)
    wide, long, yaw = rng.uniform(0.75, 1.2), rng.uniform(0.9, 2.8), rng.uniform(0, 180)
    rotation, foot = turned(yaw), point(rng.normal(0, 0.2), 0, rng.normal(0, 0.2))
    high = rng.uniform(0.7, 0.77)
    cover = stuff(b, rng, str(rng.choice(["cloth", "cloth", "wood", "stone", "plastic"])))
    round_ = rng.random() < 0.3
    if round_:
        wide = long = rng.uniform(0.9, 1.6)
        b.lathe(foot, [[0.3, 0], [0.05, 0.06], [0.05, high - 0.03]], stuff(b, rng, "metal"))
        disc = np.array([[0, high - 0.03], [wide / 2, high - 0.03], [wide / 2, high], [0, high]])
        b.lathe(foot, disc, cover, 32)
    else:
        props.table(b, rng, foot, yaw, (wide, high, long))
        b.box(foot + point(0, high, 0), (wide + 0.05, 0.004, long + 0.05), cover, yaw)
    top = foot + point(0, high + 0.004, 0)
    # Seats: beside the table, which way they face it, taken or not
    seats: list[tuple[Point, float]] = []
    if round_:
        for turn in np.arange(0, 360, 360 / rng.integers(3, 8)) + rng.uniform(0, 90):
            seats.append((turned(turn) @ point(0, 0, wide / 2), float(turn)))
    else:
        for z in np.arange(-long / 2 + 0.4, long / 2 - 0.2, rng.uniform(0.58, 0.8)):
            seats += [(rotation @ point(s * wide / 2, 0, z), yaw + 90.0 * s) for s in (-1, 1)]
        ends = [(rotation @ point(0, 0, s * long / 2), yaw + 90 - 90.0 * s) for s in (-1, 1)]
        seats += ends
    faces: list[Point] = []
    free: list[tuple[Point, float]] = []
    full = rng.uniform(0.4, 0.95)
    most = int(rng.integers(2, 8))
    for index in rng.permutation(len(seats)):
        edge, turn = seats[index]
        out = edge / (np.linalg.norm(edge) + 1e-9)
        if not round_:
            out = turned(turn) @ point(0, 0, 1)
        _set_place(b, rng, top + edge - 0.2 * out)
        spot = foot + edge + out * rng.uniform(0.12, 0.3)
        if len(faces) >= most or rng.random() > full:
            free.append((spot, turn))
            if rng.random() < 0.6:
                props.chair(b, rng, spot, turn)
            continue
        props.chair(b, rng, spot + 0.06 * out, turn)
        faces.append(props.person(b, rng, spot, turn + rng.normal(0, 8), sitting=True))
    spread = (0.3 * wide, 0.4 * long)
    props.clutter(b, rng, top, spread, int(rng.integers(2, 12)), 0.2, yaw)
    for _ in range(int(rng.integers(0, 3))):
        spot = top + rotation @ point(rng.normal(0, 0.1), 0, rng.uniform(-0.35, 0.35) * long)
        b.lathe(spot, [[0.012, 0], [0.012, 0.16], [0, 0.165]], b.material((0.8, 0.75, 0.6)))
        b.lamp(spot + point(0, 0.185, 0), 0.012, point(1, 0.6, 0.25) * between(rng, 60, 900))
    for _ in range(int(rng.integers(0, 4))):
        hook = top * [1, 0, 1] + rotation @ point(0, tall, rng.uniform(-0.4, 0.4) * long)
        fixtures.hanging(b, rng, hook, rng.uniform(0.3, tall - 1.6), rng.uniform(5, 40))
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        spot = rotation @ point(rng.choice([-1, 1]) * rng.uniform(1.3, 1.8), 0, rng.normal(0, 1))
        faces.append(props.person(b, rng, foot + spot, rng.uniform(0, 360)))
    if rng.random() < 0.7:
        places.fill(b, rng, top + point(0, 0.3, 0))
    free = free or [(foot + rotation @ point(0, 0, long / 2 + 0.3), yaw)]
    things = [*faces, *faces, top + point(0, 0.05, 0)]
    views = []
    for _ in range(places.VIEWS):
        target = things[int(rng.integers(len(things)))] - point(0, rng.uniform(0, 0.25), 0)
        spot, turn = free[int(rng.integers(len(free)))]
        eye = spot + turned(turn) @ point(rng.normal(0, 0.1), rng.uniform(1.0, 1.35), 0.1)
        if rng.random() < 0.5:
            angle = rng.uniform(0, 2 * np.pi)
            away = point(np.sin(angle), 0, np.cos(angle)) * rng.uniform(1.2, 1.8)
            eye = top * [1, 0, 1] + away * max(1.0, long / 2) + point(0, rng.uniform(1.3, 1.95), 0)
        if not outside:
            reach = size / 2 - 0.3
            eye = np.clip(eye, [-reach[0], 0.3, -reach[2]], [reach[0], tall - 0.2, reach[2]])
        views.append(places.look(rng, eye, target, between(rng, 20, 60)))
    return light, views, 0.25


def _counter(b: Builder, rng: Rng, at: Point, yaw: float, long: float, wall: bool) -> list[Point]:
    """A counter with cabinets whose front faces `yaw`; returns places on it worth a look."""
    rotation = turned(yaw)
    deep, high = rng.uniform(0.55, 0.7), rng.uniform(0.86, 0.94)
    front = stuff(b, rng, str(rng.choice(["wood", "paint", "plastic"])))
    slab = stuff(b, rng, str(rng.choice(["stone", "wood", "metal"])))
    metal, dark = stuff(b, rng, "metal"), b.material(colour(rng, "dark"), gloss=0.08)

    def place(x: float, y: float, z: float) -> Point:
        """To the right along the wall, up, and out from the wall."""
        return np.asarray(at + rotation @ point(x, y, -z))

    b.box(place(0, 0.08, deep / 2), (long, high - 0.12, deep - 0.06), front, yaw)
    b.box(place(0, high - 0.04, deep / 2), (long, 0.04, deep), slab, yaw)
    span = rng.uniform(0.4, 0.65)
    for x in np.arange(-long / 2, long / 2 - span + 0.01, span):
        if rng.random() < 0.2:
            # An oven or a washer
            b.box(place(x + span / 2, 0.12, deep), (span - 0.04, 0.66, 0.03), dark, yaw)
        else:
            shape = (span - 0.015, high - 0.18, 0.02)
            b.box(place(x + span / 2, 0.11, deep - 0.02), shape, front, yaw)
        bar = [place(x + span * s, high - 0.17, deep + 0.03) for s in (0.3, 0.7)]
        b.tube(bar, 0.006, metal, 5)
    things = []
    for _ in range(int(rng.integers(2, 5))):
        x = rng.uniform(-0.45, 0.45) * long
        spot = place(x, high, rng.uniform(0.2, 0.45))
        things.append(spot + point(0, 0.1, 0))
        match int(rng.integers(6)):
            case 0:
                # A sink with its tap
                b.box(place(x, high + 0.001, deep / 2), (0.5, 0.004, 0.36), metal, yaw)
                neck = [(x, high, 0.1), (x, high + 0.3, 0.1), (x, high + 0.32, 0.2)]
                b.tube([place(*p) for p in (*neck, (x, high + 0.22, 0.24))], 0.014, metal)
            case 1:
                # A hob with pots
                b.box(place(x, high + 0.001, deep / 2), (0.56, 0.006, 0.48), dark, yaw)
                for dx in (-0.14, 0.14):
                    if rng.random() < 0.7:
                        radius, tall = rng.uniform(0.08, 0.13), rng.uniform(0.05, 0.22)
                        pot = np.array([[0.9, 0], [1, 0.02], [1, tall], [0.95, tall]])
                        foot = place(x + dx, high + 0.01, rng.uniform(0.2, 0.4))
                        what = stuff(b, rng, str(rng.choice(["metal", "paint"])))
                        b.lathe(foot, pot * [radius, 1], what)
                        end = foot + rotation @ point(0.1, tall * 0.8, -0.28)
                        b.tube([foot + point(0, tall * 0.8, 0), end], 0.01, dark, 5)
            case 2:
                shape = (rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.35), 0.34)
                b.box(spot, shape, stuff(b, rng, "metal"), yaw)
                b.box(spot + rotation @ point(-0.03, 0.04, -0.175), (0.2, 0.15, 0.01), dark, yaw)
            case 3:
                b.box(spot, (0.3, 0.02, 0.22), stuff(b, rng, "wood"), yaw + rng.normal(0, 20))
                props.clutter(b, rng, spot + point(0, 0.02, 0), (0.1, 0.07), 5, 0.08)
            case _:
                props.clutter(b, rng, spot, (0.25, 0.12), int(rng.integers(2, 8)), 0.25, yaw)
    if not wall:
        return things
    tiles = stuff(b, rng, str(rng.choice(["floor", "brick", "wall"])))
    b.quad([place(x, y, 0.01) for x, y in _corners(long / 2, high, high + 0.6)], tiles)
    if rng.random() < 0.7:
        low = high + rng.uniform(0.45, 0.65)
        shelf = rng.random() < 0.3
        for x in np.arange(-long / 2, long / 2 - span + 0.01, span):
            if rng.random() < 0.15:
                continue
            middle = place(x + span / 2, low, 0.17)
            if shelf:
                b.box(middle, (span, 0.03, 0.28), front, yaw)
                props.clutter(b, rng, middle + point(0, 0.03, 0), (0.18, 0.06), 4, 0.25, yaw)
            else:
                b.box(middle, (span - 0.01, 0.7, 0.34), front, yaw)
                grip = [place(x + 0.06, low + y, 0.36) for y in (0.05, 0.17)]
                b.tube(grip, 0.006, metal, 5)
    else:
        rail = [place(s * 0.4 * long, high + 0.5, 0.06) for s in (-1, 1)]
        b.tube(rail, 0.008, metal, 5)
        for x in np.arange(-0.38 * long, 0.38 * long, rng.uniform(0.08, 0.2)):
            drop = rng.uniform(0.15, 0.35)
            path = [place(x, high + 0.5 - y, 0.08) for y in (0, drop)]
            b.tube(path, 0.006, metal, 5)
            shape = (rng.uniform(0.02, 0.07), rng.uniform(0.03, 0.08), 0.02)
            b.ellipsoid(path[1], shape, stuff(b, rng, "metal"), rotation, rows=6)
    return things


def _corners(half: float, low: float, high: float) -> list[tuple[float, float]]:
    """The corners of a rectangle about x = 0, in order."""
    return [(-half, low), (half, low), (half, high), (-half, high)]


def kitchen(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A kitchen, a galley or one with an island, with a cook; cameras are near."""
    size = point(rng.uniform(2.2, 5), rng.uniform(2.3, 3.0), rng.uniform(3, 6.5))
    light, _ = places.room(b, rng, size, furnished=0.0)
    wide, tall, deep = size
    things: list[Point] = []
    people: list[Point] = []
    for side in rng.choice(4, int(rng.integers(1, 4)), replace=False):
        turn = 90.0 * float(side)
        rotation = turned(turn)
        length, reach = (wide, deep / 2) if side % 2 == 0 else (deep, wide / 2)
        long = length * rng.uniform(0.55, 0.95) - 0.7
        at = rotation @ point(rng.uniform(-0.5, 0.5) * (length - long - 0.8), 0, reach - 0.02)
        things += _counter(b, rng, at, turn, max(long, 0.9), True)
        if rng.random() < 0.6:
            # A fridge or a tall cupboard at the end
            end = at + rotation @ point(max(long, 0.9) / 2 + 0.35, 0, -0.34)
            shape = (0.62, rng.uniform(1.6, 2.1), 0.66)
            b.box(end, shape, stuff(b, rng, str(rng.choice(["paint", "metal", "wood"]))), turn)
            things.append(end + rotation @ point(0, 1.2, -0.33))
        if rng.random() < 0.5:
            spot = at + rotation @ point(rng.uniform(-0.4, 0.4) * long, 0, -0.98)
            props.person(b, rng, spot, turn + 180 + rng.normal(0, 35))
            people.append(spot)
    if wide > 3.4 and deep > 3.6 and rng.random() < 0.7:
        turn = float(rng.choice([0, 90]))
        long = rng.uniform(1.0, 0.5 * (wide if turn == 0 else deep))
        at = turned(turn) @ point(0, 0, 0.3)
        things += _counter(b, rng, at, turn, long, False)
        for x in np.arange(-long / 2 + 0.2, long / 2, rng.uniform(0.4, 0.9)):
            hook = turned(turn) @ point(x, tall, 0)
            fixtures.hanging(b, rng, hook, rng.uniform(0.4, tall - 1.75), rng.uniform(4, 30))
        if rng.random() < 0.5:
            spot = turned(turn) @ point(rng.uniform(-0.4, 0.4) * long, 0, 0.75)
            props.person(b, rng, spot, turn + rng.normal(0, 30))
            people.append(spot)
    elif rng.random() < 0.5:
        high = props.table(b, rng, (0, 0, 0), rng.uniform(0, 90), (0.8, 0.75, 1.0))
        props.clutter(b, rng, (0, high, 0), (0.35, 0.4), int(rng.integers(2, 12)), 0.2)
        things.append(point(0, high + 0.05, 0))
    things += [spot + point(0, 1.4, 0) for spot in people]
    if rng.random() < 0.6:
        spot = point(rng.uniform(-0.2, 0.2) * wide, tall - 0.12, rng.uniform(-0.2, 0.2) * deep)
        b.lamp(spot, 0.1, point(1, 0.9, 0.75) * between(rng, 15, 90))
    places.fill(b, rng, things[0])
    half = size / 2 - point(0.3, 0, 0.3)
    views = []
    for _ in range(places.VIEWS):
        target = things[int(rng.integers(len(things)))]
        eyes = _around(rng, target, 0.6, 3.2)
        eyes = np.clip(eyes, -half, half + point(0, 9, 0))
        eyes = eyes[np.linalg.norm((eyes - target)[:, [0, 2]], axis=1) > 0.5]
        # Not above a counter that stands along a wall
        inner = eyes[(abs(eyes[:, 0]) < wide / 2 - 0.7) & (abs(eyes[:, 2]) < deep / 2 - 0.7)]
        clear = _apart(people, inner if len(inner) else eyes, 0.45)
        eye = point(0, 0, 0.9) if clear is None else clear
        height = rng.choice([rng.uniform(1.3, 1.75), rng.uniform(1.0, 1.3), tall - 0.4])
        views.append(
            places.look(rng, eye * [1, 0, 1] + point(0, height, 0), target, between(rng, 20, 50))
        )
    return light, views, 0.25


def _swing(b: Builder, rng: Rng, at: Point, yaw: float) -> list[Point]:
    """A frame with swings, some with a child; returns where the seats are."""
    rotation, high = turned(yaw), rng.uniform(1.9, 2.5)
    pipe = stuff(b, rng, str(rng.choice(["paint", "metal", "wood"])))
    half = rng.uniform(1.0, 2.2)
    thick = rng.uniform(0.03, 0.06)

    def place(x: float, y: float, z: float) -> Point:
        return np.asarray(at + rotation @ point(x, y, z))

    b.tube([place(-half, high, 0), place(half, high, 0)], thick, pipe)
    for x in (-half, half):
        for z in (-0.8, 0.8):
            b.tube([place(x, 0, z), place(x, high, 0)], thick, pipe)
    seats = []
    rope, board = stuff(b, rng, "metal"), stuff(b, rng, "plastic")
    for x in np.arange(-half + 0.5, half - 0.3, 0.9):
        angle = rng.normal(0, 0.4)
        drop = high - 0.45
        middle = place(x, high - drop * np.cos(angle), drop * np.sin(angle))
        for side in (-0.2, 0.2):
            end = middle + rotation @ point(side, 0, 0)
            b.tube([place(x + side, high, 0), end], 0.01, rope, 5)
        b.box(middle, (0.44, 0.03, 0.2), board, yaw)
        if rng.random() < 0.5:
            foot = middle - point(0, 0.42, 0)
            props.person(b, rng, foot, yaw + rng.choice([0, 180]), rng.uniform(1.1, 1.6), True)
        seats.append(middle + point(0, 0.3, 0))
    return seats


def playground(b: Builder, rng: Rng) -> tuple[Light, list[View], float]:
    """A playground or a park: swings, slides, bars, benches, children, dogs, balls, trees."""
    places.park(b, rng, float(rng.uniform(2, 6)))
    taken: list[Point] = []
    things: list[Point] = []

    def somewhere(far: float = 14.0, gap: float = 1.2) -> Point:
        away = np.exp(rng.uniform(np.log(1.0), np.log(far), 10))
        angle = rng.uniform(0, 2 * np.pi, 10)
        spots = np.stack([np.sin(angle) * away, 0 * angle, np.cos(angle) * away], 1)
        spot = _apart(taken, spots, gap)
        taken.append(spots[-1] if spot is None else spot)
        return taken[-1]

    for _ in range(int(rng.integers(0, 3))):
        things += _swing(b, rng, somewhere(12, 3), rng.uniform(0, 180))
    for _ in range(int(rng.integers(0, 2))):
        # A slide
        spot, yaw, high = somewhere(12, 3), rng.uniform(0, 360), rng.uniform(1.2, 2.2)
        rotation, chute = turned(yaw), stuff(b, rng, str(rng.choice(["metal", "plastic"])))
        for x in (-0.3, 0.3):
            for z in (0.0, 0.7):
                foot = spot + rotation @ point(x, 0, z)
                b.tube([foot, foot + point(0, high + 0.7, 0)], 0.035, stuff(b, rng, "paint"), 6)
            rail = [spot + rotation @ point(x, y, z) for y, z in ((high + 0.15, 0), (0.4, -2.2))]
            b.tube(rail, 0.03, chute, 6)
        b.box(spot + rotation @ point(0, high, 0.35), (0.7, 0.05, 0.8), chute, yaw)
        corners = [(-0.3, high, 0), (0.3, high, 0), (0.3, 0.25, -2.2), (-0.3, 0.25, -2.2)]
        b.quad([spot + rotation @ point(*p) for p in corners], chute)
        for y in np.arange(0.25, high, 0.25):
            step = [spot + rotation @ point(x, y, 0.7) for x in (-0.3, 0.3)]
            b.tube(step, 0.02, chute, 5)
        things.append(spot + point(0, high, 0))
    for _ in range(int(rng.integers(0, 2))):
        # Climbing bars
        spot, yaw, bars = somewhere(10, 2.5), rng.uniform(0, 90), stuff(b, rng, "paint")
        rotation, count = turned(yaw), int(rng.integers(2, 4))
        line = np.arange(count + 1) * rng.uniform(0.5, 0.9)
        for x in line:
            for z in line:
                foot = spot + rotation @ point(x, 0, z)
                b.tube([foot, foot + point(0, line[-1], 0)], 0.02, bars, 6)
                for ends in ([(x, 0), (x, line[-1])], [(0, z), (line[-1], z)]):
                    height = rng.choice(line[1:])
                    b.tube([spot + rotation @ point(p, height, q) for p, q in ends], 0.02, bars, 6)
        things.append(spot + point(line[-1] / 2, line[-1] / 2, line[-1] / 2))
    for _ in range(int(rng.integers(1, 4))):
        # A bench with a back
        spot, yaw = somewhere(12, 1.5), rng.uniform(0, 360)
        rotation, wood = turned(yaw), stuff(b, rng, str(rng.choice(["wood", "paint"])))
        long = rng.uniform(1.2, 2.2)
        for y, z in ((0.42, -0.12), (0.42, 0.0), (0.42, 0.12), (0.62, 0.22), (0.8, 0.26)):
            shape = (long, 0.03, 0.1) if y < 0.5 else (long, 0.11, 0.03)
            b.box(spot + rotation @ point(0, y, z), shape, wood, yaw)
        for x in (-0.42, 0.42):
            b.box(spot + rotation @ point(x * long, 0, 0.0), (0.06, 0.42, 0.36), wood, yaw)
        for x in (-0.25, 0.25):
            if rng.random() < 0.45:
                seat = spot + rotation @ point(x * long, 0.02, 0)
                props.person(b, rng, seat, yaw + rng.normal(0, 15), sitting=True)
        things.append(spot + point(0, 0.8, 0))
    for _ in range(int(rng.integers(2, 8))):
        spot = somewhere(25, 0.7)
        tall = rng.uniform(0.9, 1.45) if rng.random() < 0.65 else None
        face = props.person(b, rng, spot, rng.uniform(0, 360), tall)
        things += [face - point(0, 0.2, 0)] * 2
    for _ in range(int(rng.choice([0, 0, 1, 1, 2]))):
        spot = somewhere(10, 0.8)
        props.animal(b, rng, spot, rng.uniform(0, 360))
        things.append(spot + point(0, 0.4, 0))
    for _ in range(int(rng.integers(0, 4))):
        radius = rng.uniform(0.05, 0.35)
        spot = somewhere(8, 0.5) + point(0, radius + rng.choice([0, rng.uniform(0, 1.5)]), 0)
        what = stuff(b, rng, str(rng.choice(["plastic", "ceramic", "food"])))
        b.ellipsoid(spot, [radius] * 3, what, rows=14)
    if rng.random() < 0.5:
        # A tree close to the middle
        props.tree(b, rng, somewhere(5, 1.2), rng.uniform(2.5, 7), 320)
    views = []
    for _ in range(places.VIEWS):
        target = things[int(rng.integers(len(things)))]
        eyes = _around(rng, target, 1.0, 9)
        clear = _apart(taken, eyes, 0.8)
        eye = eyes[0] if clear is None else clear
        height = rng.choice([rng.uniform(1.2, 1.8), rng.uniform(0.3, 0.9), rng.uniform(1.8, 3.5)])
        views.append(
            places.look(rng, eye * [1, 0, 1] + point(0, height, 0), target, between(rng, 22, 85))
        )
    return places.outdoor_light(rng), views, 0.35
