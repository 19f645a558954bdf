# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracking and pose against the demo speaker's truth: `python -m benchmarks.pose [--seeds 201-205] [--seconds 8]`.

Films each seed as video, tracks it as any video, and prints how well head pose and lip opening are told, with and
without the lens; then holds the mouth still, turns the head 20 degrees either way, and prints how far it wanders.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from numpy.typing import NDArray

from backend.core.face import lip_gap_cm
from backend.dataset.demo_speaker import DemoClip, DemoSettings, demo_clip
from backend.dataset.demo_speaker.camera import rotation
from backend.normalise.camera import Camera, fit_camera
from backend.normalise.pose import HeadPose, fit_head_pose
from backend.normalise.rigid import rotation_vectors, yaw_pitch_roll_deg
from backend.tracking.landmarks import FaceTracker, Track

MOUTH = (61, 291, 13, 14, 0, 17, 82, 87, 312, 317)
TURN_RAD, TURN_HZ = np.radians(20.0), 0.3
NECK_CM = np.array([0.0, -4.0, -8.0])

Doubles = NDArray[np.float64]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="201-205", help="first-last")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--still", type=int, default=3, help="of the seeds, how many to measure with a still mouth")
    options = parser.parse_args()
    first, last = (int(seed) for seed in options.seeds.split("-"))
    pairs: list[tuple[Doubles, Doubles]] = []
    for seed in range(first, last + 1):
        clip = demo_clip(DemoSettings(seed=seed, seconds=options.seconds))
        pairs.append(_talking(clip, _tracked(clip)))
    found, true = (np.concatenate(values) for values in zip(*pairs, strict=True))
    print("all seeds: r yaw pitch roll", " ".join(f"{_r(found[:, axis], true[:, axis]):.3f}" for axis in range(3)))
    for seed in range(first, first + options.still):
        clip = _still(demo_clip(DemoSettings(seed=seed, seconds=min(options.seconds, 7.0))))
        _wandering(clip, _tracked(clip))


def _tracked(clip: DemoClip) -> Track:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=round(clip.settings.fps), options={"crf": "17"})
            stream.width = stream.height = clip.settings.size
            stream.pix_fmt = "yuv420p"
            for picture in clip.frames():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        return FaceTracker().track(path)


def _talking(clip: DemoClip, track: Track) -> tuple[Doubles, Doubles]:
    """Print one line for each lens; return (found, true) angles less their means, with the fitted lens."""
    kept, truth = track.kept, clip.truth
    mesh = truth.neutral_cm + truth.displacement_cm[kept]
    weak = Camera((track.width / 2, -track.height / 2))
    angles: tuple[Doubles, Doubles] = (np.zeros((0, 3)), np.zeros((0, 3)))
    for name, lens in (("weak", weak), ("lens", fit_camera(track.landmarks, track.width, track.height))):
        pose = fit_head_pose(track.landmarks, track.times_s, lens=lens).at(kept)
        seen = track.landmarks[kept]
        found = yaw_pitch_roll_deg(pose.rotation.swapaxes(1, 2))
        true = yaw_pitch_roll_deg(truth.rotation[kept].astype(np.float64))
        off = np.degrees(np.linalg.norm(rotation_vectors(pose.rotation @ truth.rotation[kept]), axis=-1))
        back = np.abs(pose.camera(pose.canonical(seen)) - seen).max()
        gap = _r(lip_gap_cm(pose.canonical(seen)[:, :468]), lip_gap_cm(mesh))
        correlations = " ".join(f"{_r(found[:, axis], true[:, axis]):.3f}" for axis in range(3))
        print(
            f"seed {clip.settings.seed} {name}: kept {len(kept) / len(track.times_s):.1%}, "
            f"r yaw pitch roll {correlations}, "
            f"rotation {off.mean():.2f} deg (95 %: {np.percentile(off, 95):.2f}), lip opening r {gap:.3f}, "
            f"inverse {back:.0e} px, focal {lens.focal_px:.0f} of {clip.stage.camera.focal_px:.0f} px",
            flush=True,
        )
        angles = found - found.mean(axis=0), true - true.mean(axis=0)
    return angles


def _still(clip: DemoClip) -> DemoClip:
    """Return the clip with a face at rest on a head that turns about its neck."""
    times_s, head = clip.truth.times_s, clip.stage.head
    yaw = TURN_RAD * np.sin(2 * np.pi * TURN_HZ * times_s)
    turn = rotation(yaw, 0 * yaw, 0 * yaw)
    middle = head.translation_cm.mean(axis=0)
    moved = replace(head, rotation=turn, translation_cm=(middle + NECK_CM - turn @ NECK_CM).astype(np.float32))
    truth = replace(clip.truth, weights=np.zeros_like(clip.truth.weights))
    return replace(clip, truth=truth, stage=replace(clip.stage, head=moved))


def _wandering(clip: DemoClip, track: Track) -> None:
    kept, lens = track.kept, fit_camera(track.landmarks, track.width, track.height)
    pose: HeadPose = fit_head_pose(track.landmarks, track.times_s, lens=lens).at(kept)
    seen = track.landmarks[kept][:, MOUTH]
    before = _spread_mm(seen * np.median(pose.scale))
    centred = seen - track.landmarks[kept].mean(axis=1, keepdims=True)
    turned = _spread_mm(centred * np.median(pose.scale))
    after = _spread_mm(pose.canonical(seen))
    print(
        f"seed {clip.settings.seed} still mouth, head ±20 deg: {before:.1f} mm before, {turned:.1f} mm with the face's "
        f"middle held, {after:.2f} mm after ({before / after:.1f} and {turned / after:.1f} times less)",
        flush=True,
    )


def _spread_mm(points_cm: Doubles) -> float:
    """Return the root mean square distance of points [T, V, 3] from their mean over time."""
    return float(10 * np.sqrt(((points_cm - points_cm.mean(axis=0)) ** 2).sum(axis=-1).mean()))


def _r(one: Doubles, other: Doubles) -> float:
    return float(np.corrcoef(one, other)[0, 1])


if __name__ == "__main__":
    main()
