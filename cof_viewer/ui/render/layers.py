"""Painted layers that are kept: what does not change with the phase is not painted with every phase."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget


class Layers:
    """Transparent pictures of a widget's size, by what they show; the ones not used for longest are dropped."""

    def __init__(self, widget: QWidget, megabytes: float = 24.0) -> None:
        """Keep layers of one widget, together not above a limit."""
        self._widget = widget
        self._limit = int(megabytes * 1e6)
        self._kept: OrderedDict[Hashable, QPixmap] = OrderedDict()

    def draw(self, painter: QPainter, key: Hashable, paint: Callable[[QPainter], None]) -> None:
        """Draw a layer, painting it first if it is not there.

        Args:
            painter: of the widget, untransformed.
            key: everything that the layer depends on, but for the widget's size and scale.
            paint: paints the layer in the widget's coordinates.
        """
        ratio, size = self._widget.devicePixelRatioF(), self._widget.size()
        whole = (key, size.width(), size.height(), ratio)
        layer = self._kept.pop(whole, None)
        if layer is None:
            layer = QPixmap(round(size.width() * ratio), round(size.height() * ratio))
            layer.setDevicePixelRatio(ratio)
            layer.fill(Qt.GlobalColor.transparent)
            inner = QPainter(layer)
            inner.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint(inner)
            inner.end()
        self._kept[whole] = layer
        painter.drawPixmap(0, 0, layer)
        most = max(2, self._limit // max(4 * layer.width() * layer.height(), 1))
        while len(self._kept) > most:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        """Drop everything: palette, density or content changed."""
        self._kept.clear()
