"""DICOM files by their headers, read without touching the pixels: what is there, and whether the file is whole."""

from __future__ import annotations

import io
import logging
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pydicom
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

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
_DEFLATED = "1.2.840.10008.1.2.1.99"
_UNDEFINED_LENGTH = 0xFFFFFFFF
PHILIPS_PHASE_NUMBER = Tag(0x2001, 0x1008)
PHILIPS_CREATOR = Tag(0x2001, 0x0010)

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
_TAGS: list[Any] = [*map(Tag, _KEYWORDS), PHILIPS_CREATOR, PHILIPS_PHASE_NUMBER]


# Invalid dates, UIDs and numbers are common in real files; where they matter they are checked here, value by value.
# What pydicom has to say about them would only clutter the command line's one sentence.
config.settings.reading_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\..*")
logging.getLogger("pydicom").addHandler(logging.NullHandler())


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
        value = value_of(self.header, keyword)
        return "" if value is None else str(value).strip()

    def number(self, keyword: str) -> float | None:
        """A numeric element; None where absent, empty or no number."""
        return as_number(value_of(self.header, keyword))

    @property
    def is_enhanced(self) -> bool:
        """Whether its frames are described by functional groups (told by the SOP class alone)."""
        return self.text("SOPClassUID") in ENHANCED_CLASSES


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
    if syntax == _DEFLATED:  # packed after the file's head: places in the file mean nothing, pydicom unpacks it all
        header.SOPClassUID, header.buffer = class_uid, None
        return DicomFile(source, header, syntax, 0, 0) if class_uid else None
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


def value_of(dataset: Dataset, keyword: str | BaseTag) -> Any:
    """An element's value; None where it is absent or can't be converted (invalid dates and numbers are common)."""
    try:
        return dataset.get(keyword) if isinstance(keyword, str) else dataset[keyword].value
    except Exception:
        return None


def as_number(value: Any) -> float | None:
    """A finite float, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
