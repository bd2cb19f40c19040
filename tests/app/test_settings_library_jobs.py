"""The user's files: settings, library; and jobs by themselves."""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest

from cof_viewer.app.bugs import describe_bug
from cof_viewer.app.jobs import FILES_LANE, JobRunner, JobState, stop_everything
from cof_viewer.app.library import SCHEMA_VERSION, Library, LibraryRow
from cof_viewer.app.settings import ROWS, Settings, load_settings, save_settings
from cof_viewer.app.undo import Edit, UndoStack


def test_every_setting_has_a_row_and_every_default_fits_it():
    assert {row.name for row in ROWS} == set(vars(Settings()))
    assert all(row.accepts(getattr(Settings(), row.name)) for row in ROWS)


def test_settings_survive_and_spoilt_files_do_no_harm(tmp_path):
    path = tmp_path / "deep" / "settings.json"
    save_settings(Settings(members=12, institution="Köln"), path)
    assert load_settings(path) == Settings(members=12, institution="Köln")
    stored = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**stored, "members": "many", "theme": "pink", "unknown": 1, "seed": True}))
    assert load_settings(path) == Settings(institution="Köln")
    path.write_text("{ not json")
    assert load_settings(path) == Settings()


def test_the_library_lists_newest_first_keeps_numbers_and_forgets(tmp_path):
    library = Library(tmp_path / "library.sqlite")
    assert library.rows() == []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number, path in enumerate(["a", "b", "c"]):
        library.remember(LibraryRow(path, name=path.upper()), now=start + timedelta(minutes=number), keep=2)
    assert [row.path for row in library.rows()] == ["c", "b"]
    library.set_numbers("b", measured_ef_percent=61.5, withheld="ef_percent")
    library.remember(LibraryRow("b", name="B"), now=start + timedelta(hours=1), keep=2)
    newest = library.rows()[0]
    assert (newest.path, newest.measured_ef_percent, newest.withheld) == ("b", 61.5, "ef_percent")
    library.forget("b")
    assert [row.path for row in library.rows()] == ["c"]
    library.forget()
    assert library.rows() == []
    assert b"BBB" not in (tmp_path / "library.sqlite").read_bytes()


def test_the_library_knows_its_schema_and_leaves_a_newer_one_alone(tmp_path):
    path = tmp_path / "library.sqlite"
    Library(path).remember(LibraryRow("a"))
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="newer"):
        Library(path).rows()


def test_lanes_run_beside_each_other_and_jobs_of_a_lane_after_each_other():
    runner = JobRunner()
    gate, order = threading.Event(), []
    first = runner.submit("slow", lambda _p, _c: gate.wait(5))
    second = runner.submit("next", lambda _p, _c: order.append("next"))
    beside = runner.submit("file", lambda _p, _c: order.append("file"), lane=FILES_LANE)
    assert beside.wait(5)
    assert order == ["file"]
    assert second.state is JobState.QUEUED
    gate.set()
    assert runner.wait_idle(5)
    assert order == ["file", "next"]
    assert (first.state, first.serial < second.serial) == (JobState.DONE, True)
    runner.shutdown()


def test_a_job_that_was_cancelled_while_it_waits_never_runs_and_shutdown_leaves_no_thread():
    runner = JobRunner()
    started, ran, ended = threading.Event(), [], []

    def slow(_progress, cancel):
        started.set()
        while True:
            cancel.raise_if_cancelled()

    running = runner.submit("slow", slow, on_cancelled=lambda: ended.append("slow"))
    waiting = runner.submit("next", lambda _p, _c: ran.append(1), on_cancelled=lambda: ended.append("next"))
    started.wait(5)
    runner.shutdown()
    assert (running.state, waiting.state) == (JobState.CANCELLED, JobState.CANCELLED)
    assert sorted(ended) == ["next", "slow"]
    assert ran == []
    assert runner.active == ()
    with pytest.raises(RuntimeError):
        runner.submit("late", lambda _p, _c: None)


def test_everything_is_stopped_those_jobs_too_that_wait_and_that_ended_jobs_start():
    runner = JobRunner()
    started, ran = threading.Event(), []

    def slow(_progress, cancel):
        started.set()
        while True:
            cancel.raise_if_cancelled()

    def more(_progress, _cancel):
        ran.append(1)

    runner.submit("slow", slow, on_cancelled=lambda: runner.submit("next", slow))
    runner.submit("waiting", more)
    started.wait(5)
    assert stop_everything(5)
    assert runner.active == ()
    assert ran == []
    runner.shutdown()


def test_progress_is_told_with_each_new_words_and_not_too_often():
    runner = JobRunner()
    told = []

    def work(progress, _cancel):
        for step in range(1000):
            progress(step / 1000, "same words")
        progress(0.5, "other words")

    runner.submit("busy", work, on_progress=lambda fraction, words: told.append((fraction, words))).wait(5)
    assert told[0] == (0.0, "same words")
    assert told[-1] == (0.5, "other words")
    assert len(told) < 50
    runner.shutdown()


def test_undo_forgets_what_was_undone_when_something_new_is_done():
    stack = UndoStack()
    stack.push(Edit("one", {"a": 0}, {"a": 1}))
    stack.push(Edit("two", {"a": 1}, {"a": 2}))
    assert stack.undo().before == {"a": 1}
    stack.push(Edit("three", {"a": 1}, {"a": 3}))
    assert stack.redo() is None
    assert (stack.undo_words, stack.undo().words, stack.undo().words, stack.undo()) == ("three", "three", "one", None)


def test_a_bug_report_names_kind_and_place_but_no_patient():
    try:
        try:
            raise FileNotFoundError(2, "No such file", "/data/Doe_Jane/1.dcm")
        except OSError as error:
            raise KeyError("patient 'Doe^Jane' born 1950 in C:\\cases\\Doe") from error
    except KeyError as error:
        text = describe_bug(error, secrets=["born 1950"])
    assert "KeyError" in text
    assert "FileNotFoundError: No such file" in text
    assert "test_settings_library_jobs.py" in text
    assert "Doe" not in text
    assert "1950" not in text
