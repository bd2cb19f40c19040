"""Ticks, limits and cyclic curves by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.ui.render.plot_axes import closed, round_limits, round_step, slope, ticks_between


@given(st.floats(-500, 500), st.floats(0.1, 900), st.integers(2, 8))
def test_round_limits_hold_the_data_on_whole_steps(low, width, ticks):
    bottom, top, step = round_limits(low, low + width, ticks)
    assert bottom <= low + 1e-6 * max(width, abs(low))
    assert top >= low + width - 1e-6 * max(width, abs(low))
    assert bottom / step == pytest.approx(round(bottom / step), abs=1e-6)


def test_ticks():
    assert round_step(120, 4) == 40
    assert ticks_between(80, 200, 40) == [80, 120, 160, 200]
    assert ticks_between(71, 199, 40) == [80, 120, 160]


def test_cyclic_curve_ends_where_it_began():
    assert closed([0, 300, 600], [10, 4, 8], 900) == ([0, 300, 600, 900], [10, 4, 8, 10])
    xs, ys = closed([100, 400, 700], [10, 4, 8], 900)
    assert xs == [0.0, 100, 400, 700, 900]
    assert ys[0] == ys[-1] == pytest.approx(8 + 200 / 300 * 2)


def test_slope_of_a_sine_is_its_cosine():
    count, period = 60, 800.0
    xs = [period * k / count for k in range(count)]
    rates = slope(xs, [math.sin(2 * math.pi * x / period) for x in xs], period)
    true = [2 * math.pi / period * math.cos(2 * math.pi * x / period) for x in xs]
    assert max(abs(a - b) for a, b in zip(rates, true, strict=True)) < 0.003 * 2 * math.pi / period
