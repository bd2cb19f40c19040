"""Late walls: the lateral wall follows the septum in LBBB, all clocks agree at ED, and nothing folds or tears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cof_viewer.domain.ecg import Beat
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_motion import _RUNG, _Ladder
from cof_viewer.engine.gate import jacobian
from cof_viewer.engine.generator import Generator
from cof_viewer.engine.motion import lag
from cof_viewer.engine.motion.lag import lateness, left_lag_ms, wall_clocks
from cof_viewer.engine.motion.time_law import bounded_marks, emptying
from cof_viewer.engine.plan import AnchorMoment
from cof_viewer.evaluation.physiology import half_time, lateral_delay_ms
from tests.engine.test_generate import cycle, generate, generator, live, prepared  # noqa: F401 - fixtures
from tests.engine.test_warp import squeeze

MARKS = bounded_marks(165.0, 340.0, 540.0, 900.0)
TIMES = np.arange(90) * 10.0


def wide(qrs_ms: float) -> Beat:
    beat = cycle()
    return replace(beat, intervals=replace(beat.intervals, qrs_ms=qrs_ms))


def test_only_a_wide_qrs_that_is_no_rbbb_delays_the_left_ventricle(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_lag_ms(wide(92.0)) == 0.0
    assert left_lag_ms(replace(cycle(), intervals=replace(cycle().intervals, qrs_ms=None))) == 0.0
    assert left_lag_ms(wide(164.0)) == pytest.approx(64.6)
    assert left_lag_ms(wide(260.0)) == 90.0
    right = np.zeros(len(lag.FEATURE_NAMES), np.float32)
    right[lag.FEATURE_NAMES.index("rbbb_score")] = 0.9
    monkeypatch.setattr(lag, "ecg_features", lambda _: right)
    assert left_lag_ms(wide(164.0)) == 0.0


def test_walls_follow_each_other_and_meet_at_the_r_peak() -> None:
    clocks = wall_clocks(MARKS, TIMES, 60.0)
    halves = [half_time(s[:40], TIMES[:40]) for s in clocks.s]
    assert (np.diff(halves) > 3.0).all()
    assert 35.0 < halves[-1] - halves[0] <= 60.0
    assert clocks.s[:, 0] == pytest.approx(0.0, abs=1e-9)
    assert clocks.s[4] == pytest.approx(emptying(MARKS, TIMES)), "the middle goes by the beat's own clock"
    assert clocks.s.min() >= 0.0
    assert not clocks.from_anchor(30)[:, 30].any()


def test_the_mean_round_the_wall_weighs_every_angle_alike() -> None:
    clocks = wall_clocks(MARKS, TIMES, 60.0)
    linear = np.linspace(-1.0, 1.0, len(clocks.s))[:, None]
    assert clocks.round_the_wall(linear).mean() == pytest.approx(0.0, abs=1e-12)
    assert clocks.round_the_wall(linear**2).mean() == pytest.approx(0.5, abs=0.02)


def test_lateness_is_told_by_the_side_away_from_the_rv(prepared: Prepared) -> None:  # noqa: F811
    late = lateness(prepared.frame)
    assert late.shape == (9, 64, 64)
    assert late[4, 32, 50] > 0.95, "lateral: the RV lies to the left"
    assert late[4, 32, 14] < -0.95
    assert np.abs(late[4, 31:33, 31:33]).max() < 0.2


def test_points_that_go_one_way_go_as_all_together() -> None:
    ladder = _Ladder(squeeze(2), _RUNG)
    for tau in (0.37, -0.81):
        each = ladder.at_each(torch.full((2, 64, 64), tau))
        assert torch.allclose(each, ladder.at(tau), atol=1e-6)
    mixed = torch.full((2, 64, 64), 0.5)
    mixed[:, :, 32:] = -0.25
    both = ladder.at_each(mixed)
    assert torch.allclose(both[..., 32:], ladder.at(-0.25)[..., 32:], atol=1e-6)
    assert torch.allclose(both[..., :32], ladder.at(0.5)[..., :32], atol=1e-6)


def test_lbbb_delays_the_lateral_wall_of_a_generated_heart(
    generator: Generator,  # noqa: F811
    prepared: Prepared,  # noqa: F811
) -> None:
    blocked = live(generator, prepared, wide(164.0), phases=60)
    plain = live(generator, prepared, cycle(), phases=60)
    assert 35.0 < lateral_delay_ms(blocked) - lateral_delay_ms(plain) < 90.0
    assert jacobian(blocked.motion).min() > 0
    assert blocked.function.ef_percent == pytest.approx(plain.function.ef_percent, abs=12.0)
    whole = generate(generator, prepared, wide(164.0), phases=60)
    assert whole.result.function.ef_percent == pytest.approx(blocked.function.ef_percent, abs=2.0)
    assert np.array_equal(whole.cine.data[0], prepared.volume.data)


@pytest.mark.parametrize("moment", [AnchorMoment(None, "es"), AnchorMoment(13, "")])
def test_the_anchor_is_itself_whatever_its_phase(
    generator: Generator,  # noqa: F811
    prepared: Prepared,  # noqa: F811
    moment: AnchorMoment,
) -> None:
    made = live(generator, prepared, wide(164.0), moment, phases=30)
    assert not made.motion.pull_back_mm[made.plan.anchor_phase].any()
    assert jacobian(made.motion).min() > 0


def test_there_and_back_is_nearly_home(generator: Generator, prepared: Prepared) -> None:  # noqa: F811
    motion = live(generator, prepared, wide(164.0), phases=20).motion
    es = 8
    rows, columns = np.mgrid[20:44, 20:44]
    push = motion.push_forward_mm[es, 4, rows, columns]
    there = np.stack([rows + push[..., 1] / 3.0, columns + push[..., 0] / 3.0])
    from scipy.ndimage import map_coordinates

    z = np.full(rows.shape, 4.0) + push[..., 2] / motion.grid.spacing_mm[2]
    back = [map_coordinates(motion.pull_back_mm[es, ..., axis], [z, *there], order=1) for axis in (0, 1)]
    error = np.hypot(push[..., 0] + back[0], push[..., 1] + back[1])
    assert np.percentile(error, 95) < 0.8
