"""Puts the plug-in's bundle where hosts look for plug-ins, and tells it which Python to start."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from synthetic_focus.errors import SyntheticFocusError

BUNDLE = "SyntheticFocus.ofx.bundle"


class InstallError(SyntheticFocusError):
    """The plug-in is not in this installation, or cannot be written where it should go."""


def plugin_folder() -> Path:
    """Where all hosts of this machine look: the folder that the OpenFX standard names."""
    if sys.platform == "darwin":
        return Path("/Library/OFX/Plugins")
    if sys.platform == "win32":
        return Path(os.environ["COMMONPROGRAMFILES"]) / "OFX" / "Plugins"
    return Path("/usr/OFX/Plugins")


def install_plugin(to: Path | None = None) -> Path:
    """Install the bundle, in place of an earlier one of it.

    The bundle is complete before it appears under its name: a host that scans meanwhile finds the
    earlier one or the new one.

    Args:
        to: the folder to put it in; without one, `plugin_folder()`.

    Returns:
        The installed bundle.

    Raises:
        InstallError: this installation has no bundle, or the folder cannot be written.
    """
    from synthetic_focus import installed

    source = installed.DIRECTORY / BUNDLE
    if not source.is_dir():
        raise InstallError(
            f"{source} is missing: this installation was built without the plug-in, "
            "which is there for Linux only so far"
        )
    folder = plugin_folder() if to is None else to
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".synthetic-focus-", dir=folder) as scratch:
            fresh = Path(scratch) / BUNDLE
            shutil.copytree(source, fresh)
            resources = fresh / "Contents" / "Resources"
            resources.mkdir(exist_ok=True)
            (resources / "python").write_text(f"{sys.executable}\n", encoding="utf-8")
            target = folder / BUNDLE
            if target.exists():
                target.rename(Path(scratch) / "earlier")
            fresh.rename(target)
    except OSError as error:
        raise InstallError(_advice(folder, error)) from error
    return folder / BUNDLE


def _advice(folder: Path, error: OSError) -> str:
    text = f"cannot install the plug-in into {folder}: {error.strerror}"
    if not isinstance(error, PermissionError):
        return text
    return (
        f'{text}. Run "sudo {Path(sys.executable).with_name("synthetic-focus")} install-plugin", '
        'or choose a folder of your own with "--to DIR" and name it in OFX_PLUGIN_PATH'
    )
