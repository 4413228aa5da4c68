"""A large file from a server that breaks off, lies, stalls, and sends people elsewhere."""

import contextlib
import errno
import hashlib
import http.server
import os
import shutil
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus.scene.download import Patience, download
from synthetic_focus.scene.providers import ModelError

CONTENTS = np.random.default_rng(7).integers(0, 256, 300_000, np.uint8).tobytes()
SHA256 = hashlib.sha256(CONTENTS).hexdigest()
QUICK = Patience(stall_s=0.4, pauses_s=(0.0, 0.0))


class Request(http.server.BaseHTTPRequestHandler):
    """Hands each request to the server's next answer; the last one answers all that follow."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.close_connection = True
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            answer(self)

    def log_message(self, *arguments):
        pass

    def head(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    @property
    def begin(self):
        wanted = self.headers.get("Range")
        return int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0


def whole(request, contents=CONTENTS):
    """As a good server does, ranges included."""
    begin = request.begin
    if begin:
        span = f"bytes {begin}-{len(contents) - 1}/{len(contents)}"
        request.head(206, len(contents) - begin, Content_Range=span)
    else:
        request.head(200, len(contents))
    request.wfile.write(contents[begin:])


def ignoring_ranges(request):
    request.head(200, len(CONTENTS))
    request.wfile.write(CONTENTS)


def breaking_off(request):
    """Sends some of what is left, and hangs up."""
    begin = request.begin
    span = f"bytes {begin}-{len(CONTENTS) - 1}/{len(CONTENTS)}"
    request.head(206 if begin else 200, len(CONTENTS) - begin, Content_Range=span)
    request.wfile.write(CONTENTS[begin : begin + 100_000])


def breaking_off_without_a_length(request):
    request.head(200)
    request.wfile.write(CONTENTS[:100_000])


def stalling(request):
    request.head(200, len(CONTENTS))
    request.wfile.write(CONTENTS[:100_000])
    request.wfile.flush()
    time.sleep(1)


def trickling(request):
    """Never silent for long, and never done."""
    request.head(200, len(CONTENTS))
    for begin in range(0, 3000, 10):
        request.wfile.write(CONTENTS[begin : begin + 10])
        request.wfile.flush()
        time.sleep(0.02)


def spoilt(request):
    whole(request, b"\0" + CONTENTS[1:])


def another_part(request):
    request.head(206, 10, Content_Range=f"bytes 5-14/{len(CONTENTS)}")
    request.wfile.write(CONTENTS[5:15])


def longer(request):
    whole(request, CONTENTS + b"more")


def endless(request):
    request.head(200)
    while True:
        request.wfile.write(bytes(1 << 16))


def status(number):
    return lambda request: request.head(number, 0)


def redirecting(target):
    return lambda request: request.head(302, 0, Location=target)


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Request) as server:
        server.asked, server.answers = [], [whole]
        server.address = f"http://127.0.0.1:{server.server_port}/model.onnx"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "model.onnx"


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def partial(path: Path) -> Path:
    return path.with_name("model.onnx.partial")


def fetch(server, path, **options):
    known = {"size": len(CONTENTS), "sha256": SHA256, "patience": QUICK}
    download(server.address, path, **(known | options))


def test_a_file_arrives_whole_and_its_progress_is_told(server, path):
    told = []
    fetch(server, path, progress=lambda done, total: told.append((done, total)))
    assert path.read_bytes() == CONTENTS
    assert names(path.parent) == ["model.onnx"]
    assert told == sorted(told)
    assert told[-1] == (len(CONTENTS), len(CONTENTS))
    assert len(told) > 3


def test_a_download_that_breaks_off_goes_on_where_it_was(server, path):
    server.answers = [breaking_off]
    fetch(server, path)
    assert path.read_bytes() == CONTENTS
    assert server.asked == [
        ("/model.onnx", None),
        ("/model.onnx", "bytes=100000-"),
        ("/model.onnx", "bytes=200000-"),
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (breaking_off_without_a_length, "the server broke off"),
        (stalling, "stalled: nothing came for too long"),
        (trickling, r"stalled: \d+ bytes in"),
        (status(503), "the server answered 503 Service Unavailable"),
        (status(500), "the server answered 500 Internal Server Error"),
        (status(429), "the server answered 429 Too Many Requests"),
    ],
)
def test_a_fault_that_may_pass_is_tried_again_a_few_times(server, path, answer, reason):
    server.answers = [answer]
    with pytest.raises(ModelError, match=rf"model\.onnx: {reason}.*Try again later"):
        fetch(server, path)
    assert len(server.asked) == 3
    assert not path.exists()
    server.answers = [whole]
    fetch(server, path)
    assert path.read_bytes() == CONTENTS


def test_what_has_arrived_is_kept_for_the_next_time(server, path):
    server.answers = [breaking_off]
    with pytest.raises(ModelError, match="100000 of 300000 bytes have arrived and are kept"):
        fetch(server, path, patience=Patience(stall_s=0.4, pauses_s=()))
    assert partial(path).read_bytes() == CONTENTS[:100_000]
    assert not path.exists()
    server.answers = [whole]
    fetch(server, path)
    assert server.asked[-1] == ("/model.onnx", "bytes=100000-")
    assert path.read_bytes() == CONTENTS


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(server, path):
    partial(path).write_bytes(CONTENTS[:123_456])
    server.answers = [ignoring_ranges]
    fetch(server, path)
    assert path.read_bytes() == CONTENTS


def test_a_whole_part_that_was_not_renamed_yet_is_not_fetched_again(server, path):
    partial(path).write_bytes(CONTENTS)
    fetch(server, path)
    assert server.asked == []
    assert path.read_bytes() == CONTENTS


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        (b"of another file" * 9, whole),
        (CONTENTS + b"too long", whole),
        (b"\0" + CONTENTS[1:], whole),
        (CONTENTS[:1000], another_part),
        (CONTENTS[:1000], status(416)),
        (CONTENTS[:1000], lambda request: request.head(206, 0)),
    ],
)
def test_a_part_that_does_not_fit_is_thrown_away(server, path, part, answer):
    partial(path).write_bytes(part)
    server.answers = [answer, whole]
    fetch(server, path)
    assert path.read_bytes() == CONTENTS
    assert server.asked[-1] == ("/model.onnx", None)
    assert len(server.asked) <= 2


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (
            spoilt,
            rf"another file than the one expected: its SHA-256 is [0-9a-f]+ instead of {SHA256}",
        ),
        (longer, "has 300004 bytes instead of 300000"),
        (endless, "another file than the one expected: its SHA-256"),
        (lambda request: whole(request, CONTENTS[:-1]), "has 299999 bytes instead of 300000"),
        (status(404), "the server answered 404 Not Found. The file may have moved"),
        (status(403), "the server answered 403 Forbidden"),
        (status(416), "the server answered 416"),
        (redirecting("http://example.invalid/model.onnx"), "example.invalid.* is not https"),
        (redirecting("file:///etc/passwd"), "is not https"),
        (redirecting("/model.onnx"), "more than 5 redirections"),
    ],
)
def test_another_file_is_refused_at_once_and_nothing_is_left(server, path, answer, complaint):
    server.answers = [answer]
    with pytest.raises(ModelError, match=complaint):
        fetch(server, path)
    assert len(server.asked) <= 6
    assert names(path.parent) == []


def test_no_more_is_written_than_the_size_says(server, path):
    server.answers = [endless]
    largest = 0

    def watch(done, total):
        nonlocal largest
        largest = max(largest, partial(path).stat().st_size, done)

    with pytest.raises(ModelError, match="SHA-256"):
        fetch(server, path, progress=watch)
    assert largest <= len(CONTENTS)


def test_redirections_are_followed_with_the_range(server, path):
    partial(path).write_bytes(CONTENTS[:1000])
    server.answers = [redirecting("/elsewhere?token=1"), whole]
    fetch(server, path)
    assert server.asked == [
        ("/model.onnx", "bytes=1000-"),
        ("/elsewhere?token=1", "bytes=1000-"),
    ]
    assert path.read_bytes() == CONTENTS


@pytest.mark.parametrize(
    "address",
    ["http://models.example/a.onnx", "ftp://127.0.0.1/a", "http://127.0.0.1.example/", "a.onnx"],
)
def test_only_https_leaves_this_machine(path, address):
    with pytest.raises(ModelError, match="is not https"):
        download(address, path, size=1, sha256=SHA256, patience=QUICK)


def test_ctrl_c_leaves_a_part_that_can_be_continued(server, path):
    def stop(done, total):
        if done > 150_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server, path, progress=stop)
    assert not path.exists()
    part = partial(path).read_bytes()
    assert len(part) > 150_000
    assert part == CONTENTS[: len(part)]
    fetch(server, path)
    assert server.asked[-1] == ("/model.onnx", f"bytes={len(part)}-")
    assert path.read_bytes() == CONTENTS


def test_a_server_that_is_not_there(server, path):
    server.shutdown()
    server.server_close()
    with pytest.raises(ModelError, match=r"no connection: Connection refused\. Try again later"):
        fetch(server, path)


def test_a_disk_without_room_is_told_before_anything_is_fetched(server, path, monkeypatch):
    usage = shutil.disk_usage(path.parent)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    with pytest.raises(ModelError, match="has room for 1000 bytes, and 300000 are to come"):
        fetch(server, path)
    assert server.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_fills_up(server, path):
    partial(path).symlink_to("/dev/full")
    with pytest.raises(ModelError, match=f"cannot be written: {os.strerror(errno.ENOSPC)}"):
        fetch(server, path)
    assert not path.exists()


def test_a_folder_that_is_not_there(server, path):
    with pytest.raises(ModelError, match="cannot be written: No such file"):
        fetch(server, path.parent / "missing" / "model.onnx")


def test_a_proxy_of_the_environment_is_asked_instead(server, path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address.removesuffix("/model.onnx"))
    monkeypatch.setenv("no_proxy", "")
    assert urllib.request.getproxies()["http"]
    download("http://127.0.0.1:9/far.onnx", path, size=len(CONTENTS), sha256=SHA256, patience=QUICK)
    assert server.asked == [("http://127.0.0.1:9/far.onnx", None)]
    assert path.read_bytes() == CONTENTS
    path.unlink()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    fetch(server, path)
    assert path.read_bytes() == CONTENTS
