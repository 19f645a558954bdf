# SPDX-License-Identifier: GPL-3.0-or-later
"""Every naming family on a face that is not the canonical one: detected, covered, and does the mouth follow the sound.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.families SOUND...

A rig is made for each family from its own names. What its controls truly do is not what the maps say: each is 0.8 to
1.2 times as strong and carries another shape of a tenth of its size, drawn from seeds. The sound is predicted once;
the tracks that detection and solve give for a rig are played on its true effects, and the opening of its lips is
compared with the predicted one, over the clip and in every p, b and m. The figures are of the worst of three faces.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.core.blendshapes import ARKIT_NAMES
from backend.core.face import canonical_face, lip_gap_cm
from backend.core.types import Floats, PhoneSpan
from backend.inference.bundle import open_bundle
from backend.inference.predict import Predictor, PredictRequest
from backend.retarget.apply import retarget
from backend.retarget.detect import RigNames, choose
from backend.retarget.effects import effects_cm
from backend.retarget.maps import BlendshapeMap, Control, load_maps

LEAST_SCALE, MOST_SCALE = 0.8, 1.2
CONTAMINATION = 0.1
"""Size of the other shape that a control carries, over its own."""
CLOSED_MM = 1.5
"""Opening of the lips up to which a p, b or m counts as closed; the mouth of the face is 49 mm wide."""
SEEDS = (7, 8, 9)
NEAR_S = 0.05
"""How far before and after a p, b or m its closest frame may lie."""
CLOSURES = ("p", "b", "m")
MOUTH = [index for index, name in enumerate(ARKIT_NAMES) if name.startswith(("mouth", "jaw"))]
ARKIT_LIKE, VISEMES, VOWELS = 0.9, 0.8, 0.7
"""Correlation of the openings that each kind of family is held to."""


@dataclass(frozen=True)
class Family:
    """A convention as some tool writes it."""

    title: str
    map_id: str
    """The map that should be chosen."""
    bound: float
    """Least correlation."""
    spell: Callable[[Control], tuple[str, ...]] = lambda control: (control.name, *control.parts)
    """The names of a control on the rig; none where it lacks it."""
    full: float = 1.0
    """Value of shapes and properties at which they are fully on."""
    kind: str = "shape"
    """Where the shapes of the map are: shape keys or custom properties."""
    others: tuple[str, ...] = ()
    """Further names on the rig."""
    alias: int = 0
    """Which of a bone's names is there, as far as it has so many."""


@dataclass(frozen=True)
class Speech:
    """What was predicted of a sound."""

    times_s: Floats
    displacement_cm: Floats
    """[T, 468, 3]"""
    phones: tuple[PhoneSpan, ...]

    @property
    def gap_mm(self) -> Floats:
        """Opening of the lips [T]."""
        return opening_mm(self.displacement_cm)


@dataclass(frozen=True)
class FixtureRig:
    """A character of a family with a face of its own."""

    names: RigNames
    effects_cm: Mapping[tuple[str, str, str], Floats]
    """(kind, name, channel and axis of a bone) -> [468, 3] when fully on."""
    limits: Mapping[str, tuple[float, float]]
    full: float

    def gap_mm(self, speech: Speech) -> tuple[str, str, Floats]:
        """Return the chosen map, its coverage in words, and the opening of the true lips [T]."""
        match = choose(self.names)
        tracks = retarget(speech.displacement_cm, match, limits=self.limits)
        fulls = {(m.control.kind, name, _place(m.control)): m.control.full for m in match.controls for name in m.names}
        gap_mm = np.zeros(len(speech.times_s), np.float32)  # linear in the values, since the lips rest closed
        for (kind, name, bone), values in zip(tracks.targets(), tracks.values.T, strict=True):
            place = f"{bone.channel} {bone.axis}" if bone else ""
            full = fulls[kind, name, place] if bone else self.full
            gap_mm += values / full * opening_mm(self.effects_cm[kind, name, place])
        return match.map.id, match.coverage, gap_mm


@dataclass(frozen=True)
class Row:
    """What a family came to."""

    family: Family
    detected: str
    coverage: str
    correlation: float
    kept: int
    """Closures of the sound that the rig's lips made."""
    closures: int


def opening_mm(displacement_cm: Floats) -> Floats:
    """Return the opening of the lips [...] in millimetres, of displacements [..., 468, 3]."""
    return 10 * lip_gap_cm(canonical_face().neutral_cm + displacement_cm)


def predicted(*sounds: Path) -> Speech:
    """Return what the shipped bundle predicts of sounds, one after the other."""
    predictor, end_s = Predictor(open_bundle()), 0.0
    times_s: list[Floats] = []
    moved_cm: list[Floats] = []
    phones: list[PhoneSpan] = []
    for sound in sounds:
        clip = predictor.prepare(PredictRequest(sound))
        times_s.append(clip.times_s() + end_s)
        moved_cm.append(clip.performance.displacement_cm(clip.times_s()))
        phones += [replace(s, start_s=s.start_s + end_s, end_s=s.end_s + end_s) for s in clip.phones]
        end_s += clip.duration_s
    return Speech(np.concatenate(times_s), np.concatenate(moved_cm), tuple(phones))


def rig_of(family: Family, one: BlendshapeMap, seed: int = SEEDS[0]) -> FixtureRig:
    """Make a character of a family, with a face drawn from a seed."""
    generator = np.random.default_rng(seed)
    basis = canonical_face().basis_cm
    names: dict[str, list[str]] = {"shape": [], "property": [], "bone": []}
    effects: dict[tuple[str, str, str], Floats] = {}
    for control, effect in zip(one.controls, effects_cm(one.controls), strict=True):
        if control.extra and not control.follows:
            continue
        spelled = _bones(control, family.alias) if control.kind == "bone" else family.spell(control)
        stray = basis[generator.choice(MOUTH)]
        size = np.linalg.norm(effect) / np.linalg.norm(stray)
        true = generator.uniform(LEAST_SCALE, MOST_SCALE) * (effect + CONTAMINATION * size * stray)
        kind = family.kind if control.kind == "shape" else control.kind
        for name in spelled:
            names[kind].append(name)
            effects[kind, name, _place(control)] = true / len(spelled)
    names["shape"] += family.others
    low = -family.full if any(control.signed for control in one.controls) else 0.0
    limits = dict.fromkeys(names["shape"] + names["property"], (low, family.full))
    rig = RigNames(tuple(names["shape"]), tuple(dict.fromkeys(names["bone"])), tuple(names["property"]))
    return FixtureRig(rig, effects, limits, family.full)


def measure(family: Family, speech: Speech, maps: Sequence[BlendshapeMap]) -> Row:
    """Lip-sync rigs of a family and compare the openings; return the worst."""
    one = next(one for one in maps if one.id == family.map_id)
    closures = [span for span in speech.phones if span.phone in CLOSURES]
    detected = coverage = ""
    correlations: list[float] = []
    kept: list[int] = []
    for seed in SEEDS:
        detected, coverage, gap_mm = rig_of(family, one, seed).gap_mm(speech)
        correlations.append(float(np.corrcoef(gap_mm, speech.gap_mm)[0, 1]))
        kept.append(sum(_least_gap_mm(span, speech.times_s, gap_mm) <= CLOSED_MM for span in closures))
    return Row(family, detected, coverage, min(correlations), min(kept), len(closures))


def families() -> tuple[Family, ...]:
    """Return every family as its tools write it."""
    return (*_arkit_families(), *_viseme_families(), *_other_families())


def _arkit_families() -> tuple[Family, ...]:
    return (
        Family("ARKit 52", "arkit52", ARKIT_LIKE),
        Family("Live Link Face 61", "arkit52", ARKIT_LIKE, _pascal, others=("HeadYaw", "HeadPitch", "LeftEyeRoll")),
        Family("Face Cap, ICT-FaceKit", "arkit52", ARKIT_LIKE, _lettered),
        Family("Rocketbox AK_", "arkit52", ARKIT_LIKE, lambda c: (f"AK_{ARKIT_NAMES.index(c.name):02d}_{c.name}",)),
        Family("MPFB / MakeHuman ARKit", "arkit52", ARKIT_LIKE, others=("$md-$fe-$yn", "$ma-$fe")),
        Family("Reallusion CC3 traditional", "cc3_traditional", ARKIT_LIKE),
        Family("Reallusion CC4 standard", "cc4_standard", ARKIT_LIKE),
        Family("Reallusion CC4 extended", "cc4_extended", ARKIT_LIKE),
        Family("Reallusion CC5 HD", "cc5_hd", ARKIT_LIKE),
        Family("Daz Genesis 8.1 FACS", "daz_genesis81", ARKIT_LIKE, _behind("Genesis8_1Female__")),
        Family("Daz Genesis 9 FACS, properties", "daz_genesis9", ARKIT_LIKE, full=100.0, kind="property"),
        Family("MetaHuman", "metahuman", ARKIT_LIKE, kind="property"),
    )


def _viseme_families() -> tuple[Family, ...]:
    return (
        Family("Oculus viseme_", "oculus15", VISEMES),
        Family("Oculus plain", "oculus15", VISEMES, lambda c: (c.aliases[-5 if "viseme" in c.aliases[0] else 0],)),
        Family("VRChat vrc.v_", "oculus15", VISEMES, lambda c: (next(a for a in c.aliases if a.startswith("vrc.")),)),
        Family("MPFB / MakeHuman visemes", "oculus15", VISEMES, _behind("")),
        Family("Microsoft 22, Faceit, MPFB", "sapi22", VISEMES),
        Family("Reallusion 15 direct", "cc_visemes15", VISEMES),
        Family("Reallusion 8 and 7 pairs", "cc_visemes8", VISEMES),
        Family("Daz Genesis 3, 8 visemes", "daz_visemes", VISEMES, _behind("Genesis8Female__")),
        Family("Daz Genesis 9 visemes", "daz_visemes", VISEMES, lambda c: (c.aliases[0],), full=100.0, kind="property"),
        Family("Preston Blair", "preston_blair", VISEMES),
        Family("Rhubarb A to X", "rhubarb", VISEMES),
    )


def _other_families() -> tuple[Family, ...]:
    return (
        Family("VRM 1", "vrm", VOWELS),
        Family("VRM 0", "vrm", VOWELS, lambda c: (c.aliases[0],)),
        Family("Unity-chan MTH_", "vrm", VOWELS, lambda c: (f"blendShape1.{c.aliases[1]}",)),
        Family("VRoid", "vroid", VOWELS, _behind("Face.M_F00_000_00_")),
        Family("MikuMikuDance", "mmd", VOWELS),
        Family("Rigify, old face", "rigify", VISEMES),
        Family("Rigify, new face", "rigify", VISEMES, alias=1),
        Family("Auto-Rig Pro", "auto_rig_pro", VISEMES),
        Family("Jaw bone only", "jaw_bone", VOWELS, alias=6),
    )


def _pascal(control: Control) -> tuple[str, ...]:
    return (control.name[0].upper() + control.name[1:],)


def _lettered(control: Control) -> tuple[str, ...]:
    if control.side is None:
        return (control.name,)
    side = control.side.capitalize()
    return (f"{control.name.removesuffix(side)}_{side[0]}",)


def _behind(prefix: str) -> Callable[[Control], tuple[str, ...]]:
    return lambda control: tuple(prefix + name for name in (control.name, *control.parts))


def _bones(control: Control, alias: int) -> tuple[str, ...]:
    return (control.aliases[min(alias, len(control.aliases) - 1)],)


def _place(control: Control) -> str:
    return f"{control.bone.channel} {control.bone.axis}" if control.bone else ""


def _least_gap_mm(span: PhoneSpan, times_s: Floats, gap_mm: Floats) -> float:
    near = (times_s >= span.start_s - NEAR_S) & (times_s <= span.end_s + NEAR_S)
    return float(gap_mm[near].min())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="lip-sync every naming family to a sound")
    parser.add_argument("sounds", type=Path, nargs="+", help="recordings of speech")
    speech, maps = predicted(*parser.parse_args().sounds), load_maps()
    print(f"{'family':32}{'detected':17}{'r':>6}{'bound':>7}{'closed':>9}  coverage")
    for family in families():
        row = measure(family, speech, maps)
        closed = f"{row.kept}/{row.closures}"
        print(f"{family.title:32}{row.detected:17}{row.correlation:6.3f}{family.bound:7.1f}{closed:>9}  {row.coverage}")


if __name__ == "__main__":
    main()
