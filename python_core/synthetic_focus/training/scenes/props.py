"""Things that worlds are furnished with: people, furniture, plants, vehicles, lights, skies.

Every function takes the builder, a generator of chance, and where the thing stands (its foot, in
metres); sizes are those of the real thing, since a familiar size is a cue of depth.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.training.scenes import anatomy
from synthetic_focus.training.scenes.patterns import PATTERNS, noise
from synthetic_focus.training.scenes.world import Builder, Colour, turned

Rng = np.random.Generator
Point = NDArray[np.float64]


def point(x: float, y: float, z: float) -> Point:
    """Three coordinates as an array."""
    return np.array([x, y, z], np.float64)


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    wheel = np.clip(abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return np.asarray(value * (1 - saturation + saturation * wheel))


def colour(rng: Rng, kind: str = "any") -> Colour:
    """A plausible reflectance of a kind of stuff (scene-linear)."""
    spread = rng.normal(1, 0.08, 3)
    match kind:
        case "wood":
            base = point(0.42, 0.24, 0.12) * np.exp(rng.uniform(-1.3, 0.5))
        case "skin":
            base = point(0.62, 0.4, 0.3) * np.exp(rng.uniform(-1.6, 0.15))
            spread = rng.normal(1, 0.03, 3)
        case "hair":
            base = np.asarray(
                [
                    point(0.012, 0.01, 0.009),
                    point(0.03, 0.018, 0.012),
                    point(0.1, 0.05, 0.025),
                    point(0.45, 0.3, 0.15),
                    point(0.4, 0.4, 0.4),
                    _hsv(rng.random(), 0.7, 0.3),
                ][rng.choice(6, p=[0.38, 0.22, 0.18, 0.1, 0.08, 0.04])]
            )
        case "foliage":
            base = _hsv(rng.uniform(0.17, 0.36), rng.uniform(0.4, 0.85), rng.uniform(0.06, 0.35))
            if rng.random() < 0.12:
                base = _hsv(rng.uniform(0.0, 0.14), 0.8, rng.uniform(0.2, 0.5))
        case "soil":
            base = point(0.3, 0.22, 0.15) * np.exp(rng.uniform(-1, 0.5))
        case "stone":
            base = np.full(3, np.exp(rng.uniform(-2.6, -0.4))) * rng.normal(1, 0.05, 3)
        case "wall":
            base = _hsv(rng.random(), rng.beta(1, 5), rng.uniform(0.25, 0.85))
        case "metal":
            base = np.full(3, rng.uniform(0.3, 0.8))
        case "dark":
            base = np.full(3, rng.uniform(0.015, 0.08))
        case "bright":
            base = _hsv(rng.random(), rng.uniform(0.6, 1), rng.uniform(0.3, 0.9))
        case _:
            chance = rng.random()
            if chance < 0.35:
                base = _hsv(rng.uniform(0.02, 0.15), rng.uniform(0, 0.2), rng.uniform(0.03, 0.85))
            elif chance < 0.8:
                base = _hsv(rng.random(), rng.uniform(0.15, 0.6), rng.uniform(0.05, 0.7))
            else:
                base = _hsv(rng.random(), rng.uniform(0.6, 0.95), rng.uniform(0.1, 0.8))
    return np.asarray(np.clip(base * spread, 0.008, 0.9))


_STUFF: dict[str, tuple[tuple[str, ...], str, tuple[float, float], float]] = {
    # patterns, colours, repeats a metre, chance of a glossy coat
    "wall": (
        ("flat", "plaster", "plaster", "mottled", "bricks", "stripes", "tiles", "dots", "wood"),
        "wall",
        (0.25, 1.2),
        0.05,
    ),
    "floor": (
        ("wood", "wood", "tiles", "checks", "fabric", "marble", "mottled", "plaid"),
        "any",
        (0.3, 1.2),
        0.4,
    ),
    "wood": (("wood", "wood", "flat", "mottled"), "wood", (0.5, 2.5), 0.3),
    "cloth": (
        ("fabric", "flat", "flat", "stripes", "plaid", "dots", "camouflage", "mottled", "text"),
        "any",
        (1.0, 4.0),
        0.0,
    ),
    "plastic": (("flat", "flat", "flat", "stripes", "text", "poster"), "any", (1.5, 6.0), 0.6),
    "metal": (("flat", "mottled", "flat"), "metal", (1.0, 4.0), 1.0),
    "paint": (("flat", "mottled"), "any", (0.3, 1.0), 0.8),
    "stone": (
        ("mottled", "gravel", "plaster", "marble", "bricks", "tiles"),
        "stone",
        (0.3, 1.5),
        0.1,
    ),
    "asphalt": (("asphalt", "gravel", "asphalt"), "stone", (0.2, 0.6), 0.1),
    "grass": (("grass", "grass", "mottled"), "foliage", (0.3, 1.0), 0.0),
    "soil": (("gravel", "grass", "mottled"), "soil", (0.3, 1.0), 0.0),
    "meadow": (("grass", "grass", "mottled"), "foliage", (0.04, 0.3), 0.0),
    "field": (("gravel", "mottled", "mottled"), "soil", (0.04, 0.3), 0.0),
    "leaf": (("flat", "mottled"), "foliage", (4.0, 10.0), 0.2),
    "bark": (("bark",), "wood", (0.7, 2.0), 0.0),
    "paper": (("text", "poster", "picture", "spines"), "any", (1.0, 4.0), 0.1),
    "facade": (("windows",), "wall", (0.05, 0.14), 0.0),
    "brick": (("bricks", "plaster", "tiles"), "any", (0.25, 0.6), 0.0),
    "skin": (("flat",), "skin", (1.0, 1.0), 0.15),
    "hair": (("bark", "flat"), "hair", (3.0, 6.0), 0.2),
    "food": (("flat", "mottled", "dots", "marble"), "bright", (3.0, 10.0), 0.4),
    "ceramic": (("flat", "flat", "dots", "stripes", "poster"), "any", (4.0, 10.0), 0.8),
    "fur": (("flat", "mottled", "camouflage", "bark"), "wood", (1.0, 4.0), 0.0),
}


def stuff(b: Builder, rng: Rng, kind: str) -> int:
    """A new material of a kind of stuff."""
    families, palette, (low, high), coat = _STUFF[kind]
    numbers = PATTERNS[str(rng.choice(families))]
    first = colour(rng, palette)
    near = np.clip(first * np.exp(rng.normal(0, 0.5)) * rng.normal(1, 0.12, 3), 0.005, 0.9)
    second = near if rng.random() < 0.6 else colour(rng, palette if palette != "skin" else "skin")
    third = colour(rng) if kind in ("cloth", "plastic", "paper", "ceramic") else near * 0.5
    if kind == "facade":
        second, third = colour(rng, "dark"), colour(rng, "dark")
    gloss = float(rng.uniform(0.02, 0.12)) if rng.random() < coat else 0.0
    metal = kind == "metal" and rng.random() < 0.6
    return b.material(
        first,
        second,
        third,
        pattern=int(rng.choice(numbers)),
        scale=float(np.exp(rng.uniform(np.log(low), np.log(high)))),
        gloss=0.6 if metal else gloss,
        roughness=float(rng.uniform(0.02, 0.35)),
        metal=metal,
    )


def stamp(b: Builder, rng: Rng, family: str, width: float, height: float, glow: float = 0) -> int:
    """A material whose pattern shows once on a rectangle of that size (metres)."""
    shine = colour(rng, "bright") * glow
    dark = "dark" if family == "neon" else "any"
    return b.material(
        colour(rng, dark),
        colour(rng),
        colour(rng, "bright"),
        pattern=int(rng.choice(PATTERNS[family])),
        scale=(1 / width, 1 / height),
        glow=shine,
        gloss=0.05 * float(rng.random() < 0.3),
    )


# ---- light


def sky(rng: Rng, kind: str, sun: Colour) -> Floats:
    """A sky (256, 512, 3) by elevation and azimuth: clear, cloudy, overcast, dusk or night."""
    elevation = np.radians((np.arange(256) + 0.5) / 256 * 180 - 90)[:, None, None]
    azimuth = ((np.arange(512) + 0.5) / 512 - 0.5)[None, :, None] * 2 * np.pi
    height = np.clip(np.sin(elevation), 0, 1)
    away = np.cos(elevation) * np.sin(azimuth) * sun[0] + np.sin(elevation) * sun[1]
    away = away - np.cos(elevation) * np.cos(azimuth) * sun[2]
    horizon, zenith = point(0.75, 0.82, 0.9), point(0.16, 0.32, 0.72) * rng.uniform(0.6, 1.3)
    bright = rng.uniform(0.6, 1.4)
    if kind == "dusk":
        horizon, zenith = point(1.0, 0.5, 0.22), point(0.1, 0.14, 0.32)
        horizon = horizon * np.exp(rng.normal(0, 0.2, 3))
    if kind == "night":
        horizon, zenith, bright = (
            point(0.06, 0.045, 0.04),
            point(0.01, 0.013, 0.03),
            rng.uniform(0.2, 1),
        )
    if kind == "overcast":
        horizon = zenith = np.full(3, 0.8) * rng.normal(1, 0.04, 3)
    blend = height ** rng.uniform(0.35, 0.7)
    picture = horizon * (1 - blend) + zenith * blend
    if kind != "night":
        glow = np.exp((away - 1) * rng.uniform(6, 30))
        picture = picture + (0.0 if kind == "overcast" else 1.2) * glow * point(1, 0.85, 0.65)
    cover = {"clear": 0.8, "cloudy": 0.55, "overcast": 0.3, "dusk": 0.6, "night": 0.6}[kind]
    wave = noise(rng, 1.5, (256, 512), stretch=0.6)[..., None]
    cloud = np.clip((wave - cover + rng.uniform(-0.08, 0.08)) / 0.25, 0, 1) * np.clip(
        height * 6, 0, 1
    )
    lit = horizon * rng.uniform(0.9, 1.3) if kind in ("dusk", "night") else np.full(3, 1.1)
    shade = lit * (0.55 + 0.45 * noise(rng, 1.2, (256, 512))[..., None])
    picture = picture * (1 - cloud) + shade * cloud
    ground = colour(rng, "soil") * picture[128:].mean((0, 1)) * 0.8
    picture = np.where(elevation > 0, picture, ground)
    return np.asarray(picture * bright, np.float32)


def sunlight(rng: Rng, kind: str) -> tuple[Colour, Colour]:
    """Where the sun stands (unit) and what a white surface that faces it reflects."""
    low, high = (2, 14) if kind == "dusk" else (15, 75)
    elevation, azimuth = np.radians(rng.uniform(low, high)), rng.uniform(0, 2 * np.pi)
    way = point(
        np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)
    )
    warm = point(1, 0.93, 0.82) if kind != "dusk" else point(1, 0.62, 0.33)
    level = {"clear": 2.5, "cloudy": 1.6, "overcast": 0.0, "dusk": 1.4, "night": 0.0}[kind]
    return way, warm * level * rng.uniform(0.6, 1.4)


# ---- people and animals


def _garment(b: Builder, rng: Rng) -> int:
    """Cloth to wear: often dark or grey and plain, else anything."""
    if rng.random() < 0.45:
        tone = colour(rng, "dark") * rng.uniform(0.4, 4) * rng.normal(1, 0.12, 3)
        tone = np.clip(tone, 0.008, 0.9)
        return b.material(tone, tone * 0.7, pattern=int(rng.choice(PATTERNS["fabric"])), scale=3.0)
    return stuff(b, rng, "cloth")


_WORN = (0.66, 0.1, 0.07, 0.06, 0.06, 0.05)  # chances of the things worn on a head
_CUTS = (0.16, 0.3, 0.24, 0.18, 0.06, 0.06)  # and of a man's hair
# Where hair ends: degrees from the face, height above the eyes
_SHORT = ((0, 0.036), (35, 0.034), (55, 0.022), (75, -0.008), (100, -0.012), (125, -0.03))
_FRINGE = ((0, 0.02), (40, 0.018), (55, -0.01))
_OPEN = ((0, 0.04), (35, 0.034), (55, 0.012))


def _head(
    b: Builder, rng: Rng, head: Point, turn: Colour, size: float, man: bool, skin: int
) -> None:
    """A head with a face, hair, and now and then glasses, a beard or something worn on it."""
    hair = stuff(b, rng, "hair")
    iris = b.material(point(0.03, 0.02, 0.015) * rng.uniform(0.3, 2), gloss=0.05)
    lip = b.material(point(0.4, 0.14, 0.12) * np.exp(rng.normal(-0.3, 0.4)))
    anatomy.skull(b, head, turn, size, skin)
    anatomy.face(b, head, turn, size, skin, hair, iris, lip)

    def shell(
        what: int,
        edge: Sequence[tuple[float, float]],
        grow: float,
        rough: float = 0.1,
        parting: float = 0.0,
    ) -> None:
        anatomy.shell(b, head, turn, size, what, edge, grow, rng, rough, parting)

    def at(x: float, y: float, z: float) -> Point:
        return np.asarray(head + turn @ (point(x, y, z) * size))

    worn = str(rng.choice(["", "cap", "beanie", "brim", "hood", "scarf"], p=_WORN))
    rim = _FRINGE if rng.random() < 0.4 else _OPEN
    parting, wavy = rng.normal(0, 14), float(rng.choice([0.08, 0.15, 0.3]))
    if man:
        cut = str(rng.choice(["bald", "short", "short", "thick", "bob", "tied"], p=_CUTS))
    else:
        cut = str(rng.choice(["short", "thick", "bob", "long", "long", "tied"]))
    if worn in ("hood", "scarf"):
        cut = "bald"
    match cut:
        case "bald":
            if rng.random() < 0.5 and not worn:
                shell(hair, ((0, 0.064), (70, 0.06), (85, 0.0), (125, -0.03)), 0.003)
        case "short":
            shell(hair, _SHORT, rng.uniform(0.003, 0.009), wavy, parting)
        case "thick":
            full = (*rim[:2], (58, 0.015), (75, -0.015), (125, -0.04))
            shell(hair, full, rng.uniform(0.01, 0.035), wavy, parting)
        case "bob":
            low = -rng.uniform(0.045, 0.085)
            shell(hair, (*rim, (68, low), (130, low - 0.01)), rng.uniform(0.007, 0.02), wavy)
        case "long":
            low = -rng.uniform(0.1, 0.26)
            edge = (*rim, (70, float(rng.choice([-0.05, low]))), (105, low), (150, low - 0.02))
            shell(hair, edge, rng.uniform(0.006, 0.016), wavy, parting)
        case _:
            shell(hair, (*_OPEN, (80, -0.012), (125, -0.035)), rng.uniform(0.003, 0.007), 0.05)
            if rng.random() < 0.5:
                knot = rng.uniform(0.018, 0.032)
                place = at(0, rng.uniform(-0.02, 0.075), 0.06)
                b.ellipsoid(place, [knot * size] * 3, hair, turn, 0.08, rng, 7)
            else:
                long, back = rng.uniform(0.08, 0.22), rng.uniform(0.07, 0.1)
                path = [at(0, 0.03, 0.055), at(0, 0.025, back), at(0, -0.04, back + 0.01)]
                path.append(at(rng.normal(0, 0.01), 0.03 - long, back - 0.01))
                b.tube(path, np.array([0.012, 0.019, 0.021, 0.006]) * size, hair)
    cloth = _garment(b, rng)
    match worn:
        case "cap":
            shell(cloth, ((0, 0.03), (180, 0.012)), 0.009, 0.02)
            visor = np.array([0.04, 0.004, 0.038]) * size
            back = float(rng.choice([-1, -1, -1, 1]))
            b.ellipsoid(at(0, 0.027, back * 0.062), visor, cloth, turn, rows=7)
        case "beanie":
            shell(cloth, ((0, 0.026), (60, 0.012), (180, -0.01)), rng.uniform(0.008, 0.02), 0.05)
        case "brim":
            shell(cloth, ((0, 0.03), (180, 0.024)), rng.uniform(0.008, 0.022), 0.03)
            wide, dip = rng.uniform(0.075, 0.15), rng.uniform(-0.02, 0.015)
            b.lathe(
                at(0, 0.03, 0),
                np.array([[0.045, 0.004], [0.055, 0], [wide, dip]]) * size,
                cloth,
                24,
                turn,
            )
        case "hood":
            shell(cloth, ((0, 0.05), (35, 0.03), (55, -0.09), (180, -0.1)), 0.018, 0.06)
        case "scarf":
            shell(cloth, ((0, 0.03), (38, 0.015), (58, -0.062), (75, -0.12), (180, -0.15)), 0.008)
    if man and rng.random() < 0.25:
        long = rng.uniform(0.008, 0.02)
        beard = np.array([0.037, 0.018 + long, 0.024]) * size
        b.ellipsoid(at(0, -0.052 - 0.4 * long, -0.027), beard, hair, turn, 0.03, rng, 7)
    if rng.random() < 0.18:
        frame = b.material(colour(rng, "dark"), gloss=0.06, roughness=0.05)
        dark = rng.random() < 0.4
        for side in (-1, 1):
            if dark:
                lens = np.array([0.015, 0.012, 0.003]) * size
                b.ellipsoid(at(0.019 * side, 0.0, -0.054), lens, frame, turn, rows=5)
            else:
                angle = np.linspace(0, 2 * np.pi, 11)
                ring = np.stack([np.cos(angle) * 0.015, np.sin(angle) * 0.012, 0 * angle], 1)
                around = (ring + point(0.019 * side, 0.0, -0.056)) * size @ turn.T + head
                b.tube(around, 0.0013 * size, frame, 4)
            b.tube([at(0.036 * side, 0.002, -0.05), at(0.05 * side, 0.002, 0)], 0.002 * size, frame)


def person(
    b: Builder,
    rng: Rng,
    at: ArrayLike,
    yaw: float,
    height: float | None = None,
    sitting: bool = False,
) -> Point:
    """Somebody who stands, walks or sits and faces `yaw`; returns where the face is."""
    foot = np.asarray(at, np.float64)
    man = rng.random() < 0.5
    tall = float(rng.normal(1.74 if man else 1.64, 0.075))
    if rng.random() < 0.1 and not sitting:
        tall = float(rng.uniform(0.95, 1.5))
    if height is not None:
        tall = height
    rotation = turned(yaw)
    size = tall * float(np.clip(1.65 / tall, 1, 1.6)) ** 0.55 * rng.uniform(0.97, 1.05)
    wide = float(np.exp(rng.normal(0.06, 0.1)))
    up = 0.43 / tall - 0.5 if sitting else 0.0
    lean = np.array([rng.normal(0, 0.03), rng.normal(0.02, 0.04)])
    if sitting:
        lean[1] = rng.uniform(-0.15, 0.3)

    def place(p: ArrayLike) -> Point:
        """From shares of the height, right, up and forward, where yaw 0 looks along -z."""
        return np.asarray(foot + (np.asarray(p) * [1, 1, -1] * tall) @ rotation.T)

    def body(p: ArrayLike) -> Point:
        """The same above the hip, as if standing."""
        spot = np.array(p, np.float64)
        rise = np.maximum(spot[..., 1] - 0.5, 0)
        spot[..., 0] += lean[0] * rise
        spot[..., 2] += lean[1] * rise
        spot[..., 1] += up
        return place(spot)

    top, legs = _garment(b, rng), _garment(b, rng)
    shoes = b.material(colour(rng, "dark") * rng.uniform(0.5, 2)) if rng.random() < 0.6 else legs
    if rng.random() < 0.4:
        shoes = stuff(b, rng, "plastic")
    turn = turned(yaw + rng.normal(0, 18), rng.normal(-2, 8), rng.normal(0, 5))
    neck = 0.86 + 0.07 * size / tall
    head = body((0, neck, 0.012))
    skin = stuff(b, rng, "skin")
    _head(b, rng, head, turn, size, man, skin)
    anatomy.limb(
        b,
        body,
        [(0, 0.81, 0), (0, 0.84, 0), (0, neck - 0.03, 0.0)],
        (0.036, 0.031, 0.03),
        skin,
        tall,
    )
    # Trunk and what covers it
    broad = wide * (1.04 if man else 0.92)
    waist, hips = (wide, 0.96 * wide) if man else (0.86 * wide, 1.04 * wide)
    deep = wide * rng.uniform(0.9, 1.25)
    chest = 0.0 if man else 0.008
    loose = float(rng.choice([1.0, 1.03, 1.1]))
    rows = np.array(
        [
            [0.848, 0.034, 0.034, -0.004],
            [0.836, 0.056 * broad, 0.040, -0.004],
            [0.82, 0.090 * broad, 0.044, -0.004],
            [0.795, 0.107 * broad, 0.052, 0.0],
            [0.74, 0.099 * broad, 0.064 * deep + chest, chest],
            [0.68, 0.092 * broad, 0.063 * deep + chest, chest],
            [0.62, 0.083 * waist, 0.060 * deep, 0.004],
            [0.56, 0.090 * hips, 0.064 * deep, 0.0],
            [0.50, 0.096 * hips, 0.068 * deep, 0.0],
            [0.465, 0.080 * hips, 0.060 * deep, 0.0],
        ]
    )
    kinds = ["shirt", "shirt", "coat", "dress", "skirt"]
    kind = str(rng.choice(kinds[:3] if man else kinds))
    scale = np.array([1, loose, loose, 1])
    anatomy.trunk(b, body, rows[:-2] * scale, top)
    anatomy.trunk(b, body, rows[-3:], top if kind == "dress" else legs)
    if kind == "shirt" and rng.random() < 0.6:
        anatomy.trunk(b, body, rows[[6, 7, 8]] * [1, 1.08 * loose, 1.1 * loose, 1], top)
    flare, hem = rng.uniform(0.0, 0.09), rng.uniform(0.1, 0.42)
    skirted = kind in ("dress", "skirt")
    if skirted:
        flare = rng.uniform(0.035, 0.12)
    if kind == "coat":
        outer = rows[:-1] * [1, 1.1, 1.16, 1]
        low = [[0.45 if sitting else hem, outer[-1, 1] + 0.5 * flare, 0.09 + 0.5 * flare, 0]]
        anatomy.trunk(b, body, np.concatenate([outer, np.array(low)]), top)
        collar = body((0, 0.835, -0.004))
        b.lathe(collar, np.array([[0.055, 0], [0.046, 0.035]]) * tall, top, 16, rotation)
    if skirted and not sitting:
        cloth = top if kind == "dress" else legs
        skirt = np.array(
            [
                rows[6] * 1.02,
                rows[8] * 1.06,
                [0.5 * (0.5 + hem), 0.1 * hips + 0.5 * flare, 0.074 * deep + 0.5 * flare, 0],
                [hem, 0.1 * hips + flare, 0.074 * deep + flare, 0],
            ]
        )
        anatomy.trunk(b, body, skirt, cloth, rng.uniform(0, 0.12))
    bare_legs = skirted or rng.random() < 0.12
    shin = skin if bare_legs and rng.random() < 0.7 else legs
    fat = wide * rng.uniform(0.9, 1.15)

    # Legs
    stride = rng.uniform(0.04, 0.17) * float(rng.random() < 0.55 and not sitting)
    ahead = float(rng.choice([-1, 1]))
    crossed, booted = sitting and rng.random() < 0.25, rng.random() < 0.2
    for side in (-1.0, 1.0):
        z, lift = stride * side * ahead, 0.055 * float(stride > 0.08 and side * ahead < 0)
        hip = point(0.052 * side * hips, 0.49 + up, 0.0)
        stand = (rng.uniform(0.04, 0.07) * side, 0.042 + lift, z)
        knee, ankle = anatomy.joint(hip, stand, 0.245, 0.225, (0.1 * side, 0, 1))
        if sitting:
            knee = np.array([(0.055 + abs(rng.normal(0, 0.03))) * side, 0.5 + up, 0.235])
            ankle = np.array([0.06 * side, max(0.042, 0.27 + up), 0.2 + rng.normal(0, 0.05)])
            if crossed and side > 0:
                knee, ankle = np.array([-0.01, 0.535 + up, 0.24]), np.array([-0.1, 0.2, 0.3])
        thigh = top if sitting and kind in ("dress", "coat") else legs
        girth = (0.054 * fat, 0.039 * fat, 0.034 * fat, 0.026 * fat)
        calf = ankle + 0.7 * (knee - ankle)
        anatomy.limb(b, place, [hip, knee, calf, ankle], girth, shin, tall)
        if thigh != shin and (sitting or not skirted):
            anatomy.limb(b, place, [hip, knee], (0.06 * fat, 0.047 * fat), thigh, tall)
        toe = rotation @ turned(-side * rng.uniform(0, 20), -35.0 if lift else 0.0)
        shoe = place(ankle) + toe @ point(0, -0.019, -0.032) * tall
        b.ellipsoid(shoe, np.array([0.026, 0.022, 0.072]) * tall, shoes, toe, rows=7)
        if booted:
            anatomy.limb(b, place, [calf, ankle], (0.037 * fat, 0.033), shoes, tall)

    _arms(b, rng, body, rotation, tall, broad, (skin, top), sitting, neck)
    if rng.random() < 0.15:
        # A scarf
        knit = stuff(b, rng, "cloth")
        angle = np.linspace(0, 2 * np.pi, 13)
        ring = np.stack([0.045 * np.cos(angle), 0.848 + 0 * angle, 0.045 * np.sin(angle)], 1)
        b.tube(body(ring), 0.022 * tall, knit)
        tail = [(0.03, 0.84, 0.06), (0.035, 0.74, 0.09), (0.035, rng.uniform(0.55, 0.7), 0.09)]
        anatomy.limb(b, body, tail, (0.02, 0.024, 0.022), knit, tall)
    load = rng.random()
    if load < 0.12:
        sack = stuff(b, rng, "cloth")
        shape = np.array([0.085, rng.uniform(0.09, 0.14), 0.05]) * tall
        b.ellipsoid(body((0, 0.69, -0.115)), shape, sack, rotation, rows=8)
        for side in (-1, 1):
            strap = [(0.07 * side, 0.81, -0.05), (0.075 * side, 0.825, 0.02)]
            strap += [(0.078 * side, 0.74, 0.085), (0.09 * side, 0.64, 0.03)]
            anatomy.limb(b, body, strap, (0.012,) * 4, sack, tall)
    elif load < 0.24:
        leather = stuff(b, rng, str(rng.choice(["plastic", "cloth", "wood"])))
        side = float(rng.choice([-1, 1]))
        strap = [(-0.08 * side, 0.8, -0.07), (-0.06 * side, 0.835, 0), (0, 0.72, 0.1)]
        anatomy.limb(b, body, [*strap, (0.13 * side, 0.52, 0.04)], (0.008,) * 4, leather, tall)
        shape = np.array([0.05, 0.13, 0.17]) * rng.uniform(0.7, 1.2) * tall
        b.box(body((0.14 * side, 0.42, 0.02)), shape, leather, yaw)
    return head


def _arms(
    b: Builder,
    rng: Rng,
    body: anatomy.Placing,
    rotation: Colour,
    tall: float,
    broad: float,
    stuffs: tuple[int, int],
    sitting: bool,
    neck: float,
) -> None:
    """Two arms, each in a pose of its own or both in one, and what the hands hold."""
    skin, sleeve = stuffs
    bare, short = rng.random() < 0.3, rng.uniform(0.3, 1.0)
    poses = ["side", "side", "side", "pocket", "carry", "bent", "hip", "up", "ear", "point"]
    if sitting:
        poses = ["lap", "lap", "table", "table", "bent", "chin", "ear", "up"]
    both = str(rng.choice(["", "crossed", "phone", "back"], p=[0.78, 0.08, 0.1, 0.04]))
    canopy = not sitting and rng.random() < 0.04
    swing = rng.normal(0, 0.06)
    for side in (-1.0, 1.0):
        pose = both or str(rng.choice(poses))
        if canopy and side > 0:
            pose = "canopy"
        hint = (0.35 * side, -0.5, -0.8)
        jitter = rng.normal(0, 0.012, 3)
        match pose:
            case "pocket":
                goal, hint = (0.115 * side * broad, 0.535, 0.045), (0.8 * side, 0, -0.8)
            case "bent":
                goal = (0.09 * side, rng.uniform(0.6, 0.72), rng.uniform(0.12, 0.2))
            case "hip":
                goal, hint = (0.105 * side * broad, 0.57, 0.03), (side, 0, -0.3)
            case "up":
                goal = (rng.uniform(0.12, 0.25) * side, rng.uniform(0.88, 1.08), 0.08)
                hint = (side, -0.5, 0)
            case "ear":
                goal, hint = (0.062 * side, neck - 0.02, 0.03), (0.6 * side, -1, 0.4)
            case "point":
                goal = (rng.uniform(0.05, 0.25) * side, rng.uniform(0.7, 0.9), 0.28)
            case "crossed":
                goal, hint = (-0.06 * side, 0.69 + 0.015 * side, 0.1), (0.8 * side, -0.8, 0.1)
            case "phone":
                goal = (0.03 * side, 0.7, 0.17)
            case "back":
                goal, hint = (0.02 * side, 0.54, -0.09), (side, 0, -0.6)
            case "lap":
                goal = (0.06 * side, 0.545, rng.uniform(0.1, 0.2))
            case "table":
                goal = (rng.uniform(0.02, 0.16) * side, 0.64, rng.uniform(0.18, 0.27))
            case "chin":
                goal, hint = (0.03 * side, neck - 0.075, 0.075), (0.6 * side, -1, 0.4)
            case "canopy":
                goal = (0.09 * side, 0.7, 0.13)
            case _:
                z = swing * side
                goal, hint = (rng.uniform(0.115, 0.16) * side * broad, 0.475, z), (0.1, 0, -1)
        shoulder = np.array([0.1 * side * broad, 0.788, -0.002])
        elbow, hand = anatomy.joint(shoulder, goal + jitter, 0.175, 0.155, hint)
        girth = 0.5 * (broad + 1)
        radii = (0.031 * girth, 0.027 * girth, 0.019)
        if bare:
            end = shoulder + short * (elbow - shoulder)
            anatomy.limb(b, body, [shoulder, end], (0.033 * girth, 0.033 * girth), sleeve, tall)
            radii = (0.03 * girth, 0.025 * girth, 0.017)
        anatomy.limb(b, body, [shoulder, elbow, hand], radii, skin if bare else sleeve, tall)
        b.ellipsoid(body(shoulder), [0.033 * girth * tall] * 3, sleeve, rows=6)
        way = (hand - elbow) / np.linalg.norm(hand - elbow)
        for reach, thick in ((0.018, 0.0165), (0.042, 0.0125)):
            anatomy.limb(b, body, [hand, hand + way * reach], (0.014, thick), skin, tall)
        palm = body(hand + way * 0.03)
        b.ellipsoid(palm, np.array([0.015, 0.019, 0.019]) * tall, skin, rotation, rows=5)
        if pose in ("ear", "phone") and (pose == "ear" or side > 0):
            slab = b.material(colour(rng, "dark"), gloss=0.06, roughness=0.03)
            if rng.random() < 0.5:
                slab = b.material((0.5,) * 3, pattern=1, glow=colour(rng) * rng.uniform(0.5, 4))
            tilt = rotation @ turned(0, -40 if pose == "phone" else 0, 0)
            shape = (0.075, 0.15, 0.009) if pose == "phone" else (0.009, 0.15, 0.075)
            b.box(palm, shape, slab, turn=tilt)
        elif pose == "canopy":
            cloth, rod = stuff(b, rng, "cloth"), stuff(b, rng, "metal")
            top = body(hand + point(-0.06 * side, 0.48, 0))
            b.tube([palm, top], 0.006, rod, 5)
            rim = rng.uniform(0.4, 0.6)
            b.lathe(top, np.array([[1, -0.45], [0.75, -0.2], [0.35, -0.04], [0, 0]]) * rim, cloth)
        elif pose == "side" and rng.random() < 0.25:
            bag = stuff(b, rng, str(rng.choice(["plastic", "cloth", "paper"])))
            high = rng.uniform(0.2, 0.4)
            base = palm - point(0, high + 0.12, 0)
            b.box(base, (0.12, high, rng.uniform(0.25, 0.4)), bag, turn=rotation)
            b.tube([palm, base + point(0, high, 0)], 0.01, bag, 5)
        elif pose in ("bent", "carry", "table") and rng.random() < 0.4:
            b.lathe(palm, _profile(rng, "cup") * 0.1, stuff(b, rng, "ceramic"), 12)


def animal(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> None:
    """Something on four legs, from a cat's to a cow's size."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    tall = float(np.exp(rng.uniform(np.log(0.22), np.log(1.3))))
    fur, dark = stuff(b, rng, "fur"), stuff(b, rng, "hair")
    long = rng.uniform(0.55, 0.9)

    def place(x: float, y: float, z: float) -> Point:
        return np.asarray(foot + rotation @ (point(x, y, -z) * tall))

    b.ellipsoid(
        place(0, 0.7, 0), np.array([0.2, 0.23, long * 0.75]) * tall, fur, rotation, 0.05, rng, 12
    )
    b.tube([place(0, 0.8, long * 0.6), place(0, 1.0, long * 0.85)], [0.15 * tall, 0.11 * tall], fur)
    head = turned(yaw + rng.normal(0, 25), rng.normal(-10, 12))
    spot = place(0, 1.05, long * 0.9)
    b.ellipsoid(spot, np.array([0.14, 0.14, 0.17]) * tall, fur, head, rows=10)
    b.ellipsoid(
        spot + head @ point(0, -0.04, -0.17) * tall, np.array([0.07, 0.06, 0.1]) * tall, fur, head
    )
    b.ellipsoid(
        spot + head @ point(0, -0.02, -0.26) * tall, np.array([0.03, 0.02, 0.02]) * tall, dark, head
    )
    for side in (-1, 1):
        b.ellipsoid(
            spot + head @ point(0.09 * side, 0.15, 0.03) * tall,
            np.array([0.04, 0.09, 0.02]) * tall,
            fur,
            head,
        )
        b.ellipsoid(
            spot + head @ point(0.07 * side, 0.03, -0.14) * tall,
            np.full(3, 0.02) * tall,
            dark,
            rows=5,
        )
        for end in (-0.5, 0.5):
            hip = place(0.12 * side, 0.6, long * end)
            b.tube(
                [hip, place(0.12 * side, 0.0, long * end + rng.normal(0, 0.08))],
                [0.08 * tall, 0.05 * tall],
                fur,
            )
    tail = [place(0, 0.8, -long * 0.7), place(0, 0.85, -long * 0.95), place(0, 1.1, -long * 1.05)]
    b.tube(tail, 0.04 * tall, fur)


# ---- furniture and small things


def table(b: Builder, rng: Rng, at: ArrayLike, yaw: float, size: ArrayLike) -> float:
    """A table of size (width, height, length); returns the height of its top."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    wide, tall, long = np.asarray(size, np.float64)
    top, leg = stuff(b, rng, "wood"), stuff(b, rng, str(rng.choice(["wood", "metal"])))
    thick = rng.uniform(0.02, 0.06)
    b.box(foot + point(0, tall - thick, 0), (wide, thick, long), top, yaw)
    inset, width = rng.uniform(0.42, 0.49), rng.uniform(0.03, 0.08)
    for x in (-1, 1):
        for z in (-1, 1):
            spot = foot + rotation @ point(x * inset * wide, 0, z * inset * long)
            b.box(spot, (width, tall - thick, width), leg, yaw)
    return float(foot[1] + tall)


def chair(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> None:
    """A chair whose sitter faces `yaw`."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    frame = stuff(b, rng, str(rng.choice(["wood", "metal", "plastic"])))
    seat = stuff(b, rng, str(rng.choice(["cloth", "wood", "plastic"])))
    wide, tall = rng.uniform(0.4, 0.5), rng.uniform(0.42, 0.48)
    b.box(foot + point(0, tall, 0), (wide, 0.05, wide), seat, yaw)
    for x in (-1, 1):
        for z in (-1, 1):
            spot = foot + rotation @ point(x * 0.45 * wide, 0, z * 0.45 * wide)
            b.box(spot, (0.035, tall + (0.45 if z > 0 else 0), 0.035), frame, yaw)
    if rng.random() < 0.5:
        b.box(foot + rotation @ point(0, tall + 0.2, 0.45 * wide), (wide, 0.27, 0.03), seat, yaw)
    else:
        for x in np.linspace(-0.3, 0.3, int(rng.integers(2, 5))):
            b.box(
                foot + rotation @ point(x * wide, tall, 0.45 * wide),
                (0.025, 0.42, 0.02),
                frame,
                yaw,
            )
        b.box(foot + rotation @ point(0, tall + 0.4, 0.45 * wide), (wide, 0.06, 0.03), frame, yaw)


def sofa(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> None:
    """A sofa, an armchair or a bed."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    cloth, pillow = stuff(b, rng, "cloth"), stuff(b, rng, "cloth")
    wide, deep = rng.uniform(0.8, 2.2), rng.uniform(0.75, 0.95)
    b.box(foot, (wide, 0.42, deep), cloth, yaw)
    b.box(foot + rotation @ point(0, 0, deep / 2), (wide, rng.uniform(0.7, 0.95), 0.18), cloth, yaw)
    for side in (-1, 1):
        b.box(foot + rotation @ point(side * wide / 2, 0, 0), (0.16, 0.6, deep), cloth, yaw)
    for _ in range(int(rng.integers(0, 4))):
        spot = foot + rotation @ point(rng.uniform(-0.4, 0.4) * wide, 0.58, 0.25 * deep)
        b.ellipsoid(spot, (0.22, 0.2, 0.09), pillow, turned(yaw + rng.normal(0, 20), -20))


def shelf(b: Builder, rng: Rng, at: ArrayLike, yaw: float, wide: float, tall: float) -> None:
    """A shelf full of books and small things; its open front faces `yaw`."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    wood, deep = stuff(b, rng, "wood"), rng.uniform(0.22, 0.4)
    for side in (-1, 1):
        b.box(foot + rotation @ point(side * wide / 2, 0, 0), (0.03, tall, deep), wood, yaw)
    b.box(foot + rotation @ point(0, 0, deep / 2), (wide, tall, 0.015), wood, yaw)
    boards = max(2, int(tall / rng.uniform(0.28, 0.5)))
    for level in np.linspace(0.02, tall - 0.03, boards + 1):
        b.box(foot + point(0, level, 0), (wide, 0.025, deep), wood, yaw)
    gap = (tall - 0.05) / boards
    for row in range(boards):
        level = 0.045 + row * gap
        x = -wide / 2 + 0.03
        while x < wide / 2 - 0.1:
            length = float(rng.uniform(0.08, 0.6))
            length = min(length, wide / 2 - 0.03 - x)
            spot = foot + rotation @ point(x + length / 2, level, rng.uniform(-0.05, 0.02))
            if rng.random() < 0.6:
                h = gap * rng.uniform(0.5, 0.85)
                what = b.material(
                    colour(rng),
                    colour(rng),
                    colour(rng),
                    pattern=int(rng.choice(PATTERNS["spines"])),
                    scale=(1 / max(length, 0.5), 1 / h),
                )
                b.box(spot, (length, h, deep * 0.7), what, yaw)
            elif rng.random() < 0.8:
                small_thing(b, rng, spot, min(gap * 0.8, 0.3))
            x += length + rng.uniform(0, 0.1)


def _profile(rng: Rng, kind: str) -> NDArray[np.float64]:
    """The outline of a vessel of height 1."""
    match kind:
        case "bottle":
            neck, shoulder = rng.uniform(0.05, 0.08), rng.uniform(0.5, 0.72)
            radius = rng.uniform(0.13, 0.22)
            rows = [
                [0, 0],
                [radius, 0.01],
                [radius, shoulder],
                [neck, shoulder + 0.16],
                [neck, 0.97],
                [0, 1],
            ]
        case "cup":
            radius = rng.uniform(0.35, 0.5)
            rows = [
                [0, 0],
                [radius * 0.8, 0],
                [radius, 1],
                [radius * 0.92, 1],
                [radius * 0.75, 0.1],
                [0, 0.08],
            ]
        case "bowl":
            radius = rng.uniform(0.9, 1.4)
            rows = [
                [0, 0],
                [radius * 0.4, 0],
                [radius * 0.85, 0.5],
                [radius, 1],
                [radius * 0.95, 1],
                [radius * 0.75, 0.5],
                [0, 0.15],
            ]
        case "glass":
            radius = rng.uniform(0.18, 0.3)
            rows = [
                [radius, 0],
                [0.03, 0.03],
                [0.025, 0.45],
                [radius, 0.65],
                [radius * 0.9, 1],
                [radius * 0.86, 1],
                [radius * 0.9, 0.66],
                [0, 0.5],
            ]
        case "plate":
            rows = [[0, 0], [3, 0], [5, 1], [4.9, 1.15], [3, 0.25], [0, 0.2]]
        case _:
            steps = np.linspace(0, 1, 9)
            wave = 0.22 + 0.1 * np.sin(steps * rng.uniform(2, 7) + rng.uniform(0, 6))
            rows = [[0, 0], *np.stack([wave, steps], 1).tolist(), [0, 0.95]]
    return np.asarray(rows, np.float64)


def small_thing(b: Builder, rng: Rng, at: ArrayLike, tall: float) -> None:
    """A thing of a table's or shelf's size, `tall` metres high, that stands on `at`."""
    foot = np.asarray(at, np.float64)
    match int(rng.integers(9)):
        case 0 | 1 | 2:
            kind = str(rng.choice(["bottle", "cup", "vase", "glass", "bowl"]))
            high = tall * (0.45 if kind in ("cup", "bowl") else 1.0)
            what = stuff(b, rng, str(rng.choice(["ceramic", "plastic", "metal"])))
            b.lathe(foot, _profile(rng, kind) * high * [0.6 if kind == "bowl" else 1, 1], what)
        case 3:
            for _ in range(int(rng.integers(1, 4))):
                radius = tall * rng.uniform(0.12, 0.25)
                spot = foot + point(
                    rng.normal(0, 0.2) * tall, radius * 0.9, rng.normal(0, 0.2) * tall
                )
                b.ellipsoid(
                    spot, radius * rng.uniform(0.8, 1.1, 3), stuff(b, rng, "food"), None, 0.08, rng
                )
        case 4:
            level = 0.0
            for _ in range(int(rng.integers(1, 6))):
                thick = rng.uniform(0.01, 0.04)
                size = (rng.uniform(0.12, 0.2), thick, rng.uniform(0.18, 0.28))
                b.box(foot + point(0, level, 0), size, stuff(b, rng, "paper"), rng.normal(0, 15))
                level += thick
        case 5:
            pot = stuff(b, rng, "ceramic")
            b.lathe(
                foot, np.array([[0, 0], [0.2, 0], [0.28, 0.4], [0.25, 0.4], [0, 0.36]]) * tall, pot
            )
            leaf = stuff(b, rng, "leaf")
            spots = foot + point(0, 0.65 * tall, 0) + rng.normal(0, 0.16, (40, 3)) * tall
            b.cards(spots, 0.3 * tall, leaf, rng)
        case 6:
            what = stuff(b, rng, "paper")
            b.box(foot, tall * rng.uniform(0.3, 1.0, 3), what, rng.uniform(0, 90))
        case 7:
            # A thing of stacked parts: figurine, lamp, tool
            level, what = 0.0, stuff(b, rng, "plastic")
            for _ in range(int(rng.integers(2, 5))):
                part = tall * rng.uniform(0.1, 0.35)
                radius = part * rng.uniform(0.3, 0.9)
                if rng.random() < 0.5:
                    b.ellipsoid(
                        foot + point(0, level + part / 2, 0), (radius, part / 2, radius), what
                    )
                else:
                    b.lathe(
                        foot + point(0, level, 0),
                        np.array([[0, 0], [radius, 0], [radius * 0.8, part], [0, part]]),
                        what,
                    )
                level += part
                if rng.random() < 0.5:
                    what = stuff(b, rng, "metal")
        case _:
            frame = stuff(b, rng, "plastic")
            yaw = rng.uniform(-60, 60)
            b.box(foot, (tall * 1.2, tall * 0.85, 0.02), frame, yaw)
            front = foot + turned(yaw) @ point(0, 0.05 * tall, -0.012)
            screen = stamp(
                b, rng, "picture", tall * 1.1, tall * 0.75, 0.3 * float(rng.random() < 0.4)
            )
            b.box(front, (tall * 1.1, tall * 0.75, 0.01), screen, yaw)


def clutter(
    b: Builder,
    rng: Rng,
    at: ArrayLike,
    spread: tuple[float, float],
    count: int,
    tall: float,
    yaw: float = 0.0,
) -> None:
    """Small things on a level surface around `at`."""
    rotation = turned(yaw)
    for _ in range(count):
        spot = np.asarray(at) + rotation @ point(
            rng.uniform(-1, 1) * spread[0], 0, rng.uniform(-1, 1) * spread[1]
        )
        small_thing(b, rng, spot, tall * float(np.exp(rng.uniform(-0.7, 0.4))))


def picture_on_wall(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> None:
    """A framed picture or a poster, its centre at `at`, facing `yaw`."""
    wide, tall = rng.uniform(0.25, 1.2), rng.uniform(0.25, 0.9)
    middle = np.asarray(at) - point(0, tall / 2, 0)
    b.box(middle, (wide + 0.06, tall + 0.06, 0.03), stuff(b, rng, "wood"), yaw)
    front = middle + turned(yaw) @ point(0, 0.03, -0.012)
    family = str(rng.choice(["picture", "poster", "picture", "text"]))
    b.box(front, (wide, tall, 0.012), stamp(b, rng, family, wide, tall), yaw)


def machine(b: Builder, rng: Rng, at: ArrayLike, size: float) -> None:
    """Many parts of metal bolted together: blocks, wheels, pipes."""
    foot = np.asarray(at, np.float64)
    parts = [stuff(b, rng, str(rng.choice(["metal", "paint", "plastic"]))) for _ in range(4)]
    dark = b.material(colour(rng, "dark"), gloss=0.03)
    for _ in range(int(rng.integers(8, 30))):
        spot = (
            foot + point(*(rng.uniform(-0.5, 0.5, 3) * [1, 0, 1] + [0, rng.beta(1, 2), 0])) * size
        )
        what, part = int(rng.choice(parts)), size * float(rng.uniform(0.06, 0.35))
        match int(rng.integers(4)):
            case 0:
                b.box(
                    spot,
                    part * rng.uniform(0.3, 1.4, 3),
                    what,
                    float(rng.choice([0, 90, rng.uniform(0, 90)])),
                )
            case 1:
                wheel(
                    b,
                    rng,
                    spot + point(0, part / 2, 0),
                    part / 2,
                    part * 0.3,
                    rng.uniform(0, 180),
                    what,
                    dark,
                )
            case 2:
                path = spot + np.cumsum(rng.choice([-1, 0, 0, 1], (5, 3)) * part + 0.01, axis=0)
                path[:, 1] = np.maximum(path[:, 1], foot[1] + 0.02)
                b.tube(path, 0.06 * size * rng.uniform(0.3, 1), what)
            case _:
                radius = part * rng.uniform(0.2, 0.6)
                b.lathe(
                    spot,
                    np.array(
                        [
                            [0, 0],
                            [radius, 0],
                            [radius, part],
                            [radius * 0.6, part * 1.1],
                            [0, part * 1.1],
                        ]
                    ),
                    what,
                )


def wheel(
    b: Builder,
    rng: Rng,
    centre: ArrayLike,
    radius: float,
    width: float,
    yaw: float,
    rim: int,
    tyre: int,
) -> None:
    """A wheel whose axle points along the world's x turned by `yaw`."""
    outline = np.array(
        [[0.6, -0.45], [0.93, -0.5], [1, -0.25], [1, 0.25], [0.93, 0.5], [0.6, 0.45]]
    )
    flip = turned(yaw) @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    b.lathe(centre, outline * [radius, width], tyre, 16, flip)
    disc = np.array([[0, -0.3], [0.3, -0.38], [0.62, -0.3], [0.62, 0.3], [0.3, 0.38], [0, 0.3]])
    b.lathe(centre, disc * [radius, width], rim, 12, flip)


# ---- outdoors


def car(b: Builder, rng: Rng, at: ArrayLike, yaw: float, lit: float = 0.0) -> None:
    """A car, a van or a truck that heads towards `yaw`; lit: the radiance of its lamps."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    paint, dark = (
        stuff(b, rng, "paint"),
        b.material(colour(rng, "dark"), gloss=0.08, roughness=0.02),
    )
    black, rim = b.material(colour(rng, "dark")), stuff(b, rng, "metal")
    van = rng.random() < 0.3
    wide, long = rng.uniform(1.65, 1.9), rng.uniform(3.6, 4.8) + 1.2 * van
    clear = 0.22
    waist = rng.uniform(0.72, 0.85) + 0.35 * van
    roof = rng.uniform(1.38, 1.55) + 0.75 * van

    def loft(rows: Sequence[tuple[float, float, float]], what: int) -> None:
        """Slices (height, half width, [z range]) joined to a body."""
        rings = []
        for z, y, half in rows:
            rings.append([[-half, y, z], [half, y, z]])
        points = np.asarray(rings, np.float64) @ rotation.T + foot
        metres = np.stack(np.meshgrid([0, wide], np.arange(len(rows)) * 0.5), -1)
        b.mesh(points, metres, what)

    half = wide / 2
    b.box(foot + point(0, clear, 0), (wide, waist - clear, long), paint, yaw)
    front, back = -long * (0.22 if not van else 0.42), long * rng.uniform(0.35, 0.48)
    cabin = [
        (front - 0.1, waist, half),
        (front + 0.45, roof, half * 0.8),
        (back - 0.3, roof, half * 0.8),
        (back, waist, half),
    ]
    loft(cabin, paint)
    inner = [(front, waist + 0.02, half * 0.9), (front + 0.44, roof - 0.06, half * 0.76)]
    shift = rotation @ point(0, 0.02, -0.05)
    glass = np.asarray([[[-w, y, z], [w, y, z]] for z, y, w in inner]) @ rotation.T + foot + shift
    b.mesh(glass, np.zeros((2, 2, 2)), dark)
    for side in (-1, 1):
        corners = [
            point(side * half, waist, front + 0.1),
            point(side * half, waist, back - 0.1),
            point(side * half * 0.8, roof - 0.03, back - 0.4),
            point(side * half * 0.8, roof - 0.03, front + 0.5),
        ]
        outer = [foot + rotation @ (c + point(side * 0.012, 0, 0)) for c in corners]
        normal = rotation @ point(side, 0.3, 0)
        b.add(outer, [[0, 1, 2], [0, 2, 3]], np.tile(normal, (4, 1)), np.zeros((4, 2)), dark)
        for z in (-0.3, 0.3):
            spot = foot + rotation @ point(side * (half - 0.08), 0.31, z * long)
            wheel(b, rng, spot, 0.31, 0.2, yaw, rim, black)
        lamp = foot + rotation @ point(side * half * 0.75, 0.65, -long / 2 - 0.02)
        tail = foot + rotation @ point(side * half * 0.8, 0.75, long / 2 + 0.02)
        if lit:
            b.lamp(lamp, 0.06, point(1, 0.9, 0.7) * lit)
            b.lamp(tail, 0.05, point(1, 0.06, 0.03) * lit * 0.3)
        else:
            b.ellipsoid(
                lamp, (0.1, 0.07, 0.03), b.material((0.8, 0.8, 0.75), gloss=0.1), rotation, rows=5
            )
            b.ellipsoid(tail, (0.1, 0.06, 0.03), b.material((0.5, 0.02, 0.02)), rotation, rows=5)
    b.box(foot + rotation @ point(0, 0.4, -long / 2), (wide * 0.6, 0.12, 0.02), dark, yaw)
    plate = stamp(b, rng, "text", 0.5, 0.12)
    b.box(foot + rotation @ point(0, 0.42, long / 2), (0.5, 0.12, 0.03), plate, yaw)


def tree(b: Builder, rng: Rng, at: ArrayLike, tall: float, leaves: int = 500) -> None:
    """A tree with a trunk, boughs and leaf cards (or a conifer)."""
    foot = np.asarray(at, np.float64)
    bark = stuff(b, rng, "bark")
    kinds = [stuff(b, rng, "leaf") for _ in range(2)]
    if rng.random() < 0.25:
        b.tube([foot, foot + point(0, tall * 0.9, 0)], [0.03 * tall, 0.005], bark)
        for level in np.linspace(0.15, 0.95, 7):
            radius = (1 - level) * 0.28 * tall + 0.05
            b.lathe(
                foot + point(0, level * tall, 0),
                [[radius, -0.06 * tall], [0.02, 0.14 * tall]],
                kinds[0],
                10,
            )
        return
    fork = tall * rng.uniform(0.25, 0.45)
    lean = rng.normal(0, 0.06, 3) * [1, 0, 1] * tall
    crown = foot + point(0, fork, 0) + lean
    b.tube(
        [foot, foot + point(0, fork / 2, 0) + 0.3 * lean, crown],
        np.array([0.035, 0.026, 0.02]) * tall,
        bark,
    )
    spots = []
    for _ in range(int(rng.integers(4, 8))):
        way = rng.normal(0, 1, 3) * [1, 0.4, 1] + [0, 0.9, 0]
        end = crown + way / np.linalg.norm(way) * tall * rng.uniform(0.25, 0.5)
        middle = (crown + end) / 2 + rng.normal(0, 0.03, 3) * tall
        b.tube([crown, middle, end], np.array([0.014, 0.009, 0.003]) * tall, bark, 5)
        spots += [end, middle]
    if rng.random() < 0.9:
        base = np.array(spots)[rng.integers(len(spots), size=leaves)]
        b.cards(
            base + rng.normal(0, 0.085 * tall, (leaves, 3)),
            tall * rng.uniform(0.035, 0.07),
            kinds,
            rng,
        )


def bush(b: Builder, rng: Rng, at: ArrayLike, size: float, leaves: int = 250) -> None:
    """A bush: a dark body under leaf cards."""
    foot = np.asarray(at, np.float64)
    body = b.material(colour(rng, "foliage") * 0.4)
    shape = size * rng.uniform(0.7, 1.2, 3) * [0.6, 0.5, 0.6]
    b.ellipsoid(foot + point(0, shape[1] * 0.7, 0), shape * 0.9, body, None, 0.1, rng)
    unit = rng.normal(0, 1, (leaves, 3))
    unit *= rng.uniform(0.85, 1.1, (leaves, 1)) / np.linalg.norm(unit, axis=1, keepdims=True)
    spots = foot + point(0, shape[1] * 0.7, 0) + unit * shape
    spots[:, 1] = np.maximum(spots[:, 1], foot[1] + 0.02)
    kinds = [stuff(b, rng, "leaf") for _ in range(2)]
    b.cards(spots, size * rng.uniform(0.08, 0.16), kinds, rng)
    if rng.random() < 0.3:
        flower = b.material(colour(rng, "bright"))
        b.cards(spots[: leaves // 6] + point(0, 0.02, 0), 0.07 * size, flower, rng)


def twigs(
    b: Builder,
    rng: Rng,
    start: ArrayLike,
    way: ArrayLike,
    length: float,
    radius: float,
    levels: int = 2,
    leaf: int | None = None,
) -> None:
    """A branch with side branches, each thinner than the one it grows from, and leaves."""
    steps = 9
    heading = np.asarray(way, np.float64) / np.linalg.norm(way)
    bends = np.cumsum(rng.normal(0, 0.11, (steps, 3)), axis=0)
    path = np.asarray(start) + np.cumsum((heading + bends) * length / steps, axis=0)
    b.tube(path, np.linspace(radius, 0.4 * radius, steps), stuff(b, rng, "bark"), 5)
    if leaf is not None:
        spots = path[rng.integers(2, steps, 10)] + rng.normal(0, 0.06 * length, (10, 3))
        b.cards(spots, 0.13 * length, leaf, rng)
    if levels > 1:
        for at in rng.choice(np.arange(2, steps), 4, replace=False):
            side = heading + bends[at] + rng.normal(0, 0.7, 3)
            twigs(b, rng, path[at], side, length * 0.55, radius * 0.5, levels - 1, leaf)


def lamp_post(b: Builder, rng: Rng, at: ArrayLike, yaw: float, radiance: float) -> None:
    """A street lamp; radiance 0: by day."""
    foot, rotation = np.asarray(at, np.float64), turned(yaw)
    metal, tall = stuff(b, rng, "metal"), rng.uniform(3.5, 6.5)
    top = foot + point(0, tall, 0)
    arm = top + rotation @ point(0, 0.15, -rng.uniform(0.1, 1.2))
    b.tube([foot, foot + point(0, tall / 2, 0), top, arm], [0.07, 0.055, 0.045, 0.035], metal)
    if radiance:
        warm = point(1, rng.uniform(0.5, 0.95), rng.uniform(0.15, 0.9))
        b.lamp(arm - point(0, 0.15, 0), 0.12, warm * radiance)
    b.box(arm - point(0, 0.02, 0), (0.3, 0.08, 0.4), metal, yaw)


def sign(b: Builder, rng: Rng, at: ArrayLike, yaw: float, glow: float = 0.0) -> None:
    """A board with writing on a post, or alone where `at` is high up."""
    foot = np.asarray(at, np.float64)
    wide, tall = rng.uniform(0.4, 2.0), rng.uniform(0.3, 1.0)
    if foot[1] < 1:
        high = rng.uniform(1.8, 2.6)
        b.tube([foot, foot + point(0, high + tall, 0)], 0.03, stuff(b, rng, "metal"), 6)
        foot = foot + point(0, high, 0)
    family = "neon" if glow else str(rng.choice(["text", "poster", "picture"]))
    board = stamp(b, rng, family, wide, tall, glow)
    b.box(foot + turned(yaw) @ point(0, 0, -0.06), (wide, tall, 0.06), board, yaw)


def ground(
    b: Builder, rng: Rng, what: int, reach: float, hills: float = 0.0, cells: int = 48
) -> None:
    """The ground around the origin, finer near it; hills: how high it waves far away (metres)."""
    line = np.linspace(-1, 1, cells + 1)
    line = np.sign(line) * abs(line) ** 3 * reach
    x, z = np.meshgrid(line, line)
    far = np.clip((np.hypot(x, z) - 15) / reach, 0, 1)
    wave = sum(
        np.sin(x / scale * a + z / scale * c + p) * scale
        for scale, a, c, p in zip(
            (9, 23, 60, 140), *rng.normal(0, 1, (2, 4)), rng.uniform(0, 6, 4), strict=True
        )
    )
    y = hills * far * np.maximum(wave, -20) / 60
    points = np.stack([x, y, z], -1)
    b.mesh(points[:, ::-1], np.stack([x, z], -1)[:, ::-1], what)
