"""Does an installed bundle work? Loads it as a host does and renders one small frame through it.

In a process of its own, since a binary that crashes takes its process along.
"""

import json
import platform
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.ofx_host.errors import PluginLoadError
from synthetic_focus.ofx_host.host import Host, Plugin
from synthetic_focus.ofx_host.project import Project

STEPS = ("find", "load", "describe", "create", "render")
_WIDTH, _HEIGHT = 64, 36


@dataclass(frozen=True)
class Step:
    """One thing that was tried. detail: what was found, or what is wrong and what to do."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Report:
    """What the doctor found, step by step; the first failed step is the last one."""

    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        """Whether the bundle works."""
        return self.steps[-1].name == STEPS[-1] and self.steps[-1].ok

    def __str__(self) -> str:
        return "\n".join(
            f"{'ok    ' if step.ok else 'FAILED'}  {step.name:<9} {step.detail}"
            for step in self.steps
        )


def doctor_render(bundle: Path | str, *, timeout: float = 60.0) -> Report:
    """Loads a bundle and renders one frame with given depth through it, in a child process.

    Never raises for what is wrong with the bundle: that is in the report.

    Args:
        bundle: a `.ofx.bundle` folder or a `.ofx` binary.
        timeout: seconds until a bundle that hangs is given up.
    """
    command = [sys.executable, "-m", "synthetic_focus.ofx_host.doctor", str(bundle)]
    # Files, not pipes: a process that the plug-in started may outlive a crash and hold a pipe open.
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        try:
            code: int | None = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=complained,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        said.seek(0)
        complained.seek(0)
        steps = [Step(**json.loads(line)) for line in said if line.startswith('{"name"')]
        noise = complained.read().strip().splitlines()
    if len(steps) < len(STEPS) and (not steps or steps[-1].ok):
        detail = _describe_end(code, timeout)
        steps.append(Step(STEPS[len(steps)], False, " ".join([detail, *noise[-1:]])))
    return Report(tuple(steps))


def _describe_end(code: int | None, timeout: float) -> str:
    if code is None:
        return f"it did not come back within {timeout:g} s."
    if code < 0:
        return f"the plug-in crashed ({signal.Signals(-code).name})."
    return f"the plug-in ended the process with status {code}."


def _examine(bundle: Path) -> Iterator[Step]:
    """The steps, each given before the next one is tried."""
    from synthetic_focus.ofx_host.bundle import find_binary

    yield Step("find", True, str(find_binary(bundle)))
    with Host() as host:
        try:
            plugins = host.load(bundle)
        except PluginLoadError as error:
            raise PluginLoadError(explain_load_error(str(error))) from None
        plugin = plugins[0]
        major, minor = plugin.version
        yield Step("load", True, f"{plugin.identifier} {major}.{minor}")
        context = "Filter" if "Filter" in plugin.contexts else plugin.contexts[0]
        description = plugin.describe(context)
        yield Step(
            "describe",
            True,
            f"{len(description.parameters)} parameters, clips {', '.join(description.clips)}",
        )
        yield from _render(plugin, context)


def _render(plugin: Plugin, context: str) -> Iterator[Step]:
    pictures = dict(zip(("Source", "Depth"), _test_frame(), strict=True))
    clips = {name: pictures[name] for name in plugin.describe(context).clips if name in pictures}
    project = Project(region=(0.0, 0.0, _WIDTH, _HEIGHT), frames=(0.0, 0.0))
    with plugin.create(context, project=project, clips=clips) as effect:
        yield Step("create", True, f"{len(effect.parameters)} parameters")
        if "depth_source" in effect.parameters:
            # Depth is at hand, and estimating it takes long.
            effect["depth_source"].set("Depth Input")
        pixels = effect.render(0, asks_identity=False).pixels
    if not np.isfinite(pixels).all():
        raise SyntheticFocusError("the rendered frame has pixels that are no numbers")
    wrong = "".join(f"; against the standard: {text}" for text in plugin.host.violations)
    yield Step("render", True, f"{pixels.shape[1]}x{pixels.shape[0]} {pixels.dtype}{wrong}")


def _test_frame() -> tuple[np.ndarray, np.ndarray]:
    """A bright point and a ramp, and the depth of a floor: near at the bottom."""
    ramp = np.linspace(0.0, 1.0, _WIDTH, dtype=np.float32)
    source = np.ones((_HEIGHT, _WIDTH, 4), np.float32)
    source[:, :, :3] = ramp[:, np.newaxis]
    source[_HEIGHT // 4, _WIDTH // 2, :3] = 20.0
    depth = np.ones((_HEIGHT, _WIDTH, 4), np.float32)
    depth[:, :, :3] = np.linspace(0.0, 1.0, _HEIGHT, dtype=np.float32)[:, np.newaxis, np.newaxis]
    return source, depth


def explain_load_error(text: str) -> str:
    """What the loader's complaint means, and what to do about it."""
    if wanted := re.search(r"version `(GLIBC_[\d.]+)' not found", text):
        have = " ".join(platform.libc_ver())
        return (
            f"the plug-in needs a newer C library than this system's: {wanted[1]}, and this is "
            f"{have}. Install a build for this system. ({text})"
        )
    if wanted := re.search(r"version `(\w+_[\d.]+)' not found", text):
        return (
            f"a library of this system is too old for the plug-in: {wanted[1]} is missing. ({text})"
        )
    if missing := re.search(r"undefined symbol: (\w+)", text):
        return (
            f"the plug-in needs {missing[1]}, which no library here has: it is broken or built for "
            f"another system. Install it again. ({text})"
        )
    if missing := re.search(r"(\S+): cannot open shared object file", text):
        return f"the plug-in needs the library {missing[1]}, which is not installed. ({text})"
    if re.search(r"wrong ELF class|invalid ELF header|file too short|wrong architecture", text):
        return f"the file is damaged or no program for this machine. Install it again. ({text})"
    return text


def _main(bundle: Path) -> int:
    done = 0
    try:
        for step in _examine(bundle):
            print(json.dumps(vars(step)), flush=True)
            done += 1
    except SyntheticFocusError as error:
        name = STEPS[min(done, len(STEPS) - 1)]
        print(json.dumps(vars(Step(name, False, str(error)))), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
