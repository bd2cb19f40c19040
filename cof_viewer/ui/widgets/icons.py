"""Icons from the lucide set, painted in the colours of the theme.

The files hold `stroke="currentColor"`; the colour and DESIGN's stroke width are put in before they are drawn.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from cof_viewer.app.paths import resources_dir

STROKE = 1.75
"""Width of the line on the icon's 24 px field (DESIGN section 2)."""


@lru_cache(maxsize=128)
def _source(name: str) -> str:
    return (resources_dir() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=512)
def _renderer(name: str, color: str, filled: bool) -> QSvgRenderer:
    text = _source(name).replace("currentColor", color).replace('stroke-width="2"', f'stroke-width="{STROKE}"')
    if filled:
        text = text.replace('fill="none"', f'fill="{color}"', 1)
    return QSvgRenderer(QByteArray(text.encode("utf-8")))


def paint_icon(painter: QPainter, name: str, rect: QRectF, color: QColor, *, filled: bool = False) -> None:
    """Draw an icon into a square, sharp at every scale.

    Args:
        painter: where.
        name: file name without ".svg".
        rect: the square, logical px.
        color: of the lines.
        filled: whether closed shapes are filled too.
    """
    _renderer(name, color.name(), filled).render(painter, rect)


def pixmap(name: str, color: QColor, size: int, ratio: float = 1.0, *, filled: bool = False) -> QPixmap:
    """An icon as a picture of `size` logical px at a device pixel ratio."""
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    paint_icon(painter, name, QRectF(0, 0, picture.width(), picture.height()), color, filled=filled)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def icon(name: str, color: QColor, disabled: QColor | None = None, size: int = 16) -> QIcon:
    """An icon for menus and actions: one colour, and a second where it is not available."""
    result = QIcon()
    for ratio in (1.0, 2.0):
        result.addPixmap(pixmap(name, color, size, ratio), QIcon.Mode.Normal)
        if disabled is not None:
            result.addPixmap(pixmap(name, disabled, size, ratio), QIcon.Mode.Disabled)
    return result
