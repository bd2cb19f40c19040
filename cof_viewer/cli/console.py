"""What commands share: the progress bar on stderr, Ctrl-C, results on stdout."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.flag import worst_first
from cof_viewer.domain.function import METRICS, Result
from cof_viewer.domain.progress import CancelToken, Progress, no_progress

_NAMES = {
    "ef_percent": ("EF", "%"),
    "edv_ml": ("EDV", "mL"),
    "esv_ml": ("ESV", "mL"),
    "sv_ml": ("SV", "mL"),
    "cardiac_output_l_min": ("CO", "L/min"),
    "heart_rate_bpm": ("Heart rate", "/min"),
    "lv_mass_g": ("LV mass", "g"),
    "rv_edv_ml": ("RV EDV", "mL"),
    "rv_esv_ml": ("RV ESV", "mL"),
    "rv_ef_percent": ("RV EF", "%"),
}


@dataclass
class LongWork:
    """What a command hands to long work.

    Attributes:
        progress: draws the bar.
        cancel: set by Ctrl-C.
    """

    progress: Progress = no_progress
    cancel: CancelToken = field(default_factory=CancelToken)
    _at_once: bool = False

    def interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Take Ctrl-C: the work stops at its next look, and at once where nothing looks."""
        again = self.cancel.is_cancelled
        self.cancel.cancel()
        if self._at_once or again:
            raise Cancelled

    @contextlib.contextmanager
    def stoppable_at_once(self) -> Iterator[None]:
        """For steps that look at no token and leave nothing half-made, such as loading a library."""
        self.cancel.raise_if_cancelled()
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False


@contextlib.contextmanager
def long_work(quiet: bool) -> Iterator[LongWork]:
    """Draw progress on stderr, if it is a terminal, and turn Ctrl-C into a cancel, until the block ends."""
    work = LongWork()
    with contextlib.ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before = signal.signal(number, work.interrupt)
                stack.callback(signal.signal, number, before)
        if not quiet and sys.stderr.isatty():
            work.progress = stack.enter_context(_bar())
        yield work
        work.cancel.raise_if_cancelled()


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda fraction, words: bar.update(task, completed=fraction, description=words)


class ReaderHasGone(Exception):
    """Whoever read stdout has closed it, as `head` does."""


def print_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    _write(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def print_line(text: str = "") -> None:
    """Write one line to stdout."""
    _write(text + "\n")


def _write(text: str) -> None:
    """Write to stdout now; letters that its encoding lacks become question marks."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderHasGone from None


def print_result(result: Result, files: list[Path], *, quiet: bool, as_json: bool) -> None:
    """Say what came out: numbers, flags, files; as one JSON document with `as_json`."""
    if as_json:
        from cof_viewer.io.export.tables import function_json

        print_json({**function_json(result), "files": [str(file) for file in files]})
    elif not quiet:
        for line in result_lines(result):
            print_line(line)
        for file in files:
            print_line(str(file))


def result_lines(result: Result) -> list[str]:
    """Numbers, whole but for the cardiac output, and flags; a number that a stop withholds is not said."""
    lines = []
    for metric in METRICS:
        value = getattr(result.function, metric)
        name, unit = _NAMES[metric]
        if metric in result.withheld:
            lines.append(f"{name:<11} withheld")
        elif value is not None:
            shown = f"{value:.1f}" if metric == "cardiac_output_l_min" else f"{value:.0f}"
            lines.append(f"{name:<11} {shown} {unit}")
    lines += [f"{flag.severity.capitalize()}: {flag.text}" for flag in worst_first(result.flags)]
    return lines


def existing(path: Path, what: str) -> Path:
    """The path, if there is something.

    Raises:
        UserError: when there is not.
    """
    if not path.exists():
        raise UserError(f'There is no file or folder "{path}" to read the {what} from. Check its name.', code="missing")
    return path
