# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a personal model stays itself over ten minutes, and how fast it is.

`python -m benchmarks.long_take BUNDLE [--sheet OUT.png]` lets it speak the same sentences over and over, ten minutes
long, and prints for each two minutes: mean and spread of the lip opening, mean and spread of the mouth window's
brightness, and the mean change of a texel from frame to frame. A model that drifts, freezes or flickers shows in the
last rows against the first. The speed is of one processor core, mesh alone and mesh with texture.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray

from backend.core.face import lip_gap_cm
from backend.dataset.demo_speaker.acting import MORE_SENTENCES, SENTENCES
from backend.inference.bundle import open_bundle
from backend.inference.predict import Clip, PredictRequest
from backend.inference.predictors import open_predictor
from backend.normalise.mouth_window import mouth_window
from backend.normalise.portrait import stage_for
from backend.speech.synthesis import synthesise

MINUTES, PART_MIN = 10, 2
FPS = 25
SHEET_COLUMNS = 10


def ten_minutes(target: Path) -> None:
    """Write the sentences, repeated to `MINUTES`, as one WAV."""
    spoken = [synthesise(text)[:2] for text in (*SENTENCES, *MORE_SENTENCES)]
    rate = spoken[0][1]
    once = np.concatenate([np.concatenate([samples, np.zeros(rate // 3, np.float32)]) for samples, _ in spoken])
    wanted = MINUTES * 60 * rate
    soundfile.write(target, np.tile(once, wanted // len(once) + 1)[:wanted], rate)


def rows(clip: Clip, sheet: Path | None) -> list[str]:
    """Return the table's rows; draws the contact sheet on the way."""
    look = clip.look
    assert look is not None
    assert look.atlases is not None
    assert look.reference_atlas is not None
    times = clip.times_s()
    moved = clip.performance.displacement_cm(times)
    window = mouth_window(len(look.reference_atlas))
    shown = set(np.linspace(0, len(times) - 1, 6 * SHEET_COLUMNS).astype(int).tolist())
    stage, pictures = stage_for(look.neutral_cm, 160), []
    brightness, change, before = [], [], None
    for index, atlas in enumerate(look.atlases(times)):
        mouth = cv2.resize(
            atlas[window.rows, window.columns], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
        ).astype(np.float32)
        brightness.append(float(mouth.mean()))
        change.append(0.0 if before is None else float(np.abs(mouth - before).mean()))
        before = mouth
        if sheet is not None and index in shown:
            pictures.append(stage.portrait(look.neutral_cm + moved[index], atlas))
    if sheet is not None:
        lines = [np.concatenate(pictures[i : i + SHEET_COLUMNS], 1) for i in range(0, len(pictures), SHEET_COLUMNS)]
        cv2.imwrite(str(sheet), cv2.cvtColor(np.concatenate(lines), cv2.COLOR_RGB2BGR))
    gap_mm = 10 * lip_gap_cm(look.neutral_cm + moved)
    size = PART_MIN * 60 * FPS
    return [
        _row(
            first // size * PART_MIN,
            *(np.asarray(track)[first : first + size] for track in (gap_mm, brightness, change)),
        )
        for first in range(0, len(times) - size // 2, size)
    ]


def _row(minute: int, gap: NDArray[np.float32], bright: NDArray[np.float32], change: NDArray[np.float32]) -> str:
    return (
        f"| {minute}–{minute + PART_MIN} min | {gap.mean():.2f} | {gap.std():.2f} | {bright.mean():.2f} | "
        f"{bright.std():.2f} | {change.mean():.3f} |"
    )


def main() -> None:
    """Print table and speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="name or folder of a personal bundle with texture")
    parser.add_argument("--sheet", type=Path, help="contact sheet of 60 frames to write")
    options = parser.parse_args()
    predictor = open_predictor(open_bundle(options.bundle), "cpu", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "long.wav"
        ten_minutes(sound)
        began = time.process_time()
        clip = predictor.prepare(PredictRequest(sound, fps=FPS))
        for piece in clip.time_chunks_s():
            clip.performance.displacement_cm(piece)
        mesh_s = time.process_time() - began
        assert clip.look is not None
        assert clip.look.atlases is not None
        began = time.process_time()
        frames = sum(1 for _ in clip.look.atlases(clip.times_s()))
        texture_s = time.process_time() - began
        print("| part | opening mm | spread | mouth brightness | spread | change a frame |\n|---|---|---|---|---|---|")
        print(*rows(clip, options.sheet), sep="\n")
    print(f"mesh alone {clip.duration_s / mesh_s:.0f} x real time")
    print(f"mesh and texture {frames / (mesh_s + texture_s):.0f} frames/s")


if __name__ == "__main__":
    main()
