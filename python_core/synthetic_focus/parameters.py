"""The effect's parameters, read from the one table, `ofx_bridge/parameters.toml`.

The build makes the plug-in's descriptors from the same file, so a parameter added there is at once
a control in the host, a keyword of `settings()` and a section of the user guide. After an edit of
the table, `python -m synthetic_focus.parameters > docs/user/parameters.md` renews that page.
"""

import difflib
import functools
import math
import numbers
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synthetic_focus.errors import SyntheticFocusError

Value = bool | int | float | str | tuple[float, float]
"""A choice is its option's key (str), a double2d a pair of floats, a path a str ("" for none)."""

_WITHOUT_VALUE: Final = ("button", "label")


class ParameterError(SyntheticFocusError):
    """A parameter that does not exist, or a value that it cannot have."""


class TableError(SyntheticFocusError):
    """The parameter table itself is missing or wrong."""


@dataclass(frozen=True)
class Option:
    """One entry of a choice: `key` is for ever, `label` is what people read."""

    key: str
    label: str


@dataclass(frozen=True)
class Group:
    """A heading in the host's panel."""

    name: str
    label: str
    hint: str


@dataclass(frozen=True)
class Parameter:
    """One row of the table; see the head of parameters.toml for the meaning of each field."""

    name: str
    group: str
    type: str
    label: str
    hint: str
    default: Value
    unit: str = ""
    range: tuple[float, float] | None = None
    display: tuple[float, float] | None = None
    animates: bool = False
    keys: bool = False
    secret: bool = False
    options: tuple[Option, ...] = ()

    @property
    def has_value(self) -> bool:
        """Whether there is something to choose: of a button and what the plug-in says, nothing."""
        return self.type not in _WITHOUT_VALUE

    def check(self, value: object) -> Value:
        """`value` in this parameter's own type, or a ParameterError that says what is wrong."""
        match self.type:
            case "double":
                return self._number(value)
            case "int":
                number = self._number(value)
                if number != round(number):
                    raise self._error(value, "a whole number")
                return int(number)
            case "bool":
                if not isinstance(value, bool):
                    raise self._error(value, "true or false")
                return value
            case "choice":
                keys = [option.key for option in self.options]
                if value not in keys:
                    raise self._error(value, f"one of {', '.join(keys)}{_closest(value, keys)}")
                return str(value)
            case "double2d":
                if not isinstance(value, (list, tuple)) or len(value) != 2:
                    raise self._error(value, "a pair of numbers")
                return (self._number(value[0]), self._number(value[1]))
            case _:
                if isinstance(value, Path):
                    return str(value)
                if not isinstance(value, str):
                    raise self._error(value, "text")
                return value

    def from_host(self, value: object) -> Value:
        """`value` as a host has it: a choice is the option's index.

        Numbers outside the range are moved to its end: some hosts let a user type them, and a
        picture is better than none. Everything else is checked as by `check`.
        """
        if self.type == "choice":
            if isinstance(value, bool) or not isinstance(value, int):
                raise self._error(value, "an option's index")
            if not 0 <= value < len(self.options):
                raise self._error(value, f"an index below {len(self.options)}")
            return self.options[value].key
        if self.type == "bool" and isinstance(value, (int, float)) and value in (0, 1):
            return bool(value)
        if self.type == "double2d" and isinstance(value, (list, tuple)):
            return self.check([self._clamped(part) for part in value])
        return self.check(self._clamped(value))

    def to_host(self, value: Value) -> tuple[float, ...]:
        """`value` as numbers for a host: a choice's index, a double2d's two parts."""
        if self.type == "choice":
            return (float([option.key for option in self.options].index(str(value))),)
        if isinstance(value, tuple):
            return value
        if isinstance(value, str):
            raise ParameterError(f"{self.name} is text and has no numbers")
        return (float(value),)

    def _clamped(self, value: object) -> object:
        if self.range is None or isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        low, high = self.range
        return low if value < low else high if value > high else value

    def _number(self, value: object) -> float:
        # NumPy's scalars are numbers.Real; bool is too, but a tick box is no amount.
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise self._error(value, "a number")
        number = float(value)
        if not math.isfinite(number):
            raise self._error(value, "a finite number")
        if self.range is not None and not self.range[0] <= number <= self.range[1]:
            raise self._error(value, f"from {self.range[0]:g} to {self.range[1]:g}")
        return number

    def _error(self, value: object, wanted: str) -> ParameterError:
        shown = repr(value)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        return ParameterError(f"{self.name} is {shown}; it must be {wanted}")


@dataclass(frozen=True)
class Table:
    """All parameters by name, in the order in which a host shows them."""

    version: int
    groups: tuple[Group, ...]
    parameters: Mapping[str, Parameter]

    def __getitem__(self, name: str) -> Parameter:
        try:
            return self.parameters[name]
        except KeyError:
            raise ParameterError(
                f"there is no parameter {name!r}{_closest(name, list(self.parameters))}"
            ) from None


class Settings(Mapping[str, Value]):
    """A checked value for every parameter, read as `settings.f_stop` or `settings["f_stop"]`."""

    __slots__ = ("_values",)
    _values: dict[str, Value]

    def __init__(self, values: Mapping[str, object]) -> None:
        known = table()
        checked = {name: known[name].check(value) for name, value in values.items()}
        object.__setattr__(self, "_values", defaults() | checked)

    # Any: the table is data, so its types cannot be known here; `check` has made them right.
    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"there is no parameter {name!r}") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("settings do not change; make new ones with replace()")

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        usual = defaults()
        changed = {name: value for name, value in self._values.items() if value != usual[name]}
        return f"Settings({changed!r})"

    def __reduce__(self) -> tuple[type["Settings"], tuple[dict[str, Value]]]:
        return Settings, (self._values,)

    def replace(self, **values: object) -> "Settings":
        """These settings with some values changed."""
        return Settings(self._values | values)


def settings(values: Mapping[str, object] | None = None) -> Settings:
    """Checked settings: `values` over the defaults.

    >>> settings({"f_stop": 2.8}).f_stop
    2.8

    Raises:
        ParameterError: a name that is not in the table, or a value that it cannot have.
    """
    return Settings(values or {})


def defaults() -> dict[str, Value]:
    """The default of every parameter that has a value."""
    return {
        name: parameter.default
        for name, parameter in table().parameters.items()
        if parameter.has_value
    }


@functools.cache
def table() -> Table:
    """The table that this installation's plug-in was built from."""
    from synthetic_focus import installed

    return read_table(installed.DIRECTORY / "parameters.toml")


def read_table(path: Path) -> Table:
    """Read and check a parameter table; its presets lie in `presets/` beside it.

    Raises:
        TableError: it is missing, or a row of it makes no sense.
    """
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
        rows = [_parameter(row, path.parent / "presets") for row in document["parameter"]]
        groups = tuple(Group(**row) for row in document["group"])
        version = int(document["version"])
    except OSError as error:
        raise TableError(f"cannot read the parameter table {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ParameterError) as error:
        raise TableError(f"the parameter table {path} is damaged: {error}") from error
    by_name = {row.name: row for row in rows}
    if len(by_name) != len(rows):
        raise TableError(f"the parameter table {path} has two parameters of one name")
    if missing := {row.group for row in rows} - {group.name for group in groups}:
        raise TableError(f"the parameter table {path} has no group {', '.join(sorted(missing))}")
    return Table(version, groups, by_name)


def _parameter(row: Mapping[str, Any], presets: Path) -> Parameter:
    # These are about a host's panel and its keyframes.
    fields = {name: value for name, value in row.items() if name not in ("when", "at_keys_of")}
    if fields.pop("options_from", None) == "presets":
        fields["options"] = _preset_options(presets)
    else:
        fields["options"] = tuple(Option(key, label) for key, label in row.get("options", ()))
    for name in ("range", "display"):
        if name in row:
            low, high = row[name]
            fields[name] = (float(low), float(high))
    if row["type"] in _WITHOUT_VALUE:
        return Parameter(**{"default": ""} | fields)
    parameter = Parameter(**fields)
    return Parameter(**fields | {"default": parameter.check(parameter.default)})


def _preset_options(directory: Path) -> tuple[Option, ...]:
    """ "custom", then the installed presets by their `order`, as the plug-in's menu has them."""
    documents = {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in directory.glob("*.toml")
    }
    ordered = sorted(documents, key=lambda key: int(documents[key]["order"]))
    options = [Option(key, str(documents[key]["label"])) for key in ordered]
    return (Option("custom", "Custom"), *options)


def _closest(name: object, names: list[str]) -> str:
    close = difflib.get_close_matches(str(name), names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def reference_page(known: Table) -> str:
    """The user guide's page about every parameter, as Markdown."""
    lines = [
        "# Parameters",
        "",
        "<!-- Made from ofx_bridge/parameters.toml by `python -m synthetic_focus.parameters`. -->",
        "",
        "Hosts show the labels; presets, the command line and Python use the names.",
    ]
    for group in known.groups:
        lines += ["", f"## {group.label}", "", group.hint]
        for parameter in known.parameters.values():
            if parameter.group == group.name and not parameter.secret:
                lines += ["", f"### {parameter.label}", "", parameter.hint, ""]
                lines += _facts(parameter)
    return "\n".join(lines) + "\n"


def _facts(parameter: Parameter) -> Iterator[str]:
    yield f"- Name: `{parameter.name}`"
    if parameter.unit:
        yield f"- Unit: {parameter.unit}"
    if parameter.options:
        yield "- Options:"
        for option in parameter.options:
            usual = " (default)" if option.key == parameter.default else ""
            yield f"    - `{option.key}`: {option.label}{usual}"
    elif isinstance(parameter.default, bool):
        yield f"- Default: {'on' if parameter.default else 'off'}"
    elif isinstance(parameter.default, tuple):
        yield "- Default: {:g}, {:g}".format(*parameter.default)
    elif isinstance(parameter.default, (int, float)):
        yield f"- Default: {parameter.default:g}"
    elif parameter.default:
        yield f"- Default: {parameter.default}"
    if parameter.range is not None:
        yield f"- Range: {parameter.range[0]:g} to {parameter.range[1]:g}"
    if parameter.animates:
        yield "- Can be keyframed"


if __name__ == "__main__":
    sys.stdout.write(reference_page(table()))
