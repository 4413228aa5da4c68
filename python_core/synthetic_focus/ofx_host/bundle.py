"""Where a plug-in's binary lies."""

import platform
import sys
from pathlib import Path

from synthetic_focus.ofx_host.errors import PluginLoadError


def architecture() -> str:
    """The name of this machine's folder in a bundle."""
    if sys.platform == "darwin":
        return "MacOS"
    if sys.platform == "win32":
        return "Win64"
    # The standard writes x86-64 with a hyphen.
    return f"Linux-{platform.machine().replace('_', '-')}"


def find_binary(path: Path) -> Path:
    """The binary of a bundle (`NAME.ofx.bundle`), or the path itself if it is a binary.

    Raises:
        PluginLoadError: there is none.
    """
    if path.is_file():
        return path
    if not path.exists():
        raise PluginLoadError(f"{path} does not exist")
    name = path.name.removesuffix(".bundle")
    binary = path / "Contents" / architecture() / name
    if not binary.is_file():
        raise PluginLoadError(
            f"{path} has no binary for this machine: {binary.relative_to(path)} is missing"
        )
    return binary
