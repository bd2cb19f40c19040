"""The slices panel: header with window, layouts and contours; one picture, the strip, all slices, or two cines."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QWidget

from cof_viewer.app.session import Session
from cof_viewer.app.state import Layout, WindowPreset
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.panels.slices.grid import SliceGrid
from cof_viewer.ui.panels.slices.pictures import SlicePictures
from cof_viewer.ui.panels.slices.strip import FilmStrip
from cof_viewer.ui.panels.slices.view import SliceView
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import MenuButton, SegmentedControl
from cof_viewer.ui.widgets.panel import Panel

LAYOUT_CHOICES: tuple[tuple[Layout, str, str], ...] = (
    ("single", "square", "One slice"),
    ("strip", "gallery-vertical", "One slice and the strip"),
    ("grid", "grid-3x3", "All slices"),
    ("compare", "columns-2", "Generated beside measured"),
)
PRESETS: tuple[tuple[WindowPreset, str], ...] = (
    ("auto", "Auto window"),
    ("blood-muscle", "Blood–muscle"),
    ("wide", "Wide window"),
)


class SlicesPanel(Panel):
    """Reads cine, labels and view of the session; sends it slice, phase, window, zoom and layout."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build header and body and follow the session."""
        super().__init__("Short axis", theme, parent)
        self._session = session
        self._pictures = SlicePictures(session)
        self.view = SliceView(session, self._pictures, theme, self)
        self.measured_view = SliceView(session, self._pictures, theme, self, shown="measured")
        self.generated_view = SliceView(session, self._pictures, theme, self, shown="generated")
        self.strip = FilmStrip(session, self._pictures, theme, self)
        self.grid = SliceGrid(session, self._pictures, theme, self)
        self._build_header()
        self._build_body()
        self._follow()
        self._refresh_all()

    def minimumSizeHint(self) -> QSize:
        """DESIGN section 4."""
        return QSize(420, 360)

    # -- building ------------------------------------------------------------------------------------------------

    def _build_header(self) -> None:
        menu = QMenu()
        for preset, words in PRESETS:
            action = QAction(words, menu)
            action.triggered.connect(lambda _=False, chosen=preset: self._session.window_preset(chosen))
            menu.addAction(action)
        self.window_button = MenuButton(self.theme, "Auto window", menu, self)
        self.layout_choice = SegmentedControl(self.theme, LAYOUT_CHOICES, self, icons=True)
        self.layout_choice.chosen.connect(self._session.set_layout)
        self.header.add_option(self.window_button)
        self.header.add_option(self.layout_choice, gap=8)
        self.contours_button = self.header.add_icon("eye", "Contours (C)", checkable=True)
        self.contours_button.clicked.connect(self._session.toggle_contours)
        self.add_maximise()

    def _build_body(self) -> None:
        self._single = QWidget(self)
        row = QHBoxLayout(self._single)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        pair = QHBoxLayout()
        pair.setSpacing(1)
        for view in (self.view, self.measured_view, self.generated_view):
            pair.addWidget(view, 1)
            view.double_clicked.connect(self.maximise_requested)
        row.addWidget(self.strip)
        row.addLayout(pair, 1)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._single)
        self._stack.addWidget(self.grid)
        self.grid.opened.connect(lambda: self._session.set_layout("strip"))
        self.set_body(self._stack)

    def _follow(self) -> None:
        bridge = bridge_of(self._session)
        bridge.case_changed.connect(self._refresh_all)
        bridge.result_changed.connect(self._refresh_all)
        bridge.view_changed.connect(self._on_view)

    # -- following the session -----------------------------------------------------------------------------------

    def _on_view(self, changed: frozenset[str]) -> None:
        if changed & {"layout"}:
            self._lay_out()
        if changed & {"contours", "window_preset"}:
            self._refresh_header()
        if changed & {"phase", "slice", "window", "invert"}:
            self.strip.update()
        if changed - {"playing", "speed", "loop", "show_rv_curve"}:
            for widget in (self.view, self.measured_view, self.generated_view, self.grid):
                if widget.isVisible():
                    widget.update()

    def _refresh_all(self) -> None:
        self._pictures.forget()
        self._lay_out()
        self._refresh_header()
        self.strip.forget()
        self.grid.update()

    def _refresh_header(self) -> None:
        view, numbers = self._session.view, self._session.numbers
        has_cine = self._session.cine is not None
        generated = self._session.result.shown == "generated"
        stopped = generated and bool(numbers and numbers.withheld)
        words = None
        if stopped:
            words = "Generated, not reliable"
        elif generated and self._session.case.stale:
            words = "Generated, inputs changed"
        comparing = view.layout == "compare" and self._can_compare()
        self.set_source(self._session.source if has_cine and not comparing else None, stopped=stopped, text=words)
        self.contours_button.setChecked(view.contours)
        self.window_button.set_text(dict(PRESETS).get(view.window_preset, "Own window"))

    def _can_compare(self) -> bool:
        return self._session.measured_cine is not None and self._session.generated_cine is not None

    def _lay_out(self) -> None:
        """Show what the layout wants; a comparison without a partner shows the one there is."""
        layout = self._session.view.layout
        comparing = layout == "compare" and self._can_compare()
        self.layout_choice.set_current(layout)
        self.layout_choice.set_available("compare", self._can_compare())
        self._stack.setCurrentWidget(self.grid if layout == "grid" else self._single)
        self.strip.setVisible(layout in ("strip", "compare"))
        self.view.setVisible(not comparing)
        self.measured_view.setVisible(comparing)
        self.generated_view.setVisible(comparing)
        for view in (self.view, self.measured_view, self.generated_view):
            view.refresh()
        self._refresh_header()

    def restyle(self) -> None:
        """Sizes by density."""
        super().restyle()
        if hasattr(self, "strip"):
            self._refresh_all()
