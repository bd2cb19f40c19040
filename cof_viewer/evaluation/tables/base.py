"""What a table is made of, and the usual one: methods in rows, metrics in columns, each compared with `cof`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from cof_viewer.cohort.file import write_text_whole
from cof_viewer.evaluation.methods import OURS
from cof_viewer.evaluation.statistics import Interval, bootstrap_mean, holm, signed_rank_p
from cof_viewer.evaluation.study import Study

TEST_NOTE = (
    f"Means over patients with their 95 % bootstrap interval. Differences are the method's minus {OURS}'s, patient by "
    "patient; p by Wilcoxon's signed-rank test (two-sided, zeros by Pratt), corrected by Holm over all differences of "
    "the table."
)
_MISSING = "–"


@dataclass(frozen=True)
class Column:
    """One metric of a table.

    Attributes:
        metric: name in the records.
        title: head of the column, with its unit.
        digits: after the point.
        take: "value" or "size" (without sign) of each case, or "spread" (SD over patients of the value).
        compared: whether methods are compared on it.
    """

    metric: str
    title: str
    digits: int = 2
    take: Literal["value", "size", "spread"] = "value"
    compared: bool = True


@dataclass(frozen=True)
class Cell:
    """One method's figure in one column, with its difference to `cof`."""

    column: Column
    method: str
    patients: int
    value: Interval
    difference: Interval | None = None
    p: float = float("nan")
    p_holm: float = float("nan")


@dataclass(frozen=True)
class Table:
    """A finished table.

    Attributes:
        name: of its files.
        title: above it.
        head: words over the columns.
        rows: words in the cells.
        notes: sentences under it.
        long: one line a figure, for CSV.
        more: a second table under the first: (title, head, rows).
    """

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    long: tuple[dict[str, object], ...] = ()
    more: tuple[tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = field(default=())


def usual_table(
    study: Study, name: str, title: str, columns: Sequence[Column], notes: Sequence[str] = ()
) -> Table | None:
    """The usual table; None where no method has any of the metrics."""
    cells = cells_of(study, columns)
    kept = [c for c in columns if any(cell.column is c and cell.patients for cell in cells)]
    cells = [cell for cell in cells if any(cell.column is c for c in kept)]
    methods = [m for m in study.methods if any(cell.method == m and cell.patients for cell in cells)]
    if not methods:
        return None
    at = {(cell.method, id(cell.column)): cell for cell in cells}
    rows = tuple((m, *(shown(at[m, id(c)].value, c.digits) for c in kept)) for m in methods)
    compared = [c for c in kept if c.compared]
    others = [m for m in methods if m != OURS and any(at[m, id(c)].difference is not None for c in compared)]
    more = tuple((m, *(_shown_difference(at[m, id(c)]) for c in compared)) for m in others)
    return Table(
        name=name,
        title=title,
        head=("method", *(c.title for c in kept)),
        rows=rows,
        notes=(*notes, TEST_NOTE, *study.notes),
        long=tuple(_line(study, name, cell) for cell in cells if cell.patients),
        more=((f"Difference to {OURS}", ("method", *(c.title for c in compared)), more),) if more else (),
    )


def cells_of(study: Study, columns: Sequence[Column]) -> list[Cell]:
    """Every method's figure in every column, differences corrected by Holm over all of them."""
    raw = [_cell(study, method, column) for column in columns for method in study.methods]
    corrected = holm([cell.p for cell in raw])
    return [_with_holm(cell, p) for cell, p in zip(raw, corrected, strict=True)]


def _cell(study: Study, method: str, column: Column) -> Cell:
    size = column.take == "size"
    values = list(study.by_patient(method, column.metric, size=size).values())
    if column.take == "spread":
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        return Cell(column, method, len(values), Interval(spread, float("nan"), float("nan")))
    mean = bootstrap_mean(values, study.seed)
    if method == OURS or not column.compared:
        return Cell(column, method, len(values), mean)
    differences = study.paired(method, column.metric, size=size)
    if not len(differences):
        return Cell(column, method, len(values), mean)
    return Cell(column, method, len(values), mean, bootstrap_mean(differences, study.seed), signed_rank_p(differences))


def _with_holm(cell: Cell, p: float) -> Cell:
    return Cell(cell.column, cell.method, cell.patients, cell.value, cell.difference, cell.p, p)


def shown(interval: Interval, digits: int) -> str:
    """ "12.3 [10.1, 14.2]", or a dash where unknown."""
    if not np.isfinite(interval.value):
        return _MISSING
    value = f"{interval.value:.{digits}f}"
    if not np.isfinite(interval.low):
        return value
    return f"{value} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def shown_p(p: float) -> str:
    """ "p .012", "p < .001", or nothing where there is no test."""
    if not np.isfinite(p):
        return ""
    return "p < .001" if p < 0.001 else f"p {p:.3f}".replace("0.", ".")


def _shown_difference(cell: Cell) -> str:
    if cell.difference is None:
        return _MISSING
    digits = cell.column.digits
    sign = "+" if cell.difference.value >= 0 else ""
    return f"{sign}{shown(cell.difference, digits)} {shown_p(cell.p_holm)}".rstrip()


def _line(study: Study, name: str, cell: Cell) -> dict[str, object]:
    difference = cell.difference or Interval(float("nan"), float("nan"), float("nan"))
    numbers = {
        "value": cell.value.value,
        "low": cell.value.low,
        "high": cell.value.high,
        "difference": difference.value,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "p": cell.p,
        "p_holm": cell.p_holm,
    }
    what: dict[str, object] = {"table": name, "kind": study.kind.value, "part": study.part.value, "method": cell.method}
    what |= {"metric": cell.column.metric, "take": cell.column.take, "patients": cell.patients}
    return what | {key: "" if not np.isfinite(v) else repr(float(v)) for key, v in numbers.items()}


def markdown(table: Table) -> str:
    """A table as Markdown."""
    parts = [f"### {table.title}", grid(table.head, table.rows)]
    for title, head, rows in table.more:
        parts += [f"{title}:", grid(head, rows)]
    return "\n\n".join([*parts, "\n".join(f"- {note}" for note in table.notes)]) + "\n"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of words as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(word.replace("|", "/") for word in line) + " |" for line in lines)


def write_table(table: Table, stem: str, folder: Path) -> list[Path]:
    """Write a table as Markdown and, where it has figures, as CSV (one line a figure)."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {folder / f"{stem}.md": markdown(table)}
    if table.long:
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(table.long[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table.long)
        texts[folder / f"{stem}.csv"] = stream.getvalue()
    for path, text in texts.items():
        write_text_whole(path, text)
    return list(texts)
