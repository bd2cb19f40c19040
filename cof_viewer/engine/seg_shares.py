"""Soft labels: for every voxel the share of each class, and what is cleaned away before they are read."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Label, LabelMap

Shares = NDArray[np.float32]
_FULL_LEAD = 0.5


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """Shares of the four classes of `Label` on a stack's own grid.

    Attributes:
        shares: float32 [class, z, y, x], summing to 1 over the classes.
        grid: where the voxels lie.
    """

    shares: Shares
    grid: Grid

    def __post_init__(self) -> None:
        """Check that shares and grid agree."""
        if self.shares.shape != (len(Label), *self.grid.shape):
            raise ValueError(f"shares {self.shares.shape} do not fit the grid {self.grid.shape}")

    def label_map(self) -> LabelMap:
        """The likeliest class of every voxel."""
        return LabelMap(self.shares.argmax(axis=0).astype(np.uint8), self.grid)

    def voxels(self) -> NDArray[np.float64]:
        """[class] partial-volume size of each class in voxels.

        A share of 0.3 throughout a slice is doubt, not partial volume: it must not add up to a third of a slice. So
        a voxel counts by how far its class leads the next one: fully from a lead of one half, not at all when it
        trails by one half, linearly between. At an edge that is the partial volume; in doubt it is the label.
        """
        ranked = np.sort(self.shares, axis=0)
        best, second = ranked[-1], ranked[-2]
        rival = np.where(self.shares == best, second, best)
        counted = np.clip((self.shares - rival) / (2 * _FULL_LEAD) + 0.5, 0.0, 1.0)
        return np.asarray(counted.sum(axis=(1, 2, 3), dtype=np.float64))


@dataclass(frozen=True)
class HeartFrame:
    """Where a labelled heart lies on the canonical grid.

    Attributes:
        offset_xy: its centroid from the middle of the grid, in pixels.
        turn_degrees: how far the direction RV -> LV is turned from +x towards +y.
        size: square root of the area it covers from base to apex, in pixels.
    """

    offset_xy: tuple[float, float]
    turn_degrees: float
    size: float


def lead_in_heart(shares: Shares, labels: NDArray[np.uint8]) -> float:
    """Mean lead of the likeliest class over the next one within the labelled heart, 0 (a guess) to 1 (sure).

    Args:
        shares: [z, class, y, x].
        labels: [z, y, x], their likeliest classes.
    """
    heart = labels > 0
    if not heart.any():
        return 0.0
    ranked = np.sort(np.moveaxis(shares, 1, -1)[heart], axis=1)
    return float((ranked[:, -1] - ranked[:, -2]).mean())


def frame_of(labels: NDArray[np.uint8]) -> HeartFrame | None:
    """The frame of canonical labels [z, y, x]; None where LV or RV is missing."""
    left, right = (labels == Label.LV) | (labels == Label.MYO), labels == Label.RV
    if not left.any() or not right.any():
        return None
    middle = (np.array(labels.shape[1:]) - 1) / 2
    offset = np.argwhere(labels > 0).mean(axis=0)[1:] - middle
    towards = (np.argwhere(left).mean(axis=0) - np.argwhere(right).mean(axis=0))[1:]
    turn = math.degrees(math.atan2(towards[0], towards[1]))
    size = math.sqrt(float((labels > 0).any(axis=0).sum()))
    return HeartFrame((float(offset[1]), float(offset[0])), turn, size)


def cleaned(shares: Shares) -> Shares:
    """Keep the largest connected part of each labelled class; the rest of it becomes background.

    Args:
        shares: [z, class, y, x].

    Returns:
        The same, with what was cut away added to the background.
    """
    labels = shares.argmax(axis=1)
    result = shares.copy()
    for label in (Label.LV, Label.MYO, Label.RV):
        away = _lesser_parts(labels == label)
        if away.any():
            result[:, Label.BACKGROUND][away] += result[:, label][away]
            result[:, label][away] = 0.0
    return result


def _lesser_parts(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All but the largest connected part (26 neighbours), each with a rim of one pixel in plane."""
    parts, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return np.zeros_like(mask)
    sizes = np.bincount(parts.ravel())[1:]
    main = parts == 1 + int(np.argmax(sizes))
    lesser = ndimage.binary_dilation(mask & ~main, structure=np.ones((1, 3, 3)))
    return np.asarray(lesser & ~ndimage.binary_dilation(main, structure=np.ones((1, 3, 3))), dtype=bool)
