"""All shortcuts on one sheet, made from the action table."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from cof_viewer.ui.actions import action
from cof_viewer.ui.sheet_rows import SHEET, SheetRow
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import IconButton
from cof_viewer.ui.widgets.hairline import Hairline
from cof_viewer.ui.widgets.keys import KeyCaps, caps_of
from cof_viewer.ui.widgets.overlay import Overlay
from cof_viewer.ui.widgets.panel import ThemedLabel


def caps_of_row(row: SheetRow) -> tuple[str, ...]:
    """The key caps of one line."""
    caps: list[str] = list(row.keys)
    for place, name in enumerate(row.actions):
        if place and row.joined:
            caps.append(row.joined)
        caps.extend(caps_of(action(name).shortcuts[0]))
    return tuple(caps)


class ShortcutSheet(Overlay):
    """Three columns of two groups; a field narrows them."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        """Build hidden."""
        super().__init__(theme, parent)
        head = QHBoxLayout()
        head.setContentsMargins(20, 12, 12, 8)
        head.setSpacing(24)
        head.addWidget(ThemedLabel(theme, "Shortcuts", role="name"))
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a shortcut")
        self.field.setFixedWidth(240)
        self.field.textChanged.connect(self.narrow)
        head.addWidget(self.field)
        head.addStretch(1)
        close = IconButton(theme, "x", "Close (Esc)")
        close.clicked.connect(self.dismiss)
        head.addWidget(close)
        self.sheet.column.addLayout(head)
        body = QWidget()
        columns = QHBoxLayout(body)
        columns.setContentsMargins(20, 6, 20, 16)
        columns.setSpacing(36)
        self._lines: list[tuple[str, QWidget]] = []
        for first in range(0, len(SHEET), 2):
            columns.addLayout(self._column(SHEET[first : first + 2]), 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        self.sheet.column.addWidget(scroll, 1)
        self._body = body

    def _column(self, groups: tuple[tuple[str, tuple[SheetRow, ...]], ...]) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        for place, (name, rows) in enumerate(groups):
            if place:
                column.addSpacing(16)
            column.addWidget(ThemedLabel(self.theme, name, bold=True))
            column.addSpacing(10)
            for row in rows:
                line = self._line(row)
                self._lines.append((f"{name} {row.text} {' '.join(caps_of_row(row))}".lower(), line))
                column.addWidget(line)
        column.addStretch(1)
        return column

    def _line(self, row: SheetRow) -> QWidget:
        line = QWidget()
        frame = QVBoxLayout(line)
        frame.setContentsMargins(0, 0, 0, 0)
        frame.setSpacing(0)
        frame.addWidget(Hairline(self.theme))
        words = QHBoxLayout()
        words.setContentsMargins(0, 3, 0, 3)
        words.addWidget(ThemedLabel(self.theme, row.text, color="t2"))
        words.addStretch(1)
        words.addWidget(KeyCaps(self.theme, caps_of_row(row)))
        frame.addLayout(words)
        return line

    def narrow(self, text: str) -> None:
        """Show the lines that hold every typed word."""
        typed = text.lower().split()
        for words, line in self._lines:
            line.setVisible(all(part in words for part in typed))

    def card(self, area: QSize) -> QRectF:
        """Up to 1000 px wide, as high as its lines."""
        width = min(1000, area.width() - 48)
        height = min(self._body.sizeHint().height() + 56, area.height() - 80)
        return QRectF((area.width() - width) / 2, (area.height() - height) / 2, width, height)

    def open(self) -> None:
        """Show all lines."""
        self.field.setFont(self.theme.font("base"))
        self.field.clear()
        super().open()
