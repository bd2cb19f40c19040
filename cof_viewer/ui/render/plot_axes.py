"""A small plot's arithmetic: round ticks, the map from data to pixels, curves closed over a cyclic beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF


def round_step(span: float, ticks: int) -> float:
    """Distance of ticks 1, 2, 4 or 5 x a power of ten that puts about `ticks` of them into a span."""
    raw = max(span, 1e-9) / max(ticks, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1.0, 2.0, 4.0, 5.0, 10.0) if m * power >= raw * 0.999), 10.0 * power)


def round_limits(low: float, high: float, ticks: int = 4) -> tuple[float, float, float]:
    """Round limits that hold [low, high], and the distance of the ticks between them."""
    if high - low < 1e-9:
        low, high = low - 1.0, high + 1.0
    step = round_step(high - low, ticks)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def ticks_between(low: float, high: float, step: float) -> list[float]:
    """Whole multiples of a step in [low, high]."""
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Axes:
    """The map of a plot.

    Attributes:
        box: of the data area in px.
        x_end: data x at the right edge; the left edge is 0.
        y_low: data y at the bottom.
        y_high: data y at the top.
    """

    box: QRectF
    x_end: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """Data to px."""
        return self.box.left() + value / self.x_end * self.box.width()

    def y(self, value: float) -> float:
        """Data to px, upwards."""
        return self.box.bottom() - (value - self.y_low) / (self.y_high - self.y_low) * self.box.height()

    def fraction_at(self, x: float) -> float:
        """Share of the x axis at a pixel, held in [0, 1]."""
        return min(max((x - self.box.left()) / max(self.box.width(), 1e-9), 0.0), 1.0)

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> list[QPointF]:
        """Many points at once."""
        return [QPointF(self.x(x), self.y(y)) for x, y in zip(xs, ys, strict=True)]


def closed(xs: Sequence[float], ys: Sequence[float], period: float) -> tuple[list[float], list[float]]:
    """A periodic curve from 0 to its period: the first point again at the end, and before 0 where it starts later."""
    x, y = list(xs), list(ys)
    if not x:
        return x, y
    if x[0] > 1e-6:
        gap = x[0] + period - x[-1]
        share = (period - x[-1]) / gap if gap > 1e-9 else 0.0
        edge = y[-1] + share * (y[0] - y[-1])
        return [0.0, *x, period], [edge, *y, edge]
    return [*x, period], [*y, y[0]]


def slope(xs: Sequence[float], ys: Sequence[float], period: float) -> list[float]:
    """Rate of change of a periodic curve by central differences, y a unit of x."""
    count = len(xs)
    rates = []
    for i in range(count):
        before, after = (i - 1) % count, (i + 1) % count
        gap = (xs[after] - xs[before]) % period or period
        rates.append((ys[after] - ys[before]) / gap)
    return rates
