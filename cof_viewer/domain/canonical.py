"""The canonical grid on which the models see every heart, and the way back.

128 x 128 pixels of 1.5 mm in plane, centred on the heart, the patient's own slices, base first, RV on the left,
anterior up (COF section 5). A pose says how a scanner's stack turns into it: in-plane shift, rotation, mirroring,
and the order of the slices. Slices are never resampled along z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.grid import Affine, Grid

CANONICAL_PIXELS = 128
CANONICAL_SPACING_MM = 1.5


@dataclass(frozen=True)
class CanonicalPose:
    """How the heart lies in a scanner's stack.

    Attributes:
        center_xy: heart's centre in the scanner's pixels (column, row).
        angle_degrees: direction of the canonical +x axis (from RV to LV) in the scanner's picture, measured from
            +column towards +row.
        mirrored: whether the canonical y axis runs against the scanner's after that rotation.
        slices_reversed: whether the scanner counts slices from apex to base.
        pixel_mm: the scanner's pixel size (x, y) used for scaling; an estimate where spacing is unknown.
    """

    center_xy: tuple[float, float]
    angle_degrees: float
    mirrored: bool
    slices_reversed: bool
    pixel_mm: tuple[float, float]

    def scanner_from_canonical(self, slices: int) -> Affine:
        """4 x 4, canonical voxel (x, y, z, 1) to the scanner's voxel (x, y, z, 1)."""
        angle = np.deg2rad(self.angle_degrees)
        x_axis = np.array([np.cos(angle), np.sin(angle)])
        y_axis = np.array([-np.sin(angle), np.cos(angle)]) * (-1.0 if self.mirrored else 1.0)
        pixels = CANONICAL_SPACING_MM * np.stack([x_axis, y_axis], axis=1) / np.asarray(self.pixel_mm)[:, None]
        middle = (CANONICAL_PIXELS - 1) / 2.0
        affine = np.eye(4)
        affine[:2, :2] = pixels
        affine[:2, 3] = np.asarray(self.center_xy) - pixels @ [middle, middle]
        if self.slices_reversed:
            affine[2, 2], affine[2, 3] = -1.0, slices - 1.0
        return affine

    def canonical_grid(self, scanner: Grid) -> Grid:
        """The canonical lattice, placed in the same patient as the scanner's grid."""
        slices = scanner.shape[0]
        return Grid(
            (slices, CANONICAL_PIXELS, CANONICAL_PIXELS),
            scanner.patient_from_voxel @ self.scanner_from_canonical(slices),
            scanner.spacing_known,
            scanner.orientation_known,
        )


def resample_in_plane(
    data: NDArray[np.float32],
    source_from_target: Affine,
    target_shape: tuple[int, int, int],
    *,
    outside: float | None = None,
) -> NDArray[np.float32]:
    """Resample every slice of a stack by linear interpolation, without blending slices.

    Averages first where the source is finer than the target, so that no detail is aliased.

    Args:
        data: [z, y, x] of the source.
        source_from_target: 4 x 4 on (x, y, z, 1) voxel indices; z may only be kept, shifted or reversed.
        target_shape: (slices, rows, columns).
        outside: value beyond the source's edge; None repeats the edge.

    Returns:
        float32 of `target_shape`.
    """
    from scipy import ndimage  # on first use: a study that only names a pose must open without it

    in_plane = source_from_target[:2, :2][::-1, ::-1]  # to (y, x) order
    offset = source_from_target[:2, 3][::-1]
    shrink = np.linalg.norm(in_plane, axis=1)
    sigma = np.where(shrink > 1.05, 0.42 * np.sqrt(np.maximum(shrink**2 - 1.0, 0.0)), 0.0)
    result = np.empty(target_shape, dtype=np.float32)
    for z in range(target_shape[0]):
        source_z = round(float(source_from_target[2, 2] * z + source_from_target[2, 3]))
        if not 0 <= source_z < data.shape[0]:
            result[z] = 0.0 if outside is None else outside
            continue
        plane = np.asarray(data[source_z], dtype=np.float32)
        if sigma.any():
            plane = ndimage.gaussian_filter(plane, sigma, mode="nearest")
        ndimage.affine_transform(
            plane,
            in_plane,
            offset,
            output=result[z],
            output_shape=target_shape[1:],
            order=1,
            mode="nearest" if outside is None else "constant",
            cval=0.0 if outside is None else outside,
        )
    return result


def to_canonical(
    data: NDArray[np.float32], pose: CanonicalPose, *, outside: float | None = None
) -> NDArray[np.float32]:
    """Bring a scanner's stack [z, y, x] onto the canonical grid; float32 [z, 128, 128], base first."""
    slices = data.shape[0]
    shape = (slices, CANONICAL_PIXELS, CANONICAL_PIXELS)
    return resample_in_plane(data, pose.scanner_from_canonical(slices), shape, outside=outside)


def from_canonical(
    data: NDArray[np.float32], pose: CanonicalPose, scanner_shape: tuple[int, int, int], *, outside: float = 0.0
) -> NDArray[np.float32]:
    """Bring a canonical stack [z, 128, 128] back to the scanner's grid [z, y, x]; `outside` beyond its window."""
    back = np.linalg.inv(pose.scanner_from_canonical(scanner_shape[0]))
    return resample_in_plane(data, np.asarray(back), scanner_shape, outside=outside)
