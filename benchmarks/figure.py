# SPDX-License-Identifier: GPL-3.0-or-later
"""A measured number beside the bound it is held to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement."""

    what: str
    """What was measured, for people to read."""
    value: float
    unit: str
    bound: float
    at_least: bool = False
    """Whether the bound is a floor; else it is a ceiling."""

    @property
    def holds(self) -> bool:
        """Whether the value is on the right side of its bound."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        """Return the line to print."""
        verdict = "ok" if self.holds else "MISSED"
        limit = f"{'at least' if self.at_least else 'at most'} {self.bound:g}"
        return f"{self.what}: {self.value:.4g} {self.unit} ({limit}; {verdict})"
