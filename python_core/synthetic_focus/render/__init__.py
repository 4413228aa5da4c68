"""Defocus: a deep-focus picture and its circles of confusion become what a lens would give."""

from synthetic_focus.render.defocus import Aborted, DefocusError, defocus

__all__ = ["Aborted", "DefocusError", "defocus"]
