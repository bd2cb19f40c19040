"""`cof-viewer models`: which weights there are, whether they are whole, and which are used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cof_viewer.cli.console import existing, print_json, print_line
from cof_viewer.cli.options import JsonOption, QuietOption
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label

if TYPE_CHECKING:
    from cof_viewer.app.models import ModelRow

models = typer.Typer(name="models", help="The learned weights: list, verify, use, adopt.", rich_markup_mode=None)
FolderArgument = Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Default: the folder in use.")]
_HEADINGS = ("name", "MB", "checksum", "trained", "data")


@models.command("list")
def list_models(folder: FolderArgument = None, as_json: JsonOption = False) -> int:
    """List every set of weights: size, what it is, how long and on what it was trained, whether it is whole."""
    from cof_viewer.app.models import model_rows

    place = _folder(folder)
    rows = model_rows(place)
    if as_json:
        print_json({"folder": str(place), "models": [_plain(row) for row in rows]})
        return 0
    print_line(str(place))
    for line in _table(rows):
        print_line(line)
    return 0


@models.command()
def verify(folder: FolderArgument = None, as_json: JsonOption = False, quiet: QuietOption = False) -> int:
    """Compare every checksum with the manifest and look for every card; exit code 2 names what fails."""
    from cof_viewer.app.models import verify_models

    place = _folder(folder)
    rows = verify_models(place)
    if as_json:
        print_json({"folder": str(place), "models": [_plain(row) for row in rows]})
    elif not quiet:
        print_line(f"{len(rows)} sets of weights match their checksums and have their cards.")
    return 0


@models.command()
def use(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="A folder with a manifest.json.")] = None,
    default: Annotated[bool, typer.Option("--default", help="Go back to the weights that came with it.")] = False,
    quiet: QuietOption = False,
) -> int:
    """Check a folder of weights and use it from now on, in the window and in all commands."""
    from cof_viewer.app.models import use_models, use_shipped_models

    if default == (folder is not None):
        raise UserError('Give a folder of weights, or --default. See "cof-viewer models use --help".', code="option")
    if folder is None:
        chosen = use_shipped_models()
    else:
        chosen = existing(folder, "weights").absolute()
        if (chosen / "plans.json").is_file():
            raise UserError(
                f'"{folder}" is a model of nnU-Net. Take it over first: cof-viewer models adopt "{folder}" --out DIR.',
                code="nnunet",
            )
        use_models(chosen)
    if not quiet:
        print_line(f'The weights in "{chosen}" are used from now on.')
        if os.environ.get("COF_VIEWER_MODELS"):
            print_line("The environment variable COF_VIEWER_MODELS goes before this choice while it is set.")
    return 0


@models.command()
def adopt(
    folder: Annotated[Path, typer.Argument(metavar="NNUNET_DIR", help="Holds plans.json, dataset.json and fold_X.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder of models with this segmenter.")],
    folds: Annotated[
        str, typer.Option("--folds", metavar="A,B", help="Which folds to average. Default: the first one there is.")
    ] = "",
    labels: Annotated[
        str, typer.Option("--labels", metavar="LV=N,Myo=N,RV=N", help="Its labels, where their names do not tell.")
    ] = "",
    quiet: QuietOption = False,
) -> int:
    """Take over a segmenter that was trained with nnU-Net v2: the folder in use is copied, with it in place of ours.

    Use the copy by: cof-viewer models use DIR. nnU-Net itself need not be installed.
    """
    from cof_viewer.app.models import require_models_folder
    from cof_viewer.engine.nnunet.adopt import adopt as take_over
    from cof_viewer.engine.nnunet.adopt import read_folder

    wanted = tuple(word.strip() for word in folds.split(",") if word.strip())
    model = read_folder(existing(folder, "nnU-Net model"), wanted, _labels(labels))
    take_over(model, require_models_folder(), out)
    if not quiet:
        print_line(f"{model.plan.configuration}, folds {', '.join(model.folds)}, by {model.trainer or 'nnU-Net'}")
        print_line(str(out))
    return 0


def _labels(text: str) -> dict[Label, int] | None:
    """Numbers by structure of "LV=3,Myo=2,RV=1"; None for an empty text.

    Raises:
        UserError: it is not that.
    """
    if not text:
        return None
    words = (word.partition("=") for word in text.replace(" ", "").lower().split(","))
    parts = {name: number for name, _, number in words}
    if set(parts) != {"lv", "myo", "rv"} or not all(number.isdigit() for number in parts.values()):
        raise UserError(f'--labels can\'t be "{text}". Give it such as LV=3,Myo=2,RV=1.', code="option")
    return {Label.LV: int(parts["lv"]), Label.MYO: int(parts["myo"]), Label.RV: int(parts["rv"])}


def _folder(asked: Path | None) -> Path:
    from cof_viewer.app.models import require_models_folder

    return require_models_folder() if asked is None else existing(asked, "weights")


def _plain(row: ModelRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "file": str(row.file),
        "card": str(row.card),
        "megabytes": row.megabytes,
        "about": row.about,
        "trained": row.trained or None,
        "data": row.data or None,
        "condition": row.condition,
    }


def _table(rows: tuple[ModelRow, ...]) -> list[str]:
    """The rows in columns, what each is below it."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    lines = []
    for line, row in zip(cells, [None, *rows], strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if row is not None and row.about:
            lines.append(f"    {row.about}.")
    return lines


def _cells(row: ModelRow) -> tuple[str, ...]:
    size = "" if row.megabytes is None else f"{row.megabytes:.1f}"
    return (row.name, size, row.condition, row.trained, row.data)
