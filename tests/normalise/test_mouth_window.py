# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from backend.normalise.layout import atlas_layout
from backend.normalise.masks import region
from backend.normalise.mouth_window import MULTIPLE, mouth_window


@pytest.mark.parametrize("size", [64, 128, 256])
def test_the_window_holds_the_mouth_and_fades_to_nothing_at_its_border(size):
    window = mouth_window(size)
    mouth = region(atlas_layout(size), "mouth")
    assert (window.height % MULTIPLE, window.width % MULTIPLE) == (0, 0)
    assert mouth[window.rows, window.columns].sum() == mouth.sum()
    assert np.array_equal(window.mouth, mouth[window.rows, window.columns])
    assert (window.blend[window.mouth > 0] == 1).all()
    for border in (window.blend[0], window.blend[-1], window.blend[:, 0], window.blend[:, -1]):
        assert border.max() == 0
    assert np.abs(np.diff(window.blend, axis=0)).max() <= 1 / (0.03 * size) + 0.3


def test_the_window_lies_in_the_lower_half_at_the_usual_size():
    window = mouth_window(256)
    assert window.row >= 128
    assert (window.row, window.column, window.height, window.width) == (141, 80, 80, 96)


def test_an_atlas_too_small_for_a_mouth_is_refused():
    with pytest.raises(ValueError, match="at least 64"):
        mouth_window(32)


def test_the_soft_edge_is_the_same_to_the_bit_wherever_it_is_made():
    blends = []
    for spare in range(8):
        kept = np.empty(1000 + 37 * spare)  # noqa: F841 - moves what is made next in memory
        blends.append(mouth_window.__wrapped__(256).blend)
    assert all(np.array_equal(blends[0], other) for other in blends[1:])
