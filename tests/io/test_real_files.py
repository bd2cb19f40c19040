"""Every DICOM, zip and NIfTI of the real data: opened rightly, or refused with the right sentence."""

from __future__ import annotations

import io
import time
import zipfile

import nibabel as nib
import numpy as np
import pydicom
import pytest

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import SeriesKind
from cof_viewer.io import inspect, open_study
from cof_viewer.io.nifti.axes import to_stack_order


@pytest.fixture(scope="module")
def mri(data_dir):
    return data_dir / "mri"


@pytest.fixture(scope="module")
def exam(mri):
    return open_study(mri / "dicom" / "bivme_patient1_exam.zip")


@pytest.fixture(scope="module")
def sunnybrook(mri):
    return open_study(mri / "dicom" / "SCD0000301_GE_sax_dicom.zip")


@pytest.fixture(scope="module")
def oddities(mri, tmp_path_factory):
    folder = tmp_path_factory.mktemp("oddities")
    with zipfile.ZipFile(mri / "dicom" / "oddities.zip") as archive:
        archive.extractall(folder)
    return folder


def _codes(study):
    return {flag.code for flag in study.flags}


def test_exam_is_one_short_axis_stack_and_five_long_axis_views(mri):
    findings = inspect([mri / "dicom" / "bivme_patient1_exam.zip"])
    kinds = [finding.kind for finding in findings]
    assert kinds.count(SeriesKind.SHORT_AXIS_CINE) == 1
    assert kinds.count(SeriesKind.LONG_AXIS_CINE) == len(findings) - 1 == 5
    stack = next(f for f in findings if f.kind is SeriesKind.SHORT_AXIS_CINE)
    assert (stack.slices, stack.phases, len(stack.files)) == (6, 25, 150)
    assert stack.spacing_mm == pytest.approx((1.40625, 1.40625, 17.7), abs=0.01)
    assert (stack.rr_ms, stack.heart_rate_bpm) == (pytest.approx(830.0), pytest.approx(72.3, abs=0.1))
    assert all(finding.phases == 25 for finding in findings)


def test_exam_slices_and_phases_are_in_spatial_and_temporal_order(mri, exam):
    """Base -> apex is Se11, Se1, 2, 3, 4, 5; phases go by trigger time; pixels are the files'."""
    with zipfile.ZipFile(mri / "dicom" / "bivme_patient1_exam.zip") as archive:
        for z, series in enumerate(("Se11", "Se1", "Se2", "Se3", "Se4", "Se5")):
            names = [name for name in archive.namelist() if f"/{series}/" in name]
            images = [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in names]
            images.sort(key=lambda image: float(image.TriggerTime))
            for t in (0, 8, 24):
                np.testing.assert_array_equal(exam.cine.data[t, z], images[t].pixel_array)
            corner = exam.cine.grid.patient_from_points(np.array([0.0, 0.0, z]))
            np.testing.assert_allclose(corner, [float(v) for v in images[0].ImagePositionPatient], atol=0.01)


def test_exam_identity_and_flags(exam):
    assert exam.patient.sex is None
    assert exam.study_date == "2025-05-14"
    assert _codes(exam) == {"rr-differs"}
    assert exam.cine.phase_ms == pytest.approx([33.2 * k for k in range(25)], abs=0.1)


def test_exam_as_folder_is_the_exam_as_zip(mri, exam, tmp_path):
    with zipfile.ZipFile(mri / "dicom" / "bivme_patient1_exam.zip") as archive:
        archive.extractall(tmp_path)
    assert open_study(tmp_path).sha256 == exam.sha256


def test_sunnybrook_dicom_lies_over_its_nifti(mri, sunnybrook):
    nifti = open_study(mri / "cines" / "scd_SCD0000301_cine.nii.gz").cine
    dicom = sunnybrook.cine
    slices, rows, columns = nifti.grid.shape
    ends = np.array([[0.0, 0.0, 0.0], [columns - 1.0, rows - 1.0, slices - 1.0]])
    in_dicom = dicom.grid.voxels_from_points(nifti.grid.patient_from_points(ends))
    x, y, z = np.round(in_dicom[0]).astype(int)
    np.testing.assert_allclose(in_dicom, ends + np.array([x, y, z]), atol=1e-3)
    assert z == 0
    np.testing.assert_array_equal(dicom.data[:, :, y : y + rows, x : x + columns], nifti.data)


def test_sunnybrook_headers_that_lie_are_seen_through(sunnybrook):
    assert sunnybrook.cine.data.shape == (20, 10, 256, 256)  # orientations differ in the last digit: one stack
    assert sunnybrook.cine.grid.spacing_mm[2] == pytest.approx(8.0, abs=1e-3)  # SliceLocation says 5.29
    assert sunnybrook.cine.rr_ms == 923.0
    assert sunnybrook.cine.phase_ms[:2] == pytest.approx((10.0, 56.0))
    assert sunnybrook.study_date is None  # 20120000
    assert sunnybrook.patient.age_years is None
    assert sunnybrook.flags == ()


def test_perfusion_is_refused(mri):
    path = mri / "dicom" / "perfusion_GE_firstpass_40frames.zip"
    (finding,) = inspect([path])
    assert (finding.kind, finding.slices, finding.phases) == (SeriesKind.PERFUSION, 1, 40)
    with pytest.raises(UserError, match="perfusion, not a cine: 40 pictures at one position, one heartbeat apart"):
        open_study(path)


def test_no_oddity_is_taken_for_a_heart(oddities, mri):
    findings = inspect([mri / "dicom" / "oddities.zip"])
    assert {f.kind for f in findings} <= {SeriesKind.OTHER, SeriesKind.OTHER_MR, SeriesKind.LOCALISER}
    assert sum(len(f.files) for f in findings) == 205 - 2 - 8  # two READMEs, eight directories
    with pytest.raises(UserError, match="No short-axis cine found"):
        open_study(oddities)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pydicom/MR_truncated.dcm", "ends too early: 62 bytes"),
        ("pydicom-data/emri_small_jpeg_2k_lossless_too_short.dcm", "ends too early: 8 bytes"),
        ("pydicom/CT_small.dcm", "This is CT, not MR"),
        ("pydicom/MR_small_RLE.dcm", "single picture"),
        ("pydicom/examples_overlay.dcm", "says abdomen"),
        ("pydicom-data/emri_small_big_endian.dcm", "says head"),
        ("pydicom/dicomdirtests/DICOMDIR", "No short-axis cine"),
        ("pydicom/dicomdirtests/DICOMDIR-bigEnd", "No short-axis cine"),
        ("pydicom/dicomdirtests/DICOMDIR-implicit", "No short-axis cine"),
        ("pydicom/dicomdirtests/DICOMDIR-nooffset", "No short-axis cine"),
        ("pydicom/dicomdirtests/DICOMDIR-nopatient", "No short-axis cine"),
        ("pydicom/dicomdirtests/DICOMDIR-reordered", "No short-axis cine"),
        ("pydicom/dicomdirtests/DICOMDIR-empty.dcm", "It lists no files"),
        ("pydicom/dicomdirtests/TINY_ALPHA/DICOMDIR", "no pictures"),
        ("pydicom/dicomdirtests/README.txt", "neither DICOM, NIfTI nor an ECG"),
        ("dicom2nifti/siemens/fmri/001", "mosaic"),
        ("dicom2nifti/failing/slicecount/001", "only 1 phase"),
        ("dicom2nifti/failing/sliceorientation/001", "No short-axis cine"),
        ("dicom2nifti/philips/fmri/001", "only 4 phases"),
        ("dicom2nifti/ge/dti/002", "only 4 phases"),
        ("dicom2nifti/generic/rgb/001", "only 1 phase"),
        ("dicom2nifti/philips_enhanced/fmri/001_implicit", "only 4 phases"),
        ("dicom2nifti/siemens_multiframe/anatomical/001", "only 1 phase"),
    ],
)
def test_oddities_are_refused_with_the_right_sentence(oddities, name, words):
    with pytest.raises(UserError, match=words):
        open_study(oddities / name)


def test_every_oddity_s_pixels_are_what_pydicom_reads(oddities):
    from cof_viewer.io.dicom.frames import frames_of
    from cof_viewer.io.dicom.headers import read_file
    from cof_viewer.io.dicom.pixels import decode
    from cof_viewer.io.sources import DiskFile

    seen = 0
    for path in sorted((oddities / "dicom2nifti").rglob("*")) + sorted((oddities / "pydicom").glob("MR_small*")):
        if not path.is_file() or "rgb" in path.parts:
            continue
        frames = frames_of(read_file(DiskFile(path)))
        image = pydicom.dcmread(path)
        expected = np.atleast_3d(image.pixel_array.T).T if image.pixel_array.ndim == 2 else image.pixel_array
        for frame, got in zip(frames, decode(frames), strict=True):
            slope, intercept = frame.rescale
            np.testing.assert_allclose(got, expected[frame.index] * slope + intercept, rtol=1e-5, atol=1e-3)
            seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    ("patient", "shape", "rr_ms", "apexward"),
    [("101", (20, 12, 109, 106), 766, 1), ("301", (20, 10, 122, 118), 922, 1), ("401", (20, 11, 112, 117), 1017, 1)],
)
def test_sunnybrook_nifti(mri, patient, shape, rr_ms, apexward):
    study = open_study(mri / "cines" / f"scd_SCD0000{patient}_cine.nii.gz")
    assert study.cine.data.shape == shape
    assert study.cine.rr_ms == pytest.approx(rr_ms, abs=1)
    assert study.flags == ()
    assert study.stack.grid.orientation_known


@pytest.mark.parametrize(("patient", "ed", "es"), [("101", 18, 7), ("301", 19, 6), ("401", 19, 6)])
def test_end_diastole_in_the_last_phases_stays_there(mri, patient, ed, es):
    """The cavity as drawn at ED is filled with bright blood then, and partly with dark muscle at ES."""
    study = open_study(mri / "cines" / f"scd_SCD0000{patient}_cine.nii.gz")
    cavity = np.asarray(nib.load(mri / "cines" / f"scd_SCD0000{patient}_cine_gt_ed.nii.gz").dataobj) == 1
    layout = study.cine.layout
    inside = to_stack_order(cavity.astype(np.float32), layout) > 0.5
    brightness = np.array([volume[inside].mean() for volume in study.cine.data])
    late = (int(np.argmax(brightness)) - ed) % study.cine.phases
    assert min(late, study.cine.phases - late) <= 2
    assert brightness[es] < 0.95 * brightness[ed]


@pytest.mark.parametrize(
    ("name", "shape", "spacing", "hint", "codes"),
    [
        ("acdc_patient065/patient065_frame01", (8, 224, 210), (1.875, 1.875, 10), "ed", {"affine-repaired"}),
        ("acdc_patient065/patient065_frame14", (8, 224, 210), (1.875, 1.875, 10), "es", {"affine-repaired"}),
        ("acdc_patient090/patient090_frame04", (7, 224, 154), (1.786, 1.786, 10), "ed", {"affine-repaired"}),
        ("acdc_patient094/patient094_frame07", (10, 174, 208), (1.683, 1.683, 5), "es", {"affine-repaired"}),
        ("mnms/B5F8L9_sa_ED", (12, 196, 240), (1.167, 1.167, 9.6), "ed", set()),
        ("mnms/B5F8L9_sa_ES", (12, 196, 240), (1.167, 1.167, 9.6), "es", set()),
    ],
)
def test_native_volumes(mri, name, shape, spacing, hint, codes):
    study = open_study(mri / "native" / f"{name}.nii.gz")
    assert study.volume.data.shape == shape
    assert study.stack.grid.spacing_mm == pytest.approx(spacing, abs=1e-3)
    assert study.anchor_phase_hint == hint
    assert _codes(study) - {"orientation-unknown"} == codes


def test_native_volume_that_runs_from_the_apex_is_turned(mri):
    study = open_study(mri / "native" / "mnms" / "B5F8L9_sa_ED.nii.gz")
    assert study.volume.layout.flipped == (False, False, True)
    base_to_apex = study.volume.grid.directions[:, 2]
    assert base_to_apex[0] > 0 > base_to_apex[1]  # to the left and to the front
    assert base_to_apex[2] < 0  # and down


def test_acdc_cine_has_no_time_and_a_repaired_affine(mri):
    study = open_study(mri / "native" / "acdc_patient090")
    assert study.cine.data.shape == (12, 7, 224, 154)
    assert (study.cine.phase_ms, study.cine.rr_ms) == (None, None)
    assert _codes(study) == {"affine-repaired", "orientation-unknown", "time-unknown"}
    assert study.patient.height_cm == pytest.approx(165, abs=30)
    frame = open_study(mri / "native" / "acdc_patient090" / "patient090_frame04.nii.gz")
    np.testing.assert_array_equal(study.cine.data[3], frame.volume.data)


@pytest.mark.parametrize("name", ["cinema_mnms2_sax_ed", "cinema_mnms2_sax_es"])
def test_other_short_axis_volumes(mri, name):
    study = open_study(mri / "other" / f"{name}.nii.gz")
    assert study.volume.data.shape == (12, 192, 192)
    assert study.anchor_phase_hint == name[-2:]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other/cinema_mnms2_lax_4c_ed.nii.gz", "one slice"),
        ("other/cinema_mnms2_lax_4c_es.nii.gz", "one slice"),
        ("other/cmrsam_ID_0085_img_LAX.nii.gz", "third axis is time"),
        ("other/cmrsam_ID_0085_seg_LAX.nii.gz", "holds labels"),
        ("other/nibabel_anatomical.nii", "No short-axis cine"),
        ("other/nibabel_functional.nii", "No short-axis cine"),
        ("other/nibabel_example4d.nii.gz", "No short-axis cine"),
        ("other/nibabel_example_nifti2.nii.gz", "No short-axis cine"),
        ("other/nibabel_reoriented_anat_moved.nii", "No short-axis cine"),
        ("other/nibabel_resampled_anat_moved.nii", "No short-axis cine"),
        ("other/nibabel_nifti1.hdr", "header without its picture"),
        ("other/nibabel_nifti2.hdr", "header without its picture"),
        ("other/nibabel_analyze.hdr", "old Analyze format"),
        ("other/nibabel_standard.nii.gz", "No short-axis cine"),
        ("other/nibabel_row_major.dconn.nii", "CIFTI"),
        ("native/acdc_patient065/patient065_frame01_gt.nii.gz", "holds labels"),
        ("native/mnms/B5F8L9_sa_ED_gt.nii.gz", "holds labels"),
        ("cines/scd_SCD0000101_cine_gt_es.nii.gz", "holds labels"),
        ("cines/acdc_patient001.npz", "numpy archive"),
        ("pairs/acdc_patient001.npz", "numpy archive"),
        ("manifest.csv", "neither DICOM, NIfTI nor an ECG"),
    ],
)
def test_files_that_are_no_short_axis_study_are_refused(mri, name, words):
    path = mri / name
    if not path.exists():
        pytest.skip(f"{name} is not among the data")
    with pytest.raises(UserError, match=words):
        open_study(path)


def test_findings_of_all_real_files_are_sound(mri):
    for finding in inspect([mri / "dicom", mri / "native", mri / "other"]):
        assert finding.kind in SeriesKind
        assert all(problem.endswith(".") for problem in finding.problems), finding.problems
        if finding.kind in (SeriesKind.UNREADABLE, SeriesKind.OTHER, SeriesKind.OTHER_MR):
            assert finding.problems
        for name in ("NAME^NONE", "Doe", "Citizen"):
            assert name not in repr(finding)


@pytest.mark.parametrize("zipped", [False, True])
def test_opening_the_exam_costs_at_most_three_times_reading_its_pixels(mri, tmp_path, zipped):
    archive_path = mri / "dicom" / "bivme_patient1_exam.zip"
    with zipfile.ZipFile(archive_path) as archive:
        archive.extractall(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    def plainly():
        if zipped:
            with zipfile.ZipFile(archive_path) as archive:
                for name in archive.namelist():
                    _ = pydicom.dcmread(io.BytesIO(archive.read(name))).pixel_array
        else:
            for file in files:
                _ = pydicom.dcmread(file).pixel_array

    def best(work):
        times = []
        for _ in range(2):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return min(times)

    open_study(archive_path)
    assert best(lambda: open_study(archive_path if zipped else tmp_path)) <= 3.0 * best(plainly)
