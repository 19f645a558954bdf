# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the lips meet at every p, b and m of a text, in twenty languages.

`python -m benchmarks.closures_of_text` speaks the 300 lines of the batch's sheet with eSpeak NG, moves the
face by the times that it tells, and counts the closures on the mesh as `benchmarks.lips` does: inner-lip gap under 1 mm
at some frame from 125 ms before the phone to 45 ms after it.
"""

import argparse
import sys
from collections import Counter

from backend.motion.performance import Performance
from backend.speech.synthesis import synthesise
from backend.speech.voices import language_of

from .figure import Figure
from .lips import score
from .sheets.write import spoken_lines

FPS = (24.0, 30.0, 60.0)
KEPT = 0.98


def measure() -> dict[float, dict[str, Counter[str]]]:
    """Return the counts of `benchmarks.lips.score` by frame rate and language."""
    counts: dict[float, dict[str, Counter[str]]] = {fps: {} for fps in FPS}
    for voice, text in spoken_lines():
        _, _, spans = synthesise(text, voice)
        moved = Performance(spans, spans[-1].end_s).displacement_cm
        for fps in FPS:
            told = counts[fps].setdefault(language_of(voice), Counter())
            told.update(score(spans, moved, fps))
    return counts


def main() -> int:
    """Print the closures kept by language and in all; 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    held = True
    for fps, by_language in measure().items():
        for language, told in sorted(by_language.items()):
            print(f"  {fps:g} fps {language:4s} {told['recall']} of {told['recall of']}")
        total = sum(by_language.values(), Counter[str]())
        share = 100 * total["recall"] / total["recall of"]
        worst = min(100 * told["recall"] / max(told["recall of"], 1) for told in by_language.values())
        figures = (
            Figure(f"closures of {total['recall of']} p b m, {fps:g} fps", share, "%", 100 * KEPT, at_least=True),
            Figure(f"the same, worst of {len(by_language)} languages", worst, "%", 100 * KEPT, at_least=True),
        )
        for figure in figures:
            held &= figure.holds
            print(figure, flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
