"""Filters for showing an ECG. Measuring never uses them: they move the borders of waves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import SAMPLING_HZ, Ecg

BASELINE_HZ = 0.5
LOW_PASS_HZ = 40.0
_NOTCH_QUALITY = 30.0


@dataclass(frozen=True)
class DisplayFilters:
    """Which filters the trace is shown with; all off shows the record as it is.

    Attributes:
        baseline: high-pass at 0.5 Hz, second order, both ways.
        low_pass: low-pass at 40 Hz, fourth order, both ways.
        notch_hz: mains frequency taken out, 50 or 60; 0 for none.
    """

    baseline: bool = False
    low_pass: bool = False
    notch_hz: int = 0

    @property
    def words(self) -> str:
        """As written on the trace, such as "0.5–40 Hz, notch 50 Hz"; "unfiltered" where all are off."""
        parts = []
        if self.baseline and self.low_pass:
            parts.append(f"{BASELINE_HZ:g}–{LOW_PASS_HZ:g} Hz")
        elif self.baseline:
            parts.append(f"high-pass {BASELINE_HZ:g} Hz")
        elif self.low_pass:
            parts.append(f"low-pass {LOW_PASS_HZ:g} Hz")
        if self.notch_hz:
            parts.append(f"notch {self.notch_hz} Hz")
        return ", ".join(parts) or "unfiltered"


def filtered(ecg: Ecg, filters: DisplayFilters) -> Ecg:
    """The record with the chosen filters; flat leads stay flat."""
    signal = np.asarray(ecg.signal_mv, dtype=np.float64)
    if filters.baseline:
        signal = high_pass(signal, BASELINE_HZ)
    if filters.low_pass:
        signal = low_pass(signal, LOW_PASS_HZ)
    if filters.notch_hz:
        signal = notch(signal, float(filters.notch_hz))
    return replace(ecg, signal_mv=signal.astype(np.float32))


def high_pass(signal: NDArray[np.float64], hz: float, *, order: int = 2) -> NDArray[np.float64]:
    """Zero-phase Butterworth high-pass along the last axis, at 500 Hz."""
    return _both_ways(signal, order, hz, "highpass")


def low_pass(signal: NDArray[np.float64], hz: float, *, order: int = 4) -> NDArray[np.float64]:
    """Zero-phase Butterworth low-pass along the last axis, at 500 Hz."""
    return _both_ways(signal, order, hz, "lowpass")


def band_pass(signal: NDArray[np.float64], low_hz: float, high_hz: float, *, order: int = 2) -> NDArray[np.float64]:
    """Zero-phase Butterworth band-pass along the last axis, at 500 Hz."""
    return _both_ways(signal, order, (low_hz, high_hz), "bandpass")


def notch(signal: NDArray[np.float64], hz: float) -> NDArray[np.float64]:
    """Zero-phase notch at a mains frequency along the last axis, at 500 Hz; its second harmonic goes with it."""
    from scipy.signal import filtfilt, iirnotch

    for frequency in (hz, 2 * hz):
        b, a = iirnotch(frequency, _NOTCH_QUALITY, SAMPLING_HZ)
        signal = filtfilt(b, a, signal, axis=-1)
    return np.asarray(signal)


def _both_ways(
    signal: NDArray[np.float64], order: int, hz: float | tuple[float, float], kind: str
) -> NDArray[np.float64]:
    from scipy.signal import butter, sosfiltfilt

    sos = butter(order, hz, btype=kind, fs=SAMPLING_HZ, output="sos")
    return np.asarray(sosfiltfilt(sos, signal, axis=-1))
