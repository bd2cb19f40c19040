"""What lies over a slice: contours, orientation letters, scale bar, corner texts, all readable on any grey."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QTransform

from cof_viewer.domain.function import Source
from cof_viewer.ui.panels.slices.pictures import OUTLINES
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.paint import contour_pens, halo_text

SIDE, END = 12.0, 9.0
"""Distance of overlay texts from the picture's sides and from its top and bottom (DESIGN section 3)."""

_BAR_LENGTHS_MM = (50.0, 20.0, 10.0, 5.0)
_BAR_SHARE = 0.45


def paint_contours(
    painter: QPainter,
    theme: Theme,
    paths: dict[str, QPainterPath],
    screen_from_pixel: QTransform,
    source: Source,
    width: float | None = None,
) -> None:
    """Draw outlines over a picture: a dark halo below, the colour above, its line style by source.

    Args:
        painter: in widget pixels.
        theme: for colours and density.
        paths: outline name -> path in pixel edges.
        screen_from_pixel: pixel edges to widget pixels.
        source: solid where measured, dashed where generated, dotted where simulated.
        width: of the coloured line; by density where None.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    line_width = width if width is not None else theme.pxf(1.6, 2.0)
    for name in OUTLINES:
        if name in paths:
            path = screen_from_pixel.map(paths[name])
            halo, line = contour_pens(source, theme.color(name), line_width)
            painter.strokePath(path, halo)
            painter.strokePath(path, line)
    painter.restore()


def paint_letters(painter: QPainter, theme: Theme, box: QRectF, letters: dict[str, str]) -> None:
    """Patient directions in the middle of the four edges."""
    font = theme.font("overlay", bold=True)
    metrics = QFontMetricsF(font)
    middle = box.center()
    level = middle.y() + metrics.capHeight() / 2
    places = {
        "top": (QPointF(middle.x(), box.top() + END + metrics.ascent()), Qt.AlignmentFlag.AlignHCenter),
        "bottom": (QPointF(middle.x(), box.bottom() - END - metrics.descent()), Qt.AlignmentFlag.AlignHCenter),
        "left": (QPointF(box.left() + SIDE, level), Qt.AlignmentFlag.AlignLeft),
        "right": (QPointF(box.right() - SIDE, level), Qt.AlignmentFlag.AlignRight),
    }
    for edge, letter in letters.items():
        point, align = places[edge]
        halo_text(painter, point, letter, font, theme.color("overlay"), align=align)


def paint_corner(
    painter: QPainter, theme: Theme, box: QRectF, corner: str, text: str, *, strong: str = "", tabular: bool = True
) -> QRectF:
    """One corner's text.

    Args:
        painter: in widget pixels.
        theme: for font and colour.
        box: of the picture.
        corner: "TL", "BL" or "BR".
        text: the words.
        strong: words before them in 600.
        tabular: figures of equal width, for texts that change while playing.
    """
    font, bold = theme.font("overlay", tabular=tabular), theme.font("overlay", bold=True, tabular=tabular)
    metrics = QFontMetricsF(font)
    y = box.top() + END + metrics.ascent() if corner[0] == "T" else box.bottom() - END - metrics.descent()
    colour = theme.color("overlay")
    if corner[1] == "R":
        return halo_text(painter, QPointF(box.right() - SIDE, y), text, font, colour, align=Qt.AlignmentFlag.AlignRight)
    start = box.left() + SIDE
    first = halo_text(painter, QPointF(start, y), strong, bold, colour) if strong else QRectF(start, y, 0, 0)
    return first.united(halo_text(painter, QPointF(first.right(), y), text, font, colour))


def bar_length_mm(pixels_per_mm: float, width: float) -> float:
    """The longest of 50, 20, 10 and 5 mm that takes less than half of the picture's width."""
    fitting = [length for length in _BAR_LENGTHS_MM if length * pixels_per_mm <= _BAR_SHARE * width]
    return fitting[0] if fitting else _BAR_LENGTHS_MM[-1]


def paint_scale_bar(painter: QPainter, theme: Theme, box: QRectF, pixels_per_mm: float) -> None:
    """Scale bar with a tick every 10 mm, above the bottom left text."""
    metrics = QFontMetricsF(theme.font("overlay"))
    length_mm = bar_length_mm(pixels_per_mm, box.width())
    left = box.left() + SIDE
    y = box.bottom() - END - metrics.height() - theme.pxf(8, 10)
    right = left + length_mm * pixels_per_mm
    ticks = int(length_mm // 10) if length_mm > 10 else 1
    path = QPainterPath(QPointF(left, y))
    path.lineTo(right, y)
    for i in range(ticks + 1):
        x = left + (right - left) * i / ticks
        path.moveTo(x, y - (7 if i in (0, ticks) else 3.5))
        path.lineTo(x, y)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.strokePath(path, QPen(QColor(0, 0, 0, 165), 3.2))
    painter.strokePath(path, QPen(theme.color("overlay"), 1.3))
    painter.restore()
    halo_text(
        painter,
        QPointF(right + 8, y + metrics.capHeight() / 2),
        f"{length_mm:.0f} mm",
        theme.font("overlay"),
        theme.color("overlay"),
    )


def window_words(centre: float, width: float) -> str:
    """The grey window, such as "W 236 · L 118"; decimals only where the picture's units are small."""
    digits = 0 if width >= 20 else 2
    level = f"{centre:.{digits}f}".replace("-", "\u2212")
    return f"W {width:.{digits}f} · L {level}"


def moment_words(phase: int, phases: int, time_ms: float | None, fraction: float) -> str:
    """Where in the beat, such as "12/30 · 280 ms · 37 % RR"; a single volume has no moment."""
    if phases < 2:
        return ""
    parts = [f"{phase + 1}/{phases}"]
    if time_ms is not None:
        parts.append(f"{time_ms:.0f} ms")
    parts.append(f"{100 * fraction:.0f} % RR")
    return " · ".join(parts)
