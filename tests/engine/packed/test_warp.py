"""Labels and pictures under fields whose effect is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cof_viewer.domain.image import Label
from cof_viewer.engine.packed.confidence import local_agreement
from cof_viewer.engine.packed.scanner import at_phases, inverse
from cof_viewer.engine.packed.warp import BoxWarp, imaged

SLICES, SLICE_MM = 8, 10.0


def ring(center: tuple[float, float] = (47.5, 47.5), inner: float = 14.0, outer: float = 20.0) -> np.ndarray:
    """[z, 96, 96] of a straight tube: LV within wall, in slices 1 to 6."""
    y, x = np.mgrid[:96, :96]
    radius = np.hypot(x - center[0], y - center[1])
    plane = np.where(radius <= inner, Label.LV, np.where(radius <= outer, Label.MYO, 0)).astype(np.uint8)
    labels = np.broadcast_to(plane, (SLICES, 96, 96)).copy()
    labels[[0, -1]] = 0
    return labels


def still() -> np.ndarray:
    return np.zeros((SLICES, 24, 24, 3), np.float32)


def shrinking(factor: float) -> np.ndarray:
    """Pull-back u = (1 / factor - 1)·(x - centre) in plane, which shrinks every circle by `factor`."""
    place = (np.arange(24) * 4 + 1.5 - 47.5) * 1.5
    field = still()
    field[..., 0] = (1 / factor - 1) * place[None, None, :]
    field[..., 1] = (1 / factor - 1) * place[None, :, None]
    return field


def test_no_motion_keeps_the_labels_and_their_volume():
    warp = BoxWarp.of(ring(), SLICE_MM)
    assert (warp.labels(still()) == ring()).mean() > 0.999
    expected = np.pi * (14 * 1.5) ** 2 * 6 * SLICE_MM / 1000
    assert warp.lv_curve_ml(still()[None])[0] == pytest.approx(expected, rel=0.03)


def test_a_circle_shrinks_by_the_square_of_its_scale():
    warp = BoxWarp.of(ring(), SLICE_MM)
    curve = warp.lv_curve_ml(np.stack([still(), shrinking(0.7)]))
    assert curve[1] / curve[0] == pytest.approx(0.49, abs=0.03)


def test_a_shift_in_plane_moves_the_labels_against_it():
    field = still()
    field[..., 0] = 6.0  # each pixel shows what lies 4 pixels further along x: the heart moves 4 pixels back
    moved = BoxWarp.of(ring(), SLICE_MM).labels(field)
    assert (moved == ring((43.5, 47.5))).mean() > 0.995


def test_a_base_that_descends_leaves_the_first_slice_without_heart():
    field = still()
    field[..., 2] = -SLICE_MM
    moved = BoxWarp.of(ring(), SLICE_MM).labels(field)
    shown = (moved == Label.LV).any(axis=(1, 2))
    assert list(np.flatnonzero(shown)) == [2, 3, 4, 5, 6, 7]


def test_share_of_heart_falls_beyond_its_ends():
    share = imaged(torch.tensor([2.0, 1.0, 0.875, 0.5, 6.5]), (1, 6))
    assert share.tolist() == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.5])


def test_the_inverse_brings_points_back():
    field = shrinking(0.8) * np.linspace(1, 0.4, SLICES, dtype=np.float32)[:, None, None, None]
    push = inverse(field[None], SLICE_MM)[0]
    line = (np.arange(24) * 4 + 1.5) * 1.5
    middle = 12
    target = line[middle + 3] + push[2, middle, middle + 3, 0]
    there = np.interp(target, line, field[2, middle, :, 0])
    assert target + there == pytest.approx(line[middle + 3], abs=0.15)


def test_phases_are_read_round_the_beat():
    beat = np.array([0.0, 2.0, 4.0, 2.0], np.float32)[:, None]
    assert at_phases(beat, 8)[:, 0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert at_phases(beat, 4)[:, 0].tolist() == [0, 2, 4, 2]


def test_confidence_is_high_where_the_motion_is_true_and_low_where_it_is_not():
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(0, 255, (SLICES, 24, 24)), np.ones((4, 4))).astype(np.uint8)
    cine = np.stack([picture, np.roll(picture, -4, axis=2)])
    true = np.stack([still(), still()])
    true[1, ..., 0] = 6.0
    right, wrong = (local_agreement(cine, field, SLICE_MM) for field in (true, np.zeros_like(true)))
    inner = (slice(None), slice(3, -3), slice(3, -3))
    assert right[1][inner].mean() > 0.95
    assert wrong[1][inner].mean() < 0.5
    assert right.min() >= 0
    assert right.max() <= 1
