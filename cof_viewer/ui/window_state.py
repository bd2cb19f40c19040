"""Where the window stood and how its lines were dragged, kept for the next start. Nothing of a patient is kept."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings

from cof_viewer.app.paths import user_config_dir
from cof_viewer.ui.window import Window

_LINES = ("rail", "right", "lower")


def _store() -> QSettings:
    return QSettings(str(user_config_dir() / "window.ini"), QSettings.Format.IniFormat)


def keep_window_state(window: Window) -> None:
    """Save the state when the window closes."""
    window.closing.connect(lambda: save_window_state(window))


def save_window_state(window: Window) -> None:
    """Save the state now."""
    store = _store()
    store.setValue("geometry", window.saveGeometry())
    for name in _LINES:
        value = getattr(window.grid.lines, name)
        store.setValue(name, -1 if value is None else value)
    store.sync()


def restore_window_state(window: Window) -> None:
    """Bring back what was saved; what is missing or spoilt stays as it is."""
    store = _store()
    geometry = store.value("geometry")
    if isinstance(geometry, QByteArray):
        window.restoreGeometry(geometry)
    for name in _LINES:
        try:
            value = int(str(store.value(name, -1)))
        except ValueError:
            continue
        if value >= 0:
            window.grid.set_lines(**{name: value})
