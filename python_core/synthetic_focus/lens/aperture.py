"""The shape of a lens's opening, which is the shape that a point of light out of focus takes."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError


class ApertureError(SyntheticFocusError, ValueError):
    """An aperture that no lens can have; the message names the field and its range."""


_RANGES: dict[str, tuple[float, float]] = {
    "curvature": (0.0, 1.0),
    "rotation_deg": (-3600.0, 3600.0),
    "squeeze": (0.25, 4.0),
    "cat_eye": (0.0, 1.0),
    "swirl": (0.0, 1.0),
    "barndoors": (0.0, 1.0),
    "ring": (0.0, 0.9),
    "rim": (-1.0, 1.0),
    "fade": (0.0, 1.0),
    "onion": (0.0, 1.0),
    "chromatic": (-0.5, 0.5),
    "astigmatism": (-0.9, 0.9),
}
_MAX_BLADES = 16
_MAX_KERNEL = 1024


@dataclass(frozen=True, slots=True)
class Aperture:
    """The opening of a lens, seen from behind the camera.

    Its size is no part of it: a picture's circle of confusion map says how large each pixel's patch
    is. A point behind the focal plane shows the shape upright, one in front shows it turned by
    180 degrees. `rho` is the distance from the middle of the frame, 1 in its corners.

    Attributes:
        blades: 0 for a disc, else 3 to 16 blades; the corners lie on the circle of confusion.
        curvature: Of the blades, 0 straight to 1 a disc.
        rotation_deg: Counter-clockwise; at 0 a corner points right.
        squeeze: Half-axes are r / squeeze across and r up, as a front anamorphic's pupil has it.
        cat_eye: How far a second pupil has slid over the first at rho = 1, in pupil radii;
            the slide grows with rho.
        swirl: Tangential stretch 1 + swirl * rho^2 / 2, radial shrink by the same factor (Petzval).
        barndoors: How much of the half patch that points outward a straight mask cuts off at the
            frame's edges, growing with the square of the distance from the middle.
        ring: Radius of a central obstruction in pupil radii (mirror lenses).
        rim: Spherical aberration behind the focal plane: 1 the brightest rim (soap bubble), -1 the
            smoothest fading toward the rim. In front of the focal plane it is the other way round.
        fade: How much darker the patch is at its rim than in its middle, on both sides of the focal
            plane (apodisation filter).
        onion: Contrast of concentric rings (moulded aspheres).
        chromatic: Axial colour: behind focus red's radius is (1 + chromatic) times, blue's (1 -
            chromatic) times green's; in front the other way round.
        astigmatism: Behind focus the patch is stretched radially by 1 + astigmatism * rho^2 and
            shrunk tangentially by 1 - astigmatism * rho^2; in front the other way round.
        kernel: A picture (H, W) of the opening, at least one value above 0; its longer side spans
            the circle of confusion. Only `rotation_deg` = 0 and uniform shapes go with it.

    Raises:
        ApertureError: a field outside its range or not finite, or fields that exclude each other.

    >>> Aperture(blades=6, curvature=0.3).blades
    6
    >>> Aperture(squeeze=0)
    Traceback (most recent call last):
    synthetic_focus.lens.aperture.ApertureError: squeeze is 0, it must lie within 0.25 to 4
    """

    blades: int = 0
    curvature: float = 1.0
    rotation_deg: float = 0.0
    squeeze: float = 1.0
    cat_eye: float = 0.0
    swirl: float = 0.0
    barndoors: float = 0.0
    ring: float = 0.0
    rim: float = 0.0
    fade: float = 0.0
    onion: float = 0.0
    chromatic: float = 0.0
    astigmatism: float = 0.0
    kernel: npt.NDArray[np.float32] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        blades = self.blades
        if isinstance(blades, bool) or int(blades) != blades:
            raise ApertureError(f"blades is {blades!r}, it must be a whole number")
        if blades != 0 and not 3 <= blades <= _MAX_BLADES:
            raise ApertureError(f"blades is {blades}, it must be 0 (a disc) or 3 to {_MAX_BLADES}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not math.isfinite(value) or not low <= value <= high:
                raise ApertureError(f"{name} is {value:g}, it must lie within {low:g} to {high:g}")
        if self.kernel is not None:
            object.__setattr__(self, "kernel", _checked_kernel(self.kernel))
            others = [
                f.name
                for f in fields(self)
                if f.name not in ("kernel", "chromatic") and getattr(self, f.name) != f.default
            ]
            if others:
                raise ApertureError(
                    f"kernel is the whole shape and cannot be combined with {', '.join(others)}"
                )

    @property
    def varies_over_frame(self) -> bool:
        """Whether a patch's shape depends on where in the frame it lies."""
        return any((self.cat_eye, self.swirl, self.barndoors, self.astigmatism))


def nested_profile(aperture: Aperture, *, behind: bool) -> tuple[tuple[float, float], ...]:
    """The radial profile as nested copies of the outline.

    Args:
        aperture: Whose `ring`, `rim`, `fade` and `onion` are meant.
        behind: Whether the point lies behind the focal plane; in front, `rim` acts inverted.

    Returns:
        (scale, weight) pairs, largest first: the patch is the sum of outlines scaled by `scale` and
        filled with `weight`. A plain disc is ((1.0, 1.0),).
    """
    rim = aperture.rim if behind else -aperture.rim
    steps = 12 if rim or aperture.fade or aperture.onion else 1
    edges = np.sqrt(np.linspace(aperture.ring**2, 1.0, steps + 1))
    middles = np.sqrt((edges[:-1] ** 2 + edges[1:] ** 2) / 2)
    # Both terms average to nothing over the disc: the rim does not change the patch's light.
    bent = 4 * middles**6 - 1 if rim > 0 else 2 * middles**2 - 1
    level = (1 + rim * bent) * (1 - aperture.fade * middles**2)
    level *= 1 + aperture.onion * np.cos(np.pi * np.arange(steps)) / 2
    weights = np.insert(level, 0, 0.0) - np.append(level, 0.0)
    pairs = zip(edges[::-1], weights[::-1], strict=True)
    return tuple((float(s), float(w)) for s, w in pairs if s > 0 and w != 0)


def _checked_kernel(kernel: Any) -> npt.NDArray[np.float32]:
    array = np.array(kernel, dtype=np.float32)
    if array.ndim != 2 or not min(array.shape) >= 1 or max(array.shape) > _MAX_KERNEL:
        raise ApertureError(
            f"kernel has shape {array.shape}, it must be (H, W) with sides of 1 to {_MAX_KERNEL}"
        )
    if not np.isfinite(array).all() or (array < 0).any() or not (array > 0).any():
        raise ApertureError("kernel must be finite and not negative, with some light in it")
    array.flags.writeable = False
    return array
