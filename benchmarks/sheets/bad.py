# SPDX-License-Identifier: GPL-3.0-or-later
"""The forty bad lines, with words that each one's reason must have, and sheets that are broken as a whole."""

import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

Row = dict[str, str]
TEXT = "Bob made a map of the pump."
BOMB = '<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><speak>&b;</speak>'
NO_TEXT: Row = {"text": ""}
RATE = 16000

_BAD: tuple[tuple[Row, str], ...] = (
    ({"sound": "sounds/none.wav"} | NO_TEXT, "sound|no file"),
    ({"sound": "sounds/not_sound.wav"} | NO_TEXT, "not a sound file"),
    ({"sound": "sounds/no_samples.wav"} | NO_TEXT, "holds no sound"),
    ({"sound": "sounds/no_bytes.wav"} | NO_TEXT, "is empty"),
    ({"sound": "sounds/cut.wav"} | NO_TEXT, "truncated"),
    ({"sound": "sounds/not_a_number.wav"} | NO_TEXT, "NaN"),
    ({"sound": "sounds/hum.wav"}, "leave one out"),
    (NO_TEXT, "text|empty"),
    ({"text": " \t "}, "text|empty"),
    ({"text": "The bear bumps a map. " * 455}, "characters|split"),
    ({"text": "😀🎉👩‍🚀"}, "nothing"),
    ({"text": "...?! — …"}, "nothing"),
    ({"text": '=HYPERLINK("http://example.invalid","Bob")'}, "formula"),
    ({"text": "@SUM(A1:A9)|Bob"}, "formula"),
    ({"text": "Bob <prosody rate='slow'>made a map."}, "not well-formed"),
    ({"text": BOMB}, "refused"),
    ({"text": 'Bob <break time="90s"/> made a map.'}, "0 to 10"),
    ({"text": "مرحبا بكم في القرية القديمة", "voice": "en-us"}, "does not read Arabic"),
    ({"text": "東京都北区", "voice": "ja"}, "does not read"),
    ({"voice": "klingonese"}, "voice|klingonese|unknown"),
    ({"voice": "en-us+nobody"}, "speaker|nobody"),
    ({"voice": "de", "language": "fr"}, "speaks de"),
    ({"engine": "festival"}, "festival"),
    ({"engine": "sh -c {text} {wav}"}, "engine"),
    ({"speed": "9"}, "speed|9"),
    ({"fps": "0"}, "fps"),
    ({"fps": "fast"}, "fps|fast"),
    ({"outputs": "json obj"}, "unknown kind|obj"),
    ({"outputs": "glb"}, "character|need"),
    ({"outputs": "glb", "character": "characters/none.glb"}, "character|no file"),
    ({"outputs": "glb", "character": "sounds/hero.txt"}, "unknown kind of character"),
    ({"outputs": "glb", "character": "characters/no_mouth.glb"}, "shape"),
    ({"map": "NO_SUCH_RIG"}, "map|NO_SUCH_RIG"),
    ({"map": "sounds/bad_map.json"}, "map|bad_map.json"),
    ({"path": "../{id}"}, "climbs out"),
    ({"path": "/lines/{id}"}, "within the output folder"),
    ({"path": "C:\\lines\\{id}"}, "within the output folder"),
    ({"id": "line\u202egpj.exe"}, "cannot be seen"),
    ({"id": "aux"}, "device"),
    ({"id": ""}, "has this id"),
)
"""What differs from a good line, and the words; the last one takes the id of another line."""


def bad_rows(taken_id: str) -> Iterator[Row]:
    """Yield the bad lines.

    Args:
        taken_id: of another line, which one of them repeats.
    """
    for number, (changed, words) in enumerate(_BAD):
        row = {"id": f"bad-{number:02d}", "text": TEXT, "outputs": "json"} | changed
        yield row | {"id": row["id"] or taken_id, "x_expect": words}


def write_sounds(folder: Path) -> None:
    """Write the files that bad lines name, and one sound that is good."""
    folder.mkdir(parents=True, exist_ok=True)
    hum = (8000 * np.sin(np.arange(RATE) / 20)).astype("<i2").tobytes()
    _write_wav(folder / "hum.wav", hum)
    _write_wav(folder / "no_samples.wav", b"")
    (folder / "cut.wav").write_bytes((folder / "hum.wav").read_bytes()[:9000])
    (folder / "no_bytes.wav").write_bytes(b"")
    (folder / "not_sound.wav").write_text("This is a letter and no sound. " * 40, encoding="utf-8")
    (folder / "hero.txt").write_text("A hero.", encoding="utf-8")
    (folder / "bad_map.json").write_text('{"format": "something else"}', encoding="utf-8")
    numbers = np.sin(np.arange(RATE) / 20).astype("<f4")
    numbers[RATE // 2] = np.nan
    head = b"fmt " + np.array([16], "<u4").tobytes() + np.array([3, 1], "<u2").tobytes()
    head += np.array([RATE, 4 * RATE], "<u4").tobytes() + np.array([4, 32], "<u2").tobytes()
    data = b"data" + np.array([4 * RATE], "<u4").tobytes() + numbers.tobytes()
    size = np.array([4 + len(head) + len(data)], "<u4").tobytes()
    (folder / "not_a_number.wav").write_bytes(b"RIFF" + size + b"WAVE" + head + data)


def write_broken(folder: Path) -> list[Path]:
    """Write sheets that are wrong as a whole, and what is told of each; return the sheets."""
    folder.mkdir(parents=True, exist_ok=True)
    line = f"a,{TEXT}\n".encode()
    sheets: dict[str, tuple[bytes, list[str]]] = {
        "empty.csv": (b"", ["id"]),
        "no_lines.csv": (b"id,text\n", ["no lines"]),
        "no_id.csv": (b"name,text\n" + line, ["id", "missing"]),
        "unknown_column.csv": (b"id,text,colour\n" + line, ["colour"]),
        "column_twice.csv": (b"id,text,text\n" + line, ["twice"]),
        "latin_1.csv": ("id,text\na,Über den Bäumen\n".encode("latin-1"), ["UTF-8"]),
        "utf_16.csv": (f"id,text\na,{TEXT}\n".encode("utf-16"), ["UTF-8"]),
        "open_quotes.csv": (b'id,text\na,"Bob made', ["quote"]),
    }
    for name, (content, _) in sheets.items():
        (folder / name).write_bytes(content)
    told = {name: words for name, (_, words) in sheets.items()}
    (folder.parent / "broken_expected.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return [folder / name for name in sheets]


def _write_wav(path: Path, samples: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)
