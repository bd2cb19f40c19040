"""The action table: complete, unambiguous, and the only source of menus, keys, sheet and palette."""

from __future__ import annotations

from collections import Counter
from unittest.mock import create_autospec

import pytest
from PySide6.QtGui import QAction, QKeySequence

from cof_viewer.app.paths import resources_dir
from cof_viewer.app.session import Session
from cof_viewer.ui.actions import ACTIONS, MENUS, action
from cof_viewer.ui.sheet_rows import SHEET
from cof_viewer.ui.shortcut_sheet import ShortcutSheet, caps_of_row
from cof_viewer.ui.widgets.keys import caps_of, spoken
from cof_viewer.ui.window import Window
from tests.ui.fixtures import make_session_with_case


def test_ids_are_unique():
    assert [name for name, count in Counter(spec.id for spec in ACTIONS).items() if count > 1] == []


def test_shortcuts_are_unique_and_readable():
    keys = [QKeySequence(key).toString() for spec in ACTIONS for key in spec.shortcuts]
    assert "" not in keys
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_every_row_stands_in_a_menu_of_the_bar():
    assert {spec.menu for spec in ACTIONS} == set(MENUS)


def test_every_icon_ships():
    missing = [s.icon for s in ACTIONS if s.icon and not (resources_dir() / "icons" / f"{s.icon}.svg").is_file()]
    assert missing == []


@pytest.fixture(scope="module")
def session() -> Session:
    """A generated case, only read here."""
    return make_session_with_case("generated")


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_every_command_and_condition_exists(spec, session):
    assert spec.when.obstacle(session) is None or isinstance(spec.when.obstacle(session), str)
    if spec.checked is not None:
        assert isinstance(spec.checked(session), bool)
    stand_in = create_autospec(Session, instance=True)
    stand_in.result.shown = "generated"
    shell = create_autospec(Window, instance=True)
    spec.run(stand_in, shell)
    assert stand_in.method_calls or shell.method_calls


@pytest.mark.parametrize("spec", ACTIONS, ids=lambda spec: spec.id)
def test_the_reason_is_said_where_an_action_is_not_available(spec, qapp):
    obstacle = spec.when.obstacle(Session())
    assert obstacle is None or (obstacle[0].islower() and not obstacle.endswith("."))


def test_the_keys_of_the_reference_are_there():
    wanted = {
        "Ctrl+O": "open-study", "Ctrl+E": "open-ecg", "Ctrl+P": "report", "Ctrl+Shift+E": "export", "G": "generate",
        "Esc": "cancel", "Home": "first-phase", "End": "last-phase", "Space": "play", "P": "play",
        "Left": "previous-phase", "Right": "next-phase", "Up": "slice-base", "Down": "slice-apex",
        "Alt+Left": "slower", "Alt+Right": "faster", "D": "jump-ed", "S": "jump-es", "C": "contours", "H": "overlays",
        "R": "reset", "I": "invert", "Z": "fit", "F1": "shortcuts", "?": "shortcuts", "Ctrl+K": "palette",
        "Ctrl+Z": "undo", "Ctrl+Y": "redo", "1": "layout-single", "4": "layout-compare", "9": "restore",
    }  # fmt: skip
    table = {key: spec.id for spec in ACTIONS for key in spec.shortcuts}
    assert {key: table.get(key) for key in wanted} == wanted


def test_the_sheet_shows_every_key_of_the_table():
    shown = {name for _, rows in SHEET for row in rows for name in row.actions}
    ranges = {"layout-strip", "layout-grid", "fill-heart", "fill-ecg", "fill-curve"}  # inside "1 – 4" and "5 – 9"
    assert {spec.id for spec in ACTIONS if spec.shortcuts} - ranges == shown


def test_a_line_of_the_sheet_has_the_keys_of_its_actions():
    rows = {row.text: caps_of_row(row) for _, rows in SHEET for row in rows}
    assert rows["Slower, faster"] == ("Alt", "←", "or", "Alt", "→")
    assert rows["Slice layouts"] == ("1", "–", "4")
    assert rows["Export"] == ("Ctrl", "Shift", "E")


def test_the_sheet_narrows_to_what_is_typed(make_window, qtbot):
    window = make_window("generated")
    window.show_shortcuts()
    sheet = window.overlay("shortcuts")
    assert isinstance(sheet, ShortcutSheet)
    sheet.field.setText("zoom")
    assert [words for words, line in sheet._lines if line.isVisible()] == ["mouse zoom right drag"]


def test_every_action_of_the_window_comes_from_the_table(make_window):
    window = make_window("generated")
    known = set(window.binder.actions.values())
    in_menus = {entry for menu in window.binder.menus.values() for entry in menu.actions()}
    strangers = {e for e in in_menus - known if not e.isSeparator() and e.menu() is None}
    assert strangers == set()
    assert known <= in_menus
    assert set(window.actions()) == known
    assert all(isinstance(entry, QAction) for entry in known)


def test_actions_follow_the_session(make_window):
    window = make_window("opened")
    actions = window.binder.actions
    assert not actions["report"].isEnabled()
    assert "needs a measured or generated beat" in actions["report"].toolTip()
    assert actions["contours"].isChecked()
    window.session.toggle_contours()
    assert not actions["contours"].isChecked()
    actions["contours"].trigger()
    assert window.session.view.contours
    assert actions["contours"].isChecked()


def test_keys_are_written_as_people_say_them():
    assert caps_of("Ctrl+Shift+E") == ("Ctrl", "Shift", "E")
    assert caps_of("Alt+Left") == ("Alt", "←")
    assert spoken(action("settings").shortcuts[0]) == "Ctrl ,"
    assert caps_of("?") == ("?",)
