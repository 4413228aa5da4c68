"""Presets: the built-in ones are whole, faulty ones say where, and the user's own come first."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from synthetic_focus.lens import preset
from synthetic_focus.lens.from_settings import aperture
from synthetic_focus.lens.model import CLOSED_F_STOP
from synthetic_focus.lens.preset import (
    PresetError,
    load_preset,
    preset_names,
    read_preset,
    save_preset,
)

PRESETS = Path(__file__).parents[2] / "presets"
TABLE = tomllib.loads((PRESETS.parent / "ofx_bridge" / "parameters.toml").read_text())
BUILT_IN = sorted(path.stem for path in PRESETS.glob("*.toml"))

GOOD = """\
label = "Test 50"
character = "Plain."

[optics]
focal_length = { value = 50.0, source = "sheet" }
f_stop = { value = 2, source = "sheet" }

[sources]
sheet = "The maker's data sheet"

[look]
cat_eye = 0.5
"""


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """The user's own preset folder, empty."""
    folder = tmp_path / "config" / "presets"
    monkeypatch.setattr(preset, "user_folder", lambda: folder)
    return folder


def write(folder, name, text=GOOD):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------- the built-in lenses


def test_there_are_enough_and_the_promised_ones():
    assert len(BUILT_IN) >= 16
    promised = {
        "arri-master-anamorphic-50",
        "helios-44-2",
        "meyer-trioplan-100",
        "reflex-nikkor-500",
        "canon-ef-50",
    }
    assert promised <= set(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_lens_is_whole(name):
    lens = load_preset(name)
    assert {"focal_length", "f_stop", "sensor_width"} <= lens.optics.keys()
    assert len(lens.character) <= 110
    assert "\n" not in lens.character
    assert all("http" in figure.source for figure in lens.optics.values())
    assert lens.settings["f_stop"] >= lens.optics["f_stop"].value
    assert lens.settings["focal_length"] == lens.optics["focal_length"].value
    aperture(SimpleNamespace(**lens.settings))


def test_built_in_orders_count_from_one_and_labels_differ():
    lenses = [load_preset(name) for name in BUILT_IN]
    assert sorted(lens.order for lens in lenses) == list(range(1, len(lenses) + 1))
    assert len({lens.label for lens in lenses}) == len(lenses)


def test_orders_that_projects_have_stored_stay():
    # A host stores the index of a choice: append, never change one of these.
    first = ["arri-master-anamorphic-50", "hawk-v-35", "cooke-xtal-30", "kowa-16-on-helios"]
    assert list(preset_names()[:4]) == first


def test_sensor_width_stands_for_the_desqueezed_picture():
    lens = load_preset("arri-master-anamorphic-50")
    assert lens.settings["squeeze"] == 2
    assert lens.settings["sensor_width"] == 2 * lens.optics["sensor_width"].value


def test_a_lens_sets_every_lens_parameter_so_that_nothing_of_the_last_one_stays():
    names = {p["name"] for p in TABLE["parameter"] if p["group"] in ("lens", "character")}
    buttons = {p["name"] for p in TABLE["parameter"] if p["type"] in ("button", "string")}
    for name in BUILT_IN:
        assert load_preset(name).settings.keys() == names - {"preset", "blur_scale"} - buttons


def test_closed_aperture_is_the_end_of_the_control():
    f_stop = next(p for p in TABLE["parameter"] if p["name"] == "f_stop")
    assert f_stop["range"][1] == CLOSED_F_STOP


def test_character_ranges_of_the_table_are_those_of_the_aperture():
    ends = {
        p["name"]: p["range"]
        for p in TABLE["parameter"]
        if p["group"] == "character" and p["type"] == "double" and p["name"] != "breathing"
    }
    neutral = load_preset("arri-signature-47").settings
    for name, values in ends.items():
        for value in values:
            assert getattr(aperture(SimpleNamespace(**{**neutral, name: value})), name) == value


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('label = "Test 50"', "label = 50", 1, "label is 50, it must be some text"),
        ('label = "Test 50"', "", 1, "label is missing"),
        ('character = "Plain."', 'character = " "', 2, "character is ' '"),
        ('character = "Plain."', 'character = "Plain."\norder = 0', 3, "order is 0"),
        ('character = "Plain."', 'character = "Plain."\nordre = 1', 3, "did you mean order"),
        ("value = 50.0", "value = 'long'", 5, "focal_length is 'long'; it must be a number"),
        ("value = 50.0", "value = 0.5", 5, "focal_length is 0.5; it must be from 1 to 2000"),
        ("value = 50.0", "value = nan", 5, "focal_length is nan"),
        ("value = 50.0", "value = true", 5, "focal_length is True"),
        ("value = 50.0, ", "", 5, "focal_length is None"),
        (', source = "sheet" }\nf', " }\nf", 5, "optics.focal_length has no source"),
        ('2, source = "sheet"', '2, source = "web"', 6, "optics.f_stop names the source 'web'"),
        ("{ value = 2", "{ amount = 2", 6, "optics.f_stop must be {"),
        ('f_stop = { value = 2, source = "sheet" }', "f_stop = 2", 6, "optics.f_stop must be"),
        ("f_stop", "f_stpo", 6, r"optics.f_stpo is unknown; did you mean optics\.f_stop"),
        ('sheet = "The maker\'s data sheet"', "sheet = 1", 9, "sources.sheet is 1"),
        ("cat_eye = 0.5", "cat_eye = 1.5", 12, "look.cat_eye is 1.5; it must be from 0 to 1"),
        ("cat_eye = 0.5", "cateye = 0.5", 12, r"look\.cateye is unknown; .* look\.cat_eye\?"),
        ("cat_eye = 0.5", "blur_scale = 2.0", 12, "look.blur_scale is unknown"),
        ("cat_eye = 0.5", "blades = 5.5", 12, "blades is 5.5; it must be a whole number"),
        ("cat_eye = 0.5", "kernel_image = 3", 12, "kernel_image is 3; it must be text"),
        ("cat_eye = 0.5", "cat_eye = 0.5\nrim = 0.1\ncat_eye = 1", 14, "cat_eye is there twice"),
        ("cat_eye = 0.5", "cat_eye = ", 12, "Invalid value"),
        ("cat_eye = 0.5", 'kernel_image = "x', 12, ""),
        ("[look]\ncat_eye = 0.5", "[[look]]\ncat_eye = 0.5", 1, "look is .* must be a table"),
    ],
)
def test_fault_is_named_with_file_line_and_field(tmp_path, old, new, line, says):
    assert old in GOOD
    path = write(tmp_path, "faulty", GOOD.replace(old, new))
    with pytest.raises(PresetError, match=rf"faulty\.toml, line {line}: .*{says}"):
        read_preset(path)


def test_every_fault_of_a_file_is_named_at_once(tmp_path):
    text = GOOD.replace("0.5", "5").replace("50.0", "0")
    with pytest.raises(PresetError, match=r"(?s)line 5: .*focal_length.*line 12: .*cat_eye"):
        read_preset(write(tmp_path, "faulty", text))


def test_desqueezed_width_beyond_the_control_is_a_fault_of_the_file(tmp_path):
    wide = "sensor_width = { value = 60, source = 's' }\nsqueeze = { value = 2, source = 's' }"
    text = GOOD.replace("\n[sources]", f"{wide}\n\n[sources]\ns = 'sheet'")
    path = write(tmp_path, "wide", text)
    with pytest.raises(PresetError, match=r"wide\.toml: sensor_width is 120; it must be"):
        read_preset(path)


@pytest.mark.parametrize("text", ["", "\0", "= 1", "[", "label"])
def test_what_is_no_toml_or_empty_is_refused(tmp_path, text):
    with pytest.raises(PresetError, match=r"faulty\.toml, line \d+: "):
        read_preset(write(tmp_path, "faulty", text))


def test_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b'label = "\xe9"')
    for path in (tmp_path / "latin.toml", tmp_path / "missing.toml", tmp_path):
        with pytest.raises(PresetError, match="cannot be read"):
            read_preset(path)


@pytest.mark.parametrize(
    "name", ["", "../helios-44-2/x", "nothing/like/it", "helios-44-2.toml", "\0"]
)
def test_unknown_name_is_refused(name):
    with pytest.raises(PresetError, match="no lens preset"):
        load_preset(name)


def test_near_miss_gets_a_suggestion():
    with pytest.raises(PresetError, match="did you mean helios-44-2"):
        load_preset("helios44")
    with pytest.raises(PresetError, match="arri-master-anamorphic-50 or arri-signature-47"):
        load_preset("ARRI")


# ---------------------------------------------------------------- the user's own


def test_own_preset_wins_over_the_built_in_one(own):
    write(own, "helios-44-2")
    assert load_preset("helios-44-2").label == "Test 50"
    assert preset_names().count("helios-44-2") == 1


def test_own_presets_come_after_the_built_in_ones(own):
    write(own, "b")
    write(own, "a")
    assert preset_names()[-2:] == ("a", "b")


def test_broken_own_preset_is_named_and_stops_no_other(own):
    write(own, "broken", "label = ")
    with pytest.raises(PresetError, match=r"broken\.toml, line 1"):
        load_preset("broken")
    assert "broken" in preset_names()
    assert load_preset("helios-44-2").order == 12


def test_whole_numbers_are_fine_where_the_table_wants_a_double(own):
    write(own, "mine")
    f_stop = load_preset("mine").settings["f_stop"]
    assert f_stop == 2
    assert isinstance(f_stop, float)


def test_saved_preset_comes_back_as_it_was(own):
    lens = load_preset("kowa-16-on-helios")
    path = save_preset("  My Lens / 58 ", {**lens.settings, "blur_scale": 3.0, "view": "coc"})
    assert path == own / "my-lens-58.toml"
    saved = load_preset("my-lens-58")
    assert saved.settings == lens.settings
    assert saved.label == "My Lens / 58"
    assert load_preset(" My Lens / 58") == saved


def test_saved_values_may_be_of_numpy_and_hold_any_character(own):
    odd = 'C:\\iris "1"\n\x7f\u00e9.png'
    save_preset("Odd", {"f_stop": np.float64(1.4), "kernel_image": odd})
    saved = load_preset("odd").settings
    assert saved["f_stop"] == 1.4
    assert saved["kernel_image"] == odd


def test_saving_twice_needs_leave(own):
    save_preset("Twice", {"f_stop": 1.4})
    with pytest.raises(PresetError, match="exists"):
        save_preset("twice", {"f_stop": 2.0})
    save_preset("twice", {"f_stop": 2.0}, replace=True)
    assert load_preset("twice").settings["f_stop"] == 2.0


@pytest.mark.parametrize("name", ["", " ", "...", "/", "Custom"])
def test_useless_name_is_refused(name):
    with pytest.raises(PresetError, match="no name for a preset"):
        save_preset(name, {})


def test_nothing_is_saved_of_a_wrong_value(own):
    with pytest.raises(PresetError, match="not saved: f_stop is 0"):
        save_preset("wrong", {"f_stop": 0})
    assert not own.exists()


def test_failed_write_leaves_nothing_behind(own):
    save_preset("kept", {"f_stop": 1.4})
    with pytest.raises(PresetError, match="cannot be written"):
        save_preset("kept", {"kernel_image": "\udc80"}, replace=True)
    assert [path.name for path in own.iterdir()] == ["kept.toml"]
    assert load_preset("kept").settings["f_stop"] == 1.4


def test_folder_that_cannot_be_made_is_named(own):
    own.parent.parent.mkdir(exist_ok=True)
    own.parent.write_text("a file is in the way")
    with pytest.raises(PresetError, match="cannot be written"):
        save_preset("mine", {})


# ---------------------------------------------------------------- what a frame pays


def test_loading_a_preset_imports_nothing_heavy():
    code = (
        "import sys; from synthetic_focus.lens import preset; preset.load_preset('helios-44-2');"
        "print([m for m in ('pydantic', 'torch', 'cv2', 'av', 'OpenImageIO') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
