"""Where the heart is looked at from, and the directions that make every heart lie alike on the screen.

Plain geometry in LPS millimetres, without VTK, so that it is tested by hand-made vectors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]

TYPICAL_LONG_AXIS = np.array([0.62, -0.58, -0.53])
"""Base to apex of an ordinary heart in LPS: to the left, front and feet."""

TYPICAL_SEPTAL = np.array([-0.70, -0.70, 0.12])
"""From the LV to the RV of an ordinary heart in LPS: to the right and front."""

_CLOSEST, _FARTHEST = 0.25, 6.0
_ROOM = 1.14
"""Room round the heart at zoom 1; it also grows and shrinks over the beat."""


def unit(vector: NDArray[np.floating]) -> Vector:
    """The vector with length 1."""
    result = np.asarray(vector, dtype=np.float64)
    return np.asarray(result / max(float(np.linalg.norm(result)), 1e-12))


def frame_from(long_axis: NDArray[np.floating], septal: NDArray[np.floating]) -> Vector:
    """3 x 3 rotation whose columns are long axis, septal direction made upright to it, and their cross product."""
    first = unit(long_axis)
    second = unit(septal - np.dot(septal, first) * first)
    return np.stack([first, second, np.cross(first, second)], axis=1)


@dataclass
class Camera:
    """A parallel camera that turns about the heart's middle.

    Attributes:
        focus_mm: point in the middle of the view.
        towards_viewer: unit vector from the focus to the viewer.
        up: unit vector that points up on the screen.
        radius_mm: of a ball round the heart.
        half_size_mm: half of the width and height that zoom 1 shows at least.
        zoom: magnification.
    """

    focus_mm: Vector = field(default_factory=lambda: np.zeros(3))
    towards_viewer: Vector = field(default_factory=lambda: np.array([0.0, -1.0, 0.0]))
    up: Vector = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    radius_mm: float = 60.0
    half_size_mm: tuple[float, float] = (60.0, 60.0)
    zoom: float = 1.0

    @property
    def distance_mm(self) -> float:
        """Of the viewer; with a parallel camera it only has to be outside."""
        return 10.0 * self.radius_mm

    @property
    def right(self) -> Vector:
        """Unit vector to the right on the screen."""
        return unit(np.cross(self.up, self.towards_viewer))

    def half_height_mm(self, aspect: float) -> float:
        """Half of what is seen from top to bottom, for a view of the given width over height."""
        return max(self.half_size_mm[1], self.half_size_mm[0] / aspect) / self.zoom

    def frame(self, points_mm: NDArray[np.floating]) -> None:
        """Put points (n, 3) into the middle and show all of them as seen from here, at zoom 1."""
        middle = (points_mm.min(axis=0) + points_mm.max(axis=0)) / 2.0
        across, upwards = (points_mm - middle) @ self.right, (points_mm - middle) @ self.up
        self.focus_mm = np.asarray(
            middle + (across.min() + across.max()) / 2.0 * self.right + (upwards.min() + upwards.max()) / 2.0 * self.up,
            dtype=np.float64,
        )
        self.radius_mm = float(np.linalg.norm(points_mm - self.focus_mm, axis=1).max())
        self.half_size_mm = (_ROOM * float(np.ptp(across)) / 2.0, _ROOM * float(np.ptp(upwards)) / 2.0)
        self.zoom = 1.0

    def look(self, towards_viewer: NDArray[np.floating], up: NDArray[np.floating]) -> None:
        """Look from a direction with another one upright."""
        self.towards_viewer = unit(towards_viewer)
        self.up = unit(up - np.dot(up, self.towards_viewer) * self.towards_viewer)

    def rotate(self, right_degrees: float, down_degrees: float) -> None:
        """Turn the heart with the hand: to the right about the upright, down about the level axis."""
        turn = rotation(self.up, -right_degrees) @ rotation(self.right, -down_degrees)
        self.towards_viewer, self.up = unit(turn @ self.towards_viewer), unit(turn @ self.up)

    def move(self, right_mm: float, up_mm: float) -> None:
        """Shift the heart on the screen."""
        self.focus_mm = self.focus_mm - right_mm * self.right - up_mm * self.up

    def magnify(self, factor: float) -> None:
        """Zoom in by a factor above 1, out by one below; limited to what is of use."""
        self.zoom = float(np.clip(self.zoom * factor, _CLOSEST, _FARTHEST))

    def on_screen(self, direction: ArrayLike) -> tuple[float, float, float]:
        """A patient direction as (right, up, towards the viewer)."""
        return (
            float(np.dot(direction, self.right)),
            float(np.dot(direction, self.up)),
            float(np.dot(direction, self.towards_viewer)),
        )


def rotation(axis: NDArray[np.floating], degrees: float) -> Vector:
    """3 x 3 rotation about a unit axis by the right-hand rule (Rodrigues)."""
    angle, (x, y, z) = np.deg2rad(degrees), axis
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * skew + (1.0 - np.cos(angle)) * skew @ skew)


PRESETS: tuple[str, ...] = ("Overview", "Septum", "Free wall", "Apex", "Base")
"""Views that every heart has, whether or not the patient's axes are known."""

PATIENT_PRESETS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "From the front": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "From the left": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "From the feet": ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
}
"""Name -> (direction of the viewer, upright), LPS; only where the patient's axes are known."""

_OVERVIEW_FROM, _OVERVIEW_UP = np.array([0.42, -0.85, 0.30]), np.array([0.0, 0.0, 1.0])


def look_at(camera: Camera, preset: str, heart: Vector) -> None:
    """Take a named view.

    Args:
        camera: is changed.
        preset: one of `PRESETS` or a key of `PATIENT_PRESETS`.
        heart: `frame_from` of this heart's long axis (base to apex) and septal direction.
    """
    long_axis, septal = heart[:, 0], heart[:, 1]
    if preset in PATIENT_PRESETS:
        camera.look(*(np.array(v) for v in PATIENT_PRESETS[preset]))
        return
    placed = heart @ frame_from(TYPICAL_LONG_AXIS, TYPICAL_SEPTAL).T
    views: dict[str, tuple[Vector, Vector]] = {
        "Overview": (placed @ _OVERVIEW_FROM, placed @ _OVERVIEW_UP),
        "Septum": (septal, -long_axis),
        "Free wall": (-septal, -long_axis),
        "Apex": (long_axis, np.cross(septal, long_axis)),
        "Base": (-long_axis, np.cross(septal, long_axis)),
    }
    camera.look(*views[preset])
