"""The doors of the reading room: what they refuse, how they report and stop, and what they import."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import numpy as np
import pytest

from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.progress import CancelToken
from cof_viewer.domain.study import SeriesKind
from cof_viewer.io import inspect, open_study
from cof_viewer.io.sniff import Content, sniff
from tests.io.made import beating, write_cine, write_nifti


def _refused(path, words, code=None):
    with pytest.raises(UserError, match=words) as caught:
        open_study(path)
    if code:
        assert caught.value.code == code


def test_missing_paths_are_refused_by_both_doors(tmp_path):
    _refused(tmp_path / "nowhere", "does not exist", "missing-path")
    with pytest.raises(UserError, match="does not exist"):
        inspect([tmp_path, tmp_path / "nowhere"])


def test_empty_folders_files_and_zips_are_refused(tmp_path):
    _refused(tmp_path, r'".*" is empty\. Choose the folder of the exam', "empty")
    (tmp_path / "a.dcm").write_bytes(b"")
    _refused(tmp_path / "a.dcm", "The file is empty")
    zipfile.ZipFile(tmp_path / "a.zip", "w").close()
    _refused(tmp_path / "a.zip", '"a.zip" is empty')


def test_files_of_other_kinds_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("Dear colleague,")
    _refused(tmp_path / "notes.txt", "neither DICOM, NIfTI nor an ECG record")
    _refused(tmp_path, 'No DICOM or NIfTI file was found in ".*"', "not-dicom")
    (tmp_path / "x.dcm").write_bytes(bytes(range(256)) * 40)
    _refused(tmp_path / "x.dcm", "not what its name says")
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    _refused(tmp_path / "x.npz", "numpy archive")


def test_damaged_zips_are_refused(tmp_path):
    write_cine(tmp_path / "files", beating(10, 3))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in (tmp_path / "files").iterdir():
            archive.write(file, file.name)
    whole = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-500])
    _refused(tmp_path / "cut.zip", "zip is damaged or incomplete")
    middle = len(whole) // 2
    (tmp_path / "hit.zip").write_bytes(whole[:middle] + b"\xff" * 600 + whole[middle + 600 :])
    kinds = [finding.kind for finding in inspect([tmp_path / "hit.zip"])]
    assert SeriesKind.UNREADABLE in kinds


def test_a_zip_inside_a_folder_is_looked_into_and_one_inside_a_zip_is_not(tmp_path):
    write_cine(tmp_path / "files", beating(10, 3))
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "a.zip", "w") as archive:
        for file in (tmp_path / "files").iterdir():
            archive.write(file, file.name)
    assert open_study(tmp_path / "in").cine.phases == 10
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / "in" / "a.zip", "a.zip")
    _refused(tmp_path / "b.zip", "zip inside a zip")


def test_the_best_of_several_stacks_is_opened_and_others_can_be_asked_for(tmp_path):
    write_cine(tmp_path / "a", beating(12, 4), edit=lambda ds, z, t: setattr(ds, "SeriesDescription", "short"))
    write_cine(tmp_path / "b", beating(12, 7), edit=lambda ds, z, t: setattr(ds, "SeriesDescription", "long"))
    study = open_study(tmp_path)
    assert (study.stack.data.shape[1], study.description) == (7, "long")
    assert "several-stacks" in {flag.code for flag in study.flags}
    number = 1 + next(i for i, finding in enumerate(study.series) if finding.description == "short")
    for series in ("short", str(tmp_path / "a"), str(number)):
        assert open_study(tmp_path, series=series).stack.data.shape[1] == 4
    with pytest.raises(UserError, match='no series "axial"'):
        open_study(tmp_path, series="axial")


def test_files_of_two_patients_are_told(tmp_path):
    write_cine(tmp_path / "a", beating(12, 5))
    write_cine(tmp_path / "b", beating(12, 6), edit=lambda ds, z, t: setattr(ds, "PatientID", "other"))
    study = open_study(tmp_path)
    assert "several-patients" in {flag.code for flag in study.flags}
    assert study.patient.patient_id == "other"
    assert "other" not in " ".join(flag.text for flag in study.flags if flag.code == "several-patients")


def test_a_cine_goes_before_a_volume_and_ed_before_es(tmp_path):
    write_nifti(tmp_path / "x_ES.nii", beating(1, 6)[0])
    write_nifti(tmp_path / "x_ED.nii", beating(1, 6)[0])
    assert open_study(tmp_path).anchor_phase_hint == "ed"
    write_nifti(tmp_path / "a.nii", beating(12, 6))
    assert open_study(tmp_path).cine is not None


def test_progress_rises_to_the_end(tmp_path):
    write_cine(tmp_path)
    seen = []
    open_study(tmp_path, lambda fraction, words: seen.append((fraction, words)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(words for _, words in seen)


@pytest.mark.parametrize("after", [1, 30, 80, 120])
def test_cancel_stops_at_the_next_file(tmp_path, after):
    write_cine(tmp_path)
    token, seen = CancelToken(), []

    def progress(fraction, words):
        seen.append(fraction)
        if len(seen) == after:
            token.cancel()

    with pytest.raises(Cancelled):
        open_study(tmp_path, progress, token)
    assert len(seen) <= after + 1


def test_inspect_can_be_cancelled(tmp_path):
    write_cine(tmp_path, beating(10, 3))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        inspect([tmp_path], cancel=token)


def test_nothing_is_written_beside_the_patient_s_files(tmp_path):
    write_cine(tmp_path, beating(10, 3))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    open_study(tmp_path)
    inspect([tmp_path])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_results_do_not_depend_on_the_order_of_files(tmp_path):
    data = write_cine(tmp_path / "a", one_series_a_slice=True)
    (tmp_path / "b").mkdir()
    for i, file in enumerate(sorted((tmp_path / "a").iterdir(), reverse=True)):
        (tmp_path / "b" / f"{i:03d}").write_bytes(file.read_bytes())
    a, b = open_study(tmp_path / "a"), open_study(tmp_path / "b")
    np.testing.assert_array_equal(a.stack.data, data)
    assert a.sha256 == b.sha256


def test_the_doors_import_no_reader_before_use():
    code = (
        "import sys, cof_viewer.io; "
        "bad = {'pydicom', 'nibabel', 'torch', 'scipy', 'neurokit2', 'wfdb'} & set(sys.modules); "
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("head", "content"),
    [
        (b"", Content.EMPTY),
        (b"\0" * 128 + b"DICM" + b"\0" * 20, Content.DICOM),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", Content.DICOM),
        (b"\x08\x00\x00\x00\x04\x00\x00\x00\x10\x00\x00\x00", Content.DICOM),
        (b"PK\x03\x04" + b"\0" * 22 + b"\x05\x00\x00\x00a.npy", Content.NPZ),
        (b"PK\x03\x04" + b"\0" * 22 + b"\x05\x00\x00\x00a.dcm", Content.ZIP),
        (b"plain text\n", Content.TEXT),
        (b"\x89PNG\r\n\x1a\n\0\0\0", Content.UNKNOWN),
        (b"\x1f\x8bgarbage", Content.UNKNOWN),
    ],
)
def test_sniff(head, content):
    assert sniff(head) is content


def test_demo_studies_open_with_their_ecg(demo_dir):
    folders = sorted(path.parent for path in demo_dir.glob("*/study.json"))
    if not folders:
        pytest.skip("no demo studies are there")
    for folder in folders:
        study = open_study(folder)
        assert study.simulated
        assert study.cine is not None
        assert study.cine.rr_ms is not None
        assert study.ecg_paths == (str(folder / "ecg.hea"),)
        assert study.patient.sex in ("M", "F")
        assert study.patient.bsa_m2 is not None
        ecgs = [finding for finding in inspect([folder]) if finding.kind is SeriesKind.ECG]
        assert [len(finding.leads) for finding in ecgs] == [12]
        assert ecgs[0].heart_rate_bpm == pytest.approx(60_000 / study.cine.rr_ms, rel=0.1)
