"""Makes the panels on demand, so that the first paint waits for none of what they import (VTK above all)."""

from __future__ import annotations

from cof_viewer.app.session import Session
from cof_viewer.ui.grid import Place
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.panel import Panel

TITLES: dict[Place, str] = {
    "rail": "Study",
    "slices": "Short axis",
    "heart": "Heart",
    "readouts": "Function",
    "ecg": "ECG",
    "curve": "Volume",
}


def make_panel(place: Place, session: Session, theme: Theme) -> Panel:
    """The panel of a place."""
    if place == "rail":
        from cof_viewer.ui.panels.study import StudyPanel

        return StudyPanel(session, theme)
    if place == "slices":
        from cof_viewer.ui.panels.slices import SlicesPanel

        return SlicesPanel(session, theme)
    if place == "heart":
        from cof_viewer.ui.panels.heart import HeartPanel

        return HeartPanel(session, theme)
    if place == "readouts":
        from cof_viewer.ui.panels.readouts import ReadoutsPanel

        return ReadoutsPanel(session, theme)
    if place == "ecg":
        from cof_viewer.ui.panels.ecg import EcgPanel

        return EcgPanel(session, theme)
    from cof_viewer.ui.panels.volume_curve import CurvePanel

    return CurvePanel(session, theme)
