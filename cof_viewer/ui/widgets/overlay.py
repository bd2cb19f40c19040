"""A sheet over the dimmed window: the frame of the palette and of the shortcut sheet."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cof_viewer.ui.theme import Theme


class Sheet(QWidget):
    """The framed card in the middle, with a column layout in `column`."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        """Build an empty card."""
        super().__init__(parent)
        self._theme = theme
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on the card does not close it."""
        event.accept()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Panel fill, 1 px frame, radius 8."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("line2"), 1))
        painter.setBrush(self._theme.color("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)


class Overlay(QWidget):
    """Covers its parent, dims it, and holds one card. Esc or a click beside the card closes it.

    Attributes:
        closed: emitted when it went away.
        sheet: the card.
    """

    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        """Build hidden."""
        super().__init__(parent)
        self.theme = theme
        self.sheet = Sheet(theme, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        parent.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        """Cover the window and take the keyboard."""
        self._cover()
        self.show()
        self.raise_()
        self.setFocus()

    def dismiss(self) -> None:
        """Go away."""
        if self.isVisible():
            self.hide()
            self.closed.emit()

    def card(self, area: QSize) -> QRectF:
        """Where the card lies in a window of this size; overridden by each overlay."""
        return QRectF(area.width() / 2 - 300, area.height() / 2 - 200, 600, 400)

    def _cover(self) -> None:
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
            self.sheet.setGeometry(self.card(parent.size()).toRect())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._cover()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """Keys belong to the card while it is open, so no shortcut of the window fires behind it."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside the card closes."""
        self.dismiss()
        event.accept()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Dim what lies behind."""
        QPainter(self).fillRect(self.rect(), QColor(0, 0, 0, 150))
