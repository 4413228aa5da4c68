"""The focus curve as few plain keyframes that a person can edit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_focus.focus.puller import FocusCurve

_CHOICES = np.array([0.0, -0.5, 0.5, -1.0, 1.0])  # a key's offsets from the curve, in tolerances
_SLACK = 1e-9


def bake(
    curve: FocusCurve, first: int, last: int, tolerance: float
) -> tuple[tuple[int, float], ...]:
    """The fewest keys (frame, disparity) whose linear interpolation stays within ``tolerance``.

    Args:
        curve: the curve.
        first, last: the frames to cover, both included; both get a key.
        tolerance: largest deviation at any frame, in the unit of the curve; more than 0.

    Raises:
        ValueError: an empty span, or a tolerance that is not above 0.
    """
    if last < first:
        raise ValueError(f"there is no frame from {first} to {last}")
    values = np.array([curve.at(frame).disparity for frame in range(first, last + 1)])
    return tuple((first + i, value) for i, value in fewest_keys(values, tolerance))


def fewest_keys(values: npt.NDArray[np.float64], tolerance: float) -> tuple[tuple[int, float], ...]:
    """The fewest (index, value) keys within ``tolerance`` of ``values`` when joined by lines.

    Shortest path over keys at the samples, each free to leave the curve by up to the tolerance.
    From one key, the slopes that stay within the tolerance narrow from sample to sample (Imai and
    Iri 1986); every sample that one of them still hits is a possible next key.
    """
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"the tolerance is {tolerance}; it must be more than 0")
    count, choices = len(values), len(_CHOICES)
    level = values[:, None] + tolerance * _CHOICES  # (samples, choices)
    cost = np.full((count, choices), np.inf)
    # What a key strays itself breaks ties, so that keys lie on the curve where they can.
    stray = np.abs(_CHOICES) * 1e-3
    cost[0] = stray
    origin = np.full((count, choices, 2), -1)
    for i in range(count - 1):
        reach, j = 32, i + 1
        low = np.full(choices, -np.inf)
        high = np.full(choices, np.inf)
        while j < count and (low <= high + _SLACK).any():
            # In growing blocks, so that neither long holds nor short keys cost much.
            block = slice(j, min(j + reach, count))
            step = np.arange(block.start - i, block.stop - i)[:, None]
            lows = (values[block, None] - tolerance - level[i]) / step  # (samples, from)
            highs = (values[block, None] + tolerance - level[i]) / step
            lows = np.maximum.accumulate(np.concatenate([low[None], lows]))
            highs = np.minimum.accumulate(np.concatenate([high[None], highs]))
            slope = (level[block][:, None, :] - level[i][:, None]) / step[..., None]
            fits = (slope >= lows[:-1, :, None] - _SLACK) & (slope <= highs[:-1, :, None] + _SLACK)
            through = np.where(fits, cost[i][:, None] + 1, np.inf)  # (samples, from, to)
            best = through.argmin(1)
            price = np.take_along_axis(through, best[:, None], 1)[:, 0] + stray
            better = price < cost[block]
            cost[block] = np.where(better, price, cost[block])
            origin[block][better] = np.stack([np.full_like(best, i), best], -1)[better]
            low, high, j, reach = lows[-1], highs[-1], block.stop, reach * 2
    keys = []
    i, choice = count - 1, int(cost[count - 1].argmin())
    while i >= 0:
        keys.append((i, float(level[i, choice])))
        i, choice = (int(v) for v in origin[i, choice])
    return tuple(reversed(keys))
