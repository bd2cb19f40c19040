"""A picture of the window without a user: opens, measures or generates, refreshes twice, writes a PNG."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import cast

from PySide6.QtWidgets import QApplication

from cof_viewer.app.jobs import Job
from cof_viewer.app.session import Session
from cof_viewer.domain.errors import UserError
from cof_viewer.ui.window import Window

LONGEST_S = 1800.0
SETTLED_WITHIN_S = 30.0
"""How long the picture waits for panels that still draw in the background."""


def take_screenshot(app: QApplication, window: Window, study: Path | None, ecg: Path | None, target: Path) -> int:
    """Open, make, draw, write.

    Args:
        app: the running application.
        window: shown already.
        study: what to open; None takes a picture of the start page.
        ecg: its ECG, or None.
        target: the PNG to write.

    Returns:
        0 good, 2 for an input that can't be used (its sentence goes to stderr), 1 for a fault of ours.
    """
    session = window.session
    jobs: dict[int, Job[object]] = {}
    if study is not None:
        opening = cast("Job[object]", session.open(study, ecg))
        jobs[opening.serial] = opening
        _wait(app, session, jobs)
        if session.case.study is not None and session.generate_obstacle is None:
            session.generate()
            _wait(app, session, jobs)
    for job in jobs.values():
        if job.error is not None:
            return _tell(job.error)
    window.ensure_panels()
    session.jump_es()
    window.messages.clear()
    if not _draw(app, window, target):
        sys.stderr.write(f'The picture could not be written to "{target}". Choose another folder.\n')
        return 2
    return 0


def _wait(app: QApplication, session: Session, jobs: dict[int, Job[object]]) -> None:
    """Serve the window until no job is left, and remember every job that ran."""
    deadline = time.monotonic() + LONGEST_S
    idle = 0
    while idle < 3 and time.monotonic() < deadline:
        app.processEvents()
        busy = session.busy
        if busy is None:
            idle += 1
        else:
            idle = 0
            jobs[busy.serial] = busy
        time.sleep(0.005)


def _draw(app: QApplication, window: Window, target: Path) -> bool:
    """Two full refreshes, then the picture."""
    for _ in range(2):
        window.repaint()
        latest = time.monotonic() + SETTLED_WITHIN_S
        earliest = time.monotonic() + 0.3
        while time.monotonic() < earliest or (not window.is_settled() and time.monotonic() < latest):
            app.processEvents()
            time.sleep(0.005)
    target.parent.mkdir(parents=True, exist_ok=True)
    return bool(window.grab().save(str(target), "PNG"))


def _tell(error: Exception) -> int:
    if isinstance(error, UserError):
        sys.stderr.write(error.sentence + "\n")
        return 2
    sys.stderr.write(f"{type(error).__name__}: {error}\n")
    return 1
