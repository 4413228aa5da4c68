"""What movies, image sequences and single images have in common when they are written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from synthetic_focus.media.reader import Pixels


class Writer(ABC):
    """Frames on their way to files. A context manager: leaving it without error completes them.

    A movie appears under its name only then, and an error, Ctrl-C included, leaves what was there
    before. Of a sequence, every frame appears when it is complete.

    Attributes:
        path: as it was given.
        premultiplied: whether colour is to come multiplied by alpha.
        alpha: whether the format can hold alpha.
        in_order: whether frames must come in rising order, as in a movie.
    """

    path: Path
    premultiplied: bool = False
    alpha: bool = True
    in_order: bool = False

    @abstractmethod
    def write(self, index: int, pixels: Pixels) -> None:
        """Writes the frame that was made from frame `index` of the source.

        Args:
            index: 0 for the source's first frame.
            pixels: float32 (height, width, channels), of the source's size and encoded in the
                space that the writer was opened with. Integers take the nearest value; what does
                not fit is clipped, and NaN becomes 0.

        Raises:
            WriteError: the file could not be written; nothing is left of it.
        """

    @abstractmethod
    def finish(self) -> None:
        """Completes the files."""

    @abstractmethod
    def discard(self) -> None:
        """Removes what is incomplete."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                self.finish()
            except BaseException:
                self.discard()
                raise
        else:
            self.discard()
