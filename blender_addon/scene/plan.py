# SPDX-License-Identifier: GPL-3.0-or-later
"""From the settings of a scene to what is asked of the worker and where its answer goes."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy

from ..backend.core.errors import RigError, SoundError
from ..backend.core.style import STYLE_FIELDS, MotionStyle
from ..backend.retarget.apply import Gains
from ..backend.retarget.detect import MapMatch, RigNames, choose
from ..backend.retarget.maps import load_map
from ..jobs.bake import BakeRequest
from ..jobs.job import Wanted
from . import user_maps
from .bake import Placement, scene_fps
from .character import Character, character_of, characters, selected_character
from .editing import edited
from .shapes import fitted_match
from .sharing import Fit, with_shared_sources
from .sound_strip import find_strip

AUTO = "AUTO"


@dataclass(frozen=True)
class Plan:
    """One lip-sync, fully said."""

    scene_name: str
    """The window may show another scene when the prediction is done."""
    character: Character
    request: BakeRequest
    placement: Placement


def plan_of(context: bpy.types.Context, device: str = "auto") -> Plan:
    """Return the lip-sync that the scene's settings ask for, on what is selected.

    Raises:
        LipSyncError: no sound, no usable character, or names that mean nothing; says why.
    """
    settings = context.scene.lipsync3d
    character = selected_character(context)
    fit = fit_of(character, settings.map_name)
    match = edited(character, fit.match, settings.editor)
    placement = placement_of(context.scene)
    wanted = wanted_of(context.scene, placement.sound, bundle_of(settings.bundle), device)
    request = BakeRequest(wanted, match, character.limits, gains_of(settings), style_of(settings))
    return Plan(context.scene.name, character, request, placement)


def wanted_of(scene: bpy.types.Scene, sound: Path, bundle: str, device: str) -> Wanted:
    """Return what a scene's settings ask of the prediction of a sound."""
    settings = scene.lipsync3d
    return Wanted(
        sound=sound,
        fps=float(scene_fps(scene)),
        bundle=bundle,
        language=settings.language if settings.language != AUTO else "",
        transcript=settings.transcript.as_string() if settings.transcript is not None else "",
        device=device,
        quality=settings.quality.lower(),
    )


def chosen_character(scene: bpy.types.Scene, name: str | None) -> Character:
    """Return the character of a named object, or the scene's only one.

    Raises:
        RigError: no such object, or none or several that could speak.
    """
    if name is not None:
        chosen = scene.objects.get(name)
        if chosen is None:
            there = ", ".join(thing.name for thing in scene.objects if thing.type in ("MESH", "ARMATURE"))
            raise RigError(f"no object {name!r} in the scene; there are: {there or 'none that could be animated'}")
        return character_of(chosen, scene)
    found = characters(scene)
    if not found:
        raise RigError(
            "no mesh of the file has shape keys, so nothing can move its mouth; give it ARKit or viseme ones"
        )
    usable = [one for one in found if _fits(one)]
    if len(usable) > 1:
        raise RigError(f"several characters could speak: {', '.join(one.title for one in usable)}; name one: --object")
    return (usable or found)[0]


def _fits(one: Character) -> bool:
    try:
        match_of(one.names)
    except RigError:
        return False
    return True


def gains_of(settings: bpy.types.PropertyGroup) -> Gains:
    """Return how strongly the parts of the face are to move."""
    gains = settings.gains
    return Gains(gains.jaw, gains.lips, gains.tongue, gains.upper_face)


def style_of(settings: bpy.types.PropertyGroup) -> MotionStyle:
    """Return how the character is to speak."""
    return MotionStyle(*(getattr(settings.style, name) for name in STYLE_FIELDS))


def placement_of(scene: bpy.types.Scene) -> Placement:
    """Return which sound is meant and where it lies.

    Raises:
        SoundError: none is chosen, or it is not there.
    """
    settings = scene.lipsync3d
    in_track = settings.onto == "NLA"
    if settings.source == "STRIP":
        strip = find_strip(scene, settings.strip_name)
        _check_there(strip.path)
        return Placement(
            sound=strip.path,
            start_frame=strip.start_frame,
            first_frame=strip.first_frame,
            last_frame=strip.last_frame + 1,
            add_strip=False,
            set_range=settings.set_range,
            in_track=in_track,
        )
    if not settings.sound_path:
        raise SoundError("no sound is chosen; choose a sound file")
    path = Path(bpy.path.abspath(settings.sound_path)).absolute()
    _check_there(path)
    return Placement(path, float(settings.start_frame), set_range=settings.set_range, in_track=in_track)


def fit_of(character: Character, map_name: str = AUTO) -> Fit:
    """Return how a character fits a map, with what its own shapes and drivers say that names do not.

    Raises:
        MapError: the map cannot be read.
        RigError: nothing there moves the mouth; says what was found and what was left out.
    """
    try:
        match = match_of(character.names, map_name)
    except RigError as error:
        raise RigError("; ".join([str(error), *character.notes])) from error
    return with_shared_sources(character, fitted_match(character, match))


def match_of(names: RigNames, map_name: str = AUTO) -> MapMatch:
    """Return how a character's names fit a map.

    Args:
        names: of all that may be keyed.
        map_name: `AUTO`, the id of a shipped map or of a user's own, or the path of a map file.

    Raises:
        MapError: the map cannot be read.
        RigError: nothing there moves the mouth; says what was found.
    """
    if map_name in ("", AUTO):
        return _match(names, None, 0.0)
    path = user_maps.path_of(map_name)
    return _match(names, path, user_maps.stamp(path))


def bundle_of(text: str) -> str:
    """Return a bundle's name, or the absolute path of its folder."""
    is_folder = text.startswith("//") or "/" in text or "\\" in text
    return str(Path(bpy.path.abspath(text)).absolute()) if is_folder else text or "universal"


@lru_cache(maxsize=8)
def _match(names: RigNames, map_file: Path | None, stamp: float) -> MapMatch:
    """Return the match; `stamp` changes with the file, so that an edited map is read again."""
    del stamp
    return choose(names) if map_file is None else choose(names, [load_map(map_file)])


def _check_there(sound: Path) -> None:
    if not sound.is_file():
        raise SoundError(f"{sound}: no such sound file; check the path")
