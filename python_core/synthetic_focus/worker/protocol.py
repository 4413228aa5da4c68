"""The words that plug-in and worker exchange (docs/developer/protocol.md).

A message to the worker is a u32 byte count and as many bytes of JSON; a file descriptor of shared
memory may ride along. A reply has a fixed header, so that the plug-in needs no JSON parser.
Everything here checks: a plug-in of another version, or a bug in it, must end in a sentence and not
in a crash.
"""

import array
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import Any, Final, Literal, NoReturn

from synthetic_focus.errors import SyntheticFocusError
from synthetic_focus.parameters import table

VERSION: Final = 1
MAGIC: Final = 0x52504653  # "SFPR" in memory
HEADER: Final = struct.Struct("<IIQiIIId")
LARGEST_MESSAGE: Final = 1 << 26  # bytes; a million keyframes fit

Rectangle = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels, y upward as in OpenFX; the second corner is outside."""

PixelType = Literal["byte", "short", "half", "float"]
Components = Literal["RGBA", "RGB", "Alpha"]
Premultiplication = Literal["OfxImagePreMultiplied", "OfxImageUnPreMultiplied", "OfxImageOpaque"]

Purpose = Literal["render", "bake", "analyze"]

_BYTES: Final = {"byte": 1, "short": 2, "half": 2, "float": 4}
_CHANNELS: Final = {"RGBA": 4, "RGB": 3, "Alpha": 1}
_PREMULTIPLICATIONS: Final = ("OfxImagePreMultiplied", "OfxImageUnPreMultiplied", "OfxImageOpaque")
_LARGEST_COORDINATE: Final = 1 << 30
_LARGEST_ID: Final = (1 << 64) - 1
_LARGEST_MEMORY: Final = 1 << 40


class ProtocolError(SyntheticFocusError):
    """A message that means nothing.

    Attributes:
        id: of the message, or 0 where it could not be read.
    """

    def __init__(self, text: str, message_id: int = 0) -> None:
        super().__init__(f"{text}; the plug-in and the worker do not fit together")
        self.id = message_id


class BrokenStreamError(SyntheticFocusError):
    """The stream ended within a message, or announced one of an impossible size."""


class Status(IntEnum):
    """How a request went."""

    OK = 0
    FAILED = 1
    ABORTED = 2
    NEED = 3
    PROGRESS = 4


@dataclass(frozen=True)
class Picture:
    """Where pixels lie: packed rows in shared memory, the top one first."""

    bounds: Rectangle
    type: PixelType
    components: Components
    premultiplication: Premultiplication
    memory: int
    offset: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.bounds[2] - self.bounds[0]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bounds[3] - self.bounds[1]

    @property
    def channels(self) -> int:
        """A pixel's values."""
        return _CHANNELS[self.components]

    @property
    def size(self) -> int:
        """In bytes."""
        return self.width * self.height * self.channels * _BYTES[self.type]


@dataclass(frozen=True)
class Image:
    """What a clip of the host holds at some time; no picture where the host could not give one."""

    clip: str
    time: float
    picture: Picture | None


@dataclass(frozen=True)
class Memory:
    """Shared memory that the worker is told of: the descriptor rides on the same message."""

    id: int
    size: int


@dataclass(frozen=True)
class Hello:
    """The first request: who speaks."""

    id: int
    version: int
    host: str
    plugin_version: str


@dataclass(frozen=True)
class Render:
    """One frame to render or to analyse, or the focus of its shot to bake.

    Only what is rendered has an output.
    """

    id: int
    purpose: Purpose
    instance: str
    epoch: int
    time: float
    frame: Rectangle
    window: Rectangle
    host: str
    connected: Mapping[str, bool]
    images: Sequence[Image]
    output: Picture | None
    preset_applied: bool
    parameters: Mapping[str, object]
    keys: Mapping[str, Sequence[tuple[float, ...]]]
    range: tuple[float, float] | None


@dataclass(frozen=True)
class Abort:
    """The answer to request `target` is no longer wanted."""

    id: int
    target: int


@dataclass(frozen=True)
class Purge:
    """What is remembered of an instance is to be forgotten."""

    id: int
    instance: str


@dataclass(frozen=True)
class Preset:
    """A request for a preset's parameter values."""

    id: int
    name: str


@dataclass(frozen=True)
class SavePreset:
    """The lens among these settings is to be kept as a preset of the user's own."""

    id: int
    name: str
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class MemoryDrop:
    """The plug-in will not name this memory again."""

    id: int
    memory: int


@dataclass(frozen=True)
class Nothing:
    """A message that only carries memory."""

    id: int


Request = Hello | Render | Abort | Purge | Preset | SavePreset | MemoryDrop | Nothing


@dataclass(frozen=True)
class Message:
    """A request and the memory that came with it."""

    request: Request
    memory_new: Memory | None = None


@dataclass(frozen=True)
class Reply:
    """What the worker answers."""

    id: int
    status: Status
    message: str = ""
    values: Sequence[float] = ()
    progress: float = 0.0

    def pack(self) -> bytes:
        """As bytes of the stream."""
        # A path may hold bytes that are no UTF-8; the user reads a question mark there.
        text = self.message.encode("utf-8", "replace")
        header = HEADER.pack(
            MAGIC, VERSION, self.id, self.status, len(text), len(self.values), 0, self.progress
        )
        return header + text + struct.pack(f"<{len(self.values)}d", *self.values)


def receive(stream: socket.socket) -> tuple[bytes, list[int]] | None:
    """The next message's JSON and the file descriptors that rode on it; None: the stream has ended.

    The caller owns the descriptors.

    Raises:
        BrokenStreamError: the stream ended within the message, or the message is too large.
    """
    descriptors: list[int] = []
    try:
        head = _receive_exactly(stream, 4, descriptors)
        if not head:
            return None
        (size,) = struct.unpack("<I", head)
        if size > LARGEST_MESSAGE:
            raise BrokenStreamError(f"a message of {size} bytes is announced; none is that large")
        body = _receive_exactly(stream, size, descriptors)
        if len(body) < size:
            raise BrokenStreamError("the stream ended within a message")
    except BaseException:
        close(descriptors)
        raise
    return bytes(body), descriptors


def close(descriptors: Sequence[int]) -> None:
    """Close file descriptors that nobody took."""
    for descriptor in descriptors:
        os.close(descriptor)


def _receive_exactly(stream: socket.socket, size: int, descriptors: list[int]) -> bytearray:
    """`size` bytes, or none at the end of the stream; what rides along goes to `descriptors`."""
    data = bytearray(size)
    have = 0
    while have < size:
        count, ancillary, _, _ = stream.recvmsg_into(
            [memoryview(data)[have:]], socket.CMSG_SPACE(4 * array.array("i").itemsize)
        )
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(content[: len(content) - len(content) % received.itemsize])
                descriptors += received
        if count == 0:
            if have:
                raise BrokenStreamError("the stream ended within a message")
            return bytearray()
        have += count
    return data


def parse(body: bytes) -> Message:
    """A message from its JSON.

    Raises:
        ProtocolError: it is no JSON, or not a request that this worker knows.
    """
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a message is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ProtocolError("a message is not a JSON object")
    fields = _Fields(document, "the message", 0)
    fields = _Fields(document, "the message", fields.whole("id", _LARGEST_ID))
    memory_new = None
    if "memory_new" in document:
        memory = fields.inner("memory_new")
        memory_new = Memory(memory.whole("id", _LARGEST_ID), memory.whole("size", _LARGEST_MEMORY))
    if memory_new is not None and "op" not in document:
        return Message(Nothing(fields.id), memory_new)
    operation = fields.text("op")
    if operation not in _REQUESTS:
        raise ProtocolError(f"there is no operation {operation[:80]!r}", fields.id)
    return Message(_REQUESTS[operation](fields), memory_new)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


class _Fields:
    """A JSON object that is read field by field, each checked."""

    def __init__(self, document: Mapping[str, Any], place: str, message_id: int) -> None:
        self._document = document
        self._place = place
        self.id = message_id

    def error(self, name: str, wanted: str) -> ProtocolError:
        if name not in self._document:
            return ProtocolError(f"{self._place} has no {name!r}", self.id)
        shown = json.dumps(self._document[name])
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        return ProtocolError(f"{name!r} of {self._place} is {shown}, not {wanted}", self.id)

    def text(self, name: str) -> str:
        value = self._document.get(name)
        if not isinstance(value, str):
            raise self.error(name, "a string")
        return value

    def whole(self, name: str, largest: int) -> int:
        value = self._document.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
            raise self.error(name, f"a whole number from 0 to {largest}")
        return value

    def number(self, name: str) -> float:
        value = self._document.get(name)
        if value is None or not _is_number(value):
            raise self.error(name, "a number")
        return float(value)

    def truth(self, name: str, usual: bool) -> bool:
        value = self._document.get(name, usual)
        if not isinstance(value, bool):
            raise self.error(name, "true or false")
        return value

    def list(self, name: str) -> Sequence[Any]:
        value = self._document.get(name)
        if not isinstance(value, list):
            raise self.error(name, "a list")
        return value

    def inner(self, name: str) -> "_Fields":
        return _Fields(self.mapping(name), name, self.id)

    def mapping(self, name: str) -> Mapping[str, Any]:
        value = self._document.get(name)
        if not isinstance(value, dict):
            raise self.error(name, "an object")
        return value

    def rectangle(self, name: str) -> Rectangle:
        value = self._document.get(name)
        good = (
            isinstance(value, list)
            and len(value) == 4
            and all(isinstance(part, int) and not isinstance(part, bool) for part in value)
            and all(abs(part) <= _LARGEST_COORDINATE for part in value)
        )
        if not good:
            raise self.error(name, "four whole numbers x1, y1, x2, y2")
        x1, y1, x2, y2 = value  # type: ignore[misc]  # it is a list of four
        return x1, y1, max(x1, x2), max(y1, y2)

    def pair(self, name: str) -> tuple[float, float] | None:
        value = self._document.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2:
            raise self.error(name, "two numbers")
        low, high = value
        # Hosts call a range that they do not know null, or endless.
        return (float(low), float(high)) if _is_number(low) and _is_number(high) else None

    def one_of(self, name: str, known: Sequence[str]) -> Any:
        value = self._document.get(name)
        if value not in known:
            raise self.error(name, f"one of {', '.join(known)}")
        return value

    def picture(self) -> Picture:
        return Picture(
            bounds=self.rectangle("bounds"),
            type=self.one_of("type", list(_BYTES)),
            components=self.one_of("components", list(_CHANNELS)),
            premultiplication=self.one_of("premultiplication", _PREMULTIPLICATIONS),
            memory=self.whole("memory", _LARGEST_ID),
            offset=self.whole("offset", _LARGEST_MEMORY),
        )


def _is_number(value: object) -> bool:
    return _are_numbers([value])


def _are_numbers(values: Sequence[Any]) -> bool:
    # A bool's type is neither; and JSON's only way to an infinity is a number that is too large.
    return set(map(type, values)) <= {int, float} and max(map(abs, values), default=0) < 1e300


def _image(document: object, message_id: int) -> Image:
    if not isinstance(document, dict):
        raise ProtocolError("an image is not an object", message_id)
    fields = _Fields(document, "an image", message_id)
    picture = None if fields.truth("missing", False) else fields.picture()
    return Image(fields.text("clip"), fields.number("time"), picture)


def _keys(name: str, keys: object, message_id: int) -> list[tuple[float, ...]]:
    """A key is its time, then as many numbers as the parameter has."""
    if not isinstance(keys, list):
        raise ProtocolError(f"the keys of {name!r} are not a list", message_id)
    if name not in table().parameters:
        raise ProtocolError(f"there are keys of {name[:80]!r}, which is no parameter", message_id)
    two_dimensional = table()[name].type == "double2d"
    wanted = "three numbers: t, x, y" if two_dimensional else "two numbers: t, value"
    # All at once, since there may be thousands with every frame.
    length = 3 if two_dimensional else 2
    good = set(map(type, keys)) <= {list} and set(map(len, keys)) <= {length}
    if not good or not _are_numbers(list(chain.from_iterable(keys))):
        raise ProtocolError(f"a key of {name!r} is not {wanted}", message_id)
    return [tuple(map(float, key)) for key in keys]


def _render(fields: _Fields, purpose: Purpose) -> Render:
    connected = fields.mapping("connected")
    if not all(isinstance(value, bool) for value in connected.values()):
        raise fields.error("connected", "true or false for each clip")
    keys = fields.mapping("keys")
    return Render(
        id=fields.id,
        purpose=purpose,
        instance=fields.text("instance"),
        epoch=fields.whole("epoch", _LARGEST_ID),
        time=fields.number("time"),
        frame=fields.rectangle("frame"),
        window=fields.rectangle("window"),
        host=fields.text("host"),
        connected=connected,
        images=[_image(image, fields.id) for image in fields.list("images")],
        output=fields.inner("output").picture() if purpose == "render" else None,
        preset_applied=fields.truth("preset_applied", True),
        parameters=fields.mapping("parameters"),
        keys={name: _keys(name, value, fields.id) for name, value in keys.items()},
        range=fields.pair("range"),
    )


_REQUESTS: Final[Mapping[str, Callable[[_Fields], Request]]] = {
    "hello": lambda fields: Hello(
        fields.id,
        fields.whole("version", _LARGEST_ID),
        fields.text("host"),
        fields.text("plugin_version"),
    ),
    "render": lambda fields: _render(fields, "render"),
    "bake": lambda fields: _render(fields, "bake"),
    "analyze": lambda fields: _render(fields, "analyze"),
    "abort": lambda fields: Abort(fields.id, fields.whole("target", _LARGEST_ID)),
    "purge": lambda fields: Purge(fields.id, fields.text("instance")),
    "preset": lambda fields: Preset(fields.id, fields.text("name")),
    "save_preset": lambda fields: SavePreset(
        fields.id, fields.text("name"), fields.mapping("parameters")
    ),
    "memory_drop": lambda fields: MemoryDrop(fields.id, fields.whole("memory", _LARGEST_ID)),
}
