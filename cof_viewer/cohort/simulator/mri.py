"""The cine before the scanner (see `scanner`) has spoiled it: slices through the moving block and the chest round it.

The heart with its coat of fat is the material block pulled back by the true motion; the chest round it stands still
and shows where the heart has left. Labels come from the borders of the same map at the same points, so picture and
labels cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.cohort.simulator.arrays import Array
from cof_viewer.cohort.simulator.background import paint_background
from cof_viewer.cohort.simulator.mapping import (
    PhaseState,
    Ray,
    cast_ray,
    lattice,
    level_before,
)
from cof_viewer.cohort.simulator.motion import BeatMotion
from cof_viewer.cohort.simulator.scanner import scan
from cof_viewer.cohort.simulator.tissue import COAT_MM, Block, paint_heart

SLICE_STEP_MM = 10.0
"""Slices of 8 mm with a gap of 2 mm; a slice's labels stand for all 10 mm."""


_CLOSING_MM = 14.0
"""The wall closes over the last millimetres before the apex."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The picture's lattice.

    Attributes:
        x_mm: centre of every column, 0 the picture's centre.
        y_mm: of every row.
        z_mm: level of every slice.
        spacing_mm: of pixels.
        shift_mm: [slices, 2] (x, y) by which the heart lies off its place in each slice, for every slice has its own
            breath-hold.
        heart: bool [slices, rows, columns], pixels that can hold heart in some phase.
    """

    x_mm: Array
    y_mm: Array
    z_mm: Array
    spacing_mm: float
    shift_mm: Array
    heart: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return len(self.z_mm), len(self.y_mm), len(self.x_mm)

    def shift_at(self, level: Array) -> tuple[Array, Array]:
        """(x, y) of the shift at any level, linear between slices."""
        x, y = (np.interp(level, self.z_mm, self.shift_mm[:, i]).astype(np.float32) for i in (0, 1))
        return x, y


@dataclass(frozen=True, eq=False)
class Pictures:
    """float32 cine [t, z, y, x], uint8 labels of the same shape, soft label volumes [t, 4] in voxels."""

    cine: NDArray[np.float32]
    labels: NDArray[np.uint8]
    soft_voxels: NDArray[np.float64]


def make_frame(anatomy: Anatomy, size: int, spacing_mm: float, first_mm: float, shift_mm: Array) -> Frame:
    """Lay the stack: first slice at `first_mm` (0 the mitral plane), 10 mm apart; find the pixels heart can reach."""
    axis = ((np.arange(size) - (size - 1) / 2) * spacing_mm).astype(np.float32)
    levels = (first_mm + SLICE_STEP_MM * np.arange(len(shift_mm))).astype(np.float32)
    heart = _heart_pixels(anatomy, axis, axis, levels, shift_mm)
    return Frame(axis, axis, levels, spacing_mm, shift_mm, heart)


def _heart_pixels(anatomy: Anatomy, x_mm: Array, y_mm: Array, z_mm: Array, shift_mm: Array) -> NDArray[np.bool_]:
    """[slice, y, x] whether heart can come there: the ED outline of every level that can descend into the slice."""
    masks = []
    for z, shift in zip(z_mm, shift_mm, strict=True):
        near = (anatomy.levels >= z - 24.0) & (anatomy.levels <= z + 8.0)
        ring = anatomy.outer[near].max(axis=0, initial=0.0) + COAT_MM
        ring = np.max([np.roll(ring, turn) for turn in range(-3, 4)], axis=0)
        cx, cy = anatomy.axis_at(np.asarray(float(z)))
        dx, dy = np.meshgrid(x_mm + shift[0] - cx, y_mm + shift[1] - cy)
        limit = np.interp(np.arctan2(dy, dx), np.append(anatomy.angles, np.pi), np.append(ring, ring[0]))
        masks.append(np.hypot(dx, dy) < limit)
    return np.stack(masks)


def _span(inside: NDArray[np.bool_] | np.bool_) -> slice:
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
    block = _block(anatomy, frame, rng)
    pixels = _HeartPixels(anatomy, frame)
    phases = len(beat.phase_ms)
    around = around.astype(np.float32)
    cine = np.broadcast_to(around, (phases, *frame.shape)).copy()
    labels = np.zeros((phases, *frame.shape), np.uint8)
    soft = np.zeros((phases, 4))
    still = around[frame.heart]
    for k, state in enumerate(beat.states):
        before, shares = pixels.pulled_back(state)
        signal, cover = block.sample(*before)
        cine[k][frame.heart] = signal + (1.0 - cover) * still
        labels[k][frame.heart] = _hard_labels(shares)
        soft[k, 1:] = [float(s.sum(dtype=np.float64)) for s in shares]
    soft[:, 0] = np.prod(frame.shape) - soft.sum(axis=1)
    return Pictures(scan(cine, frame.x_mm, frame.y_mm, frame.z_mm, rng, noise), labels, soft)


def _block(anatomy: Anatomy, frame: Frame, rng: np.random.Generator) -> Block:
    """Paint the heart on the pixels of its box."""
    rows, columns = _span(frame.heart.any(axis=(0, 2))), _span(frame.heart.any(axis=(0, 1)))
    more = int(np.ceil(np.abs(frame.shift_mm).max() / frame.spacing_mm)) + 1
    return paint_heart(anatomy, _padded(frame.x_mm[columns], more), _padded(frame.y_mm[rows], more), rng)


def _padded(values: Array, more: int) -> Array:
    """A regular axis with more places at both ends."""
    step = values[1] - values[0]
    return np.asarray(values[0] + step * np.arange(-more, len(values) + more), np.float32)


class _HeartPixels:
    """The pixels that heart can reach: where they lay at ED, and what labels they hold."""

    def __init__(self, anatomy: Anatomy, frame: Frame) -> None:
        """Lay the lattice."""
        z, y, x = np.meshgrid(frame.z_mm, frame.y_mm, frame.x_mm, indexing="ij")
        self._anatomy, self._pixel = anatomy, frame.spacing_mm
        x, y, z = x[frame.heart], y[frame.heart], z[frame.heart]
        shift_x, shift_y = frame.shift_at(z)
        self._at = lattice(anatomy, x + shift_x, y + shift_y, z)

    def pulled_back(self, state: PhaseState) -> tuple[tuple[Array, Array, Array], list[Array]]:
        """((x, y, z) at ED, shares of LV, muscle and RV), each [n] in the order of the frame's mask."""
        descent = self._at.descent(state)
        level = level_before(self._anatomy, self._at.z, descent)
        ray = cast_ray(self._anatomy, state, self._at.x, self._at.y, level)
        return (*ray.before(), level), self._shares(state, ray, descent)

    def _shares(self, state: PhaseState, ray: Ray, descent: Array) -> list[Array]:
        """Share of each slice's 10 mm in LV, muscle and RV.

        A slab that the mitral plane cuts holds labels below it alone: those of the middle of that part.
        """
        at, half = self._at, np.float32(SLICE_STEP_MM / 2)
        shares = list(ray.shares(self._pixel))
        covered = np.clip((at.z + half - descent) / SLICE_STEP_MM, 0.0, 1.0)
        cut = np.flatnonzero((covered > 0) & (covered < 1))
        lower = level_before(self._anatomy, at.z[cut] + half, descent[cut])
        below = cast_ray(self._anatomy, state, at.x[cut], at.y[cut], lower / 2).shares(self._pixel)
        for share, part in zip(shares, below, strict=True):
            share[cut] = part
            share *= covered
        self._close(state, shares, descent)
        return shares

    def _close(self, state: PhaseState, shares: list[Array], descent: Array) -> None:
        """Where the wall closes over the apex within a slab, its middle does not stand for it: mean of two levels."""
        at, length = self._at, self._anatomy.length_mm
        end = np.flatnonzero((at.z > length - _CLOSING_MM) & (at.z < length + SLICE_STEP_MM / 2) & (at.z > descent + 5))
        quarter = np.float32(SLICE_STEP_MM / 4)
        parts = [
            cast_ray(self._anatomy, state, at.x[end], at.y[end], level_before(self._anatomy, z, descent[end])).shares(
                self._pixel
            )
            for z in (at.z[end] - quarter, at.z[end] + quarter)
        ]
        for share, upper, lower in zip(shares, *parts, strict=True):
            share[end] = (upper + lower) / 2


def _hard_labels(shares: list[Array]) -> NDArray[np.uint8]:
    """The label of the largest share; background where all together hold less than half."""
    lv, muscle, rv = shares
    labels = np.where(lv >= muscle, np.where(lv >= rv, 1, 3), np.where(muscle >= rv, 2, 3)).astype(np.uint8)
    labels[lv + muscle + rv < 0.5] = 0
    return labels
