# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says, worked out when the scene changes and kept, so that drawing does no work."""

from collections import Counter
from dataclasses import dataclass, field, replace

import bpy
from bpy.app.handlers import persistent

from ..backend.core.errors import LipSyncError
from ..scene import user_maps
from ..scene.character import HEAD_FACTS, Character, selected_character
from ..scene.conflicts import conflicts
from ..scene.plan import fit_of, placement_of
from ..scene.sharing import Fit, owners_of

WORDS = {
    "shape": ("shape key", "shape keys"),
    "bone": ("bone channel", "bone channels"),
    "property": ("custom property", "custom properties"),
}


@dataclass(frozen=True)
class Facts:
    """The lines of the panel."""

    character: str = ""
    owners: tuple[str, ...] = ()
    """Objects that get keys."""
    keyed: str = ""
    """What will be keyed."""
    kind: str = "shape"
    """What most controls are."""
    coverage: str = ""
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    map_id: str = ""
    head: str = ""
    """Name of the object that holds the character together."""
    map_choice: str = ""
    """What the menu of maps shows."""
    conflicts: tuple[str, ...] = ()
    """Of the map with the rig."""
    sound: str = ""
    rig_problem: str = ""
    has_mesh: bool = False
    """Whether a mesh is selected, so that it could be measured or given shapes."""
    is_head: bool = False
    """Whether a talking head is selected, which is made anew for another sound."""
    sound_problem: str = ""

    @property
    def refusal(self) -> str:
        """Why a lip-sync cannot run; empty where it can."""
        return self.rig_problem or self.sound_problem


@dataclass
class _Kept:
    state: tuple[object, ...] | None = None
    facts: Facts = field(default_factory=Facts)


_KEPT = _Kept()


def facts(context: bpy.types.Context) -> Facts:
    """Return what is known of the selection and the chosen sound; worked out only when something changed."""
    state = _state(context)
    if state != _KEPT.state:
        _KEPT.facts = _look(context)
        _KEPT.state = state
    return _KEPT.facts


def forget() -> None:
    """Look again at the next drawing."""
    _KEPT.state = None


@persistent
def on_change(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Forget when objects, meshes or shape keys changed; playback alone changes nothing that is shown."""
    if any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows):
        return
    if any(depsgraph.id_type_updated(kind) for kind in ("OBJECT", "MESH", "KEY", "SCENE")):
        forget()


@persistent
def on_load(*_arguments: object) -> None:
    """Forget what belonged to another file."""
    forget()


def _state(context: bpy.types.Context) -> tuple[object, ...]:
    """Return what is cheap to compare and changes with the selection or the settings."""
    settings = context.scene.lipsync3d
    active = context.object
    return (
        context.scene.session_uid,
        active.session_uid if active is not None else 0,
        active is not None and active.select_get(),
        len(context.selected_objects),
        settings.source,
        settings.sound_path,
        settings.strip_name,
        settings.start_frame,
        settings.map_name,
    )


def _look(context: bpy.types.Context) -> Facts:
    settings = context.scene.lipsync3d
    known = Facts()
    try:
        placement = placement_of(context.scene)
        known = replace(known, sound=f"{placement.sound.name} from frame {placement.start_frame:g}")
    except LipSyncError as error:
        known = replace(known, sound_problem=str(error))
    if settings.map_name not in ("", "AUTO"):
        known = replace(known, map_choice=user_maps.title_of(settings.map_name))
    active = context.object
    if active is not None and active.select_get():
        is_head = HEAD_FACTS in active
        known = replace(known, has_mesh=active.type in ("MESH", "EMPTY") and not is_head, is_head=is_head)
    try:
        character = selected_character(context)
        known = replace(known, character=character.title, notes=character.notes)
        fit = fit_of(character, settings.map_name)
        return _of_fit(replace(known, notes=character.notes + fit.notes), character, fit)
    except LipSyncError as error:
        return replace(known, rig_problem=str(error))


def _of_fit(known: Facts, character: Character, fit: Fit) -> Facts:
    match = fit.match
    counts = Counter(matched.control.kind for matched in match.controls)
    owners = tuple(dict.fromkeys(owner for matched in match.controls for owner in owners_of(character, matched)))
    told = " and ".join(f"{count} {WORDS[kind][count > 1]}" for kind, count in counts.items())
    return replace(
        known,
        coverage=match.coverage.partition(", missing")[0],
        missing=match.missing,
        owners=owners,
        keyed=f"keys go on {told} of {', '.join(owners)}",
        kind=counts.most_common(1)[0][0] if counts else "shape",
        map_id=match.map.id,
        head=character.head,
        map_choice=known.map_choice or f"Automatic ({match.map.title})",
        conflicts=conflicts(character, match),
    )
