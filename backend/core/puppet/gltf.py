# SPDX-License-Identifier: GPL-3.0-or-later
"""Binary glTF files (Khronos glTF 2.0, GLB container): collects numbers and JSON, and writes them as one file."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..version import VERSION

FLOAT, UNSIGNED_SHORT = 5126, 5123
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942


class Document:
    """A glTF document under way: `root` is its JSON, whose buffer views and accessors are added here."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": f"lipsync3d {VERSION}"},
            "bufferViews": [],
            "accessors": [],
        }
        self._binary = bytearray()

    @classmethod
    def read(cls, data: bytes) -> "Document":
        """Return the document of a GLB file, to be added to.

        Raises:
            ValueError: not a GLB file of version 2 with one buffer.
        """
        try:
            kind, version, length, size, chunk = struct.unpack_from("<4sIIII", data)
            document = cls()
            document.root = json.loads(data[20 : 20 + size])
            binary, second = struct.unpack_from("<II", data, 20 + size)
            buffers = document.root.pop("buffers")
        except (struct.error, KeyError) as error:
            raise ValueError("not a whole GLB file") from error
        heads = kind, version, length, chunk, second, len(buffers)
        if heads != (b"glTF", 2, len(data), JSON_CHUNK, BINARY_CHUNK, 1):
            raise ValueError("not a GLB file of version 2 with one buffer")
        document._binary += data[28 + size : 28 + size + binary]
        return document

    def view(self, data: bytes, target: int | None = None) -> int:
        """Add bytes and return the index of their buffer view."""
        self._binary += b"\0" * (-len(self._binary) % 4)
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data)}
        self.root["bufferViews"].append(view if target is None else view | {"target": target})
        self._binary += data
        return len(self.root["bufferViews"]) - 1

    def accessor(self, values: NDArray[Any], target: int | None = None, *, bounds: bool = False) -> int:
        """Add numbers [N] or [N, C], floats or short indices, and return the index of their accessor."""
        is_index = target == ELEMENT_ARRAY_BUFFER
        array = np.ascontiguousarray(values, "<u2" if is_index else "<f4")
        accessor: dict[str, Any] = {
            "bufferView": self.view(array.tobytes(), target),
            "componentType": UNSIGNED_SHORT if is_index else FLOAT,
            "count": len(array),
            "type": KINDS[array.shape[1] if array.ndim > 1 else 1],
        }
        if bounds:
            columns = array.reshape(len(array), -1)
            accessor |= {"min": columns.min(axis=0).tolist(), "max": columns.max(axis=0).tolist()}
        self.root["accessors"].append(accessor)
        return len(self.root["accessors"]) - 1

    def to_bytes(self) -> bytes:
        """Return the file."""
        self._binary += b"\0" * (-len(self._binary) % 4)
        root = self.root | {"buffers": [{"byteLength": len(self._binary)}]}
        text = json.dumps(root, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), JSON_CHUNK) + text
        chunks += struct.pack("<II", len(self._binary), BINARY_CHUNK) + self._binary
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
