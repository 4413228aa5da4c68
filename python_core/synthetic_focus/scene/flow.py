"""Optical flow: where each pixel of one frame is in another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]


class Flow(Protocol):
    """A way to find the flow between two frames; a function without memory of earlier calls."""

    @property
    def identity(self) -> str:
        """Its name and settings. Two with one identity give the same fields."""
        ...

    def __call__(self, first: Grey, second: Grey) -> Field:
        """The flow from `first` to `second`.

        Args:
            first, second: (H, W) uint8, display-encoded luma, of one size.

        Returns:
            (H, W, 2) float32, dx and dy in pixels: ``first[p]`` shows what ``second[p + flow[p]]``
            shows.
        """


@dataclass(frozen=True)
class FlowPair:
    """The flow between two consecutive frames, both ways.

    Attributes:
        forward: (H, W, 2) float32, from the earlier frame to the later.
        backward: (H, W, 2) float32, from the later frame to the earlier.
    """

    forward: Field
    backward: Field


_LEAST_SIDE: Final = 32  # pixels; OpenCV crashes on some pictures with a side below twelve


class DisFlow:
    """Dense inverse search (Kroeger et al., ECCV 2016) with OpenCV's variational refinement.

    OpenCV's "medium" preset: docs/developer/temporal.md has the measurements it was chosen by.
    """

    identity: Final = "dis-medium-1"

    def __call__(self, first: Grey, second: Grey) -> Field:
        """As `Flow.__call__`."""
        import cv2

        height, width = first.shape
        below, right = max(0, _LEAST_SIDE - height), max(0, _LEAST_SIDE - width)
        first, second = (
            np.pad(picture, ((0, below), (0, right)), mode="edge")
            if below or right
            # Rows apart in memory are refused too.
            else np.ascontiguousarray(picture)
            for picture in (first, second)
        )
        # One of its own for each call: it keeps its pyramids inside, so it can't serve two threads.
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # A field that is given is where the search starts, so none is.
        field = search.calc(first, second, None)  # type: ignore[call-overload]
        return np.ascontiguousarray(field[:height, :width], np.float32)


def both_ways(flow: Flow, earlier: Grey, later: Grey) -> FlowPair:
    """The flow between two frames in both directions, on two threads.

    Args:
        flow: the way to find it; must let go of the interpreter's lock to gain from the threads.
        earlier, later: (H, W) uint8, display-encoded luma.
    """
    with ThreadPoolExecutor(1) as pool:
        backward = pool.submit(flow, later, earlier)
        return FlowPair(flow(earlier, later), backward.result())
