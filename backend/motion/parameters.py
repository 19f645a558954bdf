# SPDX-License-Identifier: GPL-3.0-or-later
"""What the coarticulation is made of: aims, strengths and times, by phonetics alone or fitted to tracked faces.

The fitted ones lie in `data/fitted.json`, which `python -m backend.training.motion` writes: the table of `targets`,
moved as far as the tracks of real lips carry. Where they come from is in the file itself and in `docs/voice.md`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BundleError
from ..core.files import read_bounded_text
from ..speech.phones import PHONES
from .targets import CHANNELS, TIERS, strength_table, target_table

FITTED_FILE = Path(__file__).parent / "data" / "fitted.json"
FORMAT, VERSION = "lipsync3d.motion", 1
LARGEST_BYTES = 1 << 20
LONGEST_S = 0.4
"""Times beyond this are no articulator's."""


@dataclass(frozen=True, slots=True)
class TierTiming:
    """How far one articulator looks ahead and lags behind."""

    before_s: float
    """Time in which dominance grows e-fold ahead of the phone."""
    after_s: float
    """Time in which it decays e-fold after the phone; anticipation is the longer of the two."""
    lead_s: float
    """How much earlier than its sound the articulator moves."""


PHONETIC_TIMING: tuple[TierTiming, ...] = (
    TierTiming(before_s=0.040, after_s=0.034, lead_s=0.015),
    TierTiming(before_s=0.070, after_s=0.055, lead_s=0.020),
    TierTiming(before_s=0.130, after_s=0.090, lead_s=0.015),
    TierTiming(before_s=0.030, after_s=0.030, lead_s=0.010),
)
"""One for each of `TIERS`: the lips' opening is quick, the jaw slower, rounding starts early and lasts."""


@dataclass(frozen=True)
class MotionParameters:
    """All numbers of the coarticulation."""

    targets: NDArray[np.float64]
    """[43, 7] what each phone aims at, in `PHONES` and channel order."""
    strengths: NDArray[np.float64]
    """[43, 4] dominance of each phone over each tier."""
    timing: tuple[TierTiming, ...]
    """One for each of `TIERS`."""

    def pull_matrix(self) -> NDArray[np.float64]:
        """Return [43, 7 + 4]: what a moment of each phone adds to the weighted aims of all channels, and to the
        weights of all tiers."""
        weighted = np.empty_like(self.targets)
        for tier, channels in enumerate(TIERS):
            weighted[:, channels] = self.targets[:, channels] * self.strengths[:, [tier]]
        return np.concatenate([weighted, self.strengths], axis=1)


def phonetic_parameters() -> MotionParameters:
    """Return the parameters by phonetics alone."""
    return MotionParameters(target_table(), strength_table(), PHONETIC_TIMING)


@lru_cache(maxsize=1)
def fitted_parameters() -> MotionParameters:
    """Return the shipped parameters, which everyone shares."""
    parameters = read_parameters(FITTED_FILE)
    parameters.targets.setflags(write=False)
    parameters.strengths.setflags(write=False)
    return parameters


def read_parameters(path: Path) -> MotionParameters:
    """Return the parameters of a file.

    Raises:
        BundleError: no such file, or not one of these.
    """
    text = read_bounded_text(path, "motion parameters", LARGEST_BYTES, BundleError)
    try:
        data = json.loads(text)
        if (data["format"], data["version"]) != (FORMAT, VERSION):
            raise BundleError(f"{path}: not motion parameters of version {VERSION}; fit them again")
        rows = [data["phones"][phone] for phone in PHONES]
        targets = np.array([[row[name] for name in CHANNELS] for row in rows], np.float64)
        strengths = np.array([row["strength"] for row in rows], np.float64)
        timing = tuple(TierTiming(float(row[0]), float(row[1]), float(row[2])) for row in data["timing_s"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{path}: motion parameters cannot be read ({error!r}); fit them again") from error
    parameters = MotionParameters(targets, strengths, timing)
    _check(path, parameters)
    return parameters


def _check(path: Path, parameters: MotionParameters) -> None:
    times = np.array([[timing.before_s, timing.after_s] for timing in parameters.timing])
    sound = (
        parameters.strengths.shape == (len(PHONES), len(TIERS))
        and len(times) == len(TIERS)
        and bool((times > 0).all() and (times < LONGEST_S).all())
        and all(abs(timing.lead_s) < LONGEST_S for timing in parameters.timing)
        and bool(np.isfinite(parameters.targets).all() and (parameters.targets >= 0).all())
        and bool(np.isfinite(parameters.strengths).all() and (parameters.strengths > 0).all())
    )
    if not sound:
        raise BundleError(f"{path}: motion parameters out of range; fit them again")


def parameters_json(
    parameters: MotionParameters, support_s: Sequence[float], made_from: dict[str, Any]
) -> dict[str, Any]:
    """Return what `read_parameters` reads.

    Args:
        parameters: to be written.
        support_s: [43] seconds of each phone in the tracks they were fitted to.
        made_from: what they were fitted to, and how.
    """
    rows: dict[str, Any] = {}
    for index, phone in enumerate(PHONES):
        aims = {name: round(float(parameters.targets[index, at]), 4) for at, name in enumerate(CHANNELS)}
        strength = [round(float(value), 4) for value in parameters.strengths[index]]
        rows[phone] = {**aims, "strength": strength, "support_s": round(float(support_s[index]), 2)}
    timing = [[round(t.before_s, 5), round(t.after_s, 5), round(t.lead_s, 5)] for t in parameters.timing]
    return cast(
        "dict[str, Any]",
        {"format": FORMAT, "version": VERSION, "made_from": made_from, "timing_s": timing, "phones": rows},
    )
