"""Synthetic Focus: gives casual footage the focus of cinema."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthetic_focus.focus import FocusTarget
    from synthetic_focus.focus.shot import focus_curve
    from synthetic_focus.lens.aperture import Aperture
    from synthetic_focus.lens.preset import Lens, load_preset
    from synthetic_focus.render.defocus import defocus
    from synthetic_focus.rendering import render
    from synthetic_focus.scene.scene import Scene, estimate
    from synthetic_focus.scene.shot import Shot, analyze

__all__ = [
    "Aperture",
    "FocusTarget",
    "Lens",
    "Scene",
    "Shot",
    "analyze",
    "defocus",
    "estimate",
    "focus_curve",
    "load_preset",
    "render",
]

# Where each public name lives. It is imported when it is first used, so that the command line and
# the worker start without what they may not need.
_HOMES = {
    "Aperture": "synthetic_focus.lens.aperture",
    "FocusTarget": "synthetic_focus.focus",
    "Lens": "synthetic_focus.lens.preset",
    "Scene": "synthetic_focus.scene.scene",
    "Shot": "synthetic_focus.scene.shot",
    "analyze": "synthetic_focus.scene.shot",
    "estimate": "synthetic_focus.scene.scene",
    "defocus": "synthetic_focus.render",
    "focus_curve": "synthetic_focus.focus.shot",
    "load_preset": "synthetic_focus.lens.preset",
}


def __getattr__(name: str) -> Any:
    if name == "render":  # the package of that name can be called
        return importlib.import_module("synthetic_focus.render")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
