# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed of the retargeting solve and the objective it reaches, against scipy's `lsq_linear` a frame at a time.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.solve

Both solve the same bounded least squares (all 52 controls, sparsity and ridge included) on the same frames in the same
run, one core: clean speech-like motion, and the same with noise on every vertex, which is the harder case.
"""

import time

import numpy as np
from scipy.optimize import lsq_linear

from backend.core.blendshapes import ARKIT_INDEX, ARKIT_NAMES
from backend.core.face import vertices_from_weights
from backend.retarget.effects import effects_cm
from backend.retarget.maps import load_maps
from backend.retarget.quadratic import residual
from backend.retarget.solve import Solver

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


def measure(noise_cm: float) -> tuple[float, float, float, float]:
    """Return our frames a second, scipy's, the worst excess of our objective, and our worst KKT residual."""
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
    targets = np.linalg.solve(factor, linear.T).T
    start = time.process_time()
    theirs = np.array([lsq_linear(factor.T, target, bounds=(0, 1), method="bvls").x for target in targets])
    theirs_s = time.process_time() - start
    costs = [((weights @ factor - targets) ** 2).sum(axis=1) for weights in (ours[picked], theirs)]
    # The constant left out of both programs makes a cost of zero mean a face met exactly.
    met = (faces[picked].astype(np.float64) ** 2).sum(axis=(1, 2))
    excess = ((costs[0] - costs[1]) / np.maximum(costs[1], 1e-6 * met)).max()
    worst = residual(solver.gram, solver.linear(faces), *limits.T, ours).max()
    return FRAMES / ours_s, COMPARED / theirs_s, float(excess), float(worst)


def main() -> None:
    """Print the table."""
    print(f"{'motion':8}{'ours f/s':>10}{'scipy f/s':>11}{'ratio':>8}{'objective':>12}{'KKT':>10}")
    for label, noise_cm in (("clean", 0.0), ("noisy", NOISE_CM)):
        ours, theirs, excess, worst = measure(noise_cm)
        print(f"{label:8}{ours:10.0f}{theirs:11.0f}{ours / theirs:8.0f}{excess:+12.2%}{worst:10.1e}")


if __name__ == "__main__":
    main()
