"""What was found in files, and the study that is open."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.flag import Flag
from cof_viewer.domain.image import Cine, Volume


class SeriesKind(StrEnum):
    """What a stack, series, NIfTI file or record is."""

    SHORT_AXIS_CINE = "short-axis-cine"
    LONG_AXIS_CINE = "long-axis-cine"
    SHORT_AXIS_VOLUME = "short-axis-volume"
    PERFUSION = "perfusion"
    PHASE_CONTRAST = "phase-contrast"
    MAPPING = "mapping"
    LOCALISER = "localiser"
    OTHER_MR = "other-mr"
    ECG = "ecg"
    OTHER = "other"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Finding:
    """One row of `inspect`: a stack, series, NIfTI or ECG record. What does not apply is None or empty.

    Attributes:
        path: its file, or the folder that its files share.
        spacing_mm: along (x, y, z).
        phase_ms: time of each phase after R.
        leads: names of the leads of an ECG.
        problems: sentences.
        files: the files it is made of, for opening; not part of the printed row.
    """

    path: str
    kind: SeriesKind
    modality: str | None = None
    description: str | None = None
    slices: int | None = None
    phases: int | None = None
    spacing_mm: tuple[float, float, float] | None = None
    phase_ms: tuple[float, ...] | None = None
    rr_ms: float | None = None
    leads: tuple[str, ...] | None = None
    sampling_hz: float | None = None
    seconds: float | None = None
    heart_rate_bpm: float | None = None
    problems: tuple[str, ...] = ()
    files: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Patient:
    """Who it is, as far as the files say. Shown in the window and the report, never logged."""

    name: str | None = None
    patient_id: str | None = None
    sex: str | None = None
    age_years: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None

    @property
    def bsa_m2(self) -> float | None:
        """Body surface area, Mosteller 1987: sqrt(height_cm · weight_kg / 3600)."""
        if not self.height_cm or not self.weight_kg:
            return None
        return float((self.height_cm * self.weight_kg / 3600.0) ** 0.5)


@dataclass(frozen=True, eq=False)
class Study:
    """An opened study: one short-axis stack, as a cine or as a single volume.

    Attributes:
        path: what the user named.
        cine: the short-axis cine, None where only one volume exists.
        volume: the single volume, None where a cine exists.
        patient: identity as far as known.
        study_date: ISO date or None.
        description: of the chosen stack.
        series: everything else that was found beside it.
        ecg_paths: ECG records found beside it.
        flags: what reading found out.
        sha256: checksum of pixels and geometry, free of names.
        simulated: whether the files say that the patient is simulated.
        anchor_phase_hint: "ed" or "es" where the file itself says which phase a single volume is, else None.
        pose: how the heart lies in the stack, once the engine has looked; pictures are shown by it.
        reference: DICOM attributes needed to write derived objects (UIDs); never printed.
    """

    path: str
    cine: Cine | None = None
    volume: Volume | None = None
    patient: Patient = field(default_factory=Patient)
    study_date: str | None = None
    description: str = ""
    series: tuple[Finding, ...] = ()
    ecg_paths: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    sha256: str = ""
    simulated: bool = False
    anchor_phase_hint: str | None = None
    pose: CanonicalPose | None = None
    reference: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Check that there is exactly one stack."""
        if (self.cine is None) == (self.volume is None):
            raise ValueError("a study has either a cine or a volume")

    @property
    def stack(self) -> Cine | Volume:
        """The cine or the volume."""
        stack = self.cine if self.cine is not None else self.volume
        assert stack is not None
        return stack

    def with_slices_reversed(self) -> Study:
        """The same study, slices counted from the other end: for stacks whose picture says apex first."""
        return replace(
            self,
            cine=self.cine.with_slices_reversed() if self.cine else None,
            volume=self.volume.with_slices_reversed() if self.volume else None,
        )
