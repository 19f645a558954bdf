# SPDX-License-Identifier: GPL-3.0-or-later
"""Light normalisation: what goes out comes back, any smooth coloured light goes, the mouth stays as it is."""

import numpy as np
import pytest

from backend.core.errors import LipSyncError
from backend.normalise.atlas import Atlas
from backend.normalise.layout import atlas_layout
from backend.normalise.light_field import EPS, GRID
from backend.normalise.lighting import LightSettings, gain_field, light_reference, normalise, relight
from backend.normalise.masks import region, skin_mask
from benchmarks.light_sequences import lit_sequence
from benchmarks.lighting import score

SIZE = 128
LAYOUT = atlas_layout(SIZE)
FACE = LAYOUT.picture(np.ones(len(LAYOUT.texels), np.float32))
SKIN = skin_mask(SIZE) > 0
SEED = 201
"""Neither tuned on nor among the benchmark's."""


@pytest.fixture(scope="module")
def sequence():
    return lit_sequence(SEED, count=12, size=SIZE)


def plain_face(colour=(0.6, 0.45, 0.38)):
    rows, columns = np.indices((SIZE, SIZE))
    texture = 1 + 0.05 * np.sin(columns * 1.1) * np.sin(rows * 0.9)
    return (np.array(colour) * texture[..., None]).astype(np.float32)


def lit(picture, gain_log):
    return Atlas(((picture + EPS) * np.exp(gain_log) - EPS).astype(np.float32), FACE)


def slope(amount, colour=(0.0, 0.0, 0.0)):
    """Log gain [S, S, 3] that falls from left to right, and a cast."""
    across = np.linspace(-amount, amount, SIZE)[None, :, None]
    return across + np.array(colour) + np.zeros((SIZE, 1, 1))


def test_normalising_then_relighting_gives_the_atlas_back(sequence):
    reference = light_reference(sequence.frames[:4])
    for frame in sequence.frames:
        gain = gain_field(frame, reference)
        assert gain.shape == (GRID, GRID, 3)
        assert np.abs(relight(normalise(frame.rgb, gain), gain) - frame.rgb).max() < 1e-5


def test_reference_frame_keeps_its_gain_of_the_spatial_step(sequence):
    reference = light_reference(sequence.frames[:1])
    assert np.abs(gain_field(sequence.frames[0], reference) - reference.gain).max() < 1e-4


def test_smooth_coloured_light_goes():
    face = plain_face()
    reference = light_reference([lit(face, slope(0.0))])
    told = normalise(face, reference.gain)
    casts = {(0.2, 0.0, -0.3): 0.3, (0.0, 0.1, 0.2): -0.4, (0.3, 0.3, 0.3): 0.0}
    for colour, amount in casts.items():
        frame = lit(face, slope(amount, colour))
        back = normalise(frame.rgb, gain_field(frame, reference))
        assert np.abs(np.log(back + EPS) - np.log(told + EPS))[SKIN].mean() < 0.01


def test_spatial_step_makes_a_lit_side_like_the_other():
    frame = lit(plain_face(), slope(0.35))
    even = normalise(frame.rgb, light_reference([frame]).gain)
    logs = np.log(even + EPS)
    both = SKIN & SKIN[:, ::-1]
    assert np.abs(logs[both].mean() - logs[:, ::-1][both].mean()) < 1e-3
    side = np.indices((SIZE, SIZE))[1] < SIZE // 2
    assert abs(logs[both & side].mean() - logs[both & ~side].mean()) < 0.02
    raw = np.log(frame.rgb + EPS)
    assert abs(raw[both & side].mean() - raw[both & ~side].mean()) > 0.2


def test_mouth_does_not_move_the_light():
    """Teeth or a dark throat in the masked mouth leave the gain as it is; without the mask they do not."""
    face, mouth = plain_face(), region(LAYOUT, "mouth")[..., None]
    dark, bright = (Atlas(face * (1 - mouth) + level * mouth, FACE) for level in (0.05, 0.95))
    for masked in (True, False):
        reference = light_reference([lit(face, slope(0.0))], LightSettings(mask=masked))
        apart = np.abs(gain_field(dark, reference) - gain_field(bright, reference)).max()
        assert apart < 1e-5 if masked else apart > 1.0


def test_hidden_texels_do_not_move_the_light():
    face = lit(plain_face(), slope(0.0))
    sight = FACE.copy()
    sight[:, : SIZE // 3] = 0
    junk = np.where(sight[..., None] > 0, face.rgb, 1.0).astype(np.float32)
    reference = light_reference([face])
    turned, spoilt = gain_field(Atlas(face.rgb, sight), reference), gain_field(Atlas(junk, sight), reference)
    assert np.abs(turned - spoilt).max() < 1e-5
    assert np.abs(spoilt - gain_field(face, reference)).max() < 0.25


def test_mole_on_one_side_stays():
    face = plain_face()
    row, column = round(0.62 * SIZE), round(0.25 * SIZE)
    assert SKIN[row, column]
    face[row - 2 : row + 3, column - 2 : column + 3] *= 0.5
    frame = lit(face, slope(0.0))
    even = np.log(normalise(frame.rgb, light_reference([frame]).gain) + EPS)
    assert (even[row, SIZE - 1 - column] - even[row, column]).mean() > 0.8 * np.log(2)


def test_light_goes_by_the_bounds_and_each_step_is_needed(sequence):
    raw, done = score(sequence, None), score(sequence, LightSettings())
    assert raw.temporal_std > 7 * done.temporal_std  # at 256 texels tenfold: here a cell has fewer texels
    assert raw.asymmetry > 5 * done.asymmetry
    assert raw.mouth_error > 2 * done.mouth_error
    assert done.relight_db > 30
    assert score(sequence, LightSettings(symmetry=False)).asymmetry > 2 * done.asymmetry
    assert score(sequence, LightSettings(mask=False)).mouth_error > 1.5 * done.mouth_error
    assert score(sequence, LightSettings(temporal=False)).temporal_std > 0.9 * raw.temporal_std


def test_frame_with_no_skin_in_sight_gets_the_gain_of_the_spatial_step(sequence):
    reference = light_reference(sequence.frames[:2])
    gain = gain_field(Atlas(sequence.frames[0].rgb, np.zeros_like(FACE)), reference)
    assert np.array_equal(gain, reference.gain)
    with pytest.raises(LipSyncError, match="face the camera"):
        light_reference([Atlas(sequence.frames[0].rgb, np.zeros_like(FACE))])
