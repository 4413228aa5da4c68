"""What the worker remembers of subjects while renders are stopped and wait for one another."""

import threading

import pytest

from synthetic_focus.evaluation import focus_shots
from synthetic_focus.focus import FocusTarget, PullOptions
from synthetic_focus.focus.subjects import Plan
from synthetic_focus.focus.tracking import View
from synthetic_focus.worker.following import FollowedShot


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def shot() -> focus_shots.RenderedShot:
    return focus_shots.crossing()


@pytest.fixture
def plan(shot: focus_shots.RenderedShot) -> Plan:
    x, y = shot.subjects[0].center[0]
    return Plan((FocusTarget(x, y, 0),), 0, 20, PullOptions())


def test_a_stop_keeps_what_was_followed_and_changes_no_focus(
    shot: focus_shots.RenderedShot, plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path))
    seen: list[int] = []

    def given(frame: int) -> View:
        seen.append(frame)
        return View.of(shot.images[frame], shot.disparity[frame])

    expected = FollowedShot().focus(plan, 12, given, lambda: None)
    every = sorted(seen)
    seen.clear()
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", f"{tmp_path}/anew")
    stopped = FollowedShot()

    def stop() -> None:
        if len(seen) == 7:
            raise StoppedError

    with pytest.raises(StoppedError):
        stopped.focus(plan, 12, given, stop)
    assert len(seen) == 7
    assert stopped.focus(plan, 12, given, lambda: None) == expected
    assert sorted(seen) == every, "a frame was looked at twice"


def test_who_waits_for_another_render_can_be_stopped(
    shot: focus_shots.RenderedShot, plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path))
    reached, go = threading.Event(), threading.Event()

    def slow(frame: int) -> View:
        reached.set()
        assert go.wait(20)
        return View.of(shot.images[frame], shot.disparity[frame])

    def stop() -> None:
        raise StoppedError

    followed = FollowedShot()
    found = []
    other = threading.Thread(
        target=lambda: found.append(followed.focus(plan, 2, slow, lambda: None))
    )
    other.start()
    assert reached.wait(20)
    for waiting in (
        lambda: followed.focus(plan, 2, slow, stop),
        lambda: followed.bake(plan, 0.01, slow, stop),
    ):
        with pytest.raises(StoppedError):
            waiting()
    go.set()
    other.join(20)
    assert found[0][0].state == "locked"
