"""`cof-viewer evaluate`: judge methods on a store's validation or test cases and write the tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cof_viewer.cli.console import existing, long_work, print_json, print_line
from cof_viewer.cli.options import JsonOption, QuietOption
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split

if TYPE_CHECKING:
    from cof_viewer.cohort.case import Kind
    from cof_viewer.evaluation.settings import Settings

_PARTS = {"val": Split.VALIDATION, "validation": Split.VALIDATION, "test": Split.TEST}
_LABELS = ("segmented", "expert")
_MOST_WORKERS, _MOST_MEMBERS = 256, 64


def evaluate(
    cohort: Annotated[Path, typer.Option("--cohort", metavar="STORE", help="The folder of a store.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the results; an old one is completed.")],
    split: Annotated[
        str, typer.Option("--split", metavar="val|test", help="Whom to judge. Test is for the last look alone.")
    ] = "val",
    methods: Annotated[
        str | None,
        typer.Option("--methods", metavar="A,B,...", help="Methods. Default: all but the paper's own forms."),
    ] = None,
    kinds: Annotated[
        str | None, typer.Option("--kinds", metavar="A,B,...", help="Kinds of cases. Default: all in the store.")
    ] = None,
    labels: Annotated[
        str,
        typer.Option("--labels", metavar="segmented|expert", help="Whose labels the anchor has; expert: upper bound."),
    ] = "segmented",
    members: Annotated[int, typer.Option("--members", metavar="N", help="Beats to draw a case, 1 to 64.")] = 8,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of all that is drawn.")] = 0,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most N cases of each kind; 0 = all.")] = 0,
    workers: Annotated[int, typer.Option("--workers", metavar="N", help="Processes, one thread each.")] = 1,
    assessor: Annotated[
        bool, typer.Option("--assessor/--no-assessor", help="Judge pictures by the assessor too, where it is there.")
    ] = True,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", metavar="NAME", help="Fréchet distances by: assessor, or torchscript:FILE."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Judge methods on a store's cases: per-case records, tables in CSV and Markdown, figures, report.md.

    What stands in --out and was made from the same is not made again. Kinds of cases are never mixed in a table.
    """
    _check(labels, members, seed, limit, workers)
    if split not in _PARTS:
        raise UserError(f'--split can\'t be "{split}". Choose val or test.', code="option")
    if out.exists() and not out.is_dir():
        raise UserError(f'"{out}" is a file. Choose a folder for the results.', code="out")
    from cof_viewer.app.models import require_models_folder
    from cof_viewer.evaluation.methods import DEFAULT
    from cof_viewer.evaluation.settings import Settings

    settings = Settings(
        cohort=existing(cohort, "store").absolute(),
        out=out.absolute(),
        models=require_models_folder().absolute(),
        part=_PARTS[split],
        methods=_words(methods, "--methods") if methods is not None else DEFAULT,
        kinds=_kinds(kinds),
        labels=labels,
        members=members,
        seed=seed,
        limit=limit,
        workers=workers,
        assess=assessor,
        backbone=backbone or "",
    )
    report = _run(settings, quiet)
    if as_json:
        print_json({"report": str(report), "tables": sorted(str(path) for path in (out / "tables").glob("*.csv"))})
    elif not quiet:
        print_line(str(report))
    return 0


def _run(settings: Settings, quiet: bool) -> Path:
    from cof_viewer.evaluation.report import write_report
    from cof_viewer.evaluation.run import evaluate as run

    with long_work(quiet) as work:
        records = run(settings, work.progress, work.cancel)
        work.progress(0.96, "Writing tables and figures")
        return write_report(records, settings)


def _check(labels: str, members: int, seed: int, limit: int, workers: int) -> None:
    if labels not in _LABELS:
        raise UserError(f'--labels can\'t be "{labels}". Choose segmented or expert.', code="option")
    if not 1 <= members <= _MOST_MEMBERS:
        raise UserError(f"--members can't be {members}. Choose 1 to {_MOST_MEMBERS}.", code="option")
    if not 1 <= workers <= _MOST_WORKERS:
        raise UserError(f"--workers can't be {workers}. Choose 1 to {_MOST_WORKERS}.", code="option")
    for name, value in (("--seed", seed), ("--limit", limit)):
        if value < 0:
            raise UserError(f"{name} can't be {value}. Choose 0 or more.", code="option")


def _words(text: str, option: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise UserError(f"{option} names nothing. Give names with commas between them.", code="option")
    return words


def _kinds(text: str | None) -> tuple[Kind, ...]:
    from cof_viewer.cohort.case import Kind

    if text is None:
        return ()
    known = [kind.value for kind in Kind]
    for word in _words(text, "--kinds"):
        if word not in known:
            raise UserError(f'There is no kind "{word}". Choose from {", ".join(known)}.', code="option")
    return tuple(Kind(word) for word in dict.fromkeys(_words(text, "--kinds")))
