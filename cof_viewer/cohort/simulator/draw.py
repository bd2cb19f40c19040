"""Drawing a patient: the latents of a `Subject` from a condition, by chance or as a real record asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cof_viewer.cohort.simulator.groups import GROUPS, SCARS, Group
from cof_viewer.cohort.simulator.subject import Condition, Conduction, Fascicle, Findings, Scar, Subject

# How EF is told (decision 0008): within a condition its variance is shared between contractility, which the ECG shows,
# geometry (thick walls round a small cavity eject more), which the picture shows, and load, which neither shows.
_EF_BY_CONTRACTILITY = 0.80
_EF_BY_GEOMETRY = 0.34
_LARGEST_EF = 0.81
_SMALLEST_EDV_ML, _SMALLEST_ESV_ML = 70.0, 25.0
_MASS_BY_VOLTAGE = 0.5  # voltage and mass correlate by about a half
_WEAKNESS_BY_CONTRACTILITY = 0.22
_CONDITION_SHOWS = (0.35, 1.25)
_RV_GOES_ALONG = 0.85
"""Correlation of LV and RV EF within a condition."""

_TURN_THE_AXIS = (Condition.INFARCT_INFERIOR, Condition.INFARCT_LATERAL, Condition.RV_OVERLOAD)
_USUAL_AXIS_DEGREES = 45.0

_MITRAL_LEAK = (
    Condition.DILATED,
    Condition.HYPERTROPHIC,
    Condition.LBBB,
    Condition.ATRIAL_FIBRILLATION,
    Condition.INFARCT_ANTERIOR,
    Condition.INFARCT_INFERIOR,
    Condition.INFARCT_LATERAL,
)


def _normal(rng: np.random.Generator, mean: float, sd: float, low: float, high: float) -> float:
    """One draw of a normal number, held between limits by drawing again (at most 50 times)."""
    for _ in range(50):
        value = float(rng.normal(mean, sd))
        if low <= value <= high:
            return value
    return float(np.clip(mean, low, high))


def _draw_scar(rng: np.random.Generator, condition: Condition) -> Scar | None:
    """An infarct in the territory of the condition's artery."""
    if condition not in SCARS:
        return None
    angle, level = SCARS[condition]
    return Scar(
        angle=angle + float(rng.normal(0, 0.15)),
        level=level + float(rng.normal(0, 0.05)),
        half_angle=float(rng.uniform(0.75, 1.25)),
        half_level=float(rng.uniform(0.28, 0.45)),
        transmurality=float(rng.uniform(0.55, 1.0)),
    )


def _draw_conduction(rng: np.random.Generator, condition: Condition, lbbb: bool | None) -> Conduction:
    """Block by condition; about a third of dilated hearts have LBBB."""
    chance = rng.uniform()
    if lbbb is not None and condition == Condition.DILATED:
        return Conduction.LBBB if lbbb else Conduction.NORMAL
    if condition == Condition.LBBB or (condition == Condition.DILATED and chance < 0.33):
        return Conduction.LBBB
    if condition == Condition.RBBB or (condition == Condition.RV_OVERLOAD and chance < 0.4):
        return Conduction.RBBB
    return Conduction.NORMAL


def _qt_ms(rng: np.random.Generator, sex: str, heart_rate: float, wide: float) -> float:
    """QT at rest, 521 - 2.0 HR (men), 511 - 1.8 HR (women) (Chest 1981), plus scatter and part of a wide QRS."""
    fast = max(0.0, heart_rate - 100.0)
    expected = 521.0 - 2.0 * heart_rate if sex == "M" else 511.0 - 1.8 * heart_rate
    return expected + 0.3 * fast + float(rng.normal(0, 14.0)) + wide


def _ef_mean_sd(group: Group, female: int, scar: Scar | None) -> tuple[float, float]:
    """Mean and SD of EF before contractility and geometry; a scar's size explains about a third of its group's."""
    mean, sd = group.ef[female]
    if scar is None:
        return mean, sd
    return mean - 0.5 * (scar.half_angle * scar.half_level * scar.transmurality - 0.28), 0.07


def _draw_ef(rng: np.random.Generator, mean: float, sd: float, contractility: float, geometry: float) -> float:
    """Ejection fraction from what the ECG can show, what the picture shows, and the rest (load of the day)."""
    known = _EF_BY_CONTRACTILITY * contractility + _EF_BY_GEOMETRY * geometry
    rest = float(np.sqrt(1.0 - _EF_BY_CONTRACTILITY**2 - _EF_BY_GEOMETRY**2))
    return _normal(rng, mean + sd * known, sd * rest, max(0.08, mean - 3 * sd), min(_LARGEST_EF, mean + 3 * sd))


def _draw_descent(rng: np.random.Generator, condition: Condition, edv_ml: float, ef: float) -> float:
    """Descent of the mitral plane, mm: with EF (16 mm healthy, 7 failing: Carlsson 2007) and with the heart's size."""
    size = float(np.clip((edv_ml / 150.0) ** (1 / 3), 0.9, 1.1))
    stiff = 0.8 if condition == Condition.HYPERTROPHIC else 1.0
    expected = 14.0 * stiff * size * (0.26 + 0.74 * (ef - 0.08) / 0.5)
    return float(np.clip(expected + rng.normal(0, 0.9), 4.0, 16.0))


def _longest(edv_ml: float) -> float:
    """Sphericity at which the LV is 100 mm long: no longer LV was seen in short axis (fill .79 of a cylinder)."""
    return float(50.0**1.5 * np.sqrt(0.79 * 2 * np.pi / (edv_ml * 1000.0)))


def _draw_weakness(rng: np.random.Generator, mean_ef: float, contractility: float) -> float:
    """State of the muscle: the condition's part, which shows more in one patient than in another, and his own."""
    shows = float(rng.uniform(*_CONDITION_SHOWS))
    own = _WEAKNESS_BY_CONTRACTILITY * contractility + float(rng.normal(0, 0.05))
    return float(np.clip(shows * (0.60 - mean_ef) / 0.40 - own, -0.7, 1.6))


def _draw_rv_ef(rng: np.random.Generator, group: Group, female: int, ef: float) -> float:
    """RV EF, which goes along with LV EF: else the ratio of the two EDVs would tell EF."""
    mean, sd = group.rv_ef[0] + 0.03 * female, group.rv_ef[1]
    along = _RV_GOES_ALONG * float(np.clip((ef - group.ef[female][0]) / group.ef[female][1], -2.5, 2.5))
    alone = float(np.sqrt(1.0 - _RV_GOES_ALONG**2))
    return _normal(rng, mean + sd * along, sd * alone, 0.15, 0.72)


def _right_over_left(rng: np.random.Generator, condition: Condition) -> float:
    """Stroke volume of the RV over that of the LV: below 1 by mitral, above 1 by tricuspid regurgitation."""
    leak, scatter = abs(float(rng.normal(0, 0.16))), float(rng.normal(0, 0.05))
    if condition == Condition.RV_OVERLOAD:
        return 1.0 + leak + scatter
    return 1.0 + scatter - (min(0.7 * leak, 0.3) if condition in _MITRAL_LEAK else 0.1 * leak)


def draw_subject(
    rng: np.random.Generator,
    condition: Condition,
    *,
    sex: str | None = None,
    heart_rate_bpm: float | None = None,
    lbbb: bool | None = None,
    findings: Findings | None = None,
) -> Subject:
    """Draw one patient of a condition.

    Args:
        rng: its own stream; the number of draws does not depend on what is given.
        condition: what the patient has.
        sex: "M" or "F"; drawn if None.
        heart_rate_bpm: 40 to 140; drawn if None.
        lbbb: for dilated hearts whether they have LBBB; drawn if None.
        findings: of a real record, which then replace the draws of rate, intervals, conduction and contractility and
            pull on the mass.
    """
    group = GROUPS[condition]
    drawn_sex = "M" if rng.uniform() < 0.55 else "F"
    sex = sex or drawn_sex
    female = int(sex == "F")
    size = float(np.clip(rng.normal(), -2.2, 2.2))
    height = (163.0 if female else 176.5) + 6.5 * (0.7 * size + 0.7 * float(rng.normal()))
    bmi = float(np.clip(rng.normal(26.5, 3.6), 18.5, 38.0))
    edv_mean, edv_sd = group.edv_ml[female]
    edv_z = float(np.clip(0.75 * size + 0.66 * rng.normal(), -2.2, 2.4))
    edv = max(edv_mean + edv_sd * edv_z, _SMALLEST_EDV_ML)
    mass_mean, mass_sd = group.mass_g[female]
    mass_z = float(np.clip(0.7 * size + 0.71 * rng.normal(), -2.0, 2.5))
    if findings is not None:
        mass_z = float(np.clip(_MASS_BY_VOLTAGE * findings.mass + (1 - _MASS_BY_VOLTAGE**2) ** 0.5 * mass_z, -2.0, 2.5))
    mass = mass_mean + mass_sd * mass_z
    age = int(_normal(rng, *group.age, 25, 85))
    drawn_rate = _normal(rng, *group.heart_rate, 42.0, 138.0)
    rate = float(np.clip(heart_rate_bpm if heart_rate_bpm is not None else drawn_rate, 40.0, 140.0))
    scar = _draw_scar(rng, condition)
    conduction = _draw_conduction(rng, condition, lbbb)
    mean_ef, sd_ef = _ef_mean_sd(group, female, scar)
    contractility = float(np.clip(rng.normal(), -2.5, 2.5))
    contractility = findings.contractility if findings is not None else contractility
    ef = _draw_ef(rng, mean_ef, sd_ef, contractility, (mass_z - edv_z) / 0.97)
    ef = min(ef, 1.0 - _SMALLEST_ESV_ML / edv)
    rv_ef = _draw_rv_ef(rng, group, female, ef)
    weakness = _draw_weakness(rng, mean_ef, contractility)
    fibrillation = condition == Condition.ATRIAL_FIBRILLATION
    wide = {Conduction.NORMAL: 0.0, Conduction.LBBB: 34.0, Conduction.RBBB: 22.0}[conduction]
    septal, apical = _hypertrophy(rng, condition)
    descent = _draw_descent(rng, condition, edv, ef)
    twist = float(np.clip(0.3 + 0.7 * (ef - 0.1) / 0.48, 0.25, 1.25))
    subject = Subject(
        condition=condition,
        sex=sex,
        age_years=age,
        height_cm=round(height, 1),
        weight_kg=round(bmi * (height / 100.0) ** 2, 1),
        heart_rate_bpm=rate,
        pr_ms=float(np.clip(rng.normal(160.0, 18.0) - 0.25 * (rate - 65.0), 118.0, 215.0)),
        qt_ms=_qt_ms(rng, sex, rate, wide),
        conduction=conduction,
        fibrillation=fibrillation,
        scar=scar,
        edv_ml=float(edv),
        ef=ef,
        mass_g=float(mass),
        rv_ef=rv_ef,
        rv_edv_ml=float(edv) * ef / rv_ef * _right_over_left(rng, condition),
        sphericity=min(_normal(rng, *group.sphericity, 1.15, 2.0), _longest(edv)),
        asymmetry=septal,
        apical=apical,
        descent_mm=descent,
        rv_descent_mm=descent + float(np.clip(rng.normal(6.0, 1.5), 2.0, 9.0)) * min(1.0, rv_ef / 0.5),
        twist_base_deg=-4.0 * twist + float(rng.normal(0, 0.8)),
        twist_apex_deg=10.0 * twist + float(rng.normal(0, 1.5)),
        weakness=weakness,
        wall_stress=_wall_stress(rng, condition),
        septal_flatness=float(rng.uniform(0.3, 0.8)) if condition == Condition.RV_OVERLOAD else 0.0,
        closure_after_t_ms=float(np.clip(rng.normal(4.0, 11.0), -28.0, 30.0)),
        atrial_share=0.0 if fibrillation else float(np.clip(rng.normal(0.12 + 0.0026 * age, 0.04), 0.1, 0.42)),
        steep_rad=float(np.clip(rng.normal(0.0, 0.22), -0.6, 0.6)),
        fascicle=_draw_fascicle(rng, condition, conduction),
    )
    return subject if findings is None else _obeying(subject, findings)


def _draw_fascicle(rng: np.random.Generator, condition: Condition, conduction: Conduction) -> Fascicle:
    """Left anterior block in about 2 % of adults, in more of those with a diseased septum; posterior block is rare."""
    chance = float(rng.uniform())
    if conduction == Conduction.LBBB:
        return Fascicle.NONE
    diseased = condition in (Condition.DILATED, Condition.HYPERTENSIVE, Condition.INFARCT_ANTERIOR)
    anterior = 0.10 if diseased else 0.02
    if chance < anterior:
        return Fascicle.ANTERIOR
    return Fascicle.POSTERIOR if chance > 0.995 else Fascicle.NONE


def _lying(subject: Subject, axis_degrees: float | None) -> tuple[float, Fascicle]:
    """(steep_rad, fascicle) by a record's axis: beyond -45 degrees the anterior, beyond 110 the posterior fascicle is
    blocked (AHA 2009) unless infarct, RV or left block explain it; between, the heart lies as the axis says by
    four fifths.
    """
    if axis_degrees is None:
        return subject.steep_rad, subject.fascicle
    explained = subject.condition in _TURN_THE_AXIS or subject.conduction == Conduction.LBBB
    if not explained and -100.0 < axis_degrees < -45.0:
        return -0.4 + 0.5 * subject.steep_rad, Fascicle.ANTERIOR
    if not explained and 110.0 < axis_degrees < 180.0:
        return 0.6 + 0.5 * subject.steep_rad, Fascicle.POSTERIOR
    away = np.radians((axis_degrees - _USUAL_AXIS_DEGREES + 180.0) % 360.0 - 180.0)
    share = 0.3 if explained else 0.8
    return float(np.clip(share * away + 0.4 * subject.steep_rad, -1.0, 0.9)), Fascicle.NONE


def _obeying(subject: Subject, findings: Findings) -> Subject:
    """The subject with a record's rate, intervals, rhythm and axis."""
    steep, fascicle = _lying(replace(subject, conduction=findings.conduction), findings.axis_degrees)
    return replace(
        subject,
        heart_rate_bpm=60_000.0 / findings.rr_ms,
        pr_ms=findings.pr_ms if findings.pr_ms is not None else subject.pr_ms,
        qt_ms=findings.qt_ms,
        conduction=findings.conduction,
        fibrillation=findings.fibrillation,
        atrial_share=0.0 if findings.fibrillation else max(subject.atrial_share, 0.1),
        steep_rad=steep,
        fascicle=fascicle,
    )


def _hypertrophy(rng: np.random.Generator, condition: Condition) -> tuple[float, float]:
    """Septal and apical excess of the wall: asymmetric in most, apical or diffuse in some hypertrophic hearts."""
    chance, amount = rng.uniform(), rng.uniform(0.35, 0.8)
    if condition != Condition.HYPERTROPHIC:
        return 0.04, 0.0
    if chance < 0.65:
        return float(amount), 0.0
    return (0.05, float(amount)) if chance < 0.8 else (0.08, 0.1)


def _wall_stress(rng: np.random.Generator, condition: Condition) -> float:
    """How far load changes repolarisation (strain pattern)."""
    low, high = {
        Condition.HYPERTENSIVE: (0.1, 0.7),
        Condition.HYPERTROPHIC: (0.3, 1.0),
        Condition.DILATED: (0.0, 0.5),
    }.get(condition, (0.0, 0.1))
    return float(rng.uniform(low, high))
