# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures coded by Blender, for what numpy alone cannot write."""

import tempfile
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

QUALITY = 92
"""Of JPEG, in per cent: no blocks to be seen in skin."""


def jpeg_bytes(picture: NDArray[np.uint8]) -> bytes:
    """Return an sRGB picture [H, W, 3] as a JPEG file."""
    height, width = picture.shape[:2]
    image = bpy.data.images.new("page", width, height)
    try:
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., :3] = picture[::-1].astype(np.float32) / 255
        image.pixels.foreach_set(pixels.ravel())
        image.file_format = "JPEG"
        with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
            path = Path(folder) / "page.jpg"
            image.save(filepath=str(path), quality=QUALITY)
            return path.read_bytes()
    finally:
        bpy.data.images.remove(image)
