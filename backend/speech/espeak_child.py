# SPDX-License-Identifier: GPL-3.0-or-later
"""eSpeak NG's library in a process of its own, loaded anew for every text.

Run as a file, with the standard library alone: requests in JSON on stdin, a line each; for each on stdout a line of
JSON, then the samples as 16-bit integers. The library ends its process at some texts, seeds its noise by the clock, and
keeps noise and phase from text to text; here none of that reaches anybody.
"""

import _ctypes
import ctypes
import json
import sys
from typing import Any

RETRIEVAL = 1
"""AUDIO_OUTPUT_RETRIEVAL: hand the samples to the callback instead of a sound card."""
PHONEME_EVENTS, IPA_NAMES, NO_EXIT = 0x0001, 0x0002, 0x8000
TERMINATED, WORD, PHONEME = 0, 1, 7
UTF8, SSML = 0x01, 0x10
RATE_PARAMETER, PITCH_PARAMETER = 1, 3
NOISE_SEED = 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def speak(library: ctypes.CDLL, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return phonemes `[first sample, name, place of its word]` and the samples of a text."""
    if library.espeak_SetVoiceByName(request["voice"].encode("utf-8", "replace")):
        return {"error": "voice"}, b""
    library.espeak_SetParameter(RATE_PARAMETER, request["speed"], 0)
    library.espeak_SetParameter(PITCH_PARAMETER, request["pitch"], 0)
    blocks: list[bytes] = []
    events: list[tuple[int, str, int]] = []
    place = 0

    def receive(wave: Any, count: int, batch: Any) -> int:  # noqa: ANN401 - ctypes pointers have no public type
        nonlocal place
        if wave and count:
            blocks.append(ctypes.string_at(wave, 2 * count))
        index = 0
        while batch and batch[index].type != TERMINATED:
            if batch[index].type == WORD:
                place = batch[index].text_position
            elif batch[index].type == PHONEME:
                events.append((batch[index].sample, batch[index].id.string.decode("utf-8", "ignore"), place))
            index += 1
        return 0

    # The callback object must outlive the call: the library keeps only its address.
    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    encoded = request["text"].encode("utf-8", "replace")
    flags = UTF8 | SSML if request["markup"] else UTF8
    failed = library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, flags, None, None)
    if failed or library.espeak_Synchronize():
        return {"error": "text"}, b""
    return {"events": events}, b"".join(blocks)


def inventory(library: ctypes.CDLL) -> dict[str, Any]:
    """Return the library's version and its voices `[language, name, identifier]`."""
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    listed, voices = library.espeak_ListVoices(None), []
    while listed[len(voices)]:
        voice = listed[len(voices)].contents
        # `languages` is a priority byte and a code, of which the first is the voice's own
        parts = (voice.languages[1:], voice.name, voice.identifier)
        voices.append([part.decode("utf-8", "replace").strip() for part in parts])
    return {"version": library.espeak_Info(None).decode("ascii", "replace"), "voices": voices}


def answered(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return the answer to a request, by a library that is loaded for it alone."""
    try:
        library = ctypes.CDLL(request["library"])
    except OSError as error:
        return {"error": "library", "reason": str(error)}, b""
    try:
        folder = request["data"].encode()
        rate = library.espeak_Initialize(RETRIEVAL, 0, folder, PHONEME_EVENTS | IPA_NAMES | NO_EXIT)
        if rate <= 0:
            return {"error": "data"}, b""
        if hasattr(library, "espeak_ng_SetRandSeed"):  # 1.52 and newer seed their noise by the clock
            library.espeak_ng_SetRandSeed(ctypes.c_long(NOISE_SEED))
        answer, samples = speak(library, request) if "text" in request else (inventory(library), b"")
        library.espeak_Terminate()
        return answer | {"sample_rate": rate}, samples
    finally:
        if sys.platform == "win32":
            _ctypes.FreeLibrary(library._handle)
        else:
            _ctypes.dlclose(library._handle)


def main() -> None:
    """Answer requests, a line each, until stdin closes."""
    for line in sys.stdin.buffer:
        answer, samples = answered(json.loads(line))
        head = json.dumps(answer | {"bytes": len(samples)}).encode()
        sys.stdout.buffer.write(head + b"\n" + samples)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
