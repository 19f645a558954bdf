# SPDX-License-Identifier: GPL-3.0-or-later
"""A talking head for game engines: one GLB with morph targets, their weights over time, and the flip-book.

The UVs lie on the page's tile 0, which a viewer without extensions shows as a still texture. `KHR_texture_transform`
moves them, and `KHR_animation_pointer` animates its offset in steps. For engines that know neither, `track_json` is
the same track to read. Time 0 is the start of the sound. Canonical space is glTF's own: +Y up, the face along +Z.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..head.parts import vertex_normals
from ..png import png_bytes
from .flip_book import FlipBook
from .gltf import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, Document
from .head_motion import HeadMotion
from .shape_track import ShapeTrack
from .whole_head import HeadMesh

METRES_FROM_CM = 0.01
SMALL = 9
"""zlib's level for the page: it is written once and loaded often."""
TRANSFORM, POINTER, UNLIT = "KHR_texture_transform", "KHR_animation_pointer", "KHR_materials_unlit"
OFFSET = f"/materials/0/pbrMetallicRoughness/baseColorTexture/extensions/{TRANSFORM}/offset"
CLAMP_TO_EDGE, LINEAR = 33071, 9729
"""No mipmaps, in which neighbouring tiles would run into each other."""


@dataclass(frozen=True)
class GlbHead:
    """What goes into the file."""

    name: str
    times_s: NDArray[np.float64]
    """[T]"""
    mesh: HeadMesh
    shapes: ShapeTrack
    """Of the face."""
    texture: NDArray[np.uint8] | None
    """[S, S, 3] used where there is no book; None: a plain grey head."""
    book: FlipBook | None
    lit: bool = False
    """Whether an engine's lights fall on it; the texture has the light of the video's first pictures otherwise."""
    jpeg: bytes | None = None
    """The page, or the texture where there is none, as JPEG; None: as PNG."""
    motion: HeadMotion | None = None
    """Of the head, at `times_s`; None: it stands still."""


def head_glb(head: GlbHead) -> bytes:
    """Return the head as a GLB file."""
    document = Document()
    root = document.root
    primitive = _primitive(document, head)
    mesh: dict[str, Any] = {"name": head.name, "primitives": [primitive]}
    count = len(head.shapes.shapes_cm)
    if count:
        mesh |= {"weights": [0.0] * count, "extras": {"targetNames": list(head.shapes.names)}}
    root |= {
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": head.name, "mesh": 0}],
        "meshes": [mesh],
        "materials": [_material(head)],
    }
    _add_texture(document, head)
    _add_animation(document, head)
    used = [] if head.lit else [UNLIT]
    used += [TRANSFORM, POINTER] if head.book is not None else []
    if used:
        root["extensionsUsed"] = used
    return document.to_bytes()


def changes(book: FlipBook) -> NDArray[np.int64]:
    """Return the frames at which another tile shows, the first frame among them."""
    return np.flatnonzero(np.diff(book.track, prepend=-1))


def track_json(book: FlipBook, times_s: NDArray[np.float64], sound: str) -> str:
    """Return a flip-book's track for engines that cannot play it from the GLB; see the user guide for its fields."""
    at = changes(book)
    content = {
        "format": "lipsync3d.flipbook",
        "version": 1,
        "columns": book.columns,
        "rows": book.rows,
        "tile_px": [book.page.shape[1] // book.columns, book.page.shape[0] // book.rows],
        "duration_s": round(float(times_s[-1]), 6),
        "sound": sound,
        "times_s": [round(float(time), 6) for time in times_s[at]],
        "tiles": book.track[at].tolist(),
    }
    return json.dumps(content, indent=1)


def _primitive(document: Document, head: GlbHead) -> dict[str, Any]:
    mesh = head.mesh
    points = (mesh.vertices_cm * np.float32(METRES_FROM_CM))[mesh.vertex_of]
    normals = vertex_normals(mesh.vertices_cm.astype(np.float64), mesh.faces)[mesh.vertex_of]
    columns, rows = (1, 1) if head.book is None else (head.book.columns, head.book.rows)
    uv = np.stack([mesh.uv[:, 0] / columns, (1 - mesh.uv[:, 1]) / rows], axis=-1)
    primitive: dict[str, Any] = {
        "attributes": {
            "POSITION": document.accessor(points, ARRAY_BUFFER, bounds=True),
            "NORMAL": document.accessor(normals, ARRAY_BUFFER),
            "TEXCOORD_0": document.accessor(uv, ARRAY_BUFFER),
        },
        "indices": document.accessor(mesh.triangles.ravel(), ELEMENT_ARRAY_BUFFER),
        "material": 0,
    }
    moved = [(mesh.moved(shape) * np.float32(METRES_FROM_CM))[mesh.vertex_of] for shape in head.shapes.shapes_cm]
    if moved:
        primitive["targets"] = [{"POSITION": document.accessor(one, ARRAY_BUFFER, bounds=True)} for one in moved]
    return primitive


def _material(head: GlbHead) -> dict[str, Any]:
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.7}
    if head.book is not None:
        transform = {TRANSFORM: {"offset": head.book.offsets()[0].tolist()}}
        surface["baseColorTexture"] = {"index": 0, "extensions": transform}
    elif head.texture is not None:
        surface["baseColorTexture"] = {"index": 0}
    material: dict[str, Any] = {"name": head.name, "pbrMetallicRoughness": surface, "doubleSided": True}
    return material if head.lit else material | {"extensions": {UNLIT: {}}}


def _add_texture(document: Document, head: GlbHead) -> None:
    picture = head.texture if head.book is None else head.book.page
    if picture is None:
        return
    kind = "image/png" if head.jpeg is None else "image/jpeg"
    view = document.view(png_bytes(picture, SMALL) if head.jpeg is None else head.jpeg)
    document.root |= {
        "images": [{"name": f"{head.name} texture", "mimeType": kind, "bufferView": view}],
        "samplers": [{"magFilter": LINEAR, "minFilter": LINEAR, "wrapS": CLAMP_TO_EDGE, "wrapT": CLAMP_TO_EDGE}],
        "textures": [{"source": 0, "sampler": 0}],
    }


def _add_animation(document: Document, head: GlbHead) -> None:
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    if len(head.shapes.shapes_cm):
        times = document.accessor(head.times_s, bounds=True)
        weights = document.accessor(head.shapes.weights.ravel())
        samplers.append({"input": times, "output": weights, "interpolation": "LINEAR"})
        channels.append({"sampler": 0, "target": {"node": 0, "path": "weights"}})
    if head.book is not None:
        at = changes(head.book)
        times = document.accessor(head.times_s[at], bounds=True)
        offsets = document.accessor(head.book.offsets()[at])
        samplers.append({"input": times, "output": offsets, "interpolation": "STEP"})
        target = {"path": "pointer", "extensions": {POINTER: {"pointer": OFFSET}}}
        channels.append({"sampler": len(samplers) - 1, "target": target})
    if head.motion is not None:
        times = document.accessor(head.times_s, bounds=True)
        turned = document.accessor(np.roll(head.motion.rotation, -1, axis=1))  # glTF writes x, y, z, w
        shifted = document.accessor(head.motion.shift_cm * np.float32(METRES_FROM_CM))
        for output, path in ((turned, "rotation"), (shifted, "translation")):
            samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
            channels.append({"sampler": len(samplers) - 1, "target": {"node": 0, "path": path}})
    if channels:
        document.root["animations"] = [{"name": head.name, "samplers": samplers, "channels": channels}]
