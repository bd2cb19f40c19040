"""Above the mitral plane: left atrium, aortic root, pulmonary trunk, right atrium, fat between them.

They belong to the moving block, so they come down into the basal slices with the base in systole.
"""

from __future__ import annotations

import numpy as np

from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.cohort.simulator.arrays import Array, smooth_step

# centre (x, y) and radius in units of the LV's basal radius, first and last level in mm, signal of the blood
_CHAMBERS = (
    ("right atrium", -1.45, 0.45, 0.92, -1.0, -60.0, 150.0),
    ("left atrium", 0.10, 0.50, 0.90, 0.0, -60.0, 158.0),
    ("pulmonary trunk", -1.05, -1.10, 0.58, 2.0, -60.0, 150.0),
    ("aorta", -0.48, -0.36, 0.55, 0.0, -60.0, 170.0),
)
_WALL_MM, _WALL = 0.6, 100.0
"""Atrial and arterial walls are thinner than a pixel: they show as faint lines."""
_BENT_MM, _BENT_APART = 2.4, 9
"""How far outlines are bent, and rows between the noise that bends them across and down: no chamber is a disc."""


def paint_base(anatomy: Anatomy, dx: Array, dy: Array, level: Array, signal: Array, flow: Array) -> Array:
    """Lay atria and vessels over the block.

    Args:
        anatomy: ED tables (the LV's basal radius sets the sizes).
        dx: [level, y, x] mm from the LV axis.
        dy: the same, down.
        level: [level, 1, 1] mm.
        signal: [level, y, x] the block so far.
        flow: [level, y, x] smooth noise.

    Returns:
        The block with everything above the mitral plane replaced.
    """
    rows = np.flatnonzero(level.ravel() < 8.0)
    dx, dy, level, flow = dx[rows], dy[rows], level[rows], flow[rows]
    size = float(anatomy.endo[int(np.argmin(np.abs(anatomy.levels)))].mean())
    bent = np.concatenate([flow[:, _BENT_APART:], flow[:, :_BENT_APART]], axis=1)
    dx, dy = dx + _BENT_MM * flow, dy + _BENT_MM * bent
    out = signal[rows]
    region = smooth_step((1.75 * size - np.hypot((dx + 0.6 * size) / 1.25, dy)) / 5.0) * smooth_step(
        (-level - 0.5) / 4.0
    )
    filling = 58.0 + 70.0 * smooth_step(flow - 0.1)
    out = out + (filling - out) * region
    for _, x, y, radius, first, last, blood in _CHAMBERS:
        there = smooth_step((first - level) / 3.0 + 0.5) * smooth_step((level - last) / 4.0)
        gap = radius * size - np.hypot(dx - x * size, dy - y * size)
        wall = smooth_step((gap + _WALL_MM + 1.2) / 2.4) * there * smooth_step((-0.5 - level) / 3.0)
        out = out + (_WALL - out) * wall
        out = out + (blood * (1.0 + 0.08 * bent) - out) * smooth_step((gap + 1.2) / 2.4) * there
    painted = signal.copy()
    painted[rows] = out
    return painted
