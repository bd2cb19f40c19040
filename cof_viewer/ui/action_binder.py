"""Makes Qt's actions and menus from the action table and keeps them in step with the session."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from cof_viewer.app.session import Session
from cof_viewer.ui.actions import ACTIONS, MENUS, ActionSpec, Shell
from cof_viewer.ui.bridge import SessionBridge
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.icons import icon
from cof_viewer.ui.widgets.keys import spoken

_REFRESH_FIELDS = frozenset(
    {"playing", "loop", "contours", "overlays", "invert", "layout", "window_preset", "show_rv_curve", "speed"}
)


class ActionBinder:
    """One QAction a row of the table, owned by the window.

    Attributes:
        actions: id to QAction.
        menus: name to menu.
    """

    def __init__(self, window: QWidget, shell: Shell, session: Session, bridge: SessionBridge, theme: Theme) -> None:
        """Make the actions and listen to what changes their state."""
        self._session, self._shell, self._theme = session, shell, theme
        self.actions = {spec.id: self._make(spec, window) for spec in ACTIONS}
        self.menus: dict[str, QMenu] = {}
        for signal in (bridge.case_changed, bridge.result_changed, bridge.busy_changed, bridge.undo_changed):
            signal.connect(self.refresh)
        bridge.view_changed.connect(self._view_changed)
        theme.changed.connect(self._paint_icons)
        self._paint_icons()
        self.refresh()

    def fill(self, bar: QMenuBar) -> None:
        """Make the menus, in the order of the table."""
        for name in MENUS:
            menu = bar.addMenu(name)
            menu.setToolTipsVisible(True)
            for spec in ACTIONS:
                if spec.menu == name:
                    if spec.gap:
                        menu.addSeparator()
                    menu.addAction(self.actions[spec.id])
            self.menus[name] = menu

    def run(self, action_id: str) -> None:
        """Do it, if it is available."""
        self.actions[action_id].trigger()

    def obstacle(self, spec: ActionSpec) -> str | None:
        """Why a row is not available now."""
        return spec.when.obstacle(self._session)

    def refresh(self) -> None:
        """Enable, check and explain every action by the session's state."""
        for spec in ACTIONS:
            action = self.actions[spec.id]
            obstacle = self.obstacle(spec)
            action.setEnabled(obstacle is None)
            tip = spec.tip or spec.text.rstrip("…")
            keys = f" ({spoken(spec.shortcuts[0])})" if spec.shortcuts else ""
            action.setToolTip(f"{tip}{keys}" if obstacle is None else f"{tip}: {obstacle}")
            if spec.checked is not None:
                action.setChecked(spec.checked(self._session))

    def _view_changed(self, fields: frozenset[str]) -> None:
        if fields & _REFRESH_FIELDS:
            self.refresh()

    def _make(self, spec: ActionSpec, window: QWidget) -> QAction:
        action = QAction(spec.text, window)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(keys) for keys in spec.shortcuts])
        action.setCheckable(spec.checked is not None)
        action.triggered.connect(partial(self._trigger, spec))
        window.addAction(action)
        return action

    def _trigger(self, spec: ActionSpec, _checked: bool = False) -> None:
        spec.run(self._session, self._shell)
        if spec.checked is not None:  # Qt has toggled it by itself; what counts is the session
            self.actions[spec.id].setChecked(spec.checked(self._session))

    def _paint_icons(self) -> None:
        ink, off = self._theme.color("t2"), self._theme.color("off")
        for spec in ACTIONS:
            if spec.icon is not None and spec.checked is None:  # the place of the icon shows on or off there
                self.actions[spec.id].setIcon(icon(spec.icon, ink, off))
