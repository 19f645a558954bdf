# SPDX-License-Identifier: GPL-3.0-or-later
"""What a speaker does in a clip: what is said, and how head, eyes, lids and brows move. Closed form in time."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.blendshapes import ARKIT_INDEX
from ...core.head.eyes import LOOK_RAD
from ...core.types import Floats, PhoneSpan
from ...motion.performance import MotionStyle, Performance
from ...speech.synthesis import Spoke, synthesise
from .camera import rotation
from .identity import Identity
from .noise import drift

YAW_DEG, PITCH_DEG, ROLL_DEG = 20.0, 10.0, 6.0
"""Largest turns of the head."""
SHIFT_CM = (2.2, 1.2, 4.0)
"""Largest shifts of the head along x, y, z."""
PIVOT_CM = (0.0, -11.0, -4.0)
"""What the head turns about, canonical space: the top of the neck."""
BLINK_S = 0.26
PAUSE_S = 0.35
WORDS_A_MINUTE = 150
SENTENCES = (
    "Good morning, my name does not matter, but my mouth certainly does.",
    "Five wooden boats were moved from the pier before the summer fog came in.",
    "She sells fresh bread, warm apple pie and very old maps of the valley.",
    "Please bring both umbrellas, because the weather often changes by the evening.",
    "We built a small bridge of pebbles, paper and a lot of patience.",
    "How many thumbs would you need to push a heavy piano up the road?",
    "The fox jumped over the wall and vanished above the purple moor.",
    "Every Friday my father bakes a huge loaf for the people of the farm.",
    "You may leave the blue box open, but never move the yellow vase.",
    "Imagine a moon of beeswax, a river of ink and a choir of frogs.",
    "Our voices were rough, for we had laughed the whole way home.",
    "Both of them believe that the best jam is made of plums.",
)

MORE_SENTENCES = (
    "Nobody knew why the young violinist had left the theatre before the encore.",
    "Put the butter, the pepper and six brown eggs on the upper shelf.",
    "Which of those shoes would you choose for a wedding in June?",
    "The zebra gazed at a buzzing swarm of bees above the azure lake.",
    "Thirty thieves thought that they had found something worth keeping.",
    "Wait for me by the western gate, where the willows weep over the water.",
    "A cheap watch and a juicy orange were all that George had in his pocket.",
    "I would rather hear the truth than another charming lie.",
    "Look at the cook, who took a good book from the wooden hook.",
    "The treasure was buried beneath a rough stone by the lighthouse.",
    "Go slowly over the frozen road, or you will both fall down.",
    "Every voyage begins with noise, and every boy enjoys the toys of the town.",
    "Her nurse served the first bird at thirteen past three.",
    "Cats can catch rats, but that fat black cat just sat on the mat.",
    "He found a brown mouse in the house and a trout in the fountain.",
    "The bishop approved of the map, so the ships moved up the bay.",
    "My time is nearly over, said the pilot, and smiled at the empty sky.",
    "Measure the garage, and leave the beige one beside the fishing boats.",
    "Few people knew that the huge music room was used by a student.",
    "Bob, Pam and Mabel hope to meet the mayor of Plymouth in May.",
    "Strong men sang long songs while the evening bells were ringing.",
    "Five fine fellows have given everything to save a village in the valley.",
    "Oh no, the yellow pillow fell below the open window.",
    "What a beautiful morning to paint the barn above the poppy field!",
    "The judge changed her mind, and the large bridge stayed where it was.",
    "It is easy to see three green leaves beneath the steep peak.",
    "Could you push the pudding towards the cushion, please?",
    "Farther apart, the calm father parked the car in the palm garden.",
)
"""Said by those who talk for longer than `SENTENCES` last."""


@dataclass(frozen=True)
class Speech:
    """What is said in a clip."""

    samples: Floats
    """[N] mono in -1..1."""
    sample_rate: int
    phones: tuple[PhoneSpan, ...]
    text: str


@dataclass(frozen=True)
class HeadMotion:
    """Where the head is: camera-side orientation, canonical-side origin."""

    yaw_pitch_roll_rad: Floats
    """[T, 3]; see `camera.rotation`."""
    rotation: Floats
    """[T, 3, 3] from canonical to camera axes."""
    translation_cm: Floats
    """[T, 3]: a canonical point p lies at rotation p + translation in camera space."""


def speech(who: Identity, seconds: float) -> Speech:
    """Return sentences in the speaker's voice, cut or padded with silence to the clip's length."""
    random = np.random.default_rng((who.seed, 21))
    samples: list[Floats] = []
    phones: list[PhoneSpan] = []
    said: list[str] = []
    at, rate = 0.0, 22050
    order = [SENTENCES[index] for index in random.permutation(len(SENTENCES))]
    order += [MORE_SENTENCES[index] for index in random.permutation(len(MORE_SENTENCES))]
    while at < seconds:
        sentence = order[len(said) % len(order)]
        sound, rate, spans = _said(sentence, who.voice, who.pitch)
        pause = np.zeros(round(PAUSE_S * rate), np.float32)
        phones += [PhoneSpan(s.phone, s.start_s + at, s.end_s + at) for s in spans]
        samples += [sound, pause]
        said.append(sentence)
        at += (len(sound) + len(pause)) / rate
    count = round(seconds * rate)
    kept = tuple(PhoneSpan(p.phone, p.start_s, min(p.end_s, seconds)) for p in phones if p.start_s < seconds - 1e-6)
    return Speech(np.concatenate(samples)[:count], rate, kept, " ".join(said))


@lru_cache(maxsize=64)
def _said(sentence: str, voice: str, pitch: int) -> Spoke:
    # eSpeak NG says the same text a few milliseconds differently each time: remember, so that clips repeat
    return synthesise(sentence, voice, WORDS_A_MINUTE, pitch)


def head_motion(seed: int, times_s: NDArray[np.float64], distance_cm: float) -> HeadMotion:
    """Return how the head moves at the times [T]."""
    random = np.random.default_rng((seed, 22))
    angles = [np.deg2rad(largest) * drift(random, times_s, 0.12, 0.6) for largest in (YAW_DEG, PITCH_DEG, ROLL_DEG)]
    turn = rotation(*angles)
    shift = np.stack([largest * drift(random, times_s, 0.06, 0.4) for largest in SHIFT_CM], axis=1)
    pivot = np.array(PIVOT_CM)
    translation = pivot - turn @ pivot + shift - (0.0, -1.5, distance_cm)
    return HeadMotion(np.stack(angles, axis=1).astype(np.float32), turn, translation.astype(np.float32))


def face_weights(
    who: Identity, spoken: Speech, seconds: float, head: HeadMotion, times_s: NDArray[np.float64]
) -> Floats:
    """Return the 52 ARKit weights [T, 52]: speech, blinks, brows, a hint of a smile, eyes on the camera."""
    performance = Performance(spoken.phones, seconds, MotionStyle(articulation=who.articulation))
    weights = performance.weights(times_s)
    random = np.random.default_rng((who.seed, 23))
    extra: dict[str, NDArray[np.float64]] = {}
    lids = blinks(random, seconds, times_s)
    lift = drift(random, times_s, 0.15, 0.9)
    smile = 0.06 + 0.06 * drift(random, times_s, 0.05, 0.3)
    for side in ("Left", "Right"):
        extra[f"eyeBlink{side}"] = lids
        extra[f"browOuterUp{side}"] = 0.25 * np.clip(lift, 0, 1)
        extra[f"browDown{side}"] = 0.25 * np.clip(-lift, 0, 1)
        extra[f"mouthSmile{side}"] = np.maximum(smile, 0)
    extra["browInnerUp"] = 0.3 * np.clip(lift, 0, 1)
    jitter = [np.deg2rad(3.0) * drift(random, times_s, 0.3, 2.0) for _ in range(2)]
    extra |= _gaze(-0.85 * head.yaw_pitch_roll_rad[:, 0] + jitter[0], -0.85 * head.yaw_pitch_roll_rad[:, 1] + jitter[1])
    for name, amount in extra.items():
        weights[:, ARKIT_INDEX[name]] += amount
    return np.clip(weights, 0, 1).astype(np.float32)


def blinks(random: np.random.Generator, seconds: float, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how shut the eyes are [T], 0-1: every 1.5 to 5 s for a quarter of a second, fast to close."""
    shut = np.zeros(len(times_s))
    at = random.uniform(0.6, 2.5)
    while at < seconds:
        phase = np.clip((times_s - at) / BLINK_S, 0, 1)
        shut = np.maximum(shut, np.sin(np.pi * phase**0.7) ** 1.5)
        at += random.uniform(1.5, 5.0)
    return shut


def _gaze(yaw_rad: NDArray[np.floating[Any]], pitch_rad: NDArray[np.floating[Any]]) -> dict[str, NDArray[np.float64]]:
    """Return the eyeLook weights [T] that turn both eyes by angles within the head."""

    def amount(angle: NDArray[np.floating[Any]], largest: float) -> NDArray[np.float64]:
        return np.clip(np.sin(np.clip(angle, 0, 1.2)) / np.sin(largest), 0, 0.75)

    return {
        "eyeLookOutLeft": amount(yaw_rad, LOOK_RAD["Out"]),
        "eyeLookInRight": amount(yaw_rad, LOOK_RAD["In"]),
        "eyeLookInLeft": amount(-yaw_rad, LOOK_RAD["In"]),
        "eyeLookOutRight": amount(-yaw_rad, LOOK_RAD["Out"]),
        "eyeLookDownLeft": amount(pitch_rad, LOOK_RAD["Down"]),
        "eyeLookDownRight": amount(pitch_rad, LOOK_RAD["Down"]),
        "eyeLookUpLeft": amount(-pitch_rad, LOOK_RAD["Up"]),
        "eyeLookUpRight": amount(-pitch_rad, LOOK_RAD["Up"]),
    }
