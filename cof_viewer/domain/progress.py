"""Progress and cooperative cancel for long work, without threads or Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cof_viewer.domain.errors import Cancelled

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and a few words for the user."""


def no_progress(fraction: float, words: str) -> None:
    """Take progress and do nothing with it."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Map the whole of a step's progress to the span [start, end] of its caller's."""
    return lambda fraction, words: progress(start + fraction * (end - start), words)


class CancelToken:
    """A flag that one thread sets and a worker looks at, at least every 0.2 s."""

    def __init__(self) -> None:
        """Start uncancelled."""
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next look."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if somebody has asked to stop."""
        if self._event.is_set():
            raise Cancelled


NEVER = CancelToken()
"""A token that nobody cancels, the default of long functions."""
