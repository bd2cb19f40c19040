"""The parts of the ESV error: each alone, and their sum."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.evaluation.beat import reference_of, voxel_ml
from cof_viewer.evaluation.error_split import error_split, largest_part, split_numbers
from tests.evaluation.made import ES, beat_of_truth, tube_case

TRUE = reference_of(tube_case())


def test_a_right_beat_has_no_parts():
    split = error_split(TRUE, beat_of_truth(TRUE))
    assert all(abs(v) < 1e-6 for v in split_numbers(split).values())


def test_only_segmentation():
    """Everything 10 % too large, EF and time right."""
    beat = beat_of_truth(TRUE, lv_ml=TRUE.lv_ml * 1.1)
    split = error_split(TRUE, beat)
    assert split.segmentation_ml == pytest.approx(0.1 * TRUE.esv_ml)
    assert split.total_ml == pytest.approx(split.segmentation_ml)
    assert split.largest == "segmentation"


def test_only_amplitude():
    """Half of the contraction."""
    edv = TRUE.lv_ml[0]
    curve = edv - 0.5 * (edv - TRUE.lv_ml)
    split = error_split(TRUE, beat_of_truth(TRUE, lv_ml=curve, ef_percent=TRUE.ef_percent / 2))
    assert split.amplitude_ml == pytest.approx(0.5 * (edv - TRUE.esv_ml))
    assert split.total_ml == pytest.approx(split.amplitude_ml)


def test_only_timing():
    """The right curve five phases late."""
    late = np.roll(TRUE.lv_ml, 5)
    late[:5] = TRUE.lv_ml[0]
    split = error_split(TRUE, beat_of_truth(TRUE, lv_ml=late, es_fraction=(ES + 5) / 25))
    assert split.timing_ml == pytest.approx(late[ES] - TRUE.esv_ml)
    assert split.timing_ml > 5
    assert split.total_ml == pytest.approx(split.timing_ml)


def test_only_through_plane():
    """ES loses a slice that the truth keeps."""
    labels = TRUE.labels.copy()
    lost = int((labels[ES, 1] == 1).sum()) * voxel_ml(10.0)
    labels[ES, 1] = 0
    curve = TRUE.lv_ml.copy()
    curve[ES] -= lost
    ef = 100 * (1 - curve[ES] / curve[0])
    split = error_split(TRUE, beat_of_truth(TRUE, labels=labels, lv_ml=curve, ef_percent=ef))
    assert split.through_plane_ml == pytest.approx(-lost)
    assert split.total_ml == pytest.approx(-lost)
    assert split.largest == "through_plane"


@given(st.floats(0.8, 1.2), st.floats(0.5, 1.3), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_the_parts_sum_to_the_error_at_the_true_es(size: float, depth: float, late: int):
    edv = size * TRUE.lv_ml[0]
    curve = edv - depth * size * (TRUE.lv_ml[0] - np.roll(TRUE.lv_ml, late))
    beat = beat_of_truth(TRUE, lv_ml=curve, ef_percent=100 * (1 - curve.min() / curve[0]), es_fraction=(ES + late) / 25)
    assert error_split(TRUE, beat).total_ml == pytest.approx(curve[ES] - TRUE.esv_ml, abs=1e-6)


def test_the_largest_part_of_a_record():
    split = replace(error_split(TRUE, beat_of_truth(TRUE)), timing_ml=-9.0, amplitude_ml=4.0)
    assert largest_part(split_numbers(split) | {"ef_error_points": 50.0}) == "timing"
    assert largest_part({"ef_error_points": 50.0}) == ""
