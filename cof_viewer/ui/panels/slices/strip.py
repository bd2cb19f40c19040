"""The film strip: every slice upright, base on top, the current one marked, the counted ones in a bracket."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.app.session import Session
from cof_viewer.app.state import Shown
from cof_viewer.ui.panels.slices.pictures import SlicePictures
from cof_viewer.ui.render.layers import Layers
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.paint import halo_text

_LEFT_OUT = 0.55


class FilmStrip(QWidget):
    """Thumbnails of all slices at the current phase; a click or drag chooses."""

    def __init__(self, session: Session, pictures: SlicePictures, theme: Theme, parent: QWidget | None = None) -> None:
        """Build an empty strip."""
        super().__init__(parent)
        self._session, self._pictures, self._theme = session, pictures, theme
        self._layers = Layers(self)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("All slices, base to apex")
        theme.changed.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """74 px (110 when comfortable)."""
        return QSize(self._theme.px(74, 110), 300)

    def minimumSizeHint(self) -> QSize:
        """The collapsed width of DESIGN section 4."""
        return QSize(44, 100)

    def boxes(self) -> list[QRectF]:
        """Squares of the thumbnails, base first."""
        count = self._session.slices
        if not count:
            return []
        words = self._theme.pxf(22, 26)
        room = self.height() - 2 * words
        gap = 1.0
        side = max(8.0, min(self.width() - self._theme.pxf(26, 30), room / count - gap))
        left = self.width() - side - self._theme.pxf(8, 10)
        top = words
        return [QRectF(round(left), round(top + i * (side + gap)), round(side), round(side)) for i in range(count)]

    def forget(self) -> None:
        """Another study, result, palette or density."""
        self._layers.forget()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Thumbnails of the phase, kept for the next time round the beat, and over them words and marks."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("panel"))
        session, shown = self._session, self._session.result.shown
        if not session.slices or self._pictures.framing(shown) is None:
            return
        view = session.view
        phase = session.phase_of(shown)
        self._layers.draw(painter, ("thumbs", shown, phase, view.window, view.invert), self._paint_thumbnails)
        self._layers.draw(painter, ("marks", view.slice), self._paint_marks)

    def _paint_thumbnails(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        counted = self._pictures.counted_slices()
        for index, box in enumerate(self.boxes()):
            painter.setOpacity(_LEFT_OUT if counted and not counted[index] else 1.0)
            self._paint_thumbnail(painter, self._session.result.shown, index, box)

    def _paint_marks(self, painter: QPainter) -> None:
        boxes, counted = self.boxes(), self._pictures.counted_slices()
        font = self._theme.font("micro", tabular=True)
        ascent = QFontMetricsF(font).ascent()
        for index, box in enumerate(boxes):
            if box.height() >= 20:
                point = QPointF(box.left() + 4, box.top() + 2 + ascent)
                halo_text(painter, point, str(index + 1), font, self._theme.color("overlay"))
        current = boxes[self._session.view.slice]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.color("accent"), 2))
        painter.drawRoundedRect(current.adjusted(-1, -1, 1, 1), 4, 4)
        self._paint_words(painter, boxes)
        self._paint_bracket(painter, boxes, counted)

    def _paint_thumbnail(self, painter: QPainter, shown: Shown, index: int, box: QRectF) -> None:
        framing = self._pictures.framing(shown)
        image = self._pictures.image(shown, self._session.phase_of(shown), index)
        if framing is None or image is None:
            return
        painter.save()
        clip = QPainterPath()
        clip.addRoundedRect(box, 3, 3)
        painter.setClipPath(clip)
        painter.fillRect(box, self._theme.color("pic"))
        place = framing.frame.display_from_pixel()
        seen = place.mapRect(framing.thumb)
        painter.translate(box.center())
        painter.scale(box.width() / seen.width(), box.height() / seen.height())
        painter.translate(-seen.center())
        painter.setTransform(place, True)
        painter.drawImage(framing.thumb, image, framing.thumb)
        painter.restore()

    def _paint_words(self, painter: QPainter, boxes: list[QRectF]) -> None:
        """Base above, apex below."""
        font = self._theme.font("micro")
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        painter.setPen(self._theme.color("t3"))
        left = boxes[0].left()
        if metrics.horizontalAdvance("Base") + left > self.width():
            left = self.width() - metrics.horizontalAdvance("Base") - 2
        painter.drawText(QPointF(left, boxes[0].top() - 7), "Base")
        painter.drawText(QPointF(left, boxes[-1].bottom() + 6 + metrics.ascent()), "Apex")

    def _paint_bracket(self, painter: QPainter, boxes: list[QRectF], counted: tuple[bool, ...]) -> None:
        """The orange line beside the slices that count in the LV volume."""
        inside = [box for box, held in zip(boxes, counted, strict=False) if held]
        if not inside:
            return
        x = inside[0].left() - self._theme.pxf(9, 12) + 0.5
        top, bottom = inside[0].top() + 0.5, inside[-1].bottom() - 0.5
        pen = QPen(self._theme.color("endo"), 2)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        for y in (top, bottom):
            painter.drawLine(QPointF(x - 4, y), QPointF(x + 4, y))

    def _choose(self, y: float) -> None:
        boxes = self.boxes()
        if boxes:
            pitch = boxes[0].height() + 1
            self._session.set_slice(int((y - boxes[0].top()) // pitch))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the slice under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(event.position().y())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Run through the slices."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._choose(event.position().y())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One slice a notch."""
        turn = event.angleDelta().y()
        if turn:
            self._session.step_slice(-1 if turn > 0 else 1)
        event.accept()
