"""The worker's log file, which several workers of several hosts write at once."""

import fcntl
import logging
import os
from pathlib import Path
from typing import Final

_LARGEST: Final = 1 << 20  # bytes; then the file becomes worker.log.1 and a new one begins


def default_path() -> Path:
    """In the user's state directory, as the XDG base directory specification has it."""
    state = os.environ.get("XDG_STATE_HOME", "")
    # The specification says to ignore relative paths.
    folder = Path(state) if Path(state).is_absolute() else Path.home() / ".local/state"
    return folder / "synthetic-focus" / "worker.log"


class SharedFileHandler(logging.Handler):
    """Appends to a file that other processes append to, and that any of them may rotate."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; each is one write, so that those of several processes do not mix."""
        try:
            line = self.format(record) + "\n"
            self._rotate()
            os.write(self._file, line.encode("utf-8", "replace"))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _rotate(self) -> None:
        """Begin a new file where this one is too large, or another process has begun one."""
        if self._is_current() and os.fstat(self._file).st_size < _LARGEST:
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        # All who find the file too large hold the same one; the first to lock it renames it.
        if self._is_current():
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        old, self._file = self._file, self._open()
        os.close(old)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False


def start(path: Path) -> None:
    """Send what the package logs to `path`, or to stderr where that cannot be written."""
    handler: logging.Handler
    try:
        handler = SharedFileHandler(path)
    except OSError as error:
        handler = logging.StreamHandler()
        handler.handle(logging.makeLogRecord({"msg": f"cannot log to {path}: {error.strerror}"}))
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logger = logging.getLogger("synthetic_focus")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
