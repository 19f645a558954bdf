# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes PNG pictures with nothing but zlib (W3C PNG, third edition): 8-bit RGB, rows as differences to the left."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SUB = 1
"""Filter type: difference to the pixel on the left."""
QUICK = 1


def png_bytes(picture: NDArray[np.uint8], level: int = QUICK) -> bytes:
    """Return a picture [H, W, 3] sRGB as the bytes of a PNG file."""
    height, width, _ = picture.shape
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = SUB
    flat = np.ascontiguousarray(picture).reshape(height, -1)
    rows[:, 1:4] = flat[:, :3]
    np.subtract(flat[:, 3:], flat[:, :-3], out=rows[:, 4:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", zlib.compress(rows.data, level)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
