"""What a method is, what it may use, and what it may learn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Ecg
from cof_viewer.evaluation.anchor import Anchor
from cof_viewer.evaluation.beat import EvaluatedBeat, UInt8

if TYPE_CHECKING:
    from cof_viewer.engine.engine import Engine


@dataclass(frozen=True, eq=False)
class Tools:
    """What a worker has at hand for every case.

    Attributes:
        engine: loaded.
        models: folder of the weights.
        members: noise seeds of generated beats.
        seed: of all that is drawn.
        another_ecg: case id -> the ECG of another patient's case, by seed.
    """

    engine: Engine
    models: Path
    members: int
    seed: int
    another_ecg: Callable[[str], Ecg]


@dataclass(frozen=True, eq=False)
class Lesson:
    """One train case as the learned baselines see it.

    Attributes:
        patient_id: of the case.
        labels: uint8 [z, 96, 96] of ED.
        geometry: see `anchor.geometry`.
        ecg: measured numbers of the ECG, NaN where not measurable; empty where the case has none.
        ef_percent: true.
        es_fraction: true place of ES.
        curve: [t] how far the LV has emptied: 0 at ED, 1 at the smallest volume.
        motion: float16 [t, 8, 20, 20, 3] in the common frame (see `alignment`).
    """

    patient_id: str
    labels: UInt8
    geometry: NDArray[np.float64]
    ecg: NDArray[np.float64]
    ef_percent: float
    es_fraction: float
    curve: NDArray[np.float64]
    motion: NDArray[np.float16]


class Method(ABC):
    """One way to make a beat of an anchor and an ECG. Pickled to the workers once it has learned.

    Attributes:
        name: on the command line and in tables.
        words: what it does, for readers of tables.
        version: raised when its answers change, so that older records are made again.
        learns: whether it is fitted to the store's train part.
        uses_weights: whether its answers depend on the engine's weights beyond the anchor's labels.
        measures: whether it is shown the pictures of the whole beat: a yardstick, no generator.
    """

    name: str
    words: str
    version: int = 1
    learns: bool = False
    uses_weights: bool = False
    measures: bool = False

    def check(self, models: Path) -> None:  # noqa: B027 - most methods need nothing
        """Make sure that what the method needs is there.

        Raises:
            UserError: it isn't.
        """

    def own_weights(self) -> str:
        """A checksum of weights that are not among those in use; "" where there are none such."""
        return ""

    def fit(self, lessons: Sequence[Lesson]) -> None:  # noqa: B027 - not every method learns
        """Learn from the train cases of one kind."""

    @abstractmethod
    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """The beat of an anchor.

        Raises:
            UserError: this anchor or ECG can't be used; the case counts as an invalid output.
        """
