"""Settings of the encoder's pretraining, as frozen dataclasses read from JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cof_viewer.engine.ecg_encoder import EncoderConfig, config_from
from cof_viewer.learning.settings import LoopSettings, read_settings


@dataclass(frozen=True)
class DecoderConfig:
    """The decoder that is thrown away after pretraining.

    Attributes:
        width: numbers a token.
        depth: transformer blocks.
        heads: attention heads a block.
    """

    width: int = 64
    depth: int = 1
    heads: int = 2


@dataclass(frozen=True)
class PretrainConfig(LoopSettings):
    """One pretraining.

    Attributes:
        encoder: shape of the encoder.
        decoder: see `DecoderConfig`.
        mask: share of each lead's patches that is hidden.
        cycles: share of samples that are one cycle repeated, as the engine gives them; the rest are records.
        stretch: largest |ln| of a sample's change of rate.
        gain: standard deviation of ln of each lead's gain.
        noise: of white noise added to what is seen, in deviations of the sample.
        batch: samples a step.
        records: use only so many records (smoke runs); 0 = all.
    """

    encoder: EncoderConfig = field(
        default_factory=lambda: EncoderConfig(width=128, depth=4, heads=4, head_width=32, mlp=512, pool="lead")
    )
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    mask: float = 0.75
    cycles: float = 0.5
    stretch: float = 0.15
    gain: float = 0.1
    noise: float = 0.03
    batch: int = 32
    steps: int = 2000
    weight_decay: float = 0.05
    ema: float = 0.0
    log_every: int = 25
    records: int = 0


def read_config(path: Path, **changes: Any) -> PretrainConfig:
    """Read a JSON config; fields left out keep their defaults."""
    return read_settings(path, config_from_dict, **changes)


def config_from_dict(raw: dict[str, Any]) -> PretrainConfig:
    """A config from plain values, as JSON has them."""
    values = dict(raw)
    if "encoder" in values:
        values["encoder"] = config_from(values["encoder"])
    if "decoder" in values:
        values["decoder"] = DecoderConfig(**values["decoder"])
    return PretrainConfig(**values)
