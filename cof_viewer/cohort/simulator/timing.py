"""When things happen in the beat: electrical times lead, mechanical times follow.

All times in ms. The clock of a case starts at the R peak; systolic times are known from the onset of QRS and lose the
patient's own onset-to-R time. The volume fraction s(t) is 0 at end-diastole and 1 at end-systole, periodic in RR.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.simulator.arrays import Array, smooth_step
from cof_viewer.cohort.simulator.filling import draw_filling
from cof_viewer.cohort.simulator.subject import Condition, Conduction, Subject

_PROTODIASTOLE_MS = 18.0
"""From the end of ejection, where the volume is smallest, to the closure of the aortic valve (Wiggers)."""


@dataclass(frozen=True)
class Timing:
    """Times after the R peak of the beat that the cine shows, ms.

    Attributes:
        onset_to_r_ms: QRS onset to R peak, from the simulated ECG itself.
        ejection_ms: opening of the aortic valve.
        es_ms: end of ejection, smallest volume.
        filling_ms: opening of the mitral valve.
        kick_ms: start of the atrial kick, None without one.
        atrial_share: share of the stroke volume that the kick fills.
        rapid_ms: length of rapid filling.
        slow_share: share of the passive filling that goes on evenly through diastasis.
        skew: shape of ejection, 1 symmetric, below 1 fast at first.
    """

    rr_ms: float
    onset_to_r_ms: float
    ejection_ms: float
    es_ms: float
    filling_ms: float
    kick_ms: float | None
    atrial_share: float
    rapid_ms: float
    slow_share: float
    skew: float

    def fraction(self, after_r_ms: Array) -> Array:
        """s(t): share of the stroke volume that has left, any shape of times, periodic."""
        t = np.mod(after_r_ms, self.rr_ms)
        out = _ejected((t - self.ejection_ms) / (self.es_ms - self.ejection_ms), self.skew)
        rest = 1.0 - self.atrial_share
        span = self.rr_ms - self.filling_ms
        rapid = min(self.rapid_ms, 0.75 * span)
        fast = 1.0 - self.slow_share
        early = 1.0 - np.exp(-(np.clip((t - self.filling_ms) / (rapid / 2.6), 0.0, None) ** 1.6))
        slow = np.clip((t - self.filling_ms) / span, 0.0, 1.0)
        filled = rest * (fast * early + self.slow_share * smooth_step(slow))
        if self.kick_ms is not None:
            filled = filled + self.atrial_share * smooth_step((t - self.kick_ms) / (self.rr_ms - self.kick_ms))
        end = rest * (fast * (1.0 - np.exp(-((span / (rapid / 2.6)) ** 1.6))) + self.slow_share)
        total = end + (self.atrial_share if self.kick_ms is not None else 0.0)
        return np.asarray(np.where(t <= self.es_ms, out, 1.0 - filled / total))


def _ejected(x: Array, skew: float) -> Array:
    """Rises from 0 at 0 to 1 at 1, flat at both ends."""
    return smooth_step(np.clip(x, 0.0, 1.0) ** skew)


def draw_timing(
    subject: Subject, onset_to_r_ms: float, qt_ms: float, late_ms: float, rng: np.random.Generator
) -> Timing:
    """Mechanical times from the electrical ones.

    Pre-ejection period 131 - 0.4 HR (men), 133 - 0.4 HR (women) (Weissler), longer by half of the mean delay of LV
    activation and in failing hearts; aortic closure at the end of T plus the subject's own offset.

    Args:
        subject: latents.
        onset_to_r_ms: QRS onset to R peak.
        qt_ms: of the simulated ECG.
        late_ms: mean delay of LV activation beyond the normal.
        rng: own stream.
    """
    rr = subject.rr_ms
    failing = float(np.clip((0.5 - subject.ef) / 0.35, 0.0, 1.0))
    period = (131.0 if subject.sex == "M" else 133.0) - 0.4 * subject.heart_rate_bpm
    period += 0.5 * late_ms + 22.0 * failing + float(rng.normal(0, 6))
    closure = qt_ms + subject.closure_after_t_ms
    if subject.conduction != Conduction.NORMAL:
        closure -= 0.25 * late_ms
    closure = min(closure, 0.66 * rr)
    period = min(period, closure - 150.0)
    filling_of = draw_filling(subject, rng)
    relaxation = filling_of.relaxation_ms * min(1.0, rr / 700.0)
    es = closure - onset_to_r_ms - _PROTODIASTOLE_MS
    filling = closure - onset_to_r_ms + relaxation
    after_p = rr - subject.pr_ms + 50.0 - onset_to_r_ms
    kick = None if subject.fibrillation else max(after_p, filling + 0.3 * (rr - filling))
    return Timing(
        rr_ms=rr,
        onset_to_r_ms=onset_to_r_ms,
        ejection_ms=max(period - onset_to_r_ms, 8.0),
        es_ms=es,
        filling_ms=filling,
        kick_ms=kick,
        atrial_share=subject.atrial_share if kick is None else filling_of.atrial_share,
        rapid_ms=filling_of.rapid_ms,
        slow_share=filling_of.slow_share,
        skew=_skew(subject, late_ms, float(rng.uniform(0.62, 0.9))),
    )


def _skew(subject: Subject, late_ms: float, drawn: float) -> float:
    """Ejection is early in hypertrophic hearts (most of it in the first half) and even where walls are late."""
    early = 0.12 if subject.condition == Condition.HYPERTROPHIC else 0.0
    return float(np.clip(drawn - early + 0.004 * late_ms, 0.5, 1.1))
