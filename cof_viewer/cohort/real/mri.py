"""Reader of the real cardiac MRI to learn from: the manifest, the ED/ES pairs and the cines, with the split.

The files are npz archives described by a `manifest.csv` beside them. Stacks come out base first, whatever order
they were stored in, and each patient carries the part of the split that rules what its data may be used for.
"""

from __future__ import annotations

import csv
import math
import zipfile
import zlib
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split, split_patients

UInt8 = NDArray[np.uint8]

_UNKNOWN_SPACING_MM = (10.0, 1.3, 1.3)
"""Stand-in (slice, row, column) for files without spacing: with it M&Ms hearts get the mean size of ACDC hearts."""


@dataclass(frozen=True)
class Row:
    """One line of the manifest: one file of one patient.

    Attributes:
        path: the npz file.
        patient_id: dataset and patient, as "acdc:patient001".
        dataset: "acdc" or "mnms".
        group: what the split is stratified by: the diagnosis in ACDC, "mnms-<vendor>" in M&Ms.
        kind: "pair" or "cine".
        base_first: whether the file's slices run base -> apex.
        spacing_known: whether the file tells its spacing.
        part: what the patient may be used for.
        lv_edv_ml: label volumes of the LV where known, else NaN; `lv_ef_percent` likewise.
    """

    path: Path
    patient_id: str
    dataset: str
    group: str
    kind: str
    base_first: bool
    spacing_known: bool
    part: Split
    lv_edv_ml: float
    lv_esv_ml: float
    lv_ef_percent: float


@dataclass(frozen=True, eq=False)
class Pair:
    """ED and ES of one patient with the experts' labels, base first.

    Attributes:
        row: its line of the manifest.
        images: uint8 [phase (ED, ES), z, y, x].
        labels: uint8 [phase (ED, ES), z, y, x]; 1 LV, 2 Myo, 3 RV.
        spacing_mm: (z, y, x); a stand-in where `row.spacing_known` is False.
        overview: uint8 [z, y, x] ED over the whole field of view at about 3 mm, where it exists.
        overview_spacing_mm: (z, y, x) of the overview.
        overview_label: uint8 [z, y, x], the ED labels on the overview's grid.
        offset_zyx: first voxel of the pair's window in the full frame, in the pair's own voxels.
    """

    row: Row
    images: UInt8
    labels: UInt8
    spacing_mm: tuple[float, float, float]
    overview: UInt8 | None = None
    overview_spacing_mm: tuple[float, float, float] | None = None
    overview_label: UInt8 | None = None
    offset_zyx: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, eq=False)
class BeatCine:
    """A full beat of one patient in a window round the heart.

    Attributes:
        row: its line of the manifest.
        images: uint8 [t, z, y, x].
        ed_label: uint8 [z, y, x]; `es_label` likewise.
        ed_phase: 0-based; `es_phase` likewise.
        spacing_mm: (z, y, x).
    """

    row: Row
    images: UInt8
    ed_label: UInt8
    es_label: UInt8
    ed_phase: int
    es_phase: int
    spacing_mm: tuple[float, float, float]


def read_manifest(folder: Path) -> list[Row]:
    """Read `manifest.csv` of the MRI data, every patient with the part of the split.

    Args:
        folder: the folder that holds `manifest.csv`, `pairs/` and `cines/`.

    Returns:
        One row a file, in the manifest's order.

    Raises:
        UserError: the manifest is damaged or lacks a column.
    """
    path = folder / "manifest.csv"
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            lines = list(csv.DictReader(stream))
        parts = split_patients({_patient_id(line): _group(line) for line in lines})
        return [_row(folder, line, parts) for line in lines]
    except (KeyError, ValueError, TypeError, OSError, csv.Error) as error:
        raise UserError(f'"{path}" is damaged or lacks a column ({error}). Copy it again.', code="manifest") from error


def choose(rows: Iterable[Row], kind: str, *parts: Split, dataset: str | None = None) -> list[Row]:
    """Rows of one kind ("pair", "cine") whose patients belong to the given parts, optionally of one dataset."""
    return [r for r in rows if r.kind == kind and r.part in parts and dataset in (None, r.dataset)]


def load_pair(row: Row) -> Pair:
    """Read one ED/ES pair.

    Raises:
        UserError: the file is missing, damaged, or lacks a picture or a label.
    """
    with _readable(row.path), np.load(row.path) as file:
        arrays = {name: file[name] for name in file.files}
        _require(row.path, arrays, "ed", "es", "ed_label", "es_label", *(("spacing_mm",) if row.spacing_known else ()))
    order = slice(None) if row.base_first else slice(None, None, -1)
    images = np.stack([arrays["ed"][order], arrays["es"][order]])
    labels = np.stack([arrays["ed_label"][order], arrays["es_label"][order]])
    spacing = _triple(arrays["spacing_mm"]) if row.spacing_known else _UNKNOWN_SPACING_MM
    if "overview" not in arrays:
        return Pair(row, images, labels, spacing)
    overview_spacing = _triple(arrays["overview_spacing_mm"])
    overview_label = _label_on_overview(arrays, spacing, overview_spacing)
    if not row.base_first:
        raise ValueError(f"{row.path.name}: an overview is expected base first")
    z, y, x = (int(v) for v in arrays["offset_zyx"])
    overview = np.asarray(arrays["overview"], dtype=np.uint8)
    return Pair(row, images, labels, spacing, overview, overview_spacing, overview_label, (z, y, x))


def load_cine(row: Row) -> BeatCine:
    """Read one full beat (the file holds differences along the phase axis).

    Raises:
        UserError: the file is missing, damaged, or lacks a picture or a label.
    """
    with _readable(row.path), np.load(row.path) as file:
        _require(row.path, file, "delta", "ed_label", "es_label", "ed_phase", "es_phase", "spacing_mm")
        images = np.cumsum(file["delta"], axis=0, dtype=np.uint8)
        order = slice(None) if row.base_first else slice(None, None, -1)
        return BeatCine(
            row,
            images[:, order],
            file["ed_label"][order],
            file["es_label"][order],
            int(file["ed_phase"]),
            int(file["es_phase"]),
            _triple(file["spacing_mm"]),
        )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What a missing or damaged archive raises, as one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(
            f'"{path.name}" is in the manifest but not in its folder. Put it there.', code="missing"
        ) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f'"{path.name}" is damaged or cut short. Copy it again.', code="unreadable") from error


def _require(path: Path, arrays: Container[str], *names: str) -> None:
    for name in names:
        if name not in arrays:
            what = "label" if name.endswith("_label") else "array"
            raise UserError(f'The {what} "{name}" is missing in "{path.name}". Export it again.', code="label-missing")


@lru_cache(maxsize=1)
def default_folder() -> Path | None:
    """The MRI data beside a checkout: `$COF_DATA/mri`, else `../shared/data/mri`; None where neither exists."""
    import os

    root = Path(os.environ.get("COF_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
    folder = root / "mri"
    return folder if (folder / "manifest.csv").is_file() else None


def _patient_id(line: dict[str, str]) -> str:
    return f"{_dataset(line)}:{line['patient']}"


def _dataset(line: dict[str, str]) -> str:
    return {"ACDC": "acdc", "M&Ms": "mnms"}[line["dataset"]]


def _group(line: dict[str, str]) -> str:
    return line["group"] if _dataset(line) == "acdc" else f"mnms-{line['vendor']}"


def _row(folder: Path, line: dict[str, str], parts: dict[str, Split]) -> Row:
    patient_id = _patient_id(line)
    return Row(
        path=folder / line["file"],
        patient_id=patient_id,
        dataset=_dataset(line),
        group=_group(line),
        kind=line["kind"],
        base_first=line["slice_order"] != "apex->base",
        spacing_known=bool(line["spacing_x_mm"]),
        part=parts[patient_id],
        lv_edv_ml=_number(line["lv_edv_ml"]),
        lv_esv_ml=_number(line["lv_esv_ml"]),
        lv_ef_percent=_number(line["lv_ef_percent"]),
    )


def _number(text: str) -> float:
    return float(text) if text else math.nan


def _triple(values: NDArray[np.floating]) -> tuple[float, float, float]:
    z, y, x = (float(v) for v in values)
    return z, y, x


def _label_on_overview(
    arrays: dict[str, NDArray[np.generic]],
    spacing_mm: tuple[float, float, float],
    overview_spacing_mm: tuple[float, float, float],
) -> UInt8:
    """The ED labels, known in a crop of the full frame, looked up at the overview's pixel centres.

    The overview's frame spans the full frame: its pixel i has its centre at (i + 1/2) overview pixels.
    """
    label = np.asarray(arrays["ed_label"], dtype=np.uint8)
    offset = [int(v) for v in np.asarray(arrays["offset_zyx"])]
    shape = arrays["overview"].shape
    result = np.zeros(shape, np.uint8)
    index, inside = [], []
    for axis in (1, 2):
        ratio = overview_spacing_mm[axis] / spacing_mm[axis]
        place = np.floor((np.arange(shape[axis]) + 0.5) * ratio).astype(int) - offset[axis]
        inside.append((place >= 0) & (place < label.shape[axis]))
        index.append(place[inside[-1]])
    stop = min(shape[0], offset[0] + label.shape[0])
    block = label[: stop - offset[0]][:, index[0]][:, :, index[1]]
    rows, columns = np.flatnonzero(inside[0]), np.flatnonzero(inside[1])
    result[offset[0] : stop, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = block
    return result
