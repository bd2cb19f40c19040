"""The curve panel: lines where the volumes are, the cursor, the hand, what a stop hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cof_viewer.app.session import Session
from cof_viewer.domain.function import Source
from cof_viewer.ui.panels.volume_curve import CurvePanel
from cof_viewer.ui.panels.volume_curve.data import curves_of, waves_of
from cof_viewer.ui.panels.volume_curve.panel import BY_HAND
from tests.ui.fixtures import make_session_with_case
from tests.ui.panels.pixels import near, picture


def _shown(qtbot, theme, session, size=(360, 198)):
    panel = CurvePanel(session, theme)
    qtbot.addWidget(panel)
    panel.resize(*size)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


@pytest.fixture
def session():
    return make_session_with_case("generated")


@pytest.fixture
def panel(qtbot, theme, session):
    return _shown(qtbot, theme, session)


def test_the_line_passes_through_every_volume(qtbot, theme):
    session = make_session_with_case("measured")
    panel = _shown(qtbot, theme, session)
    image, axes, function = picture(panel.view), panel.view.axes, session.function
    ink = near(image, theme.color("endo_plot"), 70)
    marked = (function.ed_phase, function.es_phase)
    for phase, (time, volume) in enumerate(zip(function.phase_ms, function.lv_volume_ml, strict=True)):
        x, y = round(axes.x(time)), round(axes.y(volume))
        reach = 6 if phase in marked else 2  # a hollow ring round the point covers the line at ED and ES
        assert ink[y - reach : y + reach + 1, x - reach : x + reach + 1].any(), (time, volume)


def test_measured_stands_solid_beside_generated_dashed(session):
    shown = curves_of(session, "lv")
    assert [curve.source for curve in shown.curves] == [Source.GENERATED, Source.MEASURED]
    assert shown.curves[0].band is not None
    assert shown.curves[1].band is None
    assert shown.unit == "mL"
    assert shown.period == pytest.approx(session.rr_ms)


def test_a_band_is_painted_round_the_generated_curve(panel, theme, session):
    image, axes, function = picture(panel.view), panel.view.axes, session.function
    k = len(function.phase_ms) // 2 + 3
    x = round(axes.x(function.phase_ms[k]))
    low, high = function.lv_band_ml[k]
    panel_red = theme.color("panel").red()
    y = round(axes.y(low + 0.12 * (high - low)))
    assert image[y, x, 0] > panel_red + 20
    outside = round(axes.y(low)) + 8
    assert image[outside, x, 0] < panel_red + 15


def test_a_measured_beat_of_another_length_keeps_its_own_times(panel, session):
    """An ECG at another rate: the measured curve ends after its own beat, and the axis holds both."""
    generation, factor = session.result.generation, 1.3
    times = tuple(factor * t for t in generation.cine.phase_ms)
    cine = replace(generation.cine, phase_ms=times, rr_ms=factor * generation.cine.rr_ms)
    function = replace(generation.result.function, phase_ms=times)
    longer = replace(generation, cine=cine, result=replace(generation.result, function=function))
    session._change_result(generation=longer)
    shown = curves_of(session, "lv")
    assert shown.period == pytest.approx(cine.rr_ms)
    assert shown.curves[1].period == pytest.approx(session.measured_cine.rr_ms)
    assert shown.curves[1].xs == session.measured_cine.phase_ms
    assert shown.x_end == pytest.approx(cine.rr_ms)
    session.set_phase(15)
    assert panel.view.cursor_x() == pytest.approx(panel.view.axes.x(times[15]))


def _cursor_column(panel, theme):
    hits = near(picture(panel.view), theme.color("cursor"), 45).mean(axis=0)
    return int(np.argmax(hits)) if hits.max() > 0.5 else None


def test_the_cursor_moves_with_the_phase(panel, theme, session):
    for phase in (0, 11, 29):
        session.set_phase(phase)
        assert _cursor_column(panel, theme) == pytest.approx(panel.view.axes.x(session.time_ms), abs=1.5)


def test_a_moved_cursor_leaves_nothing_behind(panel, session):
    for phase in (3, 17, 8):
        session.set_phase(phase)
        QApplication.processEvents()
    moved = picture(panel.view)
    panel.view.lay_out()
    assert np.abs(picture(panel.view) - moved).max() == 0


def test_a_click_sets_the_nearest_phase(panel, session):
    axes = panel.view.axes
    x = axes.x(session.phase_ms[20])
    QTest.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=QPoint(round(x), 60))
    assert session.view.phase == 20


def test_the_right_ventricle_has_its_own_curve_and_colour(panel, theme, session):
    panel.choice.chosen.emit("rv")
    assert session.view.show_rv_curve
    assert near(picture(panel.view), theme.color("rv_plot"), 60).sum() > 100
    assert curves_of(session, "rv").main.ys == session.function.rv_volume_ml
    session.toggle_rv_curve()
    assert panel.choice.current == "lv"


def test_members_fan_out_with_room(qtbot, theme, session):
    shown = curves_of(session, "lv")
    assert len(shown.members) == len(session.result.generation.member_lv_ml)
    assert curves_of(session, "rv").members == ()
    wide = _shown(qtbot, theme, session, (800, 400))
    fan = picture(wide.view)
    session._change_result(
        generation=replace(session.result.generation, member_lv_ml=session.result.generation.member_lv_ml[:1])
    )
    plain = picture(wide.view)
    assert 200 < (np.abs(fan - plain).max(axis=-1) > 8).sum() < 30_000


def test_the_rate_is_the_slope(session):
    shown = curves_of(session, "rate")
    volumes, times = session.function.lv_volume_ml, session.function.phase_ms
    by_hand = (volumes[9] - volumes[7]) / (times[9] - times[7]) * 1000
    assert shown.main.ys[8] == pytest.approx(by_hand)
    assert shown.unit == "mL/s"


def test_unknown_millilitres_give_percent(session):
    numbers = session.result.measurement.result
    bare = replace(numbers.function, lv_volume_ml=None, rv_volume_ml=None, edv_ml=None, esv_ml=None)
    measurement = replace(session.result.measurement, result=replace(numbers, function=bare))
    session._change_result(measurement=measurement, generation=None, shown="measured")
    shown = curves_of(session, "lv")
    assert shown.unit == "%"
    assert max(shown.main.ys) == pytest.approx(100.0)


def test_unknown_times_give_shares_of_the_beat(session):
    numbers = session.result.measurement.result
    measurement = replace(
        session.result.measurement, result=replace(numbers, function=replace(numbers.function, phase_ms=None))
    )
    session._change_result(measurement=measurement, generation=None, shown="measured")
    shown = curves_of(session, "lv")
    assert not shown.in_ms
    assert shown.period == 1.0


def test_waves_lie_on_the_beat(session):
    beat = session.case.beat
    waves = {w.name: w for w in waves_of(beat, beat.rr_ms)}
    found = beat.intervals
    assert waves["QRS"].end_ms == pytest.approx(found.qrs_end_at_ms)
    assert waves["T"].end_ms == pytest.approx(found.t_end_at_ms)
    assert waves["P"].start_ms == pytest.approx(beat.rr_ms + found.p_onset_at_ms)
    assert "P" not in {w.name for w in waves_of(replace(beat, irregular=True), beat.rr_ms)}


def test_a_stop_takes_the_figures_away(qtbot, theme):
    session = make_session_with_case("withheld")
    panel = _shown(qtbot, theme, session)
    shown = curves_of(session, "lv")
    assert shown.withheld
    assert shown.unit == "no scale"
    assert shown.with_waves(waves_of(session.case.beat, 800.0)).waves == ()
    left = picture(panel.view)[:-30, : int(panel.view.axes.box.left()) - 8]
    assert np.abs(left - left[0, 0]).max() < 12


def test_before_anything_is_measured_there_is_one_sentence(qtbot, theme):
    for session in (make_session_with_case("opened"), Session()):
        panel = _shown(qtbot, theme, session)
        assert panel.view.axes is None
        assert near(picture(panel.view), theme.color("t3"), 40).sum() > 30


def _drag(view, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(view, end)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)


def test_the_ring_of_es_is_drawn_by_hand(panel):
    moved = []
    panel.view.es_moved.disconnect()
    panel.view.es_moved.connect(moved.append)
    ring, axes = panel.view.es_ring().toPoint(), panel.view.axes
    phase = panel._session.view.phase
    _drag(panel.view, ring, ring + QPoint(25, 10))
    assert moved[-1] == pytest.approx(axes.fraction_at(ring.x() + 25) * axes.x_end, abs=2)
    assert panel._session.view.phase == phase
    _drag(panel.view, ring + QPoint(60, 0), ring + QPoint(80, 0))
    assert len(moved) == 1
    assert panel._session.view.phase != phase


def test_a_measured_es_has_no_ring_to_take_hold_of(qtbot, theme):
    assert _shown(qtbot, theme, make_session_with_case("measured")).view.es_ring() is None


def test_an_es_by_hand_is_named_in_the_header(panel, session):
    assert BY_HAND not in panel.header.note.text()
    session._change_case(es_by_hand_ms=300.0)
    assert BY_HAND in panel.header.note.text()
