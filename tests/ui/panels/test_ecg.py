"""The ECG panel: the paper's grid, the cycle, the cursor, the hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cof_viewer.app.session import Session
from cof_viewer.domain.ecg import LEADS
from cof_viewer.ui.panels.ecg import EcgPanel
from cof_viewer.ui.panels.ecg.measures import measures_words, rhythm_words
from tests.ui.fixtures import make_session_with_case
from tests.ui.panels.pixels import near, picture


@pytest.fixture
def session():
    return make_session_with_case("generated")


def _shown(qtbot, theme, session, size=(702, 198)):
    panel = EcgPanel(session, theme)
    qtbot.addWidget(panel)
    panel.resize(*size)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


@pytest.fixture
def panel(qtbot, theme, session):
    return _shown(qtbot, theme, session)


def _bare_grid(panel, session):
    """The paper without traces: an ECG of zeros and no beat."""
    ecg = replace(session.case.ecg, signal_mv=np.zeros_like(session.case.ecg.signal_mv), flat_leads=LEADS)
    session._change_case(ecg=ecg, beat=None)
    return picture(panel.view)


def test_the_strong_lines_are_five_millimetres_apart(panel, theme, session):
    """The period of the grid, by its spectrum, is 5 mm across and down: millimetres are square."""
    panel.set_scale(arrangement="II")
    image = _bare_grid(panel, session)
    paper = panel.view.paper
    coarse = near(image, theme.color("paper_5mm"), 12)
    columns = np.flatnonzero(coarse[:40].mean(axis=0) > 0.9)
    rows = np.flatnonzero(coarse[:, 300:].mean(axis=1) > 0.9)
    for lines in (columns, rows):
        assert len(lines) > 5
        assert (lines[-1] - lines[0]) / (len(lines) - 1) == pytest.approx(5 * paper.px_per_mm, rel=0.01)


def test_the_pulse_is_one_millivolt_high_and_a_fifth_of_a_second_wide(panel, theme, session):
    panel.set_scale(arrangement="II")
    image = _bare_grid(panel, session)
    paper = panel.view.paper
    bright = near(image, theme.color("trace"), 90)[:, : int(paper.left) - 2]
    rows = np.flatnonzero(bright.sum(axis=1) > 3)
    assert rows[-1] - rows[0] == pytest.approx(paper.px_per_mv, abs=2)
    columns = np.flatnonzero(bright[int(paper.base_line(0) - paper.px_per_mv / 2)])
    assert columns[-1] - columns[0] == pytest.approx(0.2 * paper.px_per_second, abs=2)


def test_r_peaks_stand_where_the_beat_says(panel, theme, session):
    """In the rhythm strip the trace is tallest at the R peaks' times."""
    panel.set_scale(arrangement="II")
    image = picture(panel.view)
    paper, beat = panel.view.paper, session.case.beat
    lead = session.case.ecg.lead("II")
    height = (lead.max() - np.median(lead)) * paper.px_per_mv
    row = int(paper.base_line(0) - 0.7 * height)
    bright = near(image[row : row + 3], theme.color("trace"), 110).any(axis=0)
    for peak in beat.r_peaks_ms[1:-1]:
        x = round(paper.x_of(peak / 1000))
        assert bright[max(x - 4, 0) : x + 5].any()


def test_the_chosen_cycle_is_shaded(panel, theme, session):
    paper, beat = panel.view.paper, session.case.beat
    left, right = (paper.x_of(ms / 1000) for ms in (beat.start_ms, beat.start_ms + beat.rr_ms))
    image = picture(panel.view).astype(float)
    green = image[..., 1] - image[..., 0]
    assert np.median(green[:, int(left) + 2 : int(right) - 2]) > np.median(green[:, int(right) + 4 :]) + 8


def _cursor_column(panel, theme):
    """The column in which the cursor's colour fills the height."""
    hits = near(picture(panel.view), theme.color("cursor"), 45).mean(axis=0)
    return int(np.argmax(hits)) if hits.max() > 0.6 else None


def test_the_cursor_moves_with_the_phase(panel, theme, session):
    beat, paper = session.case.beat, panel.view.paper
    for phase in (0, 10, 29):
        session.set_phase(phase)
        wanted = paper.x_of((beat.start_ms + phase / 30 * beat.rr_ms) / 1000)
        assert _cursor_column(panel, theme) == pytest.approx(wanted, abs=1.5)


def test_a_moved_cursor_leaves_nothing_behind(panel, session):
    """Only the columns of the old and the new cursor are repainted; the result must equal a full repaint."""
    for phase in (3, 17, 8):
        session.set_phase(phase)
        QApplication.processEvents()
    moved = picture(panel.view)
    panel.view.lay_out()
    assert np.abs(picture(panel.view) - moved).max() == 0


def test_a_click_in_the_cycle_sets_the_phase(panel, session):
    beat, paper = session.case.beat, panel.view.paper
    x = paper.x_of((beat.start_ms + 0.5 * beat.rr_ms) / 1000)
    QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=QPoint(round(x), 60))
    assert session.view.phase == pytest.approx(15, abs=1)


def test_a_click_in_another_beat_sets_the_same_moment(panel, session):
    beat, paper = session.case.beat, panel.view.paper
    start, end = beat.r_peaks_ms[6], beat.r_peaks_ms[7]
    x = paper.x_of((start + 0.25 * (end - start)) / 1000)
    QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=QPoint(round(x), 60))
    assert session.view.phase == pytest.approx(7.5, abs=1)


def test_speed_and_gain_stretch_the_trace(panel, session):
    before = panel.view.paper
    panel.set_scale(speed_mm_s=50.0, gain_mm_mv=20.0)
    after = panel.view.paper
    assert after.px_per_second == pytest.approx(2 * before.px_per_second)
    assert after.px_per_mv == pytest.approx(2 * before.px_per_mv)
    assert panel.scale_button.text() == "50 mm/s · 20 mm/mV · no filter"


def test_header_measures(panel, session):
    found = session.case.beat.intervals
    words = measures_words(session.case.beat)
    assert words == (
        f"PR {found.pr_ms:.0f} · QRS {found.qrs_ms:.0f} · QT {found.qt_ms:.0f} · "
        f"QTcF {found.qtc_fridericia_ms:.0f} ms · axis 42°"
    )
    assert panel.measures.text == words
    assert panel.header.tag.text == "Simulated"


def test_an_irregular_rhythm_is_named(panel, session):
    beat = session.case.beat
    intervals = replace(beat.intervals, pr_ms=None)
    irregular = replace(beat, irregular=True, r_peaks_ms=(0.0, 600.0, 1500.0, 2000.0), chosen=1, intervals=intervals)
    assert rhythm_words(irregular) == "mean RR 667 ms, varies 31 % · no PR"
    session._change_case(beat=irregular)
    assert panel.measures.text.startswith("Irregular rhythm")
    assert near(picture(panel.measures), panel.theme.color("amber"), 60).sum() > 20
    panel.measures.set_beat(irregular, stopped=True)
    assert near(picture(panel.measures), panel.theme.color("red"), 60).sum() > 20


def test_the_median_beat_comes_with_room(qtbot, theme, session):
    narrow = _shown(qtbot, theme, session)
    assert not narrow.median.isVisible()
    wide = _shown(qtbot, theme, session, (1486, 400))
    assert wide.median.isVisible()
    image = picture(wide.median)
    assert near(image, theme.color("trace"), 60).sum() > 100
    session.set_phase(2)
    column = near(picture(wide.median), theme.color("cursor"), 45).mean(axis=0)
    assert int(np.argmax(column)) == pytest.approx(wide.median.cursor_x(), abs=1.5)


def test_the_median_beat_keeps_the_papers_proportions(qtbot, theme, session):
    """The grid's millimetre, the time axis and the height of R belong together: 25 mm/s and 10 mm/mV."""
    panel = _shown(qtbot, theme, session, (1486, 400))
    median, beat = panel.median, session.case.beat
    mm = median._px_per_mm(beat)
    assert median._x_of(200.0, beat) - median._x_of(0.0, beat) == pytest.approx(5 * mm)
    session.set_phase(29)
    trace = near(picture(median), theme.color("trace"), 100)
    top, bottom = round(0.15 * median.height()), round(0.66 * median.height())
    around = trace[top:bottom, round(median._x_of(0, beat)) - 4 : round(median._x_of(0, beat)) + 5]
    rows = np.flatnonzero(around.any(axis=1))
    start, reach = -beat.median_start_ms * 0.5, 4 * 40 / mm * 0.5  # samples at 500 Hz; 4 px round R
    lead = beat.median_mv[LEADS.index("II")][round(start - reach) : round(start + reach) + 1]
    assert rows[-1] - rows[0] <= 10 * mm * np.ptp(lead) + 4
    assert rows[-1] - rows[0] >= 0.7 * 10 * mm * np.ptp(lead)


def test_without_an_ecg_there_is_one_sentence(qtbot, theme):
    panel = _shown(qtbot, theme, Session())
    assert panel.view.paper is None
    assert near(picture(panel.view), theme.color("t3"), 40).sum() > 30


def test_both_themes_have_their_paper(panel, theme):
    theme.set_mode("light")
    image = picture(panel.view)
    assert np.median(image.max(axis=-1)) > 240
