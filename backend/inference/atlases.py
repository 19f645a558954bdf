# SPDX-License-Identifier: GPL-3.0-or-later
"""Texture atlases of a personal model, frame after frame: each is predicted from the sound and from the one before it.

The graph answers with the difference to the reference atlas in a window around the mouth, whose edge fades to nothing,
and with a smaller picture of it, which is heard again in the next step. The first step follows the reference atlas.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BundleError
from ..core.types import Floats

LATENT, PREVIOUS, DIFFERENCE, FEEDBACK = "latent", "previous", "difference", "feedback"
"""Inputs and outputs of the graph."""
PLACE = "window"
"""Entry of the graph's metadata: row and column of the window's first texel, and the atlas's size."""


class AtlasLoop:
    """Predicts atlases one after another."""

    def __init__(self, session: Any, reference_atlas: NDArray[np.uint8]) -> None:  # noqa: ANN401 - onnxruntime has no types
        """Prepare.

        Args:
            session: ONNX Runtime session of a bundle's `texture.onnx`.
            reference_atlas: [S, S, 3] sRGB.

        Raises:
            BundleError: the graph is not one of this kind, or made for another atlas.
        """
        self._session = session
        shapes = {item.name: item.shape for item in (*session.get_inputs(), *session.get_outputs())}
        wanted = {LATENT: 2, PREVIOUS: 4, DIFFERENCE: 4, FEEDBACK: 4}
        fixed = all(isinstance(length, int) and length > 0 for shape in shapes.values() for length in shape)
        if {name: len(shape) for name, shape in shapes.items()} != wanted or not fixed:
            raise BundleError(
                "texture.onnx must map latent and previous to difference and feedback; get the bundle again"
            )
        self.latent_width: int = shapes[LATENT][1]
        row, column, size = _place(session.get_modelmeta().custom_metadata_map)
        _, channels, height, width = shapes[DIFFERENCE]
        fits = 0 <= row <= size - height and 0 <= column <= size - width and channels == 3
        if not fits or reference_atlas.shape != (size, size, 3) or shapes[PREVIOUS] != shapes[FEEDBACK]:
            raise BundleError("texture.onnx was made for another reference atlas; get the bundle again")
        self._window = (slice(row, row + height), slice(column, column + width))
        self._reference = reference_atlas
        # Half a step more, so that cutting off the fraction rounds to the nearest.
        self._base = reference_atlas[self._window].astype(np.float32) + np.float32(0.5)
        self._start = np.zeros(shapes[PREVIOUS], np.float32)
        self._previous = self._start

    def step(self, latent: Floats) -> NDArray[np.uint8]:
        """Return the next atlas [S, S, 3] sRGB for a latent [L]; the first one follows the reference atlas."""
        atlas, self._previous = self._next(latent, self._previous)
        return atlas

    def atlases(self, latents: Iterable[Floats]) -> Iterator[NDArray[np.uint8]]:
        """Yield the atlases [t, S, S, 3] of a sound from its start, for pieces [t, L] of its latents at frame times."""
        previous = self._start
        for piece in latents:
            made: list[NDArray[np.uint8]] = []
            for latent in piece:
                atlas, previous = self._next(latent, previous)
                made.append(atlas)
            if made:
                yield np.stack(made)

    def _next(self, latent: Floats, previous: Floats) -> tuple[NDArray[np.uint8], Floats]:
        given = {LATENT: np.ascontiguousarray(latent, np.float32)[None], PREVIOUS: previous}
        difference, feedback = self._session.run([DIFFERENCE, FEEDBACK], given)
        mouth = self._base + difference[0].transpose(1, 2, 0) * np.float32(255)
        atlas = self._reference.copy()
        atlas[self._window] = np.clip(mouth, 0, 255).astype(np.uint8)
        return atlas, feedback


def _place(metadata: dict[str, str]) -> tuple[int, int, int]:
    """Return (row, column, size) of a graph's metadata."""
    try:
        row, column, size = (int(part) for part in metadata[PLACE].split())
    except (KeyError, ValueError) as error:
        raise BundleError("texture.onnx does not say where its window lies; get the bundle again") from error
    return row, column, size
