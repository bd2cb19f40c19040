"""Options that several commands have, and how their words become values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cof_viewer.domain.errors import UserError

StudyArgument = Annotated[
    Path, typer.Argument(metavar="STUDY", help="A DICOM folder, a zip of one, a DICOMDIR, or a NIfTI file.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, nothing on stdout.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for machines.")]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda", help="What to compute on; auto takes a GPU if any.")
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
SeriesOption = Annotated[
    str | None, typer.Option("--series", metavar="WHICH", help="Which stack: its number, path or description.")
]

DEVICES = ("auto", "cpu", "cuda")


def parse_device(text: str) -> str:
    """One of `DEVICES`.

    Raises:
        UserError: for any other word.
    """
    if text not in DEVICES:
        raise UserError(f'The device can\'t be "{text}". Choose auto, cpu or cuda.', code="option")
    return text


def parse_anchor_phase(text: str | None) -> int | Literal["ed", "es"] | None:
    """ "ed", "es" or a 0-based index.

    Raises:
        UserError: for anything else.
    """
    if text is None:
        return None
    word = text.strip().lower()
    if word == "ed":
        return "ed"
    if word == "es":
        return "es"
    try:
        return int(word)
    except ValueError:
        raise UserError(
            f'The anchor phase can\'t be "{text}". Choose ed, es or the number of a phase, counted from 0.',
            code="anchor-phase",
        ) from None


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels of `WxH`.

    Raises:
        UserError: when it is not that, or beyond 640x480 to 7680x4320.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise UserError(
            f'The size can\'t be "{text}". Give width and height in pixels, such as 1280x800.', code="option"
        )
    width, height = (int(part) for part in parts)
    if not (640 <= width <= 7680 and 480 <= height <= 4320):
        raise UserError(f"The size can't be {width}x{height}. Choose one from 640x480 to 7680x4320.", code="option")
    return width, height
