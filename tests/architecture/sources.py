# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's own Python files, parsed once, and the imports in them."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("backend", "blender_addon", "demo", "tests", "benchmarks")


@dataclass(frozen=True)
class Source:
    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self):
        return self.path.relative_to(CHECKOUT).as_posix()

    @property
    def imports(self):
        """(absolute dotted module, level) of every import, relative ones resolved against the checkout."""
        package = self.path.relative_to(CHECKOUT).parent.parts
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, 0) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else ()
                module = ".".join((*base, *([node.module] if node.module else [])))
                yield module, node.level
                yield from ((f"{module}.{alias.name}", node.level) for alias in node.names)


@cache
def sources():
    """Every Python file of the project, in order."""
    files = [*CHECKOUT.glob("*.py"), *(file for room in ROOMS for file in (CHECKOUT / room).rglob("*.py"))]
    return tuple(Source(file, text := file.read_text(encoding="utf-8"), ast.parse(text)) for file in sorted(files))


def under(*prefixes):
    """Those files whose path in the checkout begins with one of `prefixes`."""
    return [source for source in sources() if source.name.startswith(prefixes)]
