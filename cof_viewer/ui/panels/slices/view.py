"""One large slice: the picture, its contours and overlay, and the hand on the mouse."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QWidget

from cof_viewer.app.session import Session
from cof_viewer.app.state import Shown
from cof_viewer.ui.panels.slices.overlay import (
    END,
    SIDE,
    moment_words,
    paint_contours,
    paint_corner,
    paint_letters,
    paint_scale_bar,
    window_words,
)
from cof_viewer.ui.panels.slices.pictures import Framing, SlicePictures
from cof_viewer.ui.render.layers import Layers
from cof_viewer.ui.render.slice_image import edge_letters, screen_from_display
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.tag import Tag

WHEEL_STEP = 120
_ZOOM_PER_PIXEL = 1.006
_ZOOM_PER_NOTCH = 1.15
_WINDOW_DRAG_PX = 300.0
_CLICK_PX = 3.0


class SliceView(QWidget):
    """The current slice of one cine.

    Left-drag changes the window, middle-drag pans, right-drag zooms; the wheel steps slices, with Shift phases, with
    Ctrl it zooms; a double-click asks to fill the window.

    Attributes:
        shown: which cine is drawn; None follows the session.
    """

    double_clicked = Signal()

    def __init__(
        self,
        session: Session,
        pictures: SlicePictures,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        shown: Shown | None = None,
    ) -> None:
        """Build a view of one of the two cines, or of the one that is shown."""
        super().__init__(parent)
        self.shown = shown
        self._session, self._pictures, self._theme = session, pictures, theme
        self._drag: tuple[Qt.MouseButton, QPointF] | None = None
        self._wheel = 0
        self._layers = Layers(self, 12.0)
        self._tag = Tag(theme, None, self)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName("Short-axis slice")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Whatever there is."""
        return QSize(480, 440)

    @property
    def _kind(self) -> Shown:
        return self.shown or self._session.result.shown

    def refresh(self) -> None:
        """The session shows something else: place the tag and repaint."""
        self._layers.forget()
        two = self.shown is not None
        self._tag.set_source(self._pictures.source(self._kind) if two else None)
        self._tag.adjustSize()
        self._tag.move(round(SIDE), round(END + self._theme.pxf(22, 26)))
        self.update()

    def screen_from_pixel(self) -> QTransform | None:
        """Pixel edges of the slice to this widget's pixels; None without a picture."""
        framing = self._pictures.framing(self._kind)
        return None if framing is None else framing.frame.display_from_pixel() * self._screen_from_display(framing)

    def _screen_from_display(self, framing: Framing) -> QTransform:
        view = self._session.view
        size = QSizeF(self.size())
        pan_mm = (view.pan[0] * framing.frame.pixel_mm[0], view.pan[1] * framing.frame.pixel_mm[1])
        return screen_from_display(size, framing.home(size), view.zoom, pan_mm)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Black, picture, contours, overlay."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("pic"))
        framing = self._pictures.framing(self._kind)
        place = self.screen_from_pixel()
        if framing is None or place is None:
            return
        view, phase = self._session.view, self._session.phase_of(self._kind)
        image = self._pictures.image(self._kind, phase, view.slice)
        if image is None:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(place)
        painter.drawImage(QPointF(0, 0), image)
        painter.resetTransform()
        if view.contours:
            paths = self._pictures.outlines(self._kind, phase, view.slice)
            paint_contours(painter, self._theme, paths, place, self._pictures.source(self._kind))
        if view.overlays:
            self._paint_overlay(painter, framing, phase)
        if self._tag.isVisible():
            painter.fillRect(self._tag.geometry(), self._theme.color("pic", 0.6))

    def _paint_overlay(self, painter: QPainter, framing: Framing, phase: int) -> None:
        """Everything but the moment stays the same while playing, and is kept."""
        view = self._session.view
        key = (self._kind, view.slice, view.window, view.zoom)
        self._layers.draw(painter, key, lambda layer: self._paint_still(layer, framing))
        cine = self._pictures.cine(self._kind)
        assert cine is not None
        time_ms = cine.phase_ms[phase] if cine.phase_ms else None
        words = moment_words(phase, cine.phases, time_ms, phase / cine.phases)
        if words:
            paint_corner(painter, self._theme, QRectF(self.rect()), "BR", words)

    def _paint_still(self, painter: QPainter, framing: Framing) -> None:
        """Slice, window, scale bar, letters."""
        view, theme, box = self._session.view, self._theme, QRectF(self.rect())
        cine = self._pictures.cine(self._kind)
        assert cine is not None
        strong = f"Slice {view.slice + 1}"
        paint_corner(painter, theme, box, "TL", f" of {cine.grid.shape[0]}", strong=strong, tabular=False)
        paint_corner(painter, theme, box, "BL", window_words(view.window.centre, view.window.width))
        if cine.grid.spacing_known:
            paint_scale_bar(painter, theme, box, self._screen_from_display(framing).m11())
        paint_letters(painter, theme, box, edge_letters(cine.grid, framing.frame))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture is placed anew."""
        self.refresh()
        super().resizeEvent(event)

    # -- hand ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to drag."""
        self._drag = (event.button(), event.position())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Window, pan or zoom by the way since the last event."""
        if self._drag is None:
            return
        button, before = self._drag
        step = event.position() - before
        self._drag = (button, event.position())
        if button == Qt.MouseButton.LeftButton:
            self._drag_window(step)
        elif button == Qt.MouseButton.MiddleButton:
            self._drag_pan(step)
        elif button == Qt.MouseButton.RightButton:
            self.zoom_by(_ZOOM_PER_PIXEL ** -step.y(), None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End of dragging."""
        self._drag = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask to fill the window, or to go back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = None
            self.double_clicked.emit()

    def _drag_window(self, step: QPointF) -> None:
        """To the right: wider; down: brighter pictures, as on other viewers (the centre falls)."""
        window = self._session.view.window
        unit = max(window.width, 1e-6) / _WINDOW_DRAG_PX
        self._session.set_window(window.centre + step.y() * unit, max(window.width + step.x() * unit, 1e-3))

    def _drag_pan(self, step: QPointF) -> None:
        framing = self._pictures.framing(self._kind)
        if framing is None:
            return
        scale, (x, y) = self._screen_from_display(framing).m11(), framing.frame.pixel_mm
        view = self._session.view
        self._session.set_zoom_pan(view.zoom, (view.pan[0] + step.x() / scale / x, view.pan[1] + step.y() / scale / y))

    def zoom_by(self, factor: float, at: QPointF | None) -> None:
        """Magnify; the point under `at` stays where it is (the middle where None)."""
        framing = self._pictures.framing(self._kind)
        if framing is None:
            return
        view, (x, y) = self._session.view, framing.frame.pixel_mm
        self._session.set_zoom_pan(view.zoom * factor, view.pan)
        real = self._session.view.zoom / view.zoom
        if at is None or real == 1.0:
            return
        scale = self._screen_from_display(framing).m11()
        off = at - QPointF(self.width() / 2, self.height() / 2)
        shift = (1.0 - real) / scale
        pan = (view.pan[0] + off.x() * shift / x, view.pan[1] + off.y() * shift / y)
        self._session.set_zoom_pan(self._session.view.zoom, pan)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Slices; phases with Shift; zoom with Ctrl."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(_ZOOM_PER_NOTCH ** (turn / WHEEL_STEP), event.position())
        else:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._step("phase" if shift else "slice", turn)
        event.accept()

    def _step(self, what: Literal["phase", "slice"], turn: int) -> None:
        """Collect small turns of touch pads until they make a step."""
        self._wheel += turn
        steps = int(self._wheel / WHEEL_STEP)
        self._wheel -= steps * WHEEL_STEP
        if steps and what == "phase":
            self._session.step_phase(-steps)
        elif steps:
            self._session.step_slice(-steps)
