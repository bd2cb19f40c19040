"""The facts of every picture that grouping, timing and decoding need.

One `Frame` is one picture: a classic MR image is one, an Enhanced MR Image is many. Which of the two it is, the SOP
class says; an empty PerFrameFunctionalGroupsSequence in a classic image is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cof_viewer.io.dicom.headers import PHILIPS_CREATOR, PHILIPS_PHASE_NUMBER, DicomFile, as_number, value_of


@dataclass(frozen=True)
class Timing:
    """Every clue to a frame's place in the cycle; times in ms after the R peak or, for clocks, in s of the day."""

    trigger_ms: float | None = None
    delay_ms: float | None = None
    vendor_phase: float | None = None
    temporal_index: float | None = None
    clock_s: float | None = None
    instance: float = 0.0
    nominal_interval_ms: float | None = None
    heart_rate_bpm: float | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        file: its file.
        index: its number in the file, from 0.
        rows: height in pixels.
        columns: width in pixels.
        spacing_mm: (row step, column step) as DICOM's PixelSpacing; None where not given.
        row_direction: unit vector along a row (to the next column), LPS.
        column_direction: unit vector along a column (to the next row), LPS.
        position_mm: centre of the first pixel, LPS.
        timing: clues to its phase.
        image_type: ImageType or FrameType, upper case.
        component: ComplexImageComponent or empty.
        rescale: (slope, intercept).
    """

    file: DicomFile
    index: int
    rows: int
    columns: int
    spacing_mm: tuple[float, float] | None
    row_direction: NDArray[np.float64] | None
    column_direction: NDArray[np.float64] | None
    position_mm: NDArray[np.float64] | None
    timing: Timing
    image_type: tuple[str, ...]
    component: str
    rescale: tuple[float, float]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit normal of the picture plane, row x column."""
        assert self.row_direction is not None
        assert self.column_direction is not None
        return np.cross(self.row_direction, self.column_direction)

    @property
    def is_placed(self) -> bool:
        """Whether position, orientation and pixel size are all known."""
        return self.position_mm is not None and self.row_direction is not None and self.spacing_mm is not None


def frames_of(file: DicomFile) -> list[Frame]:
    """The frames of one file, in its own order; empty for objects without pictures."""
    if not file.number("Rows") or not file.number("Columns"):
        return []
    if file.is_enhanced:
        return _enhanced_frames(file)
    count = int(file.number("NumberOfFrames") or 1)
    return [_classic_frame(file, index, count) for index in range(count)]


def _classic_frame(file: DicomFile, index: int, count: int) -> Frame:
    """One frame of a file whose top level describes all of its frames."""
    step = file.number("FrameTime")
    timing = Timing(
        trigger_ms=index * step if count > 1 and step else file.number("TriggerTime"),
        vendor_phase=_philips_phase(file.header),
        temporal_index=file.number("TemporalPositionIdentifier"),
        clock_s=_clock_seconds(file.header),
        instance=float(index) if count > 1 else (file.number("InstanceNumber") or 0.0),
        nominal_interval_ms=file.number("NominalInterval"),
        heart_rate_bpm=file.number("HeartRate"),
    )
    return _frame(file, index, [file.header], timing)


def _enhanced_frames(file: DicomFile) -> list[Frame]:
    """The frames of an Enhanced MR Image, each from its own group, the shared group, then the top level."""
    shared = _items(file.header, "SharedFunctionalGroupsSequence")[:1]
    per_frame = _items(file.header, "PerFrameFunctionalGroupsSequence")
    count = int(file.number("NumberOfFrames") or len(per_frame) or 1)
    frames = []
    for index in range(count):
        groups = [*per_frame[index : index + 1], *shared]
        places = [item for group in groups for item in _functional_items(group)] + [file.header]
        timing = Timing(
            trigger_ms=as_number(_first(places, "TriggerTime")),
            delay_ms=as_number(_first(places, "NominalCardiacTriggerDelayTime")),
            vendor_phase=next((p for p in map(_philips_phase, places) if p is not None), None),
            temporal_index=as_number(_first(places, "TemporalPositionIndex")),
            clock_s=_clock_of_stamp(_first(places, "FrameAcquisitionDateTime")),
            instance=float(index),
            nominal_interval_ms=as_number(_first(places, "RRIntervalTimeNominal")),
            heart_rate_bpm=as_number(_first(places, "HeartRate")),
        )
        frames.append(_frame(file, index, places, timing))
    return frames


def _functional_items(group: Dataset) -> list[Dataset]:
    """The first item of each functional group macro (PlanePositionSequence and the like), privates left out."""
    items = []
    for tag in group.keys():  # noqa: SIM118 - a Dataset iterates over elements, which would parse them all
        if tag.is_private:
            continue
        value = value_of(group, tag)
        if isinstance(value, pydicom.Sequence) and len(value):
            items.append(value[0])
    return items


def _frame(file: DicomFile, index: int, places: list[Dataset], timing: Timing) -> Frame:
    """Put one frame together from the places that may describe it, the nearest first."""
    orientation = _numbers(_first(places, "ImageOrientationPatient"), 6)
    row, column = _directions(orientation)
    spacing = _numbers(_first(places, "PixelSpacing"), 2)
    usable = spacing is not None and bool(np.all(spacing > 0))
    image_type = _first(places, "FrameType") or _first(places, "ImageType") or ()
    slope = as_number(_first(places, "RescaleSlope"))
    return Frame(
        file=file,
        index=index,
        rows=int(file.number("Rows") or 0),
        columns=int(file.number("Columns") or 0),
        spacing_mm=(float(spacing[0]), float(spacing[1])) if spacing is not None and usable else None,
        row_direction=row,
        column_direction=column,
        position_mm=_numbers(_first(places, "ImagePositionPatient"), 3),
        timing=timing,
        image_type=tuple(str(part).upper() for part in ([image_type] if isinstance(image_type, str) else image_type)),
        component=str(_first(places, "ComplexImageComponent") or "").upper(),
        rescale=(slope if slope else 1.0, as_number(_first(places, "RescaleIntercept")) or 0.0),
    )


def _directions(
    orientation: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Row and column direction as unit vectors; (None, None) where they are absent, zero or not at right angles."""
    if orientation is None:
        return None, None
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.5 or abs(float(row @ column)) > 0.02:
        return None, None
    return row / lengths[0], column / lengths[1]


def _first(places: list[Dataset], keyword: str) -> Any:
    """The value from the nearest place that has one."""
    return next((v for v in (value_of(place, keyword) for place in places) if v is not None and v != ""), None)


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Items of a sequence, empty where absent."""
    return list(value_of(dataset, keyword) or ())


def _numbers(value: Any, count: int) -> NDArray[np.float64] | None:
    """Exactly `count` finite numbers, or None."""
    try:
        numbers = np.array([float(v) for v in value], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def _philips_phase(dataset: Dataset) -> float | None:
    """Philips' private Phase Number MR (2001,1008), where its creator is Philips."""
    if PHILIPS_PHASE_NUMBER not in dataset or "PHILIPS" not in str(dataset.get(PHILIPS_CREATOR, "")).upper():
        return None
    return as_number(value_of(dataset, PHILIPS_PHASE_NUMBER))


_CLOCK_READERS: tuple[tuple[str, Callable[[Any], float | None]], ...] = (
    ("AcquisitionTime", lambda value: _clock(str(value))),
    ("AcquisitionDateTime", lambda value: _clock_of_stamp(value)),
    ("ContentTime", lambda value: _clock(str(value))),
)


def _clock_seconds(header: Dataset) -> float | None:
    """Seconds of the day at which a classic image was acquired."""
    for keyword, reader in _CLOCK_READERS:
        value = value_of(header, keyword)
        seconds = reader(value) if value else None
        if seconds is not None:
            return seconds
    return None


def _clock(text: str) -> float | None:
    """Seconds of the day of a DICOM time such as 094353.25."""
    match = re.fullmatch(r"(\d\d)(\d\d)(\d\d(?:\.\d*)?)", text.strip().replace(":", ""))
    return int(match[1]) * 3600.0 + int(match[2]) * 60.0 + float(match[3]) if match else None


def _clock_of_stamp(stamp: Any) -> float | None:
    """Seconds of the day of a DICOM date and time such as 20240704103045.3725+0100."""
    match = re.match(r"\d{8}(\d{6}(?:\.\d*)?)", str(stamp or ""))
    return _clock(match[1]) if match else None
