# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame with another face in it: nothing changes beyond the mask, and next to nothing where nothing is new."""

from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")

from backend.core.face import canonical_face, lip_gap_cm
from backend.dubbing.blend import blended
from backend.dubbing.face_swap import FaceSwap, SwapSettings
from backend.dubbing.jaw_warp import Box, bend_field, bent
from backend.dubbing.region import dub_region, moving_share
from backend.normalise.atlas import Atlas, image_places, unwrap
from backend.normalise.layout import atlas_layout
from backend.normalise.lighting import LightReference, gain_field, light_reference, normalise
from backend.normalise.masks import region
from backend.normalise.pose import HeadPose, fit_head_pose
from tests.videos import speaker_frames

SIZE = 128
FIRST, OTHER = 2, 12


@dataclass(frozen=True)
class Known:
    """The demo speaker with everything known."""

    frames: list
    landmarks: np.ndarray
    pose: HeadPose
    mesh_cm: np.ndarray
    atlases: list[Atlas]
    light: LightReference

    def look(self, index):
        """The atlas of a frame as a bundle would predict it: light taken out."""
        atlas = self.atlases[index]
        out = normalise(atlas.rgb, gain_field(atlas, self.light))
        return (np.clip(out, 0, 1) * 255 + 0.5).astype(np.uint8)

    def swapped(self, index, look, settings=None, frame=None):
        """A frame with the mesh and atlas of another."""
        swap = FaceSwap(self.light, settings)
        at = self.pose.at(np.array([index]))
        rgb = self.frames[index] if frame is None else frame
        return swap.swap(rgb, self.landmarks[index], at, self.mesh_cm[look], self.look(look))


@pytest.fixture(scope="module")
def known():
    frames, clip = speaker_frames()
    landmarks = clip.truth.landmarks
    pose = fit_head_pose(landmarks, clip.truth.times_s)
    atlases = [unwrap(atlas_layout(SIZE), frame, points) for frame, points in zip(frames, landmarks, strict=True)]
    light = light_reference(atlases[:3])
    return Known(frames, landmarks, pose, pose.canonical(landmarks), atlases, light)


def difference(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max(axis=-1)


@pytest.mark.parametrize("look", [FIRST, OTHER])
@pytest.mark.parametrize("settings", [SwapSettings(), SwapSettings(jaw=False), SwapSettings(light=False)])
def test_nothing_changes_beyond_the_mask(known, look, settings):
    made = known.swapped(FIRST, look, settings)
    assert difference(made.rgb, known.frames[FIRST])[~made.touched].max() == 0
    assert 0.005 < made.touched.mean() < 0.3


def test_a_face_put_back_into_its_own_frame_is_that_frame(known):
    made = known.swapped(FIRST, FIRST)
    changed = difference(made.rgb, known.frames[FIRST])[made.touched]
    assert changed.mean() < 6
    assert np.mean(changed > 30) < 0.05, "teeth, which a small atlas blurs"


def test_another_face_is_seen(known):
    gaps = lip_gap_cm(known.mesh_cm)
    look = int(np.argmax(np.abs(gaps - gaps[FIRST])))
    made, same = known.swapped(FIRST, look), known.swapped(FIRST, FIRST)
    assert difference(made.rgb, same.rgb)[same.touched].mean() > 4


def test_the_light_of_the_frame_is_the_light_of_the_face(known):
    dark = (known.frames[FIRST] * np.float32([0.5, 0.45, 0.35])).astype(np.uint8)
    good = difference(known.swapped(FIRST, FIRST, frame=dark).rgb, dark)
    bad = difference(known.swapped(FIRST, FIRST, SwapSettings(light=False), dark).rgb, dark)
    touched = known.swapped(FIRST, FIRST, SwapSettings(jaw=False)).touched
    assert good[touched].mean() < 6
    assert bad[touched].mean() > 20


def test_light_is_remembered_until_it_is_forgotten(known):
    dark = (known.frames[FIRST] * np.float32(0.5)).astype(np.uint8)
    at = known.pose.at(np.array([FIRST]))
    given = (dark, known.landmarks[FIRST], at, known.mesh_cm[FIRST], known.look(FIRST))
    swap = FaceSwap(known.light)
    swap.swap(known.frames[FIRST], *given[1:])
    after_light = swap.swap(*given).rgb
    swap.forget()
    assert np.array_equal(swap.swap(*given).rgb, FaceSwap(known.light).swap(*given).rgb)
    assert after_light.mean() > swap.swap(*given).rgb.mean()


def test_tiny_faces_stay_as_they_are(known):
    at = known.pose.at(np.array([FIRST]))
    tiny = known.landmarks[FIRST] * np.float32(0.02)
    made = FaceSwap(known.light).swap(known.frames[FIRST], tiny, at, known.mesh_cm[FIRST], known.look(FIRST))
    assert np.array_equal(made.rgb, known.frames[FIRST])
    assert not made.touched.any()


@pytest.mark.parametrize("rows", [130, 175, 201])
def test_a_face_that_leaves_the_picture_is_dubbed_as_far_as_it_is_seen(known, rows):
    whole, cut = known.swapped(FIRST, OTHER), known.swapped(FIRST, OTHER, frame=known.frames[FIRST][:rows])
    assert cut.rgb.shape == (rows, 256, 3)
    assert difference(cut.rgb, known.frames[FIRST][:rows])[~cut.touched].max() == 0
    assert np.mean(cut.touched == whole.touched[:rows]) > 0.97


def test_lips_and_chin_go_all_the_way_and_the_upper_face_stays():
    share, landmarks = moving_share(), canonical_face().landmarks
    assert (share[landmarks["lip_inner_lower"]] == 1).all()
    assert (share[landmarks["chin"], 1] == 1).all()
    assert (share[landmarks["face_oval"]][:, [0, 2]] == 0).all(), "the outline goes up and down alone"
    for name in ("nose", "eye_upper_left", "eye_lower_right", "brow_left"):
        assert (share[landmarks[name]] == 0).all()
    assert (share[[234, 454, 10, 93, 323]] == 0).all(), "ears and forehead"
    assert ((share >= 0) & (share <= 1)).all()
    assert dub_region(SIZE).cover[region(atlas_layout(SIZE), "mouth") > 0].min() == 1


def test_the_picture_follows_the_jaw_and_stays_put_away_from_it(known):
    old = image_places(known.landmarks[FIRST][:468].astype(np.float32))
    new = old + np.float32([0, 6]) * moving_share()[:, 1:2]
    box, height_px = Box(0, 0, 256, 256), float(np.ptp(old[:, 1]))
    triangles = atlas_layout(SIZE).triangles
    field = bend_field(old, new, triangles, box, height_px)
    chin = np.round(new[152]).astype(int)
    assert field[chin[1] - 3, chin[0], 1] == pytest.approx(-6, abs=1.0)
    assert np.abs(field[: int(old[[33, 263], 1].min())]).max() < 1e-4, "above the eyes"
    assert np.abs(field[min(255, chin[1] + round(0.3 * height_px))]).max() == 0
    assert np.abs(bend_field(old, old, triangles, box, height_px)).max() == 0
    picture = known.frames[FIRST]
    piece, moved = bent(picture, np.zeros_like(field), box)
    assert np.array_equal(piece, picture)
    assert not moved.any()


def test_blending_keeps_what_is_not_covered_and_shows_what_is():
    rng = np.random.default_rng(5)
    back = rng.uniform(0, 255, (70, 91, 3)).astype(np.float32)
    front = np.full_like(back, 90)
    cover = np.zeros((70, 91), np.float32)
    cover[20:50, 30:60] = 1
    mixed = blended(front, back, cover)
    assert np.array_equal(mixed[cover == 0], back[cover == 0])
    assert np.abs(blended(back, back, cover) - back).max() < 1e-3
    assert np.abs(blended(front, back, np.ones_like(cover)) - front).max() < 1e-3
