# SPDX-License-Identifier: GPL-3.0-or-later
"""Prediction by a personal model: one speaker's mesh, and where the bundle has it, the texture.

The speech encoder listens once; the geometry graph follows it chunk by chunk with real neighbours on both sides, so
that chunked equals whole. What is kept of a sound are coefficients and latents at 50 Hz, 190 MB an hour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..core.blendshapes import ARKIT_INDEX, ARKIT_NAMES, within_limits
from ..core.errors import BundleError
from ..core.timebase import exact_fps
from ..core.types import Floats, PhoneSpan
from ..retarget.apply import Retargeter
from ..retarget.detect import choose
from .atlases import AtlasLoop
from .bundle import BLENDSHAPES, GEOMETRY, SELFTALK, TEXTURE, Bundle
from .closing import Closing
from .decoder import read_settings
from .encoder import Encoder, Heard, open_session, with_context
from .known_phones import fit_phones, read_phones
from .predict import Cancelled, Clip, Listener, Look, PredictRequest, Report, ended, known_of
from .reading import FAST, asks_words, read
from .speaker_face import SpeakerFace, read_face

STEP_S = 0.02
FIRST_STEP_S = STEP_S / 4
"""A step answers for two 10 ms frames and lies between them."""
CHUNK_STEPS = 1500
ATTENDED_STEPS = 500
"""The same for networks that attend, which costs the square of it."""


@dataclass(frozen=True)
class PersonalMotion:
    """The face of one sound."""

    coefficients: Floats
    """[S, K] at 50 Hz."""
    face: SpeakerFace

    def displacement_cm(self, times_s: NDArray[np.float64]) -> Floats:
        """Return [T, 468, 3] from the speaker's neutral."""
        return self.face.displacement_cm(between(self.coefficients, times_s))

    def weights(self, times_s: NDArray[np.float64]) -> Floats:
        """Return the ARKit weights [T, 52] whose faces come nearest."""
        retargeter = Retargeter(choose(ARKIT_NAMES))
        solved = retargeter.tracks(self.displacement_cm(times_s))
        weights = np.zeros((len(times_s), len(ARKIT_NAMES)), np.float32)
        weights[:, [ARKIT_INDEX[name] for name in solved.names]] = solved.values
        return weights


@dataclass(frozen=True)
class BlendshapeMotion(PersonalMotion):
    """The same of a bundle that was learnt from an artist's curves: the coefficients are the weights, within limits."""

    def weights(self, times_s: NDArray[np.float64]) -> Floats:
        """Return the ARKit weights [T, 52] as the network gives them."""
        return between(self.coefficients, times_s)


def between(track: Floats, times_s: NDArray[np.float64]) -> Floats:
    """Return the values [T, C] of a 50 Hz track [S, C] at times, linearly between neighbours, held at the ends."""
    places = np.clip((times_s - FIRST_STEP_S) / STEP_S, 0, len(track) - 1)
    low = np.minimum(places.astype(np.int64), max(0, len(track) - 2))
    share = (places - low).astype(np.float32)[:, None]
    return track[low] * (1 - share) + track[np.minimum(low + 1, len(track) - 1)] * share


class PersonalPredictor:
    """A personal bundle, loaded and ready for any number of sounds."""

    def __init__(self, bundle: Bundle, device: str = "auto", threads: int = 1) -> None:
        """Load.

        Raises:
            BundleError: a part that cannot be used.
        """
        self.bundle = bundle
        self._settings = read_settings(bundle.decoder)
        self._encoder = Encoder(bundle, device, threads)
        self._face = read_face(bundle)
        self._closing = Closing(self._face)
        name = f"bundle {bundle.name}: {GEOMETRY}"
        self._geometry = open_session(bundle.parts[GEOMETRY], name, device, threads)
        answers = {output.name: output.shape[-1] for output in self._geometry.get_outputs()}
        self._feature_count = self._geometry.get_inputs()[0].shape[1]
        if answers.get("motion") != len(self._face.components_mm):
            raise BundleError(f"{name} does not answer the components of face.npz; get the bundle again")
        self._loop: AtlasLoop | None = None
        if TEXTURE in bundle.parts and self._face.reference_atlas is not None:
            name = f"bundle {bundle.name}: {TEXTURE}"
            session = open_session(bundle.parts[TEXTURE], name, device, threads)
            self._loop = AtlasLoop(session, self._face.reference_atlas)

    def prepare(
        self, request: PredictRequest, report: Report | None = None, cancelled: Cancelled | None = None
    ) -> Clip:
        """Listen to a sound; arguments and errors as `Predictor.prepare`.

        The face follows the sound; phones, heard or given, close its lips.
        """
        fps = exact_fps(request.fps)
        known = known_of(request, usual=FAST)
        listener = Listener(request.sound, report, cancelled, words=asks_words(known))
        heard, coefficients, latents = self._follow(listener)
        note = ""
        if request.phones is not None:
            phones = fit_phones(read_phones(request.phones), listener.duration_s, str(request.phones))
        else:
            reading = read(heard, known, self._settings, listener.blocks)
            phones, note = reading.spans, reading.note
        phones = ended(phones, listener.duration_s)
        return Clip(
            duration_s=listener.duration_s,
            fps=fps,
            phones=phones,
            performance=self._motion(coefficients, phones),
            bundle=self.bundle.name,
            look=self._look(latents),
            note=note,
        )

    def _motion(self, coefficients: Floats, phones: Sequence[PhoneSpan]) -> PersonalMotion:
        if self.bundle.coefficients == BLENDSHAPES:
            return BlendshapeMotion(within_limits(coefficients), self._face)
        times_s = FIRST_STEP_S + STEP_S * np.arange(len(coefficients))
        return PersonalMotion(self._closing.closed(coefficients, times_s, phones), self._face)

    def _follow(self, listener: Listener) -> tuple[list[Heard], Floats, Floats]:
        """Return what was heard, and (coefficients [S, K], latents [S, L]) of the face at 50 Hz."""
        heard: list[Heard] = []

        def features() -> Iterator[Floats]:
            for piece in self._encoder.listen(listener.blocks):
                if piece.features is None:
                    raise BundleError(f"bundle {self.bundle.name}: speech.onnx has no output 'hidden'; export it again")
                heard.append(Heard(piece.log_posteriors, piece.level))
                yield piece.features

        moves: list[tuple[Floats, Floats]] = []
        size = min(CHUNK_STEPS, ATTENDED_STEPS) if self.bundle.kind == SELFTALK else CHUNK_STEPS
        for chunk, left, right in with_context(features(), size, self.bundle.context_steps, self._feature_count):
            given = {"features": np.ascontiguousarray(chunk.T)[None]}
            motion, latent = self._geometry.run(["motion", "latent"], given)
            inner = slice(left, len(chunk) - right)
            moves.append((motion[0, inner], latent[0, inner]))
        return heard, np.concatenate([m for m, _ in moves]), np.concatenate([latent for _, latent in moves])

    def _look(self, latents: Floats) -> Look:
        face, loop = self._face, self._loop
        if loop is None:
            return Look(face.neutral_cm, face.uv, face.reference_atlas)

        def atlases(times_s: NDArray[np.float64]) -> Iterator[NDArray[np.uint8]]:
            pieces = (between(latents, piece) for piece in np.array_split(times_s, len(times_s) // 256 + 1))
            return chain.from_iterable(loop.atlases(pieces))

        return Look(face.neutral_cm, face.uv, face.reference_atlas, atlases)
