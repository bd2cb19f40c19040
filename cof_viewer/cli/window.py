"""`cof-viewer [STUDY]`: the window, or a picture of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cof_viewer.cli.console import existing
from cof_viewer.cli.options import parse_size
from cof_viewer.domain.errors import UserError


def window(
    study: Annotated[
        Path | None,
        typer.Argument(metavar="[STUDY]", help="A DICOM folder, a zip of one, a DICOMDIR, or a NIfTI file."),
    ] = None,
    ecg: Annotated[Path | None, typer.Option("--ecg", metavar="FILE", help="The 12-lead ECG to go with it.")] = None,
    screenshot: Annotated[
        Path | None,
        typer.Option("--screenshot", metavar="PNG", help="Open, generate or measure, save a picture, quit."),
    ] = None,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Of the window, in pixels.")] = "1280x800",
) -> int:
    """Open the window, on a study if one is named."""
    pixels = parse_size(size)
    if study is not None:
        existing(study, "study")
    if ecg is not None:
        existing(ecg, "ECG")
    if screenshot is not None:
        check_picture(screenshot)
    return open_window(study, ecg, screenshot, pixels)


def open_window(
    study: Path | None,
    ecg: Path | None,
    screenshot: Path | None = None,
    pixels: tuple[int, int] | None = None,
    at_interrupt: Callable[[], None] | None = None,
) -> int:
    """Open the window, or take its picture, and give the exit code.

    Args:
        study: opened at once; None shows the start page.
        ecg: opened with the study.
        screenshot: PNG to write; None opens the window.
        pixels: size; None takes the default.
        at_interrupt: called when Ctrl-C ends the process, after all jobs; nothing else runs then.

    Raises:
        UserError: there is no display, or a system library is missing.
    """
    _choose_screen(screenshot is not None)
    from cof_viewer.cli.interrupt import interrupt_ends_program

    try:
        from cof_viewer.ui.main import DEFAULT_SIZE, run_window
    except ImportError as error:
        raise _explained(error) from error
    with interrupt_ends_program(at_interrupt):
        return run_window(study, ecg, screenshot, pixels or DEFAULT_SIZE)


def _choose_screen(picture_only: bool) -> None:
    """Without a display Qt would end the whole process: a picture is drawn without one, a window is refused.

    Raises:
        UserError: a window was asked for, and there is no display.
    """
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not sys.platform.startswith("linux") or has_display or "QT_QPA_PLATFORM" in os.environ:
        return
    if not picture_only:
        raise UserError(
            "There is no display to open the window on. Save a picture of it with --screenshot, "
            "or use the commands measure and generate.",
            code="no-display",
        )
    os.environ["QT_QPA_PLATFORM"] = "offscreen"


def _explained(error: ImportError) -> Exception:
    """A system library that Qt or VTK needs and does not find is the user's to install; all else is a bug."""
    missing = re.search(r"(lib[\w+.-]+\.so[\w.]*): cannot open shared object", str(error))
    if missing is None:
        return error
    return UserError(
        f"The window needs the system library {missing.group(1)}, which is missing. Install it and start again; "
        "measure and generate work without it.",
        code="library",
    )


def check_picture(path: Path) -> None:
    """Refuse a place where no picture can be saved.

    Raises:
        UserError: with the reason.
    """
    from cof_viewer.app.outputs import temporary_folder

    if path.suffix.lower() != ".png":
        raise UserError(f'"{path.name}" must end in .png. Choose another name.', code="out")
    if path.is_dir():
        raise UserError(f'"{path}" is a folder. Choose a name for the picture.', code="out")
    with temporary_folder(path.parent):
        pass
