"""The loop's pace and settings, by hand."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cof_viewer.learning.fabric_loop import Pace, fit
from cof_viewer.learning.overlap import dice_where_any
from cof_viewer.learning.settings import LoopSettings, read_settings


def test_the_usual_rate_rises_over_a_hundred_steps_and_falls_by_a_power():
    pace = Pace()
    assert pace.share(0, 0.0) == pytest.approx(0.01)
    assert pace.share(99, 0.0) == pytest.approx(1.0)
    assert pace.share(5000, 0.75) == pytest.approx(0.25**0.9)
    assert pace.share(9999, 1.0) == 0.0


def test_a_cosine_rises_over_a_share_of_the_training():
    pace = Pace(warm_steps=0, warm_share=0.1, cosine=True)
    assert pace.share(0, 0.0) == pytest.approx(1e-3)
    assert pace.share(7, 0.05) == pytest.approx((0.5 + 1e-3) * 0.5 * (1 + math.cos(0.05 * math.pi)))
    assert pace.share(7, 0.5) == pytest.approx(0.5)
    assert pace.share(7, 1.0) == pytest.approx(0.0)


@dataclass(frozen=True)
class _Own(LoopSettings):
    steps: int = 7
    width: int = 3


def test_settings_keep_their_own_defaults_and_the_loops(tmp_path: Path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"seed": 9, "width": 4}), encoding="utf-8")
    read = read_settings(path, lambda raw: _Own(**raw), minutes=2.0)
    assert read == _Own(steps=7, seed=9, width=4, minutes=2.0)
    assert read.learning_rate == LoopSettings().learning_rate
    path.write_text(json.dumps({"no_such_thing": 1}), encoding="utf-8")
    with pytest.raises(TypeError, match="no_such_thing"):
        read_settings(path, lambda raw: _Own(**raw))


def test_dice_of_masks():
    a, b = torch.tensor([True, True, False]), torch.tensor([True, False, False])
    assert dice_where_any(a, b) == pytest.approx(2 / 3)
    assert math.isnan(dice_where_any(a & ~a, b & ~b))


class _Dropping:
    """A network with dropout on one batch a step."""

    def __init__(self, stop_at: int = -1) -> None:
        self._left = stop_at

    def network(self) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))

    def batch(self, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        return (torch.from_numpy(rng.normal(size=(5, 4)).astype(np.float32)),)

    def loss(self, network: torch.nn.Module, batch: Any) -> torch.Tensor:
        return network(*batch).square().mean()

    def validate(self, network: Any) -> dict[str, float]:
        return {"weight": float(network[0].weight[0, 0].detach())}


def test_a_killed_training_goes_on_to_the_same_weights_with_dropout_too(tmp_path: Path):
    config = LoopSettings(steps=8, precision="32-true", checkpoint_every_s=0.0)
    whole = fit(_Dropping(), config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(_Dropping(stop_at=5), config, tmp_path / "cut")
    resumed = fit(_Dropping(), config, tmp_path / "cut", resume=True)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)
