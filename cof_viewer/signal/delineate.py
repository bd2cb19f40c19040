"""Borders of P, QRS and T on the median beat, over all leads or in one.

QRS starts and ends where the leads together fall still: the root mean square of their slopes stays below a share of
its largest value, or below the noise between waves. P and T are looked for around the places where the rate lets
them be expected, on the one trace that holds most of them (the first principal component of the leads, or the chosen
lead); they start and end where the slope of their flank has almost gone. The shares were set on the training and
validation patients of LUDB against the cardiologists' marks in lead II.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Intervals

Array = NDArray[np.float64]

_MS = 1000.0 / SAMPLING_HZ


@dataclass(frozen=True)
class Tuning:
    """Shares and widths of the delineator; widths in samples at 500 Hz.

    Attributes:
        others: weight of the other leads' slopes where one lead is measured.
        qrs_window: samples of the slope's parabola at QRS.
        on_share, on_noise, on_still: QRS starts after `on_still` samples below the larger of `on_share` of the
            largest slope and `on_noise` times the noise; `end_*` likewise.
        steep: the walk outwards starts where the slope last exceeds this share of the largest.
        again: QRS goes on where the slopes exceed this share once more within 50 ms.
        p_window, t_window: samples of the parabola at P and T.
        p_share, p_end_share, t_share: where the slope of a flank falls below this share of its largest, P starts or
            ends, T ends.
        t_second: a second part of T, of opposite sign, counts from this share of the first.
        p_least_mv: smallest P.
        t_least: T in one lead smaller than this share of T over all leads ends where that one ends.
    """

    others: float = 1.0
    qrs_window: int = 7
    on_share: float = 0.04
    on_noise: float = 3.0
    on_still: int = 3
    end_share: float = 0.05
    end_noise: float = 3.7
    end_still: int = 6
    steep: float = 0.35
    again: float = 0.11
    p_window: int = 13
    t_window: int = 17
    p_share: float = 0.2
    p_end_share: float = 0.2
    t_share: float = 0.25
    t_second: float = 0.4
    p_least_mv: float = 0.02
    t_least: float = 0.35


TUNED = Tuning()


@dataclass(frozen=True)
class _Wave:
    """A wave of a trace, in samples: start (where asked for), peak, end, and its height."""

    start: int
    peak: int
    end: int
    height_mv: float


def measure_intervals(
    median_mv: Array,
    start: int,
    *,
    rr_ms: float,
    lead: str | None = None,
    has_p: bool = True,
    tuning: Tuning = TUNED,
) -> Intervals:
    """Measures of the median beat.

    Args:
        median_mv: [12, M] unfiltered, 500 Hz.
        start: samples from its first to R (negative).
        rr_ms: usual interval.
        lead: measure in this lead; None measures over all leads.
        has_p: False in fibrillation: no P wave is looked for.
        tuning: shares of the delineator.
    """
    beat = without_pacing_spikes(np.asarray(median_mv, dtype=np.float64), -start)
    r = -start
    live = np.ptp(beat, axis=1) > 0
    everywhere = live.astype(float)
    onset, end = _qrs(beat, r, _weights(live, lead, tuning), tuning)
    rr = rr_ms / _MS
    t = _t_wave(beat, everywhere, onset, end, rr, tuning)
    if lead is not None:
        own = _t_wave(beat, _only(lead), onset, end, rr, tuning)
        t = own if own and t and own.height_mv > tuning.t_least * t.height_mv else t
    p_weights = everywhere if lead is None else _only(lead)
    p = _p_wave(beat, p_weights, onset, t.end - rr if t else 0.0, tuning) if has_p else None
    return Intervals(
        rr_ms=rr_ms,
        pr_ms=(onset - p.start) * _MS if p else None,
        qrs_ms=(end - onset) * _MS,
        qt_ms=(t.end - onset) * _MS if t else None,
        p_ms=(p.end - p.start) * _MS if p else None,
        axis_degrees=qrs_axis_degrees(beat, onset, end),
        p_onset_at_ms=(p.start - r) * _MS if p else None,
        p_end_at_ms=(p.end - r) * _MS if p else None,
        qrs_onset_at_ms=(onset - r) * _MS,
        qrs_end_at_ms=(end - r) * _MS,
        t_peak_at_ms=(t.peak - r) * _MS if t else None,
        t_end_at_ms=(t.end - r) * _MS if t else None,
    )


def without_pacing_spikes(beat: Array, r: int) -> Array:
    """The beat with needles before R bridged: at most 4 ms wide, over 0.3 mV, more than 30 ms before R."""
    from scipy.ndimage import median_filter

    needle = np.abs(beat - median_filter(beat, size=(1, 9), mode="nearest"))
    needle[:, max(0, r - 15) :] = 0.0
    out = beat.copy()
    for _ in range(2):
        lead, at = np.unravel_index(int(np.argmax(needle)), needle.shape)
        high = needle[lead, max(0, at - 4) : at + 5] > 0.5 * needle[lead, at]
        if needle[lead, at] < 0.3 or high.sum() > 2:
            break
        low, up = max(0, int(at) - 4), min(beat.shape[1] - 1, int(at) + 4)
        ramp = np.linspace(0.0, 1.0, up - low + 1)[None]
        out[:, low : up + 1] = out[:, low : low + 1] * (1 - ramp) + out[:, up : up + 1] * ramp
        needle[:, low : up + 1] = 0.0
    return out


def qrs_axis_degrees(beat: Array, onset: int, end: int) -> float | None:
    """Frontal axis from the areas of QRS in I and aVF; None where QRS has no direction."""
    piece = beat[:, onset : end + 1]
    if piece.shape[1] < 3:
        return None
    ramp = np.linspace(0.0, 1.0, piece.shape[1])[None]
    area = (piece - piece[:, :1] * (1 - ramp) - piece[:, -1:] * ramp).sum(axis=1)
    one, foot = area[LEADS.index("I")], 2.0 / np.sqrt(3.0) * area[LEADS.index("aVF")]
    if np.hypot(one, foot) * _MS < 1.0:  # under 1 mV·ms
        return None
    return float(np.degrees(np.arctan2(foot, one)))


def _only(lead: str) -> Array:
    return np.array([float(name == lead) for name in LEADS])


def _weights(live: NDArray[np.bool_], lead: str | None, tuning: Tuning) -> Array:
    """Weight of each lead's slope in QRS; together the other leads weigh `others` times the chosen one."""
    if lead is None:
        return np.asarray(live / np.sqrt(max(int(live.sum()), 1)))
    rest = live & (_only(lead) == 0)
    return np.asarray(_only(lead) + rest * tuning.others / np.sqrt(max(int(rest.sum()), 1)))


def _slope(trace: Array, window: int) -> Array:
    """Slope in mV/s by a parabola through `window` samples (Savitzky and Golay 1964)."""
    from scipy.signal import savgol_filter

    return np.asarray(savgol_filter(trace, window, 2, deriv=1, delta=1.0 / SAMPLING_HZ, axis=-1))


def _smooth(trace: Array, window: int) -> Array:
    from scipy.signal import savgol_filter

    return np.asarray(savgol_filter(trace, window, 2, axis=-1))


def _qrs(beat: Array, r: int, weights: Array, tuning: Tuning) -> tuple[int, int]:
    """First and last sample of QRS."""
    speed = np.sqrt(((_slope(beat, tuning.qrs_window) * weights[:, None]) ** 2).sum(axis=0))
    low, high = max(0, r - 55), min(len(speed), r + 75)
    top = float(speed[low:high].max())
    noise = _noise(speed, r)
    steep = np.flatnonzero(speed[low:high] > tuning.steep * top) + low
    on_at = max(tuning.on_share * top, tuning.on_noise * noise)
    end_at = max(tuning.end_share * top, tuning.end_noise * noise)
    onset = _first_still(speed, int(steep[0]), on_at, tuning.on_still, -1, max(1, r - 75))
    stop = min(len(speed) - 2, r + 110)
    end = _first_still(speed, int(steep[-1]), end_at, tuning.end_still, 1, stop)
    while (more := _moves_again(speed, end, max(tuning.again * top, 2.0 * end_at), stop)) is not None:
        end = _first_still(speed, more, end_at, tuning.end_still, 1, stop)
    return onset, end if end < stop else _stillest(speed, int(steep[-1]), stop)


def _stillest(speed: Array, steep: int, stop: int) -> int:
    """End of a QRS that T follows without a pause, as in left block of a large heart: where the leads are slowest."""
    mean = np.convolve(speed, np.full(5, 0.2), mode="same")
    return steep + int(np.argmin(mean[steep:stop]))


def _moves_again(speed: Array, end: int, threshold: float, stop: int) -> int | None:
    """Where the leads move fast again within 50 ms: they stood still at a turn inside QRS, as in right block."""
    ahead = np.flatnonzero(speed[end : min(end + 25, stop)] > threshold)
    return end + int(ahead[-1]) if len(ahead) else None


def _noise(speed: Array, r: int) -> float:
    """Speed between waves: the lower quartile of the largest values of 20 ms pieces away from QRS."""
    starts = [*range(0, max(r - 50, 10), 10), *range(r + 180, len(speed) - 10, 10)]
    return float(np.percentile([speed[s : s + 10].max() for s in starts], 25))


def _first_still(speed: Array, at: int, threshold: float, still: int, step: int, stop: int) -> int:
    """Walk from `at`; the first of `still` samples in a row below the threshold, or `stop`."""
    count = 0
    while at != stop:
        count = count + 1 if speed[at] < threshold else 0
        if count >= still:
            return at - step * (still - 1)
        at += step
    return stop


def _trace(beat: Array, weights: Array, low: int, high: int) -> Array:
    """[M] the mixture of leads that holds most of the window's shape, in mV of its largest lead."""
    chosen = beat[weights > 0]
    if chosen.shape[0] == 1:
        return np.asarray(chosen[0])
    window = chosen[:, low:high] - chosen[:, low:high].mean(axis=1, keepdims=True)
    mix = np.linalg.svd(window, full_matrices=False)[0][:, 0]
    return np.asarray(mix @ chosen * np.sign(mix[int(np.argmax(np.abs(mix)))]))


def _t_wave(beat: Array, weights: Array, onset: int, end: int, rr: float, tuning: Tuning) -> _Wave | None:
    """T between QRS and the next P; samples."""
    seconds = rr / SAMPLING_HZ
    low = end + 20
    high = int(min(beat.shape[1] - 5, onset + rr - 0.19 * SAMPLING_HZ, onset + (0.36 + 0.30 * seconds) * SAMPLING_HZ))
    high = max(high, min(beat.shape[1] - 5, onset + int(0.65 * rr)))
    if high - low < 25:
        return None
    trace = _trace(beat, weights, low, high)
    smooth, slope = _smooth(trace, tuning.t_window), _slope(trace, tuning.t_window)
    before, after = float(np.median(trace[max(0, onset - 8) : onset + 1])), float(np.median(trace[high - 5 : high + 5]))
    height = smooth - np.interp(np.arange(len(trace)), [onset, high], [before, after])
    expected = onset + (0.40 * seconds ** (1 / 3) - 0.09) * SAMPLING_HZ + 0.5 * max(0, end - onset - 50)
    likely = np.exp(-0.5 * ((np.arange(len(trace)) - expected) / (0.10 * SAMPLING_HZ)) ** 2)
    peak = low + int(np.argmax((np.abs(height) * likely)[low:high]))
    peak = _later_part(height, peak, high, tuning)
    sign = float(np.sign(height[peak]))
    stop = min(len(trace) - 3, peak + int(0.15 * SAMPLING_HZ))
    t_end = _flank_end(-sign * slope, peak, stop, 1, tuning.t_share)
    return None if t_end is None else _Wave(low, peak, t_end, float(abs(height[peak])))


def _later_part(height: Array, peak: int, high: int, tuning: Tuning) -> int:
    """The peak of T's last part: a biphasic T ends with the later of its two."""
    sign = np.sign(height[peak])
    until = min(high, peak + int(0.14 * SAMPLING_HZ))
    opposite = -sign * height[peak:until]
    later = peak + int(np.argmax(opposite))
    counts = opposite.max() > tuning.t_second * abs(height[peak]) and later > peak + 10 and later < until - 4
    return later if counts else peak


def _p_wave(beat: Array, weights: Array, onset: int, t_end_before: float, tuning: Tuning) -> _Wave | None:
    """P between the T before and QRS; samples. None where nothing stands out."""
    low, high = int(max(2, onset - 0.32 * SAMPLING_HZ, t_end_before)), onset - 6
    if high - low < 25:
        return None
    trace = _trace(beat, weights, low, high)
    smooth, slope = _smooth(trace, tuning.p_window), _slope(trace, tuning.p_window)
    height = smooth - np.interp(np.arange(len(trace)), [low, high], [smooth[low], smooth[high]])
    likely = np.exp(-0.5 * ((np.arange(len(trace)) - (onset - 0.11 * SAMPLING_HZ)) / (0.09 * SAMPLING_HZ)) ** 2)
    peak = low + int(np.argmax((np.abs(height) * likely)[low:high]))
    sign = float(np.sign(height[peak]))
    if abs(height[peak]) < tuning.p_least_mv:
        return None
    reach = int(0.09 * SAMPLING_HZ)
    first = _flank_end(sign * slope, peak, max(low, peak - reach), -1, tuning.p_share)
    last = _flank_end(-sign * slope, peak, min(high, peak + reach), 1, tuning.p_end_share)
    if first is None or last is None:
        return None
    return _Wave(first, peak, last, float(abs(height[peak])))


def _flank_end(falling: Array, peak: int, stop: int, step: int, share: float) -> int | None:
    """Walk from a wave's peak down its flank to where the slope is below a share of the flank's steepest."""
    flank = falling[peak : stop + 1] if step > 0 else falling[stop : peak + 1][::-1]
    if len(flank) < 3 or flank.max() <= 0:
        return None
    steepest = int(np.argmax(flank))
    below = np.flatnonzero(flank[steepest:] < share * flank[steepest])
    return peak + step * (steepest + int(below[0]) if len(below) else len(flank) - 1)
