"""Focus targets and the curve that came of them as JSON (schema: docs/developer/targets.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.focus.puller import PullOptions
from synthetic_focus.focus.targets import FocusTarget, in_order

FORMAT = "synthetic-focus/targets"
VERSION = 1
_LARGEST = 64 * 1024 * 1024  # bytes; an hour of curve at 60 frames a second takes five


class TargetsFileError(SyntheticFocusError):
    """A targets file that cannot be read; the message names the file and the place in it."""


@dataclass(frozen=True)
class FocusPlan:
    """Targets with the options of their pulls, and the curve if one was made.

    Attributes:
        targets: in the order of time.
        options: of the puller.
        first: the frame of the first entry of ``curve``.
        curve: focus disparity of consecutive frames, or empty.
    """

    targets: tuple[FocusTarget, ...]
    options: PullOptions = field(default_factory=PullOptions)
    first: int = 0
    curve: tuple[float, ...] = ()


def dumps(plan: FocusPlan) -> str:
    """The plan as JSON text."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "targets": [asdict(target) for target in plan.targets],
        "options": asdict(plan.options),
    }
    if plan.curve:
        document["curve"] = {"first": plan.first, "disparity": list(plan.curve)}
    return json.dumps(document, indent=2) + "\n"


def loads(text: str, name: str = "the targets") -> FocusPlan:
    """The plan in a JSON text; ``name`` says in errors where the text is from.

    Raises:
        TargetsFileError: not JSON, not this format, a newer version, or a field that means nothing.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise TargetsFileError(
            f"{name} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a list in a list in ...
        raise TargetsFileError(f"{name} is not JSON that any targets file would hold") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise TargetsFileError(f'{name} is not a targets file: its "format" is not "{FORMAT}"')
    if document.get("version") != VERSION:
        raise TargetsFileError(
            f"{name} has version {document.get('version')!r} and this is version {VERSION}: export"
            " it anew, or update Synthetic Focus"
        )
    entries = document.get("targets")
    if not isinstance(entries, list):
        raise TargetsFileError(f'{name} has no list "targets"')
    try:
        targets = in_order(
            FocusTarget(**_fields(entry, FocusTarget, f"target {i + 1}"))
            for i, entry in enumerate(entries)
        )
        options = PullOptions(**_fields(document.get("options", {}), PullOptions, "options"))
        first, curve = _curve(document.get("curve"))
    except SyntheticFocusError as error:
        raise TargetsFileError(f"{name}: {error}") from None
    return FocusPlan(targets, options, first, curve)


def load(path: Path) -> FocusPlan:
    """The plan in a file.

    Raises:
        TargetsFileError: the file is missing, too large, not text, or not a targets file.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise TargetsFileError(
                f"{path} is larger than {_LARGEST >> 20} MiB: no targets file is"
            )
        return loads(path.read_text("utf-8-sig"), str(path))  # some editors begin with a mark
    except OSError as error:
        raise TargetsFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TargetsFileError(f"{path} is not a text file") from None


def _fields(entry: object, kind: type, place: str) -> Mapping[str, Any]:
    """The entry's fields, of the types that ``kind`` declares."""
    if not isinstance(entry, dict):
        raise TargetsFileError(f"{place} is not an object")
    known = {item.name: item.type for item in fields(kind)}
    for key, value in entry.items():
        if key not in known:
            raise TargetsFileError(f'{place} has the unknown field "{key}"')
        wanted = str(known[key])
        good = (
            isinstance(value, bool)
            if wanted == "bool"
            else isinstance(value, str)
            if wanted.startswith("Literal")
            else (value is None and "None" in wanted) or _is_number(value)
        )
        if not good:
            raise TargetsFileError(f'"{key}" of {place} is {json.dumps(value)}')
    missing = {"x", "y", "frame"} & set(known) - set(entry)
    if missing:
        raise TargetsFileError(f"{place} lacks {', '.join(sorted(missing))}")
    return entry


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond what a float can be
        return False


def _curve(entry: object) -> tuple[int, tuple[float, ...]]:
    if entry is None:
        return 0, ()
    match entry:
        case {"first": int(first), "disparity": [*values]} if all(map(_is_number, values)):
            return first, tuple(map(float, values))
    raise TargetsFileError('"curve" needs "first", a frame, and "disparity", a list of numbers')
