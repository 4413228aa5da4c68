"""What the built plug-in does when its worker dies, hangs, is missing or refuses."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic_focus import installed
from synthetic_focus.ofx_host import REAL_HOSTS, ActionError, Behaviour, Plugin

LoadPlugin = Callable[..., Plugin]

PICTURE = np.arange(6 * 7 * 4, dtype=np.float32).reshape(6, 7, 4)
BUNDLE = installed.DIRECTORY / "SyntheticFocus.ofx.bundle"


def _alive(pid: int) -> bool:
    """Whether the process runs: one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def _log(tmp_path: Path) -> str:
    return f"Log: {tmp_path}/state/synthetic-focus/worker.log"


def _fails(effect: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(ActionError):
        effect.render(0)
    assert text in effect.persistent_message
    # As a sentence of its own, whether or not the message ended as one.
    assert f". {_log(tmp_path)}" in effect.persistent_message.replace("?", ".")


def test_a_worker_killed_in_mid_render_is_replaced(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    fake_worker.behave(die="once")
    effect = load_plugin().create(clips={"Source": PICTURE})
    assert np.array_equal(effect.render(0).pixels, PICTURE)
    first, second = fake_worker.requests()
    assert first["pid"] != second["pid"]
    # The new worker is told of the memory anew.
    assert "memory_new" in first
    assert "memory_new" in second


def test_a_worker_that_died_between_frames_is_replaced(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    effect = load_plugin().create(clips={"Source": PICTURE})
    effect.render(0)
    os.kill(fake_worker.requests()[0]["pid"], signal.SIGKILL)
    assert np.array_equal(effect.render(1).pixels, PICTURE)


def test_a_frame_that_kills_every_worker_fails(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.behave(die="always")
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "ended twice over this (exit status 7)", tmp_path)
    assert len(fake_worker.requests()) == 2


def test_a_hanging_worker_is_ended_and_the_next_frame_has_a_new_one(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.behave(hang="once")
    fake_worker.environment.setenv("SYNTHETIC_FOCUS_TIMEOUT", "0.5")
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "said nothing for 0.5 seconds", tmp_path)
    assert not _alive(fake_worker.requests()[0]["pid"])
    assert np.array_equal(effect.render(0).pixels, PICTURE)
    assert effect.persistent_message == ""


def test_progress_restarts_the_time_limit(load_plugin: LoadPlugin, fake_worker: Any) -> None:
    fake_worker.behave(steps=10, step=0.2)
    fake_worker.environment.setenv("SYNTHETIC_FOCUS_TIMEOUT", "1")
    effect = load_plugin().create(clips={"Source": PICTURE})
    assert np.array_equal(effect.render(0).pixels, PICTURE)


def test_a_worker_that_never_gets_ready_is_ended(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.behave(**{"silent start": True})
    fake_worker.environment.setenv("SYNTHETIC_FOCUS_TIMEOUT", "0.5")
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "said nothing for 0.5 seconds", tmp_path)


def test_a_worker_that_ends_at_its_start_is_reported(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.behave(**{"bad start": "no module named synthetic_focus"})
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "ended while it started (exit status 1)", tmp_path)
    log = tmp_path / "state" / "synthetic-focus" / "worker.log"
    assert "no module named synthetic_focus" in log.read_text()


def test_another_version_is_refused_in_its_own_words(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.behave(refuse="protocol 2 is spoken here")
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "protocol 2 is spoken here", tmp_path)
    assert not _alive(fake_worker.requests("hello")[0]["pid"])


def test_the_workers_own_errors_reach_the_user(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    # A text with a format in it must not be taken for one.
    fake_worker.behave(fail="100%n of depth.%s.exr is missing")
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "100%n of depth.%s.exr is missing", tmp_path)


def test_a_preset_that_cannot_be_had_says_why_and_leaves_the_controls(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.behave(refuse="protocol 2 is spoken here")
    effect = load_plugin().create(clips={"Source": PICTURE})
    effect["preset"].set(3)
    (message,) = effect.plugin.host.messages
    assert "protocol 2 is spoken here" in message.text
    assert _log(tmp_path) in message.text
    assert effect["applied_preset"].value == ""
    assert effect["f_stop"].value == 2.0


def test_hosts_without_persistent_messages_get_one_message(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    fake_worker.behave(fail="no depth")
    plugin = load_plugin(REAL_HOSTS["resolve"])
    effect = plugin.create(clips={"Source": PICTURE})
    for frame in range(3):
        with pytest.raises(ActionError):
            effect.render(frame)
    (message,) = plugin.host.messages
    assert message.type == "OfxMessageError"
    assert message.text.startswith("no depth")


def test_a_worker_that_asks_for_what_it_has_is_stopped(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.behave(**{"asks again": True})
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "asks for what it was given", tmp_path)


def test_a_missing_interpreter_is_named(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.environment.setenv("SYNTHETIC_FOCUS_PYTHON", "/nonexistent/python")
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "cannot start /nonexistent/python: No such file", tmp_path)
    assert "synthetic-focus install-plugin" in effect.persistent_message


def test_a_bundle_that_was_never_installed_says_so(
    load_plugin: LoadPlugin, fake_worker: Any, tmp_path: Path
) -> None:
    fake_worker.environment.delenv("SYNTHETIC_FOCUS_PYTHON")
    effect = load_plugin().create(clips={"Source": PICTURE})
    _fails(effect, "names none and SYNTHETIC_FOCUS_PYTHON is not set", tmp_path)
    assert f"{BUNDLE.resolve()}/Contents/Resources/python" in effect.persistent_message
    assert "synthetic-focus install-plugin" in effect.persistent_message


def test_the_hosts_environment_stays_with_the_host(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    fake_worker.environment.setenv("XDG_CACHE_HOME", "/cache")
    environment = REAL_HOSTS["resolve"].environment
    load_plugin(Behaviour(environment=environment)).create(clips={"Source": PICTURE}).render(0)
    (hello,) = fake_worker.requests("hello")
    names = set(hello["environment"])
    assert not names & {name for name, _ in environment}
    assert names >= {"HOME", "PATH", "XDG_CACHE_HOME", "SYNTHETIC_FOCUS_FAKE_LOG"}
    assert hello["arguments"][-1].endswith("/synthetic-focus/worker.log")


def test_nothing_is_left_when_the_host_unloads_the_plugin(
    load_plugin: LoadPlugin, fake_worker: Any
) -> None:
    plugin = load_plugin()
    plugin.create(clips={"Source": PICTURE}).render(0)
    (pid,) = {request["pid"] for request in fake_worker.requests()}
    assert _alive(pid)
    plugin.host.close()
    # Not even a process that nobody waited for.
    assert not Path(f"/proc/{pid}").exists()


HOST = """
import os, sys, time
import numpy as np
from synthetic_focus.ofx_host import Host
host = Host()
effect = host.load_one(sys.argv[1]).create(clips={"Source": np.zeros((4, 4, 4), np.float32)})
effect.render(0)
if "forks" in sys.argv and os.fork() == 0:
    time.sleep(60)
print("rendered", flush=True)
if "ends" not in sys.argv:
    effect.render(1)
"""


@contextlib.contextmanager
def _host_process(*arguments: str) -> Any:
    command = [sys.executable, "-c", HOST, str(BUNDLE), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "rendered\n"
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("forks", [False, True])
def test_a_killed_host_takes_its_worker_along(fake_worker: Any, forks: bool) -> None:
    # The host is killed while its second frame, the one at 1, goes on for ever.
    fake_worker.behave(steps=10**6, step=0.01, slow_from=1)
    before = set(Path("/dev/shm").iterdir())
    with _host_process(*["forks"] * forks) as host:
        _wait_until(lambda: len(fake_worker.requests()) == 2)
        pid = fake_worker.requests()[0]["pid"]
        assert _alive(pid)
        host.kill()
        _wait_until(lambda: not _alive(pid))
    assert set(Path("/dev/shm").iterdir()) <= before


def test_a_host_that_just_exits_does_not_hang(fake_worker: Any) -> None:
    with _host_process("ends") as host:
        assert host.wait(20) == 0
    _wait_until(lambda: not _alive(fake_worker.requests()[0]["pid"]))
