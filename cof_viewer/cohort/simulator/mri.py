"""The cine as a scanner would show it: slices through the moving block, coil shading, noise.

The heart's part of every frame is the material block pulled back by the true motion; the rest of the frame stands
still. Labels come from the borders of the same map at the same points, so picture and labels cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.cohort.simulator.arrays import Array
from cof_viewer.cohort.simulator.background import paint_background
from cof_viewer.cohort.simulator.mapping import (
    Lattice,
    PhaseState,
    Ray,
    cast_ray,
    lattice,
    level_before,
    pull_back,
)
from cof_viewer.cohort.simulator.motion import BeatMotion
from cof_viewer.cohort.simulator.tissue import Block, paint_heart

SLICE_STEP_MM = 10.0
"""Slices of 8 mm with a gap of 2 mm; a slice's labels stand for all 10 mm."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The picture's lattice.

    Attributes:
        x_mm: centre of every column, 0 the picture's centre.
        y_mm: of every row.
        z_mm: level of every slice.
        spacing_mm: of pixels.
        box: rows and columns that can move.
        heart: bool [slices, box rows, box columns], pixels that can hold heart in some phase.
    """

    x_mm: Array
    y_mm: Array
    z_mm: Array
    spacing_mm: float
    box: tuple[slice, slice]
    heart: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return len(self.z_mm), len(self.y_mm), len(self.x_mm)


@dataclass(frozen=True, eq=False)
class Pictures:
    """float32 cine [t, z, y, x], uint8 labels of the same shape, soft label volumes [t, 4] in voxels."""

    cine: NDArray[np.float32]
    labels: NDArray[np.uint8]
    soft_voxels: NDArray[np.float64]


def make_frame(anatomy: Anatomy, slices: int, size: int, spacing_mm: float, first_mm: float) -> Frame:
    """Lay the stack: the first slice at `first_mm` (0 the mitral plane), 10 mm apart; find the box that moves."""
    axis = ((np.arange(size) - (size - 1) / 2) * spacing_mm).astype(np.float32)
    levels = (first_mm + SLICE_STEP_MM * np.arange(slices)).astype(np.float32)
    cx, cy = anatomy.axis_at(anatomy.levels)
    ring = anatomy.still[0]
    reach_x, reach_y = ring * np.cos(anatomy.angles), ring * np.sin(anatomy.angles)
    rows = _span((axis >= reach_y.min() + cy.min()) & (axis <= reach_y.max() + cy.max()))
    columns = _span((axis >= reach_x.min() + cx.min()) & (axis <= reach_x.max() + cx.max()))
    heart = _heart_pixels(anatomy, axis[columns], axis[rows], levels)
    return Frame(axis, axis, levels, spacing_mm, (rows, columns), heart)


def _heart_pixels(anatomy: Anatomy, x_mm: Array, y_mm: Array, z_mm: Array) -> NDArray[np.bool_]:
    """[slice, y, x] whether heart can come there: the ED outline of every level that can descend into the slice."""
    masks = []
    for z in z_mm:
        near = (anatomy.levels >= z - 24.0) & (anatomy.levels <= z + 8.0)
        ring = anatomy.outer[near].max(axis=0, initial=0.0) + 4.0
        ring = np.max([np.roll(ring, shift) for shift in range(-3, 4)], axis=0)
        cx, cy = anatomy.axis_at(np.asarray(float(z)))
        dx, dy = np.meshgrid(x_mm - cx, y_mm - cy)
        limit = np.interp(np.arctan2(dy, dx), np.append(anatomy.angles, np.pi), np.append(ring, ring[0]))
        masks.append(np.hypot(dx, dy) < limit)
    return np.stack(masks)


def _span(inside: NDArray[np.bool_]) -> slice:
    """The range of a mask."""
    at = np.flatnonzero(inside)
    return slice(int(at[0]), int(at[-1]) + 1)


def render(
    beat: BeatMotion, frame: Frame, background: Array | None, rng: np.random.Generator, noise: float | None = None
) -> Pictures:
    """Make the cine and its labels.

    Args:
        beat: the motion.
        frame: the picture's lattice.
        background: float32 [z, y, x] signal of what lies round the heart, or None to paint it.
        rng: own stream.
        noise: SD of the noise where blood is about 165; drawn if None.
    """
    anatomy = beat.anatomy
    around = background
    if around is None:
        around = paint_background(anatomy, frame.z_mm, frame.x_mm, frame.y_mm, rng)
    block = _block(anatomy, frame, around, rng)
    rows, columns = frame.box
    points = _Points(anatomy, frame)
    phases = len(beat.phase_ms)
    cine = np.broadcast_to(around.astype(np.float32), (phases, *frame.shape)).copy()
    labels = np.zeros((phases, *frame.shape), np.uint8)
    soft = np.zeros((phases, 4))
    for k, state in enumerate(beat.states):
        before, shares = points.pulled_back(state)
        cine[k][:, rows, columns] = block.signal_at(*before)
        labels[k][:, rows, columns][frame.heart] = _hard_labels(shares)
        soft[k, 1:] = [float(s.sum(dtype=np.float64)) for s in shares]
    soft[:, 0] = np.prod(frame.shape) - soft.sum(axis=1)
    return Pictures(_scan(cine, frame, rng, noise), labels, soft)


def _block(anatomy: Anatomy, frame: Frame, around: Array, rng: np.random.Generator) -> Block:
    """Paint the heart over the part of the surroundings that moves, on finer planes."""
    rows, columns = frame.box
    at = np.clip((anatomy.levels - frame.z_mm[0]) / SLICE_STEP_MM, 0, len(frame.z_mm) - 1.001)
    low = at.astype(int)
    part = (at - low).astype(np.float32)[:, None, None]
    cut = around[:, rows, columns]
    return paint_heart(anatomy, cut[low] * (1 - part) + cut[low + 1] * part, frame.x_mm[columns], frame.y_mm[rows], rng)


class _Points:
    """Where the pixels of the moving box lay at ED: exact in the heart, interpolated from a coarse lattice round it."""

    _STEP = 4

    def __init__(self, anatomy: Anatomy, frame: Frame) -> None:
        """Lay both lattices."""
        rows, columns = frame.box
        self._anatomy, self._mask = anatomy, frame.heart
        self._ys, self._xs, zs = frame.y_mm[rows], frame.x_mm[columns], frame.z_mm
        z, y, x = np.meshgrid(zs, self._ys, self._xs, indexing="ij")
        self._all = (x, y, z)
        self.heart = lattice(anatomy, x[self._mask], y[self._mask], z[self._mask])
        coarse = np.meshgrid(zs, _thinned(self._ys, self._STEP), _thinned(self._xs, self._STEP), indexing="ij")
        self._coarse = lattice(anatomy, coarse[2], coarse[1], coarse[0])

    def pulled_back(self, state: PhaseState) -> tuple[list[Array], list[Array]]:
        """((x, y, z) [slice, y, x] of the whole box at ED, shares of LV, muscle and RV [n] at the heart's pixels)."""
        at, start = self.heart, (self._coarse.x, self._coarse.y, self._coarse.z)
        descent = at.descent(state)
        level = level_before(self._anatomy, at.z, descent)
        ray = cast_ray(self._anatomy, state, at.x, at.y, level)
        whole = []
        for moved, before, exact, own in zip(
            pull_back(self._anatomy, state, self._coarse), start, (*ray.before(), level), self._all, strict=True
        ):
            shift = _enlarged(_enlarged(moved - before, 1, len(self._ys), self._STEP), 2, len(self._xs), self._STEP)
            shift += own
            shift[self._mask] = exact
            whole.append(shift)
        return whole, self._shares(state, ray, descent)

    def _shares(self, state: PhaseState, ray: Ray, descent: Array) -> list[Array]:
        """Share of each slice's 10 mm in LV, muscle and RV.

        A slab that the mitral plane cuts holds labels below it alone: those of the middle of that part.
        """
        at, half = self.heart, np.float32(SLICE_STEP_MM / 2)
        pixel = float(self._xs[1] - self._xs[0])
        shares = list(ray.shares(pixel))
        covered = np.clip((at.z + half - descent) / SLICE_STEP_MM, 0.0, 1.0)
        cut = np.flatnonzero((covered > 0) & (covered < 1))
        lower = level_before(self._anatomy, at.z[cut] + half, descent[cut])
        below = cast_ray(self._anatomy, state, at.x[cut], at.y[cut], lower / 2).shares(pixel)
        for share, part in zip(shares, below, strict=True):
            share[cut] = part
            share *= covered
        return shares


def _thinned(values: Array, step: int) -> Array:
    """Every n-th value, and as many beyond the end as interpolation needs."""
    count = (len(values) - 1) // step + 2
    return np.asarray(values[0] + step * (values[1] - values[0]) * np.arange(count), np.float32)


def _enlarged(values: Array, axis: int, length: int, step: int) -> Array:
    """Linear interpolation of an axis, `step` samples to each old one."""
    at = np.arange(length)
    low, part = at // step, ((at % step) / np.float32(step)).astype(np.float32)
    part = part.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    a = np.take(values, low, axis)
    return np.asarray(a + (np.take(values, low + 1, axis) - a) * part, np.float32)


def _hard_labels(shares: list[Array]) -> NDArray[np.uint8]:
    """The label of the largest share; background where all together hold less than half."""
    lv, muscle, rv = shares
    labels = np.where(lv >= muscle, np.where(lv >= rv, 1, 3), np.where(muscle >= rv, 2, 3)).astype(np.uint8)
    labels[lv + muscle + rv < 0.5] = 0
    return labels


def _scan(cine: NDArray[np.float32], frame: Frame, rng: np.random.Generator, noise: float | None) -> Array:
    """Coil shading (nearer the chest wall brighter), Rician noise."""
    angle = rng.uniform(-2.9, -2.0)
    towards = frame.x_mm[None, :] * np.cos(angle) + frame.y_mm[:, None] * np.sin(angle)
    cine *= np.exp(float(rng.uniform(0.001, 0.004)) * towards).astype(np.float32)
    drawn = float(rng.uniform(2.5, 5.0))
    level = drawn if noise is None else noise
    count = cine[0].size
    pool = rng.standard_normal(count + 1_000_003, dtype=np.float32) * np.float32(level)
    for k in range(len(cine)):
        a, b = rng.integers(0, 1_000_003, 2)
        real = cine[k].ravel() + pool[a : a + count]
        imaginary = pool[b : b + count]
        cine[k] = np.sqrt(real * real + imaginary * imaginary).reshape(frame.shape)
    return cine
