"""Motion as cases keep it: every second point of the 3 mm lattice each way, read by straight lines between them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM
from cof_viewer.engine.motion.field import identity_lattice
from cof_viewer.engine.motion.frame import LATTICE_SPACING_MM

KEPT_STEP = 2
"""Lattice points to one that is kept, each way: a quarter of the canonical picture's rows and columns."""


def read_as_kept(displacement: Tensor) -> Tensor:
    """A displacement as it is found again once it was kept.

    A motion is fitted in this form: a cavity that all but closes moves by more from one kept point to the next than
    straight lines between them tell, and what a finer lattice fits well is lost in keeping it.

    Args:
        displacement: [n, 2 (x, y), 64, 64] on the lattice, any unit.

    Returns:
        [n, 2, 128, 128] on the canonical picture's pixels, same unit.
    """
    kept = F.avg_pool2d(displacement, KEPT_STEP)
    return F.interpolate(kept, scale_factor=2 * KEPT_STEP, mode="bilinear", align_corners=False)


def pulled_as_kept(stack: Tensor, displacement_mm: Tensor) -> Tensor:
    """A stack [n, c, 128, 128] of canonical pixels pulled back by a displacement [n, 2, 64, 64] mm, once it is kept."""
    pixels = read_as_kept(displacement_mm).permute(0, 2, 3, 1) * (2.0 / (CANONICAL_PIXELS - 1) / CANONICAL_SPACING_MM)
    identity = identity_lattice(CANONICAL_PIXELS, CANONICAL_PIXELS, stack.device)
    return F.grid_sample(stack, identity + pixels, align_corners=True, padding_mode="border")


def kept_areas(displacement: Tensor) -> Tensor:
    """`cell_areas` of a displacement [n, 2 (x, y), 64, 64] mm on the lattice, once it is kept: [n, 31, 31]."""
    return cell_areas(F.avg_pool2d(displacement, KEPT_STEP).permute(0, 2, 3, 1), KEPT_STEP * LATTICE_SPACING_MM)


def cell_areas(kept_mm: Tensor, step_mm: float) -> Tensor:
    """In-plane area ratio of each cell between kept points: 1 where nothing is stretched, 0 and below where it folds.

    Args:
        kept_mm: [..., rows, columns, 2 or more], (dx, dy, ...) in mm.
        step_mm: between points.

    Returns:
        [..., rows - 1, columns - 1].
    """
    down = (kept_mm[..., 1:, :-1, :2] - kept_mm[..., :-1, :-1, :2]) / step_mm
    along = (kept_mm[..., :-1, 1:, :2] - kept_mm[..., :-1, :-1, :2]) / step_mm
    return (1 + along[..., 0]) * (1 + down[..., 1]) - along[..., 1] * down[..., 0]


def folded_shares(kept_mm: NDArray[np.floating], step_mm: float) -> NDArray[np.float64]:
    """[t] share of the cells of each phase that fold, of kept motion [t, z, rows, columns, 2 or more] in mm."""
    areas = cell_areas(torch.from_numpy(np.asarray(kept_mm, np.float32)), step_mm)
    return np.asarray((areas <= 0).float().mean(dim=(1, 2, 3)).numpy(), dtype=np.float64)


_LEAST_AREA = 0.02
_ROUNDS = 200


def unfolded(kept_mm: NDArray[np.float32], step_mm: float) -> NDArray[np.float32]:
    """Motion as it is kept, smoothed just where it folds until it folds no more.

    What is diffeomorphic between the points of the lattice can fold between those that are kept, where neighbouring
    parts of a wall slide past each other within one cell.

    Args:
        kept_mm: float32 [..., rows, columns, 2 or more], (dx, dy, ...) in mm.
        step_mm: between points.

    Returns:
        The same shape; points away from folds are untouched, and so is everything beyond (dx, dy).
    """
    from scipy import ndimage

    out = kept_mm.copy()
    around = np.ones((*(1,) * (kept_mm.ndim - 3), 3, 3), dtype=bool)
    window = (*(1,) * (kept_mm.ndim - 3), 3, 3)
    for _ in range(_ROUNDS):
        folds = (cell_areas(torch.from_numpy(out), step_mm) < _LEAST_AREA).numpy()
        if not folds.any():
            break
        corners = np.zeros(kept_mm.shape[:-1], dtype=bool)
        for rows in (slice(None, -1), slice(1, None)):
            for columns in (slice(None, -1), slice(1, None)):
                corners[..., rows, columns] |= folds
        near = ndimage.binary_dilation(corners, around)
        for k in (0, 1):
            smooth = ndimage.uniform_filter(out[..., k], window, mode="nearest")
            out[..., k] = np.where(near, 0.5 * (out[..., k] + smooth), out[..., k])
    return out
