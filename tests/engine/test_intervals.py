"""Intervals that follow from three half-widths."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.domain.function import Function, Source
from cof_viewer.engine.intervals import (
    GeneratedCalibration,
    MeasuredCalibration,
    read_generated,
    read_measured,
    with_generated_intervals,
    with_measured_intervals,
)

CALIBRATION = GeneratedCalibration(ef_logit=0.8, edv_share=0.0, patients=85)


def function(ef: float = 50.0, edv: float = 150.0) -> Function:
    sv = edv * ef / 100
    curve = (edv, edv - sv / 2, edv - sv, edv - sv / 4)
    return Function(
        edv_ml=edv, esv_ml=edv - sv, sv_ml=sv, ef_percent=ef, heart_rate_bpm=60.0, cardiac_output_l_min=sv * 0.06,
        ed_phase=0, es_phase=2, lv_volume_ml=curve, source={"edv_ml": Source.MEASURED},
    )  # fmt: skip


def test_an_ef_of_one_half_has_the_logistic_interval_and_the_volumes_follow():
    found = with_generated_intervals(function(), CALIBRATION)
    low, high = 1 / (1 + math.exp(0.8)), 1 / (1 + math.exp(-0.8))
    assert found.interval90["ef_percent"] == pytest.approx((100 * low, 100 * high))
    assert found.interval90["esv_ml"] == pytest.approx((150 * (1 - high), 150 * (1 - low)))
    assert found.interval90["sv_ml"] == pytest.approx((150 * low, 150 * high))
    assert found.interval90["cardiac_output_l_min"] == pytest.approx((9 * low, 9 * high))
    assert found.interval90["edv_ml"] == pytest.approx((150, 150))


def test_the_band_closes_at_the_anchor_and_is_the_esv_interval_at_es():
    found = with_generated_intervals(function(), CALIBRATION)
    assert found.lv_band_ml is not None
    assert found.lv_band_ml[0] == pytest.approx((150, 150))
    assert found.lv_band_ml[2] == pytest.approx(found.interval90["esv_ml"])


def test_the_anchor_s_own_error_widens_in_quadrature():
    wide = GeneratedCalibration(0.8, 0.1, 85)
    narrow, found = (with_generated_intervals(function(), c).interval90["sv_ml"] for c in (CALIBRATION, wide))
    assert found[1] - 75 == pytest.approx(math.hypot(narrow[1] - 75, 7.5))


@given(st.floats(3, 92), st.floats(0.05, 2.0), st.floats(40, 400))
def test_intervals_hold_their_number_and_stay_possible(ef: float, half: float, edv: float):
    made = function(ef, edv)
    found = with_generated_intervals(made, GeneratedCalibration(half, 0.05, 50))
    for name, (low, high) in found.interval90.items():
        assert low - 1e-6 <= getattr(made, name) <= high + 1e-6
        assert low >= 0
    assert found.interval90["ef_percent"][1] <= 100


def test_nothing_is_shown_before_calibration():
    assert with_generated_intervals(function(), None) == function()
    assert with_measured_intervals(function(), None) == function()
    assert read_generated({}, simulated=False) is None
    assert read_measured({"figures": {}}) is None


def test_measured_numbers_get_the_segmenter_s_error():
    about = {"calibration": {"edv_share": 0.05, "esv_share": 0.2, "ef_points": 7.0, "patients": 29}}
    calibration = read_measured(about)
    assert calibration == MeasuredCalibration(0.05, 0.2, 7.0, 29)
    found = with_measured_intervals(function(), calibration).interval90
    assert found["ef_percent"] == pytest.approx((43, 57))
    assert found["esv_ml"] == pytest.approx((60, 90))
