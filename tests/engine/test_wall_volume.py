"""The wall keeps its volume over the beat, at any anchor, and the EF is still met."""

import math
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, LabelMap, Volume
from cof_viewer.engine.anchor import Prepared, prepared_from_labels
from cof_viewer.engine.beat_motion import MemberMotion, beat_field, full_motion, scale_to_ef
from cof_viewer.engine.motion.field import CODE_NUMBERS
from cof_viewer.engine.motion.frame import ANGLES, KNOTS, LEVELS
from cof_viewer.engine.wall_volume import along_log, in_plane_log, wall_correction
from cof_viewer.evaluation.metrics.motion import wall_changes
from cof_viewer.learning.flow.fit import fit_beat
from tests.engine.test_motion_frame import rings


def prepared_of(labels: np.ndarray, slice_mm: float = 10.0) -> Prepared:
    """An anchor on the canonical grid itself."""
    grid = grid_from_spacing(labels.shape, (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM, slice_mm))
    pose = CanonicalPose((63.5, 63.5), 0.0, False, False, (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM))
    volume = Volume(np.zeros(labels.shape, np.float32), grid)
    return prepared_from_labels(volume, pose, LabelMap(labels, grid), labels, torch.device("cpu"))


@lru_cache(maxsize=2)
def made_heart(at_es: bool = False) -> tuple[Prepared, torch.Tensor]:
    """A made heart at ED or ES, and the code that brings it from the one to the other."""
    ed, es = rings(endo_mm=22.0, epi_mm=29.0), rings(endo_mm=15.0, epi_mm=24.0)
    beat = fit_beat(ed, es, 10.0, steps=25)
    return prepared_of(es if at_es else ed), torch.from_numpy(-beat.code_from_es if at_es else beat.code)


@pytest.fixture(scope="module")
def heart() -> Prepared:
    return made_heart()[0]


def drawn(prepared: Prepared, code: torch.Tensor, size: float, seed: int) -> torch.Tensor:
    """The velocity of the code, bigger or smaller, and different at every level and angle."""
    noise = torch.randn(LEVELS, ANGLES, KNOTS, 2, generator=torch.Generator().manual_seed(seed))
    rough = 0.02 * noise.mean(dim=2, keepdim=True).expand(-1, -1, KNOTS, -1).reshape(-1)
    assert rough.numel() == CODE_NUMBERS
    return prepared.decoder(code * size + rough)


def change_percent(prepared: Prepared, member: MemberMotion, s: np.ndarray, anchor_phase: int) -> np.ndarray:
    """[t] change of the anchor's wall by the forward map's determinant, as the evaluation has it."""
    motion = full_motion(prepared, member, beat_field(prepared, member, s), s, anchor_phase)
    wall = (prepared.canonical_labels == Label.MYO)[:, ::2, ::2]
    return wall_changes(motion.push_forward_mm, wall, prepared.slice_mm)


@settings(max_examples=8, deadline=None)
@given(ef=st.floats(0.2, 0.5), size=st.floats(0.7, 1.3), seed=st.integers(0, 99), at_es=st.booleans())
def test_the_wall_keeps_its_volume_whatever_was_drawn(ef: float, size: float, seed: int, at_es: bool) -> None:
    heart, code = made_heart(at_es)
    anchor_s = float(at_es)
    member = scale_to_ef(heart, drawn(heart, code, size, seed), ef, False, anchor_s)
    change = change_percent(heart, member, np.array([anchor_s, 0.5, 1.0 - anchor_s]), 0)
    assert change[0] == pytest.approx(0.0, abs=1e-3)
    assert np.abs(change).max() < (10.0 if at_es else 6.0)  # 3 mm between points tells a thin wall no better
    assert member.node_lv[-1] / member.node_lv[0] == pytest.approx(1 - ef, abs=0.02)


def test_a_correction_changes_the_wall_by_what_is_asked(heart) -> None:
    from cof_viewer.engine.motion.field import integrate, jacobian_determinant
    from cof_viewer.engine.motion.frame import LATTICE_SPACING_MM

    wall = torch.from_numpy((heart.canonical_labels == Label.MYO)[:, ::2, ::2][:, 1:-1, 1:-1])
    for asked in (-0.1, 0.15):
        push = integrate(-wall_correction(heart, asked) / LATTICE_SPACING_MM)
        assert math.log(float(jacobian_determinant(push)[wall].mean())) == pytest.approx(asked, abs=0.03)


def test_a_correction_spares_the_cavity(heart) -> None:
    centre = torch.from_numpy((heart.canonical_labels == Label.LV)[:, ::2, ::2])
    velocity = wall_correction(heart, 0.15)
    speed = velocity.norm(dim=1)
    assert float(speed[centre].mean()) < 0.25 * float(speed.amax())


def test_shortening_by_hand() -> None:
    places = np.arange(9.0)
    assert along_log(places, 0, 8) == 0.0
    assert along_log(places - 2.0 * (1 - places / 8), 0, 8) == pytest.approx(
        math.log(8 / 10)
    )  # 2 slices come from above
    assert along_log(places, 3, 3) == 0.0


def test_area_in_plane_by_hand() -> None:
    slid = torch.full((3, 2, 40, 40), -25.0)
    slid[:, 1, 10:20, 10:20] = 25.0
    moved = slid.clone()
    moved[:, 1, 10:20, 20:30] = 25.0
    source = np.array([-1.0, 0.0, 1.0])  # the first shows what was never imaged and does not count
    moved[0] = 25.0
    assert in_plane_log(slid, moved, source, 1) == pytest.approx(math.log(2.0))
