"""What the built plug-in tells a host about itself before it renders."""

from collections.abc import Callable

import pytest

from synthetic_focus import parameters
from synthetic_focus.ofx_host import REAL_HOSTS, STRICT, ActionError, Behaviour, Plugin

LoadPlugin = Callable[..., Plugin]

HOSTS = {"strict": STRICT, **REAL_HOSTS}


@pytest.mark.parametrize("name", HOSTS)
def test_every_host_gets_all_of_the_table(load_plugin: LoadPlugin, name: str) -> None:
    plugin = load_plugin(HOSTS[name])
    for context in ("Filter", "General"):
        described = plugin.describe(context)
        assert list(described.clips) == ["Source", "Depth", "Output"]
        for parameter in parameters.table().parameters.values():
            properties = described.parameters[parameter.name]
            assert properties["OfxParamPropHint"] == [parameter.hint]
            assert properties["OfxParamPropParent"] == [parameter.group]
            assert properties["OfxPropLabel"][0].startswith(parameter.label)
            if parameter.type != "button":
                assert properties["OfxParamPropAnimates"] == [int(parameter.animates)]
            if parameter.options:
                labels = [option.label for option in parameter.options]
                assert properties["OfxParamPropChoiceOption"] == labels


@pytest.mark.parametrize("name", HOSTS)
def test_defaults_are_the_tables(load_plugin: LoadPlugin, name: str) -> None:
    effect = load_plugin(HOSTS[name]).create()
    for parameter in parameters.table().parameters.values():
        if parameter.type != "button":
            value = effect.parameters[parameter.name].value
            assert parameter.from_host(value) == parameter.default


def test_numbers_have_a_range_and_a_display_range(load_plugin: LoadPlugin) -> None:
    described = load_plugin().describe("Filter")
    for parameter in parameters.table().parameters.values():
        if parameter.range is None or parameter.display is None:
            continue
        count = 2 if parameter.type == "double2d" else 1
        properties = described.parameters[parameter.name]
        for name, value in [
            ("OfxParamPropMin", parameter.range[0]),
            ("OfxParamPropMax", parameter.range[1]),
            ("OfxParamPropDisplayMin", parameter.display[0]),
            ("OfxParamPropDisplayMax", parameter.display[1]),
        ]:
            assert properties[name] == [value] * count, parameter.name


def test_only_the_bookkeeping_is_described_secret(load_plugin: LoadPlugin) -> None:
    described = load_plugin().describe("Filter")
    secret = [n for n, p in described.parameters.items() if p.get("OfxParamPropSecret") == [1]]
    assert secret == [p.name for p in parameters.table().parameters.values() if p.secret]


def test_the_version_is_the_tables(load_plugin: LoadPlugin) -> None:
    plugin = load_plugin()
    assert plugin.identifier == "org.syntheticfocus.SyntheticFocus"
    assert plugin.version == (1, parameters.table().version)


def test_controls_without_meaning_are_greyed_out(load_plugin: LoadPlugin) -> None:
    effect = load_plugin().create()

    def live(name: str) -> bool:
        return effect.parameters[name].properties["OfxParamPropEnabled"] == [1]

    assert live("focus_point")
    assert not live("focus_distance")
    assert not live("depth_file")
    effect["focus_mode"].set("Distance")
    effect["depth_source"].set("Depth File")
    assert not live("focus_point")
    assert live("focus_distance")
    assert live("depth_file")


@pytest.mark.parametrize(
    ("name", "value", "closed"),
    [
        ("f_stop", 2.0, False),
        ("f_stop", 255.9, False),
        ("f_stop", 256.0, True),
        ("blur_scale", 0.01, False),
        ("blur_scale", 0.0, True),
    ],
)
def test_a_closed_aperture_is_an_identity(
    load_plugin: LoadPlugin, name: str, value: float, closed: bool
) -> None:
    effect = load_plugin().create()
    effect[name].set(value)
    assert effect.is_identity(-3.5) == (("Source", -3.5) if closed else None)
    effect["view"].set("Depth")
    assert effect.is_identity(-3.5) is None


def test_a_key_that_closes_the_aperture_closes_it_from_then_on(load_plugin: LoadPlugin) -> None:
    effect = load_plugin().create()
    effect["blur_scale"].set_key(10, 1.0)
    effect["blur_scale"].set_key(20, 0.0)
    assert effect.is_identity(19) is None
    assert effect.is_identity(20) == ("Source", 20.0)


@pytest.mark.parametrize("suite", ["OfxImageEffectSuite", "OfxParameterSuite", "OfxPropertySuite"])
@pytest.mark.parametrize("lack", ["missing_suites", "hollow_suites"])
def test_a_host_without_a_core_suite_is_refused(
    load_plugin: LoadPlugin, suite: str, lack: str
) -> None:
    with pytest.raises(ActionError, match="MissingHostFeature"):
        load_plugin(Behaviour(**{lack: frozenset({(suite, 0)})}))


@pytest.mark.parametrize("name", HOSTS)
def test_hosts_without_other_times_render_one_frame_after_another(
    load_plugin: LoadPlugin, name: str
) -> None:
    # Where they may not, MLT makes an instance for each frame, which remembers none before it.
    effect = load_plugin(HOSTS[name]).create()
    served = HOSTS[name].other_times == "served"
    safety = "OfxImageEffectRenderFullySafe" if served else "OfxImageEffectRenderUnsafe"
    assert effect.properties["OfxImageEffectPluginRenderThreadSafety"] == [safety]
