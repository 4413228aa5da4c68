"""A plug-in in Python: the other side of the worker's protocol, written from its page."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic_focus.worker.server import Server

TYPES = {"byte": np.uint8, "short": np.uint16, "half": np.float16, "float": np.float32}


@dataclass(frozen=True)
class Answer:
    version: int
    id: int
    status: int
    message: str
    values: tuple[float, ...]


class PlugIn:
    """Sends requests over a socket and reads replies, which it keeps by their ids."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        stream.settimeout(30)
        self.memories: dict[int, mmap] = {}
        self.last_id = 0
        self.answers: dict[int, Answer] = {}
        self.progress: list[int] = []

    def send_raw(self, body: bytes, descriptors: tuple[int, ...] = ()) -> None:
        data = struct.pack("<I", len(body)) + body
        sent = socket.send_fds(self.stream, [data], list(descriptors))
        self.stream.sendall(data[sent:])

    def send(self, descriptors: tuple[int, ...] = (), **members: Any) -> int:
        self.last_id += 1
        body = json.dumps({"id": self.last_id} | members).encode("utf-8", "surrogatepass")
        self.send_raw(body, descriptors)
        return self.last_id

    def answer(self, request: int) -> Answer:
        while request not in self.answers:
            self._read_one()
        return self.answers.pop(request)

    def ask(self, **members: Any) -> Answer:
        return self.answer(self.send(**members))

    def hello(self) -> Answer:
        version = metadata.version("synthetic-focus")
        return self.ask(op="hello", version=1, host="test", plugin_version=version)

    def _read_one(self) -> None:
        head = self._exactly(40)
        magic, version, request, status, text, count, flags, _ = struct.unpack("<IIQiIIId", head)
        assert (magic, flags) == (0x52504653, 0)
        message = self._exactly(text).decode()
        values = struct.unpack(f"<{count}d", self._exactly(8 * count))
        if status == 4:
            self.progress.append(request)
        else:
            self.answers[request] = Answer(version, request, status, message, values)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.stream.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def new_memory(self, number: int, size: int) -> tuple[dict[str, Any], int]:
        """Members for the next message and the descriptor that must ride on it."""
        descriptor = os.memfd_create("test")
        os.ftruncate(descriptor, size)
        self.memories[number] = mmap(descriptor, size)
        return {"memory_new": {"id": number, "size": size}}, descriptor

    def request(self, source: np.ndarray, depth: np.ndarray | None, /, **changes: Any) -> "Job":
        return Job(self, source, depth, changes)

    def render(
        self, source: np.ndarray, depth: np.ndarray | None = None, /, **changes: Any
    ) -> np.ndarray:
        job = self.request(source, depth, **changes)
        answer = self.answer(job.send())
        assert answer.status == 0, answer.message
        return job.result()


class Job:
    """One render request with its pictures in memory of its own."""

    def __init__(
        self,
        plug_in: PlugIn,
        source: np.ndarray,
        depth: np.ndarray | None,
        changes: dict[str, Any],
    ) -> None:
        self.plug_in = plug_in
        self.number = len(plug_in.memories) + 1
        output = changes.pop("output_like", source)
        parts = [source, output] if depth is None else [source, output, depth]
        offsets = np.cumsum([0] + [(part.nbytes + 4095) // 4096 * 4096 for part in parts])
        height, width = source.shape[:2]
        bounds = [0, 0, width, height]
        self.members, self.descriptor = plug_in.new_memory(self.number, max(int(offsets[-1]), 1))
        memory = plug_in.memories[self.number]
        for part, offset in zip(parts, offsets[:-1], strict=True):
            memory[offset : offset + part.nbytes] = part.tobytes()
        self._output = (output, int(offsets[1]))
        time = changes.get("time", 0.0)
        images = [{"clip": "Source", "time": time} | self.picture(source, 0)]
        if depth is not None:
            place = self.picture(depth, int(offsets[2]))
            images.append({"clip": "Depth", "time": time} | place)
        for image in images:
            image |= changes.pop(image["clip"].lower(), {})
        self.members |= {
            "op": "render",
            "instance": "a",
            "epoch": 0,
            "time": 0.0,
            "scale": [1, 1],
            "frame": bounds,
            "window": bounds,
            "host": "test",
            "fps": None,
            "range": None,
            "connected": {"Depth": depth is not None},
            "images": images,
            "output": self.picture(output, int(offsets[1])) | changes.pop("output", {}),
            "preset_applied": True,
            "parameters": {"depth_source": 0} | changes.pop("parameters", {}),
            "keys": {},
        } | changes

    def picture(self, pixels: np.ndarray, offset: int) -> dict[str, Any]:
        height, width, channels = pixels.shape
        kinds = {np.dtype(dtype): name for name, dtype in TYPES.items()}
        return {
            "bounds": [0, 0, width, height],
            "type": kinds[pixels.dtype],
            "components": {1: "Alpha", 3: "RGB", 4: "RGBA"}[channels],
            "premultiplication": "OfxImagePreMultiplied",
            "memory": self.number,
            "offset": offset,
        }

    def send(self) -> int:
        descriptors = () if self.descriptor < 0 else (self.descriptor,)
        request = self.plug_in.send(descriptors, **self.members)
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            del self.members["memory_new"]
        return request

    def result(self) -> np.ndarray:
        output, offset = self._output
        memory = self.plug_in.memories[self.number]
        flat = np.frombuffer(memory, output.dtype, output.size, offset)
        return flat.reshape(output.shape).copy()


@pytest.fixture
def server_stream() -> Iterator[socket.socket]:
    """The plug-in's end of a stream whose other end a worker in this process serves."""
    ours, theirs = socket.socketpair()
    server = Server(theirs, threads=2)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield ours
    ours.close()
    thread.join(30)
    server.close()
    theirs.close()
    assert not thread.is_alive()


@pytest.fixture
def plug_in(server_stream: socket.socket) -> PlugIn:
    """A plug-in that has said hello."""
    result = PlugIn(server_stream)
    assert result.hello().status == 0
    return result


class WorkerProcess(PlugIn):
    """A worker as the plug-in starts it."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            code = "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True)\n"
            code += "os.execv(sys.executable, [sys.executable, '-I', '-m', "
            code += "'synthetic_focus.worker', '--fd', '3', '--log', sys.argv[2]])"
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, str(theirs.fileno()), str(log)],
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=subprocess.DEVNULL,
            )
        super().__init__(ours)


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[[], WorkerProcess]]:
    """Starts worker processes, and sees to it that none is left."""
    started: list[WorkerProcess] = []

    def start() -> WorkerProcess:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        started.append(WorkerProcess(tmp_path / "state" / "worker.log", environment))
        return started[-1]

    yield start
    for worker in started:
        worker.stream.close()
        worker.process.kill()
        worker.process.wait()
