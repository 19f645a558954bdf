# SPDX-License-Identifier: GPL-3.0-or-later
"""MODEL_CARD.md of the universal bundles, filled in from the training run."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...audio.features import FRAME_RATE_HZ
from ...inference.decoder import DecoderSettings
from ...models.export import BundleText
from ...models.universal import EncoderConfig

CARD = """# {name}

Phones from speech: log-mels at 100 Hz (16 kHz mono) to log-posteriors of 43 language-independent phones, by a
convolution network of eight dilated residual blocks of {channels} channels (weights stored as 16-bit floats). An answer
depends on {back:.2f} s before it and {ahead:.2f} s after it. It drives the mouth; it does not transcribe.

## Input
`log_mel` [1, T, 80]: log-mels of `backend/audio/features.py`, normalised by `backend/audio/normalise.py` with
`statistics.npz` ({normalised}). Output: `log_posteriors` [1, T, 43].

## Training data
{real} h of real English speech with a teacher's phone times (pocketsphinx 5: alignment to known text, else to the
words it decodes), {others} h of German aligned by an earlier network, {synthetic} h of eSpeak NG and {flite} h of flite
speech with the engines' own times. eSpeak NG spoke about thirty languages. Frames where the earlier network is sure of
another phone than the teacher, and stretches of decoded words that it does not hear, are not learnt as labelled.

| data | terms |
|---|---|
| LibriSpeech train-clean-100, 230 utterances of 230 speakers | CC BY 4.0 |
| speechocean762 (Mandarin accents, half of them children), 224 speakers | free for commercial use as published |
| LJ Speech, 24 sentences | public domain |
| VCTK, vocoded, 92 speakers | CC BY 4.0 |
| kerstin, German, 458 sentences, aligned to eSpeak NG's phones of their texts | CC0 |
| synthetic speech of eSpeak NG (GPL tool) | made here |
| synthetic speech of flite 2.2, voices awb, rms, slt (free for any use) | made here |

The crops are stretched, moved in formants, put into rooms, under noise, voices and music, through telephones and
narrow bands, whispered and clipped, all on the log-mels and drawn afresh each time.

No hand-labelled recording was trained or tuned on: switching penalty, biases and the level of pauses were chosen on the
held-out recordings. TIMIT's sample was looked at: between the rounds of `universal-v1`, and for this version to see
which sounds `universal-v1` and the second round missed (v and f between consonants, f for s, pauses of 50 ms), which
led to the flite voices, to hiding the highest band more often, and to tuning the biases in finer steps on people alone,
not on flite's voices. Its figures are not those of a set never seen.

## Figures
On held-out recordings, found as `animate` finds them. The labels of `held_out` (21 LibriSpeech speakers) and of
`held_out_texts` (known texts, other speakers than trained on) are the teacher's, those of `flite_held` the engine's.
{held_out}{calibration}
Hand-labelled figures: `python -m backend.training.universal measure --speech FOLDER`.

## Limits
Trained on English, a little German and synthetic voices of other languages: real speech of other languages is found
less surely. Singing and several voices at once were not trained on; whispering and shouting only as simulated. Times
are of sound, to about 10 to 20 ms. A phone bigram in the decoder and phones pooled by place of articulation were tried
on the held-out recordings and brought nothing.

## Made by
`python -m backend.training.universal` with the stages `prepare`, `relabel --student universal-v1`, `train`, `relabel`,
`train --round second`, `train --round third`, `export --round third`, then `train --round live`, `export --round live
--bundle backend/bundles/universal-live-v1`, in this order with the default seeds. `universal-v1` is in the
repository's history; the first round had the labels that its first round agreed to, not its last. This network's last
settings: {training}. About ninety minutes on one processor core in all. Sums in another order
(other processor, other number of threads) change the weights in their last digits.
"""


def bundle_text(
    name: str, network: EncoderConfig, decoder: DecoderSettings, provenance: Mapping[str, Any]
) -> BundleText:
    """Return what the bundle says of itself."""
    rows = [
        f"- {corpus}, {kind}: {summary}"
        for corpus, rates in provenance["held_out"].items()
        for kind, summary in rates.items()
    ]
    calibration = [
        f"- {corpus}, confidence: expected calibration error {before:.3f} of the posteriors, {after:.3f} as given out"
        for corpus, (before, after) in provenance["calibration_error"].items()
    ]
    card = CARD.format(
        name=name,
        channels=network.channels,
        back=network.context_frames / FRAME_RATE_HZ,
        ahead=network.look_ahead_frames / FRAME_RATE_HZ,
        normalised="the mean spectrum so far, as in a stream"
        if provenance["live"]
        else "one mean spectrum an utterance",
        held_out="\n".join(rows) + "\n",
        calibration="\n".join(calibration) + "\n",
        training=provenance["training"],
        **provenance["hours"],
    )
    return BundleText(name, card, asdict(decoder), provenance)
