"""DICOMDIR: the list of files on a disc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cof_viewer.io.dicom.headers import DicomFile


def listed_files(directory: DicomFile, path: Path) -> tuple[list[Path], int]:
    """The files that a DICOMDIR lists.

    Names on discs are upper case; copies of them often are not, so each part is also looked for without regard
    to case.

    Args:
        directory: its header.
        path: where it lies; names are relative to its folder.

    Returns:
        The files that exist, each once, and how many listed ones do not.
    """
    found: dict[Path, None] = {}
    missing = 0
    for record in directory.header.get("DirectoryRecordSequence") or ():
        parts = _parts(record.get("ReferencedFileID"))
        if not parts:
            continue
        file = _resolve(path.parent, parts)
        if file is None:
            missing += 1
        else:
            found[file] = None
    return list(found), missing


def _parts(file_id: Any) -> list[str]:
    """Folder and file names of a ReferencedFileID; none where it would leave the folder."""
    if not file_id:
        return []
    parts = [file_id] if isinstance(file_id, str) else [str(part) for part in file_id]
    bad = any(part in ("", ".", "..") or "/" in part or "\\" in part or ":" in part for part in parts)
    return [] if bad else parts


def _resolve(folder: Path, parts: list[str]) -> Path | None:
    """Walk down, exact names first, then without regard to case."""
    place = folder
    for part in parts:
        exact = place / part
        if not exact.exists():
            if not place.is_dir():
                return None
            same = sorted(entry for entry in place.iterdir() if entry.name.lower() == part.lower())
            if not same:
                return None
            exact = same[0]
        place = exact
    return place if place.is_file() else None
