# SPDX-License-Identifier: GPL-3.0-or-later
"""MODEL_CARD.md of the universal bundle, filled in from the training run."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...inference.decoder import DecoderSettings
from ...models.export import BundleText

CARD = """# {name}

Phones from speech: log-mels at 100 Hz (16 kHz mono) to log-posteriors of 43 language-independent phones, by a
convolution network of eight dilated residual blocks (2.3 million weights, stored as 16-bit floats, 0.64 s of context on
either side). It drives the mouth; it does not transcribe.

## Input
`log_mel` [1, T, 80]: log-mels of `backend/audio/features.py`, normalised by `backend/audio/normalise.py` with
`statistics.npz` (one mean spectrum an utterance, two sums gathered in a first pass). Output: `log_posteriors`
[1, T, 43].

## Training data
{real} h of real English speech with a teacher's phone times (pocketsphinx 5: alignment to known text, else to the
words it decodes), {synthetic} h of eSpeak NG speech with exact times in about thirty
languages, text written or generated here.

| data | terms |
|---|---|
| LibriSpeech train-clean-100, 230 utterances of 230 speakers | CC BY 4.0 |
| speechocean762 (Mandarin accents, half of them children) | free for commercial use as published |
| LJ Speech, 32 sentences | public domain |
| VCTK, vocoded, 210 clips | CC BY 4.0 |
| kerstin, German, 458 sentences, aligned by the first round to eSpeak NG's phones of their texts | CC0 |
| synthetic speech (eSpeak NG, GPL tool) | made here |

No hand-labelled recording was trained or tuned on: switching penalty, biases and the level of pauses were chosen on the
held-out recordings. TIMIT was looked at between rounds of work: it led to the corrections of the teacher's times, and
to plain F1 as what the biases are chosen by. Its figures are not those of a set never seen.

## Figures
On 21 held-out LibriSpeech speakers, against the teacher's labels:
{held_out}
Hand-labelled figures: `python -m backend.training.universal measure --speech FOLDER`.

## Limits
Trained on English and on synthetic voices of other languages: real speech of other languages is found less surely.
Singing, shouting and several voices at once were not trained on. Times are of sound, to about 10–20 ms.

## Made by
`python -m backend.training.universal` with the stages `prepare`, `train --steps 5600`, `relabel`,
`train --again --steps 3800`, `export`, in this order with the default seed; last round's settings {training}. About
half an hour on one processor core. Sums in another order (other processor, other number of threads) change the weights
in their last digits.
"""


def bundle_text(name: str, decoder: DecoderSettings, provenance: Mapping[str, Any]) -> BundleText:
    """Return what the bundle says of itself."""
    rows = [f"- {kind}: {summary}" for kind, summary in provenance["held_out"].items()]
    card = CARD.format(
        name=name,
        held_out="\n".join(rows) + "\n",
        training=provenance["training"],
        **provenance["hours"],
    )
    return BundleText(name, card, asdict(decoder), provenance)
