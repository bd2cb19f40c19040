"""The bar along the top: rail, menus, who it is in the middle, find an action, report, export, settings."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenuBar, QSizePolicy, QWidget

from cof_viewer.app.session import Session
from cof_viewer.ui.action_binder import ActionBinder
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import IconButton, ThemedButton
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.keys import caps_of, paint_caps
from cof_viewer.ui.widgets.panel import ThemedLabel
from cof_viewer.ui.wording import sex_and_age, who


class FindBox(ThemedButton):
    """Looks like a field, opens the palette."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Build it with its key."""
        super().__init__(theme, parent)
        self.setToolTip("Find an action (Ctrl K)")
        self.setAccessibleName("Find an action")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """172 x 26 of the design."""
        return QSize(self.theme.px(172, 194), self.theme.px(26, 30))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Well, icon, words, key."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, middle = self.theme, self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("hover" if self.underMouse() else "win"))
        painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        paint_icon(painter, "search", QRectF(10, middle - 7, 14, 14), theme.color("t3"))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("t3"))
        box = QRectF(32, 0, self.width() - 32, self.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, "Find an action")
        paint_caps(painter, theme, (" ".join(caps_of("Ctrl+K")),), self.width() - 6.0, middle)
        self.paint_focus(painter, 5)


class TopBar(QWidget):
    """40 px (44). The identity stands in the middle of the window and is never covered or shortened to nothing.

    Attributes:
        rail_toggled: the user wants the rail shown or hidden.
    """

    rail_toggled = Signal()

    def __init__(self, session: Session, binder: ActionBinder, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the bar and listen to the session."""
        super().__init__(parent)
        self._session, self._theme = session, theme
        self._row = QHBoxLayout(self)
        self._row.setSpacing(4)
        self.rail = IconButton(theme, "panel-left", "Study rail (Ctrl B)", self, checkable=True)
        self.rail.clicked.connect(lambda: binder.run("rail"))
        self.menus = QMenuBar(self)
        self.menus.setNativeMenuBar(False)
        binder.fill(self.menus)
        self.menus.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._name = ThemedLabel(theme, "", self, bold=True)
        self._facts = ThemedLabel(theme, "", self, color="t2")
        self.find_box = FindBox(theme, self)
        self.find_box.clicked.connect(lambda: binder.run("palette"))
        self._row.addWidget(self.rail)
        self._row.addSpacing(8)
        self._row.addWidget(self.menus)
        self._row.addStretch(1)
        self._row.addWidget(self.find_box)
        self._row.addSpacing(4)
        self._buttons = {name: self._icon(binder, name) for name in ("report", "export", "settings")}
        self._binder = binder
        bridge = bridge_of(session)
        for signal in (bridge.case_changed, bridge.result_changed, bridge.busy_changed):
            signal.connect(self.refresh)
        theme.changed.connect(self.restyle)
        self.restyle()
        self.refresh()

    @property
    def identity(self) -> str:
        """What stands in the middle."""
        return " ".join(part for part in (self._name.text(), self._facts.text()) if part)

    def _icon(self, binder: ActionBinder, action_id: str) -> IconButton:
        icon = {"report": "file-text", "export": "file-down", "settings": "settings"}[action_id]
        button = IconButton(self._theme, icon, binder.actions[action_id].toolTip(), self)
        button.clicked.connect(lambda: binder.run(action_id))
        self._row.addWidget(button)
        return button

    def set_rail_shown(self, shown: bool) -> None:
        """Mark the rail's button."""
        self.rail.setChecked(shown)

    def restyle(self) -> None:
        """Height and fonts by density."""
        self.setFixedHeight(self._theme.px(40, 44))
        self._row.setContentsMargins(8, 0, 8, 0)
        self.menus.setFont(self._theme.font("base"))
        for menu in self._binder.menus.values():
            menu.setFont(self._theme.font("base"))
        self.menus.setFixedHeight(self._theme.px(28, 30))
        self.update()
        self._place_identity()

    def refresh(self) -> None:
        """Who it is, and what can be written."""
        study = self._session.case.study
        self._name.setText(who(study) if study is not None else "")
        self._facts.setText(sex_and_age(study.patient) if study is not None else "No study open")
        for name, button in self._buttons.items():
            button.setEnabled(self._binder.actions[name].isEnabled())
            button.setToolTip(self._binder.actions[name].toolTip())
        self._place_identity()

    def _place_identity(self) -> None:
        """In the middle of the bar, moved aside where the menus need the room; long names are cut at their end."""
        left_limit = self.menus.geometry().right() + 16
        right_limit = self.find_box.geometry().left() - 16
        facts = QFontMetricsF(self._facts.font()).horizontalAdvance(self._facts.text())
        name = QFontMetricsF(self._name.font()).horizontalAdvance(self._name.text())
        gap = 10.0 if name and facts else 0.0
        room = max(right_limit - left_limit - gap - facts, 40)
        shown = min(name, room)
        total = shown + gap + facts
        left = min(max((self.width() - total) / 2, left_limit), max(right_limit - total, left_limit))
        self._name.setGeometry(round(left), 0, round(shown) + 2, self.height())
        self._facts.setGeometry(round(left + shown + gap), 0, round(facts) + 2, self.height())
        self._name.setToolTip(self._name.text())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the identity in the middle."""
        super().resizeEvent(event)
        self._row.activate()
        self._place_identity()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Panel colour, as DESIGN has it."""
        QPainter(self).fillRect(self.rect(), self._theme.color("panel"))
