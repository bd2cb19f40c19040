"""The conformal half-width."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.learning.calibrate import conformal_half_width


def test_ranks_by_hand():
    assert conformal_half_width(list(range(1, 20))) == 18  # ceil(.9 * 20) = 18th of 19
    assert conformal_half_width([3.0, -5.0, 1.0]) == 5.0  # too few: the largest


def test_it_covers_what_it_says_on_new_draws():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        errors = rng.normal(size=60)
        covered.append(abs(rng.normal()) <= conformal_half_width(errors.tolist()))
    assert 0.86 < np.mean(covered) < 0.95


def test_no_errors_is_no_calibration():
    with pytest.raises(ValueError, match="no errors"):
        conformal_half_width([])
