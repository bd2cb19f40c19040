"""The transport: the head stands at the phase, the line answers clicks, Generate turns into Cancel."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage

from cof_viewer.ui.panels.transport import TransportBar
from cof_viewer.ui.theme import Theme
from tests.ui.fixtures import make_session_with_case


@pytest.fixture
def bar(qtbot, theme):
    bar = TransportBar(make_session_with_case("generated"), theme)
    qtbot.addWidget(bar)
    bar.resize(1280, 48)
    bar.set_lines(216, 360)
    with qtbot.waitExposed(bar):
        bar.show()
    bar.grab()  # lays out
    return bar


def _picture(bar: TransportBar) -> QImage:
    return bar.grab().toImage()


def _accent_until(bar: TransportBar, theme: Theme) -> int:
    """The rightmost x of the elapsed part, in px of the bar."""
    image, accent = _picture(bar), theme.color("accent")
    middle = bar.time_line.mapTo(bar, bar.time_line.head().toPoint()).y()
    row = [x for x in range(image.width()) if _near(image.pixelColor(x, middle), accent)]
    return max(row, default=-1)


def _near(a: QColor, b: QColor) -> bool:
    return max(abs(a.red() - b.red()), abs(a.green() - b.green()), abs(a.blue() - b.blue())) < 12


def test_the_elapsed_part_ends_at_the_phase(bar, theme):
    session = bar._session
    ends = []
    for phase in (5, 15, 25):
        session.set_phase(phase)
        ends.append(_accent_until(bar, theme))
        head = bar.time_line.mapTo(bar, bar.time_line.head().toPoint()).x()
        assert abs(ends[-1] - head) <= 10  # the head's disc covers the last px
    assert ends == sorted(ends)


def test_the_head_is_light_and_stands_in_proportion_to_time(bar, theme):
    session = bar._session
    session.set_phase(15)
    head = bar.time_line.head()
    width = bar.time_line.width() - 11
    assert head.x() == pytest.approx(5.5 + width * session.time_ms / session.rr_ms, abs=0.5)
    point = bar.time_line.mapTo(bar, head.toPoint())
    assert _near(_picture(bar).pixelColor(point), theme.color("t1"))


def test_a_click_on_the_line_goes_to_the_phase_there(bar, qtbot):
    session, line = bar._session, bar.time_line
    for phase in (3, 21):
        x = 5.5 + (line.width() - 11) * session.phase_ms[phase] / session.rr_ms
        qtbot.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(round(x), line.height() // 2))
        assert session.view.phase == phase


def test_a_drag_answers_at_once(bar, qtbot):
    line = bar.time_line
    qtbot.mousePress(line, Qt.MouseButton.LeftButton, pos=QPoint(10, 20))
    qtbot.mouseMove(line, QPoint(line.width() // 2, 20))
    qtbot.mouseRelease(line, Qt.MouseButton.LeftButton, pos=QPoint(line.width() // 2, 20))
    assert bar._session.view.phase in (0, 15)  # a synthetic move may carry no button, the press always counts


def test_time_is_said_in_words_with_figures_that_do_not_jump(bar):
    session = bar._session
    session.set_phase(11)
    assert bar.time_now.text() == f"{session.time_ms:.0f}"
    assert bar.time_rest.text() == f" / {session.rr_ms:.0f} ms · 12/30"
    for label in (bar.time_now, bar.time_rest):
        assert QFontMetricsF(label.font()).horizontalAdvance(label.text()) <= label.width() + 1


def test_buttons_move_through_the_beat(bar, qtbot):
    session = bar._session
    first, back, on, last = bar._steps
    for button, phase in ((last, 29), (on, 0), (back, 29), (first, 0)):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert session.view.phase == phase
    qtbot.mouseClick(bar.play, Qt.MouseButton.LeftButton)
    assert session.view.playing
    session.stop()


def test_speed_and_loop_follow_and_command(bar, qtbot):
    session = bar._session
    session.set_speed(0.25)
    assert bar.speed.current == "0.25"
    bar.speed._take(3)
    assert session.view.speed == 2.0
    qtbot.mouseClick(bar.loop, Qt.MouseButton.LeftButton)
    assert not session.view.loop
    assert not bar.loop.isChecked()


def test_generate_says_again_after_a_beat_and_is_quiet(bar):
    assert bar.main.text() == "Generate again"
    assert not bar.main._primary


def test_generate_is_the_primary_action_before(qtbot, theme):
    bar = TransportBar(make_session_with_case("measured"), theme)
    qtbot.addWidget(bar)
    assert bar.main.text() == "Generate"
    assert bar.main._primary
    assert bar.main.isEnabled()


def test_one_volume_has_no_time_to_move_in(qtbot, theme):
    bar = TransportBar(make_session_with_case("volume"), theme)
    qtbot.addWidget(bar)
    assert not bar.play.isEnabled()
    assert bar.time_now.text() == "–"
    assert not bar.time_line._beat.live


def test_cancel_stands_where_generate_was_and_stops_the_work(bar, qtbot):
    session, place = bar._session, bar.main.geometry()
    started = threading.Event()

    def work(progress, cancel):
        progress(0.4, "Making the motion")
        started.set()
        while True:
            cancel.raise_if_cancelled()
            threading.Event().wait(0.01)

    job = session._submit("Generating", "generate", work, lambda _: None)
    qtbot.waitUntil(lambda: started.is_set() and bar.main.text() == "Cancel")
    qtbot.waitUntil(lambda: bar.progress.words == "Making the motion")
    assert bar.progress.isVisible()
    assert bar.main.geometry().right() == place.right()
    qtbot.mouseClick(bar.main, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.main.text() == "Generate again", timeout=2000)
    assert job.has_ended
    session.close()


def test_nothing_shifts_while_the_beat_plays(bar):
    session = bar._session
    widths = set()
    for phase in range(session.phases):
        session.set_phase(phase)
        bar._middle_row.activate()
        widths.add((bar.time_line.width(), bar.time_rest.geometry().left()))
    assert len(widths) == 1
