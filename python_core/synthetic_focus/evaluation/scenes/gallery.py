"""The evaluation's scenes: what stands where, how it is lit, and the camera that looks at it.

Only descriptions: `mitsuba_tracer` and `blender_tracer` render them. Coordinates as in `geometry`.
Blur radii stay between 16 and 40 pixels at a width of 960.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atan, degrees

import numpy as np

from synthetic_focus.evaluation.scenes.geometry import (
    Floats,
    Mesh,
    box,
    branch,
    bricks,
    ellipsoid,
    figure,
    join,
    leaves,
    mottled,
    poster,
    quad,
    tube,
)

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """A thin lens and the sensor behind it; the aperture's words are those of `Aperture`."""

    focal_length_mm: float
    f_stop: float
    focus_distance: float
    sensor_width_mm: float = 36.0
    blades: int = 0
    rotation_deg: float = 0.0
    squeeze: float = 1.0

    @property
    def image_distance_mm(self) -> float:
        """From the lens to the sensor, once focused."""
        f, z = self.focal_length_mm, self.focus_distance * 1000
        return f * z / (z - f)

    @property
    def field_of_view_deg(self) -> float:
        """The horizontal angle that the focused camera sees."""
        return 2 * degrees(atan(self.sensor_width_mm / (2 * self.image_distance_mm)))

    @property
    def aperture_radius(self) -> float:
        """Of the entrance pupil, in metres."""
        return self.focal_length_mm / (2000 * self.f_stop)

    def pixels_per_slope(self, width: int) -> float:
        """How many pixels a ray of slope 1 lies off the centre of a picture of that width."""
        return width * self.image_distance_mm / self.sensor_width_mm


@dataclass(frozen=True)
class Surface:
    """A diffuse surface: its own reflectance, or that of a texture that repeats over it."""

    mesh: Mesh
    texture: Floats | None = None


@dataclass(frozen=True)
class Lamp:
    """A small glowing disc that faces the camera's image plane."""

    position: Triple
    radius: float
    radiance: Triple


@dataclass(frozen=True)
class PointLight:
    """Lights the scene and is not seen itself."""

    position: Triple
    intensity: Triple


@dataclass(frozen=True)
class Scene:
    """Everything that a path tracer needs."""

    name: str
    about: str
    camera: Camera
    surfaces: tuple[Surface, ...]
    lamps: tuple[Lamp, ...] = ()
    lights: tuple[PointLight, ...] = ()
    sky: Triple = (0.0, 0.0, 0.0)


WARM, COOL, RED, GREEN = (1.0, 0.62, 0.3), (0.5, 0.72, 1.0), (1.0, 0.12, 0.08), (0.2, 1.0, 0.45)
SKIN, COAT, TROUSERS = (0.55, 0.36, 0.27), (0.35, 0.06, 0.05), (0.05, 0.06, 0.12)


def _scaled(colour: Triple, gain: float) -> Triple:
    return (colour[0] * gain, colour[1] * gain, colour[2] * gain)


def _facing(depth: float, left: float, right: float, bottom: float, top: float) -> Mesh:
    """An upright rectangle that faces the camera."""
    return quad(
        [[left, bottom, -depth], [right, bottom, -depth], [right, top, -depth], [left, top, -depth]]
    )


def _ground(height: float, near: float, far: float, half_width: float, repeat: float) -> Mesh:
    return quad(
        [
            [-half_width, height, -near],
            [half_width, height, -near],
            [half_width, height, -far],
            [-half_width, height, -far],
        ],
        repeat=repeat,
    )


def _hidden(point: Triple, meshes: Sequence[Mesh]) -> bool:
    """Whether a mesh stands between the lens's centre and a point (Möller and Trumbore's test)."""
    way = np.asarray(point)
    for mesh in meshes:
        a, b, c = (mesh.vertices[mesh.faces[:, corner]].astype(np.float64) for corner in range(3))
        ab, ac = b - a, c - a
        normal = np.cross(way, ac)
        area = np.einsum("ij,ij->i", ab, normal)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("ij,ij->i", -a, normal) / area
            turned = np.cross(-a, ab)
            v = turned @ way / area
            t = np.einsum("ij,ij->i", ac, turned) / area
            hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < 1)
        if hit.any():
            return True
    return False


def _lamps(
    rng: np.random.Generator,
    count: int,
    surfaces: Sequence[Surface],
    camera: Camera,
    *,
    depths: tuple[float, float],
    lowest: float,
    radius_px: tuple[float, float],
    radiance: tuple[float, float],
) -> tuple[Lamp, ...]:
    """Lamps of random colour above a slope, each one seen from the lens's centre.

    What is hidden in the deep picture no method can blur into the shallow one, and a single such
    lamp would drown every other difference.
    """
    slope = camera.pixels_per_slope(960)
    meshes = [surface.mesh for surface in surfaces]
    found: list[Lamp] = []
    while len(found) < count:
        depth = 1 / rng.uniform(1 / depths[1], 1 / depths[0])
        x, y = rng.uniform(-0.98, 0.98) * 480 / slope, rng.uniform(lowest, 264 / slope)
        colour = [WARM, WARM, COOL, RED, GREEN][rng.integers(5)]
        gain = float(np.exp(rng.uniform(np.log(radiance[0]), np.log(radiance[1]))))
        size = float(rng.uniform(*radius_px) * depth / slope)
        place = (float(x * depth), float(y * depth), -depth)
        if not _hidden(place, meshes):
            found.append(Lamp(place, size, _scaled(colour, gain)))
    return tuple(found)


def _lights() -> Scene:
    """A sharp subject before the lights of a town."""
    rng = np.random.default_rng(1)
    camera = Camera(85, 1.5, 2.4)
    surfaces = (
        Surface(figure(-0.12, 2.4, -1.42, 1.7, (SKIN, COAT, TROUSERS))),
        Surface(_facing(2.36, 0.16, 0.46, -0.3, -0.02), poster(rng)),
        Surface(_facing(30, -12, 12, -8, 8), mottled(rng, (0.02,) * 3, (0.12, 0.1, 0.14))),
        *(
            Surface(box((x, h / 2 - 5, -z), (2.0, h, 2.0), 20 * x, repeat=3), bricks(rng, 16))
            for x, z, h in ((-4, 18, 6.5), (-1, 24, 8), (3.1, 16, 5.6), (5, 22, 7.5))
        ),
    )
    return Scene(
        "lights",
        "lights of 40 to 2000 far behind a sharp subject",
        camera,
        surfaces,
        _lamps(
            rng,
            40,
            surfaces,
            camera,
            depths=(9, 28),
            lowest=-0.11,
            radius_px=(0.7, 2.2),
            radiance=(40, 2000),
        ),
        (
            PointLight((1.4, 1.2, -0.6), (8, 7.4, 6.8)),
            PointLight((-6, 9, -9), (90, 70, 55)),
        ),
        (0.02, 0.025, 0.04),
    )


def _twigs() -> Scene:
    """Thin twigs out of focus in front of everything."""
    rng = np.random.default_rng(2)
    twigs = [
        part
        for start, heading, length in (
            ((-0.3, -0.24, -0.75), (1.0, 0.55, 0.1), 0.62),
            ((0.34, -0.2, -0.62), (-0.7, 0.8, 0.1), 0.4),
            ((-0.2, 0.25, -0.9), (0.6, -0.6, -0.1), 0.4),
        )
        for part in branch(start, heading, length, 0.007, rng)
    ]
    return Scene(
        "twigs",
        "a near occluder of thin twigs over a sharp subject and a wall",
        Camera(50, 1.9, 2.2),
        (
            Surface(join(twigs)),
            Surface(figure(0.1, 2.2, -1.3, 1.7, (SKIN, (0.1, 0.25, 0.4), TROUSERS))),
            Surface(_facing(2.3, -0.75, -0.25, -0.5, 0.2), poster(rng)),
            Surface(_facing(5.5, -4, 4, -2.5, 2.5), np.tile(bricks(rng), (1, 2, 1))),
        ),
        (),
        (PointLight((2, 2.5, 0.5), (12, 11, 10)),),
        (0.35, 0.4, 0.5),
    )


def _wall() -> Scene:
    """One surface through every distance."""
    rng = np.random.default_rng(3)
    return Scene(
        "wall",
        "a slanted brick wall and its pavement, from 1 m to 14 m",
        Camera(50, 0.75, 2.6),
        (
            Surface(
                quad(
                    [[-0.62, -0.8, -0.9], [3.2, -0.8, -14], [3.2, 2.4, -14], [-0.62, 2.4, -0.9]],
                    repeat=6,
                ),
                bricks(rng, 12),
            ),
            Surface(_ground(-0.8, 0.5, 16, 6, 8), mottled(rng, (0.12,) * 3, (0.5, 0.48, 0.45))),
            Surface(_facing(14, -8, 8, -1, 5), poster(rng)),
        ),
        (),
        (PointLight((2.5, 2.6, -1), (16, 15, 13)), PointLight((3, 2.2, -8), (20, 14, 9))),
        (0.4, 0.45, 0.55),
    )


def _clutter() -> Scene:
    """A table full of things, near and far."""
    rng = np.random.default_rng(4)
    things: list[Surface] = []
    for _ in range(56):
        depth = 1 / rng.uniform(1 / 3.4, 1 / 0.75)
        x, size = rng.uniform(-0.36, 0.36) * depth, rng.uniform(0.025, 0.08) * depth
        where, tint = (x, -0.35 + size, -depth), rng.uniform(0.05, 0.8, 3)
        match rng.integers(3):
            case 0:
                things.append(Surface(ellipsoid(where, [size] * 3, tint)))
            case 1:
                things.append(
                    Surface(box(where, [2 * size] * 3, float(rng.uniform(0, 90))), poster(rng, 256))
                )
            case _:
                path = np.linspace([x, -0.35, -depth], [x, -0.35 + 4 * size, -depth], 6)
                things.append(Surface(tube(path, size * rng.uniform(0.15, 0.5), tint)))
    return Scene(
        "clutter",
        "dozens of things on a table, from 0.75 m to 3.4 m",
        Camera(50, 1.3, 1.5),
        (
            *things,
            Surface(
                _ground(-0.35, 0.3, 4, 3, 3), mottled(rng, (0.25, 0.14, 0.07), (0.6, 0.4, 0.2))
            ),
            Surface(_facing(4, -3, 3, -1, 2), mottled(rng, (0.2, 0.25, 0.3), (0.5, 0.6, 0.6))),
        ),
        (),
        (PointLight((-1.2, 1.6, -0.4), (5, 4.6, 4.2)),),
        (0.3, 0.32, 0.36),
    )


def _fence() -> Scene:
    """Looking through a wire fence."""
    rng = np.random.default_rng(5)
    wires = []
    for offset in np.arange(-0.62, 0.62, 0.055):
        for slope in (-1, 1):
            y = np.linspace(-0.22, 0.22, 40)
            wave = 0.003 * np.sin(y * np.pi / 0.0275) * slope
            path = np.stack([offset + slope * y, y, -0.95 + wave], 1)
            wires.append(tube(path, 0.0016, (0.5, 0.52, 0.55)))
    centres = np.stack(
        [rng.uniform(-3.6, 3.6, 9000), rng.uniform(-2, 2, 9000), -rng.uniform(5.6, 7, 9000)], 1
    )
    greens = rng.uniform(0.4, 1.3, (9000, 1)) * np.array([0.14, 0.3, 0.06])
    return Scene(
        "fence",
        "a wire fence before a sharp person and a hedge",
        Camera(50, 1.5, 3.0),
        (
            Surface(join(wires)),
            Surface(figure(-0.2, 3.0, -1.35, 1.75, (SKIN, (0.6, 0.55, 0.2), TROUSERS))),
            Surface(figure(0.75, 4.4, -1.35, 1.7, (SKIN, (0.2, 0.2, 0.25), (0.3, 0.25, 0.2)))),
            Surface(leaves(centres.astype(np.float32), 0.16, greens.astype(np.float32), rng)),
            Surface(
                _facing(7.5, -5, 5, -3, 3), mottled(rng, (0.02, 0.04, 0.01), (0.1, 0.16, 0.05))
            ),
            Surface(
                _ground(-1.35, 0.5, 8, 6, 8), mottled(rng, (0.1, 0.12, 0.05), (0.3, 0.3, 0.15))
            ),
        ),
        (),
        (PointLight((3, 4, 1), (40, 38, 34)),),
        (0.4, 0.48, 0.6),
    )


def _street() -> Scene:
    """People on a street at night."""
    rng = np.random.default_rng(6)
    people = [
        (0.42, 1.15),
        (-0.4, 2.1),
        (0.35, 4.0),
        (-1.2, 6.5),
        (1.6, 8.5),
        (-0.3, 12.0),
        (2.6, 14.0),
    ]
    coats = rng.uniform(0.04, 0.5, (len(people), 3))
    camera = Camera(50, 0.95, 2.1)
    surfaces = (
        *(
            Surface(figure(x, z, -1.5, 1.72, (SKIN, coat, TROUSERS)))
            for (x, z), coat in zip(people, coats, strict=True)
        ),
        Surface(_ground(-1.5, 1, 32, 10, 16), mottled(rng, (0.06,) * 3, (0.2, 0.2, 0.22))),
        Surface(
            quad([[-3.8, -1.5, -1], [-3.8, -1.5, -32], [-3.8, 8, -32], [-3.8, 8, -1]], repeat=5),
            bricks(rng, 16),
        ),
        Surface(
            quad([[3.8, -1.5, -1], [3.8, -1.5, -32], [3.8, 8, -32], [3.8, 8, -1]], repeat=5),
            poster(rng),
        ),
        Surface(_facing(32, -10, 10, -2, 10), mottled(rng, (0.01,) * 3, (0.05, 0.05, 0.09))),
    )
    return Scene(
        "street",
        "people at 1 m to 14 m on a street at night, lamps of 30 to 900",
        camera,
        surfaces,
        _lamps(
            rng,
            30,
            surfaces,
            camera,
            depths=(8, 29),
            lowest=-0.02,
            radius_px=(0.7, 3.0),
            radiance=(30, 900),
        ),
        (
            PointLight((0.5, 2.5, -1), (5, 5.2, 6)),
            *(PointLight((0, 3.5, -float(z)), (26, 18, 11)) for z in (6, 12, 20, 28)),
        ),
        (0.015, 0.02, 0.035),
    )


def _foliage() -> Scene:
    """Leaves at every distance, the sky bright between them."""
    rng = np.random.default_rng(7)
    surfaces = []
    for near, far, count, size, spread in (
        (0.8, 1.1, 26, 0.055, 0.4),
        (1.9, 2.2, 330, 0.075, 0.36),
        (5, 8, 1500, 0.22, 0.42),
    ):
        depth = rng.uniform(near, far, count)
        slopes = rng.uniform([-spread, -0.24], [spread, 0.24], (count, 2))
        centres = np.column_stack([slopes * depth[:, None], -depth])
        tints = rng.uniform(0.5, 1.4, (count, 1)) * np.array([0.16, 0.25, 0.05])
        surfaces.append(
            Surface(leaves(centres.astype(np.float32), size, tints.astype(np.float32), rng))
        )
    twigs = branch((-0.8, -0.35, -2.05), (1, 0.35, 0.0), 1.6, 0.012, rng)
    return Scene(
        "foliage",
        "leaves before, in and behind the focus, a sky of 1.2 between them",
        Camera(50, 1.6, 2.05),
        (*surfaces, Surface(join(twigs))),
        (),
        (PointLight((-2, 3, 1), (12, 11, 9)),),
        (1.0, 1.2, 1.5),
    )


def _hair() -> Scene:
    """Strands in focus against lights, and a lamp held before them."""
    rng = np.random.default_rng(8)
    head = np.array([0.02, -0.02, -1.3])
    strands = []
    for _ in range(420):
        way = rng.normal(size=3) * [1, 1, 0.5]
        way /= np.linalg.norm(way)
        way[1] = abs(way[1]) if rng.uniform() < 0.7 else way[1]
        t = np.linspace(0, 1, 12)[:, None]
        length = rng.uniform(0.05, 0.12)
        path = head + way * (0.1 + length * t) + np.array([0, -0.05, 0]) * t**2
        path = path + np.cumsum(rng.normal(0, 0.0015, (12, 3)), 0)
        strands.append(tube(path, 0.0009, rng.uniform(0.5, 1.5) * np.array([0.2, 0.1, 0.05])))
    camera = Camera(85, 2.4, 1.3)
    surfaces = (
        Surface(ellipsoid(head, (0.095, 0.12, 0.1), SKIN)),
        Surface(join(strands)),
        Surface(ellipsoid((0.02, -0.36, -1.32), (0.24, 0.2, 0.12), COAT)),
        Surface(tube([[0.2, -0.3, -0.82], [0.13, -0.1, -0.8], [0.12, 0.0, -0.8]], 0.016, SKIN)),
        Surface(_facing(7, -3, 3, -2, 2), mottled(rng, (0.03, 0.03, 0.06), (0.3, 0.2, 0.25))),
    )
    return Scene(
        "hair",
        "strands of a pixel or two in focus before lights, a blurred hand in front",
        camera,
        surfaces,
        _lamps(
            rng,
            22,
            surfaces,
            camera,
            depths=(3, 6.8),
            lowest=-0.1,
            radius_px=(0.8, 2.6),
            radiance=(20, 600),
        ),
        (PointLight((0.8, 0.9, -0.4), (1.3, 1.2, 1.1)), PointLight((-2, 2, -4), (9, 8, 10))),
        (0.05, 0.06, 0.08),
    )


def _blades() -> Scene:
    """Five blades, seen from both sides of the focus."""
    rng = np.random.default_rng(9)
    camera = Camera(85, 1.7, 2.2, blades=5, rotation_deg=20)
    twigs = branch((-0.24, -0.14, -0.95), (1, 0.4, 0), 0.5, 0.006, rng)
    surfaces = (
        Surface(figure(0.12, 2.2, -1.42, 1.7, (SKIN, (0.1, 0.2, 0.35), TROUSERS))),
        Surface(join(twigs)),
        Surface(_facing(2.25, -0.42, -0.14, -0.25, 0.05), poster(rng)),
        Surface(_facing(14, -6, 6, -4, 4), mottled(rng, (0.02,) * 3, (0.2, 0.16, 0.2))),
        *(
            Surface(box((x, h / 2 - 3, -z), (1.2, h, 1.2), 20 * x, repeat=2), bricks(rng, 16))
            for x, z, h in ((-1.7, 9, 3.6), (1.9, 11, 4.2))
        ),
    )
    return Scene(
        "blades",
        "five blades: lights behind a sharp subject, twigs in front",
        camera,
        surfaces,
        _lamps(
            rng,
            22,
            surfaces,
            camera,
            depths=(7, 13),
            lowest=-0.1,
            radius_px=(7.0, 11.0),
            radiance=(2, 8),
        ),
        (PointLight((1.0, 1.2, -0.4), (5, 4.6, 4.2)),),
        (0.25, 0.25, 0.3),
    )


def _anamorphic() -> Scene:
    """The upright ovals of a squeezed pupil, over things near and far."""
    rng = np.random.default_rng(10)
    camera = Camera(60, 1.1, 1.9, squeeze=2.0)
    surfaces = (
        Surface(figure(-0.2, 1.9, -1.4, 1.7, (SKIN, (0.35, 0.3, 0.1), TROUSERS))),
        Surface(figure(0.9, 4.2, -1.5, 1.7, (SKIN, (0.4, 0.05, 0.05), (0.2, 0.2, 0.22)))),
        Surface(box((0.28, -0.28, -1.0), (0.16, 0.2, 0.16), 30), poster(rng)),
        Surface(_ground(-1.5, 1, 20, 8, 10), mottled(rng, (0.08,) * 3, (0.35, 0.33, 0.3))),
        Surface(_facing(16, -8, 8, -3, 6), bricks(rng, 16)),
    )
    return Scene(
        "anamorphic",
        "a pupil squeezed by 2: lights and people behind the focus, a box in front",
        camera,
        surfaces,
        _lamps(
            rng,
            22,
            surfaces,
            camera,
            depths=(6, 15),
            lowest=-0.02,
            radius_px=(7.0, 11.0),
            radiance=(2, 8),
        ),
        (PointLight((1.2, 1.4, 0.0), (7, 6.6, 6)), PointLight((0, 4, -10), (25, 20, 15))),
        (0.2, 0.22, 0.28),
    )


SCENES: dict[str, Callable[[], Scene]] = {
    "lights": _lights,
    "twigs": _twigs,
    "wall": _wall,
    "clutter": _clutter,
    "fence": _fence,
    "street": _street,
    "foliage": _foliage,
    "hair": _hair,
    "blades": _blades,
    "anamorphic": _anamorphic,
}
