"""Grain matching: what is blurred gets the grain back that the blur averaged away."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_BLOCK = 24  # pixels; grain is finer, shading across it nearly straight
_SAMPLES = 48  # of the blocks that are most like grain alone
_LEVELS = 6  # of brightness, each with an amount of its own
_FLAT = 0.25  # quantile of blocks, by their noise: those without texture; rather too little
_STEPS = 1024  # of brightness in a table of amounts
_TILE = 128  # pixels of noise from one generator
_ENOUGH = 0.998  # of a kernel's energy
_CLIPPED = 0.98  # encoded; clipped white has no grain to learn from


def match_grain(
    result: npt.NDArray[np.float32],
    source: npt.NDArray[np.float32],
    coc: npt.NDArray[np.float32],
    *,
    amount: float,
    seed: int,
    origin: tuple[int, int] = (0, 0),
) -> npt.NDArray[np.float32]:
    """Return a blurred picture with its source's grain in the blurred parts.

    The grain is made to the measure of the source's flattest blocks: noise of their spectrum
    and of their colours' covariance, as strong as theirs is at each brightness. A source without
    grain gets none. The noise belongs to places of the frame, so a part of a frame gets the same
    as the whole; its measure is taken from the pixels that are given.

    Args:
        result: (H, W, 3 or 4) the blurred picture, encoded as a camera does: grain is about even
            there, as it is not in linear light.
        source: the picture before, of the same shape and encoding.
        coc: (H, W) signed blur radius in pixels.
        amount: 1 is all of it.
        seed: of the noise, at least 0; another one for every frame.
        origin: (x, y) of the picture's top left pixel in the whole frame.

    Returns:
        A new array; or `result` itself if the source has no flat place to learn from.
    """
    model = _learn(source[..., :3])
    if model is None:
        return result
    # Channel by channel: several times as fast as over the short last axis.
    brightness = (result[..., 0] + result[..., 1] + result[..., 2]) / 3
    places = np.nan_to_num(brightness - model.levels[0]) * (_STEPS / _span(model))
    steps = np.linspace(model.levels[0], model.levels[0] + _span(model), _STEPS + 1)
    table = np.interp(steps, model.levels, model.amounts).astype(np.float32) * np.float32(amount)
    strength = table[np.clip(places, 0, _STEPS).astype(np.int32)]
    # A disc of radius r leaves 1/(r sqrt(pi)) of the standard deviation, and variances add up.
    radius = np.abs(coc)
    lost = 1 - 1 / (math.pi * np.square(np.maximum(radius, 0.5)))
    strength *= np.sqrt(np.clip(lost, 0, 1)) * (radius > 0.5)
    if result.shape[2] == 4:
        strength *= result[..., 3]
    grained = result.copy()
    grain = _synthesize(model, source.shape[:2], seed, origin)
    for channel in range(3):
        grained[..., channel] += grain[..., channel] * strength
    return grained


@dataclass(frozen=True)
class _Grain:
    kernel: npt.NDArray[np.float32]  # makes the grain's spectrum of white noise
    mix: npt.NDArray[np.float32]  # (3, 3), makes its colours of independent ones
    levels: npt.NDArray[Any]  # of brightness, rising
    amounts: npt.NDArray[Any]  # its standard deviation at each


def _learn(source: npt.NDArray[np.float32]) -> _Grain | None:
    rows, columns = source.shape[0] // _BLOCK, source.shape[1] // _BLOCK
    cropped = source[: rows * _BLOCK, : columns * _BLOCK]
    blocks = cropped.reshape(rows, _BLOCK, columns, _BLOCK, 3).transpose(0, 2, 1, 3, 4)
    blocks = blocks.reshape(-1, _BLOCK * _BLOCK, 3)
    with np.errstate(over="ignore", invalid="ignore"):
        means = blocks.mean(axis=(1, 2))
    usable = np.isfinite(means) & (blocks.max(axis=(1, 2), initial=0) < _CLIPPED)
    blocks, means = blocks[usable], means[usable]
    if len(blocks) < _SAMPLES:
        return None
    # Less a plane: shading is no grain.
    y, x = np.mgrid[0:_BLOCK, 0:_BLOCK].reshape(2, -1) / _BLOCK - 0.5
    plane = np.linalg.qr(np.stack([np.ones_like(x), x, y], axis=1))[0].astype(np.float32)
    blocks = blocks - plane @ (plane.T @ blocks)
    spread = blocks.std(axis=(1, 2))
    fine = _fine_noise(blocks)
    order = np.argsort(means)
    parts = np.array_split(order, min(_LEVELS, len(order) // (_SAMPLES // 2)))
    levels = np.array([means[part].mean() for part in parts])
    # Where nothing but grain is, the spread is least in terms of what is fine in it.
    grainy = np.flatnonzero(fine > 0)
    likeliest = grainy[np.argsort(spread[grainy] / fine[grainy])[:_SAMPLES]]
    if not likeliest.size:
        return None
    coarseness = np.quantile(spread[grainy] / fine[grainy], _FLAT)
    amounts = np.array([coarseness * np.quantile(fine[part], _FLAT) for part in parts])
    samples = blocks[likeliest] / spread[likeliest, None, None]
    covariance = np.einsum("npi,npj->ij", samples, samples) / (samples.shape[0] * samples.shape[1])
    mix = np.linalg.cholesky(covariance + 1e-6 * np.eye(3)).astype(np.float32)
    return _Grain(_kernel(samples), mix, levels, amounts)


def _fine_noise(blocks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The noise of blocks in their finest diagonal detail, whose median edges hardly move."""
    square = blocks.reshape(-1, _BLOCK, _BLOCK, 3)
    detail = (
        square[:, ::2, ::2] - square[:, ::2, 1::2] - square[:, 1::2, ::2] + square[:, 1::2, 1::2]
    )
    # Of normal noise the median is 0.6745, and four pixels make twice the noise of one.
    return np.asarray(np.median(np.abs(detail), axis=(1, 2, 3)) / (2 * 0.6745), np.float32)


def _kernel(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The symmetric kernel whose spectrum is the mean one of the samples, of energy 1."""
    window = np.hanning(_BLOCK + 2)[1:-1]
    square = samples.reshape(-1, _BLOCK, _BLOCK, 3) * np.outer(window, window)[..., None]
    power = (np.abs(np.fft.fft2(square, axes=(1, 2))) ** 2).mean(axis=(0, 3))
    whole = np.fft.fftshift(np.fft.ifft2(np.sqrt(power)).real)
    middle, reach = _BLOCK // 2, _BLOCK // 4
    kernel = whole[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    return _cropped(np.asarray(kernel / np.sqrt((kernel**2).sum()), np.float32))


def _cropped(kernel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The smallest middle part with nearly all of the energy; grain is fine, mostly."""
    middle = kernel.shape[0] // 2
    for reach in range(middle):
        part = kernel[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
        energy = float((part**2).sum())
        if energy > _ENOUGH:
            return np.asarray(part / math.sqrt(energy), np.float32)
    return kernel


def _span(model: _Grain) -> float:
    return max(float(model.levels[-1] - model.levels[0]), 1e-6)


def _synthesize(
    model: _Grain, size: tuple[int, int], seed: int, origin: tuple[int, int]
) -> npt.NDArray[np.float32]:
    import cv2

    reach = model.kernel.shape[0] // 2
    left, top = origin[0] - reach, origin[1] - reach
    white = _white(seed, top, left, size[0] + 2 * reach, size[1] + 2 * reach)
    grain = cv2.filter2D(white, -1, model.kernel, borderType=cv2.BORDER_CONSTANT)
    grain = grain[reach : reach + size[0], reach : reach + size[1]]
    return np.asarray(cv2.transform(grain, model.mix), np.float32)


def _white(seed: int, top: int, left: int, height: int, width: int) -> npt.NDArray[np.float32]:
    """White noise (height, width, 3) of a window of the frame: each tile has its own generator."""
    white = np.empty((height, width, 3), np.float32)
    for row in range(top // _TILE, (top + height - 1) // _TILE + 1):
        for column in range(left // _TILE, (left + width - 1) // _TILE + 1):
            # Seeds are not negative; a frame may begin left of its picture.
            place = (seed, row % 2**32, column % 2**32)
            tile = np.random.default_rng(place).standard_normal((_TILE, _TILE, 3), np.float32)
            y, x = row * _TILE - top, column * _TILE - left
            rows = slice(max(0, -y), min(_TILE, height - y))
            columns = slice(max(0, -x), min(_TILE, width - x))
            inside = white[y + rows.start : y + rows.stop, x + columns.start : x + columns.stop]
            inside[...] = tile[rows, columns]
    return white
