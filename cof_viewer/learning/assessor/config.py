"""Settings of the assessor's training, read from JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cof_viewer.learning.assessor.network import AssessorConfig
from cof_viewer.learning.segmenter.config import AugmentConfig


@dataclass(frozen=True)
class AssessorTraining:
    """One training of the assessor.

    Attributes:
        network: shape of the network.
        augment: how far samples are moved and bent.
        size: rows and columns of a sample.
        spacing_mm: in-plane pixel of a sample.
        batch: samples a step.
        made_share: share of simulated samples in a batch, where there are any.
        every: one patient in so many is held back from learning to be looked at meanwhile.
        steps: the learning rate falls to zero over so many steps ...
        minutes: ... or, where given, over so many minutes, whatever the steps.
        learning_rate: at the start; `weight_decay`, `ema`, `seed`, `precision` and the rest as the loop has them.
        patients: use only so many patients (smoke runs); 0 = all.
    """

    network: AssessorConfig = field(default_factory=AssessorConfig)
    augment: AugmentConfig = field(default_factory=lambda: AugmentConfig(reverse=0.0, lone=0.0))
    size: int = 96
    spacing_mm: float = 1.5
    batch: int = 16
    made_share: float = 0.4
    every: int = 8
    steps: int = 2000
    minutes: float | None = None
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.01
    ema: float = 0.995
    seed: int = 1
    precision: str = "bf16-mixed"
    log_every: int = 50
    checkpoint_every_s: float = 60.0
    validate_every_s: float = 300.0
    patients: int = 0


def read_config(path: Path, **changes: Any) -> AssessorTraining:
    """Read a JSON config; fields left out keep their defaults."""
    return replace(config_from_dict(json.loads(path.read_text(encoding="utf-8"))), **changes)


def config_from_dict(raw: dict[str, Any]) -> AssessorTraining:
    """A config from plain values, as JSON has them."""
    values = dict(raw)
    network = AssessorConfig.from_values(values.pop("network", {}))
    usual = {"reverse": 0.0, "lone": 0.0}
    augment = AugmentConfig(**(usual | values.pop("augment", {})))
    return AssessorTraining(network=network, augment=augment, **values)
