"""The gate fires on made-bad cases and is silent on good ones."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.domain.flag import Severity
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.engine import gate
from cof_viewer.engine.motion.time_law import bounded_marks
from tests.engine.test_generate import cycle

GRID = grid_from_spacing((3, 16, 16), (3.0, 3.0, 10.0))
HEART = np.ones((3, 14, 14), bool)


def motion(pull: np.ndarray) -> Motion:
    return Motion(GRID, pull.astype(np.float32), np.zeros_like(pull, dtype=np.float32), 0)


def codes(flags) -> set[str]:
    return {flag.code for flag in flags}


def test_det_j_of_a_linear_squeeze() -> None:
    pull = np.zeros((1, 3, 16, 16, 3))
    pull[..., 0] = 0.3 * np.arange(16) * 3.0  # u = 0.3 x
    pull[..., 2] = -0.2 * (np.arange(3) * 10.0)[None, :, None, None]
    assert gate.jacobian(motion(pull)) == pytest.approx(1.3 * 0.8)


def test_folding_stops_and_withholds_ef() -> None:
    pull = np.zeros((1, 3, 16, 16, 3))
    pull[..., 0] = -1.5 * np.arange(16) * 3.0
    (flag,) = gate.motion_flags(motion(pull), HEART, 0.0)
    assert (flag.code, flag.severity) == ("folding", Severity.STOP)
    assert "ef_percent" in flag.withholds


def test_rest_is_silent_and_lost_tissue_is_said() -> None:
    still = motion(np.zeros((1, 3, 16, 16, 3)))
    assert not gate.motion_flags(still, HEART, 0.01)
    assert codes(gate.motion_flags(still, HEART, 0.2)) == {"outside-stack"}


def test_es_against_t_end() -> None:
    assert not gate.timing_flags(bounded_marks(150, 330, 500, 900), cycle())
    assert codes(gate.timing_flags(bounded_marks(150, 450, 600, 900), cycle())) == {"es-not-at-t-end"}


def test_coarse_stacks() -> None:
    assert not gate.stack_flags(GRID)
    assert codes(gate.stack_flags(grid_from_spacing((3, 8, 8), (1.4, 1.4, 17.7)))) == {"coarse-stack"}
    assert not gate.stack_flags(grid_from_spacing((3, 8, 8), (1.4, 1.4, 17.7), spacing_known=False))


def test_hardly_contracting() -> None:
    assert codes(gate.contraction_flags(5.0)) == {"under-contraction"}
    assert not gate.contraction_flags(55.0)
    assert not gate.contraction_flags(None)


def test_a_cavity_that_closes_wholly() -> None:
    assert codes(gate.contraction_flags(95.0)) == {"over-contraction"}


@pytest.mark.parametrize(
    ("scale", "found"), [(0.0, set()), (-0.1, set()), (0.25, {"wall-volume"}), (-0.2, {"wall-volume"})]
)
def test_muscle_keeps_its_volume(scale: float, found: set[str]) -> None:
    """A push-forward w = scale·(x, y) multiplies areas by (1 + scale)²."""
    push = np.zeros((2, 3, 16, 16, 3), np.float32)
    push[1, ..., 0] = scale * np.arange(16) * 3.0
    push[1, ..., 1] = scale * np.arange(16)[:, None] * 3.0
    moved = Motion(GRID, np.zeros_like(push), push, 0)
    balance = gate.wall_balance(moved, HEART, 1)
    assert balance == pytest.approx((1 + scale) ** 2, rel=1e-5)
    assert codes(gate.balance_flags(balance)) == found
    assert gate.wall_balance(moved, HEART, 0) == pytest.approx(1.0)
    assert gate.wall_balance(moved, np.zeros_like(HEART), 1) is None
    assert not gate.balance_flags(None)


def test_parts_that_tear_are_said() -> None:
    assert not gate.topology_flags({"LV": True, "MYO": True, "RV": True})
    (flag,) = gate.topology_flags({"LV": False, "MYO": True, "RV": False})
    assert (flag.code, flag.severity) == ("topology", Severity.CAUTION)
    assert "left ventricle and the right ventricle have" in flag.text
