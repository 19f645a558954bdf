# SPDX-License-Identifier: GPL-3.0-or-later
"""What the motion keeps of the network's answers: how likely each phone is, as what it pulls; 56 bytes a hop."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.types import Floats
from ..motion.coarticulation import Likely, likely_pulls
from ..motion.ear import Corrections, Ear
from ..motion.parameters import MotionParameters, fitted_parameters
from .encoder import Heard


class Hearing:
    """Listens in on what the network hears."""

    def __init__(self, ear: Ear | None = None, parameters: MotionParameters | None = None) -> None:
        """Begin.

        Args:
            ear: what the network's doubts mean, where its bundle tells.
            parameters: of the motion; None for the shipped ones.
        """
        self._parameters = parameters or fitted_parameters()
        self._pulls: list[NDArray[np.float32]] = []
        self._corrections = None if ear is None else Corrections(ear)

    def watch(self, heard: Iterable[Heard]) -> Iterator[Heard]:
        """Yield what comes, unchanged."""
        for piece in heard:
            self.extend(piece.log_posteriors)
            yield piece

    def extend(self, log_posteriors: Floats) -> None:
        """Take the next log posteriors [t, 43]."""
        self._pulls.append(likely_pulls(log_posteriors, self._parameters))
        if self._corrections is not None:
            self._corrections.extend(log_posteriors)

    def likely(self, drawn: NDArray[np.floating[Any]] | None = None) -> Likely:
        """Return what was held likely so far.

        Args:
            drawn: [T, 43] log posteriors drawn to known or decoded words, where there are some.
        """
        pulls = np.concatenate(self._pulls) if drawn is None else likely_pulls(drawn, self._parameters)
        return Likely(pulls, None if self._corrections is None else self._corrections.so_far())
