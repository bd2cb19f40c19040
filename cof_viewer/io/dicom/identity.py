"""Who and when, and the attributes that objects derived from a study must carry."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from cof_viewer.domain.study import Patient
from cof_viewer.io.dicom.frames import Frame
from cof_viewer.io.dicom.headers import DicomFile

_DAYS_A_YEAR = 365.2425
_AGE_UNITS = {"Y": 1.0, "M": 1 / 12, "W": 7 / _DAYS_A_YEAR, "D": 1 / _DAYS_A_YEAR}
_REFERENCE = (
    *("StudyInstanceUID", "FrameOfReferenceUID", "StudyID", "StudyDate", "StudyTime", "AccessionNumber"),
    *("ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "Manufacturer"),
    *("ManufacturerModelName", "PositionReferenceIndicator", "StudyDescription", "InstitutionName", "SOPClassUID"),
)


def patient_of(file: DicomFile) -> Patient:
    """The patient as far as the header says; values that can't be true are left out."""
    sex = file.text("PatientSex").upper()
    size_m, weight = file.number("PatientSize"), file.number("PatientWeight")
    return Patient(
        name=_readable_name(file.text("PatientName")) or None,
        patient_id=file.text("PatientID") or None,
        sex=sex if sex in ("M", "F") else None,
        age_years=_age_years(file),
        height_cm=_height_cm(size_m),
        weight_kg=weight if weight and 1.0 <= weight <= 400.0 else None,
    )


def _readable_name(name: str) -> str:
    """DICOM's family^given^middle as people write it: given middle family."""
    parts = [part.strip() for part in name.split("=")[0].split("^")]
    return " ".join(part for part in [*parts[1:3], parts[0]] if part)


def _height_cm(size: float | None) -> float | None:
    """PatientSize is in metres; many write centimetres."""
    if not size or size <= 0.0:
        return None
    height = size * 100.0 if size < 3.0 else size
    return height if 20.0 <= height <= 260.0 else None


def _age_years(file: DicomFile) -> float | None:
    """PatientAge such as 055Y, else from the birth date to the study's."""
    match = re.fullmatch(r"(\d{1,3})([DWMY])", file.text("PatientAge").upper())
    if match:
        return int(match[1]) * _AGE_UNITS[match[2]]
    born, studied = _date(file.text("PatientBirthDate")), _date(file.text("StudyDate"))
    if born is None or studied is None:
        return None
    years = (studied - born).days / _DAYS_A_YEAR
    return years if 0.0 <= years <= 120.0 else None


def study_date_of(file: DicomFile) -> str | None:
    """ISO date of the study; None where the header's is no date (such as 20120000)."""
    for keyword in ("StudyDate", "AcquisitionDate", "ContentDate"):
        date = _date(file.text(keyword))
        if date:
            return date.isoformat()
    return None


def _date(text: str) -> dt.date | None:
    """A date of the form 20240704, or None."""
    try:
        return dt.datetime.strptime(text.strip()[:8], "%Y%m%d").date()
    except ValueError:
        return None


def reference_of(frames: Iterable[Frame]) -> dict[str, str]:
    """Attributes of the source that derived objects repeat or refer to.

    Args:
        frames: those shown, phase by phase within each slice; `SOPInstanceUIDs` keeps their order, one a frame
            (files of many frames once).

    Returns:
        DICOM keyword -> value as text; several values are joined by a backslash.
    """
    shown = list(frames)
    file = shown[0].file
    reference = {keyword: text for keyword in _REFERENCE if (text := file.text(keyword))}
    files = {id(frame.file): frame.file for frame in shown}.values()
    series = dict.fromkeys(f.text("SeriesInstanceUID") for f in files)
    reference["SeriesInstanceUIDs"] = "\\".join(uid for uid in series if uid)
    reference["SOPInstanceUIDs"] = "\\".join(f.text("SOPInstanceUID") for f in files)
    numbers = [number for f in files if (number := f.number("SeriesNumber")) is not None]
    if numbers:
        reference["SeriesNumber"] = f"{max(numbers):.0f}"
    return reference
