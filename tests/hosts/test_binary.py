"""The plug-in's binary: what it exports and what it needs of the system that it is loaded on."""

import re
import subprocess
from pathlib import Path

import pytest

from synthetic_focus import installed
from synthetic_focus.ofx_host.bundle import find_binary


@pytest.fixture(scope="module")
def binary() -> Path:
    return find_binary(installed.DIRECTORY / "SyntheticFocus.ofx.bundle")


def _readelf(binary: Path, *options: str) -> str:
    command = ["readelf", "--wide", *options, str(binary)]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    ).stdout


def test_only_the_entry_points_are_exported(binary: Path) -> None:
    symbols = [line.split() for line in _readelf(binary, "--dyn-syms").splitlines()]
    exported = {row[7] for row in symbols if row[4:5] in (["GLOBAL"], ["WEAK"]) and row[6] != "UND"}
    assert exported == {"OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"}


def test_it_needs_no_library_but_the_c_librarys_own(binary: Path) -> None:
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", _readelf(binary, "--dynamic")))
    assert needed
    assert needed <= {
        "libc.so.6",
        "libm.so.6",
        "libdl.so.2",
        "libpthread.so.0",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
    }


def test_it_runs_with_glibc_2_28(binary: Path) -> None:
    versions = re.findall(r"Name: GLIBC_([0-9.]+)", _readelf(binary, "--version-info"))
    assert versions
    assert max(tuple(map(int, version.split("."))) for version in versions) <= (2, 28)
