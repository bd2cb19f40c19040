"""The feature vector: names, known amplitudes, scores that tell blocks and fibrillation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.signal import FEATURE_NAMES, ecg_features, representative_beat
from tests.signal.conftest import RealRecord, make_ecg


def named(vector: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, vector.tolist(), strict=True))


def test_names_are_unique_and_fit_the_vector():
    ecg = make_ecg(np.arange(0.4, 9.8, 0.9), noise_mv=0.002)
    vector = ecg_features(representative_beat(ecg), ecg)
    assert vector.dtype == np.float32
    assert vector.shape == (len(FEATURE_NAMES),) == (len(set(FEATURE_NAMES)),)
    assert np.isfinite(vector).all()


def test_known_amplitudes():
    beat = representative_beat(make_ecg(np.arange(0.4, 9.8, 0.9), noise_mv=0.001))
    values = named(ecg_features(beat))
    assert values["r_V5_mv"] == pytest.approx(1.2 * 1.3, abs=0.06)
    assert values["s_V1_mv"] == pytest.approx(0.5 * 1.3, abs=0.05)
    assert values["sokolow_mv"] == pytest.approx(1.7 * 1.3, abs=0.1)
    assert values["t_V5_mv"] == pytest.approx(0.8 * 0.35, abs=0.03)
    assert values["t_V1_mv"] < 0
    assert values["axis_cos"] ** 2 + values["axis_sin"] ** 2 == pytest.approx(1)
    assert values["q_inferior"] == values["q_lateral"] == 0
    assert values["af_score"] < 0.1
    assert values["p_absent"] == 0


def test_voltages_scale_and_times_do_not():
    ecg = make_ecg(np.arange(0.4, 9.8, 0.9), noise_mv=0.001)
    one, two = (named(ecg_features(representative_beat(e))) for e in (ecg, replace(ecg, signal_mv=2 * ecg.signal_mv)))
    assert two["r_V5_mv"] == pytest.approx(2 * one["r_V5_mv"], rel=0.02)
    assert two["qt_ms"] == pytest.approx(one["qt_ms"], abs=4)
    assert two["lvh_score"] > one["lvh_score"]


def test_a_flat_lead_is_not_measured_as_zero():
    ecg = make_ecg(np.arange(0.4, 9.8, 0.9), noise_mv=0.001)
    signal = ecg.signal_mv.copy()
    signal[10] = 0
    ecg = replace(ecg, signal_mv=signal, flat_leads=("V5",))
    values = named(ecg_features(representative_beat(ecg), ecg))
    assert np.isnan(values["r_V5_mv"])
    assert np.isfinite(values["r_V6_mv"])


def test_scores_tell_their_groups(real_records: list[RealRecord]):
    def mean_of(group: str, name: str) -> float:
        chosen = [r for r in real_records if r.row["group"] == group and r.row["quality"] == "ok"][:12]
        return float(np.mean([named(ecg_features(representative_beat(r.ecg)))[name] for r in chosen]))

    assert mean_of("lbbb", "lbbb_score") > 0.4 > 0.1 > mean_of("normal", "lbbb_score")
    assert mean_of("rbbb", "rbbb_score") > 0.3 > 0.1 > mean_of("normal", "rbbb_score")
    assert mean_of("af_flutter", "af_score") > 0.5 > 0.1 > mean_of("normal", "af_score")
