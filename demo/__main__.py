# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m demo`: a text to speech, the speech to a moving head; saved, exported, filmed and drawn.

Everything after the speech knows the sound alone: the phones that were spoken serve only to compare in the picture.
"""

import argparse
import os
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
import soundfile

import blender_addon
from backend.core.errors import LipSyncError
from backend.core.types import PhoneSpan
from backend.inference.animate import animate
from backend.inference.bundle import open_bundle
from backend.inference.predict import Predictor, PredictRequest
from backend.speech.synthesis import synthesise
from blender_addon.scene.exporting import write_outputs

from .film import Shot, set_up, without_subsurface
from .picture import draw
from .talking_head import film_talking_head

TEXT = "Hello! I am a head made of numbers. Watch my lips: mama, papa, baby, five."
FPS = 24
PAUSE_S = 0.4
"""Silence after the last word, in which the face comes to rest."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the demonstration; 0 when all of it is there."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Speak a text with the demo head.")
    parser.add_argument("--text", default=TEXT, help="what to say (English)")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="folder to write to (out)")
    parser.add_argument("--size", type=int, default=Shot().size_px, metavar="PX", help="width and height of the film")
    chosen = parser.parse_args(arguments)
    try:
        perform(chosen.text, chosen.output.absolute(), Shot(chosen.size))
    except LipSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def perform(text: str, folder: Path, shot: Shot) -> None:
    """Make every file of the demonstration in `folder`, telling each step."""
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    sound, curves, blend, glb, movie, picture = (
        folder / f"demo.{ending}" for ending in ("wav", "json", "blend", "glb", "mp4", "png")
    )
    spoken = speak(text, sound)
    _tell(began, "spoke the text")
    animate(Predictor(open_bundle("universal")), PredictRequest(sound=sound, fps=FPS), curves)
    draw(sound, curves, spoken, picture)
    _tell(began, "heard its phones, drew them with the curves")
    film_talking_head(sound, folder / "speaker.mp4", FPS)
    _tell(began, "filmed the demo speaker, mesh and texture predicted from the sound")
    with silent_blender():
        set_up(lip_sync_head(sound), shot)
        for one in bpy.data.sounds:
            one.pack()  # demo.blend then plays wherever it is copied to
        write_outputs({"save": blend, "export": glb})
    _tell(began, "moved the head, saved and exported it")
    frames = bpy.context.scene.frame_end - bpy.context.scene.frame_start + 1
    print(f"         filming {frames} frames …", flush=True)
    without_subsurface()
    with silent_blender():
        write_outputs({"render": movie})
    _tell(began, "filmed it")
    print(CLOSING.format(folder=folder))


CLOSING = """
Made in {folder}:
  demo.mp4    the film, with sound: open it in any player
  speaker.mp4 the same words by a personal model: mesh and texture, predicted from the sound
  demo.blend  the head with its keys, sound strip, camera and lights: open it in Blender 4.5 or newer, press Space
  demo.glb    the head with its morph animation: drop it into a game engine or any glTF viewer
  demo.png    waveform, phones spoken and heard, main curves, confidence
  demo.wav, demo.json   the sound and its 52 ARKit curves
"""


def speak(text: str, target: Path) -> list[PhoneSpan]:
    """Speak a text into a WAV file and return what was spoken."""
    samples, sample_rate, spans = synthesise(text)
    soundfile.write(target, np.concatenate([samples, np.zeros(round(PAUSE_S * sample_rate), np.float32)]), sample_rate)
    return spans


def lip_sync_head(sound: Path) -> list[bpy.types.Object]:
    """Put the demo head into an empty scene and lip-sync it as a user would: add, choose, press; return its parts."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    try:
        scene = bpy.context.scene
        scene.render.fps = FPS
        bpy.ops.lipsync.add_head()
        scene.lipsync3d.sound_path = str(sound)
        bpy.ops.lipsync.from_audio()
        return list(bpy.context.selected_objects)
    finally:
        blender_addon.unregister()


@contextmanager
def silent_blender() -> Generator[None]:
    """Keep Blender's line per frame out of the terminal; it writes past Python, to the process's own output."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _tell(began: float, done: str) -> None:
    print(f"[{time.perf_counter() - began:5.1f} s] {done}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
