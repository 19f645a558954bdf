# SPDX-License-Identifier: GPL-3.0-or-later
"""Real, tracked lips: the 40 GRID clips of `video/grid_s1/measure` against what is predicted from their sound.

Opening and width of the mouth are compared in speech (first to last word), where nobody can score by knowing when
sentences begin. The universal model moves the canonical face; r and closures do not depend on the speaker's own sizes.
Rhubarb's mouth shapes are given the opening and width that fit this speaker's `train` clips best.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from backend.core.face import canonical_face, lip_gap_cm, mouth_width_cm
from backend.core.types import Floats
from backend.training.evaluation.closures import ClosureCounts, count_closures
from backend.training.evaluation.metrics import TrueClip, correlation, lag_ms
from backend.training.evaluation.prediction import write_sound
from backend.training.evaluation.truth import find_word_files, true_clips
from backend.training.personal.clips import TrainClip, load_clips

from .rhubarb import OF_CUE, recorded
from .ways import Clip, Way

Lips = tuple[Floats, Floats]
"""Opening and width [T] at the frames of a clip, in any unit."""
LipsOf = Callable[[TrainClip], Lips]
Figures = dict[str, Any]
SMOOTHING_S = (0.02, 0.04, 0.06)
LAGS_S = (-0.08, -0.04, 0.0, 0.04, 0.08)
STEP_S = 0.01


def moving(way: Way, texts: Mapping[str, str] | None = None) -> LipsOf:
    """Return the lips of a way of listening to the clip's sound, with the clip's text where `texts` has it."""
    neutral = canonical_face().neutral_cm

    def lips(clip: TrainClip) -> Lips:
        with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
            sound = Path(folder) / "clip.wav"
            write_sound(sound, clip.samples)
            answer = way(Clip(sound, (texts or {}).get(clip.name, ""), "en-us"))
        mesh = neutral + answer.mover(clip.times_s)
        return lip_gap_cm(mesh), mouth_width_cm(mesh)

    return lips


def score(truths: Sequence[TrueClip], clips: Sequence[TrainClip], lips_of: LipsOf) -> Figures:
    """Return the figures of one way of moving the lips, over all clips."""
    gap_r: list[float] = []
    width_r: list[float] = []
    lags: list[float] = []
    counts = ClosureCounts()
    for truth, clip in zip(truths, clips, strict=True):
        gap, width = lips_of(clip)
        spoken = truth.speaking
        true_gap, true_width = lip_gap_cm(truth.mesh_cm), mouth_width_cm(truth.mesh_cm)
        gap_r.append(correlation(true_gap[spoken], gap[spoken]))
        width_r.append(correlation(true_width[spoken], width[spoken]))
        lags.append(lag_ms(true_gap, gap, truth.times_s))
        counts += count_closures(true_gap, gap, truth.times_s, spoken, truth.words)
    return {
        "gap_r": float(np.nanmean(gap_r)),
        "width_r": float(np.nanmean(width_r)),
        "lag_ms": float(np.nanmean(lags)),
        "closure_recall": counts.recall,
        "closure_precision": counts.precision,
        "initial_pbm": counts.words_predicted,
        "initial_pbm_true": counts.words_true,
        "initial_pbm_of": counts.words,
    }


def measure(data: Path, shards: Path, ways: dict[str, LipsOf], with_text: Way) -> dict[str, Figures]:
    """Return the figures of every way, of one that is given the text, and of Rhubarb's recorded answers.

    Args:
        data: folder that holds `video` and `peers`.
        shards: folder that `prepare` made of the clips of `video/grid_s1`, train and measure.
        ways: name -> the lips of a clip.
        with_text: takes the words of the sentence.
    """
    grid = data / "video" / "grid_s1"
    every = load_clips(shards)
    clips = every.named(path.stem for path in (grid / "measure").glob("*.mpg"))
    if not clips.clips:
        raise SystemExit(f"{shards}: none of the clips of {grid / 'measure'}; prepare them")
    train = every.named(path.stem for path in (grid / "train").glob("*.mpg"))
    truths = true_clips(clips, find_word_files([grid / "measure"]))
    texts = {truth.name: " ".join(word.text for word in truth.words) for truth in truths}
    every = {**ways, "with text": moving(with_text, texts)}
    found = {name: score(truths, clips.clips, lips_of) for name, lips_of in every.items()}
    for mode in ("phonetic", "pocketSphinx"):
        answers = recorded(data / "peers", f"grid_s1_{mode}")
        if answers is not None and train.clips:
            cues = {**answers.cues["train"], **answers.cues["measure"]}
            known = list(zip(train.clips, true_clips(train, find_word_files([grid / "train"])), strict=True))
            found[f"Rhubarb {mode}, sizes fitted"] = score(truths, clips.clips, _fitted(known, cues))
    return found


def _fitted(train: Sequence[tuple[TrainClip, TrueClip]], cues: dict[str, Any]) -> LipsOf:
    """Return mouth shapes as lips, with the sizes, smoothing and lag that fit the training clips' speech best."""
    known = [(clip, truth) for clip, truth in train if clip.name in cues]
    gap = np.concatenate([lip_gap_cm(truth.mesh_cm)[truth.speaking] for _, truth in known])
    width = np.concatenate([mouth_width_cm(truth.mesh_cm)[truth.speaking] for _, truth in known])
    best = (-1.0, (0.0, 0.0), np.zeros((len(OF_CUE), 2)))
    for way in ((width_s, lag_s) for width_s in SMOOTHING_S for lag_s in LAGS_S):
        shown = [_shapes(cues[clip.name], clip.times_s, *way)[truth.speaking] for clip, truth in known]
        sizes = np.linalg.lstsq(np.concatenate(shown), np.stack([gap, width], axis=1), rcond=None)[0]
        best = max(best, (correlation(gap, (np.concatenate(shown) @ sizes)[:, 0]), way, sizes), key=lambda it: it[0])
    _, way, sizes = best

    def lips(clip: TrainClip) -> Lips:
        moved = _shapes(cues[clip.name], clip.times_s, *way) @ sizes
        return moved[:, 0].astype(np.float32), moved[:, 1].astype(np.float32)

    return lips


def _shapes(
    cues: list[tuple[float, float, str]], times_s: NDArray[np.float64], width_s: float, lag_s: float
) -> NDArray[np.float64]:
    """Return how much of each mouth shape is shown [T, 9] at the times."""
    fine = np.zeros((round((times_s[-1] + 1.0) / STEP_S), len(OF_CUE)))
    for start_s, end_s, shape in cues:
        fine[round(start_s / STEP_S) : round(end_s / STEP_S), list(OF_CUE).index(shape)] = 1.0
    smooth = gaussian_filter1d(fine, width_s / STEP_S, axis=0, mode="nearest")
    places = np.clip(np.round((times_s - lag_s) / STEP_S).astype(int), 0, len(smooth) - 1)
    return smooth[places]
