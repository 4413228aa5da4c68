"""The plug-in's overlay: what it shows of the focus, and dragging the reticle."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic_focus import installed
from synthetic_focus.focus import Aim, FocusCurve, FocusTarget
from synthetic_focus.ofx_host import REAL_HOSTS, Behaviour, Image, Plugin, Project

LoadPlugin = Callable[..., Plugin]

FRAME = Project(region=(-100.0, 50.0, 1820.0, 1130.0))
SIZE = (960, 540)


@pytest.fixture
def effect(load_plugin: LoadPlugin) -> Any:
    return _effect(load_plugin())


def _effect(plugin: Plugin) -> Any:
    picture = np.zeros((1080, 1920, 4), np.float32)
    return plugin.create(project=FRAME, clips={"Source": Image(picture, origin=(-100, 50))})


def _place(x: float, y: float) -> tuple[float, float]:
    """A fraction of the frame, in canonical coordinates."""
    return (-100 + x * 1920, 50 + y * 1080)


def _centre(stroke: Any) -> tuple[float, float]:
    corners = np.array(stroke.points[:-1])
    return tuple(corners.mean(axis=0).tolist())


def _circles(effect: Any, time: float) -> list[Any]:
    """The coloured circles; their dark rims are wider."""
    return [
        stroke
        for stroke in effect.overlay.strokes(time, SIZE)
        if len(stroke.points) > 40 and stroke.width == 2
    ]


def test_the_reticle_is_where_the_focus_point_is(effect: Any) -> None:
    effect["focus_point"].set((0.25, 0.75))
    (reticle,) = _circles(effect, 0)
    assert _centre(reticle) == pytest.approx(_place(0.25, 0.75))
    # 14 pixels of a viewer that shows the frame at half its size.
    assert np.ptp(np.array(reticle.points)[:, 0]) == pytest.approx(2 * 14 * 2)


def test_targets_before_and_after_are_ghosts(effect: Any) -> None:
    targets = {0: (0.1, 0.2), 20: (0.5, 0.5), 40: (0.9, 0.8)}
    for time, point in targets.items():
        effect["focus_point"].set_key(time, point)

    def shown(time: float) -> list[tuple[float, float]]:
        return [_centre(circle) for circle in _circles(effect, time)[:-1]]

    def places(*times: int) -> Any:
        return [pytest.approx(_place(*targets[time])) for time in times]

    assert shown(-5) == places(0)
    assert shown(10) == places(0, 20)
    assert shown(20) == places(0, 40)
    assert shown(50) == places(40)


def test_the_state_has_its_colour(effect: Any) -> None:
    for time in (0, 30):
        effect["focus_point"].set_key(time, (0.5, 0.5))
    effect["pull_frames"].set(10.0)
    effect["settle_frames"].set(3.0)
    colours = {t: _circles(effect, t)[-1].colour for t in (5, 16.5, 17.5, 26.5, 27.5, 30)}
    locked, pulling = colours[5], colours[17.5]
    assert locked != pulling
    assert list(colours.values()) == [locked, locked, pulling, pulling, locked, locked]


def test_until_a_frame_is_rendered_a_pull_is_where_the_puller_has_it(effect: Any) -> None:
    keys = {0: 10.0, 30: 20.0, 38: 12.0}
    for time, pull in keys.items():
        effect["focus_point"].set_key(time, (0.5, 0.5))
        effect["pull_frames"].set_key(time, pull)
    effect["settle_frames"].set(3.0)
    targets = [FocusTarget(0.5, 0.5, time, pull_frames=pull) for time, pull in keys.items()]
    curve = FocusCurve([Aim.still(target, 1.0) for target in targets])
    colour = {"locked": _circles(effect, -5)[-1].colour, "pulling": _circles(effect, 15)[-1].colour}
    assert colour["locked"] != colour["pulling"]
    for time in np.arange(-2.25, 45, 1.5):
        assert _circles(effect, time)[-1].colour == colour[curve.at(time).state]


@pytest.mark.parametrize("background", [0, 128, 255])
def test_it_is_legible_on_any_picture(effect: Any, background: int) -> None:
    picture = np.full((540, 960, 3), background, np.uint8)
    drawn = effect.overlay.draw(0, picture).astype(int)
    around = drawn[230:310, 440:560]
    contrast = np.abs(around - background).max(axis=2)
    assert contrast.max() > 120


def test_dragging_moves_the_point_in_one_undo_step(effect: Any) -> None:
    x, y = _place(0.5, 0.5)
    assert effect.overlay.pen(0, (x + 10, y), "down", size=SIZE)
    for step in range(5):
        assert effect.overlay.pen(0, (x + 10 + 96 * step, y + 54 * step), "move", size=SIZE)
    assert effect.overlay.pen(0, (x + 10, y), "up", size=SIZE)
    # The pen holds it where it was taken.
    assert effect["focus_point"].value == pytest.approx((0.7, 0.7))
    assert effect.overlay.redraws == 5
    assert effect.undo_labels == ["Focus Point"]
    effect.undo()
    assert effect["focus_point"].value == (0.5, 0.5)


def test_dragging_beside_keyframes_sets_one(effect: Any) -> None:
    effect["focus_point"].set_key(0, (0.5, 0.5))
    effect.overlay.pen(10, _place(0.5, 0.5), "down", size=SIZE)
    effect.overlay.pen(10, _place(0.25, 0.75), "move", size=SIZE)
    effect.overlay.pen(10, _place(0.25, 0.75), "up", size=SIZE)
    keys = effect["focus_point"].keys
    assert [time for time, _ in keys] == [0, 10]
    assert keys[1][1] == pytest.approx((0.25, 0.75))


def test_a_point_stays_in_the_picture(effect: Any) -> None:
    effect.overlay.pen(0, _place(0.5, 0.5), "down", size=SIZE)
    effect.overlay.pen(0, _place(-3.0, 2.0), "move", size=SIZE)
    effect.overlay.pen(0, _place(-3.0, 2.0), "up", size=SIZE)
    assert effect["focus_point"].value == (0.0, 1.0)


def test_the_pen_elsewhere_is_the_hosts(effect: Any) -> None:
    assert not effect.overlay.pen(0, _place(0.6, 0.5), "down", size=SIZE)
    assert not effect.overlay.pen(0, _place(0.7, 0.5), "move", size=SIZE)
    assert not effect.overlay.pen(0, _place(0.7, 0.5), "up", size=SIZE)
    assert effect["focus_point"].value == (0.5, 0.5)


def test_nothing_is_shown_where_the_point_means_nothing(effect: Any) -> None:
    effect["focus_mode"].set("Distance")
    assert effect.overlay.strokes(0, SIZE) == []
    assert not effect.overlay.pen(0, _place(0.5, 0.5), "down", size=SIZE)


def test_the_zoom_may_be_unknown(load_plugin: LoadPlugin) -> None:
    (reticle,) = _circles(_effect(load_plugin(REAL_HOSTS["resolve"])), 0)
    assert np.ptp(np.array(reticle.points)[:, 0]) == pytest.approx(2 * 14 * 1080 / 720)


def test_without_opengl_or_a_draw_suite_nothing_is_drawn(load_plugin: LoadPlugin) -> None:
    behaviour = Behaviour(missing_suites=frozenset({("OfxDrawSuite", 1)}))
    effect = _effect(load_plugin(behaviour))
    assert effect.overlay.pen(0, _place(0.5, 0.5), "down", size=SIZE)
    assert effect.overlay.pen(0, _place(0.5, 0.5), "up", size=SIZE)


OPENGL = """
static int depth, lines, vertices, outside;
extern "C" {
void glPushAttrib(unsigned) { ++depth; }
void glPopAttrib() { --depth; }
void glEnable(unsigned) {}
void glDisable(unsigned) {}
void glBlendFunc(unsigned, unsigned) {}
void glLineWidth(float) {}
void glColor4f(float, float, float, float) {}
void glBegin(unsigned) { ++lines; }
void glVertex2d(double x, double y) {
    ++vertices;
    outside += x < 800 || x > 1200 || y < 450 || y > 750;
}
void glEnd() {}
int counts(int which) { int all[] = {depth, lines, vertices, outside}; return all[which]; }
}
"""
OPENGL_HOST = """
import ctypes, sys
import numpy as np
opengl = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
from synthetic_focus.ofx_host import Behaviour, Host, Project
with Host(Behaviour(missing_suites=frozenset({("OfxDrawSuite", 1)}))) as host:
    picture = np.zeros((1200, 2000, 4), np.float32)
    project = Project(region=(0.0, 0.0, 2000.0, 1200.0))
    effect = host.load_one(sys.argv[2]).create(project=project, clips={"Source": picture})
    overlay = effect.overlay
    overlay._interact.draw(overlay._arguments(0.0, (2000, 1200)), 0.0)
    print(*[opengl.counts(which) for which in range(4)])
"""


def test_the_hosts_opengl_draws_where_there_is_no_draw_suite(tmp_path: Path) -> None:
    (tmp_path / "opengl.cpp").write_text(OPENGL)
    library = tmp_path / "opengl.so"
    command = ["c++", "-shared", "-fPIC", tmp_path / "opengl.cpp", "-o", library]
    subprocess.run(command, check=True)
    bundle = installed.DIRECTORY / "SyntheticFocus.ofx.bundle"
    script = [sys.executable, "-c", OPENGL_HOST, library, bundle]
    done = subprocess.run(script, check=True, capture_output=True, text=True)
    depth, lines, vertices, outside = map(int, done.stdout.split())
    assert depth == 0
    assert lines > 10
    assert vertices > 100
    # All of it around the reticle in the middle.
    assert outside == 0


def test_the_overlay_starts_no_worker(effect: Any, fake_worker: Any) -> None:
    effect.overlay.strokes(0, SIZE)
    effect.overlay.pen(0, _place(0.5, 0.5), "down", size=SIZE)
    effect.overlay.pen(0, _place(0.5, 0.5), "up", size=SIZE)
    assert fake_worker.requests("hello") == []
