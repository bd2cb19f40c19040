"""Reader of the real ECG records: the table, the signals, and the part of the split that each patient belongs to."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.split import Split, split_patients

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Record:
    """One record of the collection.

    Attributes:
        record_id: as in the table.
        patient_id: what the split counts by; the record's own id where the patient is not known.
        group: one plain class.
        part: what the record may be used for.
        quality: "ok", "suspect" or "bad".
        row: the table's other columns.
        signal_mv: float32 [12, 5000], 500 Hz.
    """

    record_id: str
    patient_id: str
    group: str
    part: Split
    quality: str
    row: dict[str, str]
    signal_mv: Float

    @property
    def ecg(self) -> Ecg:
        """As the program's own type."""
        return Ecg(self.signal_mv, source_hz=500.0, source_leads=(), name=self.record_id)


def default_folder() -> Path | None:
    """The folder of `records.h5`: COF_DATA, or the data beside the checkout; None where there is none."""
    data = Path(os.environ.get("COF_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
    return data / "ecg" if (data / "ecg" / "records.h5").is_file() else None


def read_records(folder: Path) -> list[Record]:
    """All records with their part of the split."""
    import h5py

    with (folder / "records.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    with h5py.File(folder / "records.h5", "r") as file:
        counts = file["ecg"][:]
        scale = float(file["ecg"].attrs.get("scale_mV_per_count", file.attrs.get("scale_mV_per_count", 0.001)))
    patients = [row["patient"] or row["record_id"] for row in rows]
    part_of = split_patients({p: row["group"] for p, row in zip(patients, rows, strict=True)})
    return [
        Record(row["record_id"], p, row["group"], part_of[p], row["quality"], row, (x * scale).astype(np.float32))
        for p, row, x in zip(patients, rows, counts, strict=True)
    ]
