"""Array type and small curves shared by the rooms of the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""Any real array; lengths in mm, angles in radians, times in ms unless a name says otherwise."""


def smooth_step(x: Array) -> Array:
    """0 below 0, 1 above 1, 3x² - 2x³ between."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def angle_between(angles: Array, centre: float) -> Array:
    """Signed difference to an angle, in [-pi, pi)."""
    return np.asarray((angles - centre + np.pi) % (2 * np.pi) - np.pi)
