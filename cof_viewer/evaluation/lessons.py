"""What the learned baselines learn from: the store's train cases of one kind, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.cohort.file import read_case
from cof_viewer.cohort.manifest import CaseRow
from cof_viewer.cohort.store import Store
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.alignment import aligned, frame_of
from cof_viewer.evaluation.anchor import ecg_numbers, ecg_of, geometry
from cof_viewer.evaluation.beat import reference_of
from cof_viewer.evaluation.methods.base import Lesson
from cof_viewer.evaluation.parallel import spread

FEWEST = 5
"""Train cases of a kind below which no baseline is fitted to it."""


def train_rows(store: Store, kind: Kind) -> list[CaseRow]:
    """Rows of one kind's train part."""
    return store.choose(kinds=[kind], parts=[Split.TRAIN])


def lessons_of(
    store: Store, kind: Kind, workers: int, progress: Progress = no_progress, cancel: CancelToken = NEVER
) -> list[Lesson]:
    """Every usable train case of a kind, in order of case.

    Raises:
        UserError: the kind has too few of them.
        Cancelled: somebody asked to stop.
    """
    rows = train_rows(store, kind)
    if len(rows) < FEWEST:
        raise UserError(
            f"The store has only {len(rows)} train cases of the kind {kind.value}; learned baselines need {FEWEST}. "
            "Leave them out of --methods, or add train cases.",
            code="store",
        )
    found: dict[str, Lesson | None] = {}
    for name, lesson in spread(_read, [store.path(row) for row in rows], workers, cancel=cancel):
        found[name] = lesson
        progress(len(found) / len(rows), f"Reading train cases: {len(found)} of {len(rows)}")
    kept = [lesson for _, lesson in sorted(found.items()) if lesson is not None]
    if len(kept) < FEWEST:
        raise UserError(f"Only {len(kept)} train cases of the kind {kind.value} are usable. Make the store again.")
    return kept


def lesson_of(case: CohortCase) -> Lesson | None:
    """A train case as the baselines see it; None where its ED labels have no frame."""
    reference = reference_of(case)
    try:
        shape = geometry(case.labels[0], case.slice_mm)
        frame = frame_of(case.labels[0], case.slice_mm)
    except (ValueError, UserError):
        return None
    fall = max(float(reference.lv_ml[0] - reference.lv_ml.min()), 1e-9)
    return Lesson(
        patient_id=case.patient_id,
        labels=case.labels[0],
        geometry=shape,
        ecg=ecg_numbers(ecg_of(case)),
        ef_percent=reference.ef_percent,
        es_fraction=reference.es_fraction,
        curve=(reference.lv_ml[0] - reference.lv_ml) / fall,
        motion=aligned(case.displacement_mm, frame),
    )


def _read(path: Path) -> tuple[str, Lesson | None]:
    return path.name, lesson_of(read_case(path))


def patients_of(rows: Sequence[CaseRow]) -> set[str]:
    """Everybody in these rows."""
    return {row.patient_id for row in rows}
