"""Movies out, through PyAV, with the source's time stamps, colour tags and sound."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import numpy as np
from av.error import FFmpegError

from synthetic_focus.color import REC709_VIDEO
from synthetic_focus.media import yuv
from synthetic_focus.media.atomic import check_folder, temporary_name, write_error
from synthetic_focus.media.errors import MediaError, UnknownFormatError, WriteError
from synthetic_focus.media.movie_reader import SUBSAMPLING, MovieReader, matrix_of
from synthetic_focus.media.reader import Pixels, Reader
from synthetic_focus.media.writer import Writer

FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

_LIMITED_RANGE: Final = 1
_FULL_RANGE: Final = 2

# Primaries, transfer and matrix of what a space's pixels become, as codes of ITU-T H.273. Log
# curves have none.
_TAGS: Final = {
    REC709_VIDEO: (1, 1, 1),
    "Camera Rec.709": (1, 1, 1),
    "Gamma 2.2 Encoded Rec.709": (1, 4, 1),
    "sRGB Encoded Rec.709 (sRGB)": (1, 13, 1),
    "Display P3 - Display": (12, 13, 1),
    "P3-D65 - Display": (12, 2, 1),
    "Rec.2100-PQ - Display": (9, 16, 9),
    "Rec.2100-HLG - Display": (9, 18, 9),
    "ST2084-P3-D65 - Display": (12, 16, 9),
}

# What the container itself says; a copy would be wrong.
_OWN_METADATA: Final = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "DURATION", "duration"}
)


@dataclass(frozen=True)
class _Codec:
    name: str
    pixel_format: str
    options: dict[str, str]
    tag: str | None = None


class MovieWriter(Writer):
    """One movie: H.264 or (above 8 bits) HEVC in .mp4, ProRes in .mov, lossless FFV1 in .mkv."""

    in_order = True

    def __init__(self, path: Path, like: Reader, *, space: str, channels: int, count: int) -> None:
        """Begins the movie under a temporary name.

        Args:
            path: its extension is a key of FORMATS.
            like: what the frames are made from: gives size, times, tags, metadata and sound.
            space: what the frames are encoded in.
            channels: 3 or 4 of the frames that will come; .mp4 has no alpha.
            count: how many frames will come.
        """
        check_folder(path)
        self.path = path
        self._like = like
        self._last = -1
        self._offset = 0
        self._codec = _choose_codec(path.suffix.lower(), like, channels, count)
        self.alpha = len(av.VideoFormat(self._codec.pixel_format).components) == 4
        self._sound: _Sound | None = None
        self._closed = False
        self._temporary = temporary_name(path)
        try:
            self._file = _File(self._temporary.open("xb"))
        except OSError as error:
            raise write_error(path, error) from error
        try:
            self._begin(space)
        except BaseException:
            self.discard()
            raise

    def write(self, index: int, pixels: Pixels) -> None:
        """Encodes one frame and the sound up to it."""
        if index <= self._last:
            raise MediaError(f"Frame {index} of {self.path} comes after frame {self._last}.")
        if pixels.shape[1::-1] != self._like.size:
            raise MediaError(
                f"A frame of {pixels.shape[1]}x{pixels.shape[0]} does not fit {self.path}, which "
                f"is {self._like.size[0]}x{self._like.size[1]}."
            )
        frame = self._frame(pixels)
        with self._translated():
            if self._last < 0 and index and isinstance(self._like, MovieReader):
                # A part of a movie begins when the whole did.
                self._offset = self._like.times[index] - self._like.times[0]
                if self._sound:
                    self._sound.begin_at(self._seconds(index), self._offset * self._time_base)
            self._last = index
            frame.time_base = self._time_base
            frame.pts, frame.duration = self._time(index), self._time(index, end=True)
            frame.duration -= frame.pts
            if self._sound:
                self._sound.copy_until(self._seconds(index))
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Ends the movie and gives it its name."""
        if self._last < 0:
            self.discard()
            return
        with self._translated():
            self._container.mux(self._stream.encode(None))
            if self._sound:
                whole = self._last == len(self._like) - 1
                self._sound.copy_until(None if whole else self._seconds(self._last, end=True))
                self._sound.close()
            self._container.close()
        try:
            self._file.complete()
            self._temporary.replace(self.path)
        except OSError as error:
            raise write_error(self.path, error) from error
        self._closed = True

    def discard(self) -> None:
        """Removes the unfinished movie."""
        if self._closed:
            return
        self._closed = True
        self._file.abandon()
        if self._sound:
            self._sound.close()
        # libav writes the rest of a movie when it is closed, whether or not that is of use.
        with contextlib.suppress(Exception):
            self._container.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _begin(self, space: str) -> None:
        like, codec = self._like, self._codec
        kind = FORMATS[self.path.suffix.lower()]
        with self._translated():
            self._container = av.open(self._file, "w", format=kind)
            stream: Any = self._container.add_stream(
                codec.name, rate=like.fps, options=dict(codec.options)
            )
            self._stream = stream
            stream.width, stream.height = like.size
            stream.pix_fmt = codec.pixel_format
            stream.thread_type = "AUTO"
            context = stream.codec_context
            self._time_base = 1 / like.fps
            if codec.tag:
                context.codec_tag = codec.tag
            self._describe_colour(context, space)
            if isinstance(like, MovieReader):
                self._time_base = like.time_base
                context.sample_aspect_ratio = like.pixel_aspect
                for key, value in like.metadata.items():
                    if key not in _OWN_METADATA:
                        self._container.metadata[key] = value
                self._sound = _Sound.of(like, self._container, self.path)
            context.time_base = self._time_base

    def _describe_colour(self, context: Any, space: str) -> None:
        like = self._like
        primaries, transfer, matrix = _TAGS.get(space, (2, 2, 1))
        full = False
        if isinstance(like, MovieReader) and space == like.colour_space:
            primaries, transfer, matrix, levels = like.tags
            # RGB has no matrix.
            matrix = 9 if matrix == 0 and primaries == 9 else matrix or 1
            matrix = matrix_of(matrix, like.size)
            # ProRes has no way to say that its range is full.
            full = levels == _FULL_RANGE and like.tags[2] != 0 and self._codec.name != "prores_ks"
        context.color_primaries, context.color_trc = primaries, transfer
        pixel_format = av.VideoFormat(self._codec.pixel_format)
        self._rgb = pixel_format.is_rgb
        self._bits = max(component.bits for component in pixel_format.components)
        if self._rgb:
            context.colorspace, context.color_range = 0, _FULL_RANGE
            return
        context.colorspace = matrix
        context.color_range = _FULL_RANGE if full else _LIMITED_RANGE
        shifts = next(
            shifts
            for shifts, name in SUBSAMPLING.items()
            if name in self._codec.pixel_format.split("p")[0]
        )
        self._encoding = yuv.Encoding(self._bits, full, matrix, *shifts)

    def _frame(self, pixels: Pixels) -> Any:
        height, width = pixels.shape[:2]
        frame = av.VideoFrame(width, height, self._codec.pixel_format)
        if self._rgb:
            planes = [_rounded(pixels[..., channel], self._bits) for channel in (1, 2, 0)]
        else:
            planes = list(yuv.from_rgb(pixels, self._encoding))
        if len(frame.planes) == 4:
            planes.append(_rounded(pixels[..., 3], self._bits))
        buffers: Any = frame.planes
        for plane, content in zip(buffers, planes, strict=True):
            rows = np.frombuffer(plane, content.dtype)
            rows = rows.reshape(plane.height, plane.line_size // content.itemsize)
            rows[:, : plane.width] = content
        return frame

    def _time(self, index: int, *, end: bool = False) -> int:
        """When a frame is shown (or no longer), in units of time_base."""
        if isinstance(self._like, MovieReader):
            time = self._like.frame_end(index) if end else self._like.times[index]
            return time - self._offset
        return index + end

    def _seconds(self, index: int, *, end: bool = False) -> Fraction:
        return (self._time(index, end=end) + self._offset) * self._time_base

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turns libav's errors, and the file's own that libav hides, into a WriteError."""
        try:
            yield
        except (FFmpegError, OSError, ValueError) as error:
            if self._file.error:
                raise write_error(self.path, self._file.error) from error
            reason = str(error).strip().rstrip(".")
            raise WriteError(
                f"{self.path} could not be written: {reason}. Nothing was left of it."
            ) from error
        if self._file.error:
            raise write_error(self.path, self._file.error)


def _choose_codec(extension: str, like: Reader, channels: int, count: int) -> _Codec:
    deep = like.pixel_type != "byte"
    movie = like if isinstance(like, MovieReader) else None
    if extension in (".mp4", ".m4v"):
        # Half the chroma needs an even size.
        layout = "420" if not (like.size[0] % 2 or like.size[1] % 2) else "444"
        if deep:
            parameters = "log-level=error"
            if count < 8:
                # x265 4.2 leaves time stamps of clips of one or two frames unset with B-frames.
                parameters += ":bframes=0"
            if movie and movie.tags[1] == 16:
                parameters += ":hdr10-opt=1:repeat-headers=1"
            options = {"crf": "16", "preset": "medium", "x265-params": parameters}
            # QuickTime plays HEVC by this tag only.
            return _Codec("libx265", f"yuv{layout}p10le", options, "hvc1")
        return _Codec("libx264", f"yuv{layout}p", {"crf": "15", "preset": "medium"})
    if extension == ".mov":
        if channels == 4:
            return _Codec("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"})
        if movie and movie.shifts == (0, 0):
            return _Codec("prores_ks", "yuv444p10le", {"profile": "4444"})
        return _Codec("prores_ks", "yuv422p10le", {"profile": "hq"})
    options = {"level": "3", "slicecrc": "1", "g": "1"}
    alpha = "a" if channels == 4 else ""
    if movie and movie.tags[2] and movie.bits in (8, 10, 12):
        depth = "" if movie.bits == 8 else f"{movie.bits}le"
        layout = (
            "444" if movie.shifts not in ((0, 0), (1, 0), (1, 1)) else SUBSAMPLING[movie.shifts]
        )
        return _Codec("ffv1", f"yuv{alpha}{layout}p{depth}", options)
    # FFV1 knows 8-bit RGB in packed pixels only.
    depth = "16le" if deep else "10le"
    return _Codec("ffv1", f"gbr{alpha}p{depth}", options)


def _rounded(values: Pixels, bits: int) -> np.ndarray[Any, Any]:
    white = 2**bits - 1
    scaled = np.nan_to_num(values) * np.float32(white)
    np.clip(np.rint(scaled, out=scaled), 0, white, out=scaled)
    return scaled.astype(np.uint8 if bits == 8 else np.uint16)


class _Sound:
    """Sound on its way from one movie to another, as it is."""

    def __init__(self, source: Any, streams: dict[int, Any], target: Any) -> None:
        self._source = source
        self._streams = streams
        self._target = target
        self._packets = source.demux(*(source.streams[index] for index in streams))
        self._waiting: Any = None
        self._start: Fraction | None = None
        self._shift = Fraction(0)

    @staticmethod
    def of(like: MovieReader, target: Any, path: Path) -> _Sound | None:
        """Adds the sound of `like` to `target`; None where it has none."""
        source = av.open(str(like.path), metadata_errors="replace")
        try:
            streams = {}
            for stream in source.streams.audio:
                name = stream.codec_context.codec.canonical_name
                if name not in target.supported_codecs:
                    raise UnknownFormatError(
                        f"{path.suffix} cannot hold the sound of {like.path} ({name}). "
                        f"Write a .mov or .mkv instead."
                    )
                streams[stream.index] = target.add_stream_from_template(stream)
                streams[stream.index].metadata.update(stream.metadata)
        except BaseException:
            source.close()
            raise
        if not streams:
            source.close()
            return None
        return _Sound(source, streams, target)

    def begin_at(self, start: Fraction, shift: Fraction) -> None:
        """Leaves out what ends before `start`, and moves the rest `shift` seconds forward."""
        self._start, self._shift = start, shift

    def copy_until(self, end: Fraction | None) -> None:
        """Copies packets up to a time of the source, in seconds; None copies all."""
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = packet
            if packet is None:
                return
            if packet.dts is not None:
                unit = packet.time_base
                if end is not None and packet.dts * unit >= end:
                    return
                last = (packet.dts + (packet.duration or 0)) * unit
                if self._start is None or last > self._start:
                    shift = round(self._shift / unit)
                    packet.dts -= shift
                    if packet.pts is not None:
                        packet.pts -= shift
                    packet.stream = self._streams[packet.stream_index]
                    self._target.mux(packet)
            self._waiting = None

    def close(self) -> None:
        """Closes the source."""
        self._source.close()


class _File:
    """The file that libav writes to; keeps the first error, which libav would lose."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._abandoned = False
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Writes, or pretends to when the file was given up."""
        if not (self._abandoned or self.error):
            try:
                self._file.write(data)
            except OSError as error:
                self.error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to where the next write goes."""
        return 0 if self._abandoned or self.error else self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where the next write goes."""
        return 0 if self._abandoned or self.error else self._file.tell()

    def complete(self) -> None:
        """Puts everything on the disk: some file systems tell only then that it is full."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Ignores whatever is written from now on."""
        self._abandoned = True
        with contextlib.suppress(OSError):
            self._file.close()
