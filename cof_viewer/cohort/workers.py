"""Processes that do jobs one at a time each: one that dies takes only the job it had with it.

A pool of the standard library is broken as a whole by one killed worker and can't say whose job killed it; here the
parent knows what every worker has in hand.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from cof_viewer.domain.progress import NEVER, CancelToken

Job = TypeVar("Job")
Result = TypeVar("Result")

_LOOK_S = 0.1
_END_S = 0.5
_THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass
class Died:
    """In a result's place: the process that had the job ended without one (killed, or out of memory)."""

    exit_code: int | None


class _Ready:
    """A worker's first word."""


@dataclass
class _Worker(Generic[Job]):
    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    is_ready: bool = False


def work(
    jobs: Iterable[Job], do: Callable[[Job], Result], count: int, cancel: CancelToken = NEVER
) -> Iterator[tuple[Job, Result | Died]]:
    """Do every job in one of `count` processes and give the results as they come.

    All processes are gone when the iterator ends, is closed or raises.

    Args:
        jobs: picklable; taken only when a worker is free.
        do: picklable, sent once to each worker. What it raises is a fault that ends its worker.
        count: processes, at least 1.
        cancel: looked at every 0.1 s.

    Raises:
        Cancelled: the token was set; what is in hand is dropped.
        RuntimeError: a process could not be started.
    """
    left = iter(jobs)
    workers: list[_Worker[Job]] = []
    try:
        is_more = _hand_out(left, workers, do, count)
        while workers:
            cancel.raise_if_cancelled()
            told = wait([worker.pipe for worker in workers], _LOOK_S)
            for worker in [worker for worker in workers if worker.pipe in told]:
                outcome = _hear(worker)
                if isinstance(outcome, Died):
                    workers.remove(worker)
                if worker.job is not None and not isinstance(outcome, _Ready):
                    job, worker.job = worker.job, None
                    yield job, outcome
            is_more = is_more and _hand_out(left, workers, do, count)
            for worker in [worker for worker in workers if worker.job is None and not is_more]:
                workers.remove(worker)
                _end([worker])
    finally:
        _end(workers)


def _hand_out(left: Iterator[Job], workers: list[_Worker[Job]], do: Callable[[Job], Result], count: int) -> bool:
    """Give each free place a job, starting processes where they lack; False when there are no more jobs."""
    while True:
        free = next((worker for worker in workers if worker.job is None), None)
        if free is None and len(workers) >= count:
            return True
        job = next(left, None)
        if job is None:
            return False
        if free is None:
            free = _start(do)
            workers.append(free)
        free.job = job
        with _nobody_there():
            free.pipe.send(job)


@contextmanager
def _nobody_there() -> Iterator[None]:
    """A worker that died with nothing in hand is noticed when its answer is awaited."""
    try:
        yield
    except (BrokenPipeError, ConnectionError):
        pass


def _start(do: Callable[[Job], Result]) -> _Worker[Job]:
    ours, theirs = multiprocessing.Pipe()
    with one_thread_each(), _deaf_to_ctrl_c():
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, do), daemon=True)
        process.start()
    theirs.close()  # so that the worker's end of the pipe ends with it
    return _Worker(process, ours)


def _hear(worker: _Worker[Job]) -> Any:
    """The worker's answer, or that it died."""
    try:
        outcome = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join(_END_S)
        if not worker.is_ready:
            raise RuntimeError(f"a worker did not start (exit code {worker.process.exitcode})") from None
        worker.pipe.close()
        return Died(worker.process.exitcode)
    worker.is_ready = True
    return outcome


def _end(workers: list[_Worker[Job]]) -> None:
    """End processes now, whatever they do."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(_END_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join(_END_S)
        worker.pipe.close()


@contextmanager
def one_thread_each() -> Iterator[None]:
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


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Ctrl-C reaches all of a terminal; a process that starts deaf prints no traceback when it is still importing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(pipe: Connection, do: Callable[[Job], Result]) -> None:
    """Do jobs until the parent ends."""
    leave_ctrl_c_to_parent()
    pipe.send(_Ready())
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(do(job))


def leave_ctrl_c_to_parent() -> None:
    """Leave Ctrl-C to the parent, and end with it if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
