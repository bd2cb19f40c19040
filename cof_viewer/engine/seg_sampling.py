"""Where the networks look in a stack: in-plane affines, one interpolation there and one back.

A `Placement` maps canonical millimetres (heart in the middle, RV to the left) to a stack's millimetres. Both the
training samples and the inference use these functions, so the networks see what they learned from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional

NEIGHBOUR_MM = 8.0
"""Neighbouring slices given to the networks lie about this far apart or more: stacks of 5 mm skip one."""

_SPREAD_MM = 20.0
_EPSILON = 1e-5
_CLIP = 5.0


@dataclass(frozen=True, eq=False)
class Placement:
    """An in-plane affine from canonical millimetres to a stack's millimetres.

    Attributes:
        centre_mm: (y, x) in the stack where the middle of the look lies, from the centre of pixel (0, 0).
        matrix: 2 x 2 for (y, x): stack offset = matrix @ canonical offset.
    """

    centre_mm: tuple[float, float]
    matrix: NDArray[np.float64]


def rotation(angle_rad: float) -> NDArray[np.float64]:
    """2 x 2 for (y, x): turns a direction atan2(y, x), y down the rows, by the angle."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, s], [-s, c]])


def heart_placement(centre_mm: tuple[float, float], angle_rad: float, *, mirrored: bool = False) -> Placement:
    """A look at a heart with the RV to the left.

    Args:
        centre_mm: (y, x) of the heart in the stack.
        angle_rad: direction LV -> RV in the stack, atan2(y, x).
        mirrored: whether the stack shows the heart mirrored; the look then flips the canonical y, which leaves the
            direction to the left in place.
    """
    flip = np.diag([-1.0, 1.0]) if mirrored else np.eye(2)
    return Placement(centre_mm, rotation(angle_rad - math.pi) @ flip)


def look_up(
    placement: Placement, size: int, pixel_mm: float, stack_shape: tuple[int, int], stack_mm: tuple[float, float]
) -> Tensor:
    """Sampling grid [size, size, 2] (x, y) for `grid_sample` with align_corners=True.

    Args:
        placement: where to look.
        size: rows and columns of the look.
        pixel_mm: pixel of the look.
        stack_shape: (rows, columns) of the stack.
        stack_mm: (row, column) pixel of the stack.
    """
    offsets = (np.arange(size) - (size - 1) / 2) * pixel_mm
    y, x = np.meshgrid(offsets, offsets, indexing="ij")
    place = np.stack([y, x], axis=-1) @ placement.matrix.T + np.array(placement.centre_mm)
    return _for_grid_sample(place / np.array(stack_mm), stack_shape)


def look_back(
    placement: Placement, size: int, pixel_mm: float, stack_shape: tuple[int, int], stack_mm: tuple[float, float]
) -> Tensor:
    """The inverse of `look_up`: grid [rows, columns, 2] that finds each stack pixel in the look."""
    y, x = np.meshgrid(np.arange(stack_shape[0]) * stack_mm[0], np.arange(stack_shape[1]) * stack_mm[1], indexing="ij")
    offset = np.stack([y, x], axis=-1) - np.array(placement.centre_mm)
    index = offset @ np.linalg.inv(placement.matrix).T / pixel_mm + (size - 1) / 2
    return _for_grid_sample(index, (size, size))


def sample(stack: Tensor, grid: Tensor) -> Tensor:
    """Bilinear interpolation of [channel or slice, row, column] at a grid; 0 outside."""
    taken = functional.grid_sample(stack[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=True)
    return taken[0]


def inside_stack(grid: Tensor) -> Tensor:
    """Bool [rows, columns]: where a grid from `look_up` lies within the stack."""
    return (grid.abs() <= 1).all(dim=-1)


def neighbour_skip(slice_mm: float) -> int:
    """How many slices on a neighbour lies."""
    return max(1, round(NEIGHBOUR_MM / slice_mm))


def spread_slices(full: NDArray[np.bool_], slice_mm: float) -> NDArray[np.intp]:
    """Some of the slices that hold a picture, about 20 mm apart: enough to see where a heart lies and how it is turned.

    Args:
        full: [z], which slices hold a picture.
        slice_mm: distance of the slices.

    Returns:
        Their indices, rising; all of them in a stack of four or less.
    """
    held = np.flatnonzero(full)
    step = max(1, min(round(_SPREAD_MM / slice_mm), len(held) // 4))
    return held[(len(held) - 1) % step // 2 :: step]


def smoothed_for(images: NDArray[np.floating | np.integer], pixel_mm: float, target_mm: float) -> NDArray[np.float32]:
    """Blur the last two axes so that sampling at a coarser pixel does not alias (none where it is hardly coarser)."""
    ratio = target_mm / pixel_mm
    data = images.astype(np.float32)
    if ratio <= 1.2:
        return data
    sigma = 0.3 * math.sqrt(ratio**2 - 1)
    smooth: NDArray[np.float32] = gaussian_filter(data, (0.0,) * (images.ndim - 2) + (sigma, sigma))
    return smooth


def full_slices(data: NDArray[np.floating]) -> NDArray[np.bool_]:
    """[z]: which slices of [z, y, x] hold a picture: some finite values that differ."""
    finite = np.isfinite(data)
    low = np.where(finite, data, np.inf).min(axis=(1, 2))
    high = np.where(finite, data, -np.inf).max(axis=(1, 2))
    return np.asarray(high > low, dtype=bool)


def content_box(data: NDArray[np.floating]) -> tuple[slice, slice]:
    """Rows and columns of [z, y, x] without the constant borders that padding leaves."""
    sides = []
    for axis in (1, 2):
        across = 3 - axis
        varies = (data.max(axis=across) > data.min(axis=across)).any(axis=0)
        places = np.flatnonzero(varies)
        sides.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, data.shape[axis]))
    return sides[0], sides[1]


def standardise(images: Tensor, inside: Tensor) -> Tensor:
    """Zero mean and unit deviation a slice over the pixels inside the stack; 0 outside; clipped to ±5.

    Args:
        images: [N, C, H, W].
        inside: bool, [N, H, W] or broadcastable to the images.
    """
    mask = (inside if inside.ndim == images.ndim else inside[:, None]).to(images.dtype)
    count = mask.sum(dim=(-2, -1), keepdim=True).clamp_min(1)
    mean = (images * mask).sum(dim=(-2, -1), keepdim=True) / count
    centred = (images - mean) * mask
    deviation = (centred.square().sum(dim=(-2, -1), keepdim=True) / count).sqrt()
    return (centred / (deviation + _EPSILON)).clamp(-_CLIP, _CLIP)


def neighbour_index(full: NDArray[np.bool_], skip: int, *, reverse: bool = False) -> NDArray[np.int64]:
    """[z, 3] slices given as channels for each slice: towards the base, itself, towards the apex.

    The slice itself stands in for a neighbour beyond the stack or without a picture.

    Args:
        full: [z], which slices hold a picture.
        skip: how many slices on a neighbour lies.
        reverse: the stack runs apex -> base.
    """
    count = len(full)
    own = np.arange(count)
    before, after = np.maximum(own - skip, 0), np.minimum(own + skip, count - 1)
    before, after = np.where(full[before], before, own), np.where(full[after], after, own)
    columns = (after, own, before) if reverse else (before, own, after)
    return np.stack(columns, axis=1).astype(np.int64)


def _for_grid_sample(index_yx: NDArray[np.float64], shape: tuple[int, int]) -> Tensor:
    """Pixel positions to the units and the (x, y) order of `grid_sample`."""
    scaled = 2 * index_yx / np.maximum(np.array(shape) - 1, 1) - 1
    return torch.from_numpy(np.ascontiguousarray(scaled[..., ::-1], dtype=np.float32))
