"""Freed memory goes back to the system while frames are made.

A frame takes and frees hundreds of megabytes in pieces of up to 32 MB, in a dozen threads. glibc
carves all of them from heaps of its threads' own, and a heap gives back no more than its free end:
whatever is kept meanwhile, be it a map or a thumbnail, holds all the free pages below it. So what
the process holds rises with every frame, at 1920x1080 by half a megabyte, though what is in use
does not. Pieces of their own by mmap would not stay, but their fresh pages take an eighth of a
render's time.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from functools import cache
from typing import Final

# A call takes some 50 ms after frames of 1920x1080, less than a hundredth of what sixteen take.
_FRAMES: Final = 16

_done: Final = itertools.count(1)


def after_frame() -> None:
    """Lets go of free pages, once in a few calls; to be called after each frame, in any thread."""
    if next(_done) % _FRAMES == 0:
        _trim()(0)


@cache
def _trim() -> Callable[[int], int]:
    """glibc's, which searches all heaps; other libraries for C let go by themselves."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return lambda _: 0
    trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
    return trim  # type: ignore[no-any-return]
