# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's lip-sync settings, and where Blender keeps them (`Scene.lipsync3d`)."""

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from .backend.retarget.maps import load_maps

AUTO = "AUTO"
LANGUAGES = (
    (AUTO, "Automatic", "The default of the speech synthesiser (American English)"),
    ("en-us", "English (US)", ""), ("en-gb", "English (UK)", ""), ("de", "German", ""), ("es", "Spanish", ""),
    ("fr-fr", "French", ""), ("it", "Italian", ""), ("ja", "Japanese", ""), ("ko", "Korean", ""),
    ("nl", "Dutch", ""), ("pl", "Polish", ""), ("pt-br", "Portuguese (Brazil)", ""), ("ru", "Russian", ""),
    ("cmn", "Chinese (Mandarin)", ""),
)  # fmt: skip


def _gain(name: str, description: str) -> Callable[..., float]:
    return FloatProperty(name=name, description=description, default=1.0, min=0.0, max=3.0, soft_max=2.0)


class LIPSYNC_PG_gains(bpy.types.PropertyGroup):
    """How strongly the parts of the face move; 1 is as predicted."""

    jaw: _gain("Jaw", "How far the jaw opens")
    lips: _gain("Lips", "How strongly the lips round, spread and part")
    tongue: _gain("Tongue", "How far the tongue comes out")
    upper_face: _gain("Upper face", "How strongly brows, eyes, cheeks and nose move")


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
    sound_path: StringProperty(name="Sound", description="WAV, FLAC, OGG, Opus or MP3", subtype="FILE_PATH")
    start_frame: IntProperty(name="Start frame", description="Frame at which the sound begins", default=1)
    strip_name: StringProperty(name="Strip", description="Sound strip; empty takes the first one")
    transcript: PointerProperty(
        name="Transcript", description="Text of what is said, if you have it: better timing", type=bpy.types.Text
    )
    language: EnumProperty(name="Language", description="Language of the transcript", items=LANGUAGES)
    bundle: StringProperty(
        name="Model",
        description="Name of a shipped model, or the folder of another one",
        default="universal",
        subtype="DIR_PATH",
    )
    set_range: BoolProperty(
        name="Set frame range", description="Set the scene's frame range to that of the sound", default=True
    )
    gains: PointerProperty(type=LIPSYNC_PG_gains)


def prepare() -> None:
    """Fill in the property whose choices are read from files, before the classes are registered.

    The choices are a list and not a callback, which crashes Blender 4.2 at its exit.
    """
    shipped = [(one.id, one.title, f"Take the shape keys for those of {one.title}") for one in load_maps()]
    LIPSYNC_PG_settings.__annotations__["map_name"] = EnumProperty(
        name="Shape names",
        description="Naming convention of the shape keys",
        items=[(AUTO, "Automatic", "Recognise the naming convention of the shape keys"), *shipped],
    )


def attach() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.lipsync3d = PointerProperty(type=LIPSYNC_PG_settings)


def detach() -> None:
    """Take them away."""
    del bpy.types.Scene.lipsync3d
