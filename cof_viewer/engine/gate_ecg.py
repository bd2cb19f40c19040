"""The gate of the ECG: can this record drive a beat as the learned ones did?

Noise, pacing, exchanged electrodes, a child's heart, an irregular rhythm. Limits are those that good records keep
(docs/results.md, "Quality gate").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Beat, Ecg
from cof_viewer.domain.flag import Flag, Severity

_MS = 1000.0 / SAMPLING_HZ
_QRS_MS = (-50.0, 60.0)
_BEAT_MS = (-50.0, 350.0)
_SPIKE_BEFORE_MS = (-90.0, -4.0)
_ADULT_YEARS = 16.0
_RATES = (38.0, 150.0)
_MOST_NOISE = 0.02
_MOST_UNLIKE = 0.15
_MOST_EXCLUDED = 0.35
_LEAST_SPIKES = 0.5
_LEAST_ARM = -0.5
_LEAST_II = 0.12
_MOST_CHEST_GAIN = 0.18


@dataclass(frozen=True)
class EcgSigns:
    """What tells an ordinary resting ECG of an adult from others.

    Attributes:
        noise: fast noise between beats over the size of QRS, median over leads.
        unlike: 1 - correlation of a beat with the median beat, median over the beats that count.
        excluded: share of beats left out as ectopic or spoiled.
        spikes: share of beats with a pacing spike before QRS.
        arm: correlation of lead I with V5 and V6, their mean, over the median beat; near -1 when the electrodes of
            the arms are exchanged.
        ii_share: size of lead II over that of lead III; near 0 when the right leg's electrode sits on the right arm.
        chest_gain: how much smoother the chest leads run after the best exchange of two of them, 0 to 1.
        age_years: None where not known.
        rate_bpm: of the chosen cycle.
        irregular: see `Beat`.
    """

    noise: float
    unlike: float
    excluded: float
    spikes: float
    arm: float
    ii_share: float
    chest_gain: float
    age_years: float | None
    rate_bpm: float
    irregular: bool


def ecg_signs(ecg: Ecg, beat: Beat) -> EcgSigns:
    """Read the signs of a record and its representative beat."""
    median = beat.median_mv.astype(np.float64)
    whole = _part(beat, *_BEAT_MS)
    size = np.ptp(_part(beat, *_QRS_MS), axis=1)
    live = size > 0.02
    return EcgSigns(
        noise=_noise(ecg, size, live),
        unlike=_unlike(ecg, beat, median),
        excluded=len(beat.excluded) / max(len(beat.r_peaks_ms), 1),
        spikes=_spikes(ecg, beat),
        arm=(_likeness(whole[0], whole[LEADS.index("V5")]) + _likeness(whole[0], whole[LEADS.index("V6")])) / 2,
        ii_share=float(size[1] / max(size[2], 1e-6)),
        chest_gain=_chest_gain(whole[6:]),
        age_years=ecg.age_years,
        rate_bpm=beat.heart_rate_bpm,
        irregular=beat.irregular,
    )


def _part(beat: Beat, start_ms: float, end_ms: float) -> NDArray[np.float64]:
    """[12, sample] of the median beat between two times from R."""
    first = max(0, round((start_ms - beat.median_start_ms) / _MS))
    last = max(first + 2, round((end_ms - beat.median_start_ms) / _MS))
    return np.asarray(beat.median_mv[:, first:last], dtype=np.float64)


def _noise(ecg: Ecg, size_mv: NDArray[np.float64], live: NDArray[np.bool_]) -> float:
    """Standard deviation of what is faster than 60 Hz, by its median, over QRS."""
    if not live.any():
        return 0.0
    fast = np.diff(ecg.signal_mv[live].astype(np.float64), n=3, axis=1) / np.sqrt(20.0)  # white noise keeps its SD
    spread = 1.4826 * np.median(np.abs(fast), axis=1)
    return float(np.median(spread / size_mv[live]))


def _unlike(ecg: Ecg, beat: Beat, median: NDArray[np.float64]) -> float:
    start = round(beat.median_start_ms / _MS)
    lows = [round(t / _MS) + start for k, t in enumerate(beat.r_peaks_ms) if k not in beat.excluded]
    length = median.shape[1]
    pieces = [ecg.signal_mv[:, low : low + length] for low in lows if low >= 0]
    whole = [p.astype(np.float64) for p in pieces if p.shape[1] == length]
    if not whole:
        return 0.0
    return 1.0 - float(np.median([_likeness(_levelled(p).ravel(), _levelled(median).ravel()) for p in whole]))


def _levelled(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each lead without its mean and slope: wandering of the baseline isn't noise of a beat."""
    places = np.linspace(-1.0, 1.0, signal.shape[1])
    centred = signal - signal.mean(axis=1, keepdims=True)
    return np.asarray(centred - (centred @ places / (places @ places))[:, None] * places)


def _likeness(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def _spikes(ecg: Ecg, beat: Beat) -> float:
    """Share of beats before whose QRS a jump of a few milliseconds stands that goes straight back."""
    signal = ecg.signal_mv.astype(np.float64)
    # A spike's second difference over 4 ms is twice its height; QRS, however steep, bends far more slowly.
    bend = np.abs(signal[:, 2:-2] * 2 - signal[:, :-4] - signal[:, 4:]) / 2
    total = np.pad(np.median(np.sort(bend, axis=0)[-6:], axis=0), 2)
    low, high = (round(t / _MS) for t in _SPIKE_BEFORE_MS)
    usual = 1.4826 * float(np.median(total)) + 1e-3
    tops, inside = [], []
    for time in beat.r_peaks_ms:
        at = round(time / _MS)
        if at + low < 0 or at + 40 > len(total):
            continue
        inside.append(float(total[at - 1 : at + 30].max()))
        tops.append(float(total[at + low : at + high].max()))
    if not tops:
        return 0.0
    return float(np.mean((np.array(tops) > 1.6 * np.array(inside)) & (np.array(tops) > 20 * usual)))


def _chest_gain(chest: NDArray[np.float64]) -> float:
    """How much shorter the way from V1 to V6 gets, lead to lead, by the best exchange of two of them."""
    distance = np.linalg.norm(chest[:, None] - chest[None], axis=2)

    def way(order: list[int]) -> float:
        return float(sum(distance[a, b] for a, b in pairwise(order)))

    plain = list(range(len(chest)))
    here = way(plain)
    shortest = here
    for a in plain:
        for b in plain[a + 1 :]:
            other = plain.copy()
            other[a], other[b] = b, a
            shortest = min(shortest, way(other))
    return 1.0 - shortest / max(here, 1e-9)


def ecg_flags(ecg: Ecg, beat: Beat) -> list[Flag]:
    """What the ECG brings along: reading problems, and every sign beyond its limit."""
    flags = [Flag(code, Severity.NOTE, sentence) for code, sentence in ecg.problems]
    return flags + [Flag(code, Severity.CAUTION, text) for code, text in oddities(ecg_signs(ecg, beat))]


def oddities(signs: EcgSigns) -> list[tuple[str, str]]:
    """Code and sentence of every sign beyond its limit."""
    found = []
    if signs.irregular:
        found.append(
            (
                "irregular-rhythm",
                "The rhythm is irregular: one beat can't stand for the record. "
                "The numbers describe the chosen beat only.",
            )
        )
    if not _RATES[0] <= signs.rate_bpm <= _RATES[1]:
        found.append(
            (
                "rate-not-learned",
                f"The heart rate of {signs.rate_bpm:.0f} /min lies beyond what the model learned from (40 to 140).",
            )
        )
    if signs.age_years is not None and signs.age_years < _ADULT_YEARS:
        found.append(
            ("child", f"The ECG is that of a child ({signs.age_years:.0f} years): the model learned from adults.")
        )
    if signs.spikes >= _LEAST_SPIKES:
        found.append(("paced", "Pacing spikes stand before QRS: the model did not learn paced hearts."))
    if signs.noise > _MOST_NOISE or signs.unlike > _MOST_UNLIKE:
        found.append(("ecg-noisy", "The ECG is noisy: beats differ from each other by more than a heart's do."))
    if signs.excluded > _MOST_EXCLUDED:
        share = 100 * signs.excluded
        found.append(("many-ectopics", f"{share:.0f} % of the beats are ectopic or spoiled and were left out."))
    return found + _electrodes(signs)


def _electrodes(signs: EcgSigns) -> list[tuple[str, str]]:
    """Exchanged electrodes."""
    found = []
    if signs.arm < _LEAST_ARM:
        found.append(
            (
                "arms-exchanged",
                "Lead I is upside down: the electrodes of the arms seem exchanged (or the heart lies on the right).",
            )
        )
    if signs.ii_share < _LEAST_II:
        found.append(("leg-electrode", "Lead II is almost flat: an arm's electrode seems exchanged with the leg's."))
    if signs.chest_gain > _MOST_CHEST_GAIN:
        found.append(("chest-leads-exchanged", "Two chest leads seem exchanged: V1 to V6 do not follow each other."))
    return found
