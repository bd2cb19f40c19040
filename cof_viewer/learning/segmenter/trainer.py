"""The training loop of the three networks, on Lightning Fabric: resumable, logged, the running mean of weights kept."""

from __future__ import annotations

import copy
import csv
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from cof_viewer.learning.segmenter.config import TrainConfig, config_to_dict

_POWER = 0.9
_WARM_UP = 100
_CLIP = 5.0


class Task(Protocol):
    """What the loop needs to know of a task."""

    def network(self) -> Any:
        """A network (nn.Module) with random weights."""

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """One random batch."""

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """Scalar loss; `network` called on images gives the logits, of every resolution where it has several."""

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

    def forward(self, images: Tensor) -> Any:
        return getattr(self.network, "deep", self.network)(images)


def fit(task: Task, config: TrainConfig, out: Path, *, resume: bool = False) -> nn.Module:
    """Train and return the running mean of the weights.

    Args:
        task: see `Task`.
        config: see `TrainConfig`.
        out: folder of `checkpoint.pt`, `log.csv`, `validation.csv`, `config.json`.
        resume: go on from `checkpoint.pt` where it exists.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config_to_dict(config), indent=1), encoding="utf-8")
    fabric = Fabric(accelerator="auto", devices=1, precision=config.precision)
    torch.manual_seed(config.seed)
    plain: nn.Module = task.network()
    mean = copy.deepcopy(plain).eval()
    optimizer = torch.optim.AdamW(plain.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    progress = Progress()
    if resume and (out / "checkpoint.pt").is_file():
        _restore(out / "checkpoint.pt", plain, mean, optimizer, progress)
    network, optimizer = fabric.setup(_Training(plain), optimizer)
    mean.to(fabric.device)
    _loop(fabric, task, config, out, network, plain, mean, optimizer, progress)
    return mean


def _loop(
    fabric: Fabric,
    task: Task,
    config: TrainConfig,
    out: Path,
    network: nn.Module,
    plain: nn.Module,
    mean: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    rng = np.random.default_rng([config.seed, progress.step])
    began = time.monotonic() - progress.seconds
    saved = looked = time.monotonic()
    while (done := _fraction(config, progress)) < 1:
        _set_rate(optimizer, config, progress.step, done)
        progress.losses.append(_step(fabric, task, network, optimizer, task.batch(rng)))
        progress.step += 1
        _follow(mean, plain, min(config.ema, (1 + progress.step) / (10 + progress.step)))
        progress.seconds = time.monotonic() - began
        if progress.step % config.log_every == 0:
            _log(out / "log.csv", progress)
        if time.monotonic() - saved > config.checkpoint_every_s:
            _save(out / "checkpoint.pt", plain, mean, optimizer, progress)
            saved = time.monotonic()
        if time.monotonic() - looked > config.validate_every_s:
            _append(out / "validation.csv", {"step": progress.step} | task.validate(mean))
            looked = time.monotonic()
    _save(out / "checkpoint.pt", plain, mean, optimizer, progress)
    _append(out / "validation.csv", {"step": progress.step} | task.validate(mean))


def _fraction(config: TrainConfig, progress: Progress) -> float:
    if config.minutes is not None:
        return progress.seconds / (60 * config.minutes)
    return progress.step / config.steps


def _set_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, step: int, done: float) -> None:
    rate = config.learning_rate * (1 - done) ** _POWER * min(1.0, (step + 1) / _WARM_UP)
    for group in optimizer.param_groups:
        group["lr"] = rate


def _step(
    fabric: Fabric, task: Task, network: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, ...]
) -> float:
    optimizer.zero_grad(set_to_none=True)
    loss = task.loss(network, tuple(part.to(fabric.device) for part in batch))
    fabric.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def _follow(mean: nn.Module, network: nn.Module, decay: float) -> None:
    for kept, new in zip(mean.parameters(), network.parameters(), strict=True):
        kept.lerp_(new.detach(), 1 - decay)


def _save(path: Path, plain: nn.Module, mean: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    beside = path.with_suffix(".part")
    state = {
        "network": plain.state_dict(),
        "mean": mean.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": progress.step,
        "seconds": progress.seconds,
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


def _log(path: Path, progress: Progress) -> None:
    _append(
        path,
        {"step": progress.step, "seconds": round(progress.seconds, 1), "loss": float(np.mean(progress.losses))},
    )
    progress.losses.clear()


def _append(path: Path, values: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(values))
        if new:
            writer.writeheader()
        writer.writerow(values)
