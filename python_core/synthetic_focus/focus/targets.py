"""Focus targets: what must be sharp, and when."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthetic_focus.errors import SyntheticFocusError


class FocusTargetError(SyntheticFocusError):
    """A focus target, or a set of them, that means nothing."""


@dataclass(frozen=True)
class FocusTarget:
    """At ``frame`` the focus is on what is at (x, y) (paper, section 5).

    Attributes:
        x, y: the point, 0..1 from the top left of the picture.
        frame: the timeline's frame; may be negative or fractional.
        follow: the focus stays on the subject as it moves; otherwise at the distance it has at
            ``frame``.
        hold: "strong" keeps the focus until the next pull must begin, also while the subject cannot
            be seen; "weak" lets the focus go to the next subject as soon as this one is lost.
        pull_frames: how long the pull to this target takes; None: as the curve's options say.

    Raises:
        FocusTargetError: the point is outside the picture, or a number is not finite.

    >>> FocusTarget(0.5, 0.25, 12)
    FocusTarget(x=0.5, y=0.25, frame=12, follow=True, hold='strong', pull_frames=None)
    """

    x: float
    y: float
    frame: float
    follow: bool = True
    hold: Literal["strong", "weak"] = "strong"
    pull_frames: float | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.frame):
            raise FocusTargetError(f"a focus target's frame must be a number, not {self.frame}")
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise FocusTargetError(
                f"the focus target of frame {self.frame:g} is at ({self.x:g}, {self.y:g}), outside"
                " the picture: x and y count from 0 to 1 from the top left"
            )
        if self.hold not in ("strong", "weak"):
            raise FocusTargetError(f"a target's hold is 'strong' or 'weak', not {self.hold!r}")
        if self.pull_frames is not None and not (
            math.isfinite(self.pull_frames) and self.pull_frames >= 0
        ):
            raise FocusTargetError(
                f"pull_frames of the target of frame {self.frame:g} is {self.pull_frames}; it must"
                " be 0 or more"
            )


def in_order(targets: Iterable[FocusTarget]) -> tuple[FocusTarget, ...]:
    """The targets sorted by frame.

    Raises:
        FocusTargetError: there are none, or two of them share a frame.
    """
    ordered = tuple(sorted(targets, key=lambda target: target.frame))
    if not ordered:
        raise FocusTargetError("there is no focus target: give at least one")
    for before, after in pairwise(ordered):
        if before.frame == after.frame:
            raise FocusTargetError(
                f"two focus targets are at frame {after.frame:g}, and only one thing can be in"
                " focus: move or remove one"
            )
    return ordered


def disparity_at(disparity: npt.NDArray[np.floating], x: float, y: float) -> float:
    """The disparity of what is at (x, y), 0..1 from the top left: the median around that pixel.

    Args:
        disparity: (H, W), larger is nearer; not finite where it is unknown.
        x, y: the point.

    Raises:
        FocusTargetError: nothing is known around that point.
    """
    height, width = disparity.shape
    cx, cy = min(int(x * width), width - 1), min(int(y * height), height - 1)
    # The same piece of the picture at any scale: proxies focus where the full picture does.
    radius = max(1, round(height / 180))
    patch = disparity[max(cy - radius, 0) : cy + radius + 1, max(cx - radius, 0) : cx + radius + 1]
    known = patch[np.isfinite(patch)]
    if not known.size:
        raise FocusTargetError(
            f"there is no depth at ({x:g}, {y:g}), so nothing to focus on: move the target"
        )
    return float(np.median(known))
