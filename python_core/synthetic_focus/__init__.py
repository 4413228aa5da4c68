"""Synthetic Focus: gives casual footage the focus of cinema."""

from synthetic_focus.lens.aperture import Aperture
from synthetic_focus.lens.preset import Lens, load_preset
from synthetic_focus.render import defocus

__all__ = ["Aperture", "Lens", "defocus", "load_preset"]
