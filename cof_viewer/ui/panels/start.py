"""What the window shows when nothing is open: one primary action, formats and privacy, recents, demo studies."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cof_viewer.app.paths import models_dir
from cof_viewer.app.session import Session
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.demos import Demo, demos
from cof_viewer.ui.panels.study import recent_rows
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import PushButton
from cof_viewer.ui.widgets.hairline import Hairline
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.list_row import ListRow
from cof_viewer.ui.widgets.panel import ThemedLabel
from cof_viewer.ui.widgets.progress import ProgressBar
from cof_viewer.ui.wording import library_line, library_name

RESEARCH_ONLY = "Research use only. Not a medical device."
MOST_RECENT = 5

_PROMISES = (
    ("layers", "MRI", "DICOM folders, zip,\nDICOMDIR; NIfTI"),
    ("activity", "ECG", "12 leads, from DICOM,\nWFDB or CardioSoft"),
    ("shield-check", "Your files", "Never written to. Nothing\nleaves this computer."),
)


class DropBox(QWidget):
    """The framed field with the primary action; the frame is solid, since dashes mean something here."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the frame; buttons are added by the page."""
        super().__init__(parent)
        self._theme = theme
        self._lit = False

    def set_lit(self, lit: bool) -> None:
        """Light the frame while something is dragged over the window."""
        self._lit = lit
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Well with a 1 px frame, 2 px in the accent colour while lit."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("accent" if self._lit else "line2"), 2 if self._lit else 1))
        painter.setBrush(self._theme.color("win"))
        inset = 1.0 if self._lit else 0.5
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 8, 8)


class Picture(QWidget):
    """A picture that fills a rounded box."""

    def __init__(self, theme: Theme, path: Path, parent: QWidget | None = None) -> None:
        """Read the picture now; it is small."""
        super().__init__(parent)
        self._theme = theme
        self._pixmap = QPixmap(str(path))
        self.setFixedHeight(150)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The middle of the picture, filling the box."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QPainterPath()
        frame.addRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setClipPath(frame)
        painter.fillRect(self.rect(), self._theme.color("pic"))
        scale = max(self.width() / self._pixmap.width(), self.height() / self._pixmap.height())
        width, height = self.width() / scale, self.height() / scale
        part = QRectF((self._pixmap.width() - width) / 2, (self._pixmap.height() - height) / 2, width, height)
        painter.drawPixmap(QRectF(self.rect()), self._pixmap, part)


class Sign(QWidget):
    """An icon of 16 px in the colour of labels."""

    def __init__(self, theme: Theme, icon: str, parent: QWidget | None = None) -> None:
        """Show one icon."""
        super().__init__(parent)
        self._theme, self._icon = theme, icon
        self.setFixedSize(16, 16)

    def set_icon_name(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        paint_icon(QPainter(self), self._icon, QRectF(0, 0, 16, 16), self._theme.color("t2"))


class StartPage(QWidget):
    """The page.

    Attributes:
        study_wanted: the user wants to choose a study.
        ecg_wanted: the user wants to choose an ECG.
    """

    study_wanted = Signal()
    ecg_wanted = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the page and listen to the session."""
        super().__init__(parent)
        self._session, self._theme = session, theme
        self._block = QWidget(self)
        row = QHBoxLayout(self._block)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(32)
        row.addLayout(self._left(), 560)
        self._side = QWidget(self._block)
        self._side.setFixedWidth(288)
        self._side_column = QVBoxLayout(self._side)
        self._side_column.setContentsMargins(0, 0, 0, 0)
        self._side_column.setSpacing(0)
        row.addWidget(self._side)
        self._strip = StatusStrip(session, theme, self)
        self._fill_side()
        bridge = bridge_of(session)
        bridge.library_changed.connect(self._fill_side)
        bridge.busy_changed.connect(self._show_busy)
        bridge.progress_changed.connect(self._show_progress)
        theme.changed.connect(self._fill_side)

    def set_dragged_over(self, dragged: bool) -> None:
        """Light the box while files are dragged over the window."""
        self._box.set_lit(dragged)

    # -- building ------------------------------------------------------------------------------------------------

    def _left(self) -> QVBoxLayout:
        theme = self._theme
        column = QVBoxLayout()
        column.setSpacing(0)
        self._box = DropBox(theme)
        self._box.setMinimumHeight(248)
        inside = QVBoxLayout(self._box)
        inside.setContentsMargins(40, 40, 40, 40)
        inside.setSpacing(0)
        inside.addStretch(1)
        inside.addWidget(ThemedLabel(theme, "Drop a study here", role="start"))
        inside.addSpacing(10)
        for text in (
            "A folder, zip or DICOMDIR of a short-axis cine, or one NIfTI file.",
            "An ECG may lie beside it or be added later.",
        ):
            inside.addWidget(ThemedLabel(theme, text, color="t2"))
            inside.addSpacing(2)
        inside.addSpacing(20)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        self.open_button = PushButton(theme, "Open study…", icon="folder-open", key="Ctrl O", primary=True, tall=True)
        self.open_button.clicked.connect(self.study_wanted)
        buttons.addWidget(self.open_button)
        buttons.addStretch(1)
        inside.addLayout(buttons)
        self._progress = ProgressBar(theme)
        self._progress.hide()
        inside.addSpacing(14)
        inside.addWidget(self._progress)
        inside.addStretch(1)
        column.addWidget(self._box)
        column.addSpacing(28)
        column.addLayout(self._promises())
        column.addStretch(1)
        return column

    def _promises(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(24)
        for icon, title, text in _PROMISES:
            column = QVBoxLayout()
            column.setSpacing(3)
            head = QHBoxLayout()
            head.setSpacing(8)
            head.addWidget(Sign(self._theme, icon))
            head.addWidget(ThemedLabel(self._theme, title, bold=True), 1)
            column.addLayout(head)
            column.addWidget(ThemedLabel(self._theme, text, role="small", color="t2"))
            row.addLayout(column, 1)
        return row

    def _fill_side(self) -> None:
        while (item := self._side_column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        column, theme = self._side_column, self._theme
        column.addWidget(ThemedLabel(theme, "Recent", bold=True))
        column.addSpacing(6)
        rows = recent_rows(self._session)[:MOST_RECENT]
        if not rows:
            text = "Studies you open are listed here with their picture and last numbers."
            column.addWidget(ThemedLabel(theme, text, role="small", color="t2", wrap=True))
        for stored in rows:
            row = ListRow(theme, library_name(stored), library_line(stored), icon="history", flush=True)
            row.setEnabled(stored.still_there)
            ecg = Path(stored.ecg_path) if stored.ecg_path else None
            row.clicked.connect(partial(self._session.open, Path(stored.path), ecg))
            column.addWidget(row)
        column.addSpacing(20)
        column.addWidget(Hairline(theme))
        column.addSpacing(18)
        self._add_demos(column)
        column.addStretch(1)
        self._place()

    def _add_demos(self, column: QVBoxLayout) -> None:
        found = demos()
        if not found:
            return
        word = "Demo studies" if len(found) > 1 else "Demo study"
        column.addWidget(ThemedLabel(self._theme, word, bold=True))
        column.addSpacing(10)
        first, *others = found
        if first.picture is not None:
            column.addWidget(Picture(self._theme, first.picture))
            column.addSpacing(10)
        row = QHBoxLayout()
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(ThemedLabel(self._theme, first.name))
        words.addWidget(ThemedLabel(self._theme, first.facts, role="small", color="t3", wrap=True))
        row.addLayout(words, 1)
        self.demo_button = PushButton(self._theme, "Open demo")
        self.demo_button.clicked.connect(partial(self._open_demo, first))
        row.addWidget(self.demo_button, 0, Qt.AlignmentFlag.AlignTop)
        holder = QWidget()
        row.setContentsMargins(0, 0, 0, 0)
        holder.setLayout(row)
        column.addWidget(holder)
        column.addSpacing(8)
        for demo in others:
            picture = QPixmap(str(demo.picture)) if demo.picture is not None else None
            other = ListRow(self._theme, demo.name, demo.facts, picture=picture, icon="heart", flush=True)
            other.clicked.connect(partial(self._open_demo, demo))
            column.addWidget(other)

    def _open_demo(self, demo: Demo) -> None:
        self._session.open(demo.folder, demo.ecg)

    # -- following -------------------------------------------------------------------------------------------------

    def _show_busy(self) -> None:
        busy = self._session.busy
        self._progress.setVisible(busy is not None)
        if busy is not None:
            self._progress.set_progress(busy.fraction, busy.words)

    def _show_progress(self, fraction: float, words: str) -> None:
        self._progress.set_progress(fraction, words)

    def _place(self) -> None:
        strip = self._strip.height()
        width = min(880, self.width() - 64)
        height = min(max(self._block.sizeHint().height(), 330), self.height() - strip - 32)
        top = max(round((self.height() - strip - height) * 0.42), 16)
        self._block.setGeometry((self.width() - width) // 2, top, width, height)
        self._strip.setGeometry(0, self.height() - strip, self.width(), strip)

    def sizeHint(self) -> QSize:
        """The design's size."""
        return QSize(1280, 760)

    def resizeEvent(self, _event: object) -> None:
        """Keep the block in the middle."""
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """One flat fill."""
        QPainter(self).fillRect(self.rect(), self._theme.color("panel"))


class StatusStrip(QWidget):
    """The line along the bottom: weights and device before they are needed, and what this program is not."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the line and listen to the engine's state."""
        super().__init__(parent)
        self._session, self._theme = session, theme
        self.setFixedHeight(32)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        self._sign = Sign(theme, "circle-check", self)
        self._words = ThemedLabel(theme, "", self, role="small", color="t2")
        row.addWidget(self._sign)
        row.addWidget(self._words)
        row.addStretch(1)
        row.addWidget(ThemedLabel(theme, RESEARCH_ONLY, self, role="small", color="t3"))
        bridge_of(session).engine_state_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self, _state: str = "") -> None:
        there = any(models_dir().glob("*.safetensors"))
        words = {
            "ready": "Model weights loaded",
            "loading": "Loading the model weights",
            "failed": "The model weights could not be used",
        }.get(self._session.engine_state, "Model weights found" if there else f'No model weights in "{models_dir()}"')
        good = there and self._session.engine_state != "failed"
        self._sign.set_icon_name("circle-check" if good else "triangle-alert")
        cores = os.cpu_count() or 1
        device = {"cuda": "Graphics card", "cpu": f"CPU, {cores} cores"}.get(self._session.settings.device)
        self._words.setText(f"{words}  ·  {device or f'Automatic device, {cores} cores'}")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Darker than the page, with a hairline above."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("win"))
        painter.fillRect(0, 0, self.width(), 1, self._theme.color("gap"))
