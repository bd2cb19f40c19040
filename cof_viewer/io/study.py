"""The door to a study: the best stack of what was found, opened, with everything that lies beside it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import Flag, Severity, worst_first
from cof_viewer.domain.image import Cine, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.domain.study import Finding, Patient, SeriesKind, Study
from cof_viewer.io.demo_sidecar import StudyJson, read_study_json
from cof_viewer.io.discover import OPENABLE, Discovery, Item, discover
from cof_viewer.io.loaded import Loaded
from cof_viewer.io.pixel_checks import name_free_sha256
from cof_viewer.io.refusals import refusal


def open_study(
    path: Path, progress: Progress = no_progress, cancel: CancelToken = NEVER, *, series: str | None = None
) -> Study:
    """Open a study; see `cof_viewer.io.open_study`."""
    with discover([path], part_of(progress, 0.0, 0.4), cancel, ecgs_described=False) as found:
        item = _choose(found, path, series)
        loaded = _load(item, path, part_of(progress, 0.4, 0.95), cancel)
        flags = _discovery_flags(found, item)
        findings = tuple(other.finding for other in found.items)
    beside = _sidecar(path, item)
    cancel.raise_if_cancelled()
    study = _study(path, loaded, beside, findings, flags, _ecg_paths(path, item, findings))
    progress(1.0, "Study open")
    return study


def _choose(found: Discovery, path: Path, series: str | None) -> Item:
    """The stack to open.

    Of several: a cine before a volume, then more slices, more phases; a volume known as ED before others; of
    DICOM stacks the later one; the first found of equals.

    Raises:
        UserError: nothing can be opened, or the series asked for is not there.
    """
    items = found.items if series is None else _named(found.items, path, series)
    openable = [item for item in items if item.finding.kind in OPENABLE]
    if not openable:
        chosen = Discovery(items, found.files, found.unreadable)
        raise refusal(chosen, path)
    return max(enumerate(openable), key=lambda pair: (*_rank(pair[1]), -pair[0]))[1]


def _rank(item: Item) -> tuple[bool, int, int, bool, tuple[float, float]]:
    """Sorts the best stack last."""
    finding = item.finding
    latest = item.stack.recency if item.stack else (0.0, 0.0)
    named_ed = "ed" in Path(finding.path).name.lower().replace(".", "_").split("_")
    return finding.kind is SeriesKind.SHORT_AXIS_CINE, finding.slices or 0, finding.phases or 0, named_ed, latest


def _named(items: list[Item], path: Path, series: str) -> list[Item]:
    """The findings that the user's word for a series means: a number from 1, a path, or a description."""
    if series.isdigit() and 1 <= int(series) <= len(items):
        return [items[int(series) - 1]]
    matching = [item for item in items if series in (item.finding.path, item.finding.description)]
    if not matching:
        raise UserError(f'"{path.name}" has no series "{series}". Run inspect to see its series.', code="series")
    return matching


def _load(item: Item, path: Path, progress: Progress, cancel: CancelToken) -> Loaded:
    """Read the chosen stack's pixels."""
    if item.stack is not None:
        from cof_viewer.io.dicom.build import build

        return build(item.stack, path.name, progress, cancel)
    assert item.nifti_source is not None
    from cof_viewer.io.nifti import load_nifti, read_nifti

    cancel.raise_if_cancelled()
    return load_nifti(item.nifti or read_nifti(item.nifti_source, cancel.raise_if_cancelled))


def _discovery_flags(found: Discovery, chosen: Item) -> tuple[Flag, ...]:
    """What lay beside the chosen stack and might have been meant."""
    flags = []
    others = [i for i in found.items if i is not chosen and i.finding.kind is SeriesKind.SHORT_AXIS_CINE]
    if others and chosen.finding.kind is SeriesKind.SHORT_AXIS_CINE:
        text = f"There are {len(others) + 1} short-axis cines; the one with the most slices and phases is shown."
        flags.append(Flag("several-stacks", Severity.NOTE, text))
    patients = {file.text("PatientID") for i in found.items if i.stack for file in [i.stack.first.file]} - {""}
    if len(patients) > 1:
        text = f"The files are of {len(patients)} patients; only the shown stack's patient counts."
        flags.append(Flag("several-patients", Severity.CAUTION, text))
    if found.unreadable:
        count = len(found.unreadable)
        text = f"{count} file{'s' if count > 1 else ''} could not be read and may belong to this study."
        flags.append(Flag("files-unreadable", Severity.CAUTION, text))
    return tuple(flags)


def _sidecar(path: Path, item: Item) -> StudyJson | None:
    """study.json in the folder of a NIfTI stack."""
    if item.nifti_source is None:
        return None
    folder = Path(item.finding.path).parent
    return read_study_json(folder) if folder.is_dir() else None


def _study(
    path: Path,
    loaded: Loaded,
    beside: StudyJson | None,
    findings: tuple[Finding, ...],
    flags: tuple[Flag, ...],
    ecg_paths: tuple[str, ...],
) -> Study:
    """Put the study together."""
    stack, patient, all_flags = loaded.stack, loaded.patient, (*loaded.flags, *flags)
    if beside is not None:
        patient = _joined(beside.patient, patient)
        if isinstance(stack, Cine) and stack.phase_ms is None and beside.rr_ms:
            times = tuple(k * beside.rr_ms / stack.phases for k in range(stack.phases))
            stack = replace(stack, phase_ms=times, rr_ms=beside.rr_ms)
            all_flags = tuple(flag for flag in all_flags if flag.code != "time-unknown")
    cine = stack if isinstance(stack, Cine) else None
    return Study(
        path=str(path),
        cine=cine,
        volume=stack if isinstance(stack, Volume) else None,
        patient=patient,
        study_date=loaded.study_date or (beside.study_date if beside else None),
        description=(beside.description if beside else "") or loaded.description,
        series=findings,
        ecg_paths=ecg_paths,
        flags=worst_first(all_flags),
        sha256=name_free_sha256(stack.data, stack.grid, cine.phase_ms if cine else None),
        simulated=loaded.simulated or bool(beside and beside.simulated),
        anchor_phase_hint=(beside.anchor_phase if beside and cine is None else None) or loaded.anchor_phase_hint,
        reference=loaded.reference,
    )


def _joined(first: Patient, second: Patient) -> Patient:
    """The first patient's facts, holes filled from the second."""
    values = {f.name: getattr(first, f.name) or getattr(second, f.name) for f in fields(Patient)}
    return Patient(**values)


def _ecg_paths(path: Path, chosen: Item, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """ECG records that belong to the chosen stack: those in its folder, else all that were found.

    A study named by one NIfTI file has the record `ecg.hea` beside it.
    """
    if path.is_file() and chosen.nifti_source is not None:
        beside = path.parent / "ecg.hea"
        return (str(beside),) if beside.is_file() else ()
    found = [finding.path for finding in findings if finding.kind is SeriesKind.ECG and finding.files]
    folder = Path(chosen.finding.path).parent
    return tuple([ecg for ecg in found if Path(ecg).parent == folder] or found)
