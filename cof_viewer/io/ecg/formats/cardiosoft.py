"""CardioSoft XML, the form of UK Biobank's resting ECG (field 20205).

A file holds the median beat, sometimes the full disclosure, and `StripData`, the ten seconds of rhythm, which is the
record. Numbers are counts in comma lists; their voltage and rate stand beside them.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.errors import UserError
from cof_viewer.io.ecg.record import RawRecord, plain_age, plain_sex

NAME = "CardioSoft XML"

_ROOT = b"<CardiologyXML"
_HEAD_BYTES = 4096
_MOST_BYTES = 64 << 20
_DECLARATIONS = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def sniff(path: Path) -> bool:
    """Whether the file begins as CardioSoft's XML does."""
    try:
        with path.open("rb") as stream:
            return _ROOT in stream.read(_HEAD_BYTES)
    except OSError:
        return False


def read(path: Path) -> RawRecord:
    """The ten seconds of rhythm as stored.

    Raises:
        UserError: the file is damaged or holds no rhythm.
    """
    root = _parsed(path)
    strip = root.find(".//StripData")
    rows = [] if strip is None else [(e.get("lead", ""), _counts(e.text, path)) for e in strip.iter("WaveformData")]
    rows = [(name, row) for name, row in rows if len(row)]
    if strip is None or not rows:
        raise UserError(f'"{path.name}" holds no rhythm strip (StripData). Export the ECG again.', code="unreadable")
    length = max(len(row) for _, row in rows)
    counts = np.full((len(rows), length), np.nan)
    for i, (_, row) in enumerate(rows):
        counts[i, : len(row)] = row
    microvolts = _number(strip, "Resolution", "uVperLsb", path)
    return RawRecord(
        signal_mv=counts * microvolts / 1000.0,
        names=tuple(name for name, _ in rows),
        hz=_number(strip, "SampleRate", "Hz", path),
        age_years=plain_age(root.findtext(".//PatientInfo/Age") or ""),
        sex=plain_sex(root.findtext(".//PatientInfo/Gender")),
        recorded=_recorded(root),
    )


def _parsed(path: Path) -> ElementTree.Element:
    """The tree; declarations of entities or a DTD are refused: they may unfold without end or name other files."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES or _DECLARATIONS.search(content):
            raise ElementTree.ParseError("not what CardioSoft writes")
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, OSError, LookupError, ValueError) as error:
        raise UserError(f'"{path.name}" is damaged or cut short. Copy it again.', code="unreadable") from error


def _counts(text: str | None, path: Path) -> NDArray[np.float64]:
    words = [word.strip() for word in (text or "").split(",")]
    try:
        return np.array([float(word) for word in words if word])
    except ValueError as error:
        raise UserError(f'"{path.name}" has samples that are no numbers. Copy it again.', code="unreadable") from error


def _number(strip: ElementTree.Element, name: str, unit: str, path: Path) -> float:
    """A positive number of the strip in the one unit that is known."""
    found = strip.find(name)
    try:
        value = float((found.text or "") if found is not None else "")
    except ValueError:
        value = float("nan")
    if not 0.0 < value < 1e6 or found is None or found.get("units", unit) != unit:
        raise UserError(
            f'"{path.name}" gives no usable {name} of its rhythm strip. Export it again.', code="unreadable"
        )
    return value


def _recorded(root: ElementTree.Element) -> str | None:
    """ISO date of the recording."""
    words = [root.findtext(f"./ObservationDateTime/{part}") or "" for part in ("Year", "Month", "Day")]
    if not all(word.strip().isdigit() for word in words):
        return None
    year, month, day = (int(word) for word in words)
    return f"{year:04d}-{month:02d}-{day:02d}"
