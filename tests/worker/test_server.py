"""Requests to a worker that runs in this process."""

import ctypes
import os
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic_focus import effect, load_preset, parameters
from synthetic_focus.scene.depth import disparity

DISTANCE = 1  # option of focus_mode
RNG = np.random.default_rng(3)


def a_picture(height: int = 40, width: int = 60, channels: int = 4) -> np.ndarray:
    picture = RNG.random((height, width, channels), np.float32)
    if channels == 4:
        picture[..., 3] = 1
    return picture


def a_ramp(height: int = 40, width: int = 60) -> np.ndarray:
    """Depth that is far on the left and near on the right."""
    ramp = np.linspace(0, 1, width, dtype=np.float32)
    return np.broadcast_to(ramp[None, :, None], (height, width, 1)).copy()


def expected(
    source: np.ndarray, depth: np.ndarray, focus: float, space: str, **values: Any
) -> np.ndarray:
    """The same frame by the effect itself, without a worker."""
    settings = parameters.settings(values)
    return effect.render_frame(
        source,
        disparity(depth, effect.reading(settings)),
        settings,
        space=space,
        focus_disparity=effect.reading(settings).at(focus),
        frame=effect.Frame((source.shape[1], source.shape[0])),
    )


def test_frame_is_the_effects_own(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    values = {"focus_mode": DISTANCE, "focus_distance": 0.25, "f_stop": 1.4, "blur_scale": 3.0}
    result = plug_in.render(source, depth, parameters=values)
    reference = expected(source, depth, 0.25, "Linear Rec.709 (sRGB)", f_stop=1.4, blur_scale=3.0)
    np.testing.assert_array_equal(result, reference)
    assert (result != source).mean() > 0.3


@pytest.mark.parametrize(("kind", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_video_and_come_back_exactly_where_in_focus(
    plug_in: Any, kind: Any, white: int
) -> None:
    source = (a_picture() * white).round().astype(kind)
    depth = a_ramp()
    depth[:, :20] = 0.5
    depth[:, 20:] = 0
    values = {"focus_mode": DISTANCE, "focus_distance": 0.5, "f_stop": 1.4, "blur_scale": 4.0}
    result = plug_in.render(source, depth, parameters=values)
    # The renderer parts the pixels of an edge, which may show both sides.
    np.testing.assert_array_equal(result[:, :18], source[:, :18])
    light = source.astype(np.float32) / white
    reference = expected(
        light, depth, 0.5, "Rec.1886 Rec.709 - Display", f_stop=1.4, blur_scale=4.0
    )
    assert np.abs(result / white - reference.clip(0, 1)).max() <= 0.51 / white
    assert result[:, 30:].std() < 0.7 * source[:, 30:].std()


def test_every_pair_of_types_and_components_agrees(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    values = {"focus_mode": DISTANCE, "colour_space": 1, "blur_scale": 3.0}
    reference = plug_in.render(source, depth, parameters=values)
    for kind, tolerance in [(np.uint8, 0.006), (np.uint16, 1e-4), (np.float16, 2e-3)]:
        white = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1
        for channels in (3, 4):
            stored = (source[..., :channels] * white).astype(kind)
            seen = (depth * white).astype(kind)
            result = plug_in.render(
                stored, seen, output_like=np.empty_like(source), parameters=values
            )
            difference = np.abs(result[..., :3] - reference[..., :3])
            assert np.quantile(difference, 0.99) < 10 * tolerance, (kind, channels)
            np.testing.assert_array_equal(result[..., 3], 1)


def test_closed_aperture_needs_no_depth_and_changes_no_bit(plug_in: Any) -> None:
    source = a_picture()
    source[0, 0] = np.nan
    source[1, 1] = np.inf
    result = plug_in.render(source, parameters={"blur_scale": 0})
    assert result.tobytes() == source.tobytes()


def test_alpha_that_is_called_opaque_goes_on_as_it_came(plug_in: Any) -> None:
    source = a_picture()
    source[..., 3] = RNG.random(source.shape[:2])
    opaque = {"premultiplication": "OfxImageOpaque"}
    values = {"focus_mode": DISTANCE, "blur_scale": 3.0}
    result = plug_in.render(source, a_ramp(), source=opaque, output=opaque, parameters=values)
    np.testing.assert_array_equal(result[..., 3], source[..., 3])
    rgb = np.ascontiguousarray(source[..., :3])
    alone = plug_in.render(rgb, a_ramp(), parameters=values)
    np.testing.assert_array_equal(result[..., :3], alone)
    source[..., 3] = 1
    result = plug_in.render(source, a_ramp(), source=opaque, output=opaque, parameters=values)
    np.testing.assert_array_equal(result[..., :3], alone)
    np.testing.assert_array_equal(result[..., 3], 1)


def test_straight_alpha_is_blurred_as_premultiplied(plug_in: Any) -> None:
    straight = a_picture()
    straight[..., 3] = RNG.uniform(0.25, 1, straight.shape[:2])
    multiplied = straight.copy()
    multiplied[..., :3] *= multiplied[..., 3:]
    un = {"premultiplication": "OfxImageUnPreMultiplied"}
    values = {"focus_mode": DISTANCE, "blur_scale": 3.0}
    reference = plug_in.render(multiplied, a_ramp(), parameters=values)
    result = plug_in.render(straight, a_ramp(), source=un, output=un, parameters=values)
    np.testing.assert_allclose(result[..., :3] * result[..., 3:], reference[..., :3], rtol=1e-5)
    mixed = plug_in.render(straight, a_ramp(), source=un, parameters=values)
    np.testing.assert_allclose(mixed, reference, rtol=1e-5)


def test_focus_point_counts_from_the_lower_left(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    depth[:20] = 0.75
    depth[20:] = 0.0
    top = plug_in.render(source, depth, parameters={"focus_point": [0.5, 0.9], "blur_scale": 4})
    np.testing.assert_array_equal(top[:10], source[:10])
    bottom = plug_in.render(source, depth, parameters={"focus_point": [0.5, 0.1], "blur_scale": 4})
    np.testing.assert_array_equal(bottom[35:], source[35:])
    assert (bottom[:10] != source[:10]).any()


def test_depth_at_the_keys_times_is_asked_for_once(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    keys = {"focus_point": [[0, 0.1, 0.5], [20, 0.9, 0.5]]}
    stays = {"target_follow": False, "blur_scale": 4.0}
    job = plug_in.request(source, depth, time=12.0, keys=keys, parameters=stays)
    need = plug_in.answer(job.send())
    assert (need.status, need.message, need.values) == (3, "Depth", (0.0, 20.0))
    at_now = job.members["images"][1]
    job.members["images"] += [at_now | {"time": t} for t in need.values]
    assert plug_in.answer(job.send()).status == 0
    # Settled three frames before 20, pulling for ten: at 12 it is half way from one to the other.
    near, far = disparity(depth, effect.reading(parameters.settings()))[20, [54, 6]]
    half = (near + far) / 2
    reference = effect.render_frame(
        source,
        disparity(depth, effect.reading(parameters.settings())),
        parameters.settings(stays),
        space="Linear Rec.709 (sRGB)",
        focus_disparity=float(half),
        frame=effect.Frame((60, 40)),
    )
    np.testing.assert_allclose(job.result(), reference, atol=1e-5)

    stays = {"parameters": {"target_follow": False}, "keys": keys}
    again = plug_in.request(source, depth, time=13.0, **stays)
    assert plug_in.answer(again.send()).status == 0, "the subjects' disparities are remembered"
    other = plug_in.request(source, depth, time=13.0, instance="b", **stays)
    assert plug_in.answer(other.send()).status == 3, "another instance has another picture"
    later = plug_in.request(source, depth, time=13.0, epoch=1, **stays)
    assert plug_in.answer(later.send()).status == 3, "the host said that its picture changed"


def test_purge_forgets_an_instance(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    keys = {"focus_point": [[0, 0.1, 0.5]]}
    stays = {"target_follow": False}
    job = plug_in.request(source, depth, time=5.0, keys=keys, parameters=stays)
    assert plug_in.answer(job.send()).values == (0.0,)
    job.members["images"].append(job.members["images"][1] | {"time": 0})
    assert plug_in.answer(job.send()).status == 0
    plug_in.send(op="purge", instance="a")
    del job.members["images"][2]
    assert plug_in.answer(job.send()).status == 3


def test_host_without_other_times_focuses_by_the_depth_at_hand(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    depth[:, 40:] = 0.6
    job = plug_in.request(source, depth, time=5.0, keys={"focus_point": [[0, 0.9, 0.5]]})
    need = plug_in.answer(job.send())
    assert (need.status, need.message) == (3, "Source\nDepth")
    for clip in ("Source", "Depth"):
        missing = [{"clip": clip, "time": time, "missing": True} for time in need.values]
        job.members["images"] += missing
    assert plug_in.answer(job.send()).status == 0
    np.testing.assert_array_equal(job.result()[:, 55:], source[:, 55:])


def test_depth_of_another_size_is_fitted(plug_in: Any) -> None:
    source = a_picture()
    values = {"focus_mode": DISTANCE, "blur_scale": 3.0}
    whole = plug_in.render(source, np.full((40, 60, 1), 0.25, np.float32), parameters=values)
    half = plug_in.render(source, np.full((20, 30, 1), 0.25, np.float32), parameters=values)
    np.testing.assert_array_equal(half, whole)
    job = plug_in.request(source, np.full((30, 30, 1), 0.25, np.float32), parameters=values)
    answer = plug_in.answer(job.send())
    assert answer.status == 1
    assert "30x30" in answer.message


def test_picture_that_does_not_start_at_zero_is_the_same(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    values = {"focus_mode": DISTANCE, "blur_scale": 3.0, "cat_eye": 0.8}
    reference = plug_in.render(source, depth, parameters=values)
    moved = {"bounds": [-10, 25, 50, 65]}
    result = plug_in.render(
        source,
        depth,
        frame=[-10, 25, 50, 65],
        window=[-10, 25, 50, 65],
        source=moved,
        depth=moved,
        output=moved,
        parameters=values,
    )
    np.testing.assert_array_equal(result, reference)


def test_window_is_cut_out_of_the_whole_frame(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    values = {"focus_mode": DISTANCE, "blur_scale": 3.0, "cat_eye": 0.8}
    reference = plug_in.render(source, depth, parameters=values)
    window = [5, 10, 25, 18]  # y upward: rows 22 to 30 from the top
    small = plug_in.render(
        source,
        depth,
        window=window,
        output_like=np.empty((8, 20, 4), np.float32),
        output={"bounds": window},
        parameters=values,
    )
    np.testing.assert_array_equal(small, reference[22:30, 5:25])


def test_window_of_the_sources_size_beside_it_shows_what_lies_in_both(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    values = {"focus_mode": DISTANCE, "blur_scale": 3.0}
    whole = plug_in.render(source, depth, frame=[0, 0, 100, 40], parameters=values)
    beside = {"bounds": [25, 0, 85, 40]}
    result = plug_in.render(source, depth, frame=[0, 0, 100, 40], output=beside, parameters=values)
    np.testing.assert_array_equal(result[:, :35], whole[:, 25:])
    assert not result[:, 35:].any()


def test_what_the_source_does_not_reach_is_black_and_transparent(plug_in: Any) -> None:
    source, depth = a_picture(20, 60), a_ramp(20, 60)
    lower = {"bounds": [0, 0, 60, 20]}
    result = plug_in.render(
        source,
        depth,
        frame=[0, 0, 60, 40],
        source=lower,
        depth=lower,
        output_like=np.ones((40, 60, 4), np.float32),
        output={"bounds": [0, 0, 60, 40]},
        parameters={"focus_mode": DISTANCE, "blur_scale": 3.0},
    )
    assert not result[:20].any()
    np.testing.assert_allclose(result[20:, :, 3], 1, rtol=1e-6)


def test_part_of_a_picture_knows_where_in_it_it_lies(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    part = {"bounds": [20, 10, 80, 50]}
    values = {"blur_scale": 3.0, "cat_eye": 0.8, "breathing": 1.0}
    result = plug_in.render(
        source,
        depth,
        frame=[0, 0, 120, 90],
        source=part,
        depth=part,
        output=part,
        parameters=values | {"focus_mode": DISTANCE, "focus_distance": 0.25},
    )
    settings = parameters.settings(values)
    reading = effect.reading(settings)
    reference = effect.render_frame(
        source,
        disparity(depth, reading),
        settings,
        space="Linear Rec.709 (sRGB)",
        focus_disparity=reading.at(0.25),
        frame=effect.Frame((120, 90), (20, 40)),
    )
    np.testing.assert_array_equal(result, reference)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1)])
def test_smallest_pictures_render(plug_in: Any, height: int, width: int) -> None:
    source = a_picture(height, width)
    result = plug_in.render(
        source, a_ramp(height, width), parameters={"blur_scale": 5.0, "focus_mode": DISTANCE}
    )
    assert np.isfinite(result).all()


def test_empty_picture_is_no_work(plug_in: Any) -> None:
    assert plug_in.render(np.empty((0, 7, 4), np.float32)).size == 0


def test_missing_depth_says_what_to_do(plug_in: Any) -> None:
    for connected, image in [(False, False), (True, True)]:
        job = plug_in.request(a_picture(), None, connected={"Depth": connected})
        if image:
            job.members["images"].append({"clip": "Depth", "time": 0.0, "missing": True})
        answer = plug_in.answer(job.send())
        assert answer.status == 1
        assert "no depth at frame 0" in answer.message
        assert "Depth input" in answer.message


def test_depth_from_a_file(plug_in: Any, tmp_path: Path) -> None:
    import OpenImageIO as oiio

    source, depth = a_picture(), a_ramp()
    path = tmp_path / "depth.exr"
    buffer = oiio.ImageBuf(depth)
    assert buffer.write(str(path))
    values = {"depth_source": 1, "depth_file": str(path), "focus_mode": DISTANCE, "blur_scale": 3.0}
    result = plug_in.render(source, parameters=values)
    clip = plug_in.render(source, depth, parameters=values | {"depth_source": 0})
    np.testing.assert_array_equal(result, clip)

    depth[...] = 0.5
    assert oiio.ImageBuf(depth).write(str(path))
    os.utime(path, ns=(1, 1))
    result = plug_in.render(source, parameters=values)
    np.testing.assert_array_equal(result, source, "a file that was written anew is read anew")

    for name, message in [("", "no Depth File is chosen"), (str(path) + "x", "exrx")]:
        job = plug_in.request(source, None, parameters=values | {"depth_file": name})
        answer = plug_in.answer(job.send())
        assert answer.status == 1
        assert message in answer.message


def test_preset_op_gives_the_numbers_of_the_lens(plug_in: Any) -> None:
    answer = plug_in.ask(op="preset", name="helios-44-2")
    lens = load_preset("helios-44-2").settings
    assert answer.status == 0
    values = iter(answer.values)
    for line in answer.message.split("\n"):
        name, tab, text = line.partition("\t")
        assert (text if tab else next(values)) == lens[name]
    assert next(values, None) is None
    assert "kernel_image\t" in answer.message
    assert "focal_length" in answer.message
    assert plug_in.ask(op="preset", name="custom").message == ""
    assert "no lens preset 'kodak'" in plug_in.ask(op="preset", name="kodak").message


def test_save_preset_op_keeps_the_lens_for_every_project(
    plug_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    chosen = {"f_stop": 1.7, "swirl": 0.4, "kernel_image": "/tmp/iris.png", "view": 1}
    for f_stop in (1.7, 2.8):
        chosen["f_stop"] = f_stop
        answer = plug_in.ask(op="save_preset", name="My Lens", parameters=chosen)
        assert answer.status == 0
        assert str(tmp_path / "synthetic-focus" / "presets" / "my-lens.toml") in answer.message
    saved = load_preset("my-lens").settings
    assert (saved["f_stop"], saved["swirl"]) == (2.8, 0.4)
    assert "kernel_image\t/tmp/iris.png" in plug_in.ask(op="preset", name="my-lens").message
    nameless = plug_in.ask(op="save_preset", name=" ", parameters=chosen)
    assert nameless.status == 1
    assert "no name for a preset" in nameless.message
    assert plug_in.ask(op="save_preset", name="x", parameters={"nonsense": 1}).status == 1


def test_preset_that_the_host_did_not_announce_is_applied(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    names = [option.key for option in parameters.table()["preset"].options]
    chosen = {"focus_mode": DISTANCE, "preset": names.index("helios-44-2"), "blur_scale": 4.0}
    look = {
        name: value
        for name, value in load_preset("helios-44-2").settings.items()
        if not isinstance(value, str)
    }
    silent = plug_in.render(source, depth, parameters=chosen, preset_applied=False)
    told = plug_in.render(source, depth, parameters=chosen | look)
    np.testing.assert_array_equal(silent, told)
    plain = plug_in.render(source, depth, parameters=chosen)
    assert (silent != plain).any()
    # What was changed by hand stays.
    own = plug_in.render(source, depth, parameters=chosen | {"f_stop": 11.0}, preset_applied=False)
    told = plug_in.render(source, depth, parameters=chosen | look | {"f_stop": 11.0})
    np.testing.assert_array_equal(own, told)


def test_many_requests_at_once_are_each_answered_rightly(plug_in: Any) -> None:
    source, depth = a_picture(), a_ramp()
    jobs = {}
    for number in range(24):
        focus = number / 24
        values = {"focus_mode": DISTANCE, "focus_distance": focus, "blur_scale": 3.0}
        job = plug_in.request(source, depth, parameters=values, instance=str(number % 2))
        jobs[job.send()] = (job, focus)
    for request in reversed(jobs):
        job, focus = jobs[request]
        assert plug_in.answer(request).status == 0
        reference = expected(source, depth, focus, "Linear Rec.709 (sRGB)", blur_scale=3.0)
        np.testing.assert_array_equal(job.result(), reference)


def test_abort_stops_running_and_waiting_frames(plug_in: Any) -> None:
    source, depth = a_picture(1080, 1920), a_ramp(1080, 1920)
    values = {"focus_mode": DISTANCE, "blur_scale": 20.0, "f_stop": 0.7, "quality": 2}
    job = plug_in.request(source, depth, parameters=values)
    requests = [job.send() for _ in range(6)]
    time.sleep(0.2)
    for request in reversed(requests):
        plug_in.send(op="abort", target=request)
    assert [plug_in.answer(request).status for request in requests] == [2] * 6
    plug_in.send(op="abort", target=requests[0])
    assert plug_in.render(a_picture(), parameters={"blur_scale": 0}) is not None


def test_abort_of_a_waiting_frame_is_answered_before_the_running_ones(plug_in: Any) -> None:
    source, depth = a_picture(1080, 1920), a_ramp(1080, 1920)
    values = {"focus_mode": DISTANCE, "blur_scale": 20.0, "f_stop": 0.7, "quality": 2}
    job = plug_in.request(source, depth, parameters=values)
    requests = [job.send() for _ in range(3)]  # the worker has two threads
    plug_in.send(op="abort", target=requests[2])
    assert plug_in.answer(requests[2]).status == 2
    assert not plug_in.answers, "another frame was done first"
    assert requests[2] not in plug_in.progress
    for request in requests[:2]:
        plug_in.send(op="abort", target=request)
        assert plug_in.answer(request).status == 2


def test_dropped_memory_lives_until_its_frame_is_done(plug_in: Any) -> None:
    source, depth = a_picture(270, 480), a_ramp(270, 480)
    job = plug_in.request(source, depth, parameters={"focus_mode": DISTANCE, "blur_scale": 5.0})
    request = job.send()
    plug_in.send(op="memory_drop", memory=job.number)
    assert plug_in.answer(request).status == 0
    answer = plug_in.answer(job.send())
    assert answer.status == 1
    assert f"no memory {job.number}" in answer.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"f_stp": 2.0}}, "no parameter 'f_stp'"),
        ({"parameters": {"f_stop": "wide"}}, "f_stop is 'wide'"),
        ({"parameters": {"view": 17}}, "view is 17"),
        ({"source": {"offset": 1 << 30}}, "does not lie in memory"),
        ({"source": {"offset": 2}}, "does not lie in memory"),
        ({"source": {"bounds": [0, 0, 4000, 4000]}}, "does not lie in memory"),
        ({"source": {"memory": 99}}, "no memory 99"),
        ({"source": {"missing": True}}, "gave no picture"),
        ({"parameters": {"near_distance": 5.0, "far_distance": 2.0}}, "near distance"),
    ],
)
def test_wrong_request_fails_with_a_sentence_and_the_next_works(
    plug_in: Any, changes: dict[str, Any], message: str
) -> None:
    answer = plug_in.answer(plug_in.request(a_picture(), a_ramp(), **changes).send())
    assert answer.status == 1
    assert message in answer.message
    plug_in.render(a_picture(), a_ramp())


def test_unfinite_depth_is_filled_and_all_unknown_is_refused(plug_in: Any) -> None:
    depth = a_ramp()
    depth[3:9, 4:20] = np.nan
    depth[0, 0] = np.inf
    assert np.isfinite(plug_in.render(a_picture(), depth)).all()
    depth[...] = np.nan
    answer = plug_in.answer(plug_in.request(a_picture(), depth).send())
    assert answer.status == 1
    assert "no known value" in answer.message


def test_versions_that_differ_are_both_named(server_stream: socket.socket, plug_in: Any) -> None:
    answer = plug_in.ask(op="hello", version=9, host="test", plugin_version="8.7")
    assert answer.status == 1
    assert "8.7 (protocol 9)" in answer.message
    assert "install-plugin" in answer.message


def test_nothing_is_done_before_hello(server_stream: socket.socket, plug_in: Any) -> None:
    plug_in_class = type(plug_in)
    from synthetic_focus.worker.server import Server

    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = Server(theirs, threads=1)
        thread = threading.Thread(target=server.serve)
        thread.start()
        stranger = plug_in_class(ours)
        assert "before hello" in stranger.ask(op="preset", name="custom").message
        assert "before hello" in stranger.answer(stranger.request(a_picture(), None).send()).message
        ours.close()
        thread.join(30)
        server.close()


def test_memory_needs_its_descriptor_and_size(plug_in: Any) -> None:
    answer = plug_in.ask(memory_new={"id": 50, "size": 4096})
    assert "without its file descriptor" in answer.message
    descriptor = os.memfd_create("test")
    os.ftruncate(descriptor, 100)
    answer = plug_in.answer(
        plug_in.send((descriptor,), op="preset", name="custom", memory_new={"id": 50, "size": 101})
    )
    os.close(descriptor)
    assert "has not 101 bytes" in answer.message


def test_truncated_message_ends_the_connection(plug_in: Any) -> None:
    plug_in.stream.sendall(struct.pack("<I", 100) + b"{")
    plug_in.stream.shutdown(socket.SHUT_WR)
    assert "within a message" in plug_in.answer(0).message


def test_huge_message_ends_the_connection(plug_in: Any) -> None:
    plug_in.stream.sendall(struct.pack("<I", 0xFFFFFFF0))
    assert "bytes is announced" in plug_in.answer(0).message


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="it is glibc's")
def test_free_memory_goes_back_between_frames(plug_in: Any) -> None:
    def held() -> int:
        return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) // 1024

    # Half a gigabyte in pieces that a heap keeps when they are freed, for what lies between them.
    pieces = [bytearray(1024 if i % 2 else 1 << 16) for i in range(1 << 14)]
    kept = pieces[1::2]
    del pieces
    before = held()
    for _ in range(32):
        plug_in.render(a_picture(), a_ramp())
    assert before - held() > 400
    del kept
