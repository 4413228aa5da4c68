"""The focus of a shot from files: followed, reported, exported and read again."""

import json
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from click.testing import CliRunner

import synthetic_focus
from synthetic_focus.cli import program
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.evaluation import focus_shots
from synthetic_focus.focus import FocusTarget, FocusTargetError
from synthetic_focus.media import open_reader
from synthetic_focus.rendering import RenderError, render

COUNT = 32
TOLERANCE = 0.02 * 0.9


def write(path: Path, pixels: np.ndarray) -> None:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], oiio.HALF)
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), spec)
    out.write_image(np.ascontiguousarray(pixels, np.float32))
    out.close()


@pytest.fixture(scope="module")
def shot() -> focus_shots.RenderedShot:
    return focus_shots.crossing()


@pytest.fixture(scope="module")
def files(shot: focus_shots.RenderedShot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shot")
    for frame in range(COUNT):
        light = (shot.images[frame][..., ::-1] / np.float32(255)) ** np.float32(2.2)
        write(folder / f"shot.{100 + frame}.exr", light)
        write(folder / f"depth.{100 + frame}.exr", 1 / shot.disparity[frame][..., None])
    return folder


def detail(pixels: np.ndarray) -> float:
    return float(np.abs(np.diff(pixels, axis=1)).mean())


def targets(shot: focus_shots.RenderedShot) -> list[FocusTarget]:
    near, far = (subject.center for subject in shot.subjects)
    return [
        FocusTarget(float(near[0, 0]), float(near[0, 1]), 100),
        FocusTarget(float(far[25, 0]), float(far[25, 1]), 125),
    ]


@pytest.fixture(scope="module")
def rendered(
    shot: focus_shots.RenderedShot, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("out")
    seen: list[tuple[int, int]] = []
    render(
        files / "shot.%d.exr",
        folder / "out.%d.exr",
        depth=files / "depth.%d.exr",
        focus=targets(shot),
        frames=(110, 112),
        report=folder / "focus.html",
        export_targets=folder / "targets.json",
        progress=lambda done, total: seen.append((done, total)),
        depth_convention="metres",
        focal_length=85.0,
        f_stop=1.4,
    )
    # Frame by frame, from the first target to the last, and then what is rendered.
    assert seen == [*((n, 26) for n in range(1, 27)), *((n, 3) for n in range(1, 4))]
    return folder


def test_the_moving_subject_is_what_stays_sharp(
    shot: focus_shots.RenderedShot, files: Path, rendered: Path
) -> None:
    with (
        open_reader(files / "shot.%d.exr") as before,
        open_reader(rendered / "out.%d.exr") as after,
    ):
        x, y = shot.subjects[0].center[11]
        row, column = round(y * focus_shots.HEIGHT), round(x * focus_shots.WIDTH)
        here = np.s_[row - 12 : row + 12, column - 6 : column + 6]
        there = np.s_[20:60, 300:400]
        old, new = before.read(11), after.read(1)
        assert np.abs(new - old)[here].mean() < 0.01
        assert detail(new[there]) < 0.4 * detail(old[there])


def test_the_exported_curve_is_the_truth_and_its_targets_come_back(
    shot: focus_shots.RenderedShot, rendered: Path
) -> None:
    from synthetic_focus.focus.exchange import load

    plan = load(rendered / "targets.json")
    assert list(plan.targets) == targets(shot)
    assert plan.first == 100
    near, far = (subject.disparity for subject in shot.subjects)
    np.testing.assert_allclose(plan.curve[:12], near[:12], atol=TOLERANCE)
    np.testing.assert_allclose(plan.curve[22:], far[22:26], atol=TOLERANCE)


def test_the_report_is_a_page_with_the_frames_that_were_rendered(rendered: Path) -> None:
    page = (rendered / "focus.html").read_text()
    assert page.count("<figure") == 3
    assert '"first": 110' in page
    assert "https://" not in page


def test_a_report_that_is_named_svg_is_the_curve(
    shot: focus_shots.RenderedShot, files: Path, tmp_path: Path
) -> None:
    render(
        files / "shot.%d.exr",
        tmp_path / "out.%d.exr",
        depth=files / "depth.%d.exr",
        focus=targets(shot)[:1],
        frames=(100, 101),
        report=tmp_path / "focus.svg",
        depth_convention="metres",
    )
    assert (tmp_path / "focus.svg").read_text().startswith("<svg")


def test_the_public_curve_is_what_was_exported(
    shot: focus_shots.RenderedShot, rendered: Path
) -> None:
    class Shot:
        def __len__(self) -> int:
            return COUNT

        def image(self, frame: int) -> np.ndarray:
            return shot.images[frame]

        def disparity(self, frame: int) -> np.ndarray:
            return shot.disparity[frame]

    at = [FocusTarget(t.x, t.y, t.frame - 100) for t in targets(shot)]
    curve = synthetic_focus.focus_curve(Shot(), at)
    assert curve.dtype == np.float32
    exported = json.loads((rendered / "targets.json").read_text())["curve"]["disparity"]
    np.testing.assert_allclose(curve[:26], exported, atol=TOLERANCE)
    with pytest.raises(FocusTargetError):
        synthetic_focus.focus_curve(Shot(), [])


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(program, [str(a) for a in arguments])
    return result.exit_code, result.output


def test_targets_from_a_file_give_the_frames_that_they_gave_as_options(
    files: Path, rendered: Path, tmp_path: Path
) -> None:
    code, output = run(
        "render", files / "shot.%d.exr", tmp_path / "again.%d.exr",
        "--depth", files / "depth.%d.exr", "--targets", rendered / "targets.json",
        "--depth-convention", "metres", "--focal-length", 85, "--f-stop", 1.4,
        "--frames", "111",
    )  # fmt: skip
    assert code == 0, output
    with (
        open_reader(rendered / "out.111.exr") as one,
        open_reader(tmp_path / "again.111.exr") as two,
    ):
        np.testing.assert_array_equal(one.read(0), two.read(0))


def test_targets_given_twice_or_broken_are_refused_and_nothing_is_written(
    files: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    common = ["render", files / "shot.%d.exr", tmp_path / "o.%d.exr", "--depth"]
    common.append(files / "depth.%d.exr")
    code, output = run(*common, "--targets", broken, "--focus", "0.5,0.5")
    assert code == 2
    assert "give one" in output
    code, output = run(*common, "--targets", broken, "--target-hold", "weak")
    assert code == 2
    assert "are for --focus" in output
    code, output = run(*common, "--targets", broken)
    assert code != 0
    assert list(tmp_path.iterdir()) == [broken]


def test_a_report_without_targets_is_refused(files: Path, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="none is given"):
        render(files / "shot.%d.exr", tmp_path / "o.%d.exr", report=tmp_path / "r.html")


@pytest.mark.parametrize("at", ["", "@101"])
def test_points_follow_and_hold_as_the_options_say(files: Path, tmp_path: Path, at: str) -> None:
    code, output = run(
        "render", files / "shot.%d.exr", tmp_path / "o.%d.exr", "--frames", "100-101",
        "--depth", files / "depth.%d.exr", "--depth-convention", "metres",
        "--focus", f"0.5,0.5{at}", "--no-target-follow", "--target-hold", "weak",
        "--export-targets", tmp_path / "targets.json",
    )  # fmt: skip
    assert code == 0, output
    (target,) = json.loads((tmp_path / "targets.json").read_text())["targets"]
    assert (target["follow"], target["hold"]) == (False, "weak")


@pytest.mark.parametrize("name", ["nowhere/o.mp4", "o.unknown"])
def test_an_output_that_cannot_be_written_is_refused_before_subjects_are_followed(
    files: Path, tmp_path: Path, name: str
) -> None:
    looked_at: list[int] = []
    with pytest.raises(SyntheticFocusError, match=r"nowhere does not exist|unknown"):
        render(
            files / "shot.%d.exr",
            tmp_path / name,
            depth=files / "depth.%d.exr",
            focus=[(0.5, 0.5)],
            progress=lambda done, total: looked_at.append(done),
        )
    assert looked_at == []
    assert list(tmp_path.iterdir()) == []


def test_a_missing_iris_image_is_named_before_subjects_are_followed(
    files: Path, tmp_path: Path
) -> None:
    looked_at: list[int] = []
    with pytest.raises(SyntheticFocusError, match=r"heart\.png"):
        render(
            files / "shot.%d.exr",
            tmp_path / "o.mp4",
            depth=files / "depth.%d.exr",
            focus=[(0.5, 0.5)],
            kernel_image="heart.png",
            progress=lambda done, total: looked_at.append(done),
        )
    assert looked_at == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("aside", ["report", "export_targets"])
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_rendered(
    files: Path, tmp_path: Path, aside: str
) -> None:
    with pytest.raises(SyntheticFocusError, match="nowhere does not exist"):
        render(
            files / "shot.%d.exr",
            tmp_path / "o.%d.exr",
            depth=files / "depth.%d.exr",
            focus=[(0.5, 0.5)],
            frames=(0, 1),
            **{aside: tmp_path / "nowhere" / "r.html"},
        )
    assert list(tmp_path.iterdir()) == []
