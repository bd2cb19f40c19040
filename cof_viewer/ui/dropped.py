"""Which of the dropped files is the study and which the ECG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ECG_ENDINGS = (".hea", ".dat", ".xml")


def sort_dropped(paths: Sequence[Path], study_open: bool) -> tuple[Path | None, Path | None]:
    """The study and the ECG among some files and folders.

    Args:
        paths: what was dropped.
        study_open: with a study open, a single file of unknown kind is looked into: it may be a DICOM ECG.

    Returns:
        (study, ECG), each None where there is none. The first of each kind counts.
    """
    ecgs = [path for path in paths if path.suffix.lower() in ECG_ENDINGS]
    others = [path for path in paths if path not in ecgs]
    if not ecgs and others and (study_open or len(others) > 1):
        ecgs = [path for path in others if path.is_file() and _holds_ecg(path)]
        others = [path for path in others if path not in ecgs]
    ecg = next((path for path in ecgs if path.suffix.lower() == ".hea"), ecgs[0] if ecgs else None)
    return (others[0] if others else None), ecg


def _holds_ecg(path: Path) -> bool:
    """Whether a file's content is an ECG record."""
    from cof_viewer.domain.errors import UserError
    from cof_viewer.domain.study import SeriesKind
    from cof_viewer.io import inspect

    try:
        found = inspect([path])
    except UserError:
        return False
    return bool(found) and all(row.kind is SeriesKind.ECG for row in found)
