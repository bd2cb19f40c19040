"""Experts' labels beside a cine: read, checked, and laid on the cine's own grid and order of slices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.readers.facts import Facts
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, Label

_UInt8 = NDArray[np.uint8]
_PATTERN = re.compile(r"labels(?:[_-](ed|es|\d+))?\.nii(?:\.gz)?", re.IGNORECASE)
_SAME_PLACE_MM = 1.0


def label_files(folder: Path) -> dict[str, Path]:
    """Label files of a case folder: "" (all phases), "ed", "es" or a phase counted from 0 -> file.

    Raises:
        UserError: a name is not understood, two files are of one phase, or ED comes without ES or ES without ED.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("labels*")):
        match = _PATTERN.fullmatch(path.name)
        if match is None:
            raise UserError(
                f'"{path.name}" is no known name of a label file. Call it labels, labels_ed, labels_es or labels_N '
                "(N the phase from 0) with the ending .nii.gz.",
                code="label-name",
            )
        phase = (match[1] or "").lower()
        phase = str(int(phase)) if phase.isdigit() else phase
        if phase in found:
            raise UserError(
                f'"{found[phase].name}" and "{path.name}" label the same phase. Keep one.', code="label-name"
            )
        found[phase] = path
    for one, other in (("ed", "es"), ("es", "ed")):
        if one in found and other not in found and len(found) == 1:
            raise UserError(
                f'"{found[one].name}" is there but the labels of {other.upper()} are missing. Add '
                f"labels_{other}.nii.gz, or remove {found[one].name}.",
                code="label-missing",
            )
    return found


def read_labels(files: Mapping[str, Path], cine: Cine, facts: Facts) -> dict[int, _UInt8]:
    """Read label files on a cine's grid as it lay in its file.

    Args:
        files: of `label_files`.
        cine: as opened, before any turning of its slices.
        facts: values of the structures in the files, and which phases ED and ES are.

    Returns:
        Phase from 0 -> uint8 [z, y, x] with the values of `Label`. A file of all phases gives those phases that have
        any label.

    Raises:
        UserError: a file can't be read, lies on another grid, has a value that is not known, lacks LV or wall, or
            is of a phase that is not known.
    """
    read: dict[int, _UInt8] = {}
    for word, path in files.items():
        data = _labels_of(path, cine.grid, facts.label_values)
        drawn = _all_phases(path, data, cine.phases) if word == "" else _one_phase(path, data, cine.phases, word, facts)
        for phase, labels in drawn.items():
            _check_structures(labels, path.name)
            read[phase] = labels
    return read


def _all_phases(path: Path, data: _UInt8, phases: int) -> dict[int, _UInt8]:
    """The labelled phases of a file of all phases."""
    if len(data) == 1:
        raise UserError(
            f'"{path.name}" is of one phase and does not say which. Call it labels_ed, labels_es or labels_N.',
            code="label-name",
        )
    if len(data) != phases:
        raise UserError(f'"{path.name}" has {len(data)} phases, the cine {phases}. Export it again.')
    found = {t: labels for t, labels in enumerate(data) if labels.any()}
    if not found:
        raise UserError(f'"{path.name}" holds no label at all. Export it again or remove it.', code="label-missing")
    return found


def _one_phase(path: Path, data: _UInt8, phases: int, word: str, facts: Facts) -> dict[int, _UInt8]:
    """The phase of a file that is called after it."""
    if len(data) != 1:
        raise UserError(f'"{path.name}" holds {len(data)} phases instead of one. Call it labels.nii.gz.')
    phase = int(word) if word.isdigit() else {"ed": facts.ed_phase, "es": facts.es_phase}[word]
    if phase is None:
        raise UserError(
            f'Which phase "{path.name}" shows is not known. Give "{word}_phase", counted from 0, in case.json, or call '
            "the file labels_N.nii.gz.",
            code="label-phase",
        )
    if phase >= phases:
        raise UserError(f'"{path.name}" is of phase {phase}, but the cine has phases 0 to {phases - 1}. Correct it.')
    return {phase: data[0]}


def _labels_of(path: Path, grid: Grid, values: Mapping[int, Label]) -> _UInt8:
    """uint8 [t, z, y, x] of one file in our values, on the cine's grid."""
    from cof_viewer.io.nifti import read_nifti
    from cof_viewer.io.nifti.container import BrokenNiftiError
    from cof_viewer.io.sources import DiskFile

    try:
        file = read_nifti(DiskFile(path))
    except (BrokenNiftiError, OSError) as error:
        raise UserError(
            f'"{path.name}" can\'t be read: it is damaged. Export it again.', code="label-unreadable"
        ) from error
    if file.data.shape[1:] != grid.shape or not _same_place(file.grid, grid):
        raise UserError(f'"{path.name}" does not lie on the cine\'s grid. Export it on the grid of the cine.')
    present = np.unique(file.data)
    unknown = [float(v) for v in present if not (np.isfinite(v) and (v == 0 or (v.is_integer() and int(v) in values)))]
    if unknown:
        known = ", ".join(f"{value} {label.name}" for value, label in sorted(values.items()))
        raise UserError(
            f'"{path.name}" holds the value {unknown[0]:g}; known are {known} and 0. Correct it, or give '
            '"label_values" in case.json.',
            code="label-value",
        )
    result = np.zeros(file.data.shape, np.uint8)
    for value, label in values.items():
        result[file.data == value] = label
    return result


def _same_place(grid: Grid, other: Grid) -> bool:
    """Whether the voxels lie together; files that don't say how the patient lay are taken by their shape."""
    if not (grid.orientation_known and other.orientation_known):
        return True
    return grid.matches(other, _SAME_PLACE_MM)


def _check_structures(labels: _UInt8, name: str) -> None:
    """Refuse labels without cavity or wall, and those with the ventricles exchanged.

    The wall closes round the left ventricle, so nearly all of the LV's border touches it; of the RV's only the septum.
    """
    for label, words in ((Label.LV, "left ventricle"), (Label.MYO, "wall")):
        if not (labels == label).any():
            raise UserError(f'"{name}" labels no {words}. Add it, or remove the file.', code="label-missing")
    if (labels == Label.RV).any() and _share_at_wall(labels, Label.RV) > _share_at_wall(labels, Label.LV):
        raise UserError(
            f'In "{name}" the wall closes round the right ventricle: left and right seem exchanged. '
            'Give "label_values" in case.json.',
            code="label-value",
        )


def _share_at_wall(labels: _UInt8, label: Label) -> float:
    """Share of the in-plane border of a cavity where the neighbour is wall."""
    inside = np.pad(labels, ((0, 0), (1, 1), (1, 1)))
    touching = border = 0
    for axis, step in ((1, 1), (1, -1), (2, 1), (2, -1)):
        neighbour = np.roll(inside, step, axis=axis)
        at_border = (inside == label) & (neighbour != label)
        border += int(at_border.sum())
        touching += int((at_border & (neighbour == Label.MYO)).sum())
    return touching / border if border else 0.0
