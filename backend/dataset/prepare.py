# SPDX-License-Identifier: GPL-3.0-or-later
"""Videos of one speaker to a folder of shards; may be killed at any moment and goes on where it was.

A clip whose shard says that it was made from the same video with the same settings and speaker is not made again.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from ..core.errors import OutputError, VideoError
from ..core.files import written_beside
from ..normalise.lighting import LightSettings
from ..normalise.pose import PoseSettings
from ..tracking.landmarks import FaceTracker
from .clip_data import prepare_clip
from .manifest import HASH_DIGITS, ClipRecord, write_manifest
from .shards import SHARD_VERSION, read_header, write_shard
from .sources import Clip, Refusal, clips_of, find_videos, open_sources, sha256
from .speaker import Speaker, know_speaker, load_speaker, save_speaker

SPEAKER = "speaker.safetensors"
OPENING_SHARE, KNOWING_SHARE = 0.02, 0.06
"""Of the bar: opening the files, knowing the speaker; the clips have the rest."""
LEAST_FRAMES = 10
"""A clip that keeps fewer is counted but not learnt from."""

Report = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """What is made."""

    atlas_size: int = 256
    """Texels along each side of the atlas."""
    validate: float = 0.1
    """Share of the clips that is kept for validation."""
    tracker: FaceTracker = FaceTracker()  # noqa: RUF009  (frozen, holds no state)
    """How faces are found and frames judged."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What came of it."""

    folder: Path
    manifest: dict[str, Any]
    made: int
    """Clips made now; the others were there."""
    video_s: float
    """Length of the video behind the clips made now."""
    spent_s: float
    """Time that took."""

    def summary(self) -> str:
        """Return one sentence for the terminal: frames kept and left out, and why; files refused; speed."""
        frames: dict[str, int] = self.manifest["frames"]
        left_out = ", ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in frames.items() if count and name != "ok"
        )
        said = f"{len(self.manifest['clips'])} clips, {frames['ok']} of {sum(frames.values())} frames kept"
        said += f" (left out: {left_out})" if left_out else ""
        said += f", {self.made} clips made in {self.spent_s:.0f} s"
        said += f" ({self.spent_s / self.video_s:.2f} s a second of video)" if self.made else ""
        for refusal in self.manifest["refused"]:
            said += f"; refused {refusal['path']}: {refusal['reason']}"
        return said


def prepare(
    paths: Sequence[Path],
    folder: Path,
    settings: PrepareSettings | None = None,
    report: Report | None = None,
    known: Path | None = None,
) -> Prepared:
    """Prepare videos of one speaker.

    Args:
        paths: video files, or folders of them.
        folder: made where missing; what other videos left there stays.
        settings: what is made.
        report: called with (share done, what is being done).
        known: `speaker.safetensors` of earlier videos, to measure these in the same space and light.

    Raises:
        VideoError: none of the videos can be used, or `known` was made with other settings.
        OutputError: the folder cannot be written to.
    """
    settings = settings or PrepareSettings()
    if not 32 <= settings.atlas_size <= 2048:
        raise VideoError(f"atlas size {settings.atlas_size}: give 32 to 2048 texels")
    report = report or (lambda _share, _stage: None)
    _make_folder(folder)
    if known is not None:
        _take_speaker(known, folder, settings)
    began = monotonic()
    sources, refused = open_sources(find_videos(paths), lambda share: report(OPENING_SHARE * share, "opening"))
    if not sources:
        raise VideoError(_why_none(refused))
    clips = [clip for source in sources for clip in clips_of(source)]
    speaker, speaker_key = _speaker(clips, folder, settings, report)
    records, made, video_s = _make_clips(clips, folder, (speaker, speaker_key, settings), report)
    for source in sources:
        refused += _unusable(
            source.info.path, [record for record in records if record.header["sha256"] == source.sha256]
        )
    manifest = write_manifest(folder, records, refused, _shown(settings), settings.validate)
    if not manifest["frames"].get("ok"):
        raise VideoError(_why_none(refused))
    return Prepared(folder, manifest, made, video_s, monotonic() - began)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror}; choose a folder you can write to") from error
    for left in (*folder.glob(".*.safetensors"), *folder.glob(".manifest-*.json")):
        left.unlink(missing_ok=True)  # half a file of a run that was killed


def _take_speaker(known: Path, folder: Path, settings: PrepareSettings) -> None:
    """Bring a speaker that is known already into the folder."""
    if load_speaker(known, _digest(_shown(settings))) is None:
        raise VideoError(
            f"{known}: made with other settings than atlas size {settings.atlas_size} of this version; "
            "prepare and train again"
        )
    with written_beside(folder / SPEAKER) as beside:
        shutil.copyfile(known, beside)


def _speaker(clips: Sequence[Clip], folder: Path, settings: PrepareSettings, report: Report) -> tuple[Speaker, str]:
    """Return the folder's speaker, found from the clips where none is known yet, with a key that names it."""
    path = folder / SPEAKER
    key = _digest(_shown(settings))
    speaker = load_speaker(path, key)
    if speaker is None:

        def knowing(share: float) -> None:
            report(OPENING_SHARE + KNOWING_SHARE * share, "speaker")

        save_speaker(path, know_speaker(clips, settings.tracker, settings.atlas_size, knowing), key)
        speaker = load_speaker(path, key)
    if speaker is None:
        raise VideoError(f"{path}: cannot be read back; check the disk")
    return speaker, sha256(path)


def _make_clips(
    clips: Sequence[Clip], folder: Path, how: tuple[Speaker, str, PrepareSettings], report: Report
) -> tuple[list[ClipRecord], int, float]:
    """Make what is missing; return the records of all clips, how many were made, and their length."""
    speaker, speaker_key, settings = how
    keys = [
        _digest([clip.source.sha256, clip.start_s, str(clip.end_s), speaker_key, _shown(settings)]) for clip in clips
    ]
    headers = [read_header(folder / clip.name) for clip in clips]
    missing = [index for index, header in enumerate(headers) if header.get("key") != keys[index]]
    whole_s = sum(clips[index].length_s for index in missing)
    done_s = 0.0
    clock = _Clock(report)
    for turn, index in enumerate(missing):
        clip = clips[index]

        def clip_done(share: float, turn: int = turn, done_s: float = done_s, length_s: float = clip.length_s) -> None:
            clock.tell((done_s + share * length_s) / whole_s, f"clip {turn + 1} of {len(missing)}")

        shard, track = prepare_clip(clip, speaker, settings.tracker, settings.atlas_size, clip_done)
        headers[index] = _header(clip, keys[index], track.counts())
        write_shard(folder / clip.name, shard, headers[index])
        done_s += clip.length_s
    records = [ClipRecord(clip.name, header) for clip, header in zip(clips, headers, strict=True)]
    return records, len(missing), done_s


class _Clock:
    """Turns shares of the clips into the one bar, with the time left."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._began = monotonic()

    def tell(self, share: float, stage: str) -> None:
        before = OPENING_SHARE + KNOWING_SHARE
        left_s = (monotonic() - self._began) * (1 - share) / share if share > 0.002 else 0.0
        left = f", {_spoken(left_s)} left" if left_s else ""
        self._report(before + (1 - before) * share, stage + left)


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{minutes}:{rest:02d} min"


def _header(clip: Clip, key: str, counts: dict[str, int]) -> dict[str, Any]:
    info = clip.source.info
    return {
        "version": SHARD_VERSION,
        "key": key,
        "draw": _digest([clip.source.sha256, clip.index])[:HASH_DIGITS],
        "source": info.path.name,
        "sha256": clip.source.sha256,
        "width": info.width,
        "height": info.height,
        "fps": round(info.fps, 4),
        "rotation": info.rotation,
        "start_s": clip.start_s,
        "frames": counts,
    }


def _unusable(path: Path, records: Sequence[ClipRecord]) -> list[Refusal]:
    """Return why a video gave next to nothing, if so."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.header["frames"])
    if counts["ok"] >= LEAST_FRAMES:
        return []
    reasons = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.most_common() if count)
    return [Refusal(path, f"only {counts['ok']} usable frames ({reasons or 'no frames'})")]


def _why_none(refused: Sequence[Refusal]) -> str:
    first = refused[0]
    others = f" (and {len(refused) - 1} more files that cannot be used)" if len(refused) > 1 else ""
    return f"{first.path}: {first.reason}{others}"


def _shown(settings: PrepareSettings) -> dict[str, Any]:
    """Return the settings that change what is in a shard."""
    return {
        "shard_version": SHARD_VERSION,
        "atlas_size": settings.atlas_size,
        "tracker": asdict(settings.tracker),
        "pose": asdict(PoseSettings()),
        "light": asdict(LightSettings()),
    }


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
