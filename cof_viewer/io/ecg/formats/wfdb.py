"""PhysioNet WFDB records: a text header (.hea) and signal files (.dat, or .mat with a byte offset).

The wfdb package reads them, wild headers included; it drags pandas, so it is imported when a record is read.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from cof_viewer.domain.errors import UserError
from cof_viewer.io.ecg.record import RawRecord, mv_per_unit, plain_age, plain_sex

NAME = "WFDB (.hea)"

_RECORD_LINE = re.compile(r"^[^\s/]+(/\d+)?\s+\d+(\s+[\d.eE+-]+(/[\d.eE+-]+(\([-\d.]+\))?)?(\s+\d+.*)?)?\s*$")
_COMMENT = re.compile(r"^<?(?P<key>age|sex)>?\s*:\s*(?P<value>.*)$", re.IGNORECASE)
_MAX_HEADER = 200_000


def sniff(path: Path) -> bool:
    """Whether the file is a WFDB header, or a signal file named by the header beside it."""
    header = _header_of(path)
    if header is None:
        return False
    first = _first_line(header)
    return first is not None and _RECORD_LINE.match(first) is not None


def read(path: Path) -> RawRecord:
    """Read a WFDB record by its header or one of its signal files."""
    import wfdb

    header = _header_of(path)
    assert header is not None  # `sniff` said yes
    try:
        record = wfdb.rdrecord(str(header.with_suffix("")))
    except FileNotFoundError as error:
        missing = Path(str(error.filename or "")).name or "its signal file"
        raise UserError(
            f'"{header.name}" names "{missing}", which is not beside it. Copy both files.', code="unreadable"
        ) from error
    except Exception as error:
        raise UserError(
            f'"{header.name}" or its signal file is damaged or cut short. Copy the record again.', code="unreadable"
        ) from error
    if record.p_signal is None or not record.n_sig:
        raise UserError(f'"{header.name}" holds no signal.', code="unreadable")
    problems: list[tuple[str, str]] = []
    units = [mv_per_unit(unit) for unit in record.units]
    if None in units:
        problems.append(("unit-unknown", f'"{header.name}" names no unit of voltage that is known; mV is assumed.'))
    scale = np.array([1.0 if unit is None else unit for unit in units])
    comments = list(record.comments or [])
    told = _told(comments)
    return RawRecord(
        signal_mv=np.asarray(record.p_signal, dtype=np.float64).T * scale[:, None],
        names=tuple(str(name or "") for name in record.sig_name),
        hz=float(record.fs),
        problems=tuple(problems),
        simulated=any(line.strip().casefold().startswith("simulated") for line in comments),
        age_years=plain_age(told.get("age")),
        sex=plain_sex(told.get("sex")),
        recorded=record.base_date.isoformat() if record.base_date else None,
    )


def _header_of(path: Path) -> Path | None:
    """The header itself, or the one beside a signal file that it names."""
    if path.suffix.lower() == ".hea":
        return path
    beside = path.with_suffix(".hea")
    if path.suffix.lower() not in {".dat", ".mat"} or not beside.is_file():
        return None
    try:
        named = path.name in beside.read_text(encoding="utf-8", errors="replace")[:_MAX_HEADER]
    except OSError:
        return None
    return beside if named else None


def _first_line(header: Path) -> str | None:
    """The record line: the first that is neither empty nor a comment."""
    try:
        with header.open("rb") as stream:
            text = stream.read(_MAX_HEADER).decode("utf-8", errors="replace")
    except OSError:
        return None
    if "\x00" in text:
        return None
    return next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), None)


def _told(comments: list[str]) -> dict[str, str]:
    """Age and sex from comment lines such as "Age: 73" or "<age>: 51"."""
    found: dict[str, str] = {}
    for line in comments:
        match = _COMMENT.match(line.strip())
        if match:
            found.setdefault(match["key"].casefold(), match["value"])
    return found
