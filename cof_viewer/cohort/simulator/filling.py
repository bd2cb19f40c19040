"""How the ventricle fills: patterns of diastole, each with a volume curve of its own.

Normal: short relaxation, quick early filling, diastasis, atrial kick by age. Impaired relaxation (thick or old hearts):
long relaxation, slow early filling, a large kick. Pseudonormal: between both. Restrictive (failing hearts with high
filling pressure): short relaxation, very quick and complete early filling, hardly a kick. Fibrillation has no kick; at
high rates early filling and kick fuse by themselves, since diastasis is what the rate takes away (Chung 2004).
Deceleration and relaxation times follow the grades of diastolic function of echocardiography (Nagueh 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cof_viewer.cohort.simulator.subject import Condition, Subject


class Pattern(StrEnum):
    """Grade of diastolic function."""

    NORMAL = "normal"
    IMPAIRED = "impaired-relaxation"
    PSEUDONORMAL = "pseudonormal"
    RESTRICTIVE = "restrictive"


@dataclass(frozen=True)
class Filling:
    """Diastole of one patient.

    Attributes:
        pattern: its grade.
        relaxation_ms: aortic closure to mitral opening at rates below 85 per minute.
        rapid_ms: length of early filling.
        slow_share: share of passive filling that goes on evenly through diastasis.
        atrial_share: share of filling by the kick.
    """

    pattern: Pattern
    relaxation_ms: float
    rapid_ms: float
    slow_share: float
    atrial_share: float


# Mean relaxation and early filling in ms, slow share of passive filling, times the atrial share by age.
_SHAPES: dict[Pattern, tuple[float, float, float, float]] = {
    Pattern.NORMAL: (77.0, 195.0, 0.08, 1.0),
    Pattern.IMPAIRED: (105.0, 285.0, 0.16, 1.35),
    Pattern.PSEUDONORMAL: (85.0, 220.0, 0.10, 1.0),
    Pattern.RESTRICTIVE: (62.0, 150.0, 0.03, 0.45),
}


def draw_filling(subject: Subject, rng: np.random.Generator) -> Filling:
    """Draw the diastole of a patient.

    Args:
        subject: condition, age, EF.
        rng: own stream; four draws whatever comes out.
    """
    pattern = _pattern(subject, float(rng.uniform()))
    relaxation, rapid, slow, kick = _SHAPES[pattern]
    return Filling(
        pattern,
        float(np.clip(relaxation + 11.0 * rng.normal(), 50.0, 130.0)),
        float(np.clip(rapid * (1.0 + 0.12 * rng.normal()), 120.0, 360.0)),
        slow * float(rng.uniform(0.6, 1.4)),
        float(np.clip(subject.atrial_share * kick, 0.06, 0.5)),
    )


def _pattern(subject: Subject, chance: float) -> Pattern:
    """Grade by condition: failing hearts restrict or are pseudonormal, thick and old ones relax slowly."""
    failing = float(np.clip((0.45 - subject.ef) / 0.3, 0.0, 1.0))
    thick = subject.condition in (Condition.HYPERTROPHIC, Condition.HYPERTENSIVE)
    restrictive, pseudonormal = 0.45 * failing, 0.25 * failing + (0.2 if thick else 0.0)
    impaired = 0.55 if thick else float(np.clip((subject.age_years - 50) / 50, 0.0, 0.45)) * (1 - 0.5 * failing)
    for pattern, share in (
        (Pattern.RESTRICTIVE, restrictive),
        (Pattern.PSEUDONORMAL, pseudonormal),
        (Pattern.IMPAIRED, impaired),
    ):
        if chance < share:
            return pattern
        chance -= share
    return Pattern.NORMAL
