"""Patients simulated round a real ECG: its findings choose the latents, so that a real waveform has a beat to match.

The record gives rate, QT, QRS, PR, rhythm and conduction as measured; its diagnosis and Q waves choose the condition;
its axis says how the heart lies or which fascicle is blocked; its voltages, T and QRS width pull on mass and
contractility. The rest of the heart is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from cof_viewer.cohort.case import BOX_PHASES, BOX_PIXELS, BOX_SPACING_MM, CohortCase, Kind, Origin
from cof_viewer.cohort.real.ecgs import Record, read_records
from cof_viewer.cohort.simulator.case import simulate
from cof_viewer.cohort.simulator.source import SLICES, cohort_case
from cof_viewer.cohort.simulator.subject import Condition, Conduction, Findings
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.errors import UserError
from cof_viewer.signal.beat import representative_beat
from cof_viewer.signal.features import FEATURE_NAMES, ecg_features

_INFARCTS = {
    "anterior": Condition.INFARCT_ANTERIOR,
    "inferior": Condition.INFARCT_INFERIOR,
    "lateral": Condition.INFARCT_LATERAL,
}
# Conditions that a class of records may stand for, with shares; classes left out are rhythm alone: a normal heart.
_CONDITIONS: Mapping[str, tuple[tuple[Condition, float], ...]] = {
    "lvh": ((Condition.HYPERTENSIVE, 0.6), (Condition.HYPERTROPHIC, 0.25), (Condition.DILATED, 0.15)),
    "lbbb": ((Condition.LBBB, 0.65), (Condition.DILATED, 0.35)),
    "rbbb": ((Condition.RBBB, 0.85), (Condition.RV_OVERLOAD, 0.15)),
    "rvh": ((Condition.RV_OVERLOAD, 1.0),),
    "af_flutter": ((Condition.ATRIAL_FIBRILLATION, 1.0),),
    "mi_anterior": ((Condition.INFARCT_ANTERIOR, 1.0),),
    "mi_inferior": ((Condition.INFARCT_INFERIOR, 1.0),),
    "mi_lateral": ((Condition.INFARCT_LATERAL, 1.0),),
    "ischaemia_stt": ((Condition.NORMAL, 0.4), (Condition.HYPERTENSIVE, 0.25), (Condition.DILATED, 0.35)),
}
_LEFT_OUT = ("paediatric", "paced")
_RR_MS = (60_000.0 / 140.0, 60_000.0 / 40.0)
_QT_MS = (240.0, 620.0)
_OFTEN_MS = 40.0
"""QRS onset to R where the onset can't be found."""

# Mean and SD over healthy adults among the project's real records, and weight on contractility: a failing muscle has a
# wide QRS, flat T, low limb voltage and poor R progression.
_HEALTH: Mapping[str, tuple[float, float, float]] = {
    "qrs_ms": (89.0, 10.6, -0.4),
    "t_V5_mv": (0.37, 0.18, 0.5),
    "limb_qrs_mv": (1.22, 0.33, 0.35),
    "r_progression": (0.53, 0.13, 0.35),
}
_VOLTAGE_MV = (2.28, 0.71)
"""Sokolow index, mean and SD."""
_CERTAIN = 0.7
"""Correlation of the estimate with contractility."""


@dataclass(frozen=True)
class EcgFirstPatients:
    """A simulated patient for every usable real record. A `CaseSource`.

    Attributes:
        ecg_dir: folder of `records.h5` and `records.csv`.
        per_record: patients for each record.
        seed: another seed draws other hearts round the same records.
    """

    ecg_dir: Path
    per_record: int = 1
    seed: int = 0

    def requests(self) -> list[CaseRequest]:
        """One for every adult record of good quality, in the part of its patient.

        Raises:
            UserError: the records can't be read.
        """
        return [
            CaseRequest(
                case_id=f"ecgfirst-{_plain(record.record_id)}-{k}",
                patient_id=f"ecg:{record.patient_id}",
                kind=Kind.ECG_FIRST,
                part=record.part,
                group=record.group,
                what=(record.record_id, k),
            )
            for record in _records(self.ecg_dir).values()
            if record.quality == "ok" and record.group not in _LEFT_OUT
            for k in range(self.per_record)
        ]

    def make(self, request: CaseRequest) -> CohortCase:
        """Simulate a patient round the record.

        Raises:
            UserError: rate or QT of the record can't be measured, or lie outside what is simulated.
        """
        record = _records(self.ecg_dir)[str(request.what[0])]
        number = _number(f"{self.seed}:{record.record_id}:{request.what[1]}")
        rng = np.random.default_rng([number, 91])
        beat = representative_beat(record.ecg)
        measured = dict(zip(FEATURE_NAMES, ecg_features(beat, record.ecg).tolist(), strict=True))
        condition = choose_condition(record.group, measured, rng)
        findings = findings_of(record.record_id, record.group, beat, measured, rng)
        patient = simulate(
            number,
            condition,
            record.row.get("sex") if record.row.get("sex") in ("M", "F") else None,
            findings=findings,
            phases=BOX_PHASES,
            slices=SLICES,
            size=BOX_PIXELS,
            spacing_mm=BOX_SPACING_MM,
        )
        return _with_record(cohort_case(patient, request), record, findings)


def choose_condition(group: str, measured: Mapping[str, float], rng: np.random.Generator) -> Condition:
    """What the heart has, given the record's class and, for an infarct without place, its Q waves."""
    if group == "mi_unspecified":
        q = {place: measured[f"q_{place}"] for place in _INFARCTS}
        best = max(q, key=lambda place: q[place])
        return _INFARCTS[best if q[best] > 0 else str(rng.choice(list(_INFARCTS)))]
    choices = _CONDITIONS.get(group, ((Condition.NORMAL, 1.0),))
    shares = np.array([share for _, share in choices])
    return choices[int(rng.choice(len(choices), p=shares / shares.sum()))][0]


def findings_of(name: str, group: str, beat: Beat, measured: Mapping[str, float], rng: np.random.Generator) -> Findings:
    """What a record makes its simulated patient obey.

    Args:
        name: of the record, for messages.
        group: its class.
        beat: its representative beat.
        measured: feature name to value, NaN where not measurable.
        rng: for the part of contractility that the record does not tell.

    Raises:
        UserError: rate or QT missing or out of range.
    """
    marks = beat.intervals
    if not _RR_MS[0] <= beat.rr_ms <= _RR_MS[1]:
        raise UserError(f"The heart rate of ECG {name} is outside 40 to 140 per minute; it is left out.")
    if marks.qt_ms is None or marks.qrs_ms is None or not _QT_MS[0] <= marks.qt_ms <= _QT_MS[1]:
        raise UserError(f"QRS and QT of ECG {name} can't be measured; it is left out.")
    conduction = {"lbbb": Conduction.LBBB, "rbbb": Conduction.RBBB}.get(group, Conduction.NORMAL)
    if conduction == Conduction.NORMAL and measured["lbbb_score"] > 0.7:
        conduction = Conduction.LBBB
    elif conduction == Conduction.NORMAL and measured["rbbb_score"] > 0.7:
        conduction = Conduction.RBBB
    fibrillation = group == "af_flutter"
    onset = marks.qrs_onset_at_ms
    return Findings(
        rr_ms=float(beat.rr_ms),
        qt_ms=float(marks.qt_ms),
        qrs_ms=float(marks.qrs_ms),
        onset_to_r_ms=float(np.clip(-onset, 10.0, 110.0)) if onset is not None else _OFTEN_MS,
        pr_ms=None if fibrillation or marks.pr_ms is None else float(np.clip(marks.pr_ms, 90.0, 340.0)),
        conduction=conduction,
        fibrillation=fibrillation,
        contractility=_contractility(measured, conduction, rng),
        mass=_held((measured["sokolow_mv"] - _VOLTAGE_MV[0]) / _VOLTAGE_MV[1]),
        axis_degrees=None if marks.axis_degrees is None else float(marks.axis_degrees),
    )


def _contractility(measured: Mapping[str, float], conduction: Conduction, rng: np.random.Generator) -> float:
    """Estimate from width, T and voltages, with scatter; a block's own wide QRS does not count."""
    total, weight = 0.0, 0.0
    for feature, (mean, sd, share) in _HEALTH.items():
        if feature == "qrs_ms" and conduction != Conduction.NORMAL:
            continue
        total += share * _held((measured[feature] - mean) / sd)
        weight += share**2
    estimate = total / weight**0.5
    return float(np.clip(_CERTAIN * estimate + (1 - _CERTAIN**2) ** 0.5 * rng.normal(), -2.5, 2.5))


def _held(score: float) -> float:
    """A standard score within two SD; 0 where not measurable."""
    return float(np.clip(score, -2.0, 2.0)) if np.isfinite(score) else 0.0


def _with_record(case: CohortCase, record: Record, findings: Findings) -> CohortCase:
    """The simulated case with the real record in place of the simulated one, and what was measured in it."""
    numbers = {name: value for name, value in case.numbers.items() if name != "pr_ms"}
    numbers |= {"qrs_ms": findings.qrs_ms, "qt_ms": findings.qt_ms}
    if findings.pr_ms is not None:
        numbers["pr_ms"] = findings.pr_ms
    return replace(
        case,
        numbers=numbers,
        origins={**case.origins, "ecg": Origin.MEASURED.value, "times": Origin.RULE.value},
        ecg_mv=np.asarray(record.signal_mv, np.float32),
        ecg_name=record.record_id,
        age_years=_age(record),
        sex=case.sex,
        recipe={
            **case.recipe,
            "findings": {k: v if v is None else _plain_value(v) for k, v in asdict(findings).items()},
        },
    )


def _plain_value(value: object) -> object:
    """An enumeration as its text, anything else as it is."""
    return value.value if isinstance(value, Conduction) else value


def _age(record: Record) -> float:
    """Age in the table, NaN where it says none."""
    try:
        return float(record.row.get("age") or "nan")
    except ValueError:
        return float("nan")


def _plain(name: str) -> str:
    """Letters, digits, "-" and "_" alone."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)


def _number(text: str) -> int:
    """Seed of 31 bits from a text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) >> 1


@lru_cache(maxsize=2)
def _records(folder: Path) -> dict[str, Record]:
    """All records by id; read once in a process."""
    try:
        return {record.record_id: record for record in read_records(folder)}
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"The ECG records in {folder.name} can't be read: records.h5 and records.csv are needed."
        ) from error
