"""The simulated ECG: laws of the leads, intervals, what each condition shows."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.simulator import Condition, SimulatedCase, simulate
from cof_viewer.cohort.simulator.subject import Conduction, Fascicle, Findings
from cof_viewer.domain.ecg import LEADS
from cof_viewer.signal.beat import representative_beat


def _cases(condition: Condition, count: int = 6, **more) -> list[SimulatedCase]:
    return [simulate(200 + i, condition, phases=2, picture=False, **more) for i in range(count)]


def _beat_of(case: SimulatedCase, lead: str):
    """(times from QRS onset in ms, mV) of the noise-free beat."""
    template = case.template
    signal = template.signal_mv[LEADS.index(lead)]
    return template.start_ms + 2.0 * np.arange(len(signal)), signal


def test_limb_leads_obey_einthoven_and_goldberger():
    for condition in (Condition.NORMAL, Condition.ATRIAL_FIBRILLATION):
        one, two, three, avr, avl, avf = simulate(9, condition, phases=2, picture=False).ecg.signal_mv[:6]
        assert np.abs(three - (two - one)).max() < 1e-5
        assert np.abs(avr + (one + two) / 2).max() < 1e-5
        assert np.abs(avl - (one - two / 2)).max() < 1e-5
        assert np.abs(avf - (two - one / 2)).max() < 1e-5


def test_record_is_ten_seconds_of_twelve_leads_and_says_so():
    ecg = simulate(9, phases=2, picture=False).ecg
    assert ecg.signal_mv.shape == (12, 5000)
    assert ecg.signal_mv.dtype == np.float32
    assert ecg.simulated
    assert 0.2 < np.abs(ecg.signal_mv).max() < 8


def test_measured_intervals_are_the_true_ones():
    """The project's own delineation, which knows nothing of the simulator."""
    for case in _cases(Condition.NORMAL):
        intervals = representative_beat(case.ecg).intervals
        assert intervals.qrs_ms == pytest.approx(case.truth.qrs_ms, abs=16)
        assert intervals.qt_ms == pytest.approx(case.truth.qt_ms, abs=24)
        assert intervals.pr_ms == pytest.approx(case.truth.pr_ms, abs=24)


def test_r_peaks_are_one_rr_apart():
    case = simulate(12, Condition.NORMAL, heart_rate_bpm=75, phases=2, picture=False)
    gaps = np.diff(case.r_peaks_ms)
    assert gaps.mean() == pytest.approx(800, rel=0.04)
    assert gaps.std() / gaps.mean() < 0.06
    found = np.array(representative_beat(case.ecg).r_peaks_ms)
    true = np.array(case.r_peaks_ms)
    assert max(np.abs(true - peak).min() for peak in found) < 30


def test_fibrillation_is_irregular_without_p():
    case = simulate(13, Condition.ATRIAL_FIBRILLATION, phases=2, picture=False)
    gaps = np.diff(case.r_peaks_ms)
    assert gaps.std() / gaps.mean() > 0.1
    assert not case.template.p_mv.any()
    assert case.timing.kick_ms is None


def test_left_bundle_branch_block_widens_qrs():
    normal = np.mean([c.truth.qrs_ms for c in _cases(Condition.NORMAL)])
    block = [c.truth.qrs_ms for c in _cases(Condition.LBBB)]
    assert 70 < normal < 105
    assert np.mean(block) > 128
    for case in _cases(Condition.LBBB, 3):
        times, v1 = _beat_of(case, "V1")
        within = (times > 0) & (times < case.truth.qrs_ms)
        assert v1[within].min() < -2 * v1[within].max()
        times, lateral = _beat_of(case, "V6")
        assert lateral[within].max() > -2 * lateral[within].min()


def test_right_bundle_branch_block_ends_in_v1_upwards():
    for case in _cases(Condition.RBBB, 4):
        times, v1 = _beat_of(case, "V1")
        late = (times > 0.55 * case.truth.qrs_ms) & (times < case.truth.qrs_ms)
        assert v1[late].max() > 0.25
        assert case.truth.qrs_ms > 110


def test_anterior_infarct_loses_r_in_the_chest_leads():
    def r_share(case: SimulatedCase) -> float:
        times, lead = _beat_of(case, "V3")
        within = (times > 0) & (times < case.truth.qrs_ms)
        return float(lead[within].max() / np.ptp(lead[within]))

    normal = np.mean([r_share(c) for c in _cases(Condition.NORMAL)])
    infarct = np.mean([r_share(c) for c in _cases(Condition.INFARCT_ANTERIOR)])
    assert infarct < 0.6 * normal


def test_inferior_infarct_turns_the_axis_up():
    def axis(condition: Condition) -> float:
        found = [representative_beat(c.ecg).intervals.axis_degrees for c in _cases(condition)]
        return float(np.mean([a for a in found if a is not None]))

    assert axis(Condition.INFARCT_INFERIOR) < axis(Condition.NORMAL) - 25


def test_thick_walls_raise_the_voltage():
    def sokolow(case: SimulatedCase) -> float:
        return float(_beat_of(case, "V5")[1].max() - _beat_of(case, "V1")[1].min())

    normal = np.mean([sokolow(c) for c in _cases(Condition.NORMAL, 10)])
    thick = np.mean([sokolow(c) for c in _cases(Condition.HYPERTENSIVE, 10)])
    assert thick > 1.15 * normal


def test_es_lies_near_the_end_of_t():
    for condition in (Condition.NORMAL, Condition.DILATED, Condition.RBBB):
        for case in _cases(condition, 4):
            end_of_t = case.truth.qt_ms - case.timing.onset_to_r_ms
            assert abs(case.truth.es_ms - end_of_t) < 65


def test_voltages_of_normals_are_those_of_real_records():
    """Median R of healthy adults in the project's real records: II 0.81, V1 0.21 (S -0.79), V5 1.20, V6 0.99 mV."""
    cases = _cases(Condition.NORMAL, 16)
    medians = {lead: np.median([_beat_of(c, lead)[1].max() for c in cases]) for lead in ("II", "V5", "V6")}
    assert 0.45 < medians["II"] < 1.2
    assert 0.6 < medians["V5"] < 1.8
    assert 0.5 < medians["V6"] < 1.6
    assert np.median([_beat_of(c, "V1")[1].min() for c in cases]) < -0.5


def test_axis_follows_how_the_heart_lies():
    """Given a record's axis the simulated heart's own comes near it: steep hearts right, lying ones left."""
    axes = {wanted: np.mean([_axis_given(wanted, seed) for seed in range(3)]) for wanted in (-60.0, 10.0, 50.0, 90.0)}
    assert axes[-60.0] < axes[10.0] < axes[50.0] < axes[90.0]
    assert axes[90.0] - axes[10.0] > 50.0
    assert axes[-60.0] < 5.0


def test_axis_beyond_its_bounds_is_a_blocked_fascicle():
    assert _given(-60.0, 1).subject.fascicle == Fascicle.ANTERIOR
    assert _given(130.0, 1).subject.fascicle == Fascicle.POSTERIOR
    assert _given(40.0, 1).subject.fascicle == Fascicle.NONE
    assert _given(-60.0, 1, Condition.INFARCT_INFERIOR).subject.fascicle == Fascicle.NONE
    late = _given(-60.0, 1).truth.qrs_ms - _given(40.0, 1).truth.qrs_ms
    assert 0 < late < 40  # hemiblock alone leaves QRS below 120 ms


def test_steep_hearts_have_steep_slices():
    lying, steep = (_given(axis, 4).grid.directions for axis in (0.0, 95.0))
    assert steep[2, 2] < lying[2, 2]  # the apex points further down


def _given(axis: float, seed: int, condition: Condition = Condition.NORMAL) -> SimulatedCase:
    findings = Findings(800.0, 390.0, 90.0, 40.0, 160.0, Conduction.NORMAL, False, 0.0, 0.0, axis)
    return simulate(300 + seed, condition, findings=findings, phases=2, picture=False)


def _axis_given(axis: float, seed: int) -> float:
    found = representative_beat(_given(axis, seed).ecg).intervals.axis_degrees
    assert found is not None
    return found


def test_wide_qrs_into_t_is_measured():
    """Dilated hearts with left block: T follows QRS without a pause."""
    cases = [simulate(8016 + i, Condition.DILATED, lbbb=True, phases=2, picture=False) for i in range(9)]
    gaps = [(representative_beat(c.ecg).intervals.qrs_ms or 0.0) - c.truth.qrs_ms for c in cases]
    assert np.abs(gaps).max() < 40
