"""What a method gives, and what it is held against: one beat in numbers, labels, picture and motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_SPACING_MM, CohortCase
from cof_viewer.domain.image import Label

UInt8 = NDArray[np.uint8]
Float = NDArray[np.float32]

_FLAT_SHARE = 1e-3
"""A curve that changes less than this share of its largest value has no ES."""

_ROI_MARGIN = 4


@dataclass(frozen=True, eq=False)
class EvaluatedBeat:
    """A method's answer for one case, on the case's own box and phases; phase 0 is the anchor (ED).

    Attributes:
        lv_ml: float64 [t] LV volume; in units of its own where the case's spacing is unknown.
        ef_percent: NaN where the method has none.
        es_fraction: where ES stands, as a share of RR after phase 0; NaN where the beat has none.
        labels: uint8 [t, z, 96, 96]; None where the method makes none.
        picture: float32 [t, z, 96, 96], 0 to 1; None where the method makes none.
        pull_back_mm: float32 [t, z, 48, 48, 3] = (dx, dy, dz) on the evaluation's lattice (see `lattice`).
        push_forward_mm: its inverse, for points.
        intervals: number ("ef_percent", "esv_ml", ...) -> (low, high) that should hold the truth in 90 % of cases.
        calibrated: whether these intervals are calibrated, or the raw spread of members.
        flags: codes of the gate.
    """

    lv_ml: NDArray[np.float64]
    ef_percent: float
    es_fraction: float
    labels: UInt8 | None = None
    picture: Float | None = None
    pull_back_mm: Float | None = None
    push_forward_mm: Float | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    calibrated: bool = False
    flags: tuple[str, ...] = ()

    @property
    def edv_ml(self) -> float:
        """Volume of the anchor's phase."""
        return float(self.lv_ml[0])

    @property
    def esv_ml(self) -> float:
        """What EF leaves of it."""
        return self.edv_ml * (1.0 - self.ef_percent / 100.0)

    @property
    def es_phase(self) -> int:
        """Phase nearest to ES; the smallest volume's where the beat has no ES."""
        if not np.isfinite(self.es_fraction):
            return int(np.argmin(self.lv_ml))
        return round(self.es_fraction * len(self.lv_ml)) % len(self.lv_ml)


@dataclass(frozen=True, eq=False)
class Reference:
    """What is true of a case, for metrics.

    Attributes:
        labels: uint8 [t, z, 96, 96].
        picture: float32 [t, z, 96, 96], 0 to 1; exactly 0 where nothing was imaged.
        lv_ml: float64 [t] counted from `labels`.
        edv_ml: stated truth where the case has it, else counted; `esv_ml` and `ef_percent` likewise.
        es_fraction: stated time of ES over RR, else that of its phase.
        es_phase: index of ES.
        rr_ms: length of the beat.
        slice_mm: distance between slices.
        spacing_known: whether mL and mm are true; where they are not, metrics in them are NaN.
    """

    labels: UInt8
    picture: Float
    lv_ml: NDArray[np.float64]
    edv_ml: float
    esv_ml: float
    ef_percent: float
    es_fraction: float
    es_phase: int
    rr_ms: float
    slice_mm: float
    spacing_known: bool

    @property
    def roi(self) -> tuple[slice, slice]:
        """Rows and columns of the heart (LV, wall, RV of all phases and slices) with a margin of 4 pixels."""
        rows, columns = (np.flatnonzero((self.labels > 0).any(axis=axis)) for axis in ((0, 1, 3), (0, 1, 2)))
        if not len(rows):
            return slice(None), slice(None)
        around = [slice(max(0, int(i[0]) - _ROI_MARGIN), int(i[-1]) + _ROI_MARGIN + 1) for i in (rows, columns)]
        return around[0], around[1]


def voxel_ml(slice_mm: float) -> float:
    """Volume of one voxel of the box."""
    return BOX_SPACING_MM**2 * slice_mm / 1000.0


def counted_ml(labels: UInt8, slice_mm: float, label: Label = Label.LV) -> NDArray[np.float64]:
    """[t] volume of one label of [t, z, 96, 96] by counting voxels."""
    return np.asarray(np.count_nonzero(labels == label, axis=(1, 2, 3)) * voxel_ml(slice_mm), dtype=np.float64)


def reference_of(case: CohortCase) -> Reference:
    """What is true of a case: the numbers it states, else those of its labels."""
    curve = counted_ml(case.labels, case.slice_mm)
    counted = {"edv_ml": curve[0], "esv_ml": curve[case.es_phase]}
    counted["ef_percent"] = 100.0 * (1.0 - curve[case.es_phase] / max(curve[0], 1e-9))
    stated = {name: float(case.numbers.get(name, value)) for name, value in counted.items()}
    if "es_ms" in case.numbers:
        es = float(case.numbers["es_ms"]) / case.rr_ms
    else:
        es = (case.phase_ms[case.es_phase] - case.phase_ms[0]) / case.rr_ms
    return Reference(
        labels=case.labels,
        picture=case.image.astype(np.float32) / np.float32(255),
        lv_ml=curve,
        **stated,
        es_fraction=es,
        es_phase=case.es_phase,
        rr_ms=case.rr_ms,
        slice_mm=case.slice_mm,
        spacing_known=case.spacing_known,
    )


def es_fraction(curve: NDArray[np.float64]) -> float:
    """Where a volume curve [t] over one beat is smallest, as a share of the beat; NaN for a flat curve.

    Between phases the parabola through the smallest value and its two neighbours decides.
    """
    if float(np.ptp(curve)) <= _FLAT_SHARE * float(np.abs(curve).max(initial=0.0)):
        return float("nan")
    count, low = len(curve), int(np.argmin(curve))
    before, least, after = curve[low - 1], curve[low], curve[(low + 1) % count]
    bend = before - 2 * least + after
    offset = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float((low + offset) / count % 1.0)


def ef_of_curve(curve: NDArray[np.float64]) -> float:
    """EF in percent of a curve whose phase 0 is ED; 0 where that is empty."""
    return float(100.0 * (1.0 - curve.min() / curve[0])) if curve[0] > 0 else 0.0
