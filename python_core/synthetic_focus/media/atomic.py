"""A file appears under its name when it is complete, or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from synthetic_focus.media.errors import MissingMediaError, WriteError


def check_folder(path: Path) -> None:
    """Refuses a `path` that cannot be written, before the work of what it is to hold.

    Raises:
        MissingMediaError: its folder does not exist.
        WriteError: it is a folder, or its folder may not be written to.
    """
    if not path.parent.is_dir():
        raise MissingMediaError(
            f"The folder {path.parent} does not exist. Make it first, or choose another output."
        )
    if path.is_dir():
        raise WriteError(f"{path} is a folder. Name the file to write.")
    if not os.access(path.parent, os.W_OK):
        raise WriteError(
            f"The folder {path.parent} cannot be written to. Make it yours, or choose another."
        )


def temporary_name(path: Path) -> Path:
    """A hidden name beside `path`, with its extension, which some writers choose the format by."""
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary name that takes the place of `path` when the block ends without error.

    On any error, Ctrl-C included, the temporary file is removed and `path` is as it was.

    Raises:
        WriteError: the system refused (disk full, no permission, ...).
    """
    temporary = temporary_name(path)
    try:
        yield temporary
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_error(path, error) from error
        raise


def write_error(path: Path, error: OSError) -> WriteError:
    """What the system's error means for the person who waits for `path`."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return WriteError(f"{path} could not be written: {reason}. Nothing was left of it.")
