"""How the heart moves over the beat: the states of the map of every phase.

Volumes follow the beat's clock; the pattern of inward motion follows strength and onset of each place; a correction in
closed form (a quadratic) then meets the LV's and the RV's volume exactly. Phase 0 is the anchor and does not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.simulator.activation import Activation
from cof_viewer.cohort.simulator.anatomy import ABOVE_MM, ANGLES, Anatomy
from cof_viewer.cohort.simulator.arrays import Array, angle_between, smooth_step
from cof_viewer.cohort.simulator.mapping import PhaseState, descent_weights
from cof_viewer.cohort.simulator.subject import Conduction, Subject
from cof_viewer.cohort.simulator.timing import Timing


@dataclass(frozen=True, eq=False)
class BeatMotion:
    """The motion of one subject over the beat.

    Attributes:
        anatomy: ED tables.
        states: one for each phase.
        phase_ms: after R.
        lv_ml: analytic LV volume of each phase.
        rv_ml: analytic RV volume of each phase.
        wall_ml: analytic volume of LV muscle of each phase.
    """

    anatomy: Anatomy
    states: tuple[PhaseState, ...]
    phase_ms: tuple[float, ...]
    lv_ml: tuple[float, ...]
    rv_ml: tuple[float, ...]
    wall_ml: tuple[float, ...]


def build_motion(subject: Subject, anatomy: Anatomy, activation: Activation, timing: Timing, phases: int) -> BeatMotion:
    """Make the motion of every phase; phase 0 is the anchor (R peak, ED) and does not move.

    Args:
        subject: EF, descent, twist, RV function, conduction.
        anatomy: ED tables.
        activation: onset of local contraction.
        timing: of the beat.
        phases: T; phase k stands at k RR / T.
    """
    times = timing.rr_ms * np.arange(phases) / phases
    share = timing.fraction(times)
    share[0] = 0.0
    rv_share = timing.fraction(times - 12.0 * np.sin(np.pi * times / timing.rr_ms))
    rv_share[0] = 0.0
    rest = _squared(anatomy.endo, anatomy.epi, anatomy.rv, anatomy.outer, anatomy.still)
    strength, delay = _local_strength(subject, anatomy), _local_delay(activation, anatomy)
    states, volumes = [], []
    for k in range(phases):
        course = timing.fraction(_delayed(times[k], delay, timing))
        flash = _septal_flash(subject, anatomy, float(times[k]), timing)
        amount = (float(share[k]), float(rv_share[k]))
        state, sizes = _state(subject, anatomy, rest, amount, strength * course, strength, flash)
        states.append(state)
        volumes.append(sizes)
    lv, rv, wall = (tuple(float(v[i]) for v in volumes) for i in range(3))
    return BeatMotion(anatomy, tuple(states), tuple(float(t) for t in times), lv, rv, wall)


def _squared(*radii: Array) -> Array:
    """Stack squared radii as [level, angle, border]."""
    return np.stack([r * r for r in radii], axis=-1).astype(np.float32)


def _local_strength(subject: Subject, anatomy: Anatomy) -> Array:
    """Relative inward motion [level, angle]: septum less, free wall more, scars hardly; fades above the base."""
    level = np.clip(anatomy.levels / anatomy.length_mm, -1, 1)
    angle = anatomy.angles
    around = 1.0 + 0.12 * np.cos(angle) + 0.05 * np.cos(2 * angle + 0.6)
    along = 0.94 + 0.16 * np.clip(level, 0, 1) - _middle_spared(subject) * np.exp(-(((level - 0.5) / 0.24) ** 2))
    strength = along[:, None] * around[None] * (1.0 - 0.95 * np.clip(anatomy.scar * 1.15, 0, 1))
    weak = np.clip(0.5 - subject.ef, 0.0, 0.4)
    strength *= 1.0 + weak * 0.5 * np.cos(2 * angle[None] - 0.8 + level[:, None])
    return np.asarray(strength * smooth_step(1.0 + anatomy.levels / 14.0)[:, None])


def _middle_spared(subject: Subject) -> float:
    """Share by which the middle third moves inward less than its neighbours.

    Strain of the mid level varies less between healthy people (SD 1.8 points; feature tracking) than their EF would
    make it, so vigorous hearts eject the rest at base and apex.
    """
    return float(np.clip(0.11 + 2.8 * (subject.ef - 0.58), -0.08, 0.32))


def _local_delay(activation: Activation, anatomy: Anatomy) -> Array:
    """Onset of local contraction relative to the mean, ms, on the anatomy's lattice."""
    coarse = activation.lv - activation.lv.mean()
    rows = np.array([np.interp(anatomy.levels, anatomy.levels[activation.rows], c) for c in coarse.T]).T
    columns = np.append(activation.columns, ANGLES)
    closed = np.concatenate([rows, rows[:, :1]], axis=1)
    return np.array([np.interp(np.arange(ANGLES), columns, r) for r in closed])


def _delayed(time_ms: float, delay: Array, timing: Timing) -> Array:
    """Local time: delayed in systole and early filling, on the common clock again at the R peak."""
    ramp = float(smooth_step(np.array(time_ms / max(timing.es_ms * 0.45, 1.0))))
    back = float(smooth_step(np.array((timing.rr_ms - time_ms) / (0.4 * timing.rr_ms))))
    return np.asarray(np.clip(time_ms - delay * min(ramp, back), 0.0, timing.rr_ms * 0.9999))


def _septal_flash(subject: Subject, anatomy: Anatomy, time_ms: float, timing: Timing) -> Array:
    """Early inward jerk of the septum and its rebound in LBBB, as a share of the radius."""
    if subject.conduction != Conduction.LBBB:
        return np.zeros_like(anatomy.endo)
    middle = 0.75 * timing.ejection_ms
    course = np.exp(-(((time_ms - middle) / 32.0) ** 2)) - 0.45 * np.exp(-(((time_ms - middle - 110.0) / 60.0) ** 2))
    course *= float(smooth_step(np.array(time_ms / 20.0)))
    septum = np.exp(-((angle_between(anatomy.angles, np.pi - 0.2) / 0.7) ** 2))
    level = anatomy.levels / anatomy.length_mm
    return np.asarray(0.075 * course * septum[None] * np.exp(-(((level - 0.4) / 0.3) ** 2))[:, None])


def _state(
    subject: Subject,
    anatomy: Anatomy,
    rest: Array,
    amount: tuple[float, float],
    pull: Array,
    strength: Array,
    flash: Array,
) -> tuple[PhaseState, tuple[float, float, float]]:
    """One phase: inward motion by pattern, then corrected so that the LV and RV volumes are met exactly."""
    share, rv_share = amount
    descent, rv_descent = subject.descent_mm * share, subject.rv_descent_mm * rv_share
    stretch = 1.0 - descent / anatomy.length_mm
    lv_ml = subject.edv_ml * (1.0 - subject.ef * share)
    expected = 1.0 - np.sqrt((1.0 - subject.ef) / (1.0 - subject.descent_mm / anatomy.length_mm))
    endo = _fit_endo(anatomy, expected * pull + flash, strength, lv_ml / stretch)
    level_stretch = np.where(anatomy.levels < 0, 1.0 + descent / ABOVE_MM, stretch)[:, None]
    epi2 = endo**2 + (anatomy.epi**2 - anatomy.endo**2) / level_stretch
    epi = np.sqrt(epi2)
    rv_ml = subject.rv_edv_ml * (1.0 - subject.rv_ef * rv_share)
    rv = _fit_rv(anatomy, epi, descent, rv_descent, rv_ml)
    outer = np.sqrt(rv**2 + anatomy.outer**2 - anatomy.rv**2)
    moved = _squared(endo, epi, rv, outer, anatomy.still)
    twist = (np.radians(subject.twist_base_deg) * share, np.radians(subject.twist_apex_deg) * share)
    rows = anatomy.in_lv()[:, None]
    wall = float((rows * (epi2 - endo**2)).sum() * stretch * anatomy.cell / 2000.0)
    return PhaseState(rest, moved, descent, rv_descent, twist), (lv_ml, rv_ml, wall)


def _fit_endo(anatomy: Anatomy, inward: Array, strength: Array, volume_ml: float) -> Array:
    """Endocardial radii R (1 - inward - k strength), k so that the volume (before shortening) is met."""
    rows = anatomy.in_lv()[:, None] * anatomy.endo**2
    left = 1.0 - inward
    square = float((rows * strength**2).sum())
    linear = -2.0 * float((rows * left * strength).sum())
    constant = float((rows * left**2).sum()) - volume_ml * 2000.0 / anatomy.cell
    k = (-linear - np.sqrt(max(linear**2 - 4 * square * constant, 0.0))) / (2 * square)
    return np.asarray(anatomy.endo * np.clip(left - k * strength, 0.12, None))


def _fit_rv(anatomy: Anatomy, epi: Array, descent: float, rv_descent: float, volume_ml: float) -> Array:
    """RV border at epi + gap (1 - k), k so that the volume is met; atrial rows take part less and less."""
    gap = anatomy.rv - anatomy.epi
    fade = smooth_step(1.0 + anatomy.levels / 24.0)[:, None]
    rows = anatomy.in_rv()[:, None] * _rv_stretch(anatomy, epi + 0.5 * gap, descent, rv_descent)
    square = float((rows * (gap * fade) ** 2).sum())
    linear = -2.0 * float((rows * (epi + gap) * gap * fade).sum())
    constant = float((rows * ((epi + gap) ** 2 - epi**2)).sum()) - volume_ml * 2000.0 / anatomy.cell
    k = (-linear - np.sqrt(max(linear**2 - 4 * square * constant, 0.0))) / (2 * square)
    return np.asarray(epi + gap * (1.0 - min(k, 0.9) * fade))


def _rv_stretch(anatomy: Anatomy, radius: Array, descent: float, rv_descent: float) -> Array:
    """Longitudinal stretch [level, angle] in the middle of the RV cavity."""
    cx, cy = anatomy.axis_at(anatomy.levels)
    x = cx[:, None] + radius * np.cos(anatomy.angles)[None]
    y = cy[:, None] + radius * np.sin(anatomy.angles)[None]
    inside, rv = descent_weights(anatomy, x, y)
    return np.asarray(1.0 - inside * (descent + (rv_descent - descent) * rv) / anatomy.length_mm)
