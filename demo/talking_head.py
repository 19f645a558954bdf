# SPDX-License-Identifier: GPL-3.0-or-later
"""Films the shipped personal model: the demo speaker's mesh and texture, both predicted from the sound alone."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from backend.core.errors import BundleError
from backend.dataset.video_file import Footage, write_video
from backend.inference.bundle import open_bundle
from backend.inference.predict import Clip, PredictRequest
from backend.inference.predictors import open_predictor
from backend.normalise.portrait import stage_for

BUNDLE = "demo-speaker"
SIZE_PX = 384


def film_talking_head(sound: Path, target: Path, fps: int) -> None:
    """Predict the demo speaker's face for a sound and write it as a film with that sound.

    Raises:
        SoundError: the sound cannot be used.
        OutputError: the film cannot be written.
    """
    clip = open_predictor(open_bundle(BUNDLE)).prepare(PredictRequest(sound=sound, fps=fps))
    samples, sample_rate = soundfile.read(sound, dtype="float32")
    times = clip.times_s()
    write_video(target, Footage(times, _pictures(clip), Fraction(fps), samples, sample_rate))


def _pictures(clip: Clip) -> Iterator[NDArray[np.uint8]]:
    look = clip.look
    if look is None or look.atlases is None:
        raise BundleError(f"bundle {clip.bundle}: it predicts no texture; train it again with texture")
    stage = stage_for(look.neutral_cm, SIZE_PX)
    times = clip.times_s()
    for mesh, atlas in zip(clip.performance.displacement_cm(times), look.atlases(times), strict=True):
        yield stage.portrait(look.neutral_cm + mesh, atlas)
