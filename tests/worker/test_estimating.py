"""Depth that the worker estimates itself from the pictures that a host gives."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest

from synthetic_focus import color, effect, parameters
from synthetic_focus.focus.tracking import Follower, View
from synthetic_focus.scene.analysis import Analyser, Glimpse, identity
from synthetic_focus.scene.cache import Cache
from synthetic_focus.scene.depth import fitted

WIDTH, HEIGHT = 96, 54
OK, FAILED, ABORTED, NEED = range(4)
ESTIMATE = {"depth_source": 2, "focus_mode": 1, "focus_distance": 0.9}


class Host:
    """A host with one shot.

    Attributes:
        gives: (a time, the time that is rendered) -> whether it gives the picture of that time.
        range: of the shot, as the host says it; None: it does not.
        most: pictures of other times that it was asked for at once.
    """

    def __init__(self, plug_in: Any, picture: Any) -> None:
        self.plug_in = plug_in
        self.picture = picture
        self.gives: Callable[[float, float], bool] = lambda other, time: 0 <= other <= 20
        self.range: list[float] | None = [0, 20]
        self.most = 0
        self.fetched: list[float] = []
        self.epoch = 0
        self.instance = "a"
        self.keys: list[list[float]] = []

    def shown(self, time: float) -> np.ndarray:
        rgb = self.picture(time).astype(np.float32) / np.float32(255)
        return np.dstack([rgb, np.ones(rgb.shape[:2], np.float32)])

    def render(self, time: float, op: str = "render", **parameters: object) -> np.ndarray:
        """Answers the worker's needs until it is satisfied, as the plug-in does."""
        needed: list[float] = []
        for _ in range(40):
            source = self.shown(time)
            others = [at for at in needed if at != time and self.gives(at, time)]
            refused = [at for at in needed if at != time and not self.gives(at, time)]
            stack = np.concatenate([source, *map(self.shown, others)])
            job = self.plug_in.request(
                stack,
                None,
                output_like=source,
                time=time,
                op=op,
                instance=self.instance,
                epoch=self.epoch,
                host="DaVinciResolve",
                range=self.range,
                keys={"focus_point": self.keys},
                frame=[0, 0, WIDTH, HEIGHT],
                window=[0, 0, WIDTH, HEIGHT],
                parameters={**ESTIMATE, **parameters},
                output={"bounds": [0, 0, WIDTH, HEIGHT]},
            )
            whole = job.members["images"][0] | {"bounds": [0, 0, WIDTH, HEIGHT]}
            job.members["images"] = [
                whole | {"time": at, "offset": place * source.nbytes}
                for place, at in enumerate([time, *others])
            ]
            job.members["images"] += [
                {"clip": "Source", "time": at, "missing": True} for at in refused
            ]
            answer = self.plug_in.answer(job.send())
            if answer.status == NEED:
                assert answer.message == "Source"
                assert not set(answer.values) <= {time, *needed}
                needed = list(answer.values)
                self.fetched += needed
                self.most = max(self.most, len(needed))
                continue
            assert answer.status == OK, answer.message
            return job.result()
        raise AssertionError("the worker is never satisfied")


@pytest.fixture
def host(plug_in, fake_provider, moving_picture) -> Host:
    return Host(plug_in, lambda time: moving_picture(int(time)))


def expected(
    host: Host, fake_provider: Any, time: int, tmp_path: Any, first: int = 0, last: int = 20
) -> Any:
    """The effect's own picture with the maps of the frames from `first` to `last`."""
    cache = Cache(tmp_path / "expected", limit=0)
    store = cache.shot(identity(fake_provider), (WIDTH, HEIGHT), "test")
    source = host.shown(time)
    first, last = max(first, time - 6), min(last, time + 6)
    glimpses = [Glimpse.of(host.shown(at), color.REC709_VIDEO) for at in range(first, last + 1)]
    maps = Analyser(fake_provider, cache, store).steady(time, glimpses, time - first).maps
    settings = parameters.settings(
        {"depth_source": "estimate", "focus_mode": "distance", "focus_distance": 0.9}
    )
    return effect.render_frame(
        source,
        effect.dioptres(maps.disparity, settings, metric=False),
        settings,
        space=color.REC709_VIDEO,
        focus_disparity=effect.distance_focus(settings),
        frame=effect.Frame((WIDTH, HEIGHT)),
        log_gain=maps.log_gain,
    )


def test_a_frame_is_estimated_with_the_six_before_and_after_which_are_fetched_once(
    host, fake_provider, tmp_path
):
    found = host.render(9)
    assert sorted(host.fetched) == [3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]
    assert host.most <= 6  # of a large frame, more would not fit into memory
    assert len(fake_provider.pictures) == 13
    np.testing.assert_array_equal(found, expected(host, fake_provider, 9, tmp_path))
    host.render(10)
    assert host.fetched[12:] == [16]
    # Each part of the work restarts the plug-in's time limit.
    assert len(host.plug_in.progress) >= 13 + 12
    host.render(0)
    assert sorted(host.fetched[13:]) == [1, 2]  # nothing lies before the clip's first frame
    host.render(20)
    assert sorted(host.fetched[15:]) == [17, 18, 19]  # nor after its last
    np.testing.assert_array_equal(host.render(0), expected(host, fake_provider, 0, tmp_path))
    np.testing.assert_array_equal(host.render(20), expected(host, fake_provider, 20, tmp_path))


def test_the_second_render_costs_no_estimation_and_fetches_nothing(host, fake_provider):
    before = host.render(9)
    asked = len(fake_provider.pictures)
    host.fetched.clear()
    np.testing.assert_array_equal(host.render(9), before)
    host.epoch = 1  # all that was remembered is forgotten
    np.testing.assert_array_equal(host.render(9), before)
    host.instance = "another one"
    np.testing.assert_array_equal(host.render(9), before)
    assert host.fetched == []
    assert len(fake_provider.pictures) == asked


def test_any_order_gives_the_same_frames(host, fake_provider, monkeypatch, tmp_path):
    order = list(range(12))
    in_order = [host.render(time) for time in order]
    assert len(fake_provider.pictures) == 18
    random.Random(5).shuffle(order)
    monkeypatch.setenv("SYNTHETIC_FOCUS_CACHE", str(tmp_path / "fresh"))
    host.instance = "another one"
    for time in order:
        np.testing.assert_array_equal(host.render(time), in_order[time])
    assert len(fake_provider.pictures) == 36


def test_a_grade_upstream_estimates_only_the_frames_it_changes(host, fake_provider, moving_picture):
    for time in range(10):
        host.render(time)
    asked = len(fake_provider.pictures)
    host.picture = lambda time: moving_picture(int(time)) // (2 if time in (4, 5) else 1)
    for time in range(10):  # the host does not even say so
        host.render(time)
    assert len(fake_provider.pictures) == asked + 2


def test_a_change_that_the_host_does_not_announce_is_not_mixed_with_what_was(
    host, fake_provider, moving_picture, tmp_path
):
    for time in range(7):
        host.render(time)
    host.picture = lambda time: moving_picture(int(time)) // 2
    np.testing.assert_array_equal(host.render(6), expected(host, fake_provider, 6, tmp_path))


def test_a_host_without_other_times_uses_the_frames_that_it_has_shown(
    host, fake_provider, tmp_path
):
    host.gives = lambda other, time: False
    np.testing.assert_array_equal(
        host.render(3), expected(host, fake_provider, 3, tmp_path, first=3, last=3)
    )
    for time in (4, 5):
        np.testing.assert_array_equal(
            host.render(time), expected(host, fake_provider, time, tmp_path, first=3, last=time)
        )
    assert len(host.fetched) <= 6  # then it knows


@pytest.mark.parametrize("says_range", [True, False])
def test_a_host_without_later_times_gives_the_mean_of_the_frames_before(
    host, fake_provider, tmp_path, says_range
):
    host.gives = lambda other, time: 0 <= other < time
    host.range = [0, 20] if says_range else None
    for time in (9, 10, 11, 12):
        np.testing.assert_array_equal(
            host.render(time), expected(host, fake_provider, time, tmp_path, last=time)
        )
    later = [at for at in host.fetched if at > 9]
    assert len(later) == len(set(later))  # none is asked for twice
    assert len(later) <= (9 if says_range else 0)  # and none at 10 and 11


def test_the_order_of_rendering_does_not_matter_where_the_clip_ends_before_its_range(
    host, fake_provider, tmp_path
):
    """A host without the clip's range says the timeline's."""
    host.gives = lambda other, time: 0 <= other <= 12
    for time in (12, 9, 3):
        np.testing.assert_array_equal(
            host.render(time), expected(host, fake_provider, time, tmp_path, last=12)
        )


def test_a_frame_that_the_host_cannot_give_ends_the_window(host, fake_provider, tmp_path):
    host.gives = lambda other, time: other not in (6, 13)
    for time in (9, 10):
        np.testing.assert_array_equal(
            host.render(time), expected(host, fake_provider, time, tmp_path, first=7, last=12)
        )


def test_subjects_are_followed_by_estimated_depth(host, fake_provider):
    """As when an effect is dropped on a clip and two subjects are keyed."""
    host.keys = [[2, 0.3, 0.5], [14, 0.8, 0.1]]
    near = {"focus_mode": 0, "recover_light": 0.0}
    first = host.render(5, **near)
    assert len(fake_provider.pictures) <= 21
    source = host.shown(5)
    box = np.s_[24:30, 24:38]  # where the first subject is by now
    assert np.abs(first[box] - source[box]).mean() < 0.6 * np.abs(first - source).mean()
    host.render(14, **near)
    asked = len(fake_provider.pictures)
    np.testing.assert_array_equal(host.render(5, **near), first)
    assert len(fake_provider.pictures) == asked


def test_analyze_makes_what_rendering_uses(host, fake_provider):
    for time in range(4):
        host.render(time, op="analyze")
    asked = len(fake_provider.pictures)
    assert asked == 10
    host.instance = "another one"
    host.render(3)
    assert len(fake_provider.pictures) == asked


def test_analyze_of_given_depth_says_that_there_is_nothing_to_do(host):
    with pytest.raises(AssertionError, match="nothing to analyse"):
        host.render(0, op="analyze", depth_source=0)


def test_a_model_that_is_not_there_is_named(plug_in, moving_picture):
    with pytest.raises(AssertionError, match="nobody"):
        Host(plug_in, lambda time: moving_picture(0)).render(0, depth_model="nobody's")


def test_a_source_that_does_not_fill_the_frame_is_estimated_where_it_is(host, fake_provider):
    frame = [0, 0, WIDTH + 20, HEIGHT + 10]
    source = host.shown(0)
    whole = np.zeros((HEIGHT + 10, WIDTH + 20, 4), np.float32)
    job = host.plug_in.request(
        source,
        None,
        output_like=whole,
        frame=frame,
        window=frame,
        source={"bounds": [10, 5, WIDTH + 10, HEIGHT + 5]},
        output={"bounds": frame},
        host="DaVinciResolve",
        range=[0, 0],
        parameters=ESTIMATE | {"view": 1},
    )
    answer = host.plug_in.answer(job.send())
    assert answer.status == OK, answer.message
    (picture,) = fake_provider.pictures
    assert picture.shape == (HEIGHT, WIDTH, 3)
    shown = job.result()[5:-5, 10:-10, 0]
    disparity = fitted(np.float32(np.float16(fake_provider.disparity(picture))), (WIDTH, HEIGHT))
    assert np.corrcoef(shown.ravel(), disparity.ravel())[0, 1] > 0.98


def test_abort_stops_between_estimates(host, fake_provider):
    reached, go = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert go.wait(20)

    fake_provider.wait = wait
    source = host.shown(0)
    jobs = [host.plug_in.request(source, None, range=[0, 0], parameters=ESTIMATE) for _ in range(2)]
    request = jobs[0].send()
    assert reached.wait(20)
    waiting = jobs[1].send()
    host.plug_in.send(op="abort", target=waiting)
    assert host.plug_in.answer(waiting).status == ABORTED
    assert not host.plug_in.answers, "it waited for the estimate of the other"
    host.plug_in.send(op="abort", target=request)
    host.plug_in.ask(op="preset", name="custom")  # by now the abort has been heard
    go.set()
    # Its only estimate was under way, and the lens has not been begun.
    assert host.plug_in.answer(request).status == ABORTED


def test_abort_stops_between_the_frames_in_which_a_subject_is_followed(host, monkeypatch):
    reached, go = threading.Event(), threading.Event()
    steps = []

    def step(follower: Follower, view: View) -> None:
        steps.append(view)
        reached.set()
        assert go.wait(20)

    monkeypatch.setattr(Follower, "step", step)
    host.keys = [[0, 0.5, 0.5], [20, 0.5, 0.5]]

    def render() -> None:
        with pytest.raises(AssertionError) as stopped:
            host.render(9, focus_mode=0)
        answers.append(str(stopped.value))

    answers: list[str] = []
    thread = threading.Thread(target=render)
    thread.start()
    assert reached.wait(20)
    host.plug_in.send(op="abort", target=host.plug_in.last_id)
    heard = host.plug_in.send(op="preset", name="custom")
    while heard not in host.plug_in.answers:
        sleep(0.01)
    go.set()
    thread.join(20)
    assert f"{ABORTED} == {OK}" in answers[0]
    assert len(steps) == 1


def test_a_frame_from_the_cache_needs_no_torch(start_worker, moving_picture, tmp_path):
    """The first worker estimates with the built-in network; the next finds what it stored."""
    libraries = []
    results = []
    for _ in range(2):
        worker = start_worker()
        assert worker.hello().status == OK
        worker.stream.settimeout(120)  # torch takes its time on a busy machine
        host = Host(worker, lambda time: moving_picture(int(time)))
        # What the network thinks of checks and noise hardly differs in depth
        results.append(host.render(0, blur_scale=8.0))
        libraries.append(Path(f"/proc/{worker.process.pid}/maps").read_text())
    assert "libtorch" in libraries[0]
    assert "libtorch" not in libraries[1]
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != host.shown(0)).any()
