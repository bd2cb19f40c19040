"""First figures: EF and Dice by hand, means over patients."""

import numpy as np
import pytest

from cof_viewer.evaluation.held_out import PatientScore, ejection_fraction, structure_dice, summary


def test_ef_by_counting() -> None:
    ed, es = np.zeros((2, 10), np.uint8), np.zeros((2, 10), np.uint8)
    ed[0, :8], es[0, :2] = 1, 1
    ed[1], es[1] = 3, 3
    assert ejection_fraction(ed, es) == pytest.approx(75.0)


def test_dice_of_each_structure() -> None:
    a, b = np.array([1, 1, 2, 3]), np.array([1, 2, 2, 0])
    assert structure_dice(a, b) == pytest.approx((2 / 3, 2 / 3, 0.0))


def test_means_over_patients() -> None:
    def score(generated_ef: float, lv: float) -> PatientScore:
        same = (lv, 0.5, 0.5)
        return PatientScore("x", "NOR", same, same, 58.0, same, same, generated_ef, 60.0, 0.0)

    figures = summary([score(50.0, 0.9), score(66.0, 0.7)])
    assert figures["generated_ef_mae"] == pytest.approx(8.0)
    assert figures["generated_ef_bias"] == pytest.approx(-2.0)
    assert figures["segmented_ef_mae"] == pytest.approx(2.0)
    assert figures["generated_dice_es"] == pytest.approx([0.8, 0.5, 0.5])
