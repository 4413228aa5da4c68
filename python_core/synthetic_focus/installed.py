"""Where the build has put what it made: native module, parameter table, presets, plug-in.

An editable installation keeps the Python sources in the checkout and the built things in
site-packages; a wheel has both in one place. Either way everything built lies beside `_native`.
"""

import importlib.util
from pathlib import Path

from synthetic_focus.errors import SyntheticFocusError


def _directory() -> Path:
    native = importlib.util.find_spec("synthetic_focus._native")
    if native is None or native.origin is None:
        raise SyntheticFocusError(
            "synthetic_focus is not built here: run `make build` in the checkout, or pip install it"
        )
    return Path(native.origin).parent


DIRECTORY = _directory()
