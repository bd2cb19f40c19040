"""From a stack to what an nnU-Net wants, and its logits back on the stack.

The order is nnU-Net's: axes turned, cut to what is not 0, intensities normalised, resampled to the plan's spacing.
Slices are resampled apart from the plane where voxels are longer than 3 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from cof_viewer.engine.nnunet.plans import NnUNetPlan

_ANISOTROPIC = 3.0
_EPSILON = 1e-8

Float32 = NDArray[np.float32]
Size = tuple[int, int, int]
Spacing = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A stack as the network takes it.

    Attributes:
        images: [slice, row, column] at the plan's spacing, axes as the plan wants them.
        box: where it was cut from the turned stack.
        turned: size of the turned stack.
        separate: the axis that is resampled apart; None where there is none.
    """

    images: Float32
    box: tuple[slice, slice, slice]
    turned: Size
    separate: int | None


def prepare(stack: Float32, spacing_mm: Spacing, plan: NnUNetPlan) -> Prepared:
    """Turn, cut, normalise and resample a stack.

    Args:
        stack: [z, y, x], finite.
        spacing_mm: (z, y, x).
        plan: of the network.
    """
    data = stack.transpose(plan.transpose)
    spacing = tuple(spacing_mm[axis] for axis in plan.transpose)
    box = _box(data)
    cut = data[box]
    inside = ndimage.binary_fill_holes(cut != 0) if plan.masked else np.ones(cut.shape, bool)
    target = (spacing[0], *plan.spacing_mm) if len(plan.spacing_mm) == 2 else plan.spacing_mm
    size = tuple(round(n * old / new) for n, old, new in zip(cut.shape, spacing, target, strict=True))
    axis = _separate_axis(spacing, target, plan.separate)
    images = _resampled(_normalised(cut, inside, plan), _size(size), axis, plan.orders)
    return Prepared(images, box, _size(data.shape), axis)


def shares_on_stack(logits: Tensor, prepared: Prepared, plan: NnUNetPlan) -> Float32:
    """Class shares [class, z, y, x] on the stack, of logits [class, slice, row, column]; beyond the box background."""
    size = tuple(part.stop - part.start for part in prepared.box)
    shares = _back(logits, _size(size), prepared.separate).softmax(dim=0).numpy()
    whole = np.zeros((len(shares), *prepared.turned), np.float32)
    whole[0] = 1.0
    whole[(slice(None), *prepared.box)] = shares
    back = [1 + int(axis) for axis in np.argsort(plan.transpose)]
    return np.ascontiguousarray(whole.transpose(0, *back))


def _box(data: Float32) -> tuple[slice, slice, slice]:
    """The smallest box round what is not 0; all of it where nothing is."""
    sides = []
    for axis in range(3):
        other = tuple(a for a in range(3) if a != axis)
        places = np.flatnonzero((data != 0).any(axis=other))
        sides.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, data.shape[axis]))
    return sides[0], sides[1], sides[2]


def _normalised(cut: Float32, inside: NDArray[np.bool_], plan: NnUNetPlan) -> Float32:
    if plan.scheme == "NoNormalization":
        return cut
    if plan.scheme == "RescaleTo01Normalization":
        low = cut.min()
        return np.asarray((cut - low) / max(float(cut.max() - low), _EPSILON), dtype=np.float32)
    if plan.scheme == "CTNormalization":
        seen = plan.intensities
        kept = np.clip(cut, seen["percentile_00_5"], seen["percentile_99_5"])
        return np.asarray((kept - seen["mean"]) / max(seen["std"], _EPSILON), dtype=np.float32)
    if not inside.any():
        return np.zeros_like(cut)
    scaled = (cut - cut[inside].mean()) / max(float(cut[inside].std()), _EPSILON)
    return np.where(inside, scaled, cut).astype(np.float32)


def _separate_axis(now: tuple[float, ...], then: tuple[float, ...], forced: bool | None) -> int | None:
    """The axis of long voxels that is resampled apart, as nnU-Net chooses it."""
    if forced is False:
        return None
    if forced or max(now) / min(now) > _ANISOTROPIC:
        long = now
    elif max(then) / min(then) > _ANISOTROPIC:
        long = then
    else:
        return None
    longest = [axis for axis, size in enumerate(long) if size == max(long)]
    return longest[0] if len(longest) == 1 else None


def _resampled(data: Float32, size: Size, axis: int | None, orders: tuple[int, int]) -> Float32:
    if data.shape == size:
        return data
    if axis is None:
        return _zoomed(data, size, orders[0])
    planes = np.moveaxis(data, axis, 0)
    flat = tuple(n for a, n in enumerate(size) if a != axis)
    moved = np.stack([_zoomed(plane, flat, orders[0]) for plane in planes])
    moved = _zoomed(moved, (size[axis], *flat), orders[1])
    return np.ascontiguousarray(np.moveaxis(moved, 0, axis))


def _zoomed(data: Float32, size: tuple[int, ...], order: int) -> Float32:
    """Spline interpolation, pixel edges on pixel edges, kept within the values that were there."""
    if data.shape == size:
        return data
    factors = [new / old for new, old in zip(size, data.shape, strict=True)]
    zoomed = ndimage.zoom(data, factors, order=order, mode="nearest", grid_mode=True)
    return np.clip(zoomed, data.min(), data.max()).astype(np.float32)


def _back(logits: Tensor, size: Size, axis: int | None) -> Tensor:
    """Linear in plane and, where an axis goes apart, by the nearest slice along it."""
    if tuple(logits.shape[1:]) == size:
        return logits
    if axis is None:
        return functional.interpolate(logits[None], size=size, mode="trilinear", align_corners=False)[0]
    moved = logits.movedim(1 + axis, 0)
    flat = tuple(n for a, n in enumerate(size) if a != axis)
    planes = functional.interpolate(moved, size=flat, mode="bilinear", align_corners=False)
    count = len(planes)
    nearest = ((torch.arange(size[axis]) + 0.5) * count / size[axis]).long().clamp(max=count - 1)
    return planes[nearest].movedim(0, 1 + axis)


def _size(values: tuple[int, ...]) -> Size:
    z, y, x = values
    return max(z, 1), max(y, 1), max(x, 1)
