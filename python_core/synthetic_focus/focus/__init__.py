"""What to look at, and how to get there: focus targets, tracking and the focus puller."""

from synthetic_focus.focus.puller import Aim, Focus, FocusCurve, PullOptions
from synthetic_focus.focus.targets import FocusTarget, FocusTargetError, disparity_at, in_order

__all__ = [
    "Aim",
    "Focus",
    "FocusCurve",
    "FocusTarget",
    "FocusTargetError",
    "PullOptions",
    "disparity_at",
    "in_order",
]
