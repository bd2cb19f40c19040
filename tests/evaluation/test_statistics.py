"""Intervals and tests against published examples and against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from cof_viewer.evaluation.statistics import (
    binomial_interval,
    bootstrap_mean,
    holm,
    sign_flip_p,
    signed_rank_p,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # the exact (Clopper-Pearson) intervals of Newcombe 1998, Statistics in Medicine 17:857, table I
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0000, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_exact_binomial_intervals_as_published(successes, trials, low, high):
    found = binomial_interval(successes, trials)
    assert found.value == successes / trials
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_all_successes_reach_one_and_impossible_counts_are_refused():
    assert binomial_interval(20, 20).high == 1.0
    assert binomial_interval(20, 20).low == pytest.approx(1 - 0.1684, abs=5e-5)
    assert math.isnan(binomial_interval(0, 0).value)
    with pytest.raises(ValueError, match="successes"):
        binomial_interval(3, 2)


def test_holm_as_in_his_own_example():
    # Holm 1979, Scandinavian Journal of Statistics 6:65, and every text book since
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_leaves_out_what_was_not_tested():
    corrected = holm([0.01, math.nan, 0.02])
    assert corrected[0] == pytest.approx(0.02)
    assert math.isnan(corrected[1])
    assert corrected[2] == pytest.approx(0.02)


def test_bootstrap_interval_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(1).normal(5.0, 2.0, 200)
    found = bootstrap_mean(values, seed=3)
    half = 1.96 * values.std() / math.sqrt(200)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.06)
    assert found.high == pytest.approx(values.mean() + half, abs=0.06)
    assert bootstrap_mean(values, seed=3) == found
    assert bootstrap_mean([*values, math.nan], seed=3) == found
    assert math.isnan(bootstrap_mean([math.nan]).value)


def test_signed_ranks_of_darwins_plants():
    # Fisher 1935: heights of cross- and self-fertilised plants, differences in eighths of an inch
    plants = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert signed_rank_p(plants) == pytest.approx(stats.wilcoxon(plants).pvalue)
    assert signed_rank_p(plants) == pytest.approx(0.0413, abs=2e-4)
    # Fisher's own count of the 2^15 signs: 1726 of 32768 as far from zero
    assert sign_flip_p(plants) == pytest.approx(1726 / 32768, abs=0.005)
    assert sign_flip_p(plants[:10]) == pytest.approx(
        stats.permutation_test((plants[:10],), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    )


def test_too_few_pairs_or_no_difference_prove_nothing():
    assert math.isnan(signed_rank_p([1.0, 2.0, 3.0]))
    assert signed_rank_p([0.0] * 8) == 1.0
    assert math.isnan(sign_flip_p([]))
