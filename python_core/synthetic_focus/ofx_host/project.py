"""The frame and the timeline that instances work in."""

from dataclasses import dataclass

from synthetic_focus.ofx_host.image import Rect


@dataclass(frozen=True)
class Project:
    """The frame and the timeline that an instance works in.

    region: of the frame, in canonical coordinates; it need not start at 0, 0.
    frames: first and last frame.
    """

    region: Rect = (0.0, 0.0, 1920.0, 1080.0)
    aspect: float = 1.0
    fps: float = 24.0
    frames: tuple[float, float] = (0.0, 99.0)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        x1, y1, x2, y2 = self.region
        return (x2 - x1, y2 - y1)
