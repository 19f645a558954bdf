# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a line: speech, curves, bake, check. Each makes an entry of the cache from what its key is made of."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..core.errors import LipSyncError
from ..inference.animate import write_clip
from ..inference.predict import PredictRequest
from ..motion.expression import NEUTRAL, Expressive, mood_of
from ..motion.performance import MotionStyle
from .cache import Draft, Entry
from .checking import check
from .keys import Keys
from .lines import ENDINGS, Line, Outcome, Piece
from .speaking import speak_into
from .station import Station
from .strip import write_strip

SPEECH, PHONES, CURVES, MESH, TRACKS, STRIP = (
    "speech.wav", "phones.json", "curves.json", "motion.npz", "tracks.npz", "strip.png"
)  # fmt: skip


@dataclass(frozen=True)
class _Work:
    """A line under way."""

    place: Station
    line: Line
    keys: Keys
    worked: list[str] = field(default_factory=list[str])

    @contextmanager
    def stage(self, name: str, key: str) -> Generator[Draft | None]:
        """Yield a draft to be filled, or None where the cache has the stage's entry."""
        if self.place.cache.find(key) is not None:
            yield None
            return
        with self.place.cache.draft(key) as draft:
            yield draft
        self.worked.append(name)

    def entry(self, key: str) -> Entry:
        """Return a stage's entry, which must be there by now."""
        found = self.place.cache.find(key)
        if found is None:
            raise LipSyncError("the cache lost what was just made; is another program cleaning the folder?")
        return found


def make(place: Station, line: Line, keys: Keys) -> Outcome:
    """Do all stages of a line that the cache does not have.

    Raises:
        LipSyncError: the line's own problem, in one sentence.
    """
    work = _Work(place, line, keys)
    sound, phones = _speech(work)
    curves = _curves(work, sound, phones)
    bake = _bake(work, sound, curves) if keys.bake else None
    with work.stage("check", keys.check) as draft:
        if draft is not None:
            draft.facts.update(check(sound, curves, CURVES, bake, TRACKS))
    facts = dict(work.entry(keys.check).facts)
    return Outcome(line.id, _pieces(work, bake), facts, worked=tuple(work.worked))


def _pieces(work: _Work, bake: Entry | None) -> dict[str, Piece]:
    line, keys = work.line, work.keys
    pieces = {"strip": Piece(keys.curves, STRIP)}
    if keys.speech:
        pieces["wav"] = Piece(keys.speech, SPEECH)
    if "json" in line.outputs:
        pieces["json"] = Piece(keys.curves, CURVES)
    if "csv" in line.outputs:
        pieces["csv"] = Piece(keys.curves, "curves.csv")
    if bake is not None:
        pieces |= {kind: Piece(keys.bake, f"baked{ENDINGS[kind]}") for kind in line.for_blender}
    return pieces


def _speech(work: _Work) -> tuple[Path, Path | None]:
    """Return the sound of a line and its phones file, where there is one."""
    line, key = work.line, work.keys.speech
    if line.sound is not None:
        return line.sound, line.phones
    with work.stage("speech", key) as draft:
        if draft is not None:
            draft.facts.update(speak_into(draft.folder / SPEECH, draft.folder / PHONES, line, work.place.timer()))
    entry = work.entry(key)
    return entry.file(SPEECH), entry.file(PHONES) if PHONES in entry.files else None


def _curves(work: _Work, sound: Path, phones: Path | None) -> Entry:
    line, key = work.line, work.keys.curves
    with work.stage("curves", key) as draft:
        if draft is not None:
            request = PredictRequest(
                sound=sound,
                fps=line.fps,
                transcript="" if phones is not None else line.transcript,
                phones=phones,
                language=line.language,
                quality=line.quality,
                bundle=line.bundle,
                style=MotionStyle(line.articulation) if line.articulation != 1.0 else None,
                texture=False,
            )
            clip = work.place.predictor(line.bundle).prepare(request)
            if clip.look is not None:
                clip = replace(clip, look=replace(clip.look, atlases=None))
            if line.expression != NEUTRAL:
                clip = replace(clip, performance=Expressive(clip.performance, mood_of(line.expression, line.intensity)))
            told = write_clip(clip, draft.folder / CURVES)
            if "csv" in line.outputs:
                write_clip(clip, draft.folder / "curves.csv")
            if line.for_blender:
                write_clip(clip, draft.folder / MESH)
            write_strip(clip, draft.folder / STRIP)
            draft.facts.update(duration_s=told.duration_s, confidence=told.confidence_mean, bundle=told.bundle)
    return work.entry(key)


def _bake(work: _Work, sound: Path, curves: Entry) -> Entry:
    line, key = work.line, work.keys.bake
    with work.stage("bake", key) as draft:
        if draft is not None:
            job = {
                "character": str(Path(line.character or "").absolute()),
                "object": line.object,
                "map": line.map,
                "mesh": str(curves.file(MESH).absolute()),
                "sound": str(sound.absolute()),
                "title": line.id,
                "fps": line.fps,
                "start_frame": line.start_frame,
                "gains": {"jaw": line.jaw, "lips": line.lips, "tongue": line.tongue, "upper_face": line.upper_face},
                "outputs": {
                    kind: str((draft.folder / f"baked{ENDINGS[kind]}").absolute()) for kind in line.for_blender
                },
                "tracks": str((draft.folder / TRACKS).absolute()),
            }
            answer = work.place.blender.ask(job)
            draft.facts.update(notes=answer["notes"], keyed=answer["keyed"])
    return work.entry(key)
