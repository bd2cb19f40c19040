"""Display filters do to known sines what their words say."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.domain.ecg import Ecg
from cof_viewer.signal import DisplayFilters, filtered

CLOCK = np.arange(5000) / 500


def left_of(hz: float, filters: DisplayFilters) -> float:
    """Amplitude that is left of a sine of 1 mV, away from the ends."""
    signal = np.tile(np.sin(2 * np.pi * hz * CLOCK), (12, 1)).astype(np.float32)
    out = filtered(Ecg(signal, 500, ()), filters).signal_mv[0, 1000:4000]
    return float(np.sqrt(2) * out.std())


@pytest.mark.parametrize(
    ("filters", "hz", "least", "most"),
    [
        (DisplayFilters(baseline=True), 0.1, 0.0, 0.05),
        (DisplayFilters(baseline=True), 5, 0.98, 1.02),
        (DisplayFilters(low_pass=True), 10, 0.98, 1.02),
        (DisplayFilters(low_pass=True), 100, 0.0, 0.01),
        (DisplayFilters(notch_hz=50), 50, 0.0, 0.05),
        (DisplayFilters(notch_hz=50), 40, 0.9, 1.02),
        (DisplayFilters(notch_hz=60), 60, 0.0, 0.05),
    ],
)
def test_response(filters: DisplayFilters, hz: float, least: float, most: float):
    assert least <= left_of(hz, filters) <= most


def test_off_changes_nothing_and_says_so():
    signal = np.random.default_rng(0).normal(size=(12, 5000)).astype(np.float32)
    ecg = Ecg(signal, 500, ())
    np.testing.assert_array_equal(filtered(ecg, DisplayFilters()).signal_mv, signal)
    assert DisplayFilters().words == "unfiltered"
    assert DisplayFilters(baseline=True, low_pass=True, notch_hz=50).words == "0.5–40 Hz, notch 50 Hz"


def test_flat_leads_stay_flat():
    signal = np.random.default_rng(0).normal(size=(12, 5000)).astype(np.float32)
    signal[3] = 0
    out = filtered(Ecg(signal, 500, ()), DisplayFilters(True, True, 50))
    assert not out.signal_mv[3].any()
