"""On what a training computes: one processor or card, or several of them as one (DDP).

Several devices are several processes that each run the same command, started by Lightning Fabric when the loop begins.
The first one, the leader, has read and prepared everything by then; the others, its followers, find it done. Only the
leader writes. Followers end with the training; a command that trains several models starts new ones for each.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric

from cof_viewer.domain.errors import UserError
from cof_viewer.learning.rank import RANK, is_follower

_LAUNCHED = (RANK, "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What Fabric leaves in the environment when it has started followers."""


@dataclass(frozen=True)
class Devices:
    """What to compute on.

    Attributes:
        accelerator: of Lightning Fabric: "auto", "cpu", "cuda" or "mps".
        count: how many of them; on processors so many processes.
    """

    accelerator: str = "auto"
    count: int = 1


_ONE = Devices()
_chosen: ContextVar[Devices | None] = ContextVar("devices", default=None)


@contextlib.contextmanager
def computing_on(devices: Devices) -> Iterator[None]:
    """Let trainings within the block compute on these; followers of the last training are forgotten at its end."""
    before = _chosen.set(devices)
    try:
        yield
    finally:
        _chosen.reset(before)
        _release()


def launched(precision: Any) -> Fabric:
    """Fabric on the chosen devices, with its followers started.

    Raises:
        UserError: the machine has no such devices.
    """
    chosen = _chosen.get() or _ONE
    try:
        strategy = "ddp" if chosen.count > 1 else "auto"
        fabric = Fabric(accelerator=chosen.accelerator, devices=chosen.count, strategy=strategy, precision=precision)
    except (ValueError, RuntimeError) as error:  # MisconfigurationException is one of them
        raise UserError(
            f'This machine has no {chosen.count} devices of the kind "{chosen.accelerator}" to train on.', code="device"
        ) from error
    if chosen.count > 1:
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every process
        fabric.launch()
    return fabric


def agreed(fabric: Fabric, done: float, stop: bool) -> tuple[float, bool]:
    """The leader's word on how much is done and whether to stop: clocks differ, steps must not."""
    if fabric.world_size == 1:
        return done, stop
    told = torch.tensor([done, float(stop)], dtype=torch.float64 if fabric.device.type == "cpu" else torch.float32)
    told = fabric.broadcast(told.to(fabric.device))
    return float(told[0]), bool(told[1] > 0)


def _release() -> None:
    """Leave the group, so that the next training can form one anew."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    if not is_follower():
        for name in _LAUNCHED:
            os.environ.pop(name, None)
