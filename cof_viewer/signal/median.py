"""The median beat: beats of the ruling shape, laid over each other by their R peaks.

Each beat's own level just before QRS is taken as zero and the line between successive levels removed. That is a
choice of reference, no filter: it leaves the shape of a beat alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import SAMPLING_HZ

_LEVEL_S = (-0.11, -0.07)
_BEFORE_S, _BEFORE_SHARE = 0.46, 0.55
_AFTER_S, _AFTER_SHARE = 0.70, 0.95
_COMPARE_S = (-0.10, 0.36)
_SAME_SHAPE = 0.85
_BEFORE_QRS_S = (-0.22, -0.016)
_PREMATURE = 0.82


@dataclass(frozen=True, eq=False)
class MedianBeat:
    """Beats of a record and their median.

    Attributes:
        median_mv: float64 [12, M].
        start: samples from the first of `median_mv` to R (negative).
        likeness: per R peak, correlation of its beat with the median over all leads; nan at the ends of the record.
        distance_mv: per R peak, root mean square difference to the median; nan at the ends.
        ruling: per R peak, whether its beat has the ruling shape and is not premature.
        level_mv: float64 [12, samples], the baseline that was removed.
    """

    median_mv: NDArray[np.float64]
    start: int
    likeness: NDArray[np.float64]
    distance_mv: NDArray[np.float64]
    ruling: NDArray[np.bool_]
    level_mv: NDArray[np.float64]


def median_beat(signal_mv: NDArray[np.float32], peaks: NDArray[np.intp]) -> MedianBeat:
    """Median over the beats of the ruling shape.

    Args:
        signal_mv: [12, sample] unfiltered, 500 Hz.
        peaks: samples of the R peaks, at least one.
    """
    signal = np.asarray(signal_mv, dtype=np.float64)
    level = _baseline(signal, peaks)
    flat = signal - level
    usual = float(np.median(np.diff(peaks))) if len(peaks) > 1 else SAMPLING_HZ * 0.9
    before = int(min(_BEFORE_S * SAMPLING_HZ, _BEFORE_SHARE * usual))
    after = int(min(_AFTER_S * SAMPLING_HZ, _AFTER_SHARE * usual))
    look = slice(
        max(0, before + int(_COMPARE_S[0] * SAMPLING_HZ)), before + min(after, int(_COMPARE_S[1] * SAMPLING_HZ))
    )
    whole = (peaks >= before) & (peaks + after <= signal.shape[1])
    if not whole.any():
        whole = np.zeros(len(peaks), dtype=bool)
        whole[int(np.argmin(np.abs(peaks - signal.shape[1] // 2)))] = True
    beats = np.stack([_piece(flat, int(p) - before, int(p) + after) for p in peaks])
    early = _premature(peaks)
    ruling = _ruling_shape(beats[:, :, look], whole & ~early, whole)
    median = np.median(beats[ruling], axis=0)
    likeness = np.where(whole, _likeness(beats[:, :, look], median[:, look]), np.nan)
    distance = np.where(whole, np.sqrt(((beats - median) ** 2).mean(axis=(1, 2))), np.nan)
    return MedianBeat(median, -before, likeness, distance, ruling, level)


def agreement_before(signal_mv: NDArray[np.float32], peaks: NDArray[np.intp], beats: MedianBeat, onset: int) -> float:
    """How much the beats agree on the 200 ms before QRS: usual correlation of one with the median of the others.

    A P wave gives 0.8 and more; fibrillation, whose waves are not tied to QRS, less than 0.5.

    Args:
        signal_mv: [12, sample] the record.
        peaks: samples of the R peaks.
        beats: of this record.
        onset: QRS onset in samples after R (negative).
    """
    flat = np.asarray(signal_mv, dtype=np.float64) - beats.level_mv
    low, high = onset + int(_BEFORE_QRS_S[0] * SAMPLING_HZ), onset + int(_BEFORE_QRS_S[1] * SAMPLING_HZ)
    chosen = [int(p) for p in peaks[beats.ruling] if p + low >= 0]
    if len(chosen) < 3:
        return 1.0
    pieces = np.stack([flat[:, p + low : p + high] for p in chosen])
    pieces -= pieces.mean(axis=2, keepdims=True)
    likeness = []
    for index, piece in enumerate(pieces):
        others = np.median(np.delete(pieces, index, axis=0), axis=0)
        likeness.append(float((piece * others).sum() / max(np.linalg.norm(piece) * np.linalg.norm(others), 1e-9)))
    return float(np.median(likeness))


def _piece(signal: NDArray[np.float64], low: int, high: int) -> NDArray[np.float64]:
    """Samples low to high, zero where the record ends."""
    out = np.zeros((signal.shape[0], high - low))
    first, last = max(low, 0), min(high, signal.shape[1])
    out[:, first - low : last - low] = signal[:, first:last]
    return out


def _baseline(signal: NDArray[np.float64], peaks: NDArray[np.intp]) -> NDArray[np.float64]:
    """[12, sample] straight lines through each beat's level just before QRS."""
    low, high = (int(t * SAMPLING_HZ) for t in _LEVEL_S)
    inside = [int(p) for p in peaks if p + low >= 0]
    if not inside:
        return np.repeat(np.median(signal, axis=1, keepdims=True), signal.shape[1], axis=1)
    knots = np.array(inside) + (low + high) // 2
    levels = np.stack([np.median(signal[:, p + low : p + high], axis=1) for p in inside], axis=1)
    at = np.arange(signal.shape[1])
    return np.stack([np.interp(at, knots, row) for row in levels])


def _premature(peaks: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Beats that come clearly before their time, seen against the usual interval."""
    early = np.zeros(len(peaks), dtype=bool)
    if len(peaks) > 3:
        gaps = np.diff(peaks)
        early[1:] = gaps < _PREMATURE * np.median(gaps)
    return early if early.mean() < 0.4 else np.zeros(len(peaks), dtype=bool)


def _ruling_shape(
    beats: NDArray[np.float64], candidates: NDArray[np.bool_], whole: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Beats like the one that most others are like."""
    usable = candidates if candidates.any() else whole
    chosen = np.flatnonzero(usable)
    flat = beats[chosen].reshape(len(chosen), -1)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    alike = unit @ unit.T
    centre = int(np.argmax((alike > _SAME_SHAPE).sum(axis=1) + alike.mean(axis=1)))
    ruling = np.zeros(len(beats), dtype=bool)
    ruling[chosen[alike[centre] > _SAME_SHAPE]] = True
    return ruling


def _likeness(beats: NDArray[np.float64], median: NDArray[np.float64]) -> NDArray[np.float64]:
    top = (beats * median[None]).sum(axis=(1, 2))
    return np.asarray(top / np.maximum(np.linalg.norm(beats, axis=(1, 2)) * np.linalg.norm(median), 1e-9))
