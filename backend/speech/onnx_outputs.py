# SPDX-License-Identifier: GPL-3.0-or-later
"""A tensor inside an ONNX graph made one of its outputs, without the onnx package.

Piper voices compute how long each phone lasts (the graph's one `Ceil`) and keep it to themselves. ONNX files are
Protocol Buffers, where a message that comes twice is merged: one more `graph` with one more `output`, appended to the
file's bytes, is the whole change.
"""

from collections.abc import Iterator

GRAPH_OF_MODEL, NODE_OF_GRAPH, OUTPUT_OF_GRAPH, OUTPUT_OF_NODE, TYPE_OF_NODE = 7, 1, 12, 2, 4
BYTES = 2
"""Wire type of names and messages."""


def outputs_of_type(model: bytes, node_type: str) -> list[str]:
    """Return the names of what nodes of a type compute; nothing where the bytes are no model."""
    names: list[str] = []
    try:
        for graph in _fields(memoryview(model), GRAPH_OF_MODEL):
            for node in _fields(graph, NODE_OF_GRAPH):
                if any(bytes(kind) == node_type.encode() for kind in _fields(node, TYPE_OF_NODE)):
                    names += [bytes(name).decode("utf-8") for name in _fields(node, OUTPUT_OF_NODE)]
    except (IndexError, UnicodeDecodeError):
        return []
    return names


def with_output(model: bytes, name: str) -> bytes:
    """Return a model that gives the tensor `name` as well, after its other outputs."""
    value = _message(1, name.encode("utf-8"))
    return model + _message(GRAPH_OF_MODEL, _message(OUTPUT_OF_GRAPH, value))


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | BYTES) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """Yield the contents of a message's fields of one number that are bytes.

    Raises:
        IndexError: not a message.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == 0:
            _, at = _read_varint(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == BYTES:
            size, at = _read_varint(message, at)
            if at + size > len(message):
                raise IndexError("a field reaches beyond its message")
            if key >> 3 == wanted:
                yield message[at : at + size]
            at += size
        else:
            raise IndexError("a field of unknown kind")


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        digit = message[at]
        number |= (digit & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if digit < 0x80:
            return number, at
        if shift > 63:
            raise IndexError("a number of too many digits")
