"""Frames in and out: image sequences and stills, movies and their sound."""

from __future__ import annotations

import os
from pathlib import Path

from synthetic_focus.media.errors import (
    MediaError,
    MissingMediaError,
    UnknownFormatError,
    UnreadableFrameError,
    UnreadableMediaError,
    WriteError,
)
from synthetic_focus.media.reader import Reader
from synthetic_focus.media.sequence import parse_pattern

__all__ = [
    "MediaError",
    "MissingMediaError",
    "Reader",
    "UnknownFormatError",
    "UnreadableFrameError",
    "UnreadableMediaError",
    "WriteError",
    "open_reader",
]

_IMAGES = (
    *(".exr", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".dpx", ".cin", ".hdr", ".tga", ".bmp"),
    *(".webp", ".jp2", ".psd", ".pfm"),
)


def open_reader(path: str | os.PathLike[str]) -> Reader:
    """Opens a movie, an image sequence (shot.%04d.exr, shot.####.exr) or one image.

    Raises:
        MissingMediaError: there is no such file, or no file of that pattern.
        UnreadableMediaError: the file is no movie or image, is damaged, or has no frames.
    """
    path = Path(path)
    pattern = None if path.exists() else parse_pattern(path)
    if pattern:
        from synthetic_focus.media.images import ImageReader

        frames = pattern.frames()
        if not frames:
            raise MissingMediaError(
                f"No file matches {path}: frame 1 would be {pattern.path(1)}, for example."
            )
        return ImageReader(path, frames)
    if not path.exists():
        raise MissingMediaError(f"There is no file {path}.")
    if path.is_dir():
        raise UnreadableMediaError(
            f"{path} is a folder. For a sequence, name its frames: {path / 'name.%04d.exr'}."
        )
    if path.stat().st_size == 0:
        raise UnreadableMediaError(f"{path} is empty.")
    if path.suffix.lower() in _IMAGES:
        from synthetic_focus.media.images import ImageReader

        return ImageReader(path, {0: path})
    from synthetic_focus.media.movie_reader import MovieReader

    return MovieReader(path)
