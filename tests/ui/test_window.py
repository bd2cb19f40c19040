"""The window: keys reach the session, opening and dropping, messages, an orderly end."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFontMetricsF, QGuiApplication
from PySide6.QtWidgets import QLabel

from cof_viewer.app.library import LibraryRow
from cof_viewer.domain.function import METRICS
from cof_viewer.ui.dropped import sort_dropped
from cof_viewer.ui.numbers_text import NAMES, numbers_text
from cof_viewer.ui.palette import Palette
from cof_viewer.ui.panels.readouts import ReadoutsPanel
from cof_viewer.ui.window_state import restore_window_state, save_window_state
from tests.ui.fixtures import make_case

Key, Mod = Qt.Key, Qt.KeyboardModifier


def _press(qtbot, window, key, modifier=Mod.NoModifier):
    window.activateWindow()
    qtbot.keyClick(window, key, modifier)


def test_nothing_open_shows_the_start_page(make_window):
    window = make_window(None)
    assert window.stack.currentWidget() is window.start
    assert window.transport.isHidden()
    assert window.top_bar.identity == "No study open"
    assert window.start.open_button.isVisible()


def test_a_study_shows_who_it_is_in_the_middle(make_window):
    window = make_window("generated")
    assert window.top_bar.identity == "Sample, Anna F · 72 y"
    label = window.top_bar._name
    assert QFontMetricsF(label.font()).horizontalAdvance(label.text()) <= label.width()
    left = label.geometry().left()
    right = window.top_bar._facts.geometry().right()
    assert abs((left + right) / 2 - window.width() / 2) < 3


def test_a_long_name_never_pushes_the_rest_away(make_window):
    window = make_window("generated", (1024, 680))
    window.top_bar._name.setText("Wolfeschlegelsteinhausenbergerdorff " * 3)
    window.top_bar._place_identity()
    assert window.top_bar._facts.geometry().right() < window.top_bar.find_box.geometry().left()
    assert window.top_bar._name.geometry().left() > window.top_bar.menus.geometry().right()


@pytest.mark.parametrize(
    ("key", "modifier", "field", "expected"),
    [
        (Key.Key_Right, Mod.NoModifier, "phase", 1),
        (Key.Key_Left, Mod.NoModifier, "phase", 29),
        (Key.Key_End, Mod.NoModifier, "phase", 29),
        (Key.Key_Up, Mod.NoModifier, "slice", 4),
        (Key.Key_Down, Mod.NoModifier, "slice", 6),
        (Key.Key_Right, Mod.AltModifier, "speed", 2.0),
        (Key.Key_Left, Mod.AltModifier, "speed", 0.5),
        (Key.Key_C, Mod.NoModifier, "contours", False),
        (Key.Key_H, Mod.NoModifier, "overlays", False),
        (Key.Key_I, Mod.NoModifier, "invert", True),
        (Key.Key_L, Mod.NoModifier, "loop", False),
        (Key.Key_1, Mod.NoModifier, "layout", "single"),
        (Key.Key_3, Mod.NoModifier, "layout", "grid"),
        (Key.Key_4, Mod.NoModifier, "layout", "compare"),
        (Key.Key_Space, Mod.NoModifier, "playing", True),
        (Key.Key_P, Mod.NoModifier, "playing", True),
    ],
)
def test_keys_change_the_view(make_window, qtbot, key, modifier, field, expected):
    window = make_window("generated")
    _press(qtbot, window, key, modifier)
    assert getattr(window.session.view, field) == expected
    window.session.stop()


def test_ed_and_es_are_one_key_away(make_window, qtbot):
    window = make_window("generated")
    function = window.session.function
    _press(qtbot, window, Key.Key_S)
    assert window.session.view.phase == function.es_phase != 0
    _press(qtbot, window, Key.Key_D)
    assert window.session.view.phase == function.ed_phase


def test_playing_moves_in_order_and_stops(make_window, qtbot):
    window = make_window("generated")
    seen = []
    window.bridge.view_changed.connect(lambda _fields: seen.append(window.session.view.phase))
    _press(qtbot, window, Key.Key_Space)
    qtbot.waitUntil(lambda: len(set(seen)) > 6, timeout=3000)
    assert window.player.running
    _press(qtbot, window, Key.Key_Space)
    assert not window.player.running
    forward = [(b - a) % 30 for a, b in itertools.pairwise(seen)]
    assert max(forward) < 15, "phases came out of order"


def test_the_anchor_can_be_chosen_and_taken_back(make_window, qtbot):
    window = make_window("generated")
    _press(qtbot, window, Key.Key_S, Mod.AltModifier | Mod.ShiftModifier)
    assert window.session.case.anchor_phase == "es"
    assert window.session.case.stale
    _press(qtbot, window, Key.Key_Z, Mod.ControlModifier)
    assert window.session.case.anchor_phase is None
    _press(qtbot, window, Key.Key_Y, Mod.ControlModifier)
    assert window.session.case.anchor_phase == "es"


def test_es_is_set_by_hand_and_taken_back(make_window, qtbot):
    window = make_window("measured")
    found = window.session.case.es_phase
    window.session.set_phase(5)
    _press(qtbot, window, Key.Key_S, Mod.AltModifier)
    assert window.session.case.es_phase == 5
    _press(qtbot, window, Key.Key_Z, Mod.ControlModifier)
    assert window.session.case.es_phase == found


def test_a_panel_fills_the_window_and_esc_brings_the_others_back(make_window, qtbot):
    window = make_window("generated")
    _press(qtbot, window, Key.Key_7)
    assert window.grid.panel("ecg").size() == window.grid.size()
    assert window.grid.panel("slices").isHidden()
    _press(qtbot, window, Key.Key_Escape)
    assert window.grid.panel("slices").isVisible()
    window.grid.panel("heart").maximise_requested.emit()
    assert window.grid.panel("heart").size() == window.grid.size()
    window.grid.panel("heart").maximise_requested.emit()
    assert window.grid.panel("heart").width() == 360


def test_the_rail_collapses_and_the_identity_stays(make_window, qtbot):
    window = make_window("generated")
    _press(qtbot, window, Key.Key_B, Mod.ControlModifier)
    assert window.grid.panel("rail").isHidden()
    assert not window.top_bar.rail.isChecked()
    assert "Sample, Anna" in window.top_bar.identity
    _press(qtbot, window, Key.Key_B, Mod.ControlModifier)
    assert window.grid.panel("rail").isVisible()


def test_the_transport_stands_under_the_same_lines(make_window):
    window = make_window("generated")
    grid, bar = window.grid, window.transport
    assert bar._middle.geometry().left() == grid.panel("slices").geometry().left()
    assert bar._right.geometry().left() == grid.panel("heart").geometry().left()


def test_messages_never_cover_the_identity(make_window):
    window = make_window("generated")
    window.session.message.emit("The report could not be written to that folder: it is read-only.", "error")
    window.session.message.emit("Report written.", "info")
    assert [toast.severity for toast in window.messages.toasts] == ["error", "info"]
    assert window.messages.isVisible()
    assert not window.messages.geometry().intersects(window.top_bar.geometry())
    assert window.rect().contains(window.messages.geometry())
    window.session.message.emit("Report written.", "info")
    assert len(window.messages.toasts) == 2
    window.binder.run("cancel")
    assert window.messages.toasts == []
    assert window.messages.isHidden()


def test_a_long_message_is_read_whole(make_window, qtbot):
    window = make_window("generated")
    words = "Slice 5 of 9 is missing: the gap there is 20 mm, elsewhere 10 mm. Volumes are interpolated across it. " * 2
    window.session.message.emit(words, "warning")
    label = window.messages.toasts[0].findChild(QLabel)
    qtbot.wait(20)
    assert label.heightForWidth(label.width()) <= label.height()


def test_the_palette_finds_and_does(make_window, qtbot):
    window = make_window("generated")
    _press(qtbot, window, Key.Key_K, Mod.ControlModifier)
    palette = window.overlay("palette")
    assert isinstance(palette, Palette)
    assert palette.isVisible()
    qtbot.keyClicks(palette.field, "inv")
    assert palette.list.lines[0].spec.id == "invert"
    qtbot.keyClick(palette.field, Key.Key_Return)
    assert palette.isHidden()
    assert window.session.view.invert


def test_typing_in_the_palette_fires_no_shortcut(make_window, qtbot):
    window = make_window("generated")
    window.show_palette()
    palette = window.overlay("palette")
    before = window.session.view
    qtbot.keyClicks(palette.field, "c i")
    for key in (Key.Key_Down, Key.Key_Home, Key.Key_Left, Key.Key_Space):
        qtbot.keyClick(palette.field, key)
    assert window.session.view == before
    qtbot.keyClick(palette.field, Key.Key_Escape)
    assert palette.isHidden()


def test_the_palette_says_why_not(make_window):
    window = make_window("opened")
    window.show_palette()
    palette = window.overlay("palette")
    palette.search("report")
    assert [(line.spec.id, line.obstacle) for line in palette.list.missing] == [
        ("report", "needs a measured or generated beat"),
        ("export", "needs a measured or generated beat"),
    ]
    palette.list.current = 0
    palette.take()
    assert palette.isVisible()


def test_numbers_go_to_the_clipboard_without_what_is_withheld(make_window):
    window = make_window("withheld")
    window.copy_numbers()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert "LV EF\twithheld\t%\t\tgenerated" in lines
    edv = window.session.function.edv_ml
    assert any(line.startswith(f"LV EDV\t{edv:.0f}\tmL") for line in lines)
    assert lines[-1] == "Research use only. Not a medical device."


def test_every_number_has_a_name():
    assert tuple(NAMES) == METRICS
    text = numbers_text(make_case().generation.result)
    assert text.count("\n") == len(METRICS) + 1


def test_files_are_sorted_into_study_and_ecg(tmp_path):
    for name in ("cine.nii.gz", "ecg.hea", "ecg.dat"):
        (tmp_path / name).write_bytes(b"")
    study, header, samples = (tmp_path / name for name in ("cine.nii.gz", "ecg.hea", "ecg.dat"))
    assert sort_dropped([study], False) == (study, None)
    assert sort_dropped([samples, study, header], False) == (study, header)
    assert sort_dropped([header], True) == (None, header)
    assert sort_dropped([tmp_path], False) == (tmp_path, None)


def _drop(window, paths: list[Path]) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Mod.NoModifier
    window.dragEnterEvent(QDragEnterEvent(QPoint(600, 400), copy, mime, button, none))
    window.dropEvent(QDropEvent(QPointF(600, 400), copy, mime, button, none))


def test_what_is_dropped_is_opened(make_window, monkeypatch, tmp_path):
    window = make_window(None)
    opened = []
    monkeypatch.setattr(window.session, "open", lambda *paths: opened.append(paths))
    header = tmp_path / "ecg.hea"
    header.write_text("ecg 12 500 5000\n")
    _drop(window, [tmp_path, header])
    assert opened == [(tmp_path, header)]


def test_an_ecg_alone_needs_a_study_first(make_window, tmp_path):
    window = make_window(None)
    header = tmp_path / "ecg.hea"
    header.write_text("ecg 12 500 5000\n")
    _drop(window, [header])
    assert window.messages.toasts[0].text == "Open a study first, then its ECG."


def test_a_path_that_is_not_there_is_said_in_one_sentence(make_window, qtbot, tmp_path):
    window = make_window(None)
    window.open_paths([tmp_path / "gone"])
    qtbot.waitUntil(lambda: bool(window.messages.toasts), timeout=5000)
    toast = window.messages.toasts[0]
    assert toast.severity == "error"
    assert "gone" in toast.text
    assert window.stack.currentWidget() is window.start


def test_closing_stops_what_runs_and_leaves_no_thread(make_window, qtbot):
    window = make_window("measured")
    started, ended = threading.Event(), threading.Event()

    def work(progress, cancel):
        started.set()
        try:
            while True:
                cancel.raise_if_cancelled()
                ended.wait(0.01)
        finally:
            ended.set()

    window.session._submit("Measuring", "measure", work, lambda _: None)
    assert started.wait(2)
    window.close()
    assert ended.is_set()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("cof-")] == []


def test_density_follows_the_width(make_window, qtbot):
    window = make_window("generated")
    assert window.theme.density == "compact"
    window.resize(1920, 1080)
    assert window.theme.density == "comfortable"
    assert window.top_bar.height() == 44
    assert window.transport.height() == 56


def test_the_theme_can_be_changed_while_it_is_open(make_window, qtbot):
    window = make_window("generated")
    window.toggle_theme()
    assert window.theme.mode == "light"
    assert window.session.settings.theme == "light"
    corner = window.grab().toImage().pixelColor(600, 4)
    assert corner == window.theme.color("panel")


def test_an_ecg_that_lies_alone_beside_the_study_is_taken_with_it(make_window, monkeypatch):
    window = make_window("opened")
    taken = []
    monkeypatch.setattr(window.session, "open_ecg", taken.append)
    study = replace(make_case().study, ecg_paths=("beside/ecg.hea",))
    window.session._change_case(study=study, ecg=None, beat=None, path="another")
    assert taken == [Path("beside/ecg.hea")]
    window.session._change_case(anchor_phase="es")
    assert len(taken) == 1
    two = replace(study, ecg_paths=("beside/a.hea", "beside/b.hea"))
    window.session._change_case(study=two, path="a third")
    assert len(taken) == 1


def test_recent_studies_stand_in_the_file_menu(make_window, monkeypatch, tmp_path):
    window = make_window(None)
    window.session.library.remember(LibraryRow(str(tmp_path), name="ACDC 061"))
    window.session.library.remember(LibraryRow(str(tmp_path / "gone"), name="ACDC 078"))
    opened = []
    monkeypatch.setattr(window.session, "open", lambda *paths: opened.append(paths))
    window._fill_recent()
    entries = {entry.text(): entry for entry in window._recent_menu.actions()}
    assert not entries["ACDC 078"].isEnabled()
    entries["ACDC 061"].trigger()
    assert opened == [(tmp_path, None)]


def test_the_window_comes_back_as_it_was_left(make_window):
    window = make_window("generated")
    window.grid.set_lines(right=420, rail=0)
    save_window_state(window)
    other = make_window("generated", (1024, 680))
    restore_window_state(other)
    assert other.grid.lines.right == 420
    assert other.grid.lines.rail == 0
    assert other.grid.lines.lower is None


def test_another_ecg_can_be_chosen_from_the_readouts(make_window, monkeypatch, plain_panels):
    window = make_window("withheld")
    window.grid.put("readouts", ReadoutsPanel(window.session, window.theme))
    asked = []
    monkeypatch.setattr(window, "choose_ecg", lambda: asked.append(True))
    window.connect_panel("readouts", window.grid.panel("readouts"))
    window.grid.panel("readouts").ecg_requested.emit()
    assert asked == [True]
