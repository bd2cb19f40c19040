"""The time line of the transport: one beat from left to right, a mark a phase, ED and ES above it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.ui.theme import Theme

HEAD_RADIUS = 5.5


@dataclass(frozen=True)
class Beat:
    """What the line shows.

    Attributes:
        fractions: place of each phase in the beat, 0 to 1.
        phase: the one that is shown, 0-based.
        ed: ED's phase, or None.
        es: ES's phase, or None.
        live: whether there is a beat to move in; without one the line is a plain groove.
    """

    fractions: tuple[float, ...] = ()
    phase: int = 0
    ed: int | None = None
    es: int | None = None
    live: bool = False


class TimeLine(QWidget):
    """The groove with its head; a click or a drag asks for the phase that begins nearest.

    Attributes:
        phase_wanted: emitted with the 0-based phase.
    """

    phase_wanted = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start without a beat."""
        super().__init__(parent)
        self._theme = theme
        self._beat = Beat()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Time within the beat")
        theme.changed.connect(self.updateGeometry)

    def set_beat(self, beat: Beat) -> None:
        """Show another beat or another phase."""
        if beat != self._beat:
            self._beat = beat
            self.update()

    def sizeHint(self) -> QSize:
        """As high as the transport."""
        return QSize(200, self._theme.px(48, 56))

    def head(self) -> QPointF:
        """Where the head stands."""
        beat = self._beat
        fraction = beat.fractions[beat.phase] if beat.phase < len(beat.fractions) else 0.0
        return QPointF(self._x(fraction), self._middle())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the phase under the mouse."""
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)

    def _go(self, event: QMouseEvent) -> None:
        if not self._beat.live or not self._beat.fractions:
            return
        wanted = (event.position().x() - HEAD_RADIUS) / max(self.width() - 2 * HEAD_RADIUS, 1)
        fractions = self._beat.fractions
        self.phase_wanted.emit(min(range(len(fractions)), key=lambda k: abs(fractions[k] - wanted)))

    def _x(self, fraction: float) -> float:
        return HEAD_RADIUS + fraction * (self.width() - 2 * HEAD_RADIUS)

    def _middle(self) -> float:
        return self.height() / 2 + 1.5

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Groove, elapsed part, marks, ED and ES, head."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, beat, middle = self._theme, self._beat, self._middle()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line2"))
        painter.drawRoundedRect(QRectF(self._x(0), middle - 1.5, self._x(1) - self._x(0), 3), 1.5, 1.5)
        if beat.live:
            self._paint_marks(painter, middle)
        self._paint_named(painter, middle)
        if beat.live and beat.fractions:
            head = self.head()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(self._x(0), middle - 1.5, head.x() - self._x(0), 3), 1.5, 1.5)
            painter.setPen(QPen(theme.color("win"), 1.5))
            painter.setBrush(theme.color("t1"))
            painter.drawEllipse(head, HEAD_RADIUS + 0.75, HEAD_RADIUS + 0.75)

    def _paint_marks(self, painter: QPainter, middle: float) -> None:
        painter.setPen(QPen(self._theme.color("line2"), 1))
        fractions = self._beat.fractions
        room = (self.width() - 2 * HEAD_RADIUS) / max(len(fractions), 1)
        every = next((step for step in (1, 2, 5, 10, 20) if room * step >= 5), 50)
        for fraction in fractions[::every]:
            x = round(self._x(fraction)) + 0.5
            painter.drawLine(QPointF(x, middle + 7.5), QPointF(x, middle + 10.5))

    def _paint_named(self, painter: QPainter, middle: float) -> None:
        font = self._theme.font("micro")
        painter.setFont(font)
        taken = -1.0
        named = sorted(
            (phase, word) for phase, word in ((self._beat.ed, "ED"), (self._beat.es, "ES")) if phase is not None
        )
        for phase, word in named:
            if phase >= len(self._beat.fractions):
                continue
            x = round(self._x(self._beat.fractions[phase])) + 0.5
            painter.setPen(QPen(self._theme.color("t3"), 1))
            painter.drawLine(QPointF(x, middle - 10), QPointF(x, middle - 4))
            width = QFontMetricsF(font).horizontalAdvance(word)
            left = max(x + 4 if x + 4 + width <= self.width() else x - 4 - width, taken)
            taken = left + width + 4
            painter.setPen(self._theme.color("t2"))
            painter.drawText(QPointF(left, middle - 7.5), word)
