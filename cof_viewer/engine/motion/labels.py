"""Label maps that can be warped without tearing thin walls: signed distances of cavity, outer wall and RV.

A signed distance interpolates between contours, along the axis too, so a slice between two imaged ones gets the
outline between theirs. Partial-volume shares follow by a soft step one pixel wide.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from cof_viewer.domain.image import Label

DISTANCE_CAP_MM = 25.0


def signed_distances(labels: NDArray[np.uint8], pixel_mm: tuple[float, float]) -> NDArray[np.float32]:
    """In-plane signed distance (inside positive, mm) of LV, LV with wall, and RV.

    Args:
        labels: [z, y, x].
        pixel_mm: (x, y) pixel size.

    Returns:
        float32 [z, 3, y, x], capped at ±25 mm; slices without the structure are -25 throughout.
    """
    lv = labels == Label.LV
    masks = (lv, lv | (labels == Label.MYO), labels == Label.RV)
    out = np.full((len(labels), 3, *labels.shape[1:]), -DISTANCE_CAP_MM, dtype=np.float32)
    sampling = (pixel_mm[1], pixel_mm[0])
    half_pixel = 0.25 * (pixel_mm[0] + pixel_mm[1])
    for z in range(len(labels)):
        for channel, mask in enumerate(masks):
            plane = mask[z]
            if plane.any():
                inside = ndimage.distance_transform_edt(plane, sampling)
                outside = ndimage.distance_transform_edt(~plane, sampling)
                out[z, channel] = np.where(plane, inside - half_pixel, half_pixel - outside)
    return np.clip(out, -DISTANCE_CAP_MM, DISTANCE_CAP_MM)


def outlines_beyond(labels: NDArray[np.uint8], pixel_mm: tuple[float, float]) -> Tensor:
    """`signed_distances` [z + 2, 3, y, x] with a slice that shows nothing beyond either end."""
    return F.pad(torch.from_numpy(signed_distances(labels, pixel_mm)), (0,) * 6 + (1, 1), value=-DISTANCE_CAP_MM)


def narrowed_width_mm(step: int, steps: int, widths_mm: tuple[float, float]) -> float:
    """Width of soft outlines at a step of a fit: from wide, which pulls from afar, to narrow at 60 % of the way."""
    share = min(step / (0.6 * steps), 1.0)
    return float(widths_mm[0] ** (1 - share) * widths_mm[1] ** share)


def soft_shares(distances: Tensor, width_mm: float) -> Tensor:
    """Partial-volume shares of LV, Myo and RV from signed distances.

    Args:
        distances: [..., 3, rows, columns] of LV, LV with wall, RV, inside positive.
        width_mm: width over which a share goes from 0 to 1: a pixel.

    Returns:
        [..., 3, rows, columns] in [0, 1]; they sum to at most 1.
    """
    share = (distances / width_mm + 0.5).clamp(0, 1)
    lv, outer, rv = share.unbind(dim=-3)
    outer = torch.maximum(outer, lv)
    return torch.stack([lv, outer - lv, torch.minimum(rv, 1 - outer)], dim=-3)


def dice_loss(shares: Tensor, target: Tensor) -> Tensor:
    """1 - soft Dice with squared denominators (COF section 2), mean over LV, Myo, RV, all slices together.

    Args:
        shares: [n, 3, rows, columns]; `target` likewise.
    """
    overlap = (shares * target).sum(dim=(0, 2, 3))
    size = shares.square().sum(dim=(0, 2, 3)) + target.square().sum(dim=(0, 2, 3))
    return 1 - ((2 * overlap + 1) / (size + 1)).mean()


def winners(shares: Tensor) -> Tensor:
    """int64 [n, rows, columns] label of the largest share [n, 3, rows, columns]; background takes what they leave."""
    return torch.cat([1 - shares.sum(dim=1, keepdim=True), shares], dim=1).argmax(dim=1)


def slide_slices(stack: Tensor, source_slice: Tensor) -> Tensor:
    """Read a stack [z, ...] at fractional slices [n] along its axis; beyond its ends the end slice goes on."""
    last = len(stack) - 1
    clamped = source_slice.clamp(0, last)
    low = clamped.floor().long().clamp(max=max(last - 1, 0))
    high = (low + 1).clamp(max=last)
    share = (clamped - low).reshape(-1, *[1] * (stack.ndim - 1))
    return torch.lerp(stack[low], stack[high], share)


def imaged_share(source_slice: Tensor, extend_base: float) -> Tensor:
    """Share of each slice that still shows the ventricle: 1, and falling to 0 over one slice beyond the base.

    Args:
        source_slice: [n] fractional slices, 0 the first one with LV.
        extend_base: how many slices beyond the first one the ventricle still goes on.
    """
    return 1 - (-source_slice - extend_base).clamp(0, 1)
