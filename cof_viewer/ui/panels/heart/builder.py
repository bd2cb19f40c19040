"""Builds the heart's surfaces on a worker thread and hands them to the window one phase at a time.

The newest wish wins: asking for another beat cancels the one that is being built, and what still arrives from it is
dropped by its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from PySide6.QtCore import QObject, Qt, Signal

from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.progress import CancelToken
from cof_viewer.ui.render.heart_surfaces import HeartFrame

Source = Callable[[CancelToken], Iterator[tuple[int, HeartFrame]]]


class SurfaceBuilder(QObject):
    """One worker for surfaces.

    Attributes:
        built: phase and surfaces, delivered on the thread of this object.
        failed: why nothing more comes.
    """

    built = Signal(int, object)
    failed = Signal(object)
    _arrived = Signal(int, int, object)
    _broke = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Start without a thread; the first wish makes it."""
        super().__init__(parent)
        self._pool: ThreadPoolExecutor | None = None
        self._cancel = CancelToken()
        self._number = 0
        self._arrived.connect(self._pass_on, Qt.ConnectionType.QueuedConnection)
        self._broke.connect(self._pass_failure, Qt.ConnectionType.QueuedConnection)

    def build(self, source: Source) -> None:
        """Build another beat; the one that is being built is dropped."""
        self.drop()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="heart")
        number, cancel = self._number, self._cancel
        self._pool.submit(self._run, number, source, cancel)

    def drop(self) -> None:
        """Stop what is being built; nothing of it arrives any more."""
        self._cancel.cancel()
        self._cancel = CancelToken()
        self._number += 1

    def close(self) -> None:
        """Stop, and wait for the thread to end."""
        self.drop()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _run(self, number: int, source: Source, cancel: CancelToken) -> None:
        """On the worker."""
        try:
            for phase, frame in source(cancel):
                cancel.raise_if_cancelled()
                self._arrived.emit(number, phase, frame)
        except Cancelled:
            return
        except Exception as error:
            self._broke.emit(number, error)

    def _pass_on(self, number: int, phase: int, frame: HeartFrame) -> None:
        if number == self._number:
            self.built.emit(phase, frame)

    def _pass_failure(self, number: int, error: BaseException) -> None:
        if number == self._number:
            self.failed.emit(error)
