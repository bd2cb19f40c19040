"""DICOM waveforms: 12-lead and general ECG storage, and hemodynamic storage that carries ECG leads.

A file may hold several multiplex groups; the rhythm is the original one, a median beat is left aside. Lead codes are
those of CID 3001 (MDC) and of SCP-ECG in older files; labels are the fallback.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS
from cof_viewer.domain.errors import UserError
from cof_viewer.io.ecg.leads import independent_count, standard_name
from cof_viewer.io.ecg.record import RawRecord, mv_per_unit, plain_age, plain_sex

NAME = "DICOM waveform"

_WAVEFORM_SEQUENCE = (0x5400, 0x0100)
_STARTS = (b"\x02\x00", b"\x08\x00")
_LEAD_OF_CODE = {1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF"}
_LEAD_OF_CODE |= {number: f"V{number - 2}" for number in range(3, 9)}
_LEAD_OF_CODE |= {111: "III", 112: "aVR", 113: "aVL", 114: "aVF"}
_CODE = re.compile(r"^(?:2:|5\.6\.3-9-)(\d+)$")
_DAYS_PER_YEAR = 365.25


def sniff(path: Path) -> bool:
    """Whether the file is DICOM with a waveform sequence."""
    import pydicom

    try:
        with path.open("rb") as stream:
            head = stream.read(132)
        if head[128:132] != b"DICM" and head[:2] not in _STARTS:
            return False
        found = pydicom.dcmread(
            path, force=True, stop_before_pixels=True, specific_tags=[_WAVEFORM_SEQUENCE], defer_size=4096
        )
        return _WAVEFORM_SEQUENCE in found
    except Exception:  # whatever a parser makes of foreign bytes, the answer is no
        return False


def read(path: Path) -> RawRecord:
    """Read the rhythm group of a DICOM waveform."""
    import pydicom

    try:
        file = pydicom.dcmread(path, force=True)
        index = _rhythm_group(file)
        group = file.WaveformSequence[index]
        signal = np.asarray(file.waveform_array(index), dtype=np.float64).T
        hz = float(group.SamplingFrequency)
        channels = list(group.ChannelDefinitionSequence)
    except Exception as error:
        raise UserError(
            f'"{path.name}" is damaged: its waveform can\'t be read. Export the ECG again.', code="unreadable"
        ) from error
    if signal.shape[1] < int(group.NumberOfWaveformSamples):
        raise UserError(f'"{path.name}" is cut short. Export the ECG again.', code="unreadable")
    return RawRecord(
        signal_mv=_to_mv(signal, channels),
        names=tuple(_lead_name(channel) for channel in channels),
        hz=hz,
        age_years=_age(file),
        sex=plain_sex(file.get("PatientSex")),
        recorded=_recorded(file),
        simulated="simulated" in str(file.get("ImageComments", "")).casefold(),
    )


def _rhythm_group(file: Any) -> int:
    """Index of the multiplex group with most leads, original before derived, then the longest."""

    def rank(index: int) -> tuple[int, bool, float]:
        group = file.WaveformSequence[index]
        leads = [_lead_name(channel) for channel in group.ChannelDefinitionSequence]
        label = str(group.get("MultiplexGroupLabel") or "").casefold()
        original = str(group.get("WaveformOriginality", "ORIGINAL")).upper() != "DERIVED" and "median" not in label
        length = float(group.NumberOfWaveformSamples) / float(group.SamplingFrequency)
        return independent_count(leads), original, length

    return max(range(len(file.WaveformSequence)), key=rank)


def _lead_name(channel: Any) -> str:
    """Lead of a channel by code, then by the code's meaning, then by label; its own text where none is a lead."""
    texts = [str(channel.get("ChannelLabel") or "")]
    for source in channel.get("ChannelSourceSequence") or []:
        code = _CODE.match(str(source.get("CodeValue") or "").strip())
        if code and int(code.group(1)) in _LEAD_OF_CODE:
            return _LEAD_OF_CODE[int(code.group(1))]
        texts.insert(0, str(source.get("CodeMeaning") or ""))
    known = [name for name in map(standard_name, texts) if name in LEADS]
    return known[0] if known else next((text for text in texts if text), "")


def _to_mv(signal: NDArray[np.float64], channels: list[Any]) -> NDArray[np.float64]:
    """Channel units to mV; a channel without sensitivity is taken as uV counts (the most common device default)."""
    scales = []
    for channel in channels:
        units = channel.get("ChannelSensitivityUnitsSequence") or []
        scale = mv_per_unit(str(units[0].get("CodeValue"))) if units else None
        scales.append(1e-3 if scale is None else scale)
    return np.asarray(signal * np.array(scales)[:, None])


def _age(file: Any) -> float | None:
    """PatientAge, else birth date to acquisition."""
    stated = re.match(r"^(\d{1,3})([DWMY])$", str(file.get("PatientAge") or ""))
    if stated:
        return plain_age(
            float(stated.group(1)) / {"D": _DAYS_PER_YEAR, "W": 52.18, "M": 12.0, "Y": 1.0}[stated.group(2)]
        )
    born, taken = _date(file.get("PatientBirthDate")), _date(_taken(file))
    return plain_age(round((taken - born).days / _DAYS_PER_YEAR, 1)) if born and taken else None


def _taken(file: Any) -> str:
    return str(file.get("AcquisitionDateTime") or file.get("AcquisitionDate") or file.get("StudyDate") or "")


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text or "")[:8])
    except ValueError:
        return None


def _recorded(file: Any) -> str | None:
    day = _date(_taken(file))
    if day is None:
        return None
    clock = re.match(r"^\d{8}(\d{2})(\d{2})(\d{2})", _taken(file))
    return f"{day.isoformat()}T{':'.join(clock.groups())}" if clock else day.isoformat()
