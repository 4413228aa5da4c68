"""Shots from files: each frame is estimated once, and is the same in whatever order it is made."""

import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_focus.media import MediaError, open_reader
from synthetic_focus.scene import analysis
from synthetic_focus.scene.analysis import Analyser, Glimpse
from synthetic_focus.scene.cache import Cache, fingerprint_of, stored_precision
from synthetic_focus.scene.flow import DisFlow, both_ways
from synthetic_focus.scene.outlines import aligned
from synthetic_focus.scene.parallax import fused
from synthetic_focus.scene.providers import Estimate, ModelError
from synthetic_focus.scene.shot import Shot, analyze
from synthetic_focus.scene.temporal import Look, coherent, filtered

COUNT, FIRST = 12, 101


@pytest.fixture
def sequence(tmp_path: Path, moving_picture, save_picture) -> Path:
    """Twelve frames, numbered 101 to 112."""
    for number in range(COUNT):
        save_picture(tmp_path / f"shot.{FIRST + number:04d}.png", moving_picture(number))
    return tmp_path / "shot.%04d.png"


def maps_of(shot: Shot, order) -> dict[int, np.ndarray]:
    return {frame: np.dstack([shot.disparity(frame), shot.gain(frame)]) for frame in order}


def assert_equal(found: dict[int, np.ndarray], expected: dict[int, np.ndarray]) -> None:
    for frame, maps in found.items():
        np.testing.assert_array_equal(maps, expected[frame])


@pytest.mark.parametrize("soft_outlines", [False, True])
def test_a_frame_is_what_the_filter_makes_of_it_and_the_six_before_and_after(
    sequence, fake_provider, moving_picture, soft_outlines
):
    fake_provider.soft_outlines = soft_outlines
    shot = analyze(sequence)
    for frame in (0, 3, 7, 11):
        first = max(0, frame - 6)
        pictures = [moving_picture(one) for one in range(first, min(COUNT, frame + 7))]
        looks = []
        for picture in pictures:
            share = picture.astype(np.float32) / np.float32(255)
            raw = stored_precision(
                Estimate(fake_provider.disparity(share), fake_provider.log_gain(share))
            )
            grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
            looks.append(Look(grey, raw.disparity, raw.log_gain))
        flows = [both_ways(DisFlow(), one.grey, next_.grey) for one, next_ in pairwise(looks)]
        now = frame - first
        disparity, log_gain = filtered(looks, flows, now)
        disparity = fused(coherent(looks[now].disparity, disparity), flows, now)
        if soft_outlines:
            disparity = aligned(disparity, pictures[now])
        expected = stored_precision(Estimate(disparity, log_gain))
        np.testing.assert_array_equal(shot.disparity(frame), expected.disparity)
        np.testing.assert_array_equal(shot.gain(frame), np.exp(expected.log_gain))
    assert len(fake_provider.pictures) == COUNT
    assert (len(shot), shot.size, shot.fps, shot.metric) == (COUNT, (96, 54), 24, False)


def test_in_order_a_frame_costs_one_estimate_and_one_flow_both_ways(
    sequence, fake_provider, tmp_path, monkeypatch
):
    found = []
    calculate = DisFlow.__call__

    def counted(flow, first, second):
        found.append(None)
        return calculate(flow, first, second)

    monkeypatch.setattr(DisFlow, "__call__", counted)
    spent = []
    with Shot(open_reader(sequence), cache=Cache(tmp_path / "cache")) as shot:
        for frame in range(COUNT):
            shot.maps(frame)
            spent.append((len(fake_provider.pictures), len(found) // 2))
    # The first needs the six after it; then one comes in a frame, until none is left.
    assert spent == [(min(7 + i, COUNT), min(6 + i, COUNT - 1)) for i in range(COUNT)]


def test_any_order_and_any_number_of_threads_give_the_same_maps(sequence, fake_provider, tmp_path):
    expected = maps_of(analyze(sequence), range(COUNT))
    order = list(range(COUNT))
    random.Random(3).shuffle(order)
    with Shot(open_reader(sequence), cache=Cache(tmp_path / "random")) as shot:
        assert_equal(maps_of(shot, order), expected)
    asked = len(fake_provider.pictures)
    with (
        Shot(open_reader(sequence), cache=Cache(tmp_path / "threads")) as shot,
        ThreadPoolExecutor(8) as pool,
    ):
        for found in pool.map(lambda frame: maps_of(shot, [frame]), order):
            assert_equal(found, expected)
    assert len(fake_provider.pictures) == asked + COUNT
    without = Cache(tmp_path / "without", limit=0)
    with Shot(open_reader(sequence), cache=without) as shot:
        assert_equal(maps_of(shot, order), expected)


def test_the_second_time_nothing_is_estimated_or_even_read(sequence, fake_provider, tmp_path):
    expected = maps_of(analyze(sequence), range(COUNT))
    asked = len(fake_provider.pictures)
    for number in range(COUNT):
        path = tmp_path / f"shot.{FIRST + number:04d}.png"
        status = path.stat()
        # The size of the picture is asked for, its pixels are not.
        path.write_bytes(path.read_bytes()[: status.st_size // 2] + bytes(status.st_size // 2))
        path.write_bytes(path.read_bytes().ljust(status.st_size, b"-"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert_equal(maps_of(analyze(sequence), range(COUNT)), expected)
    assert len(fake_provider.pictures) == asked


def test_only_changed_frames_are_estimated_again(
    sequence, fake_provider, moving_picture, save_picture, tmp_path
):
    analyze(sequence)
    asked = len(fake_provider.pictures)
    for number in (4, 10):
        graded = np.clip(moving_picture(number) * 0.8, 0, 255).astype(np.uint8)
        save_picture(tmp_path / f"shot.{FIRST + number:04d}.png", graded)
    found = maps_of(analyze(sequence), range(COUNT))
    assert len(fake_provider.pictures) == asked + 2
    assert_equal(maps_of(analyze(sequence, cache=Cache(tmp_path / "fresh")), range(COUNT)), found)


def test_frames_that_were_only_touched_are_not_estimated_again(sequence, fake_provider, tmp_path):
    expected = maps_of(analyze(sequence), range(COUNT))
    for path in tmp_path.glob("shot.*.png"):
        os.utime(path, (1, 1))
    asked = len(fake_provider.pictures)
    assert_equal(maps_of(analyze(sequence), range(COUNT)), expected)
    assert len(fake_provider.pictures) == asked


def test_the_same_pictures_under_another_name_are_not_estimated_again(
    sequence, fake_provider, tmp_path
):
    expected = maps_of(analyze(sequence), range(COUNT))
    for number in range(COUNT):
        old = tmp_path / f"shot.{FIRST + number:04d}.png"
        old.rename(tmp_path / f"other.{number:04d}.png")
    asked = len(fake_provider.pictures)
    assert_equal(maps_of(analyze(tmp_path / "other.%04d.png"), range(COUNT)), expected)
    assert len(fake_provider.pictures) == asked


def test_nothing_from_across_a_cut_is_mixed_in(
    fake_provider, moving_picture, save_picture, tmp_path, own_cache
):
    """Each of three scenes, the middle one of a single frame, is as if there were no others."""
    scenes = {"a": range(5), "b": range(5, 6), "c": range(6, 12)}
    for scene, frames in scenes.items():
        for number in frames:
            picture = moving_picture(number)
            if scene == "b":
                picture = 255 - picture
            if scene == "c":
                picture = picture[::-1, ::-1]
            save_picture(tmp_path / f"whole.{number:04d}.png", picture)
            save_picture(tmp_path / f"{scene}.{number:04d}.png", picture)
    shot = analyze(tmp_path / "whole.%04d.png")
    (manifest,) = own_cache.glob("*/manifest.json")
    assert '"cuts": [\n  "000005",\n  "000006"\n ]' in manifest.read_text()
    for scene, frames in scenes.items():
        alone = analyze(tmp_path / f"{scene}.%04d.png", cache=Cache(tmp_path / "cache"))
        expected = maps_of(alone, range(len(frames)))
        assert_equal(
            maps_of(shot, frames), {frames[0] + one: maps for one, maps in expected.items()}
        )


def test_a_picture_of_another_size_is_not_mixed_in(fake_provider, moving_picture, tmp_path):
    cache = Cache(tmp_path / "cache")
    analyser = Analyser(fake_provider, cache, cache.shot("fake", (96, 54), "a clip"))
    sizes = [(48, 27), (96, 54), (96, 54), (48, 27)]
    pictures = [moving_picture(i, *size) for i, size in enumerate(sizes)]
    glimpses = [Glimpse(picture, fingerprint_of(picture)) for picture in pictures]
    for now in (1, 2):
        found = analyser.steady(now, glimpses, now).maps.disparity
        alone = analyser.steady(9, glimpses[1:3], now - 1).maps.disparity
        np.testing.assert_array_equal(found, alone)


def test_two_frames_with_the_same_window_are_not_taken_for_each_other(
    sequence, fake_provider, moving_picture, tmp_path
):
    """Of a shot of five frames all have it, and a host may give another frame their number."""
    cache = Cache(tmp_path / "cache")
    analyser = Analyser(fake_provider, cache, cache.shot("fake", (96, 54), "a clip"))
    pictures = [moving_picture(i) for i in range(5)]
    glimpses = [Glimpse(picture, fingerprint_of(picture)) for picture in pictures]
    first, second = (analyser.steady(7, glimpses, now) for now in (1, 2))
    assert (first.fingerprint, second.fingerprint) == tuple(g.fingerprint for g in glimpses[1:3])
    assert not np.array_equal(first.maps.disparity, second.maps.disparity)


def test_parallax_is_read_in_the_whole_window(sequence, fake_provider, monkeypatch):
    windows = []

    def read(disparity, flows, now):
        windows.append((len(flows), now))
        return disparity

    monkeypatch.setattr(analysis, "fused", read)
    analyze(sequence)
    assert windows[0] == (6, 0)
    assert windows[COUNT // 2] == (COUNT - 1, 6)
    assert windows[-1] == (6, 6)


@pytest.mark.parametrize("count", [2, 5])
def test_of_a_shot_shorter_than_the_window_no_frame_is_estimated_twice(
    fake_provider, moving_picture, save_picture, tmp_path, count
):
    """Though the last one is wanted by both threads at once."""
    for number in range(count):
        save_picture(tmp_path / f"short.{number:04d}.png", moving_picture(number))
    for attempt in range(10):
        analyze(tmp_path / "short.%04d.png", cache=Cache(tmp_path / f"cache {attempt}"))
    assert len(fake_provider.pictures) == 10 * count


def test_what_stops_an_analysis_is_asked_before_every_part_of_the_work(
    fake_provider, moving_picture, tmp_path
):
    cache = Cache(tmp_path / "cache")
    analyser = Analyser(fake_provider, cache, cache.shot("fake", (96, 54), "a clip"))
    pictures = [moving_picture(i) for i in range(13)]
    glimpses = [Glimpse(picture, fingerprint_of(picture)) for picture in pictures]
    checks = []
    analyser.prepare(glimpses, 6, lambda: checks.append(len(fake_provider.pictures)))
    assert checks == [*range(13), *[13] * 12]  # thirteen estimates, and twelve flows

    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        analyser.prepare(glimpses, 6, stop)
    analyser.steady(6, glimpses, 6)
    assert len(fake_provider.pictures) == 13


def test_a_damaged_entry_is_made_again(sequence, fake_provider, own_cache):
    expected = maps_of(analyze(sequence), range(COUNT))
    for path in own_cache.glob("*/frames/00010[3-6].exr"):
        path.write_bytes(path.read_bytes()[:-20])
    for path in own_cache.glob("*/raw/*.exr"):
        path.write_bytes(b"?")
    for path in own_cache.glob("*/manifest.json"):
        path.write_text("{")
    assert_equal(maps_of(analyze(sequence), range(COUNT)), expected)


def test_some_frames_of_a_shot_are_as_in_the_whole(sequence, fake_provider, tmp_path):
    expected = maps_of(analyze(sequence, cache=Cache(tmp_path / "whole")), range(COUNT))
    asked = len(fake_provider.pictures)
    seen = []
    shot = analyze(sequence, frames=(109, 110), progress=lambda *done: seen.append(done))
    assert seen == [(1, 2), (2, 2)]
    assert len(fake_provider.pictures) == asked + 10  # they, the six before and the two after
    assert_equal(maps_of(shot, (8, 9)), expected)


def test_a_gap_ends_the_window_and_is_named_where_it_is_asked_for(
    sequence, fake_provider, tmp_path
):
    for gap in (104, 109):
        (tmp_path / f"shot.{gap:04d}.png").unlink()
    with pytest.raises(MediaError, match=r"gaps.*\(104, 109\)"):
        analyze(sequence)
    shot = analyze(sequence, frames=(105, 107))
    asked = len(fake_provider.pictures)
    assert asked == 4  # up to 108
    assert shot.disparity(7).shape == (54, 96)
    assert len(fake_provider.pictures) == asked


def test_a_frame_that_is_added_to_a_sequence_changes_the_six_before_it(
    sequence, fake_provider, moving_picture, save_picture, tmp_path
):
    before = maps_of(analyze(sequence), range(COUNT))
    asked = len(fake_provider.pictures)
    save_picture(tmp_path / f"shot.{FIRST + COUNT:04d}.png", moving_picture(COUNT))
    after = maps_of(analyze(sequence), range(COUNT))
    assert len(fake_provider.pictures) == asked + 1
    changed = [frame for frame in before if not np.array_equal(before[frame], after[frame])]
    assert changed == list(range(COUNT - 6, COUNT))


@pytest.mark.parametrize("frame", [-1, 10_000])
def test_a_frame_that_is_not_there_is_named(sequence, fake_provider, frame):
    with analyze(sequence, frames=(101, 101)) as shot:
        named = f"no frame {shot.first_frame + frame};"
        for ask in (shot.disparity, shot.gain):
            with pytest.raises(MediaError, match=named):
                ask(frame)


def test_a_model_is_calibrated_by_the_frames_that_are_there(sequence, fake_provider, tmp_path):
    fake_provider.calibrated = False
    (tmp_path / "shot.0104.png").unlink()
    with analyze(sequence, frames=(105, 107)) as shot:
        assert np.isfinite(shot.disparity(105 - shot.first_frame)).all()


def test_a_model_that_leaves_its_range_open_is_calibrated_once_for_the_shot(
    sequence, fake_provider, tmp_path
):
    expected = maps_of(analyze(sequence, cache=Cache(tmp_path / "plain")), range(COUNT))
    fake_provider.calibrated = False
    plain = fake_provider.disparity
    fake_provider.disparity = lambda picture: plain(picture) * 1000 - 40
    fake_provider.identity = "fake of any range"
    cache = Cache(tmp_path / "calibrated")
    found = maps_of(analyze(sequence, cache=cache), range(COUNT))
    ratios = []
    for frame in range(COUNT):
        slope, _ = np.polyfit(expected[frame][..., 0].ravel(), found[frame][..., 0].ravel(), 1)
        ratios.append(slope)
        assert -0.1 < np.quantile(found[frame][..., 0], 0.02) < 0.1
        assert 0.8 < np.quantile(found[frame][..., 0], 0.995) < 1.2
    assert np.ptp(ratios) < 0.03 * np.mean(ratios)
    with Shot(open_reader(sequence), cache=Cache(tmp_path / "random")) as shot:
        assert_equal(maps_of(shot, [7, 2, 11]), found)


def test_light_is_expanded_where_a_model_says_nothing_of_it(
    sequence, fake_provider, moving_picture
):
    fake_provider.log_gain = lambda picture: None
    gain = analyze(sequence).gain(2)
    clipped = moving_picture(2).max(axis=2) >= 250
    assert (gain[clipped] > 1.2).all()
    assert (gain[~clipped] == 1).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda d: d[:-1], r"disparity of \(53, 96\)"),
        (lambda d: np.full_like(d, np.nan), "no numbers"),
    ],
)
def test_a_model_that_makes_no_sense_says_so(sequence, fake_provider, wrong, message):
    plain = fake_provider.disparity
    fake_provider.disparity = lambda picture: wrong(plain(picture))
    with pytest.raises(ModelError, match=f"fake 1 gives .*{message}"):
        analyze(sequence)


def test_large_pictures_are_analysed_small(tmp_path, fake_provider, save_picture):
    picture = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)
    shot = analyze(save_picture(tmp_path / "large.png", picture))
    assert shot.disparity(0).shape == (540, 960)
    assert shot.image(0).shape == (540, 960, 3)
    area = picture.astype(np.float32).reshape(540, 2, 960, 2, 3).mean((1, 3))
    np.testing.assert_allclose(shot.image(0)[..., ::-1], area, atol=1.01)


ANALYSIS = """
import importlib.util, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("fake_provider", sys.argv[2])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from synthetic_focus.scene import providers
provider = module.FakeProvider(wait=lambda: (print("estimate", flush=True), time.sleep(0.05)))
providers.provider = lambda model: provider
from synthetic_focus.scene.shot import analyze
analyze(sys.argv[1])
"""


def test_an_analysis_that_is_killed_goes_on_where_it_was(sequence, fake_provider, tmp_path):
    fake = Path(__file__).parents[1] / "fake_provider.py"
    process = subprocess.Popen(
        [sys.executable, "-c", ANALYSIS, str(sequence), str(fake)],
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(6):
        assert process.stdout.readline() == "estimate\n"
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    found = maps_of(analyze(sequence), range(COUNT))
    assert len(fake_provider.pictures) <= COUNT - 5
    assert_equal(maps_of(analyze(sequence, cache=Cache(tmp_path / "fresh")), range(COUNT)), found)
