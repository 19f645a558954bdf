# SPDX-License-Identifier: GPL-3.0-or-later
"""Piper's neural voices: a voice file the user brings (`VOICE.onnx` with `VOICE.onnx.json`), run on the processor.

Phone times are the voice's own, read from inside its graph; where it keeps none, the phones are known without times.
The noise that makes such voices lively is seeded anew for every line, so that the same line sounds the same.
"""

import importlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..core.errors import SynthesisError
from ..core.files import read_bounded_text
from .engines import PIPER, Delivery, Said, check_manner, digest_of
from .joining import joined, with_pitch
from .markup import Stretch
from .onnx_outputs import outputs_of_type, with_output
from .piper_phones import phrases_of, spans_of_alignments
from .plain_text import check_script, spoken_text

LARGEST_CONFIG = 16 << 20
SEED = 1
READERS = ("espeak", "text")
"""Kinds of voice that need nothing but Piper itself; the others would fetch dictionaries."""


@dataclass(frozen=True, slots=True)
class _VoicePlace:
    model: Path
    config: Path
    speaker: str
    """Number or name of the speaker of a voice with several."""


class PiperEngine:
    """Speaks with a voice file."""

    name = PIPER

    def problems(self, delivery: Delivery, text: str = "") -> list[str]:
        """Return what is wrong with package, voice file, pace, pitch or text."""
        wrong = check_manner(delivery)
        if importlib.util.find_spec("piper") is None:
            return [*wrong, "Piper is not installed; run: pip install piper-tts"]
        try:
            _speaker_id(place := _place(delivery.voice), config := _config(place))
            if text:
                _check_text(spoken_text(text), place, config)
        except SynthesisError as error:
            wrong.append(str(error))
        return wrong

    def fingerprint(self, delivery: Delivery) -> str:
        """Return Piper's version and the digests of the voice's files."""
        version = importlib.metadata.version("piper-tts") if importlib.util.find_spec("piper") else "missing"
        try:
            place = _place(delivery.voice)
        except SynthesisError:
            return f"{PIPER} {version} missing"
        return f"{PIPER} {version} {digest_of(place.model)} {digest_of(place.config)} {place.speaker}"

    def say(self, stretches: list[Stretch], delivery: Delivery) -> Said:
        """Speak a line; see `SpeechEngine.say`."""
        if wrong := self.problems(delivery):
            raise SynthesisError("; ".join(wrong))
        place = _place(delivery.voice)
        config = _config(place)
        text = spoken_text("".join(stretch.text for stretch in stretches))
        notes = _check_text(text, place, config)
        voice = _loaded(place, config)
        pieces: list[Said] = []
        pauses_s: list[float] = []
        for stretch in stretches:
            if any(character.isalnum() for character in stretch.text):
                factor = 2.0 ** ((delivery.pitch + stretch.pitch) / 12.0)
                pace = delivery.speed * stretch.speed / factor
                piece = _spoken(voice, spoken_text(stretch.text), pace, _speaker_id(place, config))
                pieces.append(with_pitch(piece, factor))
                pauses_s.append(stretch.pause_s)
            elif pauses_s:
                pauses_s[-1] += stretch.pause_s
        whole = joined(pieces, pauses_s)
        return Said(whole.samples, whole.sample_rate, whole.spans, whole.phrases, tuple(notes))


def _place(voice: str) -> _VoicePlace:
    """Return the files of `VOICE.onnx` or `VOICE.onnx#SPEAKER`.

    Raises:
        SynthesisError: no voice named, or files missing.
    """
    name, _, speaker = voice.partition("#")
    if not name.strip() or "\0" in name:
        raise SynthesisError("Piper needs a voice file; give one that ends in .onnx, with its .onnx.json beside it")
    model = Path(name)
    if not _is_there(model):
        raise SynthesisError(f"no Piper voice {name[:80]}; give a voice file that ends in .onnx")
    config = model.with_name(model.name + ".json")
    config = config if _is_there(config) else model.with_suffix(".json")
    if not _is_there(config):
        raise SynthesisError(f"Piper voice {model} lacks its settings; put {model.name}.json beside it")
    return _VoicePlace(model, config, speaker)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False


def _config(place: _VoicePlace) -> dict[str, Any]:
    """Return a voice's settings, checked.

    Raises:
        SynthesisError: not the settings of a Piper voice, or of a kind that is not supported.
    """
    text = read_bounded_text(place.config, "Piper settings", LARGEST_CONFIG, SynthesisError)
    try:
        data = json.loads(text)
        config = cast("dict[str, Any]", data)
        rate, symbols, speakers = config["audio"]["sample_rate"], config["num_symbols"], config["num_speakers"]
        ids = [number for numbers in config["phoneme_id_map"].values() for number in numbers]
        reader, language = config.get("phoneme_type", "espeak"), config["espeak"]["voice"]
        sound = isinstance(rate, int) and 8000 <= rate <= 96000 and isinstance(speakers, int) and bool(ids)
        sound = sound and isinstance(language, str) and all(isinstance(n, int) and 0 <= n < symbols for n in ids)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SynthesisError(
            f"{place.config} holds no settings of a Piper voice ({error!r:.80}); get it again"
        ) from error
    if not sound:
        raise SynthesisError(f"{place.config} does not fit a Piper voice (rate, symbols or speakers); get it again")
    if reader not in READERS:
        raise SynthesisError(f"{place.config}: voices that read by {str(reader)[:20]!r} are not supported; use another")
    return config


def _speaker_id(place: _VoicePlace, config: dict[str, Any]) -> int | None:
    """Return the number of the speaker asked for; None for the voice's own.

    Raises:
        SynthesisError: the voice has no such speaker.
    """
    if not place.speaker:
        return None
    named: dict[str, int] = config.get("speaker_id_map") or {}
    number = named.get(place.speaker, int(place.speaker) if place.speaker.isascii() and place.speaker.isdigit() else -1)
    if not 0 <= number < config["num_speakers"]:
        there = ", ".join(list(named)[:6]) or f"0 to {config['num_speakers'] - 1}"
        raise SynthesisError(f"Piper voice {place.model.name} has no speaker {place.speaker[:30]!r}; there are {there}")
    return number


def _check_text(text: str, place: _VoicePlace, config: dict[str, Any]) -> list[str]:
    """Return notes on a text's letters; see `check_script`."""
    if config.get("phoneme_type") == "text":  # such a voice knows no language
        return []
    return check_script(text, str(config["espeak"]["voice"]).partition("-")[0], place.model.name)


def _loaded(place: _VoicePlace, config: dict[str, Any]) -> Any:  # noqa: ANN401 - an optional package's class
    """Return the voice, its noise seeded, giving phone times where its graph computes them."""
    import onnxruntime

    piper: Any = importlib.import_module("piper")
    settings: Any = importlib.import_module("piper.config")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    onnxruntime.set_seed(SEED)  # for the sessions made after it; a new one for every line starts the noise anew
    try:
        model = place.model.read_bytes()
        lengths = outputs_of_type(model, "Ceil")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        if len(session.get_outputs()) == 1 and len(lengths) == 1:
            model = with_output(model, lengths[0])
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        inputs = {item.name for item in session.get_inputs()}
    except Exception as error:  # onnxruntime's errors share no base class but Exception
        raise SynthesisError(f"Piper voice {place.model} cannot be loaded ({_first_line(error)})") from error
    if not {"input", "input_lengths", "scales"} <= inputs:
        raise SynthesisError(f"{place.model} is no Piper voice: its inputs are {', '.join(sorted(inputs))[:80]}")
    return piper.PiperVoice(session=session, config=settings.PiperConfig.from_dict(config))


def _spoken(voice: Any, text: str, pace: float, speaker: int | None) -> Said:  # noqa: ANN401 - see _loaded
    settings: Any = importlib.import_module("piper.config")
    manner = settings.SynthesisConfig(speaker_id=speaker, length_scale=voice.config.length_scale / pace)
    try:
        chunks: Sequence[Any] = list(voice.synthesize(text, manner, include_alignments=True))
    except Exception as error:  # onnxruntime's, and Piper's own for a language it lacks
        raise SynthesisError(f"the Piper voice failed on {text[:40]!r} ({_first_line(error)})") from error
    if not chunks or not any(np.any(chunk.audio_float_array) for chunk in chunks):
        raise SynthesisError(f"the Piper voice finds nothing to say in {text[:40]!r}; write words of its language")
    rate = int(voice.config.sample_rate)
    parts = [_part(chunk, rate) for chunk in chunks]
    return joined(parts, [0.0] * len(parts))


def _part(chunk: Any, sample_rate: int) -> Said:  # noqa: ANN401 - see _loaded
    samples = np.asarray(chunk.audio_float_array, np.float32).reshape(-1)
    rows = [(str(item.phoneme), int(item.num_samples)) for item in chunk.phoneme_alignments or ()]
    spans = spans_of_alignments(rows, len(samples), sample_rate)
    return Said(samples, sample_rate, tuple(spans), phrases_of([str(phoneme) for phoneme in chunk.phonemes]))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
