"""Files in, files out: what is in a folder, a study as values of the domain, an ECG in standard form.

The doors of this room are the three functions below. They import their readers on first use, so that the window's
start costs neither pydicom nor nibabel.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

if TYPE_CHECKING:
    from cof_viewer.domain.ecg import Ecg
    from cof_viewer.domain.study import Finding, Study

__all__ = ["inspect", "open_ecg", "open_study"]


def inspect(paths: Sequence[Path], progress: Progress = no_progress, cancel: CancelToken = NEVER) -> list[Finding]:
    """Tell what is in files and folders, without opening anything for good.

    Args:
        paths: files (DICOM, DICOMDIR, zip, NIfTI, ECG) or folders, searched by content.
        progress: told the fraction done.
        cancel: looked at for every file.

    Returns:
        One finding for each stack, series, NIfTI or ECG record, in the order of `paths`; files that look like one
        of these but can't be read come as `unreadable`.

    Raises:
        UserError: a path does not exist.
    """
    from cof_viewer.io.discover import discover

    with discover(paths, progress, cancel) as found:
        return [item.finding for item in found.items]


def open_study(
    path: Path, progress: Progress = no_progress, cancel: CancelToken = NEVER, *, series: str | None = None
) -> Study:
    """Open a study: a short-axis cine, or a single short-axis volume where there is no cine.

    Args:
        path: a DICOM folder, a zip of one, a DICOMDIR, one DICOM file, a 4-D or 3-D NIfTI, or a demo folder
            (`cine.nii.gz` beside `study.json`).
        progress: told the fraction done.
        cancel: looked at for every file.
        series: which stack to open where there are several: its number in `inspect`'s list counted from 1, its
            path or its description. None takes the best one.

    Returns:
        The study, slices base -> apex where the scanner's frame is known.

    Raises:
        UserError: nothing there can be opened; the sentence says why.
    """
    from cof_viewer.io.study import open_study as read

    return read(Path(path), progress, cancel, series=series)


def open_ecg(path: Path) -> Ecg:
    """Read a 12-lead ECG record of any known format; see `cof_viewer.io.ecg.open_ecg`."""
    from cof_viewer.io.ecg import open_ecg as read

    return read(Path(path))
