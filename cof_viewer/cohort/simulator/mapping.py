"""The true motion as a map of the whole picture, with its inverse, both in closed form.

A material point of the ED heart goes through three maps, each exactly invertible:

1. radial: along every ray from the LV axis squared radii move piecewise linearly between the borders (endocardium,
   epicardium, RV border, outer wall, ring of rest). In the wall `r² - r_endo² = (R² - R_endo²) / stretch`, so muscle
   keeps its volume whatever the endocardium does;
2. twist about the axis by an angle that depends on level and distance;
3. descent along the axis, largest at the mitral plane, none at the apex, fading away outside the heart.

The picture at phase t is pulled back: undo 3, then 2, then 1. All lengths in mm, frame of `anatomy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.anatomy import ABOVE_MM, ANGLES, LEVEL_STEP_MM, Anatomy
from cof_viewer.cohort.simulator.arrays import Array, smooth_step

_BORDERS = 5  # endo, epi, rv, outer, still
_CORE_GIVES = 0.8


@dataclass(frozen=True, eq=False)
class PhaseState:
    """The map of one phase.

    Attributes:
        rest: float32 [level, angle, border] squared ED radii of the borders.
        moved: float32 [level, angle, border] squared radii after the radial map.
        descent_mm: of the mitral plane.
        rv_descent_mm: of the tricuspid plane at the RV's free wall.
        twist: (base, apex) in radians, counter-clockwise seen from the apex.
    """

    rest: Array
    moved: Array
    descent_mm: float
    rv_descent_mm: float
    twist: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Points in the picture's frame, arrays of one shape, and the shares of the descent above each (x, y)."""

    x: Array
    y: Array
    z: Array
    inside: Array
    rv: Array

    def descent(self, state: PhaseState) -> Array:
        """Descent of the base above each point in a phase."""
        extra = state.rv_descent_mm - state.descent_mm
        return np.asarray(self.inside * (state.descent_mm + extra * self.rv))


def lattice(anatomy: Anatomy, x: Array, y: Array, z: Array) -> Lattice:
    """Take points (float32 is enough); the work that does not depend on the phase is done here."""
    x, y, z = (np.asarray(a, np.float32) for a in (x, y, z))
    inside, rv = descent_weights(anatomy, x, y)
    return Lattice(x, y, z, inside, rv)


def pull_back(anatomy: Anatomy, state: PhaseState, at: Lattice) -> tuple[Array, Array, Array]:
    """Where the tissue that is at the points in this phase lay at ED: (x, y, z), picture's frame, mm."""
    return trace_back(anatomy, state, at)[0]


def trace_back(anatomy: Anatomy, state: PhaseState, at: Lattice) -> tuple[tuple[Array, Array, Array], Ray]:
    """What `pull_back` returns, and the points in polar form in this phase."""
    level = level_before(anatomy, at.z, at.descent(state))
    ray = cast_ray(anatomy, state, at.x, at.y, level)
    return (*ray.before(), level), ray


@dataclass(frozen=True, eq=False)
class Ray:
    """Points of one phase in polar form about the LV axis of their material level.

    Attributes:
        axis: (x, y) of the axis.
        q: squared distance from the axis.
        angle: at ED (twist undone).
        knots: [10, ...] squared radii of the five borders at ED, then of the same in this phase.
    """

    axis: tuple[Array, Array]
    q: Array
    angle: Array
    knots: Array

    def before(self) -> tuple[Array, Array]:
        """(x, y) of the points at ED."""
        rest, moved = self.knots[:_BORDERS], self.knots[_BORDERS:]
        core = _core(rest[0], moved[0])
        radius = np.sqrt(_between_borders(self.q, (core[1], *moved), (core[0], *rest)))
        return self.axis[0] + radius * np.cos(self.angle), self.axis[1] + radius * np.sin(self.angle)

    def near_wall(self) -> Array:
        """1 on the endocardium and the epicardium, falling to nothing within some 5 mm of them."""
        radius = np.sqrt(self.q)
        borders = self.knots[_BORDERS : _BORDERS + 2]
        close = [np.exp(-(((np.sqrt(border) - radius) / 2.5) ** 2)) * (border > 4.0) for border in borders]
        return np.asarray(close[0] + close[1], np.float32)

    def shares(self, pixel_mm: float) -> tuple[Array, Array, Array]:
        """Share of each pixel in LV, muscle and RV by its distance from the borders."""
        radius = np.sqrt(self.q)
        inside = [np.clip(0.5 + (np.sqrt(self.knots[_BORDERS + i]) - radius) / pixel_mm, 0.0, 1.0) for i in range(3)]
        return inside[0], inside[1] - inside[0], inside[2] - inside[1]


def cast_ray(anatomy: Anatomy, state: PhaseState, x: Array, y: Array, level: Array) -> Ray:
    """Polar form of points (x, y) of this phase whose material level is known."""
    axis = anatomy.axis_at(level)
    dx, dy = x - axis[0], y - axis[1]
    q = dx * dx + dy * dy
    angle = np.arctan2(dy, dx) + _twist(anatomy, state, level, q)
    return Ray(axis, q, angle, _look_up(np.concatenate([state.rest, state.moved], axis=-1), angle, level))


def push_forward(anatomy: Anatomy, state: PhaseState, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """Where the tissue that lay at (x, y, z) at ED is in this phase: the inverse of `pull_back`."""
    x, y, z = (np.asarray(a, np.float32) for a in (x, y, z))
    cx, cy = anatomy.axis_at(z)
    dx, dy = x - cx, y - cy
    angle = np.arctan2(dy, dx)
    knots = _look_up(np.concatenate([state.rest, state.moved], axis=-1), angle, z)
    rest, moved_knots = knots[:_BORDERS], knots[_BORDERS:]
    core = _core(rest[0], moved_knots[0])
    q = _between_borders(dx * dx + dy * dy, (core[0], *rest), (core[1], *moved_knots))
    angle = angle - _twist(anatomy, state, z, q)
    radius = np.sqrt(q)
    moved = lattice(anatomy, cx + radius * np.cos(angle), cy + radius * np.sin(angle), z)
    return moved.x, moved.y, z + moved.descent(state) * _descent_profile(z, anatomy.length_mm)


def level_before(anatomy: Anatomy, z: Array, descent: Array) -> Array:
    """Material level of each point: the inverse of z = Z + d a(Z), piecewise linear."""
    length = anatomy.length_mm
    below = (z - descent) / (1.0 - descent / length)
    above = (z - descent) / (1.0 + descent / ABOVE_MM)
    level = np.where(z > descent, below, above)
    return np.where((z >= length) | (z <= -ABOVE_MM), z, level)


def _twist(anatomy: Anatomy, state: PhaseState, level: Array, q: Array) -> Array:
    """Angle by which tissue at a level and squared distance (after the radial map) was turned, radians."""
    base, apex = state.twist
    if base == apex == 0.0:
        return np.zeros_like(q)
    share = np.clip(level / anatomy.length_mm, 0.0, 1.0)
    ends = np.clip(np.minimum(1.0 + level / ABOVE_MM, 1.0 - (level - anatomy.length_mm) / 14.0), 0.0, 1.0)
    far = float(anatomy.still.min()) - 1.0
    near = min(float(anatomy.epi.max()) + 4.0, far - 8.0)
    fade = smooth_step((far**2 - q) / (far**2 - near**2))
    return np.asarray((base + (apex - base) * share) * ends * fade)


def _descent_profile(level: Array, length: float) -> Array:
    """a(Z): 1 at the mitral plane, 0 at the apex and at the top of the atria, linear between."""
    return np.asarray(np.clip(np.where(level > 0, 1.0 - level / length, 1.0 + level / ABOVE_MM), 0.0, 1.0))


def descent_weights(anatomy: Anatomy, x: Array, y: Array) -> tuple[Array, Array]:
    """(share of the descent, share of the RV's extra descent) above each (x, y): full in the heart, 0 at rest."""
    dx, dy = x - anatomy.centre[0], y - anatomy.centre[1]
    inside = smooth_step((_still_radius(anatomy, dx, dy) - np.hypot(dx, dy)) / 18.0)
    edge = float(anatomy.epi.max())
    return inside, smooth_step((-dx - 0.75 * edge) / (0.9 * edge))


def may_move(anatomy: Anatomy, x: Array, y: Array) -> NDArray[np.bool_]:
    """Whether tissue at (x, y) can move at any level; the axis drifts by a few mm between levels."""
    dx, dy = x - anatomy.centre[0], y - anatomy.centre[1]
    drift = np.hypot(*anatomy.tilt) * float(np.abs(anatomy.levels - 0.45 * anatomy.length_mm).max())
    return np.asarray(np.hypot(dx, dy) < 1.08 * _still_radius(anatomy, dx, dy) + drift)


def _still_radius(anatomy: Anatomy, dx: Array, dy: Array) -> Array:
    """Radius of the ring of rest in the direction of each point."""
    ring = np.append(anatomy.still[0], anatomy.still[0, 0])
    return np.asarray(np.interp(np.arctan2(dy, dx), np.append(anatomy.angles, np.pi), ring), np.float32)


def _core(rest: Array, moved: Array) -> tuple[Array, Array]:
    """Squared radii, at ED and in a phase, of the core of the cavity: half the endocardium's radius at ED.

    The core gives way more than the blood between the trabeculae, which goes along with the wall: papillary muscles
    and trabeculae keep their thickness instead of being squeezed into a star, and the motion bends less at the
    endocardium.
    """
    return 0.25 * rest, 0.25 * moved * (moved / np.maximum(rest, 1e-3)) ** _CORE_GIVES


def _between_borders(q: Array, source: Sequence[Array], target: Sequence[Array]) -> Array:
    """Map squared radii piecewise linearly from the source's borders to the target's; identity beyond the last."""
    mapped = np.zeros_like(q)
    lower_q: Array | float = 0.0
    lower_p: Array | float = 0.0
    for upper_q, upper_p in zip(source, target, strict=True):
        span = np.maximum(upper_q - lower_q, 1e-3)
        mapped += np.clip(q - lower_q, 0.0, span) * ((upper_p - lower_p) / span)
        lower_q, lower_p = upper_q, upper_p
    return np.asarray(np.where(q >= lower_q, q, mapped))


def _look_up(table: Array, angle: Array, level: Array) -> Array:
    """Bilinear values [channel, ...] of a table [level, angle, channel]; angles wrap, levels are held at the ends."""
    row = np.clip((level + ABOVE_MM) / LEVEL_STEP_MM, 0.0, len(table) - 1.001)
    column = np.mod((angle + np.pi) * (ANGLES / (2 * np.pi)), ANGLES)
    r0, c0 = row.astype(np.int32), np.minimum(column.astype(np.int32), ANGLES - 1)
    fr, fc = (row - r0).astype(np.float32), (column - c0).astype(np.float32)
    c1 = np.where(c0 + 1 == ANGLES, 0, c0 + 1)
    flat = table.reshape(-1, table.shape[-1])
    upper, lower = r0 * ANGLES, (r0 + 1) * ANGLES
    top = _mix(flat[upper + c0], flat[upper + c1], fc)
    bottom = _mix(flat[lower + c0], flat[lower + c1], fc)
    return np.moveaxis(_mix(top, bottom, fr), -1, 0)


def _mix(a: Array, b: Array, share: Array) -> Array:
    """Linear between two arrays whose last axis is the channel."""
    return a + (b - a) * share[..., None]
