"""The ECG panel: twelve leads on paper, the chosen cycle shaded, the cursor at the moment that is shown."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from cof_viewer.app.session import Session
from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.function import Source
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.render.ecg_paper import (
    ARRANGEMENTS,
    GAINS_MM_MV,
    SPEEDS_MM_S,
    Paper,
    PaperColours,
    beat_fraction,
    lay_paper,
    paint_grid,
    paint_traces,
)
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.tokens import CURSOR_WIDTH
from cof_viewer.ui.widgets.buttons import MenuButton
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.panel import Panel

EMPTY = "Open a 12-lead ECG to drive the beat."


def measures_words(beat: Beat) -> str:
    """Intervals of the median beat, such as "PR 160 · QRS 90 · QT 406 · QTcF 444 ms · axis 82°"."""
    found = beat.intervals
    times = (("PR", found.pr_ms), ("QRS", found.qrs_ms), ("QT", found.qt_ms), ("QTcF", found.qtc_fridericia_ms))
    parts = [f"{name} {value:.0f}" for name, value in times if value is not None]
    words = " · ".join(parts) + (" ms" if parts else "")
    if found.axis_degrees is not None:
        axis = f"axis {found.axis_degrees:.0f}°".replace("-", "\u2212")
        words = f"{words} · {axis}" if words else axis
    return words


def rhythm_words(beat: Beat) -> str:
    """What is said of a rhythm without a regular beat, such as "mean RR 716 ms, varies 22 %"."""
    gaps = np.diff(np.asarray(beat.r_peaks_ms))
    if len(gaps) < 2:
        return ""
    mean = float(gaps.mean())
    words = f"mean RR {mean:.0f} ms, varies {100 * float(gaps.std(ddof=1)) / mean:.0f} %"
    return words if beat.intervals.pr_ms is not None else f"{words} · no PR"


class MeasuresLine(QWidget):
    """The measures in the header; a warning sign and red words where the rhythm is irregular."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._warning, self._words = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    @property
    def text(self) -> str:
        """All the words."""
        return " · ".join(part for part in (self._warning, self._words) if part)

    def set_beat(self, beat: Beat | None) -> None:
        """Show another beat's measures."""
        self._warning = "Irregular rhythm" if beat is not None and beat.irregular else ""
        self._words = "" if beat is None else rhythm_words(beat) if beat.irregular else measures_words(beat)
        self.setToolTip(self.text)
        self.setAccessibleName(self.text)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Sign, warning, measures; cut with an ellipsis where the header is narrow."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self._theme.font("small")
        metrics, left = QFontMetricsF(font), 0.0
        painter.setFont(font)
        middle = Qt.AlignmentFlag.AlignVCenter
        if self._warning:
            red = self._theme.color("red")
            paint_icon(painter, "octagon-x", QRectF(0, (self.height() - 13) / 2, 13, 13), red)
            painter.setPen(red)
            painter.drawText(QRectF(18, 0, self.width(), self.height()), middle, self._warning)
            left = 18 + metrics.horizontalAdvance(self._warning) + 5
        painter.setPen(self._theme.color("t2"))
        words = f"· {self._words}" if self._warning and self._words else self._words
        room = max(0.0, self.width() - left)
        cut = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(left, 0, room, self.height()), middle, cut)


class EcgPaperView(QWidget):
    """The paper. It is drawn once into a picture; a new phase only moves the cursor."""

    moment_chosen = Signal(float)

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build an empty sheet."""
        super().__init__(parent)
        self._session, self._theme = session, theme
        self.arrangement, self.speed_mm_s, self.gain_mm_mv = ARRANGEMENTS[0], SPEEDS_MM_S[0], GAINS_MM_MV[1]
        self._sheet: QPixmap | None = None
        self._paper: Paper | None = None
        self._cursor_drawn: float | None = None
        self._in_cycle = False
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleName("ECG paper")

    def sizeHint(self) -> QSize:
        """Whatever there is."""
        return QSize(700, 166)

    @property
    def paper(self) -> Paper | None:
        """The sheet as it is laid out; None without an ECG."""
        return self._paper

    def lay_out(self) -> None:
        """Another record, beat, size or scale: draw the sheet anew."""
        self._sheet = None
        self._paper = None
        ecg, beat = self._session.case.ecg, self._session.case.beat
        if ecg is not None and self.width() > 20 and self.height() > 20:
            middle = 0.0 if beat is None else (beat.start_ms + beat.rr_ms / 2) / 1000
            screen = self.screen()
            dots = screen.physicalDotsPerInch() / max(screen.devicePixelRatio(), 0.1) if screen else 96.0
            self._paper = lay_paper(
                self.width(),
                self.height(),
                ecg.seconds,
                arrangement=self.arrangement,
                speed_mm_s=self.speed_mm_s,
                gain_mm_mv=self.gain_mm_mv,
                true_px_per_mm=min(max(dots, 72.0), 220.0) / 25.4,
                around_s=middle,
            )
        self.update()

    def cursor_x(self) -> float | None:
        """Where the shown moment lies in the chosen cycle; None without a beat or a cine."""
        beat = self._session.case.beat
        if self._paper is None or beat is None or self._session.phases < 2:
            return None
        return self._paper.x_of((beat.start_ms + self._session.cycle_fraction * beat.rr_ms) / 1000)

    def move_cursor(self) -> None:
        """The phase changed: repaint the two columns only."""
        for x in (self._cursor_drawn, self.cursor_x()):
            if x is not None:
                self.update(round(x) - 3, 0, 7, self.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Sheet and cursor, or a sentence where there is no ECG."""
        painter = QPainter(self)
        if self._paper is None:
            self._paint_empty(painter)
            return
        if self._sheet is None:
            self._sheet = self._draw_sheet(self._paper)
        painter.drawPixmap(0, 0, self._sheet)
        x = self._cursor_drawn = self.cursor_x()
        if x is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._theme.color("cursor"), CURSOR_WIDTH))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    def _paint_empty(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), self._theme.color("paper"))
        painter.setFont(self._theme.font("base"))
        painter.setPen(self._theme.color("t3"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, EMPTY)

    def _draw_sheet(self, paper: Paper) -> QPixmap:
        theme, ratio = self._theme, self.devicePixelRatioF()
        sheet = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        sheet.setDevicePixelRatio(ratio)
        colours = PaperColours(
            *(theme.color(token) for token in ("paper", "paper_1mm", "paper_5mm", "trace", "t1"))
        )
        painter = QPainter(sheet)
        paint_grid(painter, paper, colours)
        beat, ecg = self._session.case.beat, self._session.case.ecg
        if beat is not None:
            left, right = (paper.x_of(ms / 1000) for ms in (beat.start_ms, beat.start_ms + beat.rr_ms))
            painter.fillRect(QRectF(left, 0, right - left, paper.height), theme.color("cycle"))
        if ecg is not None:
            font = theme.font("small", bold=True)
            paint_traces(painter, paper, ecg, colours, theme.pxf(1.1, 1.3), font)
        painter.end()
        return sheet

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another sheet."""
        self.lay_out()
        super().resizeEvent(event)

    # -- hand ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the moment under the mouse."""
        beat = self._session.case.beat
        if event.button() != Qt.MouseButton.LeftButton or self._paper is None or beat is None:
            return
        inside = 0.0 <= self._cycle_fraction(event.position().x(), beat) <= 1.0
        self._in_cycle = inside
        self._choose(event.position().x(), beat)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse; a drag that began in the chosen cycle is held at its ends."""
        beat = self._session.case.beat
        if event.buttons() & Qt.MouseButton.LeftButton and self._paper is not None and beat is not None:
            self._choose(event.position().x(), beat)

    def _cycle_fraction(self, x: float, beat: Beat) -> float:
        assert self._paper is not None
        return (1000 * self._paper.time_at(x) - beat.start_ms) / beat.rr_ms

    def _choose(self, x: float, beat: Beat) -> None:
        """Inside the cycle by its own time, elsewhere by the place between the R peaks of that beat."""
        assert self._paper is not None
        fraction: float | None = self._cycle_fraction(x, beat)
        if not self._in_cycle:
            fraction = beat_fraction(1000 * self._paper.time_at(x), beat.r_peaks_ms)
        if fraction is not None:
            self.moment_chosen.emit(min(max(fraction, 0.0), 1.0))


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
        self.add_maximise()
        self.set_body(self.view)
        bridge = bridge_of(session)
        bridge.case_changed.connect(self._refresh)
        bridge.result_changed.connect(self.view.update)
        bridge.view_changed.connect(self._on_view)
        self._refresh()

    def minimumSizeHint(self) -> QSize:
        """DESIGN section 4."""
        return QSize(300, 160)

    def _scale_menu(self) -> QMenu:
        menu = QMenu()
        self._add_choices(menu, [(f"{v:.0f} mm/s", "speed_mm_s", v) for v in SPEEDS_MM_S])
        self._add_choices(menu, [(f"{v:.0f} mm/mV", "gain_mm_mv", v) for v in GAINS_MM_MV])
        self._add_choices(menu, [(words, "arrangement", words) for words in ARRANGEMENTS])
        return menu

    def _add_choices(self, menu: QMenu, choices: list[tuple[str, str, object]]) -> None:
        """One block of the menu, of which one is chosen."""
        group = QActionGroup(menu)
        if not menu.isEmpty():
            menu.addSeparator()
        for words, name, value in choices:
            action = QAction(words, menu, checkable=True, checked=getattr(self.view, name) == value)
            action.triggered.connect(lambda _=False, n=name, v=value: self.set_scale(**{n: v}))
            group.addAction(action)
            menu.addAction(action)

    def set_scale(self, **scale: object) -> None:
        """Change `speed_mm_s`, `gain_mm_mv` or `arrangement` of the paper."""
        for name, value in scale.items():
            setattr(self.view, name, value)
        self.view.lay_out()
        self._refresh_scale()

    def _refresh_scale(self) -> None:
        self.scale_button.set_text(f"{self.view.speed_mm_s:.0f} mm/s · {self.view.gain_mm_mv:.0f} mm/mV · no filter")

    def _refresh(self) -> None:
        ecg, beat = self._session.case.ecg, self._session.case.beat
        source = None if ecg is None else Source.SIMULATED if ecg.simulated else Source.MEASURED
        self.set_source(source)
        self.measures.set_beat(beat)
        self.scale_button.setVisible(ecg is not None)
        self.view.lay_out()
        self._refresh_scale()

    def _on_view(self, changed: frozenset[str]) -> None:
        if "phase" in changed:
            self.view.move_cursor()

    def _go_to(self, fraction: float) -> None:
        """Show the phase that begins at or last before a moment of the beat."""
        phases = self._session.phases
        if phases > 1:
            self._session.set_phase(min(int(fraction * phases + 0.5), phases - 1))

    def restyle(self) -> None:
        """Another palette or density: another sheet."""
        super().restyle()
        if hasattr(self, "view"):
            self.view.lay_out()
