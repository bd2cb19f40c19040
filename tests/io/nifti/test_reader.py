"""What NIfTI files are, what their time means, and how damaged ones are refused."""

from __future__ import annotations

import gzip
import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import SeriesKind
from cof_viewer.io import inspect, open_study
from cof_viewer.io.export.nifti import GENERATED, write_cine
from tests.io.made import beating, oblique_affine, write_nifti


def _codes(study):
    return {flag.code for flag in study.flags}


def _kind(path):
    (finding,) = inspect([path])
    return finding.kind


@pytest.mark.parametrize(
    ("step", "unit", "rr", "repaired"),
    [
        (0.075, "sec", 900.0, False),
        (75.0, "msec", 900.0, False),
        (75_000.0, "usec", 900.0, False),
        (75.0, "sec", 900.0, True),
        (0.075, "msec", 900.0, True),
        (75.0, "unknown", 900.0, True),
        (1.0, "sec", None, False),
        (1.0, "msec", None, False),
        (1.0, "unknown", None, False),
        (0.0, "sec", None, False),
        (float("nan"), "sec", None, False),
        (-0.075, "sec", None, False),
    ],
)
def test_time_between_phases(tmp_path, step, unit, rr, repaired):
    path = write_nifti(tmp_path / "a.nii", beating(12, 6), step=step, units=("mm", unit))
    study = open_study(path)
    assert study.cine.rr_ms == (pytest.approx(rr) if rr else None)
    assert ("time-unknown" in _codes(study)) == (rr is None)
    assert ("time-unit-repaired" in _codes(study)) == repaired
    if rr:
        assert study.cine.phase_ms == pytest.approx([k * rr / 12 for k in range(12)])


def test_volumes_seconds_apart_are_no_beat(tmp_path):
    path = write_nifti(tmp_path / "a.nii", beating(40, 6), step=2.0, units=("mm", "sec"))
    assert _kind(path) is SeriesKind.OTHER_MR
    with pytest.raises(UserError, match="too far apart in time"):
        open_study(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i2", np.float32, ">f4", np.float64])
def test_every_number_type_and_byte_order(tmp_path, dtype):
    data = (beating(12, 6) // 2).astype(dtype)
    path = tmp_path / "a.nii.gz"
    header = nib.Nifti1Header(endianness=">" if str(np.dtype(dtype).byteorder) == ">" else "<")
    native = np.dtype(dtype).newbyteorder("=")
    image = nib.Nifti1Image(data.transpose(3, 2, 1, 0), oblique_affine(), header, dtype=native)
    image.header["pixdim"][4] = 0.075
    nib.save(image, path)
    study = open_study(path)
    np.testing.assert_array_equal(study.stack.data, data.astype(np.float32))
    assert study.stack.layout.dtype == native.name


def test_scaled_integers_are_scaled_and_their_scale_is_kept(tmp_path):
    data = beating(12, 6)
    image = nib.Nifti1Image(data.transpose(3, 2, 1, 0), oblique_affine())
    path = tmp_path / "a.nii"
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([0.5, 10.0], "<f4").tobytes()
    path.write_bytes(raw)
    stack = open_study(path).stack
    np.testing.assert_allclose(stack.data, data * 0.5 + 10.0)
    assert (stack.layout.slope, stack.layout.intercept) == (0.5, 10.0)


def test_nifti_2_and_a_name_without_suffix(tmp_path):
    nib.save(nib.Nifti2Image(beating(12, 6).transpose(3, 2, 1, 0), oblique_affine()), tmp_path / "a.nii")
    (tmp_path / "a.nii").rename(tmp_path / "cine")
    np.testing.assert_array_equal(open_study(tmp_path / "cine").stack.data, beating(12, 6))


def test_a_header_with_its_image_beside_it(tmp_path):
    nib.save(nib.Nifti1Pair(beating(12, 6).transpose(3, 2, 1, 0), oblique_affine()), tmp_path / "a.img")
    np.testing.assert_array_equal(open_study(tmp_path / "a.hdr").stack.data, beating(12, 6))
    np.testing.assert_array_equal(open_study(tmp_path / "a.img").stack.data, beating(12, 6))
    (tmp_path / "a.img").unlink()
    with pytest.raises(UserError, match="header without its picture"):
        open_study(tmp_path / "a.hdr")


def test_an_extra_axis_of_one_is_left_out(tmp_path):
    data = beating(12, 6).transpose(3, 2, 1, 0)[:, :, :, None, :]
    nib.save(nib.Nifti1Image(data, oblique_affine()), tmp_path / "a.nii")
    assert open_study(tmp_path / "a.nii").cine.phases == 12


def test_ed_and_es_as_words_of_the_name(tmp_path):
    hints = {}
    for name in ("B5_sa_ED", "x_es", "edge", "patient_ED_ES", "ED"):
        hints[name] = open_study(write_nifti(tmp_path / f"{name}.nii", beating(1, 6)[0])).anchor_phase_hint
    assert hints == {"B5_sa_ED": "ed", "x_es": "es", "edge": None, "patient_ED_ES": None, "ED": "ed"}


def test_some_nan_are_filled_and_flagged(tmp_path):
    data = beating(12, 6).astype(np.float32)
    data[3, 2, 10:12, 5] = np.nan
    data[0, 0, 0, 0] = np.inf
    study = open_study(write_nifti(tmp_path / "a.nii", data))
    assert np.isfinite(study.stack.data).all()
    assert study.stack.data[3, 2, 10, 5] == np.nanmin(data)
    flag = next(flag for flag in study.flags if flag.code == "pixels-filled")
    assert flag.text.startswith("3 of ")


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "holds no numbers, only NaN"), (7.0, "one flat grey"), (0.0, "one flat grey")]
)
@pytest.mark.parametrize("shape", [(6, 48, 56), (12, 6, 48, 56)])
def test_empty_pictures_are_refused(tmp_path, value, words, shape):
    path = write_nifti(tmp_path / "a.nii", np.full(shape, value, np.float32))
    with pytest.raises(UserError, match=words):
        open_study(path)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 48, 56), "It has one slice"),
        ((12, 1, 48, 56), "It has one slice"),
        ((2, 6, 48, 56), "only 2 phases; a cine has at least 10"),
        ((9, 6, 48, 56), "only 9 phases"),
        ((2, 48, 56), "only 2 slices"),
        ((6, 20, 30), r"only 30 × 20 pixels"),
    ],
)
def test_too_little_is_refused(tmp_path, shape, words):
    data = np.random.default_rng(0).integers(0, 500, shape).astype(np.int16)
    with pytest.raises(UserError, match=words):
        open_study(write_nifti(tmp_path / "a.nii.gz", data))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0001), (0.9, 0.9, 2.0), (4.0, 4.0, 10.0), (1.0, 1.0, 60.0)])
def test_lattices_of_no_short_axis_stack(tmp_path, spacing):
    data = np.random.default_rng(0).integers(0, 500, (12, 96, 96)).astype(np.int16)
    assert _kind(write_nifti(tmp_path / "a.nii", data, oblique_affine(spacing))) is SeriesKind.OTHER_MR


def test_planes_along_the_heart_are_refused(tmp_path):
    affine = oblique_affine()
    affine[:3, [0, 1, 2]] = np.stack([affine[:3, 0], affine[:3, 2] / 8.0, affine[:3, 1] * 8.0], axis=1)
    path = write_nifti(tmp_path / "a.nii", beating(1, 12)[0], affine)
    with pytest.raises(UserError, match="do not lie across the heart's long axis"):
        open_study(path)


def test_a_brain_atlas_is_refused_by_its_code(tmp_path):
    with pytest.raises(UserError, match="brain atlas"):
        open_study(write_nifti(tmp_path / "a.nii", beating(1, 6)[0], code=4))


def test_a_series_without_motion_is_no_cine(tmp_path):
    still = np.repeat(beating(1, 6), 12, axis=0)
    with pytest.raises(UserError, match="Nothing moves in it"):
        open_study(write_nifti(tmp_path / "a.nii", still))


def test_pictures_beyond_the_memory_held_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr("cof_viewer.io.discover._MOST_HELD_BYTES", 1000)
    write_nifti(tmp_path / "a.nii", beating(12, 6))
    np.testing.assert_array_equal(open_study(tmp_path).stack.data, beating(12, 6))


def test_a_third_axis_that_is_time(tmp_path):
    path = write_nifti(tmp_path / "lax.nii.gz", beating(15, 1)[:, 0])
    assert _kind(path) is SeriesKind.LONG_AXIS_CINE
    with pytest.raises(UserError, match="third axis is time"):
        open_study(path)


def test_labels_are_not_taken_for_a_picture(tmp_path):
    labels = (beating(1, 6)[0] > 300).astype(np.uint8) + (beating(1, 6)[0] > 200)
    path = write_nifti(tmp_path / "labels.nii.gz", labels.astype(np.uint8))
    assert _kind(path) is SeriesKind.OTHER
    with pytest.raises(UserError, match="holds labels, not a picture"):
        open_study(path)


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_truncated_files(tmp_path, keep):
    whole = write_nifti(tmp_path / "a.nii", beating(12, 6)).read_bytes()
    (tmp_path / "b.nii").write_bytes(whole[: int(keep * len(whole))])
    zipped = gzip.compress(whole)
    (tmp_path / "c.nii.gz").write_bytes(zipped[: int(keep * len(zipped))])
    for name in ("b.nii", "c.nii.gz"):
        assert _kind(tmp_path / name) is SeriesKind.UNREADABLE
        with pytest.raises(UserError, match=f'"{name}" can\'t be opened. The file ends too early'):
            open_study(tmp_path / name)


def test_colours_and_complex_numbers_are_refused(tmp_path):
    rgb = np.zeros((56, 48, 6), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(rgb, oblique_affine()), tmp_path / "a.nii")
    with pytest.raises(UserError, match="colours or complex"):
        open_study(tmp_path / "a.nii")


def test_a_generated_cine_does_not_pass_for_a_measured_one(tmp_path):
    study = open_study(write_nifti(tmp_path / "a.nii", beating(12, 6), step=75.0))
    stack = study.cine
    write_cine(tmp_path / "b.nii.gz", stack.data, stack.grid, stack.layout, rr_ms=900.0, description=GENERATED)
    again = open_study(tmp_path / "b.nii.gz")
    assert "generated-source" in _codes(again)
    assert again.cine.rr_ms == pytest.approx(900.0)


def test_a_folder_with_study_json(tmp_path):
    write_nifti(tmp_path / "cine.nii.gz", beating(12, 6), step=1.0)
    facts = {"name": "Demo: x", "simulated": True, "sex": "F", "age": 30, "height_cm": 170.0, "weight_kg": 62.0}
    (tmp_path / "study.json").write_text(json.dumps({**facts, "rr_ms": 840.0}))
    study = open_study(tmp_path)
    assert study.simulated
    assert (study.patient.name, study.patient.sex, study.patient.age_years) == ("Demo: x", "F", 30.0)
    assert study.patient.bsa_m2 == pytest.approx((170 * 62 / 3600) ** 0.5)
    assert study.cine.rr_ms == 840.0
    assert study.cine.phase_ms[1] == pytest.approx(70.0)
    assert "time-unknown" not in _codes(study)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(UserError, match=r'"study.json" beside the pictures is damaged'):
        open_study(tmp_path)


def test_acdc_info_cfg_tells_the_phase_and_the_size(tmp_path):
    for frame in (1, 7, 9):
        write_nifti(tmp_path / f"patient007_frame{frame:02d}.nii.gz", beating(1, 6)[0] + frame)
    (tmp_path / "Info.cfg").write_text("ED: 1\nES: 7\nGroup: NOR\nHeight: 180.0\nNbFrame: 30\nWeight: 92.0\n")
    studies = [open_study(tmp_path / f"patient007_frame{frame:02d}.nii.gz") for frame in (1, 7, 9)]
    assert [study.anchor_phase_hint for study in studies] == ["ed", "es", None]
    assert (studies[0].patient.height_cm, studies[0].patient.weight_kg) == (180.0, 92.0)
    shutil.rmtree(tmp_path)
