"""What the anchor's shape tells the generator: a vector of sizes, ratios and radii read off the anatomical frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.frame import ANGLES, LEVELS, AnatomicalFrame

_HARMONICS = 2


def anatomy_features(labels: NDArray[np.uint8], frame: AnatomicalFrame, slice_mm: float) -> NDArray[np.float32]:
    """Shape of the anchor in numbers.

    Args:
        labels: canonical [z, 128, 128].
        frame: read off the same labels.
        slice_mm: distance between slices.

    Returns:
        float32 [`ANATOMY_FEATURES`]: logs of volumes (mL), ratios, and profiles over level and angle (mm or ratio).
    """
    voxel_ml = CANONICAL_SPACING_MM**2 * slice_mm / 1000.0
    lv, wall, rv = (float((labels == k).sum()) * voxel_ml + 1.0 for k in (Label.LV, Label.MYO, Label.RV))
    length_mm = (frame.last - frame.first + 1) * slice_mm
    levels = _at_levels(frame)  # [level, angle, 3]
    endo, epi, right = (levels[..., k] for k in range(3))
    thickness = epi - endo
    sizes = [np.log(lv), np.log(wall), np.log(rv), np.log(wall / lv), np.log(rv / lv), frame.scale_mm, length_mm]
    sizes += [lv / (length_mm / 10.0) ** 3, float(thickness.mean()), float(thickness.std()), float(endo.std())]
    rv_slices = float(((labels == Label.RV).sum(axis=(1, 2)) > 20).sum()) * slice_mm
    sizes += [rv_slices, float(thickness.min()), float(thickness.max())]
    profiles = [
        endo.mean(axis=1),
        thickness.mean(axis=1),
        right[:, [0, 1, -1]].mean(axis=1) - epi[:, [0, 1, -1]].mean(axis=1),
    ]
    waves = [_harmonics(endo), _harmonics(thickness)]
    return np.concatenate([np.asarray(sizes), *profiles, *waves]).astype(np.float32)


ANATOMY_FEATURES = 14 + 3 * LEVELS + 2 * 2 * (2 * _HARMONICS)


def _at_levels(frame: AnatomicalFrame) -> NDArray[np.float64]:
    """[level, angle, 3] radii interpolated along the axis."""
    place = np.linspace(frame.first, frame.last, LEVELS)
    low = np.minimum(place.astype(int), frame.slices - 1)
    high = np.minimum(low + 1, frame.slices - 1)
    share = (place - low)[:, None, None]
    return np.asarray(frame.radii_mm[low] * (1 - share) + frame.radii_mm[high] * share)


def _harmonics(radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """First two angular harmonics, cosine and sine, of the basal and the apical half."""
    halves = np.stack([radius[: LEVELS // 2].mean(axis=0), radius[LEVELS // 2 :].mean(axis=0)])
    waves = np.fft.rfft(halves, axis=1)[:, 1 : 1 + _HARMONICS] / ANGLES * 2
    return np.concatenate([waves.real.ravel(), waves.imag.ravel()])
