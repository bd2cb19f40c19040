"""Plays the beat: a steady clock tells the session how much time passed, the session says which phase is due."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer

from cof_viewer.app.session import Session
from cof_viewer.ui.bridge import bridge_of

INTERVAL_MS = 16


class Player(QObject):
    """A timer of about 60 Hz that runs only while playing. Late ticks drop pictures, they never reorder them."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        """Follow the session's `playing`."""
        super().__init__(parent)
        self._session = session
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)
        bridge_of(session).view_changed.connect(self._view_changed)

    @property
    def running(self) -> bool:
        """Whether the timer runs."""
        return self._timer.isActive()

    def stop(self) -> None:
        """Stop for good, before the window closes."""
        self._timer.stop()

    def _view_changed(self, fields: frozenset[str]) -> None:
        if "playing" not in fields:
            return
        if self._session.view.playing:
            self._last = time.perf_counter()
            self._timer.start()
        else:
            self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        elapsed, self._last = now - self._last, now
        self._session.tick(elapsed)
