# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says, worked out when the scene changes and kept, so that drawing does no work."""

from dataclasses import dataclass, field, replace

import bpy
from bpy.app.handlers import persistent

from ..backend.core.errors import LipSyncError
from ..scene.character import selected_character
from ..scene.plan import fit_of, placement_of


@dataclass(frozen=True)
class Facts:
    """The lines of the panel."""

    character: str = ""
    meshes: tuple[str, ...] = ()
    coverage: str = ""
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sound: str = ""
    rig_problem: str = ""
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
    try:
        character = selected_character(context)
        known = replace(known, character=character.title, meshes=character.worn, notes=character.notes)
        fit = fit_of(character, settings.map_name)
        match = fit.match
        known = replace(known, notes=character.notes + fit.notes)
        return replace(known, coverage=match.coverage.partition(", missing")[0], missing=match.missing)
    except LipSyncError as error:
        return replace(known, rig_problem=str(error))
