"""Procedural patterns that all training worlds share: (SIZE, SIZE) weights that tile.

A pattern says, for every place, how much of a material's second and third colour it shows, and how
dark it is. All are made once a process, from a fixed seed: what differs between worlds are the
colours and scales.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 256
_Map = NDArray[np.floating[Any]]
_Y, _X = np.meshgrid(np.arange(SIZE) / SIZE, np.arange(SIZE) / SIZE, indexing="ij")


def noise(
    rng: np.random.Generator,
    grain: float,
    shape: tuple[int, int] = (SIZE, SIZE),
    stretch: float = 1.0,
) -> _Map:
    """Tiling noise of many scales, about 0..1; a larger grain is smoother; stretched along x."""
    fy, fx = np.meshgrid(np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1]), indexing="ij")
    frequency = np.hypot(fy, fx * stretch)
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.normal(size=shape)) / frequency**grain
    spectrum[0, 0] = 0
    wave = np.fft.irfft2(spectrum, s=shape)
    return np.asarray(np.clip(0.5 + 0.25 * wave / wave.std(), 0, 1))


def _step(value: _Map, at: float, width: float = 0.04) -> _Map:
    return np.asarray(np.clip((value - at) / width + 0.5, 0, 1))


_Layers = tuple[_Map | float, _Map | float, _Map | float]


def _flat(_: np.random.Generator) -> _Layers:
    return 0.0, 0.0, 1.0


def _glow(_: np.random.Generator) -> _Layers:
    return 0.0, 1.0, 1.0


def _mottled(rng: np.random.Generator) -> _Layers:
    grain = rng.uniform(0.7, 1.7)
    return noise(rng, grain), _step(noise(rng, 1.5), 0.75, 0.3), 0.6 + 0.4 * noise(rng, 0.6)


def _plaster(rng: np.random.Generator) -> _Layers:
    stains = _step(noise(rng, 1.7), 0.7, 0.3) * rng.uniform(0.2, 0.8)
    return 0.3 * noise(rng, 1.4), stains, 0.85 + 0.15 * noise(rng, 0.5)


def _grass(rng: np.random.Generator) -> _Layers:
    return noise(rng, 0.3), _step(noise(rng, 1.4), 0.6, 0.5), 0.4 + 0.6 * noise(rng, 0.2)


def _gravel(rng: np.random.Generator) -> _Layers:
    fine = noise(rng, 0.5)
    return _step(fine, 0.5, 0.3), _step(noise(rng, 0.6), 0.75, 0.1), 0.5 + 0.5 * noise(rng, 0.9)


def _wood(rng: np.random.Generator) -> _Layers:
    planks = int(rng.integers(1, 7))
    plank = np.floor(_Y * planks).astype(int)
    tone = rng.uniform(0.0, 0.6, planks)[plank]
    warp = noise(rng, 1.6, stretch=8.0) + rng.uniform(0, 1, planks)[plank]
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (warp * rng.uniform(3, 9) + 2 * _Y))
    gap = ((_Y * planks) % 1 < 0.03) * float(planks > 1)
    return np.clip(tone + 0.5 * rings, 0, 1), gap, 0.75 + 0.25 * noise(rng, 0.7, stretch=8)


def _bricks(rng: np.random.Generator) -> _Layers:
    rows = int(rng.choice([8, 12, 16]))
    row = np.floor(_Y * rows).astype(int)
    across = _X * rows / 2 + 0.5 * (row % 2)
    column = np.floor(across).astype(int) % (rows // 2)
    tone = rng.uniform(0, 1, (rows, rows // 2))[row, column]
    mortar = ((_Y * rows) % 1 < 0.1) | (across % 1 < 0.05)
    return tone, mortar * 1.0, 0.6 + 0.4 * noise(rng, 0.8)


def _tiles(rng: np.random.Generator) -> _Layers:
    count = int(rng.choice([2, 4, 6, 8]))
    cell = rng.uniform(0, rng.uniform(0.1, 1), (count, count))
    row, column = np.floor(_Y * count).astype(int), np.floor(_X * count).astype(int)
    width = rng.uniform(0.02, 0.08)
    grout = ((_Y * count) % 1 < width) | ((_X * count) % 1 < width)
    return cell[row, column], grout * 1.0, 0.8 + 0.2 * noise(rng, 1.2)


def _checks(rng: np.random.Generator) -> _Layers:
    count = int(rng.choice([2, 4, 8]))
    odd = (np.floor(_X * count) + np.floor(_Y * count)) % 2
    return odd, 0.0, 0.8 + 0.2 * noise(rng, 1.0)


def _stripes(rng: np.random.Generator) -> _Layers:
    count, share = int(rng.integers(2, 12)), rng.uniform(0.2, 0.8)
    place = _X if rng.random() < 0.5 else _Y
    thin = ((place * count + 0.5 * share) % 1 < 0.1) * float(rng.random() < 0.5)
    return ((place * count) % 1 < share) * 1.0, thin, 0.85 + 0.15 * noise(rng, 0.5)


def _plaid(rng: np.random.Generator) -> _Layers:
    count = int(rng.integers(2, 8))
    across, up = (_X * count) % 1 < 0.5, (_Y * count) % 1 < 0.5
    thin = ((_X * count) % 1 < 0.06) | ((_Y * count) % 1 < 0.06)
    return 0.5 * across + 0.5 * up, thin * 1.0, 0.8 + 0.2 * noise(rng, 0.3)


def _fabric(rng: np.random.Generator) -> _Layers:
    weave = 0.5 + 0.25 * (np.sin(2 * np.pi * 48 * _X) + np.sin(2 * np.pi * 48 * _Y))
    return 0.4 * weave, 0.0, 0.7 + 0.3 * weave * noise(rng, 1.3)


def _dots(rng: np.random.Generator) -> _Layers:
    count, radius = int(rng.integers(2, 10)), rng.uniform(0.15, 0.4)
    row = np.floor(_Y * count)
    x = (_X * count + 0.5 * (row % 2) * float(count % 2 == 0)) % 1 - 0.5
    return (np.hypot(x, (_Y * count) % 1 - 0.5) < radius) * 1.0, 0.0, 1.0


def _glyphs(rng: np.random.Generator, rows: int, third: bool) -> _Layers:
    """Rows of blocks with random strokes: read as writing from afar."""
    page = np.zeros((SIZE, SIZE))
    height = SIZE // rows
    for row in range(rows):
        x = int(rng.integers(2, max(3, height)))
        while x < SIZE - height:
            size = int(height * 0.62)
            width = int(size * rng.uniform(0.4, 1.0)) + 1
            top, stroke = row * height + height // 5, max(1, size // 6)
            if rng.random() < 0.82:
                for _ in range(int(rng.integers(2, 5))):
                    if rng.random() < 0.5:
                        at = top + int(rng.integers(0, max(1, size - stroke)))
                        page[at : at + stroke, x : x + width] = 1
                    else:
                        at = x + int(rng.integers(0, max(1, width - stroke)))
                        page[top : top + size, at : at + stroke] = 1
            x += width + max(1, size // 5)
            if rng.random() < 0.03:
                break
    return (0.0, page, 1.0) if third else (page, 0.0, 0.95 + 0.05 * noise(rng, 0.8))


def _text(rng: np.random.Generator) -> _Layers:
    return _glyphs(rng, int(rng.choice([3, 6, 10, 16])), third=False)


def _neon(rng: np.random.Generator) -> _Layers:
    return _glyphs(rng, int(rng.choice([1, 2, 3, 4])), third=True)


def _poster(rng: np.random.Generator) -> _Layers:
    first, second, shade = (np.zeros((SIZE, SIZE)) for _ in range(3))
    shade += 0.9
    for _ in range(int(rng.integers(5, 26))):
        w, h = (SIZE * rng.uniform(0.04, 0.5, 2)).astype(int)
        left, top = rng.integers(0, SIZE - w), rng.integers(0, SIZE - h)
        where: tuple[slice, slice] | NDArray[np.bool_]
        where = (slice(top, top + h), slice(left, left + w))
        if rng.random() < 0.3:
            where = ((_X - left / SIZE) / w) ** 2 + ((_Y - top / SIZE) / h) ** 2 < 0.25 / SIZE**2
        weight = rng.uniform(0, 1)
        first[where], second[where] = weight, (1 - weight) * rng.integers(2)
        shade[where] = rng.uniform(0.3, 1)
    return first, second, shade


def _picture(rng: np.random.Generator) -> _Layers:
    """Soft shapes over a gradient, as a photograph that hangs on a wall."""
    hills = _step(_Y + 0.3 * (noise(rng, 1.8) - 0.5), rng.uniform(0.3, 0.7), 0.02)
    blob = np.hypot(_X - rng.uniform(0.2, 0.8), _Y - rng.uniform(0.3, 0.8)) < rng.uniform(0.1, 0.3)
    return hills, blob * 1.0, 0.4 + 0.6 * np.clip(noise(rng, 1.2) + 0.3 * _Y, 0, 1)


def _facade(rng: np.random.Generator, lit: float) -> _Layers:
    """Windows in a wall: second colour is glass, third is glass with light behind it."""
    columns, rows = int(rng.choice([2, 3, 4, 6])), int(rng.choice([2, 3, 4, 6]))
    x, y = (_X * columns) % 1, (_Y * rows) % 1
    w, h = rng.uniform(0.25, 0.45), rng.uniform(0.25, 0.42)
    glass = (abs(x - 0.5) < w) & (abs(y - 0.5) < h)
    bars = (abs(x - 0.5) < 0.02) | (abs(y - 0.5) < 0.02)
    on = rng.random((rows, columns)) < lit
    shining = on[np.floor(_Y * rows).astype(int), np.floor(_X * columns).astype(int)]
    glass &= ~bars
    frame = (abs(x - 0.5) < w + 0.04) & (abs(y - 0.5) < h + 0.05) & ~glass
    shade = np.where(frame, rng.uniform(0.4, 1), 0.75 + 0.25 * noise(rng, 1.0))
    return (glass & ~shining) * 1.0, (glass & shining) * rng.uniform(0.7, 1, (SIZE, SIZE)), shade


def _windows(rng: np.random.Generator) -> _Layers:
    return _facade(rng, 0.0)


def _lit_windows(rng: np.random.Generator) -> _Layers:
    return _facade(rng, rng.uniform(0.2, 0.7))


def _spines(rng: np.random.Generator) -> _Layers:
    edges = np.sort(rng.choice(np.arange(4, SIZE), int(rng.integers(12, 30)), replace=False))
    book = np.searchsorted(edges, np.arange(SIZE))
    first, second = rng.uniform(0, 1, (2, len(edges) + 1))
    shade = rng.uniform(0.15, 1, len(edges) + 1)[book] * np.where(
        np.isin(np.arange(SIZE), edges), 0.2, 1
    )
    label = (abs(_Y - 0.7) < 0.08) | (abs(_Y - 0.2) < 0.03)
    weight = first[book][None] * (1 - 0.6 * label)
    return weight, (1 - weight) * (second[book] > 0.5)[None], np.broadcast_to(shade, (SIZE, SIZE))


def _camouflage(rng: np.random.Generator) -> _Layers:
    return _step(noise(rng, 1.6), 0.5), _step(noise(rng, 1.6), 0.62), 1.0


def _bark(rng: np.random.Generator) -> _Layers:
    ridges = noise(rng, 1.1, stretch=1 / 4)
    return ridges, 0.0, 0.3 + 0.7 * ridges


def _marble(rng: np.random.Generator) -> _Layers:
    veins = 1 - np.clip(abs(noise(rng, 1.5) - 0.5) * rng.uniform(8, 20), 0, 1)
    return 0.5 * noise(rng, 1.4), veins, 0.9


def _asphalt(rng: np.random.Generator) -> _Layers:
    cracks = 1 - np.clip(abs(noise(rng, 1.3) - 0.5) * 40, 0, 1)
    return _step(noise(rng, 0.2), 0.6, 0.5), cracks * 0.6, 0.7 + 0.3 * noise(rng, 1.3)


_FAMILIES: dict[str, tuple[Callable[[np.random.Generator], _Layers], int]] = {
    "flat": (_flat, 1),
    "glow": (_glow, 1),
    "mottled": (_mottled, 8),
    "plaster": (_plaster, 6),
    "grass": (_grass, 4),
    "gravel": (_gravel, 4),
    "wood": (_wood, 8),
    "bricks": (_bricks, 5),
    "tiles": (_tiles, 6),
    "checks": (_checks, 3),
    "stripes": (_stripes, 8),
    "plaid": (_plaid, 5),
    "fabric": (_fabric, 3),
    "dots": (_dots, 4),
    "text": (_text, 8),
    "neon": (_neon, 8),
    "poster": (_poster, 10),
    "picture": (_picture, 8),
    "windows": (_windows, 8),
    "lit_windows": (_lit_windows, 8),
    "spines": (_spines, 6),
    "camouflage": (_camouflage, 3),
    "bark": (_bark, 4),
    "marble": (_marble, 4),
    "asphalt": (_asphalt, 4),
}


def _numbers() -> dict[str, range]:
    starts = np.cumsum([0, *(count for _, count in _FAMILIES.values())])
    return {
        name: range(start, start + _FAMILIES[name][1])
        for name, start in zip(_FAMILIES, starts.tolist(), strict=False)
    }


PATTERNS = _numbers()
"""The numbers of each family's patterns."""


@cache
def bank() -> NDArray[np.uint32]:
    """All patterns (N, SIZE, SIZE): second weight, third weight, shade in the low three bytes."""
    rng = np.random.default_rng(20190717)
    packed = []
    for make, count in _FAMILIES.values():
        for _ in range(count):
            second, third, shade = (
                np.broadcast_to(np.asarray(layer, np.float64), (SIZE, SIZE)) for layer in make(rng)
            )
            third = np.clip(third, 0, 1)
            second = np.clip(second, 0, 1 - third)
            word = np.zeros((SIZE, SIZE), np.uint32)
            for place, layer in enumerate((second, third, np.clip(shade, 0, 1))):
                word |= (layer * 255 + 0.5).astype(np.uint32) << np.uint32(8 * place)
            packed.append(word)
    return np.stack(packed)
