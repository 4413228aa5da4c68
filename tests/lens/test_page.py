"""The user guide's page about lenses says what the presets and the parameter table say."""

import tomllib
from pathlib import Path

import pytest

from synthetic_focus.lens import preset
from synthetic_focus.lens.preset import load_preset, preset_names, read_preset

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "user" / "lenses.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def no_own_presets(tmp_path, monkeypatch):
    monkeypatch.setattr(preset, "user_folder", lambda: tmp_path)


def table():
    lines = ["| preset | lens | how it draws |", "| --- | --- | --- |"]
    for name in preset_names():
        lens = load_preset(name)
        lines.append(f"| `{name}` | {lens.label} | {lens.character} |")
    return "\n".join(lines)


def test_page_lists_every_lens():
    assert table() in PAGE, f"put this into docs/user/lenses.md:\n{table()}"


def test_page_explains_every_parameter_of_a_lens_character():
    parameters = tomllib.loads((ROOT / "ofx_bridge" / "parameters.toml").read_text())["parameter"]
    names = [p["name"] for p in parameters if p["group"] == "character"]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_example_preset_on_the_page_loads(tmp_path):
    example = PAGE.split("```toml\n")[1].split("```")[0]
    (tmp_path / "my-helios.toml").write_text(example, encoding="utf-8")
    lens = read_preset(tmp_path / "my-helios.toml")
    assert lens.settings["f_stop"] == 2.8
    assert lens.optics["f_stop"].value == 2.0


def test_presets_that_the_page_recommends_exist():
    known = set(preset_names())
    choosing = PAGE.split("## Choosing one")[1].split("The field of view")[0]
    named = {part for part in choosing.split("`")[1::2] if "-" in part and " " not in part}
    assert named <= known
