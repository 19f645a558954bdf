# SPDX-License-Identifier: GPL-3.0-or-later
"""Few shapes within a bound, a flip-book, PNG and GLB: laws, and reading back by others."""

import json
import struct
import zlib

import numpy as np
import pytest

from backend.core.errors import OutputError, VideoError
from backend.core.face import canonical_face
from backend.core.fillers import closed_triangles
from backend.core.mesh_file import MeshHeader, read_mesh, write_mesh
from backend.core.png import png_bytes
from backend.core.puppet.flip_book import fitted, flip_book, shrunk, steady
from backend.core.puppet.head_glb import GlbHead, changes, head_glb, track_json
from backend.core.puppet.head_motion import read_head_motion
from backend.core.puppet.shape_track import compress, one_sided
from backend.core.puppet.whole_head import head_mesh, with_back

FRAMES, SIZE = 60, 64


def motion(frames=FRAMES, seed=0):
    rng = np.random.default_rng(seed)
    weights = np.cumsum(rng.normal(0, 0.08, (frames, 52)), axis=0).astype(np.float32)
    return np.einsum("tk,kvc->tvc", weights, canonical_face().basis_cm).astype(np.float32)


def atlases(frames=FRAMES, mouths=5):
    """Grey faces with one of five mouths, in turn, each a little different."""
    rng = np.random.default_rng(1)
    made = np.full((frames, SIZE, SIZE, 3), 120, np.uint8)
    for frame in range(frames):
        mouth = made[frame, 36:48, 20:44]
        mouth[:] = 20 + 50 * (frame // 6 % mouths) + rng.integers(0, 3)
    return made


@pytest.mark.parametrize("frames", [1, 30, 1500])
@pytest.mark.parametrize("limit_mm", [2.0, 0.2, 0.02])
def test_no_vertex_leaves_its_bound(frames, limit_mm):
    given = motion(frames)
    track = compress(given, limit_mm)
    off = np.linalg.norm(track.displacement_cm() - given, axis=-1) * 10
    assert off.max() <= limit_mm * 1.001
    assert track.max_mm == pytest.approx(off.max(), abs=1e-3)
    assert track.mean_mm == pytest.approx(off.mean(), abs=1e-3)
    assert np.abs(track.weights).max() == pytest.approx(1)
    assert len(track.shapes_cm) <= 52


def test_a_looser_bound_takes_fewer_shapes_and_stillness_none():
    counts = [len(compress(motion(), limit).shapes_cm) for limit in (5.0, 1.0, 0.1)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    still = compress(np.zeros((9, 468, 3), np.float32))
    assert (still.shapes_cm.shape, still.weights.shape, still.max_mm) == ((0, 468, 3), (9, 0), 0.0)
    assert not still.displacement_cm().any()


def test_one_sided_shapes_make_the_same_motion_within_0_and_1():
    track = compress(motion(), 0.1)
    sided = one_sided(track)
    assert track.weights.min() < -0.1
    assert (sided.weights.min(), sided.weights.max()) == (0, 1)
    assert (sided.weights.max(axis=0) == 1).all()
    assert np.abs(sided.displacement_cm() - track.displacement_cm()).max() < 1e-5
    between = [
        (one.weights[:-1] + one.weights[1:]) @ one.shapes_cm.reshape(len(one.names), -1) for one in (track, sided)
    ]
    assert np.abs(between[0] - between[1]).max() < 2e-5, "what engines interpolate is the same, also where signs change"
    assert (sided.names[0], len(set(sided.names))) == ("motion_01_plus", len(sided.shapes_cm))
    assert all(name.isidentifier() for name in sided.names)
    still = one_sided(compress(np.zeros((9, 468, 3), np.float32)))
    assert (still.shapes_cm.shape, still.weights.shape) == ((0, 468, 3), (9, 0))


@pytest.mark.parametrize("limit_mm", [0.0, -1.0, 50.0, float("nan")])
def test_a_bound_without_sense_is_refused(limit_mm):
    with pytest.raises(OutputError, match="largest error"):
        compress(motion(2), limit_mm)


def test_a_book_with_a_tile_for_every_mouth_shows_each_frame_its_own():
    given = atlases()
    book = flip_book(given, given[0], tiles=9)
    assert book.page.shape == (3 * SIZE, 3 * SIZE, 3)
    tiles = book.page.reshape(3, SIZE, 3, SIZE, 3).swapaxes(1, 2).reshape(9, SIZE, SIZE, 3)
    assert np.abs(tiles[book.track].astype(int) - given).max() <= 3
    assert (tiles[0] == given[book.shown[0]]).all()
    assert np.abs(tiles[0].astype(int) - given[0]).max() <= 3
    again = flip_book(given, given[0], tiles=9)
    assert (again.page == book.page).all()
    assert (again.track == book.track).all()


def test_fewer_tiles_than_mouths_are_still_pictures_of_the_clip():
    given = atlases()
    book = flip_book(given, given[0], tiles=2)
    assert set(book.track.tolist()) <= set(range(len(book.shown)))
    assert len(book.shown) <= 2
    with pytest.raises(OutputError, match="tiles"):
        flip_book(given, given[0], tiles=0)


def test_a_page_fits_a_size_by_smaller_tiles():
    given = atlases()
    book = flip_book(given, given[0], tiles=4)
    assert fitted(book, 2 * SIZE).page is book.page
    small = fitted(book, SIZE + 12)
    assert (small.tile_px, small.page.shape) == (38, (76, 76, 3))
    assert (small.track == book.track).all()
    means = [tile.mean() for tile in (book.page[:SIZE, :SIZE], small.page[:38, :38])]
    assert means[0] == pytest.approx(means[1], abs=0.5)
    assert (shrunk(given[0], SIZE // 2) == np.round(given[0].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)))).all()
    with pytest.raises(OutputError, match="fewer tiles"):
        fitted(book, 40)


def test_a_change_of_tile_must_be_worth_it():
    distance = np.array([[0, 1], [0, 1], [0.3, 0], [0, 1], [1, 0], [1, 0], [1, 0]], np.float32)
    assert steady(distance, 0.0).tolist() == [0, 0, 1, 0, 1, 1, 1]
    assert steady(distance, 0.2).tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_png_reads_back():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    data = png_bytes(picture)
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8).reshape(5, 22)
    assert (rows[:, 0] == 1).all()
    assert (np.cumsum(rows[:, 1:].reshape(5, 7, 3), axis=1, dtype=np.uint8) == picture).all()


def test_an_atlas_can_stay_in_its_file(tmp_path):
    given = atlases(4)
    header = MeshHeader(np.arange(4) / 30, np.ones(4, np.float32), uv=canonical_face().uv, reference_atlas=given[0])
    write_mesh(tmp_path / "a.npz", header, [motion(4)], atlases=iter(given))
    clip = read_mesh(tmp_path / "a.npz", map_atlas=True)
    assert isinstance(clip.atlas, np.memmap)
    assert (clip.atlas == given).all()


def glb(book=True, back=False, **changed):
    given = atlases()
    track = compress(motion(), 0.5)
    made = flip_book(given, given[0], 4) if book else None
    face = canonical_face()
    return GlbHead(
        "head", np.arange(FRAMES) / 25, head_mesh(face.neutral_cm, face.uv, back=back), track, given[0], made, **changed
    )


def test_a_glb_holds_the_weights_and_the_flip_book():
    pygltflib = pytest.importorskip("pygltflib")
    head = glb()
    read = pygltflib.GLTF2().load_from_bytes(head_glb(head))
    blob = read.binary_blob()

    def values(index):
        accessor = read.accessors[index]
        start = read.bufferViews[accessor.bufferView].byteOffset
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor.type]
        return np.frombuffer(blob, "<f4", accessor.count * width, start).reshape(accessor.count, width)

    weights, pages = read.animations[0].samplers
    shapes = len(head.shapes.shapes_cm)
    assert (values(weights.output).reshape(-1, shapes) == head.shapes.weights).all()
    assert values(weights.input).ravel() == pytest.approx(head.times_s)
    assert read.meshes[0].extras["targetNames"][0] == "motion_01"
    assert pages.interpolation == "STEP"
    at = changes(head.book)
    assert (values(pages.output) == head.book.offsets()[at]).all()
    assert read.accessors[read.meshes[0].primitives[0].indices].count == closed_triangles().size
    uv = values(read.meshes[0].primitives[0].attributes.TEXCOORD_0)
    assert uv.max() <= 0.5 + 1e-6, "without extensions the first tile shows"
    assert set(read.extensionsUsed) == {"KHR_materials_unlit", "KHR_texture_transform", "KHR_animation_pointer"}


def test_a_glb_without_a_book_is_still_one():
    pygltflib = pytest.importorskip("pygltflib")
    read = pygltflib.GLTF2().load_from_bytes(head_glb(glb(book=False, lit=True)))
    assert not read.extensionsUsed
    assert len(read.images) == 1


def test_the_track_beside_the_glb_says_the_same():
    head = glb()
    told = json.loads(track_json(head.book, head.times_s, "a.wav"))
    shown = np.array(told["tiles"])[np.searchsorted(told["times_s"], head.times_s + 1e-6, side="right") - 1]
    assert (shown == head.book.track).all()
    assert (told["columns"], told["rows"], told["tile_px"]) == (2, 2, [SIZE, SIZE])


def test_the_back_of_the_head_closes_the_face_and_follows_it():
    face = canonical_face()
    own = face.neutral_cm * np.float32(1.1) + np.float32(0.3)
    head = head_mesh(own, face.uv, back=True)
    assert (head.vertices_cm[:468] == own).all()
    edges = np.sort(head.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, used = np.unique(edges, axis=0, return_counts=True)
    assert used.max() == 2
    assert (used == 1).sum() == 36, "open at the neck alone"
    a, b, c = head.vertices_cm[head.faces].astype(np.float64).swapaxes(0, 1)
    assert 3000 < (a * np.cross(b, c)).sum() / 6 < 6500, "cm3, seen from outside"
    moved = head.moved(face.basis_cm[17])
    assert (moved[:468] == face.basis_cm[17]).all()
    assert np.abs(head.moved(2 * face.basis_cm[17]) - 2 * moved).max() < 1e-5
    assert not moved[-36:].any(), "the neck stands still"


def test_the_colours_behind_lie_where_the_face_does_not():
    layout = pytest.importorskip("backend.normalise.layout", reason="needs OpenCV").atlas_layout(256)
    rng = np.random.default_rng(0)
    known = layout.picture(np.ones(len(layout.texels), np.float32)) > 0
    atlas = np.where(known[..., None], rng.integers(90, 110, (256, 256, 3)), 0).astype(np.uint8)
    painted = with_back(atlas, layout.uv)
    assert (painted[known] == atlas[known]).all()
    worn = head_mesh(canonical_face().neutral_cm, layout.uv, back=True).uv[468:] * (256, -256) + (0, 256)
    column, row = np.floor(worn).astype(int).T
    assert (painted[row, column] >= 90).all()
    assert not painted[~known].all()


def test_a_glb_takes_jpeg_and_a_whole_head():
    pygltflib = pytest.importorskip("pygltflib")
    head = glb(back=True, jpeg=b"\xff\xd8 a picture")
    read = pygltflib.GLTF2().load_from_bytes(head_glb(head))
    assert read.images[0].mimeType == "image/jpeg"
    counts = {read.accessors[target["POSITION"]].count for target in read.meshes[0].primitives[0].targets}
    assert counts == {len(head.mesh.vertex_of)}


def pose_file(path, degrees=20.0, frames=50):
    """Write a shard's pose: a head that nods about x, off centre, before a camera that it faces askew."""
    angle = np.radians(degrees) * np.sin(np.linspace(0, 2 * np.pi, frames))
    c, s, one, zero = np.cos(angle), np.sin(angle), np.ones(frames), np.zeros(frames)
    nod = np.moveaxis(np.array([[one, zero, zero], [zero, c, -s], [zero, s, c]]), -1, 0)
    askew = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]])
    camera_from_head = nod @ askew
    place_px = np.stack([200 + 10 * np.arange(frames) / frames, -150 + zero, zero], axis=1)
    translation = -0.05 * np.einsum("tji,tj->ti", camera_from_head, place_px)
    arrays = {"times_s": 3.0 + np.arange(frames) / 25, "pose_scale": np.full(frames, 0.05),
              "pose_rotation": camera_from_head.swapaxes(1, 2), "pose_translation": translation,
              "atlas": np.zeros((2, 2), np.uint8)}  # fmt: skip
    write_safetensors(path, arrays)
    return angle


def write_safetensors(path, arrays):
    """Write arrays as the format's page tells: the size of a JSON header, the header, the bytes."""
    header, data = {}, b""
    for name, array in arrays.items():
        kind = {"float64": "F64", "uint8": "U8"}[str(array.dtype)]
        raw = array.tobytes()
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_the_head_turns_as_in_the_video_from_its_middle_pose(tmp_path):
    angle = pose_file(tmp_path / "a.safetensors")
    motion = read_head_motion(tmp_path / "a.safetensors")
    half = np.stack([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], axis=1)
    assert np.abs(motion.rotation - half).max() < 1e-5
    assert np.ptp(motion.shift_cm, axis=0) == pytest.approx([0.49, 0, 0], abs=1e-4)
    longer = motion.at(np.array([0.0, 0.5, 2 * 1.96 - 0.5, 2 * 1.96 + 0.5]))
    assert np.abs(longer.rotation[1:] - longer.rotation[1]).max() < 1e-5, "back and forth"
    assert np.abs(np.linalg.norm(longer.rotation, axis=1) - 1).max() < 1e-6
    pygltflib = pytest.importorskip("pygltflib")
    read = pygltflib.GLTF2().load_from_bytes(head_glb(glb(motion=motion.at(np.arange(FRAMES) / 25))))
    assert [one.target.path for one in read.animations[0].channels] == ["weights", "pointer", "rotation", "translation"]


@pytest.mark.parametrize("damage", ["missing", "cut", "text", "other"])
def test_head_motion_of_no_video_is_refused(tmp_path, damage):
    path = tmp_path / "a.safetensors"
    pose_file(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-3000])
    elif damage == "text":
        path.write_text("not a shard at all, but some lines of text")
    elif damage == "other":
        write_safetensors(path, {"weights": np.zeros(3)})
    else:
        path.unlink()
    with pytest.raises(VideoError, match=r"a\.safetensors"):
        read_head_motion(path)
