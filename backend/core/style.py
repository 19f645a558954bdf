# SPDX-License-Identifier: GPL-3.0-or-later
"""How somebody speaks: continuous, beside what is said. 1 everywhere is as the motion was fitted."""

from dataclasses import dataclass, fields

from .errors import TimingError

LARGEST = 10.0


@dataclass(frozen=True, slots=True)
class MotionStyle:
    """How much a performer moves; 1 is ordinary conversation. Contacts and rest hold at any setting."""

    articulation: float = 1.0
    """Gain of everything: 0 shows only contacts, 0.5 mumbles, 1.5 over-articulates."""
    jaw: float = 1.0
    """Gain of the jaw; the lips make up the rest of each opening."""
    lips: float = 1.0
    """Gain of the lips' shape: rounding, spreading."""
    smoothing: float = 1.0
    """Factor of the times in which the face gets from sound to sound: 0.5 is crisp, 2 slurs."""

    def checked(self) -> "MotionStyle":
        """Return itself.

        Raises:
            TimingError: a value that is no number from 0 to `LARGEST`.
        """
        for name in STYLE_FIELDS:
            if not 0 <= getattr(self, name) <= LARGEST:
                raise TimingError(
                    f"style: {name} = {getattr(self, name):g}; give a number from 0 to {LARGEST:g}, 1 is ordinary"
                )
        return self


STYLE_FIELDS = tuple(field.name for field in fields(MotionStyle))
