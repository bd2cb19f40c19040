"""Messages to the user: a quiet banner above the lower panels, never over the patient's identity, never modal."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import IconButton
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.panel import ThemedLabel

NOTE_SECONDS = 6.0
"""How long an information stays; warnings and errors stay until they are closed."""

_LOOKS = {
    "info": ("info", "t2", "raised"),
    "warning": ("triangle-alert", "amber", "raised"),
    "error": ("octagon-x", "red", "redbg"),
}
MOST = 3


class Toast(QWidget):
    """One message with its sign and a button that closes it."""

    def __init__(self, theme: Theme, text: str, severity: str, parent: QWidget | None = None) -> None:
        """Build from a sentence and "info", "warning" or "error"."""
        super().__init__(parent)
        self._theme, self.text, self.severity = theme, text, severity
        row = QHBoxLayout(self)
        row.setContentsMargins(36, 8, 8, 8)
        row.setSpacing(8)
        self._label = ThemedLabel(theme, text, self, wrap=True)
        policy = self._label.sizePolicy()  # changed, not replaced: it knows that height follows width
        policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
        self._label.setSizePolicy(policy)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self._label, 1)
        close = IconButton(theme, "x", "Close this message", self)
        close.clicked.connect(self.close_message)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(text)
        if severity == "info":
            QTimer.singleShot(int(NOTE_SECONDS * 1000), self, self.close_message)

    def close_message(self) -> None:
        """Take it off the screen."""
        self.hide()
        self.setParent(None)
        self.deleteLater()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill, border, sign."""
        icon, ink, fill = _LOOKS.get(self.severity, _LOOKS["info"])
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("line2" if fill == "raised" else ink), 1))
        painter.setBrush(self._theme.color(fill))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        paint_icon(painter, icon, QRectF(12, 12, 16, 16), self._theme.color(ink))


class MessageArea(QWidget):
    """The column of messages; the window places it above its lower edge."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        """Start empty and invisible."""
        super().__init__(parent)
        self._theme = theme
        self._area = QRect()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self.hide()

    @property
    def toasts(self) -> list[Toast]:
        """Messages on the screen, oldest first."""
        return [child for child in self.findChildren(Toast) if not child.isHidden()]

    def show_message(self, text: str, severity: str) -> None:
        """Show one sentence; a sentence that is already there is not repeated."""
        if any(toast.text == text for toast in self.toasts):
            return
        for old in self.toasts[: max(len(self.toasts) - MOST + 1, 0)]:
            old.close_message()
        toast = Toast(self._theme, text, severity, self)
        toast.destroyed.connect(self._settle)
        self._column.addWidget(toast)
        toast.show()
        self._settle()

    def clear(self) -> None:
        """Close every message."""
        for toast in self.toasts:
            toast.close_message()
        self._settle()

    def _settle(self) -> None:
        self.setVisible(bool(self.toasts))
        self.place()

    def set_area(self, area: QRect) -> None:
        """Say where messages may lie: never over the bar with the patient's identity."""
        self._area = area
        self.place()

    def place(self) -> None:
        """Sit at the lower left of the free area, at most 560 px wide."""
        if self.isHidden() or self._area.isEmpty():
            return
        width = min(560, self._area.width() - 24)
        height = self._column.heightForWidth(width) if self._column.hasHeightForWidth() else self.sizeHint().height()
        self.setGeometry(self._area.left() + 12, self._area.bottom() - height - 12, width, height)
        self.raise_()

    def sizeHint(self) -> QSize:
        """As tall as its messages."""
        return self._column.sizeHint()
