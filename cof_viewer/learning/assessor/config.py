"""Settings of the assessor's training, read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cof_viewer.learning.assessor.network import AssessorConfig
from cof_viewer.learning.segmenter.config import AugmentConfig
from cof_viewer.learning.settings import LoopSettings, read_settings


@dataclass(frozen=True)
class AssessorTraining(LoopSettings):
    """One training of the assessor.

    Attributes:
        network: shape of the network.
        augment: how far samples are moved and bent.
        size: rows and columns of a sample.
        spacing_mm: in-plane pixel of a sample.
        batch: samples a step.
        made_share: share of simulated samples in a batch, where there are any.
        every: one patient in so many is held back from learning to be looked at meanwhile.
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
    checkpoint_every_s: float = 60.0
    patients: int = 0


def read_config(path: Path, **changes: Any) -> AssessorTraining:
    """Read a JSON config; fields left out keep their defaults."""
    return read_settings(path, config_from_dict, **changes)


def config_from_dict(raw: dict[str, Any]) -> AssessorTraining:
    """A config from plain values, as JSON has them."""
    values = dict(raw)
    network = AssessorConfig.from_values(values.pop("network", {}))
    usual = {"reverse": 0.0, "lone": 0.0}
    augment = AugmentConfig(**(usual | values.pop("augment", {})))
    return AssessorTraining(network=network, augment=augment, **values)
