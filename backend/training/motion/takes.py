# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracked clips as what the coarticulation is fitted to: what was said, what the mouth did, what the rules hold."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import VideoError
from ...core.face import lip_gap_cm, mouth_width_cm
from ...core.types import PhoneSpan
from ...inference.bundle import Bundle, open_bundle
from ...inference.predict import Predictor, PredictRequest
from ...motion import contacts
from ...motion.coarticulation import MARGIN_S, STEP_S, phone_shares
from ...motion.timeline import timeline
from ..evaluation.metrics import TrueClip
from ..evaluation.prediction import write_sound
from ..evaluation.truth import find_word_files, true_clip
from ..personal.clips import TrainClip, load_clips
from ..personal.targets import MM

Doubles = NDArray[np.float64]

CHIN = 152
"""Vertex at the tip of the chin."""
QUIET_WEIGHT = 0.2
"""Weight of a frame outside speech; one inside has 1."""
GAP_MM, JAW_MM, WIDTH_MM = range(3)
"""Rows of `Take.seen`."""


@dataclass(frozen=True)
class Take:
    """One clip: T frames of film, S steps of 10 ms of sound with silence around."""

    name: str
    shares: NDArray[np.float32]
    """[S, 43] which phone it is, from `MARGIN_S` before the sound on."""
    times_s: Doubles
    """[T] of the frames."""
    seen: Doubles
    """[3, T] inner-lip gap, drop of the chin and widening of the mouth against the speaker's neutral, mm."""
    weight: Doubles
    """[T] how much each frame counts."""
    rules: Doubles
    """[3, T] closure, lip on teeth, and wakefulness, 0-1, which the motion keeps whatever is fitted."""


class Aligner:
    """A bundle that lays known words over clips, or finds the phones itself where no words are known."""

    def __init__(self, bundle: Bundle) -> None:
        self._predictor = Predictor(bundle, "cpu")

    def phones(self, clip: TrainClip, truth: TrueClip) -> tuple[PhoneSpan, ...]:
        """Return the phones of a clip's sound."""
        with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
            sound = Path(folder) / "clip.wav"
            write_sound(sound, clip.samples)
            return self._predictor.prepare(PredictRequest(sound, transcript=text_of(truth))).phones


def text_of(truth: TrueClip) -> str:
    """Return the words of a clip; letters of the alphabet as capitals, which are spelt."""
    return " ".join(word.text.upper() if len(word.text) == 1 else word.text for word in truth.words)


def take_of(clip: TrainClip, truth: TrueClip, spans: Sequence[PhoneSpan]) -> Take:
    """Return a clip as it is fitted to.

    Args:
        clip: the film.
        truth: the same clip with the times of its speech.
        spans: what is said.
    """
    line, times = timeline(spans, float(clip.times_s[-1])), clip.times_s
    steps = round((float(times[-1]) + 2 * MARGIN_S) / STEP_S) + 1
    seen = np.stack(
        [
            MM * lip_gap_cm(truth.mesh_cm),
            -MM * clip.displacement_cm[:, CHIN, 1],
            MM * (mouth_width_cm(truth.mesh_cm) - mouth_width_cm(truth.neutral_cm)),
        ]
    )
    rules = [contacts.closures(line).amount(times), contacts.tooth_contacts(line).amount(times)]
    return Take(
        clip.name,
        phone_shares(line, -MARGIN_S, steps).astype(np.float32),
        times,
        seen.astype(np.float64),
        np.where(truth.speaking, 1.0, QUIET_WEIGHT),
        np.stack([*rules, 1 - contacts.rests(line).amount(times)]),
    )


def support_s(takes: Sequence[Take]) -> Doubles:
    """Return for how many seconds each phone was heard in all [43]; silence outside the sounds left out."""
    margin = round(MARGIN_S / STEP_S)
    heard = np.stack([take.shares[margin:-margin].sum(axis=0, dtype=np.float64) for take in takes])
    return STEP_S * heard.sum(axis=0)


def read_takes(shards: Path, words: Path | None, bundle: str) -> tuple[list[Take], str]:
    """Return the takes of a folder of shards, and the digest of its data.

    Args:
        shards: of `prepare`.
        words: folder of word files; clips without one are left out. None: all clips, their phones recognised.
        bundle: that listens.

    Raises:
        VideoError: no training data, or damaged.
        BundleError: no such bundle.
    """
    clips = load_clips(shards)
    files = find_word_files([words]) if words is not None else {}
    aligner = Aligner(open_bundle(bundle))
    takes: list[Take] = []
    for clip in clips.clips:
        if words is None or clip.name in files:
            truth = true_clip(clip, clips, files)
            takes.append(take_of(clip, truth, aligner.phones(clip, truth)))
    if not takes:
        raise VideoError(f"{words}: no word file (.align) of any clip in {shards}; give the folder that holds them")
    return takes, clips.digest
