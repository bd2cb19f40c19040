"""Walls that come late: in left bundle branch block the lateral wall contracts after the septum.

The heart's motion follows one path from ED to ES; with a lag every wall follows it by a clock of its own, so much
later the farther it lies from the RV. All clocks agree at the R peak, and the mean over the circumference is the
beat's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Beat
from cof_viewer.engine.motion.frame import LATTICE_PIXELS, AnatomicalFrame, lattice_coordinates_mm
from cof_viewer.engine.motion.time_law import TimeMarks, emptying
from cof_viewer.signal.features import FEATURE_NAMES, ecg_features

_LEAST_QRS_MS = 110.0  # below it the left ventricle is activated in time
_LAG_PER_QRS, _FREE_QRS_MS, _LAG_OF_NARROW_MS = 0.65, 80.0, 10.0
"""Lateral wall minus septum at half contraction: a line by eye through 32 simulated patients of the training and
validation parts (QRS 72-184 ms; normal, dilated, LBBB, RBBB); they take after measured activation maps
(cohort.simulator.activation)."""
_MOST_LAG_MS = 90.0
_NODES = 9
_AXIS_MM = 12.0  # nearer to the LV axis the angle means little: lags fade to none


@dataclass(frozen=True, eq=False)
class WallClocks:
    """Moments of walls of graded lateness.

    Attributes:
        s: [node, t] how far a wall has emptied; node 0 is the septum, the last one the lateral wall.
    """

    s: NDArray[np.float64]

    def from_anchor(self, anchor_phase: int) -> NDArray[np.float64]:
        """[node, t] way from the anchor's moment, wall by wall; exactly 0 at the anchor's phase."""
        return np.asarray(self.s - self.s[:, anchor_phase : anchor_phase + 1])

    def round_the_wall(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """[angle, t] values [node, t] at 16 angles evenly round the circumference."""
        lateness = -np.cos(np.arange(16) * 2 * np.pi / 16)
        place = (lateness + 1) / 2 * (len(values) - 1)
        low = np.minimum(place.astype(int), len(values) - 2)
        share = (place - low)[:, None]
        return np.asarray(values[low] * (1 - share) + values[low + 1] * share)


def left_lag_ms(beat: Beat) -> float:
    """How much later the lateral wall contracts than the septum, from the ECG; 0 unless the left ventricle waits.

    A wide QRS of right bundle branch block leaves the left ventricle in time.
    """
    qrs = beat.intervals.qrs_ms
    if qrs is None or qrs < _LEAST_QRS_MS:
        return 0.0
    if float(ecg_features(beat)[FEATURE_NAMES.index("rbbb_score")]) > 0.5:
        return 0.0
    return float(min(_LAG_PER_QRS * (qrs - _FREE_QRS_MS) + _LAG_OF_NARROW_MS, _MOST_LAG_MS))


def wall_clocks(marks: TimeMarks, times_ms: NDArray[np.float64], lag_ms: float) -> WallClocks:
    """Clocks of walls between the septum, half the lag early, and the lateral wall, half the lag late.

    Args:
        marks: of the beat.
        times_ms: [t] after the R peak.
        lag_ms: lateral wall minus septum.
    """
    here = np.mod(times_ms, marks.rr_ms)
    begun, left = here / (0.45 * marks.es_ms), (marks.rr_ms - here) / (0.4 * marks.rr_ms)
    share = np.minimum(_smooth_step(begun), _smooth_step(left))
    lags = np.linspace(-lag_ms / 2, lag_ms / 2, _NODES)
    return WallClocks(np.stack([emptying(marks, np.clip(here - lag * share, 0.0, marks.rr_ms - 1e-6)) for lag in lags]))


def _smooth_step(x: NDArray[np.float64]) -> NDArray[np.float64]:
    held = np.clip(x, 0.0, 1.0)
    return np.asarray(held * held * (3 - 2 * held))


def lateness(frame: AnatomicalFrame) -> NDArray[np.float32]:
    """[z, 64, 64] of every lattice pixel: -1 towards the RV, 1 opposite, 0 near the LV's axis."""
    place = lattice_coordinates_mm()
    x = place[None, None] - frame.centers_mm[:, 0, None, None]
    y = place[None, :, None] - frame.centers_mm[:, 1, None, None]
    radius = np.hypot(x, y)
    towards_rv = (x * np.cos(frame.rv_angle) + y * np.sin(frame.rv_angle)) / np.maximum(radius, 1e-6)
    found = -towards_rv * _smooth_step(radius / _AXIS_MM)
    return np.broadcast_to(found, (frame.slices, LATTICE_PIXELS, LATTICE_PIXELS)).astype(np.float32)
