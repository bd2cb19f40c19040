"""The readouts panel: the numbers and the line of trust, or the box of a stop with the flags below it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

from cof_viewer.app.session import Session
from cof_viewer.domain.flag import Severity
from cof_viewer.domain.function import Source
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.panels.readouts.kept import KeptLine, SourceLegend
from cof_viewer.ui.panels.readouts.rows import ReadoutsShown, readouts_of
from cof_viewer.ui.panels.readouts.table import ReadoutTable
from cof_viewer.ui.panels.readouts.trust import FlagList, StopBox, TrustLine
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.panel import Panel


class ReadoutsPanel(Panel):
    """Reads numbers and flags of the session.

    Attributes:
        ecg_requested: after a stop, the reader wants to choose another ECG.
    """

    ecg_requested = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the parts and follow the session."""
        super().__init__("Function", theme, parent)
        self._session = session
        self._shown: ReadoutsShown | None = None
        self._anyway: object | None = None
        self._flags_open = False
        self.legend = SourceLegend(theme, self)
        self.header.add_option(self.legend)
        self.info = self.header.add_icon("info", "")
        self.table = ReadoutTable(theme, self)
        self.stop_box = StopBox(theme, self)
        self.flags = FlagList(theme)
        self.flags_area = self._scrolling(self.flags)
        self.trust = TrustLine(theme, self)
        self.kept = KeptLine(theme, self)
        self._build()
        bridge = bridge_of(session)
        bridge.case_changed.connect(self._refresh)
        bridge.result_changed.connect(self._refresh)
        self._refresh()

    def minimumSizeHint(self) -> QSize:
        """DESIGN section 4: EF with its interval is never left out."""
        return QSize(300, 150)

    def _build(self) -> None:
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._box_place = QVBoxLayout()
        self._box_place.addWidget(self.stop_box)
        column.addLayout(self._box_place)
        column.addWidget(self.table, 1)
        column.addWidget(self.trust)
        column.addWidget(self.flags_area)
        column.addWidget(self.kept)
        self._column = column
        self.stop_box.other_ecg_requested.connect(self.ecg_requested)
        self.stop_box.anyway_requested.connect(self.show_anyway)
        self.trust.toggled.connect(self.toggle_flags)

    def _scrolling(self, content: QWidget) -> QScrollArea:
        """A bare scroll area: many flags must not push the numbers out."""
        area = QScrollArea(self)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidgetResizable(True)
        area.setWidget(content)
        area.viewport().setAutoFillBackground(False)
        content.setAutoFillBackground(False)
        return area

    def show_anyway(self) -> None:
        """Show what the stop of this result withholds, until another result is there."""
        self._anyway = self._session.result.generation
        self._refresh()

    def toggle_flags(self) -> None:
        """Open or close the list of flags."""
        self._flags_open = not self._flags_open
        self._lay_out()

    def _refresh(self) -> None:
        generation = self._session.result.generation
        anyway = generation is not None and self._anyway is generation
        self._shown = readouts_of(self._session, anyway=anyway)
        shown = self._shown
        self.table.set_shown(shown, self._empty_words())
        self.legend.set_sources(self._sources())
        self._show_legend()
        self.info.setToolTip(self._info_words())
        self.info.setVisible(shown is not None)
        if shown is not None:
            self.stop_box.set_shown(shown)
            self.kept.set_rows(shown.rows)
        self._lay_out()

    def _lay_out(self) -> None:
        """After a stop the flags take the table's place; else they open over its rows, or below them with room."""
        shown = self._shown
        withholding = shown is not None and (shown.ef.withheld or any(row.withheld for row in shown.rows))
        room = shown is not None and self._has_room_for_flags(shown)
        flags_seen = withholding or (shown is not None and bool(shown.flags) and (self._flags_open or room))
        self.stop_box.setVisible(withholding)
        self.kept.setVisible(withholding)
        self.table.setVisible(not withholding)
        covered = flags_seen and not room
        self.table.setMaximumHeight(self.table.minimumSizeHint().height() if covered else 16_777_215)
        self.trust.setVisible(shown is not None and not withholding)
        self.trust.set_shown(shown, flags_seen)
        self.flags_area.setVisible(flags_seen)
        self._fill_flags(withholding, tall=covered or withholding)
        pad = self.theme.px(12, 14)
        self._box_place.setContentsMargins(pad, 0, pad, self.theme.px(6, 8) if withholding else 0)
        self._column.setStretch(self._column.indexOf(self.flags_area), 1 if covered or withholding else 0)

    def _fill_flags(self, withholding: bool, *, tall: bool) -> None:
        """All flags; without the stops whose sentences stand in the box above."""
        flags = self._shown.flags if self._shown is not None else ()
        if withholding:
            flags = tuple(flag for flag in flags if flag.severity is not Severity.STOP)
        self.flags.set_flags(flags)
        height = self.flags.heightForWidth(max(self.flags_area.width(), 100))
        self.flags_area.setMinimumHeight(0)
        self.flags_area.setMaximumHeight(16_777_215 if tall else height)

    def _has_room_for_flags(self, shown: ReadoutsShown) -> bool:
        self.flags.set_flags(shown.flags)
        body = self.height() - self.header.height()
        below = self.trust.sizeHint().height() + self.flags.heightForWidth(max(self.width(), 200))
        return body >= self.table.needed_height() + below

    def _show_legend(self) -> None:
        """The legend goes before it is cut: glyphs are explained by their tips too."""
        beside = self.header.title.sizeHint().width() + self.theme.px(68, 80)
        self.legend.setVisible(self.legend.sizeHint().width() + beside <= self.width())

    def _sources(self) -> tuple[Source, ...]:
        """What the legend explains: the sources that occur, measured first."""
        shown = self._shown
        if shown is None:
            return ()
        found = {row.source for row in (shown.ef, *shown.rows) if row.value is not None}
        if shown.compared:
            found.add(shown.measured_source)
        return tuple(source for source in Source if source in found)

    def _info_words(self) -> str:
        shown = self._shown
        if shown is None:
            return ""
        tables = sorted({r.normal.source for r in (shown.ef, *shown.rows) if r.normal is not None})
        normal = f"Normal ranges: {', '.join(tables)}." if tables else "No table of normal values fits this patient."
        return f"{normal}\nPapillary muscles and trabeculae count as blood."

    def _empty_words(self) -> str:
        study = self._session.case.study
        if study is None:
            return ""
        if study.cine is None:
            return "The numbers appear when the beat is generated."
        return "The numbers appear when the cine is measured."

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Room for the flags and the legend may have come or gone."""
        super().resizeEvent(event)
        self._show_legend()
        self._lay_out()

    def restyle(self) -> None:
        """Another palette or density."""
        super().restyle()
        if hasattr(self, "_column") and hasattr(self, "kept"):
            self._refresh()
