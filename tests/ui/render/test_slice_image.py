"""Windowing and placing of slices, against values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF, QSizeF

from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.grid import Grid, grid_from_spacing
from cof_viewer.ui.render.slice_image import (
    SliceFrame,
    direction_letters,
    edge_letters,
    frame_of,
    grey_image,
    heart_box,
    screen_from_display,
    to_grey,
)


def test_window_spans_black_to_white():
    plane = np.array([[0, 50, 100, 150, 200, np.nan]], dtype=np.float32)
    assert to_grey(plane, 100.0, 100.0).tolist() == [[0, 0, 127, 255, 255, 0]]
    assert to_grey(plane, 100.0, 100.0, invert=True).tolist() == [[255, 255, 128, 0, 0, 255]]


def test_grey_image_owns_its_pixels():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = grey_image(grey)
    grey[:] = 0
    assert image.size().toTuple() == (4, 3)
    assert image.pixelColor(3, 2).red() == 11


def test_pixels_that_are_not_square_keep_their_millimetres():
    frame = SliceFrame((100, 50), (2.0, 1.5))
    assert frame.size_mm == QSizeF(100.0, 150.0)
    place = frame.display_from_pixel() * screen_from_display(QSizeF(400, 400), QRectF(-50, -75, 100, 150), 1.0, (0, 0))
    right = place.map(QPointF(1, 0)) - place.map(QPointF(0, 0))
    down = place.map(QPointF(0, 1)) - place.map(QPointF(0, 0))
    assert right.x() / down.y() == pytest.approx(2.0 / 1.5)
    middle = place.map(QPointF(25, 50))
    assert (middle.x(), middle.y()) == pytest.approx((200.0, 200.0))


@pytest.mark.parametrize("mirrored", [False, True])
@given(turn=st.integers(0, 3))
def test_pose_brings_rv_left_and_anterior_up(mirrored, turn):
    """Canonical x (RV to LV) must run to the right and canonical y (anterior to inferior) down, for quarter turns."""
    pose = CanonicalPose((64.0, 64.0), 90.0 * turn, mirrored, False, (1.0, 1.0))
    frame = frame_of(grid_from_spacing((3, 128, 128), (1.0, 1.0, 8.0)), pose)
    canonical = pose.scanner_from_canonical(3)[:2, :2]
    display = frame.display_from_pixel()
    origin = display.map(QPointF(0, 0))
    for column, wanted in ((0, (1.5, 0.0)), (1, (0.0, 1.5))):
        step = display.map(QPointF(*canonical[:, column])) - origin
        assert (step.x(), step.y()) == pytest.approx(wanted, abs=1e-6)


def test_letters_follow_the_affine():
    frame = SliceFrame((10, 10), (1.0, 1.0))
    plain = grid_from_spacing((2, 10, 10), (1.0, 1.0, 8.0))
    assert edge_letters(plain, frame) == {"right": "L", "left": "R", "bottom": "P", "top": "A"}
    mirrored = SliceFrame((10, 10), (1.0, 1.0), mirrored=True)
    assert edge_letters(plain, mirrored) == {"right": "R", "left": "L", "bottom": "P", "top": "A"}
    turned = SliceFrame((10, 10), (1.0, 1.0), quarter_turns=1)
    assert edge_letters(plain, turned)["right"] == "A"
    unknown = Grid(plain.shape, plain.patient_from_voxel, orientation_known=False)
    assert edge_letters(unknown, frame) == {}


def test_oblique_directions_have_two_letters():
    assert direction_letters(np.array([0.8, 0.6, 0.0])) == "LP"
    assert direction_letters(np.array([-0.3, -0.95, 0.0])) == "A"
    assert direction_letters(np.array([0.0, 0.1, -1.0])) == "I"


def test_zoom_and_pan_are_about_the_home_box():
    home = QRectF(-10, -10, 20, 20)
    one = screen_from_display(QSizeF(200, 100), home, 1.0, (0.0, 0.0))
    assert one.m11() == pytest.approx(5.0)
    moved = screen_from_display(QSizeF(200, 100), home, 2.0, (3.0, -2.0))
    centre = moved.map(QPointF(0, 0))
    assert (centre.x(), centre.y()) == pytest.approx((100 + 30, 50 - 20))


def test_heart_box_takes_all_slices_and_stays_inside():
    labels = np.zeros((2, 3, 20, 30), dtype=np.uint8)
    labels[0, 1, 5, 7] = 1
    labels[1, 2, 9, 12] = 3
    assert heart_box(labels, (0, 0)) == (7, 5, 13, 10)
    assert heart_box(labels, (100, 2)) == (0, 3, 30, 12)
    assert heart_box(labels * 0, (1, 1)) is None
