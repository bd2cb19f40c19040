"""A case comes back from its file as it was; a table or a file that is spoiled is said."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cof_viewer.cohort.build import build
from cof_viewer.cohort.case import Kind
from cof_viewer.cohort.file import packed, read_case, sha256_of, unpacked, write_case
from cof_viewer.cohort.store import Store
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from tests.cohort.fake_source import ES_PHASE, HandMade, request_for, ring_case


@pytest.fixture(scope="module")
def case():
    return ring_case(request_for("ring"))


@given(arrays(np.uint8, (2, 3, 8), elements=st.integers(0, 3)))
def test_packed_labels_come_back(labels):
    np.testing.assert_array_equal(unpacked(packed(labels)), labels)


def test_packing_by_hand():
    assert packed(np.array([1, 2, 3, 0], np.uint8)).tolist() == [1 + 2 * 4 + 3 * 16]


def test_a_label_that_does_not_fit_is_never_stored_as_another():
    with pytest.raises(ValueError, match="label 4"):
        packed(np.array([0, 4, 0, 0], np.uint8))


def test_a_case_comes_back_in_every_field_and_the_same_case_gives_the_same_bytes(case, tmp_path):
    whole = replace(
        case, ecg_name="A1", ecg_candidates=("A1", "A2"), age_years=61.0, sex="F", recipe={"seed": np.int64(3)}
    )
    read = read_case(write_case(whole, tmp_path))
    for name in whole.__dataclass_fields__:
        was, now = getattr(whole, name), getattr(read, name)
        if isinstance(was, np.ndarray):
            assert now.dtype == was.dtype
            np.testing.assert_array_equal(now, was)
        else:
            assert now == was, name
    assert isinstance(read.kind, Kind)
    first = sha256_of(tmp_path / "ring.h5")
    assert sha256_of(write_case(whole, tmp_path)) == first
    assert [path.name for path in tmp_path.iterdir()] == ["ring.h5"]


def test_without_ecg_and_age(case, tmp_path):
    read = read_case(write_case(replace(case, ecg_mv=None), tmp_path))
    assert read.ecg_mv is None
    assert np.isnan(read.age_years)


def test_some_phases_alone(case, tmp_path):
    path = write_case(case, tmp_path)
    some = read_case(path, [0, ES_PHASE, 24])
    np.testing.assert_array_equal(some.labels, case.labels[[0, ES_PHASE, 24]])
    np.testing.assert_array_equal(some.displacement_mm, case.displacement_mm[[0, ES_PHASE, 24]])
    assert some.phase_ms == tuple(case.phase_ms[t] for t in (0, ES_PHASE, 24))
    assert some.es_phase == ES_PHASE
    assert read_case(path, [1, 2]).es_phase == -1


def test_ids_that_are_no_file_names_are_refused(case, tmp_path):
    for name in ("../out", "a b", "", "ä"):
        with pytest.raises(UserError, match="may hold only"):
            write_case(replace(case, case_id=name), tmp_path)


def test_spoiled_files_and_other_versions_are_said(case, tmp_path):
    path = write_case(case, tmp_path)
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = 99
    with pytest.raises(UserError, match="no case of version"):
        read_case(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match="spoiled"):
        read_case(path)


@pytest.mark.parametrize(
    "change", [("simulated", "simulatad"), ('"numbers"', '"numburs"'), ('"es_phase": 9', '"es_phase" 9')]
)
def test_words_that_are_spoiled_are_said(case, tmp_path, change):
    path = write_case(case, tmp_path)
    with h5py.File(path, "r+") as file:
        file.attrs["case"] = str(file.attrs["case"]).replace(*change)
    with pytest.raises(UserError, match="spoiled"):
        read_case(path)


def test_a_store_is_chosen_from(tmp_path):
    asked = (request_for("a"), request_for("b", part=Split.TEST), request_for("c"))
    build([HandMade(asked)], tmp_path)
    store = Store.open(tmp_path)
    assert [row.case_id for row in store.choose(parts=[Split.TRAIN])] == ["a", "c"]
    assert store.choose(kinds=[Kind.COMPLETED]) == []
    row = store.row("b")
    assert row.part is Split.TEST
    assert row.numbers == pytest.approx(dict(store.load("b").numbers))
    assert row.bytes == store.path(row).stat().st_size
    assert np.isnan(row.age_years)
    with pytest.raises(UserError, match='no case "z"'):
        store.load("z")


def test_what_is_no_store_or_a_spoiled_one_is_said(tmp_path):
    with pytest.raises(UserError, match="is no cohort store"):
        Store.open(tmp_path)
    (tmp_path / "manifest.csv").write_text("schema,case_id\n1,a\n")
    with pytest.raises(UserError, match="another version"):
        Store.open(tmp_path)
