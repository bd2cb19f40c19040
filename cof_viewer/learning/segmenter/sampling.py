"""Random training samples: how a look at a stack is moved, and the pixels and label shares that result."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cof_viewer.engine.seg_sampling import Placement, inside_stack, rotation, sample
from cof_viewer.learning.segmenter.config import AugmentConfig

CLASSES = 4


@dataclass(frozen=True)
class Frame:
    """Where the heart lies in a stack, from its labels.

    Attributes:
        centre_mm: (y, x) centroid of all labelled voxels, from the centre of pixel (0, 0).
        angle_rad: direction from the LV with its wall to the RV, as atan2(y, x) with y down the rows.
    """

    centre_mm: tuple[float, float]
    angle_rad: float


def frame_of_labels(labels: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> Frame | None:
    """Centre and direction of a labelled heart [z, y, x]; None where LV or RV is missing."""
    left, right = np.isin(labels, (1, 2)), labels == 3
    if not left.any() or not right.any():
        return None
    step = np.array(spacing_mm[1:])
    centre = np.argwhere(labels > 0).mean(axis=0)[1:] * step
    towards = (np.argwhere(right).mean(axis=0) - np.argwhere(left).mean(axis=0))[1:] * step
    return Frame((float(centre[0]), float(centre[1])), math.atan2(towards[0], towards[1]))


def random_placement(base: Placement, config: AugmentConfig, rng: np.random.Generator) -> Placement:
    """A placement moved, turned, zoomed and mirrored at random within the config."""
    near = rng.random() < config.near
    turn = math.radians(config.near_rotation_deg if near else config.rotation_deg) * rng.uniform(-1, 1)
    zoom = math.exp(config.log_scale * rng.uniform(-1, 1))
    stretch = math.exp(config.log_stretch * rng.uniform(-1, 1))
    mirror = -1.0 if rng.random() < config.mirror else 1.0
    change = rotation(turn) @ np.diag([mirror * zoom * stretch, zoom / stretch])
    shift = (config.near_shift_mm if near else config.shift_mm) * rng.uniform(-1, 1, 2)
    centre = np.array(base.centre_mm) + base.matrix @ shift
    return Placement((float(centre[0]), float(centre[1])), base.matrix @ change)


def elastic_offsets(size: int, sd_fraction: float, rng: np.random.Generator) -> Tensor:
    """Smooth random offsets [size, size, 2] in the units of `grid_sample`, from 5 x 5 control points."""
    knots = torch.from_numpy(rng.normal(0, sd_fraction, (1, 2, 5, 5)).astype(np.float32))
    smooth = functional.interpolate(knots, size=(size, size), mode="bicubic", align_corners=True)
    return smooth[0].permute(1, 2, 0)


def take(slices: Tensor, label: Tensor, grid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Interpolate slices and labels.

    Args:
        slices: [channel, row, column] float.
        label: [row, column] integer labels of the middle slice.
        grid: as from `look_up`.

    Returns:
        Pictures [channel, size, size], label shares [class, size, size], and bool [size, size] where the sample
        lies inside the stack.
    """
    one_hot = functional.one_hot(label.long(), CLASSES).permute(2, 0, 1).float()
    out = sample(torch.cat([slices, one_hot]), grid)
    shares = out[len(slices) :]
    shares[0] += 1 - shares.sum(dim=0)
    return out[: len(slices)], shares, inside_stack(grid)
