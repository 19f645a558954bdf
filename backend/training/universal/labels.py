# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone times of real English speech, by a teacher: pocketsphinx.

Where the text is known the teacher aligns it; elsewhere it first decodes words, then aligns them. Its silences miss
pauses inside words and breathing between them, so that spans are checked against the sound's energy.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...audio.features import FRAME_RATE_HZ, log_mel
from ...core.types import PhoneSpan
from ...speech.phone_sets import from_arpabet, joined_silences, split_span
from ...speech.phones import SILENCE

WIDE_BEAMS = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80, "bestpath": False}
"""Without them one utterance in ten finds no alignment."""
SCHWA_BELOW_S = 0.075
"""ARPABET's AH is ʌ and ə; the short ones are ə."""
QUIET_BELOW_PEAK = 4.8
"""Natural-log units under the loud frames' level at which a frame counts as quiet (about 21 dB)."""
QUIET_AT_LEAST_S = 0.06
LATE_S = 0.010
"""The teacher dates a phone by the start of its window: this much too early on synthetic speech with exact times."""
SPEECH_STARTS_S, SPEECH_ENDS_S = 0.017, 0.028
"""Beyond that, how much too early speech starts after its pauses, and how much too late it ends (likewise)."""
WORD = re.compile(r"[a-z']+")


class Teacher:
    """pocketsphinx with its English model: text to phone times, and sound to text."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._aligner: Any = Decoder(lm=None, **WIDE_BEAMS, loglevel="FATAL")
        self._decoder_class: Any = Decoder

    @lru_cache(maxsize=1)  # noqa: B019 - one teacher a process, and the language model takes seconds to read
    def _word_decoder(self) -> Any:  # noqa: ANN401 - pocketsphinx carries no types
        return self._decoder_class(loglevel="FATAL")

    def hear(self, samples: NDArray[np.float32]) -> str:
        """Return the words of [N] mono samples at 16 kHz, lower case; empty where none are heard."""
        decoder = self._word_decoder()
        _feed(decoder, samples)
        heard = decoder.hyp()
        return " ".join(WORD.findall(heard.hypstr.lower())) if heard else ""

    def align(self, samples: NDArray[np.float32], text: str) -> list[PhoneSpan]:
        """Return the phones of known words with their times, silences checked by energy.

        Args:
            samples: [N] mono at 16 kHz.
            text: the words; those that the dictionary lacks make the utterance unusable.

        Returns:
            Spans that cover the sound; empty where the text cannot be aligned (a word unknown, no path found).
        """
        words = WORD.findall(text.lower())
        if not words or any(self._aligner.lookup_word(word) is None for word in words):
            return []
        try:
            self._aligner.set_align_text(" ".join(words))
            _feed(self._aligner, samples)
            self._aligner.set_alignment()
            _feed(self._aligner, samples)
            alignment = self._aligner.get_alignment()
        except RuntimeError:  # how pocketsphinx says that no path reached the end
            return []
        if alignment is None:
            return []
        spans: list[PhoneSpan] = []
        for word in alignment:
            for phone in word:
                start_s = phone.start / 100.0
                spans += _spans_of(phone.name, start_s, start_s + phone.duration / 100.0)
        return centred(with_quiet_as_silence(joined_silences(spans), samples))


def _feed(decoder: Any, samples: NDArray[np.float32]) -> None:  # noqa: ANN401 - pocketsphinx carries no types
    pcm = (np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16).tobytes()
    decoder.start_utt()
    decoder.process_raw(pcm, no_search=False, full_utt=True)
    decoder.end_utt()


def _spans_of(name: str, start_s: float, end_s: float) -> list[PhoneSpan]:
    if name.startswith("+") or name == "SIL":
        return [PhoneSpan(SILENCE, start_s, end_s)]
    if name == "AH" and end_s - start_s < SCHWA_BELOW_S:
        return [PhoneSpan("ə", start_s, end_s)]
    return split_span(from_arpabet(name), start_s, end_s)


def centred(spans: Sequence[PhoneSpan]) -> list[PhoneSpan]:
    """Return the teacher's spans without its habits in time: all later, speech tighter between silences."""
    times_s = [span.start_s + LATE_S for span in spans] + [spans[-1].end_s] if spans else []
    for index in range(1, len(spans)):
        if spans[index - 1].phone == SILENCE:
            times_s[index] += SPEECH_STARTS_S
        elif spans[index].phone == SILENCE:
            times_s[index] = max(times_s[index] - SPEECH_ENDS_S, times_s[index - 1] + 0.01)
    times_s[:1] = [spans[0].start_s] if spans else []
    return [
        PhoneSpan(span.phone, start_s, end_s)
        for span, start_s, end_s in zip(spans, times_s, times_s[1:], strict=False)
        if end_s > start_s
    ]


def with_quiet_as_silence(spans: list[PhoneSpan], samples: NDArray[np.float32]) -> list[PhoneSpan]:
    """Return the spans with the quiet outer parts of phones beside silences given to the silence."""
    quiet = quiet_frames(samples)
    mended: list[PhoneSpan] = []
    for index, span in enumerate(spans):
        start_s, end_s = span.start_s, span.end_s
        if span.phone != SILENCE:
            after_silence = index == 0 or spans[index - 1].phone == SILENCE
            before_silence = index == len(spans) - 1 or spans[index + 1].phone == SILENCE
            lead = _quiet_run(quiet, start_s, end_s, forwards=True) if after_silence else 0.0
            lag = _quiet_run(quiet, start_s, end_s, forwards=False) if before_silence else 0.0
            if lead >= QUIET_AT_LEAST_S and lead < end_s - start_s:
                mended.append(PhoneSpan(SILENCE, start_s, start_s + lead - 0.02))
                start_s += lead - 0.02
            if lag >= QUIET_AT_LEAST_S and lag < end_s - start_s:
                mended += [PhoneSpan(span.phone, start_s, end_s - lag), PhoneSpan(SILENCE, end_s - lag, end_s)]
                continue
        mended.append(PhoneSpan(span.phone, start_s, end_s))
    return joined_silences(mended)


def quiet_frames(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return [T] whether each 10 ms frame lies far under the loud frames and near the sound's own floor."""
    level = np.log(np.exp(log_mel(samples)).mean(axis=1) + 1e-9)
    loud, floor = np.percentile(level, 90), np.percentile(level, 3)
    return (level < loud - QUIET_BELOW_PEAK) & (level < floor + 2.5)


def _quiet_run(quiet: NDArray[np.bool_], start_s: float, end_s: float, *, forwards: bool) -> float:
    part = quiet[round(start_s * FRAME_RATE_HZ) : round(end_s * FRAME_RATE_HZ)]
    part = part if forwards else part[::-1]
    loud = np.flatnonzero(~part)
    return float(loud[0] if loud.size else part.size) / FRAME_RATE_HZ
