"""The median beat beside the paper: lead II, unfiltered, with the marks from which the intervals are read."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.app.session import Session
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Beat
from cof_viewer.ui.render.ecg_paper import REFERENCE_SPEED_MM_S, Paper, PaperColours, paint_grid
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.tokens import CURSOR_WIDTH
from cof_viewer.ui.widgets.paint import halo_text

LEAD = "II"
_TALLEST_PX = 240.0
_GAIN_MM_MV = 10.0
_GUIDE_DASH = (3.0, 3.0)
"""The thin guides of calipers, the one dashed thing that does not mean "generated" (DESIGN section 1)."""


class MedianBeat(QWidget):
    """One beat, large. Times count from the R peak."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build an empty view."""
        super().__init__(parent)
        self._session, self._theme = session, theme
        self._sheet: QPixmap | None = None
        self._cursor_drawn: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Median beat of lead II")

    def sizeHint(self) -> QSize:
        """260 px (300)."""
        return QSize(self._theme.px(260, 300), 160)

    def lay_out(self) -> None:
        """Another beat or size."""
        self._sheet = None
        self.update()

    def _px_per_mm(self, beat: Beat) -> float:
        """Size of a millimetre at 25 mm/s and 10 mm/mV with which the beat fits, in true proportion."""
        lead = beat.median_mv[LEADS.index(LEAD)]
        span_s = beat.median_mv.shape[1] / SAMPLING_HZ
        across = (self.width() - 2 * self._theme.pxf(16, 24)) / (span_s * REFERENCE_SPEED_MM_S)
        upwards = min(0.44 * self.height(), _TALLEST_PX) / (max(float(np.ptp(lead)), 0.5) * _GAIN_MM_MV)
        return float(max(min(across, upwards), 0.5))

    def _x_of(self, time_ms: float, beat: Beat) -> float:
        px_per_ms = self._px_per_mm(beat) * REFERENCE_SPEED_MM_S / 1000
        span_ms = float(beat.median_mv.shape[1]) / SAMPLING_HZ * 1000
        return self.width() / 2 + (time_ms - beat.median_start_ms - span_ms / 2) * px_per_ms

    def cursor_x(self) -> float | None:
        """Where the shown moment lies; None outside the median beat."""
        beat = self._session.case.beat
        if beat is None or self._session.phases < 2:
            return None
        time_ms = self._session.cycle_fraction * beat.rr_ms
        end = beat.median_start_ms + beat.median_mv.shape[1] / SAMPLING_HZ * 1000
        return self._x_of(time_ms, beat) if time_ms <= end else None

    def move_cursor(self) -> None:
        """The phase changed."""
        for x in (self._cursor_drawn, self.cursor_x()):
            if x is not None:
                self.update(round(x) - 3, 0, 7, self.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Sheet and cursor."""
        painter = QPainter(self)
        beat = self._session.case.beat
        if beat is None:
            painter.fillRect(self.rect(), self._theme.color("paper"))
            return
        if self._sheet is None:
            self._sheet = self._draw(beat)
        painter.drawPixmap(0, 0, self._sheet)
        x = self._cursor_drawn = self.cursor_x()
        if x is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._theme.color("cursor"), CURSOR_WIDTH))
            column = int(x) + 0.5  # one sharp column
            painter.drawLine(QPointF(column, 0), QPointF(column, self.height()))

    def _draw(self, beat: Beat) -> QPixmap:
        theme, ratio = self._theme, self.devicePixelRatioF()
        sheet = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        sheet.setDevicePixelRatio(ratio)
        painter = QPainter(sheet)
        colours = PaperColours(*(theme.color(t) for t in ("paper", "paper_1mm", "paper_5mm", "trace", "t1")))
        mm = self._px_per_mm(beat)
        paper = Paper(self.width(), self.height(), mm, REFERENCE_SPEED_MM_S, _GAIN_MM_MV, 0.0, 1.0, 1, ())
        paint_grid(painter, paper, colours)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_waves(painter, beat)
        self._paint_trace(painter, beat)
        self._paint_intervals(painter, beat)
        font = theme.font("small")
        beats = max(len(beat.r_peaks_ms) - len(beat.excluded), 0)
        words = f"{LEAD} · median of {beats} beats, unfiltered"
        base = QPointF(theme.pxf(12, 14), self.height() - QFontMetricsF(font).descent() - 6)
        halo_text(painter, base, words, font, theme.color("t2"), halo=theme.color("paper", 0.8))
        painter.end()
        return sheet

    def _paint_waves(self, painter: QPainter, beat: Beat) -> None:
        """Upright bands of P, QRS and T with their names."""
        theme, found = self._theme, beat.intervals
        t_start = (
            None
            if found.t_peak_at_ms is None or found.t_end_at_ms is None
            else (2 * found.t_peak_at_ms - found.t_end_at_ms)
        )
        waves = (
            ("P", found.p_onset_at_ms, found.p_end_at_ms),
            ("QRS", found.qrs_onset_at_ms, found.qrs_end_at_ms),
            ("T", t_start, found.t_end_at_ms),
        )
        font = theme.font("small")
        for name, start, end in waves:
            if start is None or end is None or (name == "P" and beat.irregular):
                continue
            left, right = self._x_of(start, beat), self._x_of(end, beat)
            painter.fillRect(QRectF(left, 0, right - left, self.height()), theme.color("active", 0.35))
            top = QFontMetricsF(font).ascent() + 8
            middle = Qt.AlignmentFlag.AlignHCenter
            halo = theme.color("paper", 0.8)
            halo_text(painter, QPointF((left + right) / 2, top), name, font, theme.color("t2"), align=middle, halo=halo)

    def _paint_trace(self, painter: QPainter, beat: Beat) -> None:
        """Lead II from 20 % of the height on down."""
        samples = beat.median_mv[LEADS.index(LEAD)].astype(np.float64)
        high = float(samples.max())
        scale = _GAIN_MM_MV * self._px_per_mm(beat)
        times = beat.median_start_ms + np.arange(len(samples)) * (1000 / SAMPLING_HZ)
        points = [
            QPointF(self._x_of(t, beat), 0.20 * self.height() + (high - v) * scale)
            for t, v in zip(times.tolist(), samples.tolist(), strict=True)
        ]
        painter.setPen(QPen(self._theme.color("trace"), self._theme.pxf(1.1, 1.3)))
        painter.drawPolyline(QPolygonF(points))

    def _paint_intervals(self, painter: QPainter, beat: Beat) -> None:
        """PR, QRS and QT as spans below the trace, with guides up to it."""
        found = beat.intervals
        spans = (
            ("PR", found.p_onset_at_ms, found.qrs_onset_at_ms, found.pr_ms),
            ("QRS", found.qrs_onset_at_ms, found.qrs_end_at_ms, found.qrs_ms),
            ("QT", found.qrs_onset_at_ms, found.t_end_at_ms, found.qt_ms),
        )
        font, colour = self._theme.font("small", tabular=True), self._theme.color("cursor")
        metrics = QFontMetricsF(font)
        y = 0.20 * self.height() + min(0.48 * self.height(), _TALLEST_PX + 24)
        for name, start, end, value in spans:
            if start is None or end is None or value is None:
                continue
            left, right = self._x_of(start, beat), self._x_of(end, beat)
            guide = QPen(colour, 1)
            guide.setDashPattern(list(_GUIDE_DASH))
            painter.setPen(guide)
            for x in (left, right):
                painter.drawLine(QPointF(x, metrics.height() + 12), QPointF(x, y))
            painter.setPen(QPen(colour, 1.25))
            painter.drawLine(QPointF(left, y), QPointF(right, y))
            for x in (left, right):
                painter.drawLine(QPointF(x, y - 4), QPointF(x, y + 4))
            words = f"{name} {value:.0f} ms"
            beside = right + 6
            if beside + metrics.horizontalAdvance(words) > self.width() - 4:
                beside = left - 6 - metrics.horizontalAdvance(words)
            base = QPointF(beside, y + metrics.capHeight() / 2)
            halo_text(painter, base, words, font, self._theme.color("t1"), halo=self._theme.color("paper", 0.85))
            y += self._theme.pxf(16, 20)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another sheet."""
        self.lay_out()
        super().resizeEvent(event)
