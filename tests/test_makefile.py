"""What `make` says on a machine that lacks something."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="there is no make")


def make_tools(path: str) -> "subprocess.CompletedProcess[str]":
    """`make tools` with this PATH."""
    command = [str(MAKE), "-C", str(Path(__file__).parents[1]), "tools"]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("lacks", "advice"),
    [
        ("python3", "sudo apt-get install python3 python3-venv python3-dev"),
        ("version_info", "make PYTHON=python3.12"),
        ("ensurepip", "sudo apt-get install python3-venv"),
        ("Python.h", "sudo apt-get install python3-dev"),
        ("c++", "sudo apt-get install g++"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(tmp_path, lacks, advice):
    python = f'#!/bin/sh\ncase "$2" in *{lacks}*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    for name, script in (("python3", python), ("c++", "#!/bin/sh\n")):
        if name != lacks:
            (tmp_path / name).write_text(script)
            (tmp_path / name).chmod(0o755)
    done = make_tools(str(tmp_path))
    assert done.returncode != 0
    assert advice in done.stdout


def test_a_machine_that_lacks_nothing_is_told_nothing(tmp_path):
    (tmp_path / "python3").symlink_to(sys.executable)
    (tmp_path / "c++").symlink_to("/bin/true")
    done = make_tools(f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout
    assert "apt-get" not in done.stdout
