"""Pose of a heart by its labels."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.real.posing import pose_of_labels


@pytest.mark.parametrize("turned", [0.0, 40.0, -110.0])
def test_the_axis_runs_from_rv_to_lv(turned: float) -> None:
    y, x = np.mgrid[:120, :120].astype(float)
    cos, sin = np.cos(np.radians(turned)), np.sin(np.radians(turned))
    labels = np.zeros((2, 120, 120), np.uint8)
    labels[:, np.hypot(x - (60 - 24 * cos), y - (60 - 24 * sin)) < 10] = 3
    labels[:, np.hypot(x - 60, y - 60) < 14] = 1
    pose = pose_of_labels(labels, (8.0, 1.5, 1.5))
    assert pose.angle_degrees == pytest.approx(turned, abs=2.0)
    assert pose.center_xy == pytest.approx((60 - 10 * cos, 60 - 10 * sin), abs=4.5)
    assert (pose.mirrored, pose.slices_reversed) == (False, False)


def test_without_an_rv_it_is_not_turned() -> None:
    labels = np.zeros((1, 40, 40), np.uint8)
    labels[0, 10:21, 12:23] = 1
    pose = pose_of_labels(labels, (8.0, 1.5, 1.5))
    assert pose.angle_degrees == 0.0
    assert pose.center_xy == (17.0, 15.0)
