"""The probe plug-in, compiled, and hosts that have it loaded."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

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
