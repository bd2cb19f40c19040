"""What lies beside a NIfTI file and belongs to it: ACDC's `Info.cfg`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cof_viewer.domain.study import Patient
from cof_viewer.io.sources import DiskFile, Source

_MOST_BYTES = 4096


@dataclass(frozen=True)
class Sidecar:
    """What an Info.cfg adds: height and weight, and whether a frame is ED or ES."""

    patient: Patient = field(default_factory=Patient)
    phase: str | None = None


def acdc_sidecar(source: Source) -> Sidecar:
    """Read the Info.cfg beside a file named as ACDC names its files; empty where there is none.

    Args:
        source: the NIfTI file, such as patient065_frame01.nii.gz. Frames count from 1.
    """
    match = re.match(r"(patient\d+)_(?:frame(\d+)|4d)\b", source.name)
    if match is None or not isinstance(source, DiskFile):
        return Sidecar()
    beside = source.file.with_name("Info.cfg")
    try:
        with beside.open("rb") as stream:
            text = stream.read(_MOST_BYTES).decode("latin-1")
    except OSError:
        return Sidecar()
    values = dict(re.findall(r"^\s*(\w+)\s*:\s*([\d.]+)\s*$", text, re.MULTILINE))
    patient = Patient(patient_id=match[1], height_cm=_number(values, "Height"), weight_kg=_number(values, "Weight"))
    frame = int(match[2]) if match[2] else None
    phase = next((name.lower() for name in ("ED", "ES") if frame is not None and _number(values, name) == frame), None)
    return Sidecar(patient, phase)


def _number(values: dict[str, str], key: str) -> float | None:
    """A positive number, or None."""
    try:
        number = float(values[key])
    except (KeyError, ValueError):
        return None
    return number if number > 0 else None
