"""Cost: seconds and memory of every method."""

from __future__ import annotations

from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables.base import Column, Table, usual_table

NAME = "cost"
_COLUMNS = (
    Column("seconds", "seconds a beat", 2, compared=False),
    Column("anchor_seconds", "seconds to find and segment the anchor", 2, compared=False),
    Column("peak_mb", "peak memory, MB", 0, compared=False),
)
_NOTE = (
    "One thread a process, wall clock, with whatever else the machine did: compare within a table only. Memory is that "
    "of the whole process with everything loaded. The program's own bench command times the engine alone."
)


def make(study: Study) -> Table | None:
    """The table."""
    return usual_table(study, NAME, "Time and memory", _COLUMNS, (_NOTE,))
