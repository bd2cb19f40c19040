"""The session's signals as Qt signals, always delivered on the window's thread.

The session knows no Qt and emits progress and results on worker threads. Widgets connect to the bridge instead:
emissions on the window's own thread arrive at once (a dragged cursor answers in the same frame), those of workers
are queued.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Qt, QThread, Signal

from cof_viewer.app.session import Session


class SessionBridge(QObject):
    """Twins of the session's signals, see `Session`; `view_changed` carries the set of changed field names."""

    case_changed = Signal()
    result_changed = Signal()
    view_changed = Signal(object)
    busy_changed = Signal()
    progress_changed = Signal(float, str)
    message = Signal(str, str)
    library_changed = Signal()
    settings_changed = Signal()

    _from_worker = Signal(str, object)

    def __init__(self, session: Session) -> None:
        """Listen to a session; keep the bridge as long as the session is listened to."""
        super().__init__()
        self._from_worker.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        session.case_changed.connect(self._case, check_nargs=False)
        session.result_changed.connect(self._result, check_nargs=False)
        session.view_changed.connect(self._view, check_nargs=False)
        session.busy_changed.connect(self._busy, check_nargs=False)
        session.progress_changed.connect(self._progress, check_nargs=False)
        session.message.connect(self._message, check_nargs=False)
        session.library_changed.connect(self._library, check_nargs=False)
        session.settings_changed.connect(self._settings, check_nargs=False)

    def _case(self) -> None:
        self._relay("case_changed")

    def _result(self) -> None:
        self._relay("result_changed")

    def _view(self, fields: frozenset[str]) -> None:
        self._relay("view_changed", fields)

    def _busy(self) -> None:
        self._relay("busy_changed")

    def _progress(self, fraction: float, words: str) -> None:
        self._relay("progress_changed", fraction, words)

    def _message(self, text: str, severity: object) -> None:
        self._relay("message", text, str(severity))

    def _library(self) -> None:
        self._relay("library_changed")

    def _settings(self) -> None:
        self._relay("settings_changed")

    def _relay(self, name: str, *values: Any) -> None:
        if QThread.currentThread() is self.thread():
            self._deliver(name, values)
        else:
            self._from_worker.emit(name, values)

    def _deliver(self, name: str, values: tuple[Any, ...]) -> None:
        getattr(self, name).emit(*values)


_BRIDGES: WeakKeyDictionary[Session, SessionBridge] = WeakKeyDictionary()


def bridge_of(session: Session) -> SessionBridge:
    """The one bridge of a session; made on the first call, which must come from the window's thread."""
    bridge = _BRIDGES.get(session)
    if bridge is None:
        bridge = SessionBridge(session)
        _BRIDGES[session] = bridge
    return bridge
