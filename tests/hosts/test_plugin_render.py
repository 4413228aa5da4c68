"""Frames through the built plug-in and back: the bridge moves pixels and loses none.

The worker is a fake that hands back one of the pictures that it is given.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from synthetic_focus.ofx_host import (
    REAL_HOSTS,
    STRICT,
    AbortSignal,
    Behaviour,
    Image,
    Plugin,
    Project,
    RenderAbortedError,
)
from synthetic_focus.ofx_host.behaviour import OPTIONAL_IMAGE_PROPERTIES, OPTIONAL_SUITES
from synthetic_focus.scene.temporal import M

LoadPlugin = Callable[..., Plugin]

HOSTS = {"strict": STRICT, **REAL_HOSTS}


def _picture(height: int, width: int, channels: int = 4, dtype: type = np.float32) -> Any:
    values = np.random.default_rng(height * width).random((height, width, channels))
    return (values if np.issubdtype(dtype, np.floating) else values * 255).astype(dtype)


@pytest.mark.parametrize("name", HOSTS)
def test_every_pixel_arrives_where_it_was(
    load_plugin: LoadPlugin, fake_worker: Any, name: str
) -> None:
    plugin = load_plugin(HOSTS[name])
    for dtype in (np.uint8, np.uint16, np.float16, np.float32):
        for channels, components in ((3, "RGB"), (4, "RGBA")):
            picture = _picture(9, 13, channels, dtype)
            effect = plugin.create(clips={"Source": picture})
            assert np.array_equal(effect.render(0).pixels, picture)
            assert fake_worker.requests()[-1]["images"][0]["components"] == components


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (1200, 1300)])
def test_all_sizes_arrive(load_plugin: LoadPlugin, fake_worker: Any, size: tuple[int, int]) -> None:
    picture = _picture(*size)
    effect = load_plugin(Behaviour(row_padding=64)).create(clips={"Source": picture})
    assert np.array_equal(effect.render(0).pixels, picture)


@pytest.mark.parametrize("rows", ["bottom up", "top down"])
def test_a_window_of_a_frame_that_does_not_start_at_0_0(
    load_plugin: LoadPlugin, fake_worker: Any, rows: Any
) -> None:
    picture = Image(_picture(20, 30), origin=(-7, 11))
    project = Project(region=(-7.0, 11.0, 23.0, 31.0))
    behaviour = Behaviour(rows=rows, output_covers="frame", row_padding=8, always_tiles=True)
    effect = load_plugin(behaviour).create(clips={"Source": picture}, project=project)
    # Rows are counted from the top, y from below.
    assert np.array_equal(
        effect.render(0, (-5, 13, 10, 20)).pixels, picture.pixels[31 - 20 : 31 - 13, 2:17]
    )
    (request,) = fake_worker.requests()
    assert request["frame"] == [-7, 11, 23, 31]
    assert request["window"] == request["output"]["bounds"] == [-5, 13, 10, 20]
    assert request["images"][0]["bounds"] == [-7, 11, 23, 31]


@pytest.mark.parametrize("time", [-12.0, 0.5, -3.25, 1e6])
def test_times_are_the_timelines(load_plugin: LoadPlugin, fake_worker: Any, time: float) -> None:
    effect = load_plugin().create(clips={"Source": lambda at: _picture(4, 5) + np.float32(at)})
    assert np.array_equal(effect.render(time).pixels, _picture(4, 5) + np.float32(time))
    (request,) = fake_worker.requests()
    assert request["time"] == request["images"][0]["time"] == time


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("asks_identity", [True, False])
def test_a_closed_aperture_gives_the_source_and_starts_nothing(
    load_plugin: LoadPlugin, fake_worker: Any, name: str, asks_identity: bool
) -> None:
    picture = _picture(8, 9)
    picture[0, 0] = [np.nan, np.inf, -np.inf, -0.0]
    effect = load_plugin(HOSTS[name]).create(clips={"Source": picture})
    effect["f_stop"].set(256.0)
    assert effect.render(3, asks_identity=asks_identity).pixels.tobytes() == picture.tobytes()
    assert fake_worker.requests("hello") == []


@pytest.mark.parametrize("half", [0.5, 0.25])
def test_a_proxy_is_a_smaller_frame(load_plugin: LoadPlugin, fake_worker: Any, half: float) -> None:
    project = Project(region=(0.0, 0.0, 16.0, 8.0))
    effect = load_plugin().create(clips={"Source": _picture(8, 16)}, project=project)
    effect.render(0, scale=(half, half))
    (request,) = fake_worker.requests()
    assert request["scale"] == [half, half]
    assert request["frame"] == [0, 0, 16 * half, 8 * half]


# ---------------------------------------------------------------- inputs


@pytest.mark.parametrize("name", HOSTS)
def test_the_first_channel_of_depth_arrives(
    load_plugin: LoadPlugin, fake_worker: Any, name: str
) -> None:
    fake_worker.behave(show=1)
    plugin = load_plugin(HOSTS[name])
    types = {np.uint8: "byte", np.uint16: "short", np.float16: "half", np.float32: "float"}
    for dtype, word in types.items():
        for channels in (1, 3, 4):
            depth = _picture(9, 13, channels, dtype)
            clips = {"Source": _picture(9, 13, 4, dtype), "Depth": depth}
            effect = plugin.create("General", clips=clips)
            effect["depth_source"].set("Depth Input")
            first = np.repeat(depth[..., :1], 4, axis=2)
            assert np.array_equal(effect.render(0).pixels, first), (dtype, channels)
            sent = fake_worker.requests()[-1]["images"][1]
            assert (sent["type"], sent["components"]) == (word, "Alpha")


def test_a_large_picture_of_depth_arrives(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    """Large ones are copied by two threads."""
    fake_worker.behave(show=1)
    depth = _picture(601, 500)
    effect = load_plugin().create("General", clips={"Source": _picture(601, 500), "Depth": depth})
    effect["depth_source"].set("Depth Input")
    assert np.array_equal(effect.render(0).pixels, np.repeat(depth[..., :1], 4, axis=2))


def test_depth_of_another_size_and_kind_rides_along(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    clips = {"Source": _picture(10, 20, 4, np.uint8), "Depth": _picture(5, 7, 1, np.float32)}
    effect = load_plugin().create("General", clips=clips)
    effect["depth_source"].set("Depth Input")
    effect.render(0)
    source, sent = fake_worker.requests()[-1]["images"]
    assert (source["type"], source["components"]) == ("byte", "RGBA")
    assert (sent["type"], sent["components"]) == ("float", "Alpha")
    assert sent["bounds"] == [0, 0, 7, 5]


@pytest.mark.parametrize("empty", ["no image", "null handle", "null data"])
def test_a_depth_clip_that_only_looks_connected_is_missing(
    load_plugin: LoadPlugin, fake_worker: Any, empty: Any
) -> None:
    picture = _picture(6, 6)
    effect = load_plugin(Behaviour(empty_clip=empty)).create("General", clips={"Source": picture})
    effect["depth_source"].set("Depth Input")
    assert np.array_equal(effect.render(0).pixels, picture)
    (request,) = fake_worker.requests()
    assert request["images"][1] == {"clip": "Depth", "time": 0, "missing": True}
    assert request["connected"] == {"Depth": True}


@pytest.mark.parametrize("shape", [(0, 6), (6, 0), (0, 0)])
def test_pictures_without_a_pixel_are_missing(
    load_plugin: LoadPlugin, fake_worker: Any, shape: tuple[int, int]
) -> None:
    empty = np.empty((*shape, 4), np.float32)
    effect = load_plugin().create("General", clips={"Source": _picture(6, 6), "Depth": empty})
    effect["depth_source"].set("Depth Input")
    assert np.array_equal(effect.render(0).pixels, _picture(6, 6))
    (request,) = fake_worker.requests()
    assert request["images"][1]["missing"]
    effect.clips["Source"].connect(lambda _: empty, like=_picture(6, 6))
    assert not effect.render(0).pixels.any()
    assert len(fake_worker.requests()) == 1


def test_depth_from_a_file_leaves_the_clip_alone(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    clips = {"Source": _picture(6, 6), "Depth": _picture(6, 6)}
    effect = load_plugin().create("General", clips=clips)
    effect["depth_source"].set("Depth File")
    effect["depth_file"].set('/tmp/tiefe \N{SNOWMAN} "%04d"\\x.exr')
    effect.render(0)
    (request,) = fake_worker.requests()
    assert [image["clip"] for image in request["images"]] == ["Source"]
    assert request["parameters"]["depth_file"] == '/tmp/tiefe \N{SNOWMAN} "%04d"\\x.exr'


@pytest.mark.parametrize("show", [0, 2, 3])
def test_what_the_worker_needs_is_fetched(
    load_plugin: LoadPlugin, fake_worker: Any, show: int
) -> None:
    fake_worker.behave(need=[-4.0, 8.5], show=show)

    def depth(at: float) -> Any:
        return _picture(6, 7) + np.float32(at)

    clips = {"Source": _picture(6, 7) - 1, "Depth": depth}
    effect = load_plugin().create("General", clips=clips)
    effect["depth_source"].set("Depth Input")
    pictures = {0: _picture(6, 7) - 1, 2: depth(-4.0)[..., :1], 3: depth(8.5)[..., :1]}
    shown = np.broadcast_to(pictures[show], (6, 7, 4))
    assert np.array_equal(effect.render(2).pixels, shown)
    images = fake_worker.requests()[-1]["images"]
    assert [(i["clip"], i["time"]) for i in images] == [
        ("Source", 2),
        ("Depth", 2),
        ("Depth", -4),
        ("Depth", 8.5),
    ]


@pytest.mark.parametrize("other", ["refused", "current"])
def test_other_times_that_the_host_does_not_have_are_missing(
    load_plugin: LoadPlugin, fake_worker: Any, other: Any
) -> None:
    fake_worker.behave(need=[5.0])
    clips = {"Source": _picture(6, 7), "Depth": _picture(6, 7)}
    effect = load_plugin(Behaviour(other_times=other)).create("General", clips=clips)
    effect["depth_source"].set("Depth Input")
    effect.render(2)
    assert fake_worker.requests()[-1]["images"][2] == {"clip": "Depth", "time": 5, "missing": True}


def test_a_source_without_a_picture_renders_black(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    effect = load_plugin().create()
    effect.clips["Source"].connect(lambda _: None, like=_picture(6, 7))
    assert not effect.render(0).pixels.any()
    assert fake_worker.requests("hello") == []


# ---------------------------------------------------------------- parameters


def test_parameters_are_those_of_the_frames_time(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    effect = load_plugin().create(clips={"Source": _picture(4, 4)})
    effect["f_stop"].set_key(0, 2.0)
    effect["f_stop"].set_key(10, 4.0)
    effect["blades"].set(7)
    effect["quality"].set("Best")
    effect["focus_point"].set_key(-2.5, (0.25, 0.75))
    effect["focus_point"].set_key(7.5, (0.5, 0.125))
    effect.render(5)
    (request,) = fake_worker.requests()
    values = request["parameters"]
    assert values["f_stop"] == 3.0
    assert (values["blades"], values["quality"]) == (7, 2)
    assert values["focus_point"] == pytest.approx([0.25 + 0.25 * 0.75, 0.75 - 0.625 * 0.75])
    assert request["keys"]["focus_point"] == [[-2.5, 0.25, 0.75], [7.5, 0.5, 0.125]]
    assert "applied_preset" not in values


@pytest.mark.parametrize("keys", ["refused", "hidden"])
def test_hosts_that_list_no_keys_give_none(
    load_plugin: LoadPlugin, fake_worker: Any, keys: Any
) -> None:
    effect = load_plugin(Behaviour(keys=keys)).create(clips={"Source": _picture(4, 4)})
    effect["focus_point"].set_key(1, (0.25, 0.75))
    effect.render(5)
    assert fake_worker.requests()[0]["keys"]["focus_point"] == []


def test_a_preset_sets_the_controls_in_one_step(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    effect = load_plugin().create(clips={"Source": _picture(4, 4)})
    effect["preset"].set(3)
    name = fake_worker.requests("preset")[0]["name"]
    assert effect["applied_preset"].value == name
    assert (effect["f_stop"].value, effect["blades"].value) == (1.4, 7)
    assert effect["focus_mode"].value == 1
    assert not effect["focus_point"].properties["OfxParamPropEnabled"][0]
    assert effect.undo_labels == ["preset", "Lens Preset"]
    effect.render(0)
    assert fake_worker.requests()[-1]["preset_applied"] is True


def test_a_preset_that_nobody_told_of_is_said_to_be_unapplied(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    plugin = load_plugin()
    saved = plugin.create().save()
    saved["parameters"]["preset"]["value"] = 3
    effect = plugin.create(clips={"Source": _picture(4, 4)}, saved=saved)
    effect.render(0)
    assert fake_worker.requests()[-1]["preset_applied"] is False
    assert fake_worker.requests("preset") == []


def test_changed_inputs_raise_the_epoch(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    effect = load_plugin().create(clips={"Source": _picture(4, 4)})
    effect.render(0)
    effect["f_stop"].set(3.0)
    effect.render(0)
    effect.clips["Source"].connect(_picture(4, 4))
    effect.render(0)
    effect.purge()
    effect.render(0)
    first, same, third, fourth = (request["epoch"] for request in fake_worker.requests())
    assert first == same < third < fourth
    (purge,) = fake_worker.requests("purge")
    assert purge["instance"] == fake_worker.requests()[0]["instance"]


# ---------------------------------------------------------------- hosts


def test_the_core_suites_are_enough(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    picture = _picture(5, 5)
    for missing in ({"missing_suites": OPTIONAL_SUITES}, {"hollow_suites": OPTIONAL_SUITES}):
        behaviour = Behaviour(missing_image_properties=OPTIONAL_IMAGE_PROPERTIES, **missing)
        effect = load_plugin(behaviour).create(clips={"Source": picture})
        assert np.array_equal(effect.render(0).pixels, picture)


def test_questions_about_regions_and_frames(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    project = Project(region=(0.0, 0.0, 7.0, 6.0))
    clips = {"Source": _picture(6, 7), "Depth": _picture(12, 14)}
    effect = load_plugin().create("General", clips=clips, project=project)
    assert effect.region_of_definition(0) == (0, 0, 7, 6)
    assert effect.regions_of_interest(0, (1.0, 1.0, 2.0, 2.0)) == {
        "Source": (0, 0, 7, 6),
        "Depth": (0, 0, 14, 12),
    }
    effect["depth_source"].set("Depth Input")
    assert effect.frames_needed(3) == {"Source": [(3, 3)], "Depth": [(3, 3)]}
    effect["focus_point"].set_key(1, (0.5, 0.5))
    effect["focus_point"].set_key(9, (0.5, 0.5))
    effect["focus_point"].set_key(20, (0.5, 0.5))
    assert effect.frames_needed(3) == {"Source": [(3, 3)], "Depth": [(3, 3), (1, 1), (9, 9)]}
    assert effect.frames_needed(-4)["Depth"] == [(-4, -4), (1, 1)]
    assert effect.frames_needed(30)["Depth"] == [(30, 30), (20, 20)]
    effect["depth_source"].set("Estimate")
    assert effect.frames_needed(3) == {
        "Source": [(3 - M, 3 + M), (1 - M, 1 + M), (9 - M, 9 + M)],
        "Depth": [(3, 3)],
    }
    effect["focus_mode"].set("Distance")
    assert effect.frames_needed(3)["Source"] == [(3 - M, 3 + M)]
    effect["depth_source"].set("Depth Input")
    assert effect.frames_needed(3)["Depth"] == [(3, 3)]


def test_the_output_is_as_the_source_is(load_plugin: LoadPlugin) -> None:
    source = Image(_picture(6, 7, 4, np.uint8), premultiplication="OfxImageAlphaUnPremultiplied")
    clips = {"Source": source, "Depth": _picture(6, 7)}
    effect = load_plugin().create("General", clips=clips)
    preferences = effect.clip_preferences()
    assert preferences.components["Output"] == "OfxImageComponentRGBA"
    assert preferences.depths["Output"] == "OfxBitDepthByte"
    assert preferences.premultiplication == "OfxImageAlphaUnPremultiplied"
    assert not preferences.frame_varying
    effect["depth_source"].set("Depth File")
    assert effect.clip_preferences().frame_varying


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("OfxImageAlphaPremultiplied", "OfxImagePreMultiplied"),
        ("OfxImageAlphaUnPremultiplied", "OfxImageUnPreMultiplied"),
        ("OfxImageOpaque", "OfxImageOpaque"),
    ],
)
def test_the_state_of_alpha_is_passed_on(
    load_plugin: LoadPlugin, fake_worker: Any, given: str, sent: str
) -> None:
    source = Image(_picture(6, 7), premultiplication=given)
    load_plugin().create(clips={"Source": source}).render(0)
    (request,) = fake_worker.requests()
    assert request["images"][0]["premultiplication"] == sent


# ---------------------------------------------------------------- threads


def test_eight_threads_and_two_instances_in_any_order(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    fake_worker.behave(steps=1, step=0.002)
    plugin = load_plugin()

    def source(offset: int) -> Callable[[float], Any]:
        return lambda at: np.full((31, 17, 4), offset + at, np.float32)

    effects = [plugin.create(clips={"Source": source(1000 * i)}) for i in range(2)]
    frames = [(i, at) for i in range(2) for at in range(-20, 20)]
    random.Random(7).shuffle(frames)
    with ThreadPoolExecutor(8) as pool:
        rendered = pool.map(lambda frame: effects[frame[0]].render(frame[1]).pixels, frames)
        for (i, at), pixels in zip(frames, rendered, strict=True):
            assert np.all(pixels == 1000 * i + at)
    assert len(fake_worker.requests("hello")) == 1
    # No more pieces of memory than frames at a time: the rest used them again.
    assert sum("memory_new" in request for request in fake_worker.requests()) <= 8


def test_an_aborted_render_returns_at_once(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    fake_worker.behave(steps=1000, step=0.01)
    effect = load_plugin().create(clips={"Source": _picture(4, 4)})
    with pytest.raises(RenderAbortedError):
        effect.render(0, abort=AbortSignal(5))
    (abort,) = fake_worker.requests("abort")
    assert abort["target"] == fake_worker.requests()[0]["id"]
    assert effect.persistent_message == ""


def test_an_abort_while_frames_are_fetched_fetches_no_more(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    fake_worker.behave(need=list(range(1, 9)))
    abort = AbortSignal()
    fetched: list[float] = []

    def depth(time: float) -> np.ndarray:
        fetched.append(time)
        if time == 3:
            abort.set()
        return _picture(4, 4)

    clips = {"Source": _picture(4, 4), "Depth": depth}
    effect = load_plugin().create(clips=clips)
    effect["depth_source"].set("Depth Input")
    with pytest.raises(RenderAbortedError):
        effect.render(0, abort=abort)
    assert max(fetched) == 3


def test_a_bake_that_the_user_cancels_stops_the_worker_and_changes_nothing(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    fake_worker.behave(steps=1000, step=0.01)
    shown: list[float] = []
    plugin = load_plugin(on_progress=lambda label, done: shown.append(done) or len(shown) < 4)
    effect = plugin.create(clips={"Source": _picture(4, 4)})
    effect["bake"].press()
    assert len(shown) == 4
    (bake,) = fake_worker.requests("bake")
    assert [request["target"] for request in fake_worker.requests("abort")] == [bake["id"]]
    assert effect["focus_mode"].value == 0
    assert effect["focus_distance"].keys == []


def test_unused_memory_is_given_back_on_purge(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    effect = load_plugin().create(clips={"Source": _picture(4, 4)})
    effect.render(0)
    effect.render(1)
    effect.purge()
    effect.render(2)
    first, second, third = fake_worker.requests()
    assert first["memory_new"]["id"] == second["output"]["memory"]
    assert [drop["memory"] for drop in fake_worker.requests("memory_drop")] == [
        first["memory_new"]["id"]
    ]
    assert third["memory_new"]["id"] != first["memory_new"]["id"]
