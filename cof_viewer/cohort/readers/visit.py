"""One visit of a real patient: a cine with its ECG and labels, opened and checked before any model looks at it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.readers.facts import Facts
from cof_viewer.cohort.readers.labels import label_files, read_labels
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Cine
from cof_viewer.domain.progress import NEVER, CancelToken
from cof_viewer.domain.study import Study

_UInt8 = NDArray[np.uint8]
_REFUSED_FLAGS = ("pixels-filled",)
"""What the viewer shows with a caution and nothing should learn from: pixels that were no number."""


@dataclass(frozen=True, eq=False)
class Visit:
    """What was read of one visit.

    Attributes:
        study: with a cine.
        ecg: of the same visit; None where there is none.
        beat: the cycle that stands for the ECG.
        labels: phase from 0 -> uint8 [z, y, x] on the cine's grid, of experts.
    """

    study: Study
    ecg: Ecg | None = None
    beat: Beat | None = None
    labels: dict[int, _UInt8] = field(default_factory=dict)

    @property
    def cine(self) -> Cine:
        """The cine."""
        assert self.study.cine is not None
        return self.study.cine

    def turned_like(self, study: Study) -> Visit:
        """The visit with the study as the engine oriented it: labels follow where the slices were reversed."""
        reversed_slices = not study.stack.grid.matches(self.cine.grid)
        labels = {k: v[::-1] for k, v in self.labels.items()} if reversed_slices else self.labels
        return replace(self, study=study, labels=labels)


def open_visit(
    cine_path: Path,
    ecg_path: Path | None,
    labels_folder: Path | None = None,
    facts: Facts | None = None,
    cancel: CancelToken = NEVER,
) -> Visit:
    """Open a visit's files.

    Args:
        cine_path: DICOM folder or zip, or NIfTI.
        ecg_path: any ECG that the program reads; None where the case goes without.
        labels_folder: folder with `labels*.nii.gz`, if any.
        facts: what its case file says.
        cancel: looked at while reading.

    Raises:
        UserError: no cine, no true spacing, a picture with NaN, an unreadable ECG, or labels that can't be used.
    """
    ecg, beat = _open_ecg(ecg_path) if ecg_path is not None else (None, None)
    study = _open_cine(cine_path, cancel)
    visit = Visit(study, ecg, beat)
    if labels_folder is None:
        return visit
    files = label_files(labels_folder)
    return replace(visit, labels=read_labels(files, visit.cine, facts or Facts("")))


def _open_ecg(path: Path) -> tuple[Ecg, Beat]:
    from cof_viewer.io import open_ecg
    from cof_viewer.signal import representative_beat

    ecg = open_ecg(path)
    if ecg.simulated:
        raise UserError(f'"{path.name}" says that it was simulated: only measured ECGs make a measured pair.')
    return ecg, representative_beat(ecg)


def _open_cine(path: Path, cancel: CancelToken) -> Study:
    from cof_viewer.io import open_study

    study = open_study(path, cancel=cancel)
    if study.cine is None:
        raise UserError(
            f'"{path.name}" is a single volume: it has no motion to learn from. Put the whole cine there.',
            code="no-cine",
        )
    if study.simulated:
        raise UserError(f'"{path.name}" says that it was simulated: only measured cines make a measured case.')
    refused = next((flag for flag in study.flags if flag.code in _REFUSED_FLAGS), None)
    if refused is not None:
        raise UserError(f"{refused.text} Export it again.", code="nan")
    if not study.cine.grid.spacing_known:
        raise UserError(
            f'The spacing of "{path.name}" is missing, 0 or no number: no mL could be true. Correct the header.',
            code="spacing",
        )
    return study
