"""Waiting for a lock or a turn that whoever waits may give up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_POLL: Final = 0.02  # seconds


@contextmanager
def held(lock: threading.Lock | threading.Semaphore, stop: Callable[[], None]) -> Iterator[None]:
    """Holds a lock that other renders may hold for as long as their work takes.

    Args:
        lock: to hold.
        stop: called now and then while it is waited for; may raise to stop.
    """
    while not lock.acquire(timeout=_POLL):
        stop()
    try:
        yield
    finally:
        lock.release()
