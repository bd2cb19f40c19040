"""`cof-viewer cohort`: a store is made, checked, described and looked at; what can't be is said in a sentence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cof_viewer.cli import cohort as cohort_command
from cof_viewer.cohort.build import build
from cof_viewer.cohort.store import Store
from tests.cohort.fake_source import HandMade, request_for
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
        (["make", "--out", "{tmp}/new", "--simulated", "1", "--ecg", "{tmp}"], "--ecg is for --real"),
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
