# SPDX-License-Identifier: GPL-3.0-or-later
"""The check stage: what is told of a line's outputs without looking at them."""

from pathlib import Path
from typing import Any

from .cache import Entry
from .lines import Line


def check(_line: Line, _sound: Path, curves: Entry, bake: Entry | None) -> dict[str, Any]:
    """Return the facts of a line for the report."""
    facts = {name: curves.facts[name] for name in ("duration_s", "confidence", "bundle")}
    return facts | {"findings": [], "notes": list(bake.facts["notes"]) if bake is not None else []}
