# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound strips of the sequencer: those that are there, and the one that a lip-sync puts in place.

Strip types are quoted: before 4.4 they have another name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..backend.core.errors import SoundError

HIGHEST_CHANNEL = 128
"""Blender's own limit."""
SPEAKERS = "lipsync3d_speakers"
"""Custom property of a strip that a lip-sync put in place: the names of the characters who speak it, a line each."""


@dataclass(frozen=True)
class Placed:
    """A sound strip as the lip-sync sees it."""

    name: str
    path: Path
    start_frame: float
    """Scene frame at which the sound's first sample lies, also where the strip is trimmed."""
    first_frame: int
    """First frame that the strip plays."""
    last_frame: int
    """Last frame that the strip plays."""
    packed: bool
    retimed: bool
    speakers: tuple[str, ...]
    """Characters that a lip-sync put it in place for; none for a strip of the artist's."""


def placed_strips(scene: bpy.types.Scene) -> list[Placed]:
    """Return the scene's sound strips, the first one first."""
    fps = scene.render.fps / scene.render.fps_base
    found = [_placed(strip, fps) for strip in _strips(scene) if strip.type == "SOUND" and strip.sound is not None]
    return sorted(found, key=lambda placed: (placed.first_frame, placed.name))


def find_strip(scene: bpy.types.Scene, name: str) -> Placed:
    """Return the named strip, or the first one where the name is empty.

    Raises:
        SoundError: no such strip, its sound is inside the .blend file, or it plays at another speed.
    """
    strips = placed_strips(scene)
    if not strips:
        raise SoundError("the scene has no sound strip; add one in the sequencer, or choose a sound file")
    placed = next((strip for strip in strips if strip.name == name), strips[0] if not name else None)
    if placed is None:
        raise SoundError(f"the scene has no sound strip named {name!r}; choose one that is there, or a sound file")
    if placed.packed and not placed.path.is_file():
        raise SoundError(
            f"the sound of strip {placed.name!r} is packed in the .blend; unpack it (File > External Data)"
        )
    if placed.retimed:
        raise SoundError(
            f"strip {placed.name!r} is retimed, so its sound is not heard as the file has it; "
            "reset its retiming, or render it to a sound file (Render > Render Audio)"
        )
    return placed


def can_place() -> bool:
    """Return whether this Blender was built with sound (the bpy wheel of 4.2 was not)."""
    return bpy.app.build_options.audaspace


def former(scene: bpy.types.Scene, sound: Path, start_frame: int, speaker: str, apart: bool = False) -> Placed | None:
    """Return the strip of a character's earlier take of a sound that a new take comes instead of.

    Args:
        scene: whose sequencer it lies in.
        sound: of both takes.
        start_frame: of the new one.
        speaker: the character.
        apart: whether it is so even where the two do not overlap, and both could be spoken.
    """
    for placed in placed_strips(scene):
        shift = start_frame - round(placed.start_frame)
        meets = apart or abs(shift) <= placed.last_frame - placed.first_frame
        if shift and meets and placed.path == sound and speaker in placed.speakers and not placed.retimed:
            return placed
    return None


def move(scene: bpy.types.Scene, name: str, frames: int) -> None:
    """Move a strip in time."""
    strip = _named(scene, name)
    if hasattr(strip, "content_start"):
        strip.content_start += frames
    else:
        strip.frame_start += frames


def name_speakers(scene: bpy.types.Scene, name: str, speakers: tuple[str, ...]) -> None:
    """Note which characters speak a strip."""
    _named(scene, name)[SPEAKERS] = "\n".join(speakers)


def place(
    scene: bpy.types.Scene, sound: Path, start_frame: int, speaker: str | None = None
) -> "bpy.types.Strip | None":
    """Put a sound in place for a character and return the new strip; None where the same sound already lies there."""
    for placed in placed_strips(scene):
        if placed.path == sound and round(placed.start_frame) == start_frame:
            if placed.speakers and speaker is not None:
                name_speakers(scene, placed.name, tuple(dict.fromkeys([*placed.speakers, speaker])))
            return None
    channel = 1 + max((strip.channel for strip in _strips(scene)), default=0)
    if channel > HIGHEST_CHANNEL:
        raise SoundError("the sequencer's channels are all in use; move a strip down to free one")
    editor = scene.sequence_editor or scene.sequence_editor_create()
    collection = editor.strips if hasattr(editor, "strips") else editor.sequences
    try:
        strip = collection.new_sound(sound.stem, str(sound), channel, start_frame)
    except RuntimeError as error:
        raise SoundError(f"{sound}: Blender cannot open this sound ({str(error).strip()}); try a WAV file") from error
    if speaker is not None:
        strip[SPEAKERS] = speaker
    return strip


def remove(scene: bpy.types.Scene, strip: "bpy.types.Strip") -> None:
    """Take a strip out again, and its sound if nothing else uses it."""
    editor = scene.sequence_editor
    sound = strip.sound
    (editor.strips if hasattr(editor, "strips") else editor.sequences).remove(strip)
    if sound.users == 0:
        bpy.data.sounds.remove(sound)


def pack(sound: Path) -> None:
    """Put a sound inside the .blend, where its file goes away."""
    for one in bpy.data.sounds:
        if Path(bpy.path.abspath(one.filepath)) == sound:
            one.pack()


def _strips(scene: bpy.types.Scene) -> "Iterator[bpy.types.Strip]":
    """Yield every strip, also inside meta strips."""
    editor = scene.sequence_editor
    if editor is None:
        return iter(())
    return iter(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def _named(scene: bpy.types.Scene, name: str) -> "bpy.types.Strip":
    return next(strip for strip in _strips(scene) if strip.name == name)


def _placed(strip: "bpy.types.Strip", fps: float) -> Placed:
    library = strip.sound.library
    path = Path(bpy.path.abspath(strip.sound.filepath, library=library))
    if hasattr(strip, "content_start"):  # 5.1 renamed them
        start, first, end = strip.content_start, strip.left_handle, strip.right_handle
    else:
        start, first, end = strip.frame_start, strip.frame_final_start, strip.frame_final_end
    # frames cut off for good (hold offset), and the delay that a film's sound track may have
    trimmed = strip.content_trim_start if hasattr(strip, "content_trim_start") else strip.animation_offset_start
    start += strip.sound_offset * fps - trimmed
    packed, retimed = strip.sound.packed_file is not None, len(strip.retiming_keys) > 0
    speakers = tuple(str(strip.get(SPEAKERS, "")).splitlines())
    return Placed(strip.name, path, float(start), int(first), int(end) - 1, packed, retimed, speakers)
