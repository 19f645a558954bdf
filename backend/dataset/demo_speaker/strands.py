# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair as locks: thousands of thin ribbons combed over the demo head's cap, short or to the shoulders."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.head import HeadPart
from ...core.types import Floats

Doubles = NDArray[np.float64]
MIDDLE_CM = np.array((0.0, 2.5, -4.2))
"""What the skull is round about, canonical space."""

REARMOST_CM = -10.0
"""Roots further back are hidden from a camera in front."""


@dataclass(frozen=True)
class HairCut:
    """How the hair is worn."""

    locks: int
    steps: int
    """Pieces of each lock."""
    step_cm: float
    width_cm: float
    lift_cm: float
    """How far the hair stands off the head."""
    part_cm: float
    """Where the parting is, x; hair falls to either side."""


SHORT = HairCut(locks=2600, steps=4, step_cm=0.75, width_cm=0.2, lift_cm=0.75, part_cm=2.2)
LONG = HairCut(locks=1500, steps=9, step_cm=2.1, width_cm=0.62, lift_cm=0.6, part_cm=0.8)


@dataclass(frozen=True)
class Locks:
    """Ribbons of hair."""

    vertices_cm: Floats
    """[N, 3]."""
    triangles: NDArray[np.int32]
    """[F, 3] both sides."""
    shade: Floats
    """[N] brightness about 1: locks differ, and are darker at the root."""


def locks(cap: HeadPart, cut: HairCut, random: np.random.Generator) -> Locks:
    """Return the locks that grow from a cap."""
    roots = _roots(cap, cut.locks, random)
    lift = cut.lift_cm * random.uniform(0.25, 1.0, len(roots))
    paths = _combed(roots, lift, cut, random)
    outward = paths - MIDDLE_CM
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    along = np.gradient(paths, axis=1)
    across = np.cross(along, outward)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-6)
    taper = 0.5 * cut.width_cm * np.interp(np.linspace(0, 1, cut.steps + 1), [0, 0.5, 1], [0.8, 1, 0.4])[None, :, None]
    taper = taper * random.uniform(0.6, 1.2, (len(roots), 1, 1))
    ribbon = np.stack([paths + taper * across, paths - taper * across], axis=2)
    grain = random.normal(1, 0.2, (len(roots), 1, 1)) * np.linspace(0.75, 1.1, cut.steps + 1)[None, :, None]
    shade = np.clip(np.broadcast_to(grain, ribbon.shape[:3]), 0.3, 1.9)
    vertices, faces = ribbon.reshape(-1, 3), _ribbon_faces(len(roots), cut.steps)
    # a second set of vertices for the back of each ribbon: the rasteriser sees fronts only
    return Locks(
        np.concatenate([vertices, vertices]).astype(np.float32),
        np.concatenate([faces, faces[:, ::-1] + len(vertices)]).astype(np.int32),
        np.tile(shade.reshape(-1), 2).astype(np.float32),
    )


def _roots(cap: HeadPart, count: int, random: np.random.Generator) -> Doubles:
    """Return points [N, 3] spread evenly over the cap."""
    corners = cap.vertices_cm[cap.faces].astype(np.float64)
    corners = corners[corners[..., 2].mean(axis=1) > REARMOST_CM]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    face = random.choice(len(area), count, p=area / area.sum())
    share = np.sort(random.random((count, 2)), axis=1)
    weights = np.stack([share[:, 0], share[:, 1] - share[:, 0], 1 - share[:, 1]], axis=1)
    return np.einsum("nc,ncd->nd", weights, corners[face])


def _combed(roots: Doubles, lift: Doubles, cut: HairCut, random: np.random.Generator) -> Doubles:
    """Return the paths [N, K, 3] of the locks: along the skull, then hanging."""
    side = np.where(roots[:, 0] > cut.part_cm, 1.0, -1.0) * np.ones(len(roots))
    jitter = random.normal(0, 0.16, roots.shape)
    reach = np.linalg.norm(roots - MIDDLE_CM, axis=1)
    paths = [roots]
    here = roots
    for step in range(1, cut.steps + 1):
        outward = here - MIDDLE_CM
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        front = np.clip((here[:, 2] + 1.0) / 3.0, 0, 1) * (here[:, 1] > 3)
        top = np.clip((here[:, 1] - 6) / 5, 0, 1)
        wish = np.stack([side * (0.2 + 0.9 * top), -1.0 + 0.9 * front, -0.3 - 1.1 * front], axis=1) + jitter
        hanging = (here[:, 1] < 1.5)[:, None]
        tangent = np.where(hanging, wish, wish - outward * (wish * outward).sum(axis=1, keepdims=True))
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
        inward = np.clip(np.abs(here[:, 0]) - 7.2, 0, 3)
        down = np.stack([-0.13 * np.sign(here[:, 0]) * inward, np.full(len(here), -1.0), 0.02 * inward], axis=1)
        here = here + cut.step_cm * np.where(hanging, 0.06 * tangent + 0.94 * down, tangent)
        off = here - MIDDLE_CM
        distance = np.linalg.norm(off, axis=1, keepdims=True)
        wanted = (reach + lift * min(1.0, 1.6 * step / cut.steps + 0.2))[:, None]
        here = np.where(hanging, here, MIDDLE_CM + off / distance * np.maximum(distance, wanted))
        paths.append(here)
    return np.stack(paths, axis=1)


def _ribbon_faces(count: int, steps: int) -> NDArray[np.int32]:
    first = 2 * ((steps + 1) * np.arange(count)[:, None] + np.arange(steps))
    a, b, c, d = first, first + 1, first + 3, first + 2
    return np.stack([np.stack([a, c, b], -1), np.stack([a, d, c], -1)], axis=2).reshape(-1, 3).astype(np.int32)
