"""Patients simulated round a real record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.cohort.case import Kind, Origin
from cof_viewer.cohort.ecg_first import EcgFirstPatients, choose_condition, findings_of
from cof_viewer.cohort.real.ecgs import read_records
from cof_viewer.cohort.simulator import Condition, simulate
from cof_viewer.cohort.simulator.subject import Conduction, Findings
from cof_viewer.domain.errors import UserError
from cof_viewer.signal.beat import representative_beat
from cof_viewer.signal.features import FEATURE_NAMES, ecg_features


def _findings(**more: object) -> Findings:
    values = {
        "rr_ms": 800.0,
        "qt_ms": 390.0,
        "qrs_ms": 90.0,
        "onset_to_r_ms": 40.0,
        "pr_ms": 160.0,
        "conduction": Conduction.NORMAL,
        "fibrillation": False,
        "contractility": 0.0,
        "mass": 0.0,
    }
    return Findings(**{**values, **more})


def _simulated(**more: object):
    return simulate(3, Condition.NORMAL, "M", findings=_findings(**more), phases=2, picture=False)


def test_motion_keeps_the_records_clock():
    for qt in (360.0, 430.0):
        timing = _simulated(qt_ms=qt).timing
        assert timing.rr_ms == pytest.approx(800.0)
        assert abs(timing.es_ms - (qt - 40.0)) <= 30.0
    assert _simulated(qt_ms=430.0).timing.es_ms - _simulated(qt_ms=360.0).timing.es_ms == pytest.approx(70.0)


def test_contractility_and_voltage_pull_on_the_heart():
    strong, weak = _simulated(contractility=2.0), _simulated(contractility=-2.0)
    assert strong.truth.ef_percent > weak.truth.ef_percent + 8
    assert _simulated(mass=2.0).truth.lv_mass_g > _simulated(mass=-2.0).truth.lv_mass_g + 20


def test_fibrillation_has_no_kick():
    assert _simulated(fibrillation=True, pr_ms=None).timing.kick_ms is None


def test_diagnosis_and_q_waves_choose_the_condition():
    rng = np.random.default_rng(0)
    q = {"q_anterior": 0.0, "q_inferior": 0.67, "q_lateral": 0.25}
    assert choose_condition("mi_unspecified", q, rng) == Condition.INFARCT_INFERIOR
    assert choose_condition("mi_anterior", q, rng) == Condition.INFARCT_ANTERIOR
    assert choose_condition("normal", q, rng) == Condition.NORMAL
    assert choose_condition("lbbb", q, rng) in (Condition.LBBB, Condition.DILATED)


def test_axis_of_the_record_is_handed_on():
    ecg = simulate(3, phases=2, picture=False).ecg
    beat = representative_beat(ecg)
    measured = dict(zip(FEATURE_NAMES, ecg_features(beat, ecg).tolist(), strict=True))
    found = findings_of("x1", "normal", beat, measured, np.random.default_rng(0))
    assert found.axis_degrees == beat.intervals.axis_degrees
    assert found.axis_degrees is not None


def test_a_rate_out_of_range_is_named():
    patient = simulate(3, Condition.NORMAL, heart_rate_bpm=60, phases=2, picture=False)
    beat = representative_beat(patient.ecg)
    measured = dict(zip(FEATURE_NAMES, ecg_features(beat).tolist(), strict=True))
    with pytest.raises(UserError, match="heart rate of ECG x1"):
        findings_of("x1", "normal", replace(beat, rr_ms=300.0), measured, np.random.default_rng(0))


def test_unreadable_records_are_named(tmp_path):
    with pytest.raises(UserError, match=r"records\.h5"):
        EcgFirstPatients(tmp_path).requests()


def test_a_real_record_gets_its_beat(data_dir):
    folder = data_dir / "ecg"
    source = EcgFirstPatients(folder)
    requests = source.requests()
    assert len({r.case_id for r in requests}) == len(requests)
    part_of = {r.patient_id: r.part for r in read_records(folder)}
    assert all(r.part == part_of[r.patient_id.removeprefix("ecg:")] for r in requests)
    request = next(r for r in requests if r.group == "lbbb")
    case = source.make(request)
    record = next(r for r in read_records(folder) if r.record_id == request.what[0])
    beat = representative_beat(record.ecg)
    assert case.kind == Kind.ECG_FIRST
    assert np.array_equal(case.ecg_mv, record.signal_mv)
    assert case.rr_ms == pytest.approx(beat.rr_ms)
    assert case.numbers["qt_ms"] == beat.intervals.qt_ms
    assert case.origins["ecg"] == Origin.MEASURED
    assert case.numbers["lateral_delay_ms"] > 70
    assert source.make(request).image.tobytes() == case.image.tobytes()
