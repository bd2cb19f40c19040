"""Painting of the volume curve: grid and figures, band, lines by source, ED and ES, the ECG's waves."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from cof_viewer.domain.function import Source
from cof_viewer.ui.panels.volume_curve.data import Curve, CurvesShown
from cof_viewer.ui.render.plot_axes import Axes, closed, round_limits, round_step, ticks_between
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.tokens import CURVE_WIDTH
from cof_viewer.ui.widgets.paint import halo_text, source_pen

_PAD_SHARE = 0.06
_BOTH_FROM_PX = 480
"""Width from which a partner's words stand beside the main curve's."""


def figure(value: float) -> str:
    """A whole number with a true minus."""
    return f"{value:.0f}".replace("-", "\u2212")


class CurvePainter:
    """Draws one `CurvesShown` with one theme."""

    def __init__(self, theme: Theme, shown: CurvesShown) -> None:
        """Keep what is to be drawn."""
        self._theme, self._shown = theme, shown
        self._small = theme.font("small", tabular=True)
        self._micro = theme.font("micro")
        self._step = 1.0

    def axes(self, width: float, height: float) -> Axes:
        """Place the data area, leaving room for figures and waves, and choose round limits."""
        metrics = QFontMetricsF(self._small)
        low, high = self._span()
        pad = _PAD_SHARE * (high - low)
        bottom_value = low - pad if self._shown.kind == "rate" else max(low - pad, 0.0)
        y_low, y_high, self._step = round_limits(bottom_value, high, max(3, round(height / 60)))
        left = self._theme.pxf(36, 44)
        right = self._theme.pxf(16, 20)
        bottom = metrics.height() + self._theme.pxf(6, 8)
        top = metrics.height() / 2 + self._theme.pxf(5, 8)
        box = QRectF(left, top, max(width - left - right, 10), max(height - top - bottom, 10))
        return Axes(box, self._shown.x_end, y_low - self._wave_room(box, y_low, y_high), y_high)

    def _span(self) -> tuple[float, float]:
        values: list[float] = []
        for curve in self._shown.curves:
            values.extend(curve.ys)
            values.extend(v for pair in curve.band or () for v in pair)
        values.extend(v for member in self._shown.members for v in member)
        return min(values), max(values)

    def _wave_room(self, box: QRectF, y_low: float, y_high: float) -> float:
        """Data units below the lowest tick that the bands of the waves need."""
        if not self._shown.waves:
            return 0.0
        height = self._theme.pxf(12, 16) + 5
        return (y_high - y_low) * height / max(box.height() - height, 1)

    def paint(self, painter: QPainter, axes: Axes) -> None:
        """Everything but the cursor; `axes` is what `axes` of this object gave."""
        self._paint_grid(painter, axes)
        self._paint_waves(painter, axes)
        for curve in self._shown.curves:
            self._paint_band(painter, axes, curve)
        self._paint_members(painter, axes)
        for curve in reversed(self._shown.curves):
            self._paint_line(painter, axes, curve)
        if self._shown.kind != "rate":
            self._paint_marks(painter, axes)

    def _colour(self) -> QColor:
        return self._theme.color("rv_plot" if self._shown.kind == "rv" else "endo_plot")

    def _paint_grid(self, painter: QPainter, axes: Axes) -> None:
        shown, box, metrics = self._shown, axes.box, QFontMetricsF(self._small)
        painter.setFont(self._small)
        for value in ticks_between(axes.y_low, axes.y_high, self._step):
            y = round(axes.y(value)) + 0.5
            painter.setPen(QPen(self._theme.color("line"), 1))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            if not shown.withheld:
                painter.setPen(self._theme.color("t3"))
                place = QRectF(0, y - 10, box.left() - self._theme.pxf(6, 8), 20)
                painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, figure(value))
        self._paint_times(painter, axes, metrics)

    def _paint_times(self, painter: QPainter, axes: Axes, metrics: QFontMetricsF) -> None:
        """Figures below the axis; the last one is the length of the beat with its unit."""
        shown = self._shown
        span = shown.x_end if shown.in_ms else 100.0
        end = f"{span:.0f} ms" if shown.in_ms else "100 % RR"
        y = axes.box.bottom() + self._theme.pxf(4, 6) + metrics.ascent()
        painter.setPen(self._theme.color("t3"))
        right = axes.box.right() + self._theme.pxf(4, 6)
        end_left = right - metrics.horizontalAdvance(end)
        painter.drawText(QPointF(end_left, y), end)
        step = round_step(span, max(2, int(axes.box.width() / self._theme.pxf(54, 72))))
        for value in ticks_between(0.0, span, step):
            words = figure(value)
            x = axes.box.left() + value / span * axes.box.width() - metrics.horizontalAdvance(words) / 2
            if x + metrics.horizontalAdvance(words) + 10 < end_left:
                painter.drawText(QPointF(x, y), words)

    def _paint_waves(self, painter: QPainter, axes: Axes) -> None:
        height = self._theme.pxf(12, 16)
        painter.setFont(self._micro)
        metrics = QFontMetricsF(self._micro)
        for wave in self._shown.waves:
            left, right = axes.x(wave.start_ms), axes.x(wave.end_ms)
            box = QRectF(left, axes.box.bottom() - height, right - left, height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("active"))
            painter.drawRoundedRect(box, 1.5, 1.5)
            if wave.name and metrics.horizontalAdvance(wave.name) <= box.width() + 2:
                painter.setPen(self._theme.color("t2"))
                painter.drawText(box.adjusted(-2, 0, 2, 0), Qt.AlignmentFlag.AlignCenter, wave.name)

    def _paint_band(self, painter: QPainter, axes: Axes, curve: Curve) -> None:
        if curve.band is None or len(curve.band) != len(curve.xs):
            return
        xs, low = closed(curve.xs, [pair[0] for pair in curve.band], curve.period)
        _, high = closed(curve.xs, [pair[1] for pair in curve.band], curve.period)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("band_rv" if self._shown.kind == "rv" else "band"))
        painter.drawPolygon(QPolygonF(axes.points(xs, high) + axes.points(xs, low)[::-1]))

    def _paint_members(self, painter: QPainter, axes: Axes) -> None:
        """The members as a fan of thin lines, with room."""
        main = self._shown.main
        if main is None or axes.box.width() < _BOTH_FROM_PX:
            return
        colour = self._colour()
        colour.setAlphaF(0.28)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 0.7))
        for member in self._shown.members:
            if len(member) == len(main.xs):
                painter.drawPolyline(QPolygonF(axes.points(*closed(main.xs, member, main.period))))

    def _paint_line(self, painter: QPainter, axes: Axes, curve: Curve) -> None:
        xs, ys = closed(curve.xs, curve.ys, curve.period)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(source_pen(curve.source, self._colour(), CURVE_WIDTH))
        painter.drawPolyline(QPolygonF(axes.points(xs, ys)))

    def _paint_marks(self, painter: QPainter, axes: Axes) -> None:
        """Rings at ED and ES, filled where measured, with their volumes; the partner's ES beside the main one's."""
        for place, curve in enumerate(self._shown.curves):
            for name, index in (("ED", curve.ed), ("ES", curve.es)):
                if index is None or index >= len(curve.xs) or (place == 1 and name == "ED"):
                    continue
                point = QPointF(axes.x(curve.xs[index]), axes.y(curve.ys[index]))
                self._paint_ring(painter, point, curve.source)
                self._paint_mark_words(painter, axes, point, name, curve.ys[index], place)

    def _paint_ring(self, painter: QPainter, point: QPointF, source: Source) -> None:
        painter.setPen(QPen(self._colour(), 1.5))
        painter.setBrush(self._colour() if source is Source.MEASURED else self._theme.color("panel"))
        painter.drawEllipse(point, 3.5, 3.5)

    def _paint_mark_words(
        self, painter: QPainter, axes: Axes, point: QPointF, name: str, value: float, place: int
    ) -> None:
        """Beside the ring: ED to the right and above the curve, ES below it; a partner's words on the other side."""
        shown, metrics = self._shown, QFontMetricsF(self._small)
        words = f"{name} {figure(value)} {shown.unit}"
        if shown.withheld:
            words = f"{name} withheld" if name == "ES" else name
        elif len(shown.curves) > 1 and name == "ES" and axes.box.width() >= _BOTH_FROM_PX:
            words = f"{words} {shown.curves[place].source.value}"
        if place == 1 and (axes.box.width() < _BOTH_FROM_PX or shown.withheld):
            return
        width = metrics.horizontalAdvance(words)
        below = name == "ES"
        x = point.x() - 9 - width if place == 1 else point.x() + 9
        x = min(max(x, axes.box.left() + 2), axes.box.right() - width)
        y = point.y() + metrics.ascent() + 8 if below else point.y() - 5
        floor = axes.box.bottom() - (self._theme.pxf(12, 16) + 6 if shown.waves else 3)
        y = min(max(y, axes.box.top() + metrics.ascent() - 4), floor)
        halo = self._theme.color("panel", 0.85)
        halo_text(painter, QPointF(x, y), words, self._small, self._theme.color("t1"), halo=halo)
