"""Real patients in the plain layout: one folder a case, with a cine, an ECG, and labels and facts if there are any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.cohort.readers.facts import Facts, read_facts
from cof_viewer.cohort.readers.making import CaseMaker, case_name, named
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.cohort.tracked import MADE_BY
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import split_patients

_SIGNAL_SUFFIXES = (".dat", ".mat")
_STACK_NAMES = ("{}.nii.gz", "{}.nii", "{}.zip", "{}.dcm", "{}")


@dataclass(frozen=True)
class CaseFolders:
    """A folder that holds one folder per case. A `CaseSource`.

    A case folder holds `cine` (NIfTI, or a DICOM folder, zip or file of that name), `ecg.*` in any format that the
    program reads, and if wanted `labels*.nii.gz` and `case.json` or `case.csv` (patient, visit, group, sex, age).

    Attributes:
        folder: holds the case folders.
        models_dir: weights of the segmenter and the registration teacher.
        without_ecg: whether cases without an ECG are made, as `measured-cine`; they are refused otherwise.
    """

    folder: Path
    models_dir: Path
    without_ecg: bool = False
    MADE_BY: ClassVar[int] = MADE_BY

    def requests(self) -> list[CaseRequest]:
        """Every case folder, by name; those that can't be used say so when they are made.

        Raises:
            UserError: the folder can't be listed or holds no folders.
        """
        folders = _case_folders(self.folder)
        facts = {folder.name: _facts_or_name(folder) for folder in folders}
        groups: dict[str, str] = {}
        for known in facts.values():
            groups.setdefault(_patient_id(known), known.group)
        parts = split_patients(groups)
        first_of: dict[tuple[str, str], str] = {}
        requests = []
        for folder in folders:
            known = facts[folder.name]
            patient = _patient_id(known)
            first = first_of.setdefault((patient, known.visit), folder.name)
            alone = self.without_ecg and not any(_ecg_files(folder))
            requests.append(
                CaseRequest(
                    case_id=case_name("own", folder.name),
                    patient_id=patient,
                    kind=Kind.MEASURED_CINE if alone else Kind.MEASURED_PAIR,
                    part=parts[patient],
                    group=groups[patient],
                    what=(folder.name, "" if first == folder.name else first),
                )
            )
        return requests

    def make(self, request: CaseRequest) -> CohortCase:
        """Read, segment and track one case.

        Raises:
            UserError: naming the folder and what is wrong with it.
        """
        name, first = str(request.what[0]), str(request.what[1])
        folder = self.folder / name
        with named(f'Case "{name}"'):
            if first:
                raise UserError(
                    f'The patient is that of "{first}" again. Give the two visits different "visit" in their case '
                    "files, or remove one.",
                    code="duplicate-patient",
                )
            facts = read_facts(folder)
            cine, ecg = _cine_of(folder), self._ecg_of(folder)
            return CaseMaker(self.models_dir).make(request, cine, ecg, labels_folder=folder, facts=facts)

    def _ecg_of(self, folder: Path) -> Path | None:
        """The one ECG of a case folder; None where it may go without."""
        files = list(_ecg_files(folder))
        if len(files) > 1:
            listed = ", ".join(file.name for file in files)
            raise UserError(f"It holds several ECGs ({listed}). Keep the one of the cine's visit.", code="ecg-several")
        if not files and not self.without_ecg:
            raise UserError(
                'It has a cine but no ECG. Put the ECG of the same visit there as "ecg".', code="ecg-missing"
            )
        return files[0] if files else None


def _case_folders(folder: Path) -> list[Path]:
    try:
        found = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise UserError(f'"{folder}" can\'t be read. Check the path.', code="missing-path") from error
    if not found:
        raise UserError(f'"{folder}" holds no folders. It should hold one folder a case.', code="empty")
    return found


def _facts_or_name(folder: Path) -> Facts:
    """Facts for the list of cases; a damaged case file is named when the case is made."""
    try:
        return read_facts(folder)
    except UserError:
        return Facts(folder.name)


def _patient_id(facts: Facts) -> str:
    return f"own:{facts.patient}"


def _cine_of(folder: Path) -> Path:
    """The cine of a case folder.

    Raises:
        UserError: there is none, or only an anchor.
    """
    for word in ("cine", "anchor"):
        found = next((p for p in (folder / form.format(word) for form in _STACK_NAMES) if p.exists()), None)
        if found is not None and word == "cine":
            return found
        if found is not None:
            raise UserError(
                f'It has only an anchor ("{found.name}"): there is no motion to learn from. Add the whole cine as '
                '"cine.nii.gz", or as a DICOM folder or zip called "cine".',
                code="only-anchor",
            )
    raise UserError('It has no cine. Add "cine.nii.gz", or a DICOM folder or zip called "cine".', code="no-cine")


def _ecg_files(folder: Path) -> Iterator[Path]:
    """ECG records of a case folder; the signal file of a WFDB record is no record of its own."""
    for path in sorted(folder.glob("ecg*")):
        is_signal = path.suffix.lower() in _SIGNAL_SUFFIXES and path.with_suffix(".hea").is_file()
        if path.is_file() and path.name.split(".")[0].lower() == "ecg" and not is_signal:
            yield path
