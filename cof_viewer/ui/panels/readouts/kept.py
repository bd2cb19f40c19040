"""Two small lines: what the line styles mean, and the measured numbers that stay after a stop."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.domain.function import Source
from cof_viewer.ui.panels.readouts.rows import Readout
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.tag import paint_glyph

_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class SourceLegend(QWidget):
    """Glyph and word of each source that occurs."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._sources: tuple[Source, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_sources(self, sources: tuple[Source, ...]) -> None:
        """Explain others."""
        self._sources = sources
        self.updateGeometry()
        self.update()

    @staticmethod
    def word(source: Source) -> str:
        """As it is written in the legend."""
        return "ECG alone" if source is Source.ECG else source.value

    def _widths(self) -> list[float]:
        metrics = QFontMetricsF(self._theme.font("small"))
        return [20 + metrics.horizontalAdvance(self.word(source)) for source in self._sources]

    def sizeHint(self) -> QSize:
        """All words."""
        return QSize(round(sum(self._widths()) + 12 * max(len(self._sources) - 1, 0)), 20)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Glyphs and words."""
        painter = QPainter(self)
        painter.setFont(self._theme.font("small"))
        left = 0.0
        for source, width in zip(self._sources, self._widths(), strict=True):
            paint_glyph(painter, self._theme, source, left, self.height() / 2)
            painter.setPen(self._theme.color("t2"))
            painter.drawText(QRectF(left + 20, 0, width, self.height()), _MIDDLE, self.word(source))
            left += width + 12


class KeptLine(QWidget):
    """Numbers of the anchor, which a stop does not touch: "LV EDV 180 mL · LV mass 120 g · RV EDV 142 mL"."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._rows: tuple[Readout, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: tuple[Readout, ...]) -> None:
        """Keep those that were not generated; the heart rate stands in the ECG's header."""
        kept = [r for r in rows if r.value is not None and r.source is not Source.GENERATED]
        self._rows = tuple(r for r in kept if r.spec.metric != "heart_rate_bpm")[:3]
        self.update()

    def sizeHint(self) -> QSize:
        """29 px (36)."""
        return QSize(200, self._theme.px(29, 36))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Each number in a third of the width."""
        painter, theme = QPainter(self), self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pad = theme.pxf(12, 14)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawLine(QPointF(0, 0.5), QPointF(self.width(), 0.5))
        if not self._rows:
            return
        share = (self.width() - 2 * pad) / len(self._rows)
        for place, row in enumerate(self._rows):
            self._paint_number(painter, QRectF(pad + place * share, 0, share, self.height()), row)

    def _paint_number(self, painter: QPainter, box: QRectF, row: Readout) -> None:
        theme = self._theme
        paint_glyph(painter, theme, row.source, box.left(), box.center().y())
        left = box.left() + 20
        parts = (
            (row.spec.name, theme.font("small"), "t2"),
            (row.words, theme.font("small", bold=True, tabular=True), "t1"),
            (row.spec.unit, theme.font("small"), "t3"),
        )
        for words, font, token in parts:
            painter.setFont(font)
            painter.setPen(theme.color(token))
            painter.drawText(QRectF(left, 0, box.width(), box.height()), _MIDDLE, words)
            left += QFontMetricsF(font).horizontalAdvance(words) + 4
