"""The cine as a scanner would show it: slices through the moving block, coil shading, noise.

The heart's part of every frame is the material block pulled back by the true motion; the rest of the frame stands
still. Labels are cut from the same block with the same points, so picture and labels cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.anatomy import LEVEL_STEP_MM, Anatomy, smooth_step
from cof_viewer.cohort.simulator.background import paint_background
from cof_viewer.cohort.simulator.motion import Beat4D
from cof_viewer.cohort.simulator.tissue import Block, paint_heart

Array = NDArray[np.float32]

SLICE_STEP_MM = 10.0


@dataclass(frozen=True, eq=False)
class Frame:
    """The picture's lattice: pixel centres in mm (0 the picture's centre) and the level of every slice."""

    x_mm: Array
    y_mm: Array
    z_mm: Array
    spacing_mm: float
    box: tuple[slice, slice]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return len(self.z_mm), len(self.y_mm), len(self.x_mm)


@dataclass(frozen=True, eq=False)
class Pictures:
    """float32 cine [t, z, y, x], uint8 labels of the same shape, soft label volumes [t, 4] in voxels."""

    cine: Array
    labels: NDArray[np.uint8]
    soft_voxels: NDArray[np.float64]


def make_frame(anatomy: Anatomy, slices: int, size: int, spacing_mm: float, first_mm: float) -> Frame:
    """Lay the stack: the first slice at `first_mm` (0 the mitral plane), 10 mm apart; find the box that moves."""
    axis = ((np.arange(size) - (size - 1) / 2) * spacing_mm).astype(np.float32)
    levels = (first_mm + SLICE_STEP_MM * np.arange(slices)).astype(np.float32)
    cx, cy = anatomy.axis_at(anatomy.levels)
    ring = anatomy.still[0]
    reach_x, reach_y = ring * np.cos(anatomy.angles), ring * np.sin(anatomy.angles)
    rows = (axis >= reach_y.min() + cy.min()) & (axis <= reach_y.max() + cy.max())
    columns = (axis >= reach_x.min() + cx.min()) & (axis <= reach_x.max() + cx.max())
    box = (_span(rows), _span(columns))
    return Frame(axis, axis, levels, spacing_mm, box)


def _span(inside: NDArray[np.bool_]) -> slice:
    """The range of a mask."""
    at = np.flatnonzero(inside)
    return slice(int(at[0]), int(at[-1]) + 1)


def render(
    beat: Beat4D, frame: Frame, background: Array | None, rng: np.random.Generator, noise: float | None = None
) -> Pictures:
    """Make the cine and its labels.

    Args:
        beat: the motion.
        frame: the picture's lattice.
        background: float32 [z, y, x] signal of what lies round the heart, or None to paint it.
        rng: own stream.
        noise: SD of the noise where blood is about 165; drawn if None.
    """
    around = background if background is not None else paint_background(frame.z_mm, frame.x_mm, frame.y_mm, rng)
    block = _block(beat.anatomy, frame, around, rng)
    phases = len(beat.phase_ms)
    cine = np.broadcast_to(around, (phases, *frame.shape)).copy()
    labels = np.zeros((phases, *frame.shape), np.uint8)
    soft = np.zeros((phases, 4))
    rows, columns = frame.box
    for k in range(phases):
        values = _frame_values(beat, frame, block, k)
        cine[k][:, rows, columns] = values[..., 3]
        labels[k][:, rows, columns] = _hard_labels(values[..., :3])
        soft[k, 1:] = values[..., :3].sum(axis=(0, 1, 2), dtype=np.float64)
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


def pulled_back(beat: Beat4D, frame: Frame, phase: int) -> tuple[Array, Array, Array]:
    """Material points (x, y, z) [z, y, x] of the moving box in one phase, mm: exact at every other pixel."""
    rows, columns = frame.box
    ys, xs = frame.y_mm[rows], frame.x_mm[columns]
    coarse_y, coarse_x = _every_other(ys), _every_other(xs)
    z, y, x = np.meshgrid(frame.z_mm, coarse_y, coarse_x, indexing="ij")
    moved = beat.pull_back(phase, x, y, z)
    fine = []
    for component, start in zip(moved, (x, y, z), strict=True):
        shift = (component - start).astype(np.float32)
        fine.append(_double(_double(shift, 1, len(ys)), 2, len(xs)))
    return fine[0] + xs[None, None], fine[1] + ys[None, :, None], fine[2] + frame.z_mm[:, None, None]


def _every_other(values: Array) -> Array:
    """Every second value and one beyond the end where the count is even."""
    step = values[1] - values[0]
    return np.asarray(values[0] + 2 * step * np.arange(len(values) // 2 + 1), np.float32)


def _double(values: Array, axis: int, length: int) -> Array:
    """Put the mean between neighbours along an axis."""
    moved = np.moveaxis(values, axis, 0)
    out = np.empty((2 * len(moved) - 1, *moved.shape[1:]), np.float32)
    out[::2] = moved
    out[1::2] = (moved[1:] + moved[:-1]) / 2
    return np.moveaxis(out[:length], 0, axis)


def _frame_values(beat: Beat4D, frame: Frame, block: Block, phase: int) -> Array:
    """[z, y, x, 4] shares and signal of the moving box."""
    x, y, z = pulled_back(beat, frame, phase)
    values = block.sample(x.ravel(), y.ravel(), z.ravel(), slice(0, 4))
    return values.reshape(*x.shape, 4)


def _hard_labels(shares: Array) -> NDArray[np.uint8]:
    """The label of the largest share; background where all together hold less than half."""
    total = shares.sum(axis=-1)
    return np.where(total < 0.5, 0, shares.argmax(axis=-1) + 1).astype(np.uint8)


def _scan(cine: Array, frame: Frame, rng: np.random.Generator, noise: float | None) -> Array:
    """Coil shading (nearer the chest wall brighter), Rician noise."""
    x, y = frame.x_mm[None, :], frame.y_mm[:, None]
    angle = rng.uniform(-2.7, -1.9)
    towards = x * np.cos(angle) + y * np.sin(angle)
    shade = np.exp(0.0045 * towards).astype(np.float32)
    cine = cine * shade
    drawn = float(rng.uniform(2.5, 5.0))
    level = drawn if noise is None else noise
    pool = rng.standard_normal(2_000_003, dtype=np.float32) * level
    count = cine[0].size
    for k in range(len(cine)):
        a, b = rng.integers(0, len(pool) - 1, 2)
        real = cine[k].ravel() + np.resize(np.roll(pool, -int(a))[:count], count)
        imaginary = np.resize(np.roll(pool, -int(b))[:count], count)
        cine[k] = np.sqrt(real * real + imaginary * imaginary).reshape(frame.shape)
    return np.asarray(cine, np.float32)


_ = (LEVEL_STEP_MM, smooth_step)
