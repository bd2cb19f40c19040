"""A simulated ECG of a real heart's own geometry and motion.

The simulator's electrical model runs on the patient's measured surfaces: wall, cavity and RV make the voltages, the
state of the muscle that the EF tells makes intervals and T, the sector that moves least is where an infarct lies, and
the time of ES fixes QT. What no picture tells (sex, age, conduction, electrode places) is drawn by seed. A match tells
of EF what the choice of the record put there; this ECG tells what the simulator's causes put there, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PHASES, CohortCase
from cof_viewer.cohort.case import Origin as By
from cof_viewer.cohort.real.own_shape import Surfaces, surfaces_of, weakest_angle, with_own_shape
from cof_viewer.cohort.simulator.activation import activate
from cof_viewer.cohort.simulator.anatomy import ANGLES, build_anatomy
from cof_viewer.cohort.simulator.arrays import angle_between
from cof_viewer.cohort.simulator.draw import draw_subject
from cof_viewer.cohort.simulator.ecg import Template, make_record, make_template
from cof_viewer.cohort.simulator.groups import GROUPS, SCARS
from cof_viewer.cohort.simulator.subject import Condition, Findings, Subject
from cof_viewer.cohort.tracked import CaseEcg, counted_numbers

UInt8 = NDArray[np.uint8]

NAME = "simulated-of-own-heart"

_CONDITIONS = {
    "NOR": (Condition.NORMAL,),
    "DCM": (Condition.DILATED,),
    "HCM": (Condition.HYPERTROPHIC,),
    "MINF": (Condition.INFARCT_ANTERIOR, Condition.INFARCT_INFERIOR, Condition.INFARCT_LATERAL),
    "RV": (Condition.RV_OVERLOAD,),
}
_FAILING_EF, _THICK_G_PER_ML = 0.42, 0.95
"""EF below which, and mass over EDV above which, a heart without a diagnosis counts as dilated or hypertensive: the
highest EF of ACDC's failing hearts; mass over EDV is .62 in healthy men and .56 in women (Petersen 2017)."""

_EF_TELLS = 0.8  # correlation of EF and contractility within a condition (decision 0008)
_USUAL_ONSET_TO_R_MS = 40.0
_QT_APART_MS = 60.0  # how far a heart's own QT may lie from what its rate makes expect
_RATES_BPM = (42.0, 138.0)


@dataclass(frozen=True, eq=False)
class OwnHeart:
    """What an ECG is made of.

    Attributes:
        group: diagnosis of ACDC, or anything else.
        ed: uint8 [z, y, x] labels at ED, 1.5 mm pixels, base first, RV on the left; `es` likewise at ES.
        slice_mm: distance between slices.
        es_share: ES as a share of RR; None where no beat was imaged.
        rr_ms: where it was recorded, else None.
        sex: "M", "F" or "".
        age_years: NaN where unknown.
    """

    group: str
    ed: UInt8
    es: UInt8
    slice_mm: float
    es_share: float | None = None
    rr_ms: float | None = None
    sex: str = ""
    age_years: float = float("nan")


def own_ecg(heart: OwnHeart, rng: np.random.Generator) -> CaseEcg:
    """The simulated record of a heart; the same heart and generator give the same bytes."""
    seed = int(rng.integers(1 << 31))
    streams = [np.random.default_rng([seed, room]) for room in range(5)]
    angles = -np.pi + 2 * np.pi * np.arange(ANGLES) / ANGLES
    own, then = surfaces_of(heart.ed, angles), surfaces_of(heart.es, angles)
    weakest = weakest_angle(own, then) if len(then.endo) else 0.0
    subject = _subject(heart, own, weakest, streams[0], streams[1])
    anatomy = with_own_shape(build_anatomy(subject, streams[2]), own, heart.slice_mm)
    activation = activate(subject, anatomy)
    template = make_template(subject, anatomy, activation, streams[3])
    record = make_record(subject, template, streams[4])
    signal = np.asarray(record.signal_mv, np.float32)
    return CaseEcg(signal, NAME, (), By.SIMULATED, subject.rr_ms, _es_ms(heart, subject, template))


def with_own_ecg(case: CohortCase, rr_ms: float | None, rng: np.random.Generator) -> CohortCase:
    """A tracked case with the simulated ECG of its own heart, and the RR and times that go with it.

    Args:
        case: as tracked, without an ECG.
        rr_ms: of the cine where it recorded one, which then stays; None lets the share of systole tell the rate.
        rng: of the case's own.
    """
    es_share = case.es_phase / BOX_PHASES
    ends = case.labels[0], case.labels[case.es_phase]
    heart = OwnHeart(case.group, *ends, case.slice_mm, es_share, rr_ms, case.sex, case.age_years)
    ecg = own_ecg(heart, rng)
    return replace(
        case,
        rr_ms=ecg.rr_ms,
        phase_ms=tuple(k * ecg.rr_ms / BOX_PHASES for k in range(BOX_PHASES)),
        numbers={**case.numbers, "es_ms": es_share * ecg.rr_ms},
        origins={**case.origins, "ecg": ecg.origin.value},
        ecg_mv=ecg.ecg_mv,
        ecg_name=ecg.name,
    )


def condition_of(group: str, ef: float, mass_over_edv: float, weakest_angle: float) -> Condition:
    """Condition of a heart: by its diagnosis, an infarct's place by where it moves least; without one by its numbers.

    Args:
        group: diagnosis of ACDC, or anything else.
        ef: 0 to 1.
        mass_over_edv: g per mL.
        weakest_angle: see `weakest_angle`.
    """
    known = _CONDITIONS.get(group)
    if known is None:
        thick = mass_over_edv > _THICK_G_PER_ML
        return Condition.DILATED if ef < _FAILING_EF else Condition.HYPERTENSIVE if thick else Condition.NORMAL
    places = {c: float(np.abs(angle_between(np.array(SCARS[c][0]), weakest_angle))) for c in known if c in SCARS}
    return min(places, key=lambda c: places[c]) if places else known[0]


def _subject(
    heart: OwnHeart, own: Surfaces, weakest: float, rng: np.random.Generator, chance: np.random.Generator
) -> Subject:
    """Latents: measured where the heart tells them, drawn where it does not."""
    numbers = counted_numbers(np.stack([heart.ed, heart.es]), 1, heart.slice_mm)
    edv, mass = numbers["edv_ml"], max(numbers["lv_mass_g"], 20.0)
    ef = float(np.clip(numbers["ef_percent"] / 100.0, 0.05, 0.9))
    condition = condition_of(heart.group, ef, mass / edv, weakest)
    state = rng.bit_generator.state
    drawn = draw_subject(rng, condition, sex=heart.sex or None)
    rate = _rate(heart, drawn)
    mean, sd = GROUPS[condition].ef[int(drawn.sex == "F")]
    by_ef = _EF_TELLS * (ef - mean) / sd + (1.0 - _EF_TELLS**2) ** 0.5 * float(chance.normal())
    findings = Findings(
        rr_ms=60_000.0 / rate,
        qt_ms=drawn.qt_ms,
        qrs_ms=0.0,  # these two set the clock of a simulated motion; here the motion is there
        onset_to_r_ms=_USUAL_ONSET_TO_R_MS,
        pr_ms=None,
        conduction=drawn.conduction,
        fibrillation=drawn.fibrillation,
        contractility=float(np.clip(by_ef, -2.5, 2.5)),
        mass=0.0,
    )
    rng.bit_generator.state = state  # the same patient again, with the muscle that this EF tells
    subject = draw_subject(rng, condition, sex=heart.sex or None, findings=findings)
    rv_ef = float(np.clip(numbers.get("rv_ef_percent", 100.0 * subject.rv_ef) / 100.0, 0.1, 0.85))
    return replace(
        subject,
        age_years=int(heart.age_years) if np.isfinite(heart.age_years) else subject.age_years,
        qt_ms=_qt_ms(heart, drawn, rate),
        edv_ml=edv,
        ef=ef,
        mass_g=mass,
        rv_ef=rv_ef,
        rv_edv_ml=numbers.get("rv_edv_ml", 1.1 * edv),
        sphericity=_sphericity(len(own.endo) * heart.slice_mm, edv),
        scar=replace(subject.scar, angle=weakest) if subject.scar is not None else None,
    )


def _sphericity(length_mm: float, edv_ml: float) -> float:
    """Length over width for which the simulator's ventricle of a volume is as long as the stack shows it."""
    return float(np.clip(np.sqrt(length_mm**3 * 0.79 * 2 * np.pi / (8000.0 * edv_ml)), 1.15, 2.2))


def _rate(heart: OwnHeart, drawn: Subject) -> float:
    """Beats a minute: recorded, else the rate at which systole takes the share of the beat that it does.

    ES comes QT less the onset-to-R time after R; QT falls by 2.0 (men) or 1.8 ms (women) a beat a minute.
    """
    if heart.rr_ms is not None:
        return float(np.clip(60_000.0 / heart.rr_ms, 40.0, 140.0))
    if heart.es_share is None:
        return drawn.heart_rate_bpm
    slope = 2.0 if drawn.sex == "M" else 1.8
    at_rest = drawn.qt_ms + slope * drawn.heart_rate_bpm - _USUAL_ONSET_TO_R_MS + drawn.closure_after_t_ms
    # share * 60000 / rate = at_rest - slope * rate
    root = max(at_rest**2 - 4.0 * slope * heart.es_share * 60_000.0, 0.0) ** 0.5
    return float(np.clip((at_rest - root) / (2.0 * slope), *_RATES_BPM))


def _qt_ms(heart: OwnHeart, drawn: Subject, rate_bpm: float) -> float:
    """QT that ends where the heart's own ES lies, as near to what its rate makes expect as physiology keeps them."""
    expected = drawn.qt_ms - (2.0 if drawn.sex == "M" else 1.8) * (rate_bpm - drawn.heart_rate_bpm)
    if heart.es_share is None:
        return expected
    own = heart.es_share * 60_000.0 / rate_bpm + _USUAL_ONSET_TO_R_MS - drawn.closure_after_t_ms
    return float(np.clip(own, expected - _QT_APART_MS, expected + _QT_APART_MS))


def _es_ms(heart: OwnHeart, subject: Subject, template: Template) -> float:
    """ES after R: of the imaged beat, else where the record's own QT puts it."""
    if heart.es_share is not None:
        return heart.es_share * subject.rr_ms
    return template.qt_ms + subject.closure_after_t_ms - template.r_ms
