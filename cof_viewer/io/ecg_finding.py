"""The row that `inspect` shows for an ECG record."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cof_viewer.domain.ecg import SAMPLING_HZ
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import Finding, SeriesKind


def is_second_file(path: Path) -> bool:
    """Whether a file is the signal of a WFDB record whose header lies beside it: the header stands for both."""
    return path.suffix.lower() != ".hea" and path.with_suffix(".hea").is_file()


def ecg_finding(path: Path, *, described: bool = True) -> Finding | None:
    """Describe an ECG record; None where the file is none.

    Args:
        path: any file.
        described: whether to read it for leads, rate, length, heart rate and problems; else only its path is given.
    """
    from cof_viewer.io.ecg import open_ecg, read_record, sniff

    if not sniff(path):
        return None
    plain = Finding(str(path), SeriesKind.ECG, modality="ECG", files=(str(path),))
    if not described:
        return plain
    try:
        record = read_record(path)
    except UserError as error:
        return Finding(plain.path, SeriesKind.ECG, modality="ECG", problems=(error.sentence,), files=plain.files)
    rate = None
    try:
        ecg = open_ecg(path)
    except UserError as error:
        problems: tuple[str, ...] = (error.sentence,)
    else:
        from cof_viewer.signal import r_peaks

        peaks = r_peaks(ecg)
        rr_samples = float(np.median(np.diff(peaks))) if len(peaks) > 1 else None
        rate = 60.0 * SAMPLING_HZ / rr_samples if rr_samples else None
        problems = tuple(sentence for _, sentence in ecg.problems)
    return Finding(
        path=plain.path,
        kind=SeriesKind.ECG,
        modality="ECG",
        leads=tuple(name for name in record.names if name) or None,
        sampling_hz=record.hz,
        seconds=record.seconds,
        heart_rate_bpm=rate,
        problems=problems,
        files=plain.files,
    )
