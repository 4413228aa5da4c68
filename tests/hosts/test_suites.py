"""The suites as a plug-in sees them, through the probe plug-in."""

import json
import threading

import numpy as np
import pytest

from synthetic_focus.ofx_host import (
    AbortSignal,
    ActionError,
    Behaviour,
    HostError,
    Image,
    PluginLoadError,
    Project,
    RenderAbortedError,
)


def picture(height=5, width=7, channels=4, dtype=np.float32, seed=1):
    values = np.random.default_rng(seed).random((height, width, channels))
    if np.dtype(dtype).kind == "u":
        values *= np.iinfo(dtype).max // 2
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_render_gives_the_plugins_pixels_in_place(load_probe, dtype, channels):
    plugin = load_probe()
    source = picture(channels=channels, dtype=dtype)
    with plugin.create(clips={"Source": source}) as effect:
        result = effect.render(0)
    np.testing.assert_array_equal(result.pixels, source * dtype(2))
    assert result.bounds == (0, 0, 7, 5)
    assert plugin.host.violations == []


def test_half_images_are_converted_for_a_plugin_without_half(load_probe):
    plugin = load_probe()
    source = picture(dtype=np.float16)
    with plugin.create(clips={"Source": source}) as effect:
        result = effect.render(0)
    assert result.pixels.dtype == np.float32
    np.testing.assert_array_equal(result.pixels, source.astype(np.float32) * 2)


@pytest.mark.parametrize("rows", ["bottom up", "top down"])
@pytest.mark.parametrize("padding", [0, 20])
@pytest.mark.parametrize("covers", ["window", "frame"])
def test_every_layout_of_memory_gives_the_same_picture(load_probe, rows, padding, covers):
    plugin = load_probe(Behaviour(rows=rows, row_padding=padding, output_covers=covers))
    source = Image(picture(), origin=(-3, 11))
    with plugin.create(clips={"Source": source}) as effect:
        whole = effect.render(0)
        part = effect.render(0, window=(-1, 12, 3, 15))
    np.testing.assert_array_equal(whole.pixels, source.pixels * 2)
    assert part.bounds == (-1, 12, 3, 15)
    np.testing.assert_array_equal(part.pixels, source.pixels[1:4, 2:6] * 2)
    assert plugin.host.violations == []


def test_the_output_is_written_where_the_caller_wants_it(load_probe):
    plugin = load_probe()
    source, target = picture(), np.zeros((5, 7, 4), np.float32)
    with plugin.create(clips={"Source": source}) as effect:
        assert np.shares_memory(effect.render(0, into=target).pixels, target)
        np.testing.assert_array_equal(target, source * 2)
        with pytest.raises(HostError, match="does not fit"):
            effect.render(0, into=target[1:])


def test_pictures_come_from_a_function_of_time_however_odd_the_time(load_probe):
    plugin = load_probe()

    def at(time):
        return np.full((2, 3, 4), time, np.float32)

    with plugin.create(clips={"Source": at}) as effect:
        for time in (-1e6, -3.0, 0.5, 1e9):
            assert effect.render(time).pixels[0, 0, 0] == np.float32(time) * 2


def test_an_exception_of_a_picture_function_reaches_the_caller(load_probe):
    plugin = load_probe()

    def at(time):
        if time > 0:
            raise OSError("the disk is gone")
        return picture()

    with plugin.create(clips={"Source": at}) as effect, pytest.raises(OSError, match="disk"):
        effect.render(1)


def test_a_missing_picture_is_a_failure_with_the_plugins_message(load_probe):
    plugin = load_probe()
    with plugin.create(clips={"Source": lambda time: None if time else picture()}) as effect:
        with pytest.raises(ActionError, match="no image at 7"):
            effect.render(7)
        assert effect.persistent_message == "no image at 7"
    message = plugin.host.messages[-1]
    assert (message.type, message.id, message.persistent) == ("OfxMessageError", "no image", True)


def test_a_scaled_render_sees_the_mean_of_each_pixels_area(load_probe):
    plugin = load_probe()
    source = picture(6, 8)
    with plugin.create(clips={"Source": source}) as effect:
        half = effect.render(0, scale=(0.5, 0.5))
    means = source.reshape(3, 2, 4, 2, 4).mean(axis=(1, 3)) * 2
    assert half.bounds == (0, 0, 4, 3)
    np.testing.assert_allclose(half.pixels, means, rtol=1e-6)


def test_identity_takes_the_named_clips_picture(load_probe):
    plugin = load_probe()
    source = picture()
    with plugin.create(clips={"Source": source}) as effect:
        effect["gain"].set(1.0)
        assert effect.is_identity(3.0) == ("Source", 3.0)
        np.testing.assert_array_equal(effect.render(3.0).pixels, source)
        effect["gain"].set(1.5)
        assert effect.is_identity(3.0) is None


def test_animation_is_linear_or_constant_between_keys(load_probe):
    plugin = load_probe()
    with plugin.create(clips={"Source": picture()}) as effect:
        gain, mode = effect["gain"], effect["mode"]
        gain.set_key(10, 1.0)
        gain.set_key(20, 3.0)
        assert [gain.at(t) for t in (0, 10, 12.5, 20, 99)] == [1.0, 1.0, 1.5, 3.0, 3.0]
        gain.interpolation = "constant"
        assert [gain.at(t) for t in (10, 19.999, 20)] == [1.0, 1.0, 3.0]
        gain.delete_key(10)
        assert gain.keys == [(20.0, 3.0)]
        gain.delete_key(20)
        assert (gain.keys, gain.value) == ([], 3.0)
        mode.set_key(0, "Fast")
        mode.set_key(10, "Good")
        assert mode.at(9) == 0
        with pytest.raises(HostError, match="no key at 4"):
            mode.delete_key(4)
        with pytest.raises(HostError, match="no option"):
            mode.set("Slow")


def test_an_animated_parameter_is_rendered_at_the_frames_time(load_probe):
    plugin = load_probe()
    source = picture()
    with plugin.create(clips={"Source": source}) as effect:
        effect["gain"].set_key(0, 0.0)
        effect["gain"].set_key(10, 5.0)
        result = effect.render(4)
    np.testing.assert_array_equal(result.pixels, source * np.float32(2.0))


def test_values_stay_within_their_range(load_probe):
    plugin = load_probe()
    with plugin.create() as effect:
        effect["gain"].set(1e9)
        effect["mode"].set(17)
        effect["unranged"].set(1e9)
        values = effect["gain"].value, effect["mode"].value, effect["unranged"].value
    assert values == (10.0, 1, 1e9)


def test_key_functions_of_the_suite_tell_the_curve(load_probe):
    plugin = load_probe()
    with plugin.create() as effect:
        effect["keys"].press()
        # status, count, second key's time, index before, at and after it, slope, area
        assert plugin.host.messages[-1].text == "0 3 10 0 1 2 0.1 40"
        assert effect["gain"].keys == [(0.0, 1.0), (10.0, 2.0)]
        assert effect["copy"].keys == [(100.0, 1.0), (110.0, 2.0), (120.0, 3.0)]


def test_an_edit_of_the_plugin_is_one_undo_step_and_tells_the_plugin(load_probe):
    plugin = load_probe()
    with plugin.create() as effect:
        effect["count"].set(4)
        effect["preset"].press()
        edited = [effect[n].value for n in ("gain", "point", "count", "text")]
        assert edited == [3.0, (0.25, 0.75), 7, "from the preset"]
        assert effect.undo_labels == ["count", "Preset"]
        effect.undo()
        assert [effect[n].value for n in ("gain", "point", "count")] == [2.0, (0.0, 0.0), 4]
        effect.undo()
        assert effect["count"].value == 5
        effect.sync()
        notices = effect["text"].value.split()
    assert notices[:4] == ["count:UserEdited", "preset:UserEdited", "gain:PluginEdited",
                           "point:PluginEdited"]  # fmt: skip
    assert plugin.host.violations == []


def test_edits_made_together_are_one_undo_step(load_probe):
    plugin = load_probe()
    with plugin.create() as effect:
        with effect.edit("Both"):
            effect["count"].set(9)
            effect["flag"].set(1)
        assert effect.undo_labels == ["Both"]
        effect.undo()
        assert (effect["count"].value, effect["flag"].value) == (5, 0)


def test_a_saved_project_comes_back_and_outlives_changes_of_the_plugin(load_probe):
    plugin = load_probe()
    with plugin.create() as effect:
        effect["point"].set_key(-3.5, (0.1, 0.2))
        effect["point"].interpolation = "constant"
        effect["tint"].set((1.0, 2.0, 3.0, 4.0))
        effect["session"].set("gone tomorrow")
        saved = json.loads(json.dumps(effect.save()))
    assert "session" not in saved["parameters"]
    saved["parameters"]["of a newer version"] = {"value": 3}
    del saved["parameters"]["count"]
    with plugin.create(saved=saved) as effect:
        assert effect["point"].keys == [(-3.5, (0.1, 0.2))]
        assert effect["point"].interpolation == "constant"
        assert effect["tint"].value == (1.0, 2.0, 3.0, 4.0)
        assert effect["count"].value == 5
        again = json.loads(json.dumps(effect.save()))
    assert again["parameters"]["point"] == saved["parameters"]["point"]


def test_the_timeline_suite_reads_and_moves_the_playhead(load_probe):
    plugin = load_probe(frames=(-5.0, 12.0))
    with plugin.create() as effect:
        plugin.host.time = 3.0
        effect["where"].press()
    assert plugin.host.messages[-1].text == "3 -5 12"
    assert plugin.host.time == 12.0


def test_progress_is_shown_and_can_be_cancelled(load_probe):
    shown = []

    def show(label, fraction):
        shown.append((label, fraction))
        return fraction < 0.5

    plugin = load_probe(on_progress=show)
    with plugin.create(clips={"Source": picture()}) as effect, pytest.raises(ActionError):
        effect.render(0)
    assert shown == [("Multiplying", 0.0), ("Multiplying", 0.5)]


def test_abort_from_another_thread_ends_the_render(load_probe):
    plugin = load_probe(Behaviour(threads=1))
    started, signal = threading.Event(), AbortSignal()

    def slow(label, fraction):
        started.set()
        return True

    plugin.host.on_progress = slow
    source = picture(20000, 200)
    with plugin.create(clips={"Source": source}) as effect:
        stopper = threading.Thread(target=lambda: (started.wait(), signal.set()))
        stopper.start()
        with pytest.raises(RenderAbortedError):
            effect.render(0, abort=signal)
        stopper.join()
        assert signal.polls < 20000
        # The next render is not touched by it.
        np.testing.assert_array_equal(effect.render(0).pixels, source * 2)


def test_abort_at_the_nth_question_ends_that_render_only(load_probe):
    plugin = load_probe(Behaviour(threads=1))
    signal = AbortSignal(after_polls=3)
    with plugin.create(clips={"Source": picture()}) as effect:
        with pytest.raises(RenderAbortedError):
            effect.render(0, abort=signal)
        assert signal.polls == 3
        effect.render(0)


def test_renders_of_several_threads_run_at_once(load_probe):
    plugin = load_probe(Behaviour(threads=1))
    meeting = threading.Barrier(4, timeout=20)

    def meet(label, fraction):
        if fraction:
            # Passes only when four renders are inside the plug-in at the same time.
            meeting.wait()
        return True

    plugin.host.on_progress = meet
    sources = [picture(seed=i) for i in range(2)]
    effects = [plugin.create(clips={"Source": source}) for source in sources]
    results = [None] * 4

    def work(i):
        results[i] = effects[i % 2].render(i).pixels

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, result in enumerate(results):
        np.testing.assert_array_equal(result, sources[i % 2] * 2)
    assert plugin.host.violations == []


def test_a_binary_is_loaded_once_at_a_time(load_probe, probe_binary):
    plugin = load_probe()
    with pytest.raises(PluginLoadError, match="already"):
        plugin.host.load(probe_binary)


def test_what_is_no_plugin_is_refused_with_the_reason(load_probe, tmp_path):
    host = load_probe().host
    with pytest.raises(PluginLoadError, match="does not exist"):
        host.load(tmp_path / "nothing.ofx")
    text = tmp_path / "text.ofx"
    text.write_text("no library")
    with pytest.raises(PluginLoadError, match="cannot be loaded"):
        host.load(text)
    (tmp_path / "Empty.ofx.bundle").mkdir()
    with pytest.raises(PluginLoadError, match="has no binary for this machine"):
        host.load(tmp_path / "Empty.ofx.bundle")


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 3, 2), np.float32), np.zeros((2, 3, 4), np.float64), np.zeros(3, np.float32)],
)
def test_what_is_no_image_is_refused(load_probe, pixels):
    with load_probe().create() as effect, pytest.raises((HostError, IndexError)):
        effect.clips["Source"].connect(pixels)


def test_a_region_without_end_ends_at_the_frame(load_probe):
    plugin = load_probe()
    with plugin.create(
        clips={"Source": picture()}, project=Project(region=(-1, 0, 9, 5))
    ) as effect:
        effect["text"].set("everywhere")
        assert effect.region_of_definition(0) == (-1.0, 1.0, 9.0, 5.0)
