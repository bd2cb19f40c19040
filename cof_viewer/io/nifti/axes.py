"""Which way a NIfTI file's voxels run, and how to bring them to [z, y, x].

Directions come from the affine, lengths from pixdim where the two disagree (ACDC as published has an sform without
spacing). Of the three axes the slices' is the one with much the largest step, else the third.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from cof_viewer.domain.grid import LPS_FROM_RAS, Affine, Grid
from cof_viewer.domain.image import FileLayout
from cof_viewer.io.apex import AXIS_ALIGNED, TYPICAL_APEX_DIRECTION

_LENGTH_TOLERANCE = 0.01  # share by which affine and pixdim may differ
_CLEARLY_LARGER = 1.5  # times the other steps: then an axis is the slices'
_MM_OF_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}
_BELIEVABLE_PIXEL_MM = (0.2, 10.0)


@dataclass(frozen=True, eq=False)
class Geometry:
    """A NIfTI file's lattice.

    Attributes:
        affine_ras: file voxel (i, j, k) to RAS mm, after repair.
        repaired: whether its lengths were replaced by pixdim's.
        spacing_known: whether the millimetres are believable.
        orientation_known: whether the directions are a scanner's.
        units_repaired: whether the declared unit of length was not believed.
    """

    affine_ras: Affine
    repaired: bool
    spacing_known: bool
    orientation_known: bool
    units_repaired: bool = False

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Steps along the file's axes i, j, k."""
        return np.asarray(np.linalg.norm(self.affine_ras[:3, :3], axis=0))


def geometry_of(header: Any) -> Geometry:
    """Read a header's affine, repaired where its lengths disagree with pixdim by more than 1 %."""
    scale, units_repaired = _unit_scale(header)
    affine, has_code = _stated_affine(header)
    affine[:3] *= scale
    pixdim = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64)) * scale
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    believable = bool(np.all(np.isfinite(pixdim) & (pixdim > 0)))
    spacing_known = believable and not bool(np.all(pixdim == 1.0) and np.allclose(lengths, 1.0))
    repaired = False
    if believable and np.any(np.abs(lengths - pixdim) > _LENGTH_TOLERANCE * pixdim):
        affine[:3, :3] = affine[:3, :3] / lengths * pixdim
        repaired = True
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    placeholder = bool(np.all(np.abs(directions).max(axis=0) >= AXIS_ALIGNED))
    known = has_code and not repaired and not placeholder
    return Geometry(affine, repaired, spacing_known, known, units_repaired)


def _stated_affine(header: Any) -> tuple[Affine, bool]:
    """The sform if it has a code, else the qform, else the plain one; and whether any has a code.

    An affine that can't be inverted or has a NaN is passed over.
    """
    candidates = []
    if int(header["sform_code"]) > 0:
        candidates.append(np.asarray(header.get_sform(), dtype=np.float64))
    if int(header["qform_code"]) > 0:
        try:
            candidates.append(np.asarray(header.get_qform(), dtype=np.float64))
        except (ValueError, HeaderDataError):  # its quaternion is none
            pass
    for affine in candidates:
        if np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 1e-9:
            return affine.copy(), True
    base = np.asarray(header.get_base_affine(), dtype=np.float64).copy()
    broken = ~np.isfinite(base[:3, :3]).all() or abs(np.linalg.det(np.nan_to_num(base[:3, :3]))) <= 1e-9
    return (np.diag([-1.0, 1.0, 1.0, 1.0]) if broken else base), False


def _unit_scale(header: Any) -> tuple[float, bool]:
    """Millimetres of the header's unit of length; 1 where believing it would give impossible pixels."""
    unit = int(header["xyzt_units"]) & 7
    scale = _MM_OF_UNIT.get(unit, 1.0)
    steps = np.sort(np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64)))
    low, high = _BELIEVABLE_PIXEL_MM
    if scale != 1.0 and not (low <= steps[0] * scale <= high):
        return 1.0, True
    return scale, False


def slice_axis(shape: tuple[int, ...], spacing_mm: NDArray[np.float64]) -> int:
    """The file's axis (0, 1, 2) that counts slices."""
    order = np.argsort(spacing_mm)
    largest = int(order[2])
    return largest if spacing_mm[largest] > _CLEARLY_LARGER * spacing_mm[order[1]] else 2


def layout_of(geometry: Geometry, shape: tuple[int, ...], slices: int) -> FileLayout:
    """How to turn the file's axes into columns, rows and slices.

    Where the scanner's frame is known the picture is turned as radiologists hang it: the patient's left on the
    right of the screen, head or front up; slices base -> apex. Where not, the file's own order stays.

    Args:
        geometry: of the file.
        shape: (i, j, k) sizes.
        slices: the file's axis that counts slices.
    """
    plane = [axis for axis in range(3) if axis != slices]
    directions_lps = (LPS_FROM_RAS @ geometry.affine_ras)[:3, :3] / geometry.spacing_mm
    flips = [False, False, False]  # for our x, y, z
    if geometry.orientation_known:
        if abs(directions_lps[0, plane[1]]) > abs(directions_lps[0, plane[0]]):
            plane.reverse()
        flips[0] = bool(directions_lps[0, plane[0]] < 0)
        flips[1] = bool(directions_lps[:, plane[1]] @ [0.0, 1.0, -1.0] < 0)
        flips[2] = bool(directions_lps[:, slices] @ TYPICAL_APEX_DIRECTION < 0)
    ours = {plane[0]: 0, plane[1]: 1, slices: 2}
    return FileLayout((ours[0], ours[1], ours[2]), (flips[0], flips[1], flips[2]), geometry.affine_ras)


def to_stack_order(data: NDArray[np.float32], layout: FileLayout) -> NDArray[np.float32]:
    """Bring the file's [i, j, k] or [i, j, k, t] to [z, y, x] or [t, z, y, x], contiguous."""
    file_axis = {ours: axis for axis, ours in enumerate(layout.axes)}
    order = [file_axis[2], file_axis[1], file_axis[0]]
    moved = data.transpose([*([3] if data.ndim == 4 else []), *order])
    x, y, z = (slice(None, None, -1 if flipped else 1) for flipped in layout.flipped)
    return np.ascontiguousarray(moved[..., z, y, x])


def grid_of(geometry: Geometry, layout: FileLayout, shape: tuple[int, ...]) -> Grid:
    """The grid of the stack that `to_stack_order` makes.

    Args:
        geometry: of the file.
        layout: how it turns.
        shape: (i, j, k) sizes in the file.
    """
    file_from_ours = np.zeros((4, 4))
    file_from_ours[3, 3] = 1.0
    for axis, ours in enumerate(layout.axes):
        flipped = layout.flipped[ours]
        file_from_ours[axis, ours] = -1.0 if flipped else 1.0
        file_from_ours[axis, 3] = shape[axis] - 1.0 if flipped else 0.0
    sizes = {ours: shape[axis] for axis, ours in enumerate(layout.axes)}
    affine = np.asarray(LPS_FROM_RAS @ geometry.affine_ras @ file_from_ours)
    return Grid((sizes[2], sizes[1], sizes[0]), affine, geometry.spacing_known, geometry.orientation_known)
