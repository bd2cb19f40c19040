"""The lattice, warping, the inverse, and hearts laid over each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.anatomy import dice
from cof_viewer.domain.errors import UserError
from cof_viewer.evaluation.alignment import aligned, frame_of, placed
from cof_viewer.evaluation.beat import counted_ml
from cof_viewer.evaluation.lattice import Warp, from_store, inverse, lattice_pixels, linear_weights, resampled
from tests.evaluation.made import ES, tube_case

CASE = tube_case(depth=0.2)


def _warp() -> Warp:
    return Warp.of(CASE.labels[0], CASE.image[0] / np.float32(255), CASE.slice_mm)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_linear_functions_are_interpolated_exactly(a: float, b: float, seed: int):
    y, x = np.mgrid[:7, :9].astype(float)
    places = np.random.default_rng(seed).uniform(0, 6, (2, 20))
    read = linear_weights(places, (7, 9)) @ (a * y + b * x).ravel()
    assert read == pytest.approx(a * places[0] + b * places[1], abs=1e-4)


def test_beyond_the_edge_there_is_nothing_or_the_edge():
    line = np.arange(4.0)
    assert (linear_weights([np.array([-2.0, 5.0])], (4,)) @ line).tolist() == [0.0, 3.0]
    assert (linear_weights([np.array([-2.0, 5.0])], (4,), extend=False) @ line).tolist() == [0.0, 0.0]


def test_a_linear_field_survives_a_change_of_lattice():
    line = lattice_pixels(4)
    y, x = np.meshgrid(line, line, indexing="ij")
    field = np.stack([x, y, x + y], axis=-1)[None, None].astype(np.float32)
    fine = resampled(field, 4, 2)[0, 0]
    want = lattice_pixels(2)
    inner = slice(1, -1)
    assert fine[inner, inner, 0] == pytest.approx(np.tile(want[inner], (46, 1)), abs=1e-4)
    assert resampled(field, 4, 2).shape == (1, 1, 48, 48, 3)


def test_a_shift_moves_labels_and_picture_by_as_much():
    warp = _warp()
    field = np.zeros((6, 48, 48, 3), np.float32)
    field[..., 0] = 6.0  # shows what lies 4 pixels to the right: everything moves 4 to the left
    labels, picture, volume = warp.phase(field)
    assert dice(labels[:, :, 8:-8] == 1, np.roll(CASE.labels[0] == 1, -4, axis=2)[:, :, 8:-8]) > 0.995
    assert picture[:, :, 8:-8] == pytest.approx(np.roll(warp.picture, -4, axis=2)[:, :, 8:-8], abs=1e-4)
    assert volume == pytest.approx(warp.lv_ml(np.zeros_like(field)), rel=0.01)


def test_what_comes_from_outside_the_stack_has_no_label():
    field = np.zeros((6, 48, 48, 3), np.float32)
    field[..., 2] = -25.0
    labels, picture, _ = _warp().phase(field)
    assert not labels[:2].any()
    assert (picture[0] == _warp().picture[0]).all()


def test_a_stored_motion_brings_ed_to_es():
    labels, _, volume = _warp().phase(from_store(CASE.displacement_mm)[ES])
    assert dice(labels == 1, CASE.labels[ES] == 1) > 0.97
    assert dice(labels == 2, CASE.labels[ES] == 2) > 0.93
    assert volume == pytest.approx(counted_ml(CASE.labels, 10.0)[ES], rel=0.05)


def test_the_inverse_undoes_the_motion():
    pull = from_store(CASE.displacement_mm[[0, ES]])
    push = inverse(pull, CASE.slice_mm)
    assert not push[0].any()
    warp = _warp()
    moved, _, _ = warp.phase(pull[1])
    back, _, _ = Warp.of(moved, warp.picture, CASE.slice_mm).phase(push[1])
    assert dice(back == 1, CASE.labels[0] == 1) > 0.97


def test_motion_laid_on_its_own_heart_is_itself():
    frame = frame_of(CASE.labels[0], CASE.slice_mm)
    assert (frame.first, frame.last) == (1, 4)
    assert frame.centre[2] == pytest.approx([47.5, 52.5], abs=0.1)
    assert 1.5 * frame.radius[2] == pytest.approx(33.0, rel=0.02)
    there = placed(aligned(CASE.displacement_mm, frame), frame)[ES]
    labels, _, volume = _warp().phase(there)
    assert dice(labels == 1, CASE.labels[ES] == 1) > 0.95
    assert volume == pytest.approx(counted_ml(CASE.labels, 10.0)[ES], rel=0.06)


def test_motion_scales_with_the_heart_it_is_laid_on():
    frame = frame_of(CASE.labels[0], CASE.slice_mm)
    common = aligned(CASE.displacement_mm, frame)
    half = frame.__class__(frame.first, frame.last, frame.centre, frame.radius / 2, frame.slice_mm)
    assert np.abs(placed(common, half)).max() == pytest.approx(np.abs(placed(common, frame)).max() / 2, rel=0.1)


def test_no_ventricle_has_no_frame():
    with pytest.raises(UserError, match="no left ventricle"):
        frame_of(np.zeros((6, 96, 96), np.uint8), 10.0)
