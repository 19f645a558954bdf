# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run learns from: videos that are prepared first, shards made of them, or an artist's takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import OutputError
from ...dataset.manifest import MANIFEST, read_manifest
from ...dataset.prepare import SPEAKER, prepare
from .clips import Clips, load_clips
from .takes import are_takes, load_takes

Report = Callable[[float, str], None]
SHARDS = "shards"
PREPARING = 0.4
"""Of the bar, where videos are given."""


@dataclass(frozen=True)
class RunData:
    """What a run learns from."""

    learnt: Clips
    held_out: Clips | None
    sources: tuple[str, ...]
    """Names of the files that are learnt from."""
    speaker: Path | None
    """File of `dataset.speaker`; None where an artist's curves are learnt."""
    begun: float = 0.0
    """Share of the bar that reading took."""


def read_inputs(inputs: Sequence[Path], run: Path, tell: Report) -> RunData:
    """Read what a user gave, videos prepared into the run's folder.

    Raises:
        LipSyncError: nothing there to learn from.
        OutputError: the folder cannot be written to.
    """
    if are_takes(inputs):
        takes = load_takes(inputs)
        sources = tuple(sorted({clip.name for clip in takes.train.clips}))
        return RunData(takes.train, takes.held_out, sources, None)
    shards, begun = _shards(inputs, run, tell)
    entries = read_manifest(shards)["clips"]
    validated = any(entry["split"] == "validate" for entry in entries)
    return RunData(
        load_clips(shards, "train"),
        load_clips(shards, "validate") if validated else None,
        tuple(sorted({entry["source"] for entry in entries if entry["split"] == "train"})),
        shards / SPEAKER,
        begun,
    )


def _shards(inputs: Sequence[Path], run: Path, tell: Report) -> tuple[Path, float]:
    """Return the folder of shards, prepared from videos where need be, and the share of the bar that took."""
    folders = [path for path in inputs if (path / MANIFEST).is_file()]
    if folders:
        if len(inputs) > 1:
            raise OutputError(f"{folders[0]}: one folder of shards is one speaker; give it alone")
        return folders[0], 0.0
    prepare(inputs, run / SHARDS, report=lambda share, stage: tell(PREPARING * share, f"preparing: {stage}"))
    return run / SHARDS, PREPARING
