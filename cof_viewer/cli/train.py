"""`cof-viewer train`: from data to weights, one model or all of them, each resumable from any stop."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cof_viewer.cli.console import LongWork, existing, long_work, print_line
from cof_viewer.cli.options import QuietOption
from cof_viewer.cli.trainers import TRAINERS, Order, Trainer
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.progress import Progress, part_of
from cof_viewer.learning.rank import is_follower

if TYPE_CHECKING:
    from cof_viewer.engine.weights import WeightsEntry

_ALL = "all"
_CHOICES = "|".join([*(trainer.name for trainer in TRAINERS), _ALL])
_FINISHED = "finished.json"
_SECONDS_BETWEEN_LINES = 60.0
_ACCELERATORS = ("auto", "cpu", "cuda", "mps")
_MOST_DEVICES = 64
_LEADER_AT = "COF_VIEWER_TRAINS"
"""Set for the processes that a training on several devices starts: the model that it is at."""
_NEEDED_BY_LATER_ONES = ("localiser", "pose", "segmenter")


@dataclass(frozen=True)
class _Wishes:
    """The options of one call."""

    config: Path | None
    out: Path | None
    resume: bool
    smoke: bool
    publish: Path | None
    data: Path | None
    cohort: Path | None
    accelerator: str
    devices: int


def train(
    model: Annotated[str, typer.Argument(metavar=_CHOICES, help="What to train; all goes in order of dependence.")],
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Default: the shipped one.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="For checkpoint and logs. Default: runs/MODEL.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint, if there is one.")] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="A few steps on a few patients, to see that it works.")
    ] = False,
    publish: Annotated[
        Path | None, typer.Option("--publish", metavar="MODELS_DIR", help="Write the weights into this folder then.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder with mri/ and ecg/. Default: COF_DATA.")
    ] = None,
    cohort: Annotated[
        Path | None,
        typer.Option("--cohort", metavar="STORE", help="A store of cases, where the model learns from one."),
    ] = None,
    accelerator: Annotated[
        str, typer.Option("--accelerator", metavar="auto|cpu|cuda|mps", help="What to compute on.")
    ] = "auto",
    devices: Annotated[int, typer.Option("--devices", metavar="N", help="How many of them, as one (DDP).")] = 1,
    quiet: QuietOption = False,
) -> int:
    """Train a model from its config and leave checkpoint, logs and, if asked, published weights.

    Ctrl-C saves a checkpoint and ends with 130; --resume goes on from it.
    """
    chosen = _chosen(model)
    wishes = _Wishes(config, out, resume, smoke, publish, data, cohort, accelerator, devices)
    _check(chosen, wishes)
    if is_follower():
        return _follow(chosen, wishes)
    if cohort is None and len(chosen) > 1:
        left_out = [trainer.name for trainer in chosen if trainer.needs_cohort]
        _say(f"Left out, for they learn from a store of cases (--cohort): {', '.join(left_out)}", quiet)
        chosen = [trainer for trainer in chosen if not trainer.needs_cohort]
    with long_work(quiet) as work:
        if not quiet and not sys.stderr.isatty():
            work.progress = _in_lines()
        for index, trainer in enumerate(chosen):
            part = part_of(work.progress, index / len(chosen), (index + 1) / len(chosen))
            _train_one(trainer, wishes, len(chosen) > 1, part, work, quiet)
    return 0


def _follow(chosen: list[Trainer], wishes: _Wishes) -> int:
    """Take part in the training that this process was started for by another one; write and say nothing."""
    at = os.environ.get(_LEADER_AT)
    if at is None:
        raise UserError("Another program started this as one of several. Use --devices for that.", code="option")
    (trainer,) = [trainer for trainer in chosen if trainer.name == at]
    order = _order(trainer, wishes, len(chosen) > 1)
    with suppress(Cancelled), long_work(quiet=True) as work:  # the leader tells of it
        trainer.train(order, work.progress, work.cancel)
    return 0


def _chosen(model: str) -> list[Trainer]:
    if model == _ALL:
        return list(TRAINERS)
    for trainer in TRAINERS:
        if trainer.name == model:
            return [trainer]
    raise UserError(f'There is no model "{model}". Choose {_CHOICES.replace("|", ", ")}.', code="option")


def _check(chosen: list[Trainer], wishes: _Wishes) -> None:
    """Everything that can be known to fail fails before the first hour of training.

    Raises:
        UserError: options that don't fit, a bad config, a missing trainer, a folder that holds another training.
    """
    if wishes.config is not None and len(chosen) > 1:
        raise UserError("One config can't be for all models. Leave out --config, or train one model.", code="option")
    if wishes.data is not None:
        existing(wishes.data, "data")
    if wishes.cohort is not None:
        existing(wishes.cohort, "cases")
    elif len(chosen) == 1 and chosen[0].needs_cohort:
        raise UserError(f"The {chosen[0].name} form learns from a store of cases. Name one by --cohort.", code="store")
    if wishes.accelerator not in _ACCELERATORS:
        words = ", ".join(_ACCELERATORS)
        raise UserError(f'--accelerator can\'t be "{wishes.accelerator}". Choose from {words}.', code="option")
    if not 1 <= wishes.devices <= _MOST_DEVICES:
        raise UserError(f"--devices can't be {wishes.devices}. Choose 1 to {_MOST_DEVICES}.", code="option")
    for trainer in chosen:
        trainer.check_is_there()
        trainer.check_config(_config(trainer, wishes))
        folder = _out(trainer, wishes, len(chosen) > 1)
        if not wishes.resume and not wishes.smoke and not is_follower() and (folder / "checkpoint.pt").exists():
            raise UserError(
                f'There is a training in "{folder}" already. Go on with it by --resume, or choose another --out.',
                code="option",
            )


def _train_one(trainer: Trainer, wishes: _Wishes, many: bool, progress: Progress, work: LongWork, quiet: bool) -> None:
    order = _order(trainer, wishes, many)
    folder, config = order.out, order.config
    named = _named(progress, trainer.name)
    began, worked = time.monotonic(), time.process_time()
    if wishes.resume and _finished(folder) == _digest(config):
        _say(f"{trainer.name}: was finished before", quiet)
    else:
        named(0.0, "Reading what it learns from")
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[_LEADER_AT] = trainer.name
        trainer.train(order, named, work.cancel)
        (folder / _FINISHED).write_text(json.dumps({"config": _digest(config)}), encoding="utf-8")
        minutes, seconds = (time.monotonic() - began) / 60, time.process_time() - worked
        took = f"{minutes:.1f} min ({seconds:.0f} s of processor time)"
        _say(f"{trainer.name}: trained in {took}, {_last_figures(folder)}", quiet)
        _say(str(folder / "checkpoint.pt"), quiet)
    if wishes.publish is not None:
        _publish(trainer, folder, wishes.publish, quiet)


def _order(trainer: Trainer, wishes: _Wishes, many: bool) -> Order:
    return Order(
        config=_config(trainer, wishes),
        out=_out(trainer, wishes, many),
        resume=wishes.resume,
        smoke=wishes.smoke,
        data=wishes.data,
        cohort=wishes.cohort if not many or trainer.learns_from_cohort() else None,
        models=_models(wishes.publish),
        accelerator=wishes.accelerator,
        devices=wishes.devices,
    )


def _publish(trainer: Trainer, folder: Path, models: Path, quiet: bool) -> None:
    from cof_viewer.cli.cards import write_card

    entry: WeightsEntry = trainer.publish(folder, models, {"trained": datetime.now(UTC).date().isoformat()})
    _say(str(models / entry.file), quiet)
    card = models / entry.card
    if card.exists():
        _say(f'The card "{card}" was there already: see whether its figures are still true.', quiet)
    else:
        write_card(entry, card)
        _say(str(card), quiet)


def _config(trainer: Trainer, wishes: _Wishes) -> Path:
    return wishes.config or trainer.shipped_config(wishes.smoke)


def _out(trainer: Trainer, wishes: _Wishes, many: bool) -> Path:
    if wishes.out is None:
        return Path("runs", "smoke", trainer.name) if wishes.smoke else Path("runs", trainer.name)
    return wishes.out / trainer.name if many else wishes.out


def _models(publish: Path | None) -> Path:
    """Weights that later models lean on: those just published if they are complete, else those in use."""
    from cof_viewer.app.models import require_models_folder
    from cof_viewer.engine.weights import MANIFEST, read_entries

    if publish is not None and (publish / MANIFEST).is_file():
        entries = read_entries(publish)
        if all(name in entries for name in _NEEDED_BY_LATER_ONES):
            return publish
    return require_models_folder()


def _finished(folder: Path) -> str | None:
    """The checksum of the config that a folder's finished training had; None where it is not finished."""
    try:
        return str(json.loads((folder / _FINISHED).read_text(encoding="utf-8"))["config"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _last_figures(folder: Path) -> str:
    """The last line of a training's validation, in words."""
    try:
        with (folder / "validation.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except OSError:
        return "not validated"
    last = {name: value for name, value in rows[-1].items() if name not in ("step", "seconds")} if rows else {}
    return ", ".join(f"{name} {float(value):.4g}" for name, value in last.items()) or "not validated"


def _named(progress: Progress, name: str) -> Progress:
    return lambda fraction, words: progress(fraction, f"{name}: {words}")


def _in_lines() -> Progress:
    """Progress for a log file: one line a minute on stderr."""
    last = -_SECONDS_BETWEEN_LINES

    def tell(fraction: float, words: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            sys.stderr.write(f"{100 * fraction:3.0f} % {words}\n")
            sys.stderr.flush()

    return tell


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        print_line(text)
