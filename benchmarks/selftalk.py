# SPDX-License-Identifier: GPL-3.0-or-later
"""SelfTalk against LipSync3D, and without each of its losses and modules.

`python -m benchmarks.selftalk TRAIN MEASURE --words FOLDER -o OUT` trains every row of `ROWS` with each seed for as
many steps, judges it on clips nobody learnt from, and writes one file a training, so that a run that was stopped goes
on. The table is of what is there. The judges of lips learn on the true lips of the training clips.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.core.files import written_beside
from backend.core.types import Floats
from backend.inference.bundle import open_bundle
from backend.training.evaluation.baselines import fit_baselines
from backend.training.evaluation.lip_judges import (
    OTHER_LIPS,
    TRUE_LIPS,
    JudgeSchool,
    LipJudges,
    lips_of_another,
    summarise_readings,
    teach_judges,
)
from backend.training.evaluation.metrics import TrueClip, score_clip, summarise
from backend.training.evaluation.truth import find_word_files, true_clips
from backend.training.evaluation.word_reader import SLOTS
from backend.training.personal.clips import Clips, TrainClip, load_clips
from backend.training.personal.ear import Ear
from backend.training.personal.geometry import TrainedGeometry, predict_clip, train_geometry
from backend.training.personal.loop_settings import LoopSettings
from backend.training.personal.recogniser import PhoneRecogniser, Reading
from backend.training.personal.selftalk import Teacher, train_selftalk
from backend.training.personal.settings import TRUE, GeometryLosses, GeometrySettings, SelfTalkSettings
from backend.training.personal.teaching import texts_of

from .personal import MOTION_COLUMNS, Results, table

JUDGE_SEEDS = (0, 1, 2)
REMEMBERED = 1000
"""Changed voices that are kept, 0.25 MB each for a clip of 3 s."""
MEAN, COURSE = "mean face", "average course, no sound"
Change = Callable[[SelfTalkSettings], SelfTalkSettings]


@dataclass(frozen=True)
class Row:
    """A model of the table."""

    change: Change | None = None
    """What is switched off or on; None: LipSync3D."""
    transcripts: bool = False


def _losses(**values: float) -> Change:
    return lambda settings: replace(settings, losses=replace(settings.losses, **values))


class Remembering(PhoneRecogniser):
    """The universal speech encoder, asked once for each clip."""

    def __init__(self, language: str) -> None:
        super().__init__(open_bundle(), language)
        self._known: dict[tuple[Path, str], Reading] = {}

    def read(self, clip: TrainClip, transcript: str = "") -> Reading:
        """Return what is said in a clip."""
        key = clip.path, transcript
        if key not in self._known:
            self._known[key] = super().read(clip, transcript)
        return self._known[key]


class RememberingEar(Ear):
    """The ear, asked once for each changed voice of a seed: all rows of a seed draw the same ones."""

    def __init__(self) -> None:
        super().__init__(open_bundle(), "speech")
        self._changed: dict[tuple[Path, str], tuple[Floats, Any]] = {}

    def hear_changed(self, clip: TrainClip, rng: np.random.Generator) -> Floats:
        """Return the features of a clip as if another person said it, and draw as if they were made anew."""
        key = clip.path, str(rng.bit_generator.state)
        if key not in self._changed:
            if len(self._changed) > REMEMBERED:
                self._changed.clear()
            heard = super().hear_changed(clip, rng)
            self._changed[key] = heard, rng.bit_generator.state
        heard, rng.bit_generator.state = self._changed[key]
        return heard


ROWS = {
    "LipSync3D": Row(),
    "SelfTalk": Row(lambda settings: settings),
    "no text consistency": Row(lambda settings: replace(settings, text=0.0)),
    "no lip-latent consistency": Row(lambda settings: replace(settings, latent=0.0)),
    "no interpreter (neither)": Row(lambda settings: replace(settings, text=0.0, latent=0.0)),
    "no velocity": Row(_losses(velocity=0.0)),
    "no position": Row(_losses(position=0.0)),
    "no attention": Row(lambda settings: replace(settings, network=replace(settings.network, attending=0))),
    "with transcripts": Row(lambda settings: settings, transcripts=True),
    "interpreter learns on true lips": Row(lambda settings: replace(settings, learns_from=TRUE)),
    "with LipSync3D's losses on the mouth": Row(lambda settings: replace(settings, losses=GeometryLosses())),
}


@dataclass(frozen=True)
class Material:
    """What rows learn from and are judged by."""

    train: Clips
    held_out: Clips
    measure: Clips
    truths: list[TrueClip]
    texts: tuple[str, ...]
    """Of the training clips."""
    judges: LipJudges
    recogniser: PhoneRecogniser
    loop: LoopSettings
    ear: Ear = field(default_factory=RememberingEar)


def main() -> int:
    """Train and judge what is not there yet, and print the table."""
    options = _parser().parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    material = _material(options)
    _without_training(material, options.output)
    for seed in range(options.seeds):
        for name in options.only or ROWS:
            target = _place(options.output, name, str(seed))
            if target.is_file():
                continue
            began = time.process_time()
            trained = train_row(ROWS[name], seed, material)
            trained_s = time.process_time() - began
            faces = [predict_clip(trained, material.ear, clip)[0] for clip in material.measure.clips]
            _write(target, {**judged(faces, material), "training_s": round(trained_s, 1)})
            print(f"{name}, seed {seed}: {trained_s:.0f} s", file=sys.stderr, flush=True)
    results = collected(options.output)
    columns = MOTION_COLUMNS | {"upper_face_mm2": "upper face mm²", "phone_error_rate": "phone error rate"}
    words = {slot: slot for slot in SLOTS} | {"words": "all words"}
    text = f"{table(results, columns, False)}\n{table(results, words, False)}"
    (options.output / "table.md").write_text(text, encoding="utf-8")
    print(f"{text}\nguessing: {material.judges.chance}")
    return 0


def train_row(row: Row, seed: int, material: Material) -> TrainedGeometry:
    """Return the model of a row."""
    loop = replace(material.loop, seed=seed)
    if row.change is None:
        return train_geometry(material.train, material.ear, GeometrySettings(loop=loop), material.held_out)
    teacher = Teacher(material.recogniser, material.texts if row.transcripts else ())
    settings = row.change(SelfTalkSettings(loop=loop))
    return train_selftalk(material.train, (material.ear, teacher), settings, material.held_out)


def judged(faces: list[Floats], material: Material) -> dict[str, Any]:
    """Return the figures of the faces [T, 468, 3] of every clip to measure on."""
    truths, clips = material.truths, material.measure.clips
    score = summarise([score_clip(t, t.neutral_cm + face) for t, face in zip(truths, faces, strict=True)])
    readings = [material.judges.reading(*each) for each in zip(clips, truths, faces, strict=True)]
    reading = summarise_readings(readings)
    words = {**reading.words, "words": float(np.mean(list(reading.words.values())))}
    return {
        **score.as_json(),
        "bilabials": score.closures.words_predicted,
        "phone_error_rate": reading.errors.rate,
        **words,
    }


def _without_training(material: Material, folder: Path) -> None:
    """Judge true lips, another clip's, and faces that do not hear."""
    clips = material.measure.clips
    faces = {TRUE_LIPS: [clip.displacement_cm for clip in clips]}
    others = (*clips[1:], clips[0])
    faces[OTHER_LIPS] = [lips_of_another(clip, other) for clip, other in zip(clips, others, strict=True)]
    for baseline in fit_baselines(material.train):
        if baseline.name in (MEAN, COURSE):
            faces[baseline.name] = [baseline.predict(clip) for clip in clips]
    for name, each in faces.items():
        _write(_place(folder, name, "-"), judged(each, material))


def _material(options: argparse.Namespace) -> Material:
    train, held_out = load_clips(options.train, "train"), load_clips(options.train, "validate")
    measure, words = load_clips(options.measure), find_word_files([options.words])
    if np.abs(train.neutral_cm - measure.neutral_cm).max() > 1e-3:
        raise SystemExit(f"{options.measure}: prepared with another speaker file than {options.train}")
    judges = teach_judges(JudgeSchool(train, held_out, words, options.language, JUDGE_SEEDS), options.output)
    if judges is None:
        raise SystemExit(f"{options.train}: too little speech to teach the judges of lips")
    return Material(
        train, held_out, measure, true_clips(measure, words), texts_of(train, options.words), judges,
        Remembering(options.language), LoopSettings(steps=options.steps),
    )  # fmt: skip


def _place(folder: Path, name: str, seed: str) -> Path:
    return folder / f"{name.replace(' ', '_')}.{seed}.json"


def _write(path: Path, values: Mapping[str, Any]) -> None:
    with written_beside(path) as beside:
        beside.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def collected(folder: Path) -> Results:
    """Return what lies in the folder, in the order of the table: row -> seed -> figures."""
    results: Results = {}
    for name in (TRUE_LIPS, OTHER_LIPS, MEAN, COURSE, *ROWS):
        files = sorted(folder.glob(f"{_place(folder, name, '*').name}"))
        if files:
            results[name] = {file.name.split(".")[-2]: json.loads(file.read_text(encoding="utf-8")) for file in files}
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selftalk", description=__doc__)
    parser.add_argument("train", type=Path, metavar="TRAIN", help="folder of shards to learn from")
    parser.add_argument(
        "measure", type=Path, metavar="MEASURE", help="folder of shards made with the same speaker file"
    )
    parser.add_argument("--words", type=Path, required=True, metavar="FOLDER", help="word times (.align) of all clips")
    parser.add_argument("--language", default="en", metavar="CODE", help="of the words, for eSpeak NG (default en)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--steps", type=int, default=LoopSettings(steps=480).steps, metavar="N")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("-o", "--output", type=Path, default=Path("build/selftalk"), metavar="FOLDER")
    return parser


if __name__ == "__main__":
    sys.exit(main())
