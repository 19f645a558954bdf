# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's lip-sync settings, and where Blender keeps them (`Scene.lipsync3d`)."""

from collections.abc import Callable

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .operators.preview import on_edit

PATH = {"ANIMATABLE", "PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else {"ANIMATABLE"}
"""Options of a path, which may begin with // for the folder of the .blend; from 4.5 on Blender has to be told so."""
AUTO = "AUTO"
LANGUAGES = (
    (AUTO, "Automatic", "Any; American English where there is a transcript"),
    ("en-us", "English (US)", ""), ("en-gb", "English (UK)", ""), ("de", "German", ""), ("es", "Spanish", ""),
    ("fr", "French", ""), ("it", "Italian", ""), ("ja", "Japanese", ""), ("ko", "Korean", ""),
    ("nl", "Dutch", ""), ("pl", "Polish", ""), ("pt-br", "Portuguese (Brazil)", ""), ("ru", "Russian", ""),
    ("cmn", "Chinese (Mandarin)", ""),
)  # fmt: skip
REGIONS = (
    ("jaw", "Jaw", "The gain of the jaw applies"),
    ("lips", "Lips", "The gain of the lips applies"),
    ("tongue", "Tongue", "The gain of the tongue applies"),
    ("upper_face", "Upper face", "The gain of the upper face applies"),
)


def _gain(name: str, description: str) -> Callable[..., float]:
    return FloatProperty(
        name=name, description=description, default=1.0, min=0.0, max=3.0, soft_max=2.0, update=on_edit
    )


class LIPSYNC_PG_gains(bpy.types.PropertyGroup):
    """How strongly the parts of the face move; 1 is as predicted."""

    jaw: _gain("Jaw", "How far the jaw opens")
    lips: _gain("Lips", "How strongly the lips round, spread and part")
    tongue: _gain("Tongue", "How far the tongue comes out")
    upper_face: _gain("Upper face", "How strongly brows, eyes, cheeks and nose move")


def _style(name: str, description: str) -> Callable[..., float]:
    return FloatProperty(name=name, description=description, default=1.0, min=0.0, max=10.0, soft_max=2.0)


class LIPSYNC_PG_style(bpy.types.PropertyGroup):
    """How the next lip-sync speaks; 1 is ordinary, and lips meet and rest at any setting."""

    articulation: _style("Articulation", "How much everything moves: 0.5 mumbles, 1.5 over-articulates")
    jaw: _style("Jaw's part", "How much of each opening the jaw makes; the lips make up the rest")
    lips: _style("Lip shape", "How far the lips round and spread")
    smoothing: _style("Smoothing", "Time from sound to sound: 0.5 is crisp, 2 slurs")


class LIPSYNC_PG_weight(bpy.types.PropertyGroup):
    """One canonical blendshape that a control does; its name is that of the blendshape."""

    value: FloatProperty(
        name="Weight",
        description="How much of this blendshape the control is when fully on",
        default=1.0, min=-4.0, max=4.0, soft_min=0.0, soft_max=1.0, update=on_edit,
    )  # fmt: skip


class LIPSYNC_PG_control(bpy.types.PropertyGroup):
    """One control of the map that is edited; its name is the map's."""

    kind: StringProperty(name="Kind")
    keys: StringProperty(name="On the rig", description="What is keyed for it")
    region: EnumProperty(name="Region", description="Which gain applies", items=REGIONS, update=on_edit)
    gain: FloatProperty(
        name="Gain", description="How strongly this control is keyed; 1 is as solved",
        default=1.0, min=0.0, max=4.0, soft_max=2.0, update=on_edit,
    )  # fmt: skip
    use_limits: BoolProperty(name="Limits", description="Keep the control within limits of your own", update=on_edit)
    low: FloatProperty(name="Lowest", description="Lowest value that is keyed", update=on_edit)
    high: FloatProperty(name="Highest", description="Highest value that is keyed", default=1.0, update=on_edit)
    mute: BoolProperty(name="Mute", description="Leave this control alone", update=on_edit)
    solo: BoolProperty(name="Solo", description="Move this control and others in solo only", update=on_edit)
    confidence: FloatProperty(name="Confidence", description="How sure it is what the control does", default=1.0)
    weights: CollectionProperty(type=LIPSYNC_PG_weight)


class LIPSYNC_PG_editor(bpy.types.PropertyGroup):
    """The map as it is edited."""

    character: StringProperty(name="Character", description="Object that holds the character together")
    map_id: StringProperty(name="Map", description="Map that the controls were taken from")
    controls: CollectionProperty(type=LIPSYNC_PG_control)
    active: IntProperty(name="Control", default=0)
    live: BoolProperty(
        name="Live Preview",
        description="Show every change on the current frame, from the prediction of the last lip-sync",
        default=False, update=on_edit,
    )  # fmt: skip
    is_filling: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})


class LIPSYNC_PG_head(bpy.types.PropertyGroup):
    """How a talking head is made."""

    bundle: StringProperty(name="Model", description="Folder of a personal model", subtype="DIR_PATH", options=PATH)
    error_mm: FloatProperty(
        name="Largest error",
        description="How far, in millimetres, the shapes may leave any vertex from where it was predicted; "
        "less makes more shapes",
        default=0.2, min=0.005, max=10.0, soft_max=2.0, precision=3,
    )  # fmt: skip
    texture: EnumProperty(
        name="Texture",
        items=(
            ("SEQUENCE", "Pictures beside the file", "A picture a frame, in a folder beside the .blend: all detail"),
            ("PACKED", "Packed flip-book", "One page of tiles within the .blend: small, and less smooth"),
            ("STILL", "Still", "The speaker at rest"),
        ),
        default="SEQUENCE",
    )
    tiles: IntProperty(name="Tiles", description="Pictures on the flip-book's page", default=64, min=1, max=256)
    back: BoolProperty(
        name="Back of the head",
        description="Add the back of the head and the neck, in the colour of the face's edge",
        default=False,
    )
    pose: StringProperty(
        name="Head motion",
        description="File that 'prepare' made of a video: the head turns as it did there; empty leaves it still",
        subtype="FILE_PATH",
        options=PATH,
    )
    lit: BoolProperty(
        name="Lit by the scene",
        description="Whether lights fall on the head; otherwise it shows the light of the video",
        default=False,
    )


class LIPSYNC_PG_batch(bpy.types.PropertyGroup):
    """A sheet of lines to run."""

    sheet: StringProperty(name="Sheet", description="Lines to speak, .csv or .jsonl", subtype="FILE_PATH", options=PATH)
    folder: StringProperty(name="Results", description="Folder for all that is made", subtype="DIR_PATH", options=PATH)
    workers: IntProperty(
        name="Processes", description="How many lines are done at once, each by a Blender of its own",
        default=1, min=1, max=64, soft_max=8,
    )  # fmt: skip


class LIPSYNC_PG_settings(bpy.types.PropertyGroup):
    """What the lip-sync of this scene goes by."""

    source: EnumProperty(
        name="Sound from",
        items=(
            ("FILE", "File", "A sound file"),
            ("STRIP", "Strip", "A sound strip of the scene, where it lies"),
        ),
        default="FILE",
    )
    sound_path: StringProperty(
        name="Sound", description="WAV, FLAC, OGG, Opus or MP3", subtype="FILE_PATH", options=PATH
    )
    start_frame: IntProperty(name="Start frame", description="Frame at which the sound begins", default=1)
    strip_name: StringProperty(name="Strip", description="Sound strip; empty takes the first one")
    transcript: PointerProperty(
        name="Transcript", description="Text of what is said, if you have it: better timing", type=bpy.types.Text
    )
    language: EnumProperty(name="Language", description="Language that is spoken", items=LANGUAGES)
    quality: EnumProperty(
        name="Listening",
        items=(
            (
                "AUTO",
                "Automatic",
                "Best with the universal model; fast with a personal one, whose lips words help less",
            ),
            ("BEST", "Best", "English words are listened for as well, which takes a fifth of the sound's time"),
            ("FAST", "Fast", "The network alone, hundreds of times faster than the sound plays"),
        ),
        default="AUTO",
    )
    bundle: StringProperty(
        name="Model",
        description="Name of a shipped model, or the folder of another one",
        default="universal",
        subtype="DIR_PATH",
        options=PATH,
    )
    map_name: StringProperty(
        name="Map",
        description="Naming convention of the controls: AUTO, the id of a map, or a map file",
        default=AUTO,
    )
    onto: EnumProperty(
        name="Keys go into",
        items=(
            ("ACTION", "Action", "A new Action, which takes over what the one that plays holds outside the lip-sync"),
            ("NLA", "NLA track", "A track of its own in the NLA editor; the Action that plays stays where it is"),
        ),
        default="ACTION",
    )
    set_range: BoolProperty(
        name="Set frame range", description="Set the scene's frame range to that of the sound", default=True
    )
    style: PointerProperty(type=LIPSYNC_PG_style)
    gains: PointerProperty(type=LIPSYNC_PG_gains)
    editor: PointerProperty(type=LIPSYNC_PG_editor)
    head: PointerProperty(type=LIPSYNC_PG_head)
    batch: PointerProperty(type=LIPSYNC_PG_batch)


def attach() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.lipsync3d = PointerProperty(type=LIPSYNC_PG_settings)


def detach() -> None:
    """Take them away."""
    del bpy.types.Scene.lipsync3d
