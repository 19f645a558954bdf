# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist's takes, sounds with the animation curves of a character, as what a training run reads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...audio.decode import load_mono
from ...audio.features import SAMPLE_RATE, log_mel
from ...core.blendshapes import within_limits
from ...core.curves_input import ENDINGS, Curves, read_curves
from ...core.errors import CurvesError
from ...core.face import canonical_face, vertices_from_weights
from ...core.types import Floats
from ...dataset.manifest import MANIFEST
from ...dataset.sources import VIDEO_ENDINGS
from .clips import Clips, TrainClip

SOUND_ENDINGS = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".w64", ".rf64", ".caf"})
LARGEST_GAP_S = 0.25
"""By which curves may begin after the sound, or end before or after it."""
LONGEST_PIECE_S = 15.0
SHORTEST_S = 0.5
HELD_OUT = 0.1
"""Share of the takes that choose when to stop; of the pieces, where there is one take."""


@dataclass(frozen=True, slots=True)
class Take:
    """A sound and its curves."""

    sound: Path
    curves: Path


@dataclass(frozen=True)
class TakeClips:
    """What takes give to learn from."""

    train: Clips
    held_out: Clips | None


def are_takes(inputs: Sequence[Path]) -> bool:
    """Return whether a user's inputs are sounds, or folders of sounds without videos and shards."""
    return bool(inputs) and all(_holds_sounds(path) for path in inputs if path.suffix.lower() not in ENDINGS)


def find_takes(inputs: Sequence[Path]) -> list[Take]:
    """Return the takes of files and folders, sorted within each folder; curves lie beside their sound.

    Raises:
        CurvesError: a sound without curves or with two, or curves without their sound.
    """
    files: list[Path] = []
    for path in inputs:
        files.extend(sorted(file for file in path.rglob("*") if _is_sound(file)) if path.is_dir() else [path])
    sounds = [path for path in files if path.suffix.lower() not in ENDINGS]
    beside = {sound.with_suffix("") for sound in sounds}
    for path in files:
        if path.suffix.lower() in ENDINGS and path.with_suffix("") not in beside:
            raise CurvesError(f"{path}: curves without their sound; give the sound of the same name as well")
    return [Take(sound, _curves_of(sound)) for sound in dict.fromkeys(sounds)]


def load_takes(inputs: Sequence[Path]) -> TakeClips:
    """Read takes; long ones are cut into pieces.

    Whole takes are held out, drawn by a hash of their content; of a single take, pieces.

    Raises:
        CurvesError: curves that are missing, damaged, or not of their sound.
        SoundError: a sound that cannot be used.
    """
    groups = [_load(take) for take in find_takes(inputs)]
    if len(groups) == 1:
        groups = [[piece] for piece in groups[0]]
    groups.sort(key=_digest)
    count = max(1, round(HELD_OUT * len(groups))) if len(groups) > 1 else 0
    judged = [clip for clips in groups[:count] for clip in clips]
    learnt = sorted((clip for clips in groups[count:] for clip in clips), key=lambda clip: clip.path)
    return TakeClips(_clips(inputs[0], learnt), _clips(inputs[0], judged) if judged else None)


def _holds_sounds(path: Path) -> bool:
    if not path.is_dir():
        return _is_sound(path)
    if (path / MANIFEST).is_file():
        return False
    endings = {file.suffix.lower() for file in path.rglob("*")}
    return bool(endings & SOUND_ENDINGS) and not endings & VIDEO_ENDINGS


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() in SOUND_ENDINGS and not path.name.startswith(".")


def _curves_of(sound: Path) -> Path:
    if not sound.is_file():
        raise CurvesError(f"{sound}: no such sound file; check the path")
    found = [path for path in (sound.with_suffix(ending) for ending in ENDINGS) if path.is_file()]
    if not found:
        wanted = " or ".join(sound.with_suffix(ending).name for ending in ENDINGS)
        raise CurvesError(f"{sound}: no curves beside it; put its {wanted} into the same folder")
    if len(found) > 1:
        raise CurvesError(f"{sound}: {found[0].name} and {found[1].name} are both beside it; keep the right one")
    return found[0]


def _load(take: Take) -> list[TrainClip]:
    """Return the pieces of a take."""
    sound = load_mono(take.sound)
    curves = read_curves(take.curves)
    _check_length(take, curves, len(sound) / SAMPLE_RATE)
    inside = (curves.times_s >= 0) & (curves.times_s <= len(sound) / SAMPLE_RATE)
    times_s, weights = curves.times_s[inside], within_limits(curves.weights[inside])
    count = int(np.ceil(len(sound) / SAMPLE_RATE / LONGEST_PIECE_S))
    cuts = [round(len(sound) * index / count) for index in range(count + 1)]
    pieces: list[TrainClip] = []
    for first, last in pairwise(cuts):
        own = (times_s >= first / SAMPLE_RATE) & (times_s < last / SAMPLE_RATE)
        if own.sum() >= 2:
            pieces.append(_piece(take, sound[first:last], times_s[own] - first / SAMPLE_RATE, weights[own]))
    if not pieces:
        raise CurvesError(f"{take.curves}: fewer than two frames within the sound; export the curves again")
    return pieces


def _check_length(take: Take, curves: Curves, duration_s: float) -> None:
    if duration_s < SHORTEST_S:
        raise CurvesError(f"{take.sound}: {duration_s:.2f} s of sound are too short to learn from; give {SHORTEST_S} s")
    begin_s, end_s = float(curves.times_s[0]), float(curves.times_s[-1]) + 1 / float(curves.fps)
    slack_s = LARGEST_GAP_S + 1 / float(curves.fps)
    if begin_s > slack_s or abs(end_s - duration_s) > slack_s:
        raise CurvesError(
            f"{take.curves}: the curves go from {begin_s:.2f} to {end_s:.2f} s but {take.sound.name} lasts "
            f"{duration_s:.2f} s; give the curves of this sound at their true frame rate"
        )


def _piece(take: Take, sound: Floats, times_s: NDArray[np.float64], weights: Floats) -> TrainClip:
    return TrainClip(
        name=take.sound.stem,
        path=take.curves,
        times_s=times_s,
        shot=np.zeros(len(times_s), np.int32),
        displacement_cm=vertices_from_weights(weights),
        log_mel=log_mel(sound),
        samples=np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16),
        weights=weights,
    )


def _digest(clips: Sequence[TrainClip]) -> str:
    digest = hashlib.sha256()
    for clip in clips:
        for array in (clip.times_s, clip.weights, clip.samples):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _clips(folder: Path, clips: Sequence[TrainClip]) -> Clips:
    return Clips(folder, canonical_face().neutral_cm, tuple(clips), _digest(clips))
