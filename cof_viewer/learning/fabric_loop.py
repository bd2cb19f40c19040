"""The training loop of our networks, on Lightning Fabric: resumable, logged, the running mean of weights kept."""

from __future__ import annotations

import copy
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from cof_viewer.domain.errors import Cancelled
from cof_viewer.learning.logs import append_row
from cof_viewer.learning.watching import report, stop_is_asked

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_POWER = 0.9
_WARM_UP = 100
_CLIP = 5.0


class LoopConfig(Protocol):
    """What the loop reads of a task's settings (a frozen dataclass).

    Attributes:
        steps: the learning rate falls to zero over so many steps ...
        minutes: ... or, where given, over so many minutes of training, whatever the steps.
        learning_rate: at the start.
        weight_decay: of AdamW.
        ema: decay of the running mean of the weights, which is what is kept.
        seed: of everything random.
        precision: of Lightning Fabric: "32-true" or "bf16-mixed".
        log_every: steps between lines of the log.
        checkpoint_every_s: seconds between checkpoints.
        validate_every_s: seconds between looks at the validation patients.
    """

    @property
    def steps(self) -> int: ...
    @property
    def minutes(self) -> float | None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def ema(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def precision(self) -> Any: ...
    @property
    def log_every(self) -> int: ...
    @property
    def checkpoint_every_s(self) -> float: ...
    @property
    def validate_every_s(self) -> float: ...


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
    config: LoopConfig
    out: Path
    network: nn.Module
    plain: nn.Module
    mean: nn.Module
    optimizer: torch.optim.Optimizer
    progress: Progress
    board: SummaryWriter | None


def fit(task: Task, config: LoopConfig, out: Path, *, resume: bool = False, tensorboard: bool = False) -> nn.Module:
    """Train and return the running mean of the weights.

    Args:
        task: see `Task`.
        config: see `LoopConfig`; a dataclass, kept as `config.json`.
        out: folder of `checkpoint.pt`, `log.csv`, `validation.csv`, `config.json`, and `tensorboard/` where asked.
        resume: go on from `checkpoint.pt` where it exists.
        tensorboard: write event files too.

    Raises:
        Cancelled: who watches (`learning.watching`) asked to stop; the checkpoint is there.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1), encoding="utf-8")  # type: ignore[call-overload]
    fabric = Fabric(accelerator="auto", devices=1, precision=config.precision)
    torch.manual_seed(config.seed)
    plain: nn.Module = task.network()
    mean = copy.deepcopy(plain).eval()
    optimizer: Any = torch.optim.AdamW(plain.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    progress = Progress()
    if resume and (out / "checkpoint.pt").is_file():
        _restore(out / "checkpoint.pt", plain, mean, optimizer, progress)
    network, optimizer = fabric.setup(_Training(plain), optimizer)
    mean.to(fabric.device)
    board = _board(out / "tensorboard") if tensorboard else None
    _loop(_Run(fabric, task, config, out, network, plain, mean, optimizer, progress, board))
    if board is not None:
        board.close()
    return mean


def _board(folder: Path) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))


def _loop(run: _Run) -> None:
    config, progress, checkpoint = run.config, run.progress, run.out / "checkpoint.pt"
    rng = np.random.default_rng([config.seed, progress.step])
    began = time.monotonic() - progress.seconds
    saved = looked = time.monotonic()
    while (done := _fraction(config, progress)) < 1:
        if stop_is_asked():
            _save(checkpoint, run)
            raise Cancelled
        report(done, f"Step {progress.step}" + (f", loss {progress.losses[-1]:.3g}" if progress.losses else ""))
        _set_rate(run.optimizer, config, progress.step, done)
        progress.losses.append(_step(run, run.task.batch(rng)))
        progress.step += 1
        _follow(run.mean, run.plain, min(config.ema, (1 + progress.step) / (10 + progress.step)))
        progress.seconds = time.monotonic() - began
        if progress.step % config.log_every == 0:
            _log(run)
        if time.monotonic() - saved > config.checkpoint_every_s:
            _save(checkpoint, run)
            saved = time.monotonic()
        if time.monotonic() - looked > config.validate_every_s:
            _validate(run)
            looked = time.monotonic()
    _save(checkpoint, run)
    _validate(run)


def _fraction(config: LoopConfig, progress: Progress) -> float:
    if config.minutes is not None:
        return progress.seconds / (60 * config.minutes)
    return progress.step / config.steps


def _set_rate(optimizer: torch.optim.Optimizer, config: LoopConfig, step: int, done: float) -> None:
    rate = config.learning_rate * (1 - done) ** _POWER * min(1.0, (step + 1) / _WARM_UP)
    for group in optimizer.param_groups:
        group["lr"] = rate


def _step(run: _Run, batch: tuple[Tensor, ...]) -> float:
    run.optimizer.zero_grad(set_to_none=True)
    loss = run.task.loss(run.network, tuple(part.to(run.fabric.device) for part in batch))
    run.fabric.backward(loss)
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), _CLIP)
    run.optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def _follow(mean: nn.Module, network: nn.Module, decay: float) -> None:
    for kept, new in zip(mean.parameters(), network.parameters(), strict=True):
        kept.lerp_(new.detach(), 1 - decay)


def _save(path: Path, run: _Run) -> None:
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
    loss = float(np.mean(run.progress.losses))
    append_row(
        run.out / "log.csv", {"step": run.progress.step, "seconds": round(run.progress.seconds, 1), "loss": loss}
    )
    if run.board is not None:
        run.board.add_scalar("loss", loss, run.progress.step)
    run.progress.losses.clear()


def _validate(run: _Run) -> None:
    figures = run.task.validate(run.mean)
    append_row(run.out / "validation.csv", {"step": run.progress.step} | figures)
    if run.board is not None:
        for name, value in figures.items():
            run.board.add_scalar(f"validation/{name}", value, run.progress.step)
