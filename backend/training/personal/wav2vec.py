# SPDX-License-Identifier: GPL-3.0-or-later
"""A wav2vec 2.0 CTC checkpoint (Baevski et al. 2020) that the user has, as the recogniser of SelfTalk's diagram.

Read from a folder on this machine and nowhere else: nothing is downloaded, no code of the checkpoint is run, and
weights are read from safetensors only.
"""

import json
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ...audio.features import SAMPLE_RATE
from ...core.errors import BundleError, LipSyncError
from ...core.types import Floats
from ...models.lipsync3d import STEP_S
from .clips import TrainClip
from .recogniser import FIRST_STEP_S, Reading, steps_of_their_own

CONFIG, WEIGHTS, VOCABULARY = "config.json", "model.safetensors", "vocab.json"
STRIDE, WINDOW = 320, 400
"""Samples from one output to the next, and that one hears in the convolutions."""
DELIMITER = "|"


class Wav2VecRecogniser:
    """Reads letters, as the checkpoint's vocabulary has them."""

    def __init__(self, folder: Path) -> None:
        """Load.

        Raises:
            BundleError: not such a checkpoint, or one that holds no safetensors.
            LipSyncError: the package transformers is missing.
        """
        for name in (CONFIG, WEIGHTS, VOCABULARY):
            if not (folder / name).is_file():
                raise BundleError(f"{folder}: {name} is missing; give the folder of a wav2vec 2.0 CTC checkpoint")
        try:
            from transformers import Wav2Vec2ForCTC  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise LipSyncError("the package transformers is missing; install lipsync3d[recogniser]") from error
        self._vocabulary = _vocabulary(folder / VOCABULARY)
        try:
            loaded: Any = cast("Any", Wav2Vec2ForCTC).from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False
            )
        except Exception as error:  # the package's errors share no base class but Exception
            raise BundleError(f"{folder}: no wav2vec 2.0 CTC checkpoint ({str(error)[:200]})") from error
        self._model = loaded.eval()
        self._normalised = _is_normalised(folder)
        self.name = f"{folder.name} {sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:16]}"
        self.symbols = int(loaded.config.vocab_size)
        self.blank = int(loaded.config.pad_token_id)
        self.width = int(loaded.config.hidden_size)

    def read(self, clip: TrainClip, transcript: str = "") -> Reading:
        """Return what is said in a clip, in letters; a transcript's letters take the places of those that are heard."""
        hidden, logits = self._hear(clip.samples)
        own_s = (np.arange(len(hidden)) * STRIDE + WINDOW / 2) / SAMPLE_RATE
        own = ((own_s - FIRST_STEP_S) / STEP_S).astype(np.float32)
        wanted = np.arange(max(2, (len(clip.log_mel) + 1) // 2))
        after = np.clip(np.searchsorted(own, wanted), 1, max(1, len(own) - 1))
        before, after = after - 1, np.minimum(after, len(own) - 1)
        share = np.clip((wanted - own[before]) / np.maximum(own[after] - own[before], 1e-6), 0, 1)[:, None]
        felt = (hidden[before] * (1 - share) + hidden[after] * share).astype(np.float32)
        best = logits.argmax(axis=1)
        firsts = np.flatnonzero(np.diff(best, prepend=-1))
        firsts = firsts[best[firsts] != self.blank]
        text, places = best[firsts].astype(np.int64), own[firsts]
        if transcript:
            letters = self._letters(transcript)
            places, text = matched_places(text, places, letters, float(len(felt))), letters
        return Reading(felt, text, steps_of_their_own(places, len(felt)))

    def _letters(self, transcript: str) -> NDArray[np.int64]:
        """Return the symbols of a transcript; characters that the vocabulary lacks are left out."""
        known = self._vocabulary
        upper = "A" in known
        spaced = DELIMITER.join(transcript.replace(",", " ").split())
        return np.array([known[c] for c in (spaced.upper() if upper else spaced.lower()) if c in known], np.int64)

    def _hear(self, samples: NDArray[np.int16]) -> tuple[Floats, Floats]:
        """Return (hidden [M, W], logits [M, P])."""
        sound = samples.astype(np.float32) / 32768
        if self._normalised:
            sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
        with torch.inference_mode():
            answer = self._model(torch.from_numpy(sound)[None], output_hidden_states=True)
        return answer.hidden_states[-1][0].float().numpy(), answer.logits[0].float().numpy()


def matched_places(heard: NDArray[np.int64], places: Floats, text: NDArray[np.int64], steps: float) -> Floats:
    """Return the places [N] of a known text's symbols, between those of the symbols that were heard alike.

    Args:
        heard: [M] symbols that a recogniser read.
        places: [M] step of each.
        text: [N] symbols that were said.
        steps: length of the clip.
    """
    matches = SequenceMatcher(None, heard.tolist(), text.tolist(), autojunk=False).get_matching_blocks()
    pairs = [(m.b + offset, float(places[m.a + offset])) for m in matches for offset in range(m.size)]
    anchors = [(-1.0, 0.0), *pairs, (float(len(text)), steps)]
    known = np.array(anchors)
    return np.interp(np.arange(len(text)), known[:, 0], known[:, 1]).astype(np.float32)


def _vocabulary(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(symbol): int(index) for symbol, index in found.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BundleError(f"{path}: no vocabulary of symbols and numbers; get the checkpoint again") from error


def _is_normalised(folder: Path) -> bool:
    path = folder / "preprocessor_config.json"
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")).get("do_normalize", True)) if path.is_file() else True
    except (OSError, ValueError, AttributeError) as error:
        raise BundleError(f"{path} cannot be read; get the checkpoint again") from error
