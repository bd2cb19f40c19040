"""EF and Dice of a pair, by hand."""

import numpy as np
import pytest

from cof_viewer.evaluation.pairs import ejection_fraction, structure_dice


def test_ef_by_counting():
    ed, es = np.zeros((2, 10), np.uint8), np.zeros((2, 10), np.uint8)
    ed[0, :8], es[0, :2] = 1, 1
    ed[1], es[1] = 3, 3
    assert ejection_fraction(ed, es) == pytest.approx(75.0)


def test_dice_of_each_structure():
    a, b = np.array([1, 1, 2, 3]), np.array([1, 2, 2, 0])
    assert structure_dice(a, b) == pytest.approx((2 / 3, 2 / 3, 0.0))
