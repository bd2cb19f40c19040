"""Settings of the packed form's training, as frozen dataclasses read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cof_viewer.engine.packed.network import PackedConfig, config_from_values
from cof_viewer.learning.settings import LoopSettings, read_settings


@dataclass(frozen=True)
class PackedLoss:
    """How the velocity's error is weighed and times are drawn.

    Attributes:
        background: weight of what lies outside the heart; inside it is 1.
        confidence: weight of the confidence channels beside displacement's 1.
        least_noise: noise share below which the error's weight grows no more. The error of the velocity is that of the
            data over the share of noise, so its square would be all that counts near tau = 0.
        tau_shift: s in tau = s·u / (1 + (s - 1)·u), u uniform; above 1 it draws more noise. A smooth pack shows through
            much noise, so with 1 (the paper) nearly every draw is easy.
        drop: chance that the anatomy is masked, and that the ECG is.
    """

    background: float = 0.1
    confidence: float = 0.1
    least_noise: float = 0.3
    tau_shift: float = 4.0
    drop: float = 0.1


@dataclass(frozen=True)
class PackedTraining(LoopSettings):
    """One training; the loop reads what `LoopSettings` names.

    Attributes:
        batch: cases a step.
        cases: use only so many a part (smoke runs); 0 = all.
        judged: validation cases that are drawn in full at every look.
        steps_drawn: calls of the network for each of them; 0 takes the form's own number.
    """

    network: PackedConfig = field(default_factory=PackedConfig)
    loss: PackedLoss = field(default_factory=PackedLoss)
    batch: int = 4
    cases: int = 0
    judged: int = 12
    steps_drawn: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    ema: float = 0.99
    seed: int = 0
    log_every: int = 25
    checkpoint_every_s: float = 60.0
    validate_every_s: float = 240.0
    tensorboard: bool = False


def config_from_dict(raw: dict[str, Any]) -> PackedTraining:
    """A config from plain values, as JSON has them; fields left out keep their defaults."""
    values = dict(raw)
    network = config_from_values(values.pop("network", {}))
    loss = PackedLoss(**values.pop("loss", {}))
    return PackedTraining(network=network, loss=loss, **values)


def read_config(path: Path, **changes: Any) -> PackedTraining:
    """Read a JSON config; fields left out keep their defaults."""
    return read_settings(path, config_from_dict, **changes)
