"""`study.json` beside a NIfTI: who it is, and whether the patient is simulated (demo studies, exports of ours)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import Patient

FILE_NAME = "study.json"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class StudyJson:
    """What a study.json says.

    Attributes:
        patient: name, id, sex, age, height and weight where given.
        simulated: whether the patient is simulated.
        study_date: ISO or None.
        description: in words.
        rr_ms: length of the beat where given.
        anchor_phase: "ed" or "es" where a single volume's phase is given.
    """

    patient: Patient
    simulated: bool
    study_date: str | None
    description: str
    rr_ms: float | None
    anchor_phase: str | None


def read_study_json(folder: Path) -> StudyJson | None:
    """Read `study.json` of a folder; None where there is none or it is another program's.

    Raises:
        UserError: it is ours by its name but no JSON.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            content = json.loads(stream.read(_MOST_BYTES).decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        sentence = f'"{path.name}" beside the pictures is damaged. Repair it or remove it.'
        raise UserError(sentence, code="study-json") from error
    if not isinstance(content, dict):
        return None
    sex, phase = str(content.get("sex") or "").upper()[:1], str(content.get("anchor_phase") or "").lower()
    return StudyJson(
        patient=Patient(
            name=_text(content, "name"),
            patient_id=_text(content, "patient_id") or _text(content, "id"),
            sex=sex if sex in ("M", "F") else None,
            age_years=_number(content, "age", "age_years"),
            height_cm=_number(content, "height_cm"),
            weight_kg=_number(content, "weight_kg"),
        ),
        simulated=content.get("simulated") is True,
        study_date=_text(content, "study_date"),
        description=_text(content, "description") or "",
        rr_ms=_number(content, "rr_ms"),
        anchor_phase=phase if phase in ("ed", "es") else None,
    )


def _text(content: dict[str, Any], key: str) -> str | None:
    """A non-empty text, or None."""
    value = content.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _number(content: dict[str, Any], *keys: str) -> float | None:
    """The first positive number under one of the keys, or None."""
    for key in keys:
        value = content.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e6:
            return float(value)
    return None
