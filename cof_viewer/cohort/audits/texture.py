"""Hand-made features of a case's pictures, and the Fréchet distance between two sets of them.

They describe grey levels, contrasts and grain, nothing else: the distance says whether pictures are alike in these,
not whether a heart looks like one.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import CohortCase
from cof_viewer.domain.image import Label

Array = NDArray[np.float64]

_PERCENTILES = (5, 25, 50, 75, 95)
_BANDS = 6
_WINDOW = 64
"""Pixels in the middle of the box that are looked at: the heart, without most of what a crop cut off."""

FEATURE_NAMES = (
    *(f"grey_p{p}" for p in _PERCENTILES),
    *("lv_mean", "lv_sd", "wall_mean", "wall_sd", "rv_mean", "blood_over_wall", "edge", "flicker"),
    *(f"power_{band}" for band in range(_BANDS)),
)
"""Names of `texture_features`, in order."""


def texture_features(case: CohortCase) -> Array:
    """[len(FEATURE_NAMES)] features of the slice with the largest LV, mean of ED and ES; NaN where not measurable."""
    z = int(np.argmax((case.labels[0] == Label.LV).sum(axis=(1, 2))))
    flicker = _flicker(case, z)
    ends = [_of_slice(case.image[t, z], case.labels[t, z], flicker) for t in (0, case.es_phase)]
    return np.asarray(np.mean(ends, axis=0))


def frechet_distance(a: Array, b: Array) -> float:
    """Fréchet distance between two sets of features [n, f], taken as Gaussians (Dowson and Landau 1982).

    Columns are put in units of the pooled SD first, so that none rules by its unit. Needs n > 1 each.
    """
    pooled = np.concatenate([a, b])
    scale = np.where(pooled.std(axis=0) > 1e-9, pooled.std(axis=0), 1.0)
    a, b = a / scale, b / scale
    cov_a, cov_b = (np.cov(s, rowvar=False) for s in (a, b))
    root = np.sqrt(np.clip(np.linalg.eigvals(cov_a @ cov_b).real, 0.0, None)).sum()
    gap = a.mean(axis=0) - b.mean(axis=0)
    return float(max(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2.0 * root, 0.0))


def _of_slice(image: NDArray[np.uint8], labels: NDArray[np.uint8], flicker: float) -> Array:
    grey = image.astype(np.float64)
    imaged = grey > 0
    border = slice((len(grey) - _WINDOW) // 2, (len(grey) + _WINDOW) // 2)
    grey, imaged, labels = grey[border, border], imaged[border, border], labels[border, border]
    white = max(float(np.percentile(grey[imaged], 99)), 1.0) if imaged.any() else 1.0
    grey = grey / white
    inside = grey[imaged] if imaged.any() else np.zeros(1)
    lv, wall, rv = (grey[labels == k] for k in (Label.LV, Label.MYO, Label.RV))
    means = [float(part.mean()) if part.size else np.nan for part in (lv, wall, rv)]
    sds = [float(part.std()) if part.size else np.nan for part in (lv, wall)]
    filled = np.where(imaged, grey, inside.mean())  # what was not imaged is no edge and no texture
    step = np.hypot(*np.gradient(filled))
    values = [*np.percentile(inside, _PERCENTILES), means[0], sds[0], means[1], sds[1], means[2]]
    values += [means[0] / max(means[1], 1e-3) if np.isfinite(means[1]) else np.nan, float(step[imaged].mean()), flicker]
    return np.array([*values, *_power(filled)])


def _power(grey: Array) -> list[float]:
    """Log power of the picture in rings of spatial frequency, of log-spaced width."""
    window = np.outer(np.hanning(len(grey)), np.hanning(grey.shape[1]))
    power = np.abs(np.fft.fftshift(np.fft.fft2((grey - grey.mean()) * window))) ** 2
    y, x = np.indices(grey.shape)
    radius = np.hypot(y - grey.shape[0] // 2, x - grey.shape[1] // 2)
    edges = np.geomspace(1.0, grey.shape[0] / 2, _BANDS + 1)
    rings = [power[(radius >= low) & (radius < high)] for low, high in pairwise(edges)]
    return [float(np.log10(ring.mean() + 1e-6)) for ring in rings]


def _flicker(case: CohortCase, z: int) -> float:
    """Mean change between neighbouring phases outside the heart, over the mean grey there."""
    beyond = (case.labels[:, z] == 0).all(axis=0) & (case.image[:, z] > 0).all(axis=0)
    if not beyond.any():
        return float("nan")
    series = case.image[:, z][:, beyond].astype(np.float64)
    return float(np.abs(np.diff(series, axis=0)).mean() / max(series.mean(), 1.0))
