"""The shot cache: what has been estimated, on disk, for all hosts, the command line and Python.

docs/developer/cache.md describes the files. They are only a cache: whatever is wrong with them or
with the disk, the caller goes on without, and the log says so once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.media.errors import WriteError
from synthetic_focus.scene.providers import Estimate

VERSION: Final = 1
FOLDER_VARIABLE: Final = "SYNTHETIC_FOCUS_CACHE"
LIMIT_VARIABLE: Final = "SYNTHETIC_FOCUS_CACHE_GB"

_LOG = logging.getLogger(__name__)
_FORMAT: Final = "synthetic-focus/shot"
_MANIFEST: Final = "manifest.json"
_USUAL_GB: Final = 20.0
_SHOT_NAME: Final = re.compile(r"[0-9a-f]{8}-\d+x\d+-[0-9a-f]{16}")
_CHANNELS: Final = ("disparity", "log_gain.R", "log_gain.G", "log_gain.B")
_LARGEST_HALF: Final = 65504.0
# A manifest of a long shot takes a while to write; what it says of the last frames may be lost.
_MANIFEST_SECONDS: Final = 2.0
_LOCK_SECONDS: Final = 10.0
# Another process may be writing what looks unfinished; after this it is what a killed one left.
_PARTIAL_SECONDS: Final = 600.0


class CacheError(SyntheticFocusError):
    """A setting of the cache that means nothing."""


@dataclass(frozen=True)
class StoredFrame:
    """What is stored of one frame of a shot.

    Attributes:
        fingerprint: of the picture that it was made from.
        window: of all that it was made from; see `fingerprint_of`.
        maps: temporally filtered.
        stamp: of the files that it was made from, or empty.
    """

    fingerprint: str
    window: str
    maps: Estimate
    stamp: str = ""


@dataclass(frozen=True)
class ShotSummary:
    """A line of `synthetic-focus cache list`.

    Attributes:
        name: of its folder.
        source: what was analysed, in words.
        provider: what it was analysed by.
        frames: how many are stored.
        size: in bytes.
        used: when something of it was last read or written, in seconds since 1970.
    """

    name: str
    source: str
    provider: str
    frames: int
    size: int
    used: float


def fingerprint_of(*parts: object) -> str:
    """32 hexadecimal digits that tell these texts and arrays from all others."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(f"{len(str(part))}:{part}".encode())
    return digest.hexdigest()


def stored_precision(maps: Estimate) -> Estimate:
    """The maps as they come back from the cache, so that a fresh result equals a stored one."""
    disparity, gain = _half(maps.disparity), maps.log_gain
    log_gain = None if gain is None or not gain.any() else _half(gain).astype(np.float32)
    return Estimate(disparity.astype(np.float32), log_gain)


class Cache:
    """The folder of all shots. Safe in several threads and processes."""

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        """Opens a cache, which may not exist yet.

        Args:
            folder: where it is; else where the environment says, else the user's cache folder.
            limit: bytes that it may hold; else what the environment says, else 20 GB.

        Raises:
            CacheError: the environment gives a limit that is no number.
        """
        self.folder = _usual_folder() if folder is None else folder
        self.limit = _usual_limit() if limit is None else limit
        self._written: int | None = None  # since the size was last looked at; None: never

    def shot(
        self, provider: str, size: tuple[int, int], source: str, *, metric: bool = False
    ) -> ShotCache:
        """The shot of a source, as a provider sees it at an analysis size (width, height)."""
        about = {"source": source, "provider": provider, "metric": metric, "size": list(size)}
        name = _prefix(provider, size) + fingerprint_of(source)[:16]
        return ShotCache(self, self.folder / name, provider, about)

    def find(
        self, provider: str, size: tuple[int, int], number: float, fingerprint: str
    ) -> ShotCache | None:
        """The shot whose frame of this number was made from the picture of this fingerprint."""
        for folder in self._folders(_prefix(provider, size)):
            if not (folder / "raw" / f"{fingerprint}.exr").exists():
                continue
            shot = ShotCache(self, folder, provider, {})
            found = shot.frame(number)
            if found is not None and found.fingerprint == fingerprint:
                return shot
        return None

    def raw(self, provider: str, size: tuple[int, int], fingerprint: str) -> Estimate | None:
        """What the provider said of a picture, in whatever shot it was seen."""
        for folder in self._folders(_prefix(provider, size)):
            found = _read(folder / "raw" / f"{fingerprint}.exr")
            if found is not None and found.fingerprint == fingerprint:
                return found.maps
        return None

    def shots(self) -> list[ShotSummary]:
        """All shots, the least recently used first."""
        summaries = []
        for folder in self._folders():
            files = list(_files(folder))
            manifest = _load_json(folder / _MANIFEST) or {}
            summaries.append(
                ShotSummary(
                    folder.name,
                    str(manifest.get("source", "unknown")),
                    str(manifest.get("provider", "unknown")),
                    sum(path.parent.name == "frames" for path, _, _ in files),
                    sum(size for _, size, _ in files),
                    max((used for _, _, used in files), default=0.0),
                )
            )
        return sorted(summaries, key=lambda shot: shot.used)

    def size(self) -> int:
        """Bytes on disk."""
        return sum(size for folder in self._folders() for _, size, _ in _files(folder))

    def clear(self) -> int:
        """Removes all shots; what others are writing meanwhile may stay. Returns bytes freed.

        Raises:
            CacheError: something cannot be removed.
        """
        before = self.size()
        for folder in self._folders():
            try:
                shutil.rmtree(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                if folder.exists():
                    raise CacheError(f"cannot remove {folder}: {error.strerror}") from error
        return before - self.size()

    def evict(self) -> None:
        """Removes what was not used for longest, until a tenth of the limit is free again."""
        with self.locked(self.folder / ".lock", wait=0) as locked:
            if not locked:
                return  # another process is doing it
            files = sorted(
                (entry for folder in self._folders() for entry in _files(folder)),
                key=lambda entry: entry[2],
            )
            excess = sum(size for _, size, _ in files) - self.limit
            if excess <= 0:
                return
            excess += self.limit // 10
            for path, size, _ in files:
                if excess <= 0:
                    break
                if path.suffix != ".exr" and path.parent.name != "data":
                    continue
                with contextlib.suppress(OSError):
                    path.unlink()
                    excess -= size
            for folder in self._folders():
                if not any(path.suffix == ".exr" for path, _, _ in _files(folder)):
                    shutil.rmtree(folder, ignore_errors=True)

    def write(self, path: Path, content: bytes) -> None:
        """Puts a file in its place, whole or not at all; and if it cannot be, says so once."""
        from synthetic_focus.media.atomic import temporary_name

        if self.limit <= 0:
            return
        temporary = temporary_name(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            self.complain(error)
            return
        self._written = None if self._written is None else self._written + len(content)
        if self._written is None or self._written > self.limit // 20:
            self._written = 0
            self.evict()

    @contextlib.contextmanager
    def locked(self, path: Path, wait: float = _LOCK_SECONDS) -> Iterator[bool]:
        """Holds a lock that ends with its holder, however that ends; gives whether it could."""
        from filelock import FileLock, Timeout

        lock = FileLock(path, timeout=wait)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except (OSError, NotImplementedError, Timeout) as error:
            if not isinstance(error, Timeout):
                self.complain(error)
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def complain(self, error: Exception) -> None:
        """Says once that something could not be written."""
        _warn_once(
            f"the shot cache {self.folder} cannot be written"
            f" ({getattr(error, 'strerror', None) or error}): frames are estimated anew each time;"
            f" make room, or set {FOLDER_VARIABLE} to another folder"
        )

    def _folders(self, prefix: str = "") -> list[Path]:
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder))
        except OSError:
            return []
        return [
            self.folder / name
            for name in names
            if name.startswith(prefix) and _SHOT_NAME.fullmatch(name)
        ]


class ShotCache:
    """One shot's folder. Safe in several threads and processes.

    Attributes:
        name: of the folder.
        provider: what its maps were made by.
    """

    def __init__(self, cache: Cache, folder: Path, provider: str, about: Mapping[str, Any]) -> None:
        """Opens the folder, which need not exist. `about` goes into its manifest."""
        self.name = folder.name
        self.provider = provider
        self._cache = cache
        self._folder = folder
        self._about = dict(about)
        self._lock = threading.Lock()
        self._news: dict[str, Any] = {}
        self._frames: dict[str, tuple[str, bool]] = {}
        self._manifest_at = 0.0

    def frame(self, number: float) -> StoredFrame | None:
        """What is stored of a frame, if it is whole."""
        found = _read(self._frame_path(number))
        if found is not None:
            # It lives as long as the frame, which is found by it too.
            _touch(self._raw_path(found.fingerprint))
        return found

    def store_frame(self, number: float, frame: StoredFrame, *, is_cut: bool = False) -> None:
        """Keeps a frame, in the place of an older one of its number; is_cut: a scene begins."""
        self._store(self._frame_path(number), frame)
        with self._lock:
            self._frames[_number(number)] = (frame.fingerprint, is_cut)
            due = time.monotonic() - self._manifest_at > _MANIFEST_SECONDS
        if due:
            self.write_manifest()

    def store_raw(self, fingerprint: str, estimate: Estimate) -> None:
        """Keeps what a provider said of the picture of this fingerprint."""
        self._store(self._raw_path(fingerprint), StoredFrame(fingerprint, "", estimate))

    def manifest(self) -> Mapping[str, Any]:
        """What the manifest says; empty where there is none, or a damaged one."""
        found = _load_json(self._folder / _MANIFEST) or {}
        good = found.get("format") == _FORMAT and found.get("version") == VERSION
        return found if good and isinstance(found.get("frames"), dict) else {}

    def note(self, **facts: object) -> None:
        """Adds facts about the shot to what the manifest will say."""
        with self._lock:
            self._news |= facts

    def write_manifest(self) -> None:
        """Writes what is new into the manifest, beside what other processes have written there."""
        with self._lock:
            self._manifest_at = time.monotonic()
            news, frames = self._news, self._frames
            self._news, self._frames = {}, {}
        with self._cache.locked(self._folder / ".lock") as locked:
            if locked:
                old = dict(self.manifest())
                head = {"format": _FORMAT, "version": VERSION} | self._about
                fingerprints = {name: fingerprint for name, (fingerprint, _) in frames.items()}
                cuts = {name for name in old.get("cuts", []) if name not in frames}
                cuts |= {name for name, (_, is_cut) in frames.items() if is_cut}
                lists = {"cuts": sorted(cuts), "frames": old.get("frames", {}) | fingerprints}
                text = json.dumps(old | head | news | lists, indent=1)
                self._cache.write(self._folder / _MANIFEST, text.encode())
                return
        with self._lock:
            self._news, self._frames = news | self._news, frames | self._frames

    def read_json(self, name: str) -> Any | None:
        """Side data that was stored under a name; None: there is none, or it is damaged.

        For what others find out about a shot (the tracks of its subjects) and want to keep with it.
        The name must say all that the data depend on: put a `fingerprint_of` it there.
        """
        document = _load_json(self._data_path(name), touch=True)
        if document is None or "checksum" not in document or "value" not in document:
            return None
        text = json.dumps(document["value"], sort_keys=True)
        return document["value"] if document["checksum"] == fingerprint_of(text) else None

    def write_json(self, name: str, value: object) -> None:
        """Keeps side data under a name of letters, digits, points, hyphens and underscores."""
        text = json.dumps(value, sort_keys=True)
        document = f'{{"checksum": "{fingerprint_of(text)}", "value": {text}}}'
        self._cache.write(self._data_path(name), document.encode())

    def _data_path(self, name: str) -> Path:
        if not re.fullmatch(r"[\w-][\w.-]{0,99}", name, re.ASCII):
            raise CacheError(f"{name!r} cannot be the name of side data")
        return self._folder / "data" / f"{name}.json"

    def _raw_path(self, fingerprint: str) -> Path:
        return self._folder / "raw" / f"{fingerprint}.exr"

    def _frame_path(self, number: float) -> Path:
        return self._folder / "frames" / f"{_number(number)}.exr"

    def _store(self, path: Path, frame: StoredFrame) -> None:
        if self._cache.limit <= 0:
            return
        try:
            content = _encoded(frame)
        except (OSError, WriteError) as error:
            self._cache.complain(error)
        else:
            self._cache.write(path, content)


def _usual_folder() -> Path:
    chosen = os.environ.get(FOLDER_VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("synthetic-focus") / "shots"


def _usual_limit() -> int:
    text = os.environ.get(LIMIT_VARIABLE) or str(_USUAL_GB)
    try:
        return int(max(float(text), 0.0) * 1e9)
    except (ValueError, OverflowError):
        raise CacheError(
            f"{LIMIT_VARIABLE} is {text!r}; it must be a number of gigabytes"
        ) from None


def _prefix(provider: str, size: tuple[int, int]) -> str:
    return f"{fingerprint_of(provider)[:8]}-{size[0]}x{size[1]}-"


def _number(number: float) -> str:
    """A frame's number in names: six digits, as sequences have them, or the fraction that it is."""
    return f"{int(number):06d}" if number == int(number) else repr(float(number))


@functools.cache
def _warn_once(text: str) -> None:
    _LOG.warning(text)


def _half(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    return np.clip(values, -_LARGEST_HALF, _LARGEST_HALF).astype(np.float16)


def _encoded(frame: StoredFrame) -> bytes:
    from synthetic_focus.media.half_exr import encode

    maps = [_half(frame.maps.disparity)[..., None]]
    if frame.maps.log_gain is not None and frame.maps.log_gain.any():
        maps.append(_half(frame.maps.log_gain))
    pixels = np.concatenate(maps, axis=2)
    attributes = {
        "fingerprint": frame.fingerprint,
        "window": frame.window,
        "stamp": frame.stamp,
    }
    attributes["checksum"] = fingerprint_of(pixels, *attributes.values())
    return encode(pixels, _CHANNELS[: pixels.shape[2]], attributes)


def _read(path: Path) -> StoredFrame | None:
    """A stored frame; None: it is not there, or is not what was written."""
    from synthetic_focus.media.half_exr import decode

    if not path.exists():  # the usual case, and no error worth making
        return None
    decoded = decode(path)
    if decoded is None or decoded.channels not in (_CHANNELS[:1], _CHANNELS):
        return None
    pixels, attributes = decoded.pixels, decoded.attributes
    texts = [attributes.get(name, "") for name in ("fingerprint", "window", "stamp")]
    if attributes.get("checksum") != fingerprint_of(pixels, *texts):
        return None
    _touch(path)
    values = pixels.astype(np.float32)
    gain = np.ascontiguousarray(values[..., 1:]) if values.shape[2] == 4 else None
    fingerprint, window, stamp = texts
    maps = Estimate(np.ascontiguousarray(values[..., 0]), gain)
    return StoredFrame(fingerprint, window, maps, stamp)


def _touch(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(path)


def _load_json(path: Path, *, touch: bool = False) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if touch:
        _touch(path)
    return found if isinstance(found, dict) else None


def _files(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """Path, size and time of last use of all files of a shot; removes what a killed writer left."""
    for place in (folder, folder / "raw", folder / "frames", folder / "data"):
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                if not entry.is_file(follow_symlinks=False):
                    continue
                left = entry.name.startswith(".") and ".partial" in entry.name
                if left and time.time() - status.st_mtime > _PARTIAL_SECONDS:
                    Path(entry.path).unlink()
                    continue
            except OSError:
                continue
            yield Path(entry.path), status.st_size, status.st_mtime
