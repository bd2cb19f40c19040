"""The samples that pretraining draws from ECG records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.real.ecgs import Record
from cof_viewer.engine.ecg_encoder import INPUT_HZ, INPUT_SAMPLES
from cof_viewer.learning.ecg.config import PretrainConfig
from cof_viewer.signal import r_peaks

Float = NDArray[np.float32]
_HALF = 2  # from 500 Hz to the encoder's 250 Hz


class Samples:
    """Draws of normalised [12, 2250] pieces: a stretch of a record, or one of its cycles repeated."""

    def __init__(self, records: list[Record], config: PretrainConfig) -> None:
        """Filter every record once and find its cycles."""
        self._config = config
        self._signals = [_filtered(record.signal_mv) for record in records]
        self._peaks = [r_peaks(record.ecg) // _HALF for record in records]

    def __len__(self) -> int:
        """How many records."""
        return len(self._signals)

    def batch(self, rng: np.random.Generator, size: int) -> Float:
        """[size, 12, 2250] random samples."""
        return np.stack([self._draw(int(rng.integers(len(self))), rng) for _ in range(size)])

    def plain(self, index: int) -> Float:
        """One record's middle 9 s, not changed."""
        signal = self._signals[index]
        first = (signal.shape[1] - INPUT_SAMPLES) // 2
        return _normalised(signal[:, first : first + INPUT_SAMPLES])

    def _draw(self, index: int, rng: np.random.Generator) -> Float:
        config, signal, peaks = self._config, self._signals[index], self._peaks[index]
        stretch = float(np.exp(rng.uniform(-config.stretch, config.stretch)))
        length = int(INPUT_SAMPLES * stretch)
        if rng.random() < config.cycles and len(peaks) > 2:
            which = int(rng.integers(len(peaks) - 1))
            cycle = signal[:, peaks[which] : peaks[which + 1]]
            signal = np.tile(_joined(cycle), (1, -(-length // cycle.shape[1]) + 1))
        length = min(length, signal.shape[1])
        first = int(rng.integers(signal.shape[1] - length + 1))
        piece = _resized(signal[:, first : first + length], INPUT_SAMPLES)
        gains = np.exp(rng.normal(0.0, config.gain, (piece.shape[0], 1)))
        return _normalised(piece * gains.astype(np.float32))


def _filtered(signal_mv: Float) -> Float:
    """[12, n at 250 Hz] filtered as the encoder wants it, the whole record."""
    from scipy.signal import butter, resample, sosfiltfilt

    halved = resample(signal_mv.astype(np.float64), signal_mv.shape[1] // _HALF, axis=1)
    for kind, hertz in (("highpass", 0.67), ("lowpass", 40.0)):
        halved = sosfiltfilt(butter(5, hertz, btype=kind, fs=INPUT_HZ, output="sos"), halved, axis=1)
    return np.asarray(halved, dtype=np.float32)


def _joined(cycle: Float) -> Float:
    """The line between the ends taken out, so that repeats join without a step."""
    slope = np.linspace(0.0, 1.0, cycle.shape[1], dtype=np.float32)[None]
    return np.asarray(cycle - slope * (cycle[:, -1:] - cycle[:, :1]))


def _resized(signal: Float, samples: int) -> Float:
    """Linear interpolation to another number of samples."""
    at = np.linspace(0, signal.shape[1] - 1, samples)
    low = np.minimum(at.astype(int), signal.shape[1] - 2)
    share = (at - low).astype(np.float32)
    return np.asarray(signal[:, low] * (1 - share) + signal[:, low + 1] * share)


def _normalised(signal: Float) -> Float:
    return np.asarray((signal - signal.mean()) / max(float(signal.std()), 1e-6), dtype=np.float32)
