# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line of a sheet says, and what becomes of it. Plain values that travel to any process or machine."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENDINGS = {
    "json": ".json",
    "csv": ".csv",
    "wav": ".wav",
    "glb": ".glb",
    "fbx": ".fbx",
    "usd": ".usdz",
    "blend": ".blend",
    "mp4": ".mp4",
}
"""Kind of output -> the ending of its file. A .usdz holds its textures, so that every kind is one file."""
OF_BLENDER = ("blend", "glb", "fbx", "usd", "mp4")
"""Kinds that a Blender process writes, in the order of writing."""
LONGEST_TEXT = 5000
"""Characters that a line may say: five minutes; more is a mistake in the sheet."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet, checked."""

    number: int
    """Its line in the sheet, from 1; the header of a CSV file is line 1."""
    id: str
    """Names the line; safe as a file name everywhere."""
    path: str
    """Where its outputs go: relative to the output folder, with `/`, without an ending."""
    text: str = ""
    """What is to be spoken; empty where there is a sound."""
    sound: Path | None = None
    """Recorded sound; None where there is a text."""
    engine: str = "espeak-ng"
    """Speech synthesiser of the text: a name, or the template of a command."""
    voice: str = ""
    """Voice of the engine; empty: that of the language."""
    language: str = ""
    """Language of text and transcript; empty: en-us."""
    transcript: str = ""
    """What the recorded sound says, where it is known."""
    phones: Path | None = None
    """Phones file of the recorded sound, where one is there."""
    quality: str = "auto"
    """How a recorded sound is listened to, one of `inference.reading.QUALITIES`."""
    speed: float = 1.0
    """Pace of the speech synthesiser; 1 is its own."""
    pitch: float = 0.0
    """Semitones above the voice's own pitch."""
    loudness: float = -23.0
    """Of the spoken text, LUFS."""
    character: Path | None = None
    """File of the character; needed by what Blender writes."""
    object: str = ""
    """The character's object, where the file holds several characters."""
    map: str = "AUTO"
    """Naming convention: `AUTO`, a map's id, or a map file."""
    bundle: str = "universal"
    """Name of a shipped bundle, or a bundle's folder."""
    fps: float = 30.0
    """Frames per second of curves and scene."""
    expression: str = "neutral"
    """One of `motion.expression.EXPRESSIONS`."""
    intensity: float = 1.0
    """How strong the expression is."""
    outputs: tuple[str, ...] = ("json",)
    """Kinds of output, keys of `ENDINGS`."""
    start_frame: int = 1
    """Scene frame at which the sound begins."""
    jaw: float = 1.0
    """Gain of the jaw."""
    lips: float = 1.0
    """Gain of the lips."""
    tongue: float = 1.0
    """Gain of the tongue."""
    upper_face: float = 1.0
    """Gain of brows, eyes, cheeks and nose."""
    articulation: float = 1.0
    """How clearly it is spoken with the face: 0.5 mumbles, 1.5 over-articulates."""

    @property
    def for_blender(self) -> tuple[str, ...]:
        """The outputs that need Blender, in the order of writing."""
        return tuple(kind for kind in OF_BLENDER if kind in self.outputs)

    def file_of(self, kind: str) -> str:
        """Return the path of an output, relative to the output folder."""
        return f"{self.path}{ENDINGS[kind]}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the cache that becomes an output."""

    key: str
    """Of the cache's entry."""
    name: str
    """Of the file in it."""


@dataclass(frozen=True)
class Outcome:
    """What a worker says of a line."""

    id: str
    pieces: dict[str, Piece] = field(default_factory=dict[str, Piece])
    """Output -> where the cache has it; besides the kinds `strip`, the pictures for the report."""
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """For the report: duration_s, closures, closed, confidence, findings, notes."""
    error: str = ""
    """One sentence; empty where all went well."""
    stops: bool = False
    """Whether no other line can be done either: the disk is full, or the folder cannot be written to."""
    worked: tuple[str, ...] = ()
    """Stages that were done rather than found in the cache."""
    memory_mb: float = 0.0
    """Of the worker after the line."""
    shipped: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    """Entries of the cache by key, files by name, where no folder is shared."""
