# SPDX-License-Identifier: GPL-3.0-or-later
"""What the motion keeps of the network's answers: how likely each phone is, as what it pulls, 44 bytes a hop."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..motion.coarticulation import Likely, likely_pulls
from ..motion.parameters import MotionParameters, fitted_parameters
from .encoder import Heard


class Hearing:
    """Listens in on what the network hears."""

    def __init__(self, parameters: MotionParameters | None = None) -> None:
        self._parameters = parameters or fitted_parameters()
        self._pulls: list[NDArray[np.float32]] = []

    def watch(self, heard: Iterable[Heard]) -> Iterator[Heard]:
        """Yield what comes, unchanged."""
        for piece in heard:
            self._pulls.append(likely_pulls(piece.log_posteriors, self._parameters))
            yield piece

    def likely(self) -> Likely:
        """Return what was held likely so far."""
        return Likely(np.concatenate(self._pulls))
