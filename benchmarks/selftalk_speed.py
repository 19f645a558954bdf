# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed and memory of speakers' bundles: `python -m benchmarks.selftalk_speed BUNDLE…`.

For each bundle, on one processor core and in one run: seconds of sound a second, from the sound to the mesh, phones
decoded `fast`; how many times faster its geometry answers whole clips, in windows, than frame by frame with the
neighbours each frame needs; and the peak memory of `animate` with five minutes and with an hour of sound.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from backend.core.types import Floats
from backend.inference.bundle import GEOMETRY, Bundle, open_bundle
from backend.inference.encoder import open_session, with_context
from backend.inference.personal import ATTENDED_STEPS
from backend.inference.predict import PredictRequest
from backend.inference.predictors import open_predictor
from backend.inference.reading import FAST

from .animate import HOUR_S, SPEED_SOUND_S, run_animate, speech

FPS = 25
STEPS_S = 50
GRAPH_S, FRAMES_S = 120, 4
"""Seconds of features that the graph answers whole, and frame by frame."""


def real_time(bundle: Bundle, sound: Path) -> float:
    """Return seconds of sound for each second of processor time, ear, phones and mesh."""
    predictor = open_predictor(bundle, "cpu", threads=1)
    began = time.process_time()
    clip = predictor.prepare(PredictRequest(sound, fps=FPS, quality=FAST))
    for times_s in clip.time_chunks_s():
        clip.performance.displacement_cm(times_s)
    return clip.duration_s / (time.process_time() - began)


def whole_over_single(bundle: Bundle) -> tuple[float, float]:
    """Return (seconds of animation a second of the graph on whole clips, how many times that is frame by frame)."""
    session = open_session(bundle.parts[GEOMETRY], bundle.name, "cpu", 1)
    width = int(session.get_inputs()[0].shape[1])
    heard = np.random.default_rng(0).standard_normal((GRAPH_S * STEPS_S, width)).astype(np.float32)
    reach = bundle.context_steps

    def ask(part: Floats) -> None:
        session.run(["motion"], {"features": np.ascontiguousarray(part.T)[None]})

    def whole() -> None:
        for part, _, _ in with_context([heard], ATTENDED_STEPS, reach, width):
            ask(part)

    def single() -> None:
        for frame in range(FRAMES_S * FPS):
            middle = reach + frame * STEPS_S // FPS
            ask(heard[middle - reach : middle + reach + 2])

    fast, slow = GRAPH_S / _seconds(whole), FRAMES_S / _seconds(single)
    return fast, fast / slow


def _seconds(work: Callable[[], None]) -> float:
    """Return the processor time of a piece of work, best of three after a first."""
    work()
    found: list[float] = []
    for _ in range(3):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def main() -> None:
    """Print a line for each bundle."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selftalk_speed", description=__doc__)
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    parser.add_argument("--no-hour", action="store_true", help="leave the memory out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lipsync3d-bench-") as name:
        folder = Path(name)
        for given in options.bundles:
            bundle = open_bundle(given)
            ratio = real_time(bundle, speech(folder, SPEED_SOUND_S))
            fast, gain = whole_over_single(bundle)
            print(f"{bundle.name} ({bundle.kind}): sound to mesh {ratio:.0f} x real time", flush=True)
            print(f"  geometry alone {fast:.0f} x real time, {gain:.1f} times as fast as frame by frame", flush=True)
            for length_s in () if options.no_hour else (SPEED_SOUND_S, HOUR_S):
                cost = run_animate(speech(folder, length_s), folder, given)
                print(
                    f"  {length_s / 60:.0f} min of sound: {cost.peak_mb:.0f} MB at most, {cost.cpu_s:.0f} s", flush=True
                )


if __name__ == "__main__":
    main()
