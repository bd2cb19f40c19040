"""The tables. A new one is one file with `make(study) -> Table | None`, and one entry in `TABLES`."""

from __future__ import annotations

from collections.abc import Callable

from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables import cost, coverage, hard_cases, motion, overlap, t2, t3
from cof_viewer.evaluation.tables.base import Table, markdown, write_table

__all__ = ["TABLES", "Table", "markdown", "write_table"]

TABLES: tuple[Callable[[Study], Table | None], ...] = (
    t3.make,
    t3.make_by_assessor,
    t2.make,
    overlap.make,
    overlap.make_by_assessor,
    motion.make,
    coverage.make,
    cost.make,
    hard_cases.make,
)
"""In the order of the report."""
