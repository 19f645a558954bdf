# SPDX-License-Identifier: GPL-3.0-or-later
"""How well an artist's animation is learnt from sounds and curves alone.

`python -m benchmarks.takes [--preset fast]` plays the artist: sentences of the synthesiser, their curves made from
the exact phones in a style of its own (less jaw, more lips). A bundle learns from 28 of them and gives the weights of
six others, in the voice that it learnt and in another. Moving weights are those whose true spread is over 0.02.
"""

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

from backend.core.blendshapes import ARKIT_INDEX
from backend.core.curves import CurvesHeader, write_curves_json
from backend.core.curves_input import read_curves
from backend.core.types import Floats
from backend.dataset.demo_speaker.acting import MORE_SENTENCES
from backend.inference.bundle import open_bundle
from backend.inference.predict import PredictRequest
from backend.inference.predictors import open_predictor
from backend.motion.performance import MotionStyle, Performance
from backend.speech.synthesis import synthesise
from backend.training.personal.settings import PRESETS, preset
from backend.training.personal.train import train

STYLE = MotionStyle(jaw=0.7, lips=1.3)
FPS = Fraction(30)
VOICE, OTHER_VOICE = "en-us+m3", "en-us+f3"
UNSEEN = (
    "Maybe my brother will bring a bag of plums to the museum.",
    "Peter packed a map, a lamp and both blue umbrellas.",
    "The problem with bumblebees is that they are impossible to herd.",
    "Every afternoon the farmer fed five hungry foxes over the fence.",
    "We thought about it, but nobody knew which way the wind would blow.",
    "She should have told us where you were going on Thursday.",
)
MOVES = 0.02


def act(folder: Path, lines: tuple[str, ...], voice: str) -> None:
    """Write a take of each line."""
    folder.mkdir()
    for index, line in enumerate(lines):
        sound, rate, phones = synthesise(line, voice)
        soundfile.write(folder / f"take{index}.wav", sound, rate)
        duration_s = len(sound) / rate
        times_s = np.arange(int(duration_s * FPS) + 1) / float(FPS)
        weights = Performance(phones, duration_s, STYLE).weights(times_s)
        ones = np.ones(len(weights), np.float32)
        write_curves_json(folder / f"take{index}.json", CurvesHeader(FPS, "artist"), [(weights, ones)])


def judge(found: Floats, true: Floats) -> tuple[float, float, float, float]:
    """Return r of jawOpen, mean r and mean error of the moving weights, and their mean error where nothing moves."""
    moving = np.flatnonzero(true.std(axis=0) > MOVES)
    jaw = ARKIT_INDEX["jawOpen"]
    r = {k: float(np.corrcoef(found[:, k], true[:, k])[0, 1]) if np.ptp(found[:, k]) else 0.0 for k in (jaw, *moving)}
    error = float(np.abs(found - true)[:, moving].mean())
    still = float(np.abs(true - true.mean(axis=0))[:, moving].mean())
    return r[jaw], float(np.mean([r[int(k)] for k in moving])), error, still


def main() -> None:
    """Train and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.takes", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="fast")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lipsync3d-takes-") as temporary:
        folder = Path(temporary)
        act(folder / "learnt", MORE_SENTENCES, VOICE)
        for voice in (VOICE, OTHER_VOICE):
            act(folder / voice, UNSEEN, voice)
        rows: dict[str, list[tuple[float, ...]]] = {VOICE: [], OTHER_VOICE: []}
        for seed in options.seeds:
            bundle = folder / f"artist{seed}-v1"
            made = train([folder / "learnt"], bundle, folder / f"run{seed}", preset(options.preset, seed))
            predictor = open_predictor(open_bundle(bundle), "cpu")
            for voice, figures in rows.items():
                clips: list[tuple[float, ...]] = []
                for sound in sorted((folder / voice).glob("*.wav")):
                    truth = read_curves(sound.with_suffix(".json"))
                    clips.append(judge(predictor.prepare(PredictRequest(sound)).weights(truth.times_s), truth.weights))
                figures.append(tuple(np.mean(clips, axis=0)))
            print(f"seed {seed}: learnt {made.minutes:.1f} min in {made.clips} takes", flush=True)
        print(f"{'voice':12} jawOpen r    moving r     error        error of no motion")
        for voice, figures in rows.items():
            cells = zip(np.mean(figures, axis=0), np.ptp(figures, axis=0) / 2, strict=True)
            print(f"{voice:12} " + "  ".join(f"{mean:.3f} ±{half:.3f}" for mean, half in cells))


if __name__ == "__main__":
    main()
