"""Key caps: how a shortcut is written in menus, in the palette and on the shortcut sheet."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import paint_key_cap

_WORDS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓", "Escape": "Esc"}
_JOINERS = ("or", "–")
_PAD, _GAP = 6.0, 4.0


def caps_of(shortcut: str) -> tuple[str, ...]:
    """The keys of a shortcut in the order in which they are held, such as ("Ctrl", "Shift", "E").

    Args:
        shortcut: in Qt's portable form, such as "Ctrl+Shift+E".
    """
    text = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.PortableText)
    parts = text.split("+") if text not in ("+", "") else [text]
    return tuple(_WORDS.get(part, part) for part in parts)


def spoken(shortcut: str) -> str:
    """The shortcut in one string, such as "Ctrl Shift E"."""
    return " ".join(caps_of(shortcut))


class KeyCaps(QWidget):
    """A row of caps; "or" and "–" between them are plain words."""

    def __init__(self, theme: Theme, caps: tuple[str, ...], parent: QWidget | None = None) -> None:
        """Show these caps from left to right."""
        super().__init__(parent)
        self._theme = theme
        self._caps = caps
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """All caps and the gaps between them."""
        return QSize(round(caps_width(self._theme, self._caps)), self._theme.px(18, 20))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the row."""
        paint_caps(QPainter(self), self._theme, self._caps, float(self.width()), self.height() / 2)


def _width(theme: Theme, cap: str) -> float:
    words = QFontMetricsF(theme.font("micro")).horizontalAdvance(cap)
    return words if cap in _JOINERS else max(words + 2 * _PAD, theme.pxf(19, 21))


def caps_width(theme: Theme, caps: tuple[str, ...]) -> float:
    """How wide a row of caps is."""
    return sum(_width(theme, cap) for cap in caps) + _GAP * max(len(caps) - 1, 0)


def paint_caps(painter: QPainter, theme: Theme, caps: tuple[str, ...], right: float, middle: float) -> None:
    """Draw a row of caps that ends at `right`, centred on the height `middle`."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    height = theme.pxf(18, 20)
    left = right - caps_width(theme, caps)
    for cap in caps:
        width = _width(theme, cap)
        box = QRectF(left, middle - height / 2, width, height)
        if cap in _JOINERS:
            painter.setFont(theme.font("micro"))
            painter.setPen(theme.color("t3"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, cap)
        else:
            paint_key_cap(painter, theme, box, cap)
        left += width + _GAP
