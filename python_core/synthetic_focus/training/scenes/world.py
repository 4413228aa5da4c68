"""What a training world is made of: one mesh with materials, lights, a sky, and cameras.

World coordinates: metres, y up, the ground near y = 0. A material mixes three colours by a pattern
(see `patterns`) whose coordinates are metres on the surface times the material's scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.training.scenes.patterns import PATTERNS

Colour = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """A camera: where it stands, how it is turned (degrees; yaw 0 looks along -z), its lens."""

    position: tuple[float, float, float]
    yaw: float
    pitch: float
    roll: float
    focal_length_mm: float

    @property
    def rotation(self) -> NDArray[np.float64]:
        """Columns: the camera's right, up and backward axes in the world (3, 3)."""
        yaw, pitch, roll = np.radians([self.yaw, self.pitch, self.roll])
        turn_y = np.array(
            [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
        )
        turn_x = np.array(
            [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
        )
        turn_z = np.array(
            [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
        )
        return np.asarray(turn_y @ turn_x @ turn_z)


@dataclass(frozen=True)
class Light:
    """What lights the world besides its glowing surfaces.

    sky: (256, 512, 3) radiance by elevation (row 0 straight down) and azimuth. sun: radiance that
    a white surface facing the sun reflects. ambient: stands for all bounces after the second.
    fog: (scattered radiance, extinction per metre).
    """

    sky: Floats
    sun_direction: Colour
    sun: Colour
    ambient: Colour
    fog: tuple[Colour, float] = (np.zeros(3), 0.0)
    sun_visible: bool = True


@dataclass(frozen=True)
class World:
    """Triangles that share no corners, what they are made of, and how they are seen.

    corners: (3F, 3); normals: (3F, 3); uv: (3F, 2) in metres; material: (F,) rows of `materials`
    (M, 20): three colours, pattern, scale, glow, gloss, roughness, metal, lamp. lamps: (L, 7)
    position, radius, radiance of small round lights, whose triangles are in the mesh too.
    """

    style: str
    corners: Floats
    normals: Floats
    uv: Floats
    material: NDArray[np.uint32]
    materials: Floats
    lamps: Floats
    light: Light
    views: tuple[View, ...]
    nearest: float


class Builder:
    """Collects the surfaces of a world."""

    def __init__(self) -> None:
        self._parts: list[tuple[Floats, Floats, Floats, int]] = []
        self._materials: list[list[float]] = []
        self._lamps: list[list[float]] = []

    def material(
        self,
        first: ArrayLike,
        second: ArrayLike | None = None,
        third: ArrayLike | None = None,
        *,
        pattern: int = 0,
        scale: float | tuple[float, float] = 1.0,
        glow: ArrayLike = (0.0, 0.0, 0.0),
        gloss: float = 0.0,
        roughness: float = 0.1,
        metal: bool = False,
        lamp: bool = False,
    ) -> int:
        """A new material; glow (RGB radiance) shows where the pattern has its third colour."""
        a = np.asarray(first, np.float64)
        b = a if second is None else np.asarray(second, np.float64)
        c = b if third is None else np.asarray(third, np.float64)
        u, v = (scale, scale) if isinstance(scale, int | float) else scale
        row = [*a, float(pattern), *b, u, *c, v, *np.asarray(glow, np.float64), gloss]
        self._materials.append([*map(float, row), roughness, float(metal), float(lamp), 0.0])
        return len(self._materials) - 1

    def add(
        self, vertices: ArrayLike, faces: ArrayLike, normals: ArrayLike, uv: ArrayLike, what: int
    ) -> None:
        """Triangles of the material `what`: vertices, normals (V, 3), uv (V, 2), faces (F, 3)."""
        index = np.asarray(faces).ravel()
        self._parts.append(
            (
                np.asarray(vertices, np.float32)[index],
                np.asarray(normals, np.float32)[index],
                np.asarray(uv, np.float32)[index],
                what,
            )
        )

    def mesh(
        self, points: NDArray[np.float64], uv: ArrayLike, what: int, *, closed: bool = False
    ) -> None:
        """A grid of points (R, C, 3) with smooth normals; closed: column -1 meets column 0."""
        rows, columns = points.shape[:2]
        du = np.gradient(points, axis=1)
        if closed:
            du[:, 0] = du[:, -1] = points[:, 1] - points[:, -2]
        normals = np.cross(du, np.gradient(points, axis=0))
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
        corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
        a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
        faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
        flat = np.asarray(uv, np.float64).reshape(-1, 2)
        self.add(points.reshape(-1, 3), faces, normals.reshape(-1, 3), flat, what)

    def quad(self, corners: ArrayLike, what: int) -> None:
        """A parallelogram from its corners in order."""
        p = np.asarray(corners, np.float64)
        across, up = np.linalg.norm(p[1] - p[0]), np.linalg.norm(p[3] - p[0])
        normal = np.cross(p[1] - p[0], p[3] - p[0])
        normal /= np.linalg.norm(normal) + 1e-12
        uv = np.array([[0, 0], [across, 0], [across, up], [0, up]])
        self.add(p, [[0, 1, 2], [0, 2, 3]], np.tile(normal, (4, 1)), uv, what)

    def box(
        self,
        base: ArrayLike,
        size: ArrayLike,
        what: int,
        yaw: float = 0.0,
        turn: NDArray[np.float64] | None = None,
    ) -> None:
        """A box that stands on the point `base`, turned about the vertical (or by a matrix)."""
        half = np.asarray(size, np.float64) / 2
        rotation = turned(yaw) if turn is None else turn
        centre = np.asarray(base, np.float64) + rotation @ np.array([0, half[1], 0])
        corners, normals, uv = [], [], []
        for axis in range(3):
            for sign in (-1.0, 1.0):
                # The vertical runs up the texture on the sides
                u, v = {0: (2, 1), 1: (0, 2), 2: (0, 1)}[axis]
                c = np.zeros((4, 3))
                c[:, axis] = sign
                c[:, u], c[:, v] = [-1, 1, 1, -1], [-1, -1, 1, 1]
                corners.append((c * half) @ rotation.T + centre)
                normal = np.zeros(3)
                normal[axis] = sign
                normals.append(np.tile(rotation @ normal, (4, 1)))
                uv.append((c[:, [u, v]] + 1) * half[[u, v]])
        faces = (np.array([[0, 1, 2], [0, 2, 3]])[None] + 4 * np.arange(6)[:, None, None]).reshape(
            -1, 3
        )
        self.add(np.concatenate(corners), faces, np.concatenate(normals), np.concatenate(uv), what)

    def ellipsoid(
        self,
        centre: ArrayLike,
        radii: ArrayLike,
        what: int,
        turn: NDArray[np.float64] | None = None,
        rough: float = 0.0,
        rng: np.random.Generator | None = None,
        rows: int = 9,
    ) -> None:
        """An ellipsoid; rough: its radius varies smoothly by about this share (needs `rng`)."""
        theta = np.linspace(0.02, np.pi - 0.02, rows + 1)[:, None]
        phi = np.linspace(0, 2 * np.pi, 2 * rows + 1)[None]
        unit = np.stack(
            [np.sin(theta) * np.cos(phi), np.cos(theta) + 0 * phi, np.sin(theta) * np.sin(phi)], -1
        )
        size = np.asarray(radii, np.float64)
        if rough and rng is not None:
            wave = rng.normal(0, 1, (3, 6)) * np.array([1.5, 1.5, 2.5, 2.5, 4, 4])
            unit = unit * (
                1 + rough * np.sin(unit @ wave + rng.uniform(0, 6, 6)).mean(-1, keepdims=True) * 2
            )
        points = unit * size
        if turn is not None:
            points = points @ turn.T
        metres = np.stack(np.broadcast_arrays(phi * size[[0, 2]].mean(), theta * size[1]), -1)
        self.mesh(points + np.asarray(centre), metres, what, closed=True)

    def tube(self, path: ArrayLike, radii: ArrayLike, what: int, sides: int = 8) -> None:
        """A round tube along a path (N, 3) with a radius for every point (or one for all)."""
        points = np.asarray(path, np.float64)
        thickness = np.broadcast_to(np.asarray(radii, np.float64), len(points))
        along = np.gradient(points, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
        aside = np.cross(along, [0.31, 0.17, 0.93])
        aside /= np.linalg.norm(aside, axis=1, keepdims=True) + 1e-12
        up = np.cross(along, aside)
        angle = np.linspace(0, 2 * np.pi, sides + 1)[None, :, None]
        ring = np.cos(angle) * aside[:, None] + np.sin(angle) * up[:, None]
        length = np.cumsum(np.r_[0, np.linalg.norm(np.diff(points, axis=0), axis=1)])
        uv = np.stack(np.broadcast_arrays(angle[..., 0] * thickness.mean(), length[:, None]), -1)
        self.mesh(points[:, None] + ring * thickness[:, None, None], uv, what, closed=True)

    def lathe(
        self,
        base: ArrayLike,
        profile: ArrayLike,
        what: int,
        sides: int = 18,
        turn: Colour | None = None,
    ) -> None:
        """A body of revolution on `base`; profile (N, 2): radius, height."""
        outline = np.asarray(profile, np.float64)
        angle = np.linspace(0, 2 * np.pi, sides + 1)[None]
        radius, height = outline[:, :1], outline[:, 1:]
        points = np.stack(
            np.broadcast_arrays(radius * np.cos(angle), height, radius * np.sin(angle)), -1
        )
        if turn is not None:
            points = points @ turn.T
        length = np.cumsum(np.r_[0, np.linalg.norm(np.diff(outline, axis=0), axis=1)])[:, None]
        uv = np.stack(np.broadcast_arrays(angle * max(outline[:, 0].mean(), 1e-3), length), -1)
        self.mesh(points + np.asarray(base), uv, what, closed=True)

    def cards(
        self,
        centres: NDArray[np.float64],
        size: ArrayLike,
        what: int | Sequence[int],
        rng: np.random.Generator,
        flat: float = 0.0,
    ) -> None:
        """A leaf-shaped card, randomly turned, at each centre (N, 3); flat 1: all lie level."""
        outline = np.array([[0, -0.5, 0], [0.3, 0, 0.06], [0, 0.5, 0], [-0.3, 0, 0.06]])
        axes = np.linalg.qr(rng.normal(size=(len(centres), 3, 3)))[0]
        if flat:
            axes = axes * (1 - flat) + flat * np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]])
        scale = np.broadcast_to(np.asarray(size, np.float64), len(centres))
        scale = (scale * rng.uniform(0.6, 1.4, len(centres)))[:, None, None]
        points = centres[:, None] + (outline * scale) @ axes
        normals = np.repeat(axes[:, 2], 4, axis=0)
        kinds = [what] if isinstance(what, int) else list(what)
        chosen = rng.integers(len(kinds), size=len(centres))
        for number, kind in enumerate(kinds):
            mine = np.flatnonzero(chosen == number)
            faces = np.array([[0, 1, 2], [0, 2, 3]])[None] + 4 * mine[:, None, None]
            uv = np.tile(outline[:, :2] + 0.5, (len(centres), 1)) * scale.repeat(4, 0)[:, 0]
            self.add(points.reshape(-1, 3), faces.reshape(-1, 3), normals, uv, kind)

    @property
    def parts(self) -> int:
        """How many parts have been added."""
        return len(self._parts)

    def repeat(self, parts: range, about: ArrayLike, to: ArrayLike, yaw: float) -> None:
        """Adds parts again, turned by `yaw` degrees about the vertical through `about`, at `to`."""
        rotation = turned(yaw).T.astype(np.float32)
        here, there = np.asarray(about, np.float32), np.asarray(to, np.float32)
        for index in parts:
            corners, normals, uv, what = self._parts[index]
            moved = ((corners - here) @ rotation + there).astype(np.float32)
            self._parts.append((moved, (normals @ rotation).astype(np.float32), uv, what))

    def lamp(self, centre: ArrayLike, radius: float, radiance: ArrayLike) -> None:
        """A small round light."""
        what = self.material((0, 0, 0), pattern=PATTERNS["glow"][0], glow=radiance, lamp=True)
        self.ellipsoid(centre, [radius] * 3, what, rows=3)
        place = np.asarray(centre, np.float64)
        self._lamps.append([*map(float, place), radius, *map(float, np.asarray(radiance))])

    def world(self, style: str, light: Light, views: Sequence[View], nearest: float) -> World:
        """Everything that was added; nearest: what a view shows is seldom nearer (metres)."""
        counts = [len(part[0]) // 3 for part in self._parts]
        kinds = np.array([part[3] for part in self._parts], np.uint32)
        return World(
            style,
            np.concatenate([part[0] for part in self._parts]),
            np.concatenate([part[1] for part in self._parts]),
            np.concatenate([part[2] for part in self._parts]),
            np.repeat(kinds, counts),
            np.array(self._materials, np.float32),
            np.array(self._lamps, np.float32).reshape(-1, 7),
            light,
            tuple(views),
            nearest,
        )


def turned(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> NDArray[np.float64]:
    """A rotation (3, 3) by angles in degrees, as `View.rotation`."""
    return View((0, 0, 0), yaw, pitch, roll, 50).rotation
