"""Kept layers: painted once for each key and size, dropped when there are too many."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from cof_viewer.ui.render.layers import Layers


@pytest.fixture
def widget(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(100, 50)
    return widget


def _draw(layers, key, calls):
    image = QImage(100, 50, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)

    def paint(inner):
        calls.append(key)
        inner.fillRect(10, 10, 20, 20, QColor("red"))

    layers.draw(painter, key, paint)
    painter.end()
    return image


def test_a_layer_is_painted_once_and_drawn_each_time(widget):
    layers, calls = Layers(widget), []
    first, second = _draw(layers, "a", calls), _draw(layers, "a", calls)
    assert calls == ["a"]
    assert first == second
    assert first.pixelColor(15, 15) == QColor("red")
    assert first.pixelColor(5, 5) == QColor("black")


def test_another_size_or_forgetting_paints_anew(widget):
    layers, calls = Layers(widget), []
    _draw(layers, "a", calls)
    widget.resize(120, 50)
    _draw(layers, "a", calls)
    layers.forget()
    _draw(layers, "a", calls)
    assert calls == ["a", "a", "a"]


def test_what_was_not_used_for_longest_is_dropped(widget):
    layers, calls = Layers(widget, megabytes=3 * 4 * 100 * 50 / 1e6), []
    for key in "abcad":
        _draw(layers, key, calls)
    assert calls == ["a", "b", "c", "d"]
    _draw(layers, "a", calls)
    _draw(layers, "b", calls)
    assert calls == ["a", "b", "c", "d", "b"]
