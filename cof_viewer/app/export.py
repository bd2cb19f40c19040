"""Write results: the files of a measurement or a generation, together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cof_viewer.app.outputs import check_file, check_target, publish, temporary_folder
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import FileLayout, LabelCine
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.domain.study import Study

Outcome = Generation | Measurement

FILE_OF: dict[str, str] = {
    "cine": "cine.nii.gz",
    "labels": "labels.nii.gz",
    "anchor": "anchor.nii.gz",
    "function": "function.json",
    "curve": "volume_curve.csv",
    "report": "report.pdf",
}
"""File name of each kind of export, in the order in which they are written."""

KINDS_OF_GENERATION: tuple[str, ...] = tuple(FILE_OF)
KINDS_OF_MEASUREMENT: tuple[str, ...] = ("labels", "function", "curve", "report")


@dataclass(frozen=True, eq=False)
class _Content:
    """What there is to write."""

    study: Study
    outcome: Outcome
    ecg: Ecg | None
    beat: Beat | None
    institution: str
    conclusion: str

    @property
    def layout(self) -> FileLayout | None:
        """How the source lay: the files lie the same way."""
        return self.outcome.cine.layout or self.study.stack.layout


def kinds_of(outcome: Outcome) -> tuple[str, ...]:
    """The kinds that can be written of a result."""
    return KINDS_OF_GENERATION if isinstance(outcome, Generation) else KINDS_OF_MEASUREMENT


def export_case(
    folder: Path,
    study: Study,
    outcome: Outcome,
    ecg: Ecg | None,
    beat: Beat | None,
    kinds: Sequence[str] | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
    *,
    inputs: Sequence[Path] = (),
    institution: str = "",
    conclusion: str = "",
) -> list[Path]:
    """Write the chosen kinds into a folder: all of them, or, after an error or cancel, none.

    Args:
        folder: made if need be; its own files are left alone but for earlier exports of the same names.
        study: the study as it was measured or generated from.
        outcome: a generation or a measurement.
        ecg: the record that drove the generation.
        beat: its representative cycle.
        kinds: of `FILE_OF`; None writes all that the result has.
        progress: told the fraction written.
        cancel: looked at before each file.
        inputs: the patient's own files and folders, never written to; the study's path is always among them.
        institution: for the head of the report.
        conclusion: the reader's own words in the report.

    Returns:
        The files written.

    Raises:
        UserError: when the folder can't take them.
    """
    chosen = kinds_of(outcome) if kinds is None else tuple(kind for kind in FILE_OF if kind in kinds)
    unfit = set(kinds or ()) - set(kinds_of(outcome))
    if unfit:
        raise UserError(f"A measurement has no {sorted(unfit)[0]} to write. Generate a beat first.", code="export")
    guarded = (Path(study.path), *inputs)
    check_target(folder, [FILE_OF[kind] for kind in chosen], guarded)
    content = _Content(study, outcome, ecg, beat, institution, conclusion)
    with temporary_folder(folder) as part:
        for done, kind in enumerate(chosen):
            cancel.raise_if_cancelled()
            progress(done / len(chosen), f"Writing {FILE_OF[kind]}")
            _WRITERS[kind](part / FILE_OF[kind], content)
        cancel.raise_if_cancelled()
        written = publish(part, folder)
    progress(1.0, "Written")
    return written


def export_labels(
    path: Path, study: Study, labels: LabelCine, cancel: CancelToken = NEVER, *, single: bool = False
) -> Path:
    """Write a label map, or that of every phase, as one NIfTI.

    Args:
        path: ends in `.nii` or `.nii.gz`.
        study: gives frame and times.
        labels: on the study's grid.
        cancel: looked at before writing.
        single: write the only phase as a 3-D file.

    Raises:
        UserError: when the file can't be written, or its name or place does not fit.
    """
    from cof_viewer.io.export.nifti import write_labels

    check_labels_path(path, study)
    cine, layout = study.cine, study.stack.layout
    with temporary_folder(path.parent) as part:
        cancel.raise_if_cancelled()
        if single or cine is None:
            write_labels(part / path.name, labels.data[0], labels.grid, layout, description=_mark(study))
        else:
            write_labels(
                part / path.name,
                labels.data,
                labels.grid,
                layout,
                phase_ms=cine.phase_ms,
                rr_ms=cine.rr_ms,
                description=_mark(study),
            )
        cancel.raise_if_cancelled()
        return publish(part, path.parent)[0]


def check_labels_path(path: Path, study: Study | None = None) -> None:
    """Refuse a name that is no NIfTI's, and a file or folder that is not ours to write.

    Raises:
        UserError: with the reason.
    """
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise UserError(f'"{path.name}" must end in .nii.gz. Choose another name.', code="out")
    inputs = (Path(study.path),) if study is not None else ()
    check_target(path.parent, [path.name], inputs)


def write_report_file(
    path: Path,
    study: Study,
    outcome: Outcome,
    ecg: Ecg | None,
    beat: Beat | None,
    cancel: CancelToken = NEVER,
    *,
    institution: str = "",
    conclusion: str = "",
) -> Path:
    """Write the report alone.

    Raises:
        UserError: when the file can't be written, or one that is not ours stands there.
    """
    target = path if path.suffix.lower() == ".pdf" else path.with_name(path.name + ".pdf")
    check_file(target, (Path(study.path),))
    with temporary_folder(target.parent) as part:
        cancel.raise_if_cancelled()
        _report(part / target.name, _Content(study, outcome, ecg, beat, institution, conclusion))
        cancel.raise_if_cancelled()
        return publish(part, target.parent)[0]


def _mark(study: Study) -> str:
    """What the header of a file made from the study's own pictures says."""
    from cof_viewer.io.export.nifti import MEASURED, SIMULATED

    return SIMULATED if study.simulated else MEASURED


def _cine(path: Path, content: _Content) -> None:
    from cof_viewer.io.export.nifti import write_cine

    cine = content.outcome.cine
    write_cine(path, cine.data, cine.grid, content.layout, phase_ms=cine.phase_ms, rr_ms=cine.rr_ms)


def _labels(path: Path, content: _Content) -> None:
    from cof_viewer.io.export.nifti import GENERATED, write_labels

    outcome = content.outcome
    write_labels(
        path,
        outcome.labels.data,
        outcome.labels.grid,
        content.layout,
        phase_ms=outcome.cine.phase_ms,
        rr_ms=outcome.cine.rr_ms,
        description=GENERATED if isinstance(outcome, Generation) else _mark(content.study),
    )


def _anchor(path: Path, content: _Content) -> None:
    from cof_viewer.io.export.nifti import write_volume

    outcome = content.outcome
    assert isinstance(outcome, Generation)
    anchor = outcome.anchor
    write_volume(path, anchor.data, anchor.grid, anchor.layout or content.layout, description=_mark(content.study))


def _function(path: Path, content: _Content) -> None:
    from cof_viewer.io.export.tables import write_function_json

    write_function_json(path, content.outcome.result)


def _curve(path: Path, content: _Content) -> None:
    from cof_viewer.io.export.tables import write_volume_curve_csv

    write_volume_curve_csv(path, content.outcome.result)


def _report(path: Path, content: _Content) -> None:
    from cof_viewer.report import write_report

    write_report(
        path,
        content.study,
        content.outcome,
        content.ecg,
        content.beat,
        institution=content.institution,
        conclusion=content.conclusion,
    )


_WRITERS: dict[str, Callable[[Path, _Content], None]] = {
    "cine": _cine,
    "labels": _labels,
    "anchor": _anchor,
    "function": _function,
    "curve": _curve,
    "report": _report,
}
