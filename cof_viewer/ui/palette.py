"""Find an action: type a few letters, Enter does it. Shows the keys, so it teaches them; says why not, where not."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QScrollArea, QWidget

from cof_viewer.ui.action_binder import ActionBinder
from cof_viewer.ui.actions import ACTIONS, ActionSpec
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.hairline import Hairline
from cof_viewer.ui.widgets.icons import paint_icon, pixmap
from cof_viewer.ui.widgets.keys import KeyCaps, caps_of, paint_caps
from cof_viewer.ui.widgets.overlay import Overlay

ROW, HEADING = 36, 30


@dataclass(frozen=True)
class Found:
    """One line of the list: an action, and why it is not available now."""

    spec: ActionSpec
    obstacle: str | None


def rank(spec: ActionSpec, words: str) -> int | None:
    """How well an action fits what was typed, lower is better; None where it does not fit.

    Every typed word must begin a word of the action's name, or stand somewhere in it, or begin its menu's name or a
    word of its description.
    """
    name = spec.text.lower().replace("…", "").replace("–", " ")
    around = [spec.menu.lower(), *spec.tip.lower().split()]
    score = 0
    for typed in words.lower().split():
        if name.startswith(typed):
            continue
        if any(part.startswith(typed) for part in name.split()):
            score += 1
        elif typed in name:
            score += 2
        elif any(part.startswith(typed) for part in around):
            score += 3
        else:
            return None
    return score


class PaletteList(QWidget):
    """The lines below the field, painted; those that are not available stand last, with the reason."""

    def __init__(self, palette: Palette, theme: Theme) -> None:
        """Start empty."""
        super().__init__()
        self._palette, self._theme = palette, theme
        self.available: list[Found] = []
        self.missing: list[Found] = []
        self.current = 0
        self.setMouseTracking(True)

    @property
    def lines(self) -> list[Found]:
        """All lines from top to bottom."""
        return [*self.available, *self.missing]

    def show_lines(self, lines: list[Found]) -> None:
        """Show other lines, the first of them chosen."""
        self.available = [line for line in lines if line.obstacle is None]
        self.missing = [line for line in lines if line.obstacle is not None]
        self.current = 0
        self.setFixedHeight(self._bottom())
        self.update()

    def _bottom(self) -> int:
        blocks = (self.available, self.missing)
        return sum(HEADING + ROW * len(block) for block in blocks if block) + 8

    def box(self, index: int) -> QRectF:
        """Where a line stands."""
        above = HEADING if index < len(self.available) else HEADING * (2 if self.available else 1)
        return QRectF(0, above + index * ROW, self.width(), ROW)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The line under the mouse is the chosen one."""
        for index in range(len(self.lines)):
            if self.box(index).contains(event.position()) and index != self.current:
                self.current = index
                self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Do the line under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton and self.box(self.current).contains(event.position()):
            self._palette.take()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Headings and lines."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = 0
        for words, block in (("Actions", self.available), ("Not available now", self.missing)):
            if block:
                self._paint_heading(painter, top, words)
                top += HEADING + ROW * len(block)
        for index, line in enumerate(self.lines):
            self._paint_line(painter, index, line)
        if not self.lines:
            self._paint_heading(painter, 0, "No action of that name")

    def _paint_heading(self, painter: QPainter, top: float, words: str) -> None:
        painter.setFont(self._theme.font("small"))
        painter.setPen(self._theme.color("t3"))
        box = QRectF(16, top, self.width() - 32, HEADING)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)

    def _paint_line(self, painter: QPainter, index: int, line: Found) -> None:
        theme, box = self._theme, self.box(index)
        if index == self.current:
            painter.fillRect(box, theme.color("active"))
        live = line.obstacle is None
        ink = theme.color("t1" if live else "t3")
        if line.spec.icon:
            paint_icon(
                painter, line.spec.icon, QRectF(16, box.center().y() - 8, 16, 16), theme.color("t2" if live else "t3")
            )
        name, note = theme.font("base"), theme.font("small")
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setFont(name)
        painter.setPen(ink)
        text = line.spec.text.rstrip("…")
        painter.drawText(QRectF(43, box.top(), box.width(), ROW), align, text)
        painter.setFont(note)
        painter.setPen(theme.color("t3"))
        left = 43 + QFontMetricsF(name).horizontalAdvance(text) + 10
        painter.drawText(QRectF(left, box.top(), box.width() - left, ROW), align, line.obstacle or line.spec.menu)
        if line.spec.shortcuts and live:
            paint_caps(painter, theme, caps_of(line.spec.shortcuts[0]), self.width() - 16.0, box.center().y())


class Palette(Overlay):
    """The card with the field and the list."""

    def __init__(self, theme: Theme, binder: ActionBinder, parent: QWidget) -> None:
        """Build hidden."""
        super().__init__(theme, parent)
        self._binder = binder
        head = QWidget()
        head.setFixedHeight(48)
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(10)
        sign = QLabel()
        sign.setPixmap(pixmap("search", theme.color("t2"), 16, 2.0))
        self.field = QLineEdit()
        self.field.setProperty("bare", True)
        self.field.setPlaceholderText("Find an action")
        self.field.textEdited.connect(self.search)
        self.field.installEventFilter(self)
        row.addWidget(sign)
        row.addWidget(self.field, 1)
        row.addWidget(KeyCaps(theme, ("Esc",)))
        self.list = PaletteList(self, theme)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self.list)
        column = self.sheet.column
        column.setContentsMargins(1, 0, 1, 1)
        column.addWidget(head)
        column.addWidget(Hairline(theme))
        column.addWidget(self._scroll, 1)

    def card(self, area: QSize) -> QRectF:
        """560 px wide, in the upper half."""
        width, top = min(560, area.width() - 40), round(area.height() * 0.12)
        height = min(49 + self.list.height(), area.height() - top - 40, 430)
        return QRectF((area.width() - width) / 2, top, width, height)

    def open(self) -> None:
        """Show every action and take the keyboard."""
        self.field.clear()
        self.field.setFont(self.theme.font("name"))
        font = self.theme.font("base")
        font.setPointSizeF(font.pointSizeF() * 1.25)
        self.field.setFont(font)
        self.search("")
        super().open()
        self.field.setFocus()

    def search(self, words: str) -> None:
        """List what fits the typed words, best first."""
        ranked = [(rank(spec, words), index, spec) for index, spec in enumerate(ACTIONS) if spec.id != "palette"]
        fitting = sorted((score, index, spec) for score, index, spec in ranked if score is not None)
        self.list.show_lines([Found(spec, self._binder.obstacle(spec)) for _, _, spec in fitting])
        self._scroll.verticalScrollBar().setValue(0)
        self._cover()

    def take(self) -> None:
        """Do the chosen action and go away; one that is not available stays with its reason."""
        if not self.list.lines:
            return
        found = self.list.lines[self.list.current]
        if found.obstacle is None:
            self.dismiss()
            self._binder.run(found.spec.id)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows, Enter and Esc work while the field has the keyboard."""
        if watched is self.field and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and self._key(Qt.Key(event.key())):
                return True
        return super().eventFilter(watched, event)

    def _key(self, key: Qt.Key) -> bool:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}.get(key)
        if step is not None and self.list.lines:
            last = len(self.list.lines) - 1
            self.list.current = min(max(self.list.current + step, 0), last)
            self.list.update()
            center = self.list.box(self.list.current).center().toPoint()
            self._scroll.ensureVisible(0, center.y(), 0, ROW)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.take()
        elif key == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            return step is not None
        return True
