"""A real ECG for a real heart: drawn by diagnosis and EF class, because no public data pairs them.

A match says nothing about one patient; it only keeps company that occurs: LBBB with dilated hearts, infarct ECGs
with infarcts. What a model seems to read of EF from such an ECG is partly this match. Training hearts meet training
records only, and so on for every part of the split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from cof_viewer.cohort.case import Origin
from cof_viewer.cohort.real.ecgs import Record, read_records
from cof_viewer.cohort.tracked import CaseEcg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split

COMPANY: Mapping[str, tuple[str, ...]] = {
    "NOR": ("normal", "bradycardia", "tachycardia", "pac_svt"),
    "DCM": ("lbbb", "af_flutter", "ischaemia_stt", "pvc", "avb1", "low_voltage"),
    "HCM": ("lvh", "ischaemia_stt", "t_inversion"),
    "MINF": ("mi_anterior", "mi_inferior", "mi_unspecified", "ischaemia_stt", "q_waves"),
    "RV": ("rbbb", "rvh", "irbbb_fascicular", "normal", "right_axis"),
}
"""Classes of ECG that keep company with each ACDC group; the last of some are signs computed from the record."""

LOW_EF_PERCENT, HIGH_EF_PERCENT = 42.0, 68.0
"""EF classes of hearts without a diagnosis: the highest EF of ACDC's failing hearts, the usual upper end of normal."""

_LOW_VOLTAGE_MV = 0.5
_T_INVERTED_MV = -0.1
_RIGHT_AXIS_DEGREES = (90.0, 180.0)
_WRONG_PERMUTATION = {"NOR": "DCM", "DCM": "NOR", "HCM": "MINF", "MINF": "HCM", "RV": "DCM"}
_UNUSED_GROUPS = ("paediatric", "paced")


class Matcher:
    """Draws ECGs that could belong to a heart."""

    def __init__(self, groups: Sequence[str], signs: Sequence[frozenset[str]] | None = None) -> None:
        """Sort records by their company.

        Args:
            groups: class of each record.
            signs: computed signs of each record ("low_voltage", "q_waves", "t_inversion", "right_axis").
        """
        shown = signs or [frozenset[str]()] * len(groups)
        self._of = {
            heart: [k for k, (g, s) in enumerate(zip(groups, shown, strict=True)) if g in wanted or s & set(wanted)]
            for heart, wanted in COMPANY.items()
        }

    def candidates(self, group: str, ef_percent: float) -> list[int]:
        """Indices of records for an ACDC group, or for an EF where the group is not known."""
        if group in self._of:
            return self._of[group]
        if ef_percent < LOW_EF_PERCENT:
            both = (*self._of["DCM"], *self._of["MINF"])
        elif ef_percent > HIGH_EF_PERCENT:
            both = (*self._of["HCM"], *self._of["NOR"])
        else:
            both = (*self._of["NOR"], *self._of["RV"])
        return list(dict.fromkeys(both))

    def wrong_candidates(self, group: str, ef_percent: float) -> list[int]:
        """Records of hearts unlike this one, on purpose: to measure how much of EF the match itself tells."""
        opposite = _WRONG_PERMUTATION.get(group)
        if opposite is not None:
            mine = set(self.candidates(group, ef_percent))
            return [k for k in self._of[opposite] if k not in mine]
        return self.candidates("", HIGH_EF_PERCENT + 1.0 if ef_percent < LOW_EF_PERCENT else LOW_EF_PERCENT - 1.0)


@dataclass(frozen=True, eq=False)
class UsableRecord:
    """A record of an adult, unpaced, of good quality, with its beat.

    Attributes:
        record: as read.
        rr_ms: of its representative beat.
        es_ms: where the time law expects ES from its QT.
        half_filling_ms: where it expects half of filling.
        signs: computed signs, see `Matcher`.
    """

    record: Record
    rr_ms: float
    es_ms: float
    half_filling_ms: float
    signs: frozenset[str]


@lru_cache(maxsize=8)
def usable_records(folder: Path, part: Split) -> tuple[UsableRecord, ...]:
    """Every usable record of a part, in the table's order."""
    wanted = [r for r in read_records(folder) if r.part is part and r.quality == "ok"]
    found = (_usable(record) for record in wanted if record.group not in _UNUSED_GROUPS)
    return tuple(record for record in found if record is not None)


def draw_ecg(
    folder: Path, part: Split, group: str, ef_percent: float, rng: np.random.Generator, *, wrongly: bool = False
) -> CaseEcg:
    """One record for a heart.

    Args:
        folder: of `records.csv` and `records.h5`.
        part: of the heart; only records of the same part are drawn.
        group: diagnosis of ACDC, or anything else where only the EF counts.
        ef_percent: of the heart.
        rng: draws among the candidates.
        wrongly: draw from hearts unlike this one.

    Raises:
        UserError: no record of the part could go with the heart.
    """
    records = usable_records(folder, part)
    matcher = Matcher([r.record.group for r in records], [r.signs for r in records])
    find = matcher.wrong_candidates if wrongly else matcher.candidates
    candidates = find(group, ef_percent)
    if not candidates:
        raise UserError(f"No ECG of the {part.value} part goes with a heart of the group {group or 'unknown'}.")
    drawn = records[candidates[int(rng.integers(len(candidates)))]]
    names = tuple(records[k].record.record_id for k in candidates)
    record = drawn.record
    return CaseEcg(record.signal_mv, record.record_id, names, Origin.MATCHED, drawn.rr_ms, drawn.es_ms)


def _usable(record: Record) -> UsableRecord | None:
    from cof_viewer.engine.motion.time_law import expected_marks
    from cof_viewer.signal import FEATURE_NAMES, ecg_features, representative_beat

    try:
        beat = representative_beat(record.ecg)
    except UserError:
        return None
    features = dict(zip(FEATURE_NAMES, ecg_features(beat).tolist(), strict=True))
    marks = expected_marks(beat.intervals, beat.rr_ms)
    return UsableRecord(record, beat.rr_ms, marks.es_ms, marks.half_filling_ms, signs_of(features))


def signs_of(features: Mapping[str, float]) -> frozenset[str]:
    """Signs by textbook criteria from the measured features of a record.

    Low voltage: no limb lead's QRS reaches 0.5 mV. Q waves: in at least two thirds of one territory's leads. T
    inversion: in V5 and V6. Right axis: 90 to 180 degrees.
    """
    signs = set()
    if features["limb_qrs_mv"] < _LOW_VOLTAGE_MV:
        signs.add("low_voltage")
    if max(features[f"q_{territory}"] for territory in ("inferior", "anterior", "lateral")) >= 0.66:
        signs.add("q_waves")
    if max(features["t_V5_mv"], features["t_V6_mv"]) < _T_INVERTED_MV:
        signs.add("t_inversion")
    axis = float(np.degrees(np.arctan2(features["axis_sin"], features["axis_cos"])))
    if _RIGHT_AXIS_DEGREES[0] <= axis <= _RIGHT_AXIS_DEGREES[1]:
        signs.add("right_axis")
    return frozenset(signs)
