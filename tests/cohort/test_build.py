"""Building a store: whatever one case does, the rest is made; it goes on where it stopped."""

from __future__ import annotations

import csv
import errno
import os
import threading
import time
from functools import partial

import numpy as np
import pytest

from cof_viewer.cohort import build as build_module
from cof_viewer.cohort.build import build
from cof_viewer.cohort.case import Kind
from cof_viewer.cohort.check import check_store
from cof_viewer.cohort.simulator.source import SimulatedPatients
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.cohort.store import Store
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.progress import CancelToken
from cof_viewer.domain.split import Split
from tests.cohort.fake_source import HandMade, keep_fault, request_for


def source_of(**ends: str) -> HandMade:
    return HandMade(tuple(request_for(name, what=(how,)) for name, how in ends.items()))


def ids(folder) -> list[str]:
    return [row.case_id for row in Store.open(folder).rows]


def test_a_simulated_store_reads_as_it_was_made_and_a_spoiled_case_is_made_again(tmp_path):
    source = SimulatedPatients(2)
    report = build([source], tmp_path)
    assert (len(report.made), report.refused) == (2, [])
    store = Store.open(tmp_path)
    asked = source.requests()[0]
    made, read = source.make(asked), store.load(asked.case_id)
    for name in ("image", "labels", "displacement_mm", "ecg_mv"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert (read.numbers, read.origins, read.phase_ms) == (made.numbers, made.origins, made.phase_ms)
    assert check_store(store) == []
    store.path(store.rows[0]).write_bytes(b"spoiled")
    assert [f.case_id for f in check_store(store)] == [store.rows[0].case_id]
    again = build([source], tmp_path)
    assert (again.made, again.kept) == ([store.rows[0].case_id], [store.rows[1].case_id])
    assert check_store(Store.open(tmp_path)) == []


def test_whatever_ends_one_case_is_named_and_the_others_are_made(tmp_path):
    source = source_of(a="good", b="unusable", c="killed", d="fault", e="good", f="memory", g="good")
    report = build([source], tmp_path / "store", log_fault=partial(keep_fault, tmp_path))
    assert ids(tmp_path / "store") == ["a", "e", "g"]
    said = dict(report.refused)
    assert said["b"] == 'The labels of "b" are missing. Add them.'
    assert 'The process that made "c" was ended from outside (code 9)' in said["c"]
    assert "ZeroDivisionError" in said["d"]
    assert str(tmp_path / "fault.log") in said["d"]
    assert (tmp_path / "fault.log").read_text() == "ZeroDivisionError"
    assert 'not enough memory to make "f"' in said["f"]
    with (tmp_path / "store" / "refused.csv").open(newline="") as stream:
        assert [row["case_id"] for row in csv.DictReader(stream)] == list("bcdf")


def test_several_workers_make_the_same_store_as_one(tmp_path):
    source = source_of(**{f"case{i}": "killed" if i == 2 else "good" for i in range(6)})
    one, three = tmp_path / "one", tmp_path / "three"
    build([source], one)
    report = build([source], three, workers=3)
    assert [case_id for case_id, _ in report.refused] == ["case2"]
    assert [row.sha256 for row in Store.open(one).rows] == [row.sha256 for row in Store.open(three).rows]


def test_a_case_that_was_killed_is_made_by_the_next_build(tmp_path):
    source = HandMade((request_for("a", what=("killed-once", str(tmp_path / "once"))), request_for("b")))
    assert [case_id for case_id, _ in build([source], tmp_path / "store").refused] == ["a"]
    again = build([source], tmp_path / "store")
    assert (again.made, again.kept, again.refused) == (["a"], ["b"], [])


def test_ctrl_c_ends_within_a_second_and_the_next_build_goes_on(tmp_path):
    source = source_of(a="good", b="slow", c="good")
    cancel = CancelToken()
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        cancel.cancel()

    def first_is_made(_fraction: float, words: str) -> None:
        if words == "Case 1 of 3":
            threading.Timer(0.3, press).start()

    with pytest.raises(Cancelled):
        build([source], tmp_path, progress=first_is_made, cancel=cancel)
    assert time.monotonic() - pressed[0] < 1.0
    assert ids(tmp_path) == ["a"]
    again = build([source_of(a="good", b="good", c="good")], tmp_path)
    assert (again.kept, again.made) == (["a"], ["b", "c"])


def test_what_a_kill_left_half_written_is_no_case_and_is_swept_away(tmp_path):
    build([source_of(a="good", b="good")], tmp_path)
    half = tmp_path / "cases" / "c.h5.4711.partial"
    half.write_bytes((tmp_path / "cases" / "a.h5").read_bytes()[:5000])
    cut = tmp_path / "cases" / "b.h5"
    cut.write_bytes(cut.read_bytes()[:-1])
    # A file without a row, as after a kill between the case and the table.
    (tmp_path / "cases" / "d.h5").write_bytes(b"")
    report = build([source_of(a="good", b="good", c="good", d="good")], tmp_path)
    assert (report.kept, sorted(report.made)) == (["a"], ["b", "c", "d"])
    assert not half.exists()
    assert check_store(Store.open(tmp_path)) == []


def test_a_full_disk_ends_with_one_sentence_and_keeps_what_was_made(tmp_path, monkeypatch):
    def in_this_process(jobs, do, _count, _cancel):
        return ((job, do(job)) for job in jobs)

    written = []
    write_case = build_module.write_case

    def write(case, folder):
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(case.case_id)
        return write_case(case, folder)

    monkeypatch.setattr(build_module, "work", in_this_process)
    monkeypatch.setattr(build_module, "write_case", write)
    with pytest.raises(UserError, match=r"The disk of .* is full"):
        build([source_of(a="good", b="good")], tmp_path)
    assert ids(tmp_path) == ["a"]


def test_a_place_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written"):
        build([source_of(a="good")], tmp_path / "file" / "store")


def test_only_the_same_case_id_is_a_duplicate(tmp_path):
    measured = CaseRequest("cine-p1", "acdc:p1", Kind.MEASURED_CINE, Split.TRAIN, "NOR", ("good",))
    completed = CaseRequest("completed-p1", "acdc:p1", Kind.COMPLETED, Split.TRAIN, "NOR", ("good",))
    elsewhere = CaseRequest("other-p1", "acdc:p1", Kind.COMPLETED, Split.TEST, "NOR", ("good",))
    report = build([HandMade((measured, completed)), HandMade((measured, elsewhere))], tmp_path)
    assert report.made == ["cine-p1", "completed-p1"]
    said = dict(report.refused)
    assert "comes twice" in said["cine-p1"]
    assert "another part of the split" in said["other-p1"]


def test_another_seed_or_request_makes_a_case_again(tmp_path):
    requests = (request_for("a"), request_for("b"))
    build([HandMade(requests)], tmp_path)
    assert build([HandMade(requests)], tmp_path).made == []
    assert build([HandMade(requests, seed=1)], tmp_path).made == ["a", "b"]
    changed = (requests[0], request_for("b", what=("good", "again")))
    assert build([HandMade(changed, seed=1)], tmp_path).made == ["b"]


def test_a_limit_takes_the_first_of_each_source(tmp_path):
    build([source_of(a="good", b="good"), source_of(c="good", d="good")], tmp_path, limit=1)
    assert ids(tmp_path) == ["a", "c"]
