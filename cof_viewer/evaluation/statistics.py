"""The statistics of the tables: intervals, paired tests, and the correction for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
FEWEST_PAIRS = 6
"""With fewer pairs no two-sided signed-rank test can fall below p = .05."""

_SIGN_FLIPS = 20_000
_EXACT_FLIPS = 14


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; NaN where there is nothing to estimate from."""

    value: float
    low: float
    high: float


def bootstrap_mean(values: ArrayLike, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Mean of the finite values with its percentile bootstrap interval (Efron 1979), resampled by value.

    Args:
        values: [n], one number a patient.
        seed: of the resampling.
        resamples: how many.
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[np.isfinite(given)]
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = known[rng.integers(0, len(known), (resamples, len(known)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(known.mean()), float(low), float(high))


def binomial_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Share of successes with the exact interval of Clopper and Pearson (1934).

    Raises:
        ValueError: more successes than trials, or fewer than none.
    """
    from scipy.stats import beta

    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    tail = (1.0 - level) / 2.0
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1.0 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return Interval(successes / trials, low, high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Step-down corrected p values (Holm 1979), in the order given; NaN stays NaN and is not counted."""
    given = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(given))
    out = np.full(len(given), np.nan)
    reached = 0.0
    for rank, index in enumerate(known[np.argsort(given[known], kind="stable")]):
        reached = max(reached, min(1.0, (len(known) - rank) * float(given[index])))
        out[index] = reached
    return [float(p) for p in out]


def signed_rank_p(differences: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test on paired differences, zeros shared out (Pratt 1959).

    NaN with fewer than `FEWEST_PAIRS` finite differences; 1 where none differs from zero.
    """
    from scipy.stats import wilcoxon

    known = _finite(differences)
    if len(known) < FEWEST_PAIRS:
        return float("nan")
    if not known.any():
        return 1.0
    return float(wilcoxon(known, zero_method="pratt").pvalue)


def sign_flip_p(differences: ArrayLike, seed: int = 0) -> float:
    """Two-sided p of the mean of paired differences by flipping their signs (Fisher's randomisation test).

    All flips are made up to 14 pairs, 20,000 random ones beyond.
    """
    known = _finite(differences)
    if not len(known):
        return float("nan")
    if len(known) <= _EXACT_FLIPS:
        bits = np.arange(2 ** len(known))[:, None] >> np.arange(len(known)) & 1
        signs = 1.0 - 2.0 * bits
        means = np.abs((signs * known).mean(axis=1))
        return float((means >= abs(known.mean()) - 1e-12).mean())
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (_SIGN_FLIPS, len(known)))
    beyond = int((np.abs((signs * known).mean(axis=1)) >= abs(known.mean()) - 1e-12).sum())
    return (beyond + 1) / (_SIGN_FLIPS + 1)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(values, dtype=np.float64)
    return given[np.isfinite(given)]
