"""Notices what a plug-in starts or opens where it must not: before the first render."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def opened_processes(violation: Callable[[str], None], doing: str) -> Iterator[None]:
    """Reports child processes and sockets that are there afterwards and were not before.

    Linux only: elsewhere there is no cheap way to look.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    before = _children() | _sockets()
    yield
    for new in sorted((_children() | _sockets()) - before):
        violation(f"{doing} the plug-in opened {new}")


def _children() -> set[str]:
    children: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            children.update(f"process {pid}" for pid in (task / "children").read_text().split())
    return children


def _sockets() -> set[str]:
    sockets: set[str] = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(descriptor.readlink())
            if target.startswith("socket:"):
                sockets.add(target)
    return sockets
