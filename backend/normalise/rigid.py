# SPDX-License-Identifier: GPL-3.0-or-later
"""Weighted similarity between point sets, and which points of a face are rigid while it speaks."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]

GAUSS_NEWTON_STEPS = 4

_FOREHEAD = (151, 10, 109, 108, 67, 69, 103, 104, 54, 68, 338, 337, 297, 299, 332, 333, 284, 298, 9, 8)
_NOSE = (1, 4, 5, 195, 197, 6, 168, 193, 417, 122, 351, 196, 419, 3, 248, 51, 281, 45, 275, 134, 363, 236, 456)
_EYE_CORNERS = (33, 130, 133, 243, 244, 263, 359, 362, 463)
_TEMPLES = (21, 71, 162, 139, 156, 251, 301, 389, 368, 383, 127, 356)

STABLE_POINTS = np.array([*_FOREHEAD, *_NOSE, *_EYE_CORNERS, *_TEMPLES])
"""[N] vertices that speech hardly moves: no brows, lids, cheeks, lips or jaw, and no base of the nose."""
_PREFERENCE = np.where(np.isin(STABLE_POINTS, _FOREHEAD), 0.5, 1.0)
STABLE_WEIGHTS: Doubles = _PREFERENCE / _PREFERENCE.sum()
"""[N], summing to 1: the forehead follows the brows a little."""
_GROUP = np.repeat(np.arange(4), [len(_FOREHEAD), len(_NOSE), len(_EYE_CORNERS), len(_TEMPLES)])
STABLE_POINTS.setflags(write=False)
STABLE_WEIGHTS.setflags(write=False)


def stable_trust(plane: tuple[float, float, float, float], depth: float) -> Doubles:
    """Return how much each coordinate of the `STABLE_POINTS` counts [N, 3].

    Args:
        plane: of x and y of forehead, nose, eye corners and temples.
        depth: of z of all.
    """
    in_plane = np.asarray(plane, np.float64)[_GROUP]
    return np.stack([in_plane, in_plane, np.full(len(_GROUP), depth)], axis=-1)


def fit_similarity(points: ArrayLike, target: ArrayLike, weights: ArrayLike) -> tuple[Doubles, Doubles, Doubles]:
    """Return the similarity that brings each frame's points nearest to the target (Umeyama 1991, weighted).

    Minimises sum_i w_i |c R p_i + t - q_i|² with the weighted covariance of q and p = U D V^T,
    R = U S V^T, c = tr(D S) / var(p), S = diag(1, 1, det(U V^T)).

    Args:
        points: [T, N, 3].
        target: [N, 3] or [T, N, 3].
        weights: [N] or [T, N], positive.

    Returns:
        (scale [T], rotation [T, 3, 3], translation [T, 3]).
    """
    source = np.asarray(points, np.float64)
    aim = np.broadcast_to(np.asarray(target, np.float64), source.shape)
    weight = np.broadcast_to(np.asarray(weights, np.float64), source.shape[:2])
    weight = (weight / weight.sum(axis=1, keepdims=True))[..., None]
    middle, aim_middle = (weight * source).sum(axis=1), (weight * aim).sum(axis=1)
    centred, aim_centred = source - middle[:, None], aim - aim_middle[:, None]
    left, spread, right = np.linalg.svd((weight * aim_centred).swapaxes(1, 2) @ centred)
    signs = np.ones((len(source), 3))
    signs[:, 2] = np.sign(np.linalg.det(left @ right))
    rotation = (left * signs[:, None]) @ right
    scale = (spread * signs).sum(axis=1) / (weight * centred**2).sum(axis=(1, 2))
    translation = aim_middle - scale[:, None] * np.einsum("tij,tj->ti", rotation, middle)
    return scale, rotation, translation


def refine_similarity(
    points: ArrayLike, target: ArrayLike, weights: ArrayLike, trust: ArrayLike
) -> tuple[Doubles, Doubles, Doubles]:
    """Return `fit_similarity` with each coordinate of each point counting by itself.

    A tracker sees eye corners where they are, but slides points over smooth skin, such as the forehead, while a head
    turns; what it learnt of their depth holds. Gauss-Newton on p = a B q + d, with D_i = diag(trust_i), minimising
    sum_i (p_i - a B q_i - d)^T D_i (p_i - a B q_i - d).

    Args:
        points: [T, N, 3].
        target: [N, 3].
        weights: [N], positive: of the similarity that the search starts from.
        trust: [N, 3], positive: of x, y and z, in the space of the points.
    """
    source, aim = np.asarray(points, np.float64), np.asarray(target, np.float64)
    scale, rotation, translation = fit_similarity(source, aim, weights)
    back, size = rotation.swapaxes(1, 2), 1 / scale
    place = -size[:, None] * np.einsum("tij,tj->ti", back, translation)
    weight = np.asarray(trust, np.float64)[..., None]
    for _ in range(GAUSS_NEWTON_STEPS):
        turned = size[:, None, None] * np.einsum("tij,nj->tni", back, aim)
        off = source - turned - place[:, None]
        slope = np.zeros((*turned.shape, 7))  # by rotation vector (left), log size, place
        slope[..., :3] = -cross_matrices(turned)
        slope[..., 3] = turned
        slope[..., 4:] = np.eye(3)
        weighed = slope * weight
        matrix = np.einsum("tnik,tnil->tkl", weighed, slope)
        step = np.linalg.solve(matrix, np.einsum("tnik,tni->tk", weighed, off)[..., None])[..., 0]
        back = rotation_matrices(step[:, :3]) @ back
        size, place = size * np.exp(step[:, 3]), place + step[:, 4:]
    rotation, scale = back.swapaxes(1, 2), 1 / size
    return scale, rotation, -scale[:, None] * np.einsum("tij,tj->ti", rotation, place)


def cross_matrices(vectors: Doubles) -> Doubles:
    """Return [..., 3, 3] that multiply like the cross product with vectors [..., 3]."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*vectors.shape, 3)


def rotation_vectors(rotations: Doubles) -> Doubles:
    """Return axis times angle (rad) [..., 3] of rotation matrices [..., 3, 3] that turn less than half round."""
    skew = np.stack(
        [
            rotations[..., 2, 1] - rotations[..., 1, 2],
            rotations[..., 0, 2] - rotations[..., 2, 0],
            rotations[..., 1, 0] - rotations[..., 0, 1],
        ],
        axis=-1,
    )
    sine = np.linalg.norm(skew, axis=-1, keepdims=True) / 2
    cosine = (np.trace(rotations, axis1=-2, axis2=-1)[..., None] - 1) / 2
    angle = np.arctan2(sine, cosine)
    return skew / 2 * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-12), 1.0)


def rotation_matrices(vectors: Doubles) -> Doubles:
    """Return rotation matrices [..., 3, 3] of axis-angle vectors [..., 3] in rad (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    cross = cross_matrices(vectors)
    safe = np.maximum(angle, 1e-12)
    first = np.where(angle > 1e-9, np.sin(angle) / safe, 1.0)
    second = np.where(angle > 1e-9, (1 - np.cos(angle)) / safe**2, 0.5)
    return np.eye(3) + first * cross + second * (cross @ cross)


def yaw_pitch_roll_deg(rotations: Doubles) -> Doubles:
    """Return (yaw, pitch, roll) [..., 3] in degrees of R = Ry(yaw) Rx(pitch) Rz(roll)."""
    yaw = np.arctan2(rotations[..., 0, 2], rotations[..., 2, 2])
    pitch = np.arcsin(np.clip(-rotations[..., 1, 2], -1, 1))
    roll = np.arctan2(rotations[..., 1, 0], rotations[..., 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=-1))
