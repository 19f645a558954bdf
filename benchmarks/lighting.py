# SPDX-License-Identifier: GPL-3.0-or-later
"""What light normalisation achieves, and each step switched off.

`python -m benchmarks.lighting [--speaker] [--tuning]`: on painted atlases under wandering lamps, or on the demo
speaker's rendered frames with its true landmarks.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from backend.normalise.atlas import Atlas
from backend.normalise.layout import AtlasLayout
from backend.normalise.light_field import EPS
from backend.normalise.lighting import LightSettings, gain_field, light_reference, normalise, relight
from backend.normalise.masks import region, skin_mask

from .figure import Figure
from .light_sequences import JUDGED_ON, TUNED_ON, lit_sequence
from .speaker_sequences import speaker_sequence

SEEN = 0.5
"""Texels seen at least this well count."""
REFERENCE_FRAMES = 8
VARIANTS = {
    "all steps": LightSettings(),
    "no symmetry": LightSettings(symmetry=False),
    "no shape": LightSettings(shape=False),
    "no mask": LightSettings(mask=False),
    "no temporal": LightSettings(temporal=False),
}


class KnownSequence(Protocol):
    """Atlases of T frames with their truth."""

    layout: AtlasLayout
    frames: tuple[Atlas, ...]

    @property
    def truth(self) -> np.ndarray:
        """[T or 1, S, S, 3] albedo as sRGB."""
        ...

    @property
    def told(self) -> np.ndarray:
        """[S, S] bool, where the truth is known."""
        ...

    @property
    def relit(self) -> Sequence[tuple[Atlas, int, Atlas]]:
        """(source, index of the target frame, truth): mouths to be brought into other frames' light."""
        ...


@dataclass(frozen=True)
class LightScores:
    """One sequence, or a mean over some; log is the natural logarithm of sRGB + 0.01."""

    temporal_std: float
    """Mean over skin texels of the standard deviation in time, log."""
    detail_std: float
    """Its part finer than 1.5 % of the atlas: sensor noise and aliasing, which no light normalisation takes out."""
    asymmetry: float
    """Root mean square left-right difference of the light left on the skin (5 % Gaussian), log."""
    mouth_error: float
    """Root mean square difference from the true albedo in the mouth region, but for one offset a channel, log."""
    relight_db: float
    """PSNR in the mouth region of a frame brought into another frame's light, over what that light truly gives."""


def score(
    sequence: KnownSequence, settings: LightSettings | None, reference_frames: int = REFERENCE_FRAMES
) -> LightScores:
    """Return the scores of a sequence; without settings those of leaving the light in."""
    count, size = len(sequence.frames), sequence.layout.size
    chosen = np.linspace(0, count - 1, reference_frames).round().astype(int)
    reference = light_reference([sequence.frames[index] for index in chosen], settings)

    def gain(frame: Atlas) -> np.ndarray:
        return gain_field(frame, reference) if settings else np.zeros_like(reference.gain)

    flat = np.stack([normalise(frame.rgb, gain(frame)) for frame in sequence.frames])
    logs = np.log(np.maximum(flat, 0) + EPS)
    residual = logs - np.log(sequence.truth + EPS)
    seen = np.stack([frame.visibility for frame in sequence.frames]) > SEEN
    skin = (skin_mask(size) > 0) & seen
    mouth = region(sequence.layout, "mouth") > 0
    put = []
    for source, target, truth in sequence.relit:
        picture = relight(normalise(source.rgb, gain(source)), gain(sequence.frames[target]))
        where = mouth & (source.visibility > SEEN) & (truth.visibility > SEEN)
        put.append(psnr(picture, truth.rgb, where))
    mouth_error = _error(residual, skin, mouth & seen & sequence.told)
    detail = np.stack([log - cv2.GaussianBlur(log, (0, 0), 0.015 * size) for log in logs])
    return LightScores(
        _std(logs, skin), _std(detail, skin), _asymmetry(residual, skin), mouth_error, float(np.mean(put))
    )


def psnr(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Return the peak signal to noise ratio in dB of the texels `where`."""
    return float(-10 * np.log10(np.mean((np.clip(picture[where], 0, 1) - truth[where]) ** 2)))


def _std(logs: np.ndarray, skin: np.ndarray) -> float:
    weight = skin[..., None].astype(np.float32)
    total = np.maximum(weight.sum(axis=0), 1)
    mean = (logs * weight).sum(axis=0) / total
    spread = np.sqrt((weight * (logs - mean) ** 2).sum(axis=0) / total)
    return float(spread[skin.sum(axis=0) >= len(logs) // 2].mean())


def _asymmetry(residual: np.ndarray, skin: np.ndarray) -> float:
    squares = []
    for light, known in zip(residual, skin.astype(np.float32), strict=True):
        sigma = 0.05 * len(known)
        near = cv2.GaussianBlur(known, (0, 0), sigma)
        smooth = cv2.GaussianBlur(light * known[..., None], (0, 0), sigma) / np.maximum(near, 1e-6)[..., None]
        both = (known > 0) & (known[:, ::-1] > 0)
        squares.append(np.mean((smooth - smooth[:, ::-1])[both] ** 2))
    return float(np.sqrt(np.mean(squares)))


def _error(residual: np.ndarray, skin: np.ndarray, mouth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((residual[mouth] - residual[skin].mean(axis=0)) ** 2)))


def measure(folder: Path) -> list[Figure]:
    """Measure on painted atlases, with all steps; `folder` is not used."""
    del folder
    cv2.setNumThreads(1)
    painted = [lit_sequence(seed) for seed in JUDGED_ON]
    return figures(table(painted, {"raw": None, "all steps": LightSettings()}))


def table(sequences: Sequence[KnownSequence], variants: dict[str, LightSettings | None]) -> dict[str, LightScores]:
    """Return the mean scores of each variant; none for raw atlases."""
    rows = {name: [score(sequence, settings) for sequence in sequences] for name, settings in variants.items()}
    return {name: _mean(scores) for name, scores in rows.items()}


def _mean(scores: list[LightScores]) -> LightScores:
    return LightScores(*(float(np.mean([getattr(one, field.name) for one in scores])) for field in fields(LightScores)))


def figures(rows: dict[str, LightScores]) -> list[Figure]:
    """Return the figures to hold."""
    raw, done = rows["raw"], rows["all steps"]
    return [
        Figure("skin's temporal deviation falls", raw.temporal_std / done.temporal_std, "times", 10, at_least=True),
        Figure("left-right asymmetry falls", raw.asymmetry / done.asymmetry, "times", 5, at_least=True),
        Figure("mouth's error against albedo falls", raw.mouth_error / done.mouth_error, "times", 2, at_least=True),
        Figure("relit mouth", done.relight_db, "dB", 30, at_least=True),
    ]


def main() -> int:
    """Print the table and the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lighting", description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="on the seeds that settings were chosen on")
    parser.add_argument("--speaker", action="store_true", help="on the demo speaker, not on painted atlases")
    arguments = parser.parse_args()
    seeds = TUNED_ON if arguments.tuning else JUDGED_ON
    cv2.setNumThreads(1)
    rows = table(
        [(speaker_sequence if arguments.speaker else lit_sequence)(seed) for seed in seeds], {"raw": None, **VARIANTS}
    )
    heads = ("temporal std", "(detail)", "asymmetry", "mouth error", "relit dB")
    print(f"seeds {seeds}\n{'':14}" + "".join(f"{head:>14}" for head in heads))
    for name, row in rows.items():
        print(f"{name:14}" + "".join(f"{getattr(row, field.name):14.4f}" for field in fields(row)))
    held = figures(rows)
    print(*held, sep="\n")
    return 0 if all(figure.holds for figure in held) else 1


if __name__ == "__main__":
    sys.exit(main())
