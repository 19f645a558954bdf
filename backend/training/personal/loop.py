# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop that every personal network shares: deterministic, resumable to the bit, watched.

Nothing random is carried from step to step: each step draws from (seed, step), so that a run that was killed and one
that was not draw alike. A checkpoint holds weights, averaged weights, the best averaged weights and the optimiser's
moments, as safetensors with the step in the header; it is written beside and renamed.
"""

import csv
import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import VideoError
from ...core.files import written_beside
from .loop_settings import LoopSettings

Report = Callable[[float, str], None]
BatchLoss = Callable[[nn.Module, np.random.Generator], Tensor]
"""The loss of one step's batch, drawn with the given generator."""
Validate = Callable[[nn.Module], float]
"""Lower is better."""
KINDS = ("net", "average", "best", "first", "second")
CURVE = ("step", "loss", "held_out")
"""Columns of the table beside the checkpoint."""
WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""


@dataclass
class _State:
    """Where a run is."""

    net: nn.Module
    average: nn.Module
    best: nn.Module
    optimiser: torch.optim.AdamW
    step: int = 0
    stale: int = 0
    best_value: float = float("inf")
    curve: list[list[float]] = field(default_factory=list[list[float]])
    """[step, training loss, validation] at each validation."""


def train(
    net: nn.Module,
    batch_loss: BatchLoss,
    validate: Validate | None,
    settings: LoopSettings,
    run: "Checkpoint | None" = None,
    report: Report | None = None,
) -> nn.Module:
    """Return the trained network with averaged weights, the best ones on the held-out clips where there are some.

    Args:
        net: at its start; not changed.
        batch_loss: of one step.
        validate: on held-out clips.
        settings: of the loop.
        run: where checkpoints lie; a run that was stopped goes on from there.
        report: told the share done and a line with the time left.
    """
    state = _begin(net, settings)
    if run is not None:
        run.restore(state)
    started, first = time.monotonic(), state.step
    while state.step < settings.steps and state.stale < settings.patience:
        loss = _step(state, batch_loss, settings)
        last = state.step == settings.steps
        if state.step % settings.validate_every == 0 or last:
            _judge(state, loss, validate)
        if run is not None and (state.step % settings.checkpoint_every == 0 or last):
            run.save(state)
        if report is not None:
            a_step_s = (time.monotonic() - started) / (state.step - first)
            report(state.step / settings.steps, _line(state, loss, a_step_s * (settings.steps - state.step)))
    return (state.best if validate is not None else state.average).eval()


def _begin(net: nn.Module, settings: LoopSettings) -> _State:
    device = torch.device(settings.device)
    live = deepcopy(net).to(device)
    optimiser = torch.optim.AdamW(live.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return _State(live, deepcopy(live).eval(), deepcopy(live).eval(), optimiser)


def _step(state: _State, batch_loss: BatchLoss, settings: LoopSettings) -> float:
    torch.manual_seed(settings.seed * 1_000_003 + state.step)
    rng = np.random.default_rng([settings.seed, state.step])
    for group in state.optimiser.param_groups:
        group["lr"] = settings.learning_rate * _rate(state.step / settings.steps)
    state.net.train()
    device = torch.device(settings.device)
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        loss = batch_loss(state.net, rng)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(state.net.parameters(), settings.clip_gradient)
    state.optimiser.step()
    state.step += 1
    kept = min(settings.averaging, state.step / (state.step + 10.0))
    with torch.no_grad():
        for old, new in zip(state.average.state_dict().values(), state.net.state_dict().values(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1.0 - kept)
    return float(loss.detach())


def _rate(share: float) -> float:
    """Return the learning rate, 0-1, at a share of the run: up and down again, each half a cosine."""
    if share < WARM_UP:
        return 0.04 + 0.96 * 0.5 * (1 - np.cos(np.pi * share / WARM_UP))
    return max(1e-4, 0.5 * (1 + np.cos(np.pi * (share - WARM_UP) / (1 - WARM_UP))))


def _judge(state: _State, loss: float, validate: Validate | None) -> None:
    if validate is None:
        state.curve.append([state.step, loss, float("nan")])
        return
    with torch.inference_mode():
        value = validate(state.average.eval())
    state.curve.append([state.step, loss, value])
    state.stale += 1
    if value < state.best_value:
        state.best_value, state.stale = value, 0
        state.best.load_state_dict(state.average.state_dict())


def _line(state: _State, loss: float, left_s: float) -> str:
    held_out = f", held-out {state.best_value:.3f}" if np.isfinite(state.best_value) else ""
    return f"step {state.step}, loss {loss:.3f}{held_out}, {int(left_s) // 60}:{int(left_s) % 60:02d} min left"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file that a run goes on from."""

    path: Path
    key: str
    """Names data and settings: a checkpoint of others is refused."""

    def save(self, state: _State) -> None:
        """Write the state whole or not at all, and the curve as a table beside it."""
        from safetensors.torch import save_file

        header = {
            "key": self.key,
            "step": state.step,
            "stale": state.stale,
            "best": state.best_value if np.isfinite(state.best_value) else None,
            "curve": state.curve,
        }
        with written_beside(self.path) as beside:
            save_file(_tensors(state), str(beside), metadata={"run": json.dumps(header)})
        with written_beside(self.path.with_suffix(".csv")) as beside, beside.open("w", newline="") as file:
            csv.writer(file).writerows([CURVE, *state.curve])

    def restore(self, state: _State) -> None:
        """Bring a fresh state to where the file was left, if there is one.

        Raises:
            VideoError: it is damaged, or of other data or settings.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return
        try:
            with safe_open(str(self.path), framework="pt") as file:
                header = json.loads((file.metadata() or {}).get("run", "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        except (OSError, SafetensorError, ValueError) as error:
            raise VideoError(f"{self.path}: damaged checkpoint; delete it to start this run again") from error
        if header.get("key") != self.key:
            raise VideoError(
                f"{self.path}: a run with other data or settings began here; delete it, or give another run folder"
            )
        _restore(state, header, tensors)


def _tensors(state: _State) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for kind, module in zip(KINDS[:3], (state.net, state.average, state.best), strict=True):
        found |= {f"{kind}.{name}": value for name, value in module.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        found[f"first.{index}"], found[f"second.{index}"] = values["exp_avg"], values["exp_avg_sq"]
    return {name: value.detach().cpu().contiguous().clone() for name, value in found.items()}


def _restore(state: _State, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    for kind, module in zip(KINDS[:3], (state.net, state.average, state.best), strict=True):
        prefix = f"{kind}."
        module.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
    state.step, state.stale, state.curve = header["step"], header["stale"], header["curve"]
    state.best_value = float("inf") if header["best"] is None else header["best"]
    saved = state.optimiser.state_dict()
    count = sum(name.startswith("first.") for name in tensors)
    saved["state"] = {
        index: {
            "step": torch.tensor(float(state.step)),
            "exp_avg": tensors[f"first.{index}"],
            "exp_avg_sq": tensors[f"second.{index}"],
        }
        for index in range(count)
    }
    state.optimiser.load_state_dict(saved)
