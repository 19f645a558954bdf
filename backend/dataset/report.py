# SPDX-License-Identifier: GPL-3.0-or-later
"""`report.html`: what became of the videos, in one page with pictures that needs no other file.

Landmarks over frames, meshes before and after the pose is taken out, atlases before and after the light is, curves, and
how many frames were left out and why. All is read back from the shards: the page shows what training will see.
"""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.face import lip_gap_cm
from ..core.files import written_beside
from ..normalise.camera import Camera
from ..normalise.lighting import relight
from ..normalise.pose import HeadPose
from ..normalise.rigid import STABLE_POINTS
from ..tracking.quality import Status
from ..tracking.video import frames, read_info
from .figures import Curve, faces, image, plot, with_landmarks
from .manifest import read_manifest
from .shards import Shard, read_shard
from .sources import find_videos

REPORT = "report.html"
CLIPS_SHOWN = 4
"""Clips with pictures, spread over all; the counts are of all."""
FRAMES_SHOWN = 4
LEFT_OUT_SHOWN = 4
MESHES_SHOWN = 16
FRAME_PX, ATLAS_PX = 300, 220
STYLE = (
    "body{font:15px/1.4 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}"
    "figure{display:inline-block;margin:4px 6px 4px 0;vertical-align:top}figcaption{font-size:12px;color:#555}"
    "svg{background:#fff}svg text{font:10px sans-serif;fill:#555}table{border-collapse:collapse}"
    "td,th{padding:2px 12px 2px 0;text-align:left}td.n{text-align:right}h2{border-top:1px solid #ccc;padding-top:.6em}"
)

Doubles = NDArray[np.float64]
Pictures = dict[int, NDArray[np.uint8]]
"""Frame of the clip: picture [H, W, 3]."""


def write_report(folder: Path, videos: Sequence[Path] = ()) -> Path:
    """Write `report.html` into a folder of prepared training data.

    Args:
        folder: what `prepare` made.
        videos: the video files, or folders of them, that it was made of; without them the page has no video frames.

    Returns:
        The page's path.

    Raises:
        VideoError: no prepared data in the folder, or a video that cannot be read any more.
        OutputError: the folder cannot be written to.
    """
    manifest = read_manifest(folder)
    clips: list[dict[str, Any]] = manifest["clips"]
    usable = [clip for clip in clips if clip["frames"].get("ok", 0)]
    chosen = [usable[index] for index in _spread(len(usable), CLIPS_SHOWN)]
    known = {path.name: path for path in find_videos(videos)} if videos else {}
    sections = [_clip_section(folder, clip, known.get(clip["source"])) for clip in chosen]
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Training data</title><style>{STYLE}</style>'
        f"<h1>Training data</h1>{_counts(manifest)}{''.join(sections)}</html>\n"
    )
    target = folder / REPORT
    with written_beside(target) as beside:
        beside.write_text(page, encoding="utf-8")
    return target


def _counts(manifest: dict[str, Any]) -> str:
    """Return the tables of frames by what became of them, clips by side, and refused files."""
    counts: dict[str, int] = manifest["frames"]
    total = max(sum(counts.values()), 1)
    names = {"ok": "kept"}
    rows = "".join(
        f"<tr><td>{html.escape(names.get(name, 'left out: ' + name.replace('_', ' ')))}</td>"
        f'<td class="n">{count}</td><td class="n">{count / total:.2%}</td></tr>'
        for name, count in counts.items()
    )
    sides = [clip["split"] for clip in manifest["clips"]]
    refused = "".join(
        f"<li>{html.escape(entry['path'])}: {html.escape(entry['reason'])}</li>" for entry in manifest["refused"]
    )
    return (
        f"<p>{len(sides)} clips: {sides.count('train')} to train on, {sides.count('validate')} to validate on.</p>"
        f"<table><tr><th>frames</th><th>count</th><th>share</th></tr>{rows}</table>"
        + (f"<p>Files that could not be used:</p><ul>{refused}</ul>" if refused else "")
    )


def _clip_section(folder: Path, clip: dict[str, Any], video: Path | None) -> str:
    shard = read_shard(folder / clip["shard"])
    shown = _spread(len(shard.times_s), FRAMES_SHOWN)
    mesh = (shard.neutral_cm + shard.displacement_cm).astype(np.float64)
    camera_points = head_pose(shard).camera(mesh)
    left_out = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in clip["frames"].items() if count and name != "ok"
    )
    heading = (
        f"<h2>{html.escape(clip['source'])}, from {clip['start_s']:g} s</h2>"
        f"<p>{len(shard.times_s)} of {len(shard.frame_status)} frames kept"
        f"{f'; left out: {html.escape(left_out)}' if left_out else ''}; {clip['split']}.</p>"
    )
    seen = _frame_figures(shard, clip, video, camera_points, shown) if video else ""
    meshes = _mesh_figures(mesh, camera_points, float(shard.pose_scale.mean()))
    return heading + seen + meshes + _atlas_figures(shard, shown) + _curves(shard, mesh)


def head_pose(shard: Shard) -> HeadPose:
    """Return the head pose that a shard stores."""
    x, y, focal, depth = (float(value) for value in shard.lens)
    return HeadPose(shard.pose_scale, shard.pose_rotation, shard.pose_translation, Camera((x, y), focal, depth))


def _frame_figures(
    shard: Shard, clip: dict[str, Any], video: Path, camera_points: Doubles, shown: Sequence[int]
) -> str:
    """Return kept frames under their landmarks (out of the shard and back through the pose), and frames left out."""
    refused = np.flatnonzero(shard.frame_status != Status.OK)
    refused = refused[_spread(len(refused), LEFT_OUT_SHOWN)]
    wanted = {int(shard.frame_index[row]) for row in shown} | {int(index) for index in refused}
    pictures = _pictures(video, float(clip["start_s"]), wanted)
    kept = [
        image(
            with_landmarks(pictures[index], camera_points[row, :, :2] * (1, -1), FRAME_PX),
            f"{shard.times_s[row]:.2f} s",
        )
        for row in shown
        if (index := int(shard.frame_index[row])) in pictures
    ]
    out = [
        image(_fitted(pictures[int(index)], FRAME_PX // 2), Status(int(shard.frame_status[index])).name.lower())
        for index in refused
        if int(index) in pictures
    ]
    return f"<h3>Landmarks over frames</h3>{''.join(kept)}" + (f"<h3>Left out</h3>{''.join(out)}" if out else "")


def _pictures(video: Path, start_s: float, wanted: set[int]) -> Pictures:
    found: Pictures = {}
    for number, frame in enumerate(frames(read_info(video), start_s)):
        if number in wanted:
            found[number] = frame.rgb
        if len(found) == len(wanted):
            break
    return found


def _fitted(rgb: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    if rgb.shape[0] <= height:
        return rgb
    width = max(1, round(rgb.shape[1] * height / rgb.shape[0]))
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _mesh_figures(mesh: Doubles, camera_points: Doubles, scale: float) -> str:
    """Return both drawings, and what wanders; `scale` is in cm per px."""
    rows = _spread(len(mesh), MESHES_SHOWN)
    before = faces([camera_points[row] for row in rows], f"{len(rows)} frames as filmed")
    after = faces([mesh[row] for row in rows], "the same, pose taken out")
    still = [10 * _wandering_cm(points[:, STABLE_POINTS]) for points in (camera_points * scale, mesh)]
    said = f"<p>The still points of the upper face wander {still[0]:.1f} mm before, {still[1]:.2f} mm after.</p>"
    return f"<h3>Mesh before and after the pose is taken out</h3>{before}{after}{said}"


def _wandering_cm(points: Doubles) -> float:
    """Return the root mean square distance of points [T, N, 3] from their own mean over time."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=-1).mean()))


def _atlas_figures(shard: Shard, shown: Sequence[int]) -> str:
    before: list[str] = []
    after: list[str] = []
    for row in shown:
        normal = shard.atlas[row].astype(np.float32) / 255
        lit = relight(normal, shard.gain[row].astype(np.float32))
        before.append(image(_small(lit), f"{shard.times_s[row]:.2f} s"))
        after.append(image(_small(normal)))
    return (
        f"<h3>Atlas before and after the light is taken out</h3><div>{''.join(before)}</div><div>{''.join(after)}</div>"
    )


def _small(atlas: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return _fitted((np.clip(atlas, 0, 1) * 255 + 0.5).astype(np.uint8), ATLAS_PX)


def _curves(shard: Shard, mesh: Doubles) -> str:
    """Return lip opening, head angles and loudness over the clip's time."""
    times = shard.times_s
    gap_mm = 10 * lip_gap_cm(mesh)
    turn = shard.pose_rotation.swapaxes(1, 2)
    angles = {
        "yaw": np.arctan2(turn[:, 0, 2], turn[:, 2, 2]),
        "pitch": np.arcsin(np.clip(-turn[:, 1, 2], -1, 1)),
        "roll": np.arctan2(turn[:, 1, 0], turn[:, 1, 1]),
    }
    loud_s = shard.sound_start_s[0] + np.arange(len(shard.log_mel)) / 100
    loud = shard.log_mel.mean(axis=1) if len(shard.log_mel) else np.zeros(0, np.float32)
    return "<h3>Curves</h3>" + "<br>".join(
        [
            plot("Lip opening", "mm", [Curve("inner lips", times, gap_mm)]),
            plot("Head", "degrees", [Curve(name, times, np.degrees(angle)) for name, angle in angles.items()]),
            plot("Sound", "mean log mel", [Curve("loudness", loud_s, loud)]),
        ]
    )


def _spread(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` indices, evenly spread, ends included."""
    return sorted({round(float(index)) for index in np.linspace(0, count - 1, min(count, most))}) if count else []
