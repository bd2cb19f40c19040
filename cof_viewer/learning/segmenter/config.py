"""Settings of a training, as frozen dataclasses read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cof_viewer.engine.seg_network import UNetConfig
from cof_viewer.learning.settings import LoopSettings, read_settings


@dataclass(frozen=True)
class AugmentConfig:
    """How far training samples are moved and their intensities bent.

    Attributes:
        rotation_deg: largest in-plane rotation either way.
        shift_mm: largest shift of the heart's centre along each axis.
        log_scale: largest |ln| of the zoom.
        log_stretch: largest |ln| of the ratio of the axes.
        elastic_mm: standard deviation of smooth random displacements.
        elastic: chance of such a deformation.
        mirror: chance of a mirrored sample.
        reverse: chance that the slices come apex first.
        intensity: chance of each of gamma, bias field, noise, blur, low resolution.
        lone: chance that a neighbouring slice is missing (the slice itself stands in).
        near: chance that a sample is turned and shifted by no more than the two values below: the localiser's second
            look, already turned and centred, is where mirroring is easiest to tell.
        near_rotation_deg: largest rotation of such a sample.
        near_shift_mm: its largest shift.
    """

    rotation_deg: float = 30.0
    shift_mm: float = 14.0
    log_scale: float = 0.2
    log_stretch: float = 0.08
    elastic_mm: float = 3.0
    elastic: float = 0.3
    mirror: float = 0.0
    reverse: float = 0.1
    intensity: float = 0.3
    lone: float = 0.1
    near: float = 0.0
    near_rotation_deg: float = 20.0
    near_shift_mm: float = 12.0


@dataclass(frozen=True)
class TrainConfig(LoopSettings):
    """One training.

    Attributes:
        task: "segmenter", "localiser" or "pose".
        network: shape of the U-Net; the pose network has its own.
        augment: see `AugmentConfig`.
        size: rows and columns of a training sample.
        spacing_mm: in-plane pixel of a training sample.
        batch: samples a step.
        patients: use only so many patients a part (smoke runs); 0 = all.
    """

    task: str = "segmenter"
    network: UNetConfig = field(default_factory=UNetConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    size: int = 112
    spacing_mm: float = 1.5
    batch: int = 16
    steps: int = 6000
    ema: float = 0.998
    checkpoint_every_s: float = 180.0
    validate_every_s: float = 600.0
    patients: int = 0


def read_config(path: Path, **changes: Any) -> TrainConfig:
    """Read a JSON config; fields left out keep their defaults."""
    return read_settings(path, config_from_dict, **changes)


def config_from_dict(raw: dict[str, Any]) -> TrainConfig:
    """A config from plain values, as JSON has them."""
    values = dict(raw)
    network = dict(values.pop("network", {}))
    if "widths" in network:
        network["widths"] = tuple(network["widths"])
    augment = AugmentConfig(**values.pop("augment", {}))
    return TrainConfig(network=UNetConfig(**network), augment=augment, **values)
