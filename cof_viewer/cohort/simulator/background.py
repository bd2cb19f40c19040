"""A painted chest round the heart: lung with vessels, liver, stomach, chest wall, fat, descending aorta, air.

Real backgrounds may not ship, so the demo's are painted; cases for learning can borrow real ones instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.cohort.simulator.arrays import Array, smooth_step
from cof_viewer.cohort.simulator.texture import Texture


@dataclass(frozen=True, eq=False)
class _Scene:
    """Coordinates [level, y, x] (broadcastable), noise fields and where the heart ends below and on the left."""

    x: Array
    y: Array
    z: Array
    wave: Array
    patchy: Array
    mottled: Array
    fine: Array
    below_heart: Array
    left_of_heart: float
    centre: tuple[float, float]


def paint_background(anatomy: Anatomy, levels: Array, x_mm: Array, y_mm: Array, rng: np.random.Generator) -> Array:
    """Signal of the chest [level, y, x] without the heart.

    Args:
        anatomy: the heart lies on the diaphragm and near the chest wall.
        levels: z of every plane, mm, 0 the mitral plane.
        x_mm: columns, picture's frame (0 the picture's centre).
        y_mm: rows.
        rng: own stream.
    """
    shape = (len(levels), len(y_mm), len(x_mm))
    noise = Texture(rng, shape)
    scene = _Scene(
        x=x_mm[None, None].astype(np.float32),
        y=y_mm[None, :, None].astype(np.float32),
        z=levels[:, None, None].astype(np.float32),
        wave=noise(2.0, 22.0),
        patchy=noise(1.0, 7.0),
        mottled=noise(0.6, 3.5),
        fine=noise(0.3, 1.2),
        below_heart=_lowest(anatomy, levels),
        left_of_heart=float(anatomy.centre[0] - anatomy.outer[:, 0].max()),
        centre=anatomy.centre,
    )
    signal = _lung(scene)
    signal = _below(signal, scene, rng)
    signal = _aorta(signal, scene, rng)
    return np.clip(_wall(signal, scene, rng), 0.0, None).astype(np.float32)


def _lowest(anatomy: Anatomy, levels: Array) -> Array:
    """[level, 1, 1] y of the lower border of the heart in each plane, smooth, constant above the base."""
    down = np.abs(anatomy.angles - np.pi / 2) < 0.5
    border = anatomy.outer[:, down].max(axis=1)
    reach = np.interp(np.clip(levels, 8.0, 0.8 * anatomy.length_mm), anatomy.levels, border)
    return np.asarray(anatomy.axis_at(levels)[1] + reach, np.float32)[:, None, None]


def _over(signal: Array, value: Array | float, share: Array) -> Array:
    """Lay a tissue over the picture."""
    return np.asarray(signal + (value - signal) * share)


def _lung(s: _Scene) -> Array:
    """Dark, with vessels as bright dots and short lines, more of them near the hilum (right, base)."""
    signal = 11.0 + 2.5 * s.patchy + 1.5 * s.fine
    near = np.exp(-np.hypot(s.x - s.centre[0] - 40.0, s.y - s.centre[1] + 45.0 + 0.3 * s.z) / 40.0)
    dots = smooth_step((0.75 * s.fine + 0.65 * s.mottled - 1.95 + 0.9 * near) / 0.9)
    return _over(signal, 115.0 + 30.0 * s.patchy, 0.9 * dots)


def _below(signal: Array, s: _Scene, rng: np.random.Generator) -> Array:
    """Diaphragm, liver on the left, stomach or spleen on the right, fat between."""
    slope, sag = rng.uniform(0.02, 0.22), rng.uniform(0.0, 14.0)
    dx = s.x - s.centre[0]
    edge = s.y - (s.below_heart + 4.0 + slope * dx + 3.5 * s.wave + sag * smooth_step((dx - 20.0) / 50.0))
    liver = 47.0 * (1.0 + 0.06 * s.patchy + 0.09 * s.fine) + 70.0 * smooth_step((s.mottled - 1.75) / 0.9)
    signal = _over(signal, liver, smooth_step(edge / 3.0 + 0.5))
    thick = np.clip(2.5 + 2.5 * s.patchy + 2.0 * s.wave, 0.0, 8.0)
    fat = smooth_step((thick - np.abs(edge - 1.0)) / 2.0)
    cx, size = s.centre[0] + rng.uniform(22, 46), rng.uniform(27, 38)
    cy = s.below_heart + size + rng.uniform(2, 9)
    gap = size - np.hypot((s.x - cx - 0.15 * s.z) / 1.3, s.y - cy) + 3.0 * s.wave
    wall, inner = float(rng.uniform(85, 140)), float(rng.uniform(25, 150))
    signal = _over(signal, wall, smooth_step((gap + 2.0) / 3.0))
    filling = np.clip(inner * (1.0 + 0.28 * s.mottled + 0.2 * s.fine + 0.15 * s.patchy), 0, None)
    signal = _over(signal, filling, smooth_step((gap - 3.0) / 3.0))
    gut = smooth_step((s.y - s.below_heart - 36.0) / 10.0 + 0.5 * s.wave)
    signal = _over(signal, np.clip(95.0 + 45.0 * s.patchy + 14.0 * s.mottled, 8.0, 190.0), gut * 0.9)
    return _over(signal, 118.0 + 12.0 * s.patchy, fat * float(rng.uniform(0.6, 0.95)))


def _aorta(signal: Array, s: _Scene, rng: np.random.Generator) -> Array:
    """Descending aorta behind the heart."""
    ax, ay = s.centre[0] + rng.uniform(46, 60), s.centre[1] + rng.uniform(26, 42)
    gap = 12.0 - np.hypot(s.x - ax - 0.25 * s.z, s.y - ay - 0.1 * s.z)
    signal = _over(signal, 36.0, smooth_step((gap + 2.5) / 2.0))
    return _over(signal, 160.0 * (1.0 + 0.04 * s.patchy), smooth_step(gap / 2.0 + 0.5))


def _wall(signal: Array, s: _Scene, rng: np.random.Generator) -> Array:
    """Chest wall: an oval shell of pericardial fat, muscle with ribs, subcutaneous fat; air outside."""
    near = s.left_of_heart - rng.uniform(9, 16)
    cx, cy = s.centre[0] + rng.uniform(60, 84), s.centre[1] + rng.uniform(12, 30)
    rx = cx - near - 0.2 * np.clip(s.z, -10.0, None)
    ry = rng.uniform(112, 132) - 0.08 * np.clip(s.z, -10.0, None)
    px, py = (s.x - cx) / rx, (s.y - cy) / ry
    out = ((np.abs(px) ** 2.4 + np.abs(py) ** 2.4) ** (1 / 2.4) - 1.0) * 105.0 + 5.0 * s.wave
    angle = np.arctan2(py, px)
    inner_fat = np.clip(3.0 + 4.0 * s.wave + 3.0 * s.patchy, 0.0, 12.0)
    signal = _over(signal, 120.0 + 10.0 * s.patchy, smooth_step((out + inner_fat) / 2.5))
    ribs = smooth_step((np.sin(angle * 15.0 + 0.12 * s.z + 2.5 * s.wave) + 0.8 * s.patchy - 0.5) / 0.6)
    muscle = 44.0 + 5.0 * s.patchy + 4.0 * s.fine + (62.0 + 14.0 * s.mottled) * ribs * smooth_step((9.5 - out) / 3.0)
    layer = 9.0 + 2.5 * s.wave
    signal = _over(signal, muscle, smooth_step(out / 2.0 + 0.5))
    plane = np.exp(-(((out - layer - 1.5) / 1.3) ** 2)) * smooth_step(s.patchy + 0.6)
    signal = _over(signal, 120.0, 0.8 * plane)
    depth = layer + 6.0 + 1.5 * s.patchy
    signal = _over(signal, 128.0 + 9.0 * s.patchy + 3.0 * s.fine, smooth_step((out - depth) / 2.5))
    thick = rng.uniform(9, 17) + 5.0 * smooth_step(-py)
    return _over(signal, 0.0, smooth_step((out - depth - thick) / 2.0))
