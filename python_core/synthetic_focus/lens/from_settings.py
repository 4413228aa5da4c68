"""From the values of the lens's parameters to the shape of its opening."""

import functools
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synthetic_focus.lens.aperture import Aperture
from synthetic_focus.lens.model import LensError


class LensSettings(Protocol):
    """The parameters that shape an opening, by their names in the parameter table."""

    squeeze: float
    blades: int
    blade_curvature: float
    blade_rotation: float
    cat_eye: float
    swirl: float
    barndoors: float
    ring: float
    rim: float
    fade: float
    onion: float
    chromatic: float
    astigmatism: float
    kernel_image: str


def aperture(settings: LensSettings) -> Aperture:
    """Return the opening that the parameters describe.

    Raises:
        LensError: `kernel_image` cannot be read.
    """
    if settings.kernel_image:
        return Aperture(
            kernel=read_kernel(Path(settings.kernel_image)), chromatic=settings.chromatic
        )
    return Aperture(
        blades=settings.blades if settings.blades > 2 else 0,
        curvature=settings.blade_curvature,
        rotation_deg=settings.blade_rotation,
        squeeze=settings.squeeze,
        cat_eye=settings.cat_eye,
        swirl=settings.swirl,
        barndoors=settings.barndoors,
        ring=settings.ring,
        rim=settings.rim,
        fade=settings.fade,
        onion=settings.onion,
        chromatic=settings.chromatic,
        astigmatism=settings.astigmatism,
    )


def read_kernel(path: Path) -> npt.NDArray[np.float32]:
    """Return the picture of an opening, (H, W): the mean of its colours, its values as they are.

    Raises:
        LensError: the file is missing or is no picture, or no light is in it.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise LensError(f"the iris image {path} cannot be read: {error.strerror}") from error
    return _read_kernel(path, changed)


@functools.lru_cache(maxsize=8)
def _read_kernel(path: Path, changed: int) -> npt.NDArray[np.float32]:
    import OpenImageIO as oiio

    picture = oiio.ImageInput.open(str(path))
    pixels = picture.read_image(oiio.FLOAT) if picture else None
    if pixels is None:
        oiio.geterror()  # else it is printed when the process ends
        raise LensError(f"the iris image {path} is no picture that can be read; save it as PNG")
    pixels = np.atleast_3d(pixels)
    kernel: npt.NDArray[np.float32] = (
        pixels[..., :3].mean(axis=2) if pixels.shape[2] > 2 else pixels[..., 0]
    )
    if not np.isfinite(kernel).all() or kernel.max(initial=0) <= 0:
        raise LensError(f"the iris image {path} has no light in it; paint the opening in white")
    return np.maximum(kernel, 0)
