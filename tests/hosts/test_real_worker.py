"""Plug-in, host and the real worker together, compared with the effect in this process."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus import effect, installed, parameters
from synthetic_focus.ofx_host import Host, Image, Instance, Plugin

HEIGHT, WIDTH = 54, 96
LINEAR = "Linear Rec.709 (sRGB)"


def source_at(moment: float) -> np.ndarray:
    picture = np.random.default_rng(int(moment * 4) + 1000).random((HEIGHT, WIDTH, 4), np.float32)
    picture[..., 3] = 1
    return picture


def disparity_at(moment: float) -> np.ndarray:
    """Near on the left, far on the right, and moving nearer all the time; 0..1."""
    columns = np.linspace(0.8, 0.1, WIDTH, dtype=np.float32) + np.float32(moment) * 0.002
    return np.broadcast_to(columns, (HEIGHT, WIDTH)).copy()


def depth_at(moment: float) -> np.ndarray:
    return np.repeat(disparity_at(moment)[..., None], 4, axis=2)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Plugin]:
    monkeypatch.setenv("SYNTHETIC_FOCUS_PYTHON", sys.executable)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    before = children()
    with Host() as host:
        yield host.load_one(installed.DIRECTORY / "SyntheticFocus.ofx.bundle")
        assert not host.violations
    wait_until(lambda: children() <= before)


def an_instance(plugin: Plugin) -> Instance:
    instance = plugin.create(context="General")
    instance.clips["Source"].connect(source_at, like=source_at(0))
    instance.clips["Depth"].connect(depth_at, like=depth_at(0))
    instance["depth_source"].set("Depth Input")
    instance["blur_scale"].set(4.0)
    return instance


def children() -> set[int]:
    """This process's child processes that run a worker."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split() if is_worker(pid)}
    return found


def is_worker(pid: str) -> bool:
    try:
        return b"synthetic_focus.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def wait_until(true: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def expected(moment: float, focus: float) -> np.ndarray:
    """The frame with the focus at a share of the way from the far to the near distance."""
    settings = parameters.settings({"blur_scale": 4.0})
    read = effect.reading(settings)
    near, far = 1 / settings.near_distance, 1 / settings.far_distance
    return effect.render_frame(
        source_at(moment),
        (far + disparity_at(moment) * (near - far)).astype(np.float32),
        settings,
        space=LINEAR,
        focus_disparity=read.at(focus),
        frame=effect.Frame((WIDTH, HEIGHT)),
    )


def test_focus_pulls_between_keys_with_depth_fetched_from_their_times(plugin: Plugin) -> None:
    with an_instance(plugin) as instance:
        left, right = (0.25, 0.5), (0.75, 0.5)
        # Held at the disparity of the key: following is proved elsewhere.
        instance["target_follow"].set(0)
        instance["focus_point"].set_key(-20, left)
        instance["focus_point"].set_key(20, right)
        from_disparity = float(disparity_at(-20)[0, WIDTH // 4])
        to_disparity = float(disparity_at(20)[0, 3 * WIDTH // 4])
        # Ten frames, settled three before the key: from 7 to 17, linear in disparity.
        for moment, share in [(-30, 0.0), (0, 0.0), (7, 0.0), (9.5, 0.25), (17, 1.0), (40, 1.0)]:
            focus = from_disparity + share * (to_disparity - from_disparity)
            result = instance.render(time=moment).pixels
            np.testing.assert_allclose(result, expected(moment, focus), atol=2e-3)
        sharp = np.abs(result - source_at(40)).max(axis=(0, 2)) == 0
        assert sharp[WIDTH * 3 // 4 - 6 : WIDTH * 3 // 4 + 3].any()
        assert not sharp[: WIDTH // 2].any()


def test_moving_a_key_or_the_depth_changes_the_focus_at_once(plugin: Plugin) -> None:
    with an_instance(plugin) as instance:
        instance["focus_point"].set_key(0, (0.25, 0.5))
        first = instance.render(time=5).pixels
        instance["focus_point"].set_key(0, (0.75, 0.5))
        moved = instance.render(time=5).pixels
        assert (first != moved).any()
        instance["focus_point"].set_key(0, (0.25, 0.5))
        np.testing.assert_array_equal(instance.render(time=5).pixels, first)
        half = Image(depth_at(0) * 0.5)
        instance.clips["Depth"].connect(half)
        settled = instance.render(time=5).pixels
        assert (settled != first).any()
        sharp = np.abs(settled - source_at(5)).max(axis=(0, 2)) == 0
        assert sharp[WIDTH // 4 - 6 : WIDTH // 4 + 6].any()


def test_eight_threads_on_two_instances_in_any_order_render_the_same_frames(
    plugin: Plugin,
) -> None:
    with an_instance(plugin) as one, an_instance(plugin) as other:
        one["focus_point"].set_key(0, (0.2, 0.5))
        one["focus_point"].set_key(14, (0.8, 0.5))
        other["focus_point"].set_key(3, (0.9, 0.1))
        jobs = [(instance, float(moment)) for instance in (one, other) for moment in range(16)]
        in_order = [instance.render(time=moment).pixels for instance, moment in jobs]
        for instance in (one, other):
            instance.purge()
        places = list(range(len(jobs)))
        random.Random(5).shuffle(places)
        with ThreadPoolExecutor(8) as threads:
            at_once = list(
                threads.map(lambda i: (i, jobs[i][0].render(time=jobs[i][1]).pixels), places)
            )
        for i, pixels in at_once:
            np.testing.assert_array_equal(pixels, in_order[i])
        assert len(children()) == 1


def test_a_worker_that_is_killed_in_mid_render_is_replaced(plugin: Plugin) -> None:
    height, width = 1080, 1920
    source = np.random.default_rng(0).random((height, width, 4), np.float32)
    ramp = np.linspace(0, 1, width, dtype=np.float32)[:, None]
    depth = np.broadcast_to(ramp, (height, width, 4)).copy()
    with plugin.create(context="General") as instance:
        instance.clips["Source"].connect(source)
        instance.clips["Depth"].connect(depth)
        instance["depth_source"].set("Depth Input")
        instance["f_stop"].set(0.7)
        instance["blur_scale"].set(2.0)
        whole = instance.render(time=0).pixels
        began = time.monotonic()  # of a render that waits for nothing else
        instance.render(time=0)
        usual = time.monotonic() - began
        (first,) = children()
        results: list[np.ndarray] = []
        thread = threading.Thread(target=lambda: results.append(instance.render(time=0).pixels))
        thread.start()
        time.sleep(usual / 3)
        assert thread.is_alive()
        os.kill(first, signal.SIGKILL)
        thread.join(60)
        np.testing.assert_array_equal(results[0], whole)
        assert first not in children()


def test_every_pixel_type_renders_the_same_picture(plugin: Plugin) -> None:
    reference: np.ndarray | None = None
    for kind, white, tolerance in [
        (np.float32, 1, 0.0),
        (np.float16, 1, 2e-3),
        (np.uint16, 65535, 2e-3),
        (np.uint8, 255, 2e-2),
    ]:
        with plugin.create(context="General") as instance:
            instance.clips["Source"].connect((source_at(0) * white).astype(kind))
            instance.clips["Depth"].connect((depth_at(0) * white).astype(kind))
            instance["depth_source"].set("Depth Input")
            keys = [option.key for option in parameters.table()["colour_space"].options]
            instance["colour_space"].set(keys.index(LINEAR))
            result = instance.render(time=0).pixels
        assert result.dtype == kind
        picture = result.astype(np.float32) / white
        reference = picture if reference is None else reference
        assert np.quantile(np.abs(picture - reference), 0.99) <= tolerance


def test_no_depth_says_what_to_connect(plugin: Plugin) -> None:
    with plugin.create(context="Filter") as instance:
        instance.clips["Source"].connect(source_at(0))
        instance["depth_source"].set("Depth Input")
        with pytest.raises(Exception, match=r"(?i)render|fail"):
            instance.render(time=0)
        assert "connect a picture of depth" in instance.persistent_message
        assert "worker.log" in instance.persistent_message
