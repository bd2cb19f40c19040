"""From records to the folder of results: a table a kind and question, figures, and one page that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cof_viewer.cohort.file import write_text_whole
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.figures import write_figures
from cof_viewer.evaluation.methods import Method, method_of
from cof_viewer.evaluation.record import Record
from cof_viewer.evaluation.settings import Settings
from cof_viewer.evaluation.study import Study, studies
from cof_viewer.evaluation.tables import TABLES, markdown, write_table
from cof_viewer.evaluation.tables.base import grid

REPORT = "report.md"


def write_report(records: Sequence[Record], settings: Settings) -> Path:
    """Write `tables/`, `figures/` and `report.md` from an evaluation's records.

    Returns:
        The report's path.
    """
    methods = [method_of(name) for name in settings.methods]
    names = [method.name for method in methods]
    parts = [f"# Evaluation, {settings.part.value} part", _methods(methods)]
    if settings.part is Split.TEST:
        parts.append("Test patients are looked at once, at the end; validation decides everything else.")
    made = studies(records, settings.part, names, settings.out, labels=settings.labels, backbone=settings.backbone)
    for study in made:
        parts += _of_study(study, settings.out)
    path = settings.out / REPORT
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    write_text_whole(path, text)
    return path


def _methods(methods: Sequence[Method]) -> str:
    rows = [(method.name, method.words) for method in methods]
    return grid(("method", "what it is"), rows)


def _of_study(study: Study, out: Path) -> list[str]:
    parts = [f"## {study.kind.value}"]
    for make in TABLES:
        table = make(study)
        if table is not None:
            write_table(table, f"{table.name}-{study.kind.value}", out / "tables")
            parts.append(markdown(table))
    figures = write_figures(study, out / "figures")
    return parts + [f"![{path.stem}](figures/{path.name})" for path in figures]
