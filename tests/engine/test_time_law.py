"""The time law: marks where the ECG puts them, a curve that passes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.domain.ecg import Intervals
from cof_viewer.engine.motion.time_law import bounded_marks, emptying, expected_marks


def test_es_stands_at_the_end_of_t() -> None:
    assert expected_marks(Intervals(t_end_at_ms=340.0), 900.0).es_ms == 340.0


def test_without_t_es_follows_the_rate() -> None:
    slow, fast = expected_marks(Intervals(), 1200.0), expected_marks(Intervals(), 545.0)
    assert slow.es_ms == pytest.approx(546 - 2.1 * 50 - 40)
    assert fast.es_ms < slow.es_ms - 60
    assert fast.es_ms / 545 > slow.es_ms / 1200, "systole takes more of a fast beat"


@given(st.floats(250, 480), st.floats(430, 1500))
def test_a_later_t_end_never_moves_es_earlier(t_end: float, rr: float) -> None:
    first, later = (expected_marks(Intervals(t_end_at_ms=t), rr).es_ms for t in (t_end, t_end + 40))
    assert later >= first


@given(st.floats(400, 1500), st.floats(0, 1), st.floats(-0.5, 2), st.floats(-0.5, 2))
def test_marks_stay_in_order(rr: float, half: float, es: float, filling: float) -> None:
    marks = bounded_marks(half * rr, es * rr, filling * rr, rr)
    assert 0 < marks.half_ejection_ms < marks.es_ms < marks.half_filling_ms < rr


def test_the_curve_passes_its_marks_and_is_periodic() -> None:
    marks = bounded_marks(150.0, 320.0, 520.0, 900.0)
    at = emptying(marks, np.array([0.0, 150.0, 320.0, 520.0, 900.0]))
    assert at == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0], abs=0.02)


def test_the_curve_rises_to_es_and_falls_after() -> None:
    marks = bounded_marks(150.0, 320.0, 520.0, 900.0)
    s = emptying(marks, np.linspace(0, 899, 200))
    es = int(s.argmax())
    assert (np.diff(s[: es + 1]) >= -1e-9).all()
    assert (np.diff(s[es:]) <= 1e-9).all()
