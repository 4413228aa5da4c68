"""The parameter table as Python reads it."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus import installed, parameters
from synthetic_focus.parameters import ParameterError, TableError, settings

ROOT = Path(__file__).parent.parent


def test_installed_table_is_the_one_in_the_checkout() -> None:
    built = (installed.DIRECTORY / "parameters.toml").read_bytes()
    assert built == (ROOT / "ofx_bridge/parameters.toml").read_bytes()


def test_defaults_are_the_tables() -> None:
    rows = tomllib.loads((ROOT / "ofx_bridge/parameters.toml").read_text())["parameter"]
    rows = [row for row in rows if row["type"] not in ("button", "label")]
    for row in rows:
        expected = tuple(row["default"]) if row["type"] == "double2d" else row["default"]
        assert parameters.defaults()[row["name"]] == expected
    assert set(settings()) == {row["name"] for row in rows}


def test_user_guide_page_is_up_to_date() -> None:
    page = (ROOT / "docs/user/parameters.md").read_text()
    assert page == parameters.reference_page(parameters.table()), (
        "run: python -m synthetic_focus.parameters > docs/user/parameters.md"
    )


def test_settings_take_values_of_their_kind() -> None:
    chosen = settings(
        {
            "f_stop": np.float32(2.5),
            "blades": 7.0,
            "focus_point": [0.25, 1],
            "view": "coc",
            "depth_file": Path("/shots/depth.%04d.exr"),
        }
    )
    assert chosen.f_stop == 2.5
    assert type(chosen.blades) is int
    assert chosen.focus_point == (0.25, 1.0)
    assert chosen.view == "coc"
    assert chosen.depth_file == "/shots/depth.%04d.exr"
    assert chosen.replace(f_stop=4.0).f_stop == 4.0
    assert chosen.f_stop == 2.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"f_stp": 2.0}, "did you mean f_stop"),
        ({"f_stop": "2.0"}, "f_stop is '2.0'; it must be a number"),
        ({"f_stop": True}, "a number"),
        ({"f_stop": float("nan")}, "a finite number"),
        ({"f_stop": 0.0}, "from 0.5 to 256"),
        ({"blades": 5.5}, "a whole number"),
        ({"focus_point": 0.5}, "a pair of numbers"),
        ({"focus_point": (0.5, 0.5, 0.5)}, "a pair of numbers"),
        ({"focus_point": (0.5, 1.5)}, "from 0 to 1"),
        ({"view": "cocs"}, "did you mean coc"),
        ({"view": 2}, "one of result, depth, coc"),
        ({"depth_file": 3}, "text"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        settings(values)


def test_settings_cannot_be_changed() -> None:
    chosen = settings()
    with pytest.raises(AttributeError):
        chosen.f_stop = 4.0
    with pytest.raises(AttributeError, match="no parameter 'f_number'"):
        _ = chosen.f_number


def test_host_values_come_back_as_they_went() -> None:
    for name, value in parameters.defaults().items():
        parameter = parameters.table()[name]
        if parameter.type in ("path", "string"):
            assert parameter.from_host(value) == value
            continue
        numbers = list(parameter.to_host(value))
        if parameter.type in ("choice", "int"):
            assert parameter.from_host(int(numbers[0])) == value
        else:
            assert parameter.from_host(numbers if len(numbers) == 2 else numbers[0]) == value


def test_host_values_outside_the_range_move_to_its_end() -> None:
    assert parameters.table()["f_stop"].from_host(1000.0) == 256.0
    assert parameters.table()["focus_point"].from_host([-0.5, 2]) == (0.0, 1.0)
    with pytest.raises(ParameterError, match="finite"):
        parameters.table()["f_stop"].from_host(float("nan"))
    for index in (-1, 99, 1.0, "result", True):
        with pytest.raises(ParameterError, match="index"):
            parameters.table()["view"].from_host(index)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = ", "damaged"),
        ("version = 1", "damaged: 'parameter'"),
        (
            'version = 1\n[[group]]\nname="g"\nlabel="G"\nhint="."\n'
            '[[parameter]]\nname="a"\ngroup="g"\ntype="double"\nlabel="A"\nhint="."\n'
            "default=3.0\nrange=[0.0, 1.0]\n",
            "a is 3.0; it must be from 0 to 1",
        ),
        (
            'version = 1\ngroup = []\n[[parameter]]\nname="a"\ngroup="g"\ntype="double"\n'
            'label="A"\nhint="."\ndefault=3.0\n',
            "no group g",
        ),
    ],
)
def test_damaged_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "parameters.toml"
    path.write_text(text)
    with pytest.raises(TableError, match=message):
        parameters.read_table(path)


def test_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="absent"):
        parameters.read_table(tmp_path / "absent.toml")
