"""Every metric on cases whose answer is known, by hand or by another library."""

import math

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.evaluation.beat import EvaluatedBeat, ef_of_curve, es_fraction, reference_of
from cof_viewer.evaluation.metrics import FAMILIES, function, intervals, measure, motion, overlap, pictures
from cof_viewer.evaluation.metrics.cost import Cost
from cof_viewer.evaluation.metrics.frechet import frechet_distance, resampled_distance
from tests.evaluation.made import ES, beat_of_labels, beat_of_truth, tube_case, tube_labels

REFERENCE = reference_of(tube_case())


def test_a_perfect_beat_has_no_error():
    numbers = measure(REFERENCE, beat_of_truth(REFERENCE))
    for name in ("esv_error_ml", "ef_error_points", "sv_error_ml", "curve_rmse_ml", "es_error_phases", "es_error_ms"):
        assert numbers[name] == pytest.approx(0, abs=1e-9)
    assert numbers["lv_dice_es"] == numbers["myo_iou_es"] == numbers["rv_dice_beat"] == 1.0
    assert numbers["lv_hd95_es_mm"] == 0.0
    assert numbers["ssim"] == pytest.approx(1.0)
    assert numbers["psnr_db"] == 100.0
    assert set(FAMILIES) == {"function", "overlap", "motion", "pictures", "intervals"}


def test_function_errors_by_hand():
    curve = np.linspace(100.0, 100.0, 25)
    curve[10] = 50.0
    truth = REFERENCE.edv_ml, REFERENCE.esv_ml
    numbers = function.measure(REFERENCE, EvaluatedBeat(curve, 50.0, 0.4))
    assert numbers["edv_error_ml"] == pytest.approx(100 - truth[0])
    assert numbers["esv_error_ml"] == pytest.approx(50 - truth[1])
    assert numbers["sv_error_ml"] == pytest.approx(50 - (truth[0] - truth[1]))
    assert numbers["es_error_phases"] == pytest.approx((0.4 - ES / 25) * 50)
    assert numbers["es_error_ms"] == pytest.approx((0.4 - ES / 25) * 800)
    assert numbers["curve_rmse_ml"] == pytest.approx(float(np.sqrt(np.mean((curve - REFERENCE.lv_ml) ** 2))))


def test_the_beat_is_a_circle():
    assert function.es_error(0.02, 0.98) == pytest.approx(0.04)
    assert function.es_error(0.98, 0.02) == pytest.approx(-0.04)


def test_without_spacing_there_are_no_millilitres():
    numbers = function.measure(
        REFERENCE.__class__(**{**REFERENCE.__dict__, "spacing_known": False}), beat_of_truth(REFERENCE)
    )
    assert math.isnan(numbers["esv_error_ml"])
    assert numbers["ef_error_points"] == 0


@given(st.floats(0.1, 0.9), st.floats(10, 80))
@settings(max_examples=30, deadline=None)
def test_es_of_a_smooth_curve_is_found_between_phases(place: float, depth: float):
    t = np.arange(25) / 25
    curve = 100 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * (t - place)))
    assert abs(function.es_error(es_fraction(curve), place)) < 0.002
    assert ef_of_curve(np.array([100.0, 40.0])) == 60.0
    assert math.isnan(es_fraction(np.full(25, 80.0)))


def test_hd95_by_hand_and_for_one_structure_missing():
    a, b = np.zeros((2, 1, 40, 40), bool)
    a[0, 10:20, 10:20] = True
    b[0, 10:20, 13:23] = True
    # Columns 10 to 12 of a's edge lie outside b: distances 3, 2, 1 mm there and their mirror images; the 95th
    # percentile of a's 36 edge voxels is the 3 mm of its far column, since that holds 10 of them.
    assert overlap.hd95(a, b, (10.0, 1.0, 1.0)) == pytest.approx(3.0)
    assert overlap.hd95(a, b, (10.0, 1.0, 2.0)) == pytest.approx(6.0)
    assert math.isnan(overlap.hd95(a, np.zeros_like(a), (1, 1, 1)))
    assert overlap.iou(a, b) == pytest.approx(70 / 130)
    assert overlap.iou(a & False, b & False) == 1.0


def test_hausdorff_distances_agree_with_simpleitk():
    rng = np.random.default_rng(4)
    spacing = (8.0, 1.5, 1.2)
    for _ in range(3):
        a, b = (_blob(rng) for _ in range(2))
        images = [sitk.GetImageFromArray(m.astype(np.uint8)) for m in (a, b)]
        for image in images:
            image.SetSpacing(spacing[::-1])
        contours = [sitk.LabelContour(image) for image in images]
        filter_ = sitk.HausdorffDistanceImageFilter()
        filter_.Execute(*contours)
        assert overlap.hd95(a, b, spacing, 100.0) == pytest.approx(filter_.GetHausdorffDistance(), rel=1e-5)
        maps = [
            np.abs(sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(c, squaredDistance=False, useImageSpacing=True)))
            for c in contours
        ]
        edges = [sitk.GetArrayFromImage(c) > 0 for c in contours]
        directed = [np.percentile(maps[1][edges[0]], 95), np.percentile(maps[0][edges[1]], 95)]
        assert overlap.hd95(a, b, spacing) == pytest.approx(max(directed), rel=1e-4)


def _blob(rng: np.random.Generator) -> np.ndarray:
    z, y, x = np.mgrid[:8, :50, :50].astype(float)
    centre, size = rng.uniform(20, 30, 2), rng.uniform(6, 12, 2)
    return ((y - centre[0]) / size[0]) ** 2 + ((x - centre[1]) / size[1]) ** 2 + ((z - 3.5) / 3) ** 2 < 1


def test_slices_that_left_the_stack_are_left_out():
    beat = beat_of_truth(REFERENCE)
    assert overlap.imaged_slices(REFERENCE, beat).all()
    up = np.zeros((25, 6, 48, 48, 3), np.float32)
    up[ES, ..., 2] = -16.0  # slices show what lay 1.6 slices nearer the base: slices 1 (at -0.6) leaves the stack
    beat = beat_of_truth(REFERENCE, pull_back_mm=up)
    assert overlap.imaged_slices(REFERENCE, beat).tolist() == [True, False, True, True, True, True]
    spoiled = REFERENCE.labels.copy()
    spoiled[ES, 1] = 0
    numbers = overlap.measure(REFERENCE, beat_of_labels(spoiled, pull_back_mm=up))
    assert numbers["lv_dice_es_imaged"] == 1.0
    assert numbers["lv_dice_es"] == pytest.approx(2 * 3 / (3 + 4))


def test_psnr_and_ssim_of_known_pictures():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.2, 0.8, (96, 96)).astype(np.float32)
    assert pictures.psnr(true + np.float32(0.1), true) == pytest.approx(20.0, abs=1e-3)
    mean, each = pictures.ssim(true, true)
    assert mean == pytest.approx(1.0)
    assert each.shape == true.shape
    # Two flat pictures: SSIM is the luminance term alone, (2ab + c1) / (a² + b² + c1) with c1 = (0.01)²
    a, b = np.full((96, 96), 0.5, np.float32), np.full((96, 96), 0.25, np.float32)
    wanted = (2 * 0.5 * 0.25 + 1e-4) / (0.25 + 0.0625 + 1e-4)
    assert pictures.ssim(a, b)[0] == pytest.approx(wanted, abs=1e-5)


def test_the_anchor_and_empty_slices_do_not_count_in_pictures():
    picture = REFERENCE.picture.copy()
    picture[:, 0] = 0
    reference = REFERENCE.__class__(**{**REFERENCE.__dict__, "picture": picture})
    ours = picture.copy()
    ours[0] = 0.9  # the anchor's phase, whatever it holds
    ours[:, 0] = 0.7  # a slice that was never imaged
    assert pictures.measure(reference, beat_of_truth(reference, picture=ours))["psnr_db"] == 100.0


def test_determinants_of_known_fields():
    z, y, x = (a.astype(np.float32) for a in np.mgrid[:5, :48, :48])
    field = np.stack([0.1 * 3 * x, -0.2 * 3 * y, 0.05 * 10 * z], axis=-1).astype(np.float32)
    assert motion.determinant(field, 10.0) == pytest.approx(1.1 * 0.8 * 1.05, abs=1e-4)
    sheared = np.stack([0.5 * 3 * y, 0 * y, 0 * y], axis=-1).astype(np.float32)
    assert motion.determinant(sheared, 10.0) == pytest.approx(1.0, abs=1e-5)


def test_folding_and_wall_volume_of_known_fields():
    zero = np.zeros((25, 6, 48, 48, 3), np.float32)
    still = motion.measure(REFERENCE, beat_of_truth(REFERENCE, pull_back_mm=zero, push_forward_mm=zero))
    assert still["folding_percent"] == 0
    assert still["wall_change_es_percent"] == pytest.approx(0, abs=1e-6)
    x = np.arange(48, dtype=np.float32) * 3
    folded = zero.copy()
    folded[ES, ..., 0] = -1.5 * x  # x + u runs backwards
    wider = zero.copy()
    wider[ES, ..., 0] = 0.2 * x
    numbers = motion.measure(REFERENCE, beat_of_truth(REFERENCE, pull_back_mm=folded, push_forward_mm=wider))
    assert numbers["folding_percent"] == pytest.approx(100 / 24)
    assert numbers["wall_change_es_percent"] == pytest.approx(20, abs=1e-3)
    assert numbers["wall_change_most_percent"] == pytest.approx(20, abs=1e-3)


def test_what_moves_beside_a_thin_wall_does_not_count_as_the_walls():
    wall = np.zeros((3, 48, 48), bool)
    wall[:, :, 20:23] = True
    field = np.zeros((3, 48, 48, 3), np.float32)
    field[:, :, 23:, 0] = 30.0  # a jump just outside
    assert motion.determinant(field, 10.0, wall)[wall].mean() == pytest.approx(1.0)
    assert motion.determinant(field, 10.0)[wall].mean() > 2


def test_coverage_of_intervals():
    held = {"ef_percent": (REFERENCE.ef_percent - 1, REFERENCE.ef_percent + 3), "esv_ml": (0.0, 1.0), "other": (0, 1)}
    numbers = intervals.measure(REFERENCE, beat_of_truth(REFERENCE, intervals=held, calibrated=True))
    assert numbers["ef_percent_covered"] == 1.0
    assert numbers["ef_percent_width"] == pytest.approx(4.0)
    assert numbers["esv_ml_covered"] == 0.0
    assert "other_covered" not in numbers
    assert numbers["intervals_calibrated"] == 1.0
    assert intervals.measure(REFERENCE, beat_of_truth(REFERENCE)) == {}


def test_frechet_distance_of_known_normal_distributions():
    rng = np.random.default_rng(2)
    base = rng.normal(size=(4000, 3))
    base = (base - base.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(base, rowvar=False))).T
    assert frechet_distance(base, base + np.array([3.0, 0.0, 4.0]), shrink=False) == pytest.approx(25.0, abs=1e-6)
    # same mean, deviations 1 and (1, 2, 3): sum of (1 - s)²
    assert frechet_distance(base * [1, 2, 3], base, shrink=False) == pytest.approx(0 + 1 + 4, abs=1e-6)
    assert frechet_distance(base, base) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_with_more_features_than_patients():
    rng = np.random.default_rng(5)
    true = rng.normal(size=(12, 300))
    near, far = true + 0.01 * rng.normal(size=true.shape), true + 2.0
    assert 0 <= frechet_distance(near, true) < frechet_distance(far, true)
    found = resampled_distance(far, true, resamples=10)
    assert found.low <= found.high
    assert found.value == pytest.approx(frechet_distance(far, true))
    with pytest.raises(ValueError, match="two sets"):
        frechet_distance(true, true[:, :5])


def test_cost_is_measured():
    with Cost() as cost:
        block = np.ones(40_000_000, np.uint8)
        block += 1
    assert 0 < cost.seconds < 10
    assert math.isnan(cost.peak_mb) or cost.peak_mb > 40


def test_labels_of_other_sizes_give_the_dice_of_their_areas():
    smaller = tube_labels(np.full(25, 12.0), np.full(25, 6.0))
    numbers = overlap.measure(REFERENCE, beat_of_labels(smaller))
    a, b = (smaller[0] == 1).sum(), (REFERENCE.labels[ES] == 1).sum()
    assert numbers["lv_dice_es"] == pytest.approx(2 * a / (a + b))
