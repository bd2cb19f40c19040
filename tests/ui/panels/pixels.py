"""Looking at what a widget painted."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QWidget


def picture(widget: QWidget) -> np.ndarray:
    """int16 [rows, columns, 3] of a widget's grab at one device pixel a logical pixel."""
    return pixels(widget.grab().toImage())


def pixels(image: QImage) -> np.ndarray:
    """int16 [rows, columns, 3] of a picture."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(np.int16)


def near(image: np.ndarray, color: QColor, tolerance: int = 40) -> np.ndarray:
    """bool [rows, columns]: pixels whose largest difference from a colour is within the tolerance."""
    wanted = np.array([color.red(), color.green(), color.blue()], dtype=np.int16)
    return np.abs(image - wanted).max(axis=-1) <= tolerance
