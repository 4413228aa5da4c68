"""What an ONNX file is made of, as far as one must know before a runtime opens it.

A runtime says of a file that is cut short, of a web page under a false name and of missing external
data little more than "protobuf parsing failed". The few fields of the format that tell these apart
are read here: an ONNX file is one protobuf message (onnx.proto of ONNX 1.17).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from synthetic_focus.scene.providers import ModelError

# Numbers of the fields on the way from a model to the names of the files that hold its weights.
_MODEL_GRAPH: Final = 7
_GRAPH_NODE: Final = 1
_GRAPH_INITIALIZER: Final = 5
_NODE_ATTRIBUTE: Final = 5
_ATTRIBUTE_TENSOR: Final = 5
_ATTRIBUTE_GRAPH: Final = 6
_TENSOR_EXTERNAL_DATA: Final = 13
_ENTRY_KEY: Final = 1
_ENTRY_VALUE: Final = 2

_MISTAKEN: Final = {
    b"version https://git-lfs": "is a Git LFS pointer: fetch the file itself (`git lfs pull`)",
    b"<!DOCTYPE": "is a web page: download the file itself",
    b"<html": "is a web page: download the file itself",
    b"PK\x03\x04": "is a ZIP archive: unpack it, or it is a PyTorch checkpoint; export it to ONNX",
}


class _CutError(Exception):
    """A message that goes on beyond its end."""


def external_files(path: Path) -> tuple[str, ...]:
    """The names of the files beside an ONNX file that hold weights of it, in their order.

    Raises:
        ModelError: there is no such file, it is no ONNX file or only a part of one, or a file that
            it names is not beside it.
    """
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) == 0:
                raise ModelError(f"{path} is empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                for beginning, what in _MISTAKEN.items():
                    if data[: len(beginning)].lower() == beginning.lower():
                        raise ModelError(f"{path} {what}")
                try:
                    names = tuple(dict.fromkeys(_locations(data)))
                except _CutError:
                    # A model begins with the version of its format: field 1, a number.
                    wrong = "only a part of an ONNX file" if data[0] == 0x08 else "no ONNX file"
                    raise ModelError(f"{path} is {wrong}; fetch it again") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    for name in names:
        if Path(name).name != name or name in (".", ".."):
            raise ModelError(f"{path} keeps weights in {name!r}; they must lie in a file beside it")
        if not path.with_name(name).is_file():
            raise ModelError(
                f"{path} keeps weights in a second file, {name}, which is not beside it; fetch that"
                " too"
            )
    return names


def _locations(data: mmap.mmap) -> Iterator[str]:
    graphs = list(_submessages(data, 0, len(data), _MODEL_GRAPH))
    if not graphs:
        raise _CutError
    for graph in graphs:
        yield from _locations_in(data, graph)


def _locations_in(data: mmap.mmap, graph: tuple[int, int]) -> Iterator[str]:
    tensors = list(_submessages(data, *graph, _GRAPH_INITIALIZER))
    for node in _submessages(data, *graph, _GRAPH_NODE):
        for attribute in _submessages(data, *node, _NODE_ATTRIBUTE):
            tensors += _submessages(data, *attribute, _ATTRIBUTE_TENSOR)
            for branch in _submessages(data, *attribute, _ATTRIBUTE_GRAPH):
                yield from _locations_in(data, branch)
    for tensor in tensors:
        for entry in _submessages(data, *tensor, _TENSOR_EXTERNAL_DATA):
            keys = [data[slice(*span)] for span in _submessages(data, *entry, _ENTRY_KEY)]
            if keys == [b"location"]:
                for span in _submessages(data, *entry, _ENTRY_VALUE):
                    yield data[slice(*span)].decode("utf-8", "replace")


def _submessages(data: mmap.mmap, at: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Where the values of one field of a message lie."""
    while at < end:
        key, at = _varint(data, at, end)
        field, kind = key >> 3, key & 7
        match kind:
            case 0:
                _, at = _varint(data, at, end)
            case 1:
                at += 8
            case 2:
                length, at = _varint(data, at, end)
                if field == wanted and at + length <= end:
                    yield at, at + length
                at += length
            case 5:
                at += 4
            case _:
                raise _CutError
        if at > end or field == 0:
            raise _CutError


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise _CutError
