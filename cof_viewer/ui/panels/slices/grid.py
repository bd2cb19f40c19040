"""All slices at once, base first, with one window and one framing; a click chooses, a double-click opens the slice."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget

from cof_viewer.app.session import Session
from cof_viewer.ui.panels.slices.overlay import paint_contours
from cof_viewer.ui.panels.slices.pictures import SlicePictures
from cof_viewer.ui.render.slice_image import screen_from_display
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.paint import halo_text


class SliceGrid(QWidget):
    """Every slice of the cine that is shown."""

    opened = Signal()

    def __init__(self, session: Session, pictures: SlicePictures, theme: Theme, parent: QWidget | None = None) -> None:
        """Build an empty grid."""
        super().__init__(parent)
        self._session, self._pictures, self._theme = session, pictures, theme
        self.setAccessibleName("All slices")
        theme.changed.connect(self.update)

    def boxes(self) -> list[QRectF]:
        """Cells in reading order, 1 px apart, as large as the widget allows for the shape of the slices."""
        count = self._session.slices
        framing = self._pictures.framing(self._session.result.shown)
        if not count or framing is None:
            return []
        whole = framing.frame.size_mm
        aspect = whole.width() / whole.height()

        def cell_height(columns: int) -> float:
            rows = math.ceil(count / columns)
            return min(self.width() / columns / aspect, self.height() / rows)

        columns = max(range(1, count + 1), key=cell_height)
        rows = math.ceil(count / columns)
        width, height = self.width() / columns, self.height() / rows
        return [QRectF((i % columns) * width, (i // columns) * height, width - 1, height - 1) for i in range(count)]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Pictures, contours, numbers, and the frame of the current slice."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("gap"))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, box in enumerate(self.boxes()):
            painter.save()
            painter.setClipRect(box)
            painter.fillRect(box, self._theme.color("pic"))
            self._paint_slice(painter, index, box)
            painter.restore()
        current = self._session.view.slice
        boxes = self.boxes()
        if 0 <= current < len(boxes):
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.drawRect(boxes[current].adjusted(1, 1, -1, -1))

    def _paint_slice(self, painter: QPainter, index: int, box: QRectF) -> None:
        shown, view = self._session.result.shown, self._session.view
        framing = self._pictures.framing(shown)
        phase = self._session.phase_of(shown)
        image = self._pictures.image(shown, phase, index)
        if framing is None or image is None:
            return
        place = framing.frame.display_from_pixel() * screen_from_display(
            box.size(), framing.home(box.size()), view.zoom, (0.0, 0.0)
        )
        painter.translate(box.topLeft())
        painter.setTransform(place, True)
        painter.drawImage(QPointF(0, 0), image)
        painter.resetTransform()
        painter.translate(box.topLeft())
        if view.contours:
            paths = self._pictures.outlines(shown, phase, index)
            paint_contours(painter, self._theme, paths, place, self._pictures.source(shown), 1.3)
        font = self._theme.font("overlay", bold=True)
        corner = QPointF(6, 5 + QFontMetricsF(font).ascent())
        halo_text(painter, corner, str(index + 1), font, self._theme.color("overlay"))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the slice under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            for index, box in enumerate(self.boxes()):
                if box.contains(event.position()):
                    self._session.set_slice(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the slice under the mouse alone, large."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Slices, or phases with Shift."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        step = -1 if turn > 0 else 1
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._session.step_phase(step)
        else:
            self._session.step_slice(step)
        event.accept()
