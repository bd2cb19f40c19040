"""Settings of the generator's training, as a frozen dataclass read from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cof_viewer.learning.settings import LoopSettings, read_settings


@dataclass(frozen=True)
class FlowTraining(LoopSettings):
    """One training of Stage 2.

    Attributes:
        batch: cases a step.
        modes: of the velocity.
        width: of the network; `blocks`, `dropout` likewise.
        anatomy_noise: standard deviations of noise on the shape of real hearts; `anatomy_noise_by_cause` on those
            whose ECG and motion have one cause, of which there are many more.
        drop_anatomy: chance that the anatomy is masked.
        drop_ecg: chance that an ECG that was only matched is masked; `drop_ecg_by_cause` one that says something.
        rate_only: chance that nothing but the rate of an ECG by cause is heard.
        by_cause: share of the draws from cases whose ECG and motion have one cause.
        mnms_weight: how often a heart without known spacing is drawn, against one with.
        es_anchors: share of the draws that start from ES.
        cases: use only so many cases a part (smoke runs); 0 = all.
    """

    steps: int = 1600
    weight_decay: float = 0.03
    ema: float = 0.998
    seed: int = 0
    precision: str = "32-true"
    log_every: int = 100
    validate_every_s: float = 60.0
    batch: int = 96
    modes: int = 12
    width: int = 112
    blocks: int = 2
    dropout: float = 0.25
    anatomy_noise: float = 0.45
    anatomy_noise_by_cause: float = 0.3
    drop_anatomy: float = 0.1
    drop_ecg: float = 0.5
    drop_ecg_by_cause: float = 0.15
    rate_only: float = 0.08
    by_cause: float = 0.5
    mnms_weight: float = 0.5
    es_anchors: float = 0.35
    cases: int = 0


def read_config(path: Path, **changes: Any) -> FlowTraining:
    """Read a JSON config; fields left out keep their defaults."""
    return read_settings(path, lambda raw: FlowTraining(**raw), **changes)
