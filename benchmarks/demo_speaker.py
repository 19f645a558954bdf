# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the tracker finds a demo speaker whose truth is known.

`python -m benchmarks.demo_speaker` films seeds that nothing was tuned on, tracks the videos, takes the pose out, and
compares with the truth:

- found: frames that the tracker keeps, and frames the renderer makes in a second of one core;
- lips r: correlation of the inner-lip opening (vertical, pose taken out) with the truth;
- yaw, pitch, roll r: correlation of the head's angles with the truth;
- rotation: mean angle in degrees between found and true rotation, as it is, and with the clip's constant offset (the
  speaker's own build, to which any template is blind) taken out.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from backend.core.face import lip_gap_cm
from backend.dataset.demo_speaker import DemoSettings, Truth, demo_clip, film
from backend.normalise.camera import fit_camera
from backend.normalise.pose import fit_head_pose
from backend.tracking.landmarks import FaceTracker

from .figure import Figure

FIRST_UNTUNED = 20
"""Seeds from here on were never looked at while the speaker and the trackers were made."""
MEASURED = (401, 402, 403)
"""Speakers of `python -m benchmarks pose`."""


@dataclass(frozen=True)
class Score:
    """One clip."""

    found: float
    render_fps: float
    lips_r: float
    angles_r: NDArray[np.float64]
    rotation_deg: float
    centred_deg: float


def angles_of(rotation: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return yaw, pitch, roll [T, 3] of rotations [T, 3, 3] = Ry Rx Rz."""
    yaw = np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = np.arcsin(np.clip(-rotation[:, 1, 2], -1, 1))
    return np.stack([yaw, pitch, np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])], axis=1)


def angle_between_deg(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the angle [T] between rotations [T, 3, 3]."""
    trace = np.einsum("tij,tij->t", one, other)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def mean_rotation(rotations: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rotation [3, 3] nearest to the mean of rotations [T, 3, 3]."""
    left, _, right = np.linalg.svd(rotations.mean(axis=0))
    return left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right


def score(settings: DemoSettings, folder: Path) -> Score:
    """Film, track and compare one clip."""
    video = folder / f"speaker-{settings.seed}.mp4"
    clip = demo_clip(settings)
    start = time.process_time()
    for index in range(0, len(clip.truth.times_s), 10):
        clip.frame(index)
    render_fps = len(range(0, len(clip.truth.times_s), 10)) / (time.process_time() - start)
    film(settings, video)
    return compare(video, clip.truth, render_fps)


def compare(video: Path, truth: Truth, render_fps: float) -> Score:
    """Track a video and compare with its truth."""
    track = FaceTracker().track(video)
    if len(track.times_s) != len(truth.times_s):
        raise SystemExit(f"{video}: {len(track.times_s)} frames instead of {len(truth.times_s)}")
    camera = fit_camera(track.landmarks, track.width, track.height)
    pose = fit_head_pose(track.landmarks, track.times_s, lens=camera)
    kept = track.kept
    gap = lip_gap_cm(pose.canonical(track.landmarks)[:, :468])[kept]
    true_gap = lip_gap_cm(truth.neutral_cm + truth.displacement_cm)[kept]
    rotation, true_rotation = pose.rotation[kept].swapaxes(1, 2), truth.rotation[kept]
    found, true = angles_of(rotation), angles_of(true_rotation)
    offset = mean_rotation(true_rotation.swapaxes(1, 2) @ rotation)
    return Score(
        found=len(kept) / len(track.times_s),
        render_fps=render_fps,
        lips_r=float(np.corrcoef(gap, true_gap)[0, 1]),
        angles_r=np.array([np.corrcoef(found[:, axis], true[:, axis])[0, 1] for axis in range(3)]),
        rotation_deg=float(angle_between_deg(rotation, true_rotation).mean()),
        centred_deg=float(angle_between_deg(rotation @ offset.T, true_rotation).mean()),
    )


def measure(folder: Path) -> list[Figure]:
    """Measure the worst of some speakers; videos go to `folder`. Takes minutes."""
    scores = [score(DemoSettings(seed=seed), folder) for seed in MEASURED]
    least = np.min([np.array([one.found, one.lips_r, *one.angles_r]) for one in scores], axis=0)
    named = zip(("face found", "lip opening, r", "yaw, r", "pitch, r", "roll, r"), least, strict=True)
    bounds = (1.0, 0.92, 0.97, 0.97, 0.97)
    rotation = max(one.rotation_deg for one in scores)
    worst = f"worst of {len(MEASURED)} demo speakers"
    return [
        *(
            Figure(f"{name}, {worst}", float(value), "", bound, at_least=True)
            for (name, value), bound in zip(named, bounds, strict=True)
        ),
        Figure(f"rotation off, {worst}", rotation, "degrees", 3.0),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=FIRST_UNTUNED, help="first seed")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    print("seed  found  frames/s  lips r  yaw r  pitch r  roll r  rotation  centred")
    rows: list[NDArray[np.float64]] = []
    with TemporaryDirectory() as folder:
        for seed in range(options.first, options.first + options.seeds):
            result = score(DemoSettings(seed=seed, seconds=options.seconds, size=options.size), Path(folder))
            ends = (result.found, result.render_fps, result.lips_r), (result.rotation_deg, result.centred_deg)
            rows.append(np.concatenate([ends[0], result.angles_r, ends[1]]))
            print(line(str(seed), rows[-1]), flush=True)
    print(line("mean", np.mean(rows, axis=0)))


def line(name: str, row: NDArray[np.float64]) -> str:
    """Return one line of the table."""
    found, fps, lips, yaw, pitch, roll, rotation, centred = row
    angles = f"{yaw:6.3f}  {pitch:6.3f}  {roll:6.3f}"
    return f"{name:>4} {found:6.1%} {fps:9.1f} {lips:7.3f} {angles} {rotation:8.2f}° {centred:7.2f}°"


if __name__ == "__main__":
    main()
