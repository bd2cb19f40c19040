"""Tags and glyphs that say where a thing comes from: Measured, Generated, Simulated."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.domain.function import Source
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.paint import source_pen

WORDS = {
    Source.MEASURED: "Measured",
    Source.GENERATED: "Generated",
    Source.SIMULATED: "Simulated",
    Source.ECG: "ECG alone",
}


class Tag(QWidget):
    """A framed word; the frame is solid, dashed or dotted by source, red with an octagon after a stop."""

    def __init__(self, theme: Theme, source: Source | None = None, parent: QWidget | None = None) -> None:
        """Start with a source, or hidden where it is None."""
        super().__init__(parent)
        self._theme = theme
        self._source = source
        self._text = ""
        self._stopped = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._refresh)
        self.set_source(source)

    @property
    def text(self) -> str:
        """The word shown."""
        return self._text

    def set_source(self, source: Source | None, *, stopped: bool = False, text: str | None = None) -> None:
        """Say where the panel's content comes from.

        Args:
            source: None hides the tag.
            stopped: whether a stop withholds numbers of this result (red, octagon).
            text: other words than the source's own, such as "Generated, not reliable".
        """
        self._source = source
        self._stopped = stopped
        self._text = text if text is not None else (WORDS[source] if source else "")
        self.setVisible(source is not None)
        self.setAccessibleName(self._text)
        self._refresh()

    def sizeHint(self) -> QSize:
        """Word, padding 7 and the octagon where there is one."""
        metrics = QFontMetricsF(self._theme.font("micro"))
        icon = self._theme.px(17, 18) if self._stopped else 0
        return QSize(round(metrics.horizontalAdvance(self._text)) + 15 + icon, self._theme.px(18, 20))

    def minimumSizeHint(self) -> QSize:
        """Never cut: identity of a picture's source always stays."""
        return self.sizeHint()

    def _refresh(self) -> None:
        self.updateGeometry()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Frame by pen, since dashed style-sheet borders are uneven at the corners."""
        if self._source is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = self._theme.color("red" if self._stopped else "t1")
        edge = self._theme.color("red" if self._stopped else "t3")
        dash = (3.0, 2.0) if self._source is Source.GENERATED else (1.0, 2.0)
        pen = source_pen(self._source, edge, 1.0, dash)
        if self._source in (Source.SIMULATED, Source.ECG):
            pen.setDashPattern([1.0, 2.0])
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        left = 7.5
        if self._stopped:
            side = self._theme.pxf(12, 13)
            paint_icon(painter, "octagon-x", QRectF(left, (self.height() - side) / 2, side, side), color)
            left += self._theme.px(17, 18)
        painter.setFont(self._theme.font("micro"))
        painter.setPen(color)
        box = QRectF(left, 0, self.width() - left, self.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._text)


def paint_glyph(painter: QPainter, theme: Theme, source: Source, left: float, middle: float, width: float = 14) -> None:
    """The short line before a number: solid, dashed or dotted by source."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = source_pen(source, theme.color("t2"), 1.75, (4.0, 1.6))
    if source in (Source.SIMULATED, Source.ECG):
        pen.setDashPattern([1.0, 1.3])
    painter.setPen(pen)
    painter.drawLine(QPointF(left, middle), QPointF(left + width, middle))
    painter.restore()


class SourceGlyph(QWidget):
    """The 14 px line of DESIGN section 1 as a widget."""

    def __init__(self, theme: Theme, source: Source | None, parent: QWidget | None = None) -> None:
        """Start with a source; None draws nothing but keeps the place."""
        super().__init__(parent)
        self._theme = theme
        self._source = source
        self.setFixedSize(14, 10)
        theme.changed.connect(self.update)

    def set_source(self, source: Source | None) -> None:
        """Change the line."""
        self._source = source
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the line at half height."""
        if self._source is not None:
            paint_glyph(QPainter(self), self._theme, self._source, 0.0, self.height() / 2)
