"""The style sheet for what Qt draws itself: menus, scroll bars, fields, check boxes, tool tips."""

from __future__ import annotations

from cof_viewer.ui.theme import Theme

_SHEET = """
QWidget {{ outline: none; }}
QMenuBar {{ background: transparent; border: none; }}
QMenuBar::item {{ color: {t2}; background: transparent; padding: 5px 9px; border-radius: 4px; }}
QMenuBar::item:selected {{ color: {t1}; background: {hover}; }}
QMenuBar::item:pressed {{ color: {t1}; background: {active}; }}
QMenu {{ background: {raised}; border: 1px solid {line2}; padding: 5px 0; }}
QMenu::item {{ color: {t1}; padding: 5px 28px 5px 30px; border: none; }}
QMenu::item:selected {{ background: {active}; }}
QMenu::item:disabled {{ color: {off}; }}
QMenu::icon {{ left: 9px; }}
QMenu::separator {{ height: 1px; background: {line2}; margin: 5px 0; }}
QMenu::indicator {{ width: 14px; height: 14px; left: 9px; }}
QMenu::indicator:checked {{ background: {accent}; border: none; border-radius: 3px;
  image: url("{icons}/check-{mode}.svg"); }}
QToolTip {{ color: {t1}; background: {raised}; border: 1px solid {line2}; padding: 4px 7px; }}
QScrollArea {{ background: transparent; border: none; }}
QScrollArea > QWidget > QWidget {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {line2}; border-radius: 3px; min-height: 24px; margin: 1px 2px 1px 0; }}
QScrollBar::handle:vertical:hover {{ background: {off}; }}
QScrollBar:horizontal {{ background: transparent; height: 8px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {line2}; border-radius: 3px; min-width: 24px; margin: 0 1px 2px 1px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
  background: transparent; border: none; width: 0; height: 0; }}
QLineEdit, QComboBox, QPlainTextEdit {{ color: {t1}; background: {win}; border: 1px solid {line2};
  border-radius: 5px; padding: 4px 8px; selection-background-color: {accent}; selection-color: {on_accent}; }}
QLineEdit:focus, QComboBox:focus, QPlainTextEdit:focus {{ border: 1px solid {cursor}; }}
QLineEdit[bare="true"] {{ background: transparent; border: none; padding: 0; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox::down-arrow {{ image: url("{icons}/chevron-down-{mode}.svg"); width: 14px; height: 14px; }}
QComboBox QAbstractItemView {{ color: {t1}; background: {raised}; border: 1px solid {line2};
  selection-background-color: {active}; selection-color: {t1}; }}
QCheckBox {{ color: {t1}; spacing: 8px; }}
QCheckBox:disabled {{ color: {off}; }}
QCheckBox::indicator {{ width: 13px; height: 13px; border: 1px solid {t3}; border-radius: 3px; background: {win}; }}
QCheckBox::indicator:checked {{ border: 1px solid {accent}; background: {accent};
  image: url("{icons}/check-{mode}.svg"); }}
QCheckBox::indicator:focus {{ border: 2px solid {cursor}; }}
QDialog {{ background: {panel}; }}
"""

_TOKENS = (
    "t1",
    "t2",
    "t3",
    "off",
    "hover",
    "active",
    "raised",
    "line2",
    "accent",
    "on_accent",
    "cursor",
    "win",
    "panel",
)


def style_sheet(theme: Theme, icons: str) -> str:
    """The sheet in the theme's colours.

    Args:
        theme: the window's.
        icons: path of the folder with the icons, with forward slashes.
    """
    return _SHEET.format(icons=icons, mode=theme.mode, **{token: theme.css(token) for token in _TOKENS})
