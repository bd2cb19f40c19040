"""The range strip: a value, its 90 % interval and the normal range on one line."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.domain.function import Source
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.paint import source_pen


@dataclass(frozen=True)
class StripData:
    """What one strip shows, all in the metric's own unit.

    Attributes:
        value: the number beside the strip, None where withheld or unknown.
        source: of the value; sets the interval's line.
        interval: 90 % interval, or None.
        normal: normal range, or None where no table fits: then no bar, no colour.
        measured: measured value beside a generated one, an upright tick.
    """

    value: float | None = None
    source: Source = Source.MEASURED
    interval: tuple[float, float] | None = None
    normal: tuple[float, float] | None = None
    measured: float | None = None

    @property
    def outside(self) -> int:
        """-1 below the normal range, 1 above it, 0 inside or not known."""
        if self.value is None or self.normal is None:
            return 0
        return -1 if self.value < self.normal[0] else 1 if self.value > self.normal[1] else 0

    def limits(self) -> tuple[float, float]:
        """Ends of the axis: the normal range padded by 60 % of its width, stretched to hold everything shown."""
        low, high = self.normal or self.interval or (self.value or 0.0, self.value or 0.0)
        pad = 0.6 * (high - low) or max(abs(high), 1.0) * 0.3
        low, high = low - pad, high + pad
        shown = [self.value, self.measured, *(self.interval or ())]
        values = [v for v in shown if v is not None]
        if values:
            margin = 0.04 * (high - low)
            low, high = min(low, min(values) - margin), max(high, max(values) + margin)
        return low, high


def paint_strip(painter: QPainter, theme: Theme, box: QRectF, data: StripData) -> None:
    """Draw one strip into a box: axis, normal bar 7 px, interval 1.5 px, tick, dot."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    low, high = data.limits()
    inner = box.adjusted(3, 0, -3, 0)
    middle = box.center().y()

    def place(value: float) -> float:
        return inner.left() + (value - low) / (high - low) * inner.width()

    painter.setPen(QPen(theme.color("line2"), 1))
    painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))
    if data.normal:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("norm"))
        left, right = place(data.normal[0]), place(data.normal[1])
        painter.drawRoundedRect(QRectF(left, middle - 3.5, right - left, 7), 1, 1)
    ink = theme.color("amber" if data.outside else "t1")
    if data.interval:
        painter.setPen(source_pen(data.source, theme.color("t1"), 1.5, (3.0, 1.8)))
        painter.drawLine(QPointF(place(data.interval[0]), middle), QPointF(place(data.interval[1]), middle))
    if data.measured is not None:
        painter.setPen(QPen(theme.color("t1"), 1.5))
        painter.drawLine(QPointF(place(data.measured), middle - 6), QPointF(place(data.measured), middle + 6))
    if data.value is not None:
        radius = theme.pxf(2.8, 3.4)
        painter.setPen(QPen(theme.color("panel"), 1))
        painter.setBrush(ink)
        painter.drawEllipse(QPointF(place(data.value), middle), radius + 0.5, radius + 0.5)
    painter.restore()


class RangeStrip(QWidget):
    """`paint_strip` as a widget, 98 x 14 (128 x 16)."""

    def __init__(self, theme: Theme, data: StripData | None = None, parent: QWidget | None = None) -> None:
        """Start with data, or empty."""
        super().__init__(parent)
        self._theme = theme
        self._data = data
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    def set_data(self, data: StripData | None) -> None:
        """Show other values; None shows nothing."""
        self._data = data
        self.update()

    def sizeHint(self) -> QSize:
        """By density."""
        return QSize(self._theme.px(98, 128), self._theme.px(14, 16))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the strip over the whole widget."""
        if self._data is not None:
            paint_strip(QPainter(self), self._theme, QRectF(self.rect()), self._data)
