"""One case in one HDF5 file: written whole or not at all, read in full or only some phases.

HDF5 has one writer a file, so every case has its own. What takes time in reading is undoing compression: pictures and
displacement, which hardly shrink, lie there as they are; labels, which shrink to a fortieth, are packed four to a byte
first, so that there is little to undo. Everything that is no array is one JSON attribute.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split

SCHEMA = 2
"""Version of file and manifest; another version is refused."""

SUFFIX = ".h5"
PARTIAL = ".partial"
"""End of the name of a file that is being written; what is left of one after a kill is never a case."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LABELS = "labels_packed"
_LABEL_PHASES = 5
"""Phases of labels in a chunk: HDF5's cost is by the chunk, and training reads a few phases of a case."""
_SPOILED = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
"""What reading a file with changed bytes has ended in."""
_FOUR_OF_BYTE = np.array([[byte >> shift & 3 for shift in (0, 2, 4, 6)] for byte in range(256)], np.uint8)
_FOUR_AT_ONCE = np.ascontiguousarray(_FOUR_OF_BYTE).view(np.uint32)[:, 0]
_PLAIN = (
    *("case_id", "patient_id", "kind", "part", "group", "labels_by", "slice_mm", "rr_ms", "phase_ms", "es_phase"),
    *("numbers", "origins", "ecg_name", "ecg_candidates", "age_years", "sex", "recipe", "spacing_known"),
)


def write_case(case: CohortCase, folder: Path) -> Path:
    """Write a case as `folder/<case_id>.h5`, by a file beside it that takes its name once it is on the disk.

    Raises:
        UserError: the case's id can't be a file name.
        OSError: the disk is full or can't be written; nothing is left behind.
    """
    if _NAME.fullmatch(case.case_id) is None:
        raise UserError(f'The case id "{case.case_id}" may hold only letters, digits, "-" and "_". Rename the case.')
    target = folder / f"{case.case_id}{SUFFIX}"
    write_whole(target, lambda beside: _write(case, beside))
    return target


def write_whole(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside the target, put it on the disk, then give it the target's name."""
    beside = target.with_name(f"{target.name}.{os.getpid()}{PARTIAL}")
    try:
        write(beside)
        with beside.open("r+b") as stream:
            os.fsync(stream.fileno())
        os.replace(beside, target)  # noqa: PTH105 - the atomic replace, by its name
    finally:
        beside.unlink(missing_ok=True)


def write_text_whole(target: Path, text: str) -> None:
    """Write UTF-8 text with plain line ends whole or not at all."""
    write_whole(target, lambda beside: _put(beside, text))


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def read_case(path: Path, phases: Sequence[int] | None = None) -> CohortCase:
    """Read a case.

    Args:
        path: its file.
        phases: increasing indices to read pictures, labels and motion of; all by default. `es_phase` then still
            counts in the whole beat, and is -1 where ES is not among them.

    Raises:
        UserError: the file is spoiled, is no case, or is of another version.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("schema") != SCHEMA:
                raise UserError(f'"{path.name}" is no case of version {SCHEMA}. Make the store again.', code="store")
            plain = json.loads(str(file.attrs["case"]))
            arrays: dict[str, NDArray[Any] | None] = {
                **{name: _read(file[name], phases) for name in ("image", "displacement_mm")},
                "labels": unpacked(_read(file[_LABELS], phases)),
                "ecg_mv": file["ecg_mv"][()] if "ecg_mv" in file else None,
            }
        return _case(plain if phases is None else _thinned(plain, phases), arrays)
    except _SPOILED as error:
        raise UserError(f'"{path.name}" can\'t be read: it is spoiled. Make the store again.', code="store") from error


def packed(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels [..., x] of 0 to 3 as [..., x / 4]: four pixels a byte, the first in its lowest two bits."""
    if labels.max(initial=0) > 3:
        raise ValueError(f"label {labels.max()} does not fit in two bits")
    four = labels.reshape(*labels.shape[:-1], -1, 4)
    return np.asarray(four[..., 0] | four[..., 1] << 2 | four[..., 2] << 4 | four[..., 3] << 6, dtype=np.uint8)


def unpacked(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo `packed`."""
    four = np.empty(stored.shape, np.uint32)
    _FOUR_AT_ONCE.take(stored, out=four, mode="clip")  # clip: NumPy then checks no index, and no byte is beyond
    return four.view(np.uint8)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(case: CohortCase, path: Path) -> None:
    plain = {name: getattr(case, name) for name in _PLAIN}
    # In memory first: a disk that is full then fails in Python's own write, not inside HDF5's close.
    whole = io.BytesIO()
    with h5py.File(whole, "w", libver="latest") as file:
        file.attrs["schema"] = SCHEMA
        file.attrs["case"] = json.dumps({name: _jsonable(value) for name, value in plain.items()}, default=_jsonable)
        file.create_dataset("image", data=case.image)
        file.create_dataset("displacement_mm", data=case.displacement_mm)
        stored = packed(case.labels)
        chunks = (min(_LABEL_PHASES, len(stored)), *stored.shape[1:])
        file.create_dataset(_LABELS, data=stored, chunks=chunks, compression="gzip", compression_opts=1)
        if case.ecg_mv is not None:
            file.create_dataset("ecg_mv", data=case.ecg_mv)
    path.write_bytes(whole.getbuffer())


def _read(array: h5py.Dataset, phases: Sequence[int] | None) -> NDArray[Any]:
    """All of a dataset or some of its phases; one by one, since HDF5 takes longer over a list of them than over all."""
    whole: NDArray[Any] = array[()] if phases is None else np.stack([array[t] for t in phases])
    return whole


def _jsonable(value: Any) -> Any:
    """Mappings as dicts, NumPy's scalars as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    return dict(value) if hasattr(value, "items") else value


def _thinned(plain: dict[str, Any], phases: Sequence[int]) -> dict[str, Any]:
    es_phase = plain["es_phase"]
    return plain | {
        "labels_by": [plain["labels_by"][t] for t in phases],
        "phase_ms": [plain["phase_ms"][t] for t in phases],
        "es_phase": es_phase if es_phase in phases else -1,
    }


def _case(plain: dict[str, Any], arrays: dict[str, Any]) -> CohortCase:
    kinds = {"kind": Kind(plain["kind"]), "part": Split(plain["part"])}
    rows = {name: tuple(plain[name]) for name in ("labels_by", "phase_ms", "ecg_candidates")}
    return CohortCase(**(plain | kinds | rows | arrays))
