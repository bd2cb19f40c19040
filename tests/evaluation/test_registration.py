"""Judging registration: what is measured, on a made heart whose motion is known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.domain.split import Split
from cof_viewer.engine.refine import RefineConfig
from cof_viewer.engine.registration import RegistrationTeacher
from cof_viewer.engine.registration_network import RegistrationNetwork
from cof_viewer.evaluation.registration import by_baseline, by_teacher, not_moved, score, table, write
from cof_viewer.evaluation.registration_baselines import demons, determinants, warped
from cof_viewer.learning.registration.cases import BeatCase
from tests.engine.test_motion_frame import rings
from tests.engine.test_registration import SMALL, pictures


def case() -> BeatCase:
    labels = np.stack([rings(slices=3), rings(slices=3, endo_mm=17.0, epi_mm=29.0)])
    images = np.stack([pictures(phase) for phase in labels]).astype(np.uint8)
    return BeatCase("acdc:made", Split.VALIDATION, 8.0, images, labels, labels)


def test_not_moved_is_scored_as_it_is() -> None:
    pair = case()
    found = score(pair, "not moved", not_moved(pair))
    full, left = ((labels == 1).sum() for labels in pair.expert)
    assert found.lv == pytest.approx(2 * left / (full + left), abs=0.01)
    assert found.ef_error_points == pytest.approx(-100 * (full - left) / full, abs=1.0)
    assert found.folding_percent == 0


def test_a_refined_teacher_beats_standing_still() -> None:
    torch.manual_seed(0)
    teacher = RegistrationTeacher(RegistrationNetwork(SMALL), torch.device("cpu"), RefineConfig(steps=15))
    pair = case()
    found = score(pair, "teacher", by_teacher(teacher, pair, labelled=True, descent=0.0))
    assert found.lv > score(pair, "not moved", not_moved(pair)).lv + 0.05
    assert found.seconds > 0


def test_demons_move_towards_the_target() -> None:
    pair = case()
    found = score(pair, "demons", by_baseline(demons, pair))
    assert found.lv > score(pair, "not moved", not_moved(pair)).lv


def test_fields_in_mm() -> None:
    field = np.zeros((3, 128, 128, 3))
    field[..., 0] = 3.0  # two pixels
    stack = np.zeros((3, 1, 128, 128), np.float32)
    stack[1, 0, 60, 70] = 1.0
    assert warped(stack, field, 8.0)[1, 0, 60, 68] == pytest.approx(1.0)
    field[..., 2] = 4.0 * np.arange(3)[:, None, None]
    assert determinants(field, 8.0) == pytest.approx(1.5)


def test_tables_are_written(tmp_path: Path) -> None:
    scores = [score(case(), "not moved", not_moved(case()))]
    write(scores, tmp_path)
    assert "| not moved |" in table(scores)
    assert (tmp_path / "registration.csv").read_text().count("\n") == 2
