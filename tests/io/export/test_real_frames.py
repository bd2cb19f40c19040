"""Real studies, read by the readers and written again: the same voxel at the same place, in two other programs."""

import nibabel as nib
import numpy as np
import pytest

from cof_viewer.io import open_study
from cof_viewer.io.export.nifti import write_cine, write_volume

CINES = [
    "dicom/bivme_patient1_exam.zip",
    "dicom/SCD0000301_GE_sax_dicom.zip",
    "cines/scd_SCD0000101_cine.nii.gz",
    "native/acdc_patient090/patient090_4d.nii.gz",
]
VOLUMES = ["native/mnms/B5F8L9_sa_ED.nii.gz", "other/cinema_mnms2_sax_ed.nii.gz"]


def written(study, path):
    stack = study.stack
    if study.cine is not None:
        write_cine(path, stack.data, stack.grid, stack.layout, phase_ms=study.cine.phase_ms, rr_ms=study.cine.rr_ms)
    else:
        write_volume(path, stack.data, stack.grid, stack.layout)


@pytest.mark.parametrize("name", CINES + VOLUMES)
def test_same_voxel_at_the_same_place(data_dir, tmp_path, name):
    source = data_dir / "mri" / name
    if not source.is_file():
        source = next((data_dir / "mri").rglob(source.name))
    study = open_study(source)
    stack = study.stack
    written(study, tmp_path / "out.nii.gz")
    image = nib.load(tmp_path / "out.nii.gz")
    file_from_patient = np.linalg.inv(image.affine)
    stored = np.asarray(image.dataobj, dtype=np.float64)
    frames = stack.data if study.cine is not None else stack.data[None]
    stored = stored if study.cine is not None else stored[..., None]
    rng = np.random.default_rng(7)
    for _ in range(100):
        t, z, y, x = (int(rng.integers(0, n)) for n in frames.shape)
        ras = stack.grid.patient_from_points(np.array([x, y, z])) * [-1, -1, 1]
        place = (file_from_patient @ [*ras, 1])[:3]
        assert np.abs(place - np.rint(place)).max() < 1e-3
        i, j, k = np.rint(place).astype(int)
        assert stored[i, j, k, t] == pytest.approx(frames[t, z, y, x], rel=1e-5)  # with the header's scaling


@pytest.mark.parametrize("name", [CINES[2], *VOLUMES])
def test_affine_and_values_equal_the_source(data_dir, tmp_path, name):
    source = next((data_dir / "mri").rglob(name.split("/")[-1]))
    written(open_study(source), tmp_path / "out.nii.gz")
    before, after = nib.load(source), nib.load(tmp_path / "out.nii.gz")
    assert before.shape == after.shape
    assert np.abs(before.affine - after.affine).max() < 1e-3
    assert np.allclose(np.asarray(before.dataobj), np.asarray(after.dataobj), rtol=1e-5)


@pytest.mark.parametrize("name", VOLUMES)
def test_simpleitk_agrees_with_the_source(data_dir, tmp_path, name):
    sitk = pytest.importorskip("SimpleITK")
    source = next((data_dir / "mri").rglob(name.split("/")[-1]))
    written(open_study(source), tmp_path / "out.nii.gz")
    before, after = sitk.ReadImage(str(source)), sitk.ReadImage(str(tmp_path / "out.nii.gz"))
    assert after.GetSize() == before.GetSize()
    assert after.GetSpacing() == pytest.approx(before.GetSpacing(), abs=1e-3)
    assert after.GetOrigin() == pytest.approx(before.GetOrigin(), abs=1e-3)
    assert after.GetDirection() == pytest.approx(before.GetDirection(), abs=1e-3)
