"""Rendered shots with true positions and depths, on which focus decisions are measured.

Each shot is composited from textured layers at known depths, so that where every subject is, how
far away it is and how much of it can be seen are known exactly for every frame. The pictures are
noisy and 8-bit, the disparity maps noisy and soft-edged, as estimates are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_focus.focus import FocusTarget

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]

WIDTH, HEIGHT = 480, 270
FRAMES = 120
DISPARITY_RANGE = (0.1, 1.0)
_DISPARITY_NOISE = 0.011  # of the range


@dataclass(frozen=True)
class Subject:
    """One moving thing and the truth about it, per frame.

    Attributes:
        center: (n, 2) float64, x and y in 0..1 from the top left.
        disparity: (n,) float64.
        visible: (n,) float64, the share of the subject that is in the frame and not covered.
    """

    center: npt.NDArray[np.float64]
    disparity: npt.NDArray[np.float64]
    visible: npt.NDArray[np.float64]


@dataclass(frozen=True)
class RenderedShot:
    """A shot with its truth. ``targets[i]`` is on subject ``wanted[i]``.

    ``range`` is that of its disparity, from the farthest to the nearest.
    """

    name: str
    range: tuple[float, float]
    images: Sequence[Image]
    disparity: Sequence[Map]
    subjects: Sequence[Subject]
    targets: Sequence[FocusTarget]
    wanted: Sequence[int]


@dataclass(frozen=True)
class _Actor:
    sprite: npt.NDArray[np.float32]  # (h, w, 4), colour and coverage
    path: Callable[[float], tuple[float, float]]  # frame -> centre in 0..1
    depth: Callable[[float], float]  # frame -> disparity
    scale: float  # height as a share of the picture at disparity 1
    relief: Map | None = None  # (h, w), how much nearer than `depth` it is there at disparity 1


def _noise(rng: np.random.Generator, height: int, width: int, octaves: Sequence[int]) -> Map:
    """Texture of unit deviation, with the 1/f fall-off and the greyness of real surfaces."""
    texture = np.zeros((height, width, 3), np.float32)
    for cell in octaves:
        shape = (height // cell + 2, width // cell + 2)
        coarse = rng.normal(size=(*shape, 1)) + 0.35 * rng.normal(size=(*shape, 3))
        coarse = (cell**0.6 * coarse).astype(np.float32)
        texture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    texture -= texture.mean((0, 1))
    return np.asarray(texture / texture.std(), np.float32)


def _street(rng: np.random.Generator) -> Map:
    """A backdrop of house fronts with windows, four pictures wide."""
    backdrop = 0.45 + 0.1 * _noise(rng, HEIGHT, WIDTH * 4, (4, 12, 40, 120))
    x = 0
    while x < WIDTH * 4:
        width = int(rng.integers(60, 160))
        shade = rng.uniform(-0.15, 0.15, 3).astype(np.float32)
        top = int(rng.integers(0, HEIGHT // 3))
        backdrop[top : HEIGHT * 2 // 3, x : x + width] += shade
        for wy in range(top + 12, HEIGHT * 2 // 3 - 30, 44):
            for wx in range(x + 8, x + width - 22, 30):
                backdrop[wy : wy + 26, wx : wx + 16] += np.float32(rng.uniform(-0.25, 0.25))
        x += width
    return backdrop


def _figure(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A head on a torso, patterned, in front view."""
    height, width = 240, 120
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    head = ((x - 60) / 30) ** 2 + ((y - 45) / 38) ** 2 <= 1
    torso = (np.abs((x - 60) / 54) ** 3 + np.abs((y - 160) / 82) ** 4) <= 1
    colour = 0.5 + 0.13 * _noise(rng, height, width, (6, 20, 60))
    colour[torso] = 0.6 * colour[torso] + 0.4 * rng.uniform(0.1, 0.9, 3).astype(np.float32)
    colour[head] = 0.5 * colour[head] + 0.5 * np.array((0.55, 0.62, 0.8), np.float32)
    for eye in (48, 72):
        colour[(x - eye) ** 2 + (y - 40) ** 2 < 20] = 0.08
    stripes = torso & (((y // 14) % 2) == 0)
    colour[stripes] = 0.7 * colour[stripes] + 0.3 * rng.uniform(0, 1, 3).astype(np.float32)
    cover = (head | torso).astype(np.float32)
    sprite = np.dstack([np.clip(colour, 0, 1), cover])
    return cv2.GaussianBlur(sprite, (0, 0), 0.7).astype(np.float32)


@dataclass(frozen=True)
class _Placed:
    """An actor in the picture: colour and coverage, disparity, centre, and its whole area."""

    colour: Map
    cover: Map
    surface: Map
    centre: tuple[float, float]
    disparity: float
    area: float


def _place(actor: _Actor, frame: float) -> _Placed:
    (cx, cy), disparity = actor.path(frame), actor.depth(frame)
    h, w = actor.sprite.shape[:2]
    zoom = actor.scale * disparity * HEIGHT / h
    matrix = np.array(
        [[zoom, 0, cx * WIDTH - zoom * w / 2], [0, zoom, cy * HEIGHT - zoom * h / 2]], np.float32
    )
    source = actor.sprite
    if zoom < 0.5:
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.35 / zoom), np.float32)
    placed = np.asarray(
        cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR), np.float32
    )
    surface = np.full((HEIGHT, WIDTH), disparity, np.float32)
    if actor.relief is not None:
        # What sticks out by dz metres is nearer by dz d^2 dioptres.
        surface += np.float32(disparity**2) * cv2.warpAffine(actor.relief, matrix, (WIDTH, HEIGHT))
    area = float(actor.sprite[..., 3].sum()) * zoom * zoom
    return _Placed(placed[..., :3], placed[..., 3:4], surface, (cx, cy), disparity, area)


def _render(
    name: str,
    seed: int,
    actors: Sequence[_Actor],
    targets: Sequence[tuple[int, int]],
    *,
    pan: Callable[[float], float] = lambda _: 0.0,
    cut: int | None = None,
    span: tuple[float, float] = DISPARITY_RANGE,
    floor_end: float = 0.6,
) -> RenderedShot:
    """Composite ``actors`` over a backdrop and a floor; ``targets`` are (actor, frame)."""
    rng = np.random.default_rng(seed)
    backdrops = [_street(rng), _street(rng)]
    grain = rng.normal(scale=0.015, size=(HEIGHT * 2, WIDTH * 2, 3)).astype(np.float32)
    noise = _DISPARITY_NOISE * (span[1] - span[0])
    error = rng.normal(scale=noise, size=(HEIGHT * 2, WIDTH * 2)).astype(np.float32)
    images: list[Image] = []
    maps: list[Map] = []
    centres: list[list[tuple[float, float]]] = [[] for _ in actors]
    depths: list[list[float]] = [[] for _ in actors]
    visible: list[list[float]] = [[] for _ in actors]
    rows = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None]
    rise = np.clip((rows - 0.55) / 0.45, 0, 1)
    floor = (span[0] + rise * (floor_end - span[0])).astype(np.float32)
    for frame in range(FRAMES):
        offset = WIDTH * 1.5 + pan(frame) * WIDTH
        backdrop = backdrops[int(cut is not None and frame >= cut)]
        shift = np.array([[1, 0, -offset], [0, 1, 0]], np.float32)
        picture = np.asarray(cv2.warpAffine(backdrop, shift, (WIDTH, HEIGHT)), np.float32)
        disparity = np.repeat(floor, WIDTH, 1)
        placed = [_place(actor, frame) for actor in actors]
        coverage = [actor.cover.copy() for actor in placed]
        for actor in sorted(placed, key=lambda one: one.disparity):
            picture = picture * (1 - actor.cover) + actor.colour * actor.cover
            disparity = np.where(actor.cover[..., 0] > 0.5, actor.surface, disparity)
            for j, other in enumerate(placed):
                if other.disparity < actor.disparity:
                    coverage[j] *= 1 - actor.cover
        for i, actor in enumerate(placed):
            centres[i].append(actor.centre)
            depths[i].append(actor.disparity)
            visible[i].append(float(coverage[i].sum()) / actor.area)
        oy, ox = int(rng.integers(HEIGHT)), int(rng.integers(WIDTH))
        window = np.s_[oy : oy + HEIGHT, ox : ox + WIDTH]
        picture = picture + grain[window]
        images.append(np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8))
        maps.append((cv2.GaussianBlur(disparity, (0, 0), 1.2) + error[window]).astype(np.float32))
    subjects = [
        Subject(np.array(c), np.array(d), np.clip(np.array(v), 0, 1))
        for c, d, v in zip(centres, depths, visible, strict=True)
    ]
    return RenderedShot(
        name=name,
        range=span,
        images=images,
        disparity=maps,
        subjects=subjects,
        targets=[
            FocusTarget(float(subjects[i].center[t, 0]), float(subjects[i].center[t, 1]), t)
            for i, t in targets
        ],
        wanted=[i for i, _ in targets],
    )


def _line(
    start: tuple[float, float], end: tuple[float, float], first: float = 0, last: float = FRAMES - 1
) -> Callable[[float], tuple[float, float]]:
    def at(frame: float) -> tuple[float, float]:
        u = float(np.clip((frame - first) / (last - first), 0, 1))
        return (start[0] + u * (end[0] - start[0]), start[1] + u * (end[1] - start[1]))

    return at


def _ramp(start: float, end: float) -> Callable[[float], float]:
    return lambda frame: start + (end - start) * frame / (FRAMES - 1)


def crossing() -> RenderedShot:
    """Two subjects walk past each other, the near one in front."""
    rng = np.random.default_rng(1)
    a = _Actor(_figure(rng), _line((0.15, 0.6), (0.85, 0.6)), _ramp(0.8, 0.72), 0.8)
    b = _Actor(_figure(rng), _line((0.85, 0.5), (0.15, 0.5)), _ramp(0.38, 0.42), 1.0)
    return _render("crossing", 11, [a, b], [(0, 0), (1, 95)])


def occluded() -> RenderedShot:
    """A subject is hidden for 20 frames by something nearer that passes."""
    rng = np.random.default_rng(2)
    subject = _Actor(_figure(rng), _line((0.3, 0.5), (0.6, 0.5)), _ramp(0.4, 0.44), 1.0)
    wall = np.dstack([0.4 + 0.1 * _noise(rng, 240, 160, (8, 30)), np.ones((240, 160, 1))])
    blocker = _Actor(
        wall.astype(np.float32), _line((-0.22, 0.5), (1.22, 0.5), 30, 95), lambda _: 0.9, 1.3
    )
    return _render("occluded", 12, [subject, blocker], [(0, 0)])


def leaving() -> RenderedShot:
    """A subject leaves the picture and returns."""
    rng = np.random.default_rng(3)

    def path(frame: float) -> tuple[float, float]:
        return (0.5 + 0.75 * np.sin(np.clip((frame - 15) / 90, 0, 1) * np.pi), 0.55)

    subject = _Actor(_figure(rng), path, _ramp(0.55, 0.6), 0.9)
    other = _Actor(_figure(rng), lambda _: (0.2, 0.5), lambda _: 0.3, 1.0)
    return _render("leaving", 13, [subject, other], [(0, 0)])


def fast() -> RenderedShot:
    """A subject crosses the picture in a second, again and again, while it comes nearer."""
    rng = np.random.default_rng(4)
    subject = _Actor(
        _figure(rng),
        lambda f: (0.5 + 0.35 * np.sin(f * 2 * np.pi / 48), 0.55),
        _ramp(0.5, 0.9),
        0.7,
    )
    return _render("fast", 14, [subject], [(0, 0)])


def tiny() -> RenderedShot:
    """A subject of 30 pixels height."""
    rng = np.random.default_rng(5)
    subject = _Actor(_figure(rng), _line((0.2, 0.4), (0.75, 0.45)), lambda _: 0.5, 0.17)
    return _render("tiny", 15, [subject], [(0, 0)])


def whip_pan() -> RenderedShot:
    """The camera whips from one subject to another within eight frames."""
    rng = np.random.default_rng(6)

    def pan(frame: float) -> float:
        u = float(np.clip((frame - 56) / 8, 0, 1))
        return u * u * (3 - 2 * u) * 1.2

    a = _Actor(_figure(rng), lambda f: (0.45 - pan(f), 0.55), lambda _: 0.7, 0.8)
    b = _Actor(_figure(rng), lambda f: (1.65 - pan(f), 0.5), lambda _: 0.35, 1.0)
    return _render("whip pan", 16, [a, b], [(0, 0), (1, 75)], pan=pan)


def cut() -> RenderedShot:
    """The picture cuts from one scene to another; each has its subject."""
    rng = np.random.default_rng(7)
    away = (-5.0, 0.5)
    a = _Actor(_figure(rng), lambda f: (0.35, 0.55) if f < 60 else away, lambda _: 0.75, 0.8)
    b = _Actor(_figure(rng), lambda f: away if f < 60 else (0.65, 0.5), lambda _: 0.4, 1.0)
    return _render("cut", 17, [a, b], [(0, 0), (1, 60)], cut=60)


def relief() -> RenderedShot:
    """A subject whose body recedes from the point that is wanted, coming nearer as it moves."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[0:240, 0:120].astype(np.float32)
    recedes = -0.6 * (((x - 60) / 60) ** 2 + ((y - 120) / 120) ** 2)
    subject = _Actor(_figure(rng), _line((0.25, 0.5), (0.7, 0.55)), _ramp(0.45, 0.6), 1.2, recedes)
    other = _Actor(_figure(rng), _line((0.8, 0.55), (0.6, 0.55)), lambda _: 0.3, 1.3)
    return _render("relief", 18, [subject, other], [(0, 20)])


def very_deep() -> RenderedShot:
    """From half a metre to 200 m: a person at 5 m before a wall at 7 m, the camera moving by."""
    rng = np.random.default_rng(9)
    wall = np.dstack([0.45 + 0.12 * _noise(rng, 240, 320, (6, 20, 60)), np.ones((240, 320, 1))])
    behind = _Actor(wall.astype(np.float32), _line((0.7, 0.45), (0.58, 0.45)), lambda _: 1 / 7, 4.2)
    person = _Actor(_figure(rng), _line((0.7, 0.52), (0.53, 0.52)), _ramp(1 / 5, 1 / 4.7), 2.4)
    near = _Actor(_figure(rng), _line((0.3, 0.7), (0.05, 0.7)), lambda _: 1 / 0.6, 0.4)
    return _render(
        "very deep",
        19,
        [behind, person, near],
        [(2, 0), (1, 60)],
        span=(1 / 200, 1 / 0.6),
        floor_end=0.9,
    )


SHOTS: tuple[Callable[[], RenderedShot], ...] = (
    crossing,
    occluded,
    leaving,
    fast,
    tiny,
    whip_pan,
    cut,
    relief,
    very_deep,
)
