"""Messages: what is well formed is understood, and nothing else breaks the worker."""

import contextlib
import json
import os
import socket
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_focus.worker import protocol
from synthetic_focus.worker.protocol import (
    HEADER,
    BrokenStreamError,
    Message,
    ProtocolError,
    Render,
    Reply,
    Status,
    parse,
    receive,
)

PICTURE = {
    "bounds": [0, 0, 4, 2],
    "type": "half",
    "components": "RGB",
    "premultiplication": "OfxImageOpaque",
    "memory": 5,
    "offset": 4096,
}
RENDER: dict[str, Any] = {
    "op": "render",
    "id": 12,
    "instance": "a",
    "epoch": 3,
    "time": -37.5,
    "scale": [0.5, 0.5],
    "frame": [-1, -2, 3, 4],
    "window": [0, 0, 4, 2],
    "host": "DaVinciResolve",
    "fps": None,
    "range": None,
    "connected": {"Depth": True},
    "images": [
        {"clip": "Source", "time": -37.5} | PICTURE,
        {"clip": "Depth", "time": 20, "missing": True},
    ],
    "output": PICTURE,
    "preset_applied": False,
    "parameters": {"f_stop": 2.8},
    "keys": {"focus_point": [[1, 0.5, 0.25]]},
}


def test_render_request_is_read_field_by_field() -> None:
    request = parse(json.dumps(RENDER).encode()).request
    assert isinstance(request, Render)
    assert (request.id, request.time, request.frame) == (12, -37.5, (-1, -2, 3, 4))
    source, depth = request.images
    assert source.picture is not None
    assert source.picture.size == 4 * 2 * 3 * 2
    assert depth.picture is None
    assert depth.time == 20.0
    assert request.keys == {"focus_point": [(1.0, 0.5, 0.25)]}
    assert not request.preset_applied


def test_path_with_bytes_that_are_no_utf8_survives() -> None:
    name = os.fsdecode(b"/shots/\xff.mov")
    body = json.dumps(RENDER | {"parameters": {"depth_file": name}}).encode()
    request = parse(body).request
    assert isinstance(request, Render)
    assert os.fsencode(str(request.parameters["depth_file"])) == b"/shots/\xff.mov"
    Reply(1, Status.FAILED, name).pack()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": "rendr"}, "no operation 'rendr'"),
        ({"op": None}, "'op' of the message is null, not a string"),
        ({"id": -1}, "'id' of the message is -1"),
        ({"id": 1 << 64}, "'id' of the message"),
        ({"id": True}, "'id' of the message is true"),
        ({"time": "now"}, "'time' of the message is \"now\", not a number"),
        ({"time": 10**400}, "'time' of the message"),
        ({"frame": [0, 0, 4]}, "four whole numbers"),
        ({"frame": [0, 0, 4.5, 2]}, "four whole numbers"),
        ({"frame": [0, 0, 1 << 40, 2]}, "four whole numbers"),
        ({"images": [3]}, "an image is not an object"),
        ({"images": {}}, "a list"),
        ({"output": PICTURE | {"type": "double"}}, "one of byte, short, half, float"),
        ({"output": PICTURE | {"offset": -4}}, "'offset' of output"),
        ({"output": {}}, "output has no 'bounds'"),
        ({"connected": {"Depth": 1}}, "true or false"),
        ({"keys": {"focus_point": [[1, 2]]}}, "three numbers"),
        ({"keys": {"focus_point": [[0, 0, 0], 5]}}, "three numbers"),
        ({"keys": {"focus_point": [[0, 0, 0], [1, 2, "3"]]}}, "three numbers"),
        ({"keys": {"focus_point": [[0, 0, 0], [1, True, 3]]}}, "three numbers"),
        ({"keys": {"focus_point": [[0, 0, 0], [1, 2, -(10**301)]]}}, "three numbers"),
        ({"keys": {"target_follow": [[1, 2, 3]]}}, "two numbers"),
        ({"keys": {"nonsense": []}}, "no parameter"),
        ({"range": [1]}, "two numbers"),
        ({"keys": {"focus_point": 1}}, "not a list"),
        ({"memory_new": {"id": 1}}, "memory_new has no 'size'"),
    ],
)
def test_wrong_field_is_named_with_its_message(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolError, match=message) as caught:
        parse(json.dumps(RENDER | change).encode())
    assert caught.value.id == (0 if "id" in change else 12)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"id":NaN}', b"[" * 100000, b'{"id":' + b"9" * 5000 + b"}"],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*RENDER, "memory_new", "target", "name"]), JSON))
def test_any_fields_give_a_message_or_a_protocol_error(fields: dict[str, Any]) -> None:
    for document in (fields, RENDER | fields):
        with contextlib.suppress(ProtocolError):
            assert isinstance(parse(json.dumps(document).encode()), Message)


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_give_a_message_or_a_protocol_error(body: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        parse(body)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_stream_ends_in_none_or_a_broken_stream(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        ours.close()
        bodies = b""
        try:
            while (received := receive(theirs)) is not None:
                bodies += struct.pack("<I", len(received[0])) + received[0]
        except BrokenStreamError:
            assert data.startswith(bodies)
        else:
            assert data == bodies


def test_descriptors_belong_to_the_message_that_they_rode_on() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for number in range(3):
            body = b"x" * (number + 1)
            message = struct.pack("<I", len(body)) + body
            if number == 1:
                descriptor = os.memfd_create("test")
                socket.send_fds(ours, [message], [descriptor])
                os.close(descriptor)
            else:
                ours.sendall(message)
        counts = []
        for _ in range(3):
            received = receive(theirs)
            assert received is not None
            counts.append(len(received[1]))
            protocol.close(received[1])
    assert counts == [0, 1, 0]


def test_huge_message_is_refused_before_it_is_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack("<I", 0xFFFFFFFF))
        with pytest.raises(BrokenStreamError, match="4294967295 bytes"):
            receive(theirs)


def test_reply_has_the_documented_layout() -> None:
    packed = Reply(7, Status.NEED, "Dépth", (1.5, -2.0), 0.25).pack()
    assert packed[:4] == b"SFPR"
    assert packed[4:40] == struct.pack("<IQiIIId", 1, 7, 3, 6, 2, 0, 0.25)
    assert packed[40:] == "Dépth".encode() + struct.pack("<2d", 1.5, -2.0)
    assert HEADER.size == 40
