"""Where the stack lies: labels of ED and ES agree on which slices the base has left."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.cohort.simulator.planning import plan_first_slice_mm


@given(seed=st.integers(0, 10_000), length=st.floats(70, 104), descent=st.floats(4, 16))
def test_slices_hold_the_ventricle_from_base_to_apex(seed, length, descent):
    first = plan_first_slice_mm(np.random.default_rng(seed), length, descent, 12)
    assert -20.0 < first < 0.0
    assert first + 115.0 >= length - 1.5


@given(seed=st.integers(0, 10_000), length=st.floats(75, 100), descent=st.floats(5, 15))
def test_base_of_es_comes_from_where_ed_has_labels(seed, length, descent):
    """The tissue in every slice at ES, by hand: labelled at both or at neither, linear between ED's slices."""
    first = plan_first_slice_mm(np.random.default_rng(seed), length, descent, 12)
    levels = first + 10.0 * np.arange(12)
    at_ed = (levels >= 0).astype(float)
    for z in levels[levels < length - 20]:
        above = 46.0 * (z - descent) / (46.0 + descent)
        before = (z - descent) / (1 - descent / length) if z > descent else above
        carried = np.interp(before, levels, at_ed) >= 0.5
        assert carried == (z >= descent)


def test_same_seed_same_plan():
    plans = {plan_first_slice_mm(np.random.default_rng(4), 90.0, 12.0, 12) for _ in range(2)}
    assert len(plans) == 1
