# SPDX-License-Identifier: GPL-3.0-or-later
"""The coarticulation as something that learns: the same sums as `motion.coarticulation`, differentiable, in float64.

What is learnt are departures from phonetics, each with a standard-normal prior: the logarithms of aims of opening and
jaw, of all strengths and times; millimetres of mouth width a phone adds; leads. Half of a phone's departure it shares
with its kin, so that phones which no film holds follow those that are made alike, and else stay what phonetics says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...motion.coarticulation import MARGIN_S, REACH_S, ROUNDING_S, STEP_S
from ...motion.parameters import MotionParameters
from ...motion.performance import JAW_KEPT_CLOSED, JAW_ON_TEETH, TOOTH_GAP_MM
from ...motion.spreading import width_rows
from ...motion.targets import GAP, JAW
from ...speech.phones import PHONES
from .takes import Take

Doubles = NDArray[np.float64]

CHIN_MM = 23.25
"""How far jawOpen 1 lowers the chin."""
LOG_SPREAD = 0.5
"""Spread of the logarithm of an aim, a strength or a time around phonetics."""
WIDTH_SPREAD_MM = 4.0
LEAD_SPREAD_S = 0.015
NOISE = (2.5, 1.0, 1.5)
"""Spread of opening, chin and width around what any phones could tell, mm on the film."""
FRAMES_OF_ONE = 5.0
"""Frames of film that tell as much as one that knows nothing of its neighbours."""
KIN = "sil, p b m, f v, w u y ʊ o, ø œ ɔ, t d n l, k ɡ ŋ x h, θ ð, s z, ʃ ʒ tʃ dʒ, r, j i ɪ e, a ɑ æ ʌ ɛ, ə ɜ"
"""Phones that lips and jaw make alike."""
TRACKED = 3
"""Tiers that films show: opening, jaw, lip shape."""


@dataclass(frozen=True)
class Batch:
    """Takes of N clips, padded to one length."""

    shares: Tensor
    """[N, S, 43]"""
    left: Tensor
    """[N, T] step before each frame."""
    part: Tensor
    """[N, T] how far it is to the next one, 0-1."""
    seen: Tensor
    """[3, N, T]"""
    weight: Tensor
    """[N, T]; 0 is padding."""
    rules: Tensor
    """[3, N, T]"""


def batch_of(takes: Sequence[Take]) -> Batch:
    """Return takes as one batch; the padding of sounds is silence."""
    steps, frames = max(len(take.shares) for take in takes), max(len(take.times_s) for take in takes)
    shares = np.zeros((len(takes), steps, takes[0].shares.shape[1]))
    shares[:, :, 0] = 1
    place, weight = np.zeros((len(takes), frames)), np.zeros((len(takes), frames))
    seen, rules = np.zeros((3, len(takes), frames)), np.zeros((3, len(takes), frames))
    for row, take in enumerate(takes):
        count = len(take.times_s)
        shares[row, : len(take.shares)] = take.shares
        place[row, :count] = (take.times_s + MARGIN_S) / STEP_S
        weight[row, :count] = take.weight
        seen[:, row, :count], rules[:, row, :count] = take.seen, take.rules
    left = np.clip(np.floor(place), 0, steps - 2)
    part = np.clip(place - left, 0, 1)
    arrays = (shares, left.astype(np.int64), part, seen, weight, rules)
    return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))


def kinship() -> Doubles:
    """Return [14, 43] which kin each phone belongs to, 1 or 0."""
    return np.array([[float(phone in names.split()) for phone in PHONES] for names in KIN.split(",")], np.float64)


class Coarticulation(nn.Module):
    """Departures from phonetics, and the face they make."""

    def __init__(self, prior: MotionParameters) -> None:
        super().__init__()
        rows = width_rows()
        shape = rows.copy()
        shape[JAW] = 0
        aims = np.stack([prior.targets[:, GAP], prior.targets[:, JAW], prior.targets @ shape])
        times = np.array([[t.before_s, t.after_s, t.lead_s] for t in prior.timing[:TRACKED]])
        self.aims0, self.strengths0, self.times0 = (
            torch.from_numpy(array) for array in (aims, np.log(prior.strengths[:, :TRACKED].T), times)
        )
        self.jaw_width = float(rows[JAW])
        # each phone's own departures, then those of each kin: [3, 43 + 14]
        self.sharing = torch.from_numpy(np.concatenate([np.eye(len(PHONES)), kinship()]) / np.sqrt(2))
        self.aims_moved, self.strengths_moved = (
            nn.Parameter(torch.zeros(TRACKED, len(self.sharing), dtype=torch.float64)) for _ in range(2)
        )
        self.times_moved = nn.Parameter(torch.zeros(TRACKED, 3, dtype=torch.float64))

    def aims(self) -> Tensor:
        """Return [3, 43]: opening in mm, jaw, width in mm, of the canonical face."""
        moved = self.aims_moved @ self.sharing
        grown = self.aims0[:2] * torch.exp(LOG_SPREAD * moved[:2])
        return torch.cat([grown, (self.aims0[2] + WIDTH_SPREAD_MM * moved[2])[None]])

    def strengths(self) -> Tensor:
        """Return [3, 43]."""
        return torch.exp(self.strengths0 + LOG_SPREAD * (self.strengths_moved @ self.sharing))

    def times_s(self) -> Tensor:
        """Return [3, 3]: before, after, lead of each tier."""
        grown = self.times0[:, :2] * torch.exp(LOG_SPREAD * self.times_moved[:, :2])
        return torch.cat([grown, self.times0[:, 2:] + LEAD_SPREAD_S * self.times_moved[:, 2:]], dim=1)

    def departure(self) -> Tensor:
        """Return the sum of squares of all departures: minus twice the log prior."""
        return sum(((p * p).sum() for p in self.parameters()), torch.zeros((), dtype=torch.float64))

    def forward(self, batch: Batch) -> Tensor:
        """Return the canonical face's opening, chin drop and widening at the frames [3, N, T], mm."""
        aims, strengths, times = self.aims(), self.strengths(), self.times_s()
        tracks = torch.stack(
            [_at_frames(_track(batch.shares, aims[k], strengths[k], times[k]), batch) for k in range(TRACKED)]
        )
        closed, on_teeth, awake = batch.rules
        gap = (tracks[0] + on_teeth * (TOOTH_GAP_MM - tracks[0])) * (1 - closed)
        jaw = tracks[1] * (1 - (1 - JAW_KEPT_CLOSED) * closed)
        jaw = jaw - on_teeth * torch.relu(jaw - JAW_ON_TEETH)
        return torch.stack([gap, CHIN_MM * jaw, tracks[2] + self.jaw_width * jaw]) * awake


def _track(shares: Tensor, aims: Tensor, strengths: Tensor, times_s: Tensor) -> Tensor:
    """Return one articulator's course [N, S]."""
    reach = round(REACH_S / STEP_S)
    lag = STEP_S * torch.arange(-reach, reach + 1, dtype=torch.float64)
    before_s, after_s, lead_s = times_s
    ahead = ROUNDING_S * nn.functional.softplus((-lag - lead_s) / ROUNDING_S)
    behind = ROUNDING_S * nn.functional.softplus((lag + lead_s) / ROUNDING_S)
    fade = torch.clamp(1 - (lag / REACH_S) ** 2, 0, 1) ** 2
    kernel = torch.exp(-ahead / before_s - behind / after_s) * fade
    pulls = torch.stack([shares @ (strengths * aims), shares @ strengths], dim=1)
    padded = nn.functional.pad(pulls, (reach, reach), mode="replicate")
    # a product with the kernel's band matrix is ten times as fast as a convolution in float64
    steps = shares.shape[1]
    place = torch.arange(steps)[None, :] - torch.arange(steps + 2 * reach)[:, None] + 2 * reach
    inside = (place >= 0) & (place <= 2 * reach)
    spread = padded @ (kernel[place.clamp(0, 2 * reach)] * inside)
    return spread[:, 0] / spread[:, 1]


def _at_frames(course: Tensor, batch: Batch) -> Tensor:
    here, there = torch.gather(course, 1, batch.left), torch.gather(course, 1, batch.left + 1)
    return here + batch.part * (there - here)
