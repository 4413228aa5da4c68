"""The command line: what it takes, what it says, how it ends."""

import contextlib
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from synthetic_focus.media import open_reader
from synthetic_focus.parameters import table

PROGRAM = [sys.executable, "-m", "synthetic_focus.cli"]


def run(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )


def save(path: Path, pixels: np.ndarray, kind: str = "uint8") -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(pixels)
    assert output.close()
    return path


@pytest.fixture
def depth(tmp_path: Path) -> Path:
    picture = np.zeros((48, 64, 1), np.float32)
    picture[:, :32] = 1
    return save(tmp_path / "depth.png", picture)


def make_movie(path: Path, count: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(count):
            noise = np.random.default_rng(number).integers(16, 235, (72, 64), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, "yuv420p")))
        container.mux(stream.encode(None))
    return path


def test_a_movie_is_rendered_and_nothing_is_said(tmp_path, depth):
    source = make_movie(tmp_path / "in.mp4", 6)
    result = run(
        "render", source, tmp_path / "out.mov", "--depth", depth, "--preset", "helios-44-2",
        "--focus", "0.25,0.5@1", "--focus", "0.75,0.5@4", "--f-stop", 1.4, "--frames", "1-4",
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    with open_reader(tmp_path / "out.mov") as reader:
        assert len(reader) == 4


def test_every_parameter_has_its_option():
    shown = run("render", "--help").stdout
    own = {"preset": "--preset", "focus_point": "--focus ", "depth_file": "--depth "}
    for name, parameter in table().parameters.items():
        if parameter.secret or not parameter.has_value or name == "depth_source":
            continue
        if name in ("preset_name", "bake_tolerance"):  # of buttons
            assert f"--{name.replace('_', '-')}" not in shown
            continue
        assert own.get(name, f"--{name.replace('_', '-')}") in shown, name
        if name not in own:
            assert parameter.hint.split()[0] in shown
    for group in table().groups:
        if any(p.group == group.name and p.name != "preset" for p in table().parameters.values()):
            assert f"{group.label}:" in shown or group.name == "depth"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["in.png"], "Missing argument"),
        (["in.png", "out.png", "--f-stop", "0.01"], "0.5"),
        (["in.png", "out.png", "--f-stop", "wide"], "not a valid"),
        (["in.png", "out.png", "--quality", "great"], "draft"),
        (["in.png", "out.png", "--colour-space", "Kodachrome"], "Rec.709"),
        (["in.png", "out.png", "--focus", "0.5"], "0.5,0.5@24"),
        (["in.png", "out.png", "--focus", "0.5,2"], "outside the picture"),
        (["in.png", "out.png", "--focus", "0,0", "--focus", "1,1"], "two focus targets"),
        (["in.png", "out.png", "--frames", "a-b"], "10-20"),
        (["in.png", "out.png", "--preset", "helios"], "helios-44-2"),
        (["in.png", "out.png", "--nonsense"], "No such option"),
        (["in.png", "out.png", "--near-distance", "nan"], "near_distance"),
    ],
)
def test_usage_errors_end_with_status_2(tmp_path, depth, arguments, message):
    save(tmp_path / "in.png", np.zeros((48, 64, 3), np.float32))
    result = run("render", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.mp4", "out.mp4", "--depth", "depth.png"], "There is no file nowhere.mp4"),
        (["in.png", "out.png", "--depth-model", "nobody's"], "nobody's"),
        (["in.png", "out.png", "--depth", "nowhere.png"], "nowhere.png"),
        (["in.png", "out.xyz", "--depth", "depth.png"], ".xyz is unknown"),
        (["in.png", "nowhere/out.png", "--depth", "depth.png"], "nowhere does not exist"),
        (["text.mp4", "out.mp4", "--depth", "depth.png"], "text.mp4 cannot be read"),
        (["in.%04d.png", "out.%04d.png", "--depth", "depth.png"], "No file matches in.%04d.png"),
    ],
)
def test_other_errors_are_one_line_and_status_1(tmp_path, depth, arguments, message):
    save(tmp_path / "in.png", np.zeros((48, 64, 3), np.float32))
    (tmp_path / "text.mp4").write_text("hello")
    before = sorted(p.name for p in tmp_path.iterdir())
    result = run("render", *arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("synthetic-focus: ")
    assert message in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_debug_shows_where_an_error_came_from(tmp_path):
    for arguments in (
        ["--debug", "render", "a.mp4", "b.mp4"],
        ["render", "a.mp4", "b.mp4", "--debug"],
    ):
        result = run(*arguments, cwd=tmp_path)
        assert result.returncode == 1
        assert "Traceback" in result.stderr
        assert "MissingMediaError" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("name", ["out.mp4", "out.%04d.exr"])
def test_ctrl_c_leaves_no_partial_file(tmp_path, depth, number, name):
    source = make_movie(tmp_path / "in.mp4", 3000)
    child = subprocess.Popen(
        [*PROGRAM, "render", source, tmp_path / name, "--depth", depth, "--focus", "0.2,0.5"],
        stderr=subprocess.PIPE,
        text=True,
    )
    started = time.monotonic()
    while len(list(tmp_path.iterdir())) < 3 and time.monotonic() - started < 60:
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(child.pid, number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said.strip() == "synthetic-focus: stopped"  # on a line below the terminal's ^C
    left = {p.name for p in tmp_path.iterdir()} - {"in.mp4", "depth.png"}
    assert not [n for n in left if n.startswith(".") or n.endswith(".mp4")]
    for frame in left:  # complete ones may stay
        with open_reader(tmp_path / frame) as reader:
            assert reader.read(0).shape == (48, 64, 3)


LONG_WORK = """
import time
from synthetic_focus.cli import _progress_bar
with _progress_bar() as progress:
    progress(1, 4)
    time.sleep(2.2)
    progress(3, 4)
"""
LONG_FIRST_FRAME = """
import time
from synthetic_focus.cli import _progress_bar
with _progress_bar() as progress:
    time.sleep(2.6)
"""


def seen_on_a_terminal(work):
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    child = subprocess.Popen([sys.executable, "-c", work], stderr=its)
    os.close(its)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal's end: the child's
        while more := os.read(ours, 4096):
            seen += more
    os.close(ours)
    assert child.wait() == 0
    return seen


def test_a_terminal_sees_progress_after_two_seconds():
    seen = seen_on_a_terminal(LONG_WORK)
    assert b"3/4" in seen


def test_a_terminal_sees_before_the_first_frame_that_there_is_work():
    assert b"0frame" in seen_on_a_terminal(LONG_FIRST_FRAME)


def test_presets_are_listed_shown_drawn_and_saved(tmp_path):
    home = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    listed = run("presets", env=home)
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) >= 16
    shown = run("presets", "helios-44-2", env=home)
    assert "focal_length       58 mm" in shown.stdout
    wrong = run("presets", "helios", env=home)
    assert wrong.returncode == 2
    assert "helios-44-2" in wrong.stderr
    saved = run(
        "presets", "--save", "My Lens", "--preset", "helios-44-2", "--f-stop", 2.8, env=home
    )
    assert saved.returncode == 0, saved.stderr
    assert Path(saved.stdout.strip()).is_file()
    again = run("presets", "my-lens", env=home)
    assert "f_stop             2.8" in again.stdout
    assert "focal_length       58 mm" in again.stdout
    assert run("presets", "--save", "My Lens", env=home).returncode == 2
    assert run("presets", "--save", "My Lens", "--replace", env=home).returncode == 0
    assert run("presets", "--f-stop", 2, env=home).returncode == 2
    drawn = run("presets", "helios-44-2", "--sheet", tmp_path / "sheet.png", env=home)
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_the_plugin_is_installed_whole_and_the_doctor_renders_with_it(tmp_path):
    folder = tmp_path / "new" / "plugins"
    installed = run("install-plugin", "--to", folder)
    assert installed.returncode == 0, installed.stderr
    bundle = folder / "SyntheticFocus.ofx.bundle"
    assert installed.stdout.strip() == str(bundle)
    assert (bundle / "Contents/Resources/python").read_text().strip() == sys.executable
    (bundle / "Contents" / "of an older version").touch()
    assert run("install-plugin", "--to", folder).returncode == 0
    assert not (bundle / "Contents" / "of an older version").exists()
    assert [p.name for p in folder.iterdir()] == [bundle.name]

    checked = run("doctor", env={**os.environ, "OFX_PLUGIN_PATH": str(folder)})
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name in ("python", "opencolorio", "log", "worker", "plug-in", "render"):
        assert f"ok      {name}" in checked.stdout

    (bundle / "Contents/Resources/python").write_text("/nowhere/python\n")
    ill = run("doctor", "--plugin", bundle)
    assert ill.returncode == 1
    assert "FAILED  plug-in" in ill.stdout
    assert (
        "/nowhere/python, which does not exist. Run `synthetic-focus install-plugin" in ill.stdout
    )


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    result = run("install-plugin", "--to", tmp_path)
    assert result.returncode == 1
    assert "Permission denied" in result.stderr


def test_a_file_in_the_way_of_the_plugin_is_named(tmp_path):
    (tmp_path / "file").touch()
    result = run("install-plugin", "--to", tmp_path / "file" / "plugins")
    assert result.returncode == 1
    assert "cannot install the plug-in" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_doctor_without_plugin_says_what_to_do(tmp_path):
    result = run("doctor", "--plugin", tmp_path / "none.ofx.bundle")
    assert result.returncode == 1
    assert "does not exist. Run `synthetic-focus install-plugin" in result.stdout


def test_starting_costs_no_heavy_imports():
    code = (
        "import sys, synthetic_focus.cli; "
        "heavy = {'numpy', 'av', 'OpenImageIO', 'PyOpenColorIO', 'torch', 'cv2', 'tqdm'};"
        "heavy &= set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_version_and_help_work():
    assert run("--version").stdout.startswith("synthetic-focus, version ")
    assert "install-plugin" in run("--help").stdout
    assert run("-h").returncode == 0
    assert run("nonsense").returncode == 2


def test_the_package_is_the_command_line():
    command = [sys.executable, "-m", "synthetic_focus", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == run("--version").stdout


def test_the_cache_is_listed_measured_and_cleared(tmp_path, own_cache):
    from synthetic_focus.scene.cache import Cache, StoredFrame
    from synthetic_focus.scene.providers import Estimate

    checksum = "828cf6a4" + 7 * "f16659ab"
    shot = Cache().shot(f"a network {checksum}, v2", (16, 9), "/footage/walk.mp4")
    for number in range(3):
        maps = Estimate(np.full((9, 16), number, np.float32))
        shot.store_frame(number, StoredFrame(f"{number:032x}", "", maps))
    shot.write_manifest()
    listed = run("cache", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "3 frames  /footage/walk.mp4  (a network 828cf6a4, v2)" in listed.stdout
    assert f"{own_cache}: 0.000 GB of 20 GB" in run("cache", "size").stdout
    assert "removed" in run("cache", "clear").stdout
    assert run("cache", "list").stdout == ""
    assert not list(own_cache.glob("*-*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", "nowhere.mp4"], "There is no file nowhere.mp4"),
        (["analyze", "in.png", "--depth-model", "nobody's"], "nobody's"),
        (["analyze", "in.png", "--frames", "3-4"], "has 0 to 0"),
    ],
)
def test_what_cannot_be_analysed_is_said_in_one_line(tmp_path, arguments, message):
    save(tmp_path / "in.png", np.zeros((48, 64, 3), np.float32))
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
