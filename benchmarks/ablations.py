# SPDX-License-Identifier: GPL-3.0-or-later
"""What each ingredient of the personal model is worth: the model with one thing changed, trained for as many steps."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from backend.core.types import Floats
from backend.dataset.shards import read_arrays
from backend.inference.bundle import open_bundle
from backend.normalise.camera import Camera
from backend.normalise.lighting import normalise
from backend.normalise.mouth_window import mouth_window
from backend.normalise.pose import HeadPose
from backend.training.evaluation.judge import true_atlas
from backend.training.evaluation.metrics import Score, TrueClip, score_clip, summarise
from backend.training.evaluation.texture_metrics import TextureScore, score_texture, summarise_textures
from backend.training.personal.clips import Clips, TrainClip
from backend.training.personal.ear import Ear
from backend.training.personal.geometry import TrainedGeometry, predict_clip, train_geometry
from backend.training.personal.settings import GeometryLosses, GeometrySettings, PersonalSettings
from backend.training.personal.texture import predict_texture, train_texture
from backend.training.personal.texture_settings import TextureSettings

TWO_MINUTES_S = 120.0
POSE = ("pose_scale", "pose_rotation", "pose_translation", "lens")


@dataclass(frozen=True)
class Material:
    """What variants learn from and are judged by."""

    train: Clips
    held_out: Clips
    """Choose when to stop."""
    measure: Clips
    truths: list[TrueClip]
    ears: dict[str, Ear] = field(default_factory=dict[str, Ear])
    full: dict[int, TrainedGeometry] = field(default_factory=dict[int, TrainedGeometry])
    """Unchanged geometry by seed, which all variants of the texture follow."""

    def ear(self, front: str) -> Ear:
        """Return the ear of a front, made once."""
        if front not in self.ears:
            self.ears[front] = Ear(open_bundle(), front)
        return self.ears[front]


@dataclass(frozen=True)
class Variant:
    """The model with one thing changed."""

    geometry: Callable[[GeometrySettings], GeometrySettings] = lambda settings: settings
    clips: Callable[[Clips, int], Clips] = lambda clips, _seed: clips
    """What is learnt from, by seed."""
    pose_normalised: bool = True
    """Whether the head's motion is taken out."""
    texture: Callable[[TextureSettings], TextureSettings] | None = None
    """Set where the texture is judged, not the mesh."""


def share_of(part: float) -> Callable[[Clips, int], Clips]:
    """Return what leaves a random share of the clips."""
    return lambda clips, seed: clips.only(_shuffled(clips, seed)[: max(1, round(part * len(clips.clips)))])


def two_minutes(clips: Clips, seed: int) -> Clips:
    """Return as many clips in random order as make two minutes."""
    order = _shuffled(clips, seed)
    lengths = np.cumsum([np.ptp(clips.clips[index].times_s) for index in order])
    return clips.only(order[: int(np.searchsorted(lengths, TWO_MINUTES_S)) + 1])


def _shuffled(clips: Clips, seed: int) -> list[int]:
    return np.random.default_rng((seed, 77)).permutation(len(clips.clips)).tolist()


def with_head_motion(clips: Clips, pose: HeadPose) -> Clips:
    """Return clips in canonical space as filmed: faces move with the head, brought near by one constant pose."""
    return replace(clips, clips=tuple(_with_head(clip, clips.neutral_cm, pose) for clip in clips.clips))


def mean_pose(clips: Clips) -> HeadPose:
    """Return the mean head pose of clips, as a pose of one frame."""
    poses = [_pose(clip) for clip in clips.clips]
    left, _, right = np.linalg.svd(np.concatenate([pose.rotation for pose in poses]).mean(axis=0))
    scale = np.concatenate([pose.scale for pose in poses]).mean()
    translation = np.concatenate([pose.translation for pose in poses]).mean(axis=0)
    return HeadPose(np.array([scale]), (left @ right)[None], translation[None], poses[0].lens)


def _with_head(clip: TrainClip, neutral_cm: Floats, constant: HeadPose) -> TrainClip:
    filmed = _pose(clip).camera(neutral_cm + clip.displacement_cm)
    moved = constant.canonical(filmed) - neutral_cm
    return replace(clip, displacement_cm=moved.astype(np.float32))


def _pose(clip: TrainClip) -> HeadPose:
    arrays = read_arrays(clip.path, POSE)
    x, y, focal, depth = (float(value) for value in arrays["lens"])
    camera = Camera((x, y), focal, depth)
    return HeadPose(arrays["pose_scale"], arrays["pose_rotation"], arrays["pose_translation"], camera)


def _plain(settings: GeometrySettings) -> GeometrySettings:
    """Return position and velocity alone, all vertices alike, and the speaker's own voice as it is."""
    losses = GeometryLosses(lips=1.0, velocity=1.0, gap=0.0, closure=0.0, width=0.0, rest=0.0)
    return replace(settings, losses=losses, voices=0, noise=0.0)


def _front(name: str) -> Callable[[GeometrySettings], GeometrySettings]:
    return lambda settings: replace(settings, network=replace(settings.network, front=name))


VARIANTS = {
    "full model": Variant(),
    "no pose normalisation": Variant(pose_normalised=False),
    "half the data": Variant(clips=share_of(0.5)),
    "a quarter of the data": Variant(clips=share_of(0.25)),
    "two minutes": Variant(clips=two_minutes),
    "log-mel heard, no speech encoder": Variant(_front("mel")),
    "complex spectrogram heard": Variant(_front("spectrogram")),
    "position and velocity losses only": Variant(lambda settings: replace(settings, losses=_plain(settings).losses)),
    "no changed voices, no noise": Variant(lambda settings: replace(settings, voices=0, noise=0.0)),
    "as in the paper: spectrogram, plain losses": Variant(lambda settings: _plain(_front("spectrogram")(settings))),
    "texture: full model": Variant(texture=lambda settings: settings),
    "texture: no auto-regression": Variant(texture=lambda settings: replace(settings, autoregressive=False)),
    "texture: no lighting normalisation": Variant(texture=lambda settings: replace(settings, light_normalised=False)),
}


def judged(variant: Variant, seed: int, material: Material, settings: PersonalSettings) -> Score | TextureScore:
    """Train a variant and return its figures on the clips to measure on.

    Args:
        variant: what to change.
        seed: of weights, order, noise and of which clips are left.
        material: clips.
        settings: of the unchanged model.
    """
    geometry = variant.geometry(replace(settings.geometry, loop=replace(settings.geometry.loop, seed=seed)))
    clips, held_out = variant.clips(material.train, seed), material.held_out
    if not variant.pose_normalised:
        pose = mean_pose(clips)
        clips, held_out = with_head_motion(clips, pose), with_head_motion(held_out, pose)
    ear = material.ear(geometry.network.front)
    if variant.texture is not None:
        assert settings.texture is not None
        if seed not in material.full:
            material.full[seed] = train_geometry(clips, ear, geometry, held_out)
        texture = replace(settings.texture, loop=replace(settings.texture.loop, seed=seed))
        return _judged_texture(variant.texture(texture), material.full[seed], material)
    trained = train_geometry(clips, ear, geometry, held_out)
    faces = (predict_clip(trained, ear, clip)[0] for clip in material.measure.clips)
    return summarise([score_clip(t, t.neutral_cm + f) for t, f in zip(material.truths, faces, strict=True)])


def _judged_texture(settings: TextureSettings, geometry: TrainedGeometry, material: Material) -> TextureScore:
    """Train the texture on a geometry's latents; without its light taken out, one constant gain brings it near."""
    ear = material.ear(geometry.net.config.front)

    def latents(clips: Clips) -> list[Floats]:
        return [predict_clip(geometry, ear, clip)[1] for clip in clips.clips]

    held_out = (material.held_out, latents(material.held_out))
    trained = train_texture(material.train, latents(material.train), settings, held_out)
    gain = None if settings.light_normalised else mean_gain(material.train)
    window = mouth_window(len(trained.reference_atlas))
    scores: list[TextureScore] = []
    for clip, heard in zip(material.measure.clips, latents(material.measure), strict=True):
        true = true_atlas(clip)
        predicted = np.repeat(trained.reference_atlas[None], len(true), axis=0)
        predicted[:, window.rows, window.columns] = predict_texture(trained, heard)
        if gain is not None:
            predicted = np.stack([_lit(atlas, gain) for atlas in predicted])
        scores.append(score_texture(true, predicted, clip.times_s))
    return summarise_textures(scores)


def mean_gain(clips: Clips) -> Floats:
    """Return the mean log gain [h, w, 3] that took the light out of clips."""
    return np.mean(
        [read_arrays(clip.path, ("gain",))["gain"].astype(np.float32).mean(axis=0) for clip in clips.clips], 0
    )


def _lit(atlas: NDArray[np.uint8], gain: Floats) -> NDArray[np.uint8]:
    return (np.clip(normalise(atlas.astype(np.float32) / 255, gain), 0, 1) * 255 + 0.5).astype(np.uint8)
