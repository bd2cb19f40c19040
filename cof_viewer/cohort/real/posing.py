"""How a heart lies in its stack by the labels that experts drew: surer than any look at the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.image import Label

UInt8 = NDArray[np.uint8]


def pose_of_labels(labels: UInt8, spacing_mm: tuple[float, float, float]) -> CanonicalPose:
    """Pose of a base-first stack [z, y, x] from its labels: the heart's middle, and the direction from RV to LV."""
    _, y_mm, x_mm = spacing_mm
    _, rows, columns = np.nonzero(labels > 0)
    center = (0.5 * float(columns.min() + columns.max()), 0.5 * float(rows.min() + rows.max()))
    angle = 0.0
    if (labels == Label.RV).any():
        lv, rv = (np.argwhere(labels == k).mean(axis=0) for k in (Label.LV, Label.RV))
        angle = float(np.degrees(np.arctan2((lv[1] - rv[1]) * y_mm, (lv[2] - rv[2]) * x_mm)))
    return CanonicalPose(center, angle, False, False, (x_mm, y_mm))
