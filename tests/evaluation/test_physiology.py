"""Stretched ST-T, the time of half a movement, and the table of physiology."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.evaluation.physiology import Line, half_time, stretched, table
from cof_viewer.io import open_ecg
from cof_viewer.signal import representative_beat
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    return open_ecg(ROOT / "resources" / "demo" / "normal" / "ecg.hea")


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_only_st_t_is_stretched(ecg: Ecg, factor: float) -> None:
    before, after = (representative_beat(record) for record in (ecg, stretched(ecg, factor)))
    assert after.r_peaks_ms == pytest.approx(before.r_peaks_ms, abs=4.0)
    assert after.intervals.qrs_ms == pytest.approx(before.intervals.qrs_ms, abs=8.0)
    assert after.intervals.pr_ms == pytest.approx(before.intervals.pr_ms, abs=14.0)
    assert before.intervals.t_end_at_ms is not None
    assert before.intervals.qrs_end_at_ms is not None
    st_t = before.intervals.t_end_at_ms - before.intervals.qrs_end_at_ms
    moved = after.intervals.t_end_at_ms - before.intervals.t_end_at_ms
    assert moved == pytest.approx((factor - 1) * st_t, abs=14.0)


def test_a_factor_of_one_changes_nothing(ecg: Ecg) -> None:
    assert stretched(ecg, 1.0).signal_mv == pytest.approx(ecg.signal_mv, abs=1e-4)


def test_a_record_without_beats_is_refused(ecg: Ecg) -> None:
    with pytest.raises(UserError):
        stretched(Ecg(np.zeros_like(ecg.signal_mv), 500.0, ()), 1.1)


def test_half_time_by_hand() -> None:
    times = np.array([0.0, 100.0, 200.0, 300.0])
    assert half_time(np.array([0.0, 2.0, 8.0, 4.0]), times) == pytest.approx(100.0 + 100.0 * 2 / 6)
    assert half_time(np.array([5.0, 6.0, 6.0, 6.0]), times) == 0.0


def test_the_table() -> None:
    assert "| what | 3 | r = .9 | r >= .8 |" in table([Line("what", 3, "r = .9", "r >= .8")])
