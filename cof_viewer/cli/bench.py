"""`cof-viewer bench`: how fast this computer runs the engine, and where the time goes."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cof_viewer.cli.console import long_work, print_json, print_line
from cof_viewer.cli.options import DeviceOption, QuietOption, parse_device
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import part_of

if TYPE_CHECKING:
    from cof_viewer.engine.bench import BenchReport, Timing

bench = typer.Typer(name="bench", help="How fast this computer runs the program.", rich_markup_mode=None)
_PEAK_TARGET_MB = 1200.0
_BOUNDS = {"phases": (2, 200), "slices": (4, 40), "size": (64, 1024), "members": (1, 64), "repeats": (1, 1000)}


@bench.callback()
def _bench() -> None:
    """How fast this computer runs the program."""


@bench.command()
def engine(
    phases: Annotated[int, typer.Option("--phases", metavar="T", help="Phases of the generated beats.")] = 50,
    slices: Annotated[int, typer.Option("--slices", metavar="N", help="Slices of the stack.")] = 12,
    size: Annotated[int, typer.Option("--size", metavar="N", help="Rows and columns.")] = 256,
    members: Annotated[int, typer.Option("--members", metavar="N", help="Members; 16 are timed as well.")] = 1,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", help="Of everything but the cine.")] = 5,
    device: DeviceOption = "auto",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there; - for stdout.")
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """Time the engine on a simulated patient: loading, segmenting, generating, live use, stopping, measuring a cine.

    Medians and 95th percentiles on the clock, processor seconds beside them, peak memory, and the share of each step.
    """
    from cof_viewer.app.files import write_text_atomic
    from cof_viewer.app.models import require_models_folder
    from cof_viewer.cli.bench_case import bench_case

    device = parse_device(device)
    asked = {"phases": phases, "slices": slices, "size": size, "members": members, "repeats": repeats}
    _check(asked)
    with long_work(quiet) as work:
        work.progress(0.0, "Making the case")
        with work.stoppable_at_once():
            kept = bench_case(slices, size)
            from cof_viewer.engine.bench import BenchCase, bench_engine
        own, other = kept.ecgs()
        report = bench_engine(
            require_models_folder(),
            device,
            BenchCase(kept.anchor(), own, other, kept.study),
            phases=phases,
            members=members,
            repeats=repeats,
            progress=part_of(work.progress, 0.05, 1.0),
            cancel=work.cancel,
        )
    plain = _plain(report, asked)
    if json_file is not None and str(json_file) != "-":
        try:
            write_text_atomic(json_file, json.dumps(plain, indent=1) + "\n")
        except OSError as error:
            raise UserError(f'"{json_file}" can\'t be written: {error.strerror}. Choose another place.') from error
    if str(json_file) == "-":
        print_json(plain)
    elif not quiet:
        for line in _lines(report, asked):
            print_line(line)
    return 0


def _check(asked: dict[str, int]) -> None:
    for name, value in asked.items():
        low, high = _BOUNDS[name]
        if not low <= value <= high:
            raise UserError(f"--{name} can't be {value}. Choose {low} to {high}.", code="option")


def _plain(report: BenchReport, asked: dict[str, int]) -> dict[str, Any]:
    """All figures for machines."""
    return {
        "asked": asked,
        "device": report.device,
        "threads": report.threads,
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "timings": [
            {
                "name": timing.name,
                "median_s": timing.median_s,
                "p95_s": timing.p95_s,
                "median_cpu_s": timing.median_cpu_s,
                "target_s": timing.target_s,
                "wall_s": list(timing.wall_s),
                "cpu_s": list(timing.cpu_s),
            }
            for timing in report.timings
        ],
        "steps": [{"name": step.name, "wall_s": step.wall_s, "share": step.share} for step in report.steps],
        "peak_generate_mb": report.peak_generate_mb,
        "peak_mb": report.peak_mb,
    }


def _lines(report: BenchReport, asked: dict[str, int]) -> list[str]:
    """The same as tables."""
    size = f"{asked['phases']} phases, {asked['slices']} x {asked['size']} x {asked['size']}"
    return [
        f"{size}; {report.device}, {report.threads} threads of {os.cpu_count()} cores",
        "",
        *_columns(("", "median s", "p95 s", "CPU s", "target s"), [_timing_row(timing) for timing in report.timings]),
        "",
        *_columns(
            ("step of one generation", "s", "share"),
            [(step.name, f"{step.wall_s:.3f}", f"{100 * step.share:.0f} %") for step in report.steps],
        ),
        "",
        *_memory(report),
    ]


def _timing_row(timing: Timing) -> tuple[str, ...]:
    cpu, target = timing.median_cpu_s, timing.target_s
    return (
        timing.name,
        f"{timing.median_s:.3f}",
        f"{timing.p95_s:.3f}",
        "" if cpu is None else f"{cpu:.3f}",
        "" if target is None else f"{target:g}",
    )


def _memory(report: BenchReport) -> list[str]:
    if report.peak_generate_mb is None or report.peak_mb is None:
        return ["Peak memory is not told by this system."]
    return [
        f"Peak memory {report.peak_generate_mb:.0f} MB after generating (target {_PEAK_TARGET_MB:.0f}), "
        f"{report.peak_mb:.0f} MB after measuring the cine."
    ]


def _columns(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Columns: the first to the left, figures to the right."""
    cells = [head, *rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
