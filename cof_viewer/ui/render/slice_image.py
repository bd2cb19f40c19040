"""Grey pictures of slices: window to 8 bit, and where a slice lies on the screen.

A slice is painted once as an 8-bit `QImage` and placed by one `QTransform`, so that contours, letters and the mouse
all share the same map. Millimetres keep their proportion: pixels need not be square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QImage, QTransform

from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.grid import Grid

MAX_LETTERS = 2
OBLIQUE = 0.38
"""A direction names every patient axis that it has more than this share of (about 22.5 degrees)."""


def to_grey(plane: NDArray[np.float32], centre: float, width: float, *, invert: bool = False) -> NDArray[np.uint8]:
    """Map intensities to 0–255 linearly inside a window, clipped outside.

    Args:
        plane: (rows, columns), arbitrary intensity; NaN becomes black.
        centre: intensity shown as middle grey.
        width: intensities from black to white, above 0.
        invert: whether bright shows dark.

    Returns:
        uint8 (rows, columns), contiguous.
    """
    scale = 255.0 / max(width, 1e-6)
    grey = (plane - np.float32(centre - width / 2.0)) * np.float32(scale)
    np.nan_to_num(grey, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    np.clip(grey, 0.0, 255.0, out=grey)
    result = np.ascontiguousarray(grey).astype(np.uint8)
    return np.asarray(255 - result, dtype=np.uint8) if invert else result


def grey_image(grey: NDArray[np.uint8]) -> QImage:
    """A `QImage` that owns a copy of uint8 (rows, columns)."""
    rows, columns = grey.shape
    return QImage(np.ascontiguousarray(grey).data, columns, rows, columns, QImage.Format.Format_Grayscale8).copy()


@dataclass(frozen=True)
class SliceFrame:
    """How the slices of a stack are laid before the reader: size of a pixel, quarter turns, mirroring.

    Display millimetres have their origin in the middle of the slice, x to the right and y down.

    Attributes:
        shape: (rows, columns) of a slice.
        pixel_mm: (column step, row step).
        quarter_turns: how often the picture is turned by 90 degrees clockwise after mirroring.
        mirrored: whether columns run from right to left first.
    """

    shape: tuple[int, int]
    pixel_mm: tuple[float, float]
    quarter_turns: int = 0
    mirrored: bool = False

    @property
    def size_mm(self) -> QSizeF:
        """Width and height of the picture as it is shown."""
        width, height = self.shape[1] * self.pixel_mm[0], self.shape[0] * self.pixel_mm[1]
        return QSizeF(height, width) if self.quarter_turns % 2 else QSizeF(width, height)

    def display_from_pixel(self) -> QTransform:
        """Pixel edges (0 to columns, 0 to rows) to display mm; the centre of pixel (0, 0) is at (0.5, 0.5)."""
        transform = QTransform()
        transform.rotate(90.0 * (self.quarter_turns % 4))
        transform.scale(-self.pixel_mm[0] if self.mirrored else self.pixel_mm[0], self.pixel_mm[1])
        transform.translate(-self.shape[1] / 2.0, -self.shape[0] / 2.0)
        return transform

    def pixel_rect_to_display(self, left: float, top: float, right: float, bottom: float) -> QRectF:
        """A box in pixel edges as a box in display mm."""
        return self.display_from_pixel().mapRect(QRectF(left, top, right - left, bottom - top))


def frame_of(grid: Grid, pose: CanonicalPose | None = None) -> SliceFrame:
    """Lay a stack before the reader: RV on the left and anterior up, to the nearest quarter turn.

    Args:
        grid: of the stack.
        pose: how the heart lies in it; None shows the slices as stored.
    """
    spacing = grid.spacing_mm
    shape = (grid.shape[1], grid.shape[2])
    if pose is None:
        return SliceFrame(shape, spacing[:2])
    if not pose.mirrored:
        return SliceFrame(shape, spacing[:2], round(-pose.angle_degrees / 90.0) % 4)
    return SliceFrame(shape, spacing[:2], round((pose.angle_degrees - 180.0) / 90.0) % 4, mirrored=True)


def edge_letters(grid: Grid, frame: SliceFrame) -> dict[str, str]:
    """Patient directions at the picture's edges ("left", "top", "right", "bottom"), such as "R" or "AL".

    Empty where the stack's orientation is not known.
    """
    if not grid.orientation_known:
        return {}
    pixel_from_display = frame.display_from_pixel().inverted()[0]
    directions = grid.directions
    letters: dict[str, str] = {}
    for edge, step in {"right": (1.0, 0.0), "left": (-1.0, 0.0), "bottom": (0.0, 1.0), "top": (0.0, -1.0)}.items():
        origin, end = pixel_from_display.map(QPointF(0.0, 0.0)), pixel_from_display.map(QPointF(*step))
        along = (end.x() - origin.x()) * frame.pixel_mm[0], (end.y() - origin.y()) * frame.pixel_mm[1]
        letters[edge] = direction_letters(directions[:, 0] * along[0] + directions[:, 1] * along[1])
    return letters


def direction_letters(direction_lps: NDArray[np.float64]) -> str:
    """Name a direction in the patient by one or two of L R P A S I, the strongest first."""
    unit = direction_lps / max(float(np.linalg.norm(direction_lps)), 1e-12)
    order = np.argsort(-np.abs(unit), kind="stable")[:MAX_LETTERS]
    names = [("LR", "PA", "SI")[axis][0 if unit[axis] > 0 else 1] for axis in order if abs(unit[axis]) > OBLIQUE]
    return "".join(names)


def screen_from_display(size: QSizeF, home: QRectF, zoom: float, pan_mm: tuple[float, float]) -> QTransform:
    """Display mm to widget pixels.

    Args:
        size: of the widget, in its own pixels.
        home: box in display mm that zoom 1 fits into the widget.
        zoom: magnification of the home framing.
        pan_mm: how far the picture is moved to the right and down, in display mm.
    """
    scale = zoom * min(size.width() / max(home.width(), 1e-6), size.height() / max(home.height(), 1e-6))
    transform = QTransform()
    transform.translate(size.width() / 2.0, size.height() / 2.0)
    transform.scale(scale, scale)
    transform.translate(pan_mm[0] - home.center().x(), pan_mm[1] - home.center().y())
    return transform


def heart_box(labels: NDArray[np.uint8], margin_pixels: tuple[float, float]) -> tuple[int, int, int, int] | None:
    """Box (left, top, right, bottom) in pixel edges round everything labelled in any slice and phase.

    Args:
        labels: uint8 (..., rows, columns).
        margin_pixels: added on every side, (x, y); the box stays inside the picture.
    """
    flat = (labels != 0).any(axis=tuple(range(labels.ndim - 2)))
    if not flat.any():
        return None
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    x, y = round(margin_pixels[0]), round(margin_pixels[1])
    height, width = flat.shape
    left, right = max(0, int(columns[0]) - x), min(width, int(columns[-1]) + 1 + x)
    top, bottom = max(0, int(rows[0]) - y), min(height, int(rows[-1]) + 1 + y)
    return left, top, right, bottom
