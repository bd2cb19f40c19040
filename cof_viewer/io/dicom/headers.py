"""The facts of every frame that grouping, timing and decoding need, read without touching the pixels.

One `Frame` is one picture: a classic MR image is one, an Enhanced MR Image is many. Which of the two it is, the SOP
class says; an empty PerFrameFunctionalGroupsSequence in a classic image is ignored.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from cof_viewer.io.sources import Source

ENHANCED_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.3",  # Enhanced MR Color Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)
_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
WAVEFORM_PREFIX = "1.2.840.10008.5.1.4.1.1.9.1."

_FIRST_READ_BYTES = 1 << 20  # classic images whole, with their private headers of 100 kB; only headers of the rest
_NATIVE_SYNTAXES = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_UNDEFINED_LENGTH = 0xFFFFFFFF
_PHILIPS_PHASE_NUMBER = Tag(0x2001, 0x1008)
_PHILIPS_CREATOR = Tag(0x2001, 0x0010)

_KEYWORDS = (
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "AcquisitionDate"),
    *("ContentDate", "AcquisitionDateTime", "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"),
    *("AccessionNumber", "Modality", "Manufacturer", "ManufacturerModelName", "StudyDescription"),
    *("SeriesDescription", "ReferringPhysicianName", "InstitutionName", "PatientName", "PatientID"),
    *("PatientBirthDate", "PatientSex", "PatientAge", "PatientSize", "PatientWeight", "BodyPartExamined"),
    *("ScanningSequence", "SequenceVariant", "SequenceName", "PulseSequenceName", "ProtocolName", "ScanOptions"),
    *("ContrastBolusAgent", "InversionTime", "TriggerTime", "NominalInterval", "HeartRate", "SliceThickness"),
    *("CardiacNumberOfImages", "ComplexImageComponent", "VelocityEncodingDirection", "MRVelocityEncodingSequence"),
    *("StudyInstanceUID", "SeriesInstanceUID", "StudyID", "SeriesNumber", "AcquisitionNumber", "InstanceNumber"),
    *("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "PositionReferenceIndicator"),
    *("TemporalPositionIdentifier", "FrameTime", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("Rows", "Columns", "PixelSpacing", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "PixelPaddingValue", "SharedFunctionalGroupsSequence", "Tagging"),
    *("PerFrameFunctionalGroupsSequence", "DirectoryRecordSequence", "MIMETypeOfEncapsulatedDocument"),
)
_TAGS: list[Any] = [*map(Tag, _KEYWORDS), _PHILIPS_CREATOR, _PHILIPS_PHASE_NUMBER]


# Invalid dates, UIDs and numbers are common in real files; where they matter they are checked here, value by value.
config.settings.reading_validation_mode = config.IGNORE


class BrokenDicomError(Exception):
    """A file is DICOM but can't be read; the message is a sentence for the user without the file's name."""


@dataclass(frozen=True, eq=False)
class DicomFile:
    """What all frames of one file share.

    Attributes:
        source: where its bytes are.
        header: the elements of `_TAGS` that it holds, no pixels.
        transfer_syntax: its UID.
        pixel_offset: byte where the pixel data element starts.
        missing_bytes: how many bytes of pixel data are missing at its end; 0 for a whole file.
    """

    source: Source
    header: Dataset
    transfer_syntax: str
    pixel_offset: int
    missing_bytes: int

    def text(self, keyword: str) -> str:
        """A text element, stripped; empty where absent."""
        value = _get(self.header, keyword)
        return "" if value is None else str(value).strip()

    def texts(self, keyword: str) -> tuple[str, ...]:
        """All values of a text element."""
        value = _get(self.header, keyword)
        if value is None or value == "":
            return ()
        return tuple(str(v) for v in value) if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else (
            str(value),
        )

    def number(self, keyword: str) -> float | None:
        """A numeric element; None where absent, empty or no number."""
        return as_number(_get(self.header, keyword))

    @property
    def is_enhanced(self) -> bool:
        """Whether its frames are described by functional groups (told by the SOP class alone)."""
        return self.text("SOPClassUID") in ENHANCED_CLASSES


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


def read_file(source: Source) -> DicomFile:
    """Read one file's header.

    Raises:
        BrokenDicomError: it ends within its header or is no data set at all.
        OSError: its bytes can't be read.
    """
    data = source.read(_FIRST_READ_BYTES)
    result = _try_header(source, data)
    if result is None and len(data) < source.size:
        result = _try_header(source, source.read())
    if result is None:
        raise BrokenDicomError("The file ends too early or is damaged. Copy it again.")
    return result


def _try_header(source: Source, data: bytes) -> DicomFile | None:
    """Parse a header from the start of a file; None where the pixels were not reached and more bytes exist."""
    stream = io.BytesIO(data)
    try:
        header = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=_TAGS, force=True)
        syntax = str(header.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))
        media_class = str(header.file_meta.get("MediaStorageSOPClassUID", ""))
        class_uid = str(header.get("SOPClassUID", "") or media_class)
    except Exception:
        return None
    offset = stream.tell()
    at_pixels = _is_pixel_tag(data[offset : offset + 4])
    if not at_pixels and len(data) < source.size:
        return None
    if not class_uid or (not at_pixels and (stream.tell() > len(data) or _lacks_picture(header, class_uid))):
        return None
    header.SOPClassUID = class_uid
    header.buffer = None  # pydicom would keep the whole file alive with it
    missing = _missing_bytes(data[offset:], source.size - offset, syntax) if at_pixels else 0
    return DicomFile(source, header, syntax, offset, missing)


def _lacks_picture(header: Dataset, class_uid: str) -> bool:
    """Whether a file without pixels should have some: sizes are given, its last value is cut, or it is an MR image."""
    last = header.get_item(max(header.keys())) if len(header) else None
    value = getattr(last, "value", None)
    cut = isinstance(value, bytes) and len(value) < getattr(last, "length", 0) < _UNDEFINED_LENGTH
    return "Rows" in header or cut or class_uid in (*ENHANCED_CLASSES, _MR_IMAGE)


def _is_pixel_tag(tag: bytes) -> bool:
    """Whether four bytes are the tag of pixel data (7FE0,0008 to 0010) in either byte order."""
    return tag[:3] == b"\xe0\x7f\x10" or tag[:4] in (b"\x7f\xe0\x00\x10", b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00")


def _missing_bytes(element: bytes, remaining: int, syntax: str) -> int:
    """How many bytes the file lacks, at least, of what its pixel data element declares.

    Args:
        element: the file from the element's tag, as far as it was read.
        remaining: how many bytes the file has from there.
        syntax: the transfer syntax.
    """
    if len(element) < 12:
        return 12 - len(element)
    order: Literal["little", "big"] = "big" if syntax.endswith(".2.2") else "little"
    explicit = syntax != "1.2.840.10008.1.2"
    length = int.from_bytes(element[8:12] if explicit else element[4:8], order)
    if length != _UNDEFINED_LENGTH:
        return max(0, length + (12 if explicit else 8) - remaining)
    return _missing_of_fragments(element) if len(element) == remaining else 0


def _missing_of_fragments(element: bytes) -> int:
    """Bytes missing of a compressed picture: the walk over its fragments must end at the closing delimiter."""
    place = 12
    while element[place : place + 4] == b"\xfe\xff\x00\xe0" and len(element) >= place + 8:
        place += 8 + int.from_bytes(element[place + 4 : place + 8], "little")
    if place + 8 > len(element):
        return place + 8 - len(element)
    return 0


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
        value = group[tag].value
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


def _get(dataset: Dataset, keyword: str) -> Any:
    """An element's value; None where it is absent or can't be converted (invalid dates and numbers are common)."""
    try:
        return dataset.get(keyword)
    except Exception:
        return None


def _first(places: list[Dataset], keyword: str) -> Any:
    """The value from the nearest place that has one."""
    return next((v for v in (_get(place, keyword) for place in places) if v is not None and v != ""), None)


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Items of a sequence, empty where absent."""
    return list(_get(dataset, keyword) or ())


def as_number(value: Any) -> float | None:
    """A finite float, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _numbers(value: Any, count: int) -> NDArray[np.float64] | None:
    """Exactly `count` finite numbers, or None."""
    try:
        numbers = np.array([float(v) for v in value], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def _philips_phase(dataset: Dataset) -> float | None:
    """Philips' private Phase Number MR (2001,1008), where its creator is Philips."""
    if _PHILIPS_PHASE_NUMBER not in dataset or "PHILIPS" not in str(dataset.get(_PHILIPS_CREATOR, "")).upper():
        return None
    return as_number(dataset[_PHILIPS_PHASE_NUMBER].value)


_CLOCK_READERS: tuple[tuple[str, Callable[[Any], float | None]], ...] = (
    ("AcquisitionTime", lambda value: _clock(str(value))),
    ("AcquisitionDateTime", lambda value: _clock_of_stamp(value)),
    ("ContentTime", lambda value: _clock(str(value))),
)


def _clock_seconds(header: Dataset) -> float | None:
    """Seconds of the day at which a classic image was acquired."""
    for keyword, reader in _CLOCK_READERS:
        value = _get(header, keyword)
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
