"""A training of a line through points, run by the test of several devices as a program of its own.

`python two_devices.py OUT DEVICES STEPS [resume]`: what every process drew and learned lies in OUT.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.learning.devices import Devices, computing_on
from cof_viewer.learning.fabric_loop import fit
from cof_viewer.learning.settings import LoopSettings


class LineTask:
    """y = 2 x + 1, drawn anew for every step."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def network(self) -> nn.Module:
        return nn.Linear(1, 1)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        x = rng.normal(size=(4, 1)).astype(np.float32)
        rank = os.environ.get("LOCAL_RANK", "0")
        with (self._out / f"drawn_{rank}.txt").open("a") as stream:
            stream.write(" ".join(f"{value:.9f}" for value in x.ravel()) + "\n")
        return torch.from_numpy(x), torch.from_numpy(2 * x + 1)

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        x, y = batch
        return (network(x) - y).square().mean()

    def validate(self, network: Any) -> dict[str, float]:
        (self._out / f"looked_{os.environ.get('LOCAL_RANK', '0')}").touch()
        return {"weight": float(network.weight)}


def main() -> None:
    out, devices, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    config = LoopSettings(steps=steps, precision="32-true", log_every=1, learning_rate=0.1, seed=5)
    with computing_on(Devices("cpu", devices)):
        learned = fit(LineTask(out), config, out / "run", resume="resume" in sys.argv)
        rank = os.environ.get("LOCAL_RANK", "0")
    torch.save(learned.state_dict(), out / f"learned_{rank}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
