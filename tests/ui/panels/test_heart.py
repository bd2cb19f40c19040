"""The heart panel: something is drawn, it beats, it turns, and nothing outlives it."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cof_viewer.app.session import Session
from cof_viewer.ui.panels.heart import HeartPanel
from tests.ui.fixtures import make_session_with_case
from tests.ui.panels.pixels import near, picture


@pytest.fixture
def make_panel(qtbot, theme):
    made = []

    def make(content="generated", size=(360, 220)):
        session = make_session_with_case(content) if content else Session()
        panel = HeartPanel(session, theme)
        qtbot.addWidget(panel)
        panel.resize(*size)
        made.append(panel)
        with qtbot.waitExposed(panel):
            panel.show()
        if session.labels is not None:
            qtbot.waitUntil(lambda: session.view.phase in panel._model.frames, timeout=30_000)
        return panel, session

    yield make
    for panel in made:
        panel.finalize()


def _still(panel):
    """The picture once it has come to rest."""
    panel.view._refine.stop()
    panel.view._picture = None
    return picture(panel.view)


def test_the_heart_is_in_the_grab_in_its_colours(make_panel, theme):
    panel, _ = make_panel()
    image = _still(panel)
    ground = near(image, theme.color("heart"), 6)
    assert 0.3 < ground.mean() < 0.95
    hue = image.astype(float)
    orange = (hue[..., 0] > 110) & (hue[..., 0] > 1.4 * hue[..., 1]) & (hue[..., 1] > 1.2 * hue[..., 2])
    yellow = (hue[..., 0] > 90) & (hue[..., 1] > 0.85 * hue[..., 0]) & (hue[..., 2] < 0.75 * hue[..., 1])
    blue = (hue[..., 2] > 45) & (hue[..., 2] > 1.3 * hue[..., 0])
    assert orange.sum() > 1000
    assert yellow.sum() > 1000
    assert blue.sum() > 200


def test_it_beats(qtbot, make_panel):
    panel, session = make_panel()
    qtbot.waitUntil(lambda: panel._model.complete, timeout=30_000)
    first = _still(panel)
    session.set_phase(session.function.es_phase)
    assert np.abs(_still(panel) - first).mean() > 0.5


def test_the_slice_plane_moves_with_the_slice(make_panel):
    panel, session = make_panel()
    session.set_slice(3)
    first = _still(panel)
    session.set_slice(8)
    assert np.abs(_still(panel) - first).mean() > 0.2


def _drag(view, start, end, modifiers=Qt.KeyboardModifier.NoModifier):
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(view, left, modifiers, start)
    place = QPointF(end)
    move = QMouseEvent(QMouseEvent.Type.MouseMove, place, view.mapToGlobal(place), left, left, modifiers)
    QApplication.sendEvent(view, move)
    QTest.mouseRelease(view, left, modifiers, end)


def test_the_hand_turns_and_shifts(make_panel):
    panel, _ = make_panel()
    before = _still(panel)
    towards, focus = panel.view.camera.towards_viewer.copy(), panel.view.camera.focus_mm.copy()
    _drag(panel.view, QPoint(100, 90), QPoint(160, 90))
    assert not np.allclose(panel.view.camera.towards_viewer, towards)
    assert np.allclose(panel.view.camera.focus_mm, focus)
    assert np.abs(_still(panel) - before).mean() > 1.0
    _drag(panel.view, QPoint(100, 90), QPoint(120, 80), Qt.KeyboardModifier.ShiftModifier)
    assert not np.allclose(panel.view.camera.focus_mm, focus)


def test_views_and_colourings(qtbot, make_panel):
    panel, session = make_panel()
    qtbot.waitUntil(lambda: panel._model.complete, timeout=30_000)
    session.set_phase(session.function.es_phase)
    overview = _still(panel)
    panel.view.look("Apex")
    assert np.abs(_still(panel) - overview).mean() > 2.0
    panel.view.look("Overview")
    panel.set_colouring("displacement")
    coloured = _still(panel)
    assert np.abs(coloured - overview).mean() > 2.0
    assert panel.colour_button.text() == "Displacement"
    low, high = panel._model.span_of("displacement")
    assert low == 0.0
    assert high % 5 == 0


def test_a_measured_beat_cannot_be_coloured_by_motion(make_panel):
    panel, _ = make_panel("measured")
    assert not panel._colour_actions["thickening"].isEnabled()
    assert near(_still(panel), panel.theme.color("heart"), 6).mean() < 0.95
    assert panel.header.tag.text == "Measured"


def test_showing_the_other_beat_builds_its_surfaces(qtbot, make_panel):
    panel, session = make_panel()
    session.show("measured")
    assert panel._model.frames == {}
    qtbot.waitUntil(lambda: session.view.phase in panel._model.frames, timeout=30_000)
    assert "displacement" not in panel._model.frames[session.view.phase]["endo"].values


def test_nothing_outlined_is_one_sentence(make_panel, theme):
    panel, _ = make_panel("opened")
    assert panel.view.camera is None
    assert near(picture(panel.view), theme.color("t3"), 40).sum() > 30


def test_finalize_ends_the_worker(make_panel):
    panel, _ = make_panel("measured")
    panel.finalize()
    assert not [t for t in threading.enumerate() if t.name.startswith("heart")]
    panel.view.grab()


def test_vtk_is_not_loaded_before_a_heart_is_shown():
    code = (
        "import sys\n"
        "from cof_viewer.ui.panels.heart import HeartPanel\n"
        "from cof_viewer.ui.panels.slices import SlicesPanel\n"
        "from cof_viewer.ui.panels.ecg import EcgPanel\n"
        "from cof_viewer.ui.panels.volume_curve import CurvePanel\n"
        "from cof_viewer.ui.panels.readouts import ReadoutsPanel\n"
        "heavy = {'vtkmodules', 'torch', 'neurokit2', 'matplotlib', 'pandas', 'skimage'} & set(sys.modules)\n"
        "print(sorted(heavy))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
