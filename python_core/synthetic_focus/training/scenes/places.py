"""The places that training worlds are set in: rooms, streets, open ground, and their light.

Walls, ground and horizon come first, in the size that they have in life; then what stands there.
"""

import numpy as np
from numpy.typing import ArrayLike

from synthetic_focus.training.scenes import props
from synthetic_focus.training.scenes.patterns import PATTERNS
from synthetic_focus.training.scenes.props import Point, Rng, colour, point, stamp, stuff
from synthetic_focus.training.scenes.world import Builder, Light, View, turned

VIEWS = 8  # candidates; the generator takes the first that are good


def look(rng: Rng, place: ArrayLike, target: ArrayLike, focal: float | None = None) -> View:
    """A camera at `place` that has `target` somewhere near the picture's middle."""
    start = np.asarray(place, np.float64)
    way = np.asarray(target, np.float64) - start
    length = focal if focal is not None else float(np.exp(rng.uniform(np.log(20), np.log(70))))
    aside = 0.22 * 36 / length
    yaw = np.degrees(np.arctan2(-way[0], -way[2]) + rng.normal(0, aside))
    pitch = np.degrees(np.arctan2(way[1], np.hypot(way[0], way[2])) + rng.normal(0, aside * 0.4))
    x, y, z = map(float, start)
    roll = float(rng.normal(0, 1.5))
    return View((x, y, z), float(yaw), float(np.clip(pitch, -65, 25)), roll, length)


def outdoor_light(rng: Rng, kinds: str = "clear cloudy overcast dusk") -> Light:
    """Daylight of one of the kinds of sky, now and then with haze."""
    kind = str(rng.choice(kinds.split()))
    way, sun = props.sunlight(rng, kind)
    dome = props.sky(rng, kind, way)
    level = dome[128:].mean((0, 1)).astype(np.float64)
    fog = (np.zeros(3), 0.0)
    if rng.random() < 0.25:
        extinction = float(np.exp(rng.uniform(np.log(0.003), np.log(0.05))))
        fog = (level * rng.uniform(0.8, 1.3), extinction)
    ambient = level * rng.uniform(0.15, 0.4) + sun * 0.06
    return Light(dome, way, sun, ambient, fog, bool(rng.random() < 0.5))


def _wall(
    b: Builder,
    start: Point,
    end: Point,
    tall: float,
    what: int,
    holes: list[tuple[float, float, float, float]],
) -> None:
    """An upright wall from start to end with holes (from, to, bottom, top), left to right."""
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length

    def piece(a: float, c: float, low: float, high: float) -> None:
        if c - a > 1e-3 and high - low > 1e-3:
            p, q, up = start + along * a, start + along * c, point(0, 1, 0)
            b.quad([p + up * low, q + up * low, q + up * high, p + up * high], what)

    at = 0.0
    for left, right, low, high in holes:
        piece(at, left, 0, tall)
        piece(left, right, 0, low)
        piece(left, right, high, tall)
        at = right
    piece(at, length, 0, tall)


def room(b: Builder, rng: Rng, size: Point, *, furnished: float = 1.0) -> tuple[Light, float]:
    """A room around the origin, size (width, height, depth), with windows, lamps and furniture."""
    wide, tall, deep = size
    walls = stuff(b, rng, "wall")
    accent = stuff(b, rng, "wall") if rng.random() < 0.4 else walls
    floor, white = stuff(b, rng, "floor"), b.material(np.full(3, rng.uniform(0.5, 0.85)))
    frame = stuff(b, rng, "wood") if rng.random() < 0.4 else white
    x, z = wide / 2, deep / 2
    corners = [point(-x, 0, z), point(x, 0, z), point(x, 0, -z), point(-x, 0, -z)]
    b.quad([corners[0], corners[1], corners[2], corners[3]], floor)
    b.quad([c + point(0, tall, 0) for c in corners], white)
    night = rng.random() < 0.25
    kind = "night" if night else str(rng.choice(["clear", "cloudy", "overcast"]))
    way, sun = props.sunlight(rng, kind)
    dome = props.sky(rng, kind, way)
    day = np.zeros(3) if night else dome[128:].mean((0, 1)).astype(np.float64)
    glass = rng.uniform(0.8, 4)
    openings = 0
    for index in range(4):
        start, end = corners[index], corners[(index + 1) % 4]
        length = float(np.linalg.norm(end - start))
        along, inward = (end - start) / length, -(start + end) / np.linalg.norm(start + end)
        holes: list[tuple[float, float, float, float]] = []
        if rng.random() < 0.5 or (index == 3 and not openings):
            at = rng.uniform(0.3, 1.0)
            while at < length - 1.2 and len(holes) < 3:
                span = rng.uniform(0.7, min(2.2, length - at - 0.3))
                low = 0.02 if rng.random() < 0.15 else rng.uniform(0.6, 1.1)
                holes.append((at, at + span, low, min(tall - 0.15, rng.uniform(1.9, 2.4))))
                at += span + rng.uniform(0.3, 1.5)
        openings += len(holes)
        _wall(b, start, end, tall, accent if index == 2 else walls, holes)
        yaw = float(np.degrees(np.arctan2(inward[0], inward[2]))) + 180
        panel = rng.random() < 0.5
        for left, right, low, high in holes:
            middle = start + along * (left + right) / 2
            span = right - left
            for level in (low, high, *([(low + high) / 2] * int(rng.integers(2)))):
                b.box(middle + point(0, level - 0.03, 0), (span + 0.1, 0.06, 0.1), frame, yaw)
            for spot in np.linspace(left, right, int(rng.integers(2, 5))):
                base = start + along * spot + point(0, low, 0)
                b.box(base, (0.05, high - low, 0.09), frame, yaw)
            if panel or night:
                shine = day * glass if not night else day + 0.01
                pattern = int(rng.choice(PATTERNS["glow"]))
                pane = b.material(
                    (0.02,) * 3, pattern=pattern, glow=shine, gloss=0.04, roughness=0.01
                )
                p, q = start + along * left - inward * 0.06, start + along * right - inward * 0.06
                up = point(0, 1, 0)
                b.quad([p + up * low, q + up * low, q + up * high, p + up * high], pane)
            if rng.random() < 0.4:
                cloth = stuff(b, rng, "cloth")
                for side in (left, right):
                    t = np.linspace(-0.25, 0.25, 15)
                    fold = 0.09 + 0.04 * np.sin(t * rng.uniform(40, 80))
                    top = start + along * side + np.outer(t, along) + np.outer(fold, inward)
                    rows = np.stack([top + point(0, y, 0) for y in (0.05, tall - 0.2)])
                    uv = np.stack(np.meshgrid(t * 1.5, [0, tall]), -1)
                    b.mesh(rows, uv, cloth)
        for _ in range(int(rng.integers(0, 4))):
            spot = rng.uniform(0.4, length - 0.4)
            if all(spot < left - 0.5 or spot > right + 0.5 for left, right, *_ in holes):
                place = start + along * spot + inward * 0.02 + point(0, rng.uniform(1.3, 1.8), 0)
                props.picture_on_wall(b, rng, place, yaw)
        if rng.random() < 0.3 and not holes:
            spot = start + along * rng.uniform(0.6, length - 0.6) + inward * 0.02
            b.box(spot, (0.85, 2.05, 0.05), stuff(b, rng, "wood"), yaw)
            b.ellipsoid(
                spot + along * 0.35 + inward * 0.05 + point(0, 1, 0),
                (0.03,) * 3,
                stuff(b, rng, "metal"),
                rows=5,
            )
        b.box((start + end) / 2 + inward * 0.01, (length, 0.09, 0.02), frame, yaw)
    if openings:
        # What is outside
        outside = stuff(b, rng, "grass" if rng.random() < 0.5 else "asphalt")
        low = -rng.choice([0.3, 3.0, 9.0])
        b.quad([[-80, low, 80], [80, low, 80], [80, low, -80], [-80, low, -80]], outside)
        for _ in range(int(rng.integers(2, 8))):
            angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(14, 45)
            spot = point(np.sin(angle) * reach, low, np.cos(angle) * reach)
            if rng.random() < 0.5:
                b.box(spot, rng.uniform(5, 14, 3), stuff(b, rng, "facade"), rng.uniform(0, 90))
            else:
                props.tree(b, rng, spot, rng.uniform(4, 10), 200)
    lamps = 0.0
    if night or rng.random() < 0.5:
        warm = point(1, rng.uniform(0.55, 0.95), rng.uniform(0.25, 0.9))
        for _ in range(int(rng.integers(1, 4))):
            spot = point(rng.uniform(-0.4, 0.4) * wide, tall, rng.uniform(-0.4, 0.4) * deep)
            strength = float(np.exp(rng.uniform(np.log(4), np.log(30))))
            glow = b.material((0.8,) * 3, pattern=1, glow=warm * strength)
            style = rng.integers(4)
            if style == 0:
                b.box(
                    spot - point(0, 0.05, 0),
                    (rng.uniform(0.2, 1.2), 0.05, 0.3),
                    glow,
                    rng.choice([0, 90]),
                )
            elif style == 1:
                drop = rng.uniform(0.4, 1.0)
                b.tube([spot, spot - point(0, drop, 0)], 0.008, frame, 5)
                b.lathe(
                    spot - point(0, drop + 0.15, 0),
                    [[0.18, 0], [0.05, 0.2]],
                    stuff(b, rng, "plastic"),
                )
                b.ellipsoid(spot - point(0, drop + 0.08, 0), (0.06,) * 3, glow, rows=6)
            elif style == 2:
                foot = spot * [1, 0, 1]
                b.tube([foot, foot + point(0, 1.5, 0)], 0.015, stuff(b, rng, "metal"), 6)
                shade = b.material(colour(rng), pattern=1, glow=warm * strength * 0.25)
                b.lathe(foot + point(0, 1.4, 0), [[0.2, 0], [0.13, 0.3]], shade)
            else:
                b.lamp(spot - point(0, 0.12, 0), 0.04, warm * strength * 8)
            lamps += strength * 0.01
    area = max(wide * deep, 1)
    ambient = (day * min(1.0, 2.5 * openings / area) * 0.5 + sun * 0.02 + lamps * 0.8 + 0.01) * 0.35
    if furnished:
        _furnish(b, rng, size, furnished)
    return Light(dome, way, sun, np.asarray(ambient), sun_visible=False), tall


def _furnish(b: Builder, rng: Rng, size: Point, share: float) -> None:
    """Furniture along the walls, tables in the middle, small things on them and on the floor."""
    wide, tall, deep = size
    for side, length in enumerate((wide, deep, wide, deep)):
        yaw = 90.0 * side  # what stands at this wall faces the middle
        rotation = turned(yaw)
        reach = (deep if side % 2 == 0 else wide) / 2
        at = -length / 2 + rng.uniform(0.1, 0.8)
        while at < length / 2 - 0.8:
            span = float(rng.uniform(0.5, 1.8))
            if at + span > length / 2 - 0.1:
                break
            if rng.random() < 0.6 * share:
                spot = rotation @ point(at + span / 2, 0, reach - 0.35)
                match int(rng.integers(6)):
                    case 0:
                        props.shelf(
                            b,
                            rng,
                            rotation @ point(at + span / 2, 0, reach - 0.22),
                            yaw,
                            span,
                            rng.uniform(0.6, tall - 0.4),
                        )
                    case 1:
                        props.sofa(b, rng, rotation @ point(at + span / 2, 0, reach - 0.6), yaw)
                    case 2:
                        high = props.table(b, rng, spot, yaw, (span, rng.uniform(0.6, 0.9), 0.55))
                        props.clutter(
                            b,
                            rng,
                            spot + point(0, high, 0),
                            (span * 0.4, 0.2),
                            int(rng.integers(1, 7)),
                            0.25,
                            yaw,
                        )
                    case 3:
                        high = rng.uniform(0.4, 2.0)
                        b.box(spot, (span, high, 0.5), stuff(b, rng, "wood"), yaw)
                        for door in np.linspace(-0.5, 0.5, int(rng.integers(2, 5))):
                            b.box(
                                spot + rotation @ point(door * span * 0.96, 0.05, -0.252),
                                (0.012, high - 0.1, 0.01),
                                stuff(b, rng, "metal"),
                                yaw,
                            )
                        props.clutter(
                            b,
                            rng,
                            spot + point(0, high, 0),
                            (span * 0.4, 0.15),
                            int(rng.integers(0, 4)),
                            0.25,
                            yaw,
                        )
                    case 4:
                        props.chair(b, rng, spot, yaw + rng.normal(0, 20))
                    case _:
                        props.small_thing(b, rng, spot, rng.uniform(0.3, 1.2))
            at += span + rng.uniform(0, 0.6)
    if rng.random() < 0.4:
        rug = stuff(b, rng, "cloth")
        b.box(
            (0, 0.001, 0),
            (wide * 0.5, 0.012, deep * 0.45),
            rug,
            rng.choice([0, rng.uniform(0, 90)]),
        )
    for _ in range(int(rng.integers(0, 3) * share + 0.5)):
        spot = point(rng.uniform(-0.25, 0.25) * wide, 0, rng.uniform(-0.25, 0.25) * deep)
        yaw, span, long = rng.uniform(0, 90), rng.uniform(0.6, 1.0), rng.uniform(0.6, 1.8)
        high = props.table(b, rng, spot, yaw, (span, rng.uniform(0.4, 0.78), long))
        props.clutter(
            b,
            rng,
            spot + point(0, high, 0),
            (span * 0.4, long * 0.4),
            int(rng.integers(1, 9)),
            0.22,
            yaw,
        )
        for place in range(int(rng.integers(0, 5))):
            turn = yaw + 90 * place
            away = turned(turn) @ point(
                0, 0, (long if place % 2 == 0 else span) / 2 + rng.uniform(0.1, 0.5)
            )
            props.chair(b, rng, spot + away, turn + rng.normal(0, 15))
    props.clutter(b, rng, (0, 0.0, 0), (wide * 0.42, deep * 0.42), int(rng.integers(0, 5)), 0.35)


def room_views(rng: Rng, size: Point) -> list[View]:
    """Cameras near the walls of a room that look across it."""
    wide, tall, deep = size
    views = []
    for _ in range(VIEWS):
        side = rng.choice([-1, 1], 2)
        place = point(
            side[0] * wide * rng.uniform(0.1, 0.44), 0, side[1] * deep * rng.uniform(0.3, 0.46)
        )
        place[1] = min(rng.choice([rng.uniform(1.2, 1.7), rng.uniform(0.3, 2.2)]), tall - 0.3)
        target = point(
            -side[0] * wide * rng.uniform(-0.1, 0.4),
            rng.uniform(0.3, 1.3),
            -side[1] * deep * rng.uniform(0.1, 0.5),
        )
        views.append(look(rng, place, target, float(rng.uniform(18, 40))))
    return views


def room_size(rng: Rng) -> Point:
    """Width, height and depth (m) of a room to live in."""
    return point(rng.uniform(2.8, 8), rng.uniform(2.3, 3.4), rng.uniform(3.2, 9))


def street(b: Builder, rng: Rng, *, night: bool) -> float:
    """A street along z between facades; returns half the road's width."""
    road, walk = rng.uniform(2.5, 7), rng.uniform(1.2, 4.5)
    wet = night and rng.random() < 0.5
    surface = stuff(b, rng, "asphalt")
    if wet:
        tone = colour(rng, "dark")
        surface = b.material(
            tone,
            tone * 1.5,
            pattern=int(PATTERNS["asphalt"][0]),
            scale=0.3,
            gloss=0.12,
            roughness=0.12,
        )
    b.quad([[-road, 0, 60], [road, 0, 60], [road, 0, -260], [-road, 0, -260]], surface)
    paving = stuff(b, rng, "stone")
    for side in (-1, 1):
        b.box((side * (road + walk / 2), 0, -100), (walk, 0.13, 320), paving)
    if rng.random() < 0.75:
        paint = b.material(np.full(3, rng.uniform(0.4, 0.8)))
        dash = rng.uniform(1.5, 4)
        for z in np.arange(30, -150, -2 * dash):
            b.box((rng.choice([0.0, 0.0, 0.01]), 0, z), (0.13, 0.004, dash), paint)
        if rng.random() < 0.5:
            z = rng.uniform(-25, -4)
            for x in np.arange(-road + 0.3, road - 0.3, 1.0):
                b.box((x + 0.25, 0, z), (0.5, 0.005, 2.8), paint)
        for side in (-1, 1):
            b.box((side * (road - 0.25), 0, -100), (0.1, 0.004, 320), paint)
    base = float(np.exp(rng.uniform(np.log(4), np.log(22))))
    for side in (-1, 1):
        z = 50.0
        while z > -230:
            span = rng.uniform(5, 18)
            high = base * float(np.exp(rng.normal(0, 0.35)))
            if rng.random() < 0.9:
                deep = rng.uniform(6, 14)
                back = rng.choice([0.0, rng.uniform(0, 4)])
                x = side * (road + walk + back + deep / 2)
                _house(b, rng, point(x, 0, z - span / 2), (deep, high, span), side, night)
            elif rng.random() < 0.7:
                props.tree(
                    b, rng, (side * (road + walk + 3), 0, z - span / 2), rng.uniform(5, 10), 300
                )
            z -= span + rng.choice([0.0, 0.0, rng.uniform(0, 5)])
    # What closes the street far away
    b.box((rng.uniform(-60, 60), 0, -300), (200, base * 2.5, 20), stuff(b, rng, "facade"))
    b.quad(
        [[-400, -0.05, 100], [400, -0.05, 100], [400, -0.05, -500], [-400, -0.05, -500]],
        stuff(b, rng, "stone"),
    )
    lamps = float(np.exp(rng.uniform(np.log(40), np.log(500)))) if night else 0.0
    gap = rng.uniform(8, 25)
    post = rng.random() < 0.8
    trees = rng.random() < 0.35
    for index, z in enumerate(np.arange(14, -120, -gap)):
        for side in (-1, 1):
            if post and (index + side) % 2 == 0:
                props.lamp_post(b, rng, (side * (road + 0.4), 0.13, z), 90.0 * side, lamps)
            if trees and z > -70:
                props.tree(
                    b, rng, (side * (road + 0.8), 0.13, z - gap / 2), rng.uniform(3.5, 7), 220
                )
    if rng.random() < 0.4:
        wire = b.material((0.02,) * 3)
        for _ in range(int(rng.integers(2, 6))):
            side, high = rng.choice([-1, 1]), rng.uniform(5, 8)
            t = np.linspace(0, 1, 40)
            across = rng.random() < 0.4
            z = 10 - 130 * t if not across else np.full(40, rng.uniform(-30, -5))
            x = side * (road + 0.5) + 0 * t if not across else (2 * t - 1) * (road + walk)
            y = high - 0.6 * (1 - (2 * (t * (1 if across else 5) % 1) - 1) ** 2)
            b.tube(np.stack([x, y, z], 1), 0.014, wire, 4)
    parked = rng.random() < 0.6
    for side in (-1, 1):
        for z in np.arange(8, -70, -6.5):
            if parked and rng.random() < 0.5:
                props.car(
                    b,
                    rng,
                    (side * (road - 1.05), 0, z + rng.normal(0, 0.4)),
                    0.0 if side > 0 else 180.0,
                )
    for _ in range(int(rng.integers(0, 6))):
        side = rng.choice([-1, 1])
        head = 0.0 if side > 0 else 180.0
        lit = float(np.exp(rng.uniform(np.log(60), np.log(800)))) if night else 0.0
        props.car(b, rng, (side * road * 0.4, 0, rng.uniform(-70, -5)), head, lit)
    for _ in range(int(rng.integers(0, 10))):
        side = rng.choice([-1, 1])
        z = -float(np.exp(rng.uniform(np.log(2.5), np.log(45)))) + 5
        spot = point(side * (road + rng.uniform(0.2, 0.95) * walk), 0.13, z)
        props.person(b, rng, spot, rng.choice([0, 180]) + rng.normal(0, 25))
    for _ in range(int(rng.integers(0, 8))):
        side = rng.choice([-1, 1])
        spot = point(side * (road + walk * rng.uniform(0.1, 0.9)), 0.13, rng.uniform(-25, 6))
        match int(rng.integers(5)):
            case 0:
                props.sign(b, rng, spot, rng.normal(0, 20))
            case 1:
                props.small_thing(b, rng, spot, rng.uniform(0.5, 1.2))
            case 2:
                b.lathe(
                    spot,
                    np.array([[0.2, 0], [0.22, 0.8], [0.2, 0.9], [0, 0.95]])
                    * rng.uniform(0.6, 1.1),
                    stuff(b, rng, "paint"),
                )
            case 3:
                props.bush(b, rng, spot, rng.uniform(0.5, 1.2), 120)
            case _:
                for step in range(int(rng.integers(2, 7))):
                    b.lathe(
                        spot - point(0, 0, 1.4 * step),
                        [[0.06, 0], [0.06, 0.8], [0, 0.85]],
                        stuff(b, rng, "metal"),
                    )
    return road


def _house(b: Builder, rng: Rng, foot: Point, size: ArrayLike, side: int, night: bool) -> None:
    """A house whose front faces the street, with a shop or a door, ledges, a roof."""
    deep, high, span = np.asarray(size, np.float64)
    family = "lit_windows" if night else "windows"
    glow = point(1, rng.uniform(0.6, 0.95), rng.uniform(0.3, 0.9)) * np.exp(rng.uniform(-1.5, 1.5))
    wall = colour(rng, str(rng.choice(["wall", "stone", "any"])))
    number = int(rng.choice(PATTERNS[family]))
    storeys, storey = max(1, round(high / 3)), rng.uniform(2.7, 3.4)
    cells = rng.uniform(8, 16)
    face = b.material(
        wall,
        colour(rng, "dark"),
        colour(rng, "dark"),
        pattern=number,
        scale=(1 / cells, 1 / (storey * 4)),
        glow=glow if night else np.zeros(3),
    )
    plain = b.material(
        wall * 0.9, wall * 0.6, pattern=int(rng.choice(PATTERNS["plaster"])), scale=0.2
    )
    b.box(foot, (deep, storeys * storey, span), face)
    front = foot[0] - side * deep / 2
    if rng.random() < 0.6:
        b.box((front - side * 0.1, storey, foot[2]), (0.3, 0.15, span), plain)
    if rng.random() < 0.5:
        # A shop: glass, an awning, a board
        width = span * rng.uniform(0.5, 0.95)
        pane = b.material(
            colour(rng, "dark"),
            colour(rng),
            pattern=int(rng.choice(PATTERNS["poster"])),
            scale=0.4,
            gloss=0.06,
            roughness=0.02,
            glow=glow * 0.8 if night else np.zeros(3),
        )
        b.box((front - side * 0.04, 0.5, foot[2]), (0.1, 2.0, width), pane)
        tall = rng.uniform(0.4, 0.9)
        bright = float(np.exp(rng.uniform(0, 2.5))) if night and rng.random() < 0.7 else 0.0
        board = stamp(b, rng, "neon" if bright else "text", width, tall, bright)
        b.box((front - side * 0.12, 2.6, foot[2]), (0.12, tall, width), board)
        if rng.random() < 0.5:
            cloth = stuff(b, rng, "cloth")
            x0, x1, z0, z1 = (
                front,
                front - side * rng.uniform(0.8, 1.8),
                foot[2] - width / 2,
                foot[2] + width / 2,
            )
            b.quad([[x0, 2.7, z0], [x0, 2.7, z1], [x1, 2.2, z1], [x1, 2.2, z0]], cloth)
    else:
        z = foot[2] + rng.uniform(-0.3, 0.3) * span
        b.box((front - side * 0.03, 0, z), (0.12, 2.2, 1.0), stuff(b, rng, "wood"))
    if night and rng.random() < 0.5:
        shine = float(np.exp(rng.uniform(0.5, 3.5)))
        place = point(
            front - side * 0.7, rng.uniform(3, 7), foot[2] + rng.uniform(-0.4, 0.4) * span
        )
        props.sign(b, rng, place, 0.0, shine)
    if rng.random() < 0.3:
        for level in range(1, storeys):
            b.box((front - side * 0.5, level * storey, foot[2]), (1.0, 0.12, span * 0.5), plain)
            b.box(
                (front - side * 0.97, level * storey, foot[2]),
                (0.04, 1.0, span * 0.5),
                stuff(b, rng, "metal"),
            )
    if storeys < 4 and rng.random() < 0.6:
        top, ridge = foot[1] + storeys * storey, foot[1] + storeys * storey + rng.uniform(1.5, 3.5)
        roof = stuff(b, rng, "brick")
        z0, z1 = foot[2] - span / 2, foot[2] + span / 2
        for edge in (-1, 1):
            x = foot[0] + edge * (deep / 2 + 0.4)
            b.quad(
                [
                    [x, top - 0.2, z0],
                    [x, top - 0.2, z1],
                    [foot[0], ridge, z1],
                    [foot[0], ridge, z0],
                ],
                roof,
            )
        for z in (z0 + 0.02, z1 - 0.02):
            b.add(
                [[foot[0] - deep / 2, top, z], [foot[0] + deep / 2, top, z], [foot[0], ridge, z]],
                [[0, 1, 2]],
                np.tile([0, 0, 1], (3, 1)),
                [[0, 0], [deep, 0], [deep / 2, 2]],
                plain,
            )


def street_views(rng: Rng, road: float) -> list[View]:
    """Cameras on a street (see `street`) that look along it or across."""
    views = []
    for _ in range(VIEWS):
        side = rng.choice([-1, 1])
        x = side * rng.choice([rng.uniform(0, road), road + rng.uniform(0.3, 1.2)])
        high = rng.choice([rng.uniform(1.3, 1.8), rng.uniform(0.4, 3.5)])
        place = point(x, high, rng.uniform(-2, 8))
        far = -rng.uniform(8, 40)
        target = point(rng.uniform(-1, 1) * road * 1.5, rng.uniform(0.5, 2.5), far)
        if rng.random() < 0.15:
            target = point(-side * (road + 4), rng.uniform(1, 3), place[2] - rng.uniform(0, 6))
        views.append(look(rng, place, target))
    return views


def park(b: Builder, rng: Rng, clear: float = 2.0) -> None:
    """Open ground with trees, bushes, rocks, a path, hills, beyond `clear` metres of the origin."""
    cover = stuff(b, rng, str(rng.choice(["meadow", "meadow", "field", "field", "asphalt"])))
    props.ground(b, rng, cover, 900, float(rng.choice([0, 0.5, 1.5, 3.0])))
    for _ in range(int(rng.choice([0, 1, 2, 4]))):
        # A wood or a ridge that closes the view
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(40, 300)
        t = np.linspace(-1.2, 1.2, 90) + angle
        high = (
            reach
            * rng.uniform(0.05, 0.3)
            * (0.6 + 0.4 * np.sin(np.outer(rng.uniform(1, 9, 4), t)).mean(0))
        )
        high = (
            high
            * (1 + rng.normal(0, rng.choice([0.02, 0.15]), 90))
            * np.clip(4 - 3.4 * abs(t - angle), 0.02, 1)
        )
        rows = np.stack(
            [
                np.stack([np.sin(t) * reach * out, high * up - 1, np.cos(t) * reach * out], 1)
                for out, up in ((1, 0), (1.05, 0.6), (1.15, 1))
            ]
        )
        b.mesh(rows, np.stack(np.meshgrid(t * reach, [0, 5, 10]), -1), stuff(b, rng, "meadow"))
    if rng.random() < 0.5:
        t = np.linspace(-40, 60, 60)
        bend = 3 * np.sin(t / rng.uniform(6, 20) + rng.uniform(0, 6)) + rng.uniform(-2, 2)
        half = rng.uniform(0.5, 2)
        rows = np.stack([np.stack([bend + s * half, 0 * t + 0.02, -t], 1) for s in (-1, 1)])
        b.mesh(
            rows,
            np.stack([np.meshgrid(t, [0, 2 * half])[k] for k in (0, 1)], -1),
            stuff(b, rng, "field"),
        )

    def spot(near: float, far: float) -> Point:
        reach = float(np.exp(rng.uniform(np.log(near), np.log(far))))
        angle = rng.uniform(0, 2 * np.pi)
        return point(np.sin(angle) * reach, 0, np.cos(angle) * reach)

    for _ in range(int(rng.integers(2, 34))):
        props.tree(b, rng, spot(clear + 2, 70), rng.uniform(2.5, 12), 260)
    for _ in range(int(rng.integers(0, 14))):
        props.bush(b, rng, spot(clear + 0.5, 40), rng.uniform(0.4, 2.0), 140)
    for _ in range(int(rng.integers(0, 10))):
        size = float(np.exp(rng.uniform(np.log(0.1), np.log(1.5))))
        b.ellipsoid(
            spot(clear, 25),
            size * rng.uniform(0.6, 1.2, 3),
            stuff(b, rng, "stone"),
            None,
            0.12,
            rng,
        )
    if rng.random() < 0.6:
        leaf = [stuff(b, rng, "leaf") for _ in range(3)]
        count = int(rng.integers(300, 2500))
        away = np.exp(rng.uniform(np.log(0.5), np.log(14), count))
        around = rng.uniform(0, 2 * np.pi, count)
        high = rng.uniform(0.04, 0.3)
        places = np.stack(
            [np.sin(around) * away, np.full(count, high * 0.45), np.cos(around) * away], 1
        )
        b.cards(places, high, leaf, rng)
    if rng.random() < 0.4:
        b.box(spot(25, 80), rng.uniform(4, 12, 3), stuff(b, rng, "facade"), rng.uniform(0, 90))
    if rng.random() < 0.4:
        wood = stuff(b, rng, "wood")
        turn, back = turned(rng.uniform(0, 360)), rng.uniform(3, 12)
        for x in np.arange(-14, 14, rng.uniform(0.3, 2.0)):
            b.box(turn @ point(x, 0, -back), (0.09, 1.1, 0.06), wood)
        for y in (0.4, 0.9):
            b.tube([turn @ point(-14, y, -back), turn @ point(14, y, -back)], 0.035, wood, 5)
    if rng.random() < 0.3:
        bench = spot(3, 9)
        props.table(b, rng, bench, rng.uniform(0, 90), (0.45, 0.45, 1.6))


def backdrop(b: Builder, rng: Rng) -> tuple[Light, float]:
    """Any of the other places, as a background; returns its light and how far it is clear."""
    match int(rng.integers(5)):
        case 0 | 1:
            size = room_size(rng) + point(1, 0, 1)
            light, _ = room(b, rng, size, furnished=0.7)
            return light, 0.5 * float(min(size[0], size[2])) - 0.6
        case 2:
            road = street(b, rng, night=False)
            return outdoor_light(rng), road + 1.0
        case 3:
            street(b, rng, night=True)
            way, _ = props.sunlight(rng, "night")
            dome = props.sky(rng, "night", way)
            return Light(dome, way, np.zeros(3), colour(rng) * 0.2 + 0.1, sun_visible=False), 3.0
        case _:
            park(b, rng, 3.5)
            return outdoor_light(rng), 6.0


def fill(b: Builder, rng: Rng, at: Point) -> None:
    """A soft light beside whoever is in front, as a photographer finds one."""
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        place = at + point(np.sin(angle) * 1.6, rng.uniform(0.6, 1.6), np.cos(angle) * 1.6)
        warm = point(1, rng.uniform(0.7, 1.0), rng.uniform(0.5, 1.1))
        b.lamp(place, 0.12, warm * rng.uniform(8, 60))
