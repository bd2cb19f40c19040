"""The audit of a store: measured, asked, compared, and written as one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cof_viewer.cohort.audits import sections
from cof_viewer.cohort.audits.knowing import knowledge
from cof_viewer.cohort.audits.measures import Measured, measure_store
from cof_viewer.cohort.audits.page import PICTURES, Section, as_html, as_markdown, picture_files
from cof_viewer.cohort.file import write_text_whole
from cof_viewer.cohort.store import Store
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of

PAGE, SUMMARY = "index.html", "summary.md"
_TITLE = "Cohort audit"


def describe(
    store: Store,
    out: Path,
    *,
    workers: int | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
) -> Path:
    """Write `index.html`, self-contained, and `summary.md` with its pictures in `pictures/` about a store.

    What is measured of each case is kept in `out/measures.json` by the checksum of its file, so that the next page
    costs little.

    Args:
        store: of at least one case.
        out: folder, made where it is missing.
        workers: processes that measure; None takes as many as there are processors.
        progress: told fraction and words.
        cancel: looked at between cases and between fits.

    Returns:
        The page.

    Raises:
        UserError: the store is empty, a case is spoiled, or the folder can't be written.
        Cancelled: somebody asked to stop; the page is not written.
    """
    if not store.rows:
        raise UserError(f'The store in "{store.folder}" holds no case: there is nothing to describe. Make cases first.')
    try:
        out.mkdir(parents=True, exist_ok=True)
        cases = measure_store(store, out, workers or os.cpu_count() or 1, part_of(progress, 0.0, 0.6), cancel)
        told = knowledge(cases, part_of(progress, 0.6, 0.9), cancel)
        parts = [
            sections.who(cases),
            sections.population_section(cases),
            sections.motion_section(cases),
            sections.knowing_section(told),
            sections.ecg_section(cases),
            sections.picture_section(store, cases),
            sections.curve_section(cases),
        ]
        words = _words(cases)
        page = as_html(_TITLE, words, parts)
        _write_pictures(out, parts)
        write_text_whole(out / SUMMARY, as_markdown(_TITLE, words, parts))
        write_text_whole(out / PAGE, page)
    except OSError as error:
        raise UserError(f'"{out}" can\'t be written: {error.strerror or error}. Choose another folder.') from error
    progress(1.0, "Page written")
    return out / PAGE


def _write_pictures(out: Path, parts: Sequence[Section]) -> None:
    """Pictures of this page; those of an earlier one go."""
    folder = out / PICTURES
    folder.mkdir(exist_ok=True)
    files = picture_files(parts)
    for name, content in files.items():
        (out / name).write_bytes(content)
    for old in folder.glob("*.webp"):
        if f"{PICTURES}/{old.name}" not in files:
            old.unlink()


def _words(cases: Sequence[Measured]) -> str:
    patients = len({c.row.patient_id for c in cases})
    return (
        f"{len(cases)} cases of {patients} patients. Kinds are never mixed: every table says of which kind it speaks. "
        "Numbers of real cases are counted from labels, those of simulated patients are the truth they were made from."
    )
