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
from synthetic_focus.media.writer import Writer

__all__ = [
    "MediaError",
    "MissingMediaError",
    "Reader",
    "UnknownFormatError",
    "UnreadableFrameError",
    "UnreadableMediaError",
    "WriteError",
    "Writer",
    "open_reader",
    "open_writer",
]

_IMAGES = (
    *(".exr", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".dpx", ".cin", ".hdr", ".tga", ".bmp"),
    *(".webp", ".jp2", ".psd", ".pfm"),
)


_WRITABLE_IMAGES = (".exr", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".dpx")
_WRITABLE_MOVIES = (".mp4", ".m4v", ".mov", ".mkv")


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


def open_writer(
    path: str | os.PathLike[str],
    like: Reader,
    *,
    space: str | None = None,
    channels: int | None = None,
    count: int | None = None,
) -> Writer:
    """Opens what frames made from `like` are to be written to; use it in a `with` statement.

    Args:
        path: a movie (.mp4, .m4v: H.264, HEVC above 8 bits; .mov: ProRes; .mkv: lossless FFV1), a
            sequence (shot.%04d.exr) or one image (.exr, .png, .tif, .jpg, .dpx).
        like: the source. Size, times, sample type, metadata, colour tags and sound are kept where
            the format can hold them.
        space: the colour space of the frames that will come, a key of the parameter colour_space;
            the source's where None.
        channels: 3 or 4 of the frames that will come; the source's where None.
        count: how many frames will come; all of the source's where None.

    Raises:
        UnknownFormatError: the extension names no format that can be written.
        MissingMediaError: the folder does not exist.
        WriteError: the file cannot be made.
    """
    path = Path(path)
    space = space or like.colour_space
    extension = path.suffix.lower()
    if extension in _WRITABLE_IMAGES:
        from synthetic_focus.media.images import ImageWriter

        pattern = parse_pattern(path)
        return ImageWriter(path, pattern, like, space=space)
    if extension in _WRITABLE_MOVIES:
        from synthetic_focus.media.movie_writer import MovieWriter

        return MovieWriter(
            path,
            like,
            space=space,
            channels=channels or like.channels,
            count=len(like) if count is None else count,
        )
    raise UnknownFormatError(
        f"{path} cannot be written: "
        f"{f'{extension} is unknown' if extension else 'its name has no extension'}. "
        f"Known are {', '.join((*_WRITABLE_MOVIES, *_WRITABLE_IMAGES))}."
    )
