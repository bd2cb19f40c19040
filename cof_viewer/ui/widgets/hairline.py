"""The 1 px line between parts of a panel: solid always, since dashes mean something here."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from cof_viewer.ui.theme import Theme


class Hairline(QWidget):
    """A flat line over the whole width."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Build it in the theme's hairline colour."""
        super().__init__(parent)
        self._theme = theme
        self.setFixedHeight(1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """One fill."""
        QPainter(self).fillRect(self.rect(), self._theme.color("line"))
