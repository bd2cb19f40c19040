"""The readouts: numbers, marks outside normal, flags, and what a stop withholds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cof_viewer.app.session import Session
from cof_viewer.domain.flag import Severity
from cof_viewer.domain.function import METRICS, Source
from cof_viewer.ui.panels.readouts import ReadoutsPanel
from cof_viewer.ui.panels.readouts.rows import EF, ROWS, figure, readouts_of, span
from cof_viewer.ui.panels.readouts.table import tip_words
from tests.ui.fixtures import make_session_with_case
from tests.ui.panels.pixels import near, picture


def _shown(qtbot, theme, session, size=(360, 291)):
    panel = ReadoutsPanel(session, theme)
    qtbot.addWidget(panel)
    panel.resize(*size)
    with qtbot.waitExposed(panel):
        panel.show()
    QApplication.processEvents()
    return panel


@pytest.fixture
def session():
    return make_session_with_case("generated")


def test_every_metric_has_a_row():
    assert (EF.metric, *(row.metric for row in ROWS)) == METRICS


def test_words_of_numbers():
    assert figure(-3.4) == "\u22123"
    assert figure(12345.0) == "12\u2009345"
    assert figure(4.84, 1) == "4.8"
    assert span((28.2, 39.9)) == "28–40"


def test_numbers_sources_and_intervals(session):
    shown = readouts_of(session)
    function = session.function
    assert shown.ef.value == function.ef_percent
    assert shown.ef.source is Source.GENERATED
    assert shown.ef.interval == function.interval90["ef_percent"]
    assert shown.ef.measured == session.result.measurement.result.function.ef_percent
    by_metric = {row.spec.metric: row for row in shown.rows}
    assert by_metric["edv_ml"].source is Source.MEASURED
    assert by_metric["edv_ml"].measured is None
    assert shown.compared


def test_outside_normal_has_an_arrow_and_unknown_tables_have_nothing(session):
    shown = readouts_of(session)
    assert shown.ef.normal is not None
    assert shown.ef.side == -1
    study = replace(session.case.study, patient=replace(session.case.study.patient, sex=None))
    session._change_case(study=study)
    bare = readouts_of(session)
    assert bare.ef.normal is None
    assert bare.ef.side == 0
    assert "No table" in tip_words(bare.ef)


def test_ef_stands_large_and_amber_marks_what_is_outside(qtbot, theme, session):
    panel = _shown(qtbot, theme, session)
    image = picture(panel.table)
    hero = near(image[:58, :70], theme.color("t1"), 60)
    assert hero.sum() > 250
    assert near(image[:58, 100:], theme.color("amber"), 50).sum() > 40
    study = replace(session.case.study, patient=replace(session.case.study.patient, sex=None))
    session._change_case(study=study)
    assert near(picture(panel.table), theme.color("amber"), 50).sum() == 0


def test_rows_show_words_in_both_widths(qtbot, theme, session):
    for size in ((360, 291), (800, 480)):
        panel = _shown(qtbot, theme, session, size)
        assert panel.table.wide == (size[0] >= 620)
        for place, row in enumerate(ROWS):
            y = next(y for y in range(panel.table.height()) if _is_row(panel, y, place))
            assert panel.table.readout_at(y + 3).spec is row


def test_in_a_small_window_no_row_is_cut(qtbot, theme, session):
    panel = _shown(qtbot, theme, session, (340, 272))
    table = panel.table
    assert table.readout_at(table.height() - 4).spec is ROWS[-1]
    assert not panel.legend.isVisible()


def _is_row(panel, y, place):
    readout = panel.table.readout_at(y)
    return readout is not None and readout.spec is ROWS[place] and y > 60


def test_trust_line_counts_and_opens_without_covering_ef(qtbot, theme, session):
    panel = _shown(qtbot, theme, session)
    assert panel.trust.words == "1 caution · 1 note"
    assert not panel.flags_area.isVisible()
    QTest.mouseClick(panel.trust, Qt.MouseButton.LeftButton, pos=QPoint(40, 10))
    QApplication.processEvents()
    assert panel.flags_area.isVisible()
    assert panel.table.isVisible()
    assert near(picture(panel.table)[:58, :70], theme.color("t1"), 60).sum() > 250
    assert near(picture(panel.flags), theme.color("amber"), 60).sum() > 10


def test_flags_are_open_where_there_is_room(qtbot, theme, session):
    panel = _shown(qtbot, theme, session, (800, 600))
    assert panel.flags_area.isVisible()
    assert panel.table.height() >= panel.table.needed_height()


def test_worst_flag_stands_first():
    shown = readouts_of(make_session_with_case("withheld"))
    assert [flag.severity for flag in shown.flags] == [Severity.STOP, Severity.CAUTION]
    assert shown.counts_words == "1 stop · 1 caution"


def test_a_stop_withholds_numbers_and_keeps_the_measured_ones(qtbot, theme):
    session = make_session_with_case("withheld")
    panel = _shown(qtbot, theme, session)
    assert panel.stop_box.isVisible()
    assert not panel.table.isVisible()
    assert panel.kept.isVisible()
    shown = readouts_of(session)
    withheld = {r.spec.metric for r in (shown.ef, *shown.rows) if r.withheld}
    assert withheld == set(session.numbers.withheld)
    assert all(r.value is None for r in (shown.ef, *shown.rows) if r.withheld)
    kept = {r.spec.metric for r in panel.kept._rows}
    assert "edv_ml" in kept
    assert near(picture(panel.stop_box), theme.color("redbg"), 6).mean() > 0.5
    assert near(picture(panel), theme.color("amber"), 50).sum() > 10


def test_numbers_are_shown_anyway_only_after_a_second_question(qtbot, theme):
    panel = _shown(qtbot, theme, make_session_with_case("withheld"))
    QTest.mouseClick(panel.stop_box.anyway, Qt.MouseButton.LeftButton)
    assert panel.stop_box.isVisible()
    assert panel.stop_box.anyway.text() == "Show them"
    QTest.mouseClick(panel.stop_box.other_ecg, Qt.MouseButton.LeftButton)
    assert panel.stop_box.anyway.text() == "Show numbers anyway"
    QTest.mouseClick(panel.stop_box.anyway, Qt.MouseButton.LeftButton)
    QTest.mouseClick(panel.stop_box.anyway, Qt.MouseButton.LeftButton)
    assert not panel.stop_box.isVisible()
    assert panel.table.isVisible()
    assert near(picture(panel), theme.color("red"), 50).sum() > 10


def test_another_result_is_withheld_again(qtbot, theme):
    session = make_session_with_case("withheld")
    panel = _shown(qtbot, theme, session)
    panel.show_anyway()
    assert not panel.stop_box.isVisible()
    session._change_result(generation=replace(session.result.generation))
    assert panel.stop_box.isVisible()


def test_after_a_stop_another_ecg_can_be_asked_for(qtbot, theme):
    panel = _shown(qtbot, theme, make_session_with_case("withheld"))
    with qtbot.waitSignal(panel.ecg_requested, timeout=500):
        QTest.mouseClick(panel.stop_box.other_ecg, Qt.MouseButton.LeftButton)


def test_before_anything_is_measured_there_is_one_sentence(qtbot, theme):
    panel = _shown(qtbot, theme, make_session_with_case("opened"))
    assert near(picture(panel.table), theme.color("t3"), 40).sum() > 30
    assert not panel.trust.isVisible()
    assert not _shown(qtbot, theme, Session()).trust.isVisible()


def test_measured_alone_has_no_second_value(qtbot, theme):
    session = make_session_with_case("measured")
    shown = readouts_of(session)
    assert not shown.compared
    assert all(row.measured is None for row in (shown.ef, *shown.rows))
    panel = _shown(qtbot, theme, session)
    assert panel.trust.words == "nothing to flag"
