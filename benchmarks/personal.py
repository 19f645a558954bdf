# SPDX-License-Identifier: GPL-3.0-or-later
"""The worth of the personal model's ingredients: `python -m benchmarks.personal --train SHARDS --measure SHARDS`.

Every variant is trained for as many steps with each seed. What is done is kept in the output folder after each
training, so that a run that was stopped goes on; the table is of what is there.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from backend.core.files import written_beside
from backend.training.evaluation.baselines import fit_baselines
from backend.training.evaluation.metrics import Score, score_clip, summarise
from backend.training.evaluation.truth import find_word_files, speech_told_by, true_clips
from backend.training.personal.clips import load_clips
from backend.training.personal.settings import PRESETS, preset

from .ablations import VARIANTS, Material, judged

RESULTS, TABLE = "results.json", "table.md"
TEXTURE = "texture: "
MOTION_COLUMNS = {
    "gap_r_speech": "opening r in speech",
    "gap_r": "opening r",
    "width_r_speech": "width r in speech",
    "lip_error_mm": "lip error mm",
    "lag_ms": "lag ms",
    "closure_recall": "closure recall",
    "closure_precision": "closure precision",
    "bilabials": "p b m closed",
}
TEXTURE_COLUMNS = {name: name for name in ("ssim", "ms_ssim", "psnr_db", "sharpness", "flicker")}

Results = dict[str, dict[str, dict[str, Any]]]
"""Variant -> seed -> figures."""


def main() -> int:
    """Train and measure what is asked for, and print the table."""
    options = _parser().parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    material = _material(options)
    path = options.output / RESULTS
    results: Results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    names = options.only or [name for name in VARIANTS if options.texture or not name.startswith(TEXTURE)]
    for name, score in {} if options.only else _baselines(material).items():
        results[name] = {"-": score}
    settings = preset(options.preset)
    for seed in range(options.seeds):
        for name in names:
            if str(seed) in results.get(name, {}):
                continue
            began = time.monotonic()
            score = judged(VARIANTS[name], seed, material, settings)
            results.setdefault(name, {})[str(seed)] = (
                _with_words(score) if isinstance(score, Score) else score.as_json()
            )
            with written_beside(path) as beside:
                beside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            print(f"{name}, seed {seed}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    text = f"{table(results, MOTION_COLUMNS, False)}\n{table(results, TEXTURE_COLUMNS, True)}"
    (options.output / TABLE).write_text(text, encoding="utf-8")
    print(f"{len(material.measure.clips)} clips; speech: {speech_told_by(material.truths)}\n\n{text}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.personal", description=__doc__)
    parser.add_argument("--train", type=Path, required=True, metavar="SHARDS")
    parser.add_argument("--measure", type=Path, required=True, metavar="SHARDS", help="made with the same speaker file")
    parser.add_argument("--words", type=Path, metavar="FOLDER", help="word times (.align) of the clips to measure on")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--preset", choices=PRESETS, default="fast")
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), metavar="VARIANT", help=", ".join(VARIANTS))
    parser.add_argument("--texture", action="store_true", help="also the variants of the texture")
    parser.add_argument("-o", "--output", type=Path, default=Path("build/personal"), metavar="FOLDER")
    return parser


def _material(options: argparse.Namespace) -> Material:
    measure = load_clips(options.measure)
    words = find_word_files([options.words or options.measure])
    train, held_out = load_clips(options.train, "train"), load_clips(options.train, "validate")
    if np.abs(train.neutral_cm - measure.neutral_cm).max() > 1e-3:
        raise SystemExit(f"{options.measure}: prepared with another speaker file than {options.train}")
    return Material(train, held_out, measure, true_clips(measure, words))


def _baselines(material: Material) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for baseline in fit_baselines(material.train):
        pairs = zip(material.truths, material.measure.clips, strict=True)
        found[baseline.name] = _with_words(
            summarise([score_clip(truth, truth.neutral_cm + baseline.predict(clip)) for truth, clip in pairs])
        )
    return found


def _with_words(score: Score) -> dict[str, Any]:
    """Return the figures of a score, closed p b m at words' starts among them."""
    return {**score.as_json(), "bilabials": score.closures.words_predicted}


def table(results: Results, columns: dict[str, str], texture: bool) -> str:
    """Return the Markdown table of some results: mean ± standard deviation over seeds."""
    lines = [f"| variant | seeds | {' | '.join(columns.values())} |", f"|---|---|{'---|' * len(columns)}"]
    for name, seeds in results.items():
        if name.startswith(TEXTURE) == texture:
            cells = [_cell([figures[column] for figures in seeds.values()]) for column in columns]
            lines.append(f"| {name.removeprefix(TEXTURE)} | {len(seeds)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(values: list[float | None]) -> str:
    known = np.array([value for value in values if value is not None], np.float64)
    if not len(known):
        return "–"
    places = 3 if abs(known.mean()) < 2 else 2 if abs(known.mean()) < 10 else 1
    spread = f" ± {known.std(ddof=1):.{places}f}" if len(known) > 1 else ""
    return f"{known.mean():.{places}f}{spread}"


if __name__ == "__main__":
    sys.exit(main())
