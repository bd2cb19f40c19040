"""Where the voxels of a stack lie in the patient.

Index order of arrays is `[z, y, x]` = (slice, row, column). Affines take homogeneous voxel indices in the order
(x, y, z, 1) = (column, row, slice) and give millimetres in the patient's frame, LPS (left, posterior, superior),
as DICOM has it. NIfTI's RAS is met only in `io`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]

LPS_FROM_RAS: Affine = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Turns RAS millimetres into LPS millimetres and back: it is its own inverse."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The lattice of a stack of parallel slices.

    Attributes:
        shape: (slices, rows, columns).
        patient_from_voxel: 4 x 4, (x, y, z, 1) voxel indices to LPS mm.
        spacing_known: False where the file gives no believable millimetres; volumes are then unknown too.
        orientation_known: False where the directions are a placeholder (no scanner frame survives).
    """

    shape: tuple[int, int, int]
    patient_from_voxel: Affine
    spacing_known: bool = True
    orientation_known: bool = True

    def __post_init__(self) -> None:
        """Check the affine's form."""
        if self.patient_from_voxel.shape != (4, 4):
            raise ValueError(f"patient_from_voxel must be 4 x 4, is {self.patient_from_voxel.shape}")
        if abs(float(np.linalg.det(self.patient_from_voxel))) < 1e-12:
            raise ValueError("patient_from_voxel has no inverse")

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along (x, y, z) = (column step, row step, slice step)."""
        lengths = np.linalg.norm(self.patient_from_voxel[:3, :3], axis=0)
        return float(lengths[0]), float(lengths[1]), float(lengths[2])

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in mL (1 mL = 1000 mm³)."""
        return abs(float(np.linalg.det(self.patient_from_voxel[:3, :3]))) / 1000.0

    @property
    def voxel_from_patient(self) -> Affine:
        """Inverse of `patient_from_voxel`."""
        return np.asarray(np.linalg.inv(self.patient_from_voxel), dtype=np.float64)

    @property
    def directions(self) -> NDArray[np.float64]:
        """3 x 3, columns are the unit vectors of x, y and z in the patient."""
        axes = self.patient_from_voxel[:3, :3]
        return np.asarray(axes / np.linalg.norm(axes, axis=0), dtype=np.float64)

    def patient_from_points(self, points_xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map (..., 3) voxel positions (x, y, z) to LPS mm."""
        points = np.asarray(points_xyz, dtype=np.float64)
        return np.asarray(points @ self.patient_from_voxel[:3, :3].T + self.patient_from_voxel[:3, 3])

    def voxels_from_points(self, points_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map (..., 3) LPS mm to voxel positions (x, y, z)."""
        inverse = self.voxel_from_patient
        return np.asarray(np.asarray(points_mm, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3])

    def with_slices_reversed(self) -> Grid:
        """The same places, the slices counted from the other end."""
        flip = np.eye(4)
        flip[2, 2], flip[2, 3] = -1.0, self.shape[0] - 1.0
        return replace(self, patient_from_voxel=self.patient_from_voxel @ flip)

    def matches(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids have the same shape and place every voxel within the tolerance."""
        if self.shape != other.shape:
            return False
        corners = np.array(
            [[x, y, z] for x in (0, self.shape[2]) for y in (0, self.shape[1]) for z in (0, self.shape[0])]
        )
        gap = self.patient_from_points(corners) - other.patient_from_points(corners)
        return bool(np.abs(gap).max() <= tolerance_mm)


def grid_from_spacing(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], **known: bool) -> Grid:
    """A grid at the origin with axes along the patient's; for data without a scanner frame and for tests.

    Args:
        shape: (slices, rows, columns).
        spacing_mm: along (x, y, z).
        known: `spacing_known`, `orientation_known` as in `Grid`.
    """
    return Grid(shape, np.diag([*spacing_mm, 1.0]).astype(np.float64), **known)
