"""How far two labelled beats agree: Dice of every class at equal fraction of the beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cof_viewer.domain.function import Agreement
from cof_viewer.domain.image import Label, LabelCine

_CLASSES = len(Label)


def dice(a: ArrayLike, b: ArrayLike) -> float:
    """Overlap 2 |A and B| / (|A| + |B|) of two masks of equal shape; 1 where both are empty."""
    first, second = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"masks differ in shape: {first.shape} and {second.shape}")
    total = int(first.sum()) + int(second.sum())
    return 2.0 * int((first & second).sum()) / total if total else 1.0


def class_dice(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Dice of every label of two label maps of equal shape: [4] in the order of `Label`; 1 where both lack it."""
    if a.shape != b.shape:
        raise ValueError(f"label maps differ in shape: {a.shape} and {b.shape}")
    pairs = (a * np.uint8(_CLASSES) + b).ravel()
    table = np.bincount(pairs, minlength=_CLASSES**2)[: _CLASSES**2].reshape(_CLASSES, _CLASSES)
    total = table.sum(axis=0) + table.sum(axis=1)
    scores = np.ones(_CLASSES)
    np.divide(2.0 * np.diag(table), total, out=scores, where=total > 0)
    return scores


def phase_at(fraction: float, phases: int, phase_ms: Sequence[float] | None = None, rr_ms: float | None = None) -> int:
    """The phase of a beat that lies nearest to a fraction of RR, the beat being a circle.

    Args:
        fraction: of RR after the R peak, 0 to 1.
        phases: number of phases of the beat.
        phase_ms: their times; None takes them as evenly spaced from the R peak.
        rr_ms: length of the beat; None as above.
    """
    if phase_ms is not None and rr_ms:
        places = np.asarray(phase_ms, dtype=np.float64) / rr_ms
    else:
        places = np.arange(phases) / phases
    gap = np.abs((places - fraction + 0.5) % 1.0 - 0.5)
    return int(np.argmin(np.round(gap, 9)))


def agreement(
    generated: LabelCine,
    measured: LabelCine,
    *,
    measured_phase_ms: Sequence[float] | None = None,
    measured_rr_ms: float | None = None,
) -> Agreement:
    """Dice of a generated against a measured beat, for every generated phase.

    Generated phase k of T stands at k / T of RR; it is compared with the measured phase nearest to that fraction.

    Args:
        generated: labels of the generated beat.
        measured: labels of the measured beat on the same grid; any number of phases.
        measured_phase_ms: times of the measured phases; None takes them as evenly spaced.
        measured_rr_ms: RR of the measured beat.

    Raises:
        ValueError: when the grids differ.
    """
    if generated.grid.shape != measured.grid.shape:
        raise ValueError(f"grids differ: {generated.grid.shape} and {measured.grid.shape}")
    scores = np.stack(
        [
            class_dice(
                generated.data[k],
                measured.data[phase_at(k / generated.phases, measured.phases, measured_phase_ms, measured_rr_ms)],
            )
            for k in range(generated.phases)
        ]
    )
    lv, myo, rv = (tuple(scores[:, label].tolist()) for label in (Label.LV, Label.MYO, Label.RV))
    return Agreement(lv, myo, rv)
