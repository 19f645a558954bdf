# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a finished lip-sync into the scene: Actions, sound strip, frame range. All of it, or nothing."""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.core.errors import SoundError
from ..backend.core.timebase import exact_fps, s_to_frame
from ..jobs.bake import Baked
from . import actions, sound_strip
from .character import Character
from .landing import Track, landed

MOVES = 1e-4
"""A control whose values all stay below this gets no keys."""
ON_GRID = 1e-3
"""Frames that a prediction's times may be off whole frames."""
LAST_FRAME = 1_048_574
"""Blender's highest frame."""


@dataclass(frozen=True)
class Placement:
    """Where the lip-sync goes."""

    sound: Path
    start_frame: float
    """Scene frame of the sound's first sample."""
    first_frame: int | None = None
    """Keys lie from here on (a trimmed strip); None: from the sound's start."""
    last_frame: int | None = None
    add_strip: bool = True
    set_range: bool = True
    in_track: bool = False
    """Whether the keys go into an NLA track of their own, and what plays stays."""
    title: str = ""
    """What the Actions are named after; empty: the sound."""


@dataclass(frozen=True)
class Report:
    """What was done, for people."""

    keyed: tuple[str, ...]
    """Names of the controls that got keys."""
    still: tuple[str, ...]
    """Names of those that the sound does not move."""
    frames: tuple[int, int]
    """First and last."""
    actions: tuple[str, ...]
    kept: tuple[str, ...]
    """Actions that played before and stay in the file."""
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        text = f"keyed {len(self.keyed)} controls over frames {self.frames[0]} to {self.frames[1]}"
        if self.still:
            text += f", {len(self.still)} are not moved by this sound"
        if self.kept:
            text += f"; kept the former Action {', '.join(self.kept)}"
        return "; ".join([text, *self.notes])


def scene_fps(scene: bpy.types.Scene) -> Fraction:
    """Return the scene's exact frame rate."""
    return exact_fps(scene.render.fps, scene.render.fps_base)


def apply(scene: bpy.types.Scene, character: Character, baked: Baked, placement: Placement) -> Report:
    """Write a finished lip-sync.

    Raises:
        LipSyncError: something changed in the meantime or cannot be written; the scene is as it was.
    """
    frames, tracks = _on_frames(baked, scene_fps(scene), placement)
    if all(track.still for track in tracks):
        raise SoundError(f"{placement.sound}: nothing is said in it, so the face would not move; choose another sound")
    keys = landed(character, tracks, baked.match)
    former = _former(scene, placement, character.head)
    gone = None if former is None else (former.first_frame, former.last_frame + 1)
    notes = list(character.notes)
    made: list[_Made] = []
    with ExitStack() as undo:
        for owner, values in keys.items():
            if values.moving:
                written = actions.Tracks(
                    frames, values.values, frozenset(set(values.values) - values.moving), instead=gone
                )
                made.append(_write(owner.find(), written, placement, undo))
        if placement.add_strip:
            notes += place_sound(scene, placement, character.head, former, undo)
        if placement.set_range and frames[-1] <= 0:
            notes.append("the frame range cannot lie before frame 0, so it was left alone")
        elif placement.set_range:
            scene.frame_start, scene.frame_end = max(0, int(frames[0])), int(frames[-1])
        undo.pop_all()
    kept = [name for one in made for name in _concluded(one, notes)]
    moved = tuple(dict.fromkeys(track.name for track in tracks if not track.still))
    return Report(
        keyed=moved,
        still=tuple(dict.fromkeys(track.name for track in tracks if track.still and track.name not in moved)),
        frames=(int(frames[0]), int(frames[-1])),
        actions=tuple(one.action.name for one in made),
        kept=tuple(kept),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Made:
    """An Action that was made, and what played before."""

    owner: actions.Animated
    before: actions.Assignment
    action: bpy.types.Action
    name: str
    curves: tuple[actions.Curve, ...]
    in_track: bool


def _write(owner: actions.Animated, tracks: actions.Tracks, placement: Placement, undo: ExitStack) -> _Made:
    """Write the keys of one datablock; `undo` then knows how to take them back."""
    before = actions.assignment_of(owner)
    name = f"Lip-sync {placement.title or placement.sound.stem} {_worn_by(owner)}"[:60]
    if placement.in_track:
        action = actions.write_track(owner, name, tracks)
        undo.callback(actions.restore_tracks, owner, before, action)
    else:
        undo.callback(actions.restore, owner, before)
        action = actions.write(owner, name, tracks)
    return _Made(owner, before, action, name, tuple(tracks.values), placement.in_track)


def _concluded(made: _Made, notes: list[str]) -> list[str]:
    """Let an earlier take go where nobody has touched it; return the names of the Actions that stay instead."""
    if made.in_track:
        if actions.plays_over_tracks(made.owner, made.curves):
            notes.append(
                f"{made.owner.name}: its own Action keys some of the same and plays over the NLA track; push it down"
            )
        return actions.drop_earlier_tracks(made.owner, made.action)
    if made.before.action is None or actions.drop_replaced(made.before, made.action, made.name):
        return []
    return [made.before.action.name]


def _worn_by(owner: actions.Animated) -> str:
    """Return the name of an object, or of the first that wears some shape keys."""
    if owner.id_type != "KEY":
        return owner.name
    return next((one.name for one in bpy.data.objects if one.data == owner.user), owner.name)


def _on_frames(baked: Baked, fps: Fraction, placement: Placement) -> tuple[NDArray[np.float64], list[Track]]:
    """Return whole frames [T] and the tracks on them; interpolated where those predicted lie between them."""
    given = s_to_frame(baked.times_s, fps, placement.start_frame)
    first = math.ceil(given[0] - ON_GRID) if placement.first_frame is None else placement.first_frame
    last = math.floor(given[-1] + ON_GRID) if placement.last_frame is None else placement.last_frame
    first, last = max(first, math.ceil(given[0] - ON_GRID)), min(last, math.floor(given[-1] + ON_GRID), LAST_FRAME)
    if last < first:
        raise SoundError(f"{placement.sound}: its strip plays none of it; move the strip's ends")
    frames = np.arange(first, last + 1, dtype=np.float64)
    # off the grid: the strip starts between frames, or the scene's frame rate was changed during the prediction
    on_grid = np.abs(given - np.round(given)).max() < ON_GRID
    part = slice(first - round(given[0]), first - round(given[0]) + len(frames))
    columns = baked.tracks.values.T
    values = [column[part] if on_grid else np.interp(frames, given, column).astype(np.float32) for column in columns]
    return frames, [
        Track(*target, column, bool(np.abs(column).max(initial=0.0) <= MOVES))
        for target, column in zip(baked.tracks.targets(), values, strict=True)
    ]


def _former(scene: bpy.types.Scene, placement: Placement, speaker: str) -> sound_strip.Placed | None:
    """Return the strip of the take that this one comes instead of: of one sound, NLA tracks hold the newest alone."""
    if not placement.add_strip:
        return None
    start = round(placement.start_frame)
    return sound_strip.former(scene, placement.sound, start, speaker, apart=placement.in_track)


def place_sound(
    scene: bpy.types.Scene, placement: Placement, speaker: str, former: sound_strip.Placed | None, undo: ExitStack
) -> list[str]:
    """Put the sound in place for a character, and tell `undo` how to take it back; return what to say about it.

    The strip of a former take goes along, unless others speak it too.
    """
    if not sound_strip.can_place():
        return ["this Blender was built without sound, so no sound strip was added"]
    start = round(placement.start_frame)
    if former is not None and former.speakers == (speaker,):
        shift = start - round(former.start_frame)
        sound_strip.move(scene, former.name, shift)
        undo.callback(sound_strip.move, scene, former.name, -shift)
        return [f"the sound strip was moved from frame {former.start_frame:g} to {start}"]
    strip = sound_strip.place(scene, placement.sound, start, speaker)
    if former is not None:
        rest = tuple(name for name in former.speakers if name != speaker)
        sound_strip.name_speakers(scene, former.name, rest)
        undo.callback(sound_strip.name_speakers, scene, former.name, former.speakers)
    if strip is None:
        return ["the sound strip was in place already"]
    undo.callback(sound_strip.remove, scene, strip)
    scene.sync_mode = "AUDIO_SYNC"  # or playback in the viewport would lag behind the sound
    return []
