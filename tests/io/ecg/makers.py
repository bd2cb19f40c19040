"""ECG files made for the tests: a plain twelve-lead beat train, written as WFDB and DICOM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS


def wave_train(hz: float = 500.0, seconds: float = 10.0, rate_bpm: float = 60.0) -> NDArray[np.float64]:
    """[12, n] mV: P, QRS, T as Gaussian waves, each lead its own size; limb leads obey Einthoven and Goldberger."""
    clock = np.arange(round(hz * seconds)) / hz
    beat = np.zeros((3, len(clock)))
    for start in np.arange(0.4, seconds, 60.0 / rate_bpm):
        for row, (at, width, height) in enumerate(((-0.16, 0.02, 0.1), (0.0, 0.012, 1.0), (0.28, 0.05, 0.25))):
            beat[row] += height * np.exp(-0.5 * ((clock - start - at) / width) ** 2)
    size = {"I": (0.8, 0.7, 0.9), "II": (1.2, 1.1, 1.0)}
    chest = [(0.4, -0.6, -0.4), (0.5, -0.9, 1.4), (0.6, -0.3, 1.5), (0.7, 1.0, 1.3), (0.8, 1.5, 1.1), (0.8, 1.2, 0.9)]
    one, two = (np.array(size[lead]) @ beat for lead in ("I", "II"))
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.stack(limb + [np.array(row) @ beat for row in chest])


def write_wfdb(
    folder: Path,
    signal_mv: NDArray[np.float64],
    *,
    name: str = "ecg",
    hz: float = 500.0,
    leads: tuple[str, ...] = LEADS,
    gain: float = 1000.0,
    unit: str = "/mV",
    comments: tuple[str, ...] = (),
) -> Path:
    """A record with 16-bit samples; returns the header's path."""
    counts = np.round(signal_mv * gain).astype("<i2")
    (folder / f"{name}.dat").write_bytes(counts.T.tobytes())
    lines = [f"{name} {len(counts)} {hz:g} {counts.shape[1]}"]
    lines += [
        f"{name}.dat 16 {gain:g}{unit} 16 0 {row[0]} 0 0 {lead}".rstrip()
        for lead, row in zip(leads, counts, strict=True)
    ]
    lines += [f"# {line}" for line in comments]
    header = folder / f"{name}.hea"
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return header
