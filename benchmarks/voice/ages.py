# SPDX-License-Identifier: GPL-3.0-or-later
"""Real children beside older speakers: those of `transcribed/speechocean762` that nothing was trained on.

They learn English in China and read short sentences. Their phone times are a machine's (pocketsphinx on the known
text), so that the two groups are to be compared with each other, not with hand-labelled speech.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backend.training.universal.data import HELD_OUT_TEXTS_LIST, listed, read_sound, texts_of
from backend.training.universal.labels import Teacher

from .phones import Labelled, figures
from .ways import Clip, Way

CORPUS = "transcribed/speechocean762"
OLDEST_CHILD = 12
CLIPS = 7
"""Of each speaker: children have no more."""
Figures = dict[str, Any]


def measure(speech: Path, ways: dict[str, Way]) -> dict[str, Figures]:
    """Return `children, fast` and the like -> figures."""
    found: dict[str, Figures] = {}
    for group, clips in groups(speech).items():
        found |= {f"{group}, {name}": figures(clips, listen) for name, listen in ways.items()}
    return found


def groups(speech: Path) -> dict[str, list[Labelled]]:
    """Return the recordings of children and of older speakers, by what they are called in the table."""
    with (speech / CORPUS / "speakers.csv").open(encoding="utf-8", newline="") as table:
        ages = {row["speaker"]: int(row["age"]) for row in csv.DictReader(table)}
    texts = texts_of(speech)
    by_speaker: dict[str, list[str]] = {}
    for name in listed(HELD_OUT_TEXTS_LIST, texts):
        if name.startswith(CORPUS):
            by_speaker.setdefault(name.split("/")[2].removeprefix("SPEAKER"), []).append(name)
    teacher = Teacher()
    found: dict[str, list[Labelled]] = {}
    for child in (True, False):
        chosen = {who: names for who, names in by_speaker.items() if (ages[who] <= OLDEST_CHILD) == child}
        low, high = min(ages[who] for who in chosen), max(ages[who] for who in chosen)
        title = f"{len(chosen)} {'children' if child else 'older speakers'} of {low} to {high} years"
        every = [name for names in chosen.values() for name in names[:CLIPS]]
        found[title] = list(_labelled(speech, every, texts, teacher))
    return found


def _labelled(speech: Path, names: list[str], texts: dict[str, str], teacher: Teacher) -> Iterator[Labelled]:
    for name in names:
        spans = teacher.align(read_sound(speech / name), texts[name])
        if spans:  # a text that cannot be aligned has no times to compare with
            yield Labelled(Clip(speech / name, texts[name]), spans)
