"""Outlines close, lie on the label's border and enclose its area."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.anatomy.contours import contours, signed_area


def ring(shape=(64, 64), centre=(30.0, 35.0), inner=8.0, outer=13.0):
    y, x = np.indices(shape)
    radius = np.hypot(y - centre[0], x - centre[1])
    label = np.zeros(shape, dtype=np.uint8)
    label[radius < outer] = 2
    label[radius < inner] = 1
    return label


def radii(outline, centre=(30.0, 35.0)):
    return np.hypot(outline[:, 1] - centre[0], outline[:, 0] - centre[1])


def test_ring_is_two_circles():
    found = contours(ring())
    (endo,), (epi,) = found.endo, found.epi
    assert found.rv == ()
    assert (endo[0] == endo[-1]).all()
    assert (epi[0] == epi[-1]).all()
    assert radii(endo).mean() == pytest.approx(8.0, abs=0.3)
    assert radii(epi).mean() == pytest.approx(13.0, abs=0.3)
    assert np.ptp(radii(epi)) < 1.0  # a line, not stairs


@settings(max_examples=30, deadline=None)
@given(st.floats(3.0, 12.0), st.floats(20.0, 40.0), st.floats(20.0, 40.0))
def test_area_is_the_labels(radius, row, column):
    label = (ring(centre=(row, column), inner=radius, outer=radius + 4) == 1).astype(np.uint8)
    (endo,) = contours(label).endo
    assert signed_area(endo) == pytest.approx(label.sum(), rel=0.08, abs=2.0)


def test_structure_at_the_border_is_closed():
    label = np.zeros((20, 20), dtype=np.uint8)
    label[0:6, 12:20] = 3
    (rv,) = contours(label).rv
    assert (rv[0] == rv[-1]).all()
    assert rv[:, 1].min() == pytest.approx(-0.5, abs=0.3)


def test_wall_without_cavity_and_tiny_cavity():
    label = np.zeros((30, 30), dtype=np.uint8)
    label[10:16, 10:16] = 2
    assert contours(label).endo == ()
    assert len(contours(label).epi) == 1
    label[12, 12] = 1
    assert len(contours(label).endo) == 1


def test_pieces_and_crumbs():
    label = np.zeros((40, 40), dtype=np.uint8)
    label[5:15, 5:15] = 3
    label[20:30, 20:30] = 3
    label[35, 35] = 3
    assert len(contours(label).rv) == 2
    assert contours(np.zeros((9, 9), dtype=np.uint8)).epi == ()


def test_fast_enough_to_draw_while_playing(data_dir):
    label = np.load(data_dir / "mri" / "pairs" / "acdc_patient056.npz")["ed_label"][3]
    contours(label)
    best = min(_seconds(label) for _ in range(10))
    assert best < 0.003


def _seconds(label):
    start = time.process_time()
    contours(label)
    return time.process_time() - start
