# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a personal model moves sensibly for voices it has never heard.

`python -m benchmarks.unseen_voice BUNDLE… [--speech DATA/speech]` lets each bundle speak sentences in synthetic voices
whose phones are known exactly, and, where the folder is given, the recordings of `timit_sample` (eight speakers,
phones by hand). A speaker's opening is his own, so everything is relative to the clip:

- closed: p b m with the opening under 15 % of the clip's 95th percentile at some frame from 125 ms before to
  45 ms after;
- open: a ɑ æ ʌ ɛ ɔ with the opening over its median in speech at some frame within 45 ms;
- precision: of the runs of frames that are closed between the first and the last sound, those that touch the
  window of a p b m, f v or pause;
- by chance: the same motion against the labels of the next clip.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import Floats, PhoneSpan
from backend.inference.bundle import open_bundle
from backend.inference.predict import PredictRequest
from backend.inference.predictors import AnyPredictor, open_predictor
from backend.speech.phones import BILABIAL, LABIODENTAL, OPEN_VOWELS, SILENCE
from backend.speech.synthesis import synthesise

from .lips import EARLY_S, LATE_S, read_labels

CLOSED_SHARE = 0.15
FPS = 50.0
VOICES = ("en-us", "en-us+f3", "en-us+m7", "de", "fr", "es")
LINES = {
    "en": (
        "Maybe my brother will bring a bag of plums to the museum.",
        "Peter packed a map, a lamp and both blue umbrellas.",
        "The problem with bumblebees is that they are impossible to herd.",
    ),
    "de": (
        "Mama packt am Abend Proviant für die Bergbahn ein.",
        "Bitte bringen Sie mir morgen Mittag ein Paar bequeme Pantoffeln mit.",
    ),
    "fr": ("Mon papa a mangé un bon pamplemousse au bord de la mer.", "La pluie tombe beaucoup sur ma petite cabane."),
    "es": ("Mi mamá me mima y mi papá pinta un barco blanco.", "El abuelo bebe siempre un buen vaso de limonada."),
}


def synthetic(folder: Path) -> Iterator[tuple[Path, list[PhoneSpan]]]:
    """Yield (sound, phones) of every voice's lines."""
    for voice in VOICES:
        for index, line in enumerate(LINES[voice[:2]]):
            samples, sample_rate, phones = synthesise(line, voice)
            path = folder / f"{voice}-{index}.wav"
            soundfile.write(path, samples, sample_rate)
            yield path, phones


def opening_mm(predictor: AnyPredictor, sound: Path) -> Floats:
    """Return the lip opening of a sound at `FPS`."""
    clip = predictor.prepare(PredictRequest(sound, fps=FPS))
    neutral = canonical_face().neutral_cm if clip.look is None else clip.look.neutral_cm
    return 10 * lip_gap_cm(neutral + clip.performance.displacement_cm(clip.times_s()))


def score(gap_mm: Floats, labels: list[PhoneSpan]) -> Counter[str]:
    """Return what was shown and what was due, for one clip."""
    times = np.arange(len(gap_mm)) / FPS
    closed = gap_mm < CLOSED_SHARE * np.percentile(gap_mm, 95)
    sounds = [span for span in labels if span.phone != SILENCE]
    speech = (times >= sounds[0].start_s) & (times <= sounds[-1].end_s)
    open_mm = np.median(gap_mm[speech]) if speech.any() else np.inf
    counts: Counter[str] = Counter()
    allowed = np.zeros(len(times), bool)
    for span in sounds:
        near = (times >= span.start_s - EARLY_S) & (times <= span.end_s + LATE_S)
        if span.phone in BILABIAL:
            counts.update({"closed of": 1, "closed": int((closed & near).any())})
        elif span.phone in OPEN_VOWELS:
            near &= times >= span.start_s - LATE_S
            counts.update({"open of": 1, "open": int((near & (gap_mm > open_mm)).any())})
        if span.phone in BILABIAL | LABIODENTAL:
            allowed |= near
    for span in labels:
        if span.phone == SILENCE:
            allowed |= (times >= span.start_s - EARLY_S) & (times <= span.end_s + LATE_S)
    runs = _runs(closed & speech)
    counts.update({"precision of": len(runs), "precision": sum(int(allowed[a:b].any()) for a, b in runs)})
    return counts


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.diff(np.concatenate([[0], flags.astype(int), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def line(name: str, counts: Counter[str]) -> str:
    """Return one row of the table."""
    shares = (f"{100 * counts[key] / max(1, counts[f'{key} of']):.0f} %" for key in ("closed", "precision", "open"))
    return f"| {name} | {' | '.join(shares)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="+", help="names or folders")
    parser.add_argument("--speech", type=Path, help="folder that holds timit_sample")
    options = parser.parse_args()
    print("| bundle, voice | p b m closed | closures that are due | open vowels open |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        sets = {"synthetic": list(synthetic(Path(folder)))}
        if options.speech:
            tables = sorted((options.speech / "timit_sample").glob("*.phones.csv"))
            sets["TIMIT"] = [(t.with_name(t.name.replace(".phones.csv", ".wav")), read_labels(t)) for t in tables]
        for bundle in options.bundles:
            predictor = open_predictor(open_bundle(bundle), "cpu")
            for name, clips in sets.items():
                gaps = [opening_mm(predictor, sound) for sound, _ in clips]
                shown = sum((score(g, labels) for g, (_, labels) in zip(gaps, clips, strict=True)), Counter[str]())
                moved = [clips[(index + 1) % len(clips)][1] for index in range(len(clips))]
                chance = sum((score(g, labels) for g, labels in zip(gaps, moved, strict=True)), Counter[str]())
                print(line(f"{predictor.bundle.name}, {name}", shown), flush=True)
                print(line(f"{predictor.bundle.name}, {name}, by chance", chance), flush=True)


if __name__ == "__main__":
    main()
