"""The thin lens: how far out of focus a point at some depth is."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthetic_focus import _native
from synthetic_focus.errors import SyntheticFocusError

CLOSED_F_STOP = 256.0
"""The end of the F-Stop control: from here on the aperture counts as closed, a pinhole."""


class LensError(SyntheticFocusError, ValueError):
    """A lens, a focus or a disparity map that no lens can have."""


def closed(f_stop: float, blur_scale: float) -> bool:
    """Whether the lens is a pinhole, so that the picture passes it untouched."""
    return f_stop >= CLOSED_F_STOP or blur_scale == 0.0


def blur_per_dioptre(
    focus_disparity: float,
    *,
    focal_length_mm: float,
    f_stop: float,
    sensor_width_mm: float,
    width_px: int,
    blur_scale: float = 1.0,
) -> float:
    """Blur radius, in pixels, of a point whose disparity is one dioptre off the focus.

    With a focal length f, an f-number N and the focal plane at F the radius on the sensor is
    ``f^2/(2N) * F/(F - f)`` times the difference of the inverse distances; a sensor w wide makes
    a picture W pixels wide. An anamorphic lens has this radius up the picture, and its
    desqueezed picture's width stands for the sensor's width times the squeeze.

    Raises:
        LensError: a figure is not finite or out of range, or the focus is within the focal length.
    """
    figures = {
        "focal_length_mm": focal_length_mm,
        "f_stop": f_stop,
        "sensor_width_mm": sensor_width_mm,
        "width_px": width_px,
    }
    for name, value in figures.items():
        if not (math.isfinite(value) and value > 0):
            raise LensError(f"{name} is {value}; it must be a positive number")
    for name, value in {"focus_disparity": focus_disparity, "blur_scale": blur_scale}.items():
        if not (math.isfinite(value) and value >= 0):
            raise LensError(f"{name} is {value}; it must be 0 or a positive number")
    millimetres = focal_length_mm * focal_length_mm / 1000 / (2 * f_stop)
    millimetres *= extension(focus_disparity, focal_length_mm=focal_length_mm)
    return blur_scale * millimetres * width_px / sensor_width_mm


def extension(focus_disparity: float, *, focal_length_mm: float) -> float:
    """How many focal lengths behind a lens its image is: 1 at infinity, ``F/(F - f)`` nearer.

    Raises:
        LensError: the focus is within the focal length, where there is no image.
    """
    remaining = 1 - focal_length_mm / 1000 * focus_disparity
    if remaining <= 0:
        raise LensError(
            f"the focus is at {1000 / focus_disparity:.4g} mm, within the focal length of "
            f"{focal_length_mm:.4g} mm; focus farther away or shorten the focal length"
        )
    return 1 / remaining


def coc_map(
    disparity: NDArray[np.floating[Any]],
    focus_disparity: float,
    *,
    focal_length_mm: float,
    f_stop: float,
    sensor_width_mm: float,
    width_px: int,
    blur_scale: float = 1.0,
    focus_range: float = 0.0,
) -> NDArray[np.float32]:
    """Return the circle of confusion of every pixel through a thin lens.

    Linear in disparity, which is why a focal plane moves by shifting disparity and an aperture
    opens by scaling it (the paper, section 4.1). Exactly 0 where the disparity is the focus's.

    No lens has a range of distances that are all in focus; it is there for depth that gives one
    thing several of them. Blur begins at its ends, and grows from there as through the lens.

    Args:
        disparity: (H, W) floating point, inverse distance in dioptres (1/m), 0 at infinity.
        focus_disparity: of the focal plane, in dioptres.
        focal_length_mm: of the lens.
        f_stop: focal length over pupil diameter.
        sensor_width_mm: what the whole width of the picture stands for.
        width_px: of the whole picture, in pixels; not of a window or tile of it.
        blur_scale: multiplies the blur.
        focus_range: how far from the focus, to either side, all is in focus, in dioptres.

    Returns:
        (H, W) float32, signed radius in pixels, positive behind the focal plane.

    Raises:
        LensError: see `blur_per_dioptre`; the range is negative or not finite; or the disparity is
            not a finite floating-point map.
    """
    if not 0 <= focus_range < math.inf:
        raise LensError(f"focus_range is {focus_range}; it must be 0 or more, and finite")
    if disparity.ndim != 2 or not np.issubdtype(disparity.dtype, np.floating):
        raise LensError(
            f"disparity is {disparity.dtype} of shape {disparity.shape}; "
            "it must be floating point of shape (H, W), in dioptres"
        )
    scale = blur_per_dioptre(
        focus_disparity,
        focal_length_mm=focal_length_mm,
        f_stop=f_stop,
        sensor_width_mm=sensor_width_mm,
        width_px=width_px,
        blur_scale=blur_scale,
    )
    coc, finite = _native.coc_map(
        disparity.astype(np.float32, copy=False),
        focus=focus_disparity,
        range=focus_range,
        scale=scale,
    )
    if not finite:
        bad = ~np.isfinite(coc)
        row, column = np.argwhere(bad)[0]
        raise LensError(
            f"disparity has {np.count_nonzero(bad)} values without a finite blur, the first "
            f"({disparity[row, column]}) at row {row}, column {column}; fill them before the lens"
        )
    return coc
