"""The parts of a human figure as meshes: head, face, hair and hats, trunk, limbs, hands, feet.

Lengths are shares of the stature (the head's: of `size`), right, up and forward of the figure;
`Placing` takes them to the world.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthetic_focus.training.scenes.world import Builder, Colour

Placing = Callable[[ArrayLike], NDArray[np.float64]]
"""From shares of the stature (..., 3), right, up, forward, to the world (..., 3)."""

# Half width and reach before and behind the ears' axis by height above the eyes, from the crown
_SKULL = np.array(
    [
        [0.067, 0.000, 0.000, 0.000],
        [0.064, 0.018, 0.020, 0.024],
        [0.054, 0.034, 0.038, 0.043],
        [0.038, 0.043, 0.049, 0.054],
        [0.018, 0.046, 0.053, 0.059],
        [-0.004, 0.0455, 0.0505, 0.057],
        [-0.022, 0.043, 0.050, 0.047],
        [-0.040, 0.037, 0.048, 0.030],
        [-0.054, 0.027, 0.046, 0.016],
        [-0.064, 0.015, 0.040, 0.004],
        [-0.068, 0.000, 0.020, 0.000],
    ]
)


def _around(
    level: NDArray[np.float64], angle: NDArray[np.float64], grow: ArrayLike, hanging: bool
) -> NDArray[np.float64]:
    """Points (..., 3) around the skull (x right, y up, -z forward); angle 0 is the face.

    Hanging hair and hoods keep their width below the ears, where a skull narrows.
    """
    width, front, back = (
        np.interp(level, _SKULL[::-1, 0], _SKULL[::-1, column]) for column in (1, 2, 3)
    )
    if hanging:
        below = level < 0.0
        width, back = np.where(below, 0.0455, width), np.where(below, 0.056, back)
    more = np.asarray(grow)
    ahead = np.cos(angle)
    deep = np.where(ahead > 0, front, back) + more
    return np.stack([(width + more) * np.sin(angle), level, -deep * ahead], -1)


def skull(b: Builder, at: ArrayLike, turn: Colour, size: float, what: int) -> None:
    """A head without hair or features; `at` is between the ears at the height of the eyes."""
    angle = np.linspace(-np.pi, np.pi, 25)
    share = np.linspace(0, 1, 17)
    level = np.interp(share, np.linspace(0, 1, len(_SKULL)), _SKULL[:, 0])
    rows, columns = np.meshgrid(level, angle, indexing="ij")
    points = _around(rows, columns, 0.0, False) * size
    metres = np.stack(np.meshgrid(angle * 0.05 * size, level * size), -1)
    b.mesh(points @ turn.T + np.asarray(at), metres, what, closed=True)


def shell(
    b: Builder,
    at: ArrayLike,
    turn: Colour,
    size: float,
    what: int,
    edge: Sequence[tuple[float, float]],
    grow: float,
    rng: np.random.Generator,
    rough: float = 0.1,
    parting: float = 0.0,
) -> None:
    """Hair, a hat or a hood around a skull, from the crown to an edge.

    edge: (degrees from the face, height) in order; grow: how far off the skin; rough: how far the
    surface waves, as a share of `grow`; parting: degrees by which the edge is turned.
    """
    angle = np.linspace(-np.pi, np.pi, 41)
    turned_by = np.degrees(np.arccos(np.cos(angle - np.radians(parting))))
    bottom = np.interp(turned_by, [a for a, _ in edge], [y for _, y in edge])
    bottom = bottom + rough * 0.03 * np.sin(angle * rng.integers(2, 9) + rng.uniform(0, 6))
    share = np.linspace(0, 1, 16)[:, None] ** 1.2
    top = _SKULL[0, 0] + grow * 0.9
    level = top - (top - bottom) * share
    wave = sum(
        np.sin(k * angle + rng.uniform(0, 6) + f * share)
        for k, f in zip(rng.integers(1, 7, 3), rng.uniform(-9, 9, 3), strict=True)
    )
    thick = grow * (1 + rough * wave)
    thick = thick * (1 - 0.75 * share**4 * (np.cos(angle) > 0.4))
    inside = np.where(level > 0, level * (_SKULL[0, 0] / top), level)
    # Flat near the crown, so that it is round there
    thick = thick * np.sqrt(np.clip((_SKULL[0, 0] - inside) / 0.02, 0, 1))
    points = _around(inside, np.broadcast_to(angle, level.shape), thick, True)
    points[..., 1] = level
    # The crown closes
    points[0, :, [0, 2]] = 0.0
    metres = np.stack(np.broadcast_arrays(angle * 0.05 * size, -level * size), -1)
    b.mesh(points * size @ turn.T + np.asarray(at), metres, what, closed=True)


def face(
    b: Builder, at: ArrayLike, turn: Colour, size: float, skin: int, brow: int, iris: int, lip: int
) -> None:
    """Eyes, brows, nose, mouth and ears on a skull."""
    white = b.material((0.6, 0.58, 0.55), gloss=0.05)
    both = (
        (white, (0.0185, 0.001, -0.0445), (0.0075, 0.0045, 0.004)),
        (iris, (0.0185, 0.001, -0.0472), (0.0036, 0.0040, 0.003)),
        (brow, (0.0190, 0.0135, -0.0468), (0.0110, 0.0024, 0.004)),
        (skin, (0.0190, 0.0075, -0.0450), (0.0090, 0.0040, 0.004)),
        (skin, (0.0465, -0.0060, 0.0040), (0.0050, 0.0150, 0.009)),
    )
    single = (
        (skin, (0, -0.010, -0.0520), (0.0060, 0.0150, 0.009)),
        (skin, (0, -0.019, -0.0560), (0.0090, 0.0060, 0.008)),
        (lip, (0, -0.0355, -0.0470), (0.0130, 0.0040, 0.005)),
    )
    for what, (x, y, z), radii in both:
        for side in (-1, 1):
            _bit(b, at, turn, size, what, (side * x, y, z), radii)
    for what, where, radii in single:
        _bit(b, at, turn, size, what, where, radii)


def _bit(
    b: Builder,
    at: ArrayLike,
    turn: Colour,
    size: float,
    what: int,
    where: ArrayLike,
    radii: ArrayLike,
) -> None:
    place = np.asarray(at) + turn @ (np.asarray(where, np.float64) * size)
    b.ellipsoid(place, np.asarray(radii) * size, what, turn, rows=5)


def trunk(b: Builder, place: Placing, rows: ArrayLike, what: int, folds: float = 0.0) -> None:
    """A body or garment of oval sections; rows (N, 4): height, half width, half depth, forward.

    folds: how far a skirt waves at its last row, as a share of its width.
    """
    given = np.asarray(rows, np.float64)
    fine = np.linspace(0, 1, 2 * len(given) - 1)
    level, wide, deep, ahead = (
        np.interp(fine, np.linspace(0, 1, len(given)), column)[:, None] for column in given.T
    )
    angle = np.linspace(0, 2 * np.pi, 25)[None]
    # Rather squarer than an ellipse
    across, along = (np.sign(v) * abs(v) ** 0.85 for v in (np.cos(angle), np.sin(angle)))
    wave = 1 + folds * fine[:, None] ** 2 * np.sin(8 * angle)
    points = np.stack(
        np.broadcast_arrays(across * wide * wave, level, along * deep * wave + ahead), -1
    )
    metres = np.stack(np.broadcast_arrays(angle * wide.mean() * 1.7, level * 1.7), -1)
    b.mesh(place(points), metres, what, closed=True)


def limb(
    b: Builder, place: Placing, joints: ArrayLike, radii: Sequence[float], what: int, tall: float
) -> None:
    """A tube through joints (N, 3), each with its radius, that bends smoothly."""
    spots = np.asarray(joints, np.float64)
    at = np.arange(len(spots))
    fine = np.linspace(0, len(spots) - 1, 4 * (len(spots) - 1) + 1)
    # Corners are cut a little
    path = np.stack([np.interp(fine, at, column) for column in spots.T], -1)
    path[1:-1] = 0.5 * path[1:-1] + 0.25 * (path[:-2] + path[2:])
    b.tube(place(path), np.interp(fine, at, np.asarray(radii)) * tall, what, 10)


def joint(
    start: ArrayLike, end: ArrayLike, upper: float, lower: float, hint: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The elbow or knee between two bones, bent towards `hint`, and the end, within reach."""
    a, goal, aside = (np.asarray(value, np.float64) for value in (start, end, hint))
    way = goal - a
    length = float(np.linalg.norm(way)) + 1e-9
    way = way / length
    length = float(np.clip(length, abs(upper - lower) + 0.02, 0.995 * (upper + lower)))
    along = (upper**2 - lower**2 + length**2) / (2 * length)
    aside = aside - way * (aside @ way)
    aside = aside / (np.linalg.norm(aside) + 1e-9)
    middle = a + way * along + aside * np.sqrt(max(upper**2 - along**2, 0.0))
    return middle, a + way * length
