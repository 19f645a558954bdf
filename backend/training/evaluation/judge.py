# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle and the baselines on the same clips: figures of motion and texture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.types import Floats
from ...dataset.shards import read_arrays
from ...inference.bundle import UNIVERSAL, Bundle, open_bundle
from ..personal.clips import Clips, TrainClip
from .baselines import Baseline
from .lip_judges import (
    OTHER_LIPS,
    TRUE_LIPS,
    ClipReading,
    LipJudges,
    ReadingScore,
    lips_of_another,
    summarise_readings,
)
from .metrics import ClipScore, Score, TrueClip, score_clip, summarise
from .portrait import Looks
from .prediction import BundleVoice, Predicted
from .texture_metrics import TextureScore, score_texture, summarise_textures

MODEL, STILL, UNTRAINED = "this model", "reference texture, still", "universal model, not trained on this speaker"

Progress = Callable[[float], None]


@dataclass(frozen=True)
class JudgedClip:
    """One clip and what the model made of it."""

    truth: TrueClip
    predicted_cm: Floats
    """[T, 468, 3]"""
    scores: dict[str, ClipScore]
    """Predictor -> figures; `MODEL` is the bundle."""
    textures: dict[str, TextureScore]
    """`MODEL` and `STILL`, where the bundle predicts texture."""
    readings: dict[str, ClipReading]
    """The predictors, `TRUE_LIPS` and `OTHER_LIPS`, where there are judges of lips."""


@dataclass(frozen=True)
class Verdict:
    """All clips."""

    clips: tuple[JudgedClip, ...]
    motion: dict[str, Score]
    """Predictor -> figures over all clips, the model first."""
    texture: dict[str, TextureScore]
    reading: dict[str, ReadingScore]
    """As the clips' `readings`."""
    chance: dict[str, float]
    """Slot of a sentence -> share that guessing tells."""


class Judge:
    """Compares predictions with the truth, clip by clip; only one clip's atlases are in memory."""

    def __init__(
        self,
        bundle: Bundle,
        reference_atlas: NDArray[np.uint8] | None,
        baselines: Sequence[Baseline],
        lips: LipJudges | None = None,
    ) -> None:
        self._voice = BundleVoice(bundle)
        self._untrained = None if bundle.kind == UNIVERSAL else BundleVoice(open_bundle())
        self._reference = reference_atlas
        self._baselines = baselines
        self._lips = lips

    def verdict(self, clips: Clips, truths: Sequence[TrueClip], progress: Progress) -> Verdict:
        """Return the figures of all clips."""
        judged: list[JudgedClip] = []
        others = (*clips.clips[1:], clips.clips[0])
        for clip, other, truth in zip(clips.clips, others, truths, strict=True):
            judged.append(self._clip(clip, other, truth))
            progress(len(judged) / len(clips.clips))
        names = judged[0].scores
        motion = {name: summarise([clip.scores[name] for clip in judged]) for name in names}
        texture = {name: summarise_textures([clip.textures[name] for clip in judged]) for name in judged[0].textures}
        reading = {n: summarise_readings([clip.readings[n] for clip in judged]) for n in judged[0].readings}
        chance = self._lips.chance if self._lips is not None else {}
        return Verdict(tuple(judged), motion, texture, reading, chance)

    def _clip(self, clip: TrainClip, other: TrainClip, truth: TrueClip) -> JudgedClip:
        predicted = self._voice.predict(clip)
        faces = {MODEL: predicted.displacement_cm}
        faces |= {baseline.name: baseline.predict(clip) for baseline in self._baselines}
        if self._untrained is not None:
            faces[UNTRAINED] = self._untrained.predict(clip, textured=False).displacement_cm
        scores = {name: score_clip(truth, truth.neutral_cm + moved) for name, moved in faces.items()}
        mesh = truth.neutral_cm + predicted.displacement_cm
        shown = {**faces, TRUE_LIPS: clip.displacement_cm, OTHER_LIPS: lips_of_another(clip, other)}
        lips = self._lips
        readings = {name: lips.reading(clip, truth, moved) for name, moved in shown.items()} if lips else {}
        return JudgedClip(truth, mesh, scores, self._textures(clip, predicted), readings)

    def _textures(self, clip: TrainClip, predicted: Predicted) -> dict[str, TextureScore]:
        if predicted.atlas is None:
            return {}
        true = true_atlas(clip)
        scores = {MODEL: score_texture(true, predicted.atlas, clip.times_s)}
        if self._reference is not None:
            scores[STILL] = score_texture(true, np.broadcast_to(self._reference, true.shape), clip.times_s)
        return scores

    def looks(self, clip: TrainClip, truth: TrueClip) -> Looks:
        """Return a clip as it was and as predicted, with textures."""
        predicted, true = self._voice.predict(clip), true_atlas(clip)
        painted = predicted.atlas
        if painted is None:
            painted = np.median(true[:: max(1, len(true) // 32)], axis=0).astype(np.uint8)[None]
        return Looks(clip, truth.mesh_cm, truth.neutral_cm + predicted.displacement_cm, true, painted)


def true_atlas(clip: TrainClip) -> NDArray[np.uint8]:
    """Return the atlases [T, S, S, 3] of a clip, light taken out.

    Raises:
        VideoError: the shard is damaged.
    """
    return read_arrays(clip.path, ("atlas",))["atlas"]
