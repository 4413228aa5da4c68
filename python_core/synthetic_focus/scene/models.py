"""Depth networks that are installed on this machine, and those that can be.

A model is a folder `NAME` in `folder()`: `NAME.onnx`, `NAME.toml`, and the files of weights that
the network names. It appears when everything in it is there and has run once. The catalogue beside
this module is of the same TOML files; where one lists its files with address and SHA-256, the model
can be installed by its name.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from synthetic_focus.scene.onnx_file import external_files
from synthetic_focus.scene.onnx_network import (
    Description,
    NetworkFile,
    OnnxNetwork,
    read_description,
    sha256,
)
from synthetic_focus.scene.providers import BUILT_IN, ModelError

if TYPE_CHECKING:
    from synthetic_focus.scene.download import Progress

_LOG: Final = logging.getLogger(__name__)

VARIABLE: Final = "SYNTHETIC_FOCUS_MODELS"
_CATALOGUE: Final = Path(__file__).parent / "catalogue"
_STAGING: Final = ".incoming"
_NAME: Final = re.compile(r"\w[\w.-]*")

State = Literal["installed", "damaged", "not installed", "from a file"]


@dataclass(frozen=True)
class Model:
    """A model that is installed, or that the catalogue lists.

    Attributes:
        name: what it is known by.
        state: "from a file": not installed, and only to be installed from a file.
        description: what its TOML says; None where that is damaged.
        fault: what is wrong with a damaged one.
    """

    name: str
    state: State
    description: Description | None
    fault: str = ""

    @property
    def bytes(self) -> int:
        """The size of its files; 0 where it is not known."""
        return sum(file.bytes for file in self.description.files) if self.description else 0


def folder() -> Path:
    """Where models are kept: `~/.local/share/synthetic-focus/models` on Linux.

    The environment variable SYNTHETIC_FOCUS_MODELS names another place.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_data_path("synthetic-focus") / "models"


@functools.cache
def catalogue() -> Mapping[str, Description]:
    """What is known of models that may be used commercially, by name."""
    return MappingProxyType(
        {path.stem: read_description(path) for path in sorted(_CATALOGUE.glob("*.toml"))}
    )


def models() -> tuple[Model, ...]:
    """Return the models of the catalogue and the installed ones, each once, by name."""
    found = {name: _find(name) for name in _installed_names()}
    for name, description in catalogue().items():
        state: State = "not installed" if description.files else "from a file"
        found.setdefault(name, Model(name, state, description))
    return tuple(found[name] for name in sorted(found))


def load(name: str) -> OnnxNetwork:
    """The provider of an installed model.

    Raises:
        ModelError: there is none of that name, or it is damaged.
    """
    if name not in _installed_names():
        raise ModelError(f"the depth model {name!r} is not installed. {_how(name)}")
    model = _find(name)
    if model.state == "damaged":
        raise ModelError(f"the depth model {name!r} is damaged: {model.fault}. {_again(name)}")
    return OnnxNetwork(_network(folder() / name))


def verify(name: str) -> str:
    """What is wrong with an installed model, all its files read; nothing if it is well."""
    model = _find(name)
    if model.description is None or model.fault:
        return f"{model.fault}. {_again(name)}"
    for file in model.description.files:
        path = folder() / name / file.name
        try:
            if sha256(path) != file.sha256:
                return f"{path} has been changed: its SHA-256 is another. {_again(name)}"
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}. Is it yours?"
    return ""


def install(name: str, progress: Progress | None = None) -> Path:
    """Fetches a model of the catalogue, unless it is installed as it is listed, and well.

    What has arrived is kept when this is stopped or fails, and the next time goes on from there.

    Args:
        name: a name of the catalogue.
        progress: is told how many bytes have arrived, and of how many.

    Returns:
        The model's folder.

    Raises:
        ModelError: the catalogue has none of that name or no address for it, it cannot be fetched
            or kept, or it does not run.
    """
    description = catalogue().get(name)
    if description is None or not description.files:
        raise ModelError(f"{name!r} cannot be installed by its name. {_how(name)}")
    with _locked(name):
        if _find(name).description == description and not verify(name):
            return folder() / name
        staging = folder() / _STAGING / name
        with _writing(staging):
            staging.mkdir(parents=True, exist_ok=True)
        total = sum(file.bytes for file in description.files)
        before = 0
        for file in description.files:
            _fetch(file, staging / file.name, before, total, progress)
            before += file.bytes
        with _writing(staging):
            shutil.copyfile(_CATALOGUE / f"{name}.toml", staging / f"{name}.toml")
        _try_out(_network(staging))
        return _put(staging, name)


def install_file(path: Path, toml: Path | None = None, name: str | None = None) -> Path:
    """Copies a network from a file, with its weights and the TOML that says how it is fed.

    Args:
        path: the ONNX file.
        toml: None takes the one beside the file, or that of the catalogue for `name`.
        name: what the model is to be known by; None: as the file is.

    Returns:
        The model's folder.

    Raises:
        ModelError: a file is missing or faulty, is not the one that the TOML pins, cannot be
            copied, or does not run.
    """
    name = path.stem if name is None else name
    if not _NAME.fullmatch(name) or name == BUILT_IN:
        raise ModelError(f"{name!r} is no name for a model; use letters, digits, '.', '-' and '_'")
    if toml is None:
        toml = path.with_suffix(".toml")
        if not toml.exists() and name in catalogue():
            toml = _CATALOGUE / f"{name}.toml"
    sources = {f"{name}.onnx": path} | {
        other: path.with_name(other) for other in external_files(path)
    }
    description = read_description(toml)
    files = _facts(sources)
    _require_the_listed(description, toml, files, sources)
    with _locked(name):
        # No model has a name like this one's, so that what has arrived of a download is kept.
        staging = folder() / _STAGING / f"+{name}" / name
        try:
            with _writing(staging):
                staging.mkdir(parents=True)
                for target, source in sources.items():
                    shutil.copyfile(source, staging / target)
                text = toml.read_text(encoding="utf-8")
                if not description.files:
                    text = f"{text.rstrip()}\n{_listed(files.values())}"
                (staging / f"{name}.toml").write_text(text, encoding="utf-8")
            _try_out(_network(staging))
            return _put(staging, name)
        finally:
            shutil.rmtree(staging.parent, ignore_errors=True)


def remove(name: str) -> None:
    """Removes an installed model, and what has arrived of one.

    Raises:
        ModelError: there is nothing of that name, or it cannot be removed.
    """
    places = [folder() / name, folder() / _STAGING / name]
    if not _NAME.fullmatch(name) or not any(place.is_dir() for place in places):
        raise ModelError(
            f"there is no model {name!r} in {folder()}; `synthetic-focus models list` lists them"
        )
    with _locked(name):
        for place in places:
            if place.is_dir():
                with _writing(place):
                    shutil.rmtree(place)


def _installed_names() -> tuple[str, ...]:
    try:
        return tuple(
            path.name for path in folder().iterdir() if path.is_dir() and _NAME.fullmatch(path.name)
        )
    except OSError:
        return ()


def _network(model: Path) -> Path:
    return model / f"{model.name}.onnx"


def _find(name: str) -> Model:
    place = folder() / name
    try:
        description = read_description(place / f"{name}.toml")
    except ModelError as error:
        return Model(name, "damaged", None, str(error))
    if not description.files:
        return Model(name, "damaged", description, f"{place / name}.toml lists no files")
    for file in description.files:
        path = place / file.name
        size = path.stat().st_size if path.is_file() else None
        if size != file.bytes:
            fault = "is missing" if size is None else f"has {size} bytes instead of {file.bytes}"
            return Model(name, "damaged", description, f"{path} {fault}")
    return Model(name, "installed", description)


def _how(name: str) -> str:
    """What to do to get a model."""
    description = catalogue().get(name)
    if description is None:
        return "`synthetic-focus models list` lists those there are"
    if description.files:
        return f"`synthetic-focus models install {name}` fetches it"
    return (
        f"{description.note} `synthetic-focus models install FILE --name {name}` installs it;"
        f" see {description.source}"
    )


def _again(name: str) -> str:
    known = catalogue().get(name)
    if known and known.files:
        return f"`synthetic-focus models install {name}` fetches it again"
    return f"Install it again from its file, or `synthetic-focus models remove {name}`"


def _fetch(
    file: NetworkFile, path: Path, before: int, total: int, progress: Progress | None
) -> None:
    """Fetches one of several files, unless an earlier attempt has."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == file.bytes and sha256(path) == file.sha256:
            return
    from synthetic_focus.scene.download import download

    assert file.address is not None
    download(
        file.address,
        path,
        size=file.bytes,
        sha256=file.sha256,
        progress=None if progress is None else lambda done, _: progress(before + done, total),
    )


def _facts(sources: Mapping[str, Path]) -> dict[str, NetworkFile]:
    facts = {}
    for name, path in sources.items():
        try:
            facts[name] = NetworkFile(name=name, bytes=path.stat().st_size, sha256=sha256(path))
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    return facts


def _require_the_listed(
    description: Description,
    toml: Path,
    files: Mapping[str, NetworkFile],
    sources: Mapping[str, Path],
) -> None:
    """Raises ModelError where a TOML that lists files lists others than are to be installed."""
    listed = {file.name: file for file in description.files}
    if listed and listed.keys() != files.keys():
        raise ModelError(
            f"{toml} lists the files {', '.join(listed)}, but {', '.join(files)} would be"
            " installed: choose --name so that they agree, or remove its [[files]]"
        )
    for name, file in listed.items():
        if files[name].sha256 != file.sha256:
            raise ModelError(
                f"{sources[name]} is another file than {toml} lists: its SHA-256 is"
                f" {files[name].sha256} instead of {file.sha256}"
            )


def _listed(files: Iterable[NetworkFile]) -> str:
    """The files as they stand at the end of a TOML."""
    return "".join(
        f"\n[[files]]\nname = {json.dumps(file.name, ensure_ascii=False)}\n"
        f'bytes = {file.bytes}\nsha256 = "{file.sha256}"\n'
        for file in files
    )


def _try_out(network: Path) -> None:
    """Runs a network once, on a picture in which anything has some depth."""
    rows, columns = np.mgrid[0:96, 0:128].astype(np.float32)
    picture = np.stack([columns / 128, rows / 96, (columns + rows) % 32 / 32], axis=-1)
    picture[32:80, 40:72] = (0.9, 0.6, 0.1)
    OnnxNetwork(network).estimate(picture.astype(np.float32))


def _put(staging: Path, name: str) -> Path:
    """Gives a whole model its place, instead of a damaged or an older one."""
    place = folder() / name
    with _writing(place):
        if place.exists():
            old = folder() / _STAGING / f"-{name}"
            shutil.rmtree(old, ignore_errors=True)
            place.rename(old)
            staging.rename(place)
            shutil.rmtree(old, ignore_errors=True)
        else:
            staging.rename(place)
    return place


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Keeps others from installing or removing the same model; waits while they do."""
    import filelock

    staging = folder() / _STAGING
    with _writing(staging):
        staging.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(staging / f"+{name}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            _LOG.warning("another process installs or removes %s; waiting for it", name)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(
            f"{path} cannot be written: {reason}. Make room or make it yours, or keep models in"
            f" another folder ({VARIABLE})"
        ) from error
