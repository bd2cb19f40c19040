"""Starts the window. Nothing heavy is imported before the first paint."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QApplication

from cof_viewer.app.session import Session
from cof_viewer.ui.screenshot import take_screenshot
from cof_viewer.ui.tokens import DARK, SCALE_LARGE, SCALED_FROM_PX
from cof_viewer.ui.widgets.icons import icon
from cof_viewer.ui.window import Window
from cof_viewer.ui.window_state import keep_window_state, restore_window_state

DEFAULT_SIZE = (1280, 800)
_SCALE = "QT_SCALE_FACTOR"


def run_window(
    study: Path | None = None,
    ecg: Path | None = None,
    screenshot: Path | None = None,
    size: tuple[int, int] = DEFAULT_SIZE,
) -> int:
    """Open the window, or take its picture and leave.

    Args:
        study: opened at once; None shows the start page.
        ecg: opened with the study.
        screenshot: PNG to write; the window then opens, generates or measures, and quits.
        size: of the window in pixels (of the picture, in screenshot mode).

    Returns:
        The exit code: 0 good, 2 for an input that can't be used, 1 for a fault of ours.
    """
    scale = _choose_scale(size[0] if screenshot is not None else None)
    app = _application()
    session = Session()
    window = Window(session)
    window.resize(round(size[0] / scale), round(size[1] / scale))
    if screenshot is None and size == DEFAULT_SIZE:
        restore_window_state(window)
    window.show()
    if screenshot is not None:
        app.processEvents()
        code = take_screenshot(app, window, study, ecg, screenshot)
        window.close()
        return code
    keep_window_state(window)
    if study is not None:
        session.open(study, ecg)
    return int(app.exec())


def _application() -> QApplication:
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    app = QApplication(sys.argv[:1])
    app.setApplicationName("COF Viewer")
    app.setStyle("Fusion")
    app.setWindowIcon(icon("heart-pulse", QColor(DARK["accent"]), size=64))
    return app


def _choose_scale(picture_width: int | None) -> float:
    """Scale everything by 1.5 from 3200 logical px on; must run before Qt's application exists.

    A scale that the user has set by QT_SCALE_FACTOR stays.
    """
    if QApplication.instance() is not None:
        return 1.0
    if _SCALE in os.environ:
        return float(os.environ[_SCALE]) if picture_width is not None else 1.0
    width = picture_width if picture_width is not None else _screen_width()
    if width < SCALED_FROM_PX:
        return 1.0
    os.environ[_SCALE] = str(SCALE_LARGE)
    return SCALE_LARGE if picture_width is not None else 1.0


def _screen_width() -> int:
    """Logical width of the first screen, asked by an application that lives only for that."""
    probe = QGuiApplication(sys.argv[:1])
    screen = QGuiApplication.primaryScreen()
    width = screen.size().width() if screen is not None else 0
    probe.shutdown()
    del probe
    return width
