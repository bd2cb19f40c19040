"""`cof-viewer cohort`: make a store of cases to learn from, check it, describe it, look at a case."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cof_viewer.cli.console import existing, long_work, print_json, print_line
from cof_viewer.cli.main import BAD_INPUT, GOOD
from cof_viewer.cli.options import JsonOption, QuietOption
from cof_viewer.cli.window import check_picture, open_window
from cof_viewer.domain.errors import UserError

if TYPE_CHECKING:
    from cof_viewer.cohort.build import BuildReport
    from cof_viewer.cohort.case import CohortCase
    from cof_viewer.cohort.source import CaseSource
    from cof_viewer.cohort.store import Store

cohort = typer.Typer(name="cohort", help="Cases to learn from: make, check, describe, show.", rich_markup_mode=None)
StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="The folder of a store.")]
_MOST_WORKERS = 256
_SIMULATED_ECG = Path("simulated")
"""Word in place of a folder of ECGs; a folder of that name is taken as one."""


@cohort.command()
def make(
    out: Annotated[Path, typer.Option("--out", metavar="STORE", help="Folder of the store; an old one is completed.")],
    simulated: Annotated[int, typer.Option("--simulated", metavar="N", help="Simulated patients.")] = 0,
    real: Annotated[
        Path | None,
        typer.Option("--real", metavar="DIR", help="Folder of real MRI, with manifest.csv: beats and ED-ES pairs."),
    ] = None,
    ecg: Annotated[
        Path | None,
        typer.Option(
            "--ecg",
            metavar="DIR|simulated",
            help="For --real and --ecg-first: folder of real ECGs, with records.h5. For --real alone also the word "
            '"simulated": an ECG of each heart\'s own geometry and motion.',
        ),
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            "--pairs",
            metavar="DIR",
            help="Folder of real cine-and-ECG pairs, UK Biobank's layout or a folder a case. May be repeated.",
        ),
    ] = None,
    ecg_first: Annotated[
        int, typer.Option("--ecg-first", metavar="N", help="Patients simulated round each real ECG.")
    ] = 0,
    backgrounds: Annotated[
        Path | None,
        typer.Option(
            "--backgrounds",
            metavar="DIR",
            help="Folder of real MRI, with manifest.csv: simulated hearts of --simulated stand in chests of real "
            "patients of the same part.",
        ),
    ] = None,
    without_ecg: Annotated[
        bool, typer.Option("--without-ecg", help="Take cines of --pairs that have no ECG, as measured cines.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", help="At most N cases of each source, to try it out.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="Processes that make cases.")] = 1,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed gives the same cases.")] = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Make a store of cases, or complete one that was begun; what can't be made is named, the rest is made."""
    _check_counts(simulated=simulated, ecg_first=ecg_first, seed=seed)
    if not 1 <= workers <= _MOST_WORKERS:
        raise UserError(f"--workers can't be {workers}. Choose 1 to {_MOST_WORKERS}.", code="option")
    if limit is not None and limit < 1:
        raise UserError(f"--limit can't be {limit}. Choose 1 or more.", code="option")
    sources = _sources(simulated, backgrounds, real, ecg, pairs or [], ecg_first, without_ecg, seed)
    if out.exists() and not out.is_dir():
        raise UserError(f'"{out}" is a file. Choose a folder for the store.', code="out")
    from cof_viewer.app.bugs import log_bug
    from cof_viewer.cohort.build import build
    from cof_viewer.cohort.store import Store

    with long_work(quiet) as work:
        report = build(
            sources,
            out,
            workers=workers,
            limit=limit,
            progress=work.progress,
            cancel=work.cancel,
            log_fault=log_bug,
        )
    store = Store.open(out)
    _say_made(store, report, quiet=quiet, as_json=as_json)
    return GOOD if store.rows else BAD_INPUT


@cohort.command()
def check(store: StoreArgument, as_json: JsonOption = False, quiet: QuietOption = False) -> int:
    """Read every case and tell what is wrong; exit code 2 where something is."""
    from cof_viewer.cohort.check import check_store

    opened = _open(store)
    if not opened.rows:
        raise UserError(f'The store "{store}" holds no case. Make cases first.', code="store")
    with long_work(quiet) as work:
        found = check_store(opened, work.progress, work.cancel)
    if as_json:
        wrong = [{"case_id": finding.case_id, "reason": finding.sentence} for finding in found]
        print_json({"store": str(store), "cases": len(opened.rows), "wrong": wrong})
    elif not quiet:
        for finding in found:
            print_line(f"{finding.case_id}: {finding.sentence}")
    if found:
        bad = len({finding.case_id for finding in found})
        raise UserError(f"{bad} of {len(opened.rows)} cases are not as they should be.", code="store")
    if not quiet and not as_json:
        print_line(f"{len(opened.rows)} cases are whole and good.")
    return GOOD


@cohort.command()
def describe(
    store: StoreArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the page.")],
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Processes. Default: as many as processors.")
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """Write a page about a store: who is in it, how true it is, what an ECG tells in it."""
    from cof_viewer.cohort.audits.describe import describe as write_page

    opened = _open(store)
    if workers is not None and not 1 <= workers <= _MOST_WORKERS:
        raise UserError(f"--workers can't be {workers}. Choose 1 to {_MOST_WORKERS}.", code="option")
    with long_work(quiet) as work:
        page = write_page(opened, out, workers=workers, progress=work.progress, cancel=work.cancel)
    if not quiet:
        print_line(str(page))
    return GOOD


@cohort.command()
def show(
    store: StoreArgument,
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's id, as in manifest.csv.")],
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw the case into a picture; opens no window.")
    ] = None,
    quiet: QuietOption = False,
) -> int:
    """Open a case in the window, or draw it: slices with contours, volume curve, motion, ECG."""
    if png is not None:
        check_picture(png)
    chosen = _open(store).load(case)
    if png is None:
        return _show_in_window(chosen)
    from cof_viewer.app.outputs import write_failure
    from cof_viewer.cohort.show import draw_case

    try:
        draw_case(chosen, png)
    except OSError as error:
        raise write_failure(png.parent, error) from error
    if not quiet:
        print_line(str(png))
    return GOOD


def _show_in_window(case: CohortCase) -> int:
    """The window on files of the case that are gone when it closes."""
    from cof_viewer.cohort.study_files import write_study

    with tempfile.TemporaryDirectory(prefix="cof-viewer-", ignore_cleanup_errors=True) as folder:
        study, ecg = write_study(case, Path(folder))
        return open_window(study, ecg, at_interrupt=partial(shutil.rmtree, folder, ignore_errors=True))


def _open(store: Path) -> Store:
    from cof_viewer.cohort.store import Store

    return Store.open(existing(store, "store"))


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if value < 0:
            raise UserError(f"--{name.replace('_', '-')} can't be {value}. Choose 0 or more.", code="option")


def _sources(
    simulated: int,
    backgrounds: Path | None,
    real: Path | None,
    ecg: Path | None,
    pairs: list[Path],
    ecg_first: int,
    without_ecg: bool,
    seed: int,
) -> list[CaseSource]:
    """The sources that were asked for, the most real first.

    Raises:
        UserError: none was, or a folder is not what it should be.
    """
    own_ecg = ecg == _SIMULATED_ECG and not _SIMULATED_ECG.is_dir()
    if own_ecg and ecg_first:
        raise UserError("--ecg-first needs real ECGs, not simulated ones. Name their folder with --ecg.", code="option")
    if ecg_first and ecg is None:
        raise UserError("--ecg-first needs real ECGs. Name their folder with --ecg.", code="option")
    if ecg is not None and real is None and not ecg_first:
        raise UserError("--ecg is for --real and --ecg-first. Add one of them, or leave --ecg out.", code="option")
    if backgrounds is not None and not simulated:
        raise UserError("--backgrounds is for --simulated. Add it, or leave --backgrounds out.", code="option")
    if not (simulated or real or pairs or ecg_first):
        raise UserError("Nothing to make. Give --simulated, --real, --pairs or --ecg-first.", code="option")
    data = None if real is None else _data_folder(existing(real, "MRI"))
    ecg = None if ecg is None or own_ecg else _ecg_folder(existing(ecg, "ECGs"))
    sources = [_pairs(existing(folder, "pairs"), without_ecg) for folder in pairs]
    if data is not None:
        from cof_viewer.cohort.real.completed import CompletedBeats
        from cof_viewer.cohort.real.sources import RealBeats

        sources += [of(data, ecg, _models(), seed, own_ecg) for of in (RealBeats, CompletedBeats)]
    if ecg is not None and ecg_first:
        from cof_viewer.cohort.ecg_first import EcgFirstPatients

        sources.append(EcgFirstPatients(ecg, ecg_first, seed))
    if simulated:
        from cof_viewer.cohort.simulator.source import SimulatedPatients

        chests = None if backgrounds is None else _data_folder(existing(backgrounds, "MRI")) / "mri"
        sources.append(SimulatedPatients(simulated, seed, chests))
    return sources


def _pairs(folder: Path, without_ecg: bool) -> CaseSource:
    """The reader of a folder of pairs, by what lies in it."""
    from cof_viewer.cohort.readers import CaseFolders, UkBiobank
    from cof_viewer.cohort.readers.ukbiobank import CINE_FIELD

    reader = UkBiobank if next(folder.rglob(f"*_{CINE_FIELD}_*.zip"), None) else CaseFolders
    return reader(folder.absolute(), _models(), without_ecg)


def _data_folder(folder: Path) -> Path:
    """The folder that holds `mri/`, from itself or from `mri/`."""
    folder = folder.resolve()
    for data in (folder.parent, folder):
        if (data / "mri" / "manifest.csv").is_file() and folder in (data, data / "mri"):
            return data
    raise UserError(f'"{folder}" is no folder "mri" with a manifest.csv. Name that folder.', code="missing")


def _ecg_folder(folder: Path) -> Path:
    if not (folder / "records.h5").is_file():
        raise UserError(f'"{folder}" holds no records.h5. Name the folder of the ECG records.', code="missing")
    return folder.absolute()


def _models() -> Path:
    from cof_viewer.app.models import require_models_folder

    return require_models_folder().absolute()


def _say_made(store: Store, report: BuildReport, *, quiet: bool, as_json: bool) -> None:
    size = sum(row.bytes for row in store.rows)
    if as_json:
        refused = [{"case_id": case_id, "reason": reason} for case_id, reason in report.refused]
        print_json(
            {
                "store": str(store.folder),
                "cases": len(store.rows),
                "bytes": size,
                "made": len(report.made),
                "kept": len(report.kept),
                "refused": refused,
            }
        )
    elif not quiet:
        for _, reason in report.refused:
            print_line(f"Left out: {reason}")
        print_line(
            f"{len(report.made)} cases made, {len(report.kept)} kept, {len(report.refused)} left out. "
            f"The store holds {len(store.rows)} cases, {size / 1e9:.2f} GB."
        )
