"""Whole paths through the command line on real patients: files in, files out, refusals, Ctrl-C, the same bytes."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from tests.journeys.conftest import ROOT

pytestmark = pytest.mark.timeout(400)

SIX = ["anchor.nii.gz", "cine.nii.gz", "function.json", "labels.nii.gz", "report.pdf", "volume_curve.csv"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def function_of(folder: Path) -> dict:
    return json.loads((folder / "function.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ed_anchor(data_dir):
    """A real patient's ED volume, published without a scanner's frame."""
    return data_dir / "mri" / "native" / "acdc_patient065" / "patient065_frame01.nii.gz"


@pytest.fixture(scope="module")
def real_ecg(data_dir):
    """A real 12-lead record."""
    return data_dir / "ecg" / "formats" / "wfdb" / "00841_hr.hea"


# -- inspect ---------------------------------------------------------------------------------------------------------


def test_inspect_finds_the_stack_of_a_real_exam(cof_viewer, data_dir):
    ended = cof_viewer("inspect", data_dir / "mri" / "dicom" / "bivme_patient1_exam.zip", "--json")
    assert (ended.code, ended.err) == (0, "")
    rows = json.loads(ended.out)
    (stack,) = [row for row in rows if row["kind"] == "short-axis-cine"]
    assert (stack["slices"], stack["phases"]) == (6, 25)
    assert stack["spacing_mm"][2] == pytest.approx(17.7, abs=0.05)
    assert stack["rr_ms"] == pytest.approx(830, abs=5)
    assert sum(row["kind"] == "long-axis-cine" for row in rows) >= 1


def test_inspect_of_a_missing_path_is_one_sentence(cof_viewer, tmp_path):
    ended = cof_viewer("inspect", tmp_path / "gone")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)


# -- measure and segment -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(in_process, weights, data_dir, tmp_path_factory):
    """A real cine of 7 slices and 12 phases, measured."""
    out = tmp_path_factory.mktemp("measured") / "out"
    ended = in_process("measure", data_dir / "mri/native/acdc_patient090/patient090_4d.nii.gz", "--out", out)
    assert (ended.code, ended.err) == (0, ""), ended.err
    return out


def test_measure_gives_the_experts_numbers(measured, data_dir):
    assert names(measured) == ["function.json", "labels.nii.gz", "report.pdf", "volume_curve.csv"]
    found = function_of(measured)
    folder = data_dir / "mri" / "native" / "acdc_patient090"
    voxel_ml = 1.786 * 1.786 * 10 / 1000
    expert = {
        phase: np.count_nonzero(np.asarray(nib.load(folder / f"patient090_frame{frame}_gt.nii.gz").dataobj) == 3)
        * voxel_ml
        for phase, frame in ((3, "04"), (10, "11"))
    }
    ef = 100 * (expert[3] - expert[10]) / expert[3]
    assert found["edv_ml"] == pytest.approx(expert[3], rel=0.2)
    assert found["ef_percent"] == pytest.approx(ef, abs=10)
    assert found["measured"] is None
    # The file tells no time between phases.
    assert found["phase_ms"] is None
    assert found["heart_rate_bpm"] is None
    assert found["cardiac_output_l_min"] is None
    assert "affine-repaired" in [flag["code"] for flag in found["flags"]]


def test_labels_lie_where_the_source_lies_in_nibabel_and_simpleitk(measured, data_dir):
    source = nib.load(data_dir / "mri/native/acdc_patient090/patient090_4d.nii.gz")
    labels = nib.load(measured / "labels.nii.gz")
    assert labels.shape == source.shape
    assert set(np.unique(labels.dataobj)) == {0, 1, 2, 3}
    np.testing.assert_allclose(labels.header.get_zooms()[:3], source.header.get_zooms()[:3], atol=1e-3)
    image = SimpleITK.ReadImage(str(measured / "labels.nii.gz"))
    assert image.GetSize() == source.shape
    np.testing.assert_allclose(image.GetSpacing()[:3], source.header.get_zooms()[:3], atol=1e-3)


def test_the_curve_has_a_row_for_every_phase(measured):
    with (measured / "volume_curve.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["phase"]) for row in rows] == list(range(12))
    assert {row["time_ms"] for row in rows} == {""}
    found = function_of(measured)
    assert [float(row["lv_ml"]) for row in rows] == pytest.approx(found["lv_volume_ml"])
    assert max(found["lv_volume_ml"]) == found["lv_volume_ml"][found["ed_phase"]]
    assert min(found["lv_volume_ml"]) == found["lv_volume_ml"][found["es_phase"]]


def test_segment_of_a_volume_overlaps_the_experts_labels(in_process, weights, ed_anchor, tmp_path):
    out = tmp_path / "labels.nii.gz"
    ended = in_process("segment", ed_anchor, "--out", out, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["files"] == [str(out)]
    ours = np.asarray(nib.load(out).dataobj)
    theirs = np.asarray(nib.load(ed_anchor.with_name("patient065_frame01_gt.nii.gz")).dataobj)
    for label, raw, floor in ((1, 3, 0.85), (2, 2, 0.70), (3, 1, 0.70)):  # ACDC's raw files count the other way round
        one, other = ours == label, theirs == raw
        assert 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other)) > floor


# -- generate ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated(in_process, weights, ed_anchor, real_ecg, tmp_path_factory):
    """A beat of a real ED anchor and a real ECG."""
    out = tmp_path_factory.mktemp("generated") / "out"
    ended = in_process(
        "generate", ed_anchor, "--ecg", real_ecg, "--out", out, "--anchor-phase", "ed", "--phases", 12
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, ""), ended.err
    return out


def test_generate_writes_its_six_files(generated):
    assert names(generated) == SIX
    assert (generated / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_generated_beat_lies_in_the_sources_frame_and_type(generated, ed_anchor):
    source, cine = nib.load(ed_anchor), nib.load(generated / "cine.nii.gz")
    assert cine.shape == (*source.shape, 12)
    assert cine.get_data_dtype() == source.get_data_dtype()
    np.testing.assert_allclose(cine.header.get_zooms()[:3], source.header.get_zooms()[:3], atol=1e-3)
    found = function_of(generated)
    rr_ms = 60_000 / found["heart_rate_bpm"]
    assert cine.header.get_xyzt_units() == ("mm", "msec")
    assert cine.header.get_zooms()[3] == pytest.approx(rr_ms / 12, rel=1e-4)
    assert found["phase_ms"] == pytest.approx([k * rr_ms / 12 for k in range(12)])


def test_the_anchors_phase_is_the_anchor(generated, ed_anchor):
    cine, anchor = nib.load(generated / "cine.nii.gz"), nib.load(generated / "anchor.nii.gz")
    np.testing.assert_array_equal(np.asarray(cine.dataobj)[..., 0], np.asarray(anchor.dataobj))
    np.testing.assert_array_equal(np.asarray(anchor.dataobj), np.asarray(nib.load(ed_anchor).dataobj))


def test_the_heart_contracts_and_comes_back_and_the_numbers_fit_the_labels(generated):
    found = function_of(generated)
    assert found["ed_phase"] == 0
    assert 3 <= found["es_phase"] <= 8
    assert found["lv_volume_ml"][-1] > found["esv_ml"]
    labels = np.asarray(nib.load(generated / "labels.nii.gz").dataobj)
    counted = np.count_nonzero(labels == 1, axis=(0, 1, 2))
    hard = 100 * (counted[found["ed_phase"]] - counted[found["es_phase"]]) / counted[found["ed_phase"]]
    assert found["ef_percent"] == pytest.approx(hard, abs=2)
    provenance = found["provenance"]
    assert (provenance["seed"], provenance["members"], provenance["device"]) == (0, 8, "cpu")
    assert "patient065" not in json.dumps(provenance)


def test_the_same_command_in_a_process_of_its_own_gives_the_same_bytes(
    cof_viewer, generated, ed_anchor, real_ecg, tmp_path
):
    out = tmp_path / "again"
    ended = cof_viewer(
        "generate", ed_anchor, "--ecg", real_ecg, "--out", out, "--anchor-phase", "ed", "--phases", 12, "--quiet"
    )  # fmt: skip
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    for name in SIX:
        assert (out / name).read_bytes() == (generated / name).read_bytes(), name


def test_a_phase_that_nobody_told_is_flagged_as_a_guess(in_process, weights, ed_anchor, real_ecg, tmp_path):
    alone = tmp_path / "volume.nii.gz"  # neither its name nor a neighbour tells the phase
    alone.write_bytes(ed_anchor.read_bytes())
    ended = in_process("generate", alone, "--ecg", real_ecg, "--out", tmp_path / "out", "--phases", 4, "--json")
    assert ended.code == 0, ended.err
    flags = {flag["code"]: flag["severity"] for flag in json.loads(ended.out)["flags"]}
    assert flags["anchor-phase-guessed"] == "caution"


def test_a_cine_is_reported_measured_and_generated(in_process, weights, data_dir, real_ecg, tmp_path):
    study = data_dir / "mri/native/acdc_patient090/patient090_4d.nii.gz"
    ended = in_process("generate", study, "--ecg", real_ecg, "--out", tmp_path / "out")
    assert (ended.code, ended.err) == (0, ""), ended.err
    found = function_of(tmp_path / "out")
    assert found["measured"]["ef_percent"] is not None
    assert len(found["agreement"]["lv_dice"]) == 12 == len(found["lv_volume_ml"])
    assert found["agreement"]["lv_dice"][found["measured"]["ed_phase"]] > 0.9  # the anchor itself


# -- refused ---------------------------------------------------------------------------------------------------------


REFUSED = [
    ("a head", "mri/other/nibabel_anatomical.nii"),
    ("long-axis pictures only", "mri/other/cinema_mnms2_lax_4c_ed.nii.gz"),
    ("a long-axis cine in three axes", "mri/other/cmrsam_ID_0085_img_LAX.nii.gz"),
    ("perfusion", "mri/dicom/perfusion_GE_firstpass_40frames.zip"),
    ("a header without its picture", "mri/other/nibabel_nifti1.hdr"),
    ("test pictures of everything", "mri/dicom/oddities.zip"),
    ("training data", "mri/pairs/acdc_patient001.npz"),
]


@pytest.mark.parametrize(("what", "path"), REFUSED, ids=[what for what, _ in REFUSED])
def test_what_is_no_short_axis_heart_is_refused(in_process, weights, data_dir, real_ecg, tmp_path, what, path):
    if not (data_dir / path).exists():
        pytest.skip(f"{path} is not among the real data")
    out = tmp_path / "out"
    out.mkdir()
    ended = in_process("generate", data_dir / path, "--ecg", real_ecg, "--out", out, "--phases", 4)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended.err
    assert ended.err.strip().endswith(".")
    assert names(out) == []


def test_spoilt_weights_are_refused(weights, environment, ed_anchor, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    for file in (ROOT / "models").iterdir():
        if file.is_file():
            (models / file.name).write_bytes(file.read_bytes())
    spoilt = models / "segmenter.safetensors"
    content = bytearray(spoilt.read_bytes())
    content[-1] ^= 1
    spoilt.write_bytes(bytes(content))
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "segment", str(ed_anchor), "--out", str(tmp_path / "a.nii.gz")],
        capture_output=True,
        text=True,
        env={**environment, "COF_VIEWER_MODELS": str(models)},
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "checksum" in done.stderr
    assert names(tmp_path) == ["models"]


# -- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to the whole console, the test with it")
@pytest.mark.parametrize("after_s", [0.5, 8.0])
def test_ctrl_c_at_any_moment_is_130_soon_and_leaves_nothing(weights, environment, data_dir, tmp_path, after_s):
    study = data_dir / "mri" / "dicom" / "bivme_patient1_exam.zip"
    line = [sys.executable, str(ROOT / "main.py"), "measure", str(study), "--out", str(tmp_path / "out")]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        time.sleep(after_s)
        if process.poll() is not None:
            pytest.skip("the whole command took less time than the wait")
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        took_s = time.monotonic() - asked
    assert (process.returncode, out, err) == (130, b"", b"")
    assert took_s < 5  # 0.5 s on a quiet machine, and the end of the process
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to the whole console, the test with it")
@pytest.mark.parametrize("picture", [True, False])
def test_ctrl_c_ends_the_window_while_it_measures(weights, environment, demo_dir, tmp_path, picture):
    line = [sys.executable, str(ROOT / "main.py"), str(demo_dir / "normal")]
    options = ["--screenshot", str(tmp_path / "p.png")] if picture else []
    with subprocess.Popen(
        [*line, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        time.sleep(8)
        assert process.poll() is None
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        took_s = time.monotonic() - asked
    assert (process.returncode, out, err) == (130, b"", b"")
    assert took_s < 5
    assert names(tmp_path) == []
