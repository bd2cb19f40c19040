"""The ECG panel: twelve leads on paper, the chosen cycle shaded, the cursor at the moment that is shown."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from cof_viewer.app.session import Session
from cof_viewer.domain.function import Source
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.panels.ecg.measures import MeasuresLine
from cof_viewer.ui.panels.ecg.median import MedianBeat
from cof_viewer.ui.panels.ecg.paper_view import EcgPaperView
from cof_viewer.ui.render.ecg_paper import ARRANGEMENTS, GAINS_MM_MV, SPEEDS_MM_S
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import MenuButton, SegmentedControl
from cof_viewer.ui.widgets.panel import Panel

MEDIAN_FROM_PX = 1_200
"""Width from which the median beat stands beside the paper."""

CHOICES_FROM_PX = 900
"""Width from which arrangements are chosen in the header, not only in the menu."""


class EcgPanel(Panel):
    """Reads ECG, beat and phase of the session; sends it the phase."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build header and paper and follow the session."""
        super().__init__("ECG", theme, parent)
        self._session = session
        self.measures = MeasuresLine(theme, self)
        self.view = EcgPaperView(session, theme, self)
        self.view.moment_chosen.connect(self._go_to)
        self.header.layout().insertWidget(3, self.measures, 100)  # type: ignore[union-attr]
        self.scale_button = MenuButton(theme, "", self._scale_menu(), self)
        self.header.add_option(self.scale_button)
        choices = [(name, name, f"{name} leads" if name != "II" else "Lead II alone") for name in ARRANGEMENTS]
        self.arrangement_choice = SegmentedControl(theme, choices, self)
        self.arrangement_choice.chosen.connect(lambda key: self.set_scale(arrangement=key))
        self.header.add_option(self.arrangement_choice)
        self.add_maximise()
        self.median = MedianBeat(session, theme, self)
        self._build_body()
        bridge = bridge_of(session)
        bridge.case_changed.connect(self._refresh)
        bridge.result_changed.connect(self._refresh)
        bridge.view_changed.connect(self._on_view)
        self._refresh()

    def minimumSizeHint(self) -> QSize:
        """DESIGN section 4."""
        return QSize(300, 160)

    def _build_body(self) -> None:
        body = QWidget(self)
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self.view, 1)
        row.addWidget(self.median)
        self.set_body(body)

    def _scale_menu(self) -> QMenu:
        menu = QMenu()
        self._scale_actions: dict[tuple[str, object], QAction] = {}
        self._add_choices(menu, [(f"{v:.0f} mm/s", "speed_mm_s", v) for v in SPEEDS_MM_S])
        self._add_choices(menu, [(f"{v:.0f} mm/mV", "gain_mm_mv", v) for v in GAINS_MM_MV])
        self._add_choices(menu, [(words, "arrangement", words) for words in ARRANGEMENTS])
        return menu

    def _show_by_room(self) -> None:
        """Median beat and arrangements come with width."""
        self.median.setVisible(self.width() >= MEDIAN_FROM_PX and self._session.case.beat is not None)
        self.median.setFixedWidth(min(max(round(0.2 * self.width()), 260), 480))
        self.arrangement_choice.setVisible(self.width() >= CHOICES_FROM_PX and self._session.case.ecg is not None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Room came or went."""
        super().resizeEvent(event)
        self._show_by_room()

    def _add_choices(self, menu: QMenu, choices: list[tuple[str, str, object]]) -> None:
        """One block of the menu, of which one is chosen."""
        group = QActionGroup(menu)
        if not menu.isEmpty():
            menu.addSeparator()
        for words, name, value in choices:
            action = QAction(words, menu, checkable=True, checked=getattr(self.view, name) == value)
            action.triggered.connect(lambda _=False, n=name, v=value: self.set_scale(**{n: v}))
            self._scale_actions[name, value] = action
            group.addAction(action)
            menu.addAction(action)

    def set_scale(self, **scale: object) -> None:
        """Change `speed_mm_s`, `gain_mm_mv` or `arrangement` of the paper."""
        for name, value in scale.items():
            setattr(self.view, name, value)
        self.view.lay_out()
        self._refresh_scale()

    def _refresh_scale(self) -> None:
        self.arrangement_choice.set_current(self.view.arrangement)
        for (name, value), action in self._scale_actions.items():
            action.setChecked(getattr(self.view, name) == value)
        self.scale_button.set_text(f"{self.view.speed_mm_s:.0f} mm/s · {self.view.gain_mm_mv:.0f} mm/mV · no filter")

    def _refresh(self) -> None:
        ecg, beat = self._session.case.ecg, self._session.case.beat
        source = None if ecg is None else Source.SIMULATED if ecg.simulated else Source.MEASURED
        self.set_source(source)
        numbers = self._session.numbers
        self.measures.set_beat(beat, stopped=bool(numbers and numbers.withheld))
        self.scale_button.setVisible(ecg is not None)
        self.view.lay_out()
        self.median.lay_out()
        self._show_by_room()
        self._refresh_scale()

    def _on_view(self, changed: frozenset[str]) -> None:
        if "phase" in changed:
            self.view.move_cursor()
            self.median.move_cursor()

    def _go_to(self, fraction: float) -> None:
        """Show the phase that begins at or last before a moment of the beat."""
        phases = self._session.phases
        if phases > 1:
            self._session.set_phase(min(int(fraction * phases + 0.5), phases - 1))

    def restyle(self) -> None:
        """Another palette or density: another sheet."""
        super().restyle()
        if hasattr(self, "median"):
            self.view.lay_out()
            self.median.lay_out()
