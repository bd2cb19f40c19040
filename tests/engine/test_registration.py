"""The registration teacher: warps by hand, tracking that starts at rest, descent, refinement and the topology audit."""

import numpy as np
import pytest
import torch

from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, Label, LabelCine
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine.motion.labels import signed_distances
from cof_viewer.engine.refine import RefineConfig, refined
from cof_viewer.engine.registration import RegistrationTeacher, labels_on_canonical
from cof_viewer.engine.registration_network import (
    RegistrationConfig,
    RegistrationNetwork,
    config_from_values,
    displacement_mm,
    on_lattice,
    standardised,
    warp_canonical,
    warp_lattice,
)
from cof_viewer.engine.through_plane import descent_of, emptied_share, no_descent
from cof_viewer.engine.topology import audit, components_kept, determinant, stretch
from tests.engine.test_motion_frame import rings

SMALL = RegistrationConfig(widths=(4, 6, 8))
POSE = CanonicalPose((63.5, 63.5), 0.0, False, False, (1.5, 1.5))
GRID = grid_from_spacing((4, 128, 128), (1.5, 1.5, 8.0))


def pictures(labels: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (np.choose(labels, [40.0, 220.0, 80.0, 200.0]) + rng.normal(0, 4, labels.shape)).clip(0, 255)


def beat() -> tuple[Cine, LabelCine]:
    labels = np.stack([rings(slices=4), rings(slices=4, endo_mm=15.0, epi_mm=29.0), rings(slices=4)])
    return Cine(np.stack([pictures(p) for p in labels]).astype(np.float32), GRID), LabelCine(labels, GRID)


def teacher(refine: RefineConfig | None = None) -> RegistrationTeacher:
    torch.manual_seed(0)
    return RegistrationTeacher(RegistrationNetwork(SMALL), torch.device("cpu"), refine)


def test_a_shift_in_mm_moves_pixels() -> None:
    stack = torch.zeros(1, 1, 128, 128)
    stack[0, 0, 60, 70] = 1.0
    shift = torch.zeros(1, 2, 64, 64)
    shift[:, 0] = 4 * 1.5  # pull back from four pixels to the right
    assert warp_canonical(stack, shift)[0, 0, 60, 66] == pytest.approx(1.0, abs=1e-4)
    coarse = torch.zeros(1, 1, 64, 64)
    coarse[0, 0, 30, 35] = 1.0
    assert warp_lattice(coarse, shift)[0, 0, 30, 33] == pytest.approx(1.0, abs=1e-4)


def test_a_lattice_pixel_is_the_mean_of_four() -> None:
    fine = np.zeros((1, 128, 128), np.float32)
    fine[0, 2:4, 6:8] = [[1, 2], [3, 6]]
    assert on_lattice(fine)[0, 1, 3] == pytest.approx(3.0)


def test_the_network_says_a_velocity_a_look_and_works_without_labels() -> None:
    network = RegistrationNetwork(SMALL)
    stack, distances = torch.randn(2, 3, 128, 128), torch.randn(2, 3, 6, 64, 64)
    assert network(stack, stack, distances).shape == (2, 2, 3, 2, 64, 64)
    blind = network(stack, stack)
    assert torch.equal(blind, network(stack, stack, torch.zeros_like(distances)))
    assert displacement_mm(blind[-1].flatten(0, 1)).abs().max() < 0.5, "untrained it hardly moves"


def test_a_network_of_pictures_alone_does_not_look_at_labels() -> None:
    config = config_from_values({"widths": [4, 6, 8], "looks": 1, "inputs": ["pictures"]})
    network = RegistrationNetwork(config)
    stack = torch.randn(1, 2, 128, 128)
    assert torch.equal(network(stack, stack), network(stack, stack, torch.randn(1, 2, 6, 64, 64)))
    assert config_from_values(config.values()) == config


def test_tracking_rests_at_the_anchor_and_lies_in_the_patient() -> None:
    cine, labels = beat()
    for given in (None, labels):
        motion = teacher(RefineConfig(steps=1)).track(cine, POSE, 1, labels=given)
        assert motion.phases == 3
        assert not motion.pull_back_mm[1].any()
        assert not motion.push_forward_mm[1].any()
        assert motion.grid.spacing_mm == pytest.approx((3.0, 3.0, 8.0))
        assert motion.grid.patient_from_points(np.array([0.0, 0.0, 0.0])) == pytest.approx([0.75, 0.75, 0.0])


def test_the_base_descends_while_the_lv_empties_and_only_with_labels() -> None:
    cine, labels = beat()
    motion = teacher(RefineConfig(steps=0)).track(cine, POSE, 0, labels=labels)
    dz = motion.pull_back_mm[1, :, 0, 0, 2]
    assert dz[0] < -3.0, "the first slice shows what lay nearer the base"
    assert dz[-1] == pytest.approx(0.0, abs=1e-5)
    assert np.all(np.diff(dz) >= 0)
    assert motion.push_forward_mm[1, 0, 0, 0, 2] > 3.0
    assert np.abs(motion.pull_back_mm[2, ..., 2]).max() == pytest.approx(0.0, abs=1e-5), "full again"
    assert not teacher().track(cine, POSE, 0).pull_back_mm[..., 2].any()


def test_tracking_stops_when_asked() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        teacher().track(*((beat()[0], POSE, 0)), cancel=token)


def test_labels_of_a_reversed_stack_come_base_first() -> None:
    labels = np.zeros((3, 128, 128), np.uint8)
    labels[2, 60:68, 60:68] = Label.LV
    turned = labels_on_canonical(labels, CanonicalPose((63.5, 63.5), 0.0, False, True, (1.5, 1.5)))
    assert (turned[0] == Label.LV).sum() == 64
    assert not turned[1:].any()


def test_descent_by_hand() -> None:
    volumes = np.array([100.0, 40.0, 70.0])
    assert emptied_share(volumes) == pytest.approx([0.0, 1.0, 0.5])
    along = descent_of(rings(slices=4), volumes, 0, 10.0)
    size = 3.0 + 0.16 * 60.0  # mm at EF 60 %
    assert along.shift_mm(1) == pytest.approx([-size, -size * 2 / 3, -size / 3, 0.0])
    assert along.shift_mm(2) == pytest.approx(0.5 * along.shift_mm(1))
    there = along.reached(2)
    assert np.interp(there, np.arange(4), along.source[2])[1:] == pytest.approx([1.0, 2.0, 3.0])
    empty = descent_of(np.zeros((4, 128, 128), np.uint8), volumes, 0, 10.0)
    assert np.array_equal(empty.source, no_descent(3, 4, 10.0).source)


def test_refinement_meets_the_target_without_folding() -> None:
    ed, es = rings(slices=2), rings(slices=2, endo_mm=15.0, epi_mm=29.0)
    first, second = (torch.from_numpy(on_lattice(signed_distances(p, (1.5, 1.5)))) for p in (ed, es))
    still = torch.zeros(2, 2, 64, 64)
    velocity = refined(still, first, second, RefineConfig(steps=15))
    moved = warp_lattice(first, displacement_mm(velocity))
    before, after = (float(((d > 0) != (second > 0)).float().mean()) for d in (first, moved))
    assert after < 0.35 * before, "to within the 3 mm of the lattice"
    pull = torch.nn.functional.pad(displacement_mm(velocity), (0, 0, 0, 0, 0, 1)).permute(0, 2, 3, 1).numpy()
    motion = Motion(grid_from_spacing((2, 64, 64), (3.0, 3.0, 8.0)), pull[None], -pull[None], 0)
    assert determinant(motion, 0).min() > 0
    assert torch.equal(refined(still, first, second, RefineConfig(steps=0)), still)


def test_the_audit_counts_folds_and_parts() -> None:
    pull = np.zeros((1, 3, 64, 64, 3), np.float32)
    x = np.arange(64, dtype=np.float32) * 3.0
    pull[0, 1, ..., 0] = -2.0 * x  # mirrored: det J is -1 in that slice
    motion = Motion(grid_from_spacing((3, 64, 64), (3.0, 3.0, 8.0)), pull, pull, 0)
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[1, 1:3, 1:3] = Label.LV
    torn = labels.copy()
    torn[1, 6, 6] = Label.LV
    found = audit(motion, 0, np.ones((3, 64, 64), bool), labels, torn)
    assert found.folding_share == pytest.approx(1 / 3)
    assert found.sd_log_j == pytest.approx(0.0, abs=1e-6)
    assert found.components_kept == {"LV": False, "MYO": True, "RV": True}
    assert all(components_kept(torn, torn).values())


def test_stretch_by_hand() -> None:
    folded, spread = stretch(np.array([1.0, np.e**2, -1.0, 0.0]))
    assert folded == pytest.approx(0.5)
    assert spread == pytest.approx(1.0)
    assert stretch(np.zeros(0)) == (0.0, 0.0)


def test_the_axial_stretch_counts_too() -> None:
    pull = np.zeros((1, 3, 64, 64, 3), np.float32)
    pull[0, ..., 2] = (np.arange(3, dtype=np.float32) * 2.0)[:, None, None]  # 2 mm more a slice of 8 mm
    motion = Motion(grid_from_spacing((3, 64, 64), (3.0, 3.0, 8.0)), pull, pull, 0)
    assert determinant(motion, 0) == pytest.approx(1.25)


def test_standardised_survives_a_constant_picture() -> None:
    assert not standardised(np.full((2, 128, 128), 7.0, np.float32)).any()
