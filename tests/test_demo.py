"""The demo: plug-in and host together, from a clip to a movie whose focus pulls."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_focus import color, demo, media

NEAR_KEY, AFTER_THE_PULL = 0, 47
CAT_METRES, PERSON_METRES = (0.75, 0.95), (4.9, 5.6)


@pytest.fixture(scope="module")
def pulled() -> dict[int, demo.Pair]:
    """The night scene while the near subject is in focus, and when the far one is."""
    frames = (NEAR_KEY, AFTER_THE_PULL)
    return {pair.number: pair for pair in demo.render(demo.night(), frames)}


def kept_detail(pair: demo.Pair, metres: tuple[float, float]) -> float:
    """How much of the fine detail at that true distance the lens has left, 0..1."""
    with media.open_reader(demo.FOOTAGE / "disparity.mkv") as depth:
        level = depth.read(pair.number)[..., 0]
    disparity = 1 / 200 + level * (1 / 0.6 - 1 / 200)
    subject = ((disparity >= 1 / metres[1]) & (disparity <= 1 / metres[0])).astype(np.uint8)
    inside = cv2.erode(subject, np.ones((7, 7), np.uint8)).astype(bool)
    assert inside.sum() > 2000

    def detail(pixels: np.ndarray) -> float:
        luma = np.ascontiguousarray(pixels[..., 1])
        return float(np.abs(cv2.Laplacian(luma, cv2.CV_32F))[inside].mean())

    return detail(pair.after) / detail(pair.before)


def test_the_near_subject_is_sharp_at_its_key_and_soft_after_the_pull(pulled):
    assert kept_detail(pulled[NEAR_KEY], CAT_METRES) > 0.7
    assert kept_detail(pulled[AFTER_THE_PULL], CAT_METRES) < 0.3


def test_the_far_subject_is_soft_at_first_and_sharp_after_the_pull(pulled):
    assert kept_detail(pulled[NEAR_KEY], PERSON_METRES) < 0.3
    assert kept_detail(pulled[AFTER_THE_PULL], PERSON_METRES) > 0.9


def test_defocused_lights_keep_their_energy(pulled):
    """The clip is HDR so that lights become discs: what the lens spreads it does not lose."""
    pair = pulled[NEAR_KEY]
    before, after = (color.to_linear(p, pair.space) for p in (pair.before, pair.after))
    assert before.max() > 50
    assert after.mean() == pytest.approx(before.mean(), rel=0.1)


@pytest.fixture
def own_clip(tmp_path: Path) -> tuple[Path, Path]:
    """Five frames of a checkerboard, and its depth: near on the left, far on the right."""
    board = np.indices((144, 256)).sum(0) // 4 % 2 * 200 + 20
    depth = np.where(np.arange(256) < 128, 230, 20) * np.ones((144, 1))
    for number in range(5):
        for name, picture in (("shot", board), ("depth", depth)):
            path = tmp_path / f"{name}.{number:04d}.png"
            cv2.imwrite(str(path), np.repeat(picture[..., None], 3, axis=2).astype(np.uint8))
    return tmp_path / "shot.%04d.png", tmp_path / "depth.%04d.png"


def test_renders_a_clip_of_ones_own_again_and_again(own_clip, tmp_path, capsys):
    clip, depth = own_clip
    arguments = ["--clip", str(clip), "--depth", str(depth), "--out", str(tmp_path / "out")]
    for _ in range(2):
        assert demo.main([*arguments, "--focus", "0.2,0.5@0"]) == 0
    movie, sheet = map(Path, capsys.readouterr().out.split()[-2:])
    assert sorted((tmp_path / "out").iterdir()) == sorted([movie, sheet])
    with media.open_reader(movie) as reader, media.open_reader(clip) as source:
        assert (len(reader), reader.size) == (5, (256, 144))
        after, before = reader.read(4)[..., 1], source.read(4)[..., 1]
    near, far = np.s_[20:120, 20:100], np.s_[20:120, 156:236]
    assert after[near].std() > 0.8 * before[near].std()
    assert after[far].std() < 0.5 * before[far].std()
    assert cv2.imread(str(sheet)).shape == (2 * 270, 1920, 3)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--depth", "DEPTH"], "belong to a clip"),
        (["--focus", "0.5,0.5"], "belong to a clip"),
        (["--clip", "nowhere.mp4", "--depth", "DEPTH"], "nowhere.mp4"),
        (["--clip", "CLIP", "--depth", "nowhere.mp4"], "nowhere.mp4"),
        (["--clip", "CLIP", "--depth", "DEPTH", "--focus", "left"], "X,Y@FRAME"),
        (["--clip", "CLIP", "--depth", "DEPTH", "--focus", "0.5,1.5@0"], "outside"),
        (["--clip", "CLIP", "--depth", "DEPTH", "--focus", "0.5,0.5@5"], "frame 5"),
        (["--clip", "CLIP", "--depth", "SHORT"], "5 frames"),
    ],
)
def test_says_what_is_wrong_and_leaves_nothing(arguments, complaint, own_clip, tmp_path, capsys):
    clip, depth = own_clip
    for number in range(2):
        (tmp_path / f"short.{number:04d}.png").write_bytes(
            (tmp_path / f"depth.{number:04d}.png").read_bytes()
        )
    files = {"CLIP": clip, "DEPTH": depth, "SHORT": tmp_path / "short.%04d.png"}
    arguments = [str(files.get(argument, argument)) for argument in arguments]
    out = tmp_path / "out"
    assert demo.main([*arguments, "--out", str(out)]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("demo: ")
    assert complaint in said
    assert not out.exists() or not list(out.iterdir())


def test_one_depth_picture_serves_a_whole_clip(own_clip, tmp_path):
    clip, _ = own_clip
    take = demo.Take(clip, tmp_path / "depth.0000.png", (demo.FocusTarget(0.2, 0.5, 0),))
    assert len(list(demo.render(take))) == 5


def test_ctrl_c_leaves_nothing_incomplete_and_no_process(tmp_path):
    command = [sys.executable, "-m", "synthetic_focus.demo", "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, start_new_session=True, bufsize=0
    ) as process:
        assert process.stderr is not None
        said = b""
        while b" 2/48" not in said:
            said += os.read(process.stderr.fileno(), 4096) or pytest.fail(said.decode())
        os.killpg(process.pid, signal.SIGINT)
        said += process.stderr.read()
        assert process.wait(30) == 130, said.decode()
    assert b"Traceback" not in said
    assert list(tmp_path.iterdir()) == []
    deadline = time.monotonic() + 10
    while _alive(process.pid):
        assert time.monotonic() < deadline, "a process of the demo is still running"
        time.sleep(0.05)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
