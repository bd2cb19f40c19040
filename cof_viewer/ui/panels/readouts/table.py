"""Painting of the numbers: EF large with its strip, rows aligned in columns, measured beside generated with room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from cof_viewer.domain.function import Source
from cof_viewer.ui.panels.readouts.rows import Readout, ReadoutsShown, figure, span
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.range_strip import StripData, paint_strip
from cof_viewer.ui.widgets.tag import WORDS, paint_glyph

WIDE_FROM_PX = 620
"""Width from which measured values get columns of their own."""

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Columns:
    """Places across the table: left or right edges by what they align; None where a column is left out."""

    glyph: float
    name: float
    unit: float
    value: float
    interval: float | None
    measured: float | None
    difference: float | None
    normal: float | None
    arrow: float
    strip: QRectF


def strip_data(readout: Readout) -> StripData:
    """A readout as its range strip shows it."""
    normal = (readout.normal.low, readout.normal.high) if readout.normal is not None else None
    return StripData(readout.value, readout.source, readout.interval, normal, readout.measured)


class ReadoutTable(QWidget):
    """EF and the rows below it, painted as one."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._shown: ReadoutsShown | None = None
        self._empty = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.updateGeometry)

    def set_shown(self, shown: ReadoutsShown | None, empty: str = "") -> None:
        """Show other numbers, or one sentence where there are none."""
        self._shown, self._empty = shown, empty
        self.setAccessibleDescription(self._spoken())
        self.updateGeometry()
        self.update()

    @property
    def wide(self) -> bool:
        """Whether measured values have columns of their own."""
        return self.width() >= WIDE_FROM_PX

    def needed_height(self) -> int:
        """Height at which nothing is cut."""
        count = len(self._shown.rows) if self._shown else 0
        count += int(self.wide)
        return round(self._hero_height() + count * self._theme.pxf(18, 26) + self._theme.pxf(6, 8))

    def sizeHint(self) -> QSize:
        """As high as the rows need."""
        return QSize(340, self.needed_height())

    def minimumSizeHint(self) -> QSize:
        """EF is never left out."""
        return QSize(200, round(self._hero_height()))

    def _hero_height(self) -> float:
        return self._theme.pxf(58, 92)

    def _row_height(self) -> float:
        """18 px (26); a little less where otherwise a row would be cut."""
        full = self._theme.pxf(18, 26)
        count = len(self._shown.rows) + int(self.wide) if self._shown is not None else 0
        room = self.height() - self._hero_height() - self._theme.pxf(6, 8)
        return max(self._theme.pxf(15, 20), min(full, room / count)) if count and room > 0 else full

    def _spoken(self) -> str:
        if self._shown is None:
            return self._empty
        parts = []
        for readout in (self._shown.ef, *self._shown.rows):
            if readout.value is not None:
                parts.append(f"{readout.spec.name} {readout.words} {readout.spec.unit} {readout.source.value}")
        return "; ".join(parts)

    # -- painting ------------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """EF, a hairline, the rows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pad = self._theme.pxf(12, 14)
        if self._shown is None:
            self._text(painter, QRectF(self.rect()).adjusted(pad, 0, -pad, 0), self._empty, "base", "t3", wrap=True)
            return
        self._paint_hero(painter, QRectF(pad, 0, self.width() - 2 * pad, self._hero_height() - 4), self._shown)
        self._paint_rows(painter, pad, self._hero_height(), self._shown)

    def _text(
        self,
        painter: QPainter,
        box: QRectF,
        words: str,
        role: str,
        token: str,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignCenter,
        *,
        bold: bool = False,
        tabular: bool = False,
        wrap: bool = False,
    ) -> float:
        """Draw words into a box; returns their width."""
        font = self._theme.font(role, bold=bold, tabular=tabular)
        painter.setFont(font)
        painter.setPen(self._theme.color(token))
        if wrap:
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), words)
        else:
            painter.drawText(box, align, words)
        return QFontMetricsF(font).horizontalAdvance(words)

    def _paint_hero(self, painter: QPainter, box: QRectF, shown: ReadoutsShown) -> None:
        theme, ef = self._theme, shown.ef
        number = theme.font("hero", tabular=True)
        metrics = QFontMetricsF(number)
        width = metrics.horizontalAdvance(ef.words)
        base = box.top() + (box.height() + metrics.capHeight()) / 2
        painter.setFont(number)
        painter.setPen(theme.color("t1"))
        painter.drawText(QPointF(box.left() - 1, base), ef.words)
        unit: QFont = theme.font("start")
        unit.setWeight(QFont.Weight.Normal)
        painter.setFont(unit)
        painter.setPen(theme.color("t2"))
        painter.drawText(QPointF(box.left() + width + theme.pxf(4, 8), base), "%")
        left = box.left() + width + theme.pxf(4, 8) + QFontMetricsF(unit).horizontalAdvance("%") + theme.pxf(14, 20)
        right = box.right()
        if self.wide and shown.compared:
            right = self._paint_hero_columns(painter, box, ef) - theme.pxf(16, 28)
        self._paint_hero_line(painter, QRectF(left, box.top(), max(right - left, 10), box.height()), ef)

    def _paint_hero_line(self, painter: QPainter, box: QRectF, ef: Readout) -> None:
        """Glyph, name, interval; how it stands to normal; below them the strip."""
        theme = self._theme
        line = QRectF(box.left(), box.center().y() - theme.pxf(19, 24), box.width(), theme.pxf(18, 22))
        paint_glyph(painter, theme, ef.source, line.left(), line.center().y())
        x = line.left() + theme.pxf(22, 22)
        room = QRectF(x, line.top(), 300, line.height())
        x += self._text(painter, room, ef.spec.name, "base", "t1", _LEFT, bold=True)
        right = line.right()
        if ef.normal is not None:
            right -= self._paint_normal(painter, line, ef) + 10
        words, hint = self._beside_words(ef)
        x += theme.pxf(8, 10)
        metrics = QFontMetricsF(theme.font("base", tabular=True))
        if x + metrics.horizontalAdvance(words) <= right:
            x += self._text(painter, room.translated(x - room.left(), 0), words, "base", "t2", _LEFT, tabular=True)
            left_over = right - x - 8
            if QFontMetricsF(theme.font("small")).horizontalAdvance(hint) <= left_over:
                self._text(painter, QRectF(x + 8, line.top(), left_over, line.height()), hint, "small", "t3", _LEFT)
        strip = QRectF(box.left(), line.bottom() + theme.pxf(4, 6), box.width(), theme.pxf(14, 16))
        if ef.placeable:
            paint_strip(painter, theme, strip, strip_data(ef))

    def _beside_words(self, readout: Readout) -> tuple[str, str]:
        """What stands beside a name: the interval, else the measured value where it has no column."""
        if readout.interval is not None:
            return span(readout.interval, readout.spec.digits), "90 %"
        if readout.measured is not None and not self.wide:
            return f"{readout.measured_source.value} {figure(readout.measured, readout.spec.digits)}", ""
        return "", ""

    def _paint_normal(self, painter: QPainter, line: QRectF, ef: Readout) -> float:
        """ "↓ normal 57–77" at the right end, amber outside; returns its width."""
        assert ef.normal is not None
        words = f"normal {span((ef.normal.low, ef.normal.high))}"
        token = "amber" if ef.side else "t3"
        width = self._text(painter, line, words, "small", token, _RIGHT)
        if ef.side:
            self._arrow(painter, ef.side, line.right() - width - 10, line.center().y())
            width += 18
        return width

    def _paint_hero_columns(self, painter: QPainter, box: QRectF, ef: Readout) -> float:
        """Measured EF and the difference, right-aligned; returns the left edge of what was drawn."""
        theme, right = self._theme, box.right()
        columns: list[tuple[str, str, str, Source | None]] = []
        if ef.difference is not None:
            sign = "+" if ef.difference > 0 else ""
            columns.append(("Difference", sign + figure(ef.difference), "pts", None))
        if ef.measured is not None:
            columns.append((WORDS[ef.measured_source], figure(ef.measured), "%", ef.measured_source))
        for name, value, unit, glyph in columns:
            upper = QRectF(right - 120, box.center().y() - theme.pxf(24, 30), 120, 22)
            lower = QRectF(right - 120, upper.bottom() - 2, 120, 28)
            width = self._text(painter, upper, name, "base", "t2", _RIGHT)
            if glyph is not None:
                paint_glyph(painter, theme, glyph, right - width - 20, upper.center().y())
                width += 22
            unit_width = self._text(painter, lower, unit, "base", "t2", _RIGHT)
            number = QRectF(lower.left(), lower.top(), lower.width() - unit_width - 6, lower.height())
            self._text(painter, number, value, "start", "t1", _RIGHT, tabular=True)
            right -= max(width, 70) + 20
        return right

    # -- rows ----------------------------------------------------------------------------------------------------

    def _columns(self, pad: float) -> Columns:
        theme = self._theme
        strip_width = theme.pxf(98, 128)
        right = self.width() - pad
        strip = QRectF(right - strip_width, 0, strip_width, theme.pxf(14, 16))
        arrow = strip.left() - theme.pxf(12, 14)
        name = pad + theme.pxf(20, 24)
        if not self.wide:
            if self.width() < 300:  # range strips go before numbers
                strip = QRectF(right, 0, 0, 0)
                arrow = right - 8
            value = name + theme.pxf(92, 104)
            return Columns(pad, name, value + 5, value, arrow - 11, None, None, None, arrow, strip)
        inner = arrow - 8 - name
        value, interval, normal = name + 0.36 * inner, name + 0.54 * inner, arrow - 11
        measured, difference = name + 0.72 * inner, name + 0.82 * inner
        if self._shown is None or not self._shown.generated:
            return Columns(pad, name, name + 62, value, None, None, None, normal, arrow, strip)
        return Columns(pad, name, name + 62, value, interval, measured, difference, normal, arrow, strip)

    def _paint_rows(self, painter: QPainter, pad: float, top: float, shown: ReadoutsShown) -> None:
        columns, height = self._columns(pad), self._row_height()
        hairline = QPen(self._theme.color("line"), 1)
        painter.setPen(hairline)
        if not self.wide:
            painter.drawLine(QPointF(pad, top - 2.5), QPointF(self.width() - pad, top - 2.5))
            top += self._theme.pxf(4, 6)
        else:
            self._paint_heads(painter, columns, QRectF(0, top, self.width(), height), shown)
            top += height
        for place, readout in enumerate(shown.rows):
            row = QRectF(0, top + place * height, self.width(), height)
            if row.bottom() > self.height() + 1:
                break
            if self._theme.comfortable:
                painter.setPen(hairline)
                y = round(row.top()) + 0.5
                painter.drawLine(QPointF(pad, y), QPointF(self.width() - pad, y))
            self._paint_row(painter, columns, row, readout, shown)

    def _paint_heads(self, painter: QPainter, columns: Columns, row: QRectF, shown: ReadoutsShown) -> None:
        normal = f"Normal, {shown.sex}" if shown.sex else "Normal"
        heads, measured = [(columns.normal, normal)], WORDS[shown.measured_source]
        if shown.generated:
            heads += [(columns.value, "Generated"), (columns.measured, measured)]
            heads += [(columns.difference, "Diff.")] if shown.compared else []
            heads += [(columns.interval, "90 %")] if any(row.interval for row in shown.rows) else []
        else:
            heads += [(columns.value, measured)]
        for right, words in heads:
            if right is not None:
                self._text(painter, QRectF(right - 120, row.top(), 120, row.height()), words, "small", "t3", _RIGHT)

    def _paint_row(
        self, painter: QPainter, columns: Columns, row: QRectF, readout: Readout, shown: ReadoutsShown
    ) -> None:
        theme = self._theme

        def right_of(edge: float) -> QRectF:
            return QRectF(edge - 120, row.top(), 120, row.height())

        paint_glyph(painter, theme, readout.source, columns.glyph, row.center().y())
        self._text(painter, QRectF(columns.name, row.top(), 120, row.height()), readout.spec.name, "base", "t2", _LEFT)
        unit = QRectF(columns.unit, row.top(), 80, row.height())
        self._text(painter, unit, readout.spec.unit, "small", "t3", _LEFT)
        made = readout.source is Source.GENERATED
        value = columns.value if made or columns.measured is None else columns.measured
        words = "withheld" if readout.withheld else readout.words
        token = "t1" if readout.value is not None else "t3"
        bold = readout.value is not None
        self._text(painter, right_of(value), words, "base", token, _RIGHT, bold=bold, tabular=True)
        self._paint_beside(painter, columns, right_of, readout)
        if readout.normal is not None and columns.normal is not None:
            normal = span((readout.normal.low, readout.normal.high), readout.spec.digits)
            self._text(painter, right_of(columns.normal), normal, "base", "t3", _RIGHT, tabular=True)
        if readout.side:
            self._arrow(painter, readout.side, columns.arrow, row.center().y())
        if columns.strip.width() > 0 and readout.placeable:
            strip = columns.strip.translated(0, row.center().y() - columns.strip.height() / 2)
            paint_strip(painter, theme, strip, strip_data(readout))

    def _paint_beside(
        self, painter: QPainter, columns: Columns, right_of: Callable[[float], QRectF], readout: Readout
    ) -> None:
        """Interval, measured value and difference, each in its column or, where narrow, the one that matters most."""
        digits = readout.spec.digits
        if readout.interval is not None and columns.interval is not None:
            words = span(readout.interval, digits)
            self._text(painter, right_of(columns.interval), words, "base", "t2", _RIGHT, tabular=True)
        elif readout.measured is not None and columns.measured is None and columns.interval is not None:
            words = figure(readout.measured, digits)
            width = self._text(painter, right_of(columns.interval), words, "base", "t2", _RIGHT, tabular=True)
            middle = right_of(columns.interval).center().y()
            paint_glyph(painter, self._theme, readout.measured_source, columns.interval - width - 20, middle)
        if readout.measured is None or columns.measured is None or columns.difference is None:
            return
        box = right_of(columns.measured)
        self._text(painter, box, figure(readout.measured, digits), "base", "t1", _RIGHT, bold=True, tabular=True)
        if readout.difference is not None:
            words = ("+" if readout.difference > 0 else "") + figure(readout.difference, digits)
            self._text(painter, right_of(columns.difference), words, "base", "t2", _RIGHT, tabular=True)

    def _arrow(self, painter: QPainter, side: int, x: float, y: float) -> None:
        """An amber arrow centred at a place."""
        colour: QColor = self._theme.color("amber")
        paint_icon(painter, "arrow-up" if side > 0 else "arrow-down", QRectF(x - 7, y - 7, 14, 14), colour)

    # -- help ----------------------------------------------------------------------------------------------------

    def event(self, event: object) -> bool:
        """The tip over a row says in words what strip and arrow show."""
        if isinstance(event, QHelpEvent) and self._shown is not None:
            readout = self.readout_at(event.pos().y())
            QToolTip.showText(event.globalPos(), tip_words(readout) if readout else "", self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def readout_at(self, y: float) -> Readout | None:
        """The number under a height, None between rows."""
        if self._shown is None:
            return None
        if y < self._hero_height():
            return self._shown.ef
        top = self._hero_height() + (self._row_height() if self.wide else self._theme.pxf(4, 6))
        index = int((y - top) // self._row_height())
        return self._shown.rows[index] if 0 <= index < len(self._shown.rows) else None


def tip_words(readout: Readout) -> str:
    """One number in words: value, source, interval, measured value, normal range and its table."""
    spec = readout.spec
    if readout.withheld:
        return f"{spec.name} is withheld: this result is not reliable."
    lines = [f"{spec.name} {readout.words} {spec.unit}, {readout.source.value}"]
    if readout.interval is not None:
        lines.append(f"90 % interval {span(readout.interval, spec.digits)} {spec.unit}")
    if readout.measured is not None:
        lines.append(f"{WORDS[readout.measured_source]} {figure(readout.measured, spec.digits)} {spec.unit}")
    if readout.normal is not None:
        normal = readout.normal
        lines.append(f"Normal {span((normal.low, normal.high), spec.digits)} {spec.unit} ({normal.source})")
    elif readout.value is not None:
        lines.append("No table of normal values fits this patient.")
    return "\n".join(lines)
