"""Cine and labels of a simulated patient."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import ndimage

from cof_viewer.cohort.simulator import Condition, SimulatedCase, simulate
from cof_viewer.domain.image import Label


@pytest.fixture(scope="module")
def cases() -> list[SimulatedCase]:
    """Five patients with pictures."""
    wanted = [
        Condition.NORMAL,
        Condition.DILATED,
        Condition.HYPERTROPHIC,
        Condition.INFARCT_INFERIOR,
        Condition.RV_OVERLOAD,
    ]
    return [simulate(31 + i, condition, phases=10, noise=2.0, spacing_mm=1.5) for i, condition in enumerate(wanted)]


def _es(case: SimulatedCase) -> int:
    return int(np.argmin(case.truth.lv_volume_ml))


def _dice(a, b) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def _warped_labels(case: SimulatedCase, phase: int, coarse: int):
    """The anchor's labels pulled back by the true displacement on the centred lattice, linear; outside the stack 0."""
    pull = case.motion(coarse, push=False, centred=True).pull_back_mm[phase]
    z, y, x = np.meshgrid(*(np.arange(n) for n in case.frame.shape), indexing="ij")
    first = (coarse - 1) / 2
    at = [z, (y - first) / coarse, (x - first) / coarse]
    dx, dy, dz = (ndimage.map_coordinates(pull[..., i], at, order=1, mode="nearest") for i in range(3))
    spacing = case.frame.spacing_mm
    where = [z + dz / 10.0, y + dy / spacing, x + dx / spacing]
    anchor = case.labels.data[0]
    shares = [ndimage.map_coordinates((anchor == k).astype(float), where, order=1, cval=0.0) for k in (1, 2, 3)]
    return np.stack([1 - sum(shares), *shares]).argmax(axis=0)


def test_soft_volumes_are_the_analytic_ones(cases):
    for case in cases:
        soft = case.labels.soft_volume_voxels * case.grid.voxel_volume_ml
        assert np.abs(soft[:, Label.LV] / case.truth.lv_volume_ml - 1).max() < 0.02
        assert np.abs(soft[:, Label.MYO] / case.beat.wall_ml - 1).max() < 0.025
        assert np.abs(soft[:, Label.RV] / case.truth.rv_volume_ml - 1).max() < 0.02


def test_hard_labels_scatter_with_ten_millimetre_slices_only(cases):
    errors = []
    for case in cases:
        counted = np.count_nonzero(case.labels.data == Label.LV, axis=(1, 2, 3)) * case.grid.voxel_volume_ml
        errors.append(counted / case.truth.lv_volume_ml - 1)
    assert np.abs(np.mean(errors)) < 0.02
    assert np.abs(np.concatenate(errors)).max() < 0.12


@pytest.mark.parametrize("coarse", [1, 4])
def test_true_motion_carries_the_anchor_labels_to_es(cases, coarse):
    for case in cases:
        phase = _es(case)
        warped, truth = _warped_labels(case, phase, coarse), case.labels.data[phase]
        assert _dice(warped == Label.LV, truth == Label.LV) >= 0.92
        assert _dice(warped == Label.MYO, truth == Label.MYO) >= 0.85


def test_base_leaves_slices_at_es(cases):
    normal = cases[0]
    held = [np.flatnonzero((normal.labels.data[k] == Label.LV).any(axis=(1, 2))) for k in (0, _es(normal))]
    assert held[1][0] > held[0][0]
    assert 9 <= normal.truth.descent_mm <= 16


def test_rv_lies_left_of_the_lv(cases):
    for case in cases:
        columns = [np.argwhere(case.labels.data[0] == k)[:, 2].mean() for k in (Label.LV, Label.RV)]
        assert columns[1] < columns[0] - 8


def test_contrast_is_that_of_bssfp(cases):
    for case in cases:
        picture, labels = case.cine.data[0], case.labels.data[0]
        lv, muscle = (np.median(picture[labels == k]) for k in (Label.LV, Label.MYO))
        assert 0.25 < muscle / lv < 0.5


def test_texture_is_carried_not_redrawn():
    """Blood of one phase, pushed to the next, looks the same up to the noise."""
    case = simulate(40, Condition.NORMAL, phases=40, size=96, spacing_mm=1.7, noise=0.0)
    k = 10
    mid = 6
    inside = ndimage.binary_erosion(case.labels.data[k, mid] == Label.LV, iterations=3)
    change = np.abs(case.cine.data[k + 1, mid] - case.cine.data[k, mid])[inside].mean()
    assert change < 12.0


def test_background_can_be_given():
    around = np.full((12, 96, 96), 77.0, np.float32)
    case = simulate(41, Condition.NORMAL, phases=2, size=96, spacing_mm=1.8, noise=0.0, background=around)
    corner = case.cine.data[:, :, :4, -4:]
    assert np.abs(corner / corner[:1] - 1).max() < 1e-5
    assert 40 < corner.mean() < 130


def test_grid_is_that_of_a_scanner(cases):
    grid = cases[0].grid
    assert grid.spacing_mm == pytest.approx((cases[0].frame.spacing_mm, cases[0].frame.spacing_mm, 10.0))
    axes = grid.directions
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-6
    assert axes[0, 2] > 0.3  # the apex points to the patient's left
    assert axes[1, 2] < -0.2  # ... and forwards
    assert axes[2, 1] < -0.5  # down in the picture is down in the patient


def test_same_seed_same_bytes():
    first, second = (simulate(77, phases=3, size=64, spacing_mm=2.2) for _ in range(2))
    assert first.cine.data.tobytes() == second.cine.data.tobytes()
    assert first.labels.data.tobytes() == second.labels.data.tobytes()
    assert first.ecg.signal_mv.tobytes() == second.ecg.signal_mv.tobytes()
    assert first.truth == second.truth
    other = simulate(78, phases=3, size=64, spacing_mm=2.2)
    assert other.cine.data.tobytes() != first.cine.data.tobytes()


def test_motion_and_ecg_do_not_depend_on_the_picture():
    with_picture = simulate(79, phases=3, size=64, spacing_mm=2.2)
    without = simulate(79, phases=3, size=64, spacing_mm=2.2, picture=False)
    assert without.cine is None
    assert without.truth == with_picture.truth
    assert np.array_equal(without.ecg.signal_mv, with_picture.ecg.signal_mv)
    assert np.array_equal(without.motion(8).pull_back_mm, with_picture.motion(8).pull_back_mm)


def test_a_case_is_quick():
    """50 x 12 x 128² within a generous multiple of the 2 s that an idle core needs."""
    start = time.process_time()
    simulate(1, Condition.NORMAL, phases=50)
    assert time.process_time() - start < 6.0


@pytest.mark.parametrize(
    "wrong", [{"sex": "X"}, {"condition": "well"}, {"background": np.zeros((3, 8, 8), np.float32)}]
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|not a valid"):
        simulate(1, phases=2, size=64, **wrong)
