"""The anchor on the heart's box under a field in three dimensions: pictures, labels and the LV's volume curve.

Labels travel as signed distances, so walls stay whole. Beyond its first and last slice the heart ends soon: what a
field reads from there was never imaged and counts as no heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.engine.motion.labels import signed_distances, soft_shares
from cof_viewer.engine.packed.pack import heart_extent

Float = NDArray[np.float32]

_BASE_GOES_ON, _APEX_GOES_ON = 0.25, 1.0
"""Slices over which the heart ends beyond its ends. Under the true motion of 16 simulated train hearts a base of 0.25
leaves EF 1.0 point low and LV Dice .932 at ES; 1.0 leaves it 4.2 points low at .933."""


def on_pixels(field_mm: Tensor, pixels: int) -> Tensor:
    """A field [z, h, w, 3] of a lattice on every pixel of the square that it covers, [z, pixels, pixels, 3]."""
    channels = field_mm.permute(0, 3, 1, 2)
    return F.interpolate(channels, (pixels, pixels), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)


def places(field_mm: Tensor, spacing_mm: tuple[float, float, float]) -> Tensor:
    """[z, y, x, 3] voxel (x, y, z) of the anchor that each voxel shows under a field of (dx, dy, dz) in mm.

    Args:
        field_mm: [z, y, x, 3].
        spacing_mm: (x, y, z).
    """
    axes = [torch.arange(size, device=field_mm.device, dtype=field_mm.dtype) for size in field_mm.shape[:3]]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], dim=-1) + field_mm / field_mm.new_tensor(spacing_mm)


def read(stack: Tensor, at: Tensor) -> Tensor:
    """[c, z, y, x] at voxels (x, y, z), linear in three dimensions, the edge going on beyond it; [c, *at's shape]."""
    sizes = at.new_tensor([max(size - 1, 1) for size in reversed(stack.shape[1:])])
    unit = at * (2.0 / sizes) - 1.0
    return F.grid_sample(stack[None], unit[None], align_corners=True, padding_mode="border")[0]


def imaged(place_z: Tensor, extent: tuple[int, int]) -> Tensor:
    """Share of a voxel that still is heart by where along the axis it is read: 1 between the ends, 0 soon beyond."""
    beyond = torch.maximum((extent[0] - place_z) / _BASE_GOES_ON, (place_z - extent[1]) / _APEX_GOES_ON)
    return 1.0 - beyond.clamp(0.0, 1.0)


def shares_at(distances: Tensor, at: Tensor, extent: tuple[int, int], width_mm: float) -> Tensor:
    """Partial-volume shares [z, 3, y, x] of LV, wall and RV where voxels `at` [z, y, x, 3] of the anchor are read.

    Args:
        distances: [3, z, y, x] signed distances of the anchor in mm.
        at: see `places`.
        extent: first and last slice of the heart.
        width_mm: of a pixel.
    """
    inside = torch.cat([at[..., :2], at[..., 2:].clamp(*(float(end) for end in extent))], dim=-1)
    moved = read(distances, inside).movedim(0, 1)
    return soft_shares(moved, width_mm) * imaged(at[..., 2], extent)[:, None]


def hard_labels(shares: Tensor) -> NDArray[np.uint8]:
    """Labels [z, y, x] that hold most of each voxel of shares [z, 3, y, x]."""
    background = 1.0 - shares.sum(dim=1, keepdim=True)
    return np.asarray(torch.cat([background, shares], dim=1).argmax(dim=1).to(torch.uint8).cpu().numpy())


@dataclass(frozen=True, eq=False)
class BoxWarp:
    """The labels of an anchor on the box, ready to be warped.

    Attributes:
        distances: float32 [3, z, y, x] signed distances (mm) of LV, LV with wall, RV.
        extent: first and last slice of the heart.
        slice_mm: distance between slices.
    """

    distances: Tensor
    extent: tuple[int, int]
    slice_mm: float

    @classmethod
    def of(cls, labels: NDArray[np.uint8], slice_mm: float) -> BoxWarp:
        """The warp of labels [z, y, x] with pixels of the canonical size.

        Raises:
            ValueError: the labels are empty.
        """
        distances = signed_distances(labels, (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM))
        return cls(torch.from_numpy(distances).movedim(1, 0).contiguous(), heart_extent(labels), slice_mm)

    @torch.no_grad()
    def shares(self, field_mm: Float) -> Tensor:
        """[z, 3, y, x] shares of LV, wall and RV under one phase's field [z, h, w, 3]."""
        spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM, self.slice_mm)
        fine = on_pixels(torch.from_numpy(np.asarray(field_mm, np.float32)), self.distances.shape[-1])
        return shares_at(self.distances, places(fine, spacing), self.extent, CANONICAL_SPACING_MM)

    def labels(self, field_mm: Float) -> NDArray[np.uint8]:
        """Labels [z, y, x] under one phase's field."""
        return hard_labels(self.shares(field_mm))

    def lv_curve_ml(self, displacement_mm: Float) -> NDArray[np.float64]:
        """[t] LV volume under a beat's displacement [t, z, h, w, 3], by partial volumes."""
        voxel_ml = CANONICAL_SPACING_MM**2 * self.slice_mm / 1000.0
        sizes = [float(self.shares(field)[:, 0].sum(dtype=torch.float64)) for field in displacement_mm]
        return np.array(sizes) * voxel_ml
