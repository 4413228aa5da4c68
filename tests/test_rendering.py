"""Shots from files to files: `synthetic_focus.render()`."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

import synthetic_focus
from synthetic_focus import FocusTarget, color, rendering
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.media import MediaError, MissingMediaError, open_reader, open_writer
from synthetic_focus.rendering import RenderError
from synthetic_focus.scene.depth import DepthError
from synthetic_focus.scene.providers import ModelError

WIDTH, HEIGHT = 96, 64


def save(path: Path, pixels: np.ndarray, kind: str, **window: int) -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    for name, value in window.items():
        setattr(spec, name, value)
    if path.suffix == ".png":
        spec.attribute("oiio:UnassociatedAlpha", 1)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(pixels)
    assert output.close()
    return path


def load(path: Path) -> np.ndarray:
    with open_reader(path) as reader:
        return reader.read(0)


@pytest.fixture
def depth(tmp_path: Path) -> Path:
    """Near on the left, far on the right."""
    picture = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    picture[:, : WIDTH // 2] = 1
    return save(tmp_path / "depth.png", picture, "uint16")


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Five frames of noise, numbered 11 to 15, as EXR."""
    for number in range(11, 16):
        noise = np.random.default_rng(number).random((HEIGHT, WIDTH, 3), np.float32)
        save(tmp_path / f"in.{number:04d}.exr", noise, "half")
    return tmp_path / "in.%04d.exr"


def sharpness(pixels: np.ndarray) -> tuple[float, float]:
    """Of the left and of the right half, away from where they meet."""
    left, right = pixels[8:-8, 8:32, :3], pixels[8:-8, 64:-8, :3]
    return float(np.diff(left, axis=1).std()), float(np.diff(right, axis=1).std())


def test_what_is_focused_is_sharp_and_bit_identical(shot, depth, tmp_path):
    synthetic_focus.render(
        shot, tmp_path / "out.%04d.exr", depth=depth, focus=[(0.25, 0.5)], f_stop=1.0
    )
    for number in range(11, 16):
        before, after = load(tmp_path / f"in.{number:04d}.exr"), load(
            tmp_path / f"out.{number:04d}.exr"
        )  # fmt: skip
        np.testing.assert_array_equal(after[:, :20], before[:, :20])
        left, right = sharpness(after)
        assert left > 5 * right


def test_focus_pulls_from_target_to_target(shot, depth, tmp_path):
    synthetic_focus.render(
        shot,
        tmp_path / "out.%04d.exr",
        depth=depth,
        focus=[FocusTarget(0.25, 0.5, 11), FocusTarget(0.75, 0.5, 15)],
        pull_frames=2,
        settle_frames=0,
        f_stop=1.0,
    )
    left, right = sharpness(load(tmp_path / "out.0011.exr"))
    assert left > 5 * right
    left, right = sharpness(load(tmp_path / "out.0015.exr"))
    assert right > 5 * left


def test_focus_distance_alone_is_a_distance(shot, depth, tmp_path):
    synthetic_focus.render(
        shot, tmp_path / "o.%d.exr", depth=depth, focus_distance=0.0, f_stop=1.0, frames=(12, 12)
    )
    assert [p.name for p in tmp_path.glob("o.*")] == ["o.12.exr"]
    left, right = sharpness(load(tmp_path / "o.12.exr"))
    assert right > 5 * left


def test_parameters_win_over_the_preset(shot, depth, tmp_path):
    common = {"depth": depth, "focus": [(0.25, 0.5)], "frames": (11, 11)}
    synthetic_focus.render(shot, tmp_path / "a.exr", preset="helios-44-2", **common)
    synthetic_focus.render(shot, tmp_path / "b.exr", preset="helios-44-2", f_stop=2.0, **common)
    synthetic_focus.render(shot, tmp_path / "c.exr", preset="helios-44-2", f_stop=256.0, **common)
    np.testing.assert_array_equal(load(tmp_path / "a.exr"), load(tmp_path / "b.exr"))
    np.testing.assert_array_equal(load(tmp_path / "c.exr"), load(tmp_path / "in.0011.exr"))


def test_closed_aperture_needs_no_depth_and_changes_nothing(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65535, (HEIGHT, WIDTH, 3)) / 65535
    source = save(tmp_path / "in.png", pixels.astype(np.float32), "uint16")
    synthetic_focus.render(source, tmp_path / "out.png", blur_scale=0.0)
    np.testing.assert_array_equal(load(tmp_path / "out.png"), load(source))


def test_depth_of_a_sequence_goes_by_its_numbers(shot, tmp_path):
    (tmp_path / "z").mkdir()
    for number in range(11, 16):
        near_left = np.zeros((HEIGHT, WIDTH, 1), np.float32)
        side = slice(0, 48) if number < 13 else slice(48, 96)
        near_left[:, side] = 1
        save(tmp_path / "z" / f"z.{number}.png", near_left, "uint8")
    synthetic_focus.render(
        shot, tmp_path / "o.%d.exr", depth=tmp_path / "z" / "z.%d.png", focus_distance=1.0,
        f_stop=1.0, frames=(12, 13),
    )  # fmt: skip
    left, right = sharpness(load(tmp_path / "o.12.exr"))
    assert left > 5 * right
    left, right = sharpness(load(tmp_path / "o.13.exr"))
    assert right > 5 * left


def test_depth_sequence_of_a_movie_begins_where_the_movie_does(tmp_path, shot):
    with open_reader(shot) as frames, open_writer(tmp_path / "in.mkv", frames) as writer:
        for index in range(5):
            writer.write(index, frames.read(index))
    for number in range(1, 6):
        side = slice(0, 48) if number < 3 else slice(48, 96)
        picture = np.zeros((HEIGHT, WIDTH, 1), np.float32)
        picture[:, side] = 1
        save(tmp_path / f"z.{number}.png", picture, "uint8")
    synthetic_focus.render(
        tmp_path / "in.mkv", tmp_path / "o.%d.png", depth=tmp_path / "z.%d.png",
        focus_distance=1.0, f_stop=1.0,
    )  # fmt: skip
    left, right = sharpness(load(tmp_path / "o.1.png"))
    assert left > 3 * right
    left, right = sharpness(load(tmp_path / "o.2.png"))
    assert right > 3 * left


def test_video_becomes_linear_in_exr_and_back(depth, tmp_path):
    codes = np.tile(np.linspace(0, 1, WIDTH, dtype=np.float32)[:, None], (HEIGHT, 1, 3))
    source = save(tmp_path / "in.png", codes, "uint16")
    synthetic_focus.render(source, tmp_path / "a.exr", blur_scale=0.0)
    with open_reader(tmp_path / "a.exr") as reader:
        assert reader.pixel_type == "half"
        light = color.to_linear(load(source), "sRGB Encoded Rec.709 (sRGB)")
        np.testing.assert_allclose(reader.read(0), light, atol=5e-4)
    synthetic_focus.render(tmp_path / "a.exr", tmp_path / "b.png", blur_scale=0.0)
    np.testing.assert_allclose(load(tmp_path / "b.png"), codes, atol=2e-3)
    synthetic_focus.render(tmp_path / "a.exr", tmp_path / "b.mov", blur_scale=0.0)
    with open_reader(tmp_path / "b.mov") as movie:
        assert movie.tags == (1, 1, 1, 1)
        shown = color.to_linear(movie.read(0), color.REC709_VIDEO)
    # Video's 8 darkest code values hold more light than sRGB's; the rest agrees.
    np.testing.assert_allclose(shown, light, atol=0.012)


def test_a_view_of_depth_is_not_taken_for_light(shot, depth, tmp_path):
    synthetic_focus.render(shot, tmp_path / "view.png", depth=depth, view="depth", frames=(11, 11))
    view = load(tmp_path / "view.png")
    np.testing.assert_allclose(view[:, :48], 1.0, atol=1e-3)
    np.testing.assert_allclose(view[:, 48:], 0.0, atol=1e-3)


def test_alpha_is_what_the_format_says_it_is(depth, tmp_path):
    pixels = np.full((HEIGHT, WIDTH, 4), 0.5, np.float32)
    pixels[:, ::2, 3] = 0.25
    pixels[:, 1::2, 3] = 0
    straight = save(tmp_path / "in.png", pixels, "uint16")
    synthetic_focus.render(straight, tmp_path / "a.exr", blur_scale=0.0)
    light = color.to_linear(load(straight), "sRGB Encoded Rec.709 (sRGB)")[0, 0, 0]
    np.testing.assert_allclose(load(tmp_path / "a.exr")[:, ::2, :3], 0.25 * light, rtol=1e-3)
    np.testing.assert_array_equal(load(tmp_path / "a.exr")[:, 1::2, :3], 0)
    synthetic_focus.render(tmp_path / "a.exr", tmp_path / "b.png", blur_scale=0.0)
    np.testing.assert_allclose(load(tmp_path / "b.png")[:, ::2], pixels[:, ::2], atol=1e-3)
    synthetic_focus.render(straight, tmp_path / "c.jpg", blur_scale=0.0)
    np.testing.assert_allclose(load(tmp_path / "c.jpg").mean(), 0.5 * 0.25 / 2, atol=0.01)


def test_overscan_is_rendered_with_its_own_depth_or_the_pictures(depth, tmp_path):
    noise = np.random.default_rng(0).random((HEIGHT + 16, WIDTH + 16, 3), np.float32)
    source = save(
        tmp_path / "in.exr", noise, "half",
        x=-8, y=-8, full_x=0, full_y=0, full_width=WIDTH, full_height=HEIGHT,
    )  # fmt: skip
    synthetic_focus.render(source, tmp_path / "a.exr", depth=depth, focus_distance=1.0, f_stop=1.0)
    whole = np.zeros((HEIGHT + 16, WIDTH + 16, 1), np.float32)
    whole[:, : 8 + WIDTH // 2] = 1
    with_overscan = save(tmp_path / "z.png", whole, "uint8")
    synthetic_focus.render(
        source, tmp_path / "b.exr", depth=with_overscan, focus_distance=1.0, f_stop=1.0
    )
    np.testing.assert_array_equal(load(tmp_path / "a.exr"), load(tmp_path / "b.exr"))


def test_progress_counts_every_frame(shot, depth, tmp_path):
    seen = []
    synthetic_focus.render(
        shot, tmp_path / "o.%d.exr", depth=depth, focus_distance=1.0,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(done, 5) for done in range(1, 6)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"depth": None, "depth_source": "clip"}, RenderError, r"no depth for .*depth=PATH"),
        ({"depth": None, "depth_source": "file"}, RenderError, r"no depth for .*depth=PATH"),
        ({"depth": None, "depth_model": "nobody's"}, ModelError, "nobody's"),
        ({"frames": (9, 12)}, MediaError, "has 11 to 15"),
        ({"frames": (13, 12)}, MediaError, "first is after the last"),
        ({"depth": "nowhere.exr"}, MissingMediaError, r"nowhere\.exr"),
        ({"focus": [(0.5, 1.5)]}, SyntheticFocusError, "outside"),
        ({"focus": [(0.1, 0.1), (0.2, 0.2)]}, SyntheticFocusError, "two focus targets"),
        ({"focus": (0.1, 0.1)}, SyntheticFocusError, r"give a list, such as \[\(0.3"),
        ({"focus": [(0.1,)]}, SyntheticFocusError, r"give a list, such as \[\(0.3"),
        ({"focus": "0.1,0.1"}, SyntheticFocusError, r"give a list, such as \[\(0.3"),
        ({"f_stop": 0.0}, SyntheticFocusError, "f_stop"),
        ({"fstop": 2.0}, SyntheticFocusError, "did you mean f_stop"),
        ({"preset": "helios"}, SyntheticFocusError, "helios-44-2"),
        ({"colour_space": "Kodachrome"}, SyntheticFocusError, "colour_space"),
        ({"output": "in.%04d.exr"}, RenderError, "is the source itself"),
        ({"output": "in.####.exr"}, RenderError, "is the source itself"),
        ({"output": "../HERE/in.%04d.exr"}, RenderError, "is the source itself"),
        ({"output": "in.0011.exr", "frames": (11, 11)}, RenderError, "is the source itself"),
        ({"output": "depth.png", "frames": (11, 11)}, RenderError, "is the depth itself"),
        ({"export_targets": "in.0012.exr"}, RenderError, "is the source itself"),
        ({"export_targets": "depth.png"}, RenderError, "is the depth itself"),
        ({"report": "focus.pdf"}, RenderError, r"\.html.*\.svg"),
        ({"output": "one.exr"}, RenderError, r"one\.%04d\.exr"),
        ({"output": "out.xyz"}, SyntheticFocusError, "unknown"),
        ({"output": "nowhere/out.mp4"}, SyntheticFocusError, "does not exist"),
        ({"source": "none.mp4"}, MissingMediaError, r"none\.mp4"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    shot, depth, tmp_path, arguments, error, message
):
    before = sorted(p.name for p in tmp_path.iterdir())
    call = {"source": shot.name, "output": "o.%d.exr", "depth": depth, "focus": [(0.5, 0.5)]}
    call |= arguments
    for name in ("source", "output", "depth", "report", "export_targets"):
        if call.get(name) is not None:
            call[name] = tmp_path / str(call[name]).replace("HERE", tmp_path.name)
    with pytest.raises(error, match=message):
        synthetic_focus.render(**call)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_gaps_are_found_before_anything_is_rendered(shot, depth, tmp_path):
    (tmp_path / "in.0013.exr").unlink()
    with pytest.raises(MediaError, match=r"gaps.*\(13\)"):
        synthetic_focus.render(shot, tmp_path / "o.%d.exr", depth=depth, focus=[(0.5, 0.5)])
    assert not list(tmp_path.glob("o.*"))
    synthetic_focus.render(
        shot, tmp_path / "o.%d.exr", depth=depth, focus=[(0.5, 0.5)], frames=(14, 15)
    )


def test_depth_of_another_shape_is_refused(shot, tmp_path):
    narrow = save(tmp_path / "z.png", np.zeros((HEIGHT, HEIGHT, 1), np.float32), "uint8")
    with pytest.raises(DepthError, match="frame 11") as caught:
        synthetic_focus.render(shot, tmp_path / "o.%d.exr", depth=narrow, focus=[(0.5, 0.5)])
    assert "64x64" in str(caught.value)


def test_a_damaged_frame_fails_the_movie_and_is_named(shot, depth, tmp_path):
    (tmp_path / "in.0014.exr").write_bytes(b"no picture")
    with pytest.raises(SyntheticFocusError, match=r"in\.0014\.exr"):
        synthetic_focus.render(shot, tmp_path / "o.mp4", depth=depth, focus=[(0.5, 0.5)])
    assert not list(tmp_path.glob("*o*.mp4"))


def test_few_frames_are_held_however_long_the_shot_is(depth, tmp_path, monkeypatch):
    with open_reader(depth) as still, open_writer(tmp_path / "in.mkv", still) as writer:
        for index in range(60):
            writer.write(index, still.read(0))
    begun, written, most = [], [0], [0]
    render_frame = rendering._Shot.frame

    def counted(shot, index):
        begun.append(index)
        most[0] = max(most[0], len(begun) - written[0])
        return render_frame(shot, index)

    monkeypatch.setattr(rendering._Shot, "frame", counted)
    synthetic_focus.render(
        tmp_path / "in.mkv", tmp_path / "out.mkv", depth=depth, focus=[(0.5, 0.5)],
        progress=lambda done, total: written.__setitem__(0, done),
    )  # fmt: skip
    assert sorted(begun) == list(range(60))
    assert most[0] <= min(os.cpu_count() or 1, 4) + 1


def test_frame_rate_of_images_reaches_the_movie(tmp_path, depth):
    for number in range(3):
        spec = oiio.ImageSpec(WIDTH, HEIGHT, 3, "half")
        spec.attribute("FramesPerSecond", "rational", (30000, 1001))
        path = str(tmp_path / f"f.{number}.exr")
        output = oiio.ImageOutput.create(path)
        output.open(path, spec)
        output.write_image(np.zeros((HEIGHT, WIDTH, 3), np.float32))
        output.close()
    synthetic_focus.render(tmp_path / "f.%d.exr", tmp_path / "o.mp4", blur_scale=0.0)
    with open_reader(tmp_path / "o.mp4") as movie:
        assert movie.fps == Fraction(30000, 1001)


def test_public_names_are_there_and_cheap():
    for name in synthetic_focus.__all__:
        assert callable(getattr(synthetic_focus, name))
    with pytest.raises(AttributeError, match="nothing"):
        synthetic_focus.nothing  # noqa: B018
    code = (
        "import sys, synthetic_focus; "
        "heavy = {'numpy', 'av', 'OpenImageIO', 'PyOpenColorIO', 'torch', 'cv2'}; "
        "heavy &= set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
