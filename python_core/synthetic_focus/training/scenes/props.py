"""Things that worlds are furnished with: people, furniture, plants, vehicles, lights, skies.

Every function takes the builder, a generator of chance, and where the thing stands (its foot, in
metres); sizes are those of the real thing, since a familiar size is a cue of depth.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthetic_focus.evaluation.scenes.geometry import Floats
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
                    point(0.02, 0.015, 0.01),
                    point(0.12, 0.06, 0.03),
                    point(0.45, 0.3, 0.15),
                    point(0.4, 0.4, 0.4),
                ][rng.integers(4)]
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
    tall = float(rng.normal(1.7, 0.09)) if height is None else height
    rotation = turned(yaw)
    skin, hair = stuff(b, rng, "skin"), stuff(b, rng, "hair")
    top, legs, shoes = stuff(b, rng, "cloth"), stuff(b, rng, "cloth"), stuff(b, rng, "plastic")
    bare = rng.random() < 0.35
    wide = rng.uniform(0.9, 1.25)
    hip = 0.26 if sitting else 0.5

    def place(x: float, y: float, z: float) -> Point:
        """Shares of the height: to the person's left, up, and forward (-z) when yaw is 0."""
        return np.asarray(foot + rotation @ (point(x, y, -z) * tall))

    def limb(spots: Sequence[Point], radii: Sequence[float], what: int) -> None:
        path = np.concatenate(
            [np.linspace(p, q, 3, endpoint=False) for p, q in pairwise(spots)]
            + [np.asarray(spots[-1])[None]]
        )
        b.tube(
            path,
            np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(radii)), radii) * tall,
            what,
        )

    def blob(x: float, y: float, z: float, size: Sequence[float], what: int, rows: int = 9) -> None:
        b.ellipsoid(place(x, y, z), np.asarray(size) * tall, what, rotation, rows=rows)

    up = hip - 0.5
    lean = rng.normal(0, 0.015)
    # Trunk, neck, head
    blob(lean, 0.70 + up, 0, (0.105 * wide, 0.15, 0.068 * wide), top, 12)
    blob(0, 0.56 + up, 0, (0.095 * wide, 0.11, 0.07 * wide), top, 12)
    blob(0, 0.5 + up, 0, (0.095 * wide, 0.07, 0.07 * wide), legs)
    blob(lean, 0.80 + up, 0, (0.11 * wide, 0.035, 0.045), top)
    limb([place(lean, 0.8 + up, 0), place(lean, 0.88 + up, 0.005)], [0.034, 0.03], skin)
    turn = turned(yaw + rng.normal(0, 15), rng.normal(0, 6), rng.normal(0, 5))
    head = place(lean, 0.93 + up, 0.01)
    size = tall * rng.uniform(0.95, 1.08)
    b.ellipsoid(head, np.array([0.047, 0.068, 0.056]) * size, skin, turn, rows=14)
    b.ellipsoid(
        head + turn @ point(0, 0.017, 0.012) * size,
        np.array([0.053, 0.062, 0.057]) * size,
        hair,
        turn,
        rough=0.04,
        rng=rng,
        rows=12,
    )
    if rng.random() < 0.4:
        b.ellipsoid(
            head + turn @ point(0, -0.05, 0.03) * size,
            np.array([0.055, 0.1, 0.035]) * size,
            hair,
            turn,
            rough=0.05,
            rng=rng,
        )
    eye, lip = b.material((0.02, 0.015, 0.012)), b.material((0.4, 0.12, 0.1))
    for side in (-1, 1):
        for what, where, radii in (
            (eye, (0.018 * side, 0.006, -0.0505), (0.0065, 0.0035, 0.004)),
            (hair, (0.019 * side, 0.019, -0.049), (0.011, 0.0025, 0.005)),
            (skin, (0.047 * side, -0.002, 0.0), (0.007, 0.016, 0.01)),
        ):
            b.ellipsoid(
                head + turn @ point(*where) * size, np.array(radii) * size, what, turn, rows=5
            )
    b.ellipsoid(
        head + turn @ point(0, -0.01, -0.054) * size,
        np.array([0.007, 0.014, 0.012]) * size,
        skin,
        turn,
        rows=6,
    )
    b.ellipsoid(
        head + turn @ point(0, -0.034, -0.046) * size,
        np.array([0.015, 0.004, 0.007]) * size,
        lip,
        turn,
        rows=5,
    )
    if rng.random() < 0.2:
        cap = stuff(b, rng, "cloth")
        b.ellipsoid(
            head + turn @ point(0, 0.035, 0) * size,
            np.array([0.056, 0.045, 0.062]) * size,
            cap,
            turn,
        )
        b.ellipsoid(
            head + turn @ point(0, 0.03, -0.06) * size,
            np.array([0.045, 0.006, 0.04]) * size,
            cap,
            turn,
        )
    # Arms
    for side in (-1, 1):
        swing, bend = rng.normal(0, 0.06), rng.uniform(0, 0.22) * float(rng.random() < 0.5)
        shoulder = place(0.105 * wide * side, 0.795 + up, 0)
        elbow = place((0.125 * wide + abs(rng.normal(0, 0.03))) * side, 0.63 + up, 0.4 * swing)
        hand = place((0.12 + rng.normal(0, 0.02)) * side, 0.47 + up + bend, swing + bend)
        limb([shoulder, elbow], [0.032 * wide, 0.028 * wide], top)
        limb([elbow, hand], [0.024, 0.018] if bare else [0.028, 0.022], skin if bare else top)
        b.ellipsoid(hand, np.array([0.02, 0.03, 0.02]) * tall, skin, rotation, rows=6)
    # Legs
    for side in (-1, 1):
        stride = rng.normal(0, 0.05)
        pelvis = place(0.05 * side, 0.5 + up, 0)
        if sitting:
            knee, ankle = place(0.06 * side, 0.27, 0.24), place(0.06 * side, 0.03, 0.24)
        else:
            knee = place(0.055 * side, 0.27, stride + 0.01)
            ankle = place(0.055 * side, 0.03, 1.2 * stride)
        limb([pelvis, knee], [0.055 * wide, 0.04], legs)
        limb([knee, ankle], [0.04, 0.03], legs)
        b.ellipsoid(
            ankle + rotation @ point(0, -0.012, -0.03) * tall,
            np.array([0.026, 0.02, 0.065]) * tall,
            shoes,
            rotation,
            rows=6,
        )
    return head


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
