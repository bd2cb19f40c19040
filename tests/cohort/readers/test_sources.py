"""What cases the two layouts hold, which are refused by name, and how the rest is split."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from cof_viewer.cohort.case import Kind
from cof_viewer.cohort.readers import CaseFolders, UkBiobank
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.domain.errors import UserError
from tests.cohort.readers.made import case_folder

MODELS = Path("no-models")


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def _by_id(requests: Sequence[CaseRequest]) -> dict[str, CaseRequest]:
    return {request.case_id: request for request in requests}


def test_uk_biobank_pairs_by_instance(tmp_path: Path) -> None:
    _touch(
        tmp_path,
        *("1000001_20209_2_0.zip", "1000001_20205_2_0.xml", "1000001_20209_3_0.zip", "1000001_20205_3_0.xml"),
        *("1000002_20209_2_0.zip", "1000002_20205_3_0.xml", "1000003_20205_2_0.xml", "1000003_20208_2_0.zip"),
        *("below/1000004_20209_2_0.zip", "below/1000004_20205_2_0.xml", "notes.txt"),
    )
    found = _by_id(UkBiobank(tmp_path, MODELS).requests())
    assert list(found) == ["ukb-1000001-2", "ukb-1000001-3", "ukb-1000002-2", "ukb-1000004-2"]
    assert found["ukb-1000001-3"].what == ("1000001_20209_3_0.zip", "1000001_20205_3_0.xml")
    assert found["ukb-1000001-2"].part is found["ukb-1000001-3"].part
    assert {request.kind for request in found.values()} == {Kind.MEASURED_PAIR}
    assert found["ukb-1000004-2"].what[0] == "below/1000004_20209_2_0.zip"


def test_uk_biobank_cine_without_ecg_of_its_visit_is_refused_by_name(tmp_path: Path) -> None:
    _touch(tmp_path, "1000002_20209_2_0.zip", "1000002_20205_3_0.xml")
    source = UkBiobank(tmp_path, MODELS)
    with pytest.raises(UserError, match=r"1000002_20209_2_0\.zip.*1000002_20205_2_0\.xml"):
        source.make(source.requests()[0])
    assert UkBiobank(tmp_path, MODELS, without_ecg=True).requests()[0].kind is Kind.MEASURED_CINE


def test_uk_biobank_second_cine_of_a_visit_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "1000002_20209_2_0.zip", "1000002_20209_2_1.zip", "1000002_20205_2_0.xml")
    source = UkBiobank(tmp_path, MODELS)
    first, second = source.requests()
    assert (first.case_id, second.case_id) == ("ukb-1000002-2", "ukb-1000002-2-again1")
    with pytest.raises(UserError, match="another cine of the same participant"):
        source.make(second)


def test_broken_zip_is_named(tmp_path: Path) -> None:
    _touch(tmp_path, "1000002_20209_2_0.zip")
    source = UkBiobank(tmp_path, MODELS, without_ecg=True)
    with pytest.raises(UserError, match="1000002_20209_2_0"):
        source.make(source.requests()[0])


@pytest.mark.parametrize("source", [UkBiobank, CaseFolders])
def test_empty_and_missing_folders(tmp_path: Path, source: type[UkBiobank] | type[CaseFolders]) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError):
            source(folder, MODELS).requests()


def test_case_folders_are_refused_by_name(tmp_path: Path) -> None:
    _touch(tmp_path, "anchor-only/anchor.nii.gz", "anchor-only/ecg.xml", "nothing/readme.txt", "no-ecg/cine.nii.gz")
    _touch(tmp_path, "two/cine.zip", "two/ecg.dcm", "two/ecg.hea", "two/ecg.dat", "bad/cine.nii.gz", "bad/ecg.xml")
    source = CaseFolders(tmp_path, MODELS)
    expected = {
        "anchor-only": "only an anchor",
        "nothing": "no cine",
        "no-ecg": "no ECG",
        "two": r"several ECGs \(ecg\.dcm, ecg\.hea\)",
        "bad": "not an ECG",
    }
    requests = source.requests()
    assert [request.what[0] for request in requests] == sorted(expected)
    for request in requests:
        name = str(request.what[0])
        with pytest.raises(UserError, match=f'^Case "{name}": .*{expected[name]}'):
            source.make(request)
    kinds = {r.what[0]: r.kind for r in CaseFolders(tmp_path, MODELS, without_ecg=True).requests()}
    assert kinds["no-ecg"] is Kind.MEASURED_CINE
    assert kinds["two"] is Kind.MEASURED_PAIR


def test_duplicate_patient_is_refused_unless_visits_are_told_apart(tmp_path: Path) -> None:
    case_folder(tmp_path, "a", None, {"patient": "p1"})
    case_folder(tmp_path, "b", None, {"patient": "p1"})
    case_folder(tmp_path, "c", None, {"patient": "p1", "visit": 2})
    source = CaseFolders(tmp_path, MODELS)
    a, b, c = source.requests()
    assert len({a.part, b.part, c.part}) == 1
    assert a.patient_id == c.patient_id == "own:p1"
    with pytest.raises(UserError, match=r'^Case "b": The patient is that of "a"'):
        source.make(b)
    assert (a.what[1], c.what[1]) == ("", "")


def test_split_is_within_the_group_and_the_source_travels(tmp_path: Path) -> None:
    for i in range(20):
        _touch(tmp_path, f"case{i:02d}/cine.nii.gz")
        (tmp_path / f"case{i:02d}" / "case.json").write_text(f'{{"group": "{"AB"[i % 2]}"}}')
    source = pickle.loads(pickle.dumps(CaseFolders(tmp_path, MODELS)))
    requests = source.requests()
    for group in "AB":
        parts = [request.part.value for request in requests if request.group == group]
        assert parts.count("train") == 6
        assert set(parts) == {"train", "validation", "test", "assessor"}


def test_ids_are_names_of_files_and_stay_apart(tmp_path: Path) -> None:
    _touch(tmp_path, "Fall 1/x", "Fall_1/x", "ö/x")
    ids = [request.case_id for request in CaseFolders(tmp_path, MODELS).requests()]
    assert len(set(ids)) == 3
    assert "own-Fall_1" in ids
    assert all(set(i) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") for i in ids)
    shutil.rmtree(tmp_path / "ö")
