# SPDX-License-Identifier: GPL-3.0-or-later
"""The eyeballs: where they are, their meshes, and how the eyeLook blendshapes turn them."""

import numpy as np

from .parts import MATERIAL_INDEX, HeadPart, Points, grid_faces, make_part

GLOBE_RADIUS_CM = 1.6
LEFT_GLOBE_CM = (3.12, 2.68, 2.36)
PUPIL_RAD, IRIS_RAD = 0.155, 0.40
"""Edges of pupil and iris, as angles from the eye's axis."""
LOOK_RAD = {"Up": 0.40, "Down": 0.44, "In": 0.60, "Out": 0.60}
SEGMENTS = 32


def globe(side: str) -> tuple[Points, float]:
    """Return centre [3] and radius in cm of the `left` or `right` eyeball."""
    return np.array(LEFT_GLOBE_CM) * (1.0 if side == "left" else -1.0, 1.0, 1.0), GLOBE_RADIUS_CM


def eyeball(side: str) -> HeadPart:
    """Return an eyeball that looks ahead (+Z), with white, iris and pupil."""
    centre, radius = globe(side)
    polar = np.concatenate([[0.02, 0.08, PUPIL_RAD, 0.22, 0.31, IRIS_RAD], np.linspace(IRIS_RAD, np.pi - 0.05, 16)[1:]])
    around = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    # The iris is a little flat and the clear cornea is left out: light catches it as a disc, as an iris does.
    reach = np.where(polar < IRIS_RAD, np.cos(IRIS_RAD) / np.cos(polar) * 0.35 + 0.65, 1.0)
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.sin(polar), np.sin(around)),
            np.outer(np.cos(polar), np.ones(SEGMENTS)),
        ],
        axis=-1,
    )
    ball = (ring * (reach * radius)[:, None, None]).reshape(-1, 3)
    faces = grid_faces(len(polar), SEGMENTS, wrap=True)[:, ::-1]
    middle = np.append(ball, [[0, 0, ball[0, 2]]], axis=0)
    cap = np.stack([np.full(SEGMENTS, len(ball)), np.arange(SEGMENTS), (np.arange(SEGMENTS) + 1) % SEGMENTS], axis=1)
    faces = np.concatenate([cap, faces])
    tilt = np.arccos(np.clip(middle[:, 2] / np.linalg.norm(middle, axis=1), -1, 1))[faces].mean(axis=1)
    names = np.select([tilt < PUPIL_RAD, tilt < IRIS_RAD], [MATERIAL_INDEX["pupil"], MATERIAL_INDEX["iris"]], -1)
    materials = np.where(names < 0, MATERIAL_INDEX["eye white"], names)
    return make_part(f"eye {side}", middle + centre, faces, materials, _looks(middle, side))


def _looks(ball_cm: Points, side: str) -> dict[str, Points]:
    """Return the displacement of each eyeLook blendshape: a turn about the eye's centre."""
    nose = -1.0 if side == "left" else 1.0
    x, y, z = ball_cm.T
    fields: dict[str, Points] = {}
    for where, angle in LOOK_RAD.items():
        sine, versine = np.sin(angle), 1 - np.cos(angle)
        if where in ("Up", "Down"):
            sine *= 1 if where == "Up" else -1
            turned = np.stack([0 * x, sine * z - versine * y, -sine * y - versine * z], axis=1)
        else:
            sine *= nose if where == "In" else -nose
            turned = np.stack([sine * z - versine * x, 0 * y, -sine * x - versine * z], axis=1)
        fields[f"eyeLook{where}{side.capitalize()}"] = turned
    return fields
