"""Fréchet distance of two sets of feature vectors, as between two normal distributions.

d² = |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau 1982; Heusel 2017). The distance does not
change when both sets are turned into the space they span, far smaller for some hundred patients than the features'.
Covariances are shrunk (Ledoit and Wolf 2004), because there are fewer patients than features; so distances of few
patients are biased and compared only with distances of the same patients and the same backbone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.evaluation.statistics import Interval

Array = NDArray[np.float64]

RESAMPLES = 50
"""As the paper does."""


def frechet_distance(ours: Array, true: Array, *, shrink: bool = True) -> float:
    """Squared Fréchet distance of two sets of vectors [n, features] (what is called FID).

    Raises:
        ValueError: fewer than two vectors in a set, or different lengths.
    """
    if ours.ndim != 2 or true.ndim != 2 or ours.shape[1] != true.shape[1] or min(len(ours), len(true)) < 2:
        raise ValueError(f"two sets of at least two vectors of one length are needed, not {ours.shape}, {true.shape}")
    ours, true = _in_their_span(ours, true)
    middle = ours.mean(axis=0) - true.mean(axis=0)
    first, second = (_covariance(x, shrink) for x in (ours, true))
    return float(middle @ middle + np.trace(first) + np.trace(second) - 2.0 * _trace_of_root(first, second))


def resampled_distance(ours: Array, true: Array, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The distance, with the 2.5th and 97.5th percentile of that of bootstrap samples of patients.

    Args:
        ours: [n, features], row by row the same patients as `true`.
        true: see there.
        seed: of the resampling.
        resamples: how many.
    """
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(0, len(ours), len(ours)) for _ in range(resamples)]
    found = [frechet_distance(ours[rows], true[rows]) for rows in drawn if len(set(rows.tolist())) > 1]
    low, high = np.percentile(found, (2.5, 97.5)) if found else (np.nan, np.nan)
    return Interval(frechet_distance(ours, true), float(low), float(high))


def _in_their_span(ours: Array, true: Array) -> tuple[Array, Array]:
    both = np.concatenate([ours, true]).astype(np.float64)
    both = both - both.mean(axis=0)
    if both.shape[1] > len(both):
        left, size, _ = np.linalg.svd(both, full_matrices=False)
        both = left * size
    return both[: len(ours)], both[len(ours) :]


def _covariance(vectors: Array, shrink: bool) -> Array:
    if not shrink:
        return np.atleast_2d(np.cov(vectors, rowvar=False))
    from sklearn.covariance import ledoit_wolf

    return np.asarray(ledoit_wolf(vectors)[0], dtype=np.float64)


def _trace_of_root(first: Array, second: Array) -> float:
    """Trace of (C1 C2)^(1/2), by C1^(1/2) C2 C1^(1/2), which is symmetric and has the same eigenvalues."""
    from scipy.linalg import sqrtm

    root = np.real(sqrtm(first))
    values = np.linalg.eigvalsh(root @ second @ root)
    return float(np.sqrt(np.maximum(values, 0.0)).sum())
