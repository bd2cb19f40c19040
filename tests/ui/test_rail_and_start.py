"""The rail and the start page: who it is, what is there, what may be opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QLabel

from cof_viewer.app.library import LibraryRow
from cof_viewer.app.session import Session
from cof_viewer.domain.study import Patient
from cof_viewer.ui import wording
from cof_viewer.ui.demos import demos
from cof_viewer.ui.panels.start import RESEARCH_ONLY, StartPage
from cof_viewer.ui.panels.study import StudyPanel
from cof_viewer.ui.widgets.buttons import SegmentedControl
from cof_viewer.ui.widgets.list_row import ListRow
from tests.ui.fixtures import make_session_with_case


def _texts(widget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel) if label.text()]


def _rows(widget) -> dict[str, ListRow]:
    return {row.text(): row for row in widget.findChildren(ListRow)}


@pytest.fixture
def rail(qtbot, theme):
    rail = StudyPanel(make_session_with_case("generated"), theme)
    qtbot.addWidget(rail)
    rail.resize(216, 710)
    rail.show()
    return rail


def test_the_rail_says_who_it_is(rail):
    texts = _texts(rail)
    for expected in ("Sample, Anna", "170 cm · 62 kg · BSA 1.71 m²", "COF-0056", "Series", "ECG", "Anchor phase"):
        assert expected in texts


def test_the_rail_lists_what_can_be_shown_and_shows_it(rail, qtbot):
    rows = _rows(rail)
    assert rows["Generated cine"].chosen
    assert rows["Generated cine"].below == "30 phases · 12 members"
    assert not rows["Short-axis cine"].chosen
    qtbot.mouseClick(rows["Short-axis cine"], Qt.MouseButton.LeftButton)
    assert rail._session.result.shown == "measured"
    assert _rows(rail._scroll.widget())["Short-axis cine"].chosen


def test_pictures_of_the_series_are_real(rail):
    image = _rows(rail)["Generated cine"].grab().toImage()
    greys = {image.pixelColor(x, y).lightness() for x in range(14, 46) for y in range(8, 40)}
    assert len(greys) > 40


def test_the_rail_chooses_the_anchor(rail, qtbot):
    control = rail.findChild(SegmentedControl)
    assert control.current == "ed"
    control._take(1)
    assert rail._session.case.anchor_phase == "es"
    stale = _rows(rail._scroll.widget())["Generated cine"]
    assert stale.below == "From another ECG or anchor"
    with qtbot.waitSignal(rail.anchor_wanted):
        rail._scroll.widget().findChild(SegmentedControl)._take(2)


def test_without_an_ecg_the_rail_says_what_is_missing(qtbot, theme):
    session = make_session_with_case("opened")
    session._change_case(ecg=None, beat=None)
    rail = StudyPanel(session, theme)
    qtbot.addWidget(rail)
    assert "Generating needs the patient's 12-lead ECG." in _texts(rail)


def test_nothing_in_the_rail_is_cut_at_1280(rail):
    for label in rail.findChildren(QLabel):
        if not label.wordWrap() and label.isVisible():
            assert QFontMetricsF(label.font()).horizontalAdvance(label.text()) <= label.width() + 1, label.text()
    for row in rail.findChildren(ListRow):
        room = 216 - 12 - 36 - 9 - 12 - (20 if row._source else 0)
        assert QFontMetricsF(rail.theme.font("base")).horizontalAdvance(row.text()) <= room


@pytest.fixture
def start(qtbot, theme):
    page = StartPage(Session(), theme)
    qtbot.addWidget(page)
    page.resize(1280, 760)
    page.show()
    return page


def test_the_start_page_has_one_primary_action(start, theme, qtbot):
    button = start.open_button
    assert button.grab().toImage().pixelColor(8, 16) == theme.color("accent")
    with qtbot.waitSignal(start.study_wanted):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_start_page_says_what_it_is_not(start):
    assert RESEARCH_ONLY in _texts(start)
    assert "Studies you open are listed here with their picture and last numbers." in _texts(start)


def test_demo_studies_are_one_click_away(start, qtbot, monkeypatch):
    found = demos()
    assert len(found) >= 3
    assert found[0].folder.name == "normal"
    assert all(demo.ecg is not None and demo.picture is not None for demo in found)
    opened = []
    monkeypatch.setattr(start._session, "open", lambda *paths: opened.append(paths))
    qtbot.mouseClick(start.demo_button, Qt.MouseButton.LeftButton)
    assert opened == [(found[0].folder, found[0].ecg)]
    qtbot.mouseClick(_rows(start)[found[1].name], Qt.MouseButton.LeftButton)
    assert opened[-1] == (found[1].folder, found[1].ecg)


def test_recent_studies_come_back_with_their_ecg(start, qtbot, monkeypatch, tmp_path):
    start._session.library.remember(
        LibraryRow(str(tmp_path), ecg_path=str(tmp_path / "a.hea"), name="ACDC 061", measured_ef_percent=63.4)
    )
    opened = []
    monkeypatch.setattr(start._session, "open", lambda *paths: opened.append(paths))
    start._session.library_changed.emit()
    row = _rows(start)["ACDC 061"]
    assert row.below == "EF 63 % measured"
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    assert opened == [(tmp_path, tmp_path / "a.hea")]


def test_a_drag_lights_the_frame(start, theme):
    start.set_dragged_over(True)
    frame = start._box.grab().toImage()
    lit = frame.pixelColor(1, frame.height() // 2)
    start.set_dragged_over(False)
    frame = start._box.grab().toImage()
    assert lit == theme.color("accent") != frame.pixelColor(1, frame.height() // 2)


def test_withheld_stays_withheld_in_lists():
    row = LibraryRow("x", generated_ef_percent=30.0, withheld="ef_percent esv_ml")
    assert wording.library_line(row) == "EF withheld"
    assert wording.library_line(LibraryRow("x", generated_ef_percent=33.6)) == "EF 34 % generated"


def test_words_for_people():
    assert wording.sex_and_age(Patient(sex="F", age_years=72.0)) == "F · 72 y"
    assert wording.sex_and_age(Patient()) == ""
    assert wording.counted(1, "slice") == "1 slice"
    assert wording.library_name(LibraryRow(str(Path("a") / "exam"))) == "exam"
