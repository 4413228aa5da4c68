"""Grain matching: what is blurred gets back the grain that the blur averaged away."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

_BLOCK = 24  # pixels; grain is finer, shading across it nearly straight
_SAMPLES = 48  # of the flattest blocks
_LEVELS = 6  # of brightness, each with an amount of its own
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

    The grain is the source's own: the flattest blocks of the frame, less their shading, laid over
    the picture like shingles, as strong as the source's is at each brightness. So its size, its
    colours and its change from frame to frame are right, and a source without any gets none.

    Args:
        result: (H, W, 3 or 4) the blurred picture, encoded as a camera does: grain is about even
            there, as it is not in linear light.
        source: the picture before, of the same shape and encoding.
        coc: (H, W) signed blur radius in pixels.
        amount: 1 is all of it.
        seed: of the places where blocks are taken from and laid; the frame's number keeps
            neighbouring frames apart.

    Returns:
        A new array; or `result` itself if the source has no flat place to learn from.
    """
    samples, levels, amounts = _learn(source[..., :3])
    if samples is None or not amounts.any():
        return result
    random = np.random.default_rng(seed)
    plate = _shingles(samples, source.shape[:2], random)
    brightness = result[..., :3].mean(axis=2)
    strength = np.interp(brightness, levels, amounts).astype(np.float32)
    # A disc of radius r leaves 1/(r sqrt(pi)) of the standard deviation, and variances add up.
    left = 1 / (np.maximum(np.abs(coc), 0.5) * math.sqrt(math.pi))
    strength *= amount * np.sqrt(np.clip(1 - left * left, 0, 1)) * (np.abs(coc) > 0.5)
    grained = result.copy()
    grain = plate * strength[..., None]
    if grained.shape[2] == 4:
        grain *= grained[..., 3:]
    grained[..., :3] += grain
    return grained


def _learn(
    source: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[Any], npt.NDArray[Any]]:
    """Blocks of grain of standard deviation 1, and how strong it is at which brightness."""
    rows, columns = source.shape[0] // _BLOCK, source.shape[1] // _BLOCK
    cropped = source[: rows * _BLOCK, : columns * _BLOCK]
    blocks = cropped.reshape(rows, _BLOCK, columns, _BLOCK, 3).transpose(0, 2, 1, 3, 4)
    blocks = blocks.reshape(-1, _BLOCK * _BLOCK, 3)
    with np.errstate(over="ignore", invalid="ignore"):
        means = blocks.mean(axis=(1, 2))
    usable = np.isfinite(means) & (blocks.max(axis=(1, 2), initial=0) < _CLIPPED)
    blocks, means = blocks[usable], means[usable]
    if len(blocks) < _SAMPLES:
        return None, np.zeros(1), np.zeros(1)
    # Less a plane: shading is no grain.
    y, x = np.mgrid[0:_BLOCK, 0:_BLOCK].reshape(2, -1) / _BLOCK - 0.5
    plane = np.linalg.qr(np.stack([np.ones_like(x), x, y], axis=1))[0].astype(np.float32)
    blocks = blocks - plane @ (plane.T @ blocks)
    spread = blocks.std(axis=(1, 2))
    order = np.argsort(means)
    parts = np.array_split(order, min(_LEVELS, len(order) // (_SAMPLES // 2)))
    levels = np.array([means[part].mean() for part in parts])
    # The flattest tenth of each level has grain and little else.
    amounts = np.array([np.quantile(spread[part], 0.1) for part in parts])
    excess = spread / np.maximum(np.interp(means, levels, amounts), 1e-12)
    flattest = np.argsort(excess)[:_SAMPLES]
    samples = blocks[flattest] / np.maximum(spread[flattest], 1e-12)[:, None, None]
    return samples.reshape(-1, _BLOCK, _BLOCK, 3), levels, amounts


def _shingles(
    samples: npt.NDArray[np.float32], size: tuple[int, int], random: np.random.Generator
) -> npt.NDArray[np.float32]:
    """A picture of blocks, each mirrored or not, whose seams lie elsewhere in every frame."""
    mirrored = [samples[:, ::v, ::h] for v in (1, -1) for h in (1, -1)]
    pool = np.concatenate(mirrored)
    rows, columns = size[0] // _BLOCK + 2, size[1] // _BLOCK + 2
    laid = pool[random.integers(len(pool), size=(rows, columns))]
    plate = laid.transpose(0, 2, 1, 3, 4).reshape(rows * _BLOCK, columns * _BLOCK, 3)
    top, left = random.integers(_BLOCK, size=2)
    return plate[top : top + size[0], left : left + size[1]]
