"""The window: top bar, the grid of panels or the start page, the transport, and what lies over them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QStackedWidget, QVBoxLayout, QWidget

from cof_viewer.app.paths import resources_dir
from cof_viewer.app.session import Session
from cof_viewer.ui.action_binder import ActionBinder
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.dropped import sort_dropped
from cof_viewer.ui.grid import PLACES, Place, WindowGrid
from cof_viewer.ui.panel_factory import make_panel
from cof_viewer.ui.panels.start import StartPage
from cof_viewer.ui.panels.transport import TransportBar
from cof_viewer.ui.player import Player
from cof_viewer.ui.style_sheet import style_sheet
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.tokens import COMFORTABLE_FROM_PX, Mode
from cof_viewer.ui.top_bar import TopBar
from cof_viewer.ui.widgets.messages import MessageArea
from cof_viewer.ui.widgets.overlay import Overlay
from cof_viewer.ui.widgets.panel import Panel

MINIMUM = (1024, 680)


class Window(QWidget):
    """One window, one open study. It is the `Shell` of the action table.

    Attributes:
        closing: emitted once, before the panels are freed.
    """

    closing = Signal()

    def __init__(self, session: Session, theme: Theme | None = None) -> None:
        """Build everything but the panels, which come after the first paint."""
        super().__init__()
        self.session = session
        self.theme = theme or Theme(_mode(session))
        self.setWindowTitle("COF Viewer")
        self.setMinimumSize(*MINIMUM)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._open_path = ""
        self._overlays: dict[str, Overlay] = {}
        self.bridge = bridge_of(session)
        self.binder = ActionBinder(self, self, session, self.bridge, self.theme)
        self._build()
        self.player = Player(session, self)
        self._connect()
        self.apply_theme()
        self._case_changed()

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.top_bar = TopBar(self.session, self.binder, self.theme, self)
        self.start = StartPage(self.session, self.theme, self)
        self.grid = WindowGrid(self.theme, self)
        self.transport = TransportBar(self.session, self.theme, self)
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.start)
        self.stack.addWidget(self.grid)
        self.messages = MessageArea(self.theme, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.top_bar)
        column.addWidget(self.stack, 1)
        column.addWidget(self.transport)
        self._recent_menu = QMenu("Recent studies", self)
        self._recent_menu.aboutToShow.connect(self._fill_recent)
        before = self.binder.actions["export"]
        self.binder.menus["File"].insertMenu(before, self._recent_menu)

    def _connect(self) -> None:
        self.bridge.case_changed.connect(self._case_changed)
        self.bridge.message.connect(self.messages.show_message)
        self.bridge.settings_changed.connect(lambda: self.theme.set_mode(_mode(self.session)))
        self.theme.changed.connect(self.apply_theme)
        self.start.study_wanted.connect(self.choose_study)
        self.grid.moved.connect(self._lines_moved)
        self.grid.arranged.connect(self._place_messages)

    def ensure_panels(self) -> None:
        """Make the panels that are not there yet."""
        for place in PLACES:
            if place not in self.grid.places():
                panel = make_panel(place, self.session, self.theme)
                self.connect_panel(place, panel)
                self.grid.put(place, panel)

    def connect_panel(self, place: Place, panel: Panel) -> None:
        """Answer what a panel asks the window for: to fill it, or to choose a study, an ECG, an anchor."""
        panel.maximise_requested.connect(lambda: self.fill_window(place))
        answers = {
            "study_wanted": self.choose_study,
            "ecg_wanted": self.choose_ecg,
            "ecg_requested": self.choose_ecg,
            "anchor_wanted": self.choose_anchor,
        }
        for name, answer in answers.items():
            signal = getattr(panel, name, None)
            if isinstance(signal, SignalInstance):
                signal.connect(answer)

    def is_settled(self) -> bool:
        """Whether every panel has drawn what it is to show now."""
        panels = [self.grid.panel(place) for place in self.grid.places()]
        return all(panel.is_settled() for panel in panels if isinstance(panel, Panel) and panel.isVisible())

    def apply_theme(self) -> None:
        """Colours and fonts for what Qt draws itself."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setPalette(self.theme.palette())
            app.setFont(self.theme.font("base"))
            app.setStyleSheet(style_sheet(self.theme, (resources_dir() / "icons").as_posix()))
        self.update()

    # -- following -------------------------------------------------------------------------------------------------

    def _case_changed(self) -> None:
        case = self.session.case
        shown = case.study is not None
        if shown:
            self.ensure_panels()
        self.stack.setCurrentWidget(self.grid if shown else self.start)
        self.transport.setVisible(shown)
        self.top_bar.rail.setEnabled(shown)
        self._place_messages()
        if case.path != self._open_path:
            self._open_path = case.path
            self.grid.set_lines(filled=None)
            if shown:
                self._take_ecg_beside()

    def _take_ecg_beside(self) -> None:
        """An ECG that lies alone beside the study is taken with it; of several the user chooses."""
        case = self.session.case
        assert case.study is not None
        if case.ecg is None and len(case.study.ecg_paths) == 1:
            self.session.open_ecg(Path(case.study.ecg_paths[0]))

    def _lines_moved(self, rail: int, right: int) -> None:
        self.transport.set_lines(rail, right)
        self.top_bar.set_rail_shown(rail > 0)

    def _place_messages(self) -> None:
        if self.session.case.study is None:
            self.top_bar.set_rail_shown(False)
            self.messages.set_area(self.stack.geometry().adjusted(0, 0, 0, -32))
            return
        area = self.grid.panel("slices").geometry() if "slices" in self.grid.places() else QRect()
        area = area if not area.isEmpty() else self.grid.rect()
        self.messages.set_area(area.translated(self.stack.pos()))

    def _fill_recent(self) -> None:
        from cof_viewer.ui.panels.study import recent_rows
        from cof_viewer.ui.wording import library_name

        self._recent_menu.clear()
        rows = recent_rows(self.session)[:12]
        for row in rows:
            entry = self._recent_menu.addAction(library_name(row))
            entry.setEnabled(row.still_there)
            ecg = Path(row.ecg_path) if row.ecg_path else None
            entry.triggered.connect(lambda _on=False, path=row.path, ecg=ecg: self.session.open(Path(path), ecg))
        if not rows:
            self._recent_menu.addAction("Studies you open are listed here").setEnabled(False)

    # -- shell: opening and writing ----------------------------------------------------------------------------------

    def open_paths(self, paths: list[Path]) -> None:
        """Open what was dropped or named: a study, an ECG, or both."""
        study, ecg = sort_dropped(paths, self.session.case.study is not None)
        if study is not None:
            self.session.open(study, ecg)
        elif ecg is not None and self.session.case.study is not None:
            self.session.open_ecg(ecg)
        elif ecg is not None:
            self.messages.show_message("Open a study first, then its ECG.", "warning")

    def choose_study(self) -> None:
        """Ask for a folder or a file."""
        from cof_viewer.ui.dialogs import StudyDialog

        self.session.stop()
        here = Path(self.session.case.path).parent if self.session.case.path else Path.home()
        dialog = StudyDialog(self, str(here))
        if dialog.exec() and dialog.chosen is not None:
            self.session.open(dialog.chosen)

    def choose_ecg(self) -> None:
        """Ask for an ECG record."""
        if self.session.case.study is None:
            self.messages.show_message("Open a study first, then its ECG.", "warning")
            return
        self.session.stop()
        here = str(Path(self.session.case.ecg_path or self.session.case.path).parent)
        name, _ = QFileDialog.getOpenFileName(self, "Open ECG", here, "ECG records (*.hea *.dcm *);;All files (*)")
        if name:
            self.session.open_ecg(Path(name))

    def choose_anchor(self) -> None:
        """Ask for another anchor phase."""
        from cof_viewer.ui.dialogs import AnchorDialog

        self.session.stop()
        measured = self.session.measured_cine
        phases = measured.phases if measured is not None and measured.phases > 1 else 50
        dialog = AnchorDialog(self.theme, phases, self.session.phase_of("measured"), self)
        if dialog.exec():
            self.session.set_anchor_phase(dialog.phase)

    def choose_export(self) -> None:
        """Ask what to write and where."""
        from cof_viewer.app.export import kinds_of
        from cof_viewer.ui.dialogs import ExportDialog

        result = self.session.result
        outcome = result.generation if result.shown == "generated" else result.measurement
        if outcome is None:
            return
        self.session.stop()
        generated = result.shown == "generated"
        marked = (
            "The generated beat is written; every file says that it is generated."
            if generated
            else ("The measured numbers and labels are written.")
        )
        dialog = ExportDialog(self.theme, Path.home() / "cof-export", kinds_of(outcome), marked, self)
        if dialog.exec():
            self.session.export(dialog.folder, dialog.kinds)

    def choose_report(self) -> None:
        """Ask where the report goes."""
        self.session.stop()
        name, _ = QFileDialog.getSaveFileName(self, "Write report", str(Path.home() / "report.pdf"), "PDF (*.pdf)")
        if name:
            path = Path(name)
            self.session.write_report(path if path.suffix else path.with_suffix(".pdf"))

    # -- shell: looking ------------------------------------------------------------------------------------------------

    def overlay(self, name: str) -> Overlay:
        """The palette or the shortcut sheet, made on first need."""
        if name not in self._overlays:
            from cof_viewer.ui.palette import Palette
            from cof_viewer.ui.shortcut_sheet import ShortcutSheet

            made: Overlay = (
                Palette(self.theme, self.binder, self) if name == "palette" else ShortcutSheet(self.theme, self)
            )
            made.closed.connect(self.setFocus)
            self._overlays[name] = made
        return self._overlays[name]

    def show_palette(self) -> None:
        """Find an action."""
        self.overlay("palette").open()

    def show_shortcuts(self) -> None:
        """All shortcuts."""
        self.overlay("shortcuts").open()

    def show_settings(self) -> None:
        """The settings, from their table."""
        from cof_viewer.ui.dialogs import SettingsDialog

        self.session.stop()
        SettingsDialog(self.theme, self.session, self).exec()

    def show_about(self) -> None:
        """What it is and what it is not."""
        from cof_viewer.ui.dialogs import AboutDialog

        self.session.stop()
        AboutDialog(self.theme, self).exec()

    def toggle_rail(self) -> None:
        """Show or hide the rail."""
        if self.session.case.study is not None:
            hidden = self.grid.lines.rail == 0
            self.grid.set_lines(rail=None if hidden else 0)

    def toggle_theme(self) -> None:
        """Dark or light, kept for the next start."""
        self.session.update_settings(theme="light" if self.theme.mode == "dark" else "dark")

    def toggle_full_screen(self) -> None:
        """Fill the screen, or not."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def fill_window(self, panel: str) -> None:
        """Let one panel fill the area, or bring all back if it does already."""
        if panel in PLACES:
            place: Place = panel
            self.grid.set_lines(filled=None if self.grid.lines.filled == place else place)

    def restore_layout(self) -> None:
        """All panels where the window's size wants them."""
        self.grid.set_lines(filled=None, rail=None, right=None, lower=None)

    def copy_picture(self) -> None:
        """The slices as they are shown, tags and all, to the clipboard."""
        QGuiApplication.clipboard().setPixmap(self.grid.panel("slices").grab())
        self.messages.show_message("The slices are on the clipboard.", "info")

    def copy_numbers(self) -> None:
        """The table of numbers to the clipboard."""
        from cof_viewer.ui.numbers_text import numbers_text

        if self.session.numbers is not None:
            QGuiApplication.clipboard().setText(numbers_text(self.session.numbers))
            self.messages.show_message("The numbers are on the clipboard.", "info")

    def escape(self) -> None:
        """Leave what is foremost: a filling panel, full screen; cancel what runs."""
        if self.session.busy is not None:
            self.session.cancel()
        elif self.grid.lines.filled is not None:
            self.grid.set_lines(filled=None)
        elif self.isFullScreen():
            self.toggle_full_screen()
        else:
            self.messages.clear()

    def close_window(self) -> None:
        """Close."""
        self.close()

    # -- events --------------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """The panels, and what they import, come after the first paint."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self.ensure_panels)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Compact or comfortable by the window's width."""
        super().resizeEvent(event)
        self.theme.set_density("comfortable" if self.width() >= COMFORTABLE_FROM_PX else "compact")
        self._place_messages()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders are welcome."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.start.set_dragged_over(True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """They went away again."""
        self.start.set_dragged_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        self.start.set_dragged_over(False)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_paths(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel what runs and wait for its threads, free VTK, then go."""
        self.player.stop()
        self.session.close()
        self.closing.emit()
        for place in self.grid.places():
            panel = self.grid.panel(place)
            if isinstance(panel, Panel):
                panel.finalize()
        super().closeEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The gaps between bar, panels and transport."""
        QPainter(self).fillRect(self.rect(), self.theme.color("gap"))


def _mode(session: Session) -> Mode:
    return "light" if session.settings.theme == "light" else "dark"
