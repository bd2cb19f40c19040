"""A fine displacement on a coarser lattice, so that bilinear interpolation comes nearest to it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cof_viewer.cohort.simulator.arrays import Array
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid


def fitted(fine: Motion, step: int) -> Motion:
    """The least-squares fit of a motion on points `step` of its own apart, each in the middle of a block.

    Args:
        fine: the motion; rows and columns are multiples of `step`.
        step: points of the fine lattice to one of the coarse.

    Raises:
        ValueError: rows or columns are no multiple of `step`.
    """
    slices, rows, columns = fine.grid.shape
    if rows % step or columns % step:
        raise ValueError(f"{rows} x {columns} points can't be fitted by blocks of {step}")
    to_fine = np.diag([step, step, 1.0, 1.0])
    to_fine[:2, 3] = (step - 1) / 2
    grid = Grid((slices, rows // step, columns // step), fine.grid.patient_from_voxel @ to_fine)
    pull, push = (_fit(field, step) for field in (fine.pull_back_mm, fine.push_forward_mm))
    return Motion(grid, pull, push, fine.anchor_phase)


def _fit(field: Array, step: int) -> Array:
    """[t, z, y, x, 3] on the coarse lattice."""
    if not field.any():
        return np.zeros((*field.shape[:2], field.shape[2] // step, field.shape[3] // step, 3), np.float32)
    down, across = _operator(field.shape[2], step), _operator(field.shape[3], step)
    rows = np.einsum("ay,tzyxc->tzaxc", down, field, optimize=True)
    return np.asarray(np.einsum("bx,tzaxc->tzabc", across, rows, optimize=True), np.float32)


@lru_cache(maxsize=8)
def _operator(count: int, step: int) -> Array:
    """[count / step, count]: values of the coarse points whose linear interpolation, held at the ends, fits best."""
    coarse = count // step
    at = np.clip((np.arange(count) - (step - 1) / 2) / step, 0.0, coarse - 1.0)
    low = np.minimum(at.astype(int), max(coarse - 2, 0))
    interpolation = np.zeros((count, coarse))
    interpolation[np.arange(count), low] = 1.0 - (at - low)
    interpolation[np.arange(count), np.minimum(low + 1, coarse - 1)] += at - low
    return np.asarray(np.linalg.pinv(interpolation), np.float32)
