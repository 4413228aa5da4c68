"""What a plug-in does wrong is noticed, survived and said."""

import numpy as np
import pytest

from synthetic_focus.ofx_host import ActionError, Behaviour, Image

FAULTS = {
    "keeps an image": "1 images were not released",
    "releases twice": "an image was released that was not fetched, or twice",
    "uses a released image": "a property set was named that does not exist",
    "frees twice": "memory was freed that the memory suite has not given out, or twice",
    "reads as another type": "OfxPropTime is of type double and was read as int",
    "writes read-only": "OfxPropTime is read-only and was set",
    "sets a parameter": "parameter gain was set",
    "reads another time": "read at another time without temporal clip access",
    "ends no edit": "paramEditEnd without a paramEditBegin",
}


def faulty(load_probe, fault, behaviour=None):
    plugin = load_probe(behaviour or Behaviour(), identifier="test.Fault")
    source = np.ones((4, 6, 4), np.float32)
    effect = plugin.create(clips={"Source": source})
    effect["fault"].set(fault)
    return plugin, effect


def found(plugin):
    return [v for v in plugin.host.violations if v.startswith("OfxImageEffectActionRender")]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_render_is_a_violation(load_probe, fault):
    plugin, effect = faulty(load_probe, fault)
    effect.render(0)
    assert len(found(plugin)) == 1
    assert FAULTS[fault] in found(plugin)[0]


def test_a_parameter_set_in_a_render_keeps_its_value(load_probe):
    _, effect = faulty(load_probe, "sets a parameter")
    effect.render(0)
    assert effect["gain"].value == 2.0


def test_an_exception_across_the_c_interface_is_a_failed_action(load_probe):
    plugin, effect = faulty(load_probe, "throws")
    with pytest.raises(ActionError, match="kOfxStatFailed"):
        effect.render(0)
    assert "an exception crossed the C interface" in found(plugin)[0]


def test_memory_that_is_never_freed_is_found_at_unload(load_probe):
    plugin, effect = faulty(load_probe, "keeps memory")
    effect.render(0)
    plugin.host.close()
    assert plugin.host.violations[-1] == (
        "OfxActionUnload: memory was not freed: 1234 bytes allocated in OfxImageEffectActionRender"
    )


@pytest.mark.parametrize("window", [(2, 1, 4, 3), (0, 1, 6, 4)])
def test_writing_outside_the_window_is_found(load_probe, window):
    plugin, effect = faulty(load_probe, "writes outside", Behaviour(output_covers="frame"))
    effect.render(0, window=window)
    assert "outside the window" in found(plugin)[0]


def test_writing_within_the_window_is_no_fault(load_probe):
    plugin, effect = faulty(load_probe, "writes outside", Behaviour(output_covers="frame"))
    effect.render(0, window=(0, 0, 4, 3))
    assert found(plugin) == []


def test_a_string_kept_over_a_call_turns_to_rubbish(load_probe):
    plugin, effect = faulty(load_probe, "keeps a string", Behaviour(volatile_strings=True))
    effect.render(0)
    name = plugin.host.behaviour.name
    assert plugin.host.messages[-1].text == "?" * len(name)
    plugin, effect = faulty(load_probe, "keeps a string")
    effect.render(0)
    assert plugin.host.messages[-1].text == name


def test_a_parameter_defined_twice_is_a_violation_however_the_host_answers(load_probe):
    for tolerant in (False, True):
        plugin = load_probe(Behaviour(tolerates_duplicates=tolerant), identifier="test.Fault")
        plugin.describe()
        assert plugin.host.violations == [
            "OfxImageEffectActionDescribeInContext: parameter gain was defined twice"
        ]


def test_nested_threads_are_refused(load_probe):
    plugin, effect = faulty(load_probe, "nests threads")
    effect.render(0)
    assert found(plugin) == []


def test_images_say_where_they_lie(load_probe):
    plugin = load_probe()
    source = Image(np.ones((4, 6, 4), np.float32), origin=(10, -20))
    with plugin.create(clips={"Source": source}) as effect:
        assert effect.region_of_definition(0) == (10.0, -20.0, 16.0, -16.0)
        assert effect.render(0).bounds == (10, -20, 16, -16)
