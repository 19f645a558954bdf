# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of the retargeting solve and the objective it reaches, against scipy's `lsq_linear` a frame at a time.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.solve

Both solve the same bounded least squares (all 52 controls, sparsity and ridge included) on the same frames in the same
run, one core: clean speech-like motion, and the same with noise on every vertex, which is the harder case.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import lsq_linear

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from backend.core.face import vertices_from_weights
from backend.retarget.effects import effects_cm
from backend.retarget.maps import load_maps
from backend.retarget.quadratic import residual
from backend.retarget.solve import Solver

from .figure import Figure

FRAMES = 6000
COMPARED = 150
NOISE_CM = 0.02


def speech_like_weights(frames: int, generator: np.random.Generator) -> np.ndarray:
    """Return [T, 52] smooth, sparse, symmetric mouth weights at 30 frames a second."""
    times_s = np.arange(frames)[:, None] / 30
    weights = np.zeros((frames, len(ARKIT_NAMES)))
    mouth = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("mouth", "jaw"))]
    size, pace, phase, rest = (
        generator.uniform(*ends, len(mouth)) for ends in ((0.1, 0.6), (1, 4), (0, 6.3), (0, 0.3))
    )
    weights[:, mouth] = np.clip(size * np.sin(2 * np.pi * pace * times_s + phase) - rest, 0, 1)
    for name in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
        weights[:, ARKIT_INDEX[name]] = 0
    for name in (n for n in ARKIT_NAMES if n.endswith("Left")):
        weights[:, ARKIT_INDEX[name.removesuffix("Left") + "Right"]] = weights[:, ARKIT_INDEX[name]]
    return weights


@dataclass(frozen=True)
class Comparison:
    """One run of both solvers."""

    ours: float
    """Frames a second of processor time."""
    scipy: float
    excess: float
    """Worst part by which our objective exceeds scipy's."""
    kkt: float
    """Worst distance of a control value from its optimality condition."""


def compare(noise_cm: float) -> Comparison:
    """Solve frames of speech-like motion with both."""
    generator = np.random.default_rng(1)
    controls = [c for one in load_maps() if one.id == "arkit52" for c in one.controls if not c.extra]
    limits = np.tile([0.0, 1.0], (len(controls), 1))
    solver = Solver(effects_cm(controls), limits)
    faces = vertices_from_weights(speech_like_weights(FRAMES, generator))
    faces += (noise_cm * generator.standard_normal(faces.shape)).astype(np.float32)
    solver.solve(faces[:64])
    start = time.process_time()
    ours = solver.solve(faces)
    ours_s = time.process_time() - start
    picked = generator.choice(FRAMES, COMPARED, replace=False)
    linear = solver.linear(faces[picked])
    factor = np.linalg.cholesky(solver.gram)
    start = time.process_time()
    targets = np.linalg.solve(factor, linear.T).T
    theirs = np.array([lsq_linear(factor.T, target, bounds=(0, 1), method="bvls").x for target in targets])
    theirs_s = time.process_time() - start
    energy = solver.energy(faces[picked])
    costs = [energy + ((w @ solver.gram) * w - 2 * linear * w).sum(axis=1) for w in (ours[picked], theirs)]
    excess = float(((costs[0] - costs[1]) / costs[1]).max())
    worst = float(residual(solver.gram, solver.linear(faces), *limits.T, ours).max())
    return Comparison(FRAMES / ours_s, COMPARED / theirs_s, excess, worst)


def solve_speed(_folder: Path | None = None) -> Figure:
    """Frames a second on one core, 52 controls, noisy motion."""
    return Figure("retargeting solve, one core", compare(NOISE_CM).ours, "frames/s", 5000.0, at_least=True)


def solve_objective(_folder: Path | None = None) -> Figure:
    """How much worse than scipy's the objective is at worst."""
    return Figure("retargeting objective over scipy's", 100 * compare(NOISE_CM).excess, "%", 0.1)


def main() -> None:
    """Print the table."""
    print(f"{'motion':8}{'ours f/s':>10}{'scipy f/s':>11}{'ratio':>8}{'objective':>12}{'KKT':>10}")
    for label, noise_cm in (("clean", 0.0), ("noisy", NOISE_CM)):
        row = compare(noise_cm)
        print(
            f"{label:8}{row.ours:10.0f}{row.scipy:11.0f}{row.ours / row.scipy:8.0f}{row.excess:+12.4%}{row.kkt:10.1e}"
        )


if __name__ == "__main__":
    main()
