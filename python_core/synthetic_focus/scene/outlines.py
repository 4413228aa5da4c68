"""Brings the edges of an estimated map to where the picture has them.

A network sees a small picture: the outlines in its map are soft, and some pixels off. Within that
uncertainty each pixel is either of the nearer or of the farther of the two surfaces that meet
there, and the picture says of which. So the band along every step of the map is divided anew: by
colour, as the map around has it (the local linear models of He, Sun and Tang 2013), then by a
random walk that does not like to cross the picture's edges (Grady 2006), whose parts are whole: no
specks. What the map is sure of stays as it is.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_focus import _native
from synthetic_focus.scene.depth import extent

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# Half the width of the band, as a share of the map's long side: 11 pixels of 960. The built-in
# estimator decides at every 7th pixel, and errs by one or two of these.
_REACH: Final = 11 / 960
# Steps below the first share of the map's range are left to slope, from the second on they are
# wholly edges.
_STEPS: Final = (0.2, 0.4)
# Nearer to one of the two levels than this share of the step, the map is sure of a pixel.
_FIRM: Final = 0.05

_MODELS: Final = 24 / 960  # of the long side, the reach of a model of colour
_COLOUR_NOISE: Final = 0.003  # variance that is no difference of colour, white being 1
_LOCAL: Final = 20 / 960  # of the long side, in which an edge of the picture is strong or weak
_PICTURE_NOISE: Final = 2e-4  # squared differences of neighbours that are no edge
_LEAK: Final = 2e-3  # of a walk, across the strongest edge
_PULL: Final = 0.02  # by colour, beside 1 towards a neighbour that looks the same
_EVEN: Final = 1.2  # px, deviation of the mean by which the walk's outlines are evened
_SWEEPS: Final = 30
_FILL_SWEEPS: Final = 12


def aligned(disparity: Map, picture: npt.NDArray[np.uint8]) -> Map:
    """The map with its outlines where the picture has them, hard.

    Args:
        disparity: (H, W) float32, finite.
        picture: (H, W, 3) uint8, display-encoded.

    Returns:
        (H, W) float32; the very map that came in where it has no steps.
    """
    spread = max(extent(disparity), 1e-6)
    reach = _pixels(_REACH, disparity)
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near, far = (
        np.asarray(turn(disparity, window), np.float32) for turn in (cv2.dilate, cv2.erode)
    )
    step = near - far
    band = step > _STEPS[0] * spread
    if not band.any():
        return disparity
    share = np.where(band, (disparity - far) / np.where(band, step, 1), 0).astype(np.float32)
    free = band & (share > _FIRM) & (share < 1 - _FIRM)
    nearer = _sides(share, free, band, picture)
    surface = _surfaces(disparity, np.where(nearer, near, far), nearer, band, free)
    hard = np.clip((step / spread - _STEPS[0]) / (_STEPS[1] - _STEPS[0]), 0, 1)
    hard = (hard * hard * (3 - 2 * hard)).astype(np.float32)
    result: Map = disparity + np.where(band, hard, 0) * (surface - disparity)
    return result


def _pixels(share: float, map_: npt.NDArray[np.generic]) -> int:
    height, width = map_.shape[:2]
    return max(1, int(share * max(height, width) + 0.5))


def _sides(share: Map, free: Mask, band: Mask, picture: npt.NDArray[np.uint8]) -> Mask:
    """Which pixels of the band are the nearer surface's.

    Args:
        share: how near each is, from 0 on the farther of the two surfaces to 1 on the nearer one.
        free: where that is not known.
        band: the pixels to decide.
        picture: (H, W, 3).
    """
    colour = picture.astype(np.float32) / np.float32(255)
    guess = _by_colour(share, band, colour)
    across, down = _ties(colour)
    across[:, :-1] *= band[:, :-1] & band[:, 1:]
    down[:-1] *= band[:-1] & band[1:]
    walk = _native.relaxed(
        np.where(free, guess, np.round(share)),
        free.view(np.uint8),
        across=across,
        down=down,
        prior=guess,
        pull=_PULL,
        sweeps=_SWEEPS,
    )
    # What is thinner than its own outline's uncertainty is none of it.
    smooth = cv2.GaussianBlur(walk * band, (0, 0), _EVEN) / np.maximum(
        cv2.GaussianBlur(band.astype(np.float32), (0, 0), _EVEN), np.float32(1e-6)
    )
    nearer = np.where(free, smooth, walk) > 0.5
    # A part that no pixel is sure of belongs to what is around it.
    for side in (True, False):
        part = band & (nearer == side)
        _, labels = cv2.connectedComponents(part.view(np.uint8), connectivity=4)
        known = np.zeros(labels.max() + 1, bool)
        known[labels[part & ~free]] = True
        nearer ^= part & ~known[labels]
    # The pixels that show both are the nearer one's: of a blurred thing they would stay, sharp.
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    rim = np.asarray(cv2.dilate(nearer.view(np.uint8), cross), np.uint8).view(bool)
    return np.asarray(nearer | (rim & free), bool)


def _by_colour(share: Map, band: Mask, colour: Map) -> Map:
    """What the colours of the band's pixels say about their side, 0..1; outside of it 0.

    Around each pixel the share is a linear function of colour, and what counts is the mean of the
    functions of all windows that a pixel is in (He, Sun and Tang 2013, equations 19 to 21, of the
    band's pixels alone).
    """
    reach = _pixels(_MODELS, share)
    size = (2 * reach + 1, 2 * reach + 1)

    def mean(values: Map) -> Map:
        return np.asarray(cv2.blur(values, size), np.float32)[band]

    weight = band.astype(np.float32)
    count = mean(weight)
    red, green, blue = (weight * colour[..., c] for c in range(3))
    share = weight * share
    means = [mean(one) / count for one in (red, green, blue)]
    centre = mean(share) / count

    def covariance(one: Map, mean_one: Map, other: Map, mean_other: Map) -> Map:
        return mean(one * other) / count - mean_one * mean_other

    channels = list(zip((red, green, blue), means, strict=True))
    (rr, rg, rb), (_, gg, gb), (_, _, bb) = (
        [covariance(*one, *other) for other in channels] for one in channels
    )
    rr, gg, bb = rr + _COLOUR_NOISE, gg + _COLOUR_NOISE, bb + _COLOUR_NOISE
    r, g, b = (covariance(*one, share, centre) for one in channels)
    # Cramer's rule for the symmetric matrix.
    c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c11, c12, c22 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    whole = rr * c00 + rg * c01 + rb * c02
    slopes = [
        (c00 * r + c01 * g + c02 * b) / whole,
        (c01 * r + c11 * g + c12 * b) / whole,
        (c02 * r + c12 * g + c22 * b) / whole,
    ]
    offset = centre - sum(slope * one for slope, one in zip(slopes, means, strict=True))

    def spread(values: Map) -> Map:
        whole = np.zeros(band.shape, np.float32)
        whole[band] = values
        return mean(whole) / count

    found = spread(offset)
    for c, slope in enumerate(slopes):
        found += spread(slope) * colour[..., c][band]
    guess = np.zeros(band.shape, np.float32)
    guess[band] = np.clip(found, 0, 1)
    return guess


def _ties(colour: Map) -> tuple[Map, Map]:
    """How alike each pixel is to the next in its row and to the one below, 0..1.

    Differences count as they stand out of those around: dark clothes before the night have
    outlines too.
    """
    across, down = (np.zeros(colour.shape[:2], np.float32) for _ in range(2))
    across[:, :-1] = np.square(np.diff(colour, axis=1)).sum(-1)
    down[:-1] = np.square(np.diff(colour, axis=0)).sum(-1)
    reach = _pixels(_LOCAL, colour)
    size = (2 * reach + 1, 2 * reach + 1)
    usual = cv2.blur((across + down) / 2, size) + np.float32(_PICTURE_NOISE)
    return tuple(np.exp(-one / usual) + np.float32(_LEAK) for one in (across, down))  # type: ignore[return-value]


def _surfaces(disparity: Map, start: Map, nearer: Mask, band: Mask, free: Mask) -> Map:
    """The two surfaces continued to where they meet, each from where the map shows it.

    Args:
        disparity: the map.
        start: about what it will be in the band.
        nearer: which of them a pixel of the band is of.
        band: where it is decided.
        free: the part of it that the map does not show.
    """
    across, down = np.zeros_like(disparity), np.zeros_like(disparity)
    across[:, :-1] = (nearer[:, :-1] == nearer[:, 1:]) & band[:, :-1] & band[:, 1:]
    down[:-1] = (nearer[:-1] == nearer[1:]) & band[:-1] & band[1:]
    return _native.relaxed(
        np.where(free, start, disparity),
        free.view(np.uint8),
        across=across,
        down=down,
        prior=disparity,
        pull=0.0,
        sweeps=_FILL_SWEEPS,
    )
