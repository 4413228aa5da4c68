"""Defocus: a deep-focus picture and its circles of confusion become what a lens would give."""

import importlib
import sys
from types import ModuleType
from typing import Any

from synthetic_focus.render.defocus import Aborted, DefocusError, defocus

__all__ = ["Aborted", "DefocusError", "defocus"]


class _Room(ModuleType):
    """This package by name is also the function `synthetic_focus.render()`."""

    def __call__(self, *arguments: Any, **values: Any) -> None:
        importlib.import_module("synthetic_focus.rendering").render(*arguments, **values)


sys.modules[__name__].__class__ = _Room
