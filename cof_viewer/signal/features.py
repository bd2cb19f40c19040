"""The measured ECG as one vector: intervals, amplitudes, ST levels and simple scores, with names.

Voltages are taken on the unfiltered median beat against the level just before QRS. What can't be measured is NaN;
who learns from the vector puts his training mean there. Scores run from 0 to 1 and describe; they are no diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Beat, Ecg

Array = NDArray[np.float64]

_MS = 1000.0 / SAMPLING_HZ
_ST_AFTER_J_MS = 60.0
_Q_LEAST_MS = 30.0
_Q_LEAST_SHARE = 0.25
_TERRITORIES = {"inferior": ("II", "III", "aVF"), "anterior": ("V2", "V3", "V4"), "lateral": ("I", "aVL", "V5", "V6")}
_AMPLITUDE_LEADS = ("V1", "V2", "V3", "V5", "V6", "aVL", "I", "II", "aVF")

FEATURE_NAMES: tuple[str, ...] = (
    "rr_ms",
    "rr_variation",
    "pr_ms",
    "p_ms",
    "qrs_ms",
    "qt_ms",
    "qtc_fridericia_ms",
    "qrs_onset_at_ms",
    "qrs_end_at_ms",
    "t_peak_at_ms",
    "t_end_at_ms",
    "axis_cos",
    "axis_sin",
    *(f"{wave}_{lead}_mv" for lead in _AMPLITUDE_LEADS for wave in ("r", "s")),
    *(f"st_{lead}_mv" for lead in LEADS),
    *(f"t_{lead}_mv" for lead in LEADS),
    "limb_qrs_mv",
    "chest_qrs_mv",
    "sokolow_mv",
    "cornell_mv",
    *(f"q_{territory}" for territory in _TERRITORIES),
    "r_progression",
    "lbbb_score",
    "rbbb_score",
    "lvh_score",
    "strain_score",
    "low_voltage_score",
    "af_score",
    "p_absent",
    "excluded_share",
)
"""Names of the numbers of `ecg_features`, in order."""


@dataclass(frozen=True, eq=False)
class _Waves:
    """QRS and T of every lead, mV against the level before QRS.

    Attributes:
        qrs: [12, n] samples of QRS.
        r, s: [12] height of the largest positive, depth of the largest negative deflection of QRS.
        st: [12] level 60 ms after QRS.
        t: [12] signed T.
        late: [12] mean of the last 40 % of QRS.
    """

    qrs: Array
    r: Array
    s: Array
    st: Array
    t: Array
    late: Array


def ecg_features(beat: Beat, ecg: Ecg | None = None) -> NDArray[np.float32]:
    """Measures of a record as a vector in the order of `FEATURE_NAMES`, NaN where not measurable.

    Args:
        beat: the representative beat with its median.
        ecg: the record; leads that are flat in it have NaN instead of zero.
    """
    waves = _waves(beat)
    values: dict[str, float] = {}
    _intervals(beat, values)
    _amplitudes(waves, values)
    _scores(beat, waves, values)
    vector = np.array([values[name] for name in FEATURE_NAMES], dtype=np.float32)
    for lead in ecg.flat_leads if ecg else ():
        vector[[f"_{lead}_mv" in name for name in FEATURE_NAMES]] = np.nan
    return vector


def _waves(beat: Beat) -> _Waves:
    """Cut the median beat at its marks; without marks QRS is taken as 50 ms either side of R."""
    median = np.asarray(beat.median_mv, dtype=np.float64)
    marks = beat.intervals
    onset = _sample(beat, marks.qrs_onset_at_ms, -50.0)
    end = max(_sample(beat, marks.qrs_end_at_ms, 50.0), onset + 5)
    level = np.median(median[:, max(0, onset - 6) : onset + 1], axis=1, keepdims=True)
    zeroed = median - level
    qrs = zeroed[:, onset : end + 1]
    st_at = min(end + int(_ST_AFTER_J_MS / _MS), median.shape[1] - 3)
    t_at = min(max(_sample(beat, marks.t_peak_at_ms, 280.0), st_at), median.shape[1] - 1)
    around = zeroed[:, max(st_at, t_at - 30) : t_at + 31]
    t = around[np.arange(len(LEADS)), np.argmax(np.abs(around), axis=1)]
    late = qrs[:, int(0.6 * qrs.shape[1]) :].mean(axis=1)
    return _Waves(
        qrs=qrs,
        r=np.maximum(qrs.max(axis=1), 0.0),
        s=np.maximum(-qrs.min(axis=1), 0.0),
        st=zeroed[:, st_at - 2 : st_at + 3].mean(axis=1),
        t=t,
        late=late,
    )


def _sample(beat: Beat, at_ms: float | None, otherwise_ms: float) -> int:
    at = otherwise_ms if at_ms is None else at_ms
    return int(np.clip(round((at - beat.median_start_ms) / _MS), 0, beat.median_mv.shape[1] - 1))


def _intervals(beat: Beat, values: dict[str, float]) -> None:
    marks = beat.intervals
    for name in ("rr_ms", "pr_ms", "p_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms"):
        values[name] = _number(getattr(marks, name))
    for name in ("qrs_onset_at_ms", "qrs_end_at_ms", "t_peak_at_ms", "t_end_at_ms"):
        values[name] = _number(getattr(marks, name))
    angle = np.radians(_number(marks.axis_degrees))
    values["axis_cos"], values["axis_sin"] = float(np.cos(angle)), float(np.sin(angle))
    values["rr_variation"] = _rr_variation(beat)
    values["p_absent"] = float(marks.p_ms is None)
    values["excluded_share"] = len(beat.excluded) / max(len(beat.r_peaks_ms), 1)


def _rr_variation(beat: Beat) -> float:
    """Usual step between successive intervals as a share of the usual interval."""
    gaps = np.diff(beat.r_peaks_ms)
    return float(np.median(np.abs(np.diff(gaps))) / np.median(gaps)) if len(gaps) > 2 else float("nan")


def _amplitudes(waves: _Waves, values: dict[str, float]) -> None:
    for index, lead in enumerate(LEADS):
        values[f"st_{lead}_mv"], values[f"t_{lead}_mv"] = float(waves.st[index]), float(waves.t[index])
        values[f"r_{lead}_mv"], values[f"s_{lead}_mv"] = float(waves.r[index]), float(waves.s[index])
    reach = waves.r + waves.s
    values["limb_qrs_mv"], values["chest_qrs_mv"] = float(reach[:6].max()), float(reach[6:].max())
    values["sokolow_mv"] = values["s_V1_mv"] + max(values["r_V5_mv"], values["r_V6_mv"])
    values["cornell_mv"] = values["r_aVL_mv"] + values["s_V3_mv"]
    for territory, leads in _TERRITORIES.items():
        values[f"q_{territory}"] = sum(_has_q(waves.qrs[LEADS.index(lead)]) for lead in leads) / len(leads)
    r = waves.r[6:10] / np.maximum(reach[6:10], 1e-3)
    values["r_progression"] = float(r[1:].mean())


def _has_q(qrs: Array) -> float:
    """Whether QRS begins with a Q of at least 30 ms and a quarter of R, or is all negative (0 or 1)."""
    r = max(float(qrs.max()), 0.0)
    least = 0.05 * float(np.ptp(qrs)) + 0.02
    if r < least:
        return float(qrs.min() < -0.1)
    first_r = int(np.argmax(qrs > least))
    before = qrs[:first_r]
    wide = float((before < -least).sum()) * _MS >= _Q_LEAST_MS
    return float(wide and -float(before.min(initial=0.0)) >= _Q_LEAST_SHARE * r)


def _scores(beat: Beat, waves: _Waves, values: dict[str, float]) -> None:
    """Textbook criteria made smooth: each share is 1/2 at the criterion."""
    qrs_ms = values["qrs_ms"] if np.isfinite(values["qrs_ms"]) else 90.0
    lead = {name: index for index, name in enumerate(LEADS)}
    v1, v6, one = lead["V1"], lead["V6"], lead["I"]
    right = _balance(waves.r[v1], waves.s[v1])
    wide = _step(qrs_ms, 120.0, 5.0)
    lateral = (_balance(waves.r[v6], waves.s[v6]) + _balance(waves.r[one], waves.s[one])) / 2
    values["lbbb_score"] = wide * _step(-right, 0.3, 0.15) * _step(lateral, 0.4, 0.15)
    late_right = waves.late[v1] / max(float(waves.r[v1] + waves.s[v1]), 0.1)
    late_left = -(waves.late[v6] + waves.late[one]) / max(float((waves.r + waves.s)[[v6, one]].sum()), 0.2)
    values["rbbb_score"] = _step(qrs_ms, 112.0, 6.0) * _step(late_right, 0.05, 0.05) * _step(late_left, 0.03, 0.03)
    values["lvh_score"] = max(_step(values["sokolow_mv"], 3.5, 0.35), _step(values["cornell_mv"], 2.4, 0.25))
    strain = -(values["t_V5_mv"] + values["t_V6_mv"]) / 2
    values["strain_score"] = _step(strain, 0.08, 0.05) * _step(values["r_V5_mv"] + values["r_V6_mv"], 2.0, 0.4)
    limb, chest = _step(-values["limb_qrs_mv"], -0.5, 0.06), _step(-values["chest_qrs_mv"], -1.0, 0.1)
    values["low_voltage_score"] = max(limb, chest)
    variation = values["rr_variation"] if np.isfinite(values["rr_variation"]) else 0.0
    values["af_score"] = _step(variation, 0.05, 0.012) * (1.0 if beat.intervals.p_ms is None else 0.15)


def _balance(r: float, s: float) -> float:
    """+1 where QRS is all positive, -1 where all negative."""
    return float((r - s) / max(r + s, 0.05))


def _step(value: float, middle: float, width: float) -> float:
    """Smooth step from 0 to 1."""
    return float(1.0 / (1.0 + np.exp(-np.clip((value - middle) / width, -30.0, 30.0))))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
