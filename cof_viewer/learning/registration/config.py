"""Settings of the teacher's training, as frozen dataclasses read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cof_viewer.engine.registration_network import RegistrationConfig, config_from_values
from cof_viewer.learning.settings import LoopSettings, read_settings


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss, as COF section 2 names them.

    Attributes:
        rec: of multi-scale local correlation of the pictures.
        seg: of Dice of moved signed distances with the target's labels.
        volume: of the relative difference in LV size, summed over a run of slices: EF is what the beat is read for.
        smooth: of the velocity's squared differences (mm² per 3 mm).
        largest: of the maximum-field term.
        early: share of the label terms that is also asked of every look but the last.
    """

    rec: float = 0.15
    seg: float = 1.0
    volume: float = 0.2
    smooth: float = 0.005
    largest: float = 0.01
    early: float = 0.4


@dataclass(frozen=True)
class DrawConfig:
    """How pairs of phases are drawn and what is done to what the network sees of them.

    Attributes:
        ends: chance that the pair is ED and ES, either way; else any two phases.
        expert: chance that experts' labels are the truth where they exist; else the segmenter's.
        blind: chance that no labels are seen at all.
        lost: chance that a slice's labels are not seen.
        wrong: chance that a slice's labels are seen as empty though they are not.
        ragged_mm: standard deviation of smooth errors of the seen outlines.
        slid: chance that the anchor has slid along the axis by the prior, times 0.5 to 1.3.
        rotation_deg: largest turn of both pictures.
        log_scale: largest |ln| of their zoom.
        shift_mm: their largest shift.
    """

    ends: float = 0.7
    expert: float = 0.7
    blind: float = 0.15
    lost: float = 0.04
    wrong: float = 0.02
    ragged_mm: float = 0.8
    slid: float = 0.6
    rotation_deg: float = 25.0
    log_scale: float = 0.15
    shift_mm: float = 8.0


@dataclass(frozen=True)
class RegistrationTraining(LoopSettings):
    """One training; the loop reads what `LoopSettings` names.

    Attributes:
        batch: pairs a step.
        slices: neighbouring slices of each pair.
        patients: use only so many a part (smoke runs); 0 = all.
    """

    network: RegistrationConfig = field(default_factory=RegistrationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    draw: DrawConfig = field(default_factory=DrawConfig)
    batch: int = 2
    slices: int = 7
    weight_decay: float = 1e-4
    seed: int = 0
    patients: int = 0
    tensorboard: bool = True


def config_from_dict(raw: dict[str, Any]) -> RegistrationTraining:
    """A config from plain values, as JSON has them; fields left out keep their defaults."""
    values = dict(raw)
    parts: dict[str, Any] = {
        "network": config_from_values(values.pop("network", {})),
        "loss": LossConfig(**values.pop("loss", {})),
        "draw": DrawConfig(**values.pop("draw", {})),
    }
    return RegistrationTraining(**parts, **values)


def read_config(path: Path, **changes: Any) -> RegistrationTraining:
    """Read a JSON config; fields left out keep their defaults."""
    return read_settings(path, config_from_dict, **changes)
