"""The shot cache: what is stored comes back or is missing, whatever happens to the disk."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.scene import cache as cache_module
from synthetic_focus.scene.cache import (
    Cache,
    CacheError,
    StoredFrame,
    fingerprint_of,
    stored_precision,
)
from synthetic_focus.scene.providers import Estimate

SIZE = (48, 27)
PROVIDER = "fake 1"


@pytest.fixture(autouse=True)
def forget_warnings():
    cache_module._warn_once.cache_clear()


def maps(seed: int = 0, *, light: bool = True) -> Estimate:
    rng = np.random.default_rng(seed)
    gain = np.zeros((27, 48, 3), np.float32)
    gain[5:9, 20:30] = rng.random((4, 10, 3), np.float32)
    return Estimate(rng.random((27, 48), np.float32), gain if light else None)


def stored(seed: int = 0, **options: bool) -> StoredFrame:
    picture, window = fingerprint_of("picture", seed), fingerprint_of("window", seed)
    return StoredFrame(picture, window, maps(seed, **options), f"stamp {seed}")


def assert_same(found: StoredFrame | None, frame: StoredFrame) -> None:
    assert found is not None
    assert (found.fingerprint, found.window) == (frame.fingerprint, frame.window)
    assert found.stamp == frame.stamp
    expected = stored_precision(frame.maps)
    np.testing.assert_array_equal(found.maps.disparity, expected.disparity)
    if expected.log_gain is None:
        assert found.maps.log_gain is None
    else:
        np.testing.assert_array_equal(found.maps.log_gain, expected.log_gain)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.mark.parametrize("number", [0, 7, -3, 12.5, 1234567])
@pytest.mark.parametrize("light", [True, False])
def test_what_is_stored_comes_back_in_a_cache_that_is_opened_anew(cache, number, light):
    frame = stored(3, light=light)
    cache.shot(PROVIDER, SIZE, "a.mov").store_frame(number, frame)
    again = Cache(cache.folder).shot(PROVIDER, SIZE, "a.mov")
    assert_same(again.frame(number), frame)
    assert again.frame(number + 1) is None


def test_half_floats_are_what_is_promised_of_a_fresh_result():
    found = stored_precision(Estimate(np.array([[0.1, 1e6, -1e6]], np.float32), None))
    np.testing.assert_array_equal(found.disparity, np.float32([[np.float16(0.1), 65504, -65504]]))


def test_other_sources_providers_and_sizes_are_other_shots(cache):
    shots = [
        cache.shot(PROVIDER, SIZE, "a.mov"),
        cache.shot(PROVIDER, SIZE, "b.mov"),
        cache.shot("fake 2", SIZE, "a.mov"),
        cache.shot(PROVIDER, (96, 54), "a.mov"),
    ]
    assert len({shot.name for shot in shots}) == 4


def test_a_raw_estimate_is_found_in_whatever_shot_it_was_made(cache):
    cache.shot(PROVIDER, SIZE, "a.mov").store_raw("f" * 32, maps(4))
    found = cache.raw(PROVIDER, SIZE, "f" * 32)
    np.testing.assert_array_equal(found.disparity, stored_precision(maps(4)).disparity)
    assert cache.raw("fake 2", SIZE, "f" * 32) is None
    assert cache.raw(PROVIDER, SIZE, "e" * 32) is None


def test_a_shot_is_found_by_a_frame_and_its_picture(cache):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    frame = stored(1)
    shot.store_raw(frame.fingerprint, maps(1))
    shot.store_frame(5, frame)
    assert cache.find(PROVIDER, SIZE, 5, frame.fingerprint).name == shot.name
    assert cache.find(PROVIDER, SIZE, 6, frame.fingerprint) is None
    assert cache.find(PROVIDER, SIZE, 5, stored(2).fingerprint) is None


def test_any_compositor_can_open_a_frame(cache):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(12, stored(1))
    path = cache.folder / shot.name / "frames" / "000012.exr"
    picture = oiio.ImageBuf(str(path))
    assert picture.spec().channelnames == ("disparity", "log_gain.R", "log_gain.G", "log_gain.B")
    assert str(picture.spec().format) == "half"
    np.testing.assert_array_equal(
        picture.get_pixels(oiio.FLOAT)[..., 0], stored_precision(maps(1)).disparity
    )


def test_the_manifest_says_what_is_there(cache):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    for number in range(3):
        shot.store_frame(number, stored(number), is_cut=number == 2)
    shot.note(normalisation=[0.5, 2.0])
    shot.write_manifest()
    manifest = json.loads((cache.folder / shot.name / "manifest.json").read_text())
    assert manifest["format"] == "synthetic-focus/shot"
    assert (manifest["provider"], manifest["size"]) == (PROVIDER, list(SIZE))
    assert manifest["frames"]["000002"] == stored(2).fingerprint
    assert (manifest["cuts"], manifest["normalisation"]) == (["000002"], [0.5, 2.0])
    shot.store_frame(2, stored(2))
    shot.write_manifest()
    assert shot.manifest()["cuts"] == []
    (summary,) = cache.shots()
    assert (summary.source, summary.provider, summary.frames) == ("a.mov", PROVIDER, 3)
    assert summary.size == cache.size() > 1000


def test_two_writers_of_one_manifest_keep_what_the_other_wrote(cache):
    one, other = (cache.shot(PROVIDER, SIZE, "a.mov") for _ in range(2))
    one.store_frame(0, stored(0))
    other.store_frame(1, stored(1))
    one.store_frame(2, stored(2))
    one.write_manifest()
    other.write_manifest()
    assert set(one.manifest()["frames"]) == {"000000", "000001", "000002"}


DAMAGES = {
    "cut short": lambda b: b[: len(b) // 2],
    "empty": lambda b: b"",
    "another file": lambda b: b"GIF89a" + b[6:],
    "zeros within": lambda b: b[:-200] + bytes(200),
    "a wild header": lambda b: b[:30] + random.Random(0).randbytes(200) + b[230:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_missing(cache, damage):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(0, stored(0))
    path = cache.folder / shot.name / "frames" / "000000.exr"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert shot.frame(0) is None
    shot.store_frame(0, stored(0))
    assert_same(shot.frame(0), stored(0))


def test_a_whole_file_with_other_pixels_is_missing(cache):
    """What no compression notices: a file that somebody has edited."""
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(0, stored(0))
    path = cache.folder / shot.name / "frames" / "000000.exr"
    picture = oiio.ImageBuf(str(path))
    pixels = picture.get_pixels(oiio.HALF)
    pixels[3, 4, 0] += 0.25
    picture.set_pixels(picture.roi, pixels)
    assert picture.write(str(path))
    assert shot.frame(0) is None


def test_any_bit_that_turns_over_is_noticed_or_harmless(cache):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(0, stored(0))
    path = cache.folder / shot.name / "frames" / "000000.exr"
    whole = path.read_bytes()
    for place in random.Random(1).sample(range(len(whole)), 150):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        found = shot.frame(0)
        if found is not None:
            assert_same(found, stored(0))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', '{"version": 99}', "\0\0"])
def test_a_damaged_manifest_is_written_anew(cache, text):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(0, stored(0))
    (cache.folder / shot.name / "manifest.json").write_text(text)
    assert shot.manifest() == {}
    cache.shots()
    shot.store_frame(1, stored(1))
    shot.write_manifest()
    assert "000001" in shot.manifest()["frames"]
    assert_same(shot.frame(0), stored(0))


def test_side_data_come_back_unless_they_are_damaged(cache):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    assert shot.read_json("tracks-1") is None
    value = {"boxes": [[0.1, 0.25, 1e-9]], "lost": [False], "name": "Zoë"}
    shot.write_json("tracks-1", value)
    assert shot.read_json("tracks-1") == value
    path = cache.folder / shot.name / "data" / "tracks-1.json"
    path.write_text(path.read_text().replace("0.25", "0.26"))
    assert shot.read_json("tracks-1") is None
    with pytest.raises(CacheError, match="cannot be the name"):
        shot.write_json("../outside", value)


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    one = len(cache_module._encoded(stored(0)))
    cache = Cache(tmp_path, limit=10 * one)
    old, new = (cache.shot(PROVIDER, SIZE, name) for name in ("old", "new"))
    for number in range(5):
        old.store_frame(number, stored(number))
        path = cache.folder / old.name / "frames" / f"{number:06d}.exr"
        os.utime(path, (1000 + number, 1000 + number))
    assert old.frame(0) is not None  # used: so it is the newest now
    for number in range(8):
        new.store_frame(number, stored(number))
    assert cache.size() <= cache.limit
    assert old.frame(0) is not None
    assert old.frame(1) is None
    assert all(new.frame(number) is not None for number in range(8))


def test_a_shot_of_which_nothing_is_left_goes_as_a_whole(tmp_path):
    cache = Cache(tmp_path, limit=40_000)
    old = cache.shot(PROVIDER, SIZE, "old")
    old.store_frame(0, stored(0))
    old.write_manifest()
    os.utime(cache.folder / old.name / "frames" / "000000.exr", (1000, 1000))
    new = cache.shot(PROVIDER, SIZE, "new")
    for number in range(20):
        new.store_frame(number, stored(number))
    assert not (cache.folder / old.name).exists()


def test_clear_removes_shots_and_nothing_else(cache):
    cache.shot(PROVIDER, SIZE, "a.mov").store_frame(0, stored(0))
    mine = cache.folder / "holiday.jpg"
    mine.write_bytes(b"mine")
    assert cache.clear() > 0
    assert cache.size() == 0
    assert mine.exists()
    assert Cache(cache.folder / "nowhere").clear() == 0


def test_the_environment_says_where_and_how_large(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE_GB", "0.5")
    assert (Cache().folder, Cache().limit) == (tmp_path / "elsewhere", 500_000_000)
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE_GB", "much")
    with pytest.raises(CacheError, match="number of gigabytes"):
        Cache()
    monkeypatch.delenv("SYNTHETIC_FOCUS_CACHE")
    monkeypatch.delenv("SYNTHETIC_FOCUS_CACHE_GB")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache().folder == tmp_path / "synthetic-focus" / "shots"
    assert Cache().limit == 20_000_000_000


WRITER = """
import sys
from pathlib import Path
import numpy as np
from synthetic_focus.scene.cache import Cache, StoredFrame
from synthetic_focus.scene.providers import Estimate

folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
shot = Cache(folder).shot("fake 1", (48, 27), "a.mov")
print("ready", flush=True)
for number in range(count):
    value = np.full((27, 48), number / 1024, np.float32)
    shot.store_frame(number, StoredFrame(f"{number:032x}", "", Estimate(value)))
    shot.write_manifest()
"""


def start_writer(folder: Path, seed: int, count: int) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(seed), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    return writer


def test_several_processes_write_one_shot(cache):
    writers = [start_writer(cache.folder, seed, 40) for seed in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    for number in range(40):
        found = shot.frame(number)
        assert found is not None
        assert (found.maps.disparity == number / 1024).all()
    assert len(shot.manifest()["frames"]) == 40


def test_writers_that_are_killed_leave_a_cache_that_works(cache):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    for seed in range(6):
        writer = start_writer(cache.folder, seed, 100_000)
        time.sleep(0.05 + 0.037 * seed)
        writer.send_signal(signal.SIGKILL)
        writer.wait(30)
        for path in (cache.folder / shot.name / "frames").glob("0*.exr"):
            found = shot.frame(int(path.stem))
            assert found is not None, path
            assert (found.maps.disparity == int(path.stem) / 1024).all()
        began = time.monotonic()
        shot.store_frame(999_999, stored(seed))
        shot.write_manifest()  # the lock went with its holder
        assert time.monotonic() - began < 2
    assert shot.manifest()["frames"]["999999"] == stored(5).fingerprint


def test_what_a_killed_writer_left_is_removed_in_time(cache):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(0, stored(0))
    left = cache.folder / shot.name / "frames" / ".000001.abcd.partial.exr"
    left.write_bytes(b"half a")
    cache.evict()
    assert left.exists()  # someone may be writing it
    os.utime(left, (1000, 1000))
    cache.evict()
    assert not left.exists()


def test_a_full_disk_is_said_once_and_costs_nothing_else(tmp_path, caplog):
    place = tmp_path / "full"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place],
            check=False,
            capture_output=True,
        ).returncode
    ):
        pytest.skip("only root can mount a small disk")
    try:
        shot = Cache(place).shot(PROVIDER, SIZE, "a.mov")
        for number in range(40):
            shot.store_frame(number, stored(number))
        shot.write_manifest()
        found = [shot.frame(number) for number in range(40)]
        assert found[0] is not None
        assert found[39] is None
        for number, frame in enumerate(found):
            if frame is not None:
                assert_same(frame, stored(number))
        assert not list(place.rglob("*.partial*"))
    finally:
        subprocess.run(["umount", place], check=True)
    (record,) = caplog.records
    assert "No space left on device" in record.message
    assert "SYNTHETIC_FOCUS_CACHE" in record.message


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, caplog):
    # A file in the folder's place: permissions do not stop root.
    (tmp_path / "cache").write_text("")
    shot = Cache(tmp_path / "cache").shot(PROVIDER, SIZE, "a.mov")
    for number in range(3):
        shot.store_frame(number, stored(number))
        shot.write_json("tracks", {})
    shot.write_manifest()
    assert shot.frame(0) is None
    assert Cache(tmp_path / "cache").shots() == []
    assert len(caplog.records) == 1


def test_a_read_only_cache_is_read(tmp_path, cache, caplog):
    shot = cache.shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(0, stored(0))
    shot.write_manifest()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "--bind", cache.folder, cache.folder], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("only root can mount a folder read-only")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", cache.folder], check=True)
        again = Cache(cache.folder).shot(PROVIDER, SIZE, "a.mov")
        assert_same(again.frame(0), stored(0))
        again.store_frame(1, stored(1))
        again.write_manifest()
        assert again.frame(1) is None
        assert len(caplog.records) == 1
    finally:
        subprocess.run(["umount", cache.folder], check=True)


def test_no_limit_at_all_means_no_cache(tmp_path):
    shot = Cache(tmp_path / "cache", limit=0).shot(PROVIDER, SIZE, "a.mov")
    shot.store_frame(0, stored(0))
    assert shot.frame(0) is None
    assert not list(tmp_path.rglob("*.exr"))
