"""Canonical grid and back: geometry by known places, labels by round trips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CanonicalPose, from_canonical, to_canonical
from cof_viewer.domain.grid import grid_from_spacing

poses = st.builds(
    CanonicalPose,
    center_xy=st.tuples(st.floats(60, 100), st.floats(60, 100)),
    angle_degrees=st.floats(-180, 180),
    mirrored=st.booleans(),
    slices_reversed=st.booleans(),
    pixel_mm=st.tuples(st.floats(1.2, 2.0), st.floats(1.2, 2.0)),
)


def ring(shape: tuple[int, int, int], center: tuple[float, float], pixel_mm: tuple[float, float]) -> np.ndarray:
    """LV 22 mm, wall to 32 mm, an RV beside it: labels as discs of true size."""
    y, x = np.mgrid[: shape[1], : shape[2]].astype(float)
    radius = np.hypot((x - center[0]) * pixel_mm[0], (y - center[1]) * pixel_mm[1])
    labels = np.where(radius < 22, 1, np.where(radius < 32, 2, 0)).astype(np.uint8)
    right = np.hypot((x - center[0]) * pixel_mm[0] + 38, (y - center[1]) * pixel_mm[1]) < 20
    labels[(labels == 0) & right] = 3
    return np.repeat(labels[None], shape[0], axis=0)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@given(poses)
def test_the_middle_of_the_canonical_picture_is_the_centre_of_the_heart(pose: CanonicalPose) -> None:
    middle = (CANONICAL_PIXELS - 1) / 2
    x, y, z, _ = pose.scanner_from_canonical(9) @ [middle, middle, 2, 1]
    assert (x, y) == pytest.approx(pose.center_xy)
    assert z == (6 if pose.slices_reversed else 2)


@given(poses)
def test_canonical_pixels_are_1_5_mm_in_the_patient(pose: CanonicalPose) -> None:
    scanner = grid_from_spacing((8, 200, 200), (*pose.pixel_mm, 10.0))
    assert pose.canonical_grid(scanner).spacing_mm == pytest.approx((1.5, 1.5, 10.0))


@settings(max_examples=12, deadline=None)
@given(poses)
def test_labels_survive_the_round_trip(pose: CanonicalPose) -> None:
    shape = (1, 160, 160)
    labels = ring(shape, pose.center_xy, pose.pixel_mm)
    back = np.stack(
        [
            from_canonical(to_canonical((labels == k).astype(np.float32), pose), pose, shape, outside=float(k == 0))
            for k in range(4)
        ]
    ).argmax(axis=0)
    assert dice(labels == 1, back == 1) >= 0.98
    assert dice(labels == 2, back == 2) >= 0.96
    assert dice(labels == 3, back == 3) >= 0.98


def test_rotation_brings_the_rv_to_the_left() -> None:
    shape = (1, 160, 160)
    labels = ring(shape, (80.0, 80.0), (1.5, 1.5))
    turned = np.rot90(labels, k=1, axes=(1, 2)).copy()  # RV now below: +x (RV to LV) points up, along -row
    pose = CanonicalPose((80.0, 79.0), -90.0, False, False, (1.5, 1.5))
    canonical = to_canonical((turned == 3).astype(np.float32), pose)
    columns = np.nonzero(canonical[0] > 0.5)[1]
    assert columns.mean() < CANONICAL_PIXELS / 2 - 15
