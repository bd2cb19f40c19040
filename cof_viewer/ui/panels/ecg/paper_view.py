"""The sheet of ECG paper as a widget: drawn once, the cursor above it, a click or drag chooses the moment."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from cof_viewer.app.session import Session
from cof_viewer.domain.ecg import Beat
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

EMPTY = "Open a 12-lead ECG to drive the beat."


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
                true_px_per_mm=max(min(dots, 220.0) / 25.4, self._theme.pxf(3.78, 4.6)),
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
            column = int(x) + 0.5  # one sharp column
            painter.drawLine(QPointF(column, 0), QPointF(column, self.height()))

    def _paint_empty(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), self._theme.color("paper"))
        painter.setFont(self._theme.font("base"))
        painter.setPen(self._theme.color("t3"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, EMPTY)

    def _draw_sheet(self, paper: Paper) -> QPixmap:
        theme, ratio = self._theme, self.devicePixelRatioF()
        sheet = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        sheet.setDevicePixelRatio(ratio)
        colours = PaperColours(*(theme.color(token) for token in ("paper", "paper_1mm", "paper_5mm", "trace", "t1")))
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
