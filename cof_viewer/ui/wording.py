"""Words that several places of the window share, made from domain values; no Qt."""

from __future__ import annotations

from cof_viewer.app.library import LibraryRow
from cof_viewer.app.state import CaseState
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.image import Cine
from cof_viewer.domain.study import Patient, SeriesKind, Study

DOT = " · "

KIND_WORDS = {
    SeriesKind.SHORT_AXIS_CINE: "Short-axis cine",
    SeriesKind.LONG_AXIS_CINE: "Long-axis cine",
    SeriesKind.SHORT_AXIS_VOLUME: "Short-axis volume",
    SeriesKind.PERFUSION: "Perfusion",
    SeriesKind.PHASE_CONTRAST: "Phase contrast",
    SeriesKind.MAPPING: "Mapping",
    SeriesKind.LOCALISER: "Localiser",
    SeriesKind.OTHER_MR: "Other MR",
    SeriesKind.ECG: "ECG",
    SeriesKind.OTHER: "Other file",
    SeriesKind.UNREADABLE: "Unreadable",
}


def counted(number: int, one: str, many: str | None = None) -> str:
    """Such as "1 slice", "9 slices"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def who(study: Study) -> str:
    """The patient's name, else the id, else what the study was called."""
    patient = study.patient
    name = study.path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return patient.name or patient.patient_id or name or "Study"


def sex_and_age(patient: Patient) -> str:
    """Such as "F · 72 y"; empty where nothing is known."""
    age = f"{patient.age_years:.0f} y" if patient.age_years is not None else ""
    return DOT.join(part for part in (patient.sex or "", age) if part)


def size_line(patient: Patient) -> str:
    """Such as "170 cm · 62 kg · BSA 1.71 m²"."""
    parts = []
    if patient.height_cm:
        parts.append(f"{patient.height_cm:.0f} cm")
    if patient.weight_kg:
        parts.append(f"{patient.weight_kg:.0f} kg")
    if patient.bsa_m2:
        parts.append(f"BSA {patient.bsa_m2:.2f} m²")
    return DOT.join(parts)


def study_note(study: Study) -> str:
    """One grey line under the name: simulated or not, and the date."""
    parts = []
    if study.simulated:
        parts.append("Simulated patient")
    if study.patient.patient_id and study.patient.patient_id != who(study):
        parts.append(study.patient.patient_id)
    if study.study_date:
        parts.append(study.study_date)
    return DOT.join(parts)


def stack_line(cine: Cine) -> str:
    """Such as "9 slices · 30 phases", or "9 slices · 10 mm" for a single volume."""
    slices = counted(cine.grid.shape[0], "slice")
    if cine.phases > 1:
        return f"{slices}{DOT}{counted(cine.phases, 'phase')}"
    spacing = f"{DOT}{cine.grid.spacing_mm[2]:.3g} mm" if cine.grid.spacing_known else ""
    return f"{slices}{spacing}"


def ecg_line(ecg: Ecg, beat: Beat | None) -> str:
    """Such as "79/min · 500 Hz · ecg.hea": what matters first, the end may be cut."""
    parts = [f"{beat.heart_rate_bpm:.0f}/min"] if beat is not None else []
    parts.append(f"{ecg.source_hz:.0f} Hz")
    if ecg.name:
        parts.append(ecg.name)
    return DOT.join(parts)


def anchor_words(case: CaseState, phase: int | None) -> str:
    """Such as "phase 1" for the anchor that would be, or was, used; empty where it is not known."""
    if isinstance(case.anchor_phase, int):
        return f"phase {case.anchor_phase + 1}"
    return f"phase {phase + 1}" if phase is not None else ""


def library_line(row: LibraryRow) -> str:
    """The last numbers of a recent study: withheld stays withheld."""
    if "ef_percent" in row.withheld.split():
        return "EF withheld"
    parts = []
    ef = row.generated_ef_percent if row.generated_ef_percent is not None else row.measured_ef_percent
    if ef is not None:
        word = "generated" if row.generated_ef_percent is not None else "measured"
        parts.append(f"EF {ef:.0f} % {word}")
    elif row.description:
        parts.append(row.description)
    else:
        parts.append("Cine" if row.has_cine else "Volume")
    return DOT.join(parts)


def library_name(row: LibraryRow) -> str:
    """Name of a recent study."""
    return row.name or row.patient_id or row.path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
