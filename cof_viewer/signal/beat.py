"""The representative cycle: the R to R stretch of the record that is most like the median beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import SAMPLING_HZ, Beat, Ecg, Intervals
from cof_viewer.domain.errors import UserError
from cof_viewer.signal.delineate import measure_intervals
from cof_viewer.signal.median import MedianBeat, agreement_before, median_beat
from cof_viewer.signal.peaks import r_peaks

MIN_SECONDS = 5.0
_MS = 1000.0 / SAMPLING_HZ
_LIMB_LEADS = 6
_INDEPENDENT_LEADS = 8
_IRREGULAR_STEP = 0.09
_IRREGULAR_STEP_WITHOUT_P = 0.05
_P_AGREEMENT = 0.5
_RR_WEIGHT = 4.0
_LIKE_MEDIAN = 0.85


def representative_beat(ecg: Ecg) -> Beat:
    """Choose the cycle that stands for the record, and measure the median beat.

    Ectopic and premature beats and those with artefacts are left out. Among the rest the cycle is taken whose
    shape and length are nearest the median's.

    Raises:
        UserError: shorter than 5 s, all leads flat, fewer than 8 independent leads (one may be flat), or fewer than
            two R peaks.
    """
    if ecg.seconds < MIN_SECONDS:
        raise UserError(
            f"The ECG{_of(ecg)} lasts {ecg.seconds:.1f} s; at least {MIN_SECONDS:g} s are needed.", code="ecg-short"
        )
    live = np.ptp(ecg.signal_mv, axis=1) > 0
    if not live.any():
        raise UserError(f"All leads are flat{_of(ecg, 'in')}. Check the electrodes and record again.", code="ecg-flat")
    independent = min(int(live[:_LIMB_LEADS].sum()), 2) + int(live[_LIMB_LEADS:].sum())
    if independent < _INDEPENDENT_LEADS - 1:  # one flat lead is borne
        raise UserError(
            f"The ECG{_of(ecg)} holds {independent} independent leads with signal; {_INDEPENDENT_LEADS} are needed.",
            code="ecg-leads",
        )
    peaks = r_peaks(ecg)
    if len(peaks) < 2:
        raise UserError(
            f"No heart beat was found{_of(ecg, 'in')}. Check the leads and record again.", code="ecg-no-beat"
        )
    beats = median_beat(ecg.signal_mv, peaks)
    chosen = _choose(peaks, beats)
    rr = int(peaks[chosen + 1] - peaks[chosen])
    usual = _usual_rr(peaks, beats.ruling)
    intervals = _measured(ecg, peaks, beats, usual * _MS)
    return Beat(
        signal_mv=np.ascontiguousarray(ecg.signal_mv[:, peaks[chosen] : peaks[chosen] + rr], dtype=np.float32),
        median_mv=beats.median_mv.astype(np.float32),
        median_start_ms=beats.start * _MS,
        rr_ms=rr * _MS,
        r_peaks_ms=tuple(float(p * _MS) for p in peaks),
        chosen=chosen,
        intervals=intervals,
        irregular=_is_irregular(peaks, has_p=intervals.p_ms is not None),
        excluded=tuple(int(i) for i in np.flatnonzero(_excluded(beats))),
    )


def lead_intervals(beat: Beat, lead: str) -> Intervals:
    """Measures of the median beat in one lead, as a reader of that lead would mark them."""
    return measure_intervals(
        np.asarray(beat.median_mv, dtype=np.float64),
        round(beat.median_start_ms / _MS),
        rr_ms=beat.intervals.rr_ms or beat.rr_ms,
        lead=lead,
        has_p=beat.intervals.p_ms is not None,
    )


def _of(ecg: Ecg, word: str = "in") -> str:
    return f' {word} "{ecg.name}"' if ecg.name else ""


def _excluded(beats: MedianBeat) -> NDArray[np.bool_]:
    """Whole beats that do not count for the median."""
    return np.isfinite(beats.likeness) & ~beats.ruling


def _choose(peaks: NDArray[np.intp], beats: MedianBeat) -> int:
    """Index of the R peak that starts the cycle."""
    gaps = np.diff(peaks).astype(float)
    usual = _usual_rr(peaks, beats.ruling)
    size = max(float(np.sqrt((beats.median_mv**2).mean())), 1e-6)
    shape = np.where(np.isfinite(beats.distance_mv), beats.distance_mv / size, 2.0)[:-1]
    length = _RR_WEIGHT * np.abs(gaps - usual) / usual
    odd = 10.0 * (~beats.ruling[:-1]) + 5.0 * _excluded(beats)[1:]
    return int(np.argmin(shape + length + odd))


def _usual_rr(peaks: NDArray[np.intp], ruling: NDArray[np.bool_]) -> float:
    """Median interval between successive beats of the ruling shape, in samples; of all where there are none."""
    gaps = np.diff(peaks)
    pairs = ruling[:-1] & ruling[1:]
    return float(np.median(gaps[pairs] if pairs.any() else gaps))


def _measured(ecg: Ecg, peaks: NDArray[np.intp], beats: MedianBeat, rr_ms: float) -> Intervals:
    """Intervals over all leads; P only where beats agree on what comes before QRS (they do not in fibrillation)."""
    without = measure_intervals(beats.median_mv, beats.start, rr_ms=rr_ms, has_p=False)
    assert without.qrs_onset_at_ms is not None
    onset = round(without.qrs_onset_at_ms / _MS)
    if agreement_before(ecg.signal_mv, peaks, beats, onset) < _P_AGREEMENT:
        return without
    return measure_intervals(beats.median_mv, beats.start, rr_ms=rr_ms)


def _is_irregular(peaks: NDArray[np.intp], *, has_p: bool) -> bool:
    """Whether the usual step between successive intervals is over 9 % of RR, or over 5 % where there is no P."""
    gaps = np.diff(peaks).astype(float)
    if len(gaps) < 4:
        return False
    step = float(np.median(np.abs(np.diff(gaps))) / np.median(gaps))
    return step > (_IRREGULAR_STEP if has_p else _IRREGULAR_STEP_WITHOUT_P)
