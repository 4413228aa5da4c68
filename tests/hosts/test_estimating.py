"""The plug-in on a clip without depth: estimated as it is rendered, or ahead by Analyze."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus import installed
from synthetic_focus.ofx_host import ActionError, Behaviour, Host, Instance, Project

WIDTH, HEIGHT, LAST = 96, 54, 13


class Estimates:
    """How often the worker has estimated, and how slow it is."""

    def __init__(self, log: Path, environment: pytest.MonkeyPatch) -> None:
        self._log = log
        self._environment = environment

    def __len__(self) -> int:
        return len(self._log.read_text().splitlines()) if self._log.exists() else 0

    def take(self, seconds: float) -> None:
        """Of workers that are started from now on."""
        self._environment.setenv("SYNTHETIC_FOCUS_SLOW", str(seconds))


@pytest.fixture
def estimates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estimates:
    launcher = tmp_path / "python"
    script = Path(__file__).parent / "estimating_worker.py"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{script}" "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", str(launcher))
    monkeypatch.setenv("SYNTHETIC_FOCUS_ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Estimates(tmp_path / "asked", monkeypatch)


@pytest.fixture
def shot(moving_picture: Callable[..., np.ndarray]) -> dict[str, Callable[[float], np.ndarray]]:
    """The clips, which a test may change."""

    def picture(at: float) -> np.ndarray:
        rgb = moving_picture(int(at)).astype(np.float32) / np.float32(255)
        return np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])

    return {"Source": picture}


@pytest.fixture
def effect(
    request: pytest.FixtureRequest, estimates: Estimates, shot: dict[str, object]
) -> Iterator[Instance]:
    behaviour = getattr(request, "param", Behaviour())
    project = Project(region=(0, 0, WIDTH, HEIGHT), frames=(0, LAST))
    with (
        Host(behaviour) as host,
        host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle").create(
            project=project, clips={"Source": lambda at: shot["Source"](at)}
        ) as instance,
    ):
        instance["focus_mode"].set("Distance")
        instance["focus_distance"].set(0.9)
        yield instance
        assert host.violations == []


def frames_of(effect: Instance, order: list[int]) -> dict[int, np.ndarray]:
    return {frame: effect.render(time=frame).pixels for frame in order}


def test_an_effect_dropped_on_a_clip_works_at_once(effect: Instance, estimates: Estimates) -> None:
    effect["blur_scale"].set(8.0)
    source = effect.clips["Source"].picture(5)
    result = effect.render(time=5).pixels
    assert np.abs(result - source.pixels)[..., :3].mean() > 0.01
    assert len(estimates) == 12  # it, the five before and the six after


def test_any_order_and_eight_threads_give_the_frames_of_one_after_the_other(
    effect: Instance, estimates: Estimates
) -> None:
    order = list(range(LAST + 1))
    expected = frames_of(effect, order)
    assert len(estimates) == LAST + 1
    random.Random(3).shuffle(order)
    effect.purge()
    for frame, pixels in frames_of(effect, order).items():
        np.testing.assert_array_equal(pixels, expected[frame])
    assert len(estimates) == LAST + 1
    for path in Path(os.environ["SYNTHETIC_FOCUS_CACHE"]).rglob("*.exr"):
        path.unlink()
    effect.purge()
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda frame: (frame, effect.render(time=frame).pixels), order)
        for frame, pixels in found:
            np.testing.assert_array_equal(pixels, expected[frame])
    assert len(estimates) == 2 * (LAST + 1)


def worker_process() -> int:
    """The one that this process has started."""
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            if b"estimating_worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
    raise AssertionError("there is no worker")


def test_analyze_makes_the_whole_shot_ready(effect: Instance, estimates: Estimates) -> None:
    bars = []
    effect.plugin.host.on_progress = lambda label, done: bars.append((label, done)) or True
    effect["analyze"].press()
    assert len(estimates) == LAST + 1
    assert effect["analysis"].value == f"All frames 0 to {LAST} are analysed."
    assert {label for label, _ in bars} == {"Analysing the shot"}
    fractions = [done for _, done in bars]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert 0.9 < fractions[-1] < 1
    frames_of(effect, [7, 0, 13])
    assert len(estimates) == LAST + 1


def test_analyze_can_be_cancelled_and_goes_on_where_it_was(
    effect: Instance, estimates: Estimates
) -> None:
    effect.plugin.host.on_progress = lambda label, done: done < 0.5
    effect["analyze"].press()
    assert len(estimates) == 13  # seven frames, and the six after the last of them
    assert effect["analysis"].value == (
        f"Stopped at frame 7 of frames 0 to {LAST}; Analyze goes on from there."
    )
    effect.plugin.host.on_progress = None
    effect["analyze"].press()
    assert len(estimates) == LAST + 1


def test_a_worker_that_is_killed_in_an_analysis_loses_nothing_that_was_done(
    effect: Instance, estimates: Estimates
) -> None:
    estimates.take(0.05)
    killed = []

    def kill(label: str, done: float) -> bool:
        if done >= 0.5 and not killed:
            killed.append(worker_process())
            os.kill(killed[0], signal.SIGKILL)
        return True

    effect.plugin.host.on_progress = kill
    effect["analyze"].press()
    assert effect["analysis"].value == f"All frames 0 to {LAST} are analysed."
    assert killed != [worker_process()]
    assert len(estimates) == LAST + 1


def test_killed_between_two_frames_of_a_slow_analysis_it_loses_one_estimate_at_most(
    effect: Instance, estimates: Estimates
) -> None:
    estimates.take(0.2)
    threading.Timer(2.0, lambda: os.kill(worker_process(), signal.SIGKILL)).start()
    began = time.monotonic()
    effect["analyze"].press()
    assert time.monotonic() - began > 2
    assert LAST + 1 <= len(estimates) <= LAST + 2


def test_a_grade_upstream_estimates_only_the_frames_that_it_changes(
    effect: Instance, estimates: Estimates, shot: dict[str, Callable[[float], np.ndarray]]
) -> None:
    effect["analyze"].press()
    plain = shot["Source"]
    shot["Source"] = lambda at: plain(at) * np.float32(0.5 if 6 <= at < 9 else 1)
    effect["analyze"].press()
    assert len(estimates) == LAST + 1 + 3


def test_half_resolution_is_estimated_for_itself_and_does_not_disturb_the_whole(
    effect: Instance, estimates: Estimates
) -> None:
    scales = {1.0: (1, 1), 0.5: (0.5, 0.5)}
    by_turns = {
        (frame, scale): effect.render(time=frame, scale=scales[scale]).pixels
        for frame in range(3)
        for scale in scales
    }
    assert by_turns[2, 0.5].shape == (HEIGHT // 2, WIDTH // 2, 4)
    assert len(estimates) == 2 * 9
    for path in Path(os.environ["SYNTHETIC_FOCUS_CACHE"]).rglob("*.exr"):
        path.unlink()
    effect.purge()
    for scale, both in scales.items():
        for frame in range(3):
            found = effect.render(time=frame, scale=both).pixels
            np.testing.assert_array_equal(found, by_turns[frame, scale])
    assert len(estimates) == 4 * 9


@pytest.mark.parametrize(
    "effect", [Behaviour(other_times="refused"), Behaviour(other_times="current")], indirect=True
)
def test_a_host_without_other_times_renders_and_says_why_it_cannot_analyze(
    effect: Instance, estimates: Estimates
) -> None:
    for frame in range(4):
        effect.render(time=frame)
    assert len(estimates) == 4
    with pytest.raises(ActionError, match="no frame but the one that it renders"):
        effect["analyze"].press()
    effect.render(time=2)
    assert len(estimates) == 4
