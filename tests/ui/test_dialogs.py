"""The dialogs: settings from their table, export by kind, a study that is a folder or a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QWidget

from cof_viewer.app.export import KINDS_OF_GENERATION
from cof_viewer.app.settings import ROWS, load_settings
from cof_viewer.ui.dialogs import (
    KIND_WORDS,
    AboutDialog,
    AnchorDialog,
    ExportDialog,
    NumberField,
    SettingsDialog,
    StudyDialog,
)
from cof_viewer.ui.panels.start import RESEARCH_ONLY
from tests.ui.fixtures import make_session_with_case


@pytest.fixture
def parent(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def test_settings_have_a_line_a_row_and_count_at_once(theme, parent, qtbot):
    session = make_session_with_case("opened")
    dialog = SettingsDialog(theme, session, parent)
    assert {row.name for row in ROWS} <= {child.objectName() for child in dialog.findChildren(QWidget)}
    dialog.findChild(QCheckBox, "measure_on_open").setChecked(True)
    dialog.findChild(QComboBox, "theme").setCurrentIndex(1)
    members = dialog.findChild(QLineEdit, "members")
    members.setText("12")
    members.editingFinished.emit()
    settings = session.settings
    assert (settings.measure_on_open, settings.theme, settings.members) == (True, "light", 12)
    assert load_settings() == settings


def test_a_number_that_is_out_of_range_is_not_taken(theme, parent, qtbot):
    session = make_session_with_case("opened")
    members = SettingsDialog(theme, session, parent).findChild(QLineEdit, "members")
    members.clear()
    qtbot.keyClicks(members, "999")
    assert members.text() != "999"
    qtbot.keyClick(members, Qt.Key.Key_Return)
    assert 1 <= session.settings.members <= 64


def test_an_optional_setting_can_be_cleared(theme, parent, qtbot):
    session = make_session_with_case("opened")
    session.update_settings(steps=8)
    steps = SettingsDialog(theme, session, parent).findChild(QLineEdit, "steps")
    assert steps.text() == "8"
    steps.clear()
    qtbot.keyClick(steps, Qt.Key.Key_Return)
    assert session.settings.steps is None


def test_an_optional_number_may_be_left_out(qtbot):
    field = NumberField(1, 200, 20, optional=True)
    qtbot.addWidget(field)
    assert field.number == 20
    field.clear()
    assert field.number is None
    assert field.hasAcceptableInput()
    assert not NumberField(1, 200, None).hasAcceptableInput()


def test_export_offers_every_kind_and_needs_one(theme, parent, tmp_path):
    dialog = ExportDialog(theme, tmp_path, KINDS_OF_GENERATION, "It is generated.", parent)
    assert dialog.kinds == KINDS_OF_GENERATION == tuple(KIND_WORDS)
    boxes = dialog.findChildren(QCheckBox)
    for box in boxes[1:]:
        box.setChecked(False)
    assert dialog.kinds == ("cine",)
    boxes[0].setChecked(False)
    assert not dialog.accept_button.isEnabled()
    boxes[0].setChecked(True)
    dialog.field.setText("  ")
    assert not dialog.accept_button.isEnabled()
    dialog.field.setText(str(tmp_path / "out"))
    assert dialog.folder == tmp_path / "out"


def test_a_study_may_be_a_folder_or_a_file(parent, qtbot, tmp_path):
    file = tmp_path / "cine.nii.gz"
    file.write_bytes(b"")
    dialog = StudyDialog(parent, str(tmp_path))
    for chosen in (tmp_path, file):
        dialog.selectFile(str(chosen))
        dialog.accept()
        assert dialog.chosen == chosen


def test_the_anchor_is_counted_from_1_on_the_screen_and_from_0_inside(theme, parent):
    dialog = AnchorDialog(theme, 30, 11, parent)
    assert dialog._field.text() == "12"
    assert dialog.phase == 11
    dialog._field.setText("31")
    assert not dialog.accept_button.isEnabled()


def test_about_says_what_it_is_not(theme, parent):
    assert RESEARCH_ONLY in [label.text() for label in AboutDialog(theme, parent).findChildren(QLabel)]


def test_choosing_goes_through_the_session(make_window, monkeypatch, tmp_path):
    window = make_window("generated")
    calls = []
    for name in ("open", "open_ecg", "export", "write_report", "set_anchor_phase"):
        monkeypatch.setattr(window.session, name, lambda *given, name=name: calls.append((name, *given)))
    monkeypatch.setattr(StudyDialog, "exec", lambda self: setattr(self, "chosen", tmp_path) or 1)
    monkeypatch.setattr(ExportDialog, "exec", lambda self: self.field.setText(str(tmp_path)) or 1)
    monkeypatch.setattr(AnchorDialog, "exec", lambda self: 1)
    from PySide6.QtWidgets import QFileDialog

    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "a.hea"), ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "report"), ""))
    window.binder.run("open-study")
    window.binder.run("open-ecg")
    window.binder.run("export")
    window.binder.run("report")
    window.choose_anchor()
    assert calls == [
        ("open", tmp_path),
        ("open_ecg", tmp_path / "a.hea"),
        ("export", tmp_path, KINDS_OF_GENERATION),
        ("write_report", tmp_path / "report.pdf"),
        ("set_anchor_phase", 0),
    ]
    assert Path(calls[3][1]).suffix == ".pdf"
