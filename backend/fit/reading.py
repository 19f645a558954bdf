# SPDX-License-Identifier: GPL-3.0-or-later
"""What each control of a character does to the canonical face, read off the character's own mesh."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..core.blendshapes import ARKIT_NAMES
from ..core.errors import RigError
from ..core.face import canonical_face, lip_gap_cm
from ..core.types import Floats
from ..retarget.effects import canonical_metric, effects_cm, opens_mouth
from ..retarget.maps import BlendshapeMap, BoneChannel, Control, load_maps
from ..retarget.solve import Solver, SolveSettings
from .surface import Doubles, Surface
from .template import FaceFit

LEAST_CM = 0.06
"""A control that moves no vertex of the face this far does nothing to it."""
LEAST_WEIGHT = 0.03
"""Weights below this are left out."""
MOST_WEIGHT = 1.5
HEAD_SHARE = 0.5
"""A control that moves forehead and temples by this part of its largest movement moves the head, not the face."""
SURE = 0.2
"""Confidence from which a control is worth using."""
OPENS_SURELY = 0.5
"""Confidence that something that parts the lips must have for the mesh to count as a face that can speak."""
OPENS_OVER = 0.7
OPENS_EVENLY = 0.5
STILL = (10, 338, 297, 332, 284, 109, 67, 103, 54, 21, 162, 251, 389, 127, 356, 151)
"""Vertices of forehead and temples, which no expression moves far."""


@dataclass(frozen=True)
class Probe:
    """A control that was tried: what is set, and how far."""

    name: str
    kind: str = "shape"
    full: float = 1.0
    bone: BoneChannel | None = None
    signed: bool = False


def read_controls(surface: Surface, fit: FaceFit, probes: Sequence[Probe]) -> list[Control]:
    """Return the controls that do something to the face, with their effects.

    Args:
        surface: its motions [K, N, 3] are what the probes did.
        fit: the canonical face on that surface.
        probes: [K].

    Raises:
        RigError: none of them parts the lips.
    """
    effects = read_effects(surface, fit)
    weights = _explain(effects)
    regions = _regions()
    controls: list[Control] = []
    for probe, effect, amounts in zip(probes, effects, weights, strict=True):
        moved = np.linalg.norm(effect, axis=1)
        if moved.max() < LEAST_CM or np.median(moved[list(STILL)]) > HEAD_SHARE * moved.max():
            continue
        kept = {
            name: round(float(w), 3) for name, w in zip(ARKIT_NAMES, amounts, strict=True) if abs(w) >= LEAST_WEIGHT
        }
        sure = _confidence(effect, kept)
        controls.append(
            Control(probe.name, kept, _region(kept, regions), full=probe.full, signed=probe.signed, kind=probe.kind,
                    bone=probe.bone, confidence=sure, effect_cm=effect)
        )  # fmt: skip
    used = [control for control in controls if control.confidence >= SURE and control.weights]
    if not any(_parts_lips(control) for control in used):
        raise RigError(
            f"nothing parts the lips: of {len(probes)} controls tried, {len(controls)} move the face and none opens "
            "the mouth; give the character a shape key or a bone that does"
        )
    return used


def read_effects(surface: Surface, fit: FaceFit) -> Floats:
    """Return the displacement [K, 468, 3] of the canonical face, in cm, by each motion of the surface."""
    corners = surface.triangles[fit.triangle]
    moved = np.einsum("vc,kvcx->kvx", fit.barycentric, surface.motions[:, corners])
    return (moved @ fit.rotation / fit.scale).astype(np.float32)


def as_map(controls: Sequence[Control], title: str, identity: str) -> BlendshapeMap:
    """Return measured controls as a map whose weights stand for the effects, as it is saved."""
    count = Counter(control.name for control in controls)
    kept = tuple(_labelled(replace(control, effect_cm=None), count[control.name] > 1) for control in controls)
    return BlendshapeMap(identity, title, kept, minimum_controls=max(1, len(kept) // 2), priority=0, exact=True)


def _labelled(control: Control, is_one_of_several: bool) -> Control:
    """Return a control under a name of its own: a bone has several channels, and a property may be called as a bone."""
    if not is_one_of_several or control.kind != "bone":
        return control
    return replace(control, name=f"{control.name} {control.channel} {'xyz'[control.axis]}", aliases=(control.name,))


def _parts_lips(control: Control) -> bool:
    """Return whether a control opens the mouth as one does: over most of its width, on both sides alike."""
    if control.confidence < OPENS_SURELY or control.effect_cm is None or not opens_mouth(control):
        return False
    face = canonical_face()
    upper, lower = (control.effect_cm[face.landmarks[f"lip_inner_{lip}"][1:-1], 1] for lip in ("upper", "lower"))
    parted = upper - lower
    sides = parted[: len(parted) // 2].sum(), parted[-(len(parted) // 2) :].sum()
    return float((parted > 0).mean()) > OPENS_OVER and min(sides) > OPENS_EVENLY * max(sides)


def _explain(effects: Floats) -> Doubles:
    """Return the weights [K, 52] of the canonical blendshapes that come nearest to effects [K, 468, 3]."""
    basis = canonical_face().basis_cm
    limits = np.tile([0.0, MOST_WEIGHT], (len(basis), 1))
    return Solver(basis, limits, settings=SolveSettings(sparsity=2e-2, ridge=3e-3, floor=1e-3)).solve(effects)


def _confidence(effect: Floats, weights: dict[str, float]) -> float:
    """Return which part of an effect's lengths, lips first, its weights explain."""
    meant = effects_cm([Control("", weights, "lips")])[0]
    metric = canonical_metric().vertex_weights[:, None]
    size = float(((effect * metric) ** 2).sum())
    left = float((((effect - meant) * metric) ** 2).sum())
    return round(float(np.clip(1.0 - left / max(size, 1e-12), 0.0, 1.0)), 3)


@lru_cache(maxsize=1)
def _regions() -> dict[str, str]:
    """Return the gain region of each canonical blendshape, by the ARKit map."""
    arkit = next(one for one in load_maps() if one.id == "arkit52")
    return {control.name: control.region for control in arkit.controls}


def _region(weights: dict[str, float], regions: dict[str, str]) -> str:
    """Return the region in which most of the movement lies."""
    total: dict[str, float] = {}
    for name, weight in weights.items():
        size = float(np.abs(canonical_face().basis_cm[ARKIT_NAMES.index(name)]).sum())
        total[regions[name]] = total.get(regions[name], 0.0) + abs(weight) * size
    return max(total, key=lambda region: total[region]) if total else "lips"


def opening_cm(effect: Floats) -> float:
    """Return how far an effect [468, 3] parts the lips."""
    return float(lip_gap_cm(canonical_face().neutral_cm + effect))
