"""New scenes from old ones: framed, coloured, put into one, or with things standing in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from synthetic_focus.evaluation.scenes.geometry import Floats

_NEAREST_PERCENTILE = 98.0
_LEAST_SCALE = 0.85  # pixels of the sample to one of the crop


@dataclass(frozen=True)
class View:
    """Light and disparity of a frame: radiance (H, W, 3) and disparity (H, W), float32."""

    radiance: Floats
    disparity: Floats


def framed(view: View, size: tuple[int, int], rng: np.random.Generator) -> View:
    """A random part of the frame at `size` (width, height): cropped, turned a little, mirrored.

    A crop can be as small as half the frame, so that the ground is not always below and what is
    near not always whole; but it is hardly enlarged.
    """
    height, width = view.disparity.shape
    widest = min(width / size[0], height / size[1])
    scale = max(widest * (1 - 0.5 * rng.random() ** 2), min(widest, _LEAST_SCALE))
    if scale > 1.7:  # what sampling alone would alias
        small = (width // 2, height // 2)
        view = View(
            np.asarray(cv2.resize(view.radiance, small, interpolation=cv2.INTER_AREA), np.float32),
            np.asarray(
                cv2.resize(view.disparity, small, interpolation=cv2.INTER_NEAREST), np.float32
            ),
        )
        (width, height), scale = small, scale / 2
    half = (size[0] * scale / 2, size[1] * scale / 2)
    centre = (
        rng.uniform(half[0], max(half[0], width - half[0])),
        rng.uniform(half[1], max(half[1], height - half[1])),
    )
    angle = np.radians(rng.normal(0, 3)) if rng.random() < 0.2 else 0.0
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale, scale])
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    offset = np.array(centre) - 0.5 - linear @ middle
    matrix = np.column_stack([linear, offset])

    def warped(pixels: Floats, interpolation: int) -> Floats:
        flags = interpolation | cv2.WARP_INVERSE_MAP
        result = cv2.warpAffine(
            pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101
        )
        return np.asarray(result, np.float32)

    return View(warped(view.radiance, cv2.INTER_LINEAR), warped(view.disparity, cv2.INTER_NEAREST))


def recoloured(radiance: Floats, rng: np.random.Generator) -> Floats:
    """The same scene of other pigments: its channels, more or less exchanged.

    What is red is as often near as what is blue. White stays white.
    """
    exchanged = np.eye(3)[rng.permutation(3)]
    share = rng.uniform(0, 1)
    mixed = share * exchanged + (1 - share) * np.eye(3)
    return np.asarray(cv2.transform(radiance, mixed), np.float32)


def merged(first: View, second: View) -> View:
    """Both scenes in one place: at each pixel the nearer of the two."""
    nearer = second.disparity > first.disparity
    return View(
        np.where(nearer[..., None], second.radiance, first.radiance),
        np.where(nearer, second.disparity, first.disparity),
    )


def with_standing(view: View, texture: Floats, rng: np.random.Generator) -> View:
    """A flat thing that stands where the ground's disparity is its own.

    It is upright and faces the camera, so that all of it has the disparity of the ground at its
    foot; what is nearer hides it.

    Args:
        view: the scene.
        texture: (H, W, 3) radiance of the scene's size that the thing is made of.
        rng: where the thing comes from.
    """
    height, width = view.disparity.shape
    row = int(rng.uniform(0.35, 1.0) * height)
    column = int(rng.uniform(0, width))
    foot = float(view.disparity[min(row, height - 1), column])
    tall = rng.uniform(0.15, 0.9) * height
    silhouette = _silhouette(tall, rng)
    mask = np.zeros((height, width), np.uint8)
    points = silhouette + np.array([column, row])
    cv2.fillPoly(mask, [np.round(points * 8).astype(np.int32)], 255, cv2.LINE_AA, shift=3)
    cover = mask.astype(np.float32) * np.float32(1 / 255)
    shown = np.where(foot >= view.disparity * 0.98, cover, 0)[..., None]
    shift = (int(rng.integers(height)), int(rng.integers(width)))
    tint: Floats = np.exp(rng.normal(0, 0.3, 3)).astype(np.float32)
    paint: Floats = np.roll(texture, shift, (0, 1)) * tint
    if rng.random() < 0.5:  # plain cloth, lit from one side
        shade = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.4, 1), width, dtype=np.float32)
        colour = (rng.uniform(0.03, 0.7, 3) * float(texture.mean() * 2)).astype(np.float32)
        pattern = np.float32(0.8) + np.float32(0.2) * paint / (paint + np.float32(0.3))
        paint = colour * shade[None, :, None] * pattern
    return View(
        view.radiance * (1 - shown) + paint * shown,
        np.where(shown[..., 0] > 0.5, np.float32(foot), view.disparity),
    )


def _silhouette(tall: float, rng: np.random.Generator) -> Floats:
    """(n, 2) corners of a thing whose foot is at the origin: a person, a post, a bush or a box."""
    kind = rng.random()
    if kind < 0.45:  # half a person's outline, in shares of the height, then mirrored
        build = rng.uniform(0.8, 1.3)
        right = np.array(
            [
                (0.03, 0.0), (0.13, 0.0), (0.12, 0.25), (0.13, 0.5), (0.2, 0.45), (0.2, 0.62),
                (0.17, 0.8), (0.05, 0.85), (0.07, 0.9), (0.06, 0.97), (0.0, 1.0),
            ]
        )  # fmt: skip
        right = right + rng.normal(0, 0.008, right.shape)
        left = right[::-1] * [-1, 1] + rng.normal(0, 0.008, right.shape)
        shape = np.vstack([right, left]) * [build, 1]
    elif kind < 0.7:
        wide = rng.uniform(0.03, 1.2)
        lean = rng.normal(0, 0.03)
        shape = np.array(
            [(-wide / 2, 0), (wide / 2, 0), (wide / 2 + lean, 1), (lean - wide / 2, 1)]
        )
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(8, 30))))
        radii = 0.5 * rng.uniform(0.6, 1, angles.size)
        wide = rng.uniform(0.4, 1.3)
        shape = np.column_stack([wide * radii * np.cos(angles), 0.5 + radii * np.sin(angles)])
    return np.asarray(shape * [tall, -tall], np.float32)


def relative(disparity: Floats) -> Floats:
    """Disparity in the estimator's calibration: 0 infinitely far, 1 near the frame's nearest.

    Of the nearest, 2 % of the pixels may be beyond 1, at most by half.
    """
    nearest = float(np.percentile(disparity[::2, ::2], _NEAREST_PERCENTILE))
    if nearest <= 0:
        return np.zeros_like(disparity)
    return np.asarray(np.minimum(disparity / np.float32(nearest), 1.5), np.float32)
