"""The left rail: who it is, what was found, the ECG, the anchor phase, and recent studies."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cof_viewer.app.library import LibraryRow
from cof_viewer.app.session import Session
from cof_viewer.domain.ecg import LEADS
from cof_viewer.domain.function import Source
from cof_viewer.domain.image import Cine
from cof_viewer.domain.study import Finding, SeriesKind, Study
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import PushButton, SegmentedControl
from cof_viewer.ui.widgets.hairline import Hairline
from cof_viewer.ui.widgets.list_row import ListRow
from cof_viewer.ui.widgets.panel import Panel, ThemedLabel
from cof_viewer.ui.widgets.thumbnail import thumbnail
from cof_viewer.ui.wording import (
    KIND_WORDS,
    anchor_words,
    counted,
    ecg_line,
    library_line,
    library_name,
    size_line,
    stack_line,
    study_note,
    who,
)

MOST_OTHERS = 4
MOST_RECENT = 8


def other_series(study: Study) -> list[Finding]:
    """What was found beside the stack that is open; ECGs have a list of their own."""
    return [row for row in study.series if row.kind not in (SeriesKind.ECG, SeriesKind.SHORT_AXIS_CINE)]


def recent_rows(session: Session) -> list[LibraryRow]:
    """Recent studies, newest first; none where the library can't be read."""
    try:
        return session.library.rows()
    except (sqlite3.Error, OSError):
        return []


class StudyPanel(Panel):
    """The rail.

    Attributes:
        study_wanted: the user wants to choose a study.
        ecg_wanted: the user wants to choose an ECG.
        anchor_wanted: the user wants another anchor phase than ED or ES.
    """

    study_wanted = Signal()
    ecg_wanted = Signal()
    anchor_wanted = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the rail and listen to the session."""
        super().__init__("Study", theme, parent)
        self._session = session
        self._pictures: dict[tuple[int, int], QPixmap] = {}
        self.header.add_icon("folder-open", "Open study (Ctrl O)").clicked.connect(self.study_wanted)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.set_body(self._scroll)
        bridge = bridge_of(session)
        for signal in (bridge.case_changed, bridge.result_changed, bridge.busy_changed, bridge.library_changed):
            signal.connect(self.refresh)
        self.refresh()

    def restyle(self) -> None:
        """Sizes changed: build again."""
        super().restyle()
        self.refresh()

    def refresh(self) -> None:
        """Build the content from the session; it is short, and nothing in it moves while playing."""
        place = self._scroll.verticalScrollBar().value()
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 12)
        column.setSpacing(0)
        study = self._session.case.study
        if study is not None:
            self._add_patient(column, study)
            self._add_series(column, study)
            self._add_ecg(column, study)
            self._add_anchor(column)
            column.addSpacing(12)
            column.addWidget(Hairline(self.theme))
        self._add_library(column)
        column.addStretch(1)
        old = self._scroll.takeWidget()
        self._scroll.setWidget(content)
        if old is not None:  # a click on one of its rows may have led here: it must outlive that event
            old.deleteLater()
        self._scroll.verticalScrollBar().setValue(place)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _label(self, column: QVBoxLayout, text: str, role: str, color: str, *, wrap: bool = False) -> None:
        label = ThemedLabel(self.theme, text, role=role, color=color, wrap=wrap)
        side = self.theme.px(12, 14)
        label.setContentsMargins(side, 0, side, 0)
        column.addWidget(label)

    def _heading(self, column: QVBoxLayout, text: str, count: int | None = None) -> None:
        row = QHBoxLayout()
        side = self.theme.px(12, 14)
        row.setContentsMargins(side, self.theme.px(13, 15), side, self.theme.px(5, 6))
        row.addWidget(ThemedLabel(self.theme, text, role="small", color="t3"))
        row.addStretch(1)
        if count is not None:
            row.addWidget(ThemedLabel(self.theme, str(count), role="small", color="t3", tabular=True))
        column.addLayout(row)

    def _add_patient(self, column: QVBoxLayout, study: Study) -> None:
        self._label(column, who(study), "name", "t1", wrap=True)
        for text, color in ((size_line(study.patient), "t2"), (study_note(study), "t3")):
            if text:
                column.addSpacing(2)
                self._label(column, text, "small", color, wrap=True)

    def _add_series(self, column: QVBoxLayout, study: Study) -> None:
        session, shown = self._session, self._session.result.shown
        others = other_series(study)
        self._heading(column, "Series", 1 + (session.generated_cine is not None) + len(others))
        measured = session.measured_cine
        assert measured is not None
        source = Source.SIMULATED if study.simulated else Source.MEASURED
        title = "Short-axis cine" if measured.phases > 1 else "Short axis, anchor"
        row = self._row(title, stack_line(measured), measured, source, shown == "measured")
        row.clicked.connect(partial(session.show, "measured"))
        column.addWidget(row)
        generated = session.generated_cine
        if generated is not None and session.result.generation is not None:
            members = len(session.result.generation.member_lv_ml)
            below = f"{counted(generated.phases, 'phase')} · {counted(members, 'member')}"
            below = "From another ECG or anchor" if session.case.stale else below
            row = self._row("Generated cine", below, generated, Source.GENERATED, shown == "generated")
            row.clicked.connect(partial(session.show, "generated"))
            column.addWidget(row)
        for finding in others[:MOST_OTHERS]:
            below = finding.description or counted(finding.slices or 0, "slice")
            other = ListRow(self.theme, KIND_WORDS[finding.kind], below, icon="layers")
            other.setEnabled(False)
            column.addWidget(other)
        rest = len(others) - MOST_OTHERS
        if rest > 0:
            self._label(column, f"and {rest} more", "small", "t3")

    def _row(self, title: str, below: str, cine: Cine, source: Source, chosen: bool) -> ListRow:
        return ListRow(self.theme, title, below, picture=self._picture(cine), source=source, chosen=chosen, icon="film")

    def _picture(self, cine: Cine) -> QPixmap:
        size = self.theme.px(36, 40)
        key = (id(cine), size)
        if key not in self._pictures:
            if len(self._pictures) > 8:
                self._pictures.clear()
            phase = cine.phases // 3 if cine is self._session.generated_cine else 0
            self._pictures[key] = thumbnail(cine, self._session.view.window, size, self.devicePixelRatioF(), phase)
        return self._pictures[key]

    def _add_ecg(self, column: QVBoxLayout, study: Study) -> None:
        case = self._session.case
        others = [path for path in study.ecg_paths if path != case.ecg_path]
        self._heading(column, "ECG", len(others) + (case.ecg is not None))
        if case.ecg is not None:
            title = f"{len(LEADS) - len(case.ecg.flat_leads)}-lead, {case.ecg.seconds:.0f} s"
            row = ListRow(self.theme, title, ecg_line(case.ecg, case.beat), icon="activity")
            row.clicked.connect(self.ecg_wanted)
            column.addWidget(row)
        for path in others[:MOST_OTHERS]:
            row = ListRow(self.theme, Path(path).name, "Found beside the study", icon="activity")
            row.clicked.connect(partial(self._session.open_ecg, Path(path)))
            column.addWidget(row)
        if case.ecg is None and not others:
            self._label(column, "Generating needs the patient's 12-lead ECG.", "small", "t3", wrap=True)
            column.addSpacing(8)
            self._add_button(column, PushButton(self.theme, "Open ECG…", icon="activity"))

    def _add_button(self, column: QVBoxLayout, button: PushButton) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(self.theme.px(12, 14), 0, self.theme.px(12, 14), 0)
        row.addWidget(button)
        row.addStretch(1)
        button.clicked.connect(self.ecg_wanted)
        column.addLayout(row)

    def _add_anchor(self, column: QVBoxLayout) -> None:
        case = self._session.case
        self._heading(column, "Anchor phase")
        row = QHBoxLayout()
        row.setContentsMargins(self.theme.px(12, 14), 0, self.theme.px(12, 14), 0)
        choices = [
            ("ed", "ED", "Generate from end-diastole (Alt D)"),
            ("es", "ES", "Generate from end-systole (Alt S)"),
            ("other", "Other…", "Generate from another phase (Alt A takes the one shown)"),
        ]
        control = SegmentedControl(self.theme, choices)
        hint = case.study.anchor_phase_hint if case.study is not None else None
        chosen = "other" if isinstance(case.anchor_phase, int) else case.anchor_phase or hint or "ed"
        control.set_current(chosen)
        control.chosen.connect(self._anchor_chosen)
        row.addWidget(control)
        row.addStretch(1)
        row.addWidget(ThemedLabel(self.theme, self._anchor_words(), role="small", color="t2"))
        column.addLayout(row)

    def _anchor_words(self) -> str:
        session = self._session
        measurement = session.result.measurement
        phase = None
        if measurement is not None:
            function = measurement.result.function
            phase = function.es_phase if session.case.anchor_phase == "es" else function.ed_phase
        return anchor_words(session.case, phase)

    def _anchor_chosen(self, key: str) -> None:
        if key == "ed":
            self._session.set_anchor_phase("ed")
        elif key == "es":
            self._session.set_anchor_phase("es")
        else:
            self.anchor_wanted.emit()
            self.refresh()

    def _add_library(self, column: QVBoxLayout) -> None:
        rows = recent_rows(self._session)
        here = self._session.case.path
        others = [row for row in rows if row.path != here][:MOST_RECENT]
        self._heading(column, "Library")
        if not others:
            text = "Studies you open are listed here with their picture and last numbers."
            self._label(column, text, "small", "t3", wrap=True)
        for stored in others:
            row = ListRow(self.theme, library_name(stored), library_line(stored), icon="history")
            row.setEnabled(stored.still_there)
            ecg = Path(stored.ecg_path) if stored.ecg_path else None
            row.clicked.connect(partial(self._session.open, Path(stored.path), ecg))
            column.addWidget(row)
