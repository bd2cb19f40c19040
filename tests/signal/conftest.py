"""What the tests of the ECG's signal processing share: a clean beat train with known marks, and the real records."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.split import Split, split_patients


def spread_limb(one: NDArray[np.float64], two: NDArray[np.float64], chest: NDArray[np.float64]) -> NDArray[np.float32]:
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.stack([*limb, *chest]).astype(np.float32)


def bump(clock: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """A raised cosine from start to end: zero outside, so that its borders are known exactly."""
    inside = np.clip((clock - start) / (end - start), 0, 1)
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * inside))


def make_ecg(r_times_s: NDArray[np.float64], seconds: float = 10.0, noise_mv: float = 0.0, wide: float = 1.0) -> Ecg:
    """P from -180 to -80 ms, QRS from -40 to +50 ms (`wide` times that), T from 160 to 380 ms, round each R."""
    clock = np.arange(int(seconds * 500)) / 500
    p, q, t = np.zeros_like(clock), np.zeros_like(clock), np.zeros_like(clock)
    for r in r_times_s:
        p += 0.15 * bump(clock, r - 0.18, r - 0.08)
        q += 1.3 * bump(clock, r - 0.04 * wide, r + 0.04 * wide) - 0.3 * bump(clock, r + 0.02 * wide, r + 0.05 * wide)
        t += 0.35 * bump(clock, r + 0.16, r + 0.38)
    one, two = 0.8 * p + 0.7 * q + 0.8 * t, p + q + t
    chest = np.stack([0.4 * p + size * q + lift * t for size, lift in CHEST])
    rng = np.random.default_rng(3)
    signal = spread_limb(one, two, chest) + rng.normal(0, noise_mv, (12, len(clock)))
    return Ecg(signal.astype(np.float32), source_hz=500, source_leads=(), name="made.hea")


CHEST = ((-0.5, -0.2), (-0.8, 0.8), (-0.2, 1.0), (0.8, 1.0), (1.2, 0.8), (1.0, 0.6))


@dataclass(frozen=True)
class RealRecord:
    row: dict[str, str]
    part: Split
    ecg: Ecg

    def number(self, column: str) -> float:
        return float(self.row[column]) if self.row[column] else float("nan")


@pytest.fixture(scope="session")
def real_records(data_dir: Path) -> list[RealRecord]:
    """All real records that are not marked bad."""
    h5py = pytest.importorskip("h5py")
    folder = data_dir / "ecg"
    with (folder / "records.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    with h5py.File(folder / "records.h5") as file:
        counts = file["ecg"][:]
    part_of = split_patients({row["patient"] or row["record_id"]: row["group"] for row in rows})
    return [
        RealRecord(row, part_of[row["patient"] or row["record_id"]], Ecg((x / 1000).astype(np.float32), 500, ()))
        for row, x in zip(rows, counts, strict=True)
        if row["quality"] != "bad"
    ]
