"""Triangle meshes and textures that the evaluation's scenes are built of: plain NumPy, seeded.

Coordinates are the camera's, in metres: the lens at the origin, x to the right, y up, and the
picture in front of it at negative z (as in OpenGL and Blender). `depth` is always -z.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Mesh:
    """Triangles: vertices (V, 3), faces (F, 3), texture coordinates (V, 2), reflectance (V, 3)."""

    vertices: Floats
    faces: NDArray[np.uint32]
    uv: Floats
    colour: Floats


def _mesh(vertices: ArrayLike, faces: ArrayLike, uv: ArrayLike, colour: ArrayLike) -> Mesh:
    points = np.asarray(vertices, np.float32).reshape(-1, 3)
    tint = np.broadcast_to(np.asarray(colour, np.float32), points.shape)
    return Mesh(
        points,
        np.asarray(faces, np.uint32).reshape(-1, 3),
        np.asarray(uv, np.float32).reshape(-1, 2),
        np.ascontiguousarray(tint),
    )


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All meshes as one."""
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + np.uint32(s) for m, s in zip(meshes, starts, strict=True)]),
        np.concatenate([m.uv for m in meshes]),
        np.concatenate([m.colour for m in meshes]),
    )


def _grid(rows: int, columns: int) -> NDArray[np.uint32]:
    """Faces of a (rows + 1) x (columns + 1) grid of vertices."""
    r, c = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    corner = (r * (columns + 1) + c).ravel()
    a, b, d, e = corner, corner + 1, corner + columns + 1, corner + columns + 2
    return np.concatenate([np.stack([a, d, b], 1), np.stack([b, d, e], 1)]).astype(np.uint32)


def quad(corners: ArrayLike, colour: ArrayLike = (0.5, 0.5, 0.5), repeat: float = 1.0) -> Mesh:
    """A rectangle from its four corners, in order around it; the texture repeats over it."""
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * repeat
    return _mesh(corners, [[0, 1, 2], [0, 2, 3]], uv, colour)


def ellipsoid(centre: ArrayLike, radii: ArrayLike, colour: ArrayLike = (0.5, 0.5, 0.5)) -> Mesh:
    """An ellipsoid with its axes along x, y and z."""
    rows, columns = 48, 96
    theta, phi = np.meshgrid(
        np.linspace(0, np.pi, rows + 1), np.linspace(0, 2 * np.pi, columns + 1), indexing="ij"
    )
    unit = np.stack(
        [np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], -1
    ).reshape(-1, 3)
    uv = np.stack([phi / np.pi, theta / np.pi], -1)
    return _mesh(unit * np.asarray(radii) + np.asarray(centre), _grid(rows, columns), uv, colour)


def box(
    centre: ArrayLike,
    size: ArrayLike,
    turn_deg: float = 0.0,
    colour: ArrayLike = (0.5, 0.5, 0.5),
    repeat: float = 1.0,
) -> Mesh:
    """A box, turned about the vertical axis."""
    half = np.asarray(size, np.float64) / 2
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    sides = []
    for axis in range(3):
        for sign in (-1, 1):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            corners = np.zeros((4, 3))
            corners[:, axis] = sign
            corners[:, u] = [-1, 1, 1, -1]
            corners[:, v] = [-1, -1, 1, 1]
            sides.append(quad((corners * half) @ turn.T + np.asarray(centre), colour, repeat))
    return join(sides)


def tube(path: ArrayLike, radii: ArrayLike, colour: ArrayLike = (0.5, 0.5, 0.5)) -> Mesh:
    """A round tube along a path (N, 3), its radius given at every point of the path."""
    points = np.asarray(path, np.float64)
    thickness = np.broadcast_to(np.asarray(radii, np.float64), len(points))
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.cross(along, [0.31, 0.17, 0.93])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    up = np.cross(along, aside)
    sides = 12
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = (
        np.cos(angle)[None, :, None] * aside[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    )
    vertices = points[:, None] + ring * thickness[:, None, None]
    across, down = np.meshgrid(angle / np.pi, np.arange(len(points), dtype=float))
    return _mesh(vertices, _grid(len(points) - 1, sides), np.stack([across, down], -1), colour)


def leaves(centres: Floats, size: float, colours: Floats, rng: np.random.Generator) -> Mesh:
    """A pointed leaf of six triangles, folded along its middle, at each centre (N, 3)."""
    count = len(centres)
    right = [[0.28, 0.35, 0.1], [0.22, 0.75, 0.08]]
    left = [[-0.22, 0.75, 0.08], [-0.28, 0.35, 0.1]]
    outline = np.array([[0, 0, 0], *right, [0, 1.1, 0], *left, [0, 0.5, 0]])
    faces = np.array([[0, 1, 6], [1, 2, 6], [2, 3, 6], [3, 4, 6], [4, 5, 6], [5, 0, 6]])
    axes, _ = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    scale = size * rng.uniform(0.6, 1.4, (count, 1, 1))
    vertices = centres[:, None] + (outline * scale) @ axes
    return _mesh(
        vertices,
        faces[None] + 7 * np.arange(count)[:, None, None],
        np.tile(outline[:, :2], (count, 1)),
        np.repeat(colours, 7, axis=0),
    )


def figure(
    x: float, depth: float, ground: float, height: float, colours: Sequence[ArrayLike]
) -> Mesh:
    """A standing person: head, trunk, arms and legs. Colours: skin, coat, trousers."""
    skin, coat, trousers = colours

    def at(dx: float, up: float) -> NDArray[np.float64]:
        return np.array([x + dx * height, ground + up * height, -depth])

    def limb(start: tuple[float, float], end: tuple[float, float], r: float, c: ArrayLike) -> Mesh:
        path = np.linspace(at(*start), at(*end), 5)
        return tube(path, np.linspace(r, 0.75 * r, 5) * height, c)

    return join(
        [
            ellipsoid(at(0, 0.93), np.array([0.052, 0.075, 0.062]) * height, skin),
            limb((0, 0.82), (0, 0.9), 0.03, skin),
            ellipsoid(at(0, 0.66), np.array([0.115, 0.19, 0.075]) * height, coat),
            ellipsoid(at(0, 0.5), np.array([0.1, 0.1, 0.07]) * height, trousers),
            ellipsoid(at(0, 0.795), np.array([0.115, 0.032, 0.05]) * height, coat),
            limb((-0.098, 0.805), (-0.15, 0.45), 0.032, coat),
            limb((0.098, 0.805), (0.14, 0.47), 0.032, coat),
            limb((-0.05, 0.5), (-0.085, 0.0), 0.055, trousers),
            limb((0.05, 0.5), (0.075, 0.0), 0.055, trousers),
        ]
    )


def branch(
    start: ArrayLike,
    direction: ArrayLike,
    length: float,
    radius: float,
    rng: np.random.Generator,
    levels: int = 3,
) -> list[Mesh]:
    """A twig with its side twigs, each level thinner than the one it grows from."""
    steps = 14
    heading = np.asarray(direction, np.float64)
    heading /= np.linalg.norm(heading)
    bends = np.cumsum(rng.normal(0, 0.09, (steps, 3)), axis=0)
    path = np.asarray(start) + np.cumsum((heading + bends) * length / steps, axis=0)
    bark = np.array([0.16, 0.1, 0.06]) * rng.uniform(0.7, 1.4)
    meshes = [tube(path, np.linspace(radius, 0.5 * radius, steps), bark)]
    if levels > 1:
        for at in rng.choice(np.arange(2, steps), 5, replace=False):
            side = heading + bends[at] + rng.normal(0, 0.7, 3) * [1, 1, 0.4]
            meshes += branch(path[at], side, length * 0.55, radius * 0.5, rng, levels - 1)
    return meshes


def mottled(
    rng: np.random.Generator, dark: ArrayLike, light: ArrayLike, size: int = 512, grain: float = 1.0
) -> Floats:
    """Tiling noise of many scales between two reflectances."""
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij")
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.normal(size=(size, size))) / frequency**grain
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(size, size))
    weight = np.clip(0.5 + 0.22 * noise / noise.std(), 0, 1)[..., None]
    return np.asarray(np.asarray(dark) * (1 - weight) + np.asarray(light) * weight, np.float32)


def bricks(rng: np.random.Generator, rows: int = 24, size: int = 1024) -> Floats:
    """A brick wall that tiles."""
    y, x = np.meshgrid(np.arange(size) / size, np.arange(size) / size, indexing="ij")
    row = np.floor(y * rows).astype(int)
    across = x * rows / 2 + 0.5 * (row % 2)
    column = np.floor(across).astype(int) % (rows // 2)
    tint = rng.uniform(0.45, 1.3, (rows, rows // 2, 1)) * np.array([0.42, 0.16, 0.1])
    picture = tint[row, column] * mottled(rng, [0.7] * 3, [1.2] * 3, size)
    mortar = ((y * rows) % 1 < 0.1) | (across % 1 < 0.05)
    picture[mortar] = 0.5
    return np.asarray(picture, np.float32)


def poster(rng: np.random.Generator, size: int = 512) -> Floats:
    """Hard edges of many sizes and colours: blocks, bars and lines as of print."""
    picture = np.ones((size, size, 3), np.float32) * rng.uniform(0.2, 0.8, 3)
    for _ in range(24):
        w, h = (size * rng.uniform(0.04, 0.4, 2)).astype(int)
        left, top = rng.integers(0, size - w), rng.integers(0, size - h)
        picture[top : top + h, left : left + w] = rng.uniform(0.02, 0.9, 3)
    for top in range(size // 2, size - 16, 22):
        left = 20
        while left < size - 60:
            width = int(rng.integers(6, 34))
            picture[top : top + 11, left : left + width] = 0.04
            left += width + 8
    return picture.astype(np.float32)
