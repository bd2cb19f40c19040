"""When in the beat the heart is how far between ED and ES.

s(t) is 0 at ED and 1 at ES. One mean curve, measured on real cines, is bent so that three marks of the patient fall
where they belong: half of ejection, ES, and half of filling, in ms after the R peak. This is the monotone phase
vector of the method: it says which moment of a standard beat each phase of this beat is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Intervals

# Mean LV emptying of 79 real beats, 0 at ED and 1 at ES, at phases 0, .05, ..., .95 (ES at .38), normalised to 1 at ES.
_PHASES = np.array(
    [
        0,
        0.05,
        0.10,
        0.15,
        0.20,
        0.25,
        0.30,
        0.35,
        0.38,
        0.42,
        0.45,
        0.50,
        0.55,
        0.60,
        0.65,
        0.70,
        0.75,
        0.80,
        0.85,
        0.90,
        0.95,
        1.0,
    ]
)
_EMPTIED = np.array(
    [
        0,
        0.045,
        0.163,
        0.342,
        0.561,
        0.760,
        0.898,
        0.980,
        1.0,
        0.968,
        0.921,
        0.785,
        0.619,
        0.474,
        0.370,
        0.300,
        0.252,
        0.213,
        0.164,
        0.095,
        0.033,
        0.0,
    ]
)
_HALF_EJECTION, _ES, _HALF_FILLING = 0.186, 0.38, 0.591  # where the mean curve passes these marks

ONSET_TO_R_MS = 40.0  # QRS onset to R where the record does not tell it: the usual upper limit is 40-50 ms
_ES_SHARES = (0.15, 0.72)  # of RR, within which ES is kept
AORTIC_CLOSURE_AFTER_T_END_MS = 0.0  # +15 ms at rest, -4 after exercise (Obata): no bias kept


@dataclass(frozen=True)
class TimeMarks:
    """Marks of one beat in ms after the R peak.

    Attributes:
        half_ejection_ms: half of the stroke volume is ejected.
        es_ms: end-systole.
        half_filling_ms: half of the stroke volume has come back.
        rr_ms: length of the beat.
    """

    half_ejection_ms: float
    es_ms: float
    half_filling_ms: float
    rr_ms: float


def expected_marks(intervals: Intervals, rr_ms: float) -> TimeMarks:
    """Marks that physiology expects of an ECG: ES at the end of T, filling half done a third into diastole.

    Without a T end, ES follows electromechanical systole QS2 = 546 - 2.1·HR ms from QRS onset (Weissler 1968).

    Args:
        intervals: measures of the median beat.
        rr_ms: of the chosen cycle.
    """
    rate = 60_000.0 / rr_ms
    systole = 546.0 - 2.1 * rate - ONSET_TO_R_MS
    es = intervals.t_end_at_ms + AORTIC_CLOSURE_AFTER_T_END_MS if intervals.t_end_at_ms is not None else systole
    es = float(np.clip(es, max(0.18 * rr_ms, systole - 110.0, 140.0), min(0.68 * rr_ms, systole + 130.0)))
    return bounded_marks(0.49 * es, es, es + min(0.34 * (rr_ms - es), 230.0), rr_ms)


def standard_marks(rr_ms: float) -> TimeMarks:
    """Marks of the mean real beat, for when nothing but the length of the beat is known."""
    return TimeMarks(_HALF_EJECTION * rr_ms, _ES * rr_ms, _HALF_FILLING * rr_ms, rr_ms)


def bounded_marks(half_ejection_ms: float, es_ms: float, half_filling_ms: float, rr_ms: float) -> TimeMarks:
    """Marks in rising order with room between them, whatever was asked for."""
    es = float(np.clip(es_ms, _ES_SHARES[0] * rr_ms, _ES_SHARES[1] * rr_ms))
    half = float(np.clip(half_ejection_ms, 0.25 * es, 0.75 * es))
    filling = float(np.clip(half_filling_ms, es + 0.12 * (rr_ms - es), es + 0.8 * (rr_ms - es)))
    return TimeMarks(half, es, filling, rr_ms)


@dataclass(frozen=True)
class MarkEdit:
    """Time marks set by hand, in ms after end-diastole; None leaves a mark to the model.

    Attributes:
        half_ejection_ms: half of the stroke volume is ejected.
        es_ms: end-systole; marks that are not set move with it in proportion.
        half_filling_ms: half of the stroke volume has come back.
    """

    half_ejection_ms: float | None = None
    es_ms: float | None = None
    half_filling_ms: float | None = None


def edited_marks(marks: TimeMarks, edit: MarkEdit | None) -> TimeMarks:
    """The marks with those set by hand, in rising order; as they were where nothing is set."""
    if edit is None or edit == MarkEdit():
        return marks
    rr = marks.rr_ms
    es = marks.es_ms if edit.es_ms is None else float(np.clip(edit.es_ms, _ES_SHARES[0] * rr, _ES_SHARES[1] * rr))
    half, filling = edit.half_ejection_ms, edit.half_filling_ms
    if half is None:
        half = marks.half_ejection_ms * es / marks.es_ms
    if filling is None:
        filling = es + (marks.half_filling_ms - marks.es_ms) * (rr - es) / (rr - marks.es_ms)
    return bounded_marks(half, es, filling, rr)


def beat_fraction(marks: TimeMarks, times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moment of the standard beat, in [0, 1), of each time: the monotone phase vector."""
    from scipy.interpolate import PchipInterpolator

    rr = marks.rr_ms
    here = [0.0, marks.half_ejection_ms, marks.es_ms, marks.half_filling_ms, rr]
    standard = [0.0, _HALF_EJECTION, _ES, _HALF_FILLING, 1.0]
    return np.asarray(PchipInterpolator(here, standard)(np.mod(times_ms, rr)))


def emptying(marks: TimeMarks, times_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """s of each time: 0 at ED (the R peak), 1 at ES, periodic in RR."""
    from scipy.interpolate import PchipInterpolator

    return np.asarray(PchipInterpolator(_PHASES, _EMPTIED)(beat_fraction(marks, times_ms)))
