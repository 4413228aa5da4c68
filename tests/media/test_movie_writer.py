"""Movies out: what was in the source is in the copy, and a copy is whole or not there."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from synthetic_focus.media import (
    MediaError,
    MissingMediaError,
    UnknownFormatError,
    open_reader,
    open_writer,
)

B_FRAMES = {"bf": "3", "g": "12"}


def copy(source: Path, target: Path, frames: range | None = None) -> Path:
    with open_reader(source) as reader, open_writer(target, reader) as writer:
        for index in frames or range(len(reader)):
            writer.write(index, reader.read(index))
    return target


def sound_packets(path: Path) -> list[tuple[bytes, float]]:
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        return [
            (bytes(packet), float(packet.pts * packet.time_base))
            for packet in container.demux(stream)
            if packet.size
        ]


def decoded_planes(path: Path) -> list[np.ndarray]:
    planes = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            kind = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
            rows = np.frombuffer(frame.planes[0], kind).reshape(frame.height, -1)
            planes.append(rows[:, : frame.width].copy())
    return planes


@pytest.mark.parametrize("extension", [".mp4", ".mov", ".mkv", ".m4v"])
def test_every_container_holds_every_frame_at_its_time(make_movie, number_of, extension):
    source = make_movie("in.mp4", count=30, options=B_FRAMES, rate=Fraction(30000, 1001))
    copied = copy(source, source.with_name(f"out{extension}"))
    with open_reader(source) as before, open_reader(copied) as after:
        assert len(after) == len(before) == 30
        assert [number_of(after.read(i)) for i in range(30)] == list(range(30))
        assert after.size == before.size
        if extension != ".mkv":  # Matroska counts milliseconds
            assert after.fps == before.fps


@pytest.mark.parametrize(
    ("extension", "codec", "pixel_format"),
    [
        (".mp4", "h264", "yuv420p"),
        (".m4v", "h264", "yuv420p"),
        (".mov", "prores", "yuv422p10le"),
        (".mkv", "ffv1", "yuv420p"),
    ],
)
def test_extension_chooses_the_codec(make_movie, extension, codec, pixel_format):
    copied = copy(make_movie("in.mp4", count=2), make_movie("in.mp4").with_name("out" + extension))
    with av.open(str(copied)) as container:
        context = container.streams.video[0].codec_context
        assert context.codec.canonical_name == codec
        assert context.pix_fmt == pixel_format


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p10le", "yuv444p12le"])
@pytest.mark.parametrize("levels", [1, 2])
def test_lossless_movies_come_back_bit_for_bit(make_movie, pixel_format, levels):
    bits = 8 if pixel_format == "yuv420p" else int(pixel_format[-4:-2])
    codes = np.random.default_rng(4).integers(0, 2**bits, (48, 64))
    source = make_movie(
        "in.mkv",
        count=3,
        codec="ffv1",
        pixel_format=pixel_format,
        tags=(1, 1, 1, levels),
        planes=lambda _: [codes],
    )
    copied = copy(source, source.with_name("out.mkv"))
    for plane in decoded_planes(copied):
        np.testing.assert_array_equal(plane, codes)


def test_ten_bits_stay_ten_bits_in_hevc(make_movie):
    codes = np.tile(np.linspace(64, 940, 64).round().astype(np.uint16), (48, 1))
    source = make_movie(
        "in.mov",
        count=5,
        codec="prores_ks",
        pixel_format="yuv422p10le",
        planes=lambda _: [codes],
    )
    copied = copy(source, source.with_name("out.mp4"))
    with av.open(str(copied)) as container:
        context = container.streams.video[0].codec_context
        assert context.codec.canonical_name == "hevc"
        assert context.pix_fmt == "yuv420p10le"
        assert context.codec_tag == "hvc1"
    # A picture of 8 bits would be off by up to 2 everywhere.
    assert np.abs(decoded_planes(copied)[2].astype(int) - codes).mean() < 1.0


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ((9, 16, 9, 1), "out.mp4"),
        ((9, 18, 9, 1), "out.mov"),
        ((1, 1, 1, 1), "out.mkv"),
        ((6, 6, 6, 1), "out.mp4"),
        ((1, 13, 1, 2), "out.mp4"),
    ],
)
def test_colour_tags_are_kept(make_movie, tags, name):
    source = make_movie(
        "in.mp4", count=2, codec="libx265", pixel_format="yuv420p10le", tags=tags,
        options={"x265-params": "log-level=none:bframes=0"},
    )  # fmt: skip
    copied = copy(source, source.with_name(name))
    with open_reader(source) as before, open_reader(copied) as after:
        assert before.tags == tags
        assert after.tags == tags
        np.testing.assert_allclose(after.read(1), before.read(1), atol=0.02)


def test_full_range_becomes_limited_in_prores(make_movie):
    source = make_movie("in.mp4", count=2, tags=(1, 1, 1, 2))
    copied = copy(source, source.with_name("out.mov"))
    with open_reader(source) as before, open_reader(copied) as after:
        np.testing.assert_allclose(after.read(1), before.read(1), atol=0.02)


def test_images_become_a_movie_with_the_tags_of_their_space(make_movie, tmp_path):
    source = make_movie("in.mp4", count=3)
    copy(source, tmp_path / "frame.%04d.png")
    with open_reader(tmp_path / "frame.%04d.png") as frames:
        with open_writer(tmp_path / "out.mp4", frames) as writer:
            for index in range(3):
                writer.write(index, frames.read(index))
        with open_reader(tmp_path / "out.mp4") as after:
            assert after.tags == (1, 13, 1, 1)
            assert after.fps == 24
            np.testing.assert_allclose(after.read(1), frames.read(1), atol=0.03)


def test_variable_frame_rate_is_kept(make_movie):
    gaps = np.random.default_rng(5).choice([20, 40, 110], 30)
    source = make_movie("in.mp4", count=31, times=[0, *np.cumsum(gaps).tolist()], options=B_FRAMES)
    copied = copy(source, source.with_name("out.mp4"))
    with open_reader(source) as before, open_reader(copied) as after:
        old = [time * before.time_base for time in before.times]
        new = [time * after.time_base for time in after.times]
        assert [time - new[0] for time in new] == [time - old[0] for time in old]


@pytest.mark.parametrize("extension", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied_packet_by_packet(make_movie, extension):
    source = make_movie("in.mp4", count=50, sound=True, options=B_FRAMES)
    copied = copy(source, source.with_name(f"out{extension}"))
    before, after = sound_packets(source), sound_packets(copied)
    assert [data for data, _ in after] == [data for data, _ in before]
    drift = [b - a for (_, a), (_, b) in zip(before, after, strict=True)]
    # Matroska counts milliseconds and moves everything behind AAC's silent start.
    assert max(drift) - min(drift) <= 0.0011


def test_part_of_a_movie_has_its_own_sound(make_movie, number_of):
    source = make_movie("in.mp4", count=100, sound=True, options=B_FRAMES)
    copied = copy(source, source.with_name("out.mp4"), range(25, 75))
    with open_reader(copied) as after:
        assert len(after) == 50
        assert [number_of(after.read(i)) for i in (0, 49)] == [25, 74]
        assert after.times[0] == 0
    before, after_packets = sound_packets(source), sound_packets(copied)
    first = [data for data, _ in before].index(after_packets[0][0])
    count = len(after_packets)
    assert [data for data, _ in after_packets] == [d for d, _ in before[first : first + count]]
    assert 0.9 < before[first][1] <= 1.0  # the packet in which the second of frame 25 begins
    assert abs(after_packets[-1][1] - 2.0) < 0.05


def test_sound_that_does_not_fit_is_named(make_movie, tmp_path):
    source = make_movie("in.mp4", count=3)
    other = tmp_path / "speech.mkv"
    with av.open(str(source)) as original, av.open(str(other), "w") as target:
        video = target.add_stream_from_template(original.streams.video[0])
        sound = target.add_stream("wavpack", rate=48000, layout="mono")
        for packet in original.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                target.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), "s16p", "mono")
        frame.sample_rate = 48000
        target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    with pytest.raises(UnknownFormatError, match=r"wavpack.*\.mkv"):
        copy(other, tmp_path / "out.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "speech.mkv"]


def test_rotated_footage_comes_out_upright(make_movie):
    corner = np.full((48, 64), 30, np.uint8)
    corner[:16, :16] = 230
    source = make_movie("in.mp4", count=2, rotation=90, planes=lambda _: [corner])
    copied = copy(source, source.with_name("out.mp4"))
    with open_reader(source) as before, open_reader(copied) as after:
        assert after.size == before.size == (48, 64)
        assert np.abs(after.read(0) - before.read(0)).mean() < 0.02


def test_odd_sizes_are_kept(make_movie):
    source = make_movie("in.mkv", count=2, codec="ffv1", size=(63, 45), planes=lambda _: [90])
    for name in ("out.mp4", "out.mov", "out.mkv"):
        with open_reader(copy(source, source.with_name(name))) as after:
            assert after.size == (63, 45)
            np.testing.assert_allclose(after.read(1), (90 - 16) / 219, atol=0.01)


def test_metadata_and_timecode_are_kept(make_movie):
    metadata = {"title": "Night walk", "creation_time": "2024-05-01T12:00:00.000000Z"}
    source = make_movie("in.mov", count=2, metadata={**metadata, "timecode": "01:02:03:04"})
    for name in ("out.mov", "out.mp4"):
        with open_reader(copy(source, source.with_name(name))) as after:
            for key, value in metadata.items():
                assert after.metadata[key] == value
            assert after.metadata["timecode"] == "01:02:03:04"


def test_pixel_aspect_is_kept(make_movie, tmp_path):
    path = tmp_path / "anamorphic.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
        frame = av.VideoFrame.from_ndarray(np.full((72, 64), 128, np.uint8), "yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_reader(copy(path, tmp_path / "out.mp4")) as after:
        assert after.pixel_aspect == Fraction(16, 11)


def test_output_appears_when_it_is_complete(make_movie, tmp_path):
    source = make_movie("in.mp4", count=5)
    target = tmp_path / "out.mp4"
    target.write_bytes(b"what was there before")
    with open_reader(source) as reader:
        with open_writer(target, reader) as writer:
            for index in range(5):
                writer.write(index, reader.read(index))
                assert target.read_bytes() == b"what was there before"
        with open_reader(target) as after:
            assert len(after) == 5


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MediaError])
@pytest.mark.parametrize("extension", [".mp4", ".mov", ".mkv"])
def test_an_error_leaves_what_was_there_and_nothing_else(make_movie, tmp_path, error, extension):
    source = make_movie("in.mp4", count=5, sound=True)
    target = tmp_path / f"out{extension}"
    target.write_bytes(b"what was there before")
    with open_reader(source) as reader:

        def fail():
            with open_writer(target, reader) as writer:
                writer.write(0, reader.read(0))
                writer.write(1, reader.read(1))
                raise error("stop")

        with pytest.raises(error):
            fail()
    assert target.read_bytes() == b"what was there before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", target.name]


def test_no_frames_leave_no_movie(make_movie, tmp_path):
    with open_reader(make_movie("in.mp4")) as reader, open_writer(tmp_path / "out.mp4", reader):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


FULL_DISK = """
import resource, sys
from synthetic_focus.media import open_reader, open_writer, WriteError
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
reader = open_reader(sys.argv[1])
try:
    with open_writer(sys.argv[2], reader) as writer:
        for index in range(len(reader)):
            writer.write(index, reader.read(index))
except WriteError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize("share", [0.3, 0.97])
def test_full_disk_is_reported_and_leaves_nothing(make_movie, tmp_path, name, share):
    noise = np.random.default_rng(2).integers(0, 255, (48, 64)).astype(np.uint8)
    source = make_movie("in.mp4", count=40, planes=lambda i: [np.roll(noise, i, 1)], sound=True)
    whole = copy(source, tmp_path / name).stat().st_size
    (tmp_path / name).unlink()
    limit = str(int(whole * share))
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(source), str(tmp_path / name), limit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 3, child.stderr
    assert "could not be written: File too large" in child.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


SLOW_COPY = """
import sys, time
from synthetic_focus.media import open_reader, open_writer
reader = open_reader(sys.argv[1])
with open_writer(sys.argv[2], reader) as writer:
    for index in range(len(reader)):
        writer.write(index, reader.read(index))
        print(index, flush=True)
        time.sleep(0.05)
"""


def test_ctrl_c_leaves_nothing(make_movie, tmp_path):
    source = make_movie("in.mp4", count=200)
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW_COPY, str(source), str(tmp_path / "out.mp4")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(0.2)
    assert len(list(tmp_path.glob(".out*"))) == 1
    os.kill(child.pid, signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode != 0
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_unknown_formats_and_missing_folders_are_named(make_movie, tmp_path):
    with open_reader(make_movie("in.mp4", count=2)) as reader:
        for name in ("out.xyz", "out", "out.webm"):
            with pytest.raises(UnknownFormatError, match=r"\.mp4.*\.exr"):
                open_writer(tmp_path / name, reader)
        with pytest.raises(UnknownFormatError, match="name has no extension"):
            open_writer(tmp_path / "out", reader)
        for name in ("out.mp4", "out.%04d.exr"):
            with pytest.raises(MissingMediaError, match="nowhere does not exist"):
                open_writer(tmp_path / "nowhere" / name, reader)
        (tmp_path / "folder.mp4").mkdir()
        with pytest.raises(MediaError, match="is a folder"):
            open_writer(tmp_path / "folder.mp4", reader)


def test_frames_out_of_order_or_of_another_size_are_refused(make_movie, tmp_path):
    with open_reader(make_movie("in.mp4", count=4)) as reader:
        picture = reader.read(0)
        with open_writer(tmp_path / "out.mp4", reader) as writer:
            writer.write(2, picture)
            with pytest.raises(MediaError, match="after frame 2"):
                writer.write(1, picture)
            with pytest.raises(MediaError, match="does not fit"):
                writer.write(3, picture[:-2])
