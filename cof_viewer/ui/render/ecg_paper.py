"""ECG paper: where millimetres, seconds and leads lie, and how grid, pulse and traces are drawn.

True proportions always: 1 mm is as high as it is wide. A wider place gets larger millimetres until true size, then
more seconds (DESIGN section 4); once the whole record is seen, larger ones still. Traces are unfiltered; each lead's
median is put on its base line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Ecg

SHEET_SECONDS = 10.0
REFERENCE_SPEED_MM_S = 25.0
SPEEDS_MM_S: tuple[float, ...] = (25.0, 50.0)
GAINS_MM_MV: tuple[float, ...] = (5.0, 10.0, 20.0)
ARRANGEMENTS: tuple[str, ...] = ("3 × 4", "6 × 2", "12 × 1", "II")

_COLUMNS: dict[str, tuple[tuple[str, ...], ...]] = {
    "3 × 4": (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6")),
    "6 × 2": (("I", "II", "III", "aVR", "aVL", "aVF"), ("V1", "V2", "V3", "V4", "V5", "V6")),
    "12 × 1": (LEADS,),
    "II": (("II",),),
}
_RHYTHM = "II"
_BEFORE_PULSE_MM, _AFTER_PULSE_MM = 2.0, 1.5
_PULSE_SECONDS, _PULSE_MV = 0.2, 1.0
_LARGEST, _ROOMY_ROW_MM = 1.8, 18.0
"""Where nothing more is to be shown: millimetres up to 1.8 x true size, as long as rows stay 18 mm high."""

_BASE_LINE = 0.62
"""Share of a row's height at which its base line lies: QRS mostly points up."""


@dataclass(frozen=True)
class Strip:
    """One lead over a span of time.

    Attributes:
        lead: its name.
        row: 0 on top.
        start_s: of the span, from the start of the record.
        end_s: of the span.
    """

    lead: str
    row: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Paper:
    """A sheet of ECG paper in a place of some size.

    Attributes:
        width: logical px.
        height: logical px.
        px_per_mm: size of a millimetre.
        speed_mm_s: paper speed.
        gain_mm_mv: gain.
        start_s: time at the left end of the traces.
        seconds: time that the traces span.
        rows: number of rows, the rhythm row among them.
        strips: what is drawn where.
    """

    width: float
    height: float
    px_per_mm: float
    speed_mm_s: float
    gain_mm_mv: float
    start_s: float
    seconds: float
    rows: int
    strips: tuple[Strip, ...]

    @property
    def left(self) -> float:
        """x of the first sample: after the calibration pulse."""
        return _lead_in_mm(self.speed_mm_s) * self.px_per_mm

    @property
    def px_per_second(self) -> float:
        """Logical px a second."""
        return self.speed_mm_s * self.px_per_mm

    @property
    def px_per_mv(self) -> float:
        """Logical px a millivolt."""
        return self.gain_mm_mv * self.px_per_mm

    def x_of(self, time_s: float) -> float:
        """Where a moment of the record lies."""
        return self.left + (time_s - self.start_s) * self.px_per_second

    def time_at(self, x: float) -> float:
        """Moment of the record at a place, in seconds."""
        return self.start_s + (x - self.left) / self.px_per_second

    def base_line(self, row: int) -> float:
        """y of a row's zero."""
        return self.height * (row + _BASE_LINE) / self.rows


def _lead_in_mm(speed_mm_s: float) -> float:
    """Room for the calibration pulse before the traces."""
    return _BEFORE_PULSE_MM + _PULSE_SECONDS * speed_mm_s + _AFTER_PULSE_MM


def lay_paper(
    width: float,
    height: float,
    record_s: float,
    *,
    arrangement: str = "3 × 4",
    speed_mm_s: float = 25.0,
    gain_mm_mv: float = 10.0,
    true_px_per_mm: float = 3.78,
    around_s: float = 0.0,
) -> Paper:
    """Lay a record on paper.

    Args:
        width: of the place, logical px.
        height: of the place, logical px.
        record_s: length of the record.
        arrangement: one of `ARRANGEMENTS`.
        speed_mm_s: paper speed.
        gain_mm_mv: gain.
        true_px_per_mm: logical px a real millimetre of the screen.
        around_s: moment that is to be seen where not everything fits.
    """
    ten_seconds = SHEET_SECONDS * REFERENCE_SPEED_MM_S + _lead_in_mm(REFERENCE_SPEED_MM_S)
    px_per_mm = max(0.5, min(true_px_per_mm, width / ten_seconds))
    room_s = max(0.5, (width / px_per_mm - _lead_in_mm(speed_mm_s)) / speed_mm_s)
    seconds = min(room_s, record_s) if record_s > 0 else room_s
    start = min(max(0.0, around_s - seconds / 2), max(0.0, record_s - seconds))
    columns = _COLUMNS[arrangement]
    rows = len(columns[0]) + int(len(columns) > 1)
    if room_s > record_s > 0:  # all of the record is seen: the rest of the place is for larger millimetres
        fitting = width / (record_s * speed_mm_s + _lead_in_mm(speed_mm_s))
        px_per_mm = max(px_per_mm, min(fitting, _LARGEST * true_px_per_mm, height / rows / _ROOMY_ROW_MM))
    span = seconds / len(columns)
    strips = [
        Strip(lead, row, start + c * span, start + (c + 1) * span)
        for c, leads in enumerate(columns)
        for row, lead in enumerate(leads)
    ]
    if len(columns) > 1:
        strips.append(Strip(_RHYTHM, rows - 1, start, start + seconds))
    return Paper(width, height, px_per_mm, speed_mm_s, gain_mm_mv, start, seconds, rows, tuple(strips))


@dataclass(frozen=True)
class PaperColours:
    """Colours of one theme."""

    paper: QColor
    fine: QColor
    coarse: QColor
    trace: QColor
    name: QColor


def paint_grid(painter: QPainter, paper: Paper, colours: PaperColours) -> None:
    """Fill, 1 mm and 5 mm lines, each line one sharp logical pixel; dense lines are drawn fainter."""
    painter.fillRect(QRectF(0, 0, paper.width, paper.height), colours.paper)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for step_mm, colour in ((1, colours.fine), (5, colours.coarse)):
        if step_mm * paper.px_per_mm < 2.0:
            continue
        quiet = QColor(colour)
        quiet.setAlphaF(min(1.0, max(0.3, (step_mm * paper.px_per_mm - 1.5) / 2.5)))
        painter.setPen(QPen(quiet, 1))
        painter.drawLines(
            [QLineF(x, 0, x, paper.height) for x in _grid_places(paper.width, paper.px_per_mm, step_mm)]
            + [QLineF(0, y, paper.width, y) for y in _grid_places(paper.height, paper.px_per_mm, step_mm)]
        )


def _grid_places(length: float, px_per_mm: float, step_mm: int) -> list[float]:
    """Whole pixels of the lines, none drifting from its true place by more than half a pixel."""
    count = int(length / (px_per_mm * step_mm)) + 1
    return [float(round(k * step_mm * px_per_mm)) for k in range(count)]


def paint_traces(
    painter: QPainter, paper: Paper, ecg: Ecg, colours: PaperColours, line_width: float, font: QFont
) -> None:
    """Calibration pulses, traces, ticks between the leads, and the leads' names."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pen = QPen(colours.trace, line_width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    for row in range(paper.rows):
        painter.drawPolyline(_pulse(paper, row))
    for strip in paper.strips:
        painter.drawPolyline(_trace(paper, strip, ecg))
        if strip.start_s > paper.start_s:
            x, y = paper.x_of(strip.start_s), paper.base_line(strip.row)
            painter.setPen(QPen(colours.name, 1))
            painter.drawLine(QPointF(x, y - 6), QPointF(x, y + 6))
            painter.setPen(pen)
    _paint_names(painter, paper, ecg, colours, font)


def _pulse(paper: Paper, row: int) -> QPolygonF:
    """1 mV for 0.2 s before a row."""
    y, px = paper.base_line(row), paper.px_per_mm
    left = _BEFORE_PULSE_MM * px
    right, top = left + _PULSE_SECONDS * paper.px_per_second, y - _PULSE_MV * paper.px_per_mv
    foot = 0.8 * px
    corners = ((left - foot, y), (left, y), (left, top), (right, top), (right, y), (right + foot, y))
    return QPolygonF([QPointF(*corner) for corner in corners])


def _trace(paper: Paper, strip: Strip, ecg: Ecg) -> QPolygonF:
    """One lead's line in px."""
    samples = ecg.lead(strip.lead)
    first = max(0, int(np.ceil(strip.start_s * SAMPLING_HZ)))
    last = min(len(samples), int(np.floor(strip.end_s * SAMPLING_HZ)) + 1)
    part = samples[first:last].astype(np.float64) - float(np.median(samples)) if len(samples) else samples
    xs = paper.left + (np.arange(first, first + len(part)) / SAMPLING_HZ - paper.start_s) * paper.px_per_second
    ys = paper.base_line(strip.row) - part * paper.px_per_mv
    return QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)])


def _paint_names(painter: QPainter, paper: Paper, ecg: Ecg, colours: PaperColours, font: QFont) -> None:
    """Names above the start of each lead; a flat lead says so."""
    metrics = QFontMetricsF(font)
    above = min(paper.height / paper.rows * 0.42, 11 * paper.px_per_mm)
    for strip in paper.strips:
        x = paper.x_of(strip.start_s) + 4
        y = max(metrics.ascent() + 2, paper.base_line(strip.row) - above + metrics.ascent() / 2)
        words = f"{strip.lead} flat" if strip.lead in ecg.flat_leads else strip.lead
        path = QPainterPath()
        path.addText(QPointF(x, y), font, words)
        painter.strokePath(path, QPen(colours.paper, 3))
        painter.setFont(font)
        painter.setPen(colours.name)
        painter.drawText(QPointF(x, y), words)


def beat_fraction(time_ms: float, r_peaks_ms: Sequence[float]) -> float | None:
    """Where a moment lies between the R peaks round it, 0 to 1; None before the first and after the last."""
    after = int(np.searchsorted(np.asarray(r_peaks_ms), time_ms, side="right"))
    if not 0 < after < len(r_peaks_ms):
        return None
    start, end = r_peaks_ms[after - 1], r_peaks_ms[after]
    return float((time_ms - start) / (end - start))
