"""Dice against its definition, and phases compared at equal fraction of the beat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cof_viewer.anatomy.agreement import agreement, class_dice, dice, phase_at
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import LabelCine

label_maps = hnp.arrays(np.uint8, (2, 5, 6), elements=st.integers(0, 3))


def test_dice_by_hand():
    assert dice([1, 1, 1, 0], [0, 1, 1, 1]) == pytest.approx(2 * 2 / 6)
    assert dice([0, 0], [0, 0]) == 1.0
    assert dice([1, 0], [0, 0]) == 0.0
    with pytest.raises(ValueError, match="differ in shape"):
        dice([1], [1, 0])


@settings(max_examples=50, deadline=None)
@given(label_maps, label_maps)
def test_class_dice_is_dice_of_each_class(a, b):
    scores = class_dice(a, b)
    assert scores == pytest.approx([dice(a == label, b == label) for label in range(4)])


def test_phase_at_is_a_circle():
    assert phase_at(0.97, 10) == 0
    assert phase_at(0.52, 10) == 5
    assert phase_at(0.0, 4, (20.0, 270.0, 520.0, 990.0), 1000.0) == 3
    assert phase_at(0.25, 3, None, None) == 1


def test_equal_fraction_of_the_beat():
    grid = grid_from_spacing((1, 4, 8), (1, 1, 1))

    def beat(widths):
        data = np.zeros((len(widths), 1, 4, 8), dtype=np.uint8)
        for phase, width in enumerate(widths):
            data[phase, 0, :, :width] = 1
        return LabelCine(data, grid)

    result = agreement(beat([8, 8, 4, 4]), beat([8, 4]))
    assert result.lv_dice == pytest.approx((1, 1, 1, 2 * 4 / 12))  # ties go to the earlier phase
    assert result.rv_dice == (1.0,) * 4
    with pytest.raises(ValueError, match="grids differ"):
        agreement(beat([8]), LabelCine(np.zeros((1, 1, 4, 7), np.uint8), grid_from_spacing((1, 4, 7), (1, 1, 1))))
