"""Who is simulated: sex, age, size, condition, and the causes from which picture, motion and ECG all follow.

Everything later in the simulator is derived from one `Subject`, so that the ECG and the motion have the same cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Condition(StrEnum):
    """What the simulated patient has."""

    NORMAL = "normal"
    DILATED = "dilated"
    HYPERTROPHIC = "hypertrophic"
    HYPERTENSIVE = "hypertensive"
    INFARCT_ANTERIOR = "infarct-anterior"
    INFARCT_INFERIOR = "infarct-inferior"
    INFARCT_LATERAL = "infarct-lateral"
    LBBB = "lbbb"
    RBBB = "rbbb"
    ATRIAL_FIBRILLATION = "atrial-fibrillation"
    RV_OVERLOAD = "rv-overload"


class Conduction(StrEnum):
    """How the ventricles are activated."""

    NORMAL = "normal"
    LBBB = "lbbb"
    RBBB = "rbbb"


class Fascicle(StrEnum):
    """Which fascicle of the left bundle is blocked."""

    NONE = "none"
    ANTERIOR = "anterior"
    POSTERIOR = "posterior"


@dataclass(frozen=True)
class Scar:
    """An infarct: an ellipse on the wall.

    Attributes:
        angle: of its centre, radians, 0 lateral, pi/2 inferior, pi septal, -pi/2 anterior.
        level: of its centre, 0 base to 1 apex.
        half_angle: half width round the axis, radians.
        half_level: half height along the axis, in units of the ventricle's length.
        transmurality: share of the wall's depth in the centre, 0 to 1.
    """

    angle: float
    level: float
    half_angle: float
    half_level: float
    transmurality: float


@dataclass(frozen=True)
class Subject:
    """The latents of one simulated patient. Lengths in mm, volumes in mL, angles in degrees unless named.

    Attributes:
        sphericity: LV length over twice its largest ED radius.
        asymmetry: share by which the septum is thicker than the mean wall (0 symmetric).
        apical: share by which the apex is thicker than the mean wall.
        descent_mm: how far the mitral plane moves towards the apex by ES.
        rv_descent_mm: the same for the tricuspid annulus at the free wall.
        twist_base_deg: rotation of the base at ES, counter-clockwise seen from the apex.
        twist_apex_deg: rotation of the apex at ES.
        weakness: how diseased the muscle is, 0 healthy (EF 60 %), 1 failing (EF 20 %), by condition and own
            contractility: what the ECG knows of EF (decision 0008).
        wall_stress: contribution of load to a strain pattern of repolarisation, 0 to 1.
        septal_flatness: share by which RV pressure flattens the septum, 0 to 1.
        closure_after_t_ms: aortic closure minus the end of T (Obata: +15 ms at rest).
        atrial_share: share of filling by the atrial kick (Chung 2004: .2 young to .5 old); 0 in fibrillation.
        steep_rad: turn of the heart in the frontal plane beyond the usual, radians, positive towards vertical: it
            turns the electrical axis and the planes of the picture.
        fascicle: of the left bundle that is blocked, which turns the axis without turning the heart.
    """

    condition: Condition
    sex: str
    age_years: int
    height_cm: float
    weight_kg: float
    heart_rate_bpm: float
    pr_ms: float
    qt_ms: float
    conduction: Conduction
    fibrillation: bool
    scar: Scar | None
    edv_ml: float
    ef: float
    mass_g: float
    rv_ef: float
    rv_edv_ml: float
    sphericity: float
    asymmetry: float
    apical: float
    descent_mm: float
    rv_descent_mm: float
    twist_base_deg: float
    twist_apex_deg: float
    weakness: float
    wall_stress: float
    septal_flatness: float
    closure_after_t_ms: float
    atrial_share: float
    steep_rad: float
    fascicle: Fascicle

    @property
    def rr_ms(self) -> float:
        """Mean RR interval."""
        return 60_000.0 / self.heart_rate_bpm

    @property
    def esv_ml(self) -> float:
        """End-systolic LV volume."""
        return self.edv_ml * (1.0 - self.ef)


@dataclass(frozen=True)
class Findings:
    """What a real record says and the simulated patient must obey.

    Attributes:
        rr_ms: cycle that the case shows.
        qt_ms: QRS onset to the end of T.
        qrs_ms: QRS duration.
        onset_to_r_ms: QRS onset to the R peak.
        pr_ms: None without P.
        conduction: as the record shows it.
        fibrillation: whether the rhythm is atrial fibrillation.
        contractility: estimate in SD of the condition's patients.
        mass: voltage in SD of the condition's patients; goes with LV mass by half.
        axis_degrees: frontal QRS axis; tells how the heart lies, or that a fascicle is blocked. None leaves both to
            chance.
    """

    rr_ms: float
    qt_ms: float
    qrs_ms: float
    onset_to_r_ms: float
    pr_ms: float | None
    conduction: Conduction
    fibrillation: bool
    contractility: float
    mass: float
    axis_degrees: float | None = None
