"""Make a store from sources of cases: in parallel, resumable, every failure named and the rest built.

Workers write case files; the parent alone writes the table, so that only finished cases ever stand in it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cof_viewer.cohort.check import broken
from cof_viewer.cohort.file import PARTIAL, sha256_of
from cof_viewer.cohort.lock import only_build
from cof_viewer.cohort.manifest import MANIFEST, CaseRow, read_rows, row_of, write_rows, write_table
from cof_viewer.cohort.source import CaseRequest, CaseSource
from cof_viewer.cohort.store import CASES, write_case
from cof_viewer.cohort.workers import Died, work
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

REFUSED = "refused.csv"
_TABLE_EVERY_S = 5.0
"""A kill loses no more than the cases of this time."""

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_MODELS_OF_CASES = ("localiser", "pose", "segmenter", "registration")
"""Weights whose change changes a real case."""

LogFault = Callable[[BaseException], Path | None]
"""Keeps a fault of the program somewhere and says where; module-level, since workers call it."""


@dataclass
class BuildReport:
    """What a build did: ids made now, ids that stood already, and (id, sentence) of what could not be made."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Job:
    source: int
    request: CaseRequest
    made_from: str


@dataclass(frozen=True)
class _CantWrite:
    """The store's disk took no more: nothing goes on."""

    error_number: int | None
    words: str


def print_fault(error: BaseException) -> None:
    """Write a fault's traceback to stderr."""
    traceback.print_exception(error)


def build(
    sources: Sequence[CaseSource],
    out: Path,
    *,
    workers: int = 1,
    limit: int | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
    log_fault: LogFault = print_fault,
) -> BuildReport:
    """Make every case of the sources that does not stand in the store yet.

    A case that can't be made, that the program fails at, or whose process dies is refused by name; the others are
    made.

    Args:
        sources: in the order in which their cases are made; of two cases of one id the first is taken.
        out: the store's folder, made where it is missing.
        workers: processes that make cases.
        limit: at most so many cases of each source; None takes all.
        progress: told fraction and words.
        cancel: looked at every 0.1 s.
        log_fault: told every unexpected error, in the process where it happened.

    Raises:
        UserError: a source can't be read at all, another build is making the store, or the disk is full or can't be
            written.
        Cancelled: the token was set; what was finished stays and the next build goes on from it.
    """
    report = BuildReport()
    try:
        (out / CASES).mkdir(parents=True, exist_ok=True)
        with only_build(out), _swept(out):
            rows = {row.case_id: row for row in read_rows(out)} if (out / MANIFEST).exists() else {}
            jobs = _to_do(_admitted(sources, limit, rows, report), rows, out, report, progress, cancel)
            make = partial(_make, tuple(sources), out, log_fault)
            _fill(jobs, make, rows, out, workers, report, progress, cancel)
    except OSError as error:
        raise _cant_write(out, error.errno, error.strerror or str(error)) from error
    return report


def _cant_write(out: Path, error_number: int | None, words: str) -> UserError:
    if error_number in _FULL:
        return UserError(f'The disk of "{out}" is full. Free space and make the store again: it goes on.', code="disk")
    return UserError(f'"{out}" can\'t be written ({words}). Choose another folder.', code="out")


@contextmanager
def _swept(out: Path) -> Iterator[None]:
    """Nothing half-written before, and nothing after."""
    _sweep(out)
    try:
        yield
    finally:
        _sweep(out)


def _sweep(out: Path) -> None:
    """Take away what a build that was stopped left half-written."""
    for left in [*out.glob(f"*{PARTIAL}"), *(out / CASES).glob(f"*{PARTIAL}")]:
        left.unlink(missing_ok=True)


def _admitted(
    sources: Sequence[CaseSource], limit: int | None, rows: dict[str, CaseRow], report: BuildReport
) -> list[_Job]:
    """Requests without a second case of the same id or a patient in two parts."""
    asked = [(number, request) for number, source in enumerate(sources) for request in source.requests()[:limit]]
    again = {request.case_id for _, request in asked}
    part_of = {row.patient_id: row.part for row in rows.values() if row.case_id not in again}
    settings = [_settings(source) for source in sources]
    seen: set[str] = set()
    jobs = []
    for number, request in asked:
        if request.case_id in seen:
            reason = f'The case "{request.case_id}" comes twice; the second was left out. Rename one.'
        elif part_of.setdefault(request.patient_id, request.part) != request.part:
            reason = f'The patient of "{request.case_id}" is already in another part of the split. Make a new store.'
        else:
            seen.add(request.case_id)
            jobs.append(_Job(number, request, _digest(settings[number], request)))
            continue
        report.refused.append((request.case_id, reason))
    return jobs


def _settings(source: CaseSource) -> tuple[object, ...]:
    """What besides the request decides on a case: kind of source, its seed, the models' checksums, how it is made."""
    models = getattr(source, "models_dir", None)
    checksums = _checksums(models) if models is not None else ()
    return (type(source).__name__, getattr(source, "seed", 0), checksums, getattr(source, "MADE_BY", 0))


def _checksums(models_dir: Path) -> tuple[str, ...]:
    try:
        weights = json.loads((models_dir / "manifest.json").read_text(encoding="utf-8"))["weights"]
        return tuple(weights.get(name, {}).get("sha256", "") for name in _MODELS_OF_CASES)
    except (OSError, ValueError, KeyError):
        return ()  # the source itself says what is wrong with its models


def _digest(settings: tuple[object, ...], request: CaseRequest) -> str:
    return hashlib.sha256(repr((settings, request)).encode()).hexdigest()[:16]


def _to_do(
    jobs: list[_Job],
    rows: dict[str, CaseRow],
    out: Path,
    report: BuildReport,
    progress: Progress,
    cancel: CancelToken,
) -> list[_Job]:
    """Jobs whose case does not stand; rows of those that must be made again go."""
    left = []
    for i, job in enumerate(jobs):
        cancel.raise_if_cancelled()
        progress(0.0, f"Looking at case {i + 1} of {len(jobs)}")
        case_id = job.request.case_id
        if _stands(rows.get(case_id), job, out):
            report.kept.append(case_id)
        else:
            rows.pop(case_id, None)
            left.append(job)
    return left


def _stands(row: CaseRow | None, job: _Job, out: Path) -> bool:
    if row is None or row.made_from != job.made_from:
        return False
    path = out / row.file
    return path.is_file() and path.stat().st_size == row.bytes and sha256_of(path) == row.sha256


def _fill(
    jobs: list[_Job],
    make: Callable[[_Job], CaseRow | str | _CantWrite],
    rows: dict[str, CaseRow],
    out: Path,
    workers: int,
    report: BuildReport,
    progress: Progress,
    cancel: CancelToken,
) -> None:
    """Do the jobs; the table is written every few cases and at the end, however it ends."""
    write_rows(rows.values(), out)
    written = time.monotonic()
    try:
        for done, (job, result) in enumerate(work(jobs, make, workers, cancel), 1):
            case_id = job.request.case_id
            if isinstance(result, _CantWrite):
                raise _cant_write(out, result.error_number, result.words)
            if isinstance(result, CaseRow):
                rows[case_id] = result
                report.made.append(case_id)
            else:
                report.refused.append((case_id, result if isinstance(result, str) else _died(case_id, result)))
            if time.monotonic() - written > _TABLE_EVERY_S:
                write_rows(rows.values(), out)
                written = time.monotonic()
            progress(done / len(jobs), f"Case {done} of {len(jobs)}")
    finally:
        write_rows(rows.values(), out)
        write_table(out / REFUSED, ("case_id", "reason"), report.refused)


def _died(case_id: str, end: Died) -> str:
    return (
        f'The process that made "{case_id}" was ended from outside (code {end.exit_code}); memory may have run out. '
        "Make the store again with fewer workers."
    )


def _make(sources: Sequence[CaseSource], out: Path, log_fault: LogFault, job: _Job) -> CaseRow | str | _CantWrite:
    """Make, check and write one case: its row, or the sentence that says why not."""
    case_id = job.request.case_id
    try:
        case = sources[job.source].make(job.request)
        wrong = broken(case)
    except UserError as error:
        return error.sentence
    except MemoryError:
        return f'There was not enough memory to make "{case_id}". Make the store again with fewer workers.'
    except Exception as error:  # a fault of ours in one case is no reason to lose the others
        log = log_fault(error)
        where = f' Its details are in "{log}".' if log else ""
        return f'The program stopped at a fault of its own ({type(error).__name__}) in "{case_id}".{where}'
    if wrong:
        return f'The case "{case_id}" is not usable: {wrong[0]}'
    try:
        return row_of(case, write_case(case, out / CASES), out, job.made_from)
    except OSError as error:
        return _CantWrite(error.errno, error.strerror or str(error))
