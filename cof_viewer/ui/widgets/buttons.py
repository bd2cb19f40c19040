"""Buttons of the design: icon buttons, plain and primary buttons, segmented choices, drop-downs, key caps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.icons import paint_icon


def by_keyboard(event: QFocusEvent) -> bool:
    """Whether Tab or a shortcut moved the focus; only then is the ring shown."""
    return event.reason() in (
        Qt.FocusReason.TabFocusReason,
        Qt.FocusReason.BacktabFocusReason,
        Qt.FocusReason.ShortcutFocusReason,
    )


class ThemedButton(QAbstractButton):
    """What all our buttons share: hover, focus ring for the keyboard only, repaint when the theme changes."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Prepare hover and focus."""
        super().__init__(parent)
        self.theme = theme
        self._keyboard_focus = False
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.changed.connect(self._restyle)

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Remember whether the keyboard brought the focus here."""
        self._keyboard_focus = by_keyboard(event)
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button; Space is left to playing."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paint_focus(self, painter: QPainter, radius: float) -> None:
        """The 2 px ring, shown when the keyboard brought the focus here."""
        if self.hasFocus() and self._keyboard_focus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.theme.color("cursor"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), radius, radius)


class IconButton(ThemedButton):
    """A 16 px icon in a 24 px square (28 when comfortable)."""

    def __init__(
        self, theme: Theme, icon: str, tip: str, parent: QWidget | None = None, *, checkable: bool = False
    ) -> None:
        """Build from an icon's name and the words of its tool tip."""
        super().__init__(theme, parent)
        self._icon = icon
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setCheckable(checkable)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_icon_name(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self.update()

    def sizeHint(self) -> QSize:
        """The square."""
        side = self.theme.px(24, 28)
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill by state, then the icon."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.isChecked() or self.isDown()
        if self.isEnabled() and (lit or self.underMouse()):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("active" if lit else "hover"))
            painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        token = "off" if not self.isEnabled() else "t1" if lit or self.underMouse() else "t2"
        offset = (self.width() - 16) / 2
        paint_icon(painter, self._icon, QRectF(offset, (self.height() - 16) / 2, 16, 16), self.theme.color(token))
        self.paint_focus(painter, 4)


class PushButton(ThemedButton):
    """A button with words, an icon before them and a key cap behind, where wanted."""

    def __init__(
        self,
        theme: Theme,
        text: str,
        parent: QWidget | None = None,
        *,
        icon: str | None = None,
        key: str | None = None,
        primary: bool = False,
        quiet: bool = False,
        tall: bool = False,
    ) -> None:
        """Build one button.

        Args:
            theme: the window's.
            text: the words.
            parent: Qt's.
            icon: name of an icon, or None.
            key: shortcut shown behind the words, or None.
            primary: filled in the accent colour; one a screen at most.
            quiet: no border and no fill.
            tall: 32 px high in either density, for a page of few words.
        """
        super().__init__(theme, parent)
        self._icon, self._key, self._primary, self._quiet = icon, key, primary, quiet
        self._tall = tall
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)

    def set_look(self, text: str, *, icon: str | None, key: str | None, primary: bool) -> None:
        """Change words, icon, key and weight at once."""
        self._icon, self._key, self._primary = icon, key, primary
        self.setText(text)
        self._restyle()

    def _key_width(self) -> float:
        if not self._key:
            return 0.0
        return QFontMetricsF(self.theme.font("micro")).horizontalAdvance(self._key) + 12

    def sizeHint(self) -> QSize:
        """Words, padding 13, icon 22, key cap."""
        words = QFontMetricsF(self.theme.font("base", bold=self._primary)).horizontalAdvance(self.text())
        width = words + 26 + (23 if self._icon else 0) + (self._key_width() + 9 if self._key else 0)
        return QSize(round(width), self.theme.px(32 if self._tall else 28, 32))

    def minimumSizeHint(self) -> QSize:
        """Words are never cut."""
        return self.sizeHint()

    def _colors(self) -> tuple[QColor, QColor, QColor]:
        """Fill, border, text."""
        theme = self.theme
        if not self.isEnabled():
            clear = QColor(0, 0, 0, 0)
            return (theme.color("raised") if self._primary else clear, theme.color("line"), theme.color("off"))
        if self._primary:
            token = "accent_pressed" if self.isDown() else "accent_hover" if self.underMouse() else "accent"
            return theme.color(token), theme.color(token), theme.color("on_accent")
        if self._quiet and not (self.isDown() or self.underMouse()):
            return QColor(0, 0, 0, 0), QColor(0, 0, 0, 0), theme.color("t2")
        token = "active" if self.isDown() else "hover" if self.underMouse() else "raised"
        return theme.color(token), theme.color("line2"), theme.color("t1")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill and border, then the row of icon, words and key, centred."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill, border, ink = self._colors()
        painter.setPen(QPen(border, 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        left = (self.width() - (self.sizeHint().width() - 26)) / 2
        if self._icon:
            paint_icon(painter, self._icon, QRectF(left, (self.height() - 16) / 2, 16, 16), ink)
            left += 23
        font = self.theme.font("base", bold=self._primary)
        painter.setFont(font)
        painter.setPen(ink)
        words = QFontMetricsF(font).horizontalAdvance(self.text())
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(left, 0, words + 2, self.height()), middle, self.text())
        if self._key:
            self._paint_key(painter, left + words + 9, ink)
        self.paint_focus(painter, 5)

    def _paint_key(self, painter: QPainter, left: float, ink: QColor) -> None:
        if self._primary:
            painter.setFont(self.theme.font("micro"))
            painter.setPen(QColor(ink.red(), ink.green(), ink.blue(), 190))
            box = QRectF(left, 0, self._key_width(), self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._key or "")
            return
        box = QRectF(left, (self.height() - 17) / 2, self._key_width(), 17)
        paint_key_cap(painter, self.theme, box, self._key or "")


def paint_key_cap(painter: QPainter, theme: Theme, box: QRectF, text: str) -> None:
    """One key as a small framed cap."""
    painter.setPen(QPen(theme.color("line2"), 1))
    painter.setBrush(theme.color("raised"))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    painter.setFont(theme.font("micro"))
    painter.setPen(theme.color("t2"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class MenuButton(ThemedButton):
    """A quiet choice with a chevron, such as "Auto window"; opens its menu below."""

    def __init__(self, theme: Theme, text: str, menu: QMenu, parent: QWidget | None = None) -> None:
        """Build from the words and the menu; the button keeps the menu alive."""
        super().__init__(theme, parent)
        self._menu = menu
        menu.setParent(self, menu.windowFlags())
        self.setText(text)
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._open)

    def set_text(self, text: str) -> None:
        """Show another choice."""
        self.setText(text)
        self._restyle()

    def sizeHint(self) -> QSize:
        """Words, gap and the chevron."""
        words = QFontMetricsF(self.theme.font("small")).horizontalAdvance(self.text())
        return QSize(round(words) + 6 + 20 + 6, self.theme.px(24, 28))

    def _open(self) -> None:
        self._menu.exec(self.mapToGlobal(QPoint(0, self.height() + 2)))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Words and chevron; a fill under the mouse."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.isEnabled() and (self.underMouse() or self.isDown())
        if lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("active" if self.isDown() else "hover"))
            painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        ink = self.theme.color("off" if not self.isEnabled() else "t1" if lit else "t2")
        painter.setFont(self.theme.font("small"))
        painter.setPen(ink)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(QRectF(6, 0, self.width(), self.height()), middle, self.text())
        paint_icon(painter, "chevron-down", QRectF(self.width() - 20, (self.height() - 14) / 2, 14, 14), ink)
        self.paint_focus(painter, 4)


class SegmentedControl(QWidget):
    """A row of choices of which one is chosen; words or icons.

    Attributes:
        chosen: emitted with the key of the choice that the user took.
    """

    chosen = Signal(str)

    def __init__(
        self,
        theme: Theme,
        choices: Sequence[tuple[str, str, str]],
        parent: QWidget | None = None,
        *,
        icons: bool = False,
    ) -> None:
        """Build the row.

        Args:
            theme: the window's.
            choices: (key, words or icon name, tool tip) each.
            parent: Qt's.
            icons: whether the second entry names an icon.
        """
        super().__init__(parent)
        self._theme, self._choices, self._icons = theme, list(choices), icons
        self._current = self._choices[0][0] if self._choices else ""
        self._off: set[str] = set()
        self._hovered = -1
        self._keyboard_focus = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._restyle)

    @property
    def current(self) -> str:
        """Key of the chosen one."""
        return self._current

    def set_current(self, key: str) -> None:
        """Show another choice without telling anybody; an unknown key shows none."""
        self._current = key
        self.update()

    def set_available(self, key: str, available: bool) -> None:
        """Grey one choice out, or not."""
        if available:
            self._off.discard(key)
        else:
            self._off.add(key)
        self.update()

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def _widths(self) -> list[float]:
        if self._icons:
            return [self._theme.pxf(25, 29)] * len(self._choices)
        metrics = QFontMetricsF(self._theme.font("small"))
        return [metrics.horizontalAdvance(words) + 15 for _, words, _ in self._choices]

    def sizeHint(self) -> QSize:
        """Segments, and 2 px of well around them."""
        return QSize(round(sum(self._widths())) + 4, self._theme.px(24, 28))

    def minimumSizeHint(self) -> QSize:
        """Choices are never cut."""
        return self.sizeHint()

    def _boxes(self) -> list[QRectF]:
        boxes, left = [], 2.0
        for width in self._widths():
            boxes.append(QRectF(left, 2, width, self.height() - 4))
            left += width
        return boxes

    def _at(self, x: float) -> int:
        return next((i for i, box in enumerate(self._boxes()) if box.left() <= x < box.right()), -1)

    def _take(self, index: int) -> None:
        if 0 <= index < len(self._choices) and self._choices[index][0] not in self._off:
            self._current = self._choices[index][0]
            self.update()
            self.chosen.emit(self._current)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the choice under the mouse."""
        if self.isEnabled() and event.button() == Qt.MouseButton.LeftButton:
            self._take(self._at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the choice under the mouse and show its tip."""
        hovered = self._at(event.position().x())
        if hovered != self._hovered:
            self._hovered = hovered
            self.setToolTip(self._choices[hovered][2] if hovered >= 0 else "")
            self.update()

    def leaveEvent(self, _event: object) -> None:
        """No choice is lit."""
        self._hovered = -1
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Remember whether the keyboard brought the focus here."""
        self._keyboard_focus = by_keyboard(event)
        super().focusInEvent(event)

    def event(self, event: QEvent) -> bool:
        """Left and right belong to the row while the keyboard is in it, not to the phases."""
        sideways = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right)
        if event.type() == QEvent.Type.ShortcutOverride and self._keyboard_focus and sideways:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the choice when the row has the focus."""
        step = {Qt.Key.Key_Left.value: -1, Qt.Key.Key_Right.value: 1}.get(event.key(), 0)
        keys = [key for key, _, _ in self._choices]
        if step and self._current in keys:
            self._take(keys.index(self._current) + step)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Well, chosen segment, words or icons."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("win"))
        painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        for index, (box, (key, words, _)) in enumerate(zip(self._boxes(), self._choices, strict=True)):
            self._paint_segment(painter, index, box, key, words)
        if self.hasFocus() and self._keyboard_focus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("cursor"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 5, 5)

    def _paint_segment(self, painter: QPainter, index: int, box: QRectF, key: str, words: str) -> None:
        chosen = key == self._current
        enabled = self.isEnabled() and key not in self._off
        if chosen or (enabled and index == self._hovered):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color("active" if chosen else "hover"))
            painter.drawRoundedRect(box, 4, 4)
        lit = chosen or index == self._hovered
        ink = self._theme.color("off" if not enabled else "t1" if lit else "t2")
        if self._icons:
            place = QRectF(box.center().x() - 7.5, box.center().y() - 7.5, 15, 15)
            paint_icon(painter, words, place, ink)
            return
        painter.setPen(ink)
        painter.setFont(self._theme.font("small"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
