"""Any offered colour space to scene-linear and back, exactly reversible, through OpenColorIO.

A space of the config is a curve on each channel followed by a matrix to other primaries. Only the
curve is undone: defocus is a weighted mean of light, so it gives the same picture in any
primaries, and a matrix would cost small channels beside large ones their digits (1e4 beside 1e-3
does not come back from float32). `to_rec709` applies the matrix for those who look at colour.

Where a curve of the config cannot be taken back it is widened, never narrowed:

- The config tabulates PQ, HLG, ACEScc, Apple Log and Canon Log; the published formulas stand in
  for the tables, which clamp and round.
- Where the config clamps negative values, or leaves them as they are beside a power curve, the
  curve is mirrored at zero.
- Where light passes what half float holds (for PQ: its end at 10 000 nits) the curve goes on along
  its tangent, so that no code value, however large, overflows or clamps.

OpenColorIO's fast approximations of powers and logarithms are off: they cost 2e-5.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError

Pixels = npt.NDArray[np.float32]
_Step = Callable[[Pixels], None]  # works in place on a C-contiguous (H, W, 3|4) array

# The oldest built-in studio config that knows DJI D-Log; OpenColorIO 2.5 was the first to carry it.
# Pinned by name because other versions of the config drop and rename spaces that projects use.
CONFIG: Final = "studio-config-v4.0.0_aces-v2.0_ocio-v2.5"

REC709_VIDEO: Final = "Rec.1886 Rec.709 - Display"
REC709_LINEAR: Final = "Linear Rec.709 (sRGB)"

_PQ_SPACES: Final = ("Rec.2100-PQ - Display", "ST2084-P3-D65 - Display")

# SMPTE ST 2084, section 5.
_PQ_M1: Final = np.float32(2610 / 16384)
_PQ_M2: Final = np.float32(2523 / 32)
_PQ_C1: Final = np.float32(3424 / 4096)
_PQ_C2: Final = np.float32(2413 / 128)
_PQ_C3: Final = np.float32(2392 / 128)

_LINEAR_HOSTS: Final = ("nuke", "natron")
_VIDEO_HOSTS: Final = ("resolve", "mlt")

# As far as light follows the published curve: what half float holds.
_LARGEST_LIGHT: Final = 65504.0
# Where a curve ends before that. PQ ends at 10 000 nits; ACEScc hits a wall a little below zero;
# Apple Log's slope is infinite at its foot, -0.0564, so its tangent begins at the code value 1e-4.
_PUBLISHED_LIGHT: Final = {
    **dict.fromkeys(_PQ_SPACES, (-100.0, 100.0)),
    "ACEScc": (0.0, _LARGEST_LIGHT),
    "Apple Log": (-0.05495665, _LARGEST_LIGHT),
}
# Smaller pictures are not worth the threads.
_BAND_PIXELS: Final = 1 << 17


class ColourError(SyntheticFocusError, ValueError):
    """Pixels that are no picture, or a colour space that cannot be used."""


def resolve(space: str, host: str | None = None, pixel_type: str = "float") -> str:
    """Returns the colour space that `space` stands for.

    Args:
        space: a key of the parameter colour_space, "auto" among them.
        host: the host's name as it gives itself (kOfxPropName), or None outside a host.
        pixel_type: what the pixels were stored as: byte, short, half or float.

    Raises:
        ColourError: the space or the pixel type is unknown.
    """
    if pixel_type not in ("byte", "short", "half", "float"):
        raise ColourError(f"Pixel type {pixel_type!r} is none of byte, short, half, float.")
    if space != "auto":
        _definition(space)
        return space
    name = (host or "").lower()
    if any(known in name for known in _LINEAR_HOSTS):
        return REC709_LINEAR
    if any(known in name for known in _VIDEO_HOSTS):
        return REC709_VIDEO
    return REC709_LINEAR if pixel_type in ("half", "float") else REC709_VIDEO


def is_linear(space: str) -> bool:
    """Whether `to_linear` and `from_linear` leave pixels of `space` as they are."""
    return _definition(space).curve is None


def to_linear(pixels: Pixels, space: str, *, out: Pixels | None = None) -> Pixels:
    """Returns encoded pixels as scene-linear light in the primaries of `space`.

    Args:
        pixels: float32 (H, W, 3) or (H, W, 4), encoded in `space`. Alpha is untouched, and colour
            must not be premultiplied unless `space` is linear.
        space: a colour space of the config; not "auto", which `resolve` turns into one.
        out: where the result goes instead of a new array; may be `pixels` itself.

    NaN stays NaN, in its channel only, and infinity stays infinity.

    Raises:
        ColourError: `pixels` or `out` has the wrong shape or type, or `space` is unknown.
    """
    curve = _curve(space)
    return _through(curve.decode if curve else None, pixels, out)


def from_linear(pixels: Pixels, space: str, *, out: Pixels | None = None) -> Pixels:
    """Returns scene-linear light in the primaries of `space` encoded: undoes `to_linear`.

    What went in comes back within 1e-5 of its value, or 1e-7 where that is more (1e-6 for PQ, whose
    formula gives no light to code values below 7.3e-7).
    """
    curve = _curve(space)
    return _through(curve.encode if curve else None, pixels, out)


def to_rec709(pixels: Pixels, space: str, *, out: Pixels | None = None) -> Pixels:
    """Returns light that `to_linear` made from `space` as linear light in Rec.709 primaries.

    For what must know colour (analysis, views). The white of `space` becomes (1, 1, 1); colours
    outside Rec.709 have negative channels.
    """
    return _through(_to_rec709(space), pixels, out)


@dataclass(frozen=True)
class _Curve:
    """A curve that continues along its tangents outside [code_low, code_high]."""

    decoder: _Step
    encoder: _Step
    code_limits: tuple[float, float]
    light_limits: tuple[float, float]
    slopes: tuple[float, float]

    def decode(self, band: Pixels) -> None:
        """Code values to light, in place."""
        _apply_extended(self.decoder, band, self.code_limits, self.slopes)

    def encode(self, band: Pixels) -> None:
        """Light to code values, in place."""
        slopes = (1 / self.slopes[0], 1 / self.slopes[1])
        _apply_extended(self.encoder, band, self.light_limits, slopes)


@dataclass(frozen=True)
class _Definition:
    """What the config does with a space, up to its reference space."""

    curve: Any  # the OpenColorIO transform from code values to light; None where there is none
    matrix: npt.NDArray[np.float64]  # (4, 4)
    display_referred: bool


def _through(step: _Step | None, pixels: Pixels, out: Pixels | None) -> Pixels:
    _check(pixels, "Pixels")
    result = np.empty(pixels.shape, np.float32) if out is None else out
    _check(result, "The output")
    if result.shape != pixels.shape:
        raise ColourError(f"The output is {result.shape} for pixels of {pixels.shape}.")

    def run(rows: slice) -> None:
        band = result[rows]
        if result is not pixels:
            np.copyto(band, pixels[rows])
        if step is None:
            return
        if band.flags.c_contiguous:
            step(band)
        else:
            packed = np.ascontiguousarray(band)
            step(packed)
            np.copyto(band, packed)

    height, width = pixels.shape[:2]
    rows = max(1, _BAND_PIXELS // max(1, width))
    bands = [slice(top, min(top + rows, height)) for top in range(0, height, rows)]
    if len(bands) < 2 or (os.cpu_count() or 1) < 2:
        for band in bands:
            run(band)
        return result
    with ThreadPoolExecutor(min(len(bands), os.cpu_count() or 1), "colour") as pool:
        for _ in pool.map(run, bands):
            pass
    return result


def _check(pixels: Pixels, what: str) -> None:
    if not isinstance(pixels, np.ndarray):
        raise ColourError(f"{what} must be a NumPy array, not {type(pixels).__name__}.")
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise ColourError(f"{what} must be (height, width, 3 or 4), not {pixels.shape}.")
    if pixels.dtype != np.float32:
        raise ColourError(f"{what} must be float32, not {pixels.dtype}.")


def _apply_extended(
    step: _Step, band: Pixels, limits: tuple[float, float], slopes: tuple[float, float]
) -> None:
    if not band.size:
        return
    # One look at all channels: alpha seldom leaves the limits, and NaN fails the comparison too.
    if band.min() >= limits[0] and band.max() <= limits[1]:
        step(band)
        return
    colour = band[..., :3]
    outside = ~((colour >= limits[0]) & (colour <= limits[1]))
    beyond = colour[outside]
    edge = np.clip(beyond, *limits, dtype=np.float32)
    colour[outside] = np.nan_to_num(edge)
    step(band)
    slope = np.where(beyond < limits[0], *slopes).astype(np.float32)
    colour[outside] += (beyond - edge) * slope


def _decode_pq(band: Pixels) -> None:
    """SMPTE ST 2084, code values to light where 1 is 100 nits.

    OpenColorIO's own formula loses two digits in float32: it raises numbers near 1 to the power
    78.84 and takes them from one another. Logarithms of 1 + x keep them.
    """
    code = band[..., :3]
    with np.errstate(divide="ignore"):
        grown = np.expm1(np.log(np.abs(code)) / _PQ_M2)
    ratio = np.maximum(grown + (1 - _PQ_C1), 0) / ((_PQ_C2 - _PQ_C3) - _PQ_C3 * grown)
    np.copysign(100 * ratio ** (1 / _PQ_M1), code, out=code)


def _encode_pq(band: Pixels) -> None:
    light = band[..., :3]
    power = np.abs(light * np.float32(0.01)) ** _PQ_M1
    grown = np.log1p(((_PQ_C1 - 1) + (_PQ_C2 - _PQ_C3) * power) / (1 + _PQ_C3 * power))
    np.copysign(np.exp(grown * _PQ_M2), light, out=light)


def _run_processor(transform: Any, *, inverse: bool = False) -> _Step:
    import PyOpenColorIO as ocio

    direction = ocio.TRANSFORM_DIR_INVERSE if inverse else ocio.TRANSFORM_DIR_FORWARD
    # Lossless leaves out the fast approximations of powers and logarithms.
    processor = (
        _config()
        .getProcessor(transform, direction)
        .getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)
    )

    def run(band: Pixels) -> None:
        if band.shape[2] == 3:
            processor.applyRGB(band)
            return
        # OpenColorIO runs alpha through some curves as a power of one, which moves its last digits.
        alpha = band[..., 3].copy()
        processor.applyRGBA(band)
        band[..., 3] = alpha

    return run


@cache
def _config() -> Any:
    import PyOpenColorIO as ocio

    return ocio.Config.CreateFromBuiltinConfig(CONFIG)


@cache
def _definition(space: str) -> _Definition:
    import PyOpenColorIO as ocio

    config = _config()
    found = config.getColorSpace(space) if isinstance(space, str) else None
    if found is None or found.isData():
        raise ColourError(
            f"Colour space {space!r} is unknown. The choices of the parameter colour_space are "
            f"the names to use; they come from OpenColorIO's {CONFIG}."
        )
    display_referred = found.getReferenceSpaceType() == ocio.REFERENCE_SPACE_DISPLAY
    reference = "CIE XYZ-D65 - Display-referred" if display_referred else "ACES2065-1"
    steps = list(
        config.getProcessor(found.getName(), reference)
        .getOptimizedProcessor(ocio.OPTIMIZATION_NONE)
        .createGroupTransform()
    )
    curves = [step for step in steps if not isinstance(step, ocio.MatrixTransform)]
    matrix = np.eye(4)
    for step in steps:
        if isinstance(step, ocio.MatrixTransform):
            matrix = np.array(step.getMatrix()).reshape(4, 4) @ matrix
    curve = _published_curve(found.getName())
    if curve is None and curves:
        curve = _mirrored(curves[0])
        if len(curves) > 1 or curves[0] is not steps[0]:
            raise ColourError(f"Colour space {space!r} is not a curve and a matrix.")
    return _Definition(curve, matrix, display_referred)


def _mirrored(curve: Any) -> Any:
    import PyOpenColorIO as ocio

    if isinstance(curve, ocio.ExponentTransform):
        curve.setNegativeStyle(ocio.NEGATIVE_MIRROR)
    return curve


def _published_curve(space: str) -> Any:
    """The formula of a curve that the config tabulates, as an OpenColorIO transform."""
    if space == "Rec.2100-HLG - Display":
        # ITU-R BT.2100: the scene light before the system's gamma, times 3 as in the config.
        parameters = [0.0, 0.25, 0.5, 1.0, 0.0, math.e, 0.17883277, 0.55991073, 4.0, -0.28466892]
        return _gamma_log(parameters)
    if space == "Apple Log":
        # Apple Log Profile White Paper: 47.28711236 (R + 0.05641088)^2 up to 0.01.
        gamma = [-0.05641088, 0.01, 2.0, 47.28711236, 0.05641088]
        return _gamma_log([*gamma, 2.0, 0.08550479, 0.69336945, 1.0, 0.00964052])
    # Canon Log Gamma Curves (2020), linear light times 0.9.
    if space == "CanonLog2 CinemaGamut D55":
        slope, offset, gain = 0.24136077, 0.092864125, 87.099375 / 0.9
        dark = [-slope, offset, -gain, 1.0]
        return _double_log([10.0, 0.0, 0.0, *dark, slope, offset, gain, 1.0, 1.0, 0.0])
    if space == "CanonLog3 CinemaGamut D55":
        slope, gain = 0.36726845, 14.98325 / 0.9
        breaks = [-0.014 * 0.9, 0.014 * 0.9]
        dark, bright = [-slope, 0.12783901, -gain, 1.0], [slope, 0.12240537, gain, 1.0]
        return _double_log([10.0, *breaks, *dark, *bright, 1.9754798 / 0.9, 0.12512219])
    if space == "ACEScc":
        # AMPAS S-2014-003: below 2^-15 the logarithm has an offset; there is no linear segment.
        slope, offset = 1 / 17.52, 9.72 / 17.52
        dark, bright = [slope, offset, 0.5, 2.0**-16], [slope, offset, 1.0, 0.0]
        return _double_log([2.0, 2.0**-15, 2.0**-15, *dark, *bright, 1.0, 0.0])
    return None


def _gamma_log(parameters: list[float]) -> Any:
    import PyOpenColorIO as ocio

    style = ocio.FIXED_FUNCTION_LIN_TO_GAMMA_LOG
    return ocio.FixedFunctionTransform(style, parameters, ocio.TRANSFORM_DIR_INVERSE)


def _double_log(parameters: list[float]) -> Any:
    import PyOpenColorIO as ocio

    style = ocio.FIXED_FUNCTION_LIN_TO_DOUBLE_LOG
    return ocio.FixedFunctionTransform(style, parameters, ocio.TRANSFORM_DIR_INVERSE)


@cache
def _curve(space: str) -> _Curve | None:
    transform = _definition(space).curve
    if transform is None:
        return None
    decoder: _Step = _decode_pq
    encoder: _Step = _encode_pq
    if space not in _PQ_SPACES:
        decoder, encoder = _run_processor(transform), _run_processor(transform, inverse=True)
    lowest, highest = _PUBLISHED_LIGHT.get(space, (-_LARGEST_LIGHT, _LARGEST_LIGHT))

    def value(step: _Step, x: float) -> float:
        pixel = np.full((1, 1, 3), x, np.float32)
        step(pixel)
        return float(pixel[0, 0, 0])

    def edge(light: float) -> tuple[float, float, float]:
        """The code value where the curve ends, its light, and the slope there."""
        code = value(encoder, light)
        inward = code + (1e-5 if light < highest else -1e-5) * max(1.0, abs(code))
        light = value(decoder, code)
        return code, light, (value(decoder, inward) - light) / (inward - code)

    (low, dark, dark_slope), (high, bright, bright_slope) = edge(lowest), edge(highest)
    return _Curve(decoder, encoder, (low, high), (dark, bright), (dark_slope, bright_slope))


@cache
def _to_rec709(space: str) -> _Step:
    import PyOpenColorIO as ocio

    definition = _definition(space)
    rec709 = _definition(REC709_VIDEO if definition.display_referred else REC709_LINEAR)
    matrix = np.linalg.inv(rec709.matrix) @ definition.matrix
    # The config gives HLG's light in units of its display; white stays white here.
    matrix[:3, :3] /= matrix[:3, :3].sum(axis=1, keepdims=True)
    return _run_processor(ocio.MatrixTransform(matrix.ravel().tolist()))
