"""Lens presets: what a lens's data sheet says and how it draws, one TOML file a lens.

A preset holds a label and a one-line character, `[optics]` (figures of the data sheet, each with
the source that it is from), `[sources]` and `[look]` (values of the lens's parameters by their
names in the parameter table). The user's own presets lie in `user_folder()` and win over the
built-in ones.
"""

import functools
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from synthetic_focus import installed
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.parameters import Parameter, ParameterError, Value, table

_BUILT_IN = installed.DIRECTORY / "presets"
_FIGURES = ("focal_length", "f_stop", "squeeze", "blades", "sensor_width")
_GROUPS = ("lens", "character")
# Which lens it is, and how much of its blur the picture gets, is not what a lens is like.
_NOT_THE_LENS = ("preset", "blur_scale")


class PresetError(SyntheticFocusError, ValueError):
    """A preset that is missing or faulty, or cannot be saved; names file, line and field."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a lens's data sheet and the public source that it is from."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Lens:
    """A lens to imitate.

    Attributes:
        name: What `load_preset` knows it by.
        label: What a person reads.
        character: How it draws, in one line.
        order: Its place in the plug-in's list, from 1; it never changes. None: in no list.
        optics: Figures of the data sheet by parameter name, with their sources. `focal_length` in
            mm, `f_stop`, `squeeze`, `blades`, and `sensor_width` in mm, of the camera itself.
        settings: The value of every lens parameter of the table, by name.

    >>> load_preset("helios-44-2").settings["focal_length"]
    58.0
    """

    name: str
    label: str
    character: str
    order: int | None
    optics: Mapping[str, Figure]
    settings: Mapping[str, Value]


def user_folder() -> Path:
    """Where the user's own presets are: `~/.config/synthetic-focus/presets` on Linux."""
    import platformdirs

    return platformdirs.user_config_path("synthetic-focus") / "presets"


def preset_names() -> tuple[str, ...]:
    """Return every preset's name: the built-in ones in their order, then the user's own by name."""
    built_in = _built_in_names()
    own = {path.stem for path in user_folder().glob("*.toml")}
    return (*built_in, *sorted(own.difference(built_in)))


def load_preset(name: str) -> Lens:
    """Return a lens by its name; the user's own preset of that name wins over the built-in one.

    One that was saved as "My Lens" is found by that and by "my-lens".

    Raises:
        PresetError: there is no such preset, or its file is faulty; every fault is named with its
            file and line.
    """
    for folder in (user_folder(), _BUILT_IN):
        for stem in dict.fromkeys((name, _stem(name))):
            path = folder / f"{stem}.toml"
            if path.name == f"{stem}.toml" and path.is_file():
                return read_preset(path)
    raise PresetError(
        f"there is no lens preset {name!r} (`synthetic-focus presets` lists them, and your own are "
        f"in {user_folder()}){_guess(name, preset_names())}"
    )


def read_preset(path: Path) -> Lens:
    """Read one preset file; see `load_preset`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PresetError(f"{path}: cannot be read: {error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PresetError(_syntax_fault(path, text, str(error))) from error
    faults = sorted(_faults(document, text))
    if faults:
        raise PresetError("\n".join(f"{path}, line {line}: {fault}" for line, fault in faults))
    try:
        return _lens(path.stem, document)
    except ParameterError as error:
        raise PresetError(f"{path}: {error}") from error


def save_preset(name: str, settings: Mapping[str, Any], *, replace: bool = False) -> Path:
    """Save the lens parameters among `settings` as a preset of the user's own.

    Args:
        name: What a person calls the lens; the preset's name is this in lower case with hyphens.
        settings: Parameter values by name. Those that are not the lens's are left out, and lens
            parameters that are not among them are saved with their defaults.
        replace: Whether a preset of that name in the user's folder may be overwritten.

    Returns:
        The file that was written.

    Raises:
        PresetError: the name has no letter or digit, a value is not what the table allows, the
            preset exists, or the file cannot be written.
    """
    from synthetic_focus.media.atomic import replacing
    from synthetic_focus.media.errors import WriteError

    stem = _stem(name)
    if not stem or stem == "custom":
        raise PresetError(f"{name!r} is no name for a preset; use some letters or digits")
    try:
        look = {
            key: parameter.check(settings.get(key, parameter.default))
            for key, parameter in _lens_parameters().items()
        }
    except ParameterError as error:
        raise PresetError(f"the preset {name!r} is not saved: {error}") from error
    path = user_folder() / f"{stem}.toml"
    if path.exists() and not replace:
        raise PresetError(f"{path} exists; choose another name or replace it")
    lines = [f"label = {_toml(name.strip())}", 'character = "Saved by hand."', "", "[look]"]
    lines += [f"{key} = {_toml(value)}" for key, value in look.items()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except WriteError as error:
        raise PresetError(str(error)) from error
    except (OSError, UnicodeEncodeError) as error:
        raise PresetError(f"{path}: cannot be written: {error}") from error
    return path


def _stem(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name.lower()).strip("-.")


@functools.cache
def _built_in_names() -> tuple[str, ...]:
    lenses = [read_preset(path) for path in _BUILT_IN.glob("*.toml")]
    return tuple(lens.name for lens in sorted(lenses, key=lambda lens: lens.order or math.inf))


@functools.cache
def _lens_parameters() -> dict[str, Parameter]:
    return {
        name: parameter
        for name, parameter in table().parameters.items()
        if parameter.group in _GROUPS
        and name not in _NOT_THE_LENS
        and parameter.type not in ("button", "string")
    }


def _lens(name: str, document: Mapping[str, Any]) -> Lens:
    sources = document.get("sources", {})
    optics = {
        key: Figure(figure["value"], sources[figure["source"]])
        for key, figure in document.get("optics", {}).items()
    }
    parameters = _lens_parameters()
    values: dict[str, Any] = {key: parameter.default for key, parameter in parameters.items()}
    values |= {key: figure.value for key, figure in optics.items()}
    # The parameter is what the picture's width stands for, and a desqueezed picture is wider.
    values["sensor_width"] *= values["squeeze"]
    values |= document.get("look", {})
    settings = {key: parameters[key].check(value) for key, value in values.items()}
    return Lens(
        name=name,
        label=document["label"],
        character=document["character"],
        order=document.get("order"),
        optics=MappingProxyType(optics),
        settings=MappingProxyType(settings),
    )


def _faults(document: Mapping[str, Any], text: str) -> Iterator[tuple[int, str]]:
    def at(*path: str) -> int:
        return _line_of(text, path)

    for key in ("label", "character"):
        value = document.get(key)
        if value is None:
            yield 1, f"{key} is missing"
        elif not isinstance(value, str) or not value.strip():
            yield at(key), f"{key} is {value!r}, it must be some text"
    order = document.get("order", 1)
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        yield at("order"), f"order is {order!r}, it must be a whole number from 1"
    allowed = ("label", "character", "order", "optics", "sources", "look")
    yield from ((at(key), _unknown(key, allowed)) for key in document if key not in allowed)
    tables = {}
    for key in ("optics", "sources", "look"):
        tables[key] = document.get(key, {})
        if not isinstance(tables[key], dict):
            yield at(key), f"{key} is {tables[key]!r}, it must be a table: [{key}]"
            tables[key] = {}
    for key, source in tables["sources"].items():
        if not isinstance(source, str) or not source.strip():
            yield at("sources", key), f"sources.{key} is {source!r}, it must be some text"
    parameters = _lens_parameters()
    for key, figure in tables["optics"].items():
        for fault in _figure_faults(key, figure, parameters, tables["sources"]):
            yield at("optics", key), fault
    for key, value in tables["look"].items():
        if key not in parameters:
            yield at("look", key), _unknown(f"look.{key}", [f"look.{name}" for name in parameters])
        elif wrong := _fault(parameters[key], value):
            yield at("look", key), f"look.{wrong}"


def _figure_faults(
    key: str, figure: Any, parameters: Mapping[str, Parameter], sources: Mapping[str, Any]
) -> Iterator[str]:
    if key not in _FIGURES:
        yield _unknown(f"optics.{key}", [f"optics.{name}" for name in _FIGURES])
    elif not isinstance(figure, dict) or not figure.keys() <= {"value", "source"}:
        yield f'optics.{key} must be {{ value = …, source = "…" }} with a name from [sources]'
    else:
        if fault := _fault(parameters[key], figure.get("value")):
            yield f"optics.{fault}"
        if "source" not in figure:
            yield f"optics.{key} has no source; say where the figure is from"
        elif figure["source"] not in sources:
            yield f"optics.{key} names the source {figure['source']!r}, which is not in [sources]"


def _fault(parameter: Parameter, value: Any) -> str | None:
    try:
        parameter.check(value)
    except ParameterError as error:
        return str(error)
    return None


def _unknown(key: str, known: Iterable[str]) -> str:
    return f"{key} is unknown{_guess(key, known)}"


def _guess(word: str, known: Iterable[str]) -> str:
    import difflib

    names = list(known)
    near = difflib.get_close_matches(word, names, n=1)
    near = near or [name for name in names if word and word.lower() in name]
    return f"; did you mean {' or '.join(near[:3])}?" if near else ""


_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"\s*([\w.\"' -]+?)\s*=")


def _keys(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield every key and table of a TOML text with its line, which parsing loses."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            yield number, table
        elif key := _KEY.match(line):
            yield number, table + _parts(key[1])


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip(" \"'") for part in dotted.split("."))


def _line_of(text: str, path: tuple[str, ...]) -> int:
    found = (number for number, key in _keys(text) if key[: len(path)] == path)
    return next(found, 1)


def _syntax_fault(path: Path, text: str, error: str) -> str:
    where = re.search(r" \(at line (\d+), column \d+\)", error)
    if not where:
        return f"{path}, line {len(text.splitlines())}: {error}"
    line = int(where[1])
    seen: set[tuple[str, ...]] = set()
    for number, key in _keys(text):
        if key in seen and number <= line:
            return f"{path}, line {number}: {'.'.join(key)} is there twice"
        seen.add(key)
    return f"{path}, line {line}: {error.replace(where[0], '')}"


def _toml(value: Value) -> str:
    if isinstance(value, float):
        return repr(value)
    import json

    # JSON's numbers, truths and strings are TOML's, but for the delete character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
