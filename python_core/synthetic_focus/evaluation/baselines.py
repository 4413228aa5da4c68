"""Published ways to defocus a picture by its depth, written anew, to compare `defocus` with.

All take image (H, W, C) float, scene-linear, and coc (H, W) signed blur radius in pixels, positive
behind the focus, and return (H, W, C) float32. Beyond the borders the picture is mirrored. All draw
the same opening: a disc, or straight blades, squeezed or not.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation.scenes.geometry import Floats
from synthetic_focus.lens.aperture import Aperture

_WORKERS = 2
_PAPER_LAMBDA = 2.8


class BaselineError(SyntheticFocusError, ValueError):
    """An opening that the baselines cannot draw."""


def no_blur(image: Floats, coc: Floats, aperture: Aperture) -> Floats:
    """The picture as it is: what doing nothing scores."""
    return image


def paper_equation_3(image: Floats, coc: Floats, aperture: Aperture) -> Floats:
    """The paper's forward model as written: equation 3 over the mattes of equation 2.

    One level for each whole blur radius, back to front:
    ``I_d = I_(d-1) (1 - M_d) + (I M_d) * K(|d|)`` with ``M_d = exp(-2.8 (D - d)^2)``.
    """
    levels = np.arange(np.ceil(coc.max()), np.floor(coc.min()) - 1, -1)
    blur = _Blur(image.shape, float(np.abs(coc).max()) + 1, np.float64)
    result = np.zeros(image.shape)
    for level in levels:
        matte = np.exp(-_PAPER_LAMBDA * np.square(coc.astype(np.float64) - level))[..., None]
        kernel = (_gauge(aperture, blur.reach, front=level < 0) <= abs(level)).astype(np.float64)
        spread = blur.inverse(blur.forward(image * matte) * blur.kernel(kernel / kernel.sum()))
        result = result * (1 - matte) + spread
    return np.asarray(result, np.float32)


def classical_scatter(image: Floats, coc: Floats, aperture: Aperture) -> Floats:
    """BokehMe's classical renderer: every pixel scattered, the sum divided by the weights' sum.

    A pixel of blur radius r adds ``(1/2 + tanh(4 (r - distance))/2) / (r^2 + 0.2)`` of itself to
    what lies around it; depth order plays no part. Radii are split linearly over the two nearest
    of a ladder of radii half a pixel apart.
    """
    step = 0.5
    blur = _Blur(image.shape, float(np.abs(coc).max()) + 2, np.float64)
    content = np.concatenate([image, np.ones((*coc.shape, 1))], axis=2)
    place = coc.astype(np.float64) / step
    total: Any = 0
    for rung in np.arange(np.floor(place.min()), np.ceil(place.max()) + 1):
        share = np.clip(1 - np.abs(place - rung), 0, None)[..., None]
        if not share.any():
            continue
        radius = abs(rung) * step
        distance = _gauge(aperture, blur.reach, front=rung < 0)
        weight = (0.5 + 0.5 * np.tanh(4 * (radius - distance))) / (radius**2 + 0.2)
        total = total + blur.forward(content * share) * blur.kernel(weight)
    summed = blur.inverse(total)
    return np.asarray(summed[..., :-1] / summed[..., -1:], np.float32)


def layered_fft(
    image: Floats,
    coc: Floats,
    aperture: Aperture,
    *,
    layers: int = 16,
    precision: type[np.floating[Any]] = np.float64,
) -> Floats:
    """Layers at even steps of blur radius, blurred by FFT, composited back to front by over.

    A pixel is split linearly between the two layers nearest to it; in the end the sum is divided
    by what it covers, so that gaps do not darken. scipy.fft with two workers.
    """
    low, high = float(coc.min()), float(coc.max())
    radii = np.linspace(high, low, layers) if high > low else np.array([high])
    place = (high - coc) / (high - low) * (layers - 1) if high > low else np.zeros_like(coc)
    blur = _Blur(image.shape, max(abs(low), abs(high)) + 1, precision)
    result = np.zeros((*coc.shape, image.shape[2] + 1), precision)
    content = np.concatenate([image, np.ones((*coc.shape, 1))], axis=2).astype(precision)
    for index, radius in enumerate(radii):
        share = np.clip(1 - np.abs(place - index), 0, 1)[..., None].astype(precision)
        if not share.any():
            continue
        layer = content * share
        if abs(radius) > 0.5:
            kernel = _coverage(aperture, abs(radius), blur.reach, front=radius < 0)
            layer = blur.inverse(blur.forward(layer) * blur.kernel(kernel.astype(precision)))
        result = layer + result * (1 - layer[..., -1:])
    covered = np.maximum(result[..., -1:], 1e-6)
    return np.asarray(result[..., :-1] / covered, np.float32)


class _Blur:
    """Convolution by FFT of pictures (H, W, C) of one size with kernels up to one reach."""

    def __init__(
        self, shape: tuple[int, ...], radius: float, precision: type[np.floating[Any]]
    ) -> None:
        self.reach = int(np.ceil(radius))
        self._height, self._width = shape[:2]
        self._precision = precision
        self._size = tuple(fft.next_fast_len(n + 2 * self.reach, real=True) for n in shape[:2])

    def forward(self, picture: NDArray[Any]) -> NDArray[Any]:
        reach = self.reach
        padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
        planes = np.ascontiguousarray(np.moveaxis(padded, 2, 0), self._precision)
        return np.asarray(fft.rfft2(planes, s=self._size, workers=_WORKERS))

    def kernel(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Of a kernel (2 reach + 1, 2 reach + 1) about its middle."""
        return np.asarray(fft.rfft2(weights.astype(self._precision), s=self._size))

    def inverse(self, spectrum: NDArray[Any]) -> NDArray[Any]:
        planes = fft.irfft2(spectrum, s=self._size, workers=_WORKERS)
        start = 2 * self.reach
        rows, columns = slice(start, start + self._height), slice(start, start + self._width)
        return np.moveaxis(planes[:, rows, columns], 0, 2)


def _gauge(
    aperture: Aperture, reach: int, *, front: bool, offsets: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """The blur radius whose patch just reaches each place (2 reach + 1, 2 reach + 1) around it."""
    drawn = {"blades", "rotation_deg", "squeeze", "curvature"}
    asked = {f.name for f in fields(aperture) if getattr(aperture, f.name) != f.default} - drawn
    if asked or (aperture.blades and aperture.curvature):
        raise BaselineError(f"the baselines draw discs and straight blades only, not {aperture}")
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    x, y = (x + offsets[0]) * aperture.squeeze, -(y + offsets[1])
    if front:
        x, y = -x, -y
    if not aperture.blades:
        return np.asarray(np.hypot(x, y))
    half = np.pi / aperture.blades
    sides = np.radians(aperture.rotation_deg) + half * (2 * np.arange(aperture.blades) + 1)
    across = [x * np.cos(side) + y * np.sin(side) for side in sides]
    return np.asarray(np.max(across, axis=0) / np.cos(half))


def _coverage(aperture: Aperture, radius: float, reach: int, *, front: bool) -> NDArray[np.float64]:
    """How much of each pixel a patch covers, normalised to a sum of 1: 8 x 8 points a pixel."""
    points: Iterator[float] = ((i + 0.5) / 8 - 0.5 for i in range(8))
    grid = list(points)
    inside: Any = 0.0
    for dy in grid:
        for dx in grid:
            inside = inside + (_gauge(aperture, reach, front=front, offsets=(dx, dy)) <= radius)
    return np.asarray(inside / inside.sum())
