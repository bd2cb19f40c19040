"""Real pairs in UK Biobank's layout: short-axis cine zips (field 20209) and CardioSoft ECGs (field 20205)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.cohort.readers.facts import NO_GROUP
from cof_viewer.cohort.readers.making import CaseMaker, named
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.cohort.tracked import MADE_BY
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import split_patients

CINE_FIELD, ECG_FIELD = 20209, 20205
"""Fields of UK Biobank: short-axis heart images, and the 12-lead resting ECG as XML."""

_NAME = re.compile(r"(\d+)_(20205|20209)_(\d+)_(\d+)\.(zip|xml)", re.IGNORECASE)


@dataclass
class _Found:
    """Files of one participant and instance."""

    cines: list[Path] = field(default_factory=list)
    ecgs: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class UkBiobank:
    """A folder of `<eid>_20209_<instance>_<array>.zip` and `<eid>_20205_<instance>_<array>.xml`. A `CaseSource`.

    A zip holds the whole short-axis stack as DICOM. Files may lie in folders below. Cine and ECG of the same instance
    are of one visit; instances are never mixed.

    Attributes:
        folder: as downloaded.
        models_dir: weights of the segmenter and the registration teacher.
        without_ecg: whether cines whose visit has no ECG are made, as `measured-cine`; they are refused otherwise.
    """

    folder: Path
    models_dir: Path
    without_ecg: bool = False
    MADE_BY: ClassVar[int] = MADE_BY

    def requests(self) -> list[CaseRequest]:
        """Every short-axis cine, by participant and instance.

        Raises:
            UserError: the folder can't be read or holds no cine.
        """
        found = _visits(self.folder)
        parts = split_patients({f"ukb:{eid}": NO_GROUP for eid, _ in found})
        requests = []
        for (eid, instance), files in found.items():
            ecg = [self._relative(path) for path in files.ecgs[:1]] or ([""] if self.without_ecg else [])
            for number, cine in enumerate(files.cines):
                suffix = "" if number == 0 else f"-again{number}"
                requests.append(
                    CaseRequest(
                        case_id=f"ukb-{eid}-{instance}{suffix}",
                        patient_id=f"ukb:{eid}",
                        kind=Kind.MEASURED_PAIR if files.ecgs or not self.without_ecg else Kind.MEASURED_CINE,
                        part=parts[f"ukb:{eid}"],
                        group=NO_GROUP,
                        what=(self._relative(cine), *ecg),
                    )
                )
        return requests

    def make(self, request: CaseRequest) -> CohortCase:
        """Read, segment and track one visit.

        Raises:
            UserError: naming the zip and what is wrong with it.
        """
        cine = self.folder / str(request.what[0])
        with named(f'"{cine.name}"'):
            if "-again" in request.case_id:
                raise UserError(
                    "There is another cine of the same participant and visit. Keep one of them.",
                    code="duplicate-patient",
                )
            if len(request.what) < 2:
                raise UserError(_no_ecg(cine.name), code="ecg-missing")
            ecg = self.folder / str(request.what[1]) if request.what[1] else None
            return CaseMaker(self.models_dir).make(request, cine, ecg)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def _visits(folder: Path) -> dict[tuple[str, int], _Found]:
    """Files of every participant and instance that has a cine, in order of both; lowest array index first."""
    if not folder.is_dir():
        raise UserError(f'"{folder}" is no folder that can be read. Check the path.', code="missing-path")
    found: dict[tuple[str, int], _Found] = {}
    for path, match in sorted(_named_files(folder.rglob("*")), key=lambda pair: (int(pair[1][4]), pair[0])):
        visit = found.setdefault((match[1], int(match[3])), _Found())
        if int(match[2]) == CINE_FIELD and match[5].lower() == "zip":
            visit.cines.append(path)
        elif int(match[2]) == ECG_FIELD and match[5].lower() == "xml":
            visit.ecgs.append(path)
    found = {key: files for key, files in sorted(found.items()) if files.cines}
    if not found:
        raise UserError(
            f'"{folder}" holds no file like 1234567_20209_2_0.zip: no short-axis cine of UK Biobank.', code="empty"
        )
    return found


def _named_files(paths: Iterable[Path]) -> list[tuple[Path, re.Match[str]]]:
    matched = ((path, _NAME.fullmatch(path.name)) for path in paths)
    return [(path, match) for path, match in matched if match is not None and path.is_file()]


def _no_ecg(cine: str) -> str:
    """What is missing beside a cine."""
    match = _NAME.fullmatch(cine)
    assert match is not None
    wanted = f"{match[1]}_{ECG_FIELD}_{match[3]}_0.xml"
    return f'There is no ECG of the same visit: "{wanted}" is missing (other instances are other visits).'
