"""Waiting for a lock that whoever waits may give up."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_POLL: Final = 0.02  # seconds


@contextmanager
def held(lock: threading.Lock, stop: Callable[[], None]) -> Iterator[None]:
    """Holds a lock that another render may hold for as long as it takes to estimate frames.

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
