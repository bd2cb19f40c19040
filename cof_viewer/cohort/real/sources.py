"""Real beats as a source of cases: the cines of ACDC and Sunnybrook and a whole DICOM exam, segmented and tracked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import CohortCase, Kind, Origin
from cof_viewer.cohort.real.match import draw_ecg
from cof_viewer.cohort.real.mri import Row, load_cine, read_manifest
from cof_viewer.cohort.real.posing import pose_of_labels
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.cohort.tracked import MADE_BY, Known, case_from_cine, check_labels, check_spacing
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, Label
from cof_viewer.domain.split import Split, patient_rank_key, split_patients

if TYPE_CHECKING:
    from cof_viewer.engine.engine import Engine

UInt8 = NDArray[np.uint8]

_SUNNYBROOK: Mapping[str, tuple[int, int]] = {"SCD0000101": (18, 7), "SCD0000301": (19, 6), "SCD0000401": (19, 6)}
"""ED and ES phase (0-based) at which the Sunnybrook experts drew."""

_EXAM = "dicom/bivme_patient1_exam.zip"
_GROUP_OF_SOURCE = {"scd": "MINF", "bivme": ""}
"""Sunnybrook's three are failing hearts with infarcts: their ECGs are drawn as for ACDC's."""


@dataclass(frozen=True)
class RealBeats:
    """Every complete measured cine. A `CaseSource`.

    Attributes:
        data_dir: the folder that holds `mri/`.
        ecg_dir: the folder of the ECG records; None gives no ECG.
        models_dir: weights of segmenter and teacher.
        seed: draws the ECG.
        own_ecg: whether hearts get a simulated ECG of their own geometry and motion instead of a record.
    """

    data_dir: Path
    ecg_dir: Path | None
    models_dir: Path
    seed: int = 0
    own_ecg: bool = False
    MADE_BY: ClassVar[int] = MADE_BY

    def requests(self) -> list[CaseRequest]:
        """The ACDC cines in the manifest's order, then Sunnybrook, then the exam, as far as they are there."""
        mri = self.data_dir / "mri"
        rows = [row for row in read_manifest(mri) if row.kind == "cine"]
        ecg = ecg_choice(self.ecg_dir, own_ecg=self.own_ecg)
        known = [
            _request(row.patient_id, row.part, row.group, row.path.relative_to(mri).as_posix(), ecg) for row in rows
        ]
        others = {f"scd:{name}": f"cines/scd_{name}_cine.nii.gz" for name in _SUNNYBROOK}
        others["bivme:patient1"] = _EXAM
        part_of = split_patients({patient: patient.split(":")[0] for patient in others})
        return known + [
            _request(patient, part_of[patient], patient.split(":")[0], path, ecg)
            for patient, path in others.items()
            if (mri / path).is_file()
        ]

    def make(self, request: CaseRequest) -> CohortCase:
        """Segment and track one cine.

        Raises:
            UserError: the cine can't be used; the sentence names the case.
        """
        cine, known = self._open(request)
        engine = engine_of(self.models_dir)
        rng = generator_of(self.seed, request.case_id)
        group = _GROUP_OF_SOURCE.get(request.group, request.group)
        if self.own_ecg:
            from cof_viewer.cohort.real.own_ecg import with_own_ecg

            case = case_from_cine(engine, cine, replace(request, group=group), known)
            recorded = float(cine.rr_ms) if cine.phase_ms is not None and cine.rr_ms else None
            return replace(with_own_ecg(case, recorded, rng), group=request.group)
        if self.ecg_dir is not None:
            ecg = draw_ecg(self.ecg_dir, request.part, group, _ef_of_experts(known), rng)
            known = replace(known, ecg=ecg)
        return case_from_cine(engine, cine, request, known)

    def _open(self, request: CaseRequest) -> tuple[Cine, Known]:
        source, name = request.patient_id.split(":")
        path = self.data_dir / "mri" / str(request.what[0])
        if source == "acdc":
            return acdc_beat(request.case_id, row_named(self.data_dir, str(request.what[0])))
        from cof_viewer.io import open_study

        study = open_study(path)
        if study.cine is None:
            raise UserError(f'"{request.case_id}" is a single volume. Use the whole cine.', code="no-cine")
        if source != "scd":
            return study.cine, Known()
        ed, es = _SUNNYBROOK[name]
        folder = path.parent
        drawn = {
            phase: _read_labels(folder / f"scd_{name}_cine_gt_{end}.nii.gz", study.cine, request.case_id)
            for phase, end in ((ed, "ed"), (es, "es"))
        }
        return study.cine, Known(drawn, ed, es)


def acdc_beat(name: str, row: Row) -> tuple[Cine, Known]:
    """A full beat of ACDC with its experts' labels; times between its phases are not recorded.

    Raises:
        UserError: naming the case.
    """
    beat = load_cine(row)
    check_spacing(name, beat.spacing_mm)
    for drawn in (beat.ed_label, beat.es_label):
        check_labels(name, drawn)
    z_mm, y_mm, x_mm = beat.spacing_mm
    _, slices, rows, columns = beat.images.shape
    grid = grid_from_spacing((slices, rows, columns), (x_mm, y_mm, z_mm), orientation_known=False)
    cine = Cine(beat.images.astype(np.float32), grid, name=name)
    labels = {beat.ed_phase: beat.ed_label, beat.es_phase: beat.es_label}
    # In a narrow window round the heart the networks find the pose less surely, and label ES worse by it.
    pose = pose_of_labels(beat.ed_label, beat.spacing_mm) if (beat.ed_label == Label.RV).any() else None
    return cine, Known(labels, beat.ed_phase, beat.es_phase, pose=pose)


def row_named(data_dir: Path, file_name: str) -> Row:
    """The manifest's row of one file, named as in the manifest.

    Raises:
        UserError: the manifest has no such file.
    """
    found = next((row for row in _rows(data_dir / "mri") if row.path == data_dir / "mri" / file_name), None)
    if found is None:
        raise UserError(f'The manifest does not list "{file_name}". Add its row.')
    return found


@lru_cache(maxsize=2)
def engine_of(models_dir: Path) -> Engine:
    """The engine on this process's processor, loaded once."""
    from cof_viewer.engine.engine import Engine

    return Engine.load(models_dir, "cpu")


def generator_of(seed: int, case_id: str) -> np.random.Generator:
    """A generator of random numbers of one case's own, whatever else is made."""
    return np.random.default_rng([seed, int(patient_rank_key(case_id)[:15], 16)])


@lru_cache(maxsize=2)
def _rows(folder: Path) -> tuple[Row, ...]:
    return tuple(read_manifest(folder))


def ecg_choice(ecg_dir: Path | None, *, own_ecg: bool) -> str:
    """Word that stands in a request for where its ECG comes from: another choice is another request."""
    return Origin.SIMULATED.value if own_ecg else Origin.NONE.value if ecg_dir is None else Origin.MATCHED.value


def _request(patient_id: str, part: Split, group: str, path: str, ecg: str) -> CaseRequest:
    case_id = f"cine-{patient_id.replace(':', '-')}"
    return CaseRequest(case_id, patient_id, Kind.MEASURED_CINE, part, group, (path, ecg))


def _ef_of_experts(known: Known) -> float:
    """EF of the experts' labels; NaN, which takes the middle class, where there are none."""
    if known.ed_phase is None or known.es_phase is None:
        return float("nan")
    ed, es = (float((known.labels[phase] == Label.LV).sum()) for phase in (known.ed_phase, known.es_phase))
    return 100.0 * (ed - es) / ed


def _read_labels(path: Path, cine: Cine, name: str) -> UInt8:
    """uint8 [z, y, x] of a label file on the cine's grid and in its order of slices."""
    from cof_viewer.io.nifti import read_nifti
    from cof_viewer.io.sources import DiskFile

    file = read_nifti(DiskFile(path))
    data = file.data[0]
    if file.grid.with_slices_reversed().matches(cine.grid, 0.5):
        data = data[::-1]
    elif not file.grid.matches(cine.grid, 0.5):
        raise UserError(f'The labels of "{name}" do not lie on the cine\'s grid. Export them on the grid of the cine.')
    check_labels(name, data, wall=False)
    return np.asarray(data, dtype=np.uint8)
