"""R peaks from all leads at once.

QRS is found where the leads together move fast (5 to 22 Hz), so one noisy or flat lead does no harm and no lead has
to be chosen. The R peak of a beat is where the potential over all leads is largest (root mean square); beats of one
shape are aligned with each other by correlation, so that their R peaks mean the same instant.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import SAMPLING_HZ, Ecg
from cof_viewer.signal.filters import band_pass

Samples = NDArray[np.intp]

_QRS_BAND_HZ = (5.0, 22.0)
_SMOOTH_S = 0.08
_REFRACTORY_S = 0.24
_T_WAVE_S = 0.38
_T_WAVE_SHARE = 0.45
_THRESHOLD_SHARE = 0.35
_SEARCH_BACK_SHARE = 0.22
_PIECE_S = 2.0
_TRUSTED_SHARE = 0.75
_LEAST_SIZE = 0.4
_WHOLE_SHAPE_S = 0.1
_ALIGN_S = 0.04
_SAME_SHAPE = 0.85
# Leads of an ECG move together at a QRS: its energy stands out of the rest by this factor at least.
_MIN_CONTRAST = 3.0
_MIN_QRS_MV = 0.04


def r_peaks(ecg: Ecg) -> Samples:
    """Samples (at 500 Hz) of the R peaks, in order; empty where no beat is found.

    Args:
        ecg: standard record; not filtered for display.
    """
    live = ecg.signal_mv[np.ptp(ecg.signal_mv, axis=1) > 0].astype(np.float64)
    if live.shape[0] == 0 or live.shape[1] < SAMPLING_HZ:
        return np.zeros(0, dtype=np.intp)
    fast = band_pass(live, *_QRS_BAND_HZ)
    centres = _qrs_centres(_activity(fast))
    if len(centres) == 0:
        return np.zeros(0, dtype=np.intp)
    ranges = _ranges_mv(fast, centres)
    if float(np.median(ranges.max(axis=1))) < _MIN_QRS_MV:
        return np.zeros(0, dtype=np.intp)
    centres = centres[_is_large(ranges)]
    wide = band_pass(live, 0.7, 40.0)
    return _aligned(wide, centres)


def _activity(fast: NDArray[np.float64]) -> NDArray[np.float64]:
    """[sample] how much the leads move, each by its own scale; those that move most are left out, as artefacts do."""
    scale = np.percentile(np.abs(fast), 99, axis=1, keepdims=True)
    relative = np.sort(np.minimum(np.abs(fast) / np.maximum(scale, 1e-6), 2.5), axis=0)
    trusted = relative[: max(1, round(_TRUSTED_SHARE * len(relative)))]
    power = np.sqrt((trusted**2).mean(axis=0))
    return np.convolve(power, np.hanning(int(_SMOOTH_S * 2 * SAMPLING_HZ)) / (_SMOOTH_S * SAMPLING_HZ), mode="same")


def _qrs_centres(activity: NDArray[np.float64]) -> Samples:
    """Peaks of the activity that stand out, T waves left out, missed beats looked for again."""
    from scipy.signal import find_peaks

    found, _ = find_peaks(activity, distance=int(_REFRACTORY_S * SAMPLING_HZ))
    if len(found) == 0:
        return np.zeros(0, dtype=np.intp)
    heights = activity[found]
    usual = _usual_height(activity)
    typical = float(np.median(usual))
    if typical < _MIN_CONTRAST * float(np.percentile(activity, 20)):
        return np.zeros(0, dtype=np.intp)
    local = np.clip(usual[found], 0.5 * typical, 1.6 * typical)
    strong = found[heights > _THRESHOLD_SHARE * local]
    kept = _without_t_waves(strong, activity)
    return _searched_back(kept, found, activity)


def _usual_height(activity: NDArray[np.float64]) -> NDArray[np.float64]:
    """[sample] height of a QRS around each sample: the median of what five pieces of 2 s reach at most.

    Every 2 s hold a QRS down to 30 beats a minute, so noise between slow beats does not lower it.
    """
    piece = int(_PIECE_S * SAMPLING_HZ)
    starts = np.arange(0, max(len(activity) - piece // 2, 1), piece // 2)
    tops = np.array([activity[s : s + piece].max() for s in starts])
    around = np.array([np.median(tops[max(0, i - 4) : i + 5]) for i in range(len(tops))])
    return np.asarray(np.interp(np.arange(len(activity)), starts + piece / 2, around))


def _without_t_waves(peaks: Samples, activity: NDArray[np.float64]) -> Samples:
    kept: list[int] = []
    for peak in peaks:
        early = kept and (peak - kept[-1]) < _T_WAVE_S * SAMPLING_HZ
        if early and activity[peak] < _T_WAVE_SHARE * activity[kept[-1]]:
            continue
        if early and len(kept) > 1 and activity[kept[-1]] < _T_WAVE_SHARE * activity[peak]:
            kept[-1] = int(peak)
            continue
        kept.append(int(peak))
    return np.array(kept, dtype=np.intp)


def _searched_back(kept: Samples, found: Samples, activity: NDArray[np.float64]) -> Samples:
    """Where a gap is longer than 1.66 usual intervals, take the strongest weaker peak in it (Pan and Tompkins 1985)."""
    if len(kept) < 3:
        return kept
    usual = float(np.median(np.diff(kept)))
    height = float(np.median(activity[kept]))
    added = []
    for left, right in pairwise(kept):
        if right - left <= 1.66 * usual:
            continue
        inside = found[(found > left + _T_WAVE_S * SAMPLING_HZ) & (found < right - _REFRACTORY_S * SAMPLING_HZ)]
        if len(inside) and activity[inside].max() > _SEARCH_BACK_SHARE * height:
            added.append(int(inside[np.argmax(activity[inside])]))
    return np.sort(np.concatenate([kept, np.array(added, dtype=np.intp)]))


def _ranges_mv(fast: NDArray[np.float64], centres: Samples) -> NDArray[np.float64]:
    """[beat, lead] range of the fast signal around each centre."""
    half = int(0.07 * SAMPLING_HZ)
    return np.stack([np.ptp(fast[:, max(0, c - half) : c + half], axis=1) for c in centres])


def _is_large(ranges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which beats are of a QRS's size in most leads: P waves and artefacts of single leads are not."""
    usual = np.maximum(np.median(ranges, axis=0), 1e-6)
    return np.asarray(np.median(ranges / usual, axis=1) > _LEAST_SIZE)


def _aligned(wide: NDArray[np.float64], centres: Samples) -> Samples:
    """R peaks: the largest potential over all leads near each centre, beats of one shape made to agree."""
    half = int(_WHOLE_SHAPE_S * SAMPLING_HZ)
    inside = centres[(centres >= half) & (centres < wide.shape[1] - half)]
    if len(inside) == 0:
        return np.zeros(0, dtype=np.intp)
    reached = np.median([np.abs(wide[:, c - half : c + half]).max(axis=1) for c in inside], axis=0)[:, None]
    wide = np.clip(wide, -1.3 * reached, 1.3 * reached)  # an artefact must not outweigh eleven clean leads
    total = np.sqrt((wide**2).mean(axis=0))
    peaks = np.array([c - half + int(np.argmax(total[c - half : c + half])) for c in inside], dtype=np.intp)
    reach = half + int(_ALIGN_S * SAMPLING_HZ)
    for _ in range(2):
        whole = (peaks >= reach) & (peaks < wide.shape[1] - reach)
        if whole.sum() < 2:
            break
        template = np.median([wide[:, p - half : p + half] for p in peaks[whole]], axis=0)
        shift_of_r = int(np.argmax(np.sqrt((template**2).mean(axis=0)))) - half
        for index in np.flatnonzero(whole):
            shift, likeness = _best_shift(wide, int(peaks[index]), template, half)
            if likeness > _SAME_SHAPE:
                peaks[index] += shift + shift_of_r
    return np.unique(np.clip(peaks, 0, wide.shape[1] - 1))


def _best_shift(wide: NDArray[np.float64], peak: int, template: NDArray[np.float64], half: int) -> tuple[int, float]:
    """Shift of a beat that makes it most like the template, and how like (correlation over all leads)."""
    most = int(_ALIGN_S * SAMPLING_HZ)
    piece = wide[:, peak - half - most : peak + half + most]
    windows = np.lib.stride_tricks.sliding_window_view(piece, 2 * half, axis=1)
    products = np.einsum("lsw,lw->s", windows, template)
    norms = np.sqrt(np.einsum("lsw,lsw->s", windows, windows) * (template**2).sum())
    likeness = products / np.maximum(norms, 1e-9)
    best = int(np.argmax(likeness))
    return best - most, float(likeness[best])
