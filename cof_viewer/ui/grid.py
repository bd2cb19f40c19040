"""The one grid of the window: rail | slices | right column, with ECG and volume curve below, and its splitters.

`compute` is pure: sizes in, rectangles out. `WindowGrid` puts the panels there and lets the three lines be dragged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QPointF, QRect, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from cof_viewer.ui.theme import Theme

Place = Literal["rail", "slices", "heart", "readouts", "ecg", "curve"]
PLACES: tuple[Place, ...] = ("rail", "slices", "heart", "readouts", "ecg", "curve")
Line = Literal["left", "right", "lower"]

RIGHT_MIN, RIGHT_MAX = 340, 800
LOWER_MIN, LOWER_MAX = 160, 400
SLICES_MIN = (420, 260)
HEART_MIN, READOUTS_MIN = 160, 290
RAIL_MIN, RAIL_MAX = 200, 360
GAP = 1


@dataclass(frozen=True)
class Lines:
    """What the user has dragged or chosen; None = by the window's size.

    Attributes:
        rail: width of the rail, 0 when collapsed.
        right: width of the right column.
        lower: height of ECG and curve.
        filled: the one panel that fills the area, or None.
        heart_min: smallest height of the heart.
        readouts_min: height that the numbers need.
    """

    rail: int | None = None
    right: int | None = None
    lower: int | None = None
    filled: Place | None = None
    heart_min: int = HEART_MIN
    readouts_min: int = READOUTS_MIN


def _between(value: float, low: float, high: float) -> int:
    return round(min(max(value, low), max(low, high)))


def _grown(size: float, at: tuple[float, float], to: tuple[float, float]) -> float:
    """Straight line through two (size, value) pairs of DESIGN section 4: (1280 x 800) and (2560 x 1440)."""
    return at[1] + (size - at[0]) * (to[1] - at[1]) / (to[0] - at[0])


def right_width(width: int, lines: Lines) -> int:
    """Width of the right column: 360 at 1280, 800 at 2560 and above."""
    wanted = lines.right if lines.right is not None else _grown(width, (1280, 360), (2560, 800))
    return _between(wanted, RIGHT_MIN, RIGHT_MAX)


def lower_height(height: int, lines: Lines) -> int:
    """Height of ECG and curve by the area's height (712 of 800, 1340 of 1440): 198 and 400."""
    wanted = lines.lower if lines.lower is not None else _grown(height, (710, 198), (1338, 400))
    most = LOWER_MAX if lines.lower is None else height - SLICES_MIN[1] - GAP
    return _between(wanted, LOWER_MIN, most)


def rail_width(width: int, lines: Lines, comfortable: bool) -> int:
    """Width of the rail; it gives way where the slices would become too narrow."""
    wanted = lines.rail if lines.rail is not None else (272 if comfortable else 216)
    if wanted == 0 or width - right_width(width, lines) - RAIL_MIN - 2 * GAP < SLICES_MIN[0]:
        return 0
    return _between(wanted, RAIL_MIN, min(RAIL_MAX, width - right_width(width, lines) - SLICES_MIN[0] - 2 * GAP))


def compute(width: int, height: int, lines: Lines, *, comfortable: bool) -> dict[Place, QRect]:
    """Where each panel lies in an area of this size; panels that are not shown have empty rectangles."""
    empty: dict[Place, QRect] = {place: QRect() for place in PLACES}
    if lines.filled is not None:
        return empty | {lines.filled: QRect(0, 0, width, height)}
    rail, right = rail_width(width, lines, comfortable), right_width(width, lines)
    lower = lower_height(height, lines)
    upper = height - lower - GAP
    left = rail + GAP if rail else 0
    middle = width - right - GAP - left
    start = width - right
    usual = _grown(upper, (511, 220), (937, 416))
    heart = _between(min(usual, upper - GAP - lines.readouts_min), lines.heart_min, upper)
    return {
        "rail": QRect(0, 0, rail, height),
        "slices": QRect(left, 0, middle, upper),
        "ecg": QRect(left, upper + GAP, middle, lower),
        "heart": QRect(start, 0, right, heart),
        "readouts": QRect(start, heart + GAP, right, upper - heart - GAP),
        "curve": QRect(start, upper + GAP, right, lower),
    }


class _Handle(QWidget):
    """An invisible strip over one line; dragging moves the line, a double click restores it."""

    def __init__(self, line: Line, grid: WindowGrid) -> None:
        super().__init__(grid)
        self._line: Line = line
        self._grid = grid
        self.setCursor(Qt.CursorShape.SplitVCursor if line == "lower" else Qt.CursorShape.SplitHCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._grid.drag(self._line, self.mapTo(self._grid, event.position()))

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self._grid.restore(self._line)


class WindowGrid(QWidget):
    """Holds the panels at their places.

    Attributes:
        moved: emitted with (rail width, right column's width) whenever the upright lines have moved.
        arranged: emitted when every panel has its place.
    """

    moved = Signal(int, int)
    arranged = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start without panels."""
        super().__init__(parent)
        self._theme = theme
        self._panels: dict[Place, QWidget] = {}
        self._lines = Lines()
        names: tuple[Line, ...] = ("left", "right", "lower")
        self._handles: dict[Line, _Handle] = {name: _Handle(name, self) for name in names}
        theme.changed.connect(self.arrange)

    @property
    def lines(self) -> Lines:
        """What the user has dragged or chosen."""
        return self._lines

    def put(self, place: Place, panel: QWidget) -> None:
        """Put a panel at a place; the one that was there is deleted."""
        old = self._panels.pop(place, None)
        if old is not None:
            old.hide()
            old.deleteLater()
        self._panels[place] = panel
        panel.setParent(self)
        self.arrange()
        panel.setVisible(not panel.geometry().isEmpty())

    def panel(self, place: Place) -> QWidget:
        """The panel at a place."""
        return self._panels[place]

    def places(self) -> tuple[Place, ...]:
        """Places that hold a panel."""
        return tuple(self._panels)

    def set_lines(self, **changes: int | str | None) -> None:
        """Change some fields of `lines`."""
        self._lines = replace(self._lines, **changes)  # type: ignore[arg-type]
        self.arrange()

    def drag(self, line: Line, point: QPointF) -> None:
        """Move a line to a point of this widget."""
        if line == "left":
            self.set_lines(rail=0 if point.x() < RAIL_MIN / 2 else max(round(point.x()), RAIL_MIN))
        elif line == "right":
            self.set_lines(right=round(self.width() - point.x()))
        else:
            self.set_lines(lower=round(self.height() - point.y()))

    def restore(self, line: Line) -> None:
        """Put a line back where the window's size wants it."""
        self.set_lines(**{{"left": "rail", "right": "right", "lower": "lower"}[line]: None})

    def arrange(self) -> None:
        """Put every panel where it belongs."""
        if not self._panels or self.width() < 50:
            return
        readouts = self._panels.get("readouts")
        if readouts is not None:
            need = max(READOUTS_MIN, readouts.minimumSizeHint().height())
            self._lines = replace(self._lines, readouts_min=need)
        places = compute(self.width(), self.height(), self._lines, comfortable=self._theme.comfortable)
        for place, panel in self._panels.items():
            rect = places[place]
            panel.setGeometry(rect)
            panel.setVisible(not rect.isEmpty())
        self._place_handles(places)
        if self._lines.filled is None:
            self.moved.emit(places["rail"].width(), places["heart"].width())
        self.arranged.emit()

    def _place_handles(self, places: dict[Place, QRect]) -> None:
        rail, heart, ecg = places["rail"], places["heart"], places["ecg"]
        shown = self._lines.filled is None
        self._handles["left"].setGeometry(QRect(rail.width() - 3, 0, 7, self.height()))
        self._handles["right"].setGeometry(QRect(heart.left() - 4, 0, 7, self.height()))
        self._handles["lower"].setGeometry(QRect(ecg.left(), ecg.top() - 4, self.width() - ecg.left(), 7))
        for handle in self._handles.values():
            handle.setVisible(shown)
            handle.raise_()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Follow the window."""
        self.arrange()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The gaps between the panels."""
        QPainter(self).fillRect(self.rect(), self._theme.color("gap"))
