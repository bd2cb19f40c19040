"""Distances that are zero for likes and known for shifted sets; ECGs counted once and by family."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.audits.likeness import ALL, ecg_lines
from cof_viewer.cohort.audits.population import counts, origins, population
from cof_viewer.cohort.audits.texture import FEATURE_NAMES, frechet_distance, texture_features
from cof_viewer.cohort.case import Kind
from tests.cohort.audits.made import measured, tube


def test_frechet_distance_of_gaussians_known_by_hand() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(4000, 3))
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    shifted = a + np.array([2.0, 0.0, 0.0])
    # pooled SD of the first column: sqrt(1 + 1); the shift is 2 / sqrt(2) of it
    assert frechet_distance(a, shifted) == pytest.approx(2.0, rel=0.03)


def test_texture_of_a_plain_picture() -> None:
    values = dict(zip(FEATURE_NAMES, texture_features(tube()), strict=True))
    assert values["blood_over_wall"] == pytest.approx(200 / 90, rel=0.01)
    assert values["flicker"] == 0.0
    assert values["lv_sd"] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(values["rv_mean"])


def test_what_was_not_imaged_is_no_texture() -> None:
    case = tube()
    image = case.image.copy()
    image[..., :10] = 0
    image[..., 86:] = 0
    cut = type(case)(**{**vars(case), "image": image})
    assert np.allclose(texture_features(cut), texture_features(case), equal_nan=True)


def test_real_and_simulated_ecgs_meet_by_family() -> None:
    real = [
        measured(i, Kind.ECG_FIRST, 50, {"qrs_ms": 90.0 + i}, 0, group="lbbb", ecg_by="measured") for i in range(10)
    ]
    made = [measured(100 + i, Kind.SIMULATED, 50, {"qrs_ms": 190.0 + i}, 0, group="lbbb") for i in range(10)]
    lines = {(line.family, line.number): line for line in ecg_lines([*real, *real, *made])}
    line = lines["LBBB", "qrs_ms"]
    assert (len(line.real), len(line.simulated), line.apart) == (10, 10, 1.0)
    assert lines["LBBB", "qt_ms"].apart == 0.0
    assert (ALL, "qrs_ms") in lines
    assert ecg_lines(real) == []


def test_population_is_flagged_where_it_lies_outside() -> None:
    rng = np.random.default_rng(4)
    ef = rng.normal(58, 5, 400)
    good = population([measured(i, Kind.SIMULATED, v, {}, 0, sex="M") for i, v in enumerate(ef)])
    bad = population([measured(i, Kind.SIMULATED, 58 + 2 * (v - 58) + 4, {}, 0, sex="M") for i, v in enumerate(ef)])
    of = {(line.sex, line.metric): line for line in good}
    assert of["M", "ef_percent"].flags == ()
    assert of["M", "ef_percent"].published is not None
    assert of["M", "ef_percent"].published.given
    found = next(line for line in bad if (line.sex, line.metric) == ("M", "ef_percent")).flags
    assert len(found) == 2
    assert found[0].startswith("mean +0.")
    assert found[1].startswith("SD +")


def test_real_kinds_are_not_held_against_their_own_patients() -> None:
    lines = population([measured(i, Kind.MEASURED_CINE, 20.0 + i, {}, 0, group="DCM") for i in range(12)])
    assert {line.family for line in lines} == {"dilated"}
    assert all(line.published is None for line in lines)


def test_counts_and_origins() -> None:
    cases = [measured(i, Kind.SIMULATED, 50, {}, 0, group="normal" if i else "lbbb") for i in range(3)]
    assert counts(cases) == [("simulated", "lbbb", [1, 0, 0, 0]), ("simulated", "normal", [2, 0, 0, 0])]
    ((kind, cells),) = origins(cases)
    assert (kind, cells[0], cells[4]) == ("simulated", "measured 3", "simulated 3")
