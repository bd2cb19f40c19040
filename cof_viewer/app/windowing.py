"""Grey windows: one window for all phases and slices, so that blood does not flicker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.app.state import Window
from cof_viewer.domain.image import Label

_SAMPLES = 400_000  # enough for percentiles to one grey value, quick enough to never be noticed
_BOX_MARGIN = 0.15


def _thin(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every n-th value, finite ones only: the same answer every time, unlike a random draw."""
    flat = values.reshape(-1)
    flat = flat[:: max(1, flat.size // _SAMPLES)]
    return np.asarray(flat[np.isfinite(flat)])


def _spread(values: NDArray[np.float32], low: float, high: float) -> Window:
    if values.size == 0:
        return Window(0.5, 1.0)
    bottom, top = (float(v) for v in np.percentile(values, [low, high]))
    return Window((bottom + top) / 2.0, max(top - bottom, 1e-6 * max(abs(top), 1.0)))


def heart_box(labels: NDArray[np.uint8] | None, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the heart: of its labels [..., y, x] with a margin, or the central half without them."""
    rows, columns = shape
    if labels is not None and labels.any():
        seen = np.any((labels > 0).reshape(-1, rows, columns), axis=0)
        return _span(np.any(seen, axis=1)), _span(np.any(seen, axis=0))
    return slice(rows // 4, rows - rows // 4), slice(columns // 4, columns - columns // 4)


def _span(seen: NDArray[np.bool_]) -> slice:
    where = np.flatnonzero(seen)
    margin = round(_BOX_MARGIN * (where[-1] - where[0] + 1))
    return slice(max(int(where[0]) - margin, 0), min(int(where[-1]) + margin + 1, len(seen)))


def auto_window(data: NDArray[np.float32], labels: NDArray[np.uint8] | None = None) -> Window:
    """0.5 to 99.5 percentile of the heart's box over all phases and slices.

    Args:
        data: [t, z, y, x].
        labels: [t, z, y, x] or None.
    """
    rows, columns = heart_box(labels, (data.shape[-2], data.shape[-1]))
    return _spread(_thin(data[..., rows, columns]), 0.5, 99.5)


def wide_window(data: NDArray[np.float32]) -> Window:
    """Darkest to brightest of the whole stack [t, z, y, x]."""
    return _spread(_thin(data), 0.0, 100.0)


def blood_muscle_window(data: NDArray[np.float32], labels: NDArray[np.uint8]) -> Window | None:
    """Centre between the medians of LV blood and muscle, width 2.2 x the gap; None where either is missing.

    Args:
        data: [t, z, y, x].
        labels: the same shape.
    """
    blood = _thin(data[labels == Label.LV])
    muscle = _thin(data[labels == Label.MYO])
    if blood.size == 0 or muscle.size == 0:
        return None
    bright, dark = float(np.median(blood)), float(np.median(muscle))
    gap = abs(bright - dark)
    return Window((bright + dark) / 2.0, 2.2 * gap) if gap > 0 else None
