"""`cof-viewer segment`: label maps of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cof_viewer.cli.console import existing, long_work, print_json, print_line
from cof_viewer.cli.options import DeviceOption, JsonOption, QuietOption, SeriesOption, StudyArgument, parse_device


def segment(
    study: StudyArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.nii.gz", help="The label file to write.")],
    phase: Annotated[
        int | None, typer.Option("--phase", metavar="N", help="Only this phase, counted from 0. Default: all.")
    ] = None,
    series: SeriesOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Write the label map (1 LV, 2 Myo, 3 RV) of a volume, of one phase, or of all phases.

    The file lies on the study's own grid and affine.
    """
    from cof_viewer.app.export import check_labels_path, export_labels
    from cof_viewer.app.usecases import check_phase, open_case, segment_case
    from cof_viewer.cli.working import oriented

    device = parse_device(device)
    existing(study, "study")
    with long_work(quiet) as work:
        opened = open_case(study, None, work.progress, work.cancel, series=series).study
        check_phase(opened, phase)
        check_labels_path(out, opened)
        engine, turned = oriented(opened, device, work)
        labels = segment_case(engine, turned, phase, work.progress, work.cancel)
        written = export_labels(out, turned, labels, work.cancel, single=phase is not None)
    if as_json:
        print_json({"files": [str(written)], "phases": labels.phases})
    elif not quiet:
        print_line(str(written))
    return 0
