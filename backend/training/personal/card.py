# SPDX-License-Identifier: GPL-3.0-or-later
"""The model card of a personal bundle, from what its run knows."""

from collections.abc import Mapping
from dataclasses import dataclass

from .settings import LIPSYNC3D, SELFTALK

TEMPLATE = """# {name}

{what}.
{method}; it hears by the features of `{speech}`, so that any voice drives it.

## Training data
{minutes:.1f} minutes of {data}.
Sources: {sources}.
Terms: {terms}.

## Made by
`python -m backend train --kind {kind}`, preset `{preset}`, seed {seed}, on {device};
{held_out} clips were held out to choose when to stop. Digest of the training data: `{digest}`.

## Held-out loss
{figures}

## Limits
It has the range of expression of its {material}. Head motion is not predicted. {limits}
"""
METHODS = {
    LIPSYNC3D: "After LipSync3D (Lahiri et al. 2021)",
    SELFTALK: "Mesh after SelfTalk (Peng et al. 2023), trained against its own lip-reader",
}
FROM_VIDEO = {
    "what": "One speaker's face from speech: mesh (468 vertices, displacements from the speaker's own closed-mouth "
    "face){texture}",
    "data": "video of one speaker in {clips} clips ({frames} frames), head pose and light taken out",
    "material": "video",
    "limits": "Teeth and tongue are texture, not shape.\n"
    "Judge it with `python -m backend evaluate` on clips that it has not seen.",
}
FROM_CURVES = {
    "what": "One character's animation from speech: the 52 ARKit blendshape weights, learnt from an artist's curves",
    "data": "sound with an artist's animation curves, in {clips} pieces ({frames} frames)",
    "material": "curves",
    "limits": "Blendshapes that\nthe curves did not move stay still. There is no texture.",
}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says."""

    name: str
    speech: str
    """Name of the universal bundle."""
    has_texture: bool
    from_curves: bool
    """Learnt from an artist's curves, not from video."""
    minutes: float
    clips: int
    frames: int
    held_out: int
    sources: tuple[str, ...]
    terms: str
    preset: str
    kind: str
    """One of `settings.KINDS`."""
    seed: int
    device: str
    digest: str
    figures: Mapping[str, float]


def card_of(facts: CardFacts) -> str:
    """Return the text of MODEL_CARD.md."""
    shown = ", ".join(facts.sources[:10])
    if len(facts.sources) > 10:
        shown += f" and {len(facts.sources) - 10} more"
    texture = " and texture, each atlas from the one before" if facts.has_texture else ""
    words = FROM_CURVES if facts.from_curves else FROM_VIDEO
    told = {key: text.format(texture=texture, clips=facts.clips, frames=facts.frames) for key, text in words.items()}
    return TEMPLATE.format(
        **told,
        name=facts.name,
        speech=facts.speech,
        minutes=facts.minutes,
        sources=shown,
        terms=facts.terms,
        preset=facts.preset,
        kind=facts.kind,
        method=METHODS[facts.kind],
        seed=facts.seed,
        device=facts.device,
        held_out=facts.held_out,
        digest=facts.digest,
        figures="\n".join(f"- {name}: {value:.4f}" for name, value in facts.figures.items()) or "- none held out",
    )
