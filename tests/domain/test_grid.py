"""Grids: voxels, patients and back, for any placement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.domain.grid import LPS_FROM_RAS, Grid, grid_from_spacing

angles = st.tuples(*[st.floats(-np.pi, np.pi)] * 3)
spacings = st.tuples(*[st.floats(0.5, 12.0)] * 3)
origins = st.tuples(*[st.floats(-200, 200)] * 3)


def oblique(turn: tuple[float, ...], spacing: tuple[float, ...], origin: tuple[float, ...]) -> Grid:
    """Any rotation, any spacing, any place."""
    (a, b, c) = turn
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rz @ ry @ rx @ np.diag(spacing)
    affine[:3, 3] = origin
    return Grid((9, 30, 40), affine)


grids = st.builds(oblique, angles, spacings, origins)


@given(grids)
def test_there_and_back(grid: Grid) -> None:
    points = np.random.default_rng(0).uniform(-50, 50, (7, 3))
    assert grid.voxels_from_points(grid.patient_from_points(points)) == pytest.approx(points, abs=1e-6)


@given(angles, spacings, origins)
def test_spacing_and_volume_survive_rotation(turn, spacing, origin) -> None:
    grid = oblique(turn, spacing, origin)
    assert grid.spacing_mm == pytest.approx(spacing)
    assert grid.voxel_volume_ml == pytest.approx(np.prod(spacing) / 1000)
    assert grid.directions.T @ grid.directions == pytest.approx(np.eye(3), abs=1e-9)


@given(grids)
def test_reversed_slices_lie_where_they_lay(grid: Grid) -> None:
    turned = grid.with_slices_reversed()
    place = np.array([3.0, 5.0, 2.0])
    assert turned.patient_from_points(np.array([3.0, 5.0, 6.0])) == pytest.approx(grid.patient_from_points(place))
    assert turned.with_slices_reversed().matches(grid, 1e-6)


def test_lps_is_ras_with_two_signs_turned() -> None:
    assert LPS_FROM_RAS @ np.array([10.0, 20.0, 30.0, 1.0]) == pytest.approx([-10.0, -20.0, 30.0, 1.0])
    assert pytest.approx(np.eye(4)) == LPS_FROM_RAS @ LPS_FROM_RAS


def test_a_moved_grid_does_not_match() -> None:
    grid = grid_from_spacing((4, 5, 6), (1.0, 1.0, 8.0))
    moved = Grid(grid.shape, grid.patient_from_voxel + np.eye(4, k=3) * 0.01)
    assert not grid.matches(moved)
    assert grid.matches(moved, tolerance_mm=0.02)


def test_bad_affines_are_refused() -> None:
    with pytest.raises(ValueError, match="4 x 4"):
        Grid((2, 2, 2), np.eye(3))
    with pytest.raises(ValueError, match="no inverse"):
        Grid((2, 2, 2), np.zeros((4, 4)))
