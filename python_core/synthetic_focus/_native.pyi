"""The native kernels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_RADIUS: float

class AbortedError(Exception): ...
class BadPixelError(ValueError): ...

class AbortFlag:
    """Stops a running render; any thread may set it."""

    def set(self) -> None: ...
    def is_set(self) -> bool: ...

def defocus(
    image: npt.NDArray[np.float32],
    coc: npt.NDArray[np.float32],
    aperture: dict[str, Any],
    *,
    frame_size: tuple[int, int],
    origin: tuple[int, int],
    quality: int,
    refine_edges: bool,
    threads: int,
    abort: AbortFlag | None,
) -> npt.NDArray[np.float32]: ...
def average_over_time(
    grey: Sequence[npt.NDArray[np.uint8]],
    values: Sequence[npt.NDArray[np.float32]],
    gains: Sequence[npt.NDArray[np.float32] | None],
    forward: Sequence[npt.NDArray[np.float32]],
    backward: Sequence[npt.NDArray[np.float32]],
    *,
    largest_mismatch: float,
    largest_change: float,
    value_scale: float,
    gain_scale: float,
    threads: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]: ...
