# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the mouth's motion comes from: phonetics, numbers fitted to film, and an ear's corrections, on unseen clips.

`python -m benchmarks.motion SHARDS --words FOLDER [--bundle universal] [--plot FILE.png]` animates the clips that have
word files in the folder from their sound alone (quality `fast`) and from their text, with each set of numbers, and
compares opening and width with the tracked mouth in speech. The plot shows three clips.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import matplotlib
import numpy as np

from backend.core.face import lip_gap_cm
from backend.inference.bundle import DEFAULT_BUNDLE, EAR, Bundle, open_bundle
from backend.inference.encoder import Encoder
from backend.inference.hearing import Hearing
from backend.inference.predict import Listener, Predictor, PredictRequest
from backend.motion.ear import read_ear
from backend.motion.parameters import MotionParameters, fitted_parameters, phonetic_parameters
from backend.motion.performance import Performance
from backend.training.evaluation.metrics import TrueClip, score_clip, summarise
from backend.training.evaluation.prediction import write_sound
from backend.training.evaluation.truth import find_word_files, true_clips
from backend.training.motion.takes import text_of
from backend.training.personal.clips import TrainClip, load_clips

SHOWN = 3
COLUMNS = ("gap_r_speech", "width_r_speech", "lag_ms", "closure_recall", "closure_precision")


class Mouth:
    """One way of moving: a network's answers, some parameters, corrections or none."""

    def __init__(self, bundle: Bundle, parameters: MotionParameters, *, corrected: bool, told: bool) -> None:
        self._predictor = Predictor(dataclasses.replace(bundle, parts={}), "cpu")
        self._encoder = Encoder(bundle, "cpu")
        self._parameters = parameters
        self._ear = read_ear(bundle.parts[EAR], EAR) if corrected and EAR in bundle.parts else None
        self._told = told

    def moved_cm(self, clip: TrainClip, truth: TrueClip) -> np.ndarray:
        """Return the displacement [T, 468, 3] at a clip's frames."""
        with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
            sound = Path(folder) / "clip.wav"
            write_sound(sound, clip.samples)
            text = text_of(truth) if self._told else ""
            answer = self._predictor.prepare(PredictRequest(sound, quality="fast", transcript=text))
            likely = None
            if not self._told:
                hearing = Hearing(self._ear, self._parameters)
                for _ in hearing.watch(self._encoder.listen(Listener(sound, None, None).blocks)):
                    pass
                likely = hearing.likely()
        performance = Performance(answer.phones, answer.duration_s, None, likely, self._parameters)
        return performance.displacement_cm(clip.times_s)


def plot(path: Path, truths: list[TrueClip], moved: dict[str, list[np.ndarray]]) -> None:
    """Draw the opening of some clips, each curve in shares of its own largest."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(SHOWN, 1, figsize=(9, 2.2 * SHOWN), layout="constrained")
    for row, (axis, truth) in enumerate(zip(axes, truths, strict=False)):
        gap = lip_gap_cm(truth.mesh_cm)
        axis.fill_between(truth.times_s, gap / gap.max(), color="0.85", label="tracked")
        for name, meshes in moved.items():
            shown = lip_gap_cm(truth.neutral_cm + meshes[row])
            axis.plot(truth.times_s, shown / shown.max(), label=name, linewidth=1.2)
        for word in truth.words:
            axis.axvline(word.start_s, color="0.6", linewidth=0.5)
            axis.text(word.start_s, 1.03, word.text, fontsize=7)
        axis.set_xlim(0.4, 2.6)
        axis.set_ylabel("opening")
    axes[0].legend(loc="upper left", fontsize=7)
    axes[-1].set_xlabel("s")
    figure.savefig(path, dpi=80)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="folder of `prepare`")
    parser.add_argument(
        "--words", type=Path, required=True, metavar="FOLDER", help="word files of the clips to judge by"
    )
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE)
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    options = parser.parse_args()
    files = find_word_files([options.words])
    clips = load_clips(options.shards).named(files)
    truths = true_clips(clips, files)
    bundle, plain, fitted = open_bundle(options.bundle), phonetic_parameters(), fitted_parameters()
    ways = {
        "phonetics": Mouth(bundle, plain, corrected=False, told=False),
        "fitted": Mouth(bundle, fitted, corrected=False, told=False),
        "fitted, corrected": Mouth(bundle, fitted, corrected=True, told=False),
        "phonetics, text known": Mouth(bundle, plain, corrected=False, told=True),
        "fitted, text known": Mouth(bundle, fitted, corrected=False, told=True),
    }
    print(f"{bundle.name}, {len(clips.clips)} clips\n| | {' | '.join(COLUMNS)} | p b m closed |\n|---|{'---|' * 6}")
    moved: dict[str, list[np.ndarray]] = {}
    for name, mouth in ways.items():
        moved[name] = [mouth.moved_cm(clip, truth) for clip, truth in zip(clips.clips, truths, strict=True)]
        pairs = zip(truths, moved[name], strict=True)
        score = summarise([score_clip(truth, (truth.neutral_cm + mesh).astype(np.float32)) for truth, mesh in pairs])
        told = score.as_json()
        cells = " | ".join(f"{told[column]:.3f}" for column in COLUMNS)
        print(f"| {name} | {cells} | {score.closures.words_predicted} of {score.closures.words} |", flush=True)
    if options.plot:
        plot(options.plot, truths, {name: moved[name] for name in ("phonetics", "fitted, corrected")})


if __name__ == "__main__":
    main()
