"""Stills and sequences: pixels, numbers and everything else that the files say."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.media import (
    MediaError,
    MissingMediaError,
    UnreadableFrameError,
    UnreadableMediaError,
    WriteError,
    open_reader,
    open_writer,
)
from synthetic_focus.media.sequence import parse_pattern


def save(path: Path, pixels: np.ndarray, kind: str, names=None, formats=None, **attributes) -> Path:
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, kind)
    if names:
        spec.channelnames = names
    if formats:
        spec.channelformats = [oiio.TypeDesc(name) for name in formats]
    for name, value in attributes.pop("typed", {}).items():
        spec.attribute(name, *value)
    for name, value in attributes.items():
        setattr(spec, name, value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(pixels), output.geterror()
    assert output.close()
    return path


def load(path: Path):
    source = oiio.ImageInput.open(str(path))
    assert source, oiio.geterror()
    spec, pixels = source.spec(), source.read_image(oiio.FLOAT)
    source.close()
    return spec, pixels


def copy(source: Path, target: Path) -> Path:
    with open_reader(source) as reader, open_writer(target, reader) as writer:
        for index in range(len(reader)):
            writer.write(index, reader.read(index))
    return target


def noise(channels: int, seed: int = 0, height: int = 24, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, channels), np.float32)


@pytest.mark.parametrize(
    ("name", "kind", "pixel_type", "step"),
    [
        ("a.png", "uint8", "byte", 255),
        ("a.png", "uint16", "short", 65535),
        ("a.tif", "uint8", "byte", 255),
        ("a.tif", "uint16", "short", 65535),
    ],
)
@pytest.mark.parametrize("channels", [3, 4])
def test_integers_come_back_bit_for_bit(tmp_path, name, kind, pixel_type, step, channels):
    pixels = np.rint(noise(channels) * step) / np.float32(step)
    unassociated = {"oiio:UnassociatedAlpha": (1,)}
    source = save(tmp_path / name, pixels, kind, typed=unassociated)
    with open_reader(source) as reader:
        assert reader.pixel_type == pixel_type
        assert reader.channels == channels
        assert not reader.premultiplied
        np.testing.assert_allclose(reader.read(0), pixels, atol=1e-6)
    copied = copy(source, tmp_path / f"copy{source.suffix}")
    with open_reader(copied) as reader:
        assert reader.pixel_type == pixel_type
        np.testing.assert_array_equal(np.rint(reader.read(0) * step), np.rint(pixels * step))


@pytest.mark.parametrize("kind", ["half", "float"])
def test_exr_comes_back_bit_for_bit(tmp_path, kind):
    pixels = noise(4)
    pixels[0, :6, 0] = [-5, 0, 6e4, np.inf, -np.inf, np.nan]
    source = save(tmp_path / "a.exr", pixels, kind)
    spec, stored = load(source)
    with open_reader(source) as reader:
        assert reader.pixel_type == kind
        assert reader.premultiplied
        np.testing.assert_array_equal(reader.read(0), stored)
    spec, copied = load(copy(source, tmp_path / "b.exr"))
    assert str(spec.format) == kind
    np.testing.assert_array_equal(copied, stored)


def test_everything_else_in_an_exr_is_kept(tmp_path):
    pixels = noise(7)
    pixels[..., 4] *= 1e5
    pixels[..., 6] = (16777217 + np.arange(40)) / np.float64(2**32 - 1)
    source = save(
        tmp_path / "a.exr",
        pixels,
        "half",
        ["R", "G", "B", "A", "Z", "N.X", "id"],
        ["half", "half", "half", "half", "float", "half", "uint32"],
        x=10, y=5, full_x=0, full_y=0, full_width=64, full_height=32,
        typed={
            "compression": ("piz",),
            "FramesPerSecond": ("rational", (30000, 1001)),
            "smpte:TimeCode": ("timecode", (0x01020304, 0)),
            "Owner": ("A. Person",),
            "lens/focus": (3.25,),
            "worldtocamera": ("matrix", tuple(float(i) for i in range(16))),
            "chromaticities": (
                "float[8]", (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
            ),
        },
    )  # fmt: skip
    before, stored = load(source)
    with open_reader(source) as reader:
        assert reader.fps == Fraction(30000, 1001)
        assert reader.colour_space == "ACEScg"
        assert reader.size == reader.picture_size == (64, 32)
        assert reader.read(0).shape == (32, 64, 4)
    after, copied = load(copy(source, tmp_path / "b.exr"))
    assert after.channelnames == before.channelnames
    assert [str(f) for f in after.channelformats] == [str(f) for f in before.channelformats]
    for name in ("compression", "FramesPerSecond", "smpte:TimeCode", "Owner", "lens/focus"):
        assert before.getattribute(name) is not None, name
        assert after.getattribute(name) == before.getattribute(name), name
    for name in ("worldtocamera", "chromaticities"):
        assert after.getattribute(name) == before.getattribute(name), name
    assert (after.full_x, after.full_y, after.full_width, after.full_height) == (0, 0, 64, 32)
    # The picture is written whole, for blur spreads; what was stored is where it was.
    y, x = 5 - after.y, 10 - after.x
    np.testing.assert_array_equal(copied[y : y + 24, x : x + 40], stored)
    assert not copied[:y].any()


def test_overscan_is_read_and_kept(tmp_path):
    pixels = noise(3, height=40, width=80)
    source = save(
        tmp_path / "a.exr", pixels, "half",
        x=-8, y=-4, full_x=0, full_y=0, full_width=64, full_height=32,
    )  # fmt: skip
    _, stored = load(source)
    with open_reader(source) as reader:
        assert reader.size == (80, 40)
        assert reader.picture_size == (64, 32)
        assert reader.origin == (-8, -4)
        np.testing.assert_array_equal(reader.read(0), stored)
    spec, copied = load(copy(source, tmp_path / "b.exr"))
    assert (spec.x, spec.y, spec.width, spec.height) == (-8, -4, 80, 40)
    assert (spec.full_width, spec.full_height) == (64, 32)
    np.testing.assert_array_equal(copied, stored)


@pytest.mark.parametrize("compression", ["none", "rle", "zip", "zips", "piz", "dwaa:45"])
def test_compression_is_kept(tmp_path, compression):
    source = save(tmp_path / "a.exr", noise(3), "half", typed={"compression": (compression,)})
    before, _ = load(source)
    after, _ = load(copy(source, tmp_path / "b.exr"))
    assert after.getattribute("compression") == before.getattribute("compression")


def test_jpeg_turned_by_the_camera_stands_upright(tmp_path):
    pixels = np.zeros((16, 32, 3), np.float32)
    pixels[:8, :8] = 1  # the stored picture's top left
    # EXIF 6: the stored top is the picture's right side.
    source = save(tmp_path / "a.jpg", pixels, "uint8", typed={"Orientation": (6,)})
    copied = copy(source, tmp_path / "b.jpg")
    for path in (source, copied):
        with open_reader(path) as reader:
            assert reader.size == (16, 32)
            picture = reader.read(0)
        assert picture[:8, 8:].mean() > 0.9
        assert picture[8:].mean() < 0.1
    assert load(copied)[0].get_int_attribute("Orientation", 1) == 1


def test_grey_images_are_grey_in_three_channels(tmp_path):
    pixels = np.rint(noise(1) * 65535) / np.float32(65535)
    with open_reader(save(tmp_path / "depth.png", pixels, "uint16")) as reader:
        assert reader.channels == 3
        np.testing.assert_allclose(reader.read(0), np.repeat(pixels, 3, 2), atol=1e-6)
    named = save(tmp_path / "z.exr", pixels, "float", ["Z"])
    with open_reader(named) as reader:
        np.testing.assert_array_equal(reader.read(0), np.repeat(pixels, 3, 2))


def test_formats_can_change(tmp_path):
    pixels = np.rint(noise(3) * 65535) / np.float32(65535)
    source = save(tmp_path / "a.png", pixels, "uint16", typed={"Artist": ("A. Person",)})
    for name, tolerance in (("b.exr", 0), ("b.tif", 1e-5), ("b.jpg", 0.2), ("b.dpx", 1 / 1023)):
        spec, copied = load(copy(source, tmp_path / name))
        np.testing.assert_allclose(copied, pixels.astype(np.float16) if not tolerance else pixels,
                                   atol=tolerance or 1e-7)  # fmt: skip
        if name != "b.dpx":
            assert spec.getattribute("Artist") == "A. Person"


def make_sequence(folder: Path, numbers, name="shot.{:04d}.exr") -> None:
    for number in numbers:
        save(folder / name.format(number), np.full((4, 6, 3), number, np.float32), "half")


@pytest.mark.parametrize("pattern", ["shot.%04d.exr", "shot.####.exr"])
def test_sequences_keep_their_numbers(tmp_path, pattern):
    make_sequence(tmp_path, range(1001, 1006))
    (tmp_path / "shot.1.exr").write_bytes(b"not of this sequence")
    (tmp_path / "shot.1003.exr.bak").write_bytes(b"nor this")
    with open_reader(tmp_path / pattern) as reader:
        assert (len(reader), reader.first_frame, reader.missing) == (5, 1001, ())
        assert reader.fps == 24
        assert [reader.read(i)[0, 0, 0] for i in (4, 0, 2)] == [1005, 1001, 1003]
        with ThreadPoolExecutor(4) as pool:
            values = list(pool.map(lambda i: reader.read(i)[0, 0, 0], range(5)))
        assert values == [1001, 1002, 1003, 1004, 1005]
    (tmp_path / "out").mkdir()
    copy(tmp_path / pattern, tmp_path / "out" / "new.######.exr")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        f"new.{number:06d}.exr" for number in range(1001, 1006)
    ]


def test_numbers_can_be_negative_and_outgrow_their_padding(tmp_path):
    make_sequence(tmp_path, [-2, -1, 0, 1], "a_{:03d}.exr")
    with open_reader(tmp_path / "a_%03d.exr") as reader:
        assert (reader.first_frame, len(reader)) == (-2, 4)
        assert reader.read(0)[0, 0, 0] == -2
    make_sequence(tmp_path, [99, 100], "b{:02d}.exr")
    with open_reader(tmp_path / "b##.exr") as reader:
        assert (reader.first_frame, len(reader)) == (99, 2)


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("a.%d.exr", 7, "a.7.exr"),
        ("a.%4d.exr", 7, "a.0007.exr"),
        ("v2_#.png", 12, "v2_12.png"),
        ("shot_####_%02d.png", 3, "shot_####_03.png"),
    ],
)
def test_patterns_name_their_frames(name, number, expected):
    pattern = parse_pattern(Path(name))
    assert pattern is not None
    assert pattern.path(number).name == expected


def test_a_plain_name_is_no_pattern():
    assert parse_pattern(Path("shot.0001.exr")) is None
    assert parse_pattern(Path("100%.exr")) is None


def test_gaps_are_named(tmp_path):
    make_sequence(tmp_path, [1, 2, 5])
    with open_reader(tmp_path / "shot.%04d.exr") as reader:
        assert len(reader) == 5
        assert reader.missing == (3, 4)
        assert reader.read(4)[0, 0, 0] == 5
        with pytest.raises(UnreadableFrameError, match=r"Frame 3 of .* is missing"):
            reader.read(2)


def test_pattern_without_files_says_what_it_looked_for(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(MissingMediaError, match=r"shot\.0001\.exr"):
            open_reader(folder / "shot.%04d.exr")


def test_frames_of_another_size_are_named(tmp_path):
    make_sequence(tmp_path, [1, 2])
    save(tmp_path / "shot.0003.exr", noise(3), "half")
    reader = open_reader(tmp_path / "shot.%04d.exr")
    with pytest.raises(UnreadableFrameError, match=r"shot\.0003\.exr is 40x24.* is 6x4"):
        reader.read(2)


@pytest.mark.parametrize("name", ["a.exr", "a.png", "a.tif"])  # libjpeg fills in what is missing
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.6])
def test_damaged_images_are_named(tmp_path, name, keep):
    kind = "half" if name == "a.exr" else "uint8"
    path = save(tmp_path / name, noise(3, height=200, width=200), kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])

    def read():
        with open_reader(path) as reader:
            reader.read(0)

    with pytest.raises(UnreadableMediaError, match=name):
        read()


def test_a_damaged_header_is_named_whatever_byte_it_is(tmp_path):
    """What OpenImageIO says about it quotes the file, and need not be text."""
    path = save(tmp_path / "damaged.exr", noise(3, height=2, width=2), "half")
    whole = path.read_bytes()
    errors = []
    for place in range(0, 400, 3):
        path.write_bytes(whole[:place] + b"\x97" + whole[place + 1 :])
        try:
            open_reader(path).close()
        except MediaError as error:
            errors.append(str(error))
    assert len(errors) > 20
    assert all(str(path) in error for error in errors)


def test_text_is_no_image(tmp_path):
    path = tmp_path / "a.exr"
    path.write_text("hello")
    with pytest.raises(UnreadableMediaError, match=r"a\.exr cannot be read"):
        open_reader(path)


def test_an_error_in_the_block_leaves_complete_frames_only(tmp_path):
    make_sequence(tmp_path, [1, 2, 3])
    (tmp_path / "out").mkdir()

    def fail():
        with (
            open_reader(tmp_path / "shot.%04d.exr") as reader,
            open_writer(tmp_path / "out" / "o.%d.exr", reader) as writer,
        ):
            writer.write(0, reader.read(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["o.1.exr"]


FULL_DISK = """
import resource, sys
from synthetic_focus.media import open_reader, open_writer, WriteError
from synthetic_focus.media import images
limit = int(sys.argv[3])
encode = images._encode

def encode_in_memory_that_has_no_such_limit(*arguments):
    encoded = encode(*arguments)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return encoded

images._encode = encode_in_memory_that_has_no_such_limit
reader = open_reader(sys.argv[1])
try:
    with open_writer(sys.argv[2], reader) as writer:
        writer.write(0, reader.read(0))
except WriteError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.parametrize("name", ["out.exr", "out.png", "out.tif", "out.jpg", "out.dpx"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_full_disk_is_reported_and_what_was_there_stays(tmp_path, name, share):
    pixels = noise(3, height=300, width=300)
    source = save(tmp_path / "in.tif", pixels, "uint16")
    size = copy(source, tmp_path / name).stat().st_size
    (tmp_path / name).write_bytes(b"before")
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            FULL_DISK,
            str(source),
            str(tmp_path / name),
            str(int(size * share)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 3, child.stderr + child.stdout
    assert f"{name} could not be written" in child.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.tif", name]
    assert (tmp_path / name).read_bytes() == b"before"


def test_unwritable_folder_is_reported(tmp_path):
    source = save(tmp_path / "in.png", noise(3), "uint8")
    with open_reader(source) as reader:
        with pytest.raises(MediaError, match="folder"):
            open_writer(tmp_path / "nowhere" / "out.png", reader)
        (tmp_path / "folder.png").mkdir()
        with pytest.raises(WriteError, match="is a folder"):
            open_writer(tmp_path / "folder.png", reader)
        if Path("/proc/self").exists():  # which not even root can write to
            for name in ("out.%d.png", "out.mp4"):
                with pytest.raises(WriteError, match="/proc/self cannot be written to"):
                    open_writer(Path("/proc/self", name), reader)


def test_what_integers_cannot_hold_is_clipped(tmp_path):
    pixels = noise(3)
    source = save(tmp_path / "in.png", pixels, "uint8")
    pixels[0, :4, 0] = [np.nan, np.inf, -np.inf, -3]
    with open_reader(source) as reader, open_writer(tmp_path / "out.png", reader) as writer:
        writer.write(0, pixels)
    np.testing.assert_array_equal(load(tmp_path / "out.png")[1][0, :4, 0], [0, 1, 0, 0])
