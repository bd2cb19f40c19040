"""How unevenly the LV contracts: times to peak of its segments and the delay of the lateral wall, from the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.simulator.activation import Activation
from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.cohort.simulator.arrays import Array, angle_between
from cof_viewer.cohort.simulator.motion import BeatMotion

_RINGS = ((0.05, 0.35), (0.35, 0.68), (0.68, 0.92))
_SECTORS = 6
_LEAST_SHARE = 0.3
"""A segment that moves inward less than this share of the strongest has no peak of its own (a scar)."""
_WALL_RAD = 0.6


@dataclass(frozen=True)
class Dyssynchrony:
    """Measures of uneven contraction, ms.

    Attributes:
        peak_sd_ms: SD over 18 segments of the time from R to the largest inward motion, scars left out.
        lateral_delay_ms: activation of the middle of the lateral wall minus that of the septum.
    """

    peak_sd_ms: float
    lateral_delay_ms: float


def dyssynchrony(beat: BeatMotion, activation: Activation) -> Dyssynchrony:
    """Measure a beat."""
    curves = _segment_curves(beat)
    size = curves.max(axis=1)
    peaks = np.array([_peak_ms(c, beat.phase_ms) for c in curves[size > _LEAST_SHARE * size.max()]])
    return Dyssynchrony(float(peaks.std()), lateral_delay_ms(beat.anatomy, activation))


def lateral_delay_ms(anatomy: Anatomy, activation: Activation) -> float:
    """Activation of the lateral wall minus that of the septum, both at mid level."""
    angles = anatomy.angles[activation.columns]
    level = anatomy.levels[activation.rows] / anatomy.length_mm
    middle = activation.lv[(level > 0.2) & (level < 0.7)]
    lateral = middle[:, np.abs(angles) < _WALL_RAD].mean()
    return float(lateral - middle[:, np.abs(angle_between(angles, np.pi)) < _WALL_RAD].mean())


def _segment_curves(beat: BeatMotion) -> Array:
    """[18, t] inward motion of the endocardium as a share of its ED radius, ring by ring."""
    anatomy = beat.anatomy
    moved = np.stack([state.moved[..., 0] for state in beat.states])
    rest = np.maximum(beat.states[0].rest[..., 0], 1e-3)
    inward = 1.0 - np.sqrt(moved / rest)
    share = anatomy.levels / anatomy.length_mm
    sector = ((anatomy.angles + np.pi) / (2 * np.pi) * _SECTORS).astype(int) % _SECTORS
    picked: list[Array] = []
    for low, high in _RINGS:
        ring = inward[:, (share >= low) & (share < high)].mean(axis=1)
        picked.extend(ring[:, sector == k].mean(axis=1) for k in range(_SECTORS))
    return np.stack(picked)


def _peak_ms(curve: Array, phase_ms: tuple[float, ...]) -> float:
    """Time of the maximum by a parabola through the highest phase and its neighbours."""
    top = int(np.clip(np.argmax(curve), 1, len(curve) - 2))
    before, at, after = (float(v) for v in curve[top - 1 : top + 2])
    bend = before - 2 * at + after
    part = 0.0 if bend >= -1e-9 else float(np.clip(0.5 * (before - after) / bend, -1.0, 1.0))
    return phase_ms[top] + part * (phase_ms[1] - phase_ms[0])
