"""The frame that every panel has: a header with title, tag and options, and a body below it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from cof_viewer.domain.function import Source
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import IconButton
from cof_viewer.ui.widgets.tag import Tag


class ThemedLabel(QLabel):
    """A line of text with a role and a colour of the theme."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        parent: QWidget | None = None,
        *,
        role: str = "base",
        color: str = "t1",
        bold: bool = False,
        tabular: bool = False,
        wrap: bool = False,
    ) -> None:
        """Build one label; see `Theme.font` and `Theme.color` for role and colour."""
        super().__init__(text, parent)
        self._theme, self._role, self._color = theme, role, color
        self._bold, self._tabular = bold, tabular
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        theme.changed.connect(self.restyle)
        self.restyle()

    def set_color(self, token: str) -> None:
        """Another colour."""
        self._color = token
        self.restyle()

    def restyle(self) -> None:
        """Read font and colour again."""
        self.setFont(self._theme.font(self._role, bold=self._bold, tabular=self._tabular))
        palette = self.palette()
        palette.setColor(palette.ColorRole.WindowText, self._theme.color(self._color))
        self.setPalette(palette)


class PanelHeader(QWidget):
    """32 px (36): title, unit or note, tag, spring, options; the last icon 8 px from the edge."""

    double_clicked = Signal()

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        """Build the row with a title; options are added by `add_option`."""
        super().__init__(parent)
        self.theme = theme
        self.title = ThemedLabel(theme, title, self, bold=True)
        self.note = ThemedLabel(theme, "", self, color="t3")
        self.note.setVisible(False)
        self.tag = Tag(theme, None, self)
        self._row = QHBoxLayout(self)
        self._row.setSpacing(8)
        for widget in (self.title, self.note, self.tag):
            self._row.addWidget(widget)
        self._row.addStretch(1)
        self._options_from = self._row.count()
        theme.changed.connect(self.restyle)
        self.restyle()

    def restyle(self) -> None:
        """Height and margins by density."""
        self.setFixedHeight(self.theme.px(32, 36))
        self._row.setContentsMargins(self.theme.px(12, 14), 0, self.theme.px(8, 10), 0)

    def set_title(self, text: str) -> None:
        """Other words as title."""
        self.title.setText(text)

    def set_note(self, text: str) -> None:
        """Grey words after the title, such as the unit; empty hides them."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def add_before_spring(self, widget: QWidget) -> None:
        """Put a widget after the tag, before the spring."""
        self._row.insertWidget(self._options_from - 1, widget)
        self._options_from += 1

    def add_option(self, widget: QWidget, gap: int | None = None) -> None:
        """Put a widget at the right end; `gap` adds space before it."""
        if gap:
            self._row.addSpacing(gap)
        self._row.addWidget(widget)

    def add_icon(self, icon: str, tip: str, *, checkable: bool = False) -> IconButton:
        """Put an icon button at the right end."""
        button = IconButton(self.theme, icon, tip, self, checkable=checkable)
        self._row.addWidget(button)
        return button

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask for the panel to fill the window, or to go back."""
        self.double_clicked.emit()
        event.accept()


class Panel(QWidget):
    """A panel: header above, body below, no border, no radius.

    Attributes:
        maximise_requested: the user wants this panel to fill the window, or to go back.
        theme: the window's theme.
        header: `PanelHeader`.
        body: the widget below the header; fill it with a layout, or replace it by `set_body`.
    """

    maximise_requested = Signal()

    def __init__(self, title: str, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the frame with an empty body."""
        super().__init__(parent)
        self.theme = theme
        self.header = PanelHeader(theme, title, self)
        self.header.double_clicked.connect(self.maximise_requested)
        self.body = QWidget(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.header)
        self._column.addWidget(self.body, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.restyle)

    def set_body(self, body: QWidget) -> None:
        """Put a widget in the place of the empty body."""
        self._column.replaceWidget(self.body, body)
        self.body.deleteLater()
        self.body = body
        self._column.setStretchFactor(body, 1)

    def set_source(self, source: Source | None, *, stopped: bool = False, text: str | None = None) -> None:
        """The tag in the header, see `Tag.set_source`."""
        self.header.tag.set_source(source, stopped=stopped, text=text)

    def add_maximise(self) -> IconButton:
        """Add the icon that lets the panel fill the window; last in the header."""
        button = self.header.add_icon("maximize-2", "Fill the window (double-click)")
        button.clicked.connect(self.maximise_requested)
        return button

    def restyle(self) -> None:
        """Read colours and sizes again; panels extend it."""
        self.update()

    def is_settled(self) -> bool:
        """Whether everything that is to be shown now is drawn; a panel with work in the background says when."""
        return True

    def finalize(self) -> None:
        """Free what must be freed before the window closes (VTK); called once from `closeEvent`."""

    def minimumSizeHint(self) -> QSize:
        """Small; the window's grid sets the real limits."""
        return QSize(120, 80)

    def background(self) -> QColor:
        """Fill behind header and body."""
        return self.theme.color("panel")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """One flat fill."""
        QPainter(self).fillRect(self.rect(), self.background())
