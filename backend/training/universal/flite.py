# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech of flite's voices with its own phone times: models of three people's recordings, nearer to people than eSpeak.

Needs the `flite` program (Debian package of that name) with the voices awb, rms and slt, which are free for any use.
"""

import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ...audio.features import log_mel
from ...core.errors import SynthesisError
from ...core.types import PhoneSpan
from ...speech.phone_sets import from_arpabet, joined_silences, split_span
from ...speech.phones import SILENCE
from .data import frame_labels, read_sound
from .synthetic import Utterance, sentences

VOICES = ("awb", "rms", "slt")
"""A Scottish man, a man and a woman of the United States."""
LIPS = frozenset("pbmfv")
WORDS_A_LINE = 7


def dictionary_words() -> list[str]:
    """Return the plain words of the teacher's pronouncing dictionary (cmudict, BSD licence)."""
    from pocketsphinx import get_model_path

    path = Path(get_model_path()) / "en-us" / "cmudict-en-us.dict"
    entries = (line.split()[0] for line in path.read_text(encoding="utf-8").splitlines())
    return sorted({word for word in entries if word.isalpha()})


def lines(count: int, texts: Sequence[str], words: Sequence[str], seed: int) -> Iterator[tuple[str, str, float, int]]:
    """Yield `(text, voice, tempo, pitch in Hz)`: known texts, our own sentences, random words rich in lip sounds.

    Args:
        count: how many.
        texts: English texts of recordings.
        words: of a pronouncing dictionary.
        seed: of the drawing.
    """
    draw = random.Random(seed)
    own = [text for language, those in sentences().items() if language.startswith("en") for text in those]
    with_lips = [word for word in words if LIPS & set(word)]
    for _ in range(count):
        kind = draw.random()
        if kind < 0.5:
            text = draw.choice(texts).lower()
        elif kind < 0.65:
            text = draw.choice(own)
        else:
            drawn = [draw.choice(with_lips if draw.random() < 0.5 else words) for _ in range(WORDS_A_LINE)]
            text = " ".join(word + draw.choice(("", "", "", ",")) for word in drawn)
        yield text, draw.choice(VOICES), draw.uniform(0.75, 1.35), draw.randint(90, 230)


def flite_speech(count: int, texts: Sequence[str], words: Sequence[str], seed: int) -> Iterator[Utterance]:
    """Yield spoken lines with features and the engine's labels.

    Raises:
        SynthesisError: flite is missing or fails.
    """
    with TemporaryDirectory() as folder:
        sound = Path(folder) / "line.wav"
        for index, (text, voice, tempo, pitch_hz) in enumerate(lines(count, texts, words, seed)):
            settings = ["--setf", f"duration_stretch={tempo:.2f}", "--setf", f"int_f0_target_mean={pitch_hz}"]
            command = ["flite", "-voice", voice, *settings, "-psdur", "-t", text, "-o", str(sound)]
            try:
                told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            except (OSError, subprocess.CalledProcessError) as error:
                raise SynthesisError(f"flite failed on {text[:40]!r} ({error}); install the package flite") from error
            spans = spans_of_durations(told)
            if any(span.phone != SILENCE for span in spans):
                mel = log_mel(read_sound(sound))
                yield f"flite-{voice}-{seed}-{index}", mel, frame_labels(spans, len(mel))


def spans_of_durations(told: str) -> list[PhoneSpan]:
    """Return the spans of flite's `-psdur` line: `pau:0.159 sh:0.296 …`, each with its end in seconds."""
    spans: list[PhoneSpan] = []
    start_s = 0.0
    for item in told.split():
        label, _, end = item.rpartition(":")
        if not label:  # the number of the utterance in the text
            continue
        spans += split_span(from_arpabet(label), start_s, float(end))
        start_s = float(end)
    return joined_silences(spans)
