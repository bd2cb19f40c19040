"""Work spread over processes of one thread each, cancelled quickly, ended with their parent."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, TypeVar

from cof_viewer.cohort.workers import leave_ctrl_c_to_parent, one_thread_each
from cof_viewer.domain.progress import NEVER, CancelToken

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOK_S = 0.15


def spread(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    *,
    begin: Callable[..., None] | None = None,
    given: tuple[Any, ...] = (),
    cancel: CancelToken = NEVER,
) -> Iterator[Result]:
    """Results of `work` on every item, as they come.

    Args:
        work: a function of a module; picklable, like items and results.
        items: what to do.
        workers: processes; with one the work is done here.
        begin: called once in every worker, with `given`, before anything else.
        given: see `begin`.
        cancel: looked at every 0.15 s; with one worker, between items.

    Raises:
        Cancelled: the token was set; workers are ended at once.
    """
    if workers <= 1:
        if begin is not None:
            begin(*given)
        for item in items:
            cancel.raise_if_cancelled()
            yield work(item)
        return
    yield from _spread(work, iter(items), workers, begin, given, cancel)


def _spread(
    work: Callable[[Item], Result],
    left: Iterator[Item],
    workers: int,
    begin: Callable[..., None] | None,
    given: tuple[Any, ...],
    cancel: CancelToken,
) -> Iterator[Result]:
    before = set(multiprocessing.active_children())
    with one_thread_each():
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(begin, given))
        waiting: set[Future[Result]] = set()
        try:
            while True:
                while len(waiting) < 2 * workers and (item := next(left, None)) is not None:
                    waiting.add(pool.submit(work, item))
                if not waiting:
                    return
                done, waiting = wait(waiting, _LOOK_S, FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                cancel.raise_if_cancelled()
        finally:
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


def _begin_worker(begin: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """Leave Ctrl-C to the parent, end with it if it is killed, and make ready."""
    leave_ctrl_c_to_parent()
    if begin is not None:
        begin(*given)
