"""Every defect of a case is told in one sentence, and good cases pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.cohort.case import Kind
from cof_viewer.cohort.check import check_case, check_store
from cof_viewer.cohort.file import write_case
from cof_viewer.cohort.manifest import row_of, write_rows
from cof_viewer.cohort.store import CASES, Store
from cof_viewer.domain.split import Split
from tests.cohort.fake_source import ES_PHASE, request_for, ring_case


@pytest.fixture(scope="module")
def good():
    return ring_case(request_for("good"))


def changed(array, change):
    copy = array.copy()
    change(copy)
    return copy


def _nan_motion(a):
    a[4, 1, 3, 3, 0] = np.nan


def _anchor_moves(a):
    a[0, 0, 10, 10, 0] = 1.0


def _folds(a):
    a[ES_PHASE, :, 8:16, 8:16:2, 0] += 30.0


def _one_way(a):
    a[1:] = a[ES_PHASE]


def _no_lv_at_es(a):
    a[ES_PHASE][a[ES_PHASE] == 1] = 2


def _unknown_label(a):
    a[3, 1, 0, 0] = 4


def _no_lv_somewhere(a):
    a[5][a[5] == 1] = 2


def _backwards(a):
    np.negative(a, out=a)


def _far(a):
    a[5] *= 20


def _large_later(a):
    a[20][a[20] == 2] = 1


def _small_later(a):
    a[12][:, :, :46] = 0


ARRAYS = [
    ("labels", _no_lv_somewhere, "no LV at phase 5"),
    ("displacement_mm", _backwards, "does not lead from the labels of ED"),
    ("displacement_mm", _far, "reaches"),
    ("labels", _large_later, "times as large at phase 20 as at ED"),
    ("labels", _small_later, "times as large at phase 12 as at ES"),
    ("displacement_mm", _nan_motion, "no numbers"),
    ("displacement_mm", _anchor_moves, "phase 0"),
    ("displacement_mm", _folds, "folds"),
    ("displacement_mm", _one_way, "not periodic"),
    ("labels", _no_lv_at_es, "no LV at ES"),
    ("labels", _unknown_label, "Label 4"),
    ("image", lambda a: a.fill(0), "empty"),
    ("ecg_mv", lambda a: a.fill(np.nan), "ECG has values"),
]


def test_a_good_case_passes(good):
    assert check_case(good) == []


@pytest.mark.parametrize(("name", "change", "words"), ARRAYS)
def test_spoiled_arrays_are_told(good, name, change, words):
    case = replace(good, **{name: changed(getattr(good, name), change)})
    assert any(words in sentence for sentence in check_case(case))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("es_phase", 0, "ES phase 0"),
        ("rr_ms", 0.0, "above zero"),
        ("slice_mm", float("nan"), "no number"),
        ("phase_ms", tuple(50.0 * t for t in range(25)), "within one RR"),
        ("labels_by", ("expert",), "25 entries"),
        ("numbers", {"ef_percent": 80.0}, "EF of 51 %"),
        ("kind", Kind.MEASURED_PAIR, 'origin "simulated" of its image'),
        ("ecg_mv", None, "Whether there is an ECG"),
        ("ecg_mv", np.zeros((8, 5000), np.float32), "should be float32"),
    ],
)
def test_values_that_can_not_be_are_told(good, name, value, words):
    assert any(words in sentence for sentence in check_case(replace(good, **{name: value})))


def test_arrays_of_another_shape_or_type_are_told(good):
    assert any("float64" in s for s in check_case(replace(good, displacement_mm=good.displacement_mm.astype(float))))
    assert any("should be uint8" in s for s in check_case(replace(good, image=good.image[:, :, :-2])))


def test_a_store_tells_missing_files_other_cases_and_patients_in_two_parts(tmp_path):
    (tmp_path / CASES).mkdir()
    rows = []
    for name, patient, part in (("a", "p1", Split.TRAIN), ("b", "p1", Split.TEST), ("c", "p2", Split.TRAIN)):
        case = ring_case(request_for(name, patient=patient, part=part))
        rows.append(row_of(case, write_case(case, tmp_path / CASES), tmp_path, "x"))
    other = row_of(replace(case, patient_id="p3"), tmp_path / CASES / "c.h5", tmp_path, "x")
    write_rows([rows[0], rows[1], other, replace(rows[2], case_id="d", patient_id="p4", file="cases/d.h5")], tmp_path)
    found = [(finding.case_id, finding.sentence) for finding in check_store(Store.open(tmp_path))]
    assert [case_id for case_id, sentence in found if "more than one part: test, train" in sentence] == ["a", "b"]
    assert ("d", "Its file is missing.") in found
    assert any(case_id == "c" and "names another case" in sentence for case_id, sentence in found)
    assert len(found) == 4
