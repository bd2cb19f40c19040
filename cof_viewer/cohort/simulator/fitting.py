"""A fine displacement on a coarser lattice, so that bilinear interpolation comes nearest to it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cof_viewer.cohort.simulator.arrays import Array
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid

_FAR = 0.1
"""Weight of points far from the wall beside 1 on its borders: labels change there alone."""
_ROUNDS = 4


def fitted(fine: Motion, near: Array, step: int) -> Motion:
    """The weighted least-squares fit of a motion on points `step` of its own apart, each in the middle of a block.

    Args:
        fine: the motion; rows and columns are multiples of `step`.
        near: float32 [t, z, y, x], 1 on the borders of the LV's wall, 0 far away.
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
    pull, push = (_fit(field, near, step) for field in (fine.pull_back_mm, fine.push_forward_mm))
    return Motion(grid, pull, push, fine.anchor_phase)


def _fit(field: Array, near: Array, step: int) -> Array:
    """[t, z, y, x, 3] on the coarse lattice: plain least squares, then a few rounds of conjugate gradients for the
    weights, preconditioned by each coarse point's whole weight.
    """
    if not field.any():
        return np.zeros((*field.shape[:2], field.shape[2] // step, field.shape[3] // step, 3), np.float32)
    down, across = (_interpolation(count, step) for count in field.shape[2:4])
    weight = (near + np.float32(_FAR))[..., None]
    whole = _apply(down.T, across.T, weight)
    found = _apply(_inverse(field.shape[2], step), _inverse(field.shape[3], step), field)
    rest = _apply(down.T, across.T, weight * (field - _apply(down, across, found)))
    ahead = scaled = rest / whole
    size = (rest * scaled).sum(axis=(2, 3), keepdims=True)
    for _ in range(_ROUNDS):
        change = _apply(down.T, across.T, weight * _apply(down, across, ahead))
        stride = size / np.maximum((ahead * change).sum(axis=(2, 3), keepdims=True), 1e-12)
        found, rest = found + stride * ahead, rest - stride * change
        scaled = rest / whole
        before, size = size, (rest * scaled).sum(axis=(2, 3), keepdims=True)
        ahead = scaled + size / np.maximum(before, 1e-12) * ahead
    return np.asarray(found, np.float32)


def _apply(down: Array, across: Array, field: Array) -> Array:
    """A matrix for the rows and one for the columns on [t, z, y, x, c]."""
    rows = np.einsum("ay,tzyxc->tzaxc", down, field, optimize=True)
    return np.asarray(np.einsum("bx,tzaxc->tzabc", across, rows, optimize=True), np.float32)


@lru_cache(maxsize=8)
def _interpolation(count: int, step: int) -> Array:
    """[count, count / step]: linear interpolation of the coarse points, held at the ends."""
    coarse = count // step
    at = np.clip((np.arange(count) - (step - 1) / 2) / step, 0.0, coarse - 1.0)
    low = np.minimum(at.astype(int), max(coarse - 2, 0))
    matrix = np.zeros((count, coarse), np.float32)
    matrix[np.arange(count), low] = 1.0 - (at - low)
    matrix[np.arange(count), np.minimum(low + 1, coarse - 1)] += at - low
    return matrix


@lru_cache(maxsize=8)
def _inverse(count: int, step: int) -> Array:
    """[count / step, count]: the coarse values whose interpolation fits best without weights."""
    return np.asarray(np.linalg.pinv(_interpolation(count, step)), np.float32)
