# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to a sound file with the times of its phones."""

from pathlib import Path

from ..core.errors import OutputError, SynthesisError
from ..core.files import written_beside
from ..speech.synthesis import synthesise
from .known_phones import write_phones
from .transcript import read_text

ENDINGS = (".wav", ".flac", ".ogg")


def speak(text_or_path: str, output: Path, voice: str = "en-us", phones: Path | None = None) -> float:
    """Speak a text into a sound file and return its length in seconds.

    Args:
        text_or_path: what to say, or the path of a text file.
        output: sound file.
        voice: language or voice of the synthesiser.
        phones: phones file (.json) to write as well.

    Raises:
        SynthesisError: nothing to say, an unknown voice or no synthesiser.
        OutputError: a file that cannot be written; neither file is there then.
    """
    if output.suffix.lower() not in ENDINGS:
        raise OutputError(f"{output}: unknown kind of sound {output.suffix!r}; end it in {', '.join(ENDINGS)}")
    if phones is not None and phones.suffix.lower() != ".json":
        raise OutputError(f"{phones}: unknown kind of phones file {phones.suffix!r}; end it in .json")
    samples, sample_rate, spans = synthesise(read_text(text_or_path, SynthesisError), voice)
    import soundfile

    with written_beside(output) as beside:
        try:
            soundfile.write(str(beside), samples, sample_rate)
        except soundfile.LibsndfileError as error:
            raise OutputError(f"cannot write {output}: {error.error_string.strip(' .')}; free some space") from error
        if phones is not None:
            write_phones(phones, spans)
    return len(samples) / sample_rate
