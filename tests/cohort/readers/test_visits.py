"""What is opened of a real visit, and what is refused: each in a sentence that says what to do."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.readers.facts import read_facts
from cof_viewer.cohort.readers.visit import open_visit
from cof_viewer.domain.errors import UserError
from tests.cohort.readers.made import (
    ECG_XML,
    break_spacing,
    case_folder,
    cine_array,
    labels_array,
    uk_biobank_zip,
    write_nifti,
)

PHASES: dict[str, object] = {"ed_phase": 0, "es_phase": 6}


def _refused(folder: Path, words: str) -> str:
    with pytest.raises(UserError, match=words) as caught:
        open_visit(folder / "cine.nii.gz", None, folder, read_facts(folder))
    assert caught.value.sentence.endswith(".")
    return caught.value.sentence


def test_uk_biobank_zip_and_its_ecg_are_one_visit(tmp_path: Path, data_dir: Path) -> None:
    visit = open_visit(uk_biobank_zip(data_dir, tmp_path / "1000001_20209_2_0.zip"), data_dir / ECG_XML)
    assert visit.cine.data.shape[:2] == (25, 6)
    assert visit.cine.grid.spacing_mm[2] == pytest.approx(17.7, abs=0.1)
    assert visit.ecg is not None
    assert visit.ecg.signal_mv.shape == (12, 5000)
    assert visit.beat is not None
    assert 300 < visit.beat.rr_ms < 2000


def test_labels_of_ed_and_es_lie_on_the_cine(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None, PHASES)
    write_nifti(folder / "labels_ed.nii.gz", labels_array())
    write_nifti(folder / "labels_es.nii.gz", labels_array(inner=11.0))
    visit = open_visit(folder / "cine.nii.gz", None, folder, read_facts(folder))
    assert set(visit.labels) == {0, 6}
    ed, picture = visit.labels[0], visit.cine.data[0]
    assert ed.shape == picture.shape
    assert picture[ed == 1].mean() > 150 > 100 > picture[ed == 2].mean()
    assert (ed == 1).sum() > (visit.labels[6] == 1).sum() > 0


def test_labels_of_all_phases_give_those_that_are_labelled(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None)
    four = np.zeros((*labels_array().shape, 12), np.uint8)
    four[..., 0], four[..., 6] = labels_array(), labels_array(inner=11.0)
    write_nifti(folder / "labels.nii.gz", four)
    assert set(open_visit(folder / "cine.nii.gz", None, folder).labels) == {0, 6}


def test_labels_follow_when_the_engine_turns_the_slices(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None)
    labels = labels_array()
    labels[:, :, 0] = np.where(labels[:, :, 0] == 3, 0, labels[:, :, 0])
    write_nifti(folder / "labels_0.nii.gz", labels)
    visit = open_visit(folder / "cine.nii.gz", None, folder)
    turned = visit.turned_like(visit.study.with_slices_reversed())
    assert np.array_equal(turned.labels[0], visit.labels[0][::-1])
    assert visit.turned_like(visit.study).labels[0] is visit.labels[0]


def test_other_values_are_read_where_the_case_file_tells_them(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None, {**PHASES, "label_values": {"lv": 3, "myo": 2, "rv": 1}})
    acdc = np.array([0, 3, 2, 1], np.uint8)[labels_array()]
    for phase in ("ed", "es"):
        write_nifti(folder / f"labels_{phase}.nii.gz", acdc)
    labels = open_visit(folder / "cine.nii.gz", None, folder, read_facts(folder)).labels[0]
    assert (labels == 1).sum() == (labels_array() == 1).sum()


def test_exchanged_ventricles_are_refused(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None, PHASES)
    for phase in ("ed", "es"):
        write_nifti(folder / f"labels_{phase}.nii.gz", np.array([0, 3, 2, 1], np.uint8)[labels_array()])
    _refused(folder, "exchanged")


@pytest.mark.parametrize(("present", "missing"), [("ed", "ES"), ("es", "ED")])
def test_a_missing_label_is_named(tmp_path: Path, present: str, missing: str) -> None:
    folder = case_folder(tmp_path, "a", None)
    write_nifti(folder / f"labels_{present}.nii.gz", labels_array())
    _refused(folder, f"labels of {missing} are missing")


def test_labels_without_a_wall_are_refused(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None, PHASES)
    for phase in ("ed", "es"):
        write_nifti(folder / f"labels_{phase}.nii.gz", np.where(labels_array() == 2, 0, labels_array()))
    _refused(folder, "labels no wall")


def test_a_value_that_is_not_known_is_named(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None, PHASES)
    labels = labels_array()
    labels[0, 0, 0] = 7
    for phase in ("ed", "es"):
        write_nifti(folder / f"labels_{phase}.nii.gz", labels)
    assert "7" in _refused(folder, "holds the value 7")


def test_labels_on_another_grid_and_with_another_name_are_refused(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None, PHASES)
    write_nifti(folder / "labels_es.nii.gz", labels_array())
    write_nifti(folder / "labels_ed.nii.gz", labels_array(slices=5))
    _refused(folder, "cine's grid")
    write_nifti(folder / "labels_mine.nii.gz", labels_array())
    _refused(folder, "no known name")


def test_labels_called_ed_need_the_phase_of_ed(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, "a", None)
    for phase in ("ed", "es"):
        write_nifti(folder / f"labels_{phase}.nii.gz", labels_array())
    _refused(folder, '"ed_phase", counted from 0')


@pytest.mark.parametrize("share", [1.0, 0.05])
def test_nan_is_refused(tmp_path: Path, share: float) -> None:
    data = cine_array()
    data[..., : max(1, round(share * data.shape[-1]))] = np.nan
    write_nifti(tmp_path / "cine.nii.gz", data)
    _refused(tmp_path, "NaN|not numbers")


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_spacing_that_is_none_is_refused(tmp_path: Path, value: float) -> None:
    break_spacing(write_nifti(tmp_path / "cine.nii.gz", cine_array()), value)
    _refused(tmp_path, "spacing|1 mm apart")


def test_a_single_volume_has_no_motion(tmp_path: Path) -> None:
    write_nifti(tmp_path / "cine.nii.gz", cine_array()[..., 0])
    _refused(tmp_path, "no motion to learn from")


def test_unreadable_ecg_is_refused_before_the_cine_is_read(tmp_path: Path) -> None:
    (tmp_path / "ecg.xml").write_text("<nothing/>")
    with pytest.raises(UserError, match="not an ECG"):
        open_visit(tmp_path / "cine.nii.gz", tmp_path / "ecg.xml")


def test_real_native_labels_are_read(tmp_path: Path, data_dir: Path) -> None:
    native = data_dir / "mri" / "native" / "acdc_patient090"
    for source, target in (("4d", "cine"), ("frame04_gt", "labels_ed"), ("frame11_gt", "labels_es")):
        (tmp_path / f"{target}.nii.gz").write_bytes((native / f"patient090_{source}.nii.gz").read_bytes())
    facts: dict[str, object] = {"ed_phase": 3, "es_phase": 10}
    (tmp_path / "case.json").write_text(json.dumps(facts))
    _refused(tmp_path, "exchanged")
    (tmp_path / "case.json").write_text(json.dumps({**facts, "label_values": {"lv": 3, "myo": 2, "rv": 1}}))
    visit = open_visit(tmp_path / "cine.nii.gz", None, tmp_path, read_facts(tmp_path))
    bright = visit.cine.data[3][visit.labels[3] == 1].mean()
    assert bright > visit.cine.data[3][visit.labels[3] == 2].mean()
    assert (visit.labels[3] == 1).sum() > (visit.labels[10] == 1).sum()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "damaged"),
        ("[1]", "names and values"),
        ('{"age": "old"}', "age"),
        ('{"sex": "x"}', "sex"),
        ('{"ed_phase": -1}', "ed_phase"),
        ('{"label_values": {"lv": 1}}', "label_values"),
        ('{"label_values": {"lv": 1, "myo": 1, "rv": 2}}', "label_values"),
    ],
)
def test_case_files_that_make_no_sense(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "case.json").write_text(text)
    with pytest.raises(UserError, match=words):
        read_facts(tmp_path)


def test_case_csv(tmp_path: Path) -> None:
    (tmp_path / "case.csv").write_text("Patient,Group,Sex,Age\np7,DCM,female,61\n", encoding="utf-8-sig")
    facts = read_facts(tmp_path)
    assert (facts.patient, facts.group, facts.sex, facts.age_years) == ("p7", "DCM", "F", 61.0)
