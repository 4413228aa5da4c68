"""The worker as a process of its own."""

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_focus.worker import log

HEAVY = {"torch", "cv2", "av", "OpenImageIO", "pydantic", "click", "scipy", "skimage"}


def slow_job(worker: Any) -> Any:
    source = np.ones((1080, 1920, 4), np.float32)
    depth = np.broadcast_to(np.linspace(0, 1, 1920, dtype=np.float32)[:, None], (1080, 1920, 1))
    values = {"focus_mode": 1, "blur_scale": 20.0, "f_stop": 0.7, "quality": 2}
    return worker.request(source, depth.copy(), parameters=values)


def test_process_ends_at_once_with_the_stream_in_mid_render(
    start_worker: Callable[[], Any],
) -> None:
    worker = start_worker()
    assert worker.hello().status == 0
    job = slow_job(worker)
    request = job.send()
    while request not in worker.progress:
        worker._read_one()
    worker.stream.close()
    assert worker.process.wait(5) == 0


def test_killed_worker_is_the_end_of_the_stream(start_worker: Callable[[], Any]) -> None:
    worker = start_worker()
    worker.hello()
    slow_job(worker).send()
    worker.process.send_signal(signal.SIGKILL)
    try:
        worker.answer(2)
    except (EOFError, ConnectionResetError):
        return
    raise AssertionError("a dead worker answered")


def test_frame_of_a_fresh_process_is_right_and_logged(
    start_worker: Callable[[], Any], tmp_path: Path
) -> None:
    worker = start_worker()
    assert worker.hello().status == 0
    source = np.random.default_rng(1).random((20, 30, 4), np.float32)
    depth = np.zeros((20, 30, 1), np.float32)
    np.testing.assert_array_equal(worker.render(source, depth), source)
    assert worker.ask(op="preset", name="nonesuch").status == 1
    text = (tmp_path / "state" / "worker.log").read_text()
    assert "nonesuch" in text
    assert "plug-in" in text


def test_nothing_heavy_is_imported_for_a_frame_with_given_depth() -> None:
    code = (
        "import sys, synthetic_focus.worker.server, synthetic_focus.worker.log\n"
        "from synthetic_focus import color; color.is_linear('ARRI LogC4')\n"
        "print(*sys.modules)"
    )
    modules = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "PyOpenColorIO" in modules
    assert not HEAVY & set(modules)


def test_descriptor_that_is_no_socket_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    with (tmp_path / "file").open("w") as file:
        options = f"--fd {file.fileno()} --log {path}".split()
        ended = subprocess.run(
            [sys.executable, "-m", "synthetic_focus.worker", *options],
            pass_fds=[file.fileno()],
            check=False,
        )
    assert ended.returncode == 1
    assert "no connection to a plug-in" in path.read_text()


def test_log_is_in_the_state_directory(monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert log.default_path() == Path("/state/synthetic-focus/worker.log")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ann")
    assert log.default_path() == Path("/home/ann/.local/state/synthetic-focus/worker.log")


def test_log_is_rotated_while_several_processes_write_it(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "worker.log"
    code = (
        "import sys, pathlib, logging\n"
        "from synthetic_focus.worker import log\n"
        "log._LARGEST = 20_000\n"
        "log.start(pathlib.Path(sys.argv[1]))\n"
        "for i in range(300): logging.getLogger('synthetic_focus').info('%s %d', 'x' * 40, i)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    kept = [path, tmp_path / "worker.log.1"]
    assert sorted(tmp_path.iterdir()) == kept
    for file in kept:
        assert file.stat().st_size < 21_000
        for line in file.read_text().splitlines():
            assert line.count("x" * 40) == 1, "lines of several processes are mixed"
    assert path.stat().st_size + kept[1].stat().st_size > 20_000
    assert path.read_text().splitlines()[-1].endswith("299")


def test_log_that_another_process_rotates_meanwhile_is_not_rotated_twice(
    tmp_path: Path, monkeypatch: Any
) -> None:
    path = tmp_path / "worker.log"
    ours, theirs = log.SharedFileHandler(path), log.SharedFileHandler(path)
    path.write_text("history" * 200_000)
    lock = log.fcntl.flock

    def they_are_first(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(log.fcntl, "flock", lock)
        theirs.emit(logging.makeLogRecord({"msg": "theirs"}))
        lock(descriptor, operation)

    monkeypatch.setattr(log.fcntl, "flock", they_are_first)
    ours.emit(logging.makeLogRecord({"msg": "ours"}))
    assert path.read_text() == "theirs\nours\n"
    assert (tmp_path / "worker.log.1").read_text().startswith("history")
    ours.close()
    theirs.close()
