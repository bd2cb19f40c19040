"""`cof-viewer measure`: numbers of a cine."""

from __future__ import annotations

from cof_viewer.cli.console import existing, long_work, print_result
from cof_viewer.cli.options import (
    DeviceOption,
    JsonOption,
    OutOption,
    QuietOption,
    SeriesOption,
    StudyArgument,
    parse_device,
)


def measure(
    study: StudyArgument,
    out: OutOption,
    series: SeriesOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Segment every phase of a cine and write labels.nii.gz, function.json, volume_curve.csv and report.pdf."""
    from cof_viewer.app.export import FILE_OF, KINDS_OF_MEASUREMENT, export_case
    from cof_viewer.app.outputs import check_target
    from cof_viewer.app.usecases import check_has_cine, measure_case, open_case
    from cof_viewer.cli.working import oriented
    from cof_viewer.domain.progress import part_of

    device = parse_device(device)
    existing(study, "study")
    with long_work(quiet) as work:
        opened = open_case(study, None, part_of(work.progress, 0.0, 0.02), work.cancel, series=series).study
        check_has_cine(opened)
        check_target(out, [FILE_OF[kind] for kind in KINDS_OF_MEASUREMENT], [study])
        engine, turned = oriented(opened, device, work)
        measurement = measure_case(engine, turned, part_of(work.progress, 0.05, 0.95), work.cancel)
        files = export_case(
            out, turned, measurement, None, None, None, part_of(work.progress, 0.95, 1.0), work.cancel, inputs=[study]
        )
    print_result(measurement.result, files, quiet=quiet, as_json=as_json)
    return 0
