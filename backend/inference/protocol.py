# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker and its client say to each other: one JSON object a line, UTF-8.

Standard library only, so that the add-on can import it without loading the backend.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

from ..core.errors import WorkerError

PROTOCOL = 1
LARGEST_NUMBER = 1 << 53
"""Whole numbers from here on are no seconds or frames, and may be too large for a float at all."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Worker to client, once, when it can take requests."""

    version: str
    """Version of the backend."""
    bundles: tuple[str, ...] = ()
    """Names of the bundles that ship with the backend."""
    protocol: int = PROTOCOL
    """Version of this protocol; a client refuses one it does not know."""


@dataclass(frozen=True, slots=True)
class Request:
    """Client to worker: animate a sound. Requests wait their turn."""

    id: int
    """Chosen by the client; every answer carries it."""
    sound: str
    """Path of the sound file."""
    output: str
    """Path of the mesh file (.npz) or curves file (.json, .csv) to write."""
    bundle: str = "universal"
    """Name of a shipped bundle or path of a bundle folder."""
    fps: float = 30.0
    """Frames per second (`fps / fps_base` of a scene); NTSC rates are recognised."""
    language: str = ""
    """Language that is spoken, e.g. `en-us`; empty: unknown, English where there is a transcript."""
    transcript: str = ""
    """What is said, or path of a text file; empty: recognise."""
    phones: str = ""
    """Path of a phones file; empty: recognise."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    texture: bool = True
    """Whether a mesh file holds the texture of every frame (200 kB each), where the bundle predicts it."""
    articulation: float = 1.0
    """Style of the motion, from 0 up, 1 is ordinary: gain of everything; see `core.style`. Universal bundles only."""
    jaw: float = 1.0
    lips: float = 1.0
    smoothing: float = 1.0
    quality: str = "auto"
    """`fast`: the network alone; `best`: English words are decoded as well; `auto`: what the bundle needs."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Client to worker: stop that request; answered by a `Failure` with `cancelled`."""

    id: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Worker to client: how far a request is."""

    id: int
    fraction: float
    """0–1 of the whole request; never goes back."""
    stage: str
    """What is being done, one word for people to read."""


@dataclass(frozen=True, slots=True)
class Result:
    """Worker to client: a request is done and its file is in place."""

    id: int
    output: str
    duration_s: float
    """Length of the sound."""
    frames: int
    confidence_mean: float
    """Mean confidence over the frames, 0–1."""
    phone_count: int
    bundle: str
    """Name of the bundle that answered."""
    note: str = ""
    """What the user should know of how the phones came about; mostly nothing."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Worker to client: a request came to nothing, and no file was written."""

    id: int
    """The request, or -1 where the line could not be understood."""
    message: str
    """One line for the user, with the remedy."""
    cancelled: bool = False


Message = Hello | Request | Cancel | Progress | Result | Failure
_KINDS: dict[str, type[Message]] = {
    kind.__name__.lower(): kind for kind in (Hello, Request, Cancel, Progress, Result, Failure)
}


def encode(message: Message) -> str:
    """Return a message as one line of JSON, without the line end."""
    return json.dumps({"type": type(message).__name__.lower(), **asdict(message)}, allow_nan=False)


def decode(line: str) -> Message:
    """Return the message of a line.

    Raises:
        WorkerError: not JSON, or not a message of this protocol.
    """
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WorkerError(f"not a message of the prediction process: {line[:80]!r}") from error
    if not isinstance(data, dict):
        raise WorkerError(f"not a message of the prediction process: {line[:80]!r}")
    values = cast("dict[str, Any]", data)
    kind = _KINDS.get(str(values.pop("type", "")))
    if kind is None:
        raise WorkerError(f"message of unknown type: {line[:80]!r}")
    return _build(kind, values)


def _build(kind: type[Message], values: dict[str, Any]) -> Message:
    """Build a message after checking each field against its default's or annotation's type."""
    known: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in values:
            continue
        value = values[field.name]
        if field.type is float and isinstance(value, int) and abs(value) < LARGEST_NUMBER:
            value = float(value)
        if field.type == tuple[str, ...] and isinstance(value, list):
            value = tuple(str(item) for item in cast("list[Any]", value))
        elif not isinstance(value, cast("type", field.type)):
            raise WorkerError(f"message {kind.__name__.lower()}: field {field.name} has the wrong type")
        known[field.name] = value
    try:
        return kind(**known)
    except TypeError as error:
        raise WorkerError(f"message {kind.__name__.lower()} is incomplete: {error}") from error
