"""Stacks out of made DICOM files: every rule of VIEWER's "Reading cine DICOM", every trap that headers set."""

from __future__ import annotations

import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, RLELossless

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import SeriesKind
from cof_viewer.io import inspect, open_study
from tests.io.made import COLUMN, NORMAL, ORIGIN, ROW, beating, classic, write_cine


def _codes(study):
    return {flag.code for flag in study.flags}


def test_files_are_found_by_content_and_put_in_order(tmp_path):
    data = write_cine(tmp_path)
    (tmp_path / "notes.txt").write_text("not a picture")
    study = open_study(tmp_path)
    assert study.cine is not None
    np.testing.assert_array_equal(study.cine.data, data)
    assert study.cine.phase_ms == pytest.approx([40.0 * t for t in range(12)])
    assert study.cine.rr_ms == 480.0
    assert study.flags == ()


def test_affine_comes_from_orientation_position_and_spacing(tmp_path):
    write_cine(tmp_path)
    grid = open_study(tmp_path).stack.grid
    expected = np.eye(4)
    expected[:3] = np.stack([ROW * 1.25, COLUMN * 1.5, NORMAL * 10.0, ORIGIN], axis=1)
    np.testing.assert_allclose(grid.patient_from_voxel, expected, atol=1e-4)
    assert grid.orientation_known
    assert grid.spacing_known


def test_slices_run_from_base_to_apex_whatever_the_header_s_order(tmp_path):
    data = write_cine(tmp_path, beating()[:, ::-1], step_mm=-10.0)  # positions now run apex -> base
    study = open_study(tmp_path)
    np.testing.assert_array_equal(study.stack.data, data[:, ::-1])
    apex_minus_base = study.stack.grid.patient_from_voxel[:3, 2]
    assert apex_minus_base @ NORMAL > 0


def test_one_series_a_slice_is_one_stack(tmp_path):
    data = write_cine(tmp_path, one_series_a_slice=True)
    findings = inspect([tmp_path])
    assert [f.kind for f in findings] == [SeriesKind.SHORT_AXIS_CINE]
    assert (findings[0].slices, findings[0].phases, len(findings[0].files)) == (6, 12, 72)
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, data)


def test_orientations_that_differ_in_the_last_digit_are_one_stack(tmp_path):
    def edit(ds, z, t):
        if z % 2:
            ds.ImageOrientationPatient = [v + 1e-6 for v in ds.ImageOrientationPatient]

    write_cine(tmp_path, edit=edit)
    assert [f.slices for f in inspect([tmp_path])] == [6]


def test_orientations_two_degrees_apart_are_two_stacks(tmp_path):
    def edit(ds, z, t):
        if z >= 3:
            turned = ROW + np.deg2rad(2.0) * COLUMN
            ds.ImageOrientationPatient = [*turned, *(COLUMN - np.deg2rad(2.0) * ROW)]

    write_cine(tmp_path, edit=edit)
    assert len(inspect([tmp_path])) == 2


def test_slice_location_and_spacing_between_slices_are_not_believed(tmp_path):
    def edit(ds, z, t):
        ds.SliceLocation, ds.SpacingBetweenSlices, ds.SliceThickness = 5.29 * z, 3.0, 6.0

    write_cine(tmp_path, edit=edit)
    assert inspect([tmp_path])[0].spacing_mm == pytest.approx((1.25, 1.5, 10.0), abs=1e-4)


def test_instance_numbers_do_not_rule_over_trigger_times(tmp_path):
    def edit(ds, z, t):
        ds.InstanceNumber = 12 - t

    data = write_cine(tmp_path, edit=edit)
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, data)


def test_a_window_an_image_does_not_touch_the_pixels(tmp_path):
    def edit(ds, z, t):
        ds.WindowCenter, ds.WindowWidth = 10 * t + 1, 7 * z + 1

    data = write_cine(tmp_path, edit=edit)
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, data)


def test_numbering_in_names_does_not_split_a_stack(tmp_path):
    def edit(ds, z, t):
        ds.SequenceName = f"*tfi2d1_{10 + z}"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", f"FM{z}_3"]
        ds.SeriesDescription = f"sax {z}"

    write_cine(tmp_path, one_series_a_slice=True, edit=edit)
    assert [f.slices for f in inspect([tmp_path])] == [6]


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_invalid_dates_and_uids_are_lived_with(tmp_path):
    def edit(ds, z, t):
        ds.StudyDate, ds.PatientBirthDate = "20120000", "00000000"
        ds.SeriesInstanceUID = UID("2.16.124.113543.6006.99.02971596033629934929")
        del ds.PatientAge

    write_cine(tmp_path, edit=edit)
    study = open_study(tmp_path)
    assert study.study_date is None
    assert study.patient.age_years is None


def test_an_empty_per_frame_sequence_does_not_make_a_file_enhanced(tmp_path):
    def edit(ds, z, t):
        ds.PerFrameFunctionalGroupsSequence = Sequence([Dataset()])

    data = write_cine(tmp_path, edit=edit)
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, data)


def test_a_missing_slice_is_said_and_interpolated(tmp_path):
    data = write_cine(tmp_path, keep=lambda z, t: z != 3)
    study = open_study(tmp_path)
    assert study.stack.data.shape == data.shape
    np.testing.assert_allclose(study.stack.data[:, 3], (data[:, 2].astype(np.float32) + data[:, 4]) / 2)
    np.testing.assert_allclose(study.stack.grid.spacing_mm[2], 10.0, atol=1e-4)
    flag = next(flag for flag in study.flags if flag.code == "slices-missing")
    assert flag.text == (
        "Slice 4 of 6 is missing: the gap there is 20 mm, elsewhere 10 mm. Volumes are interpolated across it."
    )
    assert any("missing" in problem for problem in inspect([tmp_path])[0].problems)


def test_two_missing_slices_in_a_row(tmp_path):
    write_cine(tmp_path, beating(slices=9), keep=lambda z, t: z not in (4, 5))
    study = open_study(tmp_path)
    assert study.stack.data.shape[1] == 9
    assert next(f for f in study.flags if f.code == "slices-missing").text.startswith("Slices 5 to 6 of 9 are missing")


def test_duplicates_keep_the_latest_acquisition(tmp_path):
    study_uid = "1.2.3.4"
    data = write_cine(tmp_path, edit=lambda ds, z, t: setattr(ds, "StudyInstanceUID", UID(study_uid)))
    for t in range(12):  # slice 2 was repeated a minute later, brighter, in a series of its own with another RR
        ds = classic(data[t, 2] + 50, 2, t, step_mm=10.0, series="1.2.3.5", study=study_uid)
        ds.AcquisitionTime, ds.TriggerTime, ds.SeriesNumber = "101600", 41.5 * t, 4
        ds.save_as(tmp_path / f"repeat{t}", enforce_file_format=True)
    study = open_study(tmp_path)
    np.testing.assert_array_equal(study.stack.data[:, 2], data[:, 2] + 50)
    np.testing.assert_array_equal(study.stack.data[:, 1], data[:, 1])
    assert "duplicates-dropped" in _codes(study)


def test_the_same_phase_twice_in_one_series_keeps_the_later_instance(tmp_path):
    data = write_cine(tmp_path, edit=lambda ds, z, t: setattr(ds, "StudyInstanceUID", UID("1.2.3.4")))
    first = inspect([tmp_path])[0]
    ds = pydicom.dcmread(first.files[0])
    z = round(float((np.array(ds.ImagePositionPatient, float) - ORIGIN) @ NORMAL / 10.0))
    t = round(float(ds.TriggerTime) / 40.0)
    ds.InstanceNumber, ds.SOPInstanceUID = 500, UID("1.2.3.99")
    ds.PixelData = (data[t, z] + 7).astype("<i2").tobytes()
    ds.save_as(tmp_path / "again", enforce_file_format=True)
    study = open_study(tmp_path)
    assert study.stack.data.shape == data.shape
    np.testing.assert_array_equal(study.stack.data[t, z], data[t, z] + 7)
    assert "duplicates-dropped" in _codes(study)


def test_uneven_phase_counts_are_resampled_in_cycle_time(tmp_path):
    data = write_cine(tmp_path, keep=lambda z, t: not (z == 1 and t == 6))
    study = open_study(tmp_path)
    assert study.stack.data.shape == data.shape
    kept = [t for t in range(12) if t != 6]
    np.testing.assert_allclose(study.stack.data[kept, 1], data[kept, 1], atol=1e-3)
    halfway = (data[5, 1].astype(np.float32) + data[7, 1]) / 2
    np.testing.assert_allclose(study.stack.data[6, 1], halfway, atol=1e-3)
    assert "phases-uneven" in _codes(study)


def test_rr_is_the_median_over_slices_and_phases_keep_their_place_in_the_cycle(tmp_path):
    rr = [800, 820, 840, 860, 900, 1000]

    def edit(ds, z, t):
        ds.NominalInterval, ds.TriggerTime = rr[z], rr[z] * t / 12

    write_cine(tmp_path, edit=edit)
    study = open_study(tmp_path)
    assert study.cine.rr_ms == 850.0
    assert study.cine.phase_ms == pytest.approx([850.0 * t / 12 for t in range(12)])
    assert "rr-differs" in _codes(study)


def test_slices_shifted_in_plane_are_brought_to_one_lattice(tmp_path):
    def edit(ds, z, t):
        if z == 2:  # moved by 4 columns along the row and 2 rows down
            ds.ImagePositionPatient = [float(v) for v in ORIGIN + 20.0 * NORMAL + 5.0 * ROW + 3.0 * COLUMN]

    data = write_cine(tmp_path, edit=edit)
    got = open_study(tmp_path).stack.data
    np.testing.assert_allclose(got[:, 2, 2:, 4:], data[:, 2, :-2, :-4], atol=0.05)
    np.testing.assert_array_equal(got[:, 3], data[:, 3])


@pytest.mark.parametrize(("slope", "intercept"), [(2.0, -10.0), (0.5, 3.0)])
def test_rescale_is_applied_and_kept_for_exports(tmp_path, slope, intercept):
    def edit(ds, z, t):
        ds.RescaleSlope, ds.RescaleIntercept = slope, intercept

    data = write_cine(tmp_path, edit=edit)
    stack = open_study(tmp_path).stack
    np.testing.assert_allclose(stack.data, data * slope + intercept)
    assert (stack.layout.slope, stack.layout.intercept, stack.layout.dtype) == (slope, intercept, "int16")


def test_a_scale_an_image_gives_one_grey(tmp_path):
    def edit(ds, z, t):
        ds.RescaleSlope, ds.RescaleIntercept = 1.0 + t, 0.0

    data = write_cine(tmp_path, edit=edit)
    stack = open_study(tmp_path).stack
    np.testing.assert_allclose(stack.data, data * (1.0 + np.arange(12))[:, None, None, None])
    assert stack.layout.dtype == "float32"


def test_monochrome1_is_turned_round(tmp_path):
    def edit(ds, z, t):
        ds.PhotometricInterpretation, ds.PixelRepresentation, ds.BitsStored, ds.HighBit = "MONOCHROME1", 0, 12, 11

    data = write_cine(tmp_path, edit=edit)
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, 4095 - data)


def test_compressed_pictures_are_decoded(tmp_path):
    data = write_cine(tmp_path, edit=lambda ds, z, t: ds.compress(RLELossless))
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, data)


def test_deflated_files_are_unpacked(tmp_path):
    def edit(ds, z, t):
        ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    data = write_cine(tmp_path, edit=edit)
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, data)


def test_a_damaged_compressed_picture_is_named(tmp_path):
    write_cine(tmp_path, edit=lambda ds, z, t: ds.compress(RLELossless))
    victim = sorted(tmp_path.iterdir())[3]
    whole = victim.read_bytes()
    at = whole.rindex(b"\xfe\xff\x00\xe0") + 8
    victim.write_bytes(whole[:at] + b"\xff" * 64 + whole[at + 64 :])
    with pytest.raises(UserError, match=f'The picture in "{victim.name}" can\'t be decoded'):
        open_study(tmp_path)


def test_colour_pictures_are_refused(tmp_path):
    def edit(ds, z, t):
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0

    write_cine(tmp_path, edit=edit)
    with pytest.raises(UserError, match="is a colour picture"):
        open_study(tmp_path)


def test_a_zip_opens_as_its_folder_does(tmp_path):
    write_cine(tmp_path / "exam")
    with zipfile.ZipFile(tmp_path / "exam.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (tmp_path / "exam").iterdir():
            archive.write(file, f"a/b/{file.name}")
    zipped, folder = open_study(tmp_path / "exam.zip"), open_study(tmp_path / "exam")
    np.testing.assert_array_equal(zipped.stack.data, folder.stack.data)
    assert zipped.sha256 == folder.sha256
    assert inspect([tmp_path / "exam.zip"])[0].path == f"{tmp_path / 'exam.zip'}/a/b"


def test_the_checksum_knows_pixels_and_place_but_no_names(tmp_path):
    write_cine(tmp_path / "a")
    write_cine(tmp_path / "b", edit=lambda ds, z, t: setattr(ds, "PatientName", "Somebody^Else"))
    write_cine(tmp_path / "c", beating() + 1)
    write_cine(tmp_path / "d", step_mm=9.0)
    a, b, c, d = (open_study(tmp_path / name).sha256 for name in "abcd")
    assert a == b
    assert len({a, c, d}) == 3


def test_identity_and_reference_are_kept_and_findings_hold_no_name(tmp_path):
    write_cine(tmp_path)
    study = open_study(tmp_path)
    assert (study.patient.name, study.patient.sex, study.patient.age_years) == ("Jane Doe", "F", 61.0)
    assert study.study_date == "2024-02-29"
    assert study.reference["SeriesInstanceUIDs"].count("\\") == 0
    assert len(study.reference["SOPInstanceUIDs"].split("\\")) == 72
    assert {"StudyInstanceUID", "FrameOfReferenceUID", "PatientID"} <= study.reference.keys()
    assert "Doe" not in repr(study.series)
    assert "made-1" not in repr(study.series)


def test_a_truncated_picture_in_the_stack_is_refused_by_name(tmp_path):
    write_cine(tmp_path)
    victim = sorted(tmp_path.iterdir())[5]
    victim.write_bytes(victim.read_bytes()[:-100])
    with pytest.raises(UserError, match=f'"{victim.name}" ends too early: 100 bytes'):
        open_study(tmp_path)
    assert any("end too early" in problem for problem in inspect([tmp_path])[0].problems)


def test_a_file_cut_in_its_header_is_said(tmp_path):
    write_cine(tmp_path)
    victim = sorted(tmp_path.iterdir())[5]
    (tmp_path / "zzz").write_bytes(victim.read_bytes()[:300])
    study = open_study(tmp_path)
    assert "files-unreadable" in _codes(study)
    assert SeriesKind.UNREADABLE in {finding.kind for finding in study.series}


def test_a_slice_taken_again_a_little_aside_replaces_the_first(tmp_path):
    study_uid = "1.2.3.4"
    data = write_cine(
        tmp_path, one_series_a_slice=True, edit=lambda ds, z, t: setattr(ds, "StudyInstanceUID", UID(study_uid))
    )
    for t in range(12):
        ds = classic(data[t, 2] + 50, 2, t, step_mm=10.0, series="1.2.3.5", study=study_uid)
        ds.ImagePositionPatient = [float(v) for v in ORIGIN + 22.0 * NORMAL]
        ds.AcquisitionTime, ds.SeriesNumber = "101600", 300
        ds.save_as(tmp_path / f"again{t}", enforce_file_format=True)
    study = open_study(tmp_path)
    assert study.stack.data.shape == data.shape
    np.testing.assert_array_equal(study.stack.data[:, 2], data[:, 2] + 50)
    assert "duplicates-dropped" in _codes(study)


def test_a_whole_stack_taken_again_aside_is_a_stack_of_its_own(tmp_path):
    def second(ds, z, t):
        ds.StudyInstanceUID, ds.AcquisitionTime, ds.SeriesNumber = UID("1.2.3.4"), "103000", 9
        ds.ImagePositionPatient = [float(v) for v in ORIGIN + (10.0 * z + 3.0) * NORMAL]

    data = write_cine(tmp_path / "a", edit=lambda ds, z, t: setattr(ds, "StudyInstanceUID", UID("1.2.3.4")))
    write_cine(tmp_path / "b", data + 5, edit=second)
    study = open_study(tmp_path)
    assert [finding.slices for finding in study.series] == [6, 6]
    np.testing.assert_array_equal(study.stack.data, data + 5)  # the later of equals
    assert "several-stacks" in _codes(study)


def test_odd_and_even_slices_in_two_series_are_one_stack(tmp_path):
    def edit(ds, z, t):
        ds.SeriesInstanceUID = UID(f"1.2.3.{z % 2}")

    data = write_cine(tmp_path, edit=edit)
    assert [finding.slices for finding in inspect([tmp_path])] == [6]
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, data)
