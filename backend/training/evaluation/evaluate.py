# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a bundle on videos that it did not learn from, and write the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import BundleError, OutputError, VideoError
from ...dataset.manifest import MANIFEST, read_manifest
from ...dataset.prepare import SPEAKER, PrepareSettings, prepare
from ...dataset.sources import find_videos
from ...inference.bundle import BLENDSHAPES, OF_SPEAKERS, find_bundle, open_bundle
from ...inference.speaker_face import SpeakerFace, read_face
from ...normalise.portrait import stage_for
from ..personal.clips import Clips, load_clips
from .baselines import Baseline, fit_baselines
from .judge import Judge, Verdict, true_atlas
from .lip_judges import JudgeSchool, LipJudges, teach_judges
from .portrait import write_side_by_side
from .prediction import frame_rate
from .report import REPORT, About, Shown, write_figures, write_page
from .truth import find_word_files, speech_told_by, true_clips

Report = Callable[[float, str], None]
SHARDS = "shards"
PREPARING, FITTING, JUDGING = 0.5, 0.1, 0.7
"""Preparing: of the whole bar, where videos are given. Fitting and judging: of what is left; films have the rest."""
PORTRAIT_PX = 256
SAME_CM = 1e-3
"""Neutral faces that differ by less are one and the same."""


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """How a bundle is judged."""

    train: Path | None = None
    """Shards that the bundle learnt from, for the baselines; None: no baselines."""
    words: Path | None = None
    """Folder of word files (`.align`), best of the training clips too, for the judges of lips; None: beside the
    videos, or in the folder of shards."""
    language: str = ""
    """Of the words, as eSpeak NG names it; empty: American English."""
    films: int = 3
    """Clips that are shown in pictures and films."""
    atlas_size: int = 256
    """Texels a side, where a bundle has no texture of its own."""


@dataclass(frozen=True)
class Evaluation:
    """What came of it."""

    page: Path
    about: About
    verdict: Verdict


def evaluate(
    bundle_folder: str | Path,
    inputs: Sequence[Path],
    output: Path,
    settings: EvaluateSettings | None = None,
    report: Report | None = None,
) -> Evaluation:
    """Judge a bundle.

    Args:
        bundle_folder: of a personal bundle.
        inputs: videos of its speaker, or folders of them; or one folder of shards made with the bundle's speaker.
        output: folder for the report, made where missing; shards of videos stay in it, so that it can go on.
        settings: how.
        report: told the share done and what is being done.

    Raises:
        BundleError: not a personal bundle.
        VideoError: videos that cannot be judged by, or shards in another speaker's space.
        OutputError: the folder cannot be written to.
    """
    settings = settings or EvaluateSettings()
    tell = report or _silent
    bundle = open_bundle(bundle_folder)
    if bundle.kind not in OF_SPEAKERS:
        raise BundleError(f"bundle {bundle.name} is of kind {bundle.kind}; evaluate judges a speaker's own model")
    if bundle.coefficients == BLENDSHAPES:
        raise BundleError(f"bundle {bundle.name} was learnt from curves, not from videos that it could be judged by")
    face = read_face(bundle)
    _make(output)
    shards, begun = _shards(find_bundle(bundle_folder) / SPEAKER, inputs, output, (face, settings), tell)
    clips = load_clips(shards)
    _check_space(shards, clips, face)
    word_files = find_word_files([settings.words] if settings.words else [*inputs])
    truths = true_clips(clips, word_files)
    rest = 1 - begun
    tell(begun, "fitting baselines and judges of lips")
    baselines, learnt_from = _baselines(settings.train, face)
    lips = _lip_judges(settings, word_files, output)
    begun += FITTING * rest
    judge = Judge(bundle, face.reference_atlas, baselines, lips)
    verdict = judge.verdict(clips, truths, lambda share: tell(begun + JUDGING * rest * share, "judging"))
    seconds = sum(float(np.ptp(clip.times_s)) for clip in clips.clips)
    about = About(bundle.name, len(clips.clips), seconds, speech_told_by(truths), learnt_from)
    write_figures(output, about, verdict)
    page = _illustrated(output, about, verdict, (judge, clips, settings.films), tell)
    return Evaluation(page, about, verdict)


def _silent(_share: float, _stage: str) -> None:
    """Nobody wants to know."""


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror}; choose a folder you can write to") from error


def _shards(
    speaker: Path, inputs: Sequence[Path], output: Path, how: tuple[SpeakerFace, EvaluateSettings], tell: Report
) -> tuple[Path, float]:
    """Return the folder of shards, prepared from videos where need be, and the share of the bar that took."""
    folders = [path for path in inputs if (path / MANIFEST).is_file()]
    if folders:
        if len(inputs) > 1:
            raise VideoError(f"{folders[0]}: one folder of shards is judged alone; give it alone, or the videos")
        return folders[0], 0.0
    if not speaker.is_file():
        raise BundleError(f"{speaker} is missing, so videos cannot be measured in the model's space; train it again")
    face, settings = how
    size = settings.atlas_size if face.reference_atlas is None else len(face.reference_atlas)
    find_videos(inputs)
    prepare(
        inputs,
        output / SHARDS,
        PrepareSettings(atlas_size=size, validate=0.0),
        lambda share, stage: tell(PREPARING * share, f"preparing: {stage}"),
        known=speaker,
    )
    return output / SHARDS, PREPARING


def _check_space(shards: Path, clips: Clips, face: SpeakerFace) -> None:
    if np.abs(clips.neutral_cm - face.neutral_cm).max() > SAME_CM:
        raise VideoError(
            f"{shards}: prepared with another speaker's face than the bundle's; give the videos instead of the shards"
        )
    size, own = true_atlas(clips.clips[0]).shape[1], face.reference_atlas
    if own is not None and size != len(own):
        raise VideoError(f"{shards}: atlases of {size} texels, the bundle's have {len(own)}; give the videos instead")


def _baselines(train: Path | None, face: SpeakerFace) -> tuple[list[Baseline], str]:
    """Return the baselines, and in words what they learnt from."""
    if train is None:
        return [], ""
    known = load_clips(train, "train")
    _check_space(train, known, face)
    minutes = sum(float(np.ptp(clip.times_s)) for clip in known.clips) / 60
    return fit_baselines(known), f"{len(known.clips)} clips, {minutes:.1f} min"


def _lip_judges(settings: EvaluateSettings, word_files: dict[str, Path], output: Path) -> LipJudges | None:
    if settings.train is None:
        return None
    splits = {entry["split"] for entry in read_manifest(settings.train)["clips"]}
    held_out = load_clips(settings.train, "validate") if "validate" in splits else None
    known = {**find_word_files([settings.train]), **word_files}
    return teach_judges(JudgeSchool(load_clips(settings.train, "train"), held_out, known, settings.language), output)


def _illustrated(output: Path, about: About, verdict: Verdict, what: tuple[Judge, Clips, int], tell: Report) -> Path:
    """Write the films of some clips, and the page."""
    judge, clips, films = what
    stage = stage_for(clips.neutral_cm, PORTRAIT_PX)
    chosen = sorted({round(float(i)) for i in np.linspace(0, len(clips.clips) - 1, min(films, len(clips.clips)))})
    shown: list[Shown] = []
    for index in chosen:
        tell(1 - 0.1 * (1 - len(shown) / len(chosen)), "filming")
        clip, judged = clips.clips[index], verdict.clips[index]
        looks = judge.looks(clip, judged.truth)
        film = f"{clip.path.stem}.mp4"
        write_side_by_side(output / film, looks, stage, frame_rate(clip.times_s))
        shown.append(Shown(judged, looks, film))
    page = write_page(output, about, verdict, shown, stage)
    tell(1.0, "done")
    return page


def sentence(evaluation: Evaluation) -> str:
    """Return one sentence for the terminal."""
    model, *others = evaluation.verdict.motion.values()
    said = _figures(model.means["gap_r_speech"], model.means["lip_error_mm"])
    best = min(others, key=lambda score: score.means["lip_error_mm"]) if others else None
    beside = f"; best of the others {_figures(best.means['gap_r_speech'], best.means['lip_error_mm'])}" if best else ""
    return f"{evaluation.page.parent / REPORT}: {evaluation.about.clips} clips, {said}{beside}"


def _figures(gap_r: float, error_mm: float) -> str:
    return f"lip error {error_mm:.2f} mm, opening r in speech {gap_r:.2f}"
