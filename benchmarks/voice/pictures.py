# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mouth does with spoiled sounds, drawn: the sound's spectrum, and its opening against the clean sound's."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from backend.audio.decode import load_mono
from backend.audio.features import log_mel
from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import Floats
from backend.speech.phones import BILABIAL

from .hard import LENGTH_S, Case, not_speech
from .phones import Labelled
from .spoiled import RATE
from .ways import Clip, Way

HZ = 60.0
COLUMNS = 3
SHOWN = (
    "white noise, 10 dB", "white noise, 0 dB", "babble, 10 dB", "babble, 0 dB", "music, 10 dB", "music, 0 dB",
    "room, 0.6 s", "telephone", "clipping, 20 dB", "whisper", "sung", "child's voice", "slow, x 0.6", "fast, x 1.7",
)  # fmt: skip


def draw_hard_cases(path: Path, cases: Sequence[Case], example: Labelled, listen: Way) -> None:
    """Write the picture of every case of `SHOWN` and of the sounds in which nobody speaks."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    chosen = [case for case in cases if case.name in SHOWN]
    still = list(not_speech())
    rows = -(-(len(chosen) + len(still)) // COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(15, 2.1 * rows), layout="constrained")
    places = iter(axes.flat)
    clean = load_mono(example.clip.sound)
    times, gap = _opening(clean, example.clip, listen)
    for case in chosen:
        axis = next(places)
        samples = case.spoil(clean, np.random.default_rng(0))
        _spectrum(axis, samples)
        shown, opening = _opening(samples, example.clip, listen)
        axis.plot(times * case.stretch, gap, color="white", linewidth=0.8, linestyle=":")
        axis.plot(shown, opening, color="orange", linewidth=1.2)
        for span in example.labels:
            if span.phone in BILABIAL:
                axis.axvspan(span.start_s * case.stretch, span.end_s * case.stretch, 0, 0.06, color="red")
        axis.set_title(case.name, fontsize=9)
    for name, samples in still:
        axis = next(places)
        _spectrum(axis, samples[: 6 * RATE])
        shown, opening = _opening(samples[: min(6, int(LENGTH_S)) * RATE], Clip(example.clip.sound), listen)
        axis.plot(shown, opening, color="orange", linewidth=1.2)
        axis.set_title(f"nobody speaks: {name}", fontsize=9)
    for axis in places:
        axis.axis("off")
    figure.suptitle(
        "Lip opening (mm): spoiled sound (orange), clean sound (dotted); red: p b m as labelled", fontsize=10
    )
    figure.savefig(path, dpi=80, pil_kwargs={"quality": 80})
    pyplot.close(figure)


def _spectrum(axis: object, samples: Floats) -> None:
    mels = log_mel(samples)
    extent = (0, len(samples) / RATE, 0, 16)
    axis.imshow(mels.T, origin="lower", aspect="auto", extent=extent, cmap="Blues_r", vmin=-16, vmax=2)  # type: ignore[attr-defined]
    axis.set_ylim(0, 16)  # type: ignore[attr-defined]


def _opening(samples: Floats, clip: Clip, listen: Way) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], Floats]:
    with tempfile.TemporaryDirectory(prefix="lipsync3d-") as folder:
        sound = Path(folder) / "shown.wav"
        soundfile.write(sound, samples, RATE, subtype="FLOAT")
        answer = listen(replace(clip, sound=sound))
    times = np.arange(0, answer.duration_s, 1 / HZ)
    return times, 10 * lip_gap_cm(canonical_face().neutral_cm + answer.mover(times))
