"""Motion on the box: the evaluation's lattice, warping of labels and pictures by it, and its inverse.

Every method's motion is held on one lattice, so that folding and wall volume mean the same for all: every second pixel
of the box (3 mm), point (i, j) at pixel (2 j + 0.5, 2 i + 0.5). The store's own displacement has 6 mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PIXELS, BOX_SPACING_MM, MOTION_STEP
from cof_viewer.evaluation.beat import Float, UInt8, voxel_ml

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

STEP = 2
POINTS = BOX_PIXELS // STEP
SPACING_MM = STEP * BOX_SPACING_MM
_INVERSE_STEPS = 8


def lattice_pixels(step: int = STEP) -> NDArray[np.float64]:
    """Rows (and columns) of a lattice's points in the box's pixels."""
    return np.asarray(np.arange(BOX_PIXELS // step) * float(step) + (step - 1) / 2.0, dtype=np.float64)


def linear_weights(places: Sequence[NDArray[np.float64]], shape: Sequence[int], *, extend: bool = True) -> csr_matrix:
    """Sparse matrix [points, cells] that interpolates linearly at places on a regular array.

    Args:
        places: for each axis the places [points], in cells.
        shape: of the array.
        extend: whether the array's edge goes on beyond it; else there is 0.
    """
    from scipy.sparse import csr_matrix

    count = len(places[0])
    index = np.zeros((count, 1), np.int64)
    weight = np.ones((count, 1))
    inside = np.ones(count, bool)
    for place, size in zip(places, shape, strict=True):
        inside &= (place >= -0.5) & (place <= size - 0.5)
        near = np.clip(place, 0, size - 1)
        low = np.minimum(near.astype(np.int64), max(size - 2, 0))
        share = near - low
        ends = np.stack([low, np.minimum(low + 1, size - 1)], axis=1)
        shares = np.stack([1 - share, share], axis=1)
        index = (index[:, :, None] * size + ends[:, None]).reshape(count, -1)
        weight = (weight[:, :, None] * shares[:, None]).reshape(count, -1)
    if not extend:
        weight = weight * inside[:, None]
    rows = np.repeat(np.arange(count), index.shape[1])
    size_in = int(np.prod(shape))
    return csr_matrix((weight.ravel().astype(np.float32), (rows, index.ravel())), shape=(count, size_in))


@lru_cache(maxsize=4)
def _between(step_in: int, step_out: int) -> csr_matrix:
    """In-plane weights from one lattice of the box to another (step 1: every pixel)."""
    line = (lattice_pixels(step_out) - (step_in - 1) / 2.0) / step_in
    y, x = (axis.ravel() for axis in np.meshgrid(line, line, indexing="ij"))
    return linear_weights((y, x), (BOX_PIXELS // step_in,) * 2)


def resampled(field: NDArray[np.floating], step_in: int, step_out: int) -> Float:
    """A field [..., rows, columns, 3] of the box from one lattice to another."""
    *lead, rows, columns, parts = field.shape
    flat = np.moveaxis(field.reshape(-1, rows * columns, parts), 1, 0).reshape(rows * columns, -1)
    out = _between(step_in, step_out) @ flat.astype(np.float32)
    side = BOX_PIXELS // step_out
    out = np.moveaxis(out.reshape(side * side, -1, parts), 0, 1)
    return np.ascontiguousarray(out.reshape(*lead, side, side, parts), dtype=np.float32)


def from_store(displacement_mm: NDArray[np.floating]) -> Float:
    """A stored displacement [t, z, 24, 24, 3] on the evaluation's lattice."""
    return resampled(displacement_mm, MOTION_STEP, STEP)


@dataclass(frozen=True, eq=False)
class Warp:
    """An anchor that can be warped by fields on the lattice.

    Attributes:
        distances: float32 [z, 3, 96, 96] signed distances (mm) of LV, LV with wall, RV.
        picture: float32 [z, 96, 96].
        slice_mm: distance between slices.
    """

    distances: Float
    picture: Float
    slice_mm: float

    @classmethod
    def of(cls, labels: UInt8, picture: Float, slice_mm: float) -> Warp:
        """The warp of an anchor [z, 96, 96] with its labels."""
        from cof_viewer.engine.motion.labels import signed_distances

        return cls(signed_distances(labels, (BOX_SPACING_MM,) * 2), picture, slice_mm)

    def source(self, field_mm: Float) -> NDArray[np.float64]:
        """[3, z, 96, 96] voxel of the anchor (z, y, x) that each voxel shows under [z, 48, 48, 3]."""
        at = np.indices(self.picture.shape, dtype=np.float64)
        shift = np.moveaxis(resampled(field_mm, STEP, 1), -1, 0)[::-1]
        steps = np.array([self.slice_mm, BOX_SPACING_MM, BOX_SPACING_MM]).reshape(3, 1, 1, 1)
        return np.asarray(at + shift / steps)

    def lv_ml(self, field_mm: Float) -> float:
        """Soft LV volume under one phase's field."""
        at = self.source(field_mm)
        return float((_share(self._read(self.distances[:, 0], at)) * self._imaged(at)).sum()) * voxel_ml(self.slice_mm)

    def phase(self, field_mm: Float) -> tuple[UInt8, Float, float]:
        """Labels, picture and soft LV volume (mL) under one phase's field.

        Where the field leaves the stack labels are 0 and the picture repeats the end slice.
        """
        at = self.source(field_mm)
        imaged = self._imaged(at)
        lv, outer, rv = (_share(self._read(self.distances[:, k], at)) * imaged for k in range(3))
        outer = np.maximum(outer, lv)
        shares = np.stack([1 - np.minimum(outer + rv, 1), lv, outer - lv, np.minimum(rv, 1 - outer)])
        labels = shares.argmax(axis=0).astype(np.uint8)
        return labels, self._read(self.picture, at), float(lv.sum()) * voxel_ml(self.slice_mm)

    def _imaged(self, at: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((at[0] > -0.5) & (at[0] < len(self.picture) - 0.5))

    @staticmethod
    def _read(stack: Float, at: NDArray[np.float64]) -> Float:
        from scipy.ndimage import map_coordinates

        return np.asarray(map_coordinates(stack, at, order=1, mode="nearest"), dtype=np.float32)


def _share(distance_mm: Float) -> Float:
    """Partial-volume share of a pixel from its signed distance."""
    return np.asarray(np.clip(distance_mm / np.float32(BOX_SPACING_MM) + np.float32(0.5), 0, 1), dtype=np.float32)


def inverse(pull_back_mm: Float, slice_mm: float) -> Float:
    """Push-forward w of a pull-back u, both [t, z, 48, 48, 3]: w(p) = -u(p + w(p)), by repetition (Chen 2008)."""
    from scipy.ndimage import map_coordinates

    phases, slices = pull_back_mm.shape[:2]
    at = np.indices((slices, POINTS, POINTS), dtype=np.float32)
    steps = np.array([slice_mm, SPACING_MM, SPACING_MM], np.float32).reshape(3, 1, 1, 1)
    out = np.zeros_like(pull_back_mm)
    for t in range(phases):
        parts = np.moveaxis(pull_back_mm[t], -1, 0)[::-1]
        w = np.zeros_like(parts)
        if parts.any():
            for _ in range(_INVERSE_STEPS):
                place = at + w / steps
                w = -np.stack([map_coordinates(part, place, order=1, mode="nearest") for part in parts])
        out[t] = np.moveaxis(w[::-1], 0, -1)
    return out
