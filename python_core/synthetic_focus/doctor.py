"""Is everything in place? What `synthetic-focus doctor` tries, one thing after the other."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from synthetic_focus import installed
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.install_plugin import BUNDLE, plugin_folder

# Module by module, with the package that brings it.
_PACKAGES: Final = {
    "numpy": "numpy",
    "PyOpenColorIO": "opencolorio",
    "OpenImageIO": "openimageio",
    "av": "av",
    "cv2": "opencv-contrib-python-headless",
    "torch": "torch",
    "onnxruntime": "onnxruntime",
}
_IMPORTED: Final = ("numpy", "PyOpenColorIO", "OpenImageIO", "av")  # the others take seconds
_WORKER_LIMIT_S: Final = 20.0


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. detail: what was found, or what is wrong and what to do."""

    name: str
    ok: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.ok else 'FAILED'}  {self.name:<12} {self.detail}"


def examine(plugin: Path | None = None) -> Iterator[Finding]:
    """Tries everything, and yields each finding as it is made. Never raises for what is wrong.

    Args:
        plugin: an installed bundle; None looks in the usual folders.
    """
    version = importlib.metadata.version("synthetic-focus")
    yield Finding("package", True, f"synthetic-focus {version} in {Path(__file__).parent}")
    yield Finding("python", True, f"{platform.python_version()} at {sys.executable}")
    for module, package in _PACKAGES.items():
        yield _package(module, package)
    yield _native()
    yield _parameters()
    yield _colour()
    yield from _models()
    yield _log()
    yield _worker(version)
    yield from _plugins(plugin)


def _package(module: str, package: str) -> Finding:
    advice = f'Install it: "{sys.executable}" -m pip install {package}'
    try:
        version = importlib.metadata.version(package)
        if module in _IMPORTED:
            importlib.import_module(module)
    except importlib.metadata.PackageNotFoundError:
        return Finding(package, False, f"missing. {advice}")
    except ImportError as error:
        return Finding(package, False, f"{version} does not load ({error}). {advice} --force")
    return Finding(package, True, version)


def _native() -> Finding:
    try:
        import synthetic_focus._native as native
    except ImportError as error:
        return Finding("native", False, f"does not load ({error}). Install the package again.")
    return Finding("native", True, str(native.__file__))


def _parameters() -> Finding:
    from synthetic_focus.lens.preset import load_preset, preset_names, user_folder
    from synthetic_focus.parameters import table

    try:
        count = len(table().parameters)
        names = preset_names()
        for name in names:
            load_preset(name)
    except SyntheticFocusError as error:
        return Finding("presets", False, " ".join(str(error).split()))
    return Finding(
        "presets",
        True,
        f"{len(names)} lenses, {count} parameters; your own go into {user_folder()}",
    )


def _colour() -> Finding:
    import numpy as np

    from synthetic_focus import color

    try:
        light = color.to_linear(np.full((1, 1, 3), 0.5, np.float32), color.REC709_VIDEO)
    except Exception as error:  # OpenColorIO's own kinds among them
        return Finding("colour", False, f"{error}. Install opencolorio 2.5 or newer.")
    if abs(float(light[0, 0, 0]) - 0.5**2.4) > 1e-5:
        return Finding("colour", False, f"0.5 in Rec.709 became {light[0, 0, 0]}.")
    return Finding("colour", True, color.CONFIG)


def _models() -> Iterator[Finding]:
    from synthetic_focus.scene import models

    kept = [model for model in models.models() if model.state in ("installed", "damaged")]
    if not kept:
        yield Finding("models", True, f"none in {models.folder()}; the built-in estimator is used")
    for model in kept:
        wrong = models.verify(model.name)
        yield Finding("models", not wrong, wrong or f"{models.folder() / model.name}")


def _log() -> Finding:
    from synthetic_focus.worker.log import default_path

    path = default_path()
    folder = next(parent for parent in path.parents if parent.exists())
    place = path if path.exists() else folder
    if not os.access(place, os.W_OK):
        return Finding(
            "log", False, f"{place} cannot be written. Make it yours, or ask who owns it."
        )
    return Finding("log", True, str(path) if path.exists() else f"{path} (nothing logged so far)")


def _worker(version: str) -> Finding:
    """Starts the worker as the plug-in does, and says hello."""
    from synthetic_focus.worker.log import default_path

    begin = time.perf_counter()
    ours, its = socket.socketpair()
    with ours, its:
        ours.settimeout(_WORKER_LIMIT_S)
        command = [sys.executable, "-I", "-m", "synthetic_focus.worker"]
        command += ["--fd", str(its.fileno()), "--log", str(default_path())]
        process = subprocess.Popen(
            command,
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        its.close()
        try:
            status, message = _say_hello(ours, version)
        except (OSError, struct.error) as error:
            process.kill()
            complaint = (process.communicate()[1] or str(error)).strip().splitlines()[-1:]
            said = " ".join(complaint)
            return Finding("worker", False, f"does not answer ({said}). Log: {default_path()}")
        seconds = time.perf_counter() - begin
        ours.close()
        process.communicate(timeout=_WORKER_LIMIT_S)
    if status != 0:
        return Finding("worker", False, f"{message}. Log: {default_path()}")
    return Finding("worker", True, f"version {message}, ready in {seconds:.2f} s")


def _say_hello(connection: socket.socket, version: str) -> tuple[int, str]:
    from synthetic_focus.worker.protocol import VERSION

    hello = {"op": "hello", "id": 1, "version": VERSION, "host": "doctor"}
    text = json.dumps({**hello, "plugin_version": version}).encode()
    connection.sendall(struct.pack("<I", len(text)) + text)
    # Of the 40 bytes of a reply's header: magic, version, id, status, size of the message.
    header = connection.recv(40, socket.MSG_WAITALL)
    _, _, _, status, size = struct.unpack_from("<IIQiI", header)
    return status, connection.recv(size, socket.MSG_WAITALL).decode("utf-8")


def _plugins(plugin: Path | None) -> Iterator[Finding]:
    named = os.environ.get("OFX_PLUGIN_PATH", "").split(os.pathsep)
    folders = [*(Path(folder) for folder in named if folder), plugin_folder()]
    found = [folder / BUNDLE for folder in folders if (folder / BUNDLE).exists()]
    if plugin is not None:
        found = [plugin]
    if not found:
        looked = ", ".join(map(str, folders))
        yield Finding(
            "plug-in", False, f"is in none of {looked}. Run `synthetic-focus install-plugin`."
        )
    for bundle in found:
        yield from _plugin(bundle)


def _plugin(bundle: Path) -> Iterator[Finding]:
    again = f"Run `synthetic-focus install-plugin --to {bundle.parent}`."
    if not bundle.exists():
        yield Finding("plug-in", False, f"{bundle} does not exist. {again}")
        return
    python = _recorded_python(bundle)
    if python is None or not python.exists():
        wrong = "names no Python" if python is None else f"names {python}, which does not exist"
        yield Finding("plug-in", False, f"{bundle} {wrong}. {again}")
        return
    binaries = [path.relative_to(bundle) for path in bundle.glob("Contents/*/*.ofx")]
    ours = installed.DIRECTORY / BUNDLE
    same = all((ours / path).exists() and _same(ours / path, bundle / path) for path in binaries)
    if not same:
        yield Finding("plug-in", False, f"{bundle} is of another version of the package. {again}")
        return
    yield Finding("plug-in", True, f"{bundle}, runs {python}")
    from synthetic_focus.ofx_host.doctor import doctor_render

    begin = time.perf_counter()
    report = doctor_render(bundle)
    seconds = time.perf_counter() - begin
    last = report.steps[-1]
    where = "one frame through it" if report.ok else f"at the step {last.name!r}"
    yield Finding("render", report.ok, f"{where}: {last.detail} ({seconds:.1f} s)")


def _recorded_python(bundle: Path) -> Path | None:
    """The Python that an installed bundle starts; None where it names none."""
    try:
        line = (bundle / "Contents/Resources/python").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(line) if line else None


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()
