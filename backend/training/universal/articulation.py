# SPDX-License-Identifier: GPL-3.0-or-later
"""What lips, jaw and tongue do in each phone, as questions that the network is asked besides the phone's name.

The answers are sums of its phone posteriors, so they cost no weights: a /p/ taken for a /b/ is half forgiven, a /m/
taken for an /n/ is not.
"""

import torch
from torch import Tensor
from torch.nn import functional

from ...speech.phones import BILABIAL, LABIODENTAL, OPEN_VOWELS, PHONES, ROUNDED, SILENCE

FEATURES: dict[str, frozenset[str]] = {
    "silent": frozenset({SILENCE}),
    "closed": BILABIAL,
    "labiodental": LABIODENTAL,
    "rounded": ROUNDED,
    "open": OPEN_VOWELS,
    "spread": frozenset({"i", "ɪ", "j", "e", "ɛ", "s", "z"}),
    "tongue": frozenset({"t", "d", "n", "θ", "ð", "s", "z", "l"}),
    "voiced": frozenset(PHONES) - {SILENCE, "p", "f", "t", "k", "θ", "s", "ʃ", "tʃ", "x", "h"},
}
LEAST = 1e-4
"""Posterior of an answer under which no more is lost: labels are not that sure."""


def feature_table() -> Tensor:
    """Return [43, 8]: 1 where a phone has a feature of `FEATURES`."""
    return torch.tensor([[float(phone in phones) for phones in FEATURES.values()] for phone in PHONES])


def feature_loss(log_posteriors: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean weighted cross-entropy of the features.

    Args:
        log_posteriors: [N, 43].
        labels: [N] phone of each frame.
        weights: [N] of each frame; 0 for frames that are not learnt.
    """
    table = feature_table()
    likely = (log_posteriors.exp() @ table).clamp(LEAST, 1.0 - LEAST)
    wanted = table[torch.where(weights > 0, labels, torch.zeros_like(labels))]
    lost = functional.binary_cross_entropy(likely, wanted, reduction="none").mean(dim=1)
    return (lost * weights).sum() / weights.sum().clamp(min=1.0)
