"""Make a store from sources of cases: in parallel, resumable, every failure named and the rest built.

Workers write case files; the parent alone writes the table, so that only finished cases ever stand in it.
"""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from cof_viewer.cohort.check import broken
from cof_viewer.cohort.file import PARTIAL, sha256_of
from cof_viewer.cohort.manifest import MANIFEST, CaseRow, read_rows, row_of, write_rows, write_table
from cof_viewer.cohort.source import CaseRequest, CaseSource
from cof_viewer.cohort.store import CASES, write_case
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

REFUSED = "refused.csv"
_ROWS_A_WRITE = 8
_LOOK_S = 0.1
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_Job = tuple[CaseSource, CaseRequest]


@dataclass
class BuildReport:
    """What a build did: ids made now, ids that stood already, and (id, sentence) of what could not be made."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def build(
    sources: Sequence[CaseSource],
    out: Path,
    *,
    workers: int = 1,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
) -> BuildReport:
    """Make every case of the sources that does not stand in the store yet.

    Raises:
        UserError: a source can't be read at all, or the disk is full.
        Cancelled: the token was set; what was finished stays and the next build goes on from it.
    """
    try:
        return _build(sources, out, workers, progress, cancel)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise UserError(f"The disk of \"{out}\" is full. Free space and make the store again.", code="disk") from error


def _build(
    sources: Sequence[CaseSource], out: Path, workers: int, progress: Progress, cancel: CancelToken
) -> BuildReport:
    (out / CASES).mkdir(parents=True, exist_ok=True)
    for left in [*out.glob(f"*{PARTIAL}"), *(out / CASES).glob(f"*{PARTIAL}")]:
        left.unlink(missing_ok=True)
    rows = {row.case_id: row for row in read_rows(out)} if (out / MANIFEST).exists() else {}
    report = BuildReport()
    jobs = []
    for job in _admitted(sources, rows, report):
        cancel.raise_if_cancelled()
        if _stands(rows.get(job[1].case_id), job[1], out):
            report.kept.append(job[1].case_id)
        else:
            rows.pop(job[1].case_id, None)
            jobs.append(job)
    write_rows(rows.values(), out)
    try:
        for done, (request, result) in enumerate(_results(jobs, out, workers, cancel), 1):
            if isinstance(result, str):
                report.refused.append((request.case_id, result))
            else:
                rows[request.case_id] = result
                report.made.append(request.case_id)
            if done % _ROWS_A_WRITE == 0:
                write_rows(rows.values(), out)
            progress(done / len(jobs), f"Case {done} of {len(jobs)}")
    finally:
        write_rows(rows.values(), out)
        write_table(out / REFUSED, ("case_id", "reason"), report.refused)
    return report


def _admitted(sources: Sequence[CaseSource], rows: dict[str, CaseRow], report: BuildReport) -> list[_Job]:
    """Requests without a duplicate case, a patient of two sources, or a patient in two parts."""
    asked = [(number, source, request) for number, source in enumerate(sources) for request in source.requests()]
    again = {request.case_id for _, _, request in asked}
    part_of = {row.patient_id: row.part for row in rows.values() if row.case_id not in again}
    source_of: dict[tuple[str, str], int] = {}
    seen: set[str] = set()
    jobs = []
    for number, source, request in asked:
        patient = (request.patient_id, request.kind.value)
        if request.case_id in seen:
            reason = f'The case "{request.case_id}" comes twice; the second was left out. Rename one.'
        elif source_of.setdefault(patient, number) != number:
            reason = f'The patient of "{request.case_id}" is in two sources; the second was left out. Rename one.'
        elif part_of.setdefault(request.patient_id, request.part) != request.part:
            reason = f'The patient of "{request.case_id}" is already in another part of the split. Make a new store.'
        else:
            seen.add(request.case_id)
            jobs.append((source, request))
            continue
        report.refused.append((request.case_id, reason))
    return jobs


def _stands(row: CaseRow | None, request: CaseRequest, out: Path) -> bool:
    if row is None or row.made_from != _made_from(request):
        return False
    path = out / row.file
    return path.is_file() and sha256_of(path) == row.sha256


def _made_from(request: CaseRequest) -> str:
    return hashlib.sha256(repr(request).encode()).hexdigest()[:16]


def _results(
    jobs: list[_Job], out: Path, workers: int, cancel: CancelToken
) -> Iterator[tuple[CaseRequest, CaseRow | str]]:
    """Results as they come; no more than two jobs a worker wait, so that a stop is quick."""
    if not jobs:
        return
    before = set(multiprocessing.active_children())
    with _one_thread_each():
        pool = ProcessPoolExecutor(max(1, workers), multiprocessing.get_context("spawn"), initializer=_begin_worker)
        left = iter(jobs)
        waiting: dict[Future[CaseRow | str], CaseRequest] = {}
        try:
            while True:
                while len(waiting) < 2 * max(1, workers) and (job := next(left, None)) is not None:
                    waiting[pool.submit(_make, *job, out)] = job[1]
                if not waiting:
                    return
                for future in wait(waiting, _LOOK_S, FIRST_COMPLETED).done:
                    yield waiting.pop(future), future.result()
                cancel.raise_if_cancelled()
        finally:
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers inherit an environment in which BLAS and torch take one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it if it is killed."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _make(source: CaseSource, request: CaseRequest, out: Path) -> CaseRow | str:
    """Make, check and write one case: its row, or the sentence that says why not."""
    try:
        case = source.make(request)
        wrong = broken(case)
        if wrong:
            return f'The case "{request.case_id}" is not usable: {wrong[0]}'
        return row_of(case, write_case(case, out / CASES), out, _made_from(request))
    except UserError as error:
        return error.sentence
