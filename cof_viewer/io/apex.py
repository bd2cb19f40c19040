"""Which way the heart lies in a chest, as far as it can be said of everybody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# From base to apex, LPS: left, anterior, inferior; the mean of the short-axis normals of six patients of three vendors.
TYPICAL_APEX_DIRECTION: NDArray[np.float64] = np.array([0.57, -0.67, -0.33]) / np.linalg.norm([0.57, -0.67, -0.33])

ALONG_HEART = 0.5
"""Least |cos| of the angle between a short-axis stack's normal and that direction (60 degrees)."""

AXIS_ALIGNED = float(np.cos(np.deg2rad(0.5)))
"""Least |cos| to a patient axis at which a plane counts as exactly axial, coronal or sagittal."""
