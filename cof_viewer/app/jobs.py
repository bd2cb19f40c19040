"""Long work off the main thread: progress, cooperative cancel, an orderly end.

A job is a plain function `work(progress, cancel) -> result`. Jobs of one lane run one after another, lanes run
beside each other, so reading a file never waits for the engine. Signals are emitted on the worker's thread; the
window brings them to its own.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import partial
from typing import Generic, TypeVar

from psygnal import Signal

from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.progress import CancelToken, Progress

T = TypeVar("T")
Work = Callable[[Progress, CancelToken], T]

ENGINE_LANE = "engine"
"""Segmenting, measuring, generating: one at a time, they use every core."""
FILES_LANE = "files"
"""Reading studies and ECGs."""
EXPORT_LANE = "export"
"""Writing results: nothing waits for it."""

_PROGRESS_EVERY_S = 0.03  # faster than that no eye sees, and a window's queue would fill


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Generic[T]):
    """One piece of long work.

    Attributes:
        serial: rises with every job; tells a stale result from the newest.
        name: a few words for the user.
        lane: jobs of one lane run one after another.
        kind: what sort of work it is, for whoever asked for it.
        state: where it stands.
        fraction: progress, 0 to 1.
        words: what it is doing now.
        result: what it gave back, once done.
        error: why it failed, once failed.
    """

    progressed = Signal(float, str)
    finished = Signal(object)
    failed = Signal(Exception)
    cancelled = Signal()

    def __init__(self, serial: int, name: str, lane: str, kind: str = "") -> None:
        """Make a job that waits to be run."""
        self.kind = kind
        self.serial = serial
        self.name = name
        self.lane = lane
        self.state = JobState.QUEUED
        self.fraction = 0.0
        self.words = name
        self.result: T | None = None
        self.error: Exception | None = None
        self._token = CancelToken()
        self._ended = threading.Event()
        self._last_emitted = 0.0

    @property
    def has_ended(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self._ended.is_set()

    def cancel(self) -> None:
        """Ask the work to stop; it does so at its next look."""
        self._token.cancel()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended and its signals were delivered; False when the time ran out."""
        return self._ended.wait(timeout_s)

    def run(self, work: Work[T]) -> None:
        """Do the work on the calling thread and tell how it ended."""
        try:
            self._token.raise_if_cancelled()
            self.state = JobState.RUNNING
            result = work(self._progress, self._token)
            self._token.raise_if_cancelled()
        except Cancelled:
            self.end_as_cancelled()
        except Exception as error:
            self.error, self.state = error, JobState.FAILED
            self._end(partial(self.failed.emit, error))
        else:
            self.result, self.state, self.fraction = result, JobState.DONE, 1.0
            self._end(partial(self.finished.emit, result))

    def end_as_cancelled(self) -> None:
        """Mark as cancelled and tell so; also for jobs that never ran."""
        self.state = JobState.CANCELLED
        self._end(self.cancelled.emit)

    def _end(self, emit: Callable[[], object]) -> None:
        try:
            emit()
        finally:
            self._ended.set()

    def _progress(self, fraction: float, words: str) -> None:
        self.fraction = min(max(fraction, 0.0), 1.0)
        now = time.monotonic()
        if words == self.words and self.fraction < 1.0 and now - self._last_emitted < _PROGRESS_EVERY_S:
            return
        self.words, self._last_emitted = words, now
        self.progressed.emit(self.fraction, words)


_runners: weakref.WeakSet[JobRunner] = weakref.WeakSet()


def stop_everything(longest_s: float) -> bool:
    """Cancel the jobs of every runner until none is left, for a program that is told to end; any thread may call.

    Returns:
        Whether all have ended in time.
    """
    deadline = time.monotonic() + longest_s
    while jobs := [job for runner in list(_runners) for job in runner.active]:
        for job in jobs:
            job.cancel()
        if time.monotonic() > deadline:
            return False
        jobs[0].wait(0.02)
    return True


class JobRunner:
    """Runs jobs on worker threads, one thread a lane.

    Signals:
        changed: a job was taken, or one has ended.
    """

    changed = Signal()

    def __init__(self) -> None:
        """Start without threads; a lane's thread starts with its first job."""
        self._serials = itertools.count(1)
        self._executors: dict[str, ThreadPoolExecutor] = {}
        self._active: list[Job[object]] = []
        self._lock = threading.Lock()
        self._closed = False
        _runners.add(self)

    @property
    def active(self) -> tuple[Job[object], ...]:
        """Jobs that wait or run, oldest first."""
        with self._lock:
            return tuple(self._active)

    def submit(
        self,
        name: str,
        work: Work[T],
        *,
        lane: str = ENGINE_LANE,
        kind: str = "",
        on_progress: Callable[[float, str], object] | None = None,
        on_finished: Callable[[T], object] | None = None,
        on_failed: Callable[[Exception], object] | None = None,
        on_cancelled: Callable[[], object] | None = None,
    ) -> Job[T]:
        """Queue work; the callbacks are connected before it can start, and run on the worker's thread.

        Raises:
            RuntimeError: after `shutdown`.
        """
        job: Job[T] = Job(next(self._serials), name, lane, kind)
        for signal, slot in (
            (job.progressed, on_progress),
            (job.finished, on_finished),
            (job.failed, on_failed),
            (job.cancelled, on_cancelled),
        ):
            if slot is not None:
                signal.connect(slot, check_nargs=False)
        with self._lock:
            if self._closed:
                raise RuntimeError("the job runner was shut down")
            executor = self._executors.get(lane)
            if executor is None:
                executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"cof-{lane}")
                self._executors[lane] = executor
            self._active.append(job)  # type: ignore[arg-type]
            executor.submit(self._run, job, work)
        self.changed.emit()
        return job

    def cancel_all(self, lane: str | None = None) -> None:
        """Ask every job (of one lane) to stop."""
        for job in self.active:
            if lane is None or job.lane == lane:
                job.cancel()

    def wait_idle(self, timeout_s: float = 60.0) -> bool:
        """Wait until no job is left, those that finished jobs start included; False when the time ran out."""
        deadline = time.monotonic() + timeout_s
        while jobs := self.active:
            left = deadline - time.monotonic()
            if left <= 0 or not jobs[0].wait(left):
                return False
            time.sleep(0.001)  # the runner takes an ended job off its list just after
        return True

    def shutdown(self) -> None:
        """Cancel everything, wait for the threads to end; nothing can be submitted afterwards."""
        with self._lock:
            self._closed = True
            executors = list(self._executors.values())
        self.cancel_all()
        for executor in executors:
            executor.shutdown(wait=True, cancel_futures=True)
        for job in self.active:  # those that never ran
            job.end_as_cancelled()
            self._forget(job)

    def _run(self, job: Job[T], work: Work[T]) -> None:
        try:
            job.run(work)
        finally:
            self._forget(job)

    def _forget(self, job: Job[T]) -> None:
        with self._lock:
            self._active = [other for other in self._active if other is not job]
        self.changed.emit()
