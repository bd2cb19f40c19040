"""A painted chest round the heart: lung with vessels, liver, stomach, chest wall, fat, descending aorta, air.

Real backgrounds may not ship, so the demo's are painted; cases for learning can borrow real ones instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.cohort.simulator.anatomy import smooth_step

Array = NDArray[np.float32]


def paint_background(levels: Array, x_mm: Array, y_mm: Array, rng: np.random.Generator) -> Array:
    """Signal of the chest [level, y, x] without the heart.

    Args:
        levels: z of every plane, mm, 0 the mitral plane.
        x_mm: columns, picture's frame (0 the picture's centre).
        y_mm: rows.
        rng: own stream.
    """
    shape = (len(levels), len(y_mm), len(x_mm))
    z = levels[:, None, None].astype(np.float32)
    y = y_mm[None, :, None].astype(np.float32)
    x = x_mm[None, None].astype(np.float32)
    bend = _smooth(rng, shape, 25.0)
    fine = _smooth(rng, shape, 2.2)
    mottled = _smooth(rng, shape, 5.0)
    signal = 13.0 + 3.0 * mottled + np.zeros(shape, np.float32)
    vessels = np.clip(_smooth(rng, shape, 2.4) - 2.1, 0, 1.2)
    signal += 95.0 * vessels * smooth_step((x + 10 * bend + 20) / 40.0)
    signal = _paint_below(signal, x, y, z, bend, mottled, fine, rng)
    signal = _paint_wall(signal, x, y, z, bend, fine, rng)
    return np.asarray(np.clip(signal, 0, None), np.float32)


def _smooth(rng: np.random.Generator, shape: tuple[int, int, int], sigma: float) -> Array:
    """Noise smooth in plane (correlation in pixels) and between planes, unit variance."""
    step = max(1, int(sigma / 1.5))
    small = rng.standard_normal((shape[0], shape[1] // step + 4, shape[2] // step + 4), dtype=np.float32)
    small = ndimage.gaussian_filter(small, (1.0, sigma / step, sigma / step), truncate=2.5)
    rows = np.arange(shape[1]) / step
    columns = np.arange(shape[2]) / step
    r, c = rows.astype(int), columns.astype(int)
    fr = (rows - r).astype(np.float32)[None, :, None]
    fc = (columns - c).astype(np.float32)[None, None]
    wide = small[:, r] * (1 - fr) + small[:, r + 1] * fr
    wide = wide[:, :, c] * (1 - fc) + wide[:, :, c + 1] * fc
    return np.asarray(wide / wide.std(), np.float32)


def _over(signal: Array, value: Array | float, share: Array) -> Array:
    """Lay a tissue over the picture."""
    return np.asarray(signal * (1 - share) + value * share, np.float32)


def _paint_below(
    signal: Array, x: Array, y: Array, z: Array, bend: Array, mottled: Array, fine: Array, rng: np.random.Generator
) -> Array:
    """Diaphragm, liver on the left, stomach or spleen on the right, fat between, descending aorta."""
    height = rng.uniform(44, 52)
    edge = y - (height + 0.16 * x - 0.10 * z + 5.0 * bend + 10.0 * smooth_step((x - 40) / 60.0))
    below = smooth_step(edge / 4.0 + 0.5)
    fat = np.clip(1.0 - np.abs(edge + 1.0) / 4.5, 0, 1)
    liver = 52.0 * (1.0 + 0.10 * mottled + 0.08 * fine)
    liver = liver + 55.0 * np.clip(fine + 0.4 * mottled - 2.2, 0, 1)
    signal = _over(signal, liver, below)
    cx, cy, size = rng.uniform(38, 58), height + rng.uniform(30, 42), rng.uniform(24, 32)
    gap = np.hypot((x - cx) / 1.25, y - cy - 0.06 * z) + 4.0 * bend
    signal = _over(signal, 135.0 * (1 + 0.16 * mottled), smooth_step((size + 3 - gap) / 4.0))
    signal = _over(signal, 62.0 * (1 + 0.22 * mottled), smooth_step((size - 3 - gap) / 4.0))
    signal = _over(signal, 130.0 * (1 + 0.1 * mottled), fat * rng.uniform(0.55, 0.9))
    ax, ay = rng.uniform(56, 68), rng.uniform(18, 32)
    aorta = np.hypot(x - ax - 0.12 * z, y - ay)
    signal = _over(signal, 40.0, smooth_step((14.5 - aorta) / 2.5))
    return _over(signal, 158.0 * (1 + 0.04 * mottled), smooth_step((12.0 - aorta) / 2.5))


def _paint_wall(
    signal: Array, x: Array, y: Array, z: Array, bend: Array, fine: Array, rng: np.random.Generator
) -> Array:
    """Chest wall as an oval shell: pericardial fat, muscle with ribs, subcutaneous fat, air outside."""
    cx, cy = 34.0 + rng.normal(0, 4), 6.0 + rng.normal(0, 4)
    rx, ry = rng.uniform(108, 118), rng.uniform(98, 108)
    rx, ry = rx - 0.22 * np.clip(z, 0, None), ry - 0.10 * np.clip(z, 0, None)
    distance = (np.hypot((x - cx) / rx, (y - cy) / ry) - 1.0) * 100.0 + 3.0 * bend
    angle = np.arctan2((y - cy) / ry, (x - cx) / rx)
    ribs = np.sin(angle * 19.0 + 0.05 * z + 1.5 * bend)
    muscle = 48.0 + 6.0 * fine + 55.0 * np.clip(ribs - 0.45, 0, 1)
    signal = _over(signal, 120.0 + 12.0 * fine, smooth_step((distance + 2.0) / 4.0))
    signal = _over(signal, muscle, smooth_step((distance - 3.0) / 3.0))
    thick = rng.uniform(12, 18)
    signal = _over(signal, 172.0 + 9.0 * fine, smooth_step((distance - 14.0 - 2.0 * bend) / 3.0))
    return _over(signal, 0.0, smooth_step((distance - 14.0 - thick) / 2.5))
