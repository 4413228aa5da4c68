"""Presets of the user's own, from the plug-in's buttons through the real worker to the disk."""

import sys

import pytest

from synthetic_focus import installed, load_preset, parameters
from synthetic_focus.lens.preset import save_preset
from synthetic_focus.ofx_host import Host

BUNDLE = installed.DIRECTORY / "SyntheticFocus.ofx.bundle"


@pytest.fixture
def effect(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", sys.executable)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with Host() as host:
        plugin = host.load_one(BUNDLE, "org.syntheticfocus.SyntheticFocus")
        with plugin.create() as instance:
            yield instance


def last_message(effect):
    return effect.plugin.host.messages[-1]


def choose(effect, preset):
    keys = [option.key for option in parameters.table()["preset"].options]
    effect["preset"].set(keys.index(preset))


def lens_of(effect):
    """What the lens controls are set to, as presets have it."""
    return {name: effect[name].value for name in load_preset("helios-44-2").settings}


def test_choosing_a_lens_sets_every_control_of_it(effect):
    effect["kernel_image"].set("/tmp/heart.png")
    effect["barndoors"].set(0.5)
    choose(effect, "helios-44-2")
    assert lens_of(effect) == pytest.approx(dict(load_preset("helios-44-2").settings))
    choose(effect, "custom")
    assert effect["focal_length"].value == 58.0


def test_saved_controls_come_back_by_their_name(effect):
    choose(effect, "helios-44-2")
    effect["f_stop"].set(2.8)
    effect["kernel_image"].set("/tmp/heart.png")
    before = lens_of(effect)
    effect["preset_name"].set("My Lens")
    effect["save_preset"].press()
    assert last_message(effect).type == "OfxMessageMessage"
    assert "my-lens.toml" in last_message(effect).text
    assert load_preset("my-lens").settings == before
    choose(effect, "reflex-nikkor-500")
    effect["load_preset"].press()
    assert lens_of(effect) == before
    assert effect["preset"].value == 0
    assert effect.undo_labels[-1] == "Load Preset"


def test_what_cannot_be_saved_or_loaded_is_said_and_changes_nothing(effect):
    choose(effect, "canon-ef-85")
    before = lens_of(effect)
    for name, said in (("", "no name for a preset"), ("nonesuch", "no lens preset 'nonesuch'")):
        effect["preset_name"].set(name)
        effect["load_preset" if name else "save_preset"].press()
        assert last_message(effect).type == "OfxMessageError"
        assert said in last_message(effect).text
    save_preset("broken", {}).write_text("label =")
    effect["preset_name"].set("broken")
    effect["load_preset"].press()
    assert "broken.toml, line 1" in last_message(effect).text
    assert lens_of(effect) == before
