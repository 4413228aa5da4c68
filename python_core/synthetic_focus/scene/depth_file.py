"""Depth from a file, for hosts that give an effect one input only, and for the command line."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from types import TracebackType
from typing import Final, Self

import numpy as np

from synthetic_focus.media import open_reader
from synthetic_focus.media.images import ImageReader
from synthetic_focus.scene.depth import DepthError, DepthReading, Map, disparity

# What renderers call the depth channel of a picture that has others too.
_NAMES: Final = ("z", "depth", "disparity", "depth.z")
_KEPT: Final = 4  # maps; neighbouring frames of several threads and the targets around them
# How many times nearer than the near distance the middle value must be to be doubted.
_TOO_NEAR: Final = 2
_LOG = logging.getLogger(__name__)


class DepthFile:
    """A movie, a sequence or one image of depth, as disparity at any time. Safe in several threads.

    Time t is a sequence's file of that number, or a movie's frame t - `start`; one image holds for
    every time. Half a frame beyond either end still counts as the end, as retimed clips ask for it.

    Attributes:
        is_sequence: whether frames have numbers of their own.
        first: the time of the first frame.

    Raises:
        MediaError: the file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, start: float = 0.0) -> None:
        self._reader = open_reader(path)
        self.is_sequence = isinstance(self._reader, ImageReader) and len(self._reader) > 1
        self.first = float(self._reader.first_frame if self.is_sequence else start)
        self._channel = self._depth_channel()
        self._maps: OrderedDict[tuple[int, DepthReading], Map] = OrderedDict()
        self._lock = threading.Lock()
        self._judged = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Reading is over."""
        self._reader.close()

    def disparity(self, time: float, reading: DepthReading) -> Map:
        """Disparity in dioptres at a time, (H, W) float32; shared with others, so not to be
        changed.

        Raises:
            DepthError: there is no depth for that time, or nothing in it is known.
            MediaError: the frame is damaged.
        """
        key = (self._index(time), reading)
        with self._lock:
            if key in self._maps:
                self._maps.move_to_end(key)
                return self._maps[key]
        found = disparity(self._read(key[0]), reading)
        found.flags.writeable = False
        with self._lock:
            if not self._judged:
                self._judged = True
                self._judge(found, reading)
            self._maps[key] = found
            while len(self._maps) > _KEPT:
                self._maps.popitem(last=False)
        return found

    def _judge(self, found: Map, reading: DepthReading) -> None:
        """Says when values are hardly what they are read as: distances taken for disparity are."""
        middle = float(np.median(found[::4, ::4]))
        if reading.convention != "metres" and middle > _TOO_NEAR * reading.nearest:
            _LOG.warning(
                "%s is read as %s from %g to %g, and most of the picture would be nearer than %.2g"
                " m. Say what its values are by depth_convention, depth_low and depth_high.",
                self._reader.path,
                reading.convention,
                reading.low,
                reading.high,
                1 / (_TOO_NEAR * reading.nearest),
            )

    def _index(self, time: float) -> int:
        count = len(self._reader)
        if count == 1:
            return 0
        place = time - self.first
        if not -0.5 <= place <= count - 0.5:
            raise DepthError(
                f"{self._reader.path} has depth for the frames {self.first:g} to"
                f" {self.first + count - 1:g}, but frame {time:g} is rendered"
            )
        return min(round(place), count - 1)

    def _depth_channel(self) -> int | None:
        if not isinstance(self._reader, ImageReader):
            return None
        names = [str(name).lower() for name in self._reader.header(0).spec.channelnames]
        return next((names.index(name) for name in _NAMES if name in names), None)

    def _read(self, index: int) -> Map:
        if self._channel is not None and isinstance(self._reader, ImageReader):
            return self._reader.read_channel(index, self._channel)
        return self._reader.read(index)[..., 0]
