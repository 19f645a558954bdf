# SPDX-License-Identifier: GPL-3.0-or-later
"""How good dubs are: `python -m benchmarks.dubbing --bundle B --videos FOLDER`.

The videos are of the bundle's speaker, not learnt from. Each is dubbed with its own sound, where the real frames
are the truth, and with the sound of the next one, where the prediction for that sound is. Openings are tracked in the
dubbed film as anyone would track it. GRID's light never changes, so light is also measured on tinted copies.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.core.face import lip_gap_cm
from backend.core.lips import lip_vertices
from backend.core.types import Floats
from backend.dataset.speaker import Speaker
from backend.dataset.video_file import Footage, write_video
from backend.dubbing.course import course
from backend.dubbing.dub import DubRequest, dub, hear, swapped_frames
from backend.dubbing.face_swap import SwapSettings
from backend.dubbing.target import Target, bundle_speaker, look_at
from backend.inference.predict import Clip, Look
from backend.tracking.video import SOUND_RATE, frames, read_info, sound
from backend.training.evaluation.metrics import correlation
from backend.training.evaluation.prediction import write_sound
from backend.training.evaluation.texture_metrics import psnr_db, ssim

CHIN = 152
MM = 10.0
AROUND_LIPS = 0.35
"""The mouth region: the box of the tracked lips and this share of its width around."""
HD = (1280, 720)
Voice = tuple[Clip, Look]
Pictures = list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Still:
    """A face that does not move."""

    mean_cm: Floats
    """[468, 3]"""

    def displacement_cm(self, times_s: NDArray[np.float64]) -> Floats:
        """Return the same displacement at all times."""
        return np.repeat(self.mean_cm[None], len(times_s), axis=0)

    def weights(self, times_s: NDArray[np.float64]) -> Floats:
        """Return nothing: nobody asks."""
        return np.zeros((len(times_s), 0), np.float32)


@dataclass(frozen=True)
class Take:
    """One real clip with all that is known of it."""

    name: str
    target: Target
    voice: Voice
    pictures: Pictures
    samples: Floats

    def predicted_cm(self, voice: Voice) -> Floats:
        """Return the mesh [T, 468, 3] that a voice predicts at this clip's frames."""
        return voice[1].neutral_cm + voice[0].performance.displacement_cm(self.target.track.times_s)

    def seen_cm(self) -> Floats:
        """Return the tracked mesh [T, 468, 3]."""
        return self.target.pose.canonical(self.target.track.landmarks)[:, :468].astype(np.float32)


class Bench:
    """Measures one bundle on clips of its speaker."""

    def __init__(self, bundle: str, folder: Path) -> None:
        self._bundle, self._folder = bundle, folder
        self.speaker: Speaker = bundle_speaker(bundle)
        self.figures: dict[str, dict[str, list[float]]] = {}

    def take(self, video: Path) -> Take:
        """Track a real clip and predict its own sound."""
        info = read_info(video)
        samples = sound(info)
        path = self._folder / f"{video.stem}.wav"
        write_sound(path, (np.clip(samples, -1, 1) * 32767).astype(np.int16))
        voice = hear(DubRequest(self._bundle, video, path, Path("none.mp4")), lambda _share: None)
        pictures = [frame.rgb for frame in frames(info)]
        return Take(video.stem, look_at(video, self.speaker), voice, pictures, samples)

    def dubbed(self, take: Take, voice: Voice, settings: SwapSettings) -> Pictures:
        """Return the frames of a dub, before they are encoded; assert that nothing beyond the mask changed."""
        times = take.target.track.times_s
        way = course(times, float(times[-1]) + 1e-3, "loop")
        made = list(swapped_frames(take.target, self.speaker.light, voice, way, settings))
        for one, real in zip(made, take.pictures, strict=True):
            if (one.rgb != real)[~one.touched].any():
                raise AssertionError(f"{take.name}: a frame changed outside its mask")
        return [one.rgb for one in made]

    def tracked_cm(self, take: Take, pictures: Pictures) -> Floats:
        """Return the mesh [T, 468, 3] that is tracked in a film of the pictures."""
        path = self._folder / "film.mp4"
        times = take.target.track.times_s
        footage = Footage(times, pictures, Fraction(take.target.info.fps), take.samples, SOUND_RATE)
        write_video(path, footage)
        again = look_at(path, self.speaker)
        return again.pose.canonical(again.track.landmarks)[:, :468].astype(np.float32)

    def note(self, row: str, **figures: float) -> None:
        """Keep figures of a clip."""
        for name, value in figures.items():
            self.figures.setdefault(row, {}).setdefault(name, []).append(value)

    def own_sound(self, take: Take) -> None:
        """Measure a clip dubbed with its own sound, against its real frames."""
        gap = lip_gap_cm(take.seen_cm())
        rows = {
            "own sound": (take.voice, SwapSettings()),
            "own sound, no light inversion": (take.voice, SwapSettings(light=False)),
            "own sound, no jaw warp": (take.voice, SwapSettings(jaw=False)),
            "mean mouth pasted": (_mean_voice(take), SwapSettings()),
        }
        for row, (voice, settings) in rows.items():
            pictures = self.dubbed(take, voice, settings)
            self.note(row, **_likeness(take, take.pictures, pictures))
            if settings.light:
                mesh = self.tracked_cm(take, pictures)
                self.note(row, gap_r=correlation(lip_gap_cm(mesh), gap), **_chin(mesh, take.seen_cm()))

    def other_sound(self, take: Take, other: Take) -> None:
        """Measure a clip dubbed with another's sound, against the prediction for it."""
        wanted = take.predicted_cm(other.voice)
        old, new = lip_gap_cm(take.seen_cm()), lip_gap_cm(wanted)
        for row, settings in (("other sound", SwapSettings()), ("other sound, no jaw warp", SwapSettings(jaw=False))):
            mesh = self.tracked_cm(take, self.dubbed(take, other.voice, settings))
            gap = lip_gap_cm(mesh)
            self.note(row, gap_r=correlation(gap, new), old_gap_r=correlation(gap, old), **_chin(mesh, wanted))
        self.note("the old video itself", gap_r=correlation(old, new), old_gap_r=1.0, **_chin(take.seen_cm(), wanted))

    def other_light(self, take: Take) -> None:
        """Measure a tinted copy of a clip dubbed with its own sound, against the tinted frames."""
        path = self._folder / f"{take.name}-tinted.mp4"
        times = take.target.track.times_s
        fps = Fraction(take.target.info.fps)
        write_video(path, Footage(times, [_tinted(one) for one in take.pictures], fps, take.samples, SOUND_RATE))
        target = look_at(path, self.speaker)
        tinted = replace(take, target=target, pictures=[frame.rgb for frame in frames(target.info)])
        for row, light in (("tinted light", True), ("tinted light, no light inversion", False)):
            made = self.dubbed(tinted, take.voice, SwapSettings(light=light))
            self.note(row, **_likeness(tinted, tinted.pictures, made))

    def speed(self, take: Take) -> str:
        """Return what dubbing in 720p costs; the clip is scaled up to fill the height."""
        path, output = self._folder / "hd.mp4", self._folder / "dubbed.mp4"
        times, fps = take.target.track.times_s, Fraction(take.target.info.fps)
        write_video(path, Footage(times, _in_hd(take.pictures), fps, take.samples, SOUND_RATE))
        request = DubRequest(self._bundle, path, self._folder / f"{take.name}.wav", output)
        wall, cpu = time.monotonic(), time.process_time()
        made = dub(request)
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        return (
            f"720p: {made.frames} frames, {made.frames / cpu:.1f} frames a second of CPU, "
            f"{made.frames / wall:.1f} by the clock, bundle loaded and video tracked and encoded"
        )


def _mean_voice(take: Take) -> Voice:
    """Return a voice that shows the mean of what a clip's own predicts."""
    clip, look = take.voice
    times = take.target.track.times_s
    moved = clip.performance.displacement_cm(times).mean(axis=0)
    atlas = np.mean([one.astype(np.float32) for one in _atlases(look, times)], axis=0).round().astype(np.uint8)
    still = replace(look, atlases=lambda wanted: iter([atlas] * len(wanted)))
    return replace(clip, performance=Still(moved), look=still), still


def _atlases(look: Look, times_s: NDArray[np.float64]) -> Iterator[NDArray[np.uint8]]:
    return look.atlases(times_s) if look.atlases else iter(())


def _likeness(take: Take, real: Pictures, made: Pictures) -> dict[str, float]:
    """Return the likeness of two films in the mouth region of the real one."""
    similar: list[float] = []
    errors: list[float] = []
    for index, (truth, picture) in enumerate(zip(real, made, strict=True)):
        mouth = take.target.track.landmarks[index][lip_vertices(), :2] * (1, -1)
        if not np.isfinite(mouth).all():
            continue
        low, high = mouth.min(axis=0), mouth.max(axis=0)
        around = AROUND_LIPS * (high[0] - low[0])
        left, top = np.maximum(low - around, 0).astype(int)
        right, bottom = (high + around).astype(int)
        first, second = (one[top:bottom, left:right].astype(np.float32) / 255 for one in (truth, picture))
        every = np.ones(first.shape[:2], bool)
        grey = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (first, second)]
        similar.append(ssim(grey[0], grey[1], every))
        errors.append(psnr_db(first, second, every))
    return {"ssim": float(np.mean(similar)), "psnr_db": float(np.mean(errors))}


def _chin(mesh: Floats, wanted: Floats) -> dict[str, float]:
    """Return how the chin's height follows the wanted one: r, and the mean error in mm about the clip's mean."""
    height, goal = (one[:, CHIN, 1] - one[:, CHIN, 1].mean() for one in (mesh, wanted))
    return {"chin_r": correlation(height, goal), "chin_mm": float(np.abs(height - goal).mean() * MM)}


def _tinted(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture as under a warm lamp at one side."""
    side = np.linspace(0.55, 1.0, rgb.shape[1], dtype=np.float32)[None, :, None]
    return np.clip(rgb * side * np.float32([1.0, 0.9, 0.75]), 0, 255).astype(np.uint8)


def _in_hd(pictures: Pictures) -> Iterator[NDArray[np.uint8]]:
    for rgb in pictures:
        width = round(rgb.shape[1] * HD[1] / rgb.shape[0])
        large = cv2.resize(rgb, (width, HD[1]), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        rest = HD[0] - width
        yield np.pad(large, ((0, 0), (rest // 2, rest - rest // 2), (0, 0)))


def table(figures: dict[str, dict[str, list[float]]]) -> str:
    """Return the means over clips as a table."""
    names = ["ssim", "psnr_db", "gap_r", "old_gap_r", "chin_r", "chin_mm"]
    lines = [f"| {'':34} | " + " | ".join(f"{name:>9}" for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    for row, values in figures.items():
        cells = [f"{np.mean(values[name]):9.3f}" if name in values else " " * 9 for name in names]
        lines.append(f"| {row:34} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measure what is asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dubbing", description=__doc__)
    parser.add_argument("--bundle", required=True, metavar="B", help="personal bundle with texture")
    parser.add_argument("--videos", type=Path, required=True, metavar="FOLDER", help="of its speaker, not learnt from")
    parser.add_argument("--clips", type=int, default=8, metavar="N", help="spread over the folder (default 8)")
    options = parser.parse_args()
    videos = sorted(path for path in options.videos.iterdir() if path.suffix in {".mpg", ".mp4", ".mov", ".mkv"})
    spread = np.linspace(0, len(videos) - 1, min(options.clips, len(videos))).round().astype(int).tolist()
    with tempfile.TemporaryDirectory(prefix="lipsync3d-bench-") as folder:
        bench = Bench(options.bundle, Path(folder))
        takes = [bench.take(videos[index]) for index in spread]
        for index, take in enumerate(takes):
            bench.own_sound(take)
            bench.other_sound(take, takes[(index + 1) % len(takes)])
            bench.other_light(take)
            print(f"{take.name} done", file=sys.stderr, flush=True)
        print(f"{len(takes)} clips; outside the masks no pixel changed before encoding\n\n{table(bench.figures)}\n")
        print(bench.speed(takes[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
