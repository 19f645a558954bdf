# SPDX-License-Identifier: GPL-3.0-or-later
"""The report page: what it counts and shows is what lies in the shards, and it needs no other file."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs lipsync3d[tracking]")
pytest.importorskip("av", reason="needs lipsync3d[tracking]")
pytest.importorskip("safetensors", reason="needs lipsync3d[tracking]")

from backend.core.errors import VideoError  # noqa: E402
from backend.core.face import canonical_face  # noqa: E402
from backend.dataset.figures import Curve, face_lines, faces, image, plot, with_landmarks  # noqa: E402
from backend.dataset.manifest import ClipRecord, write_manifest  # noqa: E402
from backend.dataset.report import head_pose, write_report  # noqa: E402
from backend.dataset.shards import SHARD_VERSION, Shard, write_shard  # noqa: E402
from backend.dataset.sources import Refusal  # noqa: E402
from backend.tracking.quality import Status  # noqa: E402
from tests.videos import write_video  # noqa: E402

FRAMES, SIDE = 12, 64
LOST = (4, 9)


def a_shard():
    """Ten of twelve frames of a face that slides to the right while its mouth opens."""
    kept = np.setdiff1d(np.arange(FRAMES), LOST)
    count = len(kept)
    status = np.zeros(FRAMES, np.uint8)
    status[list(LOST)] = Status.NO_FACE, Status.BLURRED
    displacement = np.zeros((count, 468, 3), np.float32)
    displacement[:, 14, 1] = -0.1 * np.arange(count)
    scale, turn = 0.2, np.eye(3)
    return Shard(
        times_s=kept / 25,
        frame_index=kept.astype(np.int32),
        frame_status=status,
        shot=np.zeros(count, np.int32),
        displacement_cm=displacement,
        neutral_cm=canonical_face().neutral_cm,
        pose_scale=np.full(count, scale),
        pose_rotation=np.tile(turn, (count, 1, 1)),
        pose_translation=np.stack([np.array([-64 - k, 64, 0]) * scale for k in range(count)]),
        lens=np.array([0.0, 0.0, np.inf, 1.0]),
        atlas=np.full((count, SIDE, SIDE, 3), 120, np.uint8),
        visibility=np.full((count, 16, 16), 255, np.uint8),
        gain=np.full((count, 16, 16, 3), np.log(0.5), np.float16),
        samples=np.zeros(16000, np.int16),
        sound_start_s=np.zeros(1),
        log_mel=np.zeros((100, 80), np.float32),
    )


@pytest.fixture
def prepared(tmp_path):
    """A folder of prepared data with one video and one refused file."""
    video = write_video(
        tmp_path / "one <b>.mp4",
        [np.full((128, 128, 3), 20 * index, np.uint8) for index in range(FRAMES)],
        np.arange(FRAMES) / 25,
    )
    folder = tmp_path / "prepared"
    folder.mkdir()
    counts = {"ok": 10, "no_face": 1, "two_faces": 0, "cut": 0, "blurred": 1}
    header = {"version": SHARD_VERSION, "key": "k", "draw": "ffffffff", "source": video.name, "start_s": 0.0}
    write_shard(folder / "one.safetensors", a_shard(), header | {"frames": counts})
    records = [ClipRecord("one.safetensors", header | {"frames": counts})]
    write_manifest(folder, records, [Refusal(tmp_path / "dark.mp4", "no picture & no sound")], {}, 0.1)
    return folder, video


def pictures(page):
    """Decoded JPEGs [H, W, 3] RGB of a page, in order."""
    coded = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [
        cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for code in coded
    ]


def test_page_counts_and_shows(prepared):
    folder, video = prepared
    page = write_report(folder, [video]).read_text(encoding="utf-8")
    assert '<td>kept</td><td class="n">10</td>' in page
    assert '<td>left out: no face</td><td class="n">1</td>' in page
    assert "10 of 12 frames kept; left out: 1 no face, 1 blurred; train" in page
    assert "dark.mp4: no picture &amp; no sound" in page
    assert "one &lt;b&gt;.mp4" in page
    assert "<b>" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page), "nothing outside the page"
    seen = pictures(page)
    assert len(seen) == 4 + 2 + 4 + 4, "kept frames, those left out, atlases before, atlases after"
    for picture, index in zip(seen[4:6], LOST, strict=True):
        assert picture.mean() == pytest.approx(20 * index, abs=4)
    # a gain of a half took half of the light out: before, the atlas was about twice as bright
    assert seen[6].mean() > 1.8 * seen[10].mean()
    assert seen[10].mean() == pytest.approx(120, abs=2)


def test_page_without_videos_has_no_frames(prepared):
    page = write_report(prepared[0]).read_text(encoding="utf-8")
    assert len(pictures(page)) == 8
    assert "Landmarks over frames" not in page


def test_folder_without_data_is_told(tmp_path):
    with pytest.raises(VideoError, match="no prepared training data"):
        write_report(tmp_path)


def test_the_stored_pose_puts_landmarks_back():
    shard = a_shard()
    pose = head_pose(shard)
    mesh = shard.neutral_cm + shard.displacement_cm
    points = pose.camera(mesh)
    assert pose.canonical(points) == pytest.approx(mesh, abs=1e-6)
    nose = canonical_face().neutral_cm[1]
    assert points[3, 1, :2] == pytest.approx([64 + 3 + nose[0] / 0.2, -64 + nose[1] / 0.2], abs=1e-3)


def test_landmarks_are_drawn_where_they_are():
    blank = np.zeros((100, 200, 3), np.uint8)
    points = np.full((468, 2), 150.0)
    points[:, 1] = 50.0
    drawn = with_landmarks(blank, points, 200)
    assert drawn.shape == (200, 400, 3)
    rows, columns = np.nonzero(drawn.any(axis=2))
    assert (rows.mean(), columns.mean()) == pytest.approx((100, 300), abs=1)
    assert not blank.any(), "the frame itself stays clean"


def test_figures_are_whole_drawings_to_scale():
    mesh = canonical_face().neutral_cm
    figure = ElementTree.fromstring(faces([mesh, mesh + np.array([1, 0, 0])], "two & two", size=300))
    paths = figure.findall(".//path")
    assert len(paths) == 2
    numbers = [np.array(re.findall(r"-?[\d.]+", path.get("d")), float).reshape(-1, 2) for path in paths]
    assert sum(len(line) for line in face_lines()) == len(numbers[0])
    assert 0 <= np.concatenate(numbers).min() <= np.concatenate(numbers).max() <= 300
    moved = (numbers[1] - numbers[0]).mean(axis=0)
    assert moved == pytest.approx([284 / np.ptp([mesh[:, 0].min(), mesh[:, 0].max() + 1]), 0], rel=0.1, abs=0.1)


def test_plot_keeps_gaps_and_survives_nothing():
    times = np.arange(6.0)
    figure = ElementTree.fromstring(plot("a", "mm", [Curve("x", times, np.array([0, 1, np.nan, 1, 2, 3.0]))]))
    assert figure.find(".//path").get("d").count("M") == 2
    ElementTree.fromstring(plot("a", "mm", [Curve("x", times[:0], times[:0])]))
    ElementTree.fromstring(plot("a", "mm", [Curve("x", times, np.full(6, 2.0))]))


def test_image_carries_its_picture():
    rgb = np.zeros((16, 32, 3), np.uint8)
    rgb[:, :16] = (250, 20, 20)
    back = pictures(image(rgb, "red"))[0]
    assert back.shape == rgb.shape
    assert back[8, 4] == pytest.approx([250, 20, 20], abs=12)
