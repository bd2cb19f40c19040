"""Progress in words and as a bar, where Generate stood."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.ui.theme import Theme


class ProgressBar(QWidget):
    """What is being done, how far it is, and a 4 px bar below."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start at nothing."""
        super().__init__(parent)
        self._theme = theme
        self._fraction, self._words = 0.0, ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def words(self) -> str:
        """What is being done."""
        return self._words

    def set_progress(self, fraction: float, words: str) -> None:
        """Show another state; `fraction` is 0 to 1."""
        self._fraction, self._words = min(max(fraction, 0.0), 1.0), words
        self.setToolTip(words)
        self.setAccessibleName(f"{words}, {round(100 * self._fraction)} %")
        self.update()

    def sizeHint(self) -> QSize:
        """Two lines."""
        return QSize(160, 34)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Words left, per cent right, bar below."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._theme
        percent = f"{round(100 * self._fraction)} %"
        number, words = theme.font("base", tabular=True), theme.font("base", bold=True)
        room = self.width() - QFontMetricsF(number).horizontalAdvance(percent) - 8
        if QFontMetricsF(words).horizontalAdvance(self._words) > room:  # words tell more; the bar tells the rest
            percent, room = "", float(self.width())
        painter.setFont(words)
        painter.setPen(theme.color("t1"))
        text = QFontMetricsF(words).elidedText(self._words, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(0, 0, room, 22), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.setFont(number)
        painter.setPen(theme.color("t2"))
        box = QRectF(0, 0, self.width(), 22)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, percent)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line2"))
        painter.drawRoundedRect(QRectF(0, 27, self.width(), 4), 2, 2)
        painter.setBrush(theme.color("accent"))
        if self._fraction > 0:
            painter.drawRoundedRect(QRectF(0, 27, max(self.width() * self._fraction, 4), 4), 2, 2)
