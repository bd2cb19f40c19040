"""The slices panel: pixels where they belong, and what the mouse does."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cof_viewer.domain.image import Label
from cof_viewer.ui.panels.slices import SlicesPanel
from cof_viewer.ui.panels.slices.overlay import bar_length_mm, moment_words, window_words
from tests.ui.fixtures import make_session_with_case
from tests.ui.panels.pixels import near, picture


@pytest.fixture
def session():
    session = make_session_with_case("generated")
    session.set_slice(5)
    return session


@pytest.fixture
def panel(qtbot, theme, session):
    return _shown(qtbot, theme, session)


def _shown(qtbot, theme, session, size=(702, 511)):
    panel = SlicesPanel(session, theme)
    qtbot.addWidget(panel)
    panel.resize(*size)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def _wheel(widget, turn, modifiers=Qt.KeyboardModifier.NoModifier):
    place = QPointF(widget.rect().center())
    delta = QPoint(0, turn)
    event = QWheelEvent(
        place,
        widget.mapToGlobal(place),
        QPoint(),
        delta,
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_contours_lie_on_the_border_of_the_labels(panel, theme, session):
    """Endo-coloured pixels run along the cavity's border and nowhere else."""
    view = panel.view
    session.toggle_overlays()
    hits = near(picture(view), theme.color("endo"), 60)
    assert hits.sum() > 150
    rows, columns = np.nonzero(hits)
    pixel_from_screen = view.screen_from_pixel().inverted()[0]
    cavity = session.labels.data[session.view.phase, session.view.slice] == Label.LV
    inside = np.pad(cavity, 2)
    spread = [
        inside[2 + dy : 2 + dy + cavity.shape[0], 2 + dx : 2 + dx + cavity.shape[1]]
        for dy in (-2, -1, 0, 1, 2)
        for dx in (-2, -1, 0, 1, 2)
    ]
    border = np.any(spread, axis=0) & ~np.all(spread, axis=0)
    on_border = []
    for x, y in zip(columns + 0.5, rows + 0.5, strict=True):
        point = pixel_from_screen.map(QPointF(x, y))
        on_border.append(border[int(point.y()), int(point.x())])
    assert np.mean(on_border) > 0.97


def test_generated_contours_have_gaps_and_measured_ones_none(qtbot, theme, session):
    """Dashed against solid: along the same cavity the generated line covers clearly fewer pixels."""
    session.set_phase(0)
    panel = _shown(qtbot, theme, session)
    dashed = near(picture(panel.view), theme.color("endo"), 60).sum()
    session.show("measured")
    solid = near(picture(panel.view), theme.color("endo"), 60).sum()
    assert 0.4 * solid < dashed < 0.8 * solid


def test_contours_and_overlays_can_be_hidden(panel, theme, session):
    session.toggle_contours()
    for name in ("endo", "epi", "rv"):
        assert near(picture(panel.view), theme.color(name), 40).sum() == 0
    before = picture(panel.view)
    session.toggle_overlays()
    assert np.abs(picture(panel.view) - before).max() > 60


def test_window_sets_the_grey(panel, session):
    session.toggle_contours()
    session.toggle_overlays()
    session.set_window(1e9, 1.0)
    assert picture(panel.view).max() == 0
    session.toggle_invert()
    middle = picture(panel.view)[200:300, 250:400]
    assert middle.min() == 255


def test_phase_and_slice_change_the_picture(panel, session):
    first = picture(panel.view)
    session.set_phase(12)
    second = picture(panel.view)
    session.set_slice(7)
    third = picture(panel.view)
    assert np.abs(second - first).mean() > 0.5
    assert np.abs(third - second).mean() > 2.0


def test_the_strip_marks_the_current_slice_and_the_counted_ones(panel, theme, session):
    strip = panel.strip
    accent = near(picture(strip), theme.color("accent"), 30)
    rows = np.flatnonzero(accent.sum(axis=1) > 10)
    box = strip.boxes()[session.view.slice]
    assert rows.min() == pytest.approx(box.top(), abs=3)
    assert rows.max() == pytest.approx(box.bottom(), abs=3)
    counted = np.flatnonzero((session.labels.data == Label.LV).any(axis=(0, 2, 3)))
    bracket = np.flatnonzero(near(picture(strip), theme.color("endo"), 40)[:, :20].any(axis=1))
    assert bracket.min() == pytest.approx(strip.boxes()[counted[0]].top(), abs=3)
    assert bracket.max() == pytest.approx(strip.boxes()[counted[-1]].bottom(), abs=3)


def test_a_click_in_the_strip_chooses(panel, session):
    QTest.mouseClick(panel.strip, Qt.MouseButton.LeftButton, pos=panel.strip.boxes()[2].center().toPoint())
    assert session.view.slice == 2


def test_wheel_steps_slices_and_phases_and_zooms(panel, session):
    _wheel(panel.view, -120)
    assert session.view.slice == 6
    _wheel(panel.view, 120)
    assert session.view.slice == 5
    phase = session.view.phase
    _wheel(panel.view, -120, Qt.KeyboardModifier.ShiftModifier)
    assert session.view.phase == phase + 1
    _wheel(panel.view, 240, Qt.KeyboardModifier.ControlModifier)
    assert session.view.zoom == pytest.approx(1.15**2)


def test_small_turns_of_a_touch_pad_add_up(panel, session):
    for _ in range(3):
        _wheel(panel.view, -40)
    assert session.view.slice == 6


def test_zoom_keeps_the_point_under_the_mouse(panel, session):
    at = QPointF(150, 120)
    before = panel.view.screen_from_pixel().inverted()[0].map(at)
    panel.view.zoom_by(1.7, at)
    after = panel.view.screen_from_pixel().inverted()[0].map(at)
    assert (after.x(), after.y()) == pytest.approx((before.x(), before.y()), abs=1e-6)


def _drag(widget, button, start, end):
    QTest.mousePress(widget, button, pos=start)
    QTest.mouseMove(widget, end)
    from PySide6.QtGui import QMouseEvent

    move = QMouseEvent(
        QMouseEvent.Type.MouseMove,
        QPointF(end),
        widget.mapToGlobal(QPointF(end)),
        Qt.MouseButton.NoButton,
        button,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, move)
    QTest.mouseRelease(widget, button, pos=end)


def test_drags_window_pan_and_zoom(panel, session):
    window = session.view.window
    _drag(panel.view, Qt.MouseButton.LeftButton, QPoint(200, 200), QPoint(230, 230))
    assert session.view.window.width > window.width
    assert session.view.window.centre > window.centre
    assert session.view.window_preset == "own"
    place = panel.view.screen_from_pixel().map(QPointF(60, 60))
    _drag(panel.view, Qt.MouseButton.MiddleButton, QPoint(200, 200), QPoint(225, 190))
    moved = panel.view.screen_from_pixel().map(QPointF(60, 60))
    assert (moved.x() - place.x(), moved.y() - place.y()) == pytest.approx((25, -10))
    _drag(panel.view, Qt.MouseButton.RightButton, QPoint(200, 200), QPoint(200, 150))
    assert session.view.zoom > 1.2


def test_double_click_asks_to_maximise(qtbot, panel):
    with qtbot.waitSignal(panel.maximise_requested, timeout=500):
        QTest.mouseDClick(panel.view, Qt.MouseButton.LeftButton)


def test_comparison_shows_measured_left_and_generated_right_alike(panel, theme, session):
    session.set_layout("compare")
    assert panel.measured_view.isVisible()
    assert panel.generated_view.isVisible()
    assert not panel.view.isVisible()
    QApplication.processEvents()
    left, right = panel.measured_view, panel.generated_view
    assert abs(left.width() - right.width()) <= 1
    assert left.screen_from_pixel().m11() == pytest.approx(right.screen_from_pixel().m11(), rel=0.01)
    solid = near(picture(left), theme.color("endo"), 60).sum()
    dashed = near(picture(right), theme.color("endo"), 60).sum()
    assert dashed < 0.85 * solid


def test_comparison_without_a_partner_shows_what_there_is(qtbot, theme):
    session = make_session_with_case("measured")
    session.set_layout("compare")
    panel = _shown(qtbot, theme, session)
    assert panel.view.isVisible()
    assert not panel.generated_view.isVisible()


def test_grid_shows_every_slice_and_a_click_chooses(panel, session):
    session.set_layout("grid")
    QApplication.processEvents()
    boxes = panel.grid.boxes()
    assert len(boxes) == session.slices
    image = picture(panel.grid)
    for box in boxes:
        part = image[int(box.top()) : int(box.bottom()), int(box.left()) : int(box.right())]
        assert part.std() > 10
    QTest.mouseClick(panel.grid, Qt.MouseButton.LeftButton, pos=boxes[3].center().toPoint())
    assert session.view.slice == 3


def test_tag_says_where_the_picture_comes_from(qtbot, theme):
    wanted = {"measured": "Measured", "generated": "Generated", "withheld": "Generated, not reliable"}
    for content, words in wanted.items():
        panel = _shown(qtbot, theme, make_session_with_case(content))
        assert panel.header.tag.text == words


def test_nothing_open_is_black_and_quiet(qtbot, theme):
    from cof_viewer.app.session import Session

    panel = _shown(qtbot, theme, Session())
    assert picture(panel.view).max() == 0


def test_a_single_volume_is_shown_without_a_moment(qtbot, theme):
    panel = _shown(qtbot, theme, make_session_with_case("volume"))
    assert picture(panel.view).max() > 100


def test_words():
    assert window_words(118.4, 236.2) == "W 236 · L 118"
    assert window_words(-0.25, 1.5) == "W 1.50 · L \u22120.25"
    assert moment_words(11, 30, 280.1, 11 / 30) == "12/30 · 280 ms · 37 % RR"
    assert moment_words(0, 1, None, 0.0) == ""
    assert bar_length_mm(3.5, 628) == 50.0
    assert bar_length_mm(8.0, 628) == 20.0
