"""A slow and obvious scatter: what the fast one must equal on one surface."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest


@cache
def disc(radius: float, fine: int = 8) -> np.ndarray:
    """A disc's area coverage of the pixels around it, adding up to 1."""
    side = 2 * int(np.ceil(radius)) + 1
    axis = (np.arange(side * fine) + 0.5) / fine - side / 2
    inside = axis[:, None] ** 2 + axis**2 <= radius**2
    coverage = inside.reshape(side, fine, side, fine).mean(axis=(1, 3))
    return coverage / coverage.sum()


def scatter(image: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Spreads every pixel over its disc and divides by what the discs add up to."""
    margin = int(np.ceil(radii.max())) + 1
    height, width, _ = image.shape
    light = np.zeros((height + 2 * margin, width + 2 * margin, 4))
    for y in range(height):
        for x in range(width):
            patch = disc(float(radii[y, x]))[..., None]
            reach = patch.shape[0] // 2
            rows = slice(y + margin - reach, y + margin + reach + 1)
            columns = slice(x + margin - reach, x + margin + reach + 1)
            light[rows, columns] += patch * np.append(image[y, x], 1.0)
    light = light[margin:-margin, margin:-margin]
    return light[..., :3] / light[..., 3:]


@pytest.fixture
def oracle() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return scatter
