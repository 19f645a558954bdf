# SPDX-License-Identifier: GPL-3.0-or-later
"""Texture atlas: the layout is one sheet with an open mouth; unwrapping and rendering undo each other."""

import cv2
import numpy as np
import pytest

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.errors import LipSyncError
from backend.core.face import canonical_face
from backend.core.raster import rasterise
from backend.normalise.atlas import render, unwrap
from backend.normalise.layout import OPENING, atlas_layout
from backend.normalise.masks import REGIONS, region, skin_mask

LAYOUT = atlas_layout(256)
IMAGE = 512
FACE = canonical_face()


def camera_mesh(yaw_deg=0.0, jaw=0.0, scale=22.0):
    """Landmarks of the canonical face in the middle of a 512-pixel picture."""
    mesh = FACE.neutral_cm + jaw * FACE.basis_cm[ARKIT_NAMES.index("jawOpen")]
    angle = np.radians(yaw_deg)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return (scale * mesh @ turn.T + (IMAGE / 2, -IMAGE / 2, 0)).astype(np.float32)


def signed_areas(points):
    corners = points[LAYOUT.triangles]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def between_lips(values):
    inside = (LAYOUT.triangle >= LAYOUT.mouth_start) & (LAYOUT.triangle < LAYOUT.eyes_start)
    return values.ravel()[LAYOUT.texels[inside]]


def smooth_picture(seed=0):
    noise = np.random.default_rng(seed).normal(size=(IMAGE, IMAGE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 5)
    return np.clip(128 + 40 * soft / soft.std(), 0, 255).astype(np.uint8)


def test_layout_is_one_sheet_of_the_898_triangles():
    assert LAYOUT.triangles.shape == (898, 3)
    assert (signed_areas(LAYOUT.uv) > 0).all()
    edges = np.sort(LAYOUT.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 1).sum() == len(FACE.landmarks["face_oval"])
    assert count.max() == 2


def test_layout_opens_the_mouth_and_keeps_lips_symmetry_and_the_rest():
    assert LAYOUT.uv[13, 1] - LAYOUT.uv[14, 1] == pytest.approx(OPENING, abs=0.005)
    for outer, inner in ((0, 13), (17, 14)):
        height = abs(LAYOUT.uv[outer, 1] - LAYOUT.uv[inner, 1])
        assert height == pytest.approx(abs(FACE.uv[outer, 1] - FACE.uv[inner, 1]), rel=0.05)
    mirrored = LAYOUT.uv * (-1, 1) + (1, 0)
    assert np.abs(mirrored[:, None] - LAYOUT.uv[None]).sum(axis=-1).min(axis=1).max() < 1e-4
    held = np.concatenate([FACE.landmarks["face_oval"], FACE.landmarks["nose"]])
    assert np.abs(LAYOUT.uv - FACE.uv)[held].max() < 1e-3


def test_interpolation_at_texels_is_exact_for_what_is_linear_in_uv():
    u, v = LAYOUT.interpolate(LAYOUT.uv)
    rows, columns = np.divmod(LAYOUT.texels, 256)
    assert np.abs(u * 256 - 0.5 - columns).max() < 1e-3
    assert np.abs((1 - v) * 256 - 0.5 - rows).max() < 1e-3


@pytest.mark.parametrize("size", [64, 128, 512])
def test_layout_covers_the_same_share_at_every_size(size):
    assert len(atlas_layout(size).texels) / size**2 == pytest.approx(len(LAYOUT.texels) / 256**2, abs=0.01)


def test_nearest_triangle_wins_whatever_the_order():
    points = np.array([[0, 0], [8, 0], [0, 8], [1, 1], [7, 1], [1, 7]], np.float32)
    nearness = np.array([0, 0, 0, 1, 1, 1], np.float32)
    for triangles in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        covered = rasterise(points, np.array(triangles, np.int32), (9, 9), nearness).triangle
        assert triangles[covered[2, 2]] == [3, 4, 5]
        assert triangles[covered[0, 0]] == [0, 1, 2]
        assert covered[8, 8] == -1


@pytest.mark.parametrize(("yaw", "floor_db"), [(0, 38), (20, 38)])
def test_rendering_what_was_unwrapped_gives_the_picture_back(yaw, floor_db):
    mesh, picture = camera_mesh(yaw, jaw=0.4), smooth_picture()
    atlas = unwrap(LAYOUT, picture, mesh)
    truth = picture.astype(np.float32) / 255
    drawn = render(LAYOUT, atlas.rgb, mesh, np.full_like(truth, -1))
    sight = render(LAYOUT, np.repeat(atlas.visibility[..., None], 3, -1), mesh, np.zeros_like(truth))[..., 0]
    seen = sight > 0.9
    assert seen.sum() > 0.5 * (drawn[..., 0] >= 0).sum()
    assert -10 * np.log10(np.mean((drawn - truth)[seen] ** 2)) > floor_db


def test_unwrapping_does_not_alias_a_large_picture():
    """A chequerboard finer than a texel becomes grey instead of a moiré."""
    rows, columns = np.indices((2048, 2048))
    fine = np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[..., None], 3, axis=-1)
    mesh = camera_mesh() * np.float32(4)
    inside = skin_mask(256) > 0
    assert unwrap(LAYOUT, fine, mesh).rgb[inside].std() < 0.12


def test_turned_away_and_hidden_texels_are_not_seen():
    side = unwrap(LAYOUT, smooth_picture(), camera_mesh(35)).visibility
    right, left = side[:, :60].sum(), side[:, -60:].sum()
    assert max(right, left) > 10 * min(right, left)
    front = unwrap(LAYOUT, smooth_picture(), camera_mesh(0)).visibility
    assert front[60:110, 110:146].min() > 0.8
    assert np.abs(front - front[:, ::-1]).mean() < 0.01


def test_far_side_of_the_nose_is_hidden_before_it_turns_away():
    yaw = 40
    mesh = camera_mesh(yaw)
    hidden = unwrap(LAYOUT, smooth_picture(), mesh).visibility < 0.05
    beside_nose = np.zeros_like(hidden)
    beside_nose[110:155, 95:161] = True
    left, right = (hidden & beside_nose)[:, :128].sum(), (hidden & beside_nose)[:, 128:].sum()
    assert max(left, right) > 150 > 5 * min(left, right)


def test_inside_of_the_mouth_shows_only_when_open():
    closed = unwrap(LAYOUT, smooth_picture(), camera_mesh(jaw=0.0)).visibility
    opened = unwrap(LAYOUT, smooth_picture(), camera_mesh(jaw=0.7)).visibility
    assert between_lips(closed).max() == 0
    assert np.median(between_lips(opened)) > 0.95


def test_teeth_land_between_the_lips():
    mesh = camera_mesh(jaw=0.7)
    loop = np.concatenate([FACE.landmarks["lip_inner_upper"], FACE.landmarks["lip_inner_lower"][::-1]])
    picture = np.zeros((IMAGE, IMAGE, 3), np.uint8)
    cv2.fillPoly(picture, [np.round(mesh[loop, :2] * (1, -1) - 0.5).astype(np.int32)], (255, 255, 255))
    atlas = unwrap(LAYOUT, picture, mesh).rgb[..., 0]
    assert between_lips(atlas).mean() > 0.9
    assert atlas[region(LAYOUT, "mouth") == 0].max() == 0


def test_face_outside_the_picture_is_not_seen():
    mesh = camera_mesh() + np.array([IMAGE / 2, 0, 0], np.float32)
    sight = unwrap(LAYOUT, smooth_picture(), mesh).visibility
    assert sight[:, 140:].max() == 0 < sight[:, :120].max()


def test_canonical_picture_moves_into_the_layout():
    rows, columns = np.indices((256, 256))
    ramp = np.stack([columns, rows], axis=-1).astype(np.float32) / 255
    moved = LAYOUT.from_canonical(ramp)
    x, y = np.round(LAYOUT.uv_px()[17]).astype(int)
    assert moved[y, x] == pytest.approx([FACE.uv[17, 0], 1 - FACE.uv[17, 1]], abs=0.012)


def test_skin_mask_leaves_out_every_region():
    mask = skin_mask(256)
    assert 0.35 < mask.mean() < 0.55
    for name in REGIONS:
        assert (mask * region(LAYOUT, name)).max() == 0
    assert between_lips(mask).max() == 0


def test_frame_without_a_face_is_told():
    with pytest.raises(LipSyncError, match="without a face"):
        unwrap(LAYOUT, smooth_picture(), np.full((478, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="16 to 4096"):
        atlas_layout(8)
