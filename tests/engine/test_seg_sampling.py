"""Looks at a stack: geometry agrees with the domain's canonical grid, and the way back is the inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.engine.seg_sampling import (
    Placement,
    heart_placement,
    inside_stack,
    look_back,
    look_up,
    neighbour_index,
    neighbour_skip,
    sample,
    smoothed_for,
    standardise,
)

poses = st.builds(
    CanonicalPose,
    center_xy=st.tuples(st.floats(40, 160), st.floats(40, 160)),
    angle_degrees=st.floats(-180, 180),
    mirrored=st.booleans(),
    slices_reversed=st.just(False),
    pixel_mm=st.tuples(st.floats(0.7, 2.0), st.floats(0.7, 2.0)),
)


def placed(pose: CanonicalPose) -> Placement:
    centre = (pose.center_xy[1] * pose.pixel_mm[1], pose.center_xy[0] * pose.pixel_mm[0])
    return heart_placement(centre, math.radians(pose.angle_degrees) + math.pi, mirrored=pose.mirrored)


@given(poses)
@settings(max_examples=40, deadline=None)
def test_a_look_samples_where_the_canonical_pose_says(pose: CanonicalPose):
    shape = (200, 220)
    pixel_yx = (pose.pixel_mm[1], pose.pixel_mm[0])
    grid = look_up(placed(pose), CANONICAL_PIXELS, CANONICAL_SPACING_MM, shape, pixel_yx).numpy()
    affine = pose.scanner_from_canonical(1)
    for x, y in ((0, 0), (127, 0), (30, 99)):
        expected = (affine @ [x, y, 0, 1])[:2]
        found = (grid[y, x] + 1) / 2 * (np.array([shape[1], shape[0]]) - 1)
        assert found == pytest.approx(expected, abs=1e-2)


@given(poses)
@settings(max_examples=25, deadline=None)
def test_looking_back_inverts_looking_up(pose: CanonicalPose):
    size, shape = 64, (150, 130)
    pixel_yx = (pose.pixel_mm[1], pose.pixel_mm[0])
    ramp = torch.from_numpy(np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32))
    there = look_up(placed(pose), size, 1.0, shape, pixel_yx)
    back = look_back(placed(pose), size, 1.0, shape, pixel_yx)
    round_trip = sample(sample(ramp, there), back)
    whole = inside_stack(there).float()[None]
    safe = inside_stack(back) & (sample(whole, back)[0] > 0.9999)  # a missing .001 of a 150-pixel ramp is .15
    assert torch.allclose(round_trip[:, safe], ramp[:, safe], atol=0.05)  # pixels; float32 places of a 150-pixel field


def test_the_rv_comes_to_lie_on_the_left():
    picture = torch.zeros(1, 101, 101)
    picture[0, 20, 50] = 1.0  # RV straight above the LV
    look = heart_placement((50.0, 50.0), math.atan2(-30.0, 0.0))
    y, x = np.argwhere(sample(picture, look_up(look, 101, 1.0, (101, 101), (1.0, 1.0)))[0].numpy() > 0.5)[0]
    assert (y, x) == (50, 20)


def test_neighbours_stop_at_the_ends_and_at_empty_slices():
    full = np.array([False, True, True, True, False])
    assert neighbour_index(full, 1).tolist() == [[0, 0, 1], [1, 1, 2], [1, 2, 3], [2, 3, 3], [3, 4, 4]]
    assert neighbour_index(full, 1, reverse=True)[2].tolist() == [3, 2, 1]


@pytest.mark.parametrize(("slice_mm", "skip"), [(5.0, 2), (8.0, 1), (10.0, 1), (17.7, 1), (3.0, 3)])
def test_neighbours_lie_about_eight_millimetres_off(slice_mm: float, skip: int):
    assert neighbour_skip(slice_mm) == skip


def test_standardised_slices_have_mean_zero_and_deviation_one_inside_only():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 40, 40, generator=generator) * 700 + 90
    inside = torch.zeros(40, 40, dtype=torch.bool)
    inside[5:30, 8:] = True
    result = standardise(images, inside[None, None])
    assert torch.all(result[..., ~inside] == 0)
    assert result[..., inside].mean(dim=-1).abs().max() < 1e-3
    assert (result[..., inside].std(dim=-1) - 1).abs().max() < 1e-2


def test_a_constant_slice_gives_zeros():
    assert torch.all(standardise(torch.full((1, 1, 8, 8), 7.0), torch.ones(1, 8, 8, dtype=torch.bool)) == 0)


def test_smoothing_only_where_the_target_is_coarser():
    picture = np.zeros((1, 33, 33), np.float32)
    picture[0, 16, 16] = 1
    assert smoothed_for(picture, 1.5, 1.5) is not None
    assert np.array_equal(smoothed_for(picture, 1.5, 1.5), picture)
    blurred = smoothed_for(picture, 0.7, 1.5)
    assert blurred.max() < 0.5
    assert blurred.sum() == pytest.approx(1.0, abs=1e-3)
