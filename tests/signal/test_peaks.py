"""R peaks: of made trains with known times, of simulated patients, and of the real records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.domain.ecg import Ecg
from cof_viewer.signal import r_peaks
from tests.signal.conftest import RealRecord, make_ecg


def found_ms(ecg: Ecg) -> np.ndarray:
    return r_peaks(ecg) * 2.0


@settings(max_examples=12, deadline=None)
@given(rate=st.floats(35, 180), noise=st.floats(0, 0.06), offset=st.floats(0.2, 0.5))
def test_peaks_of_a_regular_train_are_found_to_a_few_milliseconds(rate: float, noise: float, offset: float):
    times = np.arange(offset, 9.7, 60 / rate)
    peaks = found_ms(make_ecg(times, noise_mv=noise))
    assert len(peaks) == len(times)
    np.testing.assert_allclose(peaks, times * 1000, atol=9)


def test_wander_mains_and_a_torn_electrode_do_no_harm():
    times = np.arange(0.4, 9.8, 0.85)
    ecg = make_ecg(times, noise_mv=0.02)
    clock = np.arange(5000) / 500
    signal = ecg.signal_mv + 0.8 * np.sin(2 * np.pi * 0.2 * clock) + 0.1 * np.sin(2 * np.pi * 50 * clock)
    signal[9] += np.where((clock > 3) & (clock < 6), 4 * np.sign(np.sin(2 * np.pi * 3.1 * clock)), 0)
    signal[6] = 0
    peaks = found_ms(replace(ecg, signal_mv=signal.astype(np.float32)))
    np.testing.assert_allclose(peaks, times * 1000, atol=9)


def test_flat_noise_and_a_sine_have_no_peaks():
    noise = np.random.default_rng(0).normal(0, 0.03, (12, 5000)).astype(np.float32)
    sine = np.tile(np.sin(np.arange(5000) / 500 * 2 * np.pi), (12, 1)).astype(np.float32)
    for signal in (np.zeros((12, 5000), np.float32), noise, sine):
        assert len(r_peaks(Ecg(signal, 500, ()))) == 0


def test_tall_t_waves_are_no_beats():
    times = np.arange(0.4, 9.8, 1.0)
    ecg = make_ecg(times)
    tall = np.zeros(5000)
    clock = np.arange(5000) / 500
    for r in times:
        tall += 1.0 * np.exp(-0.5 * ((clock - r - 0.27) / 0.05) ** 2)
    peaks = found_ms(replace(ecg, signal_mv=(ecg.signal_mv + tall).astype(np.float32)))
    np.testing.assert_allclose(peaks, times * 1000, atol=9)


def test_simulated_patients_agree_with_the_truth():
    simulator = pytest.importorskip("cof_viewer.cohort.simulator")
    for seed in range(8):
        case = simulator.simulate(seed, picture=False)
        truth = np.array([t for t in case.r_peaks_ms if 120 < t < case.ecg.seconds * 1000 - 120])
        peaks = found_ms(case.ecg)
        inside = peaks[(peaks > 110) & (peaks < case.ecg.seconds * 1000 - 110)]
        assert len(inside) == len(truth), seed
        np.testing.assert_allclose(inside, truth, atol=25)


def test_rates_of_the_real_records_agree_with_neurokit(real_records: list[RealRecord]):
    """97 of 100 within 5 %; the rest are rhythms in which NeuroKit2 counts P or T waves, or misses beats."""
    agree = []
    for record in real_records[::2]:
        gaps = np.diff(r_peaks(record.ecg))
        if len(gaps) == 0:
            agree.append(False)
            continue
        rates = 30_000 / np.array([gaps.mean(), np.median(gaps)])
        agree.append(bool((np.abs(rates / record.number("hr_nk") - 1) < 0.05).any()))
    assert np.mean(agree) > 0.94
