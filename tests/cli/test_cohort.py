"""`cof-viewer cohort`: a store is made, checked, described and looked at; what can't be is said in a sentence."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cli import cohort as cohort_command
from cof_viewer.cohort.build import build
from cof_viewer.cohort.lock import LOCK, only_build
from cof_viewer.cohort.store import Store
from tests.cohort.fake_source import HandMade, request_for
from tests.cohort.readers.made import break_spacing, case_folder, cine_array, labels_array, write_nifti
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store of three cases made by hand."""
    folder = tmp_path_factory.mktemp("made") / "store"
    build([HandMade(tuple(request_for(name) for name in "abc"))], folder)
    return folder


@pytest.fixture
def store(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "store"))


def test_simulated_patients_are_made_checked_and_kept(command, tmp_path):
    out = tmp_path / "store"
    code, told, err = command("cohort", "make", "--out", out, "--simulated", "2", "--seed", "1", "--json")
    assert (code, err) == (0, "")
    said = json.loads(told)
    assert (said["cases"], said["made"], said["kept"], said["refused"]) == (2, 2, 0, [])
    assert said["bytes"] == sum(path.stat().st_size for path in (out / "cases").iterdir())
    assert command("cohort", "check", out) == (0, "2 cases are whole and good.\n", "")
    code, told, _ = command("cohort", "make", "--out", out, "--simulated", "2", "--seed", "1")
    assert code == 0
    assert told.startswith("0 cases made, 2 kept, 0 left out.")


def test_what_is_wrong_with_a_store_is_said_with_exit_code_2(command, store):
    (store / "cases" / "b.h5").write_bytes(b"")
    code, out, err = command("cohort", "check", store)
    assert code == 2
    assert out == "b: Its file is not the one that was written: the checksum differs.\n"
    assert err == "1 of 3 cases are not as they should be.\n"
    code, out, _ = command("cohort", "check", store, "--json")
    assert code == 2
    assert [wrong["case_id"] for wrong in json.loads(out)["wrong"]] == ["b"]


def test_a_case_is_drawn(command, store, tmp_path):
    picture = tmp_path / "case.png"
    assert command("cohort", "show", store, "a", "--png", picture) == (0, f"{picture}\n", "")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_case_opens_in_the_window_and_its_files_are_gone_afterwards(command, store, monkeypatch):
    opened = []

    def window(study, ecg, *, at_interrupt):
        assert study.is_file()
        assert ecg.is_file()
        opened.append(study.parent)
        return 0

    monkeypatch.setattr(cohort_command, "open_window", window)
    assert command("cohort", "show", store, "a") == (0, "", "")
    assert not opened[0].exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["make", "--out", "{tmp}/new"], "Nothing to make."),
        (["make", "--out", "{tmp}/new", "--simulated", "-1"], "--simulated can't be -1."),
        (["make", "--out", "{tmp}/new", "--simulated", "many"], "--simulated takes a whole number."),
        (["make", "--out", "{tmp}/new", "--simulated", "1", "--workers", "0"], "--workers can't be 0."),
        (["make", "--out", "{tmp}/new", "--simulated", "1", "--limit", "0"], "--limit can't be 0."),
        (["make", "--out", "{tmp}/new", "--ecg-first", "1"], "Name their folder with --ecg."),
        (["make", "--out", "{tmp}/new", "--ecg-first", "1", "--ecg", "simulated"], "not simulated ones"),
        (["make", "--out", "{tmp}/new", "--simulated", "1", "--ecg", "simulated"], "--ecg is for --real"),
        (["make", "--out", "{tmp}/new", "--simulated", "1", "--ecg", "{tmp}"], "--ecg is for --real"),
        (["make", "--out", "{tmp}/new", "--pairs", "{tmp}", "--backgrounds", "{tmp}"], "is for --simulated"),
        (["make", "--out", "{tmp}/new", "--simulated", "1", "--backgrounds", "{tmp}"], "manifest.csv"),
        (["make", "--out", "{tmp}/new", "--ecg-first", "1", "--ecg", "{tmp}"], "holds no records.h5"),
        (["make", "--out", "{tmp}/new", "--real", "{tmp}/none"], "There is no file or folder"),
        (["make", "--out", "{tmp}/new", "--real", "{tmp}"], "with a manifest.csv"),
        (["make", "--out", "{tmp}/file", "--simulated", "1"], "is a file. Choose a folder"),
        (["check", "{tmp}"], "is no cohort store"),
        (["check", "{tmp}/none"], "There is no file or folder"),
        (["describe", "{tmp}", "--out", "{tmp}/page"], "is no cohort store"),
        (["show", "{store}", "z"], 'no case "z"'),
        (["show", "{store}", "a", "--png", "{tmp}/case.txt"], "must end in .png"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(command, store, tmp_path, words, sentence):
    (tmp_path / "file").write_text("")
    code, out, err = command("cohort", *(word.format(tmp=tmp_path, store=store) for word in words))
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_an_empty_store_is_not_called_good(command, tmp_path):
    build([HandMade(())], tmp_path)
    code, _, err = command("cohort", "check", tmp_path)
    assert (code, "holds no case" in err) == (2, True)


def test_pairs_are_read_by_what_lies_in_the_folder_and_refusals_are_named(command, tmp_path):
    own, bank = tmp_path / "own", tmp_path / "bank"
    (own / "case1").mkdir(parents=True)
    bank.mkdir()
    (bank / "1234567_20209_2_0.zip").write_bytes(b"")
    code, out, err = command("cohort", "make", "--out", tmp_path / "store", "--pairs", own, "--pairs", bank, "--json")
    assert (code, err) == (2, "")
    refused = {row["case_id"]: row["reason"] for row in json.loads(out)["refused"]}
    assert "no cine" in refused["own-case1"]
    assert "no ECG of the same visit" in refused["ukb-1234567-2"]


def test_bad_cases_of_a_real_folder_are_named_and_the_rest_is_made_with_its_own_ecg(command, tmp_path):
    bad = {
        "missing": 'label "es_label" is missing in "missing.npz"',
        "empty": "no left ventricle",
        "nan": "values that are no numbers",
        "zero": 'spacing of "completed-acdc-zero" is 10 x 0 x 1.5 mm',
        "nothing": "is 10 x nan x 1.5 mm",
        "unknown": "hold the value 7",
        "damaged": '"damaged.npz" is damaged',
        "lost": '"lost.npz" is in the manifest but not in its folder',
    }
    mri = real_folder(tmp_path / "mri", ("good", "good", *bad))
    out = tmp_path / "store"
    code, told, err = command("cohort", "make", "--out", out, "--real", mri, "--ecg", "simulated", "--json")
    assert (code, err) == (0, "")
    said = json.loads(told)
    refused = {row["case_id"]: row["reason"] for row in said["refused"]}
    assert said["made"] == 1
    assert "comes twice" in refused.pop("completed-acdc-good")
    assert refused.keys() == {f"completed-acdc-{name}" for name in bad}
    for name, words in bad.items():
        assert words in refused[f"completed-acdc-{name}"]
    case = Store.open(out).load("completed-acdc-good")
    assert case.origins["ecg"] == "simulated"
    assert command("cohort", "check", out)[0] == 0
    again = json.loads(command("cohort", "make", "--out", out, "--real", mri, "--json")[1])
    assert again["made"] == 1  # without an ECG it is another case


def real_folder(folder, names):
    """A folder like the project's own real data: ED-ES pairs of round hearts, spoiled as their names say."""
    (folder / "pairs").mkdir(parents=True)
    rows = [f"pairs/{name}.npz,ACDC,{name},NOR,Siemens,pair,1.5,base->apex,,," for name in names]
    columns = "file,dataset,patient,group,vendor,kind,spacing_x_mm,slice_order,lv_edv_ml,lv_esv_ml,lv_ef_percent"
    (folder / "manifest.csv").write_text("\n".join([columns, *rows]))
    for name in names:
        arrays = round_heart() | {"spacing_mm": np.array([10.0, {"zero": 0.0, "nothing": np.nan}.get(name, 1.5), 1.5])}
        if name == "missing":
            del arrays["es_label"]
        if name == "empty":
            arrays["es_label"][:] = 0
        if name == "nan":
            arrays["ed"] = np.where(arrays["ed"] > 150, np.nan, arrays["ed"])
        if name == "unknown":
            arrays["ed_label"][0, 0, 0] = 7
        if name != "lost":
            np.savez(folder / "pairs" / f"{name}.npz", **arrays)
        if name == "damaged":
            path = folder / "pairs" / "damaged.npz"
            path.write_bytes(path.read_bytes()[:200])
    return folder


def round_heart():
    """Pictures and labels [3, 100, 100] of a heart that shrinks from ED to ES."""
    y, x = np.mgrid[:100, :100] - 50.0
    arrays = {}
    for end, inner in (("ed", 16.0), ("es", 11.0)):
        plane = np.where(np.hypot(x + 26, y) < 12, 3, 0)
        plane[np.hypot(x, y) < 23], plane[np.hypot(x, y) < inner] = 2, 1
        arrays[f"{end}_label"] = np.repeat(plane[None].astype(np.uint8), 3, axis=0)
        arrays[end] = np.array([90, 200, 60, 190], np.uint8)[arrays[f"{end}_label"]]
    return arrays


def test_bad_own_folders_are_named_and_the_rest_is_made(command, data_dir, tmp_path):
    own = tmp_path / "own"
    for name in ("label", "nan", "zero", "nothing", "value", "ecg", "twice1", "twice2"):
        case_folder(own, name, data_dir, {"patient": name[:5], "ed_phase": 0, "es_phase": 6})
    write_nifti(own / "label" / "labels_ed.nii.gz", labels_array())
    holed = cine_array()
    holed[5, 5, 1, 1] = np.nan
    write_nifti(own / "nan" / "cine.nii.gz", holed)
    break_spacing(own / "zero" / "cine.nii.gz", 0.0)
    break_spacing(own / "nothing" / "cine.nii.gz", float("nan"))
    for end in ("ed", "es"):
        write_nifti(own / "value" / f"labels_{end}.nii.gz", np.where(labels_array() == 3, 9, labels_array()))
    (own / "ecg" / "ecg.xml").write_text("<CardiologyXML><StripData></CardiologyXML>")
    (own / "twice1" / "cine.nii.gz").unlink()  # so that nothing here takes a model's time
    code, told, _ = command("cohort", "make", "--out", tmp_path / "store", "--pairs", own, "--simulated", "1", "--json")
    said = json.loads(told)
    assert (code, said["made"]) == (0, 1)
    refused = {row["case_id"]: row["reason"] for row in said["refused"]}
    words = {"label": "labels_es", "nan": "not numbers", "zero": "mm apart", "nothing": "spacing", "value": "9"}
    words |= {"ecg": "damaged", "twice1": "no cine", "twice2": 'that of "twice1" again'}
    assert refused.keys() == {f"own-{name}" for name in words}
    for name, wanted in words.items():
        assert refused[f"own-{name}"].startswith(f'Case "{name}": ')
        assert wanted in refused[f"own-{name}"]


def test_a_second_build_into_a_store_is_refused(command, store):
    with only_build(store):
        code, _, err = command("cohort", "make", "--out", store, "--simulated", "1")
    assert (code, "Another build is making the store" in err) == (2, True)
    assert len(Store.open(store).rows) == 3


def test_a_full_disk_is_one_sentence(command, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cof_viewer.cohort.build.write_rows", full)
    code, out, err = command("cohort", "make", "--out", tmp_path / "store", "--simulated", "1")
    assert (code, out) == (2, "")
    assert "is full. Free space" in err


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_a_kill_in_the_middle_leaves_nothing_half_written_that_counts(command, tmp_path):
    out = tmp_path / "store"
    words = [sys.executable, "main.py", "cohort", "make", "--out", str(out), "--simulated", "40"]
    environment = {**os.environ, "COF_VIEWER_HOME": str(tmp_path)}
    running = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=-1, stderr=-1, start_new_session=True)
    deadline = time.monotonic() + 90
    while not list(tmp_path.glob("store/cases/*.h5")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=30)
    assert (out / LOCK).exists()
    code, told, _ = command("cohort", "make", "--out", out, "--simulated", "2", "--json")
    assert (code, json.loads(told)["refused"]) == (0, [])
    assert not (out / LOCK).exists()
    assert command("cohort", "check", out)[0] == 0


def test_real_data_is_found_from_either_folder(data_dir):
    assert cohort_command._data_folder(data_dir) == data_dir.resolve()
    assert cohort_command._data_folder(data_dir / "mri") == data_dir.resolve()


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C as POSIX does")
def test_ctrl_c_ends_a_build_quickly_and_quietly_and_the_next_goes_on(tmp_path):
    out = tmp_path / "store"
    words = [sys.executable, "main.py", "cohort", "make", "--out", str(out), "--simulated", "300", "--workers", "2"]
    environment = {**os.environ, "COF_VIEWER_HOME": str(tmp_path)}
    running = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=-1, stderr=-1, start_new_session=True)
    deadline = time.monotonic() + 90
    while not list(tmp_path.glob("store/cases/*.h5")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    pressed = time.monotonic()
    told, err = running.communicate(timeout=30)
    assert (running.returncode, told, err) == (130, b"", b"")
    assert time.monotonic() - pressed < 3.0  # below 1 s where nothing else runs
    assert not list(out.rglob("*.partial"))
    assert {row.case_id for row in Store.open(out).rows} <= {path.stem for path in (out / "cases").iterdir()}
