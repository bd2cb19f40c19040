"""The tables beside a checkpoint."""

from __future__ import annotations

from pathlib import Path

from cof_viewer.learning.logs import append_row, last_row


def test_the_names_are_written_once_and_the_newest_row_is_read(tmp_path: Path):
    table = tmp_path / "validation.csv"
    assert last_row(table) == {}
    append_row(table, {"step": 1, "loss": 0.5})
    append_row(table, {"step": 2, "loss": 0.123456})
    assert table.read_text().splitlines()[0] == "step,loss"
    assert len(table.read_text().splitlines()) == 3
    assert last_row(table) == {"step": 2.0, "loss": 0.1235}
