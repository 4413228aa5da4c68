"""Shots without given depth: `synthetic_focus.render()`, `analyze()` and `estimate()`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import synthetic_focus
from synthetic_focus import color, effect, parameters
from synthetic_focus.media import open_reader
from synthetic_focus.scene.scene import SceneError

COUNT = 9


@pytest.fixture
def sequence(tmp_path, moving_picture, save_picture):
    for number in range(COUNT):
        save_picture(tmp_path / f"in.{number:04d}.png", moving_picture(number))
    return tmp_path / "in.%04d.png"


def load(path):
    with open_reader(path) as reader:
        return [reader.read(index) for index in range(len(reader))]


def test_a_shot_needs_no_depth(sequence, fake_provider, tmp_path):
    seen = []
    synthetic_focus.render(
        sequence, tmp_path / "out.%04d.exr", focus_distance=0.8, blur_scale=8.0,
        progress=lambda *done: seen.append(done),
    )  # fmt: skip
    assert seen == [(done, COUNT) for done in range(1, COUNT + 1)]
    assert len(fake_provider.pictures) == COUNT
    shot = synthetic_focus.analyze(sequence)
    assert len(fake_provider.pictures) == COUNT  # rendering has analysed it
    settings = parameters.settings(
        {"focus_mode": "distance", "focus_distance": 0.8, "blur_scale": 8.0}
    )
    results = load(tmp_path / "out.%04d.exr")
    for frame, source in enumerate(load(sequence)):
        maps = shot.maps(frame)
        expected = effect.render_frame(
            source,
            effect.dioptres(maps.disparity, settings, metric=False),
            settings,
            space="sRGB Encoded Rec.709 (sRGB)",
            focus_disparity=effect.distance_focus(settings),
            frame=effect.Frame((96, 54)),
            log_gain=maps.log_gain,
        )
        light = color.to_linear(expected, "sRGB Encoded Rec.709 (sRGB)")
        np.testing.assert_allclose(results[frame], light, atol=2e-3, rtol=2e-3)


def test_the_focus_follows_a_subject_by_estimated_depth(sequence, fake_provider, tmp_path):
    synthetic_focus.render(
        sequence, tmp_path / "out.%04d.png", focus=[(0.25, 0.5)], blur_scale=8.0, recover_light=0.0
    )
    for frame in (0, 8):
        source, result = load(sequence)[frame], load(tmp_path / "out.%04d.png")[frame]
        box = np.s_[24:30, 14 + 2 * frame : 28 + 2 * frame]
        assert np.abs(result[box] - source[box]).mean() < 0.6 * np.abs(result - source).mean()
    assert len(fake_provider.pictures) == COUNT


def test_the_second_render_estimates_nothing(sequence, fake_provider, tmp_path):
    for name in ("first", "second"):
        synthetic_focus.render(sequence, tmp_path / f"{name}.%04d.png", focus_distance=0.8)
    assert len(fake_provider.pictures) == COUNT
    for one, other in zip(
        load(tmp_path / "first.%04d.png"), load(tmp_path / "second.%04d.png"), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_cache_that_cannot_be_written_changes_nothing_but_the_time(
    sequence, fake_provider, tmp_path, monkeypatch, caplog
):
    synthetic_focus.render(sequence, tmp_path / "first.%04d.png", focus_distance=0.8)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path / "file"))
    synthetic_focus.render(sequence, tmp_path / "second.%04d.png", focus_distance=0.8)
    assert len(fake_provider.pictures) == 2 * COUNT
    assert len([one for one in caplog.records if "cannot be written" in one.message]) == 1
    for one, other in zip(
        load(tmp_path / "first.%04d.png"), load(tmp_path / "second.%04d.png"), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_depth_view_shows_what_is_estimated(sequence, fake_provider, tmp_path):
    synthetic_focus.render(sequence, tmp_path / "out.%04d.png", view="depth", frames=(3, 3))
    (shown,) = load(tmp_path / "out.%04d.png")
    found = synthetic_focus.analyze(sequence).disparity(3)
    assert np.corrcoef(shown[..., 0].ravel(), np.clip(found, 0, 1).ravel())[0, 1] > 0.99


def test_one_picture_by_itself(fake_provider, moving_picture):
    srgb = moving_picture(0).astype(np.float32) / np.float32(255)
    light = color.to_linear(srgb, "sRGB Encoded Rec.709 (sRGB)")
    large = np.kron(light, np.ones((20, 20, 1), np.float32))
    scene = synthetic_focus.estimate(large)
    assert scene.disparity.shape == (1080, 1920)
    assert fake_provider.pictures[0].shape == (540, 960, 3)
    np.testing.assert_allclose(scene.gain[100, 1500], 8, rtol=1e-5)
    assert (scene.gain[large.max(axis=2) < 0.9] == 1).all()
    with pytest.raises(SceneError, match=r"uint8 of shape \(54, 96, 3\)"):
        synthetic_focus.estimate(moving_picture(0))


def test_log_and_linear_footage_is_analysed_as_the_video_of_it_would_be(
    fake_provider, moving_picture
):
    from synthetic_focus.scene.analysis import analysis_picture

    picture = moving_picture(2)
    srgb = picture.astype(np.float32) / np.float32(255)
    light = color.to_linear(srgb, "sRGB Encoded Rec.709 (sRGB)")
    for space in (color.REC709_LINEAR, "sRGB Encoded Rec.709 (sRGB)", color.REC709_VIDEO):
        encoded = color.from_linear(light, space)
        assert np.abs(analysis_picture(encoded, space).astype(int) - picture).max() <= 1
    wide = (
        light
        @ np.array(
            [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]],
            np.float32,
        ).T
    )
    found = analysis_picture(wide.astype(np.float32), "Linear Rec.2020").astype(int)
    assert np.abs(found - picture).max() <= 1


def test_light_that_is_no_number_is_analysed_as_none(fake_provider, moving_picture):
    from synthetic_focus.scene.analysis import analysis_picture

    light = np.full((20, 30, 4), 0.18, np.float32)
    light[3, 4] = np.nan
    light[5, 6] = np.inf
    found = analysis_picture(light, color.REC709_LINEAR)
    assert found[3, 4].tolist() == [0, 0, 0]
    assert found[5, 6].tolist() == [255, 255, 255]
    assert found[0, 0].tolist() == [118, 118, 118]


_LONG = """
import ctypes, gc, importlib.util, sys
from pathlib import Path

import numpy as np

import synthetic_focus
from synthetic_focus.scene import providers

folder, fake = map(Path, sys.argv[1:])
spec = importlib.util.spec_from_file_location("fake_provider", fake)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
provider = module.FakeProvider()
providers.provider = lambda model="built-in": provider


def kept_among_what_is_freed():
    # 128 MB stay free between these, as hundreds of frames of 1920x1080 leave behind.
    pieces = [bytearray(1024 if i % 2 else 1 << 16) for i in range(1 << 12)]
    return pieces[1::2]


def held(done, count):
    global kept
    provider.pictures.clear()  # which it keeps for other tests
    gc.collect()
    if not 50 < done <= 75:
        ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    print(status.split("RssAnon:")[1].split()[0])
    if done == 50:
        kept = kept_among_what_is_freed()


synthetic_focus.analyze(folder / "in.%04d.png", progress=held)
synthetic_focus.render(
    folder / "in.%04d.png", folder / "out.%04d.png", blur_scale=4.0, progress=held
)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_longer_shot_takes_no_more_memory(tmp_path, moving_picture, save_picture):
    for number in range(100):
        save_picture(tmp_path / f"in.{number:04d}.png", moving_picture(number, 480, 270))
    fake = Path(__file__).with_name("fake_provider.py")
    command = [sys.executable, "-c", _LONG, str(tmp_path), str(fake)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    held = np.array(done.stdout.split(), float).reshape(2, 100) / 1024  # MB
    # The least of some frames, since others are being made whenever one is done.
    before, between, after = (held[:, 40:50], held[:, 50:75], held[:, 90:])
    # Fifty more frames in use: one disparity map of each would be 26 MB.
    assert (after.min(axis=1) - before.min(axis=1)).max() < 15, held.round().tolist()
    # Free memory, which nothing but the package lets go of between, is not all held.
    assert (between.min(axis=1) - before.min(axis=1)).max() < 64, held.round().tolist()
