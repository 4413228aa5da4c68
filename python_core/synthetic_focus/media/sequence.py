"""Names of image sequences: shot.%04d.exr and shot.####.exr."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PLACEHOLDER: Final = re.compile(r"%(?:0?(\d+))?d|(#+)")


@dataclass(frozen=True)
class Pattern:
    """A file name with a place for the frame's number, zero-padded to `digits`."""

    folder: Path
    prefix: str
    digits: int
    suffix: str

    def path(self, number: int) -> Path:
        """The file of frame `number`."""
        return self.folder / f"{self.prefix}{number:0{self.digits}d}{self.suffix}"

    def frames(self) -> dict[int, Path]:
        """The files that are there, by number, in order; empty where the folder is missing."""
        if not self.folder.is_dir():
            return {}
        name = re.compile(re.escape(self.prefix) + r"(-?\d+)" + re.escape(self.suffix))
        found = {}
        for entry in self.folder.iterdir():
            match = name.fullmatch(entry.name)
            # frame.7.exr is not a frame of frame.%04d.exr.
            if match and self.path(int(match[1])).name == entry.name:
                found[int(match[1])] = entry
        return dict(sorted(found.items()))


def parse_pattern(path: Path) -> Pattern | None:
    """The pattern that `path` is, or None where its name has no place for a number.

    The last one counts where there are several.
    """
    places = list(_PLACEHOLDER.finditer(path.name))
    if not places:
        return None
    place = places[-1]
    digits = len(place[2]) if place[2] else int(place[1] or 1)
    return Pattern(path.parent, path.name[: place.start()], digits, path.name[place.end() :])
