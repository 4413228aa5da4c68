"""The build refuses a parameter table that hosts would show wrongly, and says what is wrong."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "ofx_bridge" / "parameters.toml").read_text(encoding="utf-8")


def _generate(tmp_path: Path, table: str, presets: dict[str, str]) -> tuple[int, str]:
    (tmp_path / "parameters.toml").write_text(table, encoding="utf-8")
    folder = tmp_path / "presets"
    folder.mkdir()
    for name, text in presets.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    script = ROOT / "ofx_bridge" / "generate_parameters.py"
    arguments = [tmp_path / "parameters.toml", folder, tmp_path / "table.h"]
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ('name = "f_stop"', 'name = "F Stop"', "lower-case letters"),
        ('name = "f_stop"', 'name = "blur_scale"', "the name is taken"),
        ('name = "f_stop"', 'name = "lens"', "the name is taken"),
        ("range = [0.5, 256.0]", "", "'f_stop': lacks range"),
        ("range = [0.5, 256.0]", "range = [0.5, nan]", "2 finite number(s)"),
        ("range = [0.5, 256.0]", "range = [1.0, 256.0]", "must lie within"),
        ("display = [0.7, 22.0]", "display = [22.0, 0.7]", "must lie within"),
        ("range = [0, 16]", "range = [0, 16.5]", "whole numbers"),
        ('group = "focus"', 'group = "fokus"', "'fokus' is none of"),
        ('type = "double2d"', 'type = "double3d"', "'double3d' is none of"),
        ("animates = true", "animats = true", "unknown field animats"),
        ('default = "auto"', 'default = "automatic"', "not the key of an option"),
        ('["draft", "Draft"]', '["normal", "Draft"]', "the same key"),
        ('when = ["depth_source", "file"]', 'when = ["depth_source", "fil"]', "'fil'"),
        ('options_from = "presets"\ndef', 'options_from = "lenses"\ndef', "a choice has either"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, written: str, instead: str, complaint: str) -> None:
    assert written in TABLE
    status, error = _generate(tmp_path, TABLE.replace(written, instead, 1), {})
    assert status == 1
    assert complaint in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("presets", "complaint"),
    [
        ({"a": 'label = "A"'}, "a.toml: needs an integer `order`"),
        ({"a": "order = 1", "b": "order = 1"}, "order 1 is taken by a"),
        ({"a": "order = 1", "b": "order = 3"}, "a gap moves the presets of existing projects"),
    ],
)
def test_presets_that_would_move_in_projects_are_refused(
    tmp_path: Path, presets: dict[str, str], complaint: str
) -> None:
    status, error = _generate(tmp_path, TABLE, presets)
    assert status == 1
    assert complaint in error


def test_presets_keep_their_order_whatever_their_names(tmp_path: Path) -> None:
    presets = {"a": 'order = 2\nlabel = "Second"', "b": 'order = 1\nlabel = "First \\"1\\""'}
    assert _generate(tmp_path, TABLE, presets) == (0, "")
    header = (tmp_path / "table.h").read_text(encoding="utf-8")
    row = '{"custom", "Custom"}, {"b", "First \\"1\\""}, {"a", "Second"}'
    assert row in header


def test_all_parameters_are_in_the_header(tmp_path: Path) -> None:
    assert _generate(tmp_path, TABLE, {}) == (0, "")
    header = (tmp_path / "table.h").read_text(encoding="utf-8")
    for row in tomllib.loads(TABLE)["parameter"]:
        assert f'.name = "{row["name"]}"' in header
