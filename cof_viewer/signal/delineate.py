"""Borders of P, QRS and T on the median beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Intervals


def measure_intervals(median_mv: NDArray[np.float64], start: int, *, rr_ms: float) -> Intervals:
    """Measures of the median beat over all leads."""
    return Intervals(rr_ms=rr_ms)
