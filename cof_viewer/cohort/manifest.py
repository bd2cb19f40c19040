"""The table of a store, `manifest.csv`: one row a case; only what stands in it counts as made."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cof_viewer.cohort.case import COMPONENTS, CohortCase, Kind
from cof_viewer.cohort.file import SCHEMA, sha256_of, write_whole
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split

MANIFEST = "manifest.csv"
NUMBERS = ("edv_ml", "esv_ml", "ef_percent", "es_ms")
"""Numbers of a case that the table repeats; empty where unknown."""

_WORDS = ("case_id", "patient_id", "kind", "part", "group", "file", "bytes", "sha256", "made_from", "sex")
_COLUMNS = ("schema", *_WORDS, "age_years", "rr_ms", *NUMBERS, *(f"{name}_by" for name in COMPONENTS))


@dataclass(frozen=True)
class CaseRow:
    """One case in the table.

    Attributes:
        case_id: as in `CohortCase`, like the following four.
        patient_id: see there.
        kind: see there.
        part: see there.
        group: see there.
        file: the case's file, relative to the store, with "/".
        bytes: size of the file.
        sha256: checksum of the file.
        made_from: checksum of the request it was made from; another request makes it again.
        sex: "M", "F" or "".
        age_years: NaN where unknown.
        rr_ms: length of the beat.
        numbers: those of `NUMBERS` that are known.
        origins: component -> origin.
    """

    case_id: str
    patient_id: str
    kind: Kind
    part: Split
    group: str
    file: str
    bytes: int
    sha256: str
    made_from: str
    sex: str
    age_years: float
    rr_ms: float
    numbers: dict[str, float]
    origins: dict[str, str]


def row_of(case: CohortCase, path: Path, store: Path, made_from: str) -> CaseRow:
    """The row of a case that was written to `path`."""
    known = {name: float(case.numbers[name]) for name in NUMBERS if name in case.numbers}
    return CaseRow(
        *(case.case_id, case.patient_id, case.kind, case.part, case.group),
        file=path.relative_to(store).as_posix(),
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        made_from=made_from,
        sex=case.sex,
        age_years=float(case.age_years),
        rr_ms=float(case.rr_ms),
        numbers=known,
        origins={name: str(case.origins.get(name, "")) for name in COMPONENTS},
    )


def write_rows(rows: Iterable[CaseRow], store: Path) -> None:
    """Write the table anew, in order of case id, whole or not at all."""
    ordered = sorted(rows, key=lambda row: row.case_id)
    write_table(store / MANIFEST, _COLUMNS, [_line(row) for row in ordered])


def write_table(path: Path, columns: Iterable[str], lines: Iterable[Iterable[object]]) -> None:
    """Write a CSV file whole or not at all."""

    def write(beside: Path) -> None:
        with beside.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(list(columns))
            table.writerows(list(line) for line in lines)

    write_whole(path, write)


def read_rows(store: Path) -> tuple[CaseRow, ...]:
    """Read the table.

    Raises:
        UserError: there is none, it is spoiled, or it is of another version.
    """
    path = store / MANIFEST
    if not path.is_file():
        raise UserError(f'"{store}" is no cohort store: {MANIFEST} is missing. Make one first.', code="store")
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return tuple(_row(line) for line in csv.DictReader(stream))
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f'"{path}" is spoiled or of another version than {SCHEMA}. Make the store again.', code="store"
        ) from error


def _line(row: CaseRow) -> list[object]:
    age = "" if math.isnan(row.age_years) else row.age_years
    words = [getattr(row, name) for name in _WORDS]
    numbers = [row.numbers.get(name, "") for name in NUMBERS]
    return [SCHEMA, *words, age, row.rr_ms, *numbers, *(row.origins[name] for name in COMPONENTS)]


def _row(line: dict[str, str]) -> CaseRow:
    if int(line["schema"]) != SCHEMA:
        raise ValueError("schema")
    return CaseRow(
        *(line["case_id"], line["patient_id"], Kind(line["kind"]), Split(line["part"]), line["group"], line["file"]),
        bytes=int(line["bytes"]),
        sha256=line["sha256"],
        made_from=line["made_from"],
        sex=line["sex"],
        age_years=float(line["age_years"] or "nan"),
        rr_ms=float(line["rr_ms"]),
        numbers={name: float(line[name]) for name in NUMBERS if line[name]},
        origins={name: line[f"{name}_by"] for name in COMPONENTS},
    )
