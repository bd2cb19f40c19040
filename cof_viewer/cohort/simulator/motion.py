"""The true motion: a periodic map of the whole picture, with its inverse, both in closed form.

A material point of the ED heart goes through three maps, each exactly invertible:

1. radial: along every ray from the LV axis squared radii move piecewise linearly between the borders (endocardium,
   epicardium, RV border, outer wall, ring of rest). In the wall `r² - r_endo² = (R² - R_endo²) / stretch`, so muscle
   keeps its volume whatever the endocardium does;
2. twist about the axis by an angle that depends on level and distance;
3. descent along the axis, largest at the mitral plane, none at the apex, fading away outside the heart.

The picture at phase t is pulled back: undo 3, then 2, then 1. All lengths in mm, frame of `anatomy`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.activation import Activation
from cof_viewer.cohort.simulator.anatomy import (
    ABOVE_MM,
    ANGLES,
    LEVEL_STEP_MM,
    Anatomy,
    angle_between,
    smooth_step,
)
from cof_viewer.cohort.simulator.subject import Conduction, Subject
from cof_viewer.cohort.simulator.timing import Timing

Table = NDArray[np.float64]
Points = NDArray[np.float32]

_BORDERS = 5  # endo, epi, rv, outer, still


@dataclass(frozen=True, eq=False)
class PhaseState:
    """The map of one phase.

    Attributes:
        moved: float32 [level, angle, border] squared radii of the borders after the radial map.
        descent_mm: of the mitral plane.
        rv_descent_mm: of the tricuspid plane at the RV's free wall.
        twist: (base, apex) in radians, counter-clockwise seen from the apex.
    """

    moved: NDArray[np.float32]
    descent_mm: float
    rv_descent_mm: float
    twist: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Beat4D:
    """The motion of one subject over the beat.

    Attributes:
        anatomy: ED tables.
        rest: float32 [level, angle, border] squared ED radii.
        states: one for each phase.
        phase_ms: after R.
        lv_ml: analytic LV volume of each phase.
        rv_ml: analytic RV volume of each phase.
        wall_ml: analytic volume of LV muscle of each phase.
    """

    anatomy: Anatomy
    rest: NDArray[np.float32]
    states: tuple[PhaseState, ...]
    phase_ms: tuple[float, ...]
    lv_ml: tuple[float, ...]
    rv_ml: tuple[float, ...]
    wall_ml: tuple[float, ...]

    def pull_back(self, phase: int, x: Points, y: Points, z: Points) -> tuple[Points, Points, Points]:
        """Where the tissue at (x, y, z) in this phase lay at ED; arrays of one shape, picture's frame, mm."""
        state = self.states[phase]
        level = self._undo_descent(state, x, y, z)
        cx, cy = self.anatomy.axis_at(level)
        dx, dy = (x - cx).astype(np.float32), (y - cy).astype(np.float32)
        q = dx * dx + dy * dy
        angle = np.arctan2(dy, dx) + self._twist(state, level, q)
        p = _between_borders(q, angle, level, state.moved, self.rest, self.anatomy)
        radius = np.sqrt(p)
        return cx + radius * np.cos(angle), cy + radius * np.sin(angle), level

    def push_forward(self, phase: int, x: Points, y: Points, z: Points) -> tuple[Points, Points, Points]:
        """Where the tissue that lay at (x, y, z) at ED is in this phase: the inverse of `pull_back`."""
        state = self.states[phase]
        cx, cy = self.anatomy.axis_at(z)
        dx, dy = (x - cx).astype(np.float32), (y - cy).astype(np.float32)
        angle = np.arctan2(dy, dx)
        q = _between_borders(dx * dx + dy * dy, angle, z, self.rest, state.moved, self.anatomy)
        angle = angle - self._twist(state, z, q)
        radius = np.sqrt(q)
        x, y = cx + radius * np.cos(angle), cy + radius * np.sin(angle)
        return x, y, z + self._descent(state, x, y) * _descent_profile(z, self.anatomy.length_mm)

    def _descent(self, state: PhaseState, x: Points, y: Points) -> Points:
        """Descent of the base above each (x, y): full inside the heart, RV more, fading to the ring of rest."""
        inside, rv = _descent_weights(self.anatomy, x, y)
        extra = state.rv_descent_mm - state.descent_mm
        return np.asarray(inside * (state.descent_mm + extra * rv), np.float32)

    def _undo_descent(self, state: PhaseState, x: Points, y: Points, z: Points) -> Points:
        """Material level of each point: the inverse of z = Z + d·a(Z), a piecewise linear."""
        length = self.anatomy.length_mm
        d = self._descent(state, x, y)
        below = (z - d) / (1.0 - d / length)
        above = (z - d) / (1.0 + d / ABOVE_MM)
        level = np.where(z > d, below, above)
        return np.where((z >= length) | (z <= -ABOVE_MM), z, level).astype(np.float32)

    def _twist(self, state: PhaseState, level: Points, q: Points) -> Points:
        """Angle by which tissue at a level and squared distance (after the radial map) was turned, radians."""
        share = np.clip(level / self.anatomy.length_mm, 0.0, 1.0)
        above = np.clip(1.0 + level / ABOVE_MM, 0.0, 1.0)
        beyond = np.clip(1.0 - (level - self.anatomy.length_mm) / 14.0, 0.0, 1.0)
        reach = float(self.anatomy.epi.max()) + 4.0
        far = float(self.anatomy.still.min()) - 1.0
        fade = smooth_step((far**2 - q) / (far**2 - min(reach, far - 8.0) ** 2))
        base, apex = state.twist
        return np.asarray((base + (apex - base) * share) * above * beyond * fade, np.float32)


def build_motion(
    subject: Subject, anatomy: Anatomy, activation: Activation, timing: Timing, phases: int
) -> Beat4D:
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
        state, sizes = _state(subject, anatomy, float(share[k]), float(rv_share[k]), strength * course, strength, flash)
        states.append(state)
        volumes.append(sizes)
    lv, rv, wall = (tuple(float(v[i]) for v in volumes) for i in range(3))
    return Beat4D(anatomy, rest, tuple(states), tuple(float(t) for t in times), lv, rv, wall)


def _squared(*radii: Table) -> NDArray[np.float32]:
    """Stack squared radii as [level, angle, border]."""
    return np.stack([r * r for r in radii], axis=-1).astype(np.float32)


def _local_strength(subject: Subject, anatomy: Anatomy) -> Table:
    """Relative inward motion [level, angle]: septum less, free wall more, scars hardly; fades above the base."""
    level = np.clip(anatomy.levels / anatomy.length_mm, -1, 1)
    angle = anatomy.angles
    around = 1.0 + 0.12 * np.cos(angle) + 0.05 * np.cos(2 * angle + 0.6)
    along = 0.94 + 0.16 * np.clip(level, 0, 1)
    strength = along[:, None] * around[None] * (1.0 - 0.95 * np.clip(anatomy.scar * 1.15, 0, 1))
    weak = np.clip(0.5 - subject.ef, 0.0, 0.4)
    strength *= 1.0 + weak * 0.5 * np.cos(2 * angle[None] - 0.8 + level[:, None])
    return np.asarray(strength * smooth_step(1.0 + anatomy.levels / 14.0)[:, None])


def _local_delay(activation: Activation, anatomy: Anatomy) -> Table:
    """Onset of local contraction relative to the mean, ms, on the anatomy's lattice."""
    coarse = activation.lv - activation.lv.mean()
    rows = np.array([np.interp(anatomy.levels, anatomy.levels[activation.rows], c) for c in coarse.T]).T
    columns = np.append(activation.columns, ANGLES)
    closed = np.concatenate([rows, rows[:, :1]], axis=1)
    return np.array([np.interp(np.arange(ANGLES), columns, r) for r in closed])


def _delayed(time_ms: float, delay: Table, timing: Timing) -> Table:
    """Local time: delayed in systole and early filling, on the common clock again at the R peak."""
    ramp = float(smooth_step(np.array(time_ms / max(timing.es_ms * 0.45, 1.0))))
    back = float(smooth_step(np.array((timing.rr_ms - time_ms) / (0.4 * timing.rr_ms))))
    return np.clip(time_ms - delay * min(ramp, back), 0.0, timing.rr_ms * 0.9999)


def _septal_flash(subject: Subject, anatomy: Anatomy, time_ms: float, timing: Timing) -> Table:
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
    subject: Subject, anatomy: Anatomy, share: float, rv_share: float, pull: Table, strength: Table, flash: Table
) -> tuple[PhaseState, tuple[float, float, float]]:
    """One phase: inward motion by pattern, then corrected so that the LV and RV volumes are met exactly."""
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
    return PhaseState(moved, descent, rv_descent, twist), (lv_ml, rv_ml, wall)


def _fit_endo(anatomy: Anatomy, inward: Table, strength: Table, volume_ml: float) -> Table:
    """Endocardial radii R (1 - inward - k strength), k so that the volume (before shortening) is met."""
    rows = anatomy.in_lv()[:, None] * anatomy.endo**2
    left = 1.0 - inward
    square = float((rows * strength**2).sum())
    linear = -2.0 * float((rows * left * strength).sum())
    constant = float((rows * left**2).sum()) - volume_ml * 2000.0 / anatomy.cell
    k = (-linear - np.sqrt(max(linear**2 - 4 * square * constant, 0.0))) / (2 * square)
    return np.asarray(anatomy.endo * np.clip(left - k * strength, 0.12, None))


def _fit_rv(anatomy: Anatomy, epi: Table, descent: float, rv_descent: float, volume_ml: float) -> Table:
    """RV border at epi + gap (1 - k), k so that the volume is met; atrial rows take part less and less."""
    gap = anatomy.rv - anatomy.epi
    fade = smooth_step(1.0 + anatomy.levels / 24.0)[:, None]
    rows = anatomy.in_rv()[:, None] * _rv_stretch(anatomy, epi + 0.5 * gap, descent, rv_descent)
    square = float((rows * (gap * fade) ** 2).sum())
    linear = -2.0 * float((rows * (epi + gap) * gap * fade).sum())
    constant = float((rows * ((epi + gap) ** 2 - epi**2)).sum()) - volume_ml * 2000.0 / anatomy.cell
    k = (-linear - np.sqrt(max(linear**2 - 4 * square * constant, 0.0))) / (2 * square)
    return np.asarray(epi + gap * (1.0 - min(k, 0.9) * fade))


def _rv_stretch(anatomy: Anatomy, radius: Table, descent: float, rv_descent: float) -> Table:
    """Longitudinal stretch [level, angle] in the middle of the RV cavity."""
    cx, cy = anatomy.axis_at(anatomy.levels)
    x = cx[:, None] + radius * np.cos(anatomy.angles)[None]
    y = cy[:, None] + radius * np.sin(anatomy.angles)[None]
    inside, rv = _descent_weights(anatomy, x, y)
    return np.asarray(1.0 - inside * (descent + (rv_descent - descent) * rv) / anatomy.length_mm)


def _descent_profile(level: Points, length: float) -> Points:
    """a(Z): 1 at the mitral plane, 0 at the apex and at the top of the atria, linear between."""
    return np.asarray(np.clip(np.where(level > 0, 1.0 - level / length, 1.0 + level / ABOVE_MM), 0.0, 1.0))


def _descent_weights(anatomy: Anatomy, x: Points, y: Points) -> tuple[Points, Points]:
    """(share of the descent, share of the RV's extra descent) above each (x, y)."""
    dx, dy = x - anatomy.centre[0], y - anatomy.centre[1]
    radius = np.hypot(dx, dy)
    still = np.interp(np.arctan2(dy, dx), np.append(anatomy.angles, np.pi), np.append(anatomy.still[0], anatomy.still[0, 0]))
    inside = smooth_step((still - radius) / 18.0)
    edge = float(anatomy.epi.max())
    rv = smooth_step((-dx - 0.75 * edge) / (0.9 * edge))
    return np.asarray(inside), np.asarray(rv)


def _between_borders(
    q: Points, angle: Points, level: Points, source: NDArray[np.float32], target: NDArray[np.float32], anatomy: Anatomy
) -> Points:
    """Map squared radii piecewise linearly from the source's borders to the target's; identity beyond the last."""
    both = np.concatenate([source, target], axis=-1)
    knots = _look_up(both, angle, level, anatomy)
    mapped = np.zeros_like(q)
    lower_q: Points | float = 0.0
    lower_p: Points | float = 0.0
    for i in range(_BORDERS):
        upper_q, upper_p = knots[i], knots[_BORDERS + i]
        span = upper_q - lower_q
        slope = (upper_p - lower_p) / np.maximum(span, 1e-3)
        mapped += np.clip(q - lower_q, 0.0, np.maximum(span, 0.0)) * slope
        lower_q, lower_p = upper_q, upper_p
    return np.asarray(np.where(q >= lower_q, q, mapped), np.float32)


def _look_up(table: NDArray[np.float32], angle: Points, level: Points, anatomy: Anatomy) -> NDArray[np.float32]:
    """Bilinear values [channel, ...] of a table [level, angle, channel]; angles wrap, levels are held at the ends."""
    row = np.clip((level + ABOVE_MM) / LEVEL_STEP_MM, 0.0, len(anatomy.levels) - 1.001)
    column = np.mod((angle + np.pi) * (ANGLES / (2 * np.pi)), ANGLES)
    r0, c0 = row.astype(np.int32), np.minimum(column.astype(np.int32), ANGLES - 1)
    fr, fc = (row - r0).astype(np.float32), (column - c0).astype(np.float32)
    c1 = np.where(c0 + 1 == ANGLES, 0, c0 + 1)
    flat = table.reshape(-1, table.shape[-1])
    upper, lower = r0 * ANGLES, (r0 + 1) * ANGLES
    top = _mix(flat[upper + c0], flat[upper + c1], fc)
    bottom = _mix(flat[lower + c0], flat[lower + c1], fc)
    return np.moveaxis(_mix(top, bottom, fr), -1, 0)


def _mix(a: NDArray[np.float32], b: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear between two arrays whose last axis is the channel."""
    return a + (b - a) * share[..., None]
