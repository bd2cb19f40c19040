"""One record a case and method: everything the tables are made of, in a JSON file that says what it was made from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cof_viewer.cohort.case import Kind
from cof_viewer.cohort.file import write_text_whole

RECORDS = "cases"
VERSION = 1
"""Raised when metrics change, so that older records are made again."""


@dataclass(frozen=True)
class Record:
    """What one method did on one case.

    Attributes:
        case_id: of the case, like the following four.
        patient_id: what the statistics count by.
        kind: see `Kind`.
        group: diagnosis or condition.
        method: its name.
        made_from: checksum of everything that the record depends on.
        metrics: see `metrics`; those by the assessor begin with "assessor_".
        curve_ml: LV volume of each phase; `true_curve_ml` likewise.
        ef_percent: of the method; `true_ef_percent` likewise.
        flags: codes of the gate.
        failed: the sentence of what went wrong; empty for a valid output.
        seed: what was drawn with.
    """

    case_id: str
    patient_id: str
    kind: Kind
    group: str
    method: str
    made_from: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve_ml: tuple[float, ...] = ()
    true_curve_ml: tuple[float, ...] = ()
    ef_percent: float = math.nan
    true_ef_percent: float = math.nan
    flags: tuple[str, ...] = ()
    failed: str = ""
    seed: int = 0

    def value(self, name: str) -> float:
        """One metric; NaN where it is missing."""
        return float(self.metrics.get(name, math.nan))


def record_path(out: Path, case_id: str, method: str) -> Path:
    """Where a record lies."""
    return out / RECORDS / case_id / f"{method}.json"


def write_record(record: Record, out: Path) -> Path:
    """Write a record whole or not at all."""
    path = record_path(out, record.case_id, record.method)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(asdict(record)), indent=1, allow_nan=False)

    write_text_whole(path, text)
    return path


def read_record(path: Path) -> Record | None:
    """Read a record; None where it is missing, spoiled or of another version."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["kind"] = Kind(values["kind"])
        for name in ("curve_ml", "true_curve_ml", "flags"):
            values[name] = tuple(math.nan if v is None else v for v in values[name])
        values["metrics"] = {k: math.nan if v is None else float(v) for k, v in values["metrics"].items()}
        for name in ("ef_percent", "true_ef_percent"):
            values[name] = math.nan if values[name] is None else float(values[name])
        return Record(**values)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stands(out: Path, case_id: str, method: str, made_from: str) -> bool:
    """Whether this record is there and was made from the same."""
    record = read_record(record_path(out, case_id, method))
    return record is not None and record.made_from == made_from


def checksum(parts: Iterable[Any]) -> str:
    """Checksum of plain values."""
    text = json.dumps([VERSION, *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """JSON has no NaN: null stands for it."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
