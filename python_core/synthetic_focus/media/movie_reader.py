"""Movies, through PyAV: any frame, exactly, with its colour tags understood."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.error import FFmpegError

from synthetic_focus.color import REC709_LINEAR, REC709_VIDEO
from synthetic_focus.media import yuv
from synthetic_focus.media.errors import UnreadableFrameError, UnreadableMediaError
from synthetic_focus.media.reader import Pixels, Reader

# Decoded frames that are kept, so that going back a little does not decode a group again.
_KEPT_FRAMES: Final = 8

SUBSAMPLING: Final = {
    (0, 0): "444",
    (1, 0): "422",
    (1, 1): "420",
    (0, 1): "440",
    (2, 0): "411",
    (2, 2): "410",
}

# Codes of ITU-T H.273.
_UNSPECIFIED: Final = 2
_FULL_RANGE: Final = 2


class MovieReader(Reader):
    """The first video stream of a movie.

    Further attributes:
        times: each frame's time stamp, in units of time_base, rising.
        time_base: seconds in one unit.
        tags: (primaries, transfer, matrix, range), as codes of ITU-T H.273; 2 (range: 0) where the
            movie does not say.
        bits: of a sample.
        shifts: log2 of how many pixels share a sample of chroma, across and down.
        pixel_aspect: width of a pixel over its height.
    """

    def __init__(self, path: Path) -> None:
        """Finds every frame's time stamp and decodes the first frame.

        Raises:
            UnreadableMediaError: not a movie, no video in it, cut short.
        """
        self.path = path
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._frames: Iterator[Any] | None = None
        self._next = 0
        self._open()
        try:
            self._index()
            first = self._decode(0)
        except BaseException:
            self.close()
            raise
        self._describe(first)

    def __len__(self) -> int:
        return len(self.times)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._kept.clear()
            self._frames = None
            self._container.close()

    def frame_end(self, index: int) -> int:
        """The time stamp at which frame `index` gives way to the next."""
        if index + 1 < len(self.times):
            return self.times[index + 1]
        return self.times[-1] + self._last_duration

    def _open(self) -> None:
        try:
            self._container = av.open(str(self.path), metadata_errors="replace")
        except (FFmpegError, ValueError) as error:
            hint = "It is not a movie, or it was cut short while it was written"
            raise UnreadableMediaError(
                f"{self.path} cannot be read ({_reason(error)}). {hint}."
            ) from error
        # Cover pictures of music are video streams of one frame.
        streams = [s for s in self._container.streams.video if not _is_cover(s)]
        if not streams:
            self._container.close()
            raise UnreadableMediaError(f"{self.path} holds no video.")
        self._stream = streams[0]
        self._stream.thread_type = "AUTO"

    def _index(self) -> None:
        packets = 0
        times: list[int] = []
        keys: list[int] = []
        durations: list[int] = []
        unstamped = False
        try:
            for packet in self._container.demux(self._stream):
                if packet.size == 0:
                    continue
                packets += 1
                # An edit list hides these: they are decoded, and never shown.
                if packet.is_discard:
                    continue
                if packet.pts is None:
                    unstamped = True
                    continue
                times.append(packet.pts)
                durations.append(packet.duration or 0)
                if packet.is_keyframe:
                    keys.append(packet.pts)
        except FFmpegError as error:
            raise UnreadableMediaError(
                f"{self.path} is damaged after {packets} frames ({_reason(error)})."
            ) from error
        promised = self._stream.frames
        if packets == 0:
            raise UnreadableMediaError(f"{self.path} holds no frames.")
        if packets < promised:
            raise UnreadableMediaError(
                f"{self.path} is cut short: it holds {packets} of {promised} frames."
            )
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self._by_count = unstamped or len(set(times)) != len(times)
        if self._by_count:
            self._index_by_count()
            return
        self.times = sorted(times)
        self._keys = sorted(keys)
        self._last_duration = durations[times.index(self.times[-1])]
        self._numbers = {time: number for number, time in enumerate(self.times)}
        self._check_promised_duration()

    def _index_by_count(self) -> None:
        """Frames without time stamps of their own (AVI, raw streams) are told apart by counting."""
        self._rewind()
        count = sum(1 for _ in self._container.decode(self._stream))
        if not count:
            raise UnreadableMediaError(f"{self.path} holds no frames.")
        rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or 24)
        self.time_base = 1 / rate
        self.times = list(range(count))
        self._keys = [0]
        self._last_duration = 1
        self._frames = None

    def _check_promised_duration(self) -> None:
        """Matroska counts no frames, but says how long the stream is."""
        text = self._stream.metadata.get("DURATION", "")
        try:
            hours, minutes, seconds = text.split(":")
            promised = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        except ValueError:
            return
        held = float((self.times[-1] + self._last_duration) * self.time_base)
        if held < promised - 0.5:
            raise UnreadableMediaError(
                f"{self.path} is cut short: it holds {held:.1f} of {promised:.1f} seconds."
            )

    def _describe(self, first: Any) -> None:
        stream = self._stream
        context = stream.codec_context
        gaps = {b - a for a, b in zip(self.times, self.times[1:], strict=False)}
        if len(gaps) == 1:
            self.fps = 1 / (gaps.pop() * self.time_base)
        else:
            self.fps = Fraction(stream.average_rate or stream.guessed_rate or 24)
        # Whole time units round 1/23.976 to one of its neighbours; the stream knows better.
        if stream.average_rate and abs(stream.average_rate / self.fps - 1) < Fraction(1, 1000):
            self.fps = Fraction(stream.average_rate)
        if not self._last_duration:
            self._last_duration = max(1, round(1 / (self.fps * self.time_base)))
        components = first.format.components
        self.bits = max(component.bits for component in components)
        self.pixel_type = "byte" if self.bits <= 8 else "short" if self.bits <= 16 else "float"
        self.channels = 4 if _has_alpha(first.format) else 3
        self._turns = round(first.rotation / 90) % 4
        self.size = (first.width, first.height)
        self.shifts = _shifts(first)
        aspect = stream.sample_aspect_ratio
        self.pixel_aspect = Fraction(aspect) if aspect else Fraction(1)
        if self._turns % 2:
            self.size = self.size[::-1]
            self.pixel_aspect = 1 / self.pixel_aspect
        self.picture_size = self.size
        self.tags = (
            int(context.color_primaries),
            int(context.color_trc),
            int(context.colorspace),
            int(context.color_range),
        )
        self.colour_space = _space(self.tags)
        self.metadata = {**self._container.metadata, **stream.metadata}

    def _read(self, index: int) -> Pixels:
        with self._lock:
            frame = self._decode(index)
        pixels = self._pixels(frame)
        if self._turns:
            pixels = np.ascontiguousarray(np.rot90(pixels, self._turns))
        if pixels.shape[1::-1] != self.size:
            raise UnreadableFrameError(
                f"Frame {index} of {self.path} is {pixels.shape[1]}x{pixels.shape[0]}, but the "
                f"movie began with {self.size[0]}x{self.size[1]}."
            )
        return pixels

    def _decode(self, index: int) -> Any:
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        try:
            frame = self._seek_and_decode(index)
            if frame is None and self._next >= 0:
                # The seek landed behind the frame, as it may in transport streams.
                self._rewind()
                frame = self._decode_until(index)
        except FFmpegError as error:
            self._frames = None
            raise UnreadableFrameError(
                f"Frame {index} of {self.path} is damaged ({_reason(error)})."
            ) from error
        if frame is None:
            self._frames = None
            raise UnreadableFrameError(f"Frame {index} of {self.path} cannot be decoded.")
        return frame

    def _seek_and_decode(self, index: int) -> Any:
        if self._by_count:
            if self._frames is None or index < self._next:
                self._rewind()
            return self._decode_until(index)
        before = bisect_right(self._keys, self.times[index])
        key = self._keys[before - 1] if before else None
        key_index = 0 if key is None else self._numbers[key]
        # Decoding on from where the last call stopped is cheaper up to the next key frame.
        if self._frames is None or not max(self._next - 1, key_index - 1) < index >= self._next:
            if key is None:
                self._rewind()
            else:
                self._container.seek(key, stream=self._stream, backward=True, any_frame=False)
                self._frames = self._container.decode(self._stream)
                self._next = key_index
        return self._decode_until(index)

    def _rewind(self) -> None:
        self._container.close()
        self._open()
        self._frames = self._container.decode(self._stream)
        self._next = 0

    def _decode_until(self, index: int) -> Any:
        assert self._frames is not None
        for frame in self._frames:
            number = self._next if self._by_count else self._numbers.get(frame.pts)
            if number is None:
                continue
            self._next = number + 1
            self._kept[number] = frame
            while len(self._kept) > _KEPT_FRAMES:
                self._kept.popitem(last=False)
            if number == index:
                return frame
            if number > index:
                return None
        self._frames = None
        return None

    def _pixels(self, frame: Any) -> Pixels:
        frame = _planar(frame)
        form = frame.format
        bits = max(component.bits for component in form.components)
        planes = [_plane(frame, i) for i in range(len(frame.planes))]
        pixels = np.empty((frame.height, frame.width, self.channels), np.float32)
        whole = np.float32(1 if bits > 16 else 1 / (2**bits - 1))
        if form.is_rgb:
            for channel, plane in zip((1, 2, 0), planes, strict=False):
                np.multiply(plane, whole, out=pixels[..., channel])
        elif len(planes) < 3:
            encoding = yuv.Encoding(bits, self._full(frame, grey=True))
            black, white = encoding.luma_range
            grey = (planes[0].astype(np.float32) - np.float32(black)) * np.float32(1 / white)
            pixels[..., :3] = grey[..., None]
        else:
            luma, cb, cr = planes[:3]
            yuv.to_rgb(luma, cb, cr, self._encoding(frame, bits), pixels)
        if self.channels == 4:
            np.multiply(planes[-1], whole, out=pixels[..., 3])
        return pixels

    def _full(self, frame: Any, *, grey: bool = False) -> bool:
        tag = int(frame.color_range) or self.tags[3]
        if tag == 0:
            return grey or frame.format.name.startswith("yuvj")
        return tag == _FULL_RANGE

    def _encoding(self, frame: Any, bits: int) -> yuv.Encoding:
        matrix = matrix_of(int(frame.colorspace), self.size)
        if matrix not in yuv.LUMA_WEIGHTS:
            raise UnreadableFrameError(
                f"{self.path} uses the colour matrix number {matrix} of ITU-T H.273, which is not "
                f"supported. Convert the movie to BT.709 or BT.2020 first."
            )
        shift_x, shift_y = _shifts(frame)
        left = self._stream.codec_context.name != "mjpeg"
        return yuv.Encoding(bits, self._full(frame), matrix, shift_x, shift_y, left)


def matrix_of(tag: int, size: tuple[int, int]) -> int:
    """The luma matrix of a movie; without a tag, standard definition has BT.601's, like players."""
    if tag in (_UNSPECIFIED, 3):
        return 6 if max(size) < 1280 and min(size) <= 576 else 1
    return tag


def _space(tags: tuple[int, int, int, int]) -> str:
    primaries, transfer = tags[:2]
    display_p3 = primaries == 12
    if transfer == 16:
        return "ST2084-P3-D65 - Display" if display_p3 else "Rec.2100-PQ - Display"
    if transfer == 18:
        return "Rec.2100-HLG - Display"
    if transfer == 13:
        return "Display P3 - Display" if display_p3 else "sRGB Encoded Rec.709 (sRGB)"
    if transfer == 8:
        return REC709_LINEAR
    return "Gamma 2.2 Encoded Rec.709" if transfer == 4 else REC709_VIDEO


def _planar(frame: Any) -> Any:
    """The frame with one plane a component, in the machine's byte order, samples unchanged."""
    form = frame.format
    bits = max(component.bits for component in form.components)
    depth = "" if bits == 8 else f"{bits}le"
    if form.has_palette:
        return frame.reformat(format="gbrp")
    alpha = _has_alpha(form)
    if form.is_rgb:
        name = ("gbrap" if alpha else "gbrp") + (depth if bits <= 16 else "f32le")
    elif len(form.components) < 3:
        # A plane of alpha beside grey comes interleaved.
        name = f"gbrap{depth}" if alpha else f"gray{depth}"
    else:
        name = f"yuv{'a' if alpha else ''}{SUBSAMPLING[_shifts(frame)]}p{depth}"
    if form.name in (name, name.replace("yuv", "yuvj")):
        return frame
    return frame.reformat(format=name)


def _has_alpha(form: Any) -> bool:
    return len(form.components) in (2, 4) and not form.has_palette


def _shifts(frame: Any) -> tuple[int, int]:
    form = frame.format
    if form.is_rgb or len(form.components) < 3:
        return 0, 0
    across, down = form.chroma_width(1024), form.chroma_height(1024)
    return (1024 // across).bit_length() - 1, (1024 // down).bit_length() - 1


def _plane(frame: Any, number: int) -> np.ndarray[Any, Any]:
    plane = frame.planes[number]
    bits = max(component.bits for component in frame.format.components)
    kind = np.dtype(np.uint8 if bits <= 8 else "<u2" if bits <= 16 else "<f4")
    rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return rows[:, : plane.width]


def _is_cover(stream: Any) -> bool:
    return "attached_pic" in str(stream.disposition)


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).strip().rstrip(".")
