"""Surfaces are closed, lie in the patient's frame, keep the volume and ride on the motion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.anatomy.meshes import enclosed_volume_ml, heart_meshes, vertex_normals
from cof_viewer.anatomy.moving import moved, moved_meshes
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid, grid_from_spacing
from cof_viewer.domain.image import LabelMap


def cylinder(spacing=(1.5, 1.5, 10.0), slices=7, radius_mm=25.0, affine=None):
    """A cylinder of LV in five of seven slices, with a wall of 10 mm."""
    grid = grid_from_spacing((slices, 60, 70), spacing)
    if affine is not None:
        grid = Grid(grid.shape, affine @ grid.patient_from_voxel)
    y, x = np.indices((60, 70))
    distance = np.hypot((y - 30) * spacing[1], (x - 34) * spacing[0])
    data = np.zeros(grid.shape, dtype=np.uint8)
    data[1:-1, distance < radius_mm + 10] = 2
    data[1:-1, distance < radius_mm] = 1
    return LabelMap(data, grid)


def edges_are_shared_by_two(mesh):
    edges = np.sort(np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return bool((counts == 2).all())


def test_cylinder_is_closed_and_as_large():
    labels = cylinder()
    meshes = heart_meshes(labels)
    assert meshes.rv is None
    assert meshes.endo is not None
    assert edges_are_shared_by_two(meshes.endo)
    assert 4_000 < len(meshes.endo.faces) < 14_000
    # The base half slice is kept, the apex's is a dome: a little less than the labels' volume.
    assert enclosed_volume_ml(meshes.endo) == pytest.approx(np.pi * 2.5**2 * 5, rel=0.08)
    low, high = meshes.endo.vertices.min(axis=0), meshes.endo.vertices.max(axis=0)
    assert high[0] - low[0] == pytest.approx(50, abs=2.5)
    assert low[2] == pytest.approx(5, abs=2)  # half a slice above the first slice that holds it, at 10 mm
    assert high[2] == pytest.approx(55, abs=2.5)


def test_normals_point_outwards_in_a_mirrored_frame():
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = 5, -80, 12
    mesh = heart_meshes(cylinder(affine=affine)).endo
    assert mesh is not None
    assert enclosed_volume_ml(mesh) > 0
    outwards = mesh.vertices - mesh.vertices.mean(axis=0)
    assert (np.einsum("ij,ij->i", outwards, mesh.normals) > 0).mean() > 0.97
    assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1.0, abs=1e-4)


def test_slice_without_labels_inside_is_bridged():
    labels = cylinder()
    data = labels.data.copy()
    data[3] = 0
    mesh = heart_meshes(LabelMap(data, labels.grid)).endo
    assert mesh is not None
    assert enclosed_volume_ml(mesh) == pytest.approx(np.pi * 2.5**2 * 5, rel=0.08)


def test_real_heart_keeps_its_volume(data_dir):
    data = np.load(data_dir / "mri" / "pairs" / "acdc_patient056.npz")
    z, y, x = (float(s) for s in data["spacing_mm"])
    labels = LabelMap(data["ed_label"], grid_from_spacing(data["ed_label"].shape, (x, y, z)))
    meshes = heart_meshes(labels)
    for mesh, label in ((meshes.endo, 1), (meshes.rv, 3)):
        assert mesh is not None
        assert edges_are_shared_by_two(mesh)
        assert enclosed_volume_ml(mesh) == pytest.approx(labels.volume_ml(label), rel=0.1)


def motion_of(grid, displacement):
    field = np.zeros((2, *grid.shape, 3), dtype=np.float32)
    field[1] = displacement
    return Motion(grid, -field, field, 0)


def test_moved_turns_grid_axes_into_the_patient():
    turn = np.eye(4)
    turn[:3, :3] = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])  # grid x runs along patient y
    grid = Grid((4, 8, 8), turn @ np.diag([2.0, 2.0, 10.0, 1.0]))
    points = grid.patient_from_points(np.array([[1.5, 2.5, 1.2], [90.0, 3.0, 2.0]])).astype(np.float32)
    result = moved(points, motion_of(grid, (3.0, 0.0, -1.0)), 1)
    assert result - points == pytest.approx(np.array([[0, 3, -1], [0, 3, -1]]), abs=1e-5)
    assert (moved(points, motion_of(grid, (3.0, 0.0, -1.0)), 0) == points).all()


def test_moved_is_trilinear():
    grid = grid_from_spacing((4, 8, 8), (2.0, 3.0, 10.0))
    z, y, x = np.indices(grid.shape)
    linear = np.stack([0.5 * x + y, 2.0 * z, x - z], axis=-1).astype(np.float32)
    place = np.array([[2.3, 4.6, 1.7]])
    points = grid.patient_from_points(place).astype(np.float32)
    expected = np.array([[0.5 * 2.3 + 4.6, 2 * 1.7, 2.3 - 1.7]])
    assert moved(points, motion_of(grid, linear), 1) - points == pytest.approx(expected, abs=1e-4)


def test_moved_meshes_equal_moved():
    mesh = heart_meshes(cylinder()).endo
    assert mesh is not None
    grid = grid_from_spacing((7, 20, 20), (5.0, 5.0, 10.0))
    rng = np.random.default_rng(1)
    motion = motion_of(grid, rng.normal(size=(*grid.shape, 3)))
    still, beat = moved_meshes(mesh, motion)
    assert (still.vertices == mesh.vertices).all()
    assert beat.vertices == pytest.approx(moved(mesh.vertices, motion, 1))
    assert beat.normals == pytest.approx(vertex_normals(beat.vertices, mesh.faces))


@settings(max_examples=8, deadline=None)
@given(st.floats(-3, 3), st.floats(-1.5, 1.5), st.tuples(*[st.floats(-200, 200)] * 3))
def test_a_turned_patient_has_a_turned_surface(about_z, about_x, origin):
    z, x = np.cos(about_z), np.cos(about_x)
    sz, sx = np.sin(about_z), np.sin(about_x)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[z, -sz, 0], [sz, z, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, x, -sx], [0, sx, x]])
    affine[:3, 3] = origin
    plain, turned = heart_meshes(cylinder()).endo, heart_meshes(cylinder(affine=affine)).endo
    assert plain is not None
    assert turned is not None
    assert turned.vertices == pytest.approx(plain.vertices @ affine[:3, :3].T + affine[:3, 3], abs=1e-2)
    assert turned.normals == pytest.approx(plain.normals @ affine[:3, :3].T, abs=1e-2)
