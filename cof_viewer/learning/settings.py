"""What every training's settings have in common, and how settings are read from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

Settings = TypeVar("Settings", bound=Any)


@dataclass(frozen=True)
class LoopSettings:
    """What the loop reads of a task's settings; each task has defaults of its own.

    Attributes:
        steps: the learning rate falls to zero over so many steps ...
        minutes: ... or, where given, over so many minutes of training, whatever the steps.
        learning_rate: at its highest.
        weight_decay: of AdamW.
        ema: decay of the running mean of the weights, which is what is kept.
        seed: of everything random.
        precision: of Lightning Fabric: "32-true" or "bf16-mixed".
        log_every: steps between lines of the log.
        checkpoint_every_s: seconds between checkpoints.
        validate_every_s: seconds between looks at the validation patients.
    """

    steps: int = 4000
    minutes: float | None = None
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.01
    ema: float = 0.995
    seed: int = 1
    precision: str = "bf16-mixed"
    log_every: int = 50
    checkpoint_every_s: float = 120.0
    validate_every_s: float = 300.0


def read_settings(path: Path, build: Callable[[dict[str, Any]], Settings], **changes: Any) -> Settings:
    """Settings of a JSON file.

    Args:
        path: the file.
        build: makes settings of its plain values; what they leave out keeps its default.
        changes: fields that are to have another value.
    """
    return replace(build(json.loads(path.read_text(encoding="utf-8"))), **changes)
