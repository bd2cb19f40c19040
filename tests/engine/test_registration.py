"""The registration teacher: losses by hand, a step that learns, tracking that starts at rest."""

import numpy as np
import pytest
import torch

from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine
from cof_viewer.engine.registration import (
    RegistrationConfig,
    RegistrationNetwork,
    RegistrationTeacher,
    displacement_mm,
    standardised,
    warp_canonical,
    with_neighbours,
)
from cof_viewer.learning.registration.data import Beat, draw
from cof_viewer.learning.registration.losses import dice_loss, largest_field, local_correlation, smoothness
from cof_viewer.learning.registration.train import TrainConfig, example_loss
from tests.engine.test_motion_frame import rings

SMALL = RegistrationConfig(widths=(4, 6, 8, 8))


def pictures(labels: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (
        (np.choose(labels, [40.0, 220.0, 80.0, 200.0]) + rng.normal(0, 4, labels.shape)).clip(0, 255).astype(np.uint8)
    )


def test_a_shift_in_mm_moves_pixels() -> None:
    stack = torch.zeros(1, 1, 128, 128)
    stack[0, 0, 60, 70] = 1.0
    shift = torch.zeros(1, 2, 64, 64)
    shift[:, 0] = 4 * 1.5  # pull back from four pixels to the right
    assert warp_canonical(stack, shift)[0, 0, 60, 66] == pytest.approx(1.0, abs=1e-4)


def test_local_correlation_ignores_brightness() -> None:
    a = torch.randn(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert local_correlation(a, 0.5 * a + 3.0) > 0.97
    assert local_correlation(a, a.flip(-1)) < 0.8


def test_dice_loss_by_hand() -> None:
    a, b = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    a[:, :, :2], b[:, :, 1:3] = 1.0, 1.0  # 8 pixels each, 4 in common
    assert dice_loss(a, b) == pytest.approx(1 - (2 * 4 + 1) / (16 + 1))


def test_field_terms() -> None:
    still = torch.zeros(1, 2, 8, 8)
    assert smoothness(still) == 0
    assert largest_field(still + 10.0) == 0
    assert largest_field(still + 30.0) == pytest.approx((30 * 2**0.5 - 22) ** 2, rel=1e-4)


def test_an_untrained_teacher_hardly_moves_and_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    network = RegistrationNetwork(SMALL)
    ed, es = rings(slices=4), rings(slices=4, endo_mm=15.0, epi_mm=29.0)
    beat = Beat("made", np.stack([pictures(ed), pictures(es)]), {0: ed, 1: es})
    example = draw([beat], np.random.default_rng(1), 4)
    config = TrainConfig(bfloat16=False)
    with torch.no_grad():
        assert (
            displacement_mm(network(*(with_neighbours(x) for x in (example.anchor, example.target)))).abs().max() < 0.5
        )
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(25):
        loss, _ = example_loss(network, example, config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_tracking_rests_at_the_anchor_and_lies_in_the_patient() -> None:
    teacher = RegistrationTeacher(RegistrationNetwork(SMALL), torch.device("cpu"))
    data = np.stack([pictures(rings(slices=4))] * 3).astype(np.float32)
    cine = Cine(data, grid_from_spacing((4, 128, 128), (1.5, 1.5, 8.0)))
    motion = teacher.track(cine, CanonicalPose((63.5, 63.5), 0.0, False, False, (1.5, 1.5)), 1)
    assert motion.phases == 3
    assert not motion.pull_back_mm[1].any()
    assert motion.grid.spacing_mm == pytest.approx((3.0, 3.0, 8.0))
    assert motion.grid.patient_from_points(np.array([0.0, 0.0, 0.0])) == pytest.approx([0.75, 0.75, 0.0])


def test_standardised_survives_a_constant_picture() -> None:
    assert not standardised(np.full((2, 128, 128), 7.0, np.float32)).any()
