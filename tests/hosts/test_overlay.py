"""Overlays in the headless host, through the probe plug-in's."""

import numpy as np
import pytest

from synthetic_focus.ofx_host import Behaviour, HostError, Project
from synthetic_focus.ofx_host.behaviour import REAL_HOSTS

FRAME = Project(region=(-10, 0, 30, 20))


def grey(width=40, height=20):
    return np.full((height, width, 3), 100, np.uint8)


def test_strokes_come_as_they_were_drawn(load_probe):
    with load_probe().create(project=FRAME) as effect:
        effect["point"].set((4.0, 6.0))
        strokes = effect.overlay.strokes(0, (40, 20))
        assert effect.overlay.slave_parameters == ["point"]
    rectangle, polygon, line, ellipse, text = strokes
    assert [s.primitive for s in strokes] == [3, 4, 0, 5, -1]
    assert rectangle.points == [(4.0, 6.0), (12.0, 10.0)]
    assert rectangle.colour == (1.0, 0.0, 0.0, 1.0)
    assert polygon.colour == (0.0, 0.0, 1.0, 0.5)
    assert (line.width, line.stipple, ellipse.stipple) == (3.0, 0, 2)
    assert (text.text, text.alignment, text.points) == ("Subject", 3, [(4.0, 6.0)])


@pytest.mark.parametrize("zoom", [8, 16])
def test_shapes_are_painted_where_they_lie(load_probe, zoom):
    plugin = load_probe()
    before = grey(40 * zoom, 20 * zoom)
    with plugin.create(project=FRAME) as effect:
        effect["point"].set((14.0, 12.0))
        after = effect.overlay.draw(0, before)
    # x from 14 to 22 in a frame that starts at -10; y from 12 to 16, up from the bottom.
    # Text and ellipse are kept out of what is looked at.
    inside = after[5 * zoom + zoom // 4 : 7 * zoom - zoom // 4, 29 * zoom : 30 * zoom]
    assert (inside == [255, 0, 0]).all()
    assert (after[:3] == 100).all()
    # The half-transparent triangle at the origin.
    blue = after[18 * zoom, 11 * zoom]
    assert blue.tolist() == [50, 50, 178]
    assert (before == 100).all()
    assert plugin.host.violations == []


@pytest.mark.parametrize(("pixel_scale", "reach"), [("true", 2.5), ("one", 5.0)])
def test_the_overlay_learns_how_large_a_screen_pixel_is(load_probe, pixel_scale, reach):
    plugin = load_probe(Behaviour(pixel_scale=pixel_scale))
    with plugin.create(project=FRAME) as effect:
        line = effect.overlay.strokes(0, (80, 40))[2]
    assert line.points == [(-reach, 0.0), (reach, 0.0)]


def test_dragging_sets_the_parameter_in_one_undo_step(load_probe):
    plugin = load_probe()
    with plugin.create(project=FRAME) as effect:
        effect["point"].set((1.0, 1.0))
        assert effect.overlay.pen(0, (1, 1), "down")
        assert effect.overlay.pen(0, (5, 5), "move")
        assert effect.overlay.pen(0, (8, 9), "move", size=(80, 40))
        assert effect.overlay.pen(0, (8, 9), "up")
        assert effect["point"].value == (8.0, 9.0)
        assert effect["count"].value == 36
        assert effect.overlay.redraws == 2
        assert effect.undo_labels == ["point", "Drag"]
        effect.undo()
        assert effect["point"].value == (1.0, 1.0)
    assert plugin.host.violations == []


def test_drawing_outside_of_the_draw_action_is_a_violation(load_probe):
    plugin = load_probe()
    with plugin.create(project=FRAME) as effect:
        effect.overlay.strokes(0, (40, 20))
        effect.overlay.pen(0, (1, 1), "down")
        effect.overlay.pen(0, (1, 1), "up")
    assert plugin.host.violations == [
        "OfxInteractActionPenDown: the draw suite was used outside of the draw action"
    ]


def test_a_host_without_overlays_says_so(load_probe):
    with (
        load_probe(REAL_HOSTS["vegas"]).create(project=FRAME) as effect,
        pytest.raises(HostError, match="has no overlays"),
    ):
        effect.overlay.draw(0, grey())


def test_a_host_without_the_draw_suite_cannot_draw_but_has_a_pen(load_probe):
    behaviour = Behaviour(missing_suites=frozenset({("OfxDrawSuite", 1)}))
    with load_probe(behaviour).create(project=FRAME) as effect:
        with pytest.raises(HostError, match="OpenGL"):
            effect.overlay.draw(0, grey())
        assert effect.overlay.pen(0, (1, 1), "down")
        assert effect.overlay.pen(0, (1, 1), "up")
