"""The heart as tissue in material coordinates: shares of each label and the signal it gives.

Painted once for the ED heart on a fine lattice; every phase is this block pulled back by the motion, so that texture,
papillary muscles and trabeculae move with the wall and do not flicker. The block is averaged over a slice's thickness
beforehand, as the scanner does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.cohort.simulator.anatomy import ABOVE_MM, ANGLES, LEVEL_STEP_MM, Anatomy, angle_between, smooth_step

Array = NDArray[np.float32]

LABEL_BOX = np.array([0.5, 1.0, 1.0, 1.0, 1.0, 0.5], np.float32) / 5.0
"""Slice profile of the labels: a slice stands for its thickness and the gap, 10 mm."""
PICTURE_BOX = np.array([0.5, 1.0, 1.0, 1.0, 0.5], np.float32) / 4.0
"""Slice profile of the signal: 8 mm."""
BLOOD, MUSCLE, FAT = 165.0, 56.0, 150.0


@dataclass(frozen=True, eq=False)
class Block:
    """Material lattice of the heart.

    Attributes:
        values: float32 [level, y, x, 4]: shares of LV, muscle and RV (averaged over 10 mm), signal (over 8 mm).
        x_mm: place of every column, picture's frame.
        y_mm: of every row.
        first_level_mm: level of the first plane; planes are LEVEL_STEP_MM apart.
    """

    values: Array
    x_mm: Array
    y_mm: Array
    first_level_mm: float

    def sample(self, x: Array, y: Array, z: Array, channels: slice) -> Array:
        """Trilinear values [n, channel] at material points (picture's frame, mm), held at the block's faces."""
        nz, ny, nx, _ = self.values.shape
        fx = np.clip((x - self.x_mm[0]) / (self.x_mm[1] - self.x_mm[0]), 0, nx - 1.001)
        fy = np.clip((y - self.y_mm[0]) / (self.y_mm[1] - self.y_mm[0]), 0, ny - 1.001)
        fz = np.clip((z - self.first_level_mm) / LEVEL_STEP_MM, 0, nz - 1.001)
        ix, iy, iz = fx.astype(np.int32), fy.astype(np.int32), fz.astype(np.int32)
        fx, fy, fz = ((f - i).astype(np.float32)[:, None] for f, i in ((fx, ix), (fy, iy), (fz, iz)))
        flat = np.ascontiguousarray(self.values[..., channels]).reshape(nz * ny * nx, -1)
        base = (iz * ny + iy) * nx + ix
        out = 0.0
        for dz, wz in ((0, 1 - fz), (ny * nx, fz)):
            for dy, wy in ((0, 1 - fy), (nx, fy)):
                low = flat[base + (dz + dy)]
                out = out + (wz * wy) * (low + (flat[base + (dz + dy + 1)] - low) * fx)
        return np.asarray(out, np.float32)


def paint_heart(anatomy: Anatomy, surroundings: Array, x_mm: Array, y_mm: Array, rng: np.random.Generator) -> Block:
    """Paint the block.

    Args:
        anatomy: ED tables.
        surroundings: float32 [level, y, x] signal of what lies round the heart, on the block's lattice.
        x_mm: columns, picture's frame.
        y_mm: rows.
        rng: own stream: texture.
    """
    levels = anatomy.levels
    cx, cy = anatomy.axis_at(levels)
    dx = x_mm[None, None] - cx[:, None, None]
    dy = y_mm[None, :, None] - cy[:, None, None]
    radius, angle = np.hypot(dx, dy).astype(np.float32), np.arctan2(dy, dx)
    borders = _borders(anatomy, angle)
    level = np.broadcast_to(levels[:, None, None], radius.shape)
    half = float(x_mm[1] - x_mm[0])
    inside = [np.clip(0.5 + (b - radius) / half, 0.0, 1.0).astype(np.float32) for b in borders]
    texture = _Texture(rng, radius.shape)
    signal = _signal(anatomy, inside, borders, radius, angle, level, surroundings, texture)
    lv, epi, rv, _ = inside
    basal = np.clip(0.5 + level / LEVEL_STEP_MM, 0.0, 1.0)
    in_rv = basal * np.clip(0.5 + (anatomy.rv_length_mm - level) / LEVEL_STEP_MM, 0.0, 1.0)
    shares = np.stack([basal * lv, basal * (epi - lv), in_rv * np.clip(rv - epi, 0, 1)], axis=-1).astype(np.float32)
    shares = ndimage.convolve1d(shares, np.ones(5, np.float32) / 5.0, axis=0, mode="nearest")
    signal = ndimage.convolve1d(signal, PICTURE_BOX, axis=0, mode="nearest")
    return Block(np.concatenate([shares, signal[..., None]], axis=-1), x_mm, y_mm, float(levels[0]))


def _borders(anatomy: Anatomy, angle: NDArray[np.float64]) -> list[Array]:
    """Radius of endo, epi, RV and outer border at every lattice point (linear in angle)."""
    column = np.mod((angle + np.pi) * (ANGLES / (2 * np.pi)), ANGLES)
    low = np.minimum(column.astype(np.int32), ANGLES - 1)
    part = (column - low).astype(np.float32)
    high = np.where(low + 1 == ANGLES, 0, low + 1)
    row = (np.arange(len(anatomy.levels), dtype=np.int32) * ANGLES)[:, None, None]
    out = []
    for table in (anatomy.endo, anatomy.epi, anatomy.rv, anatomy.outer):
        flat = table.astype(np.float32).ravel()
        a = flat[row + low]
        out.append(a + (flat[row + high] - a) * part)
    return out


class _Texture:
    """Smooth noise fields on the block, unit variance."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        """Keep the stream."""
        self._rng, self._shape = rng, shape

    def __call__(self, sigma_z: float, sigma_xy: float) -> Array:
        """One field with Gaussian correlation lengths in lattice steps; coarse ones are made small and enlarged."""
        shrink = (max(1, int(sigma_z)), max(1, int(sigma_xy)), max(1, int(sigma_xy)))
        small = [-(-n // s) + 2 for n, s in zip(self._shape, shrink, strict=True)]
        noise = self._rng.standard_normal(small, dtype=np.float32)
        sigma = [s / k for s, k in zip((sigma_z, sigma_xy, sigma_xy), shrink, strict=True)]
        noise = ndimage.gaussian_filter(noise, sigma, truncate=2.5)
        for axis, (step, length) in enumerate(zip(shrink, self._shape, strict=True)):
            noise = _enlarge(noise, axis, step, length)
        return np.asarray(noise / noise.std())


def _enlarge(values: Array, axis: int, step: int, length: int) -> Array:
    """Linear interpolation of one axis to `length` samples, `step` to each old one."""
    at = np.arange(length, dtype=np.float32) / step
    low = at.astype(int)
    part = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    return np.asarray(np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part)


def _signal(
    anatomy: Anatomy,
    inside: list[Array],
    borders: list[Array],
    radius: Array,
    angle: NDArray[np.float64],
    level: NDArray[np.float64],
    surroundings: Array,
    texture: _Texture,
) -> Array:
    """Signal of every lattice point, laid from the outside in."""
    endo, epi, rv, outer = inside
    flow, fine = texture(4, 5), texture(1.5, 1.4)
    muscle = MUSCLE * (1.0 + 0.07 * fine + 0.05 * flow)
    has_rv = smooth_step((borders[2] - borders[1]) / 5.0).astype(np.float32)
    coat = has_rv * muscle * 1.05 + (1 - has_rv) * (70.0 + 35.0 * flow)
    signal = surroundings * (1 - outer) + coat * outer
    signal = signal * (1 - rv) + rv * _rv_blood(borders, radius, level, anatomy, flow, fine, muscle)
    signal = signal * (1 - epi) + muscle * epi
    signal = signal * (1 - endo) + endo * _lv_blood(borders[0], radius, angle, level, anatomy, flow, fine, muscle)
    return np.asarray(signal, np.float32)


def _lv_blood(
    endo: Array,
    radius: Array,
    angle: NDArray[np.float64],
    level: NDArray[np.float64],
    anatomy: Anatomy,
    flow: Array,
    fine: Array,
    muscle: Array,
) -> Array:
    """Blood with papillary muscles and trabeculae."""
    share = level / anatomy.length_mm
    relative = radius / np.maximum(endo, 1.0)
    solid = np.zeros_like(radius)
    for centre, place in ((-0.75, 0.70), (1.25, 0.68)):
        at = place + 0.22 * smooth_step((share - 0.5) / 0.3)
        gap = np.hypot((relative - at) * endo, angle_between(angle, centre) * radius * 0.8)
        size = 4.6 * smooth_step((share - 0.22) / 0.15) * smooth_step((0.9 - share) / 0.2)
        solid = np.maximum(solid, np.clip(0.5 + (size - gap) / 2.0, 0, 1) * (size > 0.5))
    edge = 1.3 + 1.2 * (1.0 - relative) * endo / 3.5 - 1.1 * np.clip(share, 0, 1)
    solid = np.maximum(solid, np.clip((fine - edge) * 1.3, 0, 0.8) * (level > 6.0))
    blood = BLOOD * (1.0 + 0.045 * flow)
    return np.asarray(blood * (1 - solid) + muscle * solid, np.float32)


def _rv_blood(
    borders: list[Array],
    radius: Array,
    level: NDArray[np.float64],
    anatomy: Anatomy,
    flow: Array,
    fine: Array,
    muscle: Array,
) -> Array:
    """RV blood, a little darker, with coarse trabeculae towards the apex and the free wall."""
    share = np.clip(level / anatomy.rv_length_mm, 0.0, 1.0)
    from_wall = np.clip((borders[2] - radius) / 8.0, 0.0, 1.5)
    solid = np.clip((0.7 * fine + 0.7 * flow - 1.7 - 0.8 * from_wall + 1.2 * share**2) * 1.2, 0.0, 0.85)
    solid = solid * (level > 4.0)
    blood = 0.9 * BLOOD * (1.0 + 0.06 * flow)
    return np.asarray(blood * (1 - solid) + muscle * solid, np.float32)


_ = ABOVE_MM
