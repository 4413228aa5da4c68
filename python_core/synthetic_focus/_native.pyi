"""The native lens kernels."""

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
