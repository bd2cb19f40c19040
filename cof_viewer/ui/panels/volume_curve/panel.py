"""The volume curve: LV or RV volume, or its rate, over the beat; band, ED and ES, the cursor, the ECG's waves below."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from cof_viewer.app.session import Session
from cof_viewer.domain.function import Source
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.panels.volume_curve.data import Curve, CurveKind, CurvesShown, curves_of, waves_of
from cof_viewer.ui.panels.volume_curve.plot import CurvePainter
from cof_viewer.ui.render.plot_axes import Axes
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.tokens import CURSOR_WIDTH
from cof_viewer.ui.widgets.buttons import SegmentedControl
from cof_viewer.ui.widgets.panel import Panel
from cof_viewer.ui.widgets.tag import Tag

EMPTY = "The curve appears when the cine is ready."
BY_HAND = "ES by hand"
_GRASP_PX = 9
"""How near to the ring of ES a press takes hold of it."""
KINDS: tuple[tuple[CurveKind, str, str], ...] = (
    ("lv", "LV", "Left ventricle"),
    ("rv", "RV", "Right ventricle"),
    ("rate", "dV/dt", "Filling and emptying rate of the left ventricle"),
)


class CurveView(QWidget):
    """The plot. It is drawn once into a picture; a new phase only moves the cursor.

    Signals:
        moment_chosen: share of the beat under the mouse.
        es_moved: where a hand has drawn the ring of a generated beat's ES, in ms after the R peak.
    """

    moment_chosen = Signal(float)
    es_moved = Signal(float)

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build an empty plot."""
        super().__init__(parent)
        self._session, self._theme = session, theme
        self._shown = CurvesShown()
        self._plot: QPixmap | None = None
        self._axes: Axes | None = None
        self._painter = CurvePainter(theme, self._shown)
        self._cursor_drawn: float | None = None
        self._holds_es = False
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleName("Volume over the beat")

    def sizeHint(self) -> QSize:
        """Whatever there is."""
        return QSize(360, 166)

    @property
    def axes(self) -> Axes | None:
        """The plot's map; None while it is empty."""
        return self._axes

    def set_curves(self, shown: CurvesShown) -> None:
        """Draw other curves."""
        self._shown = shown
        self.lay_out()

    def lay_out(self) -> None:
        """Another size, density or palette: draw anew."""
        self._plot = None
        self._axes = None
        if self._shown.curves and self.width() > 60 and self.height() > 60:
            self._painter = CurvePainter(self._theme, self._shown)
            self._axes = self._painter.axes(self.width(), self.height())
        self.update()

    def cursor_x(self) -> float | None:
        """Where the shown moment lies; None while the plot is empty."""
        if self._axes is None or self._session.phases < 2:
            return None
        times = self._session.phase_ms
        if times and self._shown.in_ms:
            return self._axes.x(min(times[self._session.view.phase], self._axes.x_end))
        return self._axes.x(self._session.cycle_fraction * self._shown.period)

    def move_cursor(self) -> None:
        """The phase changed: repaint the two columns only."""
        for x in (self._cursor_drawn, self.cursor_x()):
            if x is not None:
                self.update(round(x) - 3, 0, 7, self.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Plot and cursor, or a sentence while there is nothing."""
        painter = QPainter(self)
        if self._axes is None:
            painter.setFont(self._theme.font("base"))
            painter.setPen(self._theme.color("t3"))
            box = QRectF(self.rect()).adjusted(16, 0, -16, 0)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, EMPTY)
            return
        if self._plot is None:
            self._plot = self._draw(self._axes)
        painter.drawPixmap(0, 0, self._plot)
        x = self._cursor_drawn = self.cursor_x()
        if x is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._theme.color("cursor"), CURSOR_WIDTH))
            column = int(x) + 0.5  # one sharp column
            painter.drawLine(QPointF(column, self._axes.box.top() - 4), QPointF(column, self._axes.box.bottom()))

    def _draw(self, axes: Axes) -> QPixmap:
        ratio = self.devicePixelRatioF()
        plot = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        plot.setDevicePixelRatio(ratio)
        plot.fill(self._theme.color("panel"))
        painter = QPainter(plot)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._painter.paint(painter, axes)
        painter.end()
        return plot

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another plot."""
        self.lay_out()
        super().resizeEvent(event)

    def es_ring(self) -> QPointF | None:
        """Where the ring lies that sets ES by hand; None where ES is measured, unknown or withheld."""
        main = self._shown.main
        if self._axes is None or main is None or main.es is None or not self._shown.in_ms or self._shown.withheld:
            return None
        if main.source is not Source.GENERATED or self._shown.kind != "lv":
            return None
        return QPointF(self._axes.x(main.xs[main.es]), self._axes.y(main.ys[main.es]))

    def _is_on_ring(self, event: QMouseEvent) -> bool:
        ring = self.es_ring()
        if ring is None:
            return False
        away = event.position() - ring
        return max(abs(away.x()), abs(away.y())) <= _GRASP_PX

    def _choose(self, event: QMouseEvent) -> None:
        if self._axes is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        moment = min(self._axes.fraction_at(event.position().x()) * self._axes.x_end, self._shown.period)
        if self._holds_es:
            self.es_moved.emit(moment)
        else:
            self.moment_chosen.emit(moment / self._shown.period)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of ES, or go to the moment under the mouse."""
        self._holds_es = event.button() == Qt.MouseButton.LeftButton and self._is_on_ring(event)
        if not self._holds_es:
            self._choose(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse; over the ring of ES it becomes a hand."""
        held, over = self._holds_es, self._is_on_ring(event)
        shape = Qt.CursorShape.ClosedHandCursor if held else Qt.CursorShape.OpenHandCursor
        self.setCursor(shape if held or over else Qt.CursorShape.SizeHorCursor)
        self._choose(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of ES."""
        self._holds_es = False
        super().mouseReleaseEvent(event)


class CurvePanel(Panel):
    """Reads numbers, beat and phase of the session; sends it the phase and which ventricle is shown."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build header and plot and follow the session."""
        super().__init__("Volume", theme, parent)
        self._session = session
        self._kind: CurveKind = "rv" if session.view.show_rv_curve else "lv"
        self.measured_tag = Tag(theme, None, self)
        self.header.add_before_spring(self.measured_tag)
        self.choice = SegmentedControl(theme, KINDS, self)
        self.choice.chosen.connect(self._choose)
        self.header.add_option(self.choice)
        self.view = CurveView(session, theme, self)
        self.view.moment_chosen.connect(self._go_to)
        self.view.es_moved.connect(session.set_es_time)
        self.set_body(self.view)
        bridge = bridge_of(session)
        bridge.case_changed.connect(self._refresh)
        bridge.result_changed.connect(self._refresh)
        bridge.view_changed.connect(self._on_view)
        self._refresh()

    def minimumSizeHint(self) -> QSize:
        """DESIGN section 4."""
        return QSize(300, 160)

    def _choose(self, kind: str) -> None:
        self._kind = "rv" if kind == "rv" else "rate" if kind == "rate" else "lv"
        if (kind == "rv") != self._session.view.show_rv_curve:
            self._session.toggle_rv_curve()
        self._refresh()

    def _on_view(self, changed: frozenset[str]) -> None:
        if "show_rv_curve" in changed:
            if self._session.view.show_rv_curve:
                self._kind = "rv"
            elif self._kind == "rv":
                self._kind = "lv"
            self._refresh()
        if "phase" in changed:
            self.view.move_cursor()

    def _refresh(self) -> None:
        shown = curves_of(self._session, self._kind)
        beat = self._session.case.beat
        if beat is not None and shown.in_ms:
            shown = shown.with_waves(waves_of(beat, shown.period))
        self.choice.set_current(self._kind)
        self.header.set_title("Volume" if self._kind != "rate" else "Rate")
        by_hand = self._session.case.es_by_hand_ms is not None and self._session.result.shown == "generated"
        self.header.set_note(f"{shown.unit} · {BY_HAND}" if by_hand else shown.unit)
        main = shown.main
        self.set_source(main.source if main else None, stopped=shown.withheld)
        self.measured_tag.set_source(self._second_source(shown.curves))
        self.view.set_curves(shown)

    def _second_source(self, curves: tuple[Curve, ...]) -> Source | None:
        """The second tag, where a measured curve is drawn beside a generated one and there is room for it."""
        beside = curves[1].source if len(curves) > 1 else None
        return beside if self.width() >= 480 else None

    def _go_to(self, fraction: float) -> None:
        """Show the phase nearest to a moment of the beat."""
        session, times = self._session, self._session.phase_ms
        if session.phases < 2:
            return
        if times and session.rr_ms:
            moment = fraction * session.rr_ms
            session.set_phase(min(range(len(times)), key=lambda k: abs(times[k] - moment)))
        else:
            session.set_phase(min(int(fraction * session.phases + 0.5), session.phases - 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The second tag appears with room."""
        super().resizeEvent(event)
        self.measured_tag.set_source(self._second_source(curves_of(self._session, self._kind).curves))

    def restyle(self) -> None:
        """Another palette or density: another plot."""
        super().restyle()
        if hasattr(self, "view"):
            self.view.lay_out()
