"""Borders of waves: of made waves with known borders, of simulated patients, and against cardiologists' marks."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.domain.split import Split
from cof_viewer.signal import lead_intervals, representative_beat
from cof_viewer.signal.delineate import qrs_axis_degrees, without_pacing_spikes
from tests.signal.conftest import RealRecord, make_ecg


@pytest.mark.parametrize("lead", [None, "II"])
def test_known_borders_are_found(lead: str | None):
    beat = representative_beat(make_ecg(np.arange(0.4, 9.8, 0.9), noise_mv=0.004))
    marks = beat.intervals if lead is None else lead_intervals(beat, lead)
    assert marks.rr_ms == pytest.approx(900, abs=2)
    assert marks.qrs_ms == pytest.approx(90, abs=12)
    assert marks.pr_ms == pytest.approx(140, abs=14)
    assert marks.qt_ms == pytest.approx(420, abs=22)
    assert marks.p_ms == pytest.approx(100, abs=28)
    assert marks.t_peak_at_ms == pytest.approx(270, abs=8)


def test_marks_and_durations_agree():
    marks = representative_beat(make_ecg(np.arange(0.4, 9.8, 0.9), noise_mv=0.004)).intervals
    assert marks.qrs_end_at_ms - marks.qrs_onset_at_ms == pytest.approx(marks.qrs_ms)
    assert marks.t_end_at_ms - marks.qrs_onset_at_ms == pytest.approx(marks.qt_ms)
    assert marks.qrs_onset_at_ms - marks.p_onset_at_ms == pytest.approx(marks.pr_ms)
    assert marks.p_end_at_ms - marks.p_onset_at_ms == pytest.approx(marks.p_ms)


@pytest.mark.parametrize("degrees", [-60, 0, 45, 90, 150])
def test_axis_of_a_known_vector(degrees: float):
    shape = np.sin(np.linspace(0, np.pi, 50))
    angles = {0: 0, 1: 60, 2: 120, 5: 90}
    beat = np.zeros((12, 50))
    for lead, angle in angles.items():
        augmented = np.sqrt(3) / 2 if lead == 5 else 1.0
        beat[lead] = augmented * np.cos(np.radians(degrees - angle)) * shape
    assert qrs_axis_degrees(beat, 0, 49) == pytest.approx(degrees, abs=0.5)
    assert qrs_axis_degrees(beat * 0, 0, 49) is None


def test_a_pacing_spike_is_bridged_and_qrs_is_not():
    beat = representative_beat(make_ecg(np.arange(0.4, 9.8, 0.9)))
    clean = beat.median_mv.astype(float)
    r = round(-beat.median_start_ms / 2)
    spiked = clean.copy()
    spiked[:, r - 40] += 1.5
    np.testing.assert_allclose(without_pacing_spikes(spiked, r), clean, atol=0.02)
    np.testing.assert_array_equal(without_pacing_spikes(clean, r), clean)


def test_simulated_patients_agree_with_the_truth():
    """QT and PR to a few ms; QRS is not compared: late low slopes of a simulated block are below what leads show."""
    simulator = pytest.importorskip("cof_viewer.cohort.simulator")
    qt, pr = [], []
    for seed in range(8):
        case = simulator.simulate(seed, picture=False)
        marks = representative_beat(case.ecg).intervals
        qt.append(abs((marks.qt_ms or 0) - case.template.qt_ms))
        if case.truth.pr_ms and marks.pr_ms:
            pr.append(abs(marks.pr_ms - case.truth.pr_ms))
    assert np.mean(qt) < 10
    assert np.mean(pr) < 10


def test_lead_two_agrees_with_the_cardiologists(real_records: list[RealRecord]):
    """LUDB, training and validation patients: mean absolute error QRS <= 12, PR <= 15, QT <= 20 ms."""
    marked = [
        r
        for r in real_records
        if r.row["dataset"] == "LUDB" and r.part in {Split.TRAIN, Split.VALIDATION} and r.row["qrs_ms_ref"]
    ]
    assert len(marked) > 90
    measured = [lead_intervals(representative_beat(r.ecg), "II") for r in marked]
    for name, most in (("qrs_ms", 12.0), ("pr_ms", 15.0), ("qt_ms", 20.0)):
        errors = [
            abs(getattr(m, name) - r.number(f"{name}_ref"))
            for m, r in zip(measured, marked, strict=True)
            if getattr(m, name)
        ]
        errors = [e for e in errors if np.isfinite(e)]
        assert len(errors) > 80
        assert np.mean(errors) <= most, name


def test_conduction_shows_in_the_global_intervals(real_records: list[RealRecord]):
    def median_of(group: str, name: str) -> float:
        chosen = [r for r in real_records if r.row["group"] == group and r.row["quality"] == "ok"][:15]
        values = [getattr(representative_beat(r.ecg).intervals, name) for r in chosen]
        return float(np.median([v for v in values if v is not None]))

    assert median_of("lbbb", "qrs_ms") > 130
    assert median_of("rbbb", "qrs_ms") > 115
    assert 75 < median_of("normal", "qrs_ms") < 105
    assert median_of("avb1", "pr_ms") > 200
    assert 120 < median_of("normal", "pr_ms") < 185
