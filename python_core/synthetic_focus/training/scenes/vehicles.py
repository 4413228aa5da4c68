"""Things on wheels that one rides or pushes: bicycles, motorcycles, scooters, prams, barrows, ...

They are built of tubes, wheels and swept bodies in the sizes of life; proportions, parts and
colours are left to chance. Lengths are metres to a vehicle's right, up, and forward of its middle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthetic_focus.training.scenes import props
from synthetic_focus.training.scenes.props import Point, Rng, colour, point, stamp, stuff
from synthetic_focus.training.scenes.world import Builder, turned

# What takes a lathe's axis, which is up, to the right, up and forward
_AXES = {
    "right": np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]]),
    "up": np.eye(3),
    "forward": turned(0, -90),
}
_Spots = Sequence[ArrayLike] | Point
_FORWARD = np.array([1, 1, -1])  # the world's z points backward


@dataclass(frozen=True)
class _Place:
    """Where a vehicle, or a part that turns, is in the world."""

    b: Builder
    foot: Point
    rotation: NDArray[np.float64]
    size: float = 1.0

    def to(self, spots: _Spots | ArrayLike) -> Point:
        """From metres to the right, up and forward (..., 3) to the world."""
        local = np.asarray(spots, np.float64) * _FORWARD * self.size
        return np.asarray(self.foot + local @ self.rotation.T)

    def turned(self, about: ArrayLike, turn: NDArray[np.float64]) -> "_Place":
        """The place of a part that is turned about a spot."""
        rotation = self.rotation @ turn
        spot = np.asarray(about, np.float64) * _FORWARD * self.size
        return replace(self, foot=self.to(about) - rotation @ spot, rotation=rotation)

    def tube(self, spots: _Spots, radius: ArrayLike, what: int, sides: int = 6) -> None:
        """A tube through spots (N, 3)."""
        self.b.tube(self.to(spots), np.asarray(radius) * self.size, what, sides)

    def both(self, spots: _Spots, radius: ArrayLike, what: int) -> None:
        """A tube on the right and its mirror image on the left."""
        for side in (-1, 1):
            self.tube(np.asarray(spots, np.float64) * [side, 1, 1], radius, what)

    def ball(self, spot: ArrayLike, radii: ArrayLike, what: int, pitch: float = 0.0) -> None:
        """An ellipsoid; radii to the right, up and forward."""
        turn = self.rotation @ turned(0, pitch)
        self.b.ellipsoid(self.to(spot), np.asarray(radii) * self.size, what, turn, rows=7)

    def box(self, spot: ArrayLike, shape: ArrayLike, what: int, pitch: float = 0.0) -> None:
        """A box that stands on a spot; shape to the right, up and forward."""
        turn = self.rotation @ turned(0, pitch)
        self.b.box(self.to(spot), np.asarray(shape) * self.size, what, turn=turn)

    def lathe(
        self,
        spot: ArrayLike,
        profile: ArrayLike,
        what: int,
        axis: str = "right",
        pitch: float = 0.0,
        sides: int = 16,
    ) -> None:
        """A body of revolution about an axis; profile (N, 2): radius, length along it."""
        turn = self.rotation @ turned(0, pitch) @ _AXES[axis]
        self.b.lathe(self.to(spot), np.asarray(profile) * self.size, what, sides, turn)

    def sweep(
        self,
        rows: ArrayLike,
        what: int,
        at: tuple[float, float] = (0.0, 0.0),
        square: float = 0.8,
    ) -> None:
        """A closed body of oval sections; rows (N, 4): forward, up, half width, half height.

        at: forward, up, which are added; square: 1 for ellipses, towards 0 for rectangles.
        """
        given = np.asarray(rows, np.float64) + np.array([*at, 0, 0])
        ends = given[[0, -1]] * [1, 1, 0.01, 0.01]
        given = np.concatenate([ends[:1], given, ends[1:]])
        fine = np.linspace(0, len(given) - 1, 3 * len(given) - 2)
        z, y, wide, high = (np.interp(fine, np.arange(len(given)), c)[:, None] for c in given.T)
        angle = np.linspace(0, 2 * np.pi, 19)[None]
        across, up = (np.sign(v) * abs(v) ** square for v in (np.cos(angle), np.sin(angle)))
        points = np.stack(np.broadcast_arrays(across * wide, y + up * high, z), -1)
        metres = np.stack(np.broadcast_arrays(angle * wide.mean(), z), -1)
        self.b.mesh(self.to(points), metres, what, closed=True)

    def ring(self, hub: ArrayLike, radius: float, thick: float, what: int) -> None:
        """A hoop whose axle points to the right."""
        angle = np.linspace(0, 2 * np.pi, 29)
        spots = np.stack([0 * angle, np.cos(angle), np.sin(angle)], 1) * radius
        self.tube(np.asarray(hub) + spots, thick, what)

    def guard(
        self, hub: ArrayLike, radius: float, ends: tuple[float, float], half: float, what: int
    ) -> None:
        """A mudguard between two angles (degrees forward of the top); its edges bend inward."""
        angle = np.radians(np.linspace(*ends, 13))[:, None]
        across = np.linspace(-1, 1, 5)[None]
        reach = radius - 0.5 * half * across**4
        points = np.stack(
            np.broadcast_arrays(across * half, reach * np.cos(angle), reach * np.sin(angle)), -1
        )
        metres = np.stack(np.broadcast_arrays(across * half, angle * radius), -1)
        self.b.mesh(self.to(np.asarray(hub) + points), metres, what)

    def pan(self, low: Sequence[float], high: Sequence[float], what: int) -> None:
        """An open vessel between two level rectangles: height, half width, rear end, front end."""
        bottom, top = self.to(_corners(low)), self.to(_corners(high))
        self.b.quad(bottom, what)
        for i in range(4):
            j = (i + 1) % 4
            face = np.stack([[bottom[i], bottom[j]], [top[i], top[j]]])
            span = float(np.linalg.norm(bottom[j] - bottom[i]))
            uv = np.array([[0, 0], [span, 0], [0, 0.5], [span, 0.5]])
            self.b.mesh(face, uv, what)

    def cage(
        self, low: Sequence[float], high: Sequence[float], wires: tuple[int, int], what: int
    ) -> None:
        """A wire basket between two rectangles, as `pan`; wires: hoops, and uprights of a side."""
        bottom, top = _corners(low), _corners(high)
        for share in np.linspace(0, 1, wires[0]):
            hoop = bottom * (1 - share) + top * share
            self.tube([*hoop, hoop[0]], 0.006 if share == 1 else 0.003, what, 4)
        for i in range(4):
            j = (i + 1) % 4
            for share in np.arange(wires[1]) / wires[1]:
                ends = [c[i] * (1 - share) + c[j] * share for c in (bottom, top)]
                self.tube(ends, 0.003, what, 4)
        for share in np.linspace(0, 1, wires[1] + 1):
            ends = [bottom[i] * (1 - share) + bottom[3 - i] * share for i in (0, 1)]
            self.tube(ends, 0.003, what, 4)


def _corners(level: Sequence[float]) -> Point:
    y, half, rear, front = level
    return np.array([(-half, y, rear), (-half, y, front), (half, y, front), (half, y, rear)])


def _slope(degrees: float) -> float:
    return float(np.tan(np.radians(degrees)))


def _wheel(
    at: _Place,
    rng: Rng,
    hub: ArrayLike,
    radius: float,
    tyre: float,
    kind: str,
    rim: int,
    black: int,
) -> None:
    """A wheel, its axle to the right; kind: "wire", "cast" or "disc"."""
    centre, inner = np.asarray(hub, np.float64), radius - 2.1 * tyre
    at.ring(centre, radius - tyre, tyre, black)
    if kind == "disc":
        bulge = tyre * rng.uniform(-0.6, 0.9)
        shape = [[0, -bulge], [0.5, -bulge], [1.05, -0.6 * tyre], [1.05, 0.6 * tyre]]
        at.lathe(centre, np.array([*shape, [0.5, bulge], [0, bulge]]) * [inner, 1], rim)
        return
    at.ring(centre, inner, 0.35 * tyre + 0.004, rim)
    half = 0.035 + 0.6 * tyre
    at.lathe(centre, [[0, -half], [0.03, -half], [0.03, half], [0, half]], rim, sides=10)
    count = int(rng.integers(12, 22) if kind == "wire" else rng.integers(3, 8))
    for k, angle in enumerate(np.arange(count) * 2 * np.pi / count + rng.uniform(0, 6)):
        way = point(0, np.cos(angle), np.sin(angle))
        aside = point(half * 0.8 * (-1) ** k, 0, 0) if kind == "wire" else np.zeros(3)
        thick = [0.0025, 0.002] if kind == "wire" else [0.022, 0.012]
        at.tube([centre + aside, centre + way * inner], thick, rim, 4)


def _lamp(at: _Place, rng: Rng, spot: ArrayLike, radius: float, shell: int, pitch: float) -> None:
    """A headlamp that looks forward."""
    outline = np.array([[0, -1.1], [0.5, -1.0], [0.95, -0.2], [1.05, 0], [0.95, 0.05]])
    at.lathe(spot, outline * radius, shell, "forward", pitch)
    glass = at.b.material(colour(rng, "metal"), gloss=0.5, roughness=0.02, metal=True)
    at.ball(spot, np.array([0.95, 0.95, 0.25]) * radius, glass, pitch)


def _bars(at: _Place, rng: Rng, path: ArrayLike, metal: int, black: int, mirrors: float) -> None:
    """Handlebars: from the middle to the right grip and mirrored; mirrors: how likely they are."""
    spots = np.asarray(path, np.float64)
    at.both(spots, 0.012, metal)
    end, way = spots[-1], spots[-1] - spots[-2]
    way /= np.linalg.norm(way)
    at.both([end, end - 0.13 * way], 0.018, black)
    lever = end - 0.15 * way
    at.both([lever, lever + point(0.02, -0.01, 0.05), end + point(0, -0.02, 0.06)], 0.006, metal)
    if rng.random() > mirrors:
        return
    stem = end - 0.17 * way
    top = stem + point(rng.uniform(-0.02, 0.14), rng.uniform(0.1, 0.2), rng.uniform(-0.03, 0.05))
    at.both([stem, top - point(0, 0.05, 0), top], 0.006, metal if rng.random() < 0.5 else black)
    shape = rng.uniform([0.045, 0.03, 0.012], [0.075, 0.055, 0.03])
    shine = at.b.material((0.75,) * 3, gloss=0.8, roughness=0.02, metal=True)
    for side in (-1, 1):
        spot = top * [side, 1, 1]
        at.ball(spot, shape, black)
        at.ball(spot - point(0, 0, 0.6 * shape[2]), shape * [0.9, 0.9, 0.6], shine)


def _steered(at: _Place, rng: Rng, spot: ArrayLike, rake: float) -> _Place:
    """The place of what turns with the handlebars about an axis that leans back by `rake`."""
    steer = float(rng.normal(0, 14))
    return at.turned(spot, turned(0, rake) @ turned(steer) @ turned(0, -rake))


def bicycle(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A bicycle on its stand: of a racer, a town, the mountains or a child; returns its height."""
    kind = str(rng.choice(["racer", "town", "town", "mountain", "child"]))
    size = rng.uniform(0.55, 0.85) if kind == "child" else rng.uniform(0.92, 1.08)
    lean = float(rng.normal(4, 4))
    place = _Place(b, np.asarray(at, np.float64), turned(yaw, 0, lean), size)
    paint, metal = stuff(b, rng, "paint"), stuff(b, rng, "metal")
    black = b.material(colour(rng, "dark"), gloss=0.04)
    seat = stuff(b, rng, "wood") if rng.random() < 0.2 else black
    radius, tyre = rng.uniform(0.32, 0.36), {"racer": 0.013, "mountain": 0.028}.get(kind, 0.02)
    front, back = rng.uniform(0.5, 0.58), -rng.uniform(0.48, 0.54)
    thin = rng.uniform(0.012, 0.022)
    bracket, head = point(0, 0.29, -0.03), point(0, 0.86, front - 0.22)
    post = point(0, rng.uniform(0.66, 0.84), -0.19)
    low = kind == "town" and rng.random() < 0.6  # a frame that one steps through
    neck = head - point(0, 0.13, -0.03)
    place.tube([bracket, post], thin, paint)
    place.tube(
        [neck, bracket + point(0, 0.02, 0.1), bracket] if low else [neck, bracket], thin, paint
    )
    start = neck - point(0, 0.1, 0.0) if low else head - point(0, 0.05, 0)
    end = bracket * 0.55 + post * 0.45 if low else post - point(0, 0.05, 0)
    place.tube([start, end], thin, paint)
    hub = point(0, radius, back)
    for joint in (post - point(0, 0.08, 0), bracket):
        place.both([joint + point(0.02, 0, 0), hub + point(0.05, 0, 0)], 0.6 * thin, paint)
    saddle = rng.uniform(0.86, 1.02)
    place.tube([post, (0, saddle, -0.24)], 0.013, metal)
    shape = [(-0.36, 0.02, 0.075, 0.02), (-0.28, 0.01, 0.07, 0.025), (-0.1, 0, 0.02, 0.015)]
    place.sweep(shape, seat, (0, saddle))
    rim = metal if rng.random() < 0.7 else paint
    _wheel(place, rng, hub, radius, tyre, "wire", rim, black)
    ring = rng.uniform(0.07, 0.1)
    for centre, wide in ((bracket, ring), (hub, 0.04)):
        disc = [[0, 0.04], [wide, 0.04], [wide, 0.045], [0, 0.045]]
        place.lathe(centre, disc, metal, sides=12)
    for y, z in ((ring, 0.04), (-ring, -0.04)):
        place.tube([bracket + point(0.043, y, 0), hub + point(0.043, z, 0)], 0.004, black, 4)
    angle = rng.uniform(0, 2 * np.pi)
    for side in (-1, 1):
        crank = side * point(0, np.cos(angle), np.sin(angle)) * 0.17
        tip = bracket + crank + point(0.08 * side, 0, 0)
        place.tube([bracket + point(0.06 * side, 0, 0), tip], 0.009, metal, 5)
        place.box(tip + point(0.05 * side, -0.01, 0), (0.09, 0.02, 0.07), black)
    guards = kind == "town" or rng.random() < 0.2
    cover = paint if rng.random() < 0.5 else black
    if guards:
        place.guard(hub, radius + 0.025, (-150, 30), 0.028, cover)
    if kind == "town" and rng.random() < 0.7:
        level = radius * 2 + 0.06
        for x in (-0.06, 0.0, 0.06):
            place.tube([(x, level, -0.2), (x, level, back - 0.15)], 0.006, metal, 5)
        place.both([(0.06, level, back - 0.08), hub + point(0.06, 0, 0)], 0.006, metal)
        load = rng.random()
        if load < 0.25:
            crate = (level, 0.15, back - 0.15, back + 0.2)
            place.cage(crate, (level + 0.22, 0.18, back - 0.18, back + 0.23), (4, 6), metal)
        elif load < 0.5:
            cloth = stuff(b, rng, "cloth")
            for side in (-1, 1):
                place.box((0.13 * side, level - 0.35, back - 0.02), (0.12, 0.33, 0.32), cloth)
        elif load < 0.65:
            shell = stuff(b, rng, "plastic")
            place.box((0, level + 0.02, back), (0.32, 0.06, 0.3), shell)
            place.box((0, level + 0.05, back - 0.15), (0.32, 0.45, 0.05), shell, 12)

    fork = _steered(place, rng, head, 18)
    axle = point(0, radius, front)
    _wheel(fork, rng, axle, radius, tyre, "wire", rim, black)
    fork.tube([head, neck], 0.024, paint)
    fork.both([neck, neck + point(0.045, -0.06, 0.02), axle + point(0.05, 0, 0)], 0.011, paint)
    if guards:
        fork.guard(axle, radius + 0.025, (-110, 40), 0.028, cover)
    top = head + point(0, rng.uniform(0.02, 0.16), -0.03)
    fork.tube([head, top], 0.014, metal)
    wide = rng.uniform(0.2, 0.24) if kind == "racer" else rng.uniform(0.26, 0.36)
    path = [top + point(0, 0, 0.05), top + point(wide, rng.uniform(0, 0.08), rng.uniform(-0.1, 0))]
    if kind == "racer":
        drops = [(wide, 0, 0.12), (wide, -0.08, 0.16), (wide, -0.13, 0.08), (wide, -0.13, -0.03)]
        path = [path[0], top + point(wide, 0, 0.05), *(top + point(*drop) for drop in drops)]
    elif kind == "town":
        path += [path[-1] + point(0.02, -0.02, -rng.uniform(0.12, 0.2))]
    _bars(fork, rng, path, metal, black, 0.05)
    if kind in ("town", "child") and rng.random() < 0.5:
        rear, y = front - 0.1, head[1] - 0.16
        frame = (y, 0.12, rear, rear + 0.2)
        wicker = stuff(b, rng, str(rng.choice(["wood", "plastic"])))
        if rng.random() < 0.5:
            fork.pan(frame, (y + 0.24, 0.17, rear - 0.03, rear + 0.26), wicker)
        else:
            fork.cage(frame, (y + 0.24, 0.17, rear - 0.03, rear + 0.26), (5, 6), metal)
    elif rng.random() < 0.5:
        _lamp(fork, rng, head + point(0, -0.02, 0.09), 0.035, metal, 0)
    place.tube([(-0.05, 0.3, -0.1), (-0.16, 0.16 * _slope(lean), -0.14)], 0.009, metal, 5)
    return 1.05 * size


# Wheelbase, wheel, half tyre, rake (degrees), seat, bars: height, sweep back, half width
_MOTORCYCLES = {
    "standard": (1.42, 0.31, 0.058, 26, 0.79, 1.03, 0.14, 0.36),
    "cruiser": (1.62, 0.32, 0.070, 33, 0.69, 1.10, 0.30, 0.42),
    "sport": (1.40, 0.30, 0.070, 24, 0.82, 0.92, 0.10, 0.33),
    "trail": (1.46, 0.34, 0.048, 27, 0.90, 1.17, 0.10, 0.40),
    "moped": (1.20, 0.27, 0.035, 26, 0.76, 1.00, 0.14, 0.34),
}


def motorcycle(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A motorcycle on its stand: standard, cruiser, sport, trail or moped; returns its height."""
    kind = str(rng.choice(list(_MOTORCYCLES)))
    facts = np.array(_MOTORCYCLES[kind]) * rng.uniform(0.95, 1.05, 8)
    base, radius, tyre, rake, seat, bar, sweep, wide = map(float, facts)
    lean = float(rng.normal(6, 4))
    place = _Place(b, np.asarray(at, np.float64), turned(yaw, 0, lean), rng.uniform(0.95, 1.05))
    paint, second = stuff(b, rng, "paint"), stuff(b, rng, str(rng.choice(["paint", "plastic"])))
    metal, cast = stuff(b, rng, "metal"), stuff(b, rng, str(rng.choice(["metal", "paint"])))
    black = b.material(colour(rng, "dark"), gloss=0.05)
    hide = b.material(colour(rng, "dark") * 1.5) if rng.random() < 0.7 else stuff(b, rng, "plastic")
    frame = black if rng.random() < 0.6 else paint
    front, rear = base / 2, -base / 2
    slope = _slope(rake)
    rims = "wire" if kind in ("trail", "moped") or rng.random() < 0.4 else "cast"
    rim = metal if rng.random() < 0.6 else stuff(b, rng, "paint")

    # Frame, swinging arm and the rear wheel
    yoke = point(0, bar - 0.1, front - (bar - 0.1 - radius) * slope)
    head = yoke - point(0, 0.12, 0.02)
    tail = rear * rng.uniform(0.95, 1.15)
    place.tube([head, (0, seat + 0.02, 0), (0, seat - 0.06, -0.2)], 0.022, frame)
    low = [(0.07, 0.27, 0.24), (0.09, 0.22, -0.15), (0.09, 0.42, -0.27), (0.09, seat - 0.06, -0.25)]
    place.both([head, *map(np.array, low)], 0.016, frame)
    place.both([(0.09, seat - 0.06, -0.2), (0.1, seat - 0.02, tail)], 0.014, frame)
    hub = point(0, radius, rear)
    place.both([(0.09, 0.38, -0.24), hub + point(0.09, 0, 0)], 0.022, cast)
    _wheel(place, rng, hub, radius, tyre, rims, rim, black)
    for shock in (0.02, 0.032):
        ends = np.array([(0.12, radius + 0.05, rear + 0.1), (0.12, seat - 0.06, rear + 0.26)])
        inner = 0.15 if shock > 0.025 else 0.0
        place.both(ends * (1 - inner) + ends[::-1] * inner, shock, black if inner else metal)
    cog = [[0.1, 0.055], [0.1, 0.065], [0, 0.065]]
    place.lathe(hub, [[0, 0.055], *cog], metal, sides=14)
    place.box((0.06, radius + 0.03, rear * 0.55), (0.03, 0.05, -0.6 * rear), black)
    guard = paint if rng.random() < 0.6 else metal
    place.guard(hub, radius + (0.14 if kind == "trail" else 0.05), (-125, 25), tyre + 0.02, guard)

    # Engine
    case = np.array([(0.24, 0.33, 0.09, 0.08), (0.1, 0.34, 0.14, 0.12), (-0.16, 0.36, 0.13, 0.12)])
    place.sweep([*case, (-0.28, 0.38, 0.06, 0.07)], cast, square=0.6)
    for side in (-1, 1):
        for z in (0.08, -0.14):
            cap = rng.uniform(0.06, 0.12)
            shape = [[0, 0.17], [0.8, 0.17], [1, 0.14], [1, 0.1]]
            cover = np.array(shape) * [cap, side]
            place.lathe((0, 0.35, z), cover, cast if rng.random() < 0.5 else metal)
    layout = str(rng.choice(["upright", "upright", "vee", "boxer"]))
    if kind in ("moped", "trail"):
        layout = "upright"
    fins = int(rng.integers(4, 9))
    bore, high = rng.uniform(0.075, 0.1), rng.uniform(0.2, 0.28)
    edge = np.repeat(np.linspace(0, 1, 2 * fins + 1), 2)[1:-1] * high
    outline = np.stack([np.tile([1, 1, 0.78, 0.78], fins) * bore, edge], 1)
    outline = np.concatenate([outline, [[0.7 * bore, high * 1.15], [0, high * 1.2]]])
    tilts = {"upright": [-rng.uniform(0, 30)], "vee": [-30.0, 25.0], "boxer": []}[layout]
    for tilt in tilts:
        corners = int(rng.choice([4, 16]))
        place.lathe((0, 0.42, 0.06), outline, cast, "up", tilt, corners)
    if layout == "boxer":
        for side in (-1, 1):
            place.lathe((0.1 * side, 0.38, 0.06), outline * [1, side], cast)

    # Exhaust, along the right or both sides
    rise, loud = rng.uniform(0.24, 0.34), rng.uniform(0.03, 0.055)
    if kind == "trail":
        rise = seat - 0.25
    for side in (1,) if rng.random() < 0.6 else (-1, 1):
        aside = np.array([side, 1, 1])
        bends = [(0.04, 0.55, 0.14), (0.08, 0.5, 0.29), (0.12, 0.25, 0.27), (0.15, 0.22, 0.0)]
        bends += [(0.16, 0.24, -0.2), (0.18, rise, -0.35)]
        place.tube(np.array(bends) * aside, 0.021, metal, 8)
        end = np.array([(0.18, rise, -0.35), (0.2, rise + rng.uniform(0, 0.15), tail)])
        share = np.array([0, 0.1, 0.5, 0.9, 1.0])[:, None]
        muffler = end[0] * (1 - share) + end[1] * share
        place.tube(muffler * aside, np.array([0.5, 1, 1.05, 1, 0.4]) * loud, metal, 10)

    # Tank, seat, tail
    fat, full = rng.uniform(0.8, 1.15), rng.uniform(0.8, 1.2)
    top = seat + 0.1 * full
    nose = head[2] + 0.02
    tank = [(nose, top + 0.03, 0.07, 0.06), (nose - 0.1, top + 0.02, 0.15, 0.1)]
    tank += [(0.3 * nose, top + 0.01, 0.15, 0.1), (-0.1, top - 0.05, 0.08, 0.06)]
    place.sweep(np.array(tank) * [1, 1, fat, full], paint)
    place.ball((0, top + 0.11 * full, 0.5 * nose), (0.035, 0.015, 0.035), metal)
    step, two = rng.uniform(0, 0.07), rng.uniform(0.6, 1.0)
    bench = [(-0.06, 0, 0.09, 0.05), (-0.25, -0.02, 0.13, 0.055), (0.55 * tail, 0, 0.13, 0.05)]
    bench += [(0.65 * tail, step, 0.11, 0.05), (two * tail, step + 0.02, 0.08, 0.035)]
    place.sweep(bench, hide, (0, seat))
    hump = [(0.5 * tail, -0.06, 0.11, 0.05), (0.85 * tail, -0.02, 0.1, 0.06)]
    place.sweep([*hump, (1.05 * tail, 0.03, 0.05, 0.03)], paint, (0, seat))
    for side in (-1, 1):
        place.ball((0.11 * side, seat - 0.16, -0.17), (0.04, 0.1, 0.13), second)
        amber = b.material((0.8, 0.3, 0.03), gloss=0.05)
        for y, z in ((seat - 0.06, tail), (yoke[1] - 0.08, yoke[2] + 0.1)):
            place.tube([(0.08 * side, y, z), (0.19 * side, y, z)], 0.007, black, 4)
            place.ball((0.2 * side, y, z), (0.025, 0.025, 0.03), amber)
        place.tube([(0.1 * side, 0.29, -0.1), (0.27 * side, 0.29, -0.1)], 0.012, black, 5)
    place.ball((0, seat - 0.06, 1.06 * tail), (0.06, 0.04, 0.03), b.material((0.5, 0.02, 0.02)))
    place.box(
        (0, radius + 0.2, 1.08 * tail), (0.2, 0.16, 0.01), stamp(b, rng, "text", 0.2, 0.16), 12
    )
    place.tube([(-0.1, 0.24, 0.0), (-0.25, 0.25 * _slope(lean), -0.06)], 0.013, black, 5)

    # What turns with the handlebars
    fork = _steered(place, rng, yoke, rake)
    larger = radius * rng.uniform(1, 1.08)
    axle = point(0, larger, front)
    _wheel(fork, rng, axle, larger, 0.85 * tyre, rims, rim, black)
    leg = np.array([yoke, axle]) + point(0.1, 0, 0)
    fork.both(leg, 0.019, metal)
    lower = rng.uniform(0.4, 0.7)  # of the leg: a slider, or a rubber boot
    fork.both([leg[1], leg[1] * (1 - lower) + leg[0] * lower], 0.03, cast if lower < 0.6 else black)
    disc = [[0.06, 0.08], [0.14, 0.08], [0.14, 0.086], [0.06, 0.086]]
    fork.lathe(axle, disc, metal, sides=20)
    for y in (0.0, -0.16):
        fork.box(yoke + point(0, y, -y * slope), (0.25, 0.035, 0.07), cast, rake)
    high = kind == "trail" and rng.random() < 0.7
    fork.guard(axle, larger + (0.22 if high else 0.05), (-70, 55), tyre + 0.015, guard)
    grip = yoke + point(wide, rng.uniform(0.02, 0.14), -sweep)
    path = [yoke + point(0, 0.03, 0), yoke + point(0.12, 0.04 + 0.5 * rng.random() * 0.2, -0.02)]
    _bars(fork, rng, [*path, grip + point(-0.1, 0, 0.06), grip], metal, black, 0.8)
    for side in (-1, 1) if rng.random() < 0.6 else (0,):
        dial = np.array([[0, -0.05], [0.045, -0.04], [0.05, 0.02], [0, 0.025]])
        fork.lathe(yoke + point(0.055 * side, 0.06, 0.08), dial, black, "up", 35, 12)
    lamp = yoke + point(0, -rng.uniform(0.05, 0.12), 0.16)
    shell = paint if rng.random() < 0.5 else metal
    _lamp(fork, rng, lamp, rng.uniform(0.07, 0.1), shell, 0)
    fork.both([lamp + point(0.07, 0, -0.03), lamp + point(0.09, 0, -0.12)], 0.01, metal)
    if kind == "sport" or rng.random() < 0.12:
        # A fairing, to the engine or to the ground
        mid = lamp - point(0, 0.02, 0)
        rows = [(0.1, 0, 0.1, 0.1), (0.0, 0.02, 0.19, 0.16), (-0.18, 0, 0.23, 0.18)]
        place.sweep([*rows, (-0.3, -0.02, 0.2, 0.14)], paint, (mid[2], mid[1]))
        deep = rng.uniform(0.12, 0.26)
        flank = [(0.36, 0.6, 0.1, 0.14), (0.22, 0.5, 0.2, deep), (-0.05, 0.42, 0.2, deep)]
        place.sweep([*flank, (-0.3, 0.36, 0.12, 0.1)], paint if rng.random() < 0.7 else second)
    if rng.random() < 0.35:
        glass = b.material(colour(rng, "dark") * rng.uniform(0.5, 2), gloss=0.1, roughness=0.02)
        u, v = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(0, rng.uniform(0.12, 0.4), 4))
        bend = 0.14 - 0.06 * u**2 - 0.4 * v
        sheet = yoke + np.stack([0.2 * u * (1 - 0.6 * v), v + 0.02, bend], -1)
        b.mesh(fork.to(sheet), np.stack([u, v], -1), glass)
    if rng.random() < 0.25:
        box = stuff(b, rng, str(rng.choice(["plastic", "metal", "cloth"])))
        place.box((0, seat + 0.08, 0.88 * tail), (0.4, 0.3, 0.36), box)
        if rng.random() < 0.5:
            for side in (-1, 1):
                place.box((0.26 * side, seat - 0.32, 0.85 * tail), (0.2, 0.34, 0.45), box)
    return bar + 0.1


def scooter(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A motor scooter that one steps through; returns its height."""
    lean = turned(yaw, 0, rng.normal(3, 3))
    place = _Place(b, np.asarray(at, np.float64), lean, rng.uniform(0.92, 1.08))
    paint, metal = stuff(b, rng, "paint"), stuff(b, rng, "metal")
    black, mat = b.material(colour(rng, "dark"), gloss=0.05), stuff(b, rng, "plastic")
    hide = black if rng.random() < 0.6 else stuff(b, rng, "plastic")
    radius, tyre = rng.uniform(0.2, 0.25), rng.uniform(0.04, 0.055)
    front, rear = rng.uniform(0.6, 0.68), -rng.uniform(0.56, 0.64)
    seat, floor = rng.uniform(0.72, 0.8), rng.uniform(0.26, 0.32)
    kind = str(rng.choice(["disc", "cast"]))
    _wheel(place, rng, (0, radius, rear), radius, tyre, kind, metal, black)
    place.guard((0, radius, rear), radius + 0.04, (-110, 40), tyre + 0.02, black)
    fat = rng.uniform(0.8, 1.15)
    body = [(-0.12, 0.45, 0.15, 0.16), (-0.3, 0.52, 0.19, 0.2), (-0.55, 0.56, 0.2, 0.16)]
    body += [(-0.8, 0.62, 0.14, 0.1), (-0.95, 0.66, 0.05, 0.04)]
    place.sweep(np.array(body) * [1, seat / 0.76, fat, 1], paint)
    bench = [(-0.1, 0, 0.1, 0.04), (-0.3, 0.02, 0.15, 0.05), (-0.6, 0.04, 0.15, 0.05)]
    place.sweep([*bench, (-0.85, 0.05, 0.1, 0.04)], hide, (0, seat))
    place.box((0, floor - 0.05, 0.12), (0.36, 0.07, 0.6), mat)
    u, v = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(0, 1, 7))
    half = rng.uniform(0.19, 0.26) * (1 - 0.35 * v**2)
    bend = 0.4 - 0.1 * v + rng.uniform(0.02, 0.08) * (1 - u**2)
    shield = np.stack([u * half, floor + v * (0.88 - floor), bend], -1)
    b.mesh(place.to(shield), np.stack([u * half, v], -1), paint)
    place.both(shield[:, -1], 0.012, metal if rng.random() < 0.5 else paint)
    muffler = np.array([(0.16, radius, -0.35), (0.17, radius, -0.4), (0.2, radius + 0.06, -0.8)])
    place.tube(muffler, [0.03, 0.05, 0.045], metal, 10)
    lamp = place.to((0, 0.66, -0.97))
    b.ellipsoid(lamp, np.array([0.06, 0.04, 0.03]), b.material((0.5, 0.02, 0.02)), rows=5)
    place.box((0, 0.42, -0.95), (0.2, 0.15, 0.01), stamp(b, rng, "text", 0.2, 0.15), 10)
    if rng.random() < 0.3:
        place.box((0, seat + 0.1, -0.85), (0.38, 0.32, 0.36), stuff(b, rng, "plastic"))
    place.both([(0.1, 0.25, -0.15), (0.2, 0.0, -0.2)], 0.012, metal)

    neck = point(0, 0.9, 0.36)
    fork = _steered(place, rng, neck, 22)
    axle = point(0, radius, front)
    _wheel(fork, rng, axle, radius, tyre, kind, metal, black)
    fork.guard(axle, radius + 0.05, (-80, 60), tyre + 0.03, paint)
    fork.both([neck, (0.07, 0.45, front - 0.08), axle + point(0.07, 0, 0)], 0.02, metal)
    fork.tube([neck - point(0, 0.1, -0.03), neck + point(0, 0.08, -0.03)], 0.04, paint)
    cowl = neck + point(0, 0.12, 0.0)
    rows = [(0.1, 0, 0.07, 0.07), (0, 0.01, 0.16, 0.06), (-0.08, 0, 0.08, 0.04)]
    fork.sweep(rows, paint, (cowl[2], cowl[1]))
    low = rng.random() < 0.3
    _lamp(
        fork, rng, neck - point(0, 0.2, -0.12) if low else cowl + point(0, 0, 0.09), 0.075, metal, 0
    )
    wide = rng.uniform(0.3, 0.37)
    _bars(
        fork,
        rng,
        [cowl, cowl + point(0.2, 0.02, -0.02), cowl + point(wide, 0.03, -0.1)],
        metal,
        black,
        0.85,
    )
    if rng.random() < 0.25:
        glass = b.material(colour(rng, "dark") * rng.uniform(0.5, 2), gloss=0.1, roughness=0.02)
        sheet = cowl + np.stack([0.24 * u, 0.05 + 0.4 * v, 0.1 - 0.15 * v - 0.06 * u**2], -1)
        b.mesh(fork.to(sheet), np.stack([u, v], -1), glass)
    return 1.1


def kick_scooter(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A kick scooter, with a motor or without; returns its height."""
    lean = turned(yaw, 0, rng.normal(6, 4))
    place = _Place(b, np.asarray(at, np.float64), lean)
    paint, metal = stuff(b, rng, "paint"), stuff(b, rng, "metal")
    black = b.material(colour(rng, "dark"))
    radius, tall = rng.uniform(0.06, 0.12), rng.uniform(0.75, 1.15)
    front, thick = rng.uniform(0.38, 0.5), rng.uniform(0.02, 0.07)
    place.box((0, radius, -0.05), (0.13, thick, 1.4 * front), paint)
    _wheel(place, rng, (0, radius, -front), radius, 0.3 * radius, "disc", metal, black)
    place.guard((0, radius, -front), radius + 0.015, (-80, 40), 0.03, black)
    place.tube(
        [(0, radius + thick, 0.6 * front), (0, 2 * radius + 0.12, front - 0.04)], 0.02, paint
    )
    fork = _steered(place, rng, (0, radius, front), 8)
    _wheel(fork, rng, (0, radius, front), radius, 0.3 * radius, "disc", metal, black)
    top = point(0, tall, front - 0.14 * tall)
    fork.tube([(0, 2 * radius, front - 0.01), top], rng.uniform(0.013, 0.024), metal)
    _bars(fork, rng, [top, top + point(rng.uniform(0.18, 0.26), 0, -0.02)], metal, black, 0.03)
    return tall


def pram(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A pram or a pushchair with a hood; returns its height."""
    place = _Place(b, np.asarray(at, np.float64), turned(yaw), rng.uniform(0.9, 1.1))
    cloth, lining = stuff(b, rng, "cloth"), stuff(b, rng, "cloth")
    metal, black = stuff(b, rng, "metal"), b.material(colour(rng, "dark"))
    big, small = rng.uniform(0.11, 0.19), rng.uniform(0.08, 0.16)
    half, front, back = rng.uniform(0.22, 0.3), rng.uniform(0.3, 0.42), -rng.uniform(0.25, 0.38)
    kind = "wire" if big > 0.15 and rng.random() < 0.6 else "disc"
    three = rng.random() < 0.3
    for x in (-half, half):
        _wheel(place, rng, (x, big, back), big, 0.022, kind, metal, black)
        spot = (0.15 * x if three else x, small, front)
        _wheel(place, rng, spot, small, 0.02, "disc", metal, black)
    high, bar = rng.uniform(0.55, 0.7), rng.uniform(0.95, 1.08)
    grip = back - rng.uniform(0.1, 0.3)
    place.both([(half, small, front), (half, high, -0.05), (half, bar, grip)], 0.012, metal)
    place.both([(half, big, back), (half, high, 0.05)], 0.012, metal)
    place.tube([(-half, bar, grip), (half, bar, grip)], 0.018, black)
    if rng.random() < 0.5:
        deep = rng.uniform(0.1, 0.14)
        tub = [(0.4, high, 0.16, deep), (0.15, high, 0.2, deep), (-0.38, high, 0.17, deep)]
        place.sweep(tub, cloth, square=0.7)
        place.sweep(np.array(tub) * [0.9, 1, 0.9, 0.3] + [0, deep, 0, 0], lining)
    else:
        place.box((0, high - 0.1, 0.1), (0.34, 0.06, 0.3), cloth)
        place.box((0, high - 0.08, -0.05), (0.34, 0.55, 0.06), lining, 18)
        place.box((0, small + 0.05, front - 0.05), (0.3, 0.03, 0.15), black)
        place.both([(0.14, high - 0.1, 0.25), (0.14, small + 0.1, front)], 0.012, metal)
    # The hood, which turns about the sides
    u, v = np.meshgrid(np.radians(np.linspace(-88, 88, 11)), np.linspace(-1, rng.uniform(0, 1), 7))
    round_, pivot = 0.34 * np.sqrt(np.cos(u)), high + rng.uniform(0.06, 0.18)
    hood = np.stack([0.22 * np.sin(u), pivot + round_ * np.cos(v), -0.1 + round_ * np.sin(v)], -1)
    b.mesh(place.to(hood), np.stack([u, v], -1) * 0.25, cloth)
    level = small + 0.12
    place.pan((level, 0.15, -0.2, 0.2), (level + 0.14, 0.18, -0.24, 0.24), lining)
    return bar


def barrow(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A wheelbarrow, empty or with a heap in it; returns its height."""
    place = _Place(b, np.asarray(at, np.float64), turned(yaw), rng.uniform(0.9, 1.1))
    shell = stuff(b, rng, str(rng.choice(["paint", "metal", "plastic"])))
    metal, black = stuff(b, rng, "paint"), b.material(colour(rng, "dark"))
    _wheel(place, rng, (0, 0.19, 0.6), 0.19, 0.04, "disc", metal, black)
    rail = [(0.05, 0.19, 0.6), (0.12, 0.3, 0.4), (0.24, 0.36, -0.3), (0.29, 0.56, -0.85)]
    place.both(rail, 0.016, metal)
    place.both([(0.28, 0.53, -0.72), (0.29, 0.57, -0.86)], 0.02, black)
    place.both(
        [(0.24, 0.36, -0.3), (0.24, 0.01, -0.34), (0.24, 0.01, -0.2), (0.2, 0.35, 0)], 0.014, metal
    )
    top = 0.62
    place.pan((0.36, 0.2, -0.3, 0.3), (top, 0.34, -0.42, 0.55), shell)
    if rng.random() < 0.5:
        load = stuff(b, rng, str(rng.choice(["soil", "leaf", "stone", "wood"])))
        b.ellipsoid(
            place.to((0, top - 0.05, 0.05)),
            np.array([0.3, rng.uniform(0.05, 0.25), 0.4]),
            load,
            place.rotation,
            0.1,
            rng,
        )
    return top


def trolley(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A shopping trolley of wire; returns its height."""
    place = _Place(b, np.asarray(at, np.float64), turned(yaw), rng.uniform(0.9, 1.1))
    metal, black = stuff(b, rng, "metal"), b.material(colour(rng, "dark"))
    for x, z in ((0.24, -0.35), (0.2, 0.42)):
        for side in (-1, 1):
            _wheel(place, rng, (x * side, 0.06, z), 0.06, 0.014, "disc", metal, black)
            place.tube([(x * side, 0.06, z), (x * side, 0.16, z)], 0.012, metal, 5)
    rail = [(0.2, 0.14, 0.45), (0.25, 0.14, -0.38), (0.26, 0.6, -0.42), (0.27, 1.0, -0.5)]
    place.both(rail, 0.013, metal)
    place.tube([(-0.27, 1.0, -0.5), (0.27, 1.0, -0.5)], 0.018, stuff(b, rng, "plastic"))
    low = rng.uniform(0.45, 0.6)
    place.cage((low, 0.2, -0.36, 0.4), (0.94, 0.27, -0.44, 0.52), (7, 9), metal)
    for _ in range(int(rng.integers(0, 6))):
        spot = place.to((rng.uniform(-0.12, 0.12), low + 0.01, rng.uniform(-0.25, 0.3)))
        props.small_thing(b, rng, spot, rng.uniform(0.15, 0.4))
    return 1.0


def wheelchair(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A wheelchair; returns its height."""
    place = _Place(b, np.asarray(at, np.float64), turned(yaw), rng.uniform(0.9, 1.05))
    cloth, metal = stuff(b, rng, "cloth"), stuff(b, rng, str(rng.choice(["metal", "paint"])))
    black = b.material(colour(rng, "dark"))
    half = rng.uniform(0.22, 0.26)
    for side in (-1, 1):
        _wheel(place, rng, ((half + 0.04) * side, 0.3, -0.1), 0.3, 0.015, "wire", metal, black)
        place.ring(((half + 0.07) * side, 0.3, -0.1), 0.25, 0.009, metal)
        _wheel(place, rng, (half * side, 0.08, 0.33), 0.08, 0.018, "disc", metal, black)
    place.box((0, 0.47, 0.05), (2 * half - 0.04, 0.05, 0.44), cloth)
    place.box((0, 0.5, -0.17), (2 * half - 0.04, 0.42, 0.04), cloth, 6)
    place.both(
        [
            (half, 0.08, 0.33),
            (half, 0.22, 0.3),
            (half, 0.46, 0.28),
            (half, 0.46, -0.18),
            (half, 0.93, -0.24),
            (half, 0.93, -0.36),
        ],
        0.012,
        metal,
    )
    place.both([(half, 0.93, -0.3), (half, 0.93, -0.4)], 0.018, black)
    place.both([(half, 0.46, 0.24), (half, 0.68, 0.2), (half, 0.7, -0.18)], 0.012, metal)
    place.both([(half - 0.03, 0.46, 0.28), (half - 0.05, 0.14, 0.48)], 0.012, metal)
    for side in (-1, 1):
        place.box((0.12 * side, 0.12, 0.5), (0.14, 0.02, 0.16), black, 15)
    return 0.95


Vehicle = Callable[[Builder, Rng, ArrayLike, float], float]
_KINDS: tuple[tuple[Vehicle, float], ...] = (
    (bicycle, 0.3),
    (motorcycle, 0.34),
    (scooter, 0.12),
    (kick_scooter, 0.04),
    (pram, 0.06),
    (barrow, 0.05),
    (trolley, 0.05),
    (wheelchair, 0.04),
)


def cycle(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """A bicycle or a motorcycle that heads towards `yaw`; returns its height (m)."""
    return (motorcycle if rng.random() < 0.5 else bicycle)(b, rng, at, yaw)


def any_vehicle(b: Builder, rng: Rng, at: ArrayLike, yaw: float) -> float:
    """One of all kinds but cars, which heads towards `yaw`; returns its height (m)."""
    kind = int(rng.choice(len(_KINDS), p=[share for _, share in _KINDS]))
    return _KINDS[kind][0](b, rng, at, yaw)
