"""From a visit's files to a case: opened, oriented by the engine, tracked, its ECG put beside the beat."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cof_viewer.cohort.case import CohortCase, Origin
from cof_viewer.cohort.readers.facts import Facts
from cof_viewer.cohort.readers.visit import Visit, open_visit
from cof_viewer.cohort.real.sources import engine_of
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.cohort.tracked import CaseEcg, Known, case_from_cine
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import UserError


@contextmanager
def named(case: str) -> Iterator[None]:
    """Begin whatever sentence is raised inside with the case's name."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{case}: {error.sentence}", code=error.code) from error


def case_name(source: str, name: str) -> str:
    """A case id of letters, digits, "-" and "_" from a source and a folder's name.

    Where the name has other signs, a few digits of its hash keep two such names apart.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")
    if plain != name:
        plain = f"{plain}-{hashlib.sha256(name.encode('utf-8')).hexdigest()[:6]}".lstrip("-")
    return f"{source}-{plain}"


@dataclass(frozen=True)
class CaseMaker:
    """Makes cases of visits with the models of a folder."""

    models_dir: Path

    def make(
        self,
        request: CaseRequest,
        cine_path: Path,
        ecg_path: Path | None,
        *,
        labels_folder: Path | None = None,
        facts: Facts | None = None,
    ) -> CohortCase:
        """Open a visit, orient and track its cine, and put its ECG beside it.

        Raises:
            UserError: what is wrong with the visit, in one sentence without the case's name.
        """
        visit = open_visit(cine_path, ecg_path, labels_folder, facts)
        engine = engine_of(self.models_dir)
        visit = visit.turned_like(engine.orient(visit.study))
        return case_from_cine(engine, visit.cine, request, _known(visit, facts))


def _known(visit: Visit, facts: Facts | None) -> Known:
    """What is known of a visit beside its pictures; what the case file leaves open the files' own headers say.

    Times stay the cine's own where it recorded them; the RR of the ECG is kept beside them, to be compared at equal
    fraction of RR (COF section 1).
    """
    said = facts or Facts("")
    patient, ecg, beat = visit.study.patient, visit.ecg, visit.beat
    age = next((a for a in (said.age_years, patient.age_years, ecg.age_years if ecg else None) if _is_known(a)), None)
    sex = said.sex or patient.sex or (ecg.sex if ecg else None) or ""
    numbers: dict[str, float] = {}
    if visit.cine.rr_ms:
        numbers["cine_rr_ms"] = float(visit.cine.rr_ms)
    if beat is not None:
        numbers["ecg_rr_ms"] = beat.rr_ms
    return Known(
        labels=visit.labels,
        ed_phase=said.ed_phase,
        es_phase=said.es_phase,
        ecg=_case_ecg(ecg, beat) if ecg is not None and beat is not None else None,
        numbers=numbers,
        age_years=math.nan if age is None else age,
        sex=sex,
        pose=visit.study.pose,
    )


def _case_ecg(ecg: Ecg, beat: Beat) -> CaseEcg:
    """The patient's own record; ES is expected where the time law puts it."""
    from cof_viewer.engine.motion.time_law import expected_marks

    es_ms = expected_marks(beat.intervals, beat.rr_ms).es_ms
    return CaseEcg(ecg.signal_mv, ecg.name, (), Origin.MEASURED, beat.rr_ms, es_ms)


def _is_known(age: float | None) -> bool:
    return age is not None and math.isfinite(age)
