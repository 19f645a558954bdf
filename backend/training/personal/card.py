# SPDX-License-Identifier: GPL-3.0-or-later
"""The model card of a personal bundle, from what its run knows."""

from collections.abc import Mapping
from dataclasses import dataclass

TEMPLATE = """# {name}

One speaker's face from speech: mesh (468 vertices, displacements from the speaker's own closed-mouth face){texture}.
After LipSync3D (Lahiri et al. 2021); it hears by the features of `{speech}`, so that any voice drives it.

## Training data
{minutes:.1f} minutes of video of one speaker in {clips} clips ({frames} frames), head pose and light taken out.
Sources: {sources}.
Terms: {terms}.

## Made by
`python -m backend train`, preset `{preset}`, seed {seed}, on {device}; {held_out} clips were held out to choose when to
stop. Digest of the training data: `{digest}`.

## Held-out loss
{figures}

## Limits
It has the range of expression of its video. Head motion is not predicted. Teeth and tongue are texture, not shape.
Judge it with `python -m backend evaluate` on clips that it has not seen.
"""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says."""

    name: str
    speech: str
    """Name of the universal bundle."""
    has_texture: bool
    minutes: float
    clips: int
    frames: int
    held_out: int
    sources: tuple[str, ...]
    terms: str
    preset: str
    seed: int
    device: str
    digest: str
    figures: Mapping[str, float]


def card_of(facts: CardFacts) -> str:
    """Return the text of MODEL_CARD.md."""
    shown = ", ".join(facts.sources[:10])
    if len(facts.sources) > 10:
        shown += f" and {len(facts.sources) - 10} more"
    return TEMPLATE.format(
        name=facts.name,
        texture=" and texture, each atlas from the one before" if facts.has_texture else "",
        speech=facts.speech,
        minutes=facts.minutes,
        clips=facts.clips,
        frames=facts.frames,
        sources=shown,
        terms=facts.terms,
        preset=facts.preset,
        seed=facts.seed,
        device=facts.device,
        held_out=facts.held_out,
        digest=facts.digest,
        figures="\n".join(f"- {name}: {value:.4f}" for name, value in facts.figures.items()) or "- none held out",
    )
