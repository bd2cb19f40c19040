"""The representative beat: which cycle is chosen, what is left out, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.signal import representative_beat
from tests.signal.conftest import RealRecord, make_ecg


def test_the_cycle_runs_from_r_to_r_unfiltered():
    ecg = make_ecg(np.arange(0.4, 9.8, 0.8), noise_mv=0.01)
    beat = representative_beat(ecg)
    assert beat.rr_ms == pytest.approx(800, abs=4)
    assert beat.heart_rate_bpm == pytest.approx(75, abs=0.5)
    first = round(beat.start_ms / 2)
    np.testing.assert_array_equal(beat.signal_mv, ecg.signal_mv[:, first : first + beat.signal_mv.shape[1]])
    assert beat.signal_mv.shape[1] * 2 == beat.rr_ms
    assert not beat.irregular
    assert beat.excluded == ()


def test_the_median_beat_is_the_clean_beat():
    noisy, clean = (representative_beat(make_ecg(np.arange(0.4, 9.8, 0.8), noise_mv=n)) for n in (0.03, 0.0))
    assert np.abs(noisy.median_mv - clean.median_mv).std() < 0.02
    r = round(-clean.median_start_ms / 2)
    assert np.abs(clean.median_mv[1]).argmax() == pytest.approx(r, abs=2)


def test_ectopic_beats_are_left_out():
    sinus = [0.4, 1.2, 2.0, 2.8, 4.4, 5.2, 6.0, 7.6, 8.4, 9.2]
    early = [3.3, 6.5]
    ecg = make_ecg(np.array(sinus))
    ectopic = make_ecg(np.array(early), wide=2.2)
    mixed = replace(ecg, signal_mv=(ecg.signal_mv - 1.4 * ectopic.signal_mv[[1, 0, *range(2, 12)]]).astype(np.float32))
    beat = representative_beat(mixed)
    times = np.array(beat.r_peaks_ms)
    assert len(times) == 12
    assert {round(times[i] / 100) for i in beat.excluded} == {33, 65}
    assert beat.rr_ms == pytest.approx(800, abs=6)
    assert beat.intervals.rr_ms == pytest.approx(800, abs=6)
    assert beat.chosen not in beat.excluded
    assert beat.chosen + 1 not in beat.excluded


def test_irregular_rhythm_without_p_is_flagged():
    rng = np.random.default_rng(5)
    times = 0.4 + np.cumsum(rng.uniform(0.55, 1.15, 14))
    ecg = make_ecg(times[times < 9.6])
    assert representative_beat(ecg).irregular


def test_the_usual_length_is_preferred():
    times = np.array([0.4, 1.2, 2.0, 2.8, 3.9, 4.7, 5.5, 6.3, 7.1, 7.9, 8.7, 9.5])
    assert representative_beat(make_ecg(times)).rr_ms == pytest.approx(800, abs=6)


def test_refusals():
    good = make_ecg(np.arange(0.4, 9.8, 0.8))
    with pytest.raises(UserError, match="lasts 4"):
        representative_beat(replace(good, signal_mv=good.signal_mv[:, :2000]))
    with pytest.raises(UserError, match="All leads are flat"):
        representative_beat(replace(good, signal_mv=np.zeros_like(good.signal_mv)))
    noise = np.random.default_rng(0).normal(0, 0.03, (12, 5000)).astype(np.float32)
    with pytest.raises(UserError, match="No heart beat"):
        representative_beat(Ecg(noise, 500, ()))
    few = np.where(np.arange(12)[:, None] < 7, good.signal_mv, 0)
    with pytest.raises(UserError, match="independent leads"):
        representative_beat(replace(good, signal_mv=few))


def test_all_groups_of_real_records_give_a_sane_beat(real_records: list[RealRecord]):
    by_group: dict[str, list[RealRecord]] = {}
    for record in real_records:
        if record.row["quality"] == "ok":
            by_group.setdefault(record.row["group"], []).append(record)
    assert len(by_group) > 15
    for group, records in by_group.items():
        for record in records[:2]:
            if record.row["record_id"] == "JS45546":  # ventricular flutter: a sine, no beats
                continue
            beat = representative_beat(record.ecg)
            assert 300 < beat.rr_ms < 2000, (group, record.row["record_id"])
            assert 50 < (beat.intervals.qrs_ms or 0) < 240, (group, record.row["record_id"])
            assert 180 < (beat.intervals.qt_ms or 0) < 650, (group, record.row["record_id"])


def test_fibrillation_is_told_from_sinus_rhythm(real_records: list[RealRecord]):
    fibrillating = [r for r in real_records if r.row["group"] == "af_flutter" and r.row["quality"] == "ok"]
    sinus = [r for r in real_records if r.row["group"] == "normal" and r.row["quality"] == "ok"][:40]
    assert np.mean([representative_beat(r.ecg).irregular for r in fibrillating]) > 0.7
    assert np.mean([representative_beat(r.ecg).irregular for r in sinus]) < 0.12
    assert np.mean([representative_beat(r.ecg).intervals.p_ms is None for r in sinus]) < 0.06
