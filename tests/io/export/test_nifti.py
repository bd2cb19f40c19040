"""NIfTI files lie where their source lay, in its number type, and depend on nothing but their input."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.grid import LPS_FROM_RAS, Grid, grid_from_spacing
from cof_viewer.domain.image import FileLayout
from cof_viewer.io.export.nifti import MEASURED, write_cine, write_labels, write_volume

AXES = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]


def rotation(angles):
    a, b, c = angles
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    return about_z @ about_y @ about_x


def as_read(file_shape, affine_ras, axes, flipped, dtype="int16", slope=1.0, intercept=0.0):
    """Grid and layout of a file whose axis i is our axis axes[i], as a reader would make them."""
    file_from_ours = np.zeros((4, 4))
    file_from_ours[3, 3] = 1
    for file_axis, ours in enumerate(axes):
        file_from_ours[file_axis, ours] = -1.0 if flipped[ours] else 1.0
        if flipped[ours]:
            file_from_ours[file_axis, 3] = file_shape[file_axis] - 1
    shape = [0, 0, 0]
    for file_axis, ours in enumerate(axes):
        shape[2 - ours] = file_shape[file_axis]
    grid = Grid(tuple(shape), LPS_FROM_RAS @ affine_ras @ file_from_ours)
    return grid, FileLayout(axes, flipped, affine_ras, dtype, slope, intercept)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(AXES),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_every_voxel_lies_where_it_lay(tmp_path_factory, axes, flipped, angles, origin):
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) @ np.diag([1.25, 1.5, 9.0])
    affine[:3, 3] = origin
    grid, layout = as_read((5, 4, 3), affine, axes, flipped)
    rng = np.random.default_rng(0)
    data = rng.integers(-300, 300, (2, *grid.shape)).astype(np.float32)
    path = tmp_path_factory.mktemp("nifti") / "cine.nii.gz"
    write_cine(path, data, grid, layout, rr_ms=800)
    image = nib.load(path)
    assert image.shape == (5, 4, 3, 2)
    assert np.abs(image.affine - affine).max() < 1e-3
    written = np.asarray(image.dataobj)
    for index in np.ndindex(2, *grid.shape):
        t, z, y, x = index
        lps = grid.patient_from_points(np.array([x, y, z]))
        ijk = np.linalg.inv(affine) @ [*(lps * [-1, -1, 1]), 1]
        i, j, k = np.rint(ijk[:3]).astype(int)
        assert written[i, j, k, t] == data[index]


def test_header_says_what_it_is(tmp_path):
    grid = grid_from_spacing((3, 4, 5), (1.5, 1.25, 8.0))
    data = np.zeros((4, 3, 4, 5), dtype=np.float32)
    write_cine(tmp_path / "cine.nii.gz", data, grid, rr_ms=824.0)
    header = nib.load(tmp_path / "cine.nii.gz").header
    assert header.get_zooms() == pytest.approx((1.5, 1.25, 8.0, 206.0))
    assert header.get_xyzt_units() == ("mm", "msec")
    assert bytes(header["descrip"]).startswith(b"GENERATED")
    write_cine(tmp_path / "b.nii", data, grid, phase_ms=(5.0, 45.0, 86.0, 125.0), description=MEASURED)
    header = nib.load(tmp_path / "b.nii").header
    assert header.get_zooms()[3] == pytest.approx(40.0)
    assert bytes(header["descrip"]).startswith(b"MEASURED")


def test_unknown_space_and_time_have_no_units(tmp_path):
    grid = grid_from_spacing((3, 4, 5), (1, 1, 1), spacing_known=False, orientation_known=False)
    write_cine(tmp_path / "cine.nii.gz", np.zeros((4, 3, 4, 5), np.float32), grid)
    header = nib.load(tmp_path / "cine.nii.gz").header
    assert header.get_xyzt_units() == ("unknown", "unknown")
    assert int(header["sform_code"]) == 2


@pytest.mark.parametrize(("dtype", "low", "high"), [("int16", -32768, 32767), ("uint8", 0, 255), ("uint16", 0, 65535)])
def test_integer_type_scaling_and_clipping(tmp_path, dtype, low, high):
    grid, layout = as_read((5, 4, 3), np.diag([1.0, 1, 1, 1]), (0, 1, 2), (False,) * 3, dtype, 0.5, 10.0)
    data = np.zeros(grid.shape, dtype=np.float32)
    data[0, 0, :5] = [10.0, 35.2, 1e9, -1e9, np.nan]
    write_volume(tmp_path / "v.nii.gz", data, grid, layout)
    image = nib.load(tmp_path / "v.nii.gz")
    assert image.get_data_dtype() == np.dtype(dtype)
    read = image.get_fdata()[:, 0, 0]
    nothing = max(low, -20) * 0.5 + 10.0  # our 0 stands at -20 in the file, where its type has one
    assert read == pytest.approx([10.0, 35.0, high * 0.5 + 10.0, low * 0.5 + 10.0, nothing])


def test_float_source_stays_float(tmp_path):
    grid, layout = as_read((5, 4, 3), np.eye(4), (0, 1, 2), (False,) * 3, "float64")
    data = np.full(grid.shape, 0.123, dtype=np.float32)
    write_volume(tmp_path / "v.nii.gz", data, grid, layout)
    image = nib.load(tmp_path / "v.nii.gz")
    assert image.get_data_dtype() == np.float32
    assert np.asarray(image.dataobj)[0, 0, 0] == np.float32(0.123)


def test_labels_are_uint8_on_the_same_affine(tmp_path):
    grid, layout = as_read((5, 4, 3), np.diag([2.0, 2, 8, 1]), (1, 0, 2), (True, False, True), "int16", 2.0, 5.0)
    labels = np.random.default_rng(0).integers(0, 4, (6, *grid.shape)).astype(np.uint8)
    write_labels(tmp_path / "l.nii.gz", labels, grid, layout, rr_ms=600)
    image = nib.load(tmp_path / "l.nii.gz")
    assert image.get_data_dtype() == np.uint8
    assert np.abs(image.affine - layout.affine_ras).max() < 1e-3
    assert (
        np.bincount(np.asarray(image.dataobj).ravel(), minlength=4).tolist()
        == np.bincount(labels.ravel(), minlength=4).tolist()
    )
    write_labels(tmp_path / "l3.nii.gz", labels[0], grid, layout)
    assert nib.load(tmp_path / "l3.nii.gz").shape == (5, 4, 3)


def test_same_bytes_without_clock_or_name(tmp_path):
    grid = grid_from_spacing((3, 400, 300), (1, 1, 8))
    data = np.random.default_rng(0).normal(0, 99, (30, *grid.shape)).astype(np.float32)  # larger than one block
    for name in ("a.nii.gz", "other.nii.gz"):
        write_cine(tmp_path / name, data, grid, rr_ms=900)
    first, second = (tmp_path / "a.nii.gz").read_bytes(), (tmp_path / "other.nii.gz").read_bytes()
    assert first == second
    assert first[:2] == b"\x1f\x8b"
    assert first[3] == 0  # no flags: no name in the header
    assert first[4:8] == b"\0\0\0\0"  # no time
    assert gzip.decompress(first)[352:] == np.rint(data).astype("<i2").tobytes()


def test_simpleitk_sees_the_same_frame(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    affine = np.eye(4)
    affine[:3, :3] = rotation((0.4, -0.7, 1.1)) @ np.diag([1.25, 1.25, 9.0])
    affine[:3, 3] = 12, -34, 56
    grid, layout = as_read((5, 4, 3), affine, (0, 1, 2), (False, True, False))
    data = np.arange(60, dtype=np.float32).reshape(grid.shape)
    write_volume(tmp_path / "v.nii.gz", data, grid, layout)
    image = sitk.ReadImage(str(tmp_path / "v.nii.gz"))
    ours = np.array([3, 2, 1])  # x, y, z; the file counts y from the other end
    place = image.TransformIndexToPhysicalPoint([3, 4 - 1 - 2, 1])
    assert place == pytest.approx(tuple(grid.patient_from_points(ours)), abs=1e-3)
    assert image.GetPixel(3, 1, 1) == data[1, 2, 3]


def test_4d_in_simpleitk(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    grid = grid_from_spacing((3, 4, 5), (1.5, 1.25, 8.0))
    data = np.arange(4 * 60, dtype=np.float32).reshape(4, *grid.shape)
    write_cine(tmp_path / "c.nii.gz", data, grid, rr_ms=800)
    image = sitk.ReadImage(str(tmp_path / "c.nii.gz"))
    assert image.GetSpacing()[:3] == pytest.approx((1.5, 1.25, 8.0))
    assert (sitk.GetArrayFromImage(image) == data).all()


def test_real_scanner_frame_comes_back(data_dir, tmp_path):
    """A published oblique volume, read plainly and written through its layout, equals itself."""
    source = sorted((data_dir / "mri" / "native" / "mnms").glob("*.nii*"))[0]
    image = nib.load(source)
    values = np.asarray(image.dataobj, dtype=np.float32)
    values = values[..., 0] if values.ndim == 4 else values
    grid, layout = as_read(values.shape, image.affine, (0, 1, 2), (False, False, True), str(image.get_data_dtype()))
    write_volume(tmp_path / "v.nii.gz", values.transpose(2, 1, 0)[::-1], grid, layout)
    back = nib.load(tmp_path / "v.nii.gz")
    assert np.abs(back.affine - image.affine).max() < 1e-3
    assert (np.asarray(back.dataobj, dtype=np.float32) == values).all()


def test_nothing_is_left_when_writing_fails(tmp_path):
    grid = grid_from_spacing((3, 4, 5), (1, 1, 1))
    with pytest.raises(UserError, match="does not exist"):
        write_volume(tmp_path / "missing" / "v.nii.gz", np.zeros(grid.shape, np.float32), grid)
    with pytest.raises(ValueError, match="does not fit"):
        write_volume(tmp_path / "v.nii.gz", np.zeros((3, 4, 6), np.float32), grid)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_said_and_the_old_file_stays(tmp_path, monkeypatch):
    import errno

    from cof_viewer.io.export import nifti

    target = tmp_path / "v.nii.gz"
    target.write_bytes(b"old")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nifti, "write_gzip", full)
    grid = grid_from_spacing((3, 4, 5), (1, 1, 1))
    with pytest.raises(UserError, match="disk is full"):
        write_volume(target, np.zeros(grid.shape, np.float32), grid)
    assert [path.name for path in tmp_path.iterdir()] == ["v.nii.gz"]
    assert target.read_bytes() == b"old"
