"""Writes the plug-in's parameter table, a C++ header, from parameters.toml and the presets.

Run by the build: generate_parameters.py PARAMETERS_TOML PRESETS_DIRECTORY HEADER
"""

from __future__ import annotations

import math
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The C++ enumerator of each type, and the fields that it must have besides the common ones.
_TYPES = {
    "double": ("Double", {"default", "range", "display"}),
    "int": ("Int", {"default", "range", "display"}),
    "bool": ("Bool", {"default"}),
    "choice": ("Choice", {"default"}),
    "double2d": ("Double2D", {"default", "range", "display"}),
    "path": ("Path", {"default"}),
    "string": ("String", {"default"}),
    "button": ("Button", set()),
    "label": ("Label", set()),
}
_COMMON = {"name", "group", "type", "label", "hint"}
_OPTIONAL = {"unit", "animates", "keys", "at_keys_of", "options", "options_from", "when", "secret"}
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


class TableError(Exception):
    """parameters.toml or a preset breaks the table's rules; the text says where and how."""


@dataclass(frozen=True)
class Option:
    """One entry of a choice: the key that Python and presets use, and the label in the menu."""

    key: str
    label: str


def preset_options(directory: Path) -> list[Option]:
    """The preset menu: "custom", then every preset by its `order`, which projects rely on."""
    presets = {}
    for path in sorted(directory.glob("*.toml")):
        preset = tomllib.loads(path.read_text(encoding="utf-8"))
        order = preset.get("order")
        if not isinstance(order, int):
            raise TableError(f"{path}: needs an integer `order`, its place in the hosts' menu")
        if order in presets:
            raise TableError(f"{path}: order {order} is taken by {presets[order].key}")
        presets[order] = Option(path.stem, str(preset.get("label", path.stem)))
    if sorted(presets) != list(range(1, len(presets) + 1)):
        raise TableError(
            f"{directory}: the presets' orders are {sorted(presets)}, not 1 to {len(presets)}; "
            "a gap moves the presets of existing projects"
        )
    return [Option("custom", "Custom"), *(presets[order] for order in sorted(presets))]


def _numbers(where: str, field: str, value: Any, count: int) -> list[float]:
    values = value if isinstance(value, list) else [value]
    if len(values) != count or any(
        isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v)
        for v in values
    ):
        raise TableError(f"{where}: {field} must be {count} finite number(s), not {value!r}")
    return [float(v) for v in values]


def _check_numbers(where: str, entry: dict[str, Any]) -> None:
    low, high = _numbers(where, "range", entry["range"], 2)
    display_low, display_high = _numbers(where, "display", entry["display"], 2)
    defaults = _numbers(where, "default", entry["default"], 2 if entry["type"] == "double2d" else 1)
    if not low <= display_low < display_high <= high:
        raise TableError(f"{where}: display {entry['display']} must lie within {entry['range']}")
    if not all(low <= value <= high for value in defaults):
        raise TableError(f"{where}: default {entry['default']} is outside {entry['range']}")
    if entry["type"] == "int" and any(
        not value.is_integer() for value in (low, high, display_low, display_high, *defaults)
    ):
        raise TableError(f"{where}: range, display and default of an int must be whole numbers")


def _options(where: str, entry: dict[str, Any], presets: Path) -> list[Option]:
    if entry.get("options_from") == "presets" and "options" not in entry:
        options = preset_options(presets)
    elif "options_from" not in entry and isinstance(entry.get("options"), list):
        options = [Option(*pair) for pair in entry["options"]]
    else:
        raise TableError(f'{where}: a choice has either options or options_from = "presets"')
    for field in ("key", "label"):
        values = [getattr(option, field) for option in options]
        if len(set(values)) != len(values):
            raise TableError(f"{where}: two options have the same {field}")
    if entry["default"] not in [option.key for option in options]:
        raise TableError(f"{where}: default {entry['default']!r} is not the key of an option")
    return options


def check(table: dict[str, Any], presets: Path) -> dict[str, list[Option]]:
    """The options of every choice of a table that keeps the rules; raises TableError otherwise."""
    if not isinstance(table.get("version"), int):
        raise TableError("the table needs an integer `version`")
    groups = [group.get("name") for group in table.get("group", [])]
    for group in table.get("group", []):
        if set(group) != {"name", "label", "hint"}:
            raise TableError(f"group {group.get('name')!r}: needs name, label and hint, no more")
    names: set[str] = set(groups)
    if len(names) != len(groups):
        raise TableError(f"two groups have the same name: {groups}")
    choices: dict[str, list[Option]] = {}
    for entry in table.get("parameter", []):
        name = entry.get("name")
        where = f"parameter {name!r}"
        if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
            raise TableError(f"{where}: a name is lower-case letters, digits and underscores")
        if name in names:
            raise TableError(f"{where}: the name is taken; hosts show an empty panel then")
        names.add(name)
        kind = entry.get("type")
        if kind not in _TYPES:
            raise TableError(f"{where}: type {kind!r} is none of {', '.join(_TYPES)}")
        needed = _COMMON | _TYPES[kind][1]
        if missing := needed - set(entry):
            raise TableError(f"{where}: lacks {', '.join(sorted(missing))}")
        if unknown := set(entry) - needed - _OPTIONAL:
            raise TableError(f"{where}: unknown field {', '.join(sorted(unknown))}")
        if entry["group"] not in groups:
            raise TableError(f"{where}: group {entry['group']!r} is none of {groups}")
        if "range" in needed:
            _check_numbers(where, entry)
        elif kind == "choice":
            choices[name] = _options(where, entry, presets)
        elif kind == "bool" and not isinstance(entry["default"], bool):
            raise TableError(f"{where}: default must be true or false")
        elif kind in ("path", "string") and not isinstance(entry["default"], str):
            raise TableError(f"{where}: default must be a string")
        if entry.get("keys") and kind != "double2d":
            raise TableError(f"{where}: keys are sent of double2d parameters only")
    keyed = {entry["name"] for entry in table["parameter"] if entry.get("keys")}
    for entry in table["parameter"]:
        if entry.get("at_keys_of", "") not in {"", *keyed}:
            raise TableError(f"parameter {entry['name']!r}: at_keys_of names none with keys")
        if "when" in entry:
            choice, key = entry["when"]
            if key not in [option.key for option in choices.get(choice, [])]:
                raise TableError(f"parameter {entry['name']!r}: when names no option: {key!r}")
    return choices


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _step(display: list[float]) -> float:
    """A slider's step: the power of ten that is a thousandth to a hundredth of its range."""
    return float(10.0 ** math.floor(math.log10((display[1] - display[0]) / 100.0)))


def _row(entry: dict[str, Any], options: list[Option], table: dict[str, Any]) -> str:
    enumerator, fields = _TYPES[entry["type"]]
    default = entry.get("default", 0)
    numbers, text = [0.0, 0.0], ""
    if isinstance(default, list):
        numbers = [float(v) for v in default]
    elif entry["type"] == "choice":
        numbers[0] = float([option.key for option in options].index(default))
    elif isinstance(default, str):
        text = default
    else:
        numbers[0] = float(default)
    low, high = entry["range"] if "range" in fields else (0.0, 0.0)
    display = entry["display"] if "range" in fields else [0.0, 0.0]
    step = _step([float(v) for v in display]) if "range" in fields else 0.0
    label = f"{entry['label']} ({entry['unit']})" if "unit" in entry else entry["label"]
    group = [group["name"] for group in table["group"]].index(entry["group"])
    condition = "std::nullopt"
    if "when" in entry:
        choice, key = entry["when"]
        condition = f"Condition{{parameter::{choice}, option::{choice}::{key}}}"
    keyed_by = f"parameter::{entry['at_keys_of']}" if "at_keys_of" in entry else "std::nullopt"
    name = entry["name"]
    members = [
        f".name = {_text(name)}",
        f".type = Type::{enumerator}",
        f".group = {group}",
        f".label = {_text(label)}",
        f".hint = {_text(entry['hint'])}",
        f".default_numbers = {{{numbers[0]!r}, {numbers[1]!r}}}",
        f".default_text = {_text(text)}",
        f".range = {{{float(low)!r}, {float(high)!r}}}",
        f".display = {{{float(display[0])!r}, {float(display[1])!r}}}",
        f".step = {step!r}",
        f".options = {f'options_of_{name}' if options else '{}'}",
        f".animates = {str(entry.get('animates', False)).lower()}",
        f".sends_keys = {str(entry.get('keys', False)).lower()}",
        f".keyed_by = {keyed_by}",
        f".secret = {str(entry.get('secret', False)).lower()}",
        f".condition = {condition}",
    ]
    return "    {" + ",\n     ".join(members) + "}"


def header(table: dict[str, Any], choices: dict[str, list[Option]]) -> str:
    """The C++ header of a checked table."""
    entries = table["parameter"]
    lines = [
        "// Generated from parameters.toml; edit that.",
        "#pragma once",
        "",
        '#include "parameters.h"',
        "",
        "namespace synthetic_focus {",
        "",
        f"inline constexpr unsigned table_version = {table['version']};",
        "",
        "// Each parameter's place in the table.",
        "namespace parameter {",
        "enum Index : std::size_t {" + ", ".join(e["name"] for e in entries) + "};",
        "}",
        "",
        "// The options of the choices whose keys are identifiers, with - as _.",
        "namespace option {",
    ]
    for name, options in choices.items():
        keys = [option.key.replace("-", "_") for option in options]
        if all(_IDENTIFIER.fullmatch(key) for key in keys):
            lines += [f"namespace {name} {{", f"enum Index : int {{{', '.join(keys)}}};", "}"]
    lines += ["}", ""]
    for name, options in choices.items():
        rows = ", ".join(f"{{{_text(o.key)}, {_text(o.label)}}}" for o in options)
        lines.append(f"inline constexpr Option options_of_{name}[] = {{{rows}}};")
    lines += ["", "inline constexpr Group groups[] = {"]
    lines += [
        f"    {{{_text(group['name'])}, {_text(group['label'])}, {_text(group['hint'])}}},"
        for group in table["group"]
    ]
    lines += ["};", "", "inline constexpr Parameter parameters[] = {"]
    lines += [_row(entry, choices.get(entry["name"], []), table) + "," for entry in entries]
    lines += ["};", "", "}  // namespace synthetic_focus", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Writes the header; 1 and one line on stderr if the table is wrong."""
    toml, presets, output = (Path(argument) for argument in arguments)
    try:
        table = tomllib.loads(toml.read_text(encoding="utf-8"))
        text = header(table, check(table, presets))
    except (tomllib.TOMLDecodeError, TableError) as error:
        print(f"{toml}: {error}", file=sys.stderr)
        return 1
    output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
