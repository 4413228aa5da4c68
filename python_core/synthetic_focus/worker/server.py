"""Takes requests from the plug-in, runs many at once and answers each when it is done."""

import logging
import mmap
import os
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata

from synthetic_focus import heap
from synthetic_focus._native import AbortFlag
from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.render import Aborted
from synthetic_focus.worker import protocol
from synthetic_focus.worker.protocol import (
    BrokenStreamError,
    Hello,
    Message,
    Picture,
    ProtocolError,
    Render,
    Reply,
    Status,
)
from synthetic_focus.worker.rendering import Renderer, preset_reply, save_preset_reply

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Running:
    flag: AbortFlag
    future: "Future[None]"


class Server:
    """One connection to a plug-in.

    The thread in `serve` reads, so that an abort is heard and the end of the stream noticed while
    frames render in a pool of threads.
    """

    def __init__(self, stream: socket.socket, threads: int | None = None) -> None:
        self._stream = stream
        self._sending = threading.Lock()
        # A render uses all processors by itself; a second one fills its single-threaded stretches.
        self._pool = ThreadPoolExecutor(threads or max(2, os.cpu_count() or 1), "render")
        self._renderer = Renderer()
        self._memory: dict[int, mmap.mmap] = {}
        self._running: dict[int, _Running] = {}
        self._running_lock = threading.Lock()
        self._greeted = False

    def serve(self) -> None:
        """Answer requests until the stream ends. Requests that are running then go on."""
        while True:
            try:
                received = protocol.receive(self._stream)
            except BrokenStreamError as error:
                _LOG.error("the connection is given up: %s", error)
                self._send(Reply(0, Status.FAILED, str(error)))
                return
            except OSError as error:
                _LOG.info("the connection ended: %s", error)
                return
            if received is None:
                return
            self._take(*received)

    def close(self) -> None:
        """Abort what is running and wait for it."""
        with self._running_lock:
            running = list(self._running.values())
        for request in running:
            request.flag.set()
        self._pool.shutdown(cancel_futures=True)

    def _take(self, body: bytes, descriptors: list[int]) -> None:
        message_id = 0
        try:
            message = protocol.parse(body)
            message_id = message.request.id
            self._map(message, descriptors)
            self._handle(message)
        except SyntheticFocusError as error:
            if isinstance(error, ProtocolError):
                message_id = error.id or message_id
            _LOG.error("request %d: %s", message_id, error)
            self._send(Reply(message_id, Status.FAILED, str(error)))
        finally:
            protocol.close(descriptors)

    def _map(self, message: Message, descriptors: list[int]) -> None:
        new = message.memory_new
        if new is None:
            return
        if len(descriptors) != 1:
            raise ProtocolError("new memory came without its file descriptor", message.request.id)
        try:
            # Reading beyond a file's end would kill the process.
            if not 0 < new.size <= os.fstat(descriptors[0]).st_size:
                raise ProtocolError(f"memory {new.id} has not {new.size} bytes", message.request.id)
            # Populate: page tables are filled once here and not one page at a time in a frame.
            flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
            self._memory[new.id] = mmap.mmap(descriptors[0], new.size, flags)
        except (OSError, ValueError, OverflowError) as error:
            raise ProtocolError(
                f"memory {new.id} cannot be mapped: {error}", message.request.id
            ) from None

    def _handle(self, message: Message) -> None:
        request = message.request
        if isinstance(request, Hello):
            self._greet(request)
            return
        if not self._greeted:
            raise ProtocolError("a request came before hello", request.id)
        match request:
            case Render():
                self._start(request)
            case protocol.Abort():
                self._abort(request.target)
            case protocol.Purge():
                self._renderer.forget(request.instance)
            case protocol.Preset():
                self._send(preset_reply(request.id, request.name))
            case protocol.SavePreset():
                self._send(save_preset_reply(request))
            case protocol.MemoryDrop():
                # Frames that still use it hold it; it is unmapped after the last of them.
                self._memory.pop(request.memory, None)

    def _greet(self, hello: Hello) -> None:
        version = metadata.version("synthetic-focus")
        _LOG.info("%s, plug-in %s, worker %s", hello.host, hello.plugin_version, version)
        if (hello.version, hello.plugin_version) != (protocol.VERSION, version):
            raise SyntheticFocusError(
                f"the plug-in is version {hello.plugin_version} (protocol {hello.version}) and its "
                f"Python package is version {version} (protocol {protocol.VERSION}); run "
                "`synthetic-focus install-plugin` and start the host anew"
            )
        self._greeted = True
        self._send(Reply(hello.id, Status.OK, version))

    def _start(self, request: Render) -> None:
        pictures = [image.picture for image in request.images if image.picture is not None]
        memory = {
            picture.memory: self._checked_memory(picture, request.id)
            for picture in (*pictures, *([] if request.output is None else [request.output]))
        }
        flag = AbortFlag()
        with self._running_lock:
            if request.id in self._running:
                raise ProtocolError("two requests have one id", request.id)
            future = self._pool.submit(self._render, request, memory, flag)
            self._running[request.id] = _Running(flag, future)

    def _checked_memory(self, picture: Picture, message_id: int) -> mmap.mmap:
        memory = self._memory.get(picture.memory)
        if memory is None:
            raise ProtocolError(f"there is no memory {picture.memory}", message_id)
        if picture.offset % 4 or picture.offset + picture.size > len(memory):
            raise ProtocolError(
                f"a picture of {picture.size} bytes at {picture.offset} does not lie in memory "
                f"{picture.memory} of {len(memory)} bytes",
                message_id,
            )
        return memory

    def _abort(self, target: int) -> None:
        with self._running_lock:
            running = self._running.get(target)
        if running is None:  # it has just been answered
            return
        running.flag.set()
        if running.future.cancel():  # it was still waiting for its turn
            self._finish(Reply(target, Status.ABORTED))

    def _render(self, request: Render, memory: Mapping[int, mmap.mmap], flag: AbortFlag) -> None:
        def report() -> None:
            self._send(Reply(request.id, Status.PROGRESS))

        # Restarts the plug-in's time limit, which is about one frame and not about the queue.
        report()
        self._finish(
            _answered(request.id, lambda: self._renderer.render(request, memory, flag, report))
        )
        heap.after_frame()

    def _finish(self, reply: Reply) -> None:
        with self._running_lock:
            self._running.pop(reply.id, None)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        data = reply.pack()
        try:
            with self._sending:
                self._stream.sendall(data)
        except OSError:
            # The plug-in is gone; the reading thread sees the end of the stream too.
            return


def _answered(message_id: int, work: Callable[[], Reply]) -> Reply:
    try:
        return work()
    except Aborted:
        return Reply(message_id, Status.ABORTED)
    except SyntheticFocusError as error:
        _LOG.error("request %d: %s", message_id, error)
        return Reply(message_id, Status.FAILED, str(error))
    except MemoryError:
        _LOG.exception("request %d", message_id)
        return Reply(message_id, Status.FAILED, "there is not enough memory for this frame")
    except Exception as error:
        _LOG.exception("request %d", message_id)
        text = f"{type(error).__name__}: {error} (a bug in Synthetic Focus; the log says where)"
        return Reply(message_id, Status.FAILED, text)
