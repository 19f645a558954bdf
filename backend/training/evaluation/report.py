# SPDX-License-Identifier: GPL-3.0-or-later
"""`report.html` and `report.json`: what a bundle reaches, beside what simpler predictors reach on the same clips."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ...core.face import lip_gap_cm, mouth_width_cm
from ...core.files import written_beside
from ...core.version import VERSION
from ...dataset.figures import Curve, image, plot
from ...dataset.report import STYLE
from ...normalise.portrait import Stage
from ..personal.targets import MM
from .judge import JudgedClip, Verdict
from .lip_judges import READING_DEFINITIONS, ReadingScore
from .metrics import DEFINITIONS, Score
from .portrait import Looks, mouths, sheet
from .texture_metrics import TEXTURE_DEFINITIONS, TextureScore
from .word_reader import SLOTS

REPORT, FIGURES = "report.html", "report.json"
MOMENTS = 8
FORMAT_VERSION = 1
COLUMNS = {
    "gap_r_speech": "opening r, speech",
    "gap_r": "opening r",
    "width_r_speech": "width r, speech",
    "lip_error_mm": "lip error, mm",
    "lip_error_speech_mm": "lip error in speech, mm",
    "lag_ms": "lag, ms",
    "upper_face_mm2": "upper face, mm²",
}
TEXTURE_COLUMNS = {
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "psnr_db": "PSNR, dB",
    "sharpness": "sharpness",
    "flicker": "flicker",
}


@dataclass(frozen=True)
class About:
    """What was judged, by what."""

    bundle: str
    clips: int
    seconds: float
    speech: str
    """How speech was told from silence."""
    trained_on: str
    """What the baselines learnt from; empty without."""


@dataclass(frozen=True)
class Shown:
    """A clip that the report shows in pictures."""

    judged: JudgedClip
    looks: Looks
    film: str
    """File name of the film beside the report."""


def write_figures(folder: Path, about: About, verdict: Verdict) -> Path:
    """Write `report.json` and return its path.

    Raises:
        OutputError: the folder cannot be written to.
    """
    values: dict[str, Any] = {
        "format": "lipsync3d.evaluation",
        "version": FORMAT_VERSION,
        "lipsync3d": VERSION,
        **asdict(about),
        "definitions": {**DEFINITIONS, **TEXTURE_DEFINITIONS, **READING_DEFINITIONS},
        "motion": {name: score.as_json() for name, score in verdict.motion.items()},
        "texture": {name: score.as_json() for name, score in verdict.texture.items()},
        "lip_reading": {name: score.as_json() for name, score in verdict.reading.items()},
        "lip_reading_chance": {name: round(value, 4) for name, value in verdict.chance.items()},
        "each": [_clip_json(clip) for clip in verdict.clips],
    }
    target = folder / FIGURES
    with written_beside(target) as beside:
        beside.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def _clip_json(clip: JudgedClip) -> dict[str, Any]:
    motion = {name: {key: _plain(value) for key, value in asdict(score).items()} for name, score in clip.scores.items()}
    return {"clip": clip.truth.name, "motion": motion, "texture": {n: s.as_json() for n, s in clip.textures.items()}}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a number, or counts by name
    return (round(value, 4) if np.isfinite(value) else None) if isinstance(value, float) else value


def write_page(folder: Path, about: About, verdict: Verdict, shown: Sequence[Shown], stage: Stage) -> Path:
    """Write `report.html`; its pictures are in it, its films lie beside it.

    Raises:
        OutputError: the folder cannot be written to.
    """
    trained = f"<p>The simpler predictors learnt from {html.escape(about.trained_on)}.</p>" if about.trained_on else ""
    texture = (
        f"<h2>Texture in the mouth region</h2>{_texture_table(verdict.texture)}"
        f"{_definitions(TEXTURE_COLUMNS, TEXTURE_DEFINITIONS)}"
        if verdict.texture
        else "<h2>Texture</h2><p>This bundle predicts none; the pictures show both faces under one still texture.</p>"
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(about.bundle)}</title>'
        f"<style>{STYLE}video,img,figure{{max-width:100%}}</style><h1>{html.escape(about.bundle)}</h1>"
        f"<p>{about.clips} clips, {about.seconds:.0f} s. Speech: {html.escape(about.speech)}.</p>{trained}"
        f"<h2>Motion</h2>{_motion_table(verdict.motion)}{_definitions({**COLUMNS, **_COUNTED}, DEFINITIONS)}"
        f"{_reading_section(verdict)}{texture}{''.join(_clip_section(one, stage) for one in shown)}"
        f"{_each_table(verdict)}</html>\n"
    )
    target = folder / REPORT
    with written_beside(target) as beside:
        beside.write_text(page, encoding="utf-8")
    return target


_COUNTED = {
    "closure_recall": "closure recall",
    "closure_precision": "closure precision",
    "bilabials": "p, b, m at the start of words",
}


def _number(value: float, places: int = 3) -> str:
    return f"{value:.{places}f}" if np.isfinite(value) else "–"


def _row(cells: Sequence[str], head: bool = False) -> str:
    kind = "th" if head else "td"
    first, *rest = (html.escape(cell) for cell in cells)
    return f"<tr><{kind}>{first}</{kind}>" + "".join(f'<{kind} class="n">{cell}</{kind}>' for cell in rest) + "</tr>"


def _motion_table(motion: Mapping[str, Score]) -> str:
    rows = [_row(["predictor", *COLUMNS.values(), *_COUNTED.values()], head=True)]
    for name, score in motion.items():
        counts = score.closures
        places = [1 if column == "lag_ms" else 3 for column in COLUMNS]
        figures = [_number(score.means[column], digits) for column, digits in zip(COLUMNS, places, strict=True)]
        words = f"{counts.words_predicted} / {counts.words_true} / {counts.words}" if counts.words else "–"
        rows.append(_row([name, *figures, _number(counts.recall, 2), _number(counts.precision, 2), words]))
    return f"<table>{''.join(rows)}</table>"


def _reading_section(verdict: Verdict) -> str:
    if not verdict.reading:
        return ""
    told = bool(verdict.chance)
    rows = [_row(["predictor", "phone error rate", *(SLOTS if told else ())], head=True)]
    rows += [_row([name, *_reading_cells(score, told)]) for name, score in verdict.reading.items()]
    if told:
        rows.append(_row(["guessing", "–", *(_number(verdict.chance[slot], 2) for slot in SLOTS)]))
    names = {"phone_error_rate": "phone error rate", "words": "words"}
    return f"<h2>Read from the lips</h2><table>{''.join(rows)}</table>{_definitions(names, READING_DEFINITIONS)}"


def _reading_cells(score: ReadingScore, told: bool) -> list[str]:
    words = [_number(score.words.get(slot, float("nan")), 2) for slot in SLOTS] if told else []
    return [_number(score.errors.rate), *words]


def _texture_table(texture: Mapping[str, TextureScore]) -> str:
    rows = [_row(["predictor", *TEXTURE_COLUMNS.values()], head=True)]
    rows += [
        _row([name, *(_number(getattr(score, column)) for column in TEXTURE_COLUMNS)])
        for name, score in texture.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _definitions(columns: Mapping[str, str], meanings: Mapping[str, str]) -> str:
    items = "".join(
        f"<dt><b>{html.escape(said)}</b></dt><dd>{html.escape(meanings[name])}</dd>" for name, said in columns.items()
    )
    return f"<details><summary>What the figures mean</summary><dl>{items}</dl></details>"


def _clip_section(shown: Shown, stage: Stage) -> str:
    judged, looks = shown.judged, shown.looks
    truth, times = judged.truth, judged.truth.times_s
    spoken = np.flatnonzero(truth.speaking)
    spoken = spoken if len(spoken) else np.arange(len(times))
    frames = spoken[np.linspace(0, len(spoken) - 1, min(MOMENTS, len(spoken))).round().astype(int)].tolist()
    moments = ", ".join(f"{times[frame]:.2f}" for frame in frames)
    said = " ".join(word.text for word in truth.words)
    pictures = image(sheet(looks, stage, frames), f"true above, predicted below, at {moments} s")
    if len(looks.predicted_atlas) > 1:
        pictures += image(mouths(looks, frames), "mouth of the atlas, true above, predicted below")
    curves = [
        plot(title, "mm", [Curve("true", times, true * MM), Curve("predicted", times, predicted * MM)])
        for title, true, predicted in (
            ("Lip opening", lip_gap_cm(truth.mesh_cm), lip_gap_cm(judged.predicted_cm)),
            ("Mouth width", mouth_width_cm(truth.mesh_cm), mouth_width_cm(judged.predicted_cm)),
        )
    ]
    film = f'<p><video controls src="{html.escape(shown.film)}"></video><br>left true, right predicted</p>'
    heading = f"<h2>{html.escape(truth.name)}</h2>" + (f"<p>“{html.escape(said)}”</p>" if said else "")
    return heading + film + pictures + "<br>".join(curves)


def _each_table(verdict: Verdict) -> str:
    """Return the model's figures for every clip, the worst first."""
    model = next(iter(verdict.motion))
    rows = [_row(["clip", *COLUMNS.values(), "closures true / predicted / matched"], head=True)]
    for clip in sorted(verdict.clips, key=lambda clip: -clip.scores[model].lip_error_mm):
        score = clip.scores[model]
        counts = f"{score.closures.true} / {score.closures.predicted} / {score.closures.matched}"
        figures = [_number(float(getattr(score, field.name))) for field in fields(score) if field.name in COLUMNS]
        rows.append(_row([clip.truth.name, *figures, counts]))
    return f"<h2>Every clip</h2><table>{''.join(rows)}</table>"
