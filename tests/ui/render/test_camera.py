"""The heart's camera: directions by hand, turns that keep right angles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.ui.render.camera import (
    PATIENT_PRESETS,
    PRESETS,
    TYPICAL_LONG_AXIS,
    TYPICAL_SEPTAL,
    Camera,
    frame_from,
    look_at,
    rotation,
)

TYPICAL = frame_from(TYPICAL_LONG_AXIS, TYPICAL_SEPTAL)


def test_from_the_front_the_left_is_right():
    camera = Camera()
    look_at(camera, "From the front", TYPICAL)
    assert camera.on_screen(np.array([1.0, 0, 0])) == pytest.approx((1.0, 0.0, 0.0))
    assert camera.on_screen(np.array([0, 0, 1.0])) == pytest.approx((0.0, 1.0, 0.0))
    assert camera.on_screen(np.array([0, -1.0, 0])) == pytest.approx((0.0, 0.0, 1.0))


def test_from_the_apex_the_rv_lies_left():
    camera = Camera()
    look_at(camera, "Apex", TYPICAL)
    right, up, towards = camera.on_screen(TYPICAL[:, 1])
    assert right == pytest.approx(-1.0)
    assert (up, towards) == pytest.approx((0.0, 0.0), abs=1e-9)
    anterior = camera.on_screen(np.array([0.0, -1.0, 0.0]))
    assert anterior[1] > 0.2


@given(st.floats(-400, 400), st.floats(-400, 400))
def test_turning_keeps_a_right_angle(right, down):
    camera = Camera()
    camera.rotate(right, down)
    assert np.linalg.norm(camera.up) == pytest.approx(1.0)
    assert float(np.dot(camera.up, camera.towards_viewer)) == pytest.approx(0.0, abs=1e-9)


def test_dragging_to_the_right_moves_the_front_to_the_right():
    camera = Camera()
    front = camera.towards_viewer.copy()
    camera.rotate(20.0, 0.0)
    assert camera.on_screen(front)[0] == pytest.approx(np.sin(np.deg2rad(20)))
    camera = Camera()
    camera.rotate(0.0, 20.0)
    assert camera.on_screen(front)[1] == pytest.approx(-np.sin(np.deg2rad(20)))


def test_shifting_moves_a_point_by_as_much():
    camera = Camera()
    before = camera.on_screen(-camera.focus_mm)
    camera.move(7.0, -3.0)
    after = camera.on_screen(-camera.focus_mm)
    assert (after[0] - before[0], after[1] - before[1]) == pytest.approx((7.0, -3.0))


def test_framing_shows_everything_in_the_middle():
    points = np.array([[-40.0, 3, -10], [60, 5, 20], [10, -30, 50], [0, 0, 0]])
    camera = Camera()
    camera.frame(points)
    seen = np.array([camera.on_screen(p - camera.focus_mm) for p in points])
    assert seen[:, 0].min() == pytest.approx(-50.0)
    assert seen[:, 0].max() == pytest.approx(50.0)
    assert seen[:, 1].max() == pytest.approx(-seen[:, 1].min())
    for aspect in (0.5, 1.0, 2.5):
        half = camera.half_height_mm(aspect)
        assert seen[:, 1].max() < half
        assert seen[:, 0].max() < half * aspect


def test_zoom_is_limited():
    camera = Camera()
    for _ in range(50):
        camera.magnify(1.3)
    assert camera.zoom == pytest.approx(6.0)


@pytest.mark.parametrize("preset", [*PRESETS, *PATIENT_PRESETS])
def test_every_view_is_upright(preset):
    camera = Camera()
    look_at(camera, preset, rotation(np.array([0.0, 0.6, 0.8]), 33.0) @ TYPICAL)
    assert float(np.dot(camera.up, camera.towards_viewer)) == pytest.approx(0.0, abs=1e-9)


def test_the_overview_turns_with_the_heart():
    """Every heart lies alike on the screen, however its slices lie in the patient."""
    camera = Camera()
    look_at(camera, "Overview", TYPICAL)
    wanted = camera.on_screen(TYPICAL[:, 0])
    turned = rotation(np.array([0.36, 0.48, 0.8]), 71.0) @ TYPICAL
    look_at(camera, "Overview", turned)
    assert camera.on_screen(turned[:, 0]) == pytest.approx(wanted)
