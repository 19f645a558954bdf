# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a report as pieces of HTML that need no other file: JPEGs in data addresses, drawings in SVG."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.face import canonical_face
from ..core.types import Floats

QUALITY = 85
COLOURS = ("#2a6fbb", "#d1495b", "#3a8f5c", "#8a5fbf")
PLOT_PX = (900, 150)
MARGIN_PX = (46, 8, 8, 20)
"""Left, top, right, bottom."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One line of a plot."""

    name: str
    times_s: Doubles
    """[T]."""
    values: Doubles | Floats
    """[T]; NaN breaks the line."""


def image(rgb: NDArray[np.uint8], caption: str = "") -> str:
    """Return a figure of a picture [H, W, 3]."""
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError(f"picture of shape {rgb.shape} cannot be encoded")
    source = base64.b64encode(data.tobytes()).decode("ascii")
    said = html.escape(caption)
    return f'<figure><img alt="{said}" src="data:image/jpeg;base64,{source}"><figcaption>{said}</figcaption></figure>'


def face_lines() -> list[NDArray[np.int64]]:
    """Return the vertex lists whose lines tell a face: outline, lips, lids, brows."""
    marks = canonical_face().landmarks
    oval = marks["face_oval"].astype(np.int64)
    names = [f"{kind}_{side}" for kind in ("eye_upper", "eye_lower") for side in ("left", "right")]
    names += ["lip_outer_upper", "lip_outer_lower", "lip_inner_upper", "lip_inner_lower"]
    brows = [half for side in ("left", "right") for half in marks[f"brow_{side}"].astype(np.int64).reshape(2, 5)]
    return [np.append(oval, oval[0]), *(marks[name].astype(np.int64) for name in names), *brows]


def with_landmarks(rgb: NDArray[np.uint8], points_px: Doubles | Floats, height: int) -> NDArray[np.uint8]:
    """Return the picture at a height, with points [468, 2] (px, y down) and the face's lines drawn over it."""
    scale = height / rgb.shape[0]
    width = round(rgb.shape[1] * scale)
    shown = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    fixed = np.round(np.asarray(points_px, np.float64) * scale * 16).astype(np.int32)
    for line in face_lines():
        cv2.polylines(shown, [fixed[line]], False, (80, 255, 160), 1, cv2.LINE_AA, 4)
    for x, y in fixed:
        cv2.circle(shown, (int(x), int(y)), 10, (255, 230, 90), -1, cv2.LINE_AA, 4)
    return shown.astype(np.uint8, copy=False)


def faces(meshes: Sequence[Doubles | Floats], caption: str, size: int = 280) -> str:
    """Return a drawing of meshes [468, 2+] (y up) over each other, to one scale."""
    points = np.stack([np.asarray(mesh, np.float64)[:, :2] for mesh in meshes])
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    scale = (size - 16) / max(float((high - low).max()), 1e-9)
    middle = (low + high) / 2
    lines: list[str] = []
    for number, mesh in enumerate(points):
        colour = f"hsl({round(300 * number / max(len(points) - 1, 1))} 60% 45%)"
        flat = (mesh - middle) * (scale, -scale) + size / 2
        drawn = " ".join("M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in flat[line]) for line in face_lines())
        lines.append(f'<path d="{drawn}" fill="none" stroke="{colour}" stroke-opacity="0.55"/>')
    said = html.escape(caption)
    body = "".join(lines)
    return (
        f'<figure><svg width="{size}" height="{size}" role="img" aria-label="{said}">{body}</svg>'
        f"<figcaption>{said}</figcaption></figure>"
    )


def plot(title: str, unit: str, curves: Sequence[Curve]) -> str:
    """Return a plot of curves over the same seconds."""
    values = np.concatenate([np.asarray(curve.values, np.float64) for curve in curves])
    times = np.concatenate([curve.times_s for curve in curves])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    high = max(high, low + 1e-6)
    first, last = (float(times.min()), max(float(times.max()), float(times.min()) + 1e-6)) if len(times) else (0.0, 1.0)
    left, top, right, bottom = MARGIN_PX
    width, height = PLOT_PX

    def line(curve: Curve, colour: str) -> str:
        x = left + (curve.times_s - first) / (last - first) * (width - left - right)
        y = top + (high - np.asarray(curve.values, np.float64)) / (high - low) * (height - top - bottom)
        pieces = " ".join(f"{a:.1f},{b:.1f}" if np.isfinite(b) else "M" for a, b in zip(x, y, strict=True))
        drawn = " ".join(f"M{piece.strip()}" for piece in pieces.split("M") if piece.strip())
        return f'<path d="{drawn}" fill="none" stroke="{colour}"/>'

    shown = "".join(line(curve, colour) for curve, colour in zip(curves, COLOURS, strict=False))
    keys = " ".join(
        f'<span style="color:{colour}">■ {html.escape(curve.name)}</span>'
        for curve, colour in zip(curves, COLOURS, strict=False)
    )
    axis = (
        f'<text x="{left - 4}" y="{top + 10}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{left - 4}" y="{height - bottom}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{left}" y="{height - 5}">{first:.1f} s</text>'
        f'<text x="{width - right}" y="{height - 5}" text-anchor="end">{last:.1f} s</text>'
        f'<rect x="{left}" y="{top}" width="{width - left - right}" height="{height - top - bottom}"'
        ' fill="none" stroke="#ccc"/>'
    )
    said = f"{html.escape(title)} ({html.escape(unit)})"
    return (
        f'<figure><figcaption>{said} {keys}</figcaption><svg width="{width}" height="{height}" role="img"'
        f' aria-label="{said}">{axis}{shown}</svg></figure>'
    )
