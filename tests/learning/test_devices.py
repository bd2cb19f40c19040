"""Two processes train as one: each draws its own, both learn the same, one of them writes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.domain.errors import UserError
from cof_viewer.learning.devices import Devices, computing_on, launched
from cof_viewer.learning.rank import is_follower
from tests.conftest import ROOT


def run(out: Path, devices: int, steps: int, *words: str) -> None:
    program = ROOT / "tests" / "learning" / "two_devices.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for name in ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        environment.pop(name, None)
    words = (sys.executable, str(program), str(out), str(devices), str(steps), *words)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def learned(out: Path, rank: int = 0) -> list[float]:
    state = torch.load(out / f"learned_{rank}.pt", weights_only=True)
    return [float(state["weight"]), float(state["bias"])]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("two")
    run(out, 2, 6)
    return out


def test_each_process_draws_its_own_and_both_learn_the_same(both: Path):
    first, second = (np.loadtxt(both / f"drawn_{rank}.txt") for rank in (0, 1))
    assert first.shape == second.shape == (6, 4)
    assert not np.isclose(first, second).any()
    assert learned(both, 0) == pytest.approx(learned(both, 1), abs=1e-7)


def test_the_first_process_alone_looks_and_writes(both: Path):
    assert (both / "looked_0").exists()
    assert not (both / "looked_1").exists()
    with (both / "run" / "log.csv").open(newline="") as stream:
        assert [int(row["step"]) for row in csv.DictReader(stream)] == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in (both / "run").iterdir()) == [
        "checkpoint.pt",
        "config.json",
        "log.csv",
        "validation.csv",
    ]


def test_it_is_one_step_on_both_batches(both: Path):
    """By hand: AdamW on the mean gradient of both processes' batches, the loop's rate and running mean."""
    drawn = [np.loadtxt(both / f"drawn_{rank}.txt").astype(np.float32) for rank in (0, 1)]
    torch.manual_seed(5)
    line, mean = torch.nn.Linear(1, 1), None
    optimizer = torch.optim.AdamW(line.parameters(), lr=0.1, weight_decay=0.01)
    mean = [weight.detach().clone() for weight in line.parameters()]
    for step in range(6):
        x = torch.from_numpy(np.concatenate([part[step] for part in drawn])[:, None])
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * (1 - step / 6) ** 0.9 * (step + 1) / 100
        optimizer.zero_grad()
        (line(x) - (2 * x + 1)).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(line.parameters(), 5.0)
        optimizer.step()
        decay = min(0.995, (2 + step) / (11 + step))
        for kept, new in zip(mean, line.parameters(), strict=True):
            kept.lerp_(new.detach(), 1 - decay)
    assert learned(both) == pytest.approx([float(value) for value in mean], abs=1e-5)


@pytest.mark.skipif(
    "COF_SLOW_TESTS" not in os.environ, reason="starts four more processes; set COF_SLOW_TESTS to run it"
)
def test_it_goes_on_from_its_checkpoint(tmp_path: Path):
    run(tmp_path, 2, 2)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    run(tmp_path, 2, 4, "resume")
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 4
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() != before
    assert learned(tmp_path, 0) == pytest.approx(learned(tmp_path, 1), abs=1e-7)
    assert [len(np.loadtxt(tmp_path / f"drawn_{rank}.txt")) for rank in (0, 1)] == [4, 4]


def test_devices_that_are_not_there_are_said():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with computing_on(Devices("cuda", 2)), pytest.raises(UserError, match='2 devices of the kind "cuda"'):
        launched("32-true")
    assert not is_follower()
