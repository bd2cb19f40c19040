"""A folder of cases and its table: found again by the table, chosen from, loaded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.cohort.file import read_case, write_case
from cof_viewer.cohort.manifest import CaseRow, read_rows
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split

__all__ = ["CASES", "Store", "read_case", "write_case"]

CASES = "cases"
"""Folder of the case files inside a store."""


@dataclass(frozen=True)
class Store:
    """A store that was made.

    Attributes:
        folder: where it lies.
        rows: its table, in order of case id.
    """

    folder: Path
    rows: tuple[CaseRow, ...]

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the store in a folder.

        Raises:
            UserError: there is none, or it is of another version.
        """
        return cls(folder, read_rows(folder))

    def choose(self, *, kinds: Collection[Kind] | None = None, parts: Collection[Split] | None = None) -> list[CaseRow]:
        """Rows of these kinds and parts; None takes all."""
        return [
            row for row in self.rows if (kinds is None or row.kind in kinds) and (parts is None or row.part in parts)
        ]

    def row(self, case_id: str) -> CaseRow:
        """The row of a case.

        Raises:
            UserError: there is no such case.
        """
        for row in self.rows:
            if row.case_id == case_id:
                return row
        raise UserError(f'The store has no case "{case_id}". Its {len(self.rows)} cases are in manifest.csv.')

    def path(self, row: CaseRow) -> Path:
        """The file of a row's case."""
        return self.folder / row.file

    def load(self, case_id: str, phases: Sequence[int] | None = None) -> CohortCase:
        """Read a case, or only some of its phases (see `read_case`).

        Raises:
            UserError: there is no such case, or its file is spoiled.
        """
        return read_case(self.path(self.row(case_id)), phases)
