"""The heart's picture: rendered off-screen, painted with its marker and legend; the hand turns, shifts and zooms it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from cof_viewer.app.session import Session
from cof_viewer.ui.panels.heart.model import Colouring, HeartModel
from cof_viewer.ui.render.camera import Camera, look_at
from cof_viewer.ui.render.colour_maps import cividis
from cof_viewer.ui.render.layers import Layers
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.paint import halo_text

if TYPE_CHECKING:
    from cof_viewer.ui.render.heart_scene import HeartScene

PART_NAMES: tuple[tuple[str, str], ...] = (("endo", "LV endo"), ("epi", "LV epi"), ("rv", "RV"))
PATIENT_AXES: tuple[tuple[str, tuple[float, float, float]], ...] = (
    ("A", (0.0, -1.0, 0.0)),
    ("L", (1.0, 0.0, 0.0)),
    ("H", (0.0, 0.0, 1.0)),
)
"""Front, left and head of the patient in LPS."""

UNITS = {"displacement": "mm", "thickening": "%"}
_REFINE_MS = 160
_DEGREES_PER_PX = 0.45


class HeartView(QWidget):
    """Shows a `HeartModel`. VTK is loaded when the first heart is painted, never before."""

    double_clicked = Signal()

    def __init__(self, session: Session, model: HeartModel, theme: Theme, parent: QWidget | None = None) -> None:
        """Build an empty view."""
        super().__init__(parent)
        self._session, self._model, self._theme = session, model, theme
        self._scene: HeartScene | None = None
        self._closed = False
        self._picture: QImage | None = None
        self._shown_phase: int | None = None
        self._placed = False
        self._preset = "Overview"
        self._layers = Layers(self, 6.0)
        self.colouring: Colouring = "structure"
        self.message = ""
        self._drag: QPointF | None = None
        self._refine = QTimer(self)
        self._refine.setSingleShot(True)
        self._refine.setInterval(_REFINE_MS)
        self._refine.timeout.connect(self._draw_fine)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName("The heart in three dimensions")

    def sizeHint(self) -> QSize:
        """Whatever there is."""
        return QSize(360, 188)

    @property
    def camera(self) -> Camera | None:
        """Where the heart is looked at from; None before it was painted."""
        return self._scene.camera if self._scene is not None else None

    # -- what is shown -------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Another heart comes: nothing of this one is kept, but the way it is looked at."""
        self._shown_phase = None
        self._picture = None
        self._placed = False
        self._layers.forget()
        self.update()

    def show_phase(self) -> None:
        """The phase, the slice or the colouring changed: draw quickly now, finely when it rests."""
        self._picture = None
        self.update()
        self._refine.start()

    @property
    def is_still(self) -> bool:
        """Whether the last picture is the fine one."""
        return not self._refine.isActive() and self._picture is not None

    def look(self, preset: str) -> None:
        """Take a named view."""
        self._preset = preset
        self._placed = False
        self.show_phase()

    def restyle(self) -> None:
        """Another palette or density."""
        self._layers.forget()
        self.show_phase()

    def close_scene(self) -> None:
        """Give the graphics context back; nothing is drawn afterwards."""
        self._closed = True
        self._refine.stop()
        if self._scene is not None:
            self._scene.close()
            self._scene = None

    def _draw_fine(self) -> None:
        self._picture = None
        self.update()

    # -- painting ------------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The heart, its marker, its legend; a sentence while there is none."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("heart"))
        if self._picture is None and self._model.frames and not self._closed:
            self._picture = self._render(draft=self._refine.isActive())
        if self._picture is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.rect(), self._picture)
            self._paint_marker(painter)
            if self.colouring == "structure":
                parts = tuple(self._parts_shown())
                self._layers.draw(painter, parts, lambda layer: self._paint_legend(layer, parts))
            else:
                self._paint_scale(painter)
        if self.message:
            self._paint_message(painter)

    def _render(self, draft: bool) -> QImage | None:
        """Draw the phase that is shown, or keep the last one that is built."""
        from cof_viewer.ui.render.heart_scene import HeartScene

        if self._scene is None:
            self._scene = HeartScene()
            self._scene.set_lookup_table(cividis())
        phase = self._session.view.phase
        if phase not in self._model.frames:
            phase = self._shown_phase if self._shown_phase in self._model.frames else next(iter(self._model.frames))
        self._shown_phase = phase
        if not self._placed:
            self._place_camera()
        span = self._model.span_of(self.colouring) if self.colouring != "structure" else (0.0, 1.0)
        chosen = None if self.colouring == "structure" else self.colouring
        self._scene.set_frame(self._model.frames[phase], chosen, span)
        self._scene.set_plane(self._model.plane(self._session.view.slice))
        ratio = self.devicePixelRatioF()
        self._scene.scale_lines(ratio)
        return self._scene.render(round(self.width() * ratio), round(self.height() * ratio), draft=draft)

    def _place_camera(self) -> None:
        assert self._scene is not None
        camera = self._scene.camera
        look_at(camera, self._preset, self._model.heart_axes())
        points = self._model.points()
        if points is not None:
            camera.frame(points)
        self._placed = True

    def _paint_marker(self, painter: QPainter) -> None:
        """Directions of the patient, where they are known: bottom left."""
        grid = self._model.grid
        if self._scene is None or grid is None or not grid.orientation_known:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        length = self._theme.pxf(21, 28)
        origin = QPointF(self._theme.pxf(32, 42), self.height() - self._theme.pxf(28, 40))
        font = self._theme.font("micro", bold=True)
        metrics = QFontMetricsF(font)
        painter.setPen(QPen(self._theme.color("overlay"), 1.4))
        on_screen = {name: self._scene.camera.on_screen(axis) for name, axis in PATIENT_AXES}
        for name, (right, up, _) in sorted(on_screen.items(), key=lambda item: item[1][2]):
            tip = QPointF(origin.x() + length * right, origin.y() - length * up)
            painter.drawLine(origin, tip)
            beyond = 1.0 + 8.0 / length
            place = QPointF(origin.x() + length * beyond * right, origin.y() - length * beyond * up)
            middle = Qt.AlignmentFlag.AlignHCenter
            base = QPointF(place.x(), place.y() + metrics.capHeight() / 2)
            halo_text(painter, base, name, font, self._theme.color("overlay"), align=middle)

    def _parts_shown(self) -> list[str]:
        """Surfaces of the phase that is drawn."""
        frame = self._model.frames.get(self._shown_phase if self._shown_phase is not None else -1, {})
        return [part for part, _ in PART_NAMES if part in frame]

    def _paint_legend(self, painter: QPainter, parts: tuple[str, ...]) -> None:
        """Colour and name of each surface that is there: bottom right."""
        names = [(part, words) for part, words in PART_NAMES if part in parts]
        font, pitch = self._theme.font("small"), self._theme.pxf(18, 22)
        metrics = QFontMetricsF(font)
        widest = max((metrics.horizontalAdvance(words) for _, words in names), default=0.0)
        left = self.width() - self._theme.pxf(12, 14) - widest
        top = self.height() - self._theme.pxf(12, 14) - pitch * len(names)
        for place, (part, words) in enumerate(names):
            y = top + pitch * (place + 0.5)
            box = QRectF(left - 16, y - 4.5, 9, 9)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.color(part))
            painter.drawRoundedRect(box, 2, 2)
            base = QPointF(left, y + metrics.capHeight() / 2)
            halo_text(painter, base, words, font, self._theme.color("overlay"))

    def _paint_scale(self, painter: QPainter) -> None:
        """The colour map with the values at its ends: bottom right."""
        low, high = self._model.span_of(self.colouring)
        unit = UNITS[self.colouring]
        font = self._theme.font("small", tabular=True)
        metrics = QFontMetricsF(font)
        left_words = f"≤ {low:.0f} {unit}" if self.colouring == "thickening" else f"{low:.0f}"
        right_words = f"{high:.0f} {unit}"
        right = self.width() - self._theme.pxf(12, 14) - metrics.horizontalAdvance(right_words)
        width = self._theme.pxf(90, 130)
        y = self.height() - self._theme.pxf(20, 24)
        bar = QRectF(right - 6 - width, y - 4, width, 8)
        colours = cividis()
        strip = QImage(colours.tobytes(), len(colours), 1, 3 * len(colours), QImage.Format.Format_RGB888)
        painter.drawImage(bar, strip)
        base, colour = y + metrics.capHeight() / 2, self._theme.color("overlay")
        halo_text(painter, QPointF(right, base), right_words, font, colour)
        left = QPointF(bar.left() - 6, base)
        halo_text(painter, left, left_words, font, colour, align=Qt.AlignmentFlag.AlignRight)

    def _paint_message(self, painter: QPainter) -> None:
        painter.setFont(self._theme.font("small" if self._picture is not None else "base"))
        painter.setPen(self._theme.color("t3"))
        pad = self._theme.pxf(12, 14)
        box = QRectF(self.rect()).adjusted(pad, 8, -pad, -8)
        align = Qt.AlignmentFlag.AlignCenter if self._picture is None else Qt.AlignmentFlag.AlignTop
        painter.drawText(box, int(align) | int(Qt.TextFlag.TextWordWrap), self.message)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw anew."""
        self.show_phase()
        super().resizeEvent(event)

    # -- hand ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to turn or shift."""
        self._drag = event.position()
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn; shift with Shift or the middle button."""
        camera = self.camera
        if self._drag is None or camera is None:
            return
        step = event.position() - self._drag
        self._drag = event.position()
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if shift or event.buttons() & Qt.MouseButton.MiddleButton:
            mm = 2.0 * camera.half_height_mm(self.width() / max(self.height(), 1)) / max(self.height(), 1)
            camera.move(step.x() * mm, -step.y() * mm)
        else:
            camera.rotate(step.x() * _DEGREES_PER_PX, step.y() * _DEGREES_PER_PX)
        self.show_phase()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """End of dragging."""
        self._drag = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Ask to fill the window, or to go back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = None
            self.double_clicked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        if self.camera is not None:
            self.camera.magnify(1.15 ** (event.angleDelta().y() / 120.0))
            self.show_phase()
        event.accept()
