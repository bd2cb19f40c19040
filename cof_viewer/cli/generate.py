"""`cof-viewer generate`: a beat of an anchor, driven by an ECG."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cof_viewer.cli.console import existing, long_work, print_result
from cof_viewer.cli.options import (
    DeviceOption,
    JsonOption,
    OutOption,
    QuietOption,
    SeriesOption,
    StudyArgument,
    parse_anchor_phase,
    parse_device,
)


def generate(
    study: StudyArgument,
    ecg: Annotated[
        Path, typer.Option("--ecg", metavar="FILE", help="The 12-lead ECG: DICOM waveform, WFDB or CardioSoft XML.")
    ],
    out: OutOption,
    anchor_phase: Annotated[
        str | None,
        typer.Option(
            "--anchor-phase",
            metavar="ed|es|N",
            help="Phase to warp, counted from 0. Default: ed of a cine; a single volume's phase is estimated.",
        ),
    ] = None,
    phases: Annotated[
        int | None, typer.Option("--phases", metavar="T", help="2 to 200. Default: as the cine, else 50.")
    ] = None,
    members: Annotated[int, typer.Option("--members", metavar="N", help="Beats to draw, 1 to 64.")] = 8,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", help="Sampling steps, 1 to 200. Default: as trained.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed gives the same beat.")] = 0,
    series: SeriesOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Generate a beat and write cine.nii.gz, labels.nii.gz, anchor.nii.gz, function.json, volume_curve.csv, report.pdf.

    A study that is a cine is measured too, and both are reported.
    """
    from cof_viewer.app.export import FILE_OF, KINDS_OF_GENERATION, export_case
    from cof_viewer.app.outputs import check_target
    from cof_viewer.app.usecases import GenerateOptions, generate_case, open_case
    from cof_viewer.cli.working import oriented
    from cof_viewer.domain.progress import part_of

    device = parse_device(device)
    options = GenerateOptions(parse_anchor_phase(anchor_phase), phases, members, steps, seed)
    options.check()
    existing(study, "study")
    existing(ecg, "ECG")
    with long_work(quiet) as work:
        case = open_case(study, ecg, part_of(work.progress, 0.0, 0.02), work.cancel, series=series)
        assert case.ecg is not None
        options.check_for(case.study)
        check_target(out, [FILE_OF[kind] for kind in KINDS_OF_GENERATION], [study, ecg])
        engine, turned = oriented(case.study, device, work)
        made = generate_case(engine, turned, case.ecg, options, None, part_of(work.progress, 0.05, 0.9), work.cancel)
        files = export_case(
            out,
            turned,
            made.generation,
            case.ecg,
            case.beat,
            None,
            part_of(work.progress, 0.9, 1.0),
            work.cancel,
            inputs=[study, ecg],
        )
    print_result(made.generation.result, files, quiet=quiet, as_json=as_json)
    return 0
