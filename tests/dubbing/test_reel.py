# SPDX-License-Identifier: GPL-3.0-or-later
"""A video's frames in any order are the very frames that are read in order."""

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")

from backend.dubbing import reel
from backend.tracking.video import frames, read_info
from tests.videos import write_video

COUNT = 30


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    pictures = [np.full((48, 64, 3), 8 * index, np.uint8) for index in range(COUNT)]
    path = write_video(tmp_path_factory.mktemp("reel") / "grey.mp4", pictures, np.arange(COUNT) / 25, gop=7)
    info = read_info(path)
    read = list(frames(info))
    return info, np.array([frame.time_s for frame in read]), [frame.rgb for frame in read]


@pytest.mark.parametrize("held", [1, 3, 1000])
def test_backwards_forwards_and_standing(video, monkeypatch, held):
    info, times, pictures = video
    monkeypatch.setattr(reel, "PIECE_BYTES", held * info.width * info.height * 3)
    order = np.concatenate([np.arange(30), np.arange(28, 3, -1), np.arange(5, 12), [11, 11, 10, 9]])
    shown = list(reel.shown(info, times, order))
    assert len(shown) == len(order)
    for index, picture in zip(order, shown, strict=True):
        assert np.array_equal(picture, pictures[index])
