"""The session's signals as Qt signals, always delivered on the window's thread.

The session knows no Qt and emits progress and the ends of long work on worker threads. Widgets connect to the
bridge instead: emissions on the window's own thread arrive at once (a dragged cursor answers in the same frame),
those of workers are queued. The bridge also brings the session's changes of state to the window's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Qt, Signal, Slot

from cof_viewer.app.session import Session

_PLAIN = (
    "case_changed",
    "result_changed",
    "busy_changed",
    "library_changed",
    "settings_changed",
    "undo_changed",
)


class SessionBridge(QObject):
    """Twins of the session's signals, see `Session`; `view_changed` carries the set of changed field names."""

    case_changed = Signal()
    result_changed = Signal()
    view_changed = Signal(object)
    busy_changed = Signal()
    progress_changed = Signal(float, str)
    message = Signal(str, str)
    engine_state_changed = Signal(str)
    library_changed = Signal()
    settings_changed = Signal()
    undo_changed = Signal()

    _from_worker = Signal(object)

    def __init__(self, session: Session) -> None:
        """Listen to a session, from the window's thread."""
        super().__init__()
        self._home = threading.get_ident()
        self._from_worker.connect(self._call, Qt.ConnectionType.QueuedConnection)
        self._relays = {name: self._relay(name) for name in (*_PLAIN, "view_changed", "progress_changed", "message")}
        self._relays["engine_state_changed"] = self._relay("engine_state_changed")
        for name, relay in self._relays.items():
            getattr(session, name).connect(relay)
        session.dispatch = self.run

    def run(self, change: Callable[[], None]) -> None:
        """Do something on the window's thread: now if this is it, else as soon as it is free."""
        if threading.get_ident() == self._home:
            change()
        else:
            self._from_worker.emit(change)

    @Slot(object)
    def _call(self, change: Callable[[], None]) -> None:
        change()

    def _relay(self, name: str) -> Callable[..., None]:
        """A slot for the session's signal of that name; it takes what the signal carries."""
        twin = getattr(self, name)
        if name in _PLAIN:
            return lambda: self.run(twin.emit)
        if name == "view_changed":
            return lambda fields: self.run(lambda: twin.emit(fields))
        if name == "engine_state_changed":
            return lambda state: self.run(lambda: twin.emit(str(state)))
        if name == "progress_changed":
            return lambda fraction, words: self.run(lambda: twin.emit(fraction, words))
        return lambda text, severity: self.run(lambda: twin.emit(text, str(severity)))


_BRIDGES: WeakKeyDictionary[Session, SessionBridge] = WeakKeyDictionary()


def bridge_of(session: Session) -> SessionBridge:
    """The one bridge of a session; made on the first call, which must come from the window's thread."""
    bridge = _BRIDGES.get(session)
    if bridge is None:
        bridge = SessionBridge(session)
        _BRIDGES[session] = bridge
    return bridge
