"""The demo studies: read by other libraries, marked as simulated, and made the same way every time."""

from __future__ import annotations

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import wfdb

from cof_viewer.cohort.demo import STUDIES, cine_bytes, ecg_files, make_study, study_facts

FOLDERS = [study.folder for study in STUDIES]


def test_there_are_three_and_they_are_small(demo_dir):
    assert {"normal", "dilated-lbbb", "infarct"} <= set(FOLDERS)
    assert sum(f.stat().st_size for f in demo_dir.rglob("*") if f.is_file()) < 15e6
    assert "simulated" in (demo_dir / "README.md").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("folder", FOLDERS)
def test_cine_reads_in_nibabel(demo_dir, folder):
    image = nibabel.load(demo_dir / folder / "cine.nii.gz")
    facts = json.loads((demo_dir / folder / "study.json").read_text(encoding="utf-8"))
    assert image.ndim == 4
    assert image.shape[3] == 25
    assert image.get_data_dtype() == np.int16
    assert image.header.get_xyzt_units() == ("mm", "msec")
    zooms = image.header.get_zooms()
    assert zooms[:3] == pytest.approx((1.8, 1.8, 10.0), abs=1e-4)
    assert zooms[3] * 25 == pytest.approx(facts["truth"]["rr_ms"], abs=0.1)
    assert b"SIMULATED" in bytes(image.header["descrip"])
    assert np.abs(image.get_qform() - image.get_sform()).max() < 1e-3
    assert int(image.header["sform_code"]) == 1
    assert np.abs(image.affine[:3, :3]).max(axis=1).min() > 1  # oblique: no axis of the scanner is missing
    data = np.asarray(image.dataobj)
    assert data.min() >= 0
    assert data.max() > 60


@pytest.mark.parametrize("folder", FOLDERS)
def test_ecg_reads_in_wfdb(demo_dir, folder):
    record = wfdb.rdrecord(str(demo_dir / folder / "ecg"))
    assert record.fs == 500
    assert record.sig_name == ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    assert record.units == ["mV"] * 12
    assert any("SIMULATED" in comment for comment in record.comments)
    signal = record.p_signal
    assert signal.shape == (5000, 12)
    assert np.abs(signal[:, 2] - (signal[:, 1] - signal[:, 0])).max() <= 0.0021
    assert record.checksum == wfdb.rdheader(str(demo_dir / folder / "ecg")).checksum


@pytest.mark.parametrize("folder", FOLDERS)
def test_facts_are_complete(demo_dir, folder):
    facts = json.loads((demo_dir / folder / "study.json").read_text(encoding="utf-8"))
    assert facts["simulated"] is True
    assert facts["name"].startswith("Demo")
    assert {"sex", "age", "height_cm", "weight_kg", "truth"} <= set(facts)
    truth = facts["truth"]
    assert truth["ef_percent"] == pytest.approx(100 * (1 - truth["esv_ml"] / truth["edv_ml"]), abs=0.1)
    assert len(truth["lv_volume_ml"]) == len(truth["phase_ms"]) == 25


def test_the_command_makes_the_same_bytes_every_time():
    """The shipped files were made by an earlier simulator; what the command makes now it makes again."""
    study = replace(STUDIES[0], slices=3)
    first, again = make_study(study), make_study(study)
    assert cine_bytes(first) == cine_bytes(again)
    assert ecg_files(first) == ecg_files(again)
    assert study_facts(study, first) == study_facts(study, again)
    assert cine_bytes(make_study(replace(study, seed=study.seed + 1))) != cine_bytes(first)


def test_demo_patients_differ_as_named(demo_dir):
    truth = {f: json.loads((demo_dir / f / "study.json").read_text(encoding="utf-8"))["truth"] for f in FOLDERS}
    assert truth["normal"]["ef_percent"] > 52
    assert truth["dilated-lbbb"]["ef_percent"] < 35
    assert truth["dilated-lbbb"]["qrs_ms"] > 140
    assert truth["infarct"]["ef_percent"] < 45
