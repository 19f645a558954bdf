# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be written on the command line. Must not import bpy."""

import argparse
from pathlib import Path

from .backend.core.puppet.flip_book import DEFAULT_PAGE_PX, DEFAULT_TILES
from .backend.core.puppet.shape_track import DEFAULT_LIMIT_MM

KINDS = (".blend", ".glb", ".gltf", ".fbx", ".obj")
"""Files that a character may come in."""
AUTO = "AUTO"
STYLE_OPTIONS = {
    "articulation": "speaking style: 0.5 mumbles, 1.5 over-articulates",
    "jaw-part": "speaking style: how much of each opening the jaw makes",
    "lip-shape": "speaking style: how far lips round and spread",
    "smoothing": "speaking style: 0.5 is crisp, 2 slurs",
}
"""In the order of `backend.core.style.MotionStyle`; lips meet and rest at any setting."""
BATCH = "batch"
SMALLEST_PX, LARGEST_PX = 16, 8192
"""Sides of pictures."""


def make_parser(command: str, *, needs_character: bool) -> argparse.ArgumentParser:
    """Return the parser.

    Args:
        command: after `blender --command`.
        needs_character: whether no file is open yet, so that one must be named.
    """
    prog = "python -m blender_addon" if needs_character else f"blender -b FILE --command {command}"
    parser = argparse.ArgumentParser(prog=prog, description="Lip-sync without a window.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="command")
    _add_animate(commands.add_parser("animate", help="sound or text onto a character"), needs_character)
    _add_head(commands.add_parser("head", help="a personal model's head, with its texture, speaks"))
    commands.add_parser(BATCH, help="a sheet of lines to finished files; its own --help tells more", add_help=False)
    return parser


def _add_animate(command: argparse.ArgumentParser, needs_character: bool) -> None:
    kinds = ", ".join(KINDS)
    command.add_argument(
        "character", type=Path, nargs=None if needs_character else "?", metavar="CHARACTER", help=f"file: {kinds}"
    )
    command.add_argument("--object", metavar="NAME", help="the character's mesh or armature, where there are several")
    command.add_argument("--map", default=AUTO, metavar="NAME|FILE", help="naming convention (default: recognised)")
    command.add_argument("--bundle", default="universal", help="name of a shipped bundle, or a bundle's folder")
    for region in ("jaw", "lips", "tongue", "upper-face"):
        command.add_argument(f"--{region}", type=float, default=1.0, metavar="GAIN", help="strength (default 1)")
    for option, told in STYLE_OPTIONS.items():
        command.add_argument(f"--{option}", type=float, default=1.0, metavar="GAIN", help=f"{told} (default 1)")
    _add_common(command)


def _add_head(command: argparse.ArgumentParser) -> None:
    command.add_argument("--bundle", required=True, metavar="DIR", help="folder of a personal bundle")
    command.add_argument(
        "--error-mm", type=float, default=DEFAULT_LIMIT_MM, metavar="MM",
        help=f"largest error of the shapes (default {DEFAULT_LIMIT_MM:g})",
    )  # fmt: skip
    command.add_argument(
        "--texture", choices=("sequence", "packed", "still"), default="sequence",
        help="a picture a frame beside the .blend, a flip-book within it, or the speaker at rest",
    )  # fmt: skip
    command.add_argument(
        "--tiles", type=int, default=DEFAULT_TILES, help=f"pictures on the flip-book's page (default {DEFAULT_TILES})"
    )
    command.add_argument(
        "--page", type=int, default=DEFAULT_PAGE_PX, metavar="PX",
        help=f"largest side of the flip-book's page; tiles shrink to fit (default {DEFAULT_PAGE_PX})",
    )  # fmt: skip
    command.add_argument("--jpeg", action="store_true", help="write the texture for engines as JPEG instead of PNG")
    command.add_argument("--back", action="store_true", help="add the back of the head and the neck")
    command.add_argument(
        "--pose", type=Path, metavar="SHARD", help="turn the head as in a video: a .safetensors of `prepare`"
    )
    command.add_argument("--lit", action="store_true", help="let the scene's lights fall on the head")
    command.add_argument(
        "--size", type=_size, default=720, metavar="PX", help="side of --render's picture (default 720)"
    )
    command.add_argument(
        "--engine", choices=("workbench", "eevee", "cycles"), default="workbench", help="what renders (workbench)"
    )
    _add_common(command)


def _size(text: str) -> int:
    size = int(text)
    if not SMALLEST_PX <= size <= LARGEST_PX:
        raise argparse.ArgumentTypeError(f"{size} pixels: give {SMALLEST_PX} to {LARGEST_PX}")
    return size


def _add_common(command: argparse.ArgumentParser) -> None:
    voice = command.add_mutually_exclusive_group(required=True)
    voice.add_argument("--sound", type=Path, metavar="FILE", help="WAV, FLAC, OGG, Opus or MP3")
    voice.add_argument("--text", metavar="TEXT|FILE", help="what to say; it is spoken by the speech synthesiser")
    command.add_argument("--voice", default="", metavar="CODE", help="language or voice of --text (default en-us)")
    command.add_argument("--language", default="", metavar="CODE", help="what is spoken")
    command.add_argument(
        "--quality",
        choices=("auto", "fast", "best"),
        default="auto",
        help="best also decodes English words; auto: best with universal bundles, fast with personal ones",
    )
    command.add_argument("--transcript", default="", metavar="TEXT|FILE", help="what is said, where it is known")
    command.add_argument("--save", type=Path, metavar="OUT.blend")
    command.add_argument(
        "--export", type=Path, metavar="OUT.glb|.fbx|.usd", help="for game engines; also .usda, .usdc, .usdz"
    )
    command.add_argument("--render", type=Path, metavar="OUT.mp4")
    command.add_argument("--fps", type=float, help="frames per second (default: the scene's; new scenes: 30)")
    command.add_argument("--start-frame", type=int, default=1, help="frame at which the sound begins (default 1)")
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the network runs")
    command.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    command.add_argument("--json-progress", action="store_true", help="progress as JSON lines on stdout")
