"""Small square pictures of a stack for lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap

from cof_viewer.app.state import Window
from cof_viewer.domain.image import Cine

_CENTRAL_PART = 0.7


def grey_image(picture: NDArray[np.float32], window: Window) -> QImage:
    """A slice [y, x] in its grey window as an 8-bit image that owns its bytes."""
    low = window.centre - window.width / 2
    grey = np.clip((np.nan_to_num(picture) - low) * (255.0 / window.width), 0, 255).astype(np.uint8)
    grey = np.ascontiguousarray(grey)
    image = QImage(grey.data, grey.shape[1], grey.shape[0], grey.shape[1], QImage.Format.Format_Grayscale8)
    return image.copy()


def thumbnail(cine: Cine, window: Window, size: int, ratio: float = 1.0, phase: int = 0) -> QPixmap:
    """The middle slice's central part as a square of `size` logical px, in true proportions."""
    picture = cine.data[phase, cine.grid.shape[0] // 2]
    step_x, step_y, _ = cine.grid.spacing_mm
    side = _CENTRAL_PART * min(picture.shape[0] * step_y, picture.shape[1] * step_x)
    rows, columns = max(round(side / step_y), 1), max(round(side / step_x), 1)
    top, left = (picture.shape[0] - rows) // 2, (picture.shape[1] - columns) // 2
    image = grey_image(picture[top : top + rows, left : left + columns], window)
    pixels = round(size * ratio)
    scaled = image.scaled(
        pixels, pixels, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    pixmap = QPixmap.fromImage(scaled)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
