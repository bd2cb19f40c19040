"""Good anchors and ECGs made bad on purpose, to see whether the quality gate notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.domain.ecg import LEADS, Ecg
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, Volume

Signal = NDArray[np.float32]
Labels = NDArray[np.uint8]
_LONG_AXIS_SLICE_MM = 8.0


def arms_exchanged(signal: Signal, rng: np.random.Generator) -> Signal:
    """Electrodes of the right and left arm exchanged: I turns over, II and III, aVR and aVL change places."""
    out = signal.copy()
    out[0] = -signal[0]
    out[[1, 2, 3, 4]] = signal[[2, 1, 4, 3]]
    return out


def leg_exchanged(signal: Signal, rng: np.random.Generator) -> Signal:
    """Electrodes of the right arm and right leg exchanged: both legs hold one potential, so II is flat."""
    out, third = signal.copy(), signal[2]
    flat = rng.normal(0.0, 0.005, third.shape)
    out[:6] = np.stack([-third, flat, third, third / 2, -third, third / 2])
    return out


def chest_exchanged(first: str, second: str) -> Callable[[Signal, np.random.Generator], Signal]:
    """Two chest electrodes exchanged."""

    def spoil(signal: Signal, rng: np.random.Generator) -> Signal:
        a, b = LEADS.index(first), LEADS.index(second)
        out = signal.copy()
        out[[a, b]] = signal[[b, a]]
        return out

    return spoil


def noisy(signal: Signal, rng: np.random.Generator) -> Signal:
    """White noise, as of tense muscles, of a tenth of the size of each record's limb leads."""
    size = 0.1 * float(np.ptp(signal[:6], axis=1).mean())
    return np.asarray(signal + rng.normal(0.0, size, signal.shape), dtype=np.float32)


def paced(signal: Signal, rng: np.random.Generator) -> Signal:
    """A spike of 2 ms and 0.5 to 2 mV 60 ms before every R peak."""
    from cof_viewer.signal import r_peaks

    out = signal.copy()
    size = rng.uniform(0.5, 2.0, len(LEADS)) * np.sign(rng.normal(size=len(LEADS)))
    for peak in r_peaks(Ecg(signal, 500.0, ())):
        if peak >= 30:
            out[:, peak - 30] += size
    return out


def fibrillating(signal: Signal, rng: np.random.Generator) -> Signal:
    """Every RR interval stretched or pressed at random (SD 20 %), as the ventricles follow in atrial fibrillation."""
    from cof_viewer.signal import r_peaks

    peaks = r_peaks(Ecg(signal, 500.0, ()))
    knots = np.concatenate([[0], peaks, [signal.shape[1] - 1]]).astype(float)
    gaps = np.diff(knots) * np.clip(rng.normal(1.0, 0.2, len(knots) - 1), 0.55, 1.6)
    moved = np.concatenate([[0.0], np.cumsum(gaps)])
    at = np.interp(np.arange(signal.shape[1]), moved / moved[-1] * (signal.shape[1] - 1), knots)
    return np.stack([np.interp(at, np.arange(signal.shape[1]), lead) for lead in signal]).astype(np.float32)


SPOILED_ECGS: dict[str, tuple[Callable[[Signal, np.random.Generator], Signal], tuple[str, ...]]] = {
    "arm electrodes exchanged": (arms_exchanged, ("arms-exchanged",)),
    "arm and leg electrode exchanged": (leg_exchanged, ("leg-electrode",)),
    "V1 and V6 exchanged": (chest_exchanged("V1", "V6"), ("chest-leads-exchanged",)),
    "V2 and V5 exchanged": (chest_exchanged("V2", "V5"), ("chest-leads-exchanged",)),
    "V3 and V4 exchanged": (chest_exchanged("V3", "V4"), ("chest-leads-exchanged",)),
    "muscle noise": (noisy, ("ecg-noisy",)),
    "pacing spikes": (paced, ("paced",)),
    "random RR intervals": (fibrillating, ("irregular-rhythm", "many-ectopics")),
}
"""What is done to a record, and the codes of which the gate should give at least one."""


def spoiled_ecg(ecg: Ecg, kind: str, seed: int) -> Ecg:
    """A record spoiled in one of the ways of `SPOILED_ECGS`."""
    spoil, _ = SPOILED_ECGS[kind]
    return replace(ecg, signal_mv=spoil(ecg.signal_mv, np.random.default_rng(seed)))


def _volume(data: NDArray[np.floating], volume: Volume) -> Volume:
    shape = (data.shape[0], data.shape[1], data.shape[2])
    known = volume.grid.spacing_known
    grid = grid_from_spacing(shape, volume.grid.spacing_mm, spacing_known=known, orientation_known=False)
    return Volume(np.ascontiguousarray(data, dtype=np.float32), grid)


def long_axis(volume: Volume, labels: Labels, rng: np.random.Generator) -> Volume:
    """The same body cut along the heart's long axis: slices run down the rows."""
    x_mm, y_mm, z_mm = volume.grid.spacing_mm
    fine = ndimage.zoom(volume.data, (z_mm / x_mm, 1, 1), order=1)
    step = max(1, round(_LONG_AXIS_SLICE_MM / y_mm))
    cut = np.pad(fine.transpose(1, 0, 2)[::step], ((0, 0), (30, 30), (0, 0)), mode="edge")
    grid = grid_from_spacing(cut.shape, (x_mm, x_mm, step * y_mm), orientation_known=False)
    return Volume(np.ascontiguousarray(cut, dtype=np.float32), grid)


def like_ct(volume: Volume, labels: Labels, rng: np.random.Generator) -> Volume:
    """No contrast between blood and wall, as in a CT without contrast medium."""
    heart = ndimage.binary_dilation(labels > 0, iterations=2)
    wall = labels == Label.MYO
    grey = float(np.median(volume.data[wall])) if wall.any() else float(np.median(volume.data))
    return _volume(np.where(heart, grey, volume.data) + rng.normal(0.0, 4.0, volume.data.shape), volume)


def negative(volume: Volume, labels: Labels, rng: np.random.Generator) -> Volume:
    """Bright and dark exchanged: black blood."""
    return _volume(volume.data.max() - volume.data, volume)


def empty_slices(volume: Volume, labels: Labels, rng: np.random.Generator) -> Volume:
    """Every third slice without a picture."""
    data = volume.data.copy()
    data[1::3] = 0.0
    return _volume(data, volume)


def shifted_slices(volume: Volume, labels: Labels, rng: np.random.Generator) -> Volume:
    """Each slice moved by up to 25 mm either way, as by breaths held at different depths."""
    most = max(1, round(25.0 / volume.grid.spacing_mm[0]))
    moved = [np.roll(plane, tuple(rng.integers(-most, most + 1, 2)), (0, 1)) for plane in volume.data]
    return _volume(np.stack(moved), volume)


def very_noisy(volume: Volume, labels: Labels, rng: np.random.Generator) -> Volume:
    """Noise of twice the picture's own deviation."""
    return _volume(volume.data + rng.normal(0.0, 2.0 * volume.data.std(), volume.data.shape), volume)


def only_noise(volume: Volume, labels: Labels, rng: np.random.Generator) -> Volume:
    """Nothing but noise."""
    return _volume(rng.normal(100.0, 20.0, volume.data.shape), volume)


SPOILED_ANCHORS: dict[str, Callable[[Volume, Labels, np.random.Generator], Volume]] = {
    "cut along the long axis": long_axis,
    "CT without contrast": like_ct,
    "bright and dark exchanged": negative,
    "every third slice empty": empty_slices,
    "slices shifted up to 25 mm": shifted_slices,
    "heavy noise": very_noisy,
    "nothing but noise": only_noise,
}
"""What is done to a stack; the gate should refuse it, stop, or give a caution."""
