"""The pack: layout, scale, and back again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.engine.packed.pack import PackLayout, heart_extent, pack, plane_weights, to_planes, unpack

SMALL = PackLayout(planes=4, phases=5, rows=3, columns=2, scale_mm=(2.0, 4.0, 8.0))


def test_blocks_stand_in_order_and_are_scaled():
    field = np.zeros((5, 4, 3, 2, 3), np.float32)
    field[1, :, 0, 0] = (2.0, 4.0, 8.0)  # dx, dy, dz: one scale each
    field[1, 2, 0, 0, 2] = 16.0  # dz of the third of four slices
    sure = np.full((5, 4, 3, 2), 0.75, np.float32)
    packed = pack(field, sure, (0, 3), SMALL)
    assert packed.shape == SMALL.shape == (16, 5, 3, 2)
    np.testing.assert_allclose(packed[0:4, 1, 0, 0], [1, 1, 2, 1], atol=1e-6)  # dz, base to apex
    np.testing.assert_allclose(packed[4:12, 1, 0, 0], 1.0, atol=1e-6)  # dy, dx
    np.testing.assert_allclose(packed[12:], 0.5, atol=1e-6)  # 2·0.75 - 1


@settings(max_examples=40, deadline=None)
@given(slices=st.integers(4, 16), planes=st.sampled_from([4, 8]), before=st.integers(0, 3), seed=st.integers(0, 99))
def test_a_pack_survives_unpacking_and_packing(slices, planes, before, seed):
    slices = max(slices, planes)
    layout = PackLayout(planes, 5, 3, 2, (2.0, 4.0, 8.0))
    rng = np.random.default_rng(seed)
    packed = rng.normal(size=layout.shape).astype(np.float32)
    packed[3 * planes :] = rng.uniform(-1, 1, packed[3 * planes :].shape)
    packed[: 3 * planes, 0] = 0.0  # the anchor's phase does not move
    extent = (before, before + slices - 1)
    field, sure = unpack(packed, extent, before + slices + 2, layout)
    np.testing.assert_allclose(pack(field, sure, extent, layout), packed, atol=2e-4)


def test_motion_linear_along_the_axis_is_kept_exactly_in_the_heart():
    depth = np.linspace(10.0, 0.0, 9, dtype=np.float32)
    field = np.zeros((5, 11, 3, 2, 3), np.float32)
    field[1:, 1:10, ..., 2] = depth[None, :, None, None]
    back, sure = unpack(pack(field, np.ones(field.shape[:-1], np.float32), (1, 9), SMALL), (1, 9), 11, SMALL)
    np.testing.assert_allclose(back[:, 1:10], field[:, 1:10], atol=1e-4)
    np.testing.assert_allclose(back[1, 0, 0, 0, 2], 10.0, atol=1e-4)  # beyond the base its end plane goes on
    np.testing.assert_allclose(sure, 1.0, atol=1e-5)


def test_the_anchor_phase_never_moves():
    packed = np.ones(SMALL.shape, np.float32)
    field, _ = unpack(packed, (0, 5), 6, SMALL)
    assert not field[0].any()
    np.testing.assert_allclose(field[1:], np.broadcast_to([2.0, 4.0, 8.0], field[1:].shape), atol=1e-5)


def test_fewer_slices_than_planes_are_interpolated():
    field = np.zeros((5, 3, 3, 2, 3), np.float32)
    field[1, :, 0, 0, 2] = [8.0, 16.0, 24.0]
    packed = pack(field, np.ones(field.shape[:-1], np.float32), (0, 2), SMALL)
    np.testing.assert_allclose(packed[:4, 1, 0, 0], [1, 1 + 2 / 3, 1 + 4 / 3, 3], atol=1e-5)


def test_shares_of_planes_sum_to_one_and_a_single_slice_is_all_planes():
    np.testing.assert_allclose(plane_weights(12, (2, 9), 4).sum(axis=1), 1.0)
    np.testing.assert_allclose(to_planes(np.arange(3.0)[:, None], (1, 1), 4)[:, 0], 1.0)


def test_extent_is_read_off_the_labels():
    labels = np.zeros((6, 4, 4), np.uint8)
    labels[2:5, 1, 1] = 3
    assert heart_extent(labels) == (2, 4)
    with pytest.raises(ValueError, match="empty"):
        heart_extent(np.zeros((3, 4, 4), np.uint8))
