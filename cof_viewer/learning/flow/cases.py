"""What Stage 2 learns from: a heart's shape at ED and ES, its fitted motion, and, where the case has one, its ECG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import MADE_KINDS, Kind
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.learning.flow.fit import FittedBeat

CAUSAL_KINDS = (*MADE_KINDS, Kind.MEASURED_PAIR)
"""Kinds whose ECG and motion have one cause."""
UNMATCHED = "unmatched"
"""Kind of a pair of ED and ES without an ECG of its own; training draws one by diagnosis and EF class."""


@dataclass(frozen=True, eq=False)
class EcgCase:
    """One ECG as Stage 2 sees it.

    Attributes:
        group: class of the record.
        intervals: float32 [`signal.features`]; NaN where not measurable.
        embedding: float32 [768] of the encoder.
        expected: marks of the beat that physiology expects of it.
    """

    group: str
    intervals: NDArray[np.float32]
    embedding: NDArray[np.float32]
    expected: TimeMarks


@dataclass(frozen=True, eq=False)
class LearningCase:
    """One patient as Stage 2 sees it: shape at ED and ES, and the fitted motion.

    Attributes:
        ed_features: float32, `anatomy_features` of the ED labels; `es_features` of the ES labels.
        kind: of the cohort, or `UNMATCHED`.
        ecg: the case's own; None where training draws one.
        marks: true marks of the beat where the case knows them (simulated by cause), else None.
    """

    patient_id: str
    group: str
    part: Split
    ed_features: NDArray[np.float32]
    es_features: NDArray[np.float32]
    beat: FittedBeat
    kind: str = UNMATCHED
    ecg: EcgCase | None = None
    marks: TimeMarks | None = None

    @property
    def by_cause(self) -> bool:
        """Whether ECG and motion come from one cause, so that the ECG says something true of the motion."""
        return self.kind in CAUSAL_KINDS


def case_path(folder: Path, patient_id: str, kind: str) -> Path:
    """Where a case of a patient is kept."""
    mark = "" if kind == UNMATCHED else f"_{kind}"
    return folder / f"{patient_id.replace(':', '_')}{mark}.npz"


def save_case(case: LearningCase, folder: Path) -> None:
    """Write one case as npz, complete or not at all."""
    path = case_path(folder, case.patient_id, case.kind)
    partial = path.with_suffix(".partial.npz")
    beat = case.beat
    arrays: dict[str, NDArray[np.generic]] = {
        "ids": np.array([case.patient_id, case.group, case.part.value, case.kind]),
        "ed": case.ed_features,
        "es": case.es_features,
        "code": beat.code,
        "code_from_es": beat.code_from_es,
        "numbers": np.array([beat.ef_percent, beat.base_is_lost, *beat.dice]),
    }
    if case.ecg is not None:
        arrays |= {
            "ecg_group": np.array(case.ecg.group),
            "ecg_intervals": case.ecg.intervals,
            "ecg_embedding": case.ecg.embedding,
            "ecg_expected": _row(case.ecg.expected),
        }
    if case.marks is not None:
        arrays["marks"] = _row(case.marks)
    np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(path)


def load_cases(folder: Path) -> list[LearningCase]:
    """Read every fitted case of a folder, in the order of names."""
    names = (path for path in sorted(folder.glob("*.npz")) if not path.name.endswith(".partial.npz"))
    return [_load(path) for path in names]


def _load(path: Path) -> LearningCase:
    with np.load(path) as file:
        patient, group, part, *kind = (str(v) for v in file["ids"])
        ef, lost, lv, myo, rv = (float(v) for v in file["numbers"])
        beat = FittedBeat(file["code"], file["code_from_es"], ef, bool(lost), (lv, myo, rv))
        ecg = None
        if "ecg_intervals" in file:
            expected = _marks(file["ecg_expected"])
            ecg = EcgCase(str(file["ecg_group"]), file["ecg_intervals"], file["ecg_embedding"], expected)
        marks = _marks(file["marks"]) if "marks" in file else None
        what = kind[0] if kind else UNMATCHED
        return LearningCase(patient, group, Split(part), file["ed"], file["es"], beat, what, ecg, marks)


def _row(marks: TimeMarks) -> NDArray[np.float64]:
    return np.array([marks.half_ejection_ms, marks.es_ms, marks.half_filling_ms, marks.rr_ms])


def _marks(row: NDArray[np.float64]) -> TimeMarks:
    half, es, filling, rr = (float(v) for v in row)
    return TimeMarks(half, es, filling, rr)
