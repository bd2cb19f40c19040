"""The CSV tables that a training leaves beside its checkpoint."""

from __future__ import annotations

import csv
from pathlib import Path


def append_row(path: Path, values: dict[str, float]) -> None:
    """Add a row; a new table starts with the names."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(values))
        if new:
            writer.writeheader()
        writer.writerow(values)


def last_row(path: Path) -> dict[str, float]:
    """The newest row, rounded to four digits; empty where nothing was written yet."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        *_, last = csv.DictReader(stream)
    return {name: round(float(value), 4) for name, value in last.items()}
