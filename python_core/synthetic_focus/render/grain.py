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
_CLIPPED = 0.98  # encoded; clipped white has no grain to learn from


def match_grain(
    result: npt.NDArray[np.float32],
    source: npt.NDArray[np.float32],
    coc: npt.NDArray[np.float32],
    *,
    amount: float,
    seed: int,
) -> npt.NDArray[np.float32]:
    """Return a blurred picture with its source's grain in the blurred parts.

    The grain is made to the measure of the source's flattest blocks: noise of their spectrum
    and of their colours' covariance, as strong as theirs is at each brightness. A source without
    grain gets none.

    Args:
        result: (H, W, 3 or 4) the blurred picture, encoded as a camera does: grain is about even
            there, as it is not in linear light.
        source: the picture before, of the same shape and encoding.
        coc: (H, W) signed blur radius in pixels.
        amount: 1 is all of it.
        seed: of the noise; another one for every frame.

    Returns:
        A new array; or `result` itself if the source has no flat place to learn from.
    """
    model = _learn(source[..., :3])
    if model is None:
        return result
    brightness = result[..., :3].mean(axis=2)
    strength = np.interp(brightness, model.levels, model.amounts).astype(np.float32)
    # A disc of radius r leaves 1/(r sqrt(pi)) of the standard deviation, and variances add up.
    left = 1 / (np.maximum(np.abs(coc), 0.5) * math.sqrt(math.pi))
    strength *= amount * np.sqrt(np.clip(1 - left * left, 0, 1)) * (np.abs(coc) > 0.5)
    grained = result.copy()
    grain = _synthesize(model, source.shape[:2], seed)
    grain *= strength[..., None]
    if grained.shape[2] == 4:
        grain *= grained[..., 3:]
    grained[..., :3] += grain
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
    return np.asarray(kernel / np.sqrt((kernel**2).sum()), np.float32)


def _synthesize(model: _Grain, size: tuple[int, int], seed: int) -> npt.NDArray[np.float32]:
    import cv2

    white = np.random.default_rng(seed).standard_normal((*size, 3), np.float32)
    grain = cv2.filter2D(white, -1, model.kernel, borderType=cv2.BORDER_REFLECT)
    return np.asarray(grain @ model.mix.T, np.float32)
