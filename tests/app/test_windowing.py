"""Grey windows by hand-made pictures."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.app.windowing import auto_window, blood_muscle_window, heart_box, wide_window


def test_auto_is_the_percentiles_of_the_labels_box_and_ignores_bright_fat_outside():
    data = np.full((2, 3, 40, 40), 5000.0, dtype=np.float32)
    data[..., 10:30, 10:30] = np.linspace(0, 1000, 400, dtype=np.float32).reshape(20, 20)
    labels = np.zeros(data.shape, dtype=np.uint8)
    labels[:, :, 13:27, 13:27] = 2  # a margin of 15 % of 14 makes it 11 to 29
    window = auto_window(data, labels)
    inside = data[..., 11:29, 11:29]
    low, high = np.percentile(inside, [0.5, 99.5])
    assert window.centre == pytest.approx((low + high) / 2)
    assert window.width == pytest.approx(high - low)


def test_without_labels_the_box_is_the_central_half():
    assert heart_box(None, (40, 80)) == (slice(10, 30), slice(20, 60))


def test_blood_and_muscle_stand_evenly_about_the_centre():
    data = np.zeros((1, 1, 10, 10), dtype=np.float32)
    labels = np.zeros(data.shape, dtype=np.uint8)
    data[..., :5], labels[..., :5] = 300.0, 1
    data[..., 5:], labels[..., 5:] = 100.0, 2
    window = blood_muscle_window(data, labels)
    assert (window.centre, window.width) == (200.0, pytest.approx(440.0))
    assert blood_muscle_window(data, np.zeros_like(labels)) is None


def test_wide_spans_everything_and_odd_values_do_no_harm():
    data = np.array([[[[0.0, 10.0], [np.nan, np.inf]]]], dtype=np.float32)
    window = wide_window(data)
    assert (window.centre, window.width) == (5.0, 10.0)
    flat = wide_window(np.full((1, 1, 4, 4), 7.0, dtype=np.float32))
    assert flat.centre == 7.0
    assert flat.width > 0
