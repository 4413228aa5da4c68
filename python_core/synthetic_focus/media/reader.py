"""What movies, image sequences and single images have in common when they are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from synthetic_focus.media.errors import MediaError

Pixels = npt.NDArray[np.float32]


class Reader(ABC):
    """Frames of a movie, a sequence or an image, read in any order, from any thread.

    Attributes:
        path: as it was given.
        size: (width, height) of a frame, upright.
        origin: (x, y) of a frame's top left pixel in the picture, y down. (0, 0) but for EXRs with
            overscan.
        picture_size: (width, height) of the picture, without overscan.
        fps: frames per second, the mean where it varies; 24 where the files do not say.
        first_frame: the number in the name of a sequence's first frame, else 0.
        pixel_type: what a sample is stored as: byte, short (also 10 and 12 bits), half, float.
        channels: 3, or 4 with alpha.
        premultiplied: whether colour has been multiplied by alpha.
        colour_space: a key of the parameter colour_space; from tags where there are any, else what
            files of this kind usually hold.
        metadata: the file's own (the first frame's, for a sequence).
    """

    path: Path
    size: tuple[int, int]
    origin: tuple[int, int] = (0, 0)
    picture_size: tuple[int, int]
    fps: Fraction
    first_frame: int = 0
    pixel_type: str
    channels: int
    premultiplied: bool = False
    colour_space: str
    metadata: dict[str, Any]

    @abstractmethod
    def __len__(self) -> int:
        """How many frames there are, missing ones of a sequence included."""

    @abstractmethod
    def _read(self, index: int) -> Pixels: ...

    def read(self, index: int) -> Pixels:
        """Returns one frame as float32 (height, width, channels), encoded as it is stored.

        Integers are scaled so that white is 1. The array is the caller's own.

        Args:
            index: 0 for the first frame. Frame `first_frame + index` of a sequence.

        Raises:
            UnreadableFrameError: the frame is missing or damaged.
            MediaError: there is no such frame.
        """
        self.check(index)
        return self._read(index)

    def check(self, index: int) -> None:
        """Raises MediaError unless there is a frame of that index."""
        if not 0 <= index < len(self):
            last = self.first_frame + len(self) - 1
            raise MediaError(
                f"{self.path} has no frame {self.first_frame + index}; "
                f"its frames are {self.first_frame} to {last}."
            )

    @property
    def missing(self) -> tuple[int, ...]:
        """Numbers between the first and the last frame that a sequence has no file for."""
        return ()

    def indices(self, frames: tuple[int, int] | None = None) -> range:
        """The indices of frames by the numbers that people give them.

        Args:
            frames: the first and the last; all where None.

        Raises:
            MediaError: they are not all there.
        """
        first, last = self.first_frame, self.first_frame + len(self) - 1
        if frames is not None:
            begin, end = frames
            if begin > end:
                raise MediaError(f"Frames {begin} to {end}: the first is after the last.")
            if begin < first or end > last:
                raise MediaError(
                    f"Frames {begin} to {end} were asked for, but {self.path} has {first} to"
                    f" {last}."
                )
            first, last = begin, end
        if missing := [number for number in self.missing if first <= number <= last]:
            shown = ", ".join(map(str, missing[:8])) + (", ..." if len(missing) > 8 else "")
            raise MediaError(
                f"{self.path} has gaps: {len(missing)} of its frames have no file ({shown}). "
                f"Add them, or take the parts one by one."
            )
        return range(first - self.first_frame, last - self.first_frame + 1)

    def close(self) -> None:  # noqa: B027 - images hold nothing open
        """Lets go of the files. Reading is over."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
