"""What a casual camera makes of radiance: exposure, clipping, noise, a tone curve, compression.

A network that has seen only clean renderings fails on photographs. Everything here is drawn at
random, so that it learns to look past it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from synthetic_focus.evaluation.scenes.geometry import Floats

_CURVE_SAMPLES = 4096
_BRIGHTEST = 1e4
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Photograph:
    """A picture as a camera gives it, and the light that it has lost.

    Attributes:
        picture: (H, W, 3) float32, display-encoded, 0..1.
        log_gain: (H, W, 3) float32, 0 or more: the natural logarithm of the light that met the
            sensor over what the sensor could hold; 0 where nothing was lost.
    """

    picture: Floats
    log_gain: Floats


def photograph(radiance: Floats, rng: np.random.Generator) -> Photograph:
    """Takes a picture of radiance with a random camera.

    Args:
        radiance: (H, W, 3) float32, scene-linear Rec.709, white about 1.
        rng: where the camera comes from.
    """
    light = _optics(_exposed(radiance, rng), rng)
    level = np.float32(rng.uniform(0, 1) ** 3 * 0.04)
    light = light + _noise(light.shape, rng) * (level * np.sqrt(np.clip(light, 0, 1) + 0.01))
    log_gain = np.log(np.clip(light, 1, _BRIGHTEST))
    steps = (np.clip(light, 0, 1) * np.float32(_CURVE_SAMPLES - 1) + 0.5).astype(np.intp)
    return Photograph(_processed(_tone_curve(rng).take(steps), rng), log_gain)


def encoded(light: Floats) -> Floats:
    """What a camera with the standard's curve and no faults shows: clipped to 0..1, then sRGB."""
    x = np.clip(light, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055).astype(np.float32)


def _exposed(radiance: Floats, rng: np.random.Generator) -> Floats:
    # Auto-exposure: a bright percentile lands about white, more often above it than casual
    # cameras do, so that clipped light is there to be learnt from.
    some = radiance[::3, ::3]
    brightest = np.maximum(np.maximum(some[..., 0], some[..., 1]), some[..., 2])
    bright = float(np.percentile(brightest, rng.uniform(90, 99.5)))
    gain = 2 ** rng.uniform(-1.0, 0.6) / max(bright, 1e-3)
    if rng.random() < 0.4:  # trust the scene's own exposure
        gain = 2 ** rng.uniform(-0.8, 0.8)
    colour = np.exp(rng.normal(0, 0.08, 3))
    return radiance * (gain * colour).astype(np.float32)


def _blurred(picture: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _resized(picture: Floats, size: tuple[int, int], interpolation: int) -> Floats:
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.float32)


def _optics(light: Floats, rng: np.random.Generator) -> Floats:
    """Blur, veiling glare and vignetting."""
    height, width = light.shape[:2]
    if rng.random() < 0.35:
        light = _blurred(light, rng.uniform(0.3, 1.0))
    if rng.random() < 0.25:
        small = _resized(light, (max(1, width // 8), max(1, height // 8)), cv2.INTER_AREA)
        glow = _resized(_blurred(small, rng.uniform(1, 4)), (width, height), cv2.INTER_LINEAR)
        share = np.float32(rng.uniform(0, 0.06))
        light = light * (1 - share) + share * glow
    if rng.random() < 0.3:
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)
        darker = np.float32(rng.uniform(0, 0.2)) * (x * x + y * y)
        light = light * (1 - darker[..., None])
    return light


@lru_cache(maxsize=1)
def _grain() -> Floats:
    """Standard normal numbers, to take stretches of: drawing them anew took a fifth of the time."""
    return np.random.default_rng(0).standard_normal(1 << 20, np.float32)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Standard normal noise, sometimes of coarser grain as after a camera's denoising."""
    height, width = shape[:2]
    coarse = rng.random() < 0.4
    size = (height // 2 + 1, width // 2 + 1, 3) if coarse else (height, width, 3)
    count = math.prod(size)
    begin = int(rng.integers(max(1, _grain().size - count)))
    noise = np.resize(_grain()[begin : begin + count], size)
    return _resized(noise, (width, height), cv2.INTER_CUBIC) if coarse else noise


def _tone_curve(rng: np.random.Generator) -> Floats:
    """From exposed light 0..1 to display 0..1, rising, with both ends in place."""
    x = np.linspace(0, 1, _CURVE_SAMPLES, dtype=np.float32)
    if rng.random() < 0.35:  # a shoulder, as of film and of filmic renderings
        shoulder = np.float32(rng.uniform(0.5, 6))
        x = x * (1 + shoulder) / (1 + shoulder * x)
        x = x ** np.float32(rng.uniform(1.0, 1.4))
    curve: Floats = encoded(x) ** np.float32(np.exp(rng.normal(0, 0.12)))
    contrast = np.float32(rng.uniform(0, 0.6))
    curve = curve + contrast * (curve * curve * (3 - 2 * curve) - curve)
    if rng.random() < 0.2:  # lifted blacks
        black = np.float32(rng.uniform(0, 0.1))
        curve = black + (1 - black) * curve
    return np.asarray(curve, np.float32)


def _processed(picture: Floats, rng: np.random.Generator) -> Floats:
    """After the tone curve: saturation, sharpening, another size, compression."""
    saturation = 0 if rng.random() < 0.06 else rng.uniform(0.6, 1.5)
    mixed = saturation * np.eye(3) + (1 - saturation) * _LUMA
    if rng.random() < 0.2:  # coloured light and looks
        mixed = mixed * np.exp(rng.normal(0, 0.1, (3, 1)))
    picture = np.asarray(cv2.transform(picture, mixed), np.float32)
    height, width = picture.shape[:2]
    if rng.random() < 0.25:
        scale = rng.uniform(0.5, 0.9)
        small = (max(1, int(width * scale)), max(1, int(height * scale)))
        picture = _resized(picture, small, cv2.INTER_AREA)
        picture = _resized(picture, (width, height), cv2.INTER_LINEAR)
    if rng.random() < 0.3:
        sharper = picture - _blurred(picture, rng.uniform(0.7, 1.6))
        picture = picture + np.float32(rng.uniform(0.2, 1.2)) * sharper
    stored = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.uniform(35, 95))
        _, coded = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
        stored = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return stored.astype(np.float32) * np.float32(1 / 255)
