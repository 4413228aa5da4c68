"""Image sequences and single images, through OpenImageIO."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import OpenImageIO as oiio

from synthetic_focus.color import REC709_LINEAR
from synthetic_focus.media.atomic import check_folder, replacing
from synthetic_focus.media.errors import (
    MissingMediaError,
    UnreadableFrameError,
    UnreadableMediaError,
    WriteError,
)
from synthetic_focus.media.reader import Pixels, Reader
from synthetic_focus.media.sequence import Pattern
from synthetic_focus.media.writer import Writer

# What can be written, and the sample type where the source gives none of its own.
FORMATS: Final = {
    ".exr": "half",
    ".png": "uint8",
    ".tif": "uint8",
    ".tiff": "uint8",
    ".jpg": "uint8",
    ".jpeg": "uint8",
    ".dpx": "uint10",
}

_PIXEL_TYPES: Final = {"uint8": "byte", "uint16": "short", "half": "half", "float": "float"}
_SRGB: Final = "sRGB Encoded Rec.709 (sRGB)"

# EXR's chromaticities attribute: red, green, blue, white, as (x, y).
_CHROMATICITIES: Final = {
    REC709_LINEAR: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    "Linear Rec.2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    "Linear P3-D65": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
    "ACEScg": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767),
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "Linear ARRI Wide Gamut 3": (0.684, 0.313, 0.221, 0.848, 0.0861, -0.102, 0.3127, 0.3290),
    "Linear ARRI Wide Gamut 4": (0.7347, 0.2653, 0.1424, 0.8576, 0.0991, -0.0308, 0.3127, 0.3290),
}

# How EXIF's orientation (1 to 8) is undone: turns counter-clockwise after an optional mirroring.
_UPRIGHT: Final = {1: (False, 0), 2: (True, 0), 3: (False, 2), 4: (True, 2)} | {
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}


@dataclass(frozen=True)
class _Header:
    """One image of a file, and which of its channels are the picture."""

    spec: Any
    subimage: int
    colour: tuple[int, ...]  # channels of red, green, blue, or of grey alone
    alpha: int | None

    @property
    def orientation(self) -> tuple[bool, int]:
        return _UPRIGHT.get(self.spec.get_int_attribute("Orientation", 1), (False, 0))

    @property
    def window(self) -> tuple[int, int, int, int]:
        """The display window and the data window's overscan together: left, top, right, bottom.

        Blur spreads light into what a data window smaller than the picture leaves out.
        """
        s = self.spec
        return (
            min(s.x, s.full_x),
            min(s.y, s.full_y),
            max(s.x + s.width, s.full_x + s.full_width),
            max(s.y + s.height, s.full_y + s.full_height),
        )


class ImageReader(Reader):
    """A sequence, or one image."""

    def __init__(self, path: Path, frames: Mapping[int, Path]) -> None:
        """Reads the first frame's header.

        Args:
            path: as the user gave it.
            frames: the files by number, at least one.
        """
        self.path = path
        self._frames = dict(frames)
        self.first_frame = min(frames)
        self._length = max(frames) - self.first_frame + 1
        header = self.header(0)
        spec = header.spec
        left, top, right, bottom = header.window
        self._window_size = (right - left, bottom - top)
        self.size = self._window_size
        self.picture_size = (spec.full_width, spec.full_height)
        self.origin = (left - spec.full_x, top - spec.full_y)
        if header.orientation[1] % 2:
            self.size = self.size[::-1]
            self.picture_size = self.picture_size[::-1]
        self.channels = 3 if header.alpha is None else 4
        kinds = {str(spec.channelformat(channel)) for channel in header.colour}
        self.pixel_type = _PIXEL_TYPES.get(kinds.pop(), "float") if len(kinds) == 1 else "float"
        self.premultiplied = path.suffix.lower() == ".exr"
        self.fps = _frames_per_second(spec)
        self.metadata = {a.name: a.value for a in spec.extra_attribs}
        self.colour_space = self._guess_space(spec)

    def __len__(self) -> int:
        return self._length

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers between the first and the last that have no file."""
        wanted = range(self.first_frame, self.first_frame + self._length)
        return tuple(number for number in wanted if number not in self._frames)

    def header(self, index: int) -> _Header:
        """The header of one frame's file."""
        file = self._file(index)
        source = _open(file)
        try:
            return _find_picture(source, file)
        finally:
            source.close()

    def read_all_channels(self, index: int) -> tuple[_Header, np.ndarray[Any, Any]]:
        """Every channel of one frame as float64 (which holds ids too), with the header."""
        return self._read_file(index, slice(None), "double")

    def read_channel(self, index: int, channel: int) -> Pixels:
        """One channel of one frame as float32 (height, width), NaN where the file has no pixels.

        Raises:
            UnreadableFrameError: the frame is missing, damaged, or has no such channel.
        """
        header, pixels = self.read_all_channels(index)
        if channel >= pixels.shape[2]:
            raise UnreadableFrameError(f"{self._file(index)} has no channel {channel}.")
        plane = pixels[..., channel : channel + 1].astype(np.float32)
        return self._whole(header, plane, np.nan)[..., 0]

    def _read(self, index: int) -> Pixels:
        header, pixels = self._read_file(index, None, "float")
        left, top, right, bottom = header.window
        if (right - left, bottom - top) != self._window_size:
            raise UnreadableFrameError(
                f"{self._file(index)} is {right - left}x{bottom - top}, but the first frame of "
                f"{self.path} is {self._window_size[0]}x{self._window_size[1]}."
            )
        if pixels.shape[2] != self.channels:
            raise UnreadableFrameError(
                f"{self._file(index)} has {pixels.shape[2]} colour channels, but the first frame "
                f"of {self.path} has {self.channels}."
            )
        return self._whole(header, pixels, 0.0)

    def _whole(self, header: _Header, pixels: Pixels, outside: float) -> Pixels:
        """What the file stores in its place in the picture, upright."""
        left, top, right, bottom = header.window
        if pixels.shape[:2] != (bottom - top, right - left):
            canvas = np.full((bottom - top, right - left, pixels.shape[2]), outside, np.float32)
            y, x = header.spec.y - top, header.spec.x - left
            canvas[y : y + header.spec.height, x : x + header.spec.width] = pixels
            pixels = canvas
        mirrored, turns = header.orientation
        if mirrored:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(np.rot90(pixels, turns))

    def _file(self, index: int) -> Path:
        number = self.first_frame + index
        if number not in self._frames:
            raise UnreadableFrameError(f"Frame {number} of {self.path} is missing.")
        return self._frames[number]

    def _read_file(
        self, index: int, channels: slice | None, kind: str
    ) -> tuple[_Header, np.ndarray[Any, Any]]:
        file = self._file(index)
        source = _open(file)
        try:
            header = _find_picture(source, file)
            wanted = [*header.colour, *([] if header.alpha is None else [header.alpha])]
            begin, end = min(wanted), max(wanted) + 1
            if channels is not None:
                begin, end = 0, header.spec.nchannels
            pixels = source.read_image(header.subimage, 0, begin, end, kind)
            if pixels is None:
                raise UnreadableFrameError(f"{file} is damaged or cut short: {_reason(source)}")
        finally:
            source.close()
        if channels is not None:
            return header, pixels
        chosen = [channel - begin for channel in header.colour]
        if len(chosen) == 1:
            chosen *= 3
        if header.alpha is not None:
            chosen.append(header.alpha - begin)
        if chosen != list(range(pixels.shape[2])):
            pixels = pixels[..., chosen]
        return header, pixels

    def _guess_space(self, spec: Any) -> str:
        if self.pixel_type not in ("half", "float"):
            return _SRGB
        given = spec.getattribute("chromaticities")
        if given is not None and len(given) == 8:
            for space, primaries in _CHROMATICITIES.items():
                if np.allclose(given, primaries, atol=2e-3):
                    return space
        return REC709_LINEAR


class ImageWriter(Writer):
    """Writes frames as images, each complete under its name or not there at all.

    Frames can come in any order and from several threads.
    """

    def __init__(self, path: Path, pattern: Pattern | None, like: Reader, *, space: str) -> None:
        """Checks that frames can be written; writes nothing.

        Args:
            path: as the user gave it.
            pattern: what names the frames; None writes the one frame to `path`.
            like: what the frames were made from. An image's metadata, channels beside the picture,
                sample types and compression are kept.
            space: what the frames are encoded in.
        """
        check_folder(path)
        self.path = path
        self._pattern = pattern
        self._like = like
        self._space = space
        self.premultiplied = path.suffix.lower() == ".exr"
        self.alpha = path.suffix.lower() not in (".jpg", ".jpeg")

    def write(self, index: int, pixels: Pixels) -> None:
        """Writes frame `index` of the source: float32 (height, width, channels).

        Raises:
            WriteError: the file could not be written.
        """
        path = self.path
        if self._pattern:
            path = self._pattern.path(self._like.first_frame + index)
        spec, pixels = self._file_content(index, path.suffix.lower(), pixels)
        encoded = _encode(spec, pixels, path)
        with replacing(path) as temporary:
            temporary.write_bytes(encoded)

    def finish(self) -> None:
        """Nothing is left to do: every frame is complete."""

    def discard(self) -> None:
        """Complete frames stay; there are no others."""

    def _file_content(
        self, index: int, extension: str, pixels: Pixels
    ) -> tuple[Any, np.ndarray[Any, Any]]:
        height, width = pixels.shape[:2]
        like = self._like
        names = ["R", "G", "B", "A"][: pixels.shape[2]]
        if not isinstance(like, ImageReader):
            spec = oiio.ImageSpec(width, height, len(names), FORMATS[extension])
            spec.channelnames = names
            if extension == ".exr":
                spec.attribute("FramesPerSecond", "rational", _pair(like.fps))
            self._encode(spec, extension, like.pixel_type)
            return spec, _storable(spec, pixels)
        header = like.header(index)
        same_format = like.path.suffix.lower() == extension
        spec = header.spec.copy()
        if like.size != (spec.width, spec.height) or header.orientation != (False, 0):
            spec.width, spec.height = like.size
            spec.full_width, spec.full_height = like.picture_size
            spec.x, spec.y = (spec.full_x + like.origin[0], spec.full_y + like.origin[1])
        if spec.get_int_attribute("Orientation", 1) != 1:
            spec.attribute("Orientation", 1)
        colour = header.colour if header.alpha is None else (*header.colour, header.alpha)
        beside = [c for c in range(spec.nchannels) if c not in colour]
        keep = (
            same_format
            and extension == ".exr"
            and bool(beside)
            and len(colour) == pixels.shape[2]
            and not spec.get_int_attribute("oiio:subimages", 1) > 1
        )
        formats = [spec.channelformat(c) for c in colour]
        if keep:
            _, everything = like.read_all_channels(index)
            if everything.shape[:2] != pixels.shape[:2]:
                canvas = np.zeros((height, width, spec.nchannels))
                y, x = header.spec.y - spec.y, header.spec.x - spec.x
                canvas[y : y + header.spec.height, x : x + header.spec.width] = everything
                everything = canvas
            everything[..., list(colour)] = pixels
            return spec, everything
        spec.nchannels = len(names)
        spec.channelnames = names
        spec.channelformats = []
        spec.set_format(formats[0])
        if not same_format:
            _forget_format(spec)
        self._encode(spec, extension, like.pixel_type, same_format=same_format)
        return spec, _storable(spec, pixels)

    def _encode(
        self, spec: Any, extension: str, pixel_type: str, *, same_format: bool = False
    ) -> None:
        """Chooses sample type and compression."""
        spec.alpha_channel = 3 if spec.nchannels == 4 else -1
        if not same_format:
            kind = FORMATS[extension]
            if extension in (".png", ".tif", ".tiff") and pixel_type != "byte":
                kind = "uint16"
            if extension == ".exr" and pixel_type == "float":
                kind = "float"
            spec.set_format("uint16" if kind == "uint10" else kind)
            if kind == "uint10":
                spec.attribute("oiio:BitsPerSample", 10)
            if extension in (".jpg", ".jpeg"):
                spec.attribute("compression", "jpeg:95")
                spec.attribute("jpeg:subsampling", "4:4:4")
            if extension == ".exr" and self._space in _CHROMATICITIES:
                spec.attribute("chromaticities", "float[8]", _CHROMATICITIES[self._space])
        if extension != ".exr":
            spec.attribute("oiio:UnassociatedAlpha", 1)


def _encode(spec: Any, pixels: np.ndarray[Any, Any], path: Path) -> bytes:
    """Returns the file `path` is to be.

    OpenImageIO writes to memory (to the system's temporary folder where there is no memfd), for on
    a full disk its PNGs are cut short without an error and its JPEGs end the whole process.
    """
    with scratch_file() as (file, name):
        output = oiio.ImageOutput.create(path.suffix.lower().removeprefix("."))
        written = output and output.open(name, spec) and output.write_image(pixels)
        closed = output and output.close()
        if not (written and closed):
            reason = _reason(output or oiio)
            raise WriteError(f"{path} could not be written: {reason} Nothing was left of it.")
        file.seek(0)
        return file.read()


@contextlib.contextmanager
def scratch_file() -> Iterator[tuple[BinaryIO, str]]:
    """An empty file to read from, and a name under which it can be written; in memory if it can."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("image"), "rb") as file:
            yield file, f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image"
            path.touch()
            with path.open("rb") as file:
                yield file, str(path)


def _open(file: Path) -> Any:
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(file), config)
    if source is None:
        reason = _reason(oiio)
        if not file.exists():
            raise MissingMediaError(f"There is no file {file}.")
        raise UnreadableMediaError(f"{file} cannot be read: {reason}")
    return source


def _find_picture(source: Any, file: Path) -> _Header:
    """The first image of the file that has colour, else its first image."""
    subimage, first = 0, None
    while source.seek_subimage(subimage, 0):
        spec = source.spec()
        if spec.deep:
            raise UnreadableMediaError(f"{file} is a deep EXR. Flatten it first.")
        names = [name.rpartition(".")[2].upper() for name in spec.channelnames]
        alpha = names.index("A") if "A" in names else None
        if all(letter in names for letter in "RGB"):
            red, green, blue = (names.index(letter) for letter in "RGB")
            return _Header(spec, subimage, (red, green, blue), alpha)
        if first is None:
            grey = names.index("Y") if "Y" in names else 0
            first = _Header(spec, subimage, (grey,), None if alpha == grey else alpha)
        subimage += 1
    if first is None or first.spec.width < 1 or first.spec.height < 1:
        raise UnreadableMediaError(f"{file} holds no picture.")
    return first


def _frames_per_second(spec: Any) -> Fraction:
    value = spec.getattribute("FramesPerSecond")
    if isinstance(value, tuple) and len(value) == 2 and value[0] > 0 and value[1] > 0:
        return Fraction(int(value[0]), int(value[1]))
    if isinstance(value, int | float) and value > 0:
        return Fraction(value).limit_denominator(1001)
    return Fraction(24)


def _pair(fps: Fraction) -> tuple[int, int]:
    return fps.numerator, fps.denominator


def _forget_format(spec: Any) -> None:
    """Takes away what only the source's own format understands."""
    for attribute in list(spec.extra_attribs):
        name = attribute.name
        if name == "compression" or name.startswith(
            ("openexr:", "png:", "tiff:", "jpeg:", "oiio:")
        ):
            spec.erase_attribute(name)
    spec.tile_width = spec.tile_height = 0


def _storable(spec: Any, pixels: Pixels) -> Pixels:
    """Integers have no way to say "not a number"."""
    if str(spec.format) in ("half", "float", "double"):
        return np.ascontiguousarray(pixels)
    return np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0)


def _reason(reporter: Any) -> str:
    """What OpenImageIO, or an input or output of it, says that went wrong last, as a sentence."""
    try:
        text = reporter.geterror()
    except UnicodeDecodeError as error:  # it quotes bytes of a damaged file
        text = error.object.decode("utf-8", "replace")
    return (text.strip() or "no reason was given").splitlines()[0].rstrip(".") + "."
