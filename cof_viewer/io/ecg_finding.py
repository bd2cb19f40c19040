"""The row that `inspect` shows for an ECG record."""

from __future__ import annotations

from pathlib import Path

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import Finding, SeriesKind


def ecg_finding(path: Path) -> Finding | None:
    """Describe an ECG record; None where the file is none.

    Args:
        path: any file.
    """
    from cof_viewer.io.ecg import open_ecg, sniff

    if not sniff(path):
        return None
    try:
        ecg = open_ecg(path)
    except UserError as error:
        return Finding(str(path), SeriesKind.ECG, modality="ECG", problems=(error.sentence,), files=(str(path),))
    return Finding(
        path=str(path),
        kind=SeriesKind.ECG,
        modality="ECG",
        leads=ecg.source_leads,
        sampling_hz=ecg.source_hz,
        seconds=ecg.seconds,
        problems=tuple(sentence for _, sentence in ecg.problems),
        files=(str(path),),
    )
