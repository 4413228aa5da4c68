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
    out: npt.NDArray[np.float32] | None,
) -> npt.NDArray[np.float32]: ...
def all_finite(values: npt.NDArray[np.float32]) -> bool: ...
def read_depth(
    depth: npt.NDArray[np.float32], *, line: tuple[float, float, float] | None, distance: bool
) -> tuple[npt.NDArray[np.float32], bool]:
    """Disparity (H, W), not a number where it is unknown, and whether all is known.

    line: first, slope and start of what the values stand for; None: they are metres.
    """

def coc_map(
    disparity: npt.NDArray[np.float32], *, focus: float, range: float, scale: float
) -> tuple[npt.NDArray[np.float32], bool]:
    """(focus - disparity) * scale, (H, W), the difference less `range`; whether all is finite."""

def average_over_time(
    grey: Sequence[npt.NDArray[np.uint8]],
    values: Sequence[npt.NDArray[np.float32]],
    gains: Sequence[npt.NDArray[np.float32] | None],
    forward: Sequence[npt.NDArray[np.float32]],
    backward: Sequence[npt.NDArray[np.float32]],
    *,
    current: int,
    shares: Sequence[float],
    largest_mismatch: float,
    largest_change: float,
    value_scale: float,
    gain_scale: float,
    threads: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]: ...
def relaxed(
    values: npt.NDArray[np.float32],
    free: npt.NDArray[np.uint8],
    *,
    across: npt.NDArray[np.float32],
    down: npt.NDArray[np.float32],
    prior: npt.NDArray[np.float32],
    pull: float,
    sweeps: int,
) -> npt.NDArray[np.float32]:
    """The free values as alike their neighbours as the weights say, (H, W), the others as they are.

    across, down: (H, W) >= 0, from each pixel to the next in its row and to the one below.
    pull: the weight to `prior`.
    """
