"""What the ECG tells the generator beside its embedding: measured times and voltages of the median beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Beat

_TIMES = ("rr_ms", "pr_ms", "qrs_ms", "qt_ms", "p_ms", "t_peak_at_ms", "t_end_at_ms")
_R_LEADS = ("I", "II", "aVL", "V1", "V2", "V5", "V6")
_S_LEADS = ("III", "V1", "V2", "V5", "V6")
_T_LEADS = ("I", "II", "V2", "V4", "V5", "V6")
_ST_LEADS = ("II", "V2", "V3", "V5")
_LIMB = 6
_QRS_HALF_MS = 70.0  # window round R in which R and S are read where the QRS is not delineated
_J_AFTER_R_MS = 60.0

INTERVAL_NUMBERS = len(_TIMES) + 3 + len(_R_LEADS) + len(_S_LEADS) + len(_T_LEADS) + len(_ST_LEADS) + 2


def interval_numbers(beat: Beat) -> NDArray[np.float32]:
    """Times (ms), axis, irregularity, R, S, T and ST voltages (mV) of the median beat.

    Args:
        beat: the representative cycle with its median beat.

    Returns:
        float32 [`INTERVAL_NUMBERS`]; NaN where not measurable.
    """
    intervals = beat.intervals
    times = [getattr(intervals, name) for name in _TIMES]
    times[0] = beat.rr_ms
    axis = intervals.axis_degrees
    turned = [np.nan, np.nan] if axis is None else [np.cos(np.deg2rad(axis)), np.sin(np.deg2rad(axis))]
    qrs = _window(beat, intervals.qrs_onset_at_ms, intervals.qrs_end_at_ms)
    end = intervals.qrs_end_at_ms if intervals.qrs_end_at_ms is not None else _J_AFTER_R_MS
    peak = intervals.t_peak_at_ms if intervals.t_peak_at_ms is not None else 300.0
    tall = [float(qrs[LEADS.index(lead)].max(initial=0.0)) for lead in _R_LEADS]
    deep = [float(qrs[LEADS.index(lead)].min(initial=0.0)) for lead in _S_LEADS]
    waves = [_level(beat, lead, peak) for lead in _T_LEADS]
    segments = [_level(beat, lead, end + 40.0) for lead in _ST_LEADS]
    spans = np.ptp(qrs, axis=1) if qrs.shape[1] else np.zeros(len(LEADS))
    voltage = [float(spans[:_LIMB].max()), float(spans[_LIMB:].max())]
    numbers = [*times, *turned, float(beat.irregular), *tall, *deep, *waves, *segments, *voltage]
    return np.array([np.nan if v is None else v for v in numbers], dtype=np.float32)


def _window(beat: Beat, start_ms: float | None, end_ms: float | None) -> NDArray[np.float32]:
    """[12, n] samples of the QRS of the median beat, from its own baseline."""
    low = _sample(beat, start_ms if start_ms is not None else -_QRS_HALF_MS)
    high = _sample(beat, end_ms if end_ms is not None else _QRS_HALF_MS)
    base = beat.median_mv[:, max(low - 4, 0) : low + 1].mean(axis=1, keepdims=True)
    return np.asarray(beat.median_mv[:, low : high + 1] - base)


def _level(beat: Beat, lead: str, at_ms: float) -> float:
    """Voltage at a time after R, above the level just before the QRS; mean of 20 ms."""
    row = beat.median_mv[LEADS.index(lead)]
    onset = beat.intervals.qrs_onset_at_ms
    base = _sample(beat, (onset if onset is not None else -60.0) - 8.0)
    here = _sample(beat, at_ms)
    return float(row[max(here - 5, 0) : here + 6].mean() - row[max(base - 4, 0) : base + 5].mean())


def _sample(beat: Beat, at_ms: float) -> int:
    """Index into the median beat of a time relative to R, kept inside."""
    place = round((at_ms - beat.median_start_ms) * SAMPLING_HZ / 1000.0)
    return int(np.clip(place, 0, beat.median_mv.shape[1] - 1))
