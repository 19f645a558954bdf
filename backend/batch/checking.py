# SPDX-License-Identifier: GPL-3.0-or-later
"""The check stage: a line's outputs through the gate, and what the report tells of them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .cache import Entry
from .gate import LineOutputs, judge
from .lines import ENDINGS


def check(sound: Path, curves: Entry, curves_name: str, bake: Entry | None, tracks_name: str) -> dict[str, Any]:
    """Return the facts of a line for the report.

    Args:
        sound: of the line.
        curves: entry with the curves file of that name.
        curves_name: see `curves`.
        bake: entry of what Blender wrote, where it did.
        tracks_name: of the keyed values in it.
    """

    def baked(name: str) -> Path | None:
        return bake.file(name) if bake is not None and name in bake.files else None

    glb, film = baked(f"baked{ENDINGS['glb']}"), baked(f"baked{ENDINGS['mp4']}")
    verdict = judge(LineOutputs(sound, curves.file(curves_name), glb=glb, mp4=film, tracks=baked(tracks_name)))
    facts: dict[str, Any] = {"confidence": curves.facts["confidence"], "bundle": curves.facts["bundle"]}
    facts |= asdict(verdict.measured)
    facts["findings"] = [asdict(finding) for finding in verdict.findings]
    facts["notes"] = list(bake.facts["notes"]) if bake is not None else []
    return facts
