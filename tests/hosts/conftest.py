"""The probe plug-in, and the built plug-in with a fake worker, in hosts."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from synthetic_focus import installed
from synthetic_focus.ofx_host import STRICT, Behaviour, Host, Plugin

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def probe_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("c++")
    assert compiler is not None, "a C++ compiler is needed, as for the build"
    binary = tmp_path_factory.mktemp("probe") / "probe.ofx"
    flags = ["-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    source = ROOT / "tests" / "hosts" / "probe.cpp"
    include = ROOT / "ofx_bridge" / "include"
    command = [compiler, *flags, "-fvisibility=hidden", f"-I{include}", source, "-o", binary]
    subprocess.run(command, check=True)
    return binary


@pytest.fixture
def load_probe(probe_binary: Path) -> Iterator[Callable[..., Plugin]]:
    """A function (behaviour, identifier, **host) -> plug-in; the hosts are closed afterwards."""
    with ExitStack() as hosts:

        def load(
            behaviour: Behaviour = STRICT, identifier: str = "test.Gain", **host: object
        ) -> Plugin:
            hosts.close()
            opened = hosts.enter_context(Host(behaviour, **host))
            return opened.load_one(probe_binary, identifier)

        yield load


@dataclass(frozen=True)
class FakeWorker:
    """The worker that the plug-in starts in a test: fake_worker.py, told how to behave."""

    log: Path
    environment: pytest.MonkeyPatch

    def behave(self, **behaviour: object) -> None:
        """What workers that are started from now on do."""
        self.environment.setenv("SYNTHETIC_FOCUS_FAKE", json.dumps(behaviour))

    def requests(self, op: str = "render") -> list[dict[str, Any]]:
        """What the workers have been sent, in order."""
        if not self.log.exists():
            return []
        sent = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [request for request in sent if request["op"] == op]


@pytest.fixture
def fake_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWorker:
    launcher = tmp_path / "python"
    script = Path(__file__).parent / "fake_worker.py"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{script}" "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", str(launcher))
    monkeypatch.setenv("SYNTHETIC_FOCUS_FAKE_LOG", str(tmp_path / "requests"))
    monkeypatch.setenv("SYNTHETIC_FOCUS_TIMEOUT", "20")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return FakeWorker(tmp_path / "requests", monkeypatch)


@pytest.fixture
def load_plugin() -> Iterator[Callable[..., Plugin]]:
    """A function (behaviour, **host) -> the built plug-in, which must keep to the standard."""
    with ExitStack() as hosts:
        opened: list[Host] = []

        def load(behaviour: Behaviour = STRICT, **host: object) -> Plugin:
            hosts.close()
            opened.append(hosts.enter_context(Host(behaviour, **host)))
            return opened[-1].load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle")

        yield load
    assert [host.violations for host in opened] == [[] for _ in opened]
