"""How whoever starts a training follows and stops it, without every trainer's signature carrying it.

`watched` holds for the block's thread of work; a loop asks `stop_is_asked` before each step, saves its checkpoint and
raises `Cancelled` when it is, and says how far it is by `report`. Outside such a block both do nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

_watcher: ContextVar[tuple[Progress, CancelToken]] = ContextVar("watcher", default=(no_progress, NEVER))


@contextlib.contextmanager
def watched(progress: Progress, cancel: CancelToken) -> Iterator[None]:
    """Let trainings within the block report to `progress` and stop, checkpoint left, once `cancel` is set."""
    before = _watcher.set((progress, cancel))
    try:
        yield
    finally:
        _watcher.reset(before)


def report(fraction: float, words: str) -> None:
    """Say how far the training is (0 to 1), in a few words."""
    _watcher.get()[0](fraction, words)


def stop_is_asked() -> bool:
    """Whether the training should save its checkpoint and raise `Cancelled`."""
    return _watcher.get()[1].is_cancelled
