# SPDX-License-Identifier: GPL-3.0-or-later
"""From a bundle to the predictor of its kind."""

from typing import Protocol

from .bundle import OF_SPEAKERS, Bundle
from .personal import PersonalPredictor
from .predict import Cancelled, Clip, Predictor, PredictRequest, Report


class AnyPredictor(Protocol):
    """What every kind of predictor does."""

    bundle: Bundle

    def prepare(
        self, request: PredictRequest, report: Report | None = None, cancelled: Cancelled | None = None
    ) -> Clip:
        """Listen to a sound; see `Predictor.prepare`."""
        ...


def open_predictor(bundle: Bundle, device: str = "auto", threads: int = 1) -> AnyPredictor:
    """Return the predictor of a bundle's kind.

    Args:
        bundle: checked.
        device: one of `encoder.DEVICES`.
        threads: that one run may use.

    Raises:
        BundleError: a part that cannot be used.
    """
    kind = PersonalPredictor if bundle.kind in OF_SPEAKERS else Predictor
    return kind(bundle, device, threads)
