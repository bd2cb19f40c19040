"""The training loop of our networks, on Lightning Fabric: resumable, logged, the running mean of weights kept.

Every batch, and what is dropped from it, depends on seed, step and device alone, so a resumed training goes the way of
one that was not stopped.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.domain.errors import Cancelled
from cof_viewer.learning.devices import agreed, launched
from cof_viewer.learning.logs import append_row
from cof_viewer.learning.settings import LoopSettings
from cof_viewer.learning.watching import report, stop_is_asked

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch.utils.tensorboard import SummaryWriter

_POWER = 0.9
_FIRST = 1e-3


@dataclass(frozen=True)
class Pace:
    """How the learning rate goes and the optimiser steps; tasks differ in it, their configs do not.

    Attributes:
        warm_steps: the rate rises over so many steps ...
        warm_share: ... and over such a share of the training.
        cosine: it falls by half a cosine; else by the power .9 of what is left.
        betas: of AdamW.
        clip: largest norm of the gradient.
    """

    warm_steps: int = 100
    warm_share: float = 0.0
    cosine: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 5.0

    def share(self, step: int, done: float) -> float:
        """The rate at a step, of its highest.

        Args:
            step: counted from 0.
            done: share of the training, 0 to 1.
        """
        rise = min(1.0, (step + 1) / self.warm_steps) if self.warm_steps else 1.0
        if self.warm_share:
            rise = min(rise, done / self.warm_share + _FIRST)
        return rise * (0.5 * (1 + math.cos(math.pi * done)) if self.cosine else (1 - done) ** _POWER)


USUAL_PACE = Pace()


class Task(Protocol):
    """What the loop needs to know of a task."""

    def network(self) -> Any:
        """A network (nn.Module) with random weights."""

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """One random batch."""

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """Scalar loss; `network` is called like the task's own, or like its `deep` where it has one."""

    def validate(self, network: Any) -> dict[str, float]:
        """Figures on the validation patients."""


@dataclass
class Progress:
    """How far a training has come."""

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


class _Training(nn.Module):
    """Calls a network's `deep` where it has one, so that Fabric's wrapper sees an ordinary forward."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Any) -> Any:
        return getattr(self.network, "deep", self.network)(*inputs)


@dataclass
class _Run:
    """Everything that one training keeps in hand."""

    fabric: Fabric
    task: Task
    config: LoopSettings
    pace: Pace
    out: Path
    network: nn.Module
    plain: nn.Module
    mean: nn.Module
    optimizer: torch.optim.Optimizer
    progress: Progress
    board: SummaryWriter | None


def fit(
    task: Task,
    config: LoopSettings,
    out: Path,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    pace: Pace = USUAL_PACE,
) -> nn.Module:
    """Train on the devices chosen (`learning.devices`) and return the running mean of the weights.

    Args:
        task: see `Task`.
        config: see `LoopSettings`; kept as `config.json`.
        out: folder of `checkpoint.pt`, `log.csv`, `validation.csv`, `config.json`, and `tensorboard/` where asked.
        resume: go on from `checkpoint.pt` where it exists.
        tensorboard: write event files too.
        pace: of the learning rate.

    Raises:
        Cancelled: who watches (`learning.watching`) asked to stop; the checkpoint is there.
    """
    fabric = launched(config.precision)
    if fabric.is_global_zero:
        out.mkdir(parents=True, exist_ok=True)
        (out / "config.json").write_text(json.dumps(asdict(config), indent=1), encoding="utf-8")
    torch.manual_seed(config.seed)
    plain: nn.Module = task.network()
    mean = copy.deepcopy(plain).eval()
    optimizer: Any = torch.optim.AdamW(
        [weight for weight in plain.parameters() if weight.requires_grad],
        lr=config.learning_rate,
        betas=pace.betas,
        weight_decay=config.weight_decay,
    )
    progress = Progress()
    if resume and (out / "checkpoint.pt").is_file():
        _restore(out / "checkpoint.pt", plain, mean, optimizer, progress)
    network, optimizer = fabric.setup(_Training(plain), optimizer)
    mean.to(fabric.device)
    board = _board(out / "tensorboard") if tensorboard and fabric.is_global_zero else None
    _loop(_Run(fabric, task, config, pace, out, network, plain, mean, optimizer, progress, board))
    if board is not None:
        board.close()
    return mean


def _board(folder: Path) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))


def _loop(run: _Run) -> None:
    config, progress = run.config, run.progress
    began = time.monotonic() - progress.seconds
    saved = looked = time.monotonic()
    while True:
        done, stop = agreed(run.fabric, _fraction(config, progress), stop_is_asked())
        if done >= 1:
            break
        if stop:
            _save(run)
            raise Cancelled
        report(done, f"Step {progress.step}" + (f", loss {progress.losses[-1]:.3g}" if progress.losses else ""))
        _set_rate(run, done)
        rng = np.random.default_rng([config.seed, progress.step, run.fabric.global_rank])
        batch = run.task.batch(rng)
        torch.manual_seed(int(rng.integers(2**31)))  # of dropout
        progress.losses.append(_step(run, batch))
        progress.step += 1
        _follow(run.mean, run.plain, min(config.ema, (1 + progress.step) / (10 + progress.step)))
        progress.seconds = time.monotonic() - began
        if progress.step % config.log_every == 0:
            _log(run)
        if time.monotonic() - saved > config.checkpoint_every_s:
            _save(run)
            saved = time.monotonic()
        if time.monotonic() - looked > config.validate_every_s:
            _validate(run)
            looked = time.monotonic()
    _save(run)
    _validate(run)


def _fraction(config: LoopSettings, progress: Progress) -> float:
    if config.minutes is not None:
        return progress.seconds / (60 * config.minutes)
    return progress.step / config.steps


def _set_rate(run: _Run, done: float) -> None:
    rate = run.config.learning_rate * run.pace.share(run.progress.step, done)
    for group in run.optimizer.param_groups:
        group["lr"] = rate


def _step(run: _Run, batch: tuple[Tensor, ...]) -> float:
    run.optimizer.zero_grad(set_to_none=True)
    loss = run.task.loss(run.network, tuple(part.to(run.fabric.device) for part in batch))
    run.fabric.backward(loss)
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), run.pace.clip)
    run.optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def _follow(mean: nn.Module, network: nn.Module, decay: float) -> None:
    for kept, new in zip(mean.parameters(), network.parameters(), strict=True):
        kept.lerp_(new.detach(), 1 - decay)


def _save(run: _Run) -> None:
    """The leader's weights are everybody's."""
    if not run.fabric.is_global_zero:
        return
    path = run.out / "checkpoint.pt"
    beside = path.with_suffix(".part")
    state = {
        "network": run.plain.state_dict(),
        "mean": run.mean.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "step": run.progress.step,
        "seconds": run.progress.seconds,
    }
    torch.save(state, beside)
    os.replace(beside, path)  # noqa: PTH105 - the atomic replace, by its name


def _restore(
    path: Path, plain: nn.Module, mean: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    state = torch.load(path, map_location="cpu", weights_only=True)
    plain.load_state_dict(state["network"])
    mean.load_state_dict(state["mean"])
    optimizer.load_state_dict(state["optimizer"])
    progress.step, progress.seconds = int(state["step"]), float(state["seconds"])


def _log(run: _Run) -> None:
    """A line of the leader's own losses."""
    loss = float(np.mean(run.progress.losses))
    run.progress.losses.clear()
    if not run.fabric.is_global_zero:
        return
    append_row(
        run.out / "log.csv", {"step": run.progress.step, "seconds": round(run.progress.seconds, 1), "loss": loss}
    )
    if run.board is not None:
        run.board.add_scalar("loss", loss, run.progress.step)


def _validate(run: _Run) -> None:
    """The leader looks; the others wait for its word on the next step."""
    if not run.fabric.is_global_zero:
        return
    figures = run.task.validate(run.mean)
    append_row(run.out / "validation.csv", {"step": run.progress.step} | figures)
    if run.board is not None:
        for name, value in figures.items():
            run.board.add_scalar(f"validation/{name}", value, run.progress.step)
