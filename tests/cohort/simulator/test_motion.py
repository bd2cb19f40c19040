"""The true motion: invertible, periodic, without folds, muscle kept, volumes as stated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.cohort.simulator import Condition, SimulatedCase, simulate
from cof_viewer.cohort.simulator.mapping import lattice, may_move, pull_back, push_forward

CONDITIONS = [Condition.NORMAL, Condition.DILATED, Condition.HYPERTROPHIC, Condition.INFARCT_ANTERIOR, Condition.LBBB]


@pytest.fixture(scope="module", params=CONDITIONS, ids=str)
def case(request) -> SimulatedCase:
    """One patient of a condition, motion alone."""
    return simulate(5, request.param, phases=40, picture=False)


def _es(case: SimulatedCase) -> int:
    return int(np.argmin(case.truth.lv_volume_ml))


def _points(case: SimulatedCase, count: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-130, 130, count)
    y = rng.uniform(-120, 120, count)
    z = rng.uniform(-60, case.anatomy.length_mm + 20, count)
    return x, y, z


def test_push_forward_undoes_pull_back(case):
    x, y, z = _points(case, 4000)
    for phase in (3, _es(case), 30):
        state = case.beat.states[phase]
        back = pull_back(case.anatomy, state, lattice(case.anatomy, *push_forward(case.anatomy, state, x, y, z)))
        gap = np.sqrt(sum((a - b) ** 2 for a, b in zip(back, (x, y, z), strict=True)))
        assert np.percentile(gap, 99) < 0.05
        assert gap.max() < 0.5


def test_anchor_phase_does_not_move(case):
    motion = case.motion(8)
    assert motion.anchor_phase == 0
    assert np.abs(motion.pull_back_mm[0]).max() == 0
    x, y, z = _points(case, 500)
    moved = pull_back(case.anatomy, case.beat.states[0], lattice(case.anatomy, x, y, z))
    assert max(np.abs(a - b).max() for a, b in zip(moved, (x, y, z), strict=True)) < 0.02


def test_beat_closes(case):
    """The last phase is on its way back to the first: no jump larger than any inside the beat."""
    pull = case.motion(8, push=False).pull_back_mm
    steps = np.abs(np.diff(np.concatenate([pull, pull[:1]]), axis=0)).max(axis=(1, 2, 3, 4))
    assert steps[-1] <= steps[:-1].max()


def test_fraction_is_periodic_and_ends_at_one(case):
    timing = case.timing
    times = np.linspace(0, timing.rr_ms, 400)
    share = timing.fraction(times)
    assert share[0] == pytest.approx(0, abs=1e-9)
    assert np.allclose(timing.fraction(times + timing.rr_ms), timing.fraction(times), atol=1e-6)
    assert timing.fraction(np.array([timing.es_ms]))[0] == pytest.approx(1.0)
    assert timing.fraction(np.array([timing.rr_ms - 1e-6]))[0] == pytest.approx(0.0, abs=1e-3)
    assert share.min() >= -1e-9
    assert share.max() <= 1 + 1e-9


def test_no_fold(case):
    """The Jacobian of the pull-back, by differences of 0.2 mm, is positive everywhere."""
    x, y, z = _points(case, 3000, seed=1)
    step = 0.2
    for phase in (2, _es(case), 28):
        columns = []
        for axis in range(3):
            moved = []
            for side in (-0.5, 0.5):
                at = [x.copy(), y.copy(), z.copy()]
                at[axis] = at[axis] + side * step
                moved.append(np.stack(pull_back(case.anatomy, case.beat.states[phase], lattice(case.anatomy, *at))))
            columns.append((moved[1] - moved[0]) / step)
        determinant = np.linalg.det(np.stack(columns, axis=-1).transpose(1, 0, 2))
        assert (determinant > 0).mean() >= 0.9995


def test_muscle_keeps_its_volume(case):
    wall = np.array(case.beat.wall_ml)
    assert np.ptp(wall) / wall[0] < 1e-6
    assert wall[0] * 1.05 == pytest.approx(case.truth.lv_mass_g, rel=1e-3)


def test_analytic_volumes_are_those_of_the_borders(case):
    anatomy = case.anatomy
    for phase in (0, 6, _es(case), 30):
        state = case.beat.states[phase]
        stretch = 1 - state.descent_mm / anatomy.length_mm
        lv = (anatomy.in_lv()[:, None] * state.moved[..., 0]).sum() * anatomy.cell / 2000 * stretch
        assert lv == pytest.approx(case.truth.lv_volume_ml[phase], rel=2e-3)
    assert case.truth.lv_volume_ml[0] == pytest.approx(case.truth.edv_ml)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), rate=st.floats(40, 140))
def test_every_rate_has_its_order_of_events(seed, rate):
    case = simulate(seed, heart_rate_bpm=rate, phases=2, picture=False)
    timing = case.timing
    assert 0 < timing.ejection_ms < timing.es_ms < timing.filling_ms < timing.rr_ms
    assert timing.kick_ms is None or timing.filling_ms < timing.kick_ms < timing.rr_ms
    assert timing.rr_ms == pytest.approx(60_000 / rate)


def test_scar_hardly_thickens():
    case = simulate(5, Condition.INFARCT_ANTERIOR, phases=20, picture=False)
    state, anatomy = case.beat.states[_es(case)], case.anatomy
    rows = anatomy.in_lv() > 0.99
    inward = 1 - np.sqrt(state.moved[..., 0] / state.rest[..., 0].clip(1e-6))[rows]
    scar = anatomy.scar[rows]
    assert inward[scar > 0.8 * scar.max()].mean() < 0.35 * inward[scar < 0.05].mean()


def test_left_bundle_branch_block_delays_the_lateral_wall():
    late = {}
    for condition in (Condition.NORMAL, Condition.LBBB):
        case = simulate(6, condition, phases=2, picture=False)
        columns = case.anatomy.angles[case.activation.columns]
        lateral = case.activation.lv[:, np.abs(columns) < 0.6].mean()
        septal = case.activation.lv[:, np.abs(columns) > 2.6].mean()
        late[condition] = lateral - septal
    assert late[Condition.LBBB] > late[Condition.NORMAL] + 30


def test_points_left_out_of_the_lattice_do_not_move(case):
    x, y, z = _points(case, 6000, seed=2)
    still = ~may_move(case.anatomy, x, y)
    assert still.any()
    at = lattice(case.anatomy, x[still], y[still], z[still])
    moved = pull_back(case.anatomy, case.beat.states[_es(case)], at)
    assert max(np.abs(a - b).max() for a, b in zip(moved, (at.x, at.y, at.z), strict=True)) < 0.02
