"""Two builds into one folder: the second is refused; what a dead build left is taken over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cof_viewer.cohort.build import build
from cof_viewer.cohort.lock import LOCK, only_build
from cof_viewer.domain.errors import UserError
from tests.cohort.fake_source import HandMade, request_for


def dead_process() -> int:
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_build_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    with only_build(tmp_path):
        half = tmp_path / "manifest.csv.1.partial"
        half.write_text("being written by the first")
        with pytest.raises(UserError, match="Another build is making the store"):
            build([HandMade((request_for("a"),))], tmp_path)
        assert half.exists()
    assert not (tmp_path / LOCK).exists()
    assert build([HandMade((request_for("a"),))], tmp_path).made == ["a"]
    assert not (tmp_path / LOCK).exists()


def test_the_lock_goes_when_a_build_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_build(tmp_path):
        raise ZeroDivisionError
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("left", ["dead", "another", "spoiled"])
def test_a_lock_of_a_dead_process_is_taken_over(tmp_path: Path, left: str) -> None:
    import socket

    said = {"host": socket.gethostname(), "pid": os.getpid(), "started": None, "id": "x"}
    said = {"dead": said | {"pid": dead_process()}, "another": said | {"started": "1"}, "spoiled": said}[left]
    if left == "another" and not Path("/proc/self/stat").exists():
        pytest.skip("this system does not tell when a process began")
    (tmp_path / LOCK).write_text(json.dumps(said)[: 10 if left == "spoiled" else None])
    with only_build(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_another_machine_is_respected(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": None, "id": "x"}))
    with pytest.raises(UserError, match="remove"), only_build(tmp_path):
        pass
    assert (tmp_path / LOCK).exists()
