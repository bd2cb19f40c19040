"""Hearts laid over each other: the frame in which the baselines average motion.

Every slice between base and apex has the centre and the radius of its own epicardium; a place in the heart is a level
(0 first, 1 last slice with cavity) and an offset in radii, and displacement counts in radii too (along the axis in
lengths of the cavity). The box is in canonical orientation, so no turning is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PIXELS, BOX_SPACING_MM, MOTION_STEP
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.evaluation.beat import Float, UInt8
from cof_viewer.evaluation.lattice import STEP, lattice_pixels, linear_weights

LEVELS = 8
SIDE = 20
REACH = 2.2
"""The frame covers offsets of up to 2.2 radii; beyond it nothing moves."""

_LEAST_RADIUS_SHARE = 0.6


@dataclass(frozen=True, eq=False)
class HeartFrame:
    """Where the heart lies in the box.

    Attributes:
        first: first slice with LV cavity; `last` likewise.
        centre: [z, 2] (row, column) of the epicardium, pixels; end slices go on beyond the cavity.
        radius: [z] pixels.
        slice_mm: distance between slices.
    """

    first: int
    last: int
    centre: NDArray[np.float64]
    radius: NDArray[np.float64]
    slice_mm: float

    @property
    def length_mm(self) -> float:
        """Length of the cavity, at least one slice."""
        return max(self.last - self.first, 1) * self.slice_mm


def frame_of(labels: UInt8, slice_mm: float) -> HeartFrame:
    """The frame of labels [z, 96, 96].

    Raises:
        UserError: there is no LV.
    """
    held = np.flatnonzero((labels == Label.LV).any(axis=(1, 2)))
    if not len(held):
        raise UserError("The anchor's labels show no left ventricle. Choose another case.", code="no-heart")
    outer = np.isin(labels, (Label.LV, Label.MYO))
    centres = np.array([np.argwhere(outer[z]).mean(axis=0) for z in held])
    radii = np.sqrt(outer[held].sum(axis=(1, 2)) / np.pi)
    radii = np.maximum(radii, _LEAST_RADIUS_SHARE * radii.max())
    every = np.arange(len(labels))
    centre = np.stack([np.interp(every, held, centres[:, k]) for k in (0, 1)], axis=1)
    return HeartFrame(int(held[0]), int(held[-1]), centre, np.interp(every, held, radii), slice_mm)


def aligned(displacement_mm: NDArray[np.floating], frame: HeartFrame) -> NDArray[np.float16]:
    """A stored displacement [t, z, 24, 24, 3] in the common frame: [t, 8, 20, 20, 3] in radii and lengths."""
    phases, slices = displacement_mm.shape[:2]
    z = frame.first + np.linspace(0, 1, LEVELS) * (frame.last - frame.first)
    line = np.linspace(-REACH, REACH, SIDE)
    level, y, x = np.meshgrid(z, line, line, indexing="ij")
    every = np.arange(slices)
    radius = np.interp(level, every, frame.radius)
    rows, columns = (np.interp(level, every, frame.centre[:, k]) + offset * radius for k, offset in ((0, y), (1, x)))
    first = (MOTION_STEP - 1) / 2.0
    places = [level.ravel(), *(((axis - first) / MOTION_STEP).ravel() for axis in (rows, columns))]
    side = BOX_PIXELS // MOTION_STEP
    weights = linear_weights(places, (slices, side, side))
    flat = np.moveaxis(displacement_mm.astype(np.float32), 0, 3).reshape(slices * side * side, -1)
    read = (weights @ flat).reshape(LEVELS, SIDE, SIDE, phases, 3)
    return np.asarray(np.moveaxis(read / _units(radius, frame)[:, :, :, None], 3, 0), dtype=np.float16)


def placed(common: NDArray[np.floating], frame: HeartFrame) -> Float:
    """Motion of the common frame [t, 8, 20, 20, 3] on a heart: [t, z, 48, 48, 3] mm on the evaluation's lattice."""
    phases, slices = len(common), len(frame.radius)
    line = lattice_pixels(STEP)
    z, y, x = np.meshgrid(np.arange(slices), line, line, indexing="ij")
    level = np.clip((z - frame.first) / max(frame.last - frame.first, 1), 0, 1) * (LEVELS - 1)
    radius = frame.radius[z]
    per_radius = (SIDE - 1) / (2 * REACH)
    offsets = [(axis - frame.centre[z, k]) / radius for k, axis in ((0, y), (1, x))]
    places = [level.ravel(), *(((offset + REACH) * per_radius).ravel() for offset in offsets)]
    weights = linear_weights(places, (LEVELS, SIDE, SIDE), extend=False)
    flat = np.moveaxis(common.astype(np.float32), 0, 3).reshape(LEVELS * SIDE * SIDE, -1)
    read = (weights @ flat).reshape(*z.shape, phases, 3)
    return np.ascontiguousarray(np.moveaxis(read * _units(radius, frame)[:, :, :, None], 3, 0), dtype=np.float32)


def _units(radius: NDArray[np.float64], frame: HeartFrame) -> Float:
    """[..., 3] millimetres of one unit of (dx, dy, dz) where the radius (pixels) is this."""
    mm = radius * BOX_SPACING_MM
    return np.stack([mm, mm, np.full_like(mm, frame.length_mm)], axis=-1).astype(np.float32)
