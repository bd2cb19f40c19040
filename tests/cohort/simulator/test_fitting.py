"""A fine motion on a coarser lattice."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.simulator.fitting import fitted
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid

_TENT = ([0.5, 6.5, 14.5], [0.0, 3.0, 1.0])


def _motion(values) -> Motion:
    """A motion of two phases and one slice whose x displacement is given on 16 x 16 points."""
    pull = np.zeros((2, 1, 16, 16, 3), np.float32)
    pull[1, 0, ..., 0] = values
    return Motion(Grid((1, 16, 16), np.eye(4)), pull, np.zeros_like(pull), 0)


def _near(weight: float = 0.0):
    return np.full((2, 1, 16, 16), weight, np.float32)


def test_what_is_linear_between_points_is_kept():
    """A tent whose corners are coarse points: rows of 16 fine points, coarse ones at .5, 2.5, ..., 14.5."""
    at = np.arange(16)
    tent = np.interp(at, *_TENT)
    found = fitted(_motion(np.tile(tent, (16, 1))), _near(), 2)
    assert found.pull_back_mm.shape == (2, 1, 8, 8, 3)
    assert found.pull_back_mm[1, 0, 4, 1:-1, 0] == pytest.approx(
        np.interp([2.5, 4.5, 6.5, 8.5, 10.5, 12.5], *_TENT), abs=0.03
    )
    assert not found.pull_back_mm[0].any()


def test_coarse_points_lie_in_the_middle_of_blocks():
    found = fitted(_motion(np.ones((16, 16))), _near(), 2)
    assert found.grid.patient_from_voxel @ np.array([0, 0, 0, 1.0]) == pytest.approx([0.5, 0.5, 0, 1])
    assert found.grid.spacing_mm == pytest.approx((2, 2, 1))


def test_weights_draw_the_fit_to_where_they_are():
    """A peak between coarse points: where it weighs, the interpolation comes nearer to it."""
    peak = np.tile(np.exp(-(((np.arange(16) - 7.0) / 2.0) ** 2)), (16, 1)) * 5
    near = _near()
    near[..., 6:9] = 1.0

    def at_peak(weights) -> float:
        row = fitted(_motion(peak), weights, 2).pull_back_mm[1, 0, 4, :, 0]
        return float(np.interp(7.0, np.arange(0.5, 16, 2), row))

    assert abs(at_peak(near) - 5.0) < abs(at_peak(_near()) - 5.0)


def test_blocks_must_fit():
    with pytest.raises(ValueError, match="blocks of 3"):
        fitted(_motion(np.ones((16, 16))), _near(), 3)
