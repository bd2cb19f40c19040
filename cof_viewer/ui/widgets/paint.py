"""How lines and words are drawn: the line's style says where a thing comes from, the halo keeps it readable."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from cof_viewer.domain.function import Source
from cof_viewer.ui.tokens import CONTOUR_DASH_PX, CURVE_DASH_PX, DOT_DASH_PX


def source_pen(
    source: Source, color: QColor, width: float, dash_px: tuple[float, float] = CURVE_DASH_PX, *, cosmetic: bool = False
) -> QPen:
    """Solid for measured, dashed for generated, dotted for simulated and for what the ECG alone says.

    Args:
        source: where the thing comes from.
        color: of the line.
        width: logical px.
        dash_px: dash and gap in px for generated lines (7-4 in curves, 5.8-3.5 on pictures).
        cosmetic: whether the width ignores the painter's transform.
    """
    pen = QPen(color, width)
    pen.setCosmetic(cosmetic)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if source is Source.GENERATED:
        pen.setDashPattern([part / width for part in dash_px])
    elif source in (Source.SIMULATED, Source.ECG):
        pen.setDashPattern([part / width for part in DOT_DASH_PX])
    return pen


def contour_pens(source: Source, color: QColor, width: float = 1.6) -> tuple[QPen, QPen]:
    """Halo and line of a contour on a picture: 3.4 px black at 55 % below, the coloured line above."""
    halo = QPen(QColor(0, 0, 0, 140), width + 1.8)
    halo.setCapStyle(Qt.PenCapStyle.FlatCap)
    halo.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return halo, source_pen(source, color, width, CONTOUR_DASH_PX)


def halo_text(
    painter: QPainter,
    point: QPointF,
    text: str,
    font: QFont,
    color: QColor,
    *,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    halo: QColor | None = None,
) -> QRectF:
    """Words over a picture, with a dark rim.

    Args:
        painter: where.
        point: on the base line; its x is the left end, the middle or the right end by `align`.
        text: the words.
        font: their font.
        color: their colour.
        align: AlignLeft, AlignHCenter or AlignRight.
        halo: colour of the rim, dark by default.

    Returns:
        The rectangle that the words take.
    """
    metrics = QFontMetricsF(font)
    width = metrics.horizontalAdvance(text)
    shift = {Qt.AlignmentFlag.AlignHCenter: width / 2, Qt.AlignmentFlag.AlignRight: width}.get(align, 0.0)
    start = QPointF(point.x() - shift, point.y())
    path = QPainterPath()
    path.addText(start, font, text)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    rim = QPen(halo or QColor(0, 0, 0, 165), 2.6)
    rim.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(path, rim)
    painter.setFont(font)
    painter.setPen(color)
    painter.drawText(start, text)
    painter.restore()
    return QRectF(start.x(), start.y() - metrics.ascent(), width, metrics.height())
