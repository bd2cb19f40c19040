"""The Cartesian space is a fair opponent: what it can write comes back, and it is turned and scaled with the heart."""

import numpy as np
import pytest
import torch

from cof_viewer.engine.motion.frame import ANGLES, KNOTS, LEVELS
from cof_viewer.evaluation.bases import CARTESIAN, POLAR, Heart, by_modes, decode_cartesian, es_dice, prepared_of
from cof_viewer.learning.flow.cases import LearningCase
from cof_viewer.learning.flow.fit import fit_beat
from tests.engine.test_motion_frame import rings
from tests.learning.made import hearts


@pytest.fixture(scope="module")
def heart() -> Heart:
    ed, es = rings(), rings(endo_mm=15.0, epi_mm=27.0)
    case = hearts(1)[0]
    beat = fit_beat(ed, es, 10.0, steps=30)
    return Heart(
        LearningCase(case.patient_id, "NOR", case.part, case.ed_features, case.es_features, beat),
        prepared_of(ed, 10.0),
        es,
    )


def test_a_contraction_written_in_squares_comes_back(heart: Heart) -> None:
    angle = torch.arange(ANGLES) * (2 * torch.pi / ANGLES)
    out = torch.stack([angle.cos(), angle.sin()], dim=1)
    knots = torch.zeros(LEVELS, ANGLES, KNOTS, 2)
    knots[:, :, 1], knots[:, :, 2], knots[:, :, 3] = 0.3 * out, 0.2 * out, 0.1 * out
    polar = knots.reshape(-1)
    back = decode_cartesian(heart.prepared, CARTESIAN.write(heart.prepared, polar))
    true = heart.prepared.decoder(polar)
    middle = heart.prepared.frame.slices // 2
    inside = torch.from_numpy(heart.prepared.canonical_labels[middle, ::2, ::2] > 0)
    error = (back - true)[middle].norm(dim=0)[inside]
    assert float(error.mean()) < 0.12 * float(true[middle].norm(dim=0)[inside].mean())


def test_the_own_velocity_reaches_es_in_both_spaces(heart: Heart) -> None:
    with torch.no_grad():
        code = torch.from_numpy(heart.case.beat.code)
        for space in (POLAR, CARTESIAN):
            velocity = space.decode(heart.prepared, space.write(heart.prepared, code))
            lv, myo, _, ef = es_dice(heart, velocity, heart.case.beat.ef_percent / 100, False)
            assert lv > 0.9
            assert myo > 0.75
            assert ef == pytest.approx(heart.case.beat.ef_percent, abs=4.0)


def test_modes_are_counted(heart: Heart) -> None:
    with torch.no_grad():
        rows = by_modes(POLAR, [heart, heart, heart], [heart])
    assert [row["modes"] for row in rows] == [4, 8, 12, 16, 32]
    assert all(np.isfinite(row["lv"]) for row in rows)
