"""Any orientation of a NIfTI file comes to the same heart in the same patient, and can be laid back."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cof_viewer.domain.grid import LPS_FROM_RAS
from cof_viewer.io import open_study
from cof_viewer.io.export.nifti import write_volume
from cof_viewer.io.nifti.axes import geometry_of, grid_of, layout_of, slice_axis, to_stack_order
from tests.io.made import NORMAL, beating, oblique_affine, write_nifti

ORDERS = list(itertools.permutations(range(3)))


def _laid(data_xyz, affine, order, flips):
    """The same picture with its axes permuted and reversed, and the affine that says so."""
    moved = data_xyz.transpose(order)
    change = np.zeros((4, 4))
    change[3, 3] = 1.0
    for new, old in enumerate(order):
        change[old, new] = -1.0 if flips[new] else 1.0
        change[old, 3] += data_xyz.shape[old] - 1 if flips[new] else 0
        if flips[new]:
            moved = np.flip(moved, new)
    return np.ascontiguousarray(moved), affine @ change


def _header(affine, shape):
    image = nib.Nifti1Image(np.zeros(shape, np.int16), affine)
    image.set_sform(affine, 1)
    return image.header


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ORDERS), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_every_layout_gives_the_same_picture_in_the_same_place(order, flips):
    picture = np.random.default_rng(1).normal(size=(9, 7, 5)).astype(np.float32)
    affine = oblique_affine()
    stored, stored_affine = _laid(picture, affine, order, flips)
    geometry = geometry_of(_header(stored_affine, stored.shape))
    layout = layout_of(geometry, stored.shape, slice_axis(stored.shape, geometry.spacing_mm))
    data, grid = to_stack_order(stored, layout), grid_of(geometry, layout, stored.shape)
    np.testing.assert_array_equal(data, picture.transpose(2, 1, 0))
    np.testing.assert_allclose(grid.patient_from_voxel, LPS_FROM_RAS @ affine, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    st.tuples(*[st.floats(0.8, 3.0)] * 2),
    st.floats(5.0, 12.0),
    st.tuples(*[st.floats(-200.0, 200.0)] * 3),
)
def test_every_voxel_lies_where_the_affine_puts_it(angles, pixel, step, origin):
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix() * [*pixel, step]
    affine[:3, 3] = origin
    shape = (6, 5, 4)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    ras = index @ affine[:3, :3].T + affine[:3, 3]
    geometry = geometry_of(_header(affine, shape))
    layout = layout_of(geometry, shape, slice_axis(shape, geometry.spacing_mm))
    grid = grid_of(geometry, layout, shape)
    z, y, x = np.meshgrid(*map(np.arange, grid.shape), indexing="ij")
    lps = grid.patient_from_points(np.stack([x, y, z], axis=-1))
    for axis in range(3):
        stored = to_stack_order(ras[..., axis].astype(np.float32), layout)
        np.testing.assert_allclose(stored, lps[..., axis] * (-1 if axis < 2 else 1), atol=1e-3)


@pytest.mark.parametrize("order", ORDERS)
def test_exports_lie_exactly_as_the_source(tmp_path, order):
    picture = beating(1, 6)[0].transpose(2, 1, 0)
    stored, affine = _laid(picture, oblique_affine(), order, (True, False, True))
    path = write_nifti(tmp_path / "a.nii.gz", stored.transpose(2, 1, 0), affine)
    study = open_study(path)
    write_volume(tmp_path / "b.nii.gz", study.stack.data, study.stack.grid, study.stack.layout)
    back = nib.load(tmp_path / "b.nii.gz")
    np.testing.assert_array_equal(np.asarray(back.dataobj), stored)
    np.testing.assert_allclose(back.affine, affine, atol=1e-3)
    assert back.get_data_dtype() == np.int16


def test_slices_run_from_base_to_apex(tmp_path):
    picture = beating(1, 6)[0]
    reversed_affine = oblique_affine() @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 5], [0, 0, 0, 1.0]])
    path = write_nifti(tmp_path / "a.nii", picture[::-1], reversed_affine)
    stack = open_study(path).stack
    np.testing.assert_array_equal(stack.data, picture)
    assert stack.grid.directions[:, 2] @ NORMAL > 0.99
    assert stack.layout.flipped == (False, False, True)


def test_an_affine_without_spacing_is_repaired_from_pixdim(tmp_path):
    path = write_nifti(tmp_path / "a.nii", beating(1, 6)[0], np.diag([-1.0, -1.0, 1.0, 1.0]))
    image = nib.load(path)
    image.header["pixdim"][1:4] = [1.25, 1.5, 10.0]
    image.header["qform_code"] = 0
    raw = image.header.binaryblock + b"\0" * 4 + image.get_fdata().astype("<i2").tobytes(order="F")
    path.write_bytes(raw)
    study = open_study(path)
    assert study.stack.grid.spacing_mm == pytest.approx((1.25, 1.5, 10.0))
    assert "affine-repaired" in {flag.code for flag in study.flags}
    assert not study.stack.grid.orientation_known
    np.testing.assert_allclose(np.diag(study.stack.layout.affine_ras), [-1.25, -1.5, 10.0, 1.0])


def test_an_oblique_affine_with_wrong_lengths_keeps_its_directions(tmp_path):
    affine = oblique_affine((1.0, 1.0, 1.0))
    path = write_nifti(tmp_path / "a.nii", beating(1, 6)[0], affine)
    image = nib.load(path)
    image.header["pixdim"][1:4] = [1.25, 1.5, 10.0]
    image.header["qform_code"] = 0
    path.write_bytes(image.header.binaryblock + b"\0" * 4 + image.get_fdata().astype("<i2").tobytes(order="F"))
    geometry = open_study(path).stack.layout.affine_ras
    np.testing.assert_allclose(geometry[:3, :3], oblique_affine()[:3, :3], atol=1e-4)
    np.testing.assert_allclose(geometry[:3, 3], affine[:3, 3], atol=1e-4)


def test_less_than_one_percent_is_rounding():
    header = _header(oblique_affine(), (4, 4, 4))
    header["pixdim"][1] *= 1.009
    assert not geometry_of(header).repaired
    header["pixdim"][1] *= 1.01
    assert geometry_of(header).repaired


def test_the_qform_serves_where_there_is_no_sform(tmp_path):
    image = nib.Nifti1Image(beating(1, 6)[0].transpose(2, 1, 0), oblique_affine())
    image.set_qform(oblique_affine(), 1)
    image.set_sform(None, 0)
    nib.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(open_study(tmp_path / "a.nii").stack.layout.affine_ras, oblique_affine(), atol=1e-3)


def test_unknown_spacing_is_said_not_guessed(tmp_path):
    path = write_nifti(tmp_path / "heart.nii.gz", beating(1, 6)[0], np.eye(4), code=0)
    study = open_study(path)
    assert not study.stack.grid.spacing_known
    text = next(flag.text for flag in study.flags if flag.code == "spacing-unknown")
    assert text == 'Spacing is not known in "heart.nii.gz". Enter it to see mL; EF needs no spacing.'


@pytest.mark.parametrize(("unit", "factor"), [("meter", 0.001), ("micron", 1000.0)])
def test_units_of_length(tmp_path, unit, factor):
    affine = oblique_affine()
    affine[:3] *= factor
    path = write_nifti(tmp_path / "a.nii", beating(1, 6)[0], affine, units=(unit, "sec"))
    assert open_study(path).stack.grid.spacing_mm == pytest.approx((1.25, 1.5, 10.0), rel=1e-3)


def test_a_unit_of_length_that_lies(tmp_path):
    path = write_nifti(tmp_path / "a.nii", beating(1, 6)[0], units=("micron", "sec"))
    study = open_study(path)
    assert study.stack.grid.spacing_mm == pytest.approx((1.25, 1.5, 10.0), rel=1e-3)
    assert "units-repaired" in {flag.code for flag in study.flags}
