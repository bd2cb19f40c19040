"""Recent studies with their last numbers, in an SQLite file of the user's own; names of patients stay there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from cof_viewer.app.paths import user_data_dir

SCHEMA_VERSION = 1

_CREATE = """
CREATE TABLE IF NOT EXISTS studies (
    path TEXT PRIMARY KEY,
    ecg_path TEXT,
    name TEXT,
    patient_id TEXT,
    study_date TEXT,
    description TEXT,
    simulated INTEGER NOT NULL DEFAULT 0,
    has_cine INTEGER NOT NULL DEFAULT 0,
    opened_at TEXT NOT NULL,
    measured_ef_percent REAL,
    measured_edv_ml REAL,
    generated_ef_percent REAL,
    generated_edv_ml REAL,
    withheld TEXT NOT NULL DEFAULT ''
)
"""


@dataclass(frozen=True)
class LibraryRow:
    """One study of the library.

    Attributes:
        path: what the user named; the key.
        opened_at: ISO date and time, UTC, of the last opening.
        withheld: names of generated numbers that a stop withholds, separated by spaces; they stay withheld here.
    """

    path: str
    ecg_path: str | None = None
    name: str | None = None
    patient_id: str | None = None
    study_date: str | None = None
    description: str | None = None
    simulated: bool = False
    has_cine: bool = False
    opened_at: str = ""
    measured_ef_percent: float | None = None
    measured_edv_ml: float | None = None
    generated_ef_percent: float | None = None
    generated_edv_ml: float | None = None
    withheld: str = ""

    @property
    def still_there(self) -> bool:
        """Whether the file or folder exists (a drive may be away)."""
        return Path(self.path).exists()


_COLUMNS = tuple(field.name for field in fields(LibraryRow))


class Library:
    """The list of recent studies. Each call opens the file for itself, so any thread may call."""

    def __init__(self, path: Path | None = None) -> None:
        """Use the user's own file, or the one that is given; it is made on the first write."""
        self._path = path or user_data_dir() / "library.sqlite"

    def rows(self, limit: int = 50) -> list[LibraryRow]:
        """Newest first; empty where there is no library yet.

        Raises:
            sqlite3.Error: when the file can't be read.
        """
        if not self._path.is_file():
            return []
        with self._open() as connection:
            found = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM studies ORDER BY opened_at DESC, path LIMIT ?", (limit,)
            ).fetchall()
        return [_row(values) for values in found]

    def remember(self, row: LibraryRow, *, now: datetime | None = None, keep: int = 50) -> None:
        """Put a study on top; the numbers of an earlier opening stay where the row has none.

        Args:
            row: the study; its `opened_at` is set here.
            now: time of opening, for tests.
            keep: how many studies the library holds; the oldest are forgotten.

        Raises:
            sqlite3.Error, OSError: when the file can't be written.
        """
        values = {name: getattr(row, name) for name in _COLUMNS}
        values["opened_at"] = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
        kept = [name for name in _COLUMNS if name not in ("path", "withheld")]
        updates = ", ".join(f"{name} = COALESCE(excluded.{name}, studies.{name})" for name in kept)
        with self._open() as connection:
            connection.execute(
                f"INSERT INTO studies ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + c for c in _COLUMNS)}) "
                f"ON CONFLICT(path) DO UPDATE SET {updates}",
                values,
            )
            connection.execute(
                "DELETE FROM studies WHERE path NOT IN (SELECT path FROM studies ORDER BY opened_at DESC LIMIT ?)",
                (keep,),
            )

    def set_numbers(self, path: str, **numbers: float | str | None) -> None:
        """Replace some columns of a study that is listed; None clears a number."""
        unknown = set(numbers) - set(_COLUMNS)
        if unknown:
            raise KeyError(sorted(unknown)[0])
        if not numbers:
            return
        assignments = ", ".join(f"{name} = :{name}" for name in numbers)
        with self._open() as connection:
            connection.execute(f"UPDATE studies SET {assignments} WHERE path = :path", {**numbers, "path": path})

    def forget(self, path: str | None = None) -> None:
        """Take one study, or all of them, off the list; the study's own files are never touched."""
        with self._open() as connection:
            if path is None:
                connection.execute("DELETE FROM studies")
            else:
                connection.execute("DELETE FROM studies WHERE path = ?", (path,))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection with the tables in place, committed and closed at the end."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._path, timeout=5.0)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                raise sqlite3.DatabaseError("the library was written by a newer version of this program")
            with connection:
                connection.execute("PRAGMA secure_delete = ON")  # a forgotten name is gone from the file too
                if version < SCHEMA_VERSION:
                    connection.execute(_CREATE)
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                yield connection


def _row(values: tuple[object, ...]) -> LibraryRow:
    named = dict(zip(_COLUMNS, values, strict=True))
    named["simulated"], named["has_cine"] = bool(named["simulated"]), bool(named["has_cine"])
    return LibraryRow(**named)  # type: ignore[arg-type]
