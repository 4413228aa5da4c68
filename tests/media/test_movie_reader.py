"""Movies: every frame is the right one, whatever the order and the codec."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest

from synthetic_focus.media import (
    MediaError,
    MissingMediaError,
    UnreadableFrameError,
    UnreadableMediaError,
    open_reader,
)

B_FRAMES = {"bf": "3", "g": "12", "b_strategy": "0", "crf": "18"}
OPEN_GOP = {"x264-params": "open-gop=1:keyint=10:min-keyint=10:bframes=3:scenecut=0"}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b_frames.mp4", "libx264", B_FRAMES),
        ("open_gop.mp4", "libx264", OPEN_GOP),
        ("open_gop.ts", "libx264", OPEN_GOP),
        ("hevc.mkv", "libx265", {"x265-params": "keyint=12:bframes=3:log-level=none"}),
        ("mpeg2.mpg", "mpeg2video", {"bf": "2", "g": "12", "b": "2M"}),
        ("mpeg4.avi", "mpeg4", {"bf": "2", "g": "12"}),
        ("raw.h264", "libx264", B_FRAMES),
        ("vp9.webm", "libvpx-vp9", {"g": "12", "deadline": "realtime"}),
        ("prores.mov", "prores_ks", {}),
    ],
)
def test_random_access_gives_the_frame_that_was_asked_for(
    make_movie, number_of, name, codec, options
):
    pixel_format = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    path = make_movie(name, count=50, codec=codec, options=options, pixel_format=pixel_format)
    with open_reader(path) as reader:
        assert len(reader) == 50
        assert reader.fps == 25
        order = np.random.default_rng(3).permutation(50)
        assert [number_of(reader.read(int(i))) for i in order] == list(order)
        assert [number_of(reader.read(i)) for i in range(50)] == list(range(50))
        assert [number_of(reader.read(i)) for i in range(49, -1, -7)] == list(range(49, -1, -7))


def test_many_threads_read_one_movie(make_movie, number_of):
    path = make_movie("b_frames.mp4", count=60, options=B_FRAMES)
    order = [int(i) for i in np.random.default_rng(1).integers(0, 60, 120)]
    with open_reader(path) as reader, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda i: number_of(reader.read(i)), order)) == order


def test_variable_frame_rate_keeps_every_frame_and_its_time(make_movie, number_of):
    gaps = np.random.default_rng(5).choice([17, 33, 100], 40)
    times = [0, *np.cumsum(gaps).tolist()]
    path = make_movie("phone.mp4", count=41, times=times, options=B_FRAMES)
    with open_reader(path) as reader:
        assert len(reader) == 41
        assert [number_of(reader.read(i)) for i in (40, 3, 17)] == [40, 3, 17]
        found = [float(time * reader.time_base) for time in reader.times]
        np.testing.assert_allclose(np.diff(found), gaps / 1000, atol=1e-3)


def test_frames_that_an_edit_list_hides_do_not_count(make_movie, number_of):
    """A cut without re-encoding begins at a key frame and hides what comes before the cut."""
    path = make_movie("whole.mp4", count=30, options={"g": "30", "bf": "2"})
    cut = path.with_name("cut.mp4")
    with av.open(str(path)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        shift = round(5 / 25 / source.streams.video[0].time_base)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = stream
                target.mux(packet)
    with open_reader(cut) as reader:
        assert len(reader) == 25
        assert [number_of(reader.read(i)) for i in (24, 0, 7)] == [29, 5, 12]


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)])
def test_frame_rate_is_exact(make_movie, rate):
    for name in ("clip.mp4", "clip.mov"):
        with open_reader(make_movie(name, count=10, rate=rate)) as reader:
            assert reader.fps == rate


@pytest.mark.parametrize(
    ("pixel_format", "bits"), [("yuv420p", 8), ("yuv420p10le", 10), ("yuv422p12le", 12)]
)
@pytest.mark.parametrize("full", [False, True])
def test_code_values_become_fractions_of_the_range(make_movie, pixel_format, bits, full):
    codes = np.linspace(0, 2**bits - 1, 64).round().astype(np.uint16)
    path = make_movie(
        "ramp.mkv",
        count=2,
        codec="ffv1",
        pixel_format=pixel_format,
        tags=(1, 1, 1, 2 if full else 1),
        planes=lambda _: [np.broadcast_to(codes, (48, 64))],
    )
    with open_reader(path) as reader:
        assert reader.pixel_type == ("byte" if bits == 8 else "short")
        pixels = reader.read(0)
    scale = 2 ** (bits - 8)
    expected = codes / (2**bits - 1) if full else (codes / scale - 16) / 219
    np.testing.assert_allclose(pixels[7], np.repeat(expected[:, None], 3, 1), atol=1e-5)


@pytest.mark.parametrize(("matrix", "green"), [(1, 0.1873), (6, 0.3441), (9, 0.1646)])
def test_the_matrix_is_the_tagged_one(make_movie, matrix, green):
    """Cb of 0.5 takes 2 * kb * (1 - kb) / kg * 0.5 away from green (BT.709, 601, 2020)."""
    path = make_movie(
        "blue.mkv",
        count=1,
        codec="ffv1",
        pixel_format="yuv444p",
        tags=(2, 2, matrix, 1),
        planes=lambda _: [np.full((48, 64), 126), np.full((48, 64), 240), np.full((48, 64), 128)],
    )
    with open_reader(path) as reader:
        pixel = reader.read(0)[20, 20]
    luma = (126 - 16) / 219
    np.testing.assert_allclose(pixel[1], luma - 0.5 * green, atol=1e-4)
    np.testing.assert_allclose(pixel[0], luma, atol=1e-5)


def test_pictures_agree_with_ffmpegs_own_conversion(make_movie):
    random = np.random.default_rng(9)
    smooth = [
        np.kron(random.integers(40, 210, (h, w)), np.ones((8, 8))).astype(np.uint8)
        for h, w in ((6, 8), (3, 4), (3, 4))
    ]
    path = make_movie(
        "ffmpeg.mkv", count=1, codec="ffv1", tags=(1, 1, 1, 1), planes=lambda _: smooth
    )
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        theirs = frame.to_ndarray(format="rgb24", src_colorspace=1, interpolation="BILINEAR")
    with open_reader(path) as reader:
        ours = np.clip(reader.read(0), 0, 1) * 255
    # Where chroma is flat its interpolation does not matter; 2 is the error of their integers.
    inner = np.s_[4:12, 4:12]
    assert np.abs(ours - theirs)[inner].max() <= 2


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_phone_footage_stands_upright(make_movie, rotation):
    corner = np.full((48, 64), 20, np.uint8)
    corner[:16, :16] = 230  # the stored picture's top left
    path = make_movie("phone.mp4", count=3, rotation=rotation, planes=lambda _: [corner])
    with open_reader(path) as reader:
        pixels = reader.read(1)
        assert reader.size == pixels.shape[1::-1] == ((64, 48) if rotation == 180 else (48, 64))
    bright = pixels[..., 1] > 0.5
    rows, columns = np.nonzero(bright)
    place = (rows.mean() > pixels.shape[0] / 2, columns.mean() > pixels.shape[1] / 2)
    # Counter-clockwise: the top left goes to the bottom left, bottom right, top right.
    assert place == {90: (True, False), 180: (True, True), 270: (False, True)}[rotation]


@pytest.mark.parametrize(
    ("tags", "space"),
    [
        ((1, 1, 1, 1), "Rec.1886 Rec.709 - Display"),
        ((2, 2, 2, 0), "Rec.1886 Rec.709 - Display"),
        ((9, 16, 9, 1), "Rec.2100-PQ - Display"),
        ((9, 18, 9, 1), "Rec.2100-HLG - Display"),
        ((1, 13, 1, 1), "sRGB Encoded Rec.709 (sRGB)"),
        ((12, 13, 1, 1), "Display P3 - Display"),
    ],
)
def test_colour_space_comes_from_the_tags(make_movie, tags, space):
    with open_reader(make_movie("tagged.mp4", count=1, tags=tags)) as reader:
        assert reader.colour_space == space


def test_alpha_of_prores_is_read(make_movie):
    alpha = np.tile(np.linspace(0, 1023, 64).round().astype(np.uint16), (48, 1))

    def planes(_):
        return [np.full((48, 64), 500), np.full((48, 64), 512), np.full((48, 64), 512), alpha]

    path = make_movie(
        "alpha.mkv", count=1, codec="ffv1", pixel_format="yuva444p10le", planes=planes
    )
    with open_reader(path) as reader:
        assert reader.channels == 4
        np.testing.assert_allclose(reader.read(0)[5, :, 3], alpha[0] / 1023, atol=1e-6)


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("ffv1", "gray"),
        ("ffv1", "gray10le"),
        ("ffv1", "gbrp10le"),
        ("png", "rgb24"),
        ("qtrle", "argb"),
        ("rawvideo", "nv12"),
        ("rawvideo", "yuyv422"),
    ],
)
def test_other_pixel_formats_are_understood(tmp_path, codec, pixel_format):
    """Reference: a grey ramp that ffmpeg converts from 16-bit grey."""
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (48, 1))
    path = tmp_path / "other.mkv"
    if codec in ("qtrle", "png"):
        path = tmp_path / "other.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        frame = av.VideoFrame.from_ndarray(ramp, "gray16le").reformat(format=pixel_format)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_reader(path) as reader:
        pixels = reader.read(0)
    np.testing.assert_allclose(
        pixels[3, :, :3], np.repeat(ramp[0, :, None] / 65535, 3, 1), atol=0.01
    )


def test_numbers_outside_the_movie_are_refused(make_movie):
    with open_reader(make_movie("short.mp4", count=5)) as reader:
        for index in (-1, 5, 1000):
            with pytest.raises(MediaError, match="frames are 0 to 4"):
                reader.read(index)


@pytest.mark.parametrize("name", ["cut.mp4", "cut_at_the_end.mp4", "cut.mkv", "cut.mov"])
def test_truncated_movies_say_so(make_movie, name):
    options = {} if name != "cut.mp4" else {"crf": "10"}
    path = make_movie(name, count=200, options=options)
    if name == "cut.mp4":
        path = faststart(path)
    whole = path.read_bytes()
    keep = 0.6 if name in ("cut.mp4", "cut.mkv") else 0.95
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(UnreadableMediaError, match="cut short"):
        open_reader(path)


def faststart(path):
    """The same movie with its table of contents first, as for the web."""
    result = path.with_name("faststart.mp4")
    with (
        av.open(str(path)) as source,
        av.open(str(result), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return result


def test_damage_stays_within_its_group_of_pictures(make_movie, number_of):
    path = make_movie("damaged.mp4", count=60, options={"g": "10", "sc_threshold": "0"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(bytes(data))
    wrong = []
    with open_reader(path) as reader:
        for index in range(len(reader)):
            try:
                if number_of(reader.read(index)) != index:
                    wrong.append(index)
            except UnreadableFrameError as error:
                assert str(index) in str(error)  # noqa: PT017
                wrong.append(index)
    assert not wrong or max(wrong) - min(wrong) < 20


def test_missing_file_is_named(tmp_path):
    with pytest.raises(MissingMediaError, match=r"nowhere\.mp4"):
        open_reader(tmp_path / "nowhere.mp4")


@pytest.mark.parametrize("content", [b"", b"hello, I am a text\n" * 100, bytes(5000)])
def test_what_is_no_movie_is_refused(tmp_path, content):
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableMediaError, match=r"notes\.mp4"):
        open_reader(path)


def test_sound_alone_is_no_movie(tmp_path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadableMediaError, match="no video"):
        open_reader(path)


def test_folder_is_refused_with_a_pattern_to_use(tmp_path):
    with pytest.raises(UnreadableMediaError, match="%04d"):
        open_reader(tmp_path)
