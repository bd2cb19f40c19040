"""`cof-viewer inspect`: what is in files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cof_viewer.cli.console import existing, long_work, print_json, print_line
from cof_viewer.cli.options import JsonOption, QuietOption
from cof_viewer.domain.study import Finding

_HEADINGS = ("kind", "slices", "phases", "spacing mm", "RR ms", "path", "description")


def inspect(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """List what is in files or folders: one row a stack, series, NIfTI or ECG record.

    Exit code 0 also with unreadable rows, 2 only for a path that does not exist.
    """
    from cof_viewer.io import inspect as look

    for path in paths:
        existing(path, "contents")
    with long_work(quiet or as_json) as work:
        findings = look(paths, work.progress, work.cancel)
    if as_json:
        print_json([finding_json(finding) for finding in findings])
    elif not quiet:
        for line in table_lines(findings):
            print_line(line)
    return 0


def finding_json(finding: Finding) -> dict[str, Any]:
    """One row for machines; what does not apply is null."""
    return {
        "path": finding.path,
        "kind": str(finding.kind),
        "modality": finding.modality,
        "description": finding.description,
        "slices": finding.slices,
        "phases": finding.phases,
        "spacing_mm": _listed(finding.spacing_mm),
        "phase_ms": _listed(finding.phase_ms),
        "rr_ms": finding.rr_ms,
        "leads": _listed(finding.leads),
        "sampling_hz": finding.sampling_hz,
        "seconds": finding.seconds,
        "heart_rate_bpm": finding.heart_rate_bpm,
        "problems": list(finding.problems),
    }


def table_lines(findings: list[Finding]) -> list[str]:
    """The rows in columns, each with its problems below it."""
    rows = [_HEADINGS, *(_row(finding) for finding in findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    lines = []
    for row, finding in zip(rows, [None, *findings], strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
        lines.extend(f"    {problem}" for problem in (finding.problems if finding else ()))
    return lines


def _row(finding: Finding) -> tuple[str, ...]:
    spacing = finding.spacing_mm
    described = finding.description or ""
    if finding.leads:
        described = f"{len(finding.leads)} leads, {finding.sampling_hz or 0:g} Hz, {finding.seconds or 0:.1f} s"
    return (
        str(finding.kind),
        _number(finding.slices),
        _number(finding.phases),
        " x ".join(f"{step:.2f}" for step in spacing) if spacing else "",
        _number(round(finding.rr_ms) if finding.rr_ms else None),
        finding.path,
        described,
    )


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)
