"""The table of commands, and how failures end.

A first word that is no command is a study to open, so `cof-viewer STUDY` is `cof-viewer window STUDY`.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import typer
from typer.core import TyperGroup

import cof_viewer
from cof_viewer.cli.bench import bench
from cof_viewer.cli.cohort import cohort
from cof_viewer.cli.console import ReaderHasGone
from cof_viewer.cli.evaluate import evaluate
from cof_viewer.cli.generate import generate
from cof_viewer.cli.inspect import inspect
from cof_viewer.cli.main import BAD_INPUT, CANCELLED, GOOD, OUR_FAULT
from cof_viewer.cli.measure import measure
from cof_viewer.cli.models import models
from cof_viewer.cli.segment import segment
from cof_viewer.cli.train import train
from cof_viewer.cli.window import window
from cof_viewer.domain.errors import Cancelled, UserError

_WINDOW = "window"
_UsageError = typer.BadParameter.__mro__[1]  # where it lives differs between versions of typer


class _StudyOrCommand(TyperGroup):
    """A group whose default command takes a study."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "--version")):
            args = [_WINDOW, *args]
        return super().parse_args(ctx, args)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"cof-viewer {cof_viewer.__version__}")
        raise typer.Exit


app = typer.Typer(
    name="cof-viewer",
    cls=_StudyOrCommand,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help"], "max_content_width": 100},
)


@app.callback()
def _program(
    version: bool = typer.Option(False, "--version", is_eager=True, callback=_version, help="Print the version."),
) -> None:
    """Cardiac MRI and a 12-lead ECG in, a moving heart with its numbers out.

    `cof-viewer STUDY` opens the window on a study (a DICOM folder, a zip of one, a DICOMDIR, a NIfTI file);
    `cof-viewer window --help` tells its options.

    Exit codes: 0 good, 2 input that can't be used (one sentence on stderr), 1 a fault of the program, 130 cancelled.
    Research use only. Not a medical device.
    """


app.command(_WINDOW)(window)
app.command("inspect")(inspect)
app.command("segment")(segment)
app.command("measure")(measure)
app.command("generate")(generate)
app.command("evaluate")(evaluate)
app.add_typer(models)
app.add_typer(bench)
app.command("train")(train)
app.add_typer(cohort)


def run(arguments: list[str]) -> int:
    """Run a command; every way it can end becomes an exit code."""
    if any(word == "" or (word.startswith("--") and word.endswith("=")) for word in arguments):
        # An empty path would mean the current folder, which a script with an unset variable never wants.
        return _say("One of the words after cof-viewer is empty. Give every option a value.", BAD_INPUT)
    try:
        code = app(args=arguments, prog_name="cof-viewer", standalone_mode=False)
    except UserError as error:
        return _say(error.sentence, BAD_INPUT)
    except (Cancelled, KeyboardInterrupt, typer.Abort):
        return CANCELLED
    except typer.Exit as end:
        return end.exit_code
    except ReaderHasGone:
        return _reader_has_gone()
    except MemoryError:
        return _say("Not enough memory. Make fewer members, or close other programs.", OUR_FAULT)
    except Exception as error:
        if isinstance(error, _UsageError):
            return _say(_usage_sentence(error), BAD_INPUT)
        return _our_fault(error, arguments)
    return code if isinstance(code, int) else GOOD


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(" ".join(sentence.split()) + "\n")
    return code


def _usage_sentence(error: Any) -> str:
    """What is wrong with the options, and where they are explained, on one line."""
    sentence = str(error.format_message()).rstrip()
    option = next(iter(getattr(getattr(error, "param", None), "opts", ())), None)
    if option is not None and "integer" in sentence:
        sentence = f"{option} takes a whole number."
    if not sentence.endswith("."):
        sentence += "."
    command = error.ctx.command_path if error.ctx is not None else "cof-viewer"
    return f'{sentence} See "{command} --help".'


def _our_fault(error: Exception, arguments: list[str]) -> int:
    from cof_viewer.app.bugs import log_bug

    log = log_bug(error, secrets=arguments)
    where = f'The details are in "{log}".' if log else "Its details could not be written."
    return _say(f"The program stopped at a fault of its own ({type(error).__name__}). {where}", OUR_FAULT)


def _reader_has_gone() -> int:
    """`cof-viewer ... | head`: nothing more can be said, and Python must not try to at its end."""
    sys.stdout = io.StringIO()
    return GOOD
