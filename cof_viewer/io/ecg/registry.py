"""Which ECG formats there are, and the door through which a file becomes an `Ecg`.

A format is one file in `formats/` with `NAME`, `sniff(path)` and `read(path)`; it is found by being there.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.io.ecg import formats as _formats
from cof_viewer.io.ecg.record import RawRecord
from cof_viewer.io.ecg.standard import to_ecg


class EcgFormat(Protocol):
    """What a module in `formats/` offers."""

    NAME: str

    def sniff(self, path: Path) -> bool:
        """Whether the file's content is of this format; never raises on odd content."""

    def read(self, path: Path) -> RawRecord:
        """Read the rhythm record; UserError where it can't be read."""


@cache
def known_formats() -> tuple[EcgFormat, ...]:
    """All formats, by name of their file."""
    names = sorted(found.name for found in pkgutil.iter_modules(_formats.__path__))
    return tuple(cast(EcgFormat, importlib.import_module(f"{_formats.__name__}.{name}")) for name in names)


def find_format(path: Path) -> EcgFormat | None:
    """The format of a file by its content, None where it is no ECG that is known here."""
    if not path.is_file():
        return None
    return next((form for form in known_formats() if form.sniff(path)), None)


def sniff(path: Path) -> bool:
    """Whether a file is an ECG in a format that is known here."""
    return find_format(path) is not None


def read_record(path: Path) -> RawRecord:
    """Read a file's record as stored, whatever its leads and length: for listings.

    Raises:
        UserError: missing, not an ECG, or unreadable.
    """
    if not path.exists():
        raise UserError(f'"{path}" was not found.', code="missing")
    if path.is_dir():
        raise UserError(f'"{path}" is a folder. Choose the ECG file in it.', code="ecg-format")
    form = find_format(path)
    if form is None:
        names = " or ".join(known.NAME for known in known_formats())
        raise UserError(f'"{path.name}" is not an ECG that can be read here. Open a {names} file.', code="ecg-format")
    return form.read(path)


def open_ecg(path: Path) -> Ecg:
    """Open a 12-lead ECG in standard form.

    Args:
        path: a DICOM waveform, CardioSoft's XML, or the header or signal file of a WFDB record.

    Returns:
        mV, 500 Hz, 12 leads in standard order, unfiltered, with the problems that were found.

    Raises:
        UserError: missing, not an ECG, unreadable, shorter than 5 s, all leads flat, fewer than 8 independent
            leads, or no heart beat in it.
    """
    from cof_viewer.signal import r_peaks

    path = Path(path)
    ecg = to_ecg(read_record(path), path.name)
    if len(r_peaks(ecg)) == 0:
        raise UserError(
            f'No heart beat was found in "{path.name}". Check the leads and record again.', code="ecg-no-beat"
        )
    return ecg
