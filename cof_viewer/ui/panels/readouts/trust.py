"""What the reader should know before believing a number: one line, a list of flags, and the box of a stop."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.ui.panels.readouts.rows import ReadoutsShown
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import PushButton
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.panel import ThemedLabel

MARKS: dict[Severity, tuple[str, str]] = {
    Severity.STOP: ("octagon-x", "red"),
    Severity.CAUTION: ("triangle-alert", "amber"),
    Severity.NOTE: ("info", "t2"),
}
"""Icon and colour of each severity; a note has no colour of its own."""

_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_WRAP = int(Qt.AlignmentFlag.AlignLeft) | int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextWordWrap)


class TrustLine(QWidget):
    """The line below the numbers: how many flags of the worst kind; a click opens the list."""

    toggled = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._shown: ReadoutsShown | None = None
        self.open = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        """29 px (36)."""
        return QSize(200, self._theme.px(29, 36))

    def set_shown(self, shown: ReadoutsShown | None, is_open: bool) -> None:
        """Show another result's flags."""
        self._shown, self.open = shown, is_open
        self.setCursor(Qt.CursorShape.PointingHandCursor if shown and shown.flags else Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(f"Trust: {self.words}")
        self.updateGeometry()
        self.update()

    @property
    def words(self) -> str:
        """The counts, or that there is nothing."""
        return (self._shown.counts_words or "nothing to flag") if self._shown else ""

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Hairline, shield, words, counts in the worst flag's colour, chevron."""
        if self._shown is None:
            return
        painter, theme = QPainter(self), self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pad, middle = theme.pxf(12, 14), self.height() / 2
        if self._shown.flags and self.underMouse():
            painter.fillRect(self.rect(), theme.color("hover"))
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawLine(QPointF(0, 0.5), QPointF(self.width(), 0.5))
        paint_icon(painter, "shield-check", QRectF(pad, middle - 7, 14, 14), theme.color("t2"))
        painter.setFont(theme.font("base"))
        painter.setPen(theme.color("t1"))
        title = "Trust" if self._shown.flags else "Trust: nothing to flag"
        painter.drawText(QRectF(pad + 23, 0, self.width(), self.height()), _MIDDLE, title)
        if self._shown.flags:
            self._paint_counts(painter, self.width() - pad, middle)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("cursor"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)

    def _paint_counts(self, painter: QPainter, right: float, middle: float) -> None:
        assert self._shown is not None
        theme = self._theme
        icon, token = MARKS[self._shown.flags[0].severity]
        chevron = "chevron-down" if self.open else "chevron-right"
        paint_icon(painter, chevron, QRectF(right - 13, middle - 7, 14, 14), theme.color("t2"))
        metrics = QFontMetricsF(theme.font("base"))
        width = metrics.horizontalAdvance(self.words)
        left = right - 24 - width
        painter.setPen(theme.color(token))
        painter.drawText(QRectF(left, 0, width + 2, self.height()), _MIDDLE, self.words)
        paint_icon(painter, icon, QRectF(left - 20, middle - 7, 14, 14), theme.color(token))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open or close the list."""
        if event.button() == Qt.MouseButton.LeftButton and self._shown and self._shown.flags:
            self.toggled.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and space do what a click does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.toggled.emit()
        else:
            super().keyPressEvent(event)


class FlagList(QWidget):
    """Flags, worst first, each with its sign and its sentence."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._flags: tuple[Flag, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def set_flags(self, flags: tuple[Flag, ...]) -> None:
        """Show others."""
        self._flags = flags
        self.setAccessibleDescription("; ".join(f"{flag.severity.value}: {flag.text}" for flag in flags))
        self.setMinimumHeight(self.heightForWidth(self.width()))
        self.updateGeometry()
        self.update()

    def _rows(self, width: float) -> list[QRectF]:
        """Where each sentence lies."""
        theme, top, rows = self._theme, 0.0, []
        pad = theme.pxf(12, 14)
        metrics = QFontMetricsF(theme.font("small"))
        for flag in self._flags:
            room = QRectF(0, 0, max(width - 2 * pad - 23, 40), 10_000)
            height = metrics.boundingRect(room, _WRAP, flag.text).height() + theme.pxf(7, 10)
            rows.append(QRectF(pad + 23, top, room.width(), height))
            top += height
        return rows

    def hasHeightForWidth(self) -> bool:
        """Sentences wrap."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height of all sentences."""
        rows = self._rows(width)
        return round(rows[-1].bottom()) + 2 if rows else 0

    def sizeHint(self) -> QSize:
        """By the present width."""
        return QSize(200, self.heightForWidth(max(self.width(), 200)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap anew."""
        self.setMinimumHeight(self.heightForWidth(self.width()))
        super().resizeEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Hairlines, signs, sentences."""
        painter, theme = QPainter(self), self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        pad = theme.pxf(12, 14)
        for flag, row in zip(self._flags, self._rows(self.width()), strict=True):
            icon, token = MARKS[flag.severity]
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(QPointF(pad, row.top() + 0.5), QPointF(self.width() - pad, row.top() + 0.5))
            line = QFontMetricsF(theme.font("small")).height()
            top = row.top() + (theme.pxf(7, 10) + line - 14) / 2
            paint_icon(painter, icon, QRectF(pad, top, 14, 14), theme.color(token))
            painter.setPen(theme.color("t1" if flag.severity is Severity.STOP else "t2"))
            painter.drawText(row, _WRAP, flag.text)


class StopBox(QWidget):
    """Where EF would stand after a stop: what is withheld, why, and what to do.

    Attributes:
        other_ecg_requested: the reader wants to choose another ECG.
        anyway_requested: the reader confirmed to see the numbers.
    """

    other_ecg_requested = Signal()
    anyway_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Build words and buttons."""
        super().__init__(parent)
        self._theme = theme
        self._asked = False
        self._cause = ""
        self._title = ThemedLabel(theme, "", self, role="name")
        self._counts = ThemedLabel(theme, "", self, role="small", color="t2")
        self._words = ThemedLabel(theme, "", self, role="small", color="t2", wrap=True)
        self.other_ecg = PushButton(theme, "Choose another ECG…", self)
        self.anyway = PushButton(theme, "Show numbers anyway", self, quiet=True)
        self.other_ecg.clicked.connect(self._on_first)
        self.anyway.clicked.connect(self._on_second)
        head, buttons, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        head.addSpacing(24)
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._counts)
        head.addSpacing(6)
        buttons.setSpacing(0)
        buttons.addWidget(self.other_ecg)
        buttons.addWidget(self.anyway)
        buttons.addStretch(1)
        column.setContentsMargins(14, 9, 4, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self._words)
        column.addLayout(buttons)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def set_shown(self, shown: ReadoutsShown) -> None:
        """Name what is withheld and why."""
        names = [r.spec.name.removeprefix("LV ") for r in (shown.ef, *shown.rows) if r.withheld]
        stops = [flag.text for flag in shown.flags if flag.severity is Severity.STOP]
        self._title.setText(f"{names[0]} withheld" if names else "Not reliable")
        self._counts.setText(" · ".join(shown.counts_words.split(" · ")[:2]))
        self._cause = " ".join(stops)
        self._ask(False)

    def _ask(self, asked: bool) -> None:
        """Once before showing: the second question takes the place of the first words."""
        self._asked = asked
        question = "The numbers may be wrong. Whatever is exported will be marked as not reliable."
        self._words.setText(question if asked else self._cause)
        self.other_ecg.setText("Keep them withheld" if asked else "Choose another ECG…")
        self.anyway.setText("Show them" if asked else "Show numbers anyway")
        self.updateGeometry()

    def _on_first(self) -> None:
        if self._asked:
            self._ask(False)
        else:
            self.other_ecg_requested.emit()

    def _on_second(self) -> None:
        if self._asked:
            self.anyway_requested.emit()
        else:
            self._ask(True)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The red ground with its edge, and the octagon."""
        painter, theme = QPainter(self), self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("redbg"))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        painter.fillRect(QRectF(0, 0, 2, self.height()), theme.color("red"))
        middle = self._title.geometry().center().y() + 0.5
        paint_icon(painter, "octagon-x", QRectF(14, middle - 9, 18, 18), theme.color("red"))
