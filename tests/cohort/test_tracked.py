"""A cine becomes a case: phases, box, labels over time, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort import tracked
from cof_viewer.cohort.case import Origin, lattice_pixels
from cof_viewer.domain.canonical import CanonicalPose, to_canonical
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid, grid_from_spacing
from cof_viewer.domain.image import Cine, LabelCine
from cof_viewer.engine.registration import lattice_in_patient

GRID = grid_from_spacing((3, 40, 40), (1.5, 1.5, 10.0))


def cine(phases: int, phase_ms: tuple[float, ...] | None = None, rr_ms: float | None = None) -> Cine:
    return Cine(np.ones((phases, *GRID.shape), np.float32), GRID, phase_ms, rr_ms)


@pytest.mark.parametrize(("count", "ed", "es"), [(12, 3, 10), (20, 19, 6), (25, 0, 9), (35, 34, 12)])
def test_phases_begin_at_ed_and_keep_es(count: int, ed: int, es: int) -> None:
    order, es_phase = tracked.phases_of_beat(cine(count), ed, es)
    assert order[0] == ed
    assert order[es_phase] == es
    assert abs(es_phase / 25 - ((es - ed) % count) / count) <= 0.02
    steps = np.mod(np.diff(order), count)
    assert steps.max() <= 2
    assert steps.sum() <= count  # once round at most


def test_recorded_times_decide_which_phase_is_shown() -> None:
    times = (0.0, 100.0, 200.0, 300.0, 900.0)
    order, _ = tracked.phases_of_beat(cine(5, times, 1000.0), 0, 2)
    assert order[15] == 3  # 600 ms lies half-way between 300 and 900
    assert order[20] == 4


def test_the_box_is_the_middle_of_the_canonical_picture() -> None:
    rng = np.random.default_rng(0)
    grid = grid_from_spacing((3, 150, 140), (1.4, 1.4, 8.0))
    data = rng.normal(100.0, 20.0, grid.shape).astype(np.float32)
    pose = CanonicalPose((70.0, 75.0), 25.0, False, True, (1.4, 1.4))
    lattice: Grid = lattice_in_patient(pose, grid)
    still = np.zeros((1, 3, 64, 64, 3), np.float32)
    affine = tracked.box_affine(Motion(lattice, still, still, 0), Cine(data[None], grid))
    shape = (3, 96, 96)
    boxed = tracked.resample_in_plane(data, affine, shape)
    np.testing.assert_allclose(boxed, to_canonical(data, pose)[:, 16:112, 16:112], atol=1e-2)


def test_thinned_motion_lies_where_the_case_says() -> None:
    canonical = 2 * np.arange(64) + 0.5  # lattice points in canonical pixels
    pull = np.zeros((1, 1, 64, 64, 3), np.float32)
    pull[..., 0] = canonical[None, :]
    pull[..., 1] = canonical[:, None]
    thin = tracked.thinned(pull)[0, 0]
    np.testing.assert_allclose(thin[0, :, 0], lattice_pixels() + 16)
    np.testing.assert_allclose(thin[:, 0, 1], lattice_pixels() + 16)


def test_steadying_keeps_experts_and_loses_no_slice() -> None:
    labels = np.zeros((6, 2, 8, 8), np.uint8)
    labels[:, :, 2:6, 2:6] = 2
    labels[:, :, 3:5, 3:5] = 1
    labels[2, 1] = 0  # a slice lost for one phase
    labels[4, 0, 0, 0] = 3  # a speck for one phase
    steady = tracked._steadied(labels, [True, False, False, True, False, False])
    assert (steady[2, 1] == labels[1, 1]).all()
    assert steady[4, 0, 0, 0] == 0
    assert (steady[[0, 3]] == labels[[0, 3]]).all()
    lone = np.zeros_like(labels)
    lone[2, 0, 2:6, 2:6] = 1
    assert (tracked._steadied(lone, [False] * 6)[2] == lone[2]).all()


def test_a_cavity_alone_gets_the_segmented_wall_without_a_gap() -> None:
    segmented = np.zeros((2, 2, 12, 12), np.uint8)
    segmented[:, :, 1:11, 1:11], segmented[:, :, 3:9, 3:9] = 2, 1
    segmented[:, :, 0, :] = 3
    cavity = np.zeros((2, 12, 12), np.uint8)
    cavity[0, 4:8, 4:8] = 1
    grid = grid_from_spacing((2, 12, 12), (1.5, 1.5, 10.0))
    labels, by = tracked._with_experts(LabelCine(segmented, grid), {1: cavity})
    assert by == [Origin.SEGMENTED, Origin.EXPERT]
    assert np.count_nonzero(labels.data[1, 0] == 1) == 16
    assert np.count_nonzero(labels.data[1, 0] == 2) == 100 - 16
    assert not np.isin(labels.data[1, 1], (1, 2)).any()
    assert (labels.data[1, :, 0] == 3).all()


def test_counted_numbers_by_hand() -> None:
    labels = np.zeros((2, 1, 96, 96), np.uint8)
    labels[0, 0, :40, :40], labels[1, 0, :20, :40] = 1, 1
    labels[:, 0, 50:60, 50:60] = 2
    numbers = tracked.counted_numbers(labels, 1, 10.0)
    assert numbers["edv_ml"] == pytest.approx(1600 * 0.0225)
    assert numbers["ef_percent"] == pytest.approx(50.0)
    assert numbers["lv_mass_g"] == pytest.approx(100 * 0.0225 * 1.05)
    assert "rv_edv_ml" not in numbers


def test_what_was_not_imaged_is_zero_and_nothing_else() -> None:
    data = np.zeros((2, 1, 60, 60), np.float32)
    data[:, :, 20:40, 20:40] = 100.0
    affine = np.eye(4)
    affine[:2, 3] = -18.0
    box = tracked.picture_on_box(data, affine)
    assert (box[:, :, 18:78, 18:78] > 0).all()
    assert (box[:, :, :17] == 0).all()
    assert box[0, 0, 48, 48] == 255


def test_bad_cines_and_labels_are_named() -> None:
    good = np.zeros(GRID.shape, np.uint8)
    good[:, 10:20, 10:20], good[:, 12:18, 12:18] = 2, 1
    tracked.check_cine("case-7", cine(5), {0: good})
    holed = cine(5)
    holed.data[2, 1, 3, 3] = np.nan
    with pytest.raises(UserError, match="case-7"):
        tracked.check_cine("case-7", holed, {})
    for spacing in ((0.0, 1.5, 10.0), (float("nan"), 1.5, 10.0)):
        with pytest.raises(UserError, match="case-7"):
            tracked.check_spacing("case-7", spacing)
    with pytest.raises(UserError, match=r"case-7.*value 7"):
        tracked.check_labels("case-7", np.where(good == 1, 7, good))
    with pytest.raises(UserError, match=r"case-7.*left ventricle"):
        tracked.check_labels("case-7", np.zeros_like(good))
    with pytest.raises(UserError, match=r"case-7.*wall"):
        tracked.check_labels("case-7", np.where(good == 2, 0, good))
    with pytest.raises(UserError, match="case-7"):
        tracked.check_cine("case-7", cine(5), {9: good})
